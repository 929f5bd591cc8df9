# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes: whatever lies in the corpus, and golden streams with damage, through the decoder and the tool.

The replay programs of the fuzz targets read each file in memory of exactly its size, and the decoder in memory that
ends at an unmapped page; what they accept they walk to the last byte. Files of the corpus that are no golden streams
(inputs that made other implementations fail) go through the tool as well. Skipped (77) where ARROW_TEST_DATA is not
set.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import tool

KINDS = ("arrow-ipc-stream", "arrow-ipc-file")
DAMAGED_EACH = 12  # copies of each golden stream
LONGEST = 40_000  # bytes; longer ones cost time and show nothing new


def corpus(root):
    """Every file that is Arrow IPC or claims to be."""
    files = [path for kind in KINDS for path in sorted((root / kind).rglob("*")) if path.is_file()]
    return [path for path in files if not path.name.endswith((".json.gz", ".json", ".md"))]


def damage(content, choose):
    """One cut, or a few bytes that are others."""
    if choose.random() < 0.25:
        return content[: choose.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(choose.randint(1, 4)):
        changed[choose.randrange(len(changed))] = choose.choice((0, 1, 0x7F, 0x80, 0xFF, choose.randrange(256)))
    return bytes(changed)


def write_damaged(files, folder, choose):
    count = 0
    for path in files:
        content = path.read_bytes()
        if not content or len(content) > LONGEST:
            continue
        for _ in range(DAMAGED_EACH):
            (folder / f"{count:05}-{path.name}").write_bytes(damage(content, choose))
            count += 1
    return count


def replay(program, arguments):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
    said = done.stderr.decode(errors="replace").strip().splitlines()[-30:]
    tool.check(done.returncode == 0, f"{program}: exit status {done.returncode}\n" + "\n".join(said))


def check_tool(program, path):
    for command in ("info", "verify", "cat"):
        status, _, errors = tool.Programs.run(program, command, path)
        tool.check(status in (0, 1), f"{program} {command} {path}: exit status {status}, {errors}")
        tool.check(status == 0 or errors.count("\n") == 1, f"{program} {command} {path}: {errors!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", required=True)
    parser.add_argument("replays", nargs="+")
    arguments = parser.parse_args()
    data = os.environ.get("ARROW_TEST_DATA")
    if not data:
        print("damaged streams: skipped, ARROW_TEST_DATA is not set")
        return 77
    seed = os.environ.get("RESPOOL_TEST_SEED") or str(random.SystemRandom().randrange(1 << 32))
    print(f"RESPOOL_TEST_SEED={seed}")
    files = corpus(pathlib.Path(data))
    with tempfile.TemporaryDirectory(prefix="respool-damaged-") as scratch:
        count = write_damaged(files, pathlib.Path(scratch), random.Random(seed))
        for program in arguments.replays:
            replay(program, [*files, scratch])
    others = [path for path in files if "integration" not in path.parts]
    for path in others:
        check_tool(arguments.tool, path)
    print(f"damaged streams: {len(files)} files, {len(others)} of them hostile, and {count} damaged copies")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except tool.Failed as failure:
        sys.exit(f"damaged streams: {failure}")
