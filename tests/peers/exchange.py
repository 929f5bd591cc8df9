# SPDX-License-Identifier: Apache-2.0
"""One case with one peer, in both directions."""

import os

import capi
import dump
import outcome
import peer
import pyarrow as pa

CODECS = {"lz4": 1, "zstd": 2}  # as in the header
MAGIC = b"ARROW1"
# These make their own batches, and turn types that they do not have into others.
CONVERTING = ("polars", "duckdb")
# Not asked to write slices: the one encodes nothing itself, the writer of the other takes no arrays at offsets.
WITHOUT_SLICES = ("duckdb", "nanoarrow")


def decoded_by_pyarrow(path):
    with open(path, "rb") as source:
        is_file = source.read(len(MAGIC)) == MAGIC
    with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(str(path)) as reader:
        batches = [reader.get_batch(place) for place in range(reader.num_record_batches)] if is_file else list(reader)
        for batch in batches:
            batch.validate(full=True)
        return reader.schema, batches


def decoded_by_respool(path):
    with open(path, "rb") as source:
        reader = capi.read_descriptor(os.dup(source.fileno()))
        return reader.schema, list(reader)


def encoded_by_pyarrow(path, case):
    schema, batches = case.plain()
    options = pa.ipc.IpcWriteOptions(compression=case.codec)
    with pa.ipc.new_stream(str(path), schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)


def encoded_by_respool(path, schema, batches, codec):
    with open(path, "wb") as sink:
        capi.write_descriptor(pa.RecordBatchReader.from_batches(schema, batches), sink.fileno(), CODECS.get(codec, 0))


def cast_back(schema, batches, expected):
    """Columns of other types as those of the expected schema, where pyarrow knows how."""
    table = pa.Table.from_batches(batches, schema)
    names = [str(place) for place in range(len(expected))]
    columns = [column.cast(field.type) for column, field in zip(table.columns, expected)]
    table = pa.Table.from_arrays(columns, names=names)
    renamed = pa.schema([field.with_name(name) for field, name in zip(expected, names)])
    return [pa.RecordBatch.from_arrays(batch.columns, schema=renamed) for batch in table.to_batches()]


def compare_text(expected, got, values, strict):
    found = outcome.changes_of_schema(expected, got) + outcome.changes_of_values(expected, values)
    if strict and outcome.lengths(expected) != outcome.lengths(got):
        found.append("the number of batches")
    return "; ".join(found) or "same"


def compare(expected, got, strict):
    """Two pairs of a schema and batches. What has other types is compared as cast back to those expected."""
    wanted, found = dump.content(*expected), dump.content(*got)
    values = found
    if outcome.columns(wanted) != outcome.columns(found):
        try:
            values = dump.content(expected[0], cast_back(*got, expected[0]))
        except (pa.ArrowException, KeyError):
            pass
    return compare_text(wanted, found, values, strict)


def compare_reply(expected, reply, strict):
    """What is expected with a peer's reply to `read`."""
    if "error" in reply:
        return f"error: {outcome.tidy(reply['error'])}"
    if "stream" not in reply:
        return compare_text(dump.content(*expected), reply, reply, strict)
    got, refusal = attempt(decoded_by_pyarrow, reply["stream"])
    return f"error: what it hands out is invalid: {refusal}" if refusal else compare(expected, got, strict)


def slices_of(batches, name):
    """What a peer that rewrites slices writes."""
    if name == "polars":
        table = pa.Table.from_batches(batches)
        return table.slice(1, table.num_rows - 2).to_batches() if table.num_rows > 2 else []
    return [batch.slice(1, batch.num_rows - 2) for batch in batches if batch.num_rows > 2]


def attempt(decoded, path):
    """Schema and batches of a file, or the error."""
    try:
        return decoded(path), None
    except (pa.ArrowException, OSError) as error:
        return None, outcome.tidy(str(error))


def has_codec(case):
    """Whether respool was built with the codec that a case needs."""
    return case.codec is None or capi.LIBRARY.respool_compression_available(CODECS[case.codec]) == 1


class Exchange:
    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.peer = peer.Peer(name)
        self.strict = name not in CONVERTING

    def ask_to_read(self, path, schema, batches):
        return compare_reply((schema, batches), self.peer.ask("read", path), self.strict)

    def reads(self, key, case):
        """What the peer makes of what respool wrote."""
        if case.peers_write:
            return "same"
        schema, batches = case.plain()
        batches += case.moved()
        path = self.folder / f"{key}.respool"
        encoded_by_respool(path, schema, batches, case.codec)
        return self.ask_to_read(path, schema, batches)

    def reads_of_pyarrow(self, key, case):
        """What it makes of what pyarrow wrote of the same types."""
        path = self.folder / f"{key}.pyarrow"
        encoded_by_pyarrow(path, case)
        return self.ask_to_read(path, *case.plain())

    def writes_part(self, key, case, part):
        """What respool makes of what the peer wrote. Raises if that is not what pyarrow finds in it."""
        source, target = self.folder / f"{key}.source", self.folder / f"{key}.{self.name}.{part}"
        encoded_by_pyarrow(source, case)
        reply = self.peer.ask("rewrite", source, target, case.option, part)
        if "error" in reply:
            return f"error: {outcome.tidy(reply['error'])}"
        if "absent" in reply:
            return f"does not apply: {reply['absent']}"
        judged, refusal = attempt(decoded_by_pyarrow, reply.get("stream", target))
        found, own_refusal = attempt(decoded_by_respool, target)
        if refusal and own_refusal:
            return f"error: {own_refusal}"
        if own_refusal or not refusal and dump.content(*judged) != dump.content(*found):
            raise AssertionError(f"{self.name} wrote {target}; pyarrow reads it, respool not so: {own_refusal}")
        schema, batches = case.plain()
        result = compare((schema, batches if part == "whole" else slices_of(batches, self.name)), found, self.strict)
        return f"{result}, though pyarrow refuses it" if refusal else result

    def writes(self, key, case):
        """The same of whole batches and of slices, where that is different."""
        whole = self.writes_part(key, case, "whole")
        if self.name in WITHOUT_SLICES or not slices_of(case.plain()[1], "js"):
            return whole
        slices = self.writes_part(key, case, "slices")
        return whole if slices == whole else f"{whole}; slices: {slices}"
