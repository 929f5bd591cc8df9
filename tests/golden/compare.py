# SPDX-License-Identifier: Apache-2.0
"""Every golden stream against the JSON beside it: read directly, and after tee to disk and cat.

Streams of what is not supported have to be refused with a clear message. Information about a stream has to be right
for each of them, supported or not. Skipped (77) where ARROW_TEST_DATA is not set.
"""

import gzip
import json
import os
import pathlib
import sys
import tempfile

import cases
import content
import tool

SLICE_ROWS = 3


def golden_streams(root):
    """(directory, case) -> path, for every stream there is."""
    found = {}
    for path in sorted(root.glob("**/*.stream")):
        directory = str(path.parent.relative_to(root))
        found[directory, path.stem.removeprefix("generated_")] = path
    return found


def check_complete(found):
    listed = {(directory, case) for directory, names in cases.CASES.items() for case in names}
    unknown = sorted(set(found) - listed)
    tool.check(not unknown, f"streams without an expectation in cases.py: {unknown}")
    missing = sorted(listed - set(found) - cases.MAY_BE_ABSENT)
    tool.check(not missing, f"streams listed in cases.py but not found: {missing}")
    return len(listed - set(found))


def load(path):
    with gzip.open(path.with_suffix(".json.gz"), "rt", encoding="utf-8") as file:
        return json.load(file)


def check_same(programs, path, expected, scratch):
    content.compare(expected, programs.dump(path))
    content.compare(content.sliced(expected, SLICE_ROWS), programs.dump("--slice", SLICE_ROWS, path))
    spooled, copied = scratch / "spooled", scratch / "copied"
    programs.tool("tee", "-m", "0", "-o", spooled, path)
    content.compare(expected, programs.dump(spooled))
    copied.write_bytes(programs.tool("cat", spooled))
    content.compare(expected, programs.dump(copied))
    tool.check(spooled.read_bytes() == copied.read_bytes(), f"{path}: cat of what tee wrote differs from it")
    programs.tool("verify", path)
    programs.tool("verify", copied)
    check_info(programs, copied, expected, {"version": 5, "big_endian": False, "compressed": False})
    for codec in ("lz4", "zstd"):
        check_compressed(programs, copied, expected, scratch, codec)


def check_compressed(programs, path, expected, scratch, codec):
    """Compressed as a stream and as a spool: the same content, and the same bytes once it is cleaned again."""
    packed, spooled = scratch / codec, scratch / f"{codec}-spooled"
    packed.write_bytes(programs.tool("cat", "--compress", codec, path))
    content.compare(expected, programs.dump(packed))
    programs.tool("tee", "--compress", codec, "--path", spooled, path)
    tool.check(spooled.read_bytes() == packed.read_bytes(), f"{path}: what tee keeps with {codec} differs from cat's")
    again = programs.tool("cat", "--compress", codec, packed)
    tool.check(again == packed.read_bytes(), f"{path}: {codec} of what was unpacked differs")
    tool.check(programs.tool("cat", packed) == path.read_bytes(), f"{path}: {codec} unpacked differs from it")


def check_refused(programs, path, texts, scratch):
    programs.refuse(texts, programs.dump_path, path)
    programs.refuse(texts, programs.tool_path, "cat", path)
    programs.refuse(texts, programs.tool_path, "verify", path)
    programs.refuse(texts, programs.tool_path, "tee", "-m", "0", "-o", scratch / "spooled", path)


def check_info(programs, path, expected, traits):
    info = programs.info(path)
    counts = [batch["count"] for batch in expected["batches"]]
    wanted = {
        "format": "stream",
        "batches": len(counts),
        "rows": sum(counts),
        "has_end": True,
        **traits,
    }
    shown = {name: info[name] for name in wanted}
    # Fields may share a dictionary in the JSON and yet have one each in the stream.
    tool.check(bool(info["dictionaries"]) == bool(expected.get("dictionaries")), f"info {path}: {info}")
    tool.check(shown == wanted, f"info {path}: expected {wanted}, got {shown}")
    names = [field["name"] for field in expected["schema"]["fields"]]
    shown = [field["name"] for field in info["schema"]["fields"]]
    tool.check(shown == names, f"info {path}: expected the fields {names}, got {shown}")


def traits_of(directory):
    return {
        "version": 4 if directory.startswith("0.") else 5,
        "big_endian": directory.endswith("-bigendian"),
        "compressed": directory.endswith("-compression"),
    }


def check_stream(programs, path, directory, expectation):
    renames = getattr(expectation, "renamed", {})
    expected = content.renamed(load(path), renames)
    if getattr(expectation, "sorted_metadata", False):
        expected = content.with_sorted_metadata(expected)
    with tempfile.TemporaryDirectory(prefix="respool-golden-") as scratch:
        check_info(programs, path, expected, traits_of(directory))
        if isinstance(expectation, cases.Same):
            check_same(programs, path, expected, pathlib.Path(scratch))
        else:
            check_refused(programs, path, expectation.texts, pathlib.Path(scratch))


def main():
    programs = tool.Programs(__doc__)
    data = os.environ.get("ARROW_TEST_DATA")
    if not data:
        print("golden streams: skipped, ARROW_TEST_DATA is not set")
        return 77
    found = golden_streams(pathlib.Path(data, "arrow-ipc-stream", "integration"))
    absent = check_complete(found)
    counts = {"same": 0, "refused": 0, "failed": 0}
    for (directory, case), path in found.items():
        expectation = cases.CASES[directory][case]
        try:
            check_stream(programs, path, directory, expectation)
            counts["same" if isinstance(expectation, cases.Same) else "refused"] += 1
        except (tool.Failed, content.Difference, ValueError, KeyError) as error:
            counts["failed"] += 1
            print(f"{directory}/{case}: {type(error).__name__}: {error}")
    print(f"golden streams: {len(found)} found ({absent} of the whole corpus absent): {counts['same']} equal, "
          f"{counts['refused']} refused as expected, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except tool.Failed as failure:
        sys.exit(f"golden streams: {failure}")
