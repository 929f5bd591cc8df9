# SPDX-License-Identifier: Apache-2.0
"""What the peers in Python share: requests on standard input, one line each, answered with one line (see ../peer.py).

What such a peer has read it hands on through the C stream interface; pyarrow writes that down as it is, for the test to
compare.
"""

import json
import sys

import pyarrow as pa


def keep(stream, path):
    """What a peer's stream gives, as a file of pyarrow."""
    reader = pa.RecordBatchReader.from_stream(stream)
    with pa.ipc.new_stream(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return {"stream": path}


def serve(**commands):
    for line in sys.stdin:
        command, *operands = line.rstrip("\n").split("\t")
        try:
            reply = commands[command](*operands)
        except BaseException as error:  # a panic of compiled code is no Exception
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
