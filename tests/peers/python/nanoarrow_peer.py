# SPDX-License-Identifier: Apache-2.0
"""The peer nanoarrow."""

import serve
from nanoarrow.ipc import InputStream, StreamWriter


def read(path):
    with InputStream.from_path(path) as source:
        return serve.keep(source, f"{path}.read")


def rewrite(source, target, how, _part):
    if how != "plain":
        return {"absent": f"its writer has no {how}"}
    with InputStream.from_path(source) as stream, StreamWriter.from_path(target) as writer:
        writer.write_stream(stream)
    return {}


serve.serve(read=read, rewrite=rewrite)
