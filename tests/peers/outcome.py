# SPDX-License-Identifier: Apache-2.0
"""How an exchange ended, in words: "same", or what is different, or the error."""

import re

LONGEST = 200  # letters of an error that are kept
WORDS = {
    "n": "null", "b": "bool", "e": "float16", "f": "float32", "g": "float64",
    "c": "int8", "s": "int16", "i": "int32", "l": "int64", "C": "uint8", "S": "uint16", "I": "uint32", "L": "uint64",
    "z": "binary", "Z": "large binary", "vz": "binary view", "u": "utf8", "U": "large utf8", "vu": "utf8 view",
    "tdD": "date32", "tdm": "date64", "tts": "time32[s]", "ttm": "time32[ms]", "ttu": "time64[us]", "ttn": "time64[ns]",
    "tDs": "duration[s]", "tDm": "duration[ms]", "tDu": "duration[us]", "tDn": "duration[ns]",
    "tiM": "interval year-month", "tiD": "interval day-time", "tin": "interval month-day-nano",
    "+l": "list", "+L": "large list", "+vl": "list view", "+vL": "large list view", "+w": "fixed size list",
    "+s": "struct", "+m": "map", "+us": "sparse union", "+ud": "dense union", "+r": "run ends",
}
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}
FLAGS = {1: "the flag of ordered dictionaries", 2: "nullability", 4: "the flag of sorted keys"}


def word(field):
    """A type in words."""
    kind, _, rest = field["format"].partition(":")
    if field["dictionary"]:
        return f"dictionary of {word(field['dictionary'])} by {WORDS[kind]}"
    if kind == "d":
        precision, scale, *width = rest.split(",")
        return f"decimal{width[0] if width else 128}({precision}, {scale})"
    if kind[:2] == "ts":
        return f"timestamp[{UNITS[kind[2]]}{', ' + rest if rest else ''}]"
    if kind == "w":
        return f"fixed size binary({rest})"
    return WORDS[kind]


def changes_of_field(expected, got):
    if expected["name"] != got["name"]:
        yield "field names"
    for flag, meaning in FLAGS.items():
        if (expected["flags"] ^ got["flags"]) & flag:
            yield meaning
    if expected["metadata"] != got["metadata"]:
        yield "metadata of fields"
    if word(expected) != word(got) or expected["format"][:3] != got["format"][:3]:
        yield f"{word(got)} for {word(expected)}"
    elif expected["format"] != got["format"]:
        yield "type parameters"
    if expected["dictionary"] and got["dictionary"]:
        # Whether a dictionary's values may be null, a stream does not say.
        same_flags = {"flags": expected["dictionary"]["flags"]}
        yield from changes_of_field(expected["dictionary"], {**got["dictionary"], **same_flags})
    if len(expected["children"]) == len(got["children"]):
        yield from changes_of_fields(expected["children"], got["children"])
    elif expected["format"] == got["format"]:
        yield "number of children"


def changes_of_fields(expected, got):
    if len(expected) != len(got):
        yield "number of fields"
    for one, other in zip(expected, got):
        yield from changes_of_field(one, other)


def changes_of_schema(expected, got):
    """What differs in the schema, each difference once."""
    found = list(changes_of_fields(expected["fields"], got["fields"]))
    if expected["metadata"] != got["metadata"]:
        found.append("metadata of the schema")
    return list(dict.fromkeys(found))


def columns(content):
    """The values of each column over all batches."""
    return [sum(parts, []) for parts in zip(*(batch[1:] for batch in content["batches"]))]


def lengths(content):
    return [batch[0] for batch in content["batches"]]


def changes_of_values(expected, got):
    if sum(lengths(expected)) != sum(lengths(got)):
        return ["the number of rows"]
    if sum(lengths(expected)) > 0 and columns(expected) != columns(got):
        return ["VALUES"]
    return []


def tidy(error):
    """The first line of an error, without what is different each time."""
    line = " ".join(error.strip().split("\n")[0].split())
    line = re.sub(r"/[^ '\"]*/", "", line)
    line = re.sub(r"0x[0-9a-f]+", "0x", line)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
