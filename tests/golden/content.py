# SPDX-License-Identifier: Apache-2.0
"""Comparison of two contents in the JSON layout of Arrow's integration tests, and slicing of one.

Compared is everything but the values under nulls: names, types, nullability, metadata with its order and duplicates,
the number of batches, counts, positions of nulls, offsets, values, and the structure of children. Of list views,
unions, run ends and views, which may lay out the same values in many ways, the rows are compared.

Dictionary-encoded fields have the type of their values in the schema and indices in the batches. The JSON has the
dictionaries once, a dump has those of each batch with the batch, under numbers of its own.
"""

import math
import struct


class Difference(Exception):
    pass


def need(equal, where, expected, got):
    if not equal:
        raise Difference(f"{where}: expected {expected!r}, got {got!r}")


def need_equal(where, expected, got):
    need(type(expected) is type(got) and expected == got, where, expected, got)


# ---- schema


def full_type(kind):
    if kind["name"] == "decimal":
        return {"bitWidth": 128, **kind}
    return kind


def pairs(metadata):
    return [(pair["key"], pair["value"]) for pair in metadata or []]


def index_field(field):
    """The field as its columns are: a dictionary-encoded one holds whole numbers."""
    if "dictionary" not in field:
        return field
    plain = {key: value for key, value in field.items() if key != "dictionary"}
    return {**plain, "type": field["dictionary"]["indexType"], "children": []}


def values_field(field):
    """The field of the one column of its dictionary."""
    return {key: value for key, value in {**field, "name": "values"}.items() if key != "dictionary"}


def dictionary_traits(field):
    traits = field.get("dictionary")
    return None if traits is None else {"indexType": traits["indexType"], "isOrdered": traits["isOrdered"]}


def compare_field(where, expected, got):
    where = f"{where}/{expected['name']}"
    need_equal(f"{where} name", expected["name"], got["name"])
    need_equal(f"{where} type", full_type(expected["type"]), full_type(got["type"]))
    need_equal(f"{where} nullable", expected["nullable"], got["nullable"])
    need_equal(f"{where} metadata", pairs(expected.get("metadata")), pairs(got.get("metadata")))
    need_equal(f"{where} dictionary", dictionary_traits(expected), dictionary_traits(got))
    compare_fields(where, expected["children"], got["children"])


def compare_fields(where, expected, got):
    need_equal(f"{where} number of fields", len(expected), len(got))
    for one, other in zip(expected, got):
        compare_field(where, one, other)


# ---- columns


def as_float(precision, value):
    """The value as a number of that precision holds it."""
    letter = {"HALF": "<e", "SINGLE": "<f", "DOUBLE": "<d"}[precision]
    return struct.unpack(letter, struct.pack(letter, float(value)))[0]


def compare_values(where, kind, valid, expected, got):
    need_equal(f"{where} number of values", len(expected), len(got))
    for slot, (one, other) in enumerate(zip(expected, got)):
        if not valid[slot]:
            continue
        if kind["name"] == "floatingpoint":
            one, other = as_float(kind["precision"], one), as_float(kind["precision"], other)
            equal = one == other or (math.isnan(one) and math.isnan(other))
            need(equal, f"{where}[{slot}]", one, other)
        else:
            need_equal(f"{where}[{slot}]", one, other)


def offsets(column):
    """As numbers, relative to the first; no offsets at all stand for the one of an empty column."""
    values = [int(offset) for offset in column["OFFSET"]] or [0]
    return [offset - values[0] for offset in values]


# ---- rows


def child_rows(field, column):
    return [rows(one, child) for one, child in zip(field["children"], column["children"])]


def rows_of_lists(field, column):
    (values,) = child_rows(field, column)
    if "SIZE" in column:
        bounds = [(int(start), int(start) + int(size)) for start, size in zip(column["OFFSET"], column["SIZE"])]
    elif "OFFSET" in column:
        ends = offsets(column)
        bounds = zip(ends, ends[1:])
    else:
        size = field["type"]["listSize"]
        bounds = [(slot * size, slot * size + size) for slot in range(column["count"])]
    return [values[start:end] for start, end in bounds]


def rows_of_union(field, column):
    """With the type ids, as different types may have the same value."""
    children = dict(zip(field["type"]["typeIds"], child_rows(field, column)))
    slots = column["OFFSET"] if field["type"]["mode"] == "DENSE" else range(column["count"])
    need_equal(f"{field['name']} number of type ids", column["count"], len(column["TYPE_ID"]))
    return [(code, children[code][slot]) for code, slot in zip(column["TYPE_ID"], slots)]


def rows_of_runs(field, column):
    ends = [int(end) for end in column["children"][0]["DATA"]]
    values = rows(field["children"][1], column["children"][1])
    result = []
    for end, value in zip(ends, values):
        result += [value] * (end - len(result))
    return result


def rows_of_views(field, column):
    is_text = field["type"]["name"] == "utf8view"
    buffers = [bytes.fromhex(text) for text in column["VARIADIC_DATA_BUFFERS"]]
    result = []
    for view, valid in zip(column["VIEWS"], column["VALIDITY"]):
        if not valid:
            result.append(b"")
        elif "INLINED" in view:
            result.append(view["INLINED"].encode() if is_text else bytes.fromhex(view["INLINED"]))
        else:
            value = buffers[view["BUFFER_INDEX"]][view["OFFSET"] : view["OFFSET"] + view["SIZE"]]
            need_equal("prefix of a view", view["PREFIX_HEX"].upper(), value[:4].hex().upper())
            result.append(value)
        need_equal("size of a view", view["SIZE"] if valid else 0, len(result[-1]))
    return result


def rows_of_leaf(field, column):
    if field["type"]["name"] == "floatingpoint":
        return [repr(as_float(field["type"]["precision"], value)) for value in column["DATA"]]
    return column["DATA"]


def rows(field, column):
    """The values of a column, None where they are null."""
    field = index_field(field)
    name = field["type"]["name"]
    if name == "null":
        return [None] * column["count"]
    if name == "struct":
        values = list(zip(*child_rows(field, column))) or [()] * column["count"]
    elif name in ("list", "largelist", "map", "fixedsizelist", "listview", "largelistview"):
        values = rows_of_lists(field, column)
    else:
        special = {"union": rows_of_union, "runendencoded": rows_of_runs, "binaryview": rows_of_views,
                   "utf8view": rows_of_views}
        values = special.get(name, rows_of_leaf)(field, column)
    need_equal(f"{field['name']} number of rows", column["count"], len(values))
    valid = column.get("VALIDITY", [1] * column["count"])
    return [value if bit else None for value, bit in zip(values, valid)]


BY_ROWS = ("listview", "largelistview", "union", "runendencoded", "binaryview", "utf8view")


def compare_column(where, field, expected, got):
    field = index_field(field)
    where = f"{where}/{field['name']}"
    need_equal(f"{where} members", sorted(expected), sorted(got))
    need_equal(f"{where} name", expected["name"], got["name"])
    need_equal(f"{where} count", expected["count"], got["count"])
    if field["type"]["name"] in BY_ROWS:
        need_equal(f"{where} rows", rows(field, expected), rows(field, got))
        return
    if "VALIDITY" in expected:
        need_equal(f"{where} validity", expected["VALIDITY"], got["VALIDITY"])
        need_equal(f"{where} validity length", expected["count"], len(got["VALIDITY"]))
    if "OFFSET" in expected:
        need_equal(f"{where} offsets", offsets(expected), offsets(got))
    if "DATA" in expected:
        compare_values(where, field["type"], got["VALIDITY"], expected["DATA"], got["DATA"])
    compare_columns(where, field["children"], expected.get("children", []), got.get("children", []))


def compare_columns(where, fields, expected, got):
    need_equal(f"{where} number of columns", [len(fields)] * 2, [len(expected), len(got)])
    for field, one, other in zip(fields, expected, got):
        compare_column(where, field, one, other)


def encoded_fields(fields):
    """All that are dictionary-encoded, in pre-order."""
    for field in fields:
        if "dictionary" in field:
            yield field
        yield from encoded_fields(field["children"])


def compare_dictionaries(where, expected, schema, batch):
    """The dictionary of every field, as a whole."""
    wanted = {dictionary["id"]: dictionary["data"] for dictionary in expected.get("dictionaries", [])}
    given = {dictionary["id"]: dictionary["data"] for dictionary in batch.get("dictionaries", [])}
    pairs = list(zip(encoded_fields(expected["schema"]["fields"]), encoded_fields(schema["fields"])))
    need_equal(f"{where} number of dictionaries", len(pairs), len(given))
    for one, other in pairs:
        place = f"{where} dictionary of {one['name']}"
        columns = [data[fields["dictionary"]["id"]]["columns"] for data, fields in ((wanted, one), (given, other))]
        need_equal(f"{place} number of columns", [1, 1], [len(column) for column in columns])
        compare_column(place, values_field(one), *({**column[0], "name": "values"} for column in columns))


def compare(expected, got):
    """Raises Difference."""
    schema = expected["schema"]
    need_equal("schema metadata", pairs(schema.get("metadata")), pairs(got["schema"].get("metadata")))
    compare_fields("schema", schema["fields"], got["schema"]["fields"])
    need_equal("number of batches", len(expected["batches"]), len(got["batches"]))
    for number, (one, other) in enumerate(zip(expected["batches"], got["batches"])):
        need_equal(f"batch {number} count", one["count"], other["count"])
        compare_columns(f"batch {number}", schema["fields"], one["columns"], other["columns"])
        compare_dictionaries(f"batch {number}", expected, got["schema"], other)


# ---- renaming


def renamed(node, names):
    """The content with fields and columns renamed."""
    if isinstance(node, list):
        return [renamed(element, names) for element in node]
    if not isinstance(node, dict):
        return node
    changed = {key: renamed(value, names) for key, value in node.items()}
    if names and ("type" in node or "count" in node) and "name" in node:
        changed["name"] = names.get(node["name"], node["name"])
    return changed


def with_sorted_metadata(node):
    """The content with the metadata of all fields sorted by key."""
    if isinstance(node, list):
        return [with_sorted_metadata(element) for element in node]
    if not isinstance(node, dict):
        return node
    changed = {key: with_sorted_metadata(value) for key, value in node.items()}
    if "metadata" in node:
        changed["metadata"] = sorted(node["metadata"], key=lambda pair: pair["key"])
    return changed


# ---- slices


def child_range(field, column, start, count):
    if "OFFSET" in column:
        ends = offsets(column)
        return ends[start], ends[start + count] - ends[start]
    factor = field["type"].get("listSize", 1)
    return start * factor, count * factor


def slice_runs(column, start, count):
    """Runs without a row left in them stay, with an end like the one before."""
    ends, values = column["children"]
    cut = [min(max(int(end) - start, 0), count) for end in ends["DATA"]]
    return {**column, "count": count, "children": [{**ends, "DATA": cut}, values]}


def slice_column(field, column, start, count):
    field = index_field(field)
    if field["type"]["name"] == "runendencoded":
        return slice_runs(column, start, count)
    result = {**column, "count": count}
    for member in ("VALIDITY", "DATA", "TYPE_ID", "VIEWS", "SIZE"):
        if member in column:
            result[member] = column[member][start : start + count]
    if "SIZE" in column or "TYPE_ID" in column and "OFFSET" in column:  # these refer to their children as a whole
        result["OFFSET"] = column["OFFSET"][start : start + count]
        return result
    if "OFFSET" in column:
        part = offsets(column)[start : start + count + 1]
        result["OFFSET"] = [type(column["OFFSET"][0])(offset) for offset in part] if column["OFFSET"] else []
    if "children" in column:
        first, length = child_range(field, column, start, count)
        inner = zip(field["children"], column["children"])
        result["children"] = [slice_column(one, child, first, length) for one, child in inner]
    return result


def sliced(content, rows):
    """The content with each batch cut into batches of at most so many rows; an empty batch stays one."""
    fields = content["schema"]["fields"]
    batches = []
    for batch in content["batches"]:
        for start in range(0, max(batch["count"], 1), rows):
            count = min(rows, batch["count"] - start)
            columns = [slice_column(field, column, start, count) for field, column in zip(fields, batch["columns"])]
            batches.append({"count": count, "columns": columns})
    return {**content, "batches": batches}
