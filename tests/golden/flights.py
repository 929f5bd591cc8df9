# SPDX-License-Identifier: Apache-2.0
"""A real data set in the IPC file format through every command. Skipped (77) where RESPOOL_TEST_FLIGHTS is not set."""

import os
import pathlib
import sys
import tempfile

import content
import tool

ROWS = 200_000


def main():
    programs = tool.Programs(__doc__)
    path = os.environ.get("RESPOOL_TEST_FLIGHTS")
    if not path:
        print("flights: skipped, RESPOOL_TEST_FLIGHTS is not set")
        return 77
    expected = programs.dump(path)
    tool.check(sum(batch["count"] for batch in expected["batches"]) == ROWS, "dump: wrong number of rows")
    info = programs.info(path)
    tool.check((info["rows"], info["format"]) == (ROWS, "file"), f"info: {info}")
    programs.tool("verify", path)
    with tempfile.TemporaryDirectory(prefix="respool-flights-") as scratch:
        spooled, copied = pathlib.Path(scratch, "spooled"), pathlib.Path(scratch, "copied")
        programs.tool("tee", "-m", "0", "-o", spooled, path)
        copied.write_bytes(programs.tool("cat", path))
        tool.check(spooled.read_bytes() == copied.read_bytes(), "tee and cat give different streams")
        programs.tool("verify", spooled)
        info = programs.info(spooled)
        tool.check((info["rows"], info["format"]) == (ROWS, "stream"), f"info of the stream: {info}")
        content.compare(expected, programs.dump(spooled))
    print(f"flights: {ROWS} rows equal through tee, cat, verify, info")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tool.Failed, content.Difference) as failure:
        sys.exit(f"flights: {failure}")
