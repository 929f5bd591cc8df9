# SPDX-License-Identifier: Apache-2.0
"""The comparison itself: it accepts what may differ and finds each kind of difference."""

import copy
import unittest

from content import Difference, compare, renamed, rows, sliced, with_sorted_metadata

INT = {"name": "int", "bitWidth": 32, "isSigned": True}


def field(name, kind, children=(), nullable=True):
    return {"name": name, "type": kind, "nullable": nullable, "children": list(children)}


def sample():
    item = field("item", INT)
    values = {"name": "item", "count": 3, "VALIDITY": [1, 0, 1], "DATA": [10, 20, 30]}
    lists = {"name": "l", "count": 2, "VALIDITY": [1, 1], "OFFSET": [0, 2, 3], "children": [values]}
    number = {"name": "f", "count": 2, "VALIDITY": [1, 0], "DATA": [0.1, 5.5]}
    fields = [field("l", {"name": "list"}, [item]), field("f", {"name": "floatingpoint", "precision": "SINGLE"})]
    fields[1]["metadata"] = [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]
    return {"schema": {"fields": fields}, "batches": [{"count": 2, "columns": [lists, number]}]}


def by_rows():
    """One column for each type that is compared by its rows."""
    item, other = field("item", INT), field("other", {"name": "utf8"})
    ints = {"name": "item", "count": 3, "VALIDITY": [1, 0, 1], "DATA": [10, 20, 30]}
    texts = {"name": "other", "count": 3, "VALIDITY": [1, 1, 1], "OFFSET": [0, 1, 2, 3], "DATA": ["a", "b", "c"]}
    ends = {"name": "item", "count": 2, "VALIDITY": [1, 1], "DATA": [1, 3]}
    views = [{"SIZE": 13, "PREFIX_HEX": "30313233", "BUFFER_INDEX": 0, "OFFSET": 1}, {"SIZE": 1, "INLINED": "x"},
             {"SIZE": 0, "INLINED": ""}]
    union = {"name": "union", "typeIds": [5, 7]}
    fields = [
        field("l", {"name": "listview"}, [item]),
        field("s", {**union, "mode": "SPARSE"}, [item, other]),
        field("d", {**union, "mode": "DENSE"}, [item, other]),
        field("r", {"name": "runendencoded"}, [item, other]),
        field("v", {"name": "utf8view"}),
    ]
    columns = [
        {"name": "l", "count": 3, "VALIDITY": [1, 1, 0], "OFFSET": [1, 0, 9], "SIZE": [2, 1, 9], "children": [ints]},
        {"name": "s", "count": 3, "TYPE_ID": [5, 7, 7], "children": [ints, texts]},
        {"name": "d", "count": 3, "TYPE_ID": [7, 5, 7], "OFFSET": [0, 2, 1], "children": [ints, texts]},
        {"name": "r", "count": 3, "children": [ends, texts]},
        {"name": "v", "count": 3, "VALIDITY": [1, 1, 1], "VIEWS": views,
         "VARIADIC_DATA_BUFFERS": [b"-0123456789abc".hex()]},
    ]
    columns = [copy.deepcopy(column) for column in columns]  # each its own children
    return {"schema": {"fields": fields}, "batches": [{"count": 3, "columns": columns}]}


def set_member(column, member, slot, value):
    def change(content):
        content["batches"][0]["columns"][column][member][slot] = value
    return change


def encoded():
    """Two columns that share a dictionary, and one whose values are structs with the same one inside."""
    def traits(number):
        return {"id": number, "indexType": {"name": "int", "bitWidth": 8, "isSigned": True}, "isOrdered": False}
    texts = {"name": "DICT7", "count": 2, "VALIDITY": [1, 0], "OFFSET": [0, 1, 1], "DATA": ["a", ""]}
    inner = {"name": "b", "count": 1, "VALIDITY": [1], "DATA": [1]}
    structs = {"name": "DICT3", "count": 1, "VALIDITY": [1], "children": [inner]}
    fields = [{**field(name, {"name": "utf8"}), "dictionary": traits(7)} for name in "ab"]
    fields.append({**field("c", {"name": "struct"}, [copy.deepcopy(fields[1])]), "dictionary": traits(3)})
    columns = [{"name": name, "count": 2, "VALIDITY": [1, 0], "DATA": [0, 9]} for name in "abc"]
    dictionaries = [{"id": 3, "data": {"count": 1, "columns": [structs]}},
                    {"id": 7, "data": {"count": 2, "columns": [texts]}}]
    return copy.deepcopy({"schema": {"fields": fields}, "dictionaries": dictionaries,
                          "batches": [{"count": 2, "columns": columns}]})


def dumped():
    """The same as a dump has it: each field with a dictionary of its own, in each batch."""
    content = encoded()
    structs, texts = (dictionary["data"] for dictionary in content.pop("dictionaries"))
    fields = content["schema"]["fields"]
    for number, one in enumerate([*fields, fields[2]["children"][0]]):
        one["dictionary"]["id"] = number
    content["batches"][0]["dictionaries"] = [
        {"id": number, "data": copy.deepcopy(data)} for number, data in enumerate([texts, texts, structs, texts])]
    content["batches"][0]["dictionaries"][2]["data"]["columns"][0]["name"] = "c"
    return content


def set_value(dictionary, member, slot, value):
    def change(content):
        content["batches"][0]["dictionaries"][dictionary]["data"]["columns"][0][member][slot] = value
    return change


def set_trait(name, value):
    def change(content):
        content["schema"]["fields"][1]["dictionary"][name] = value
    return change


CHANGED_DICTIONARIES = [
    set_member(0, "DATA", 0, 1), set_member(2, "VALIDITY", 0, 0),
    set_trait("isOrdered", True), set_trait("indexType", INT),
    set_value(0, "DATA", 0, "b"), set_value(1, "VALIDITY", 1, 1), set_value(3, "OFFSET", 1, 0),
    lambda content: content["schema"]["fields"][0].pop("dictionary"),
    lambda content: content["batches"][0].pop("dictionaries"),
    lambda content: content["batches"][0]["dictionaries"].pop(),
    set_value(2, "VALIDITY", 0, 0),
]


def set_child(column, child, member, slot, value):
    def change(content):
        content["batches"][0]["columns"][column]["children"][child][member][slot] = value
    return change


CHANGED_ROWS = [
    set_member(0, "VALIDITY", 1, 0), set_member(0, "OFFSET", 0, 0), set_member(0, "SIZE", 1, 2),
    set_child(0, 0, "DATA", 2, 31), set_child(0, 0, "VALIDITY", 1, 1),
    set_member(1, "TYPE_ID", 0, 7), set_child(1, 0, "DATA", 0, 11), set_child(1, 1, "DATA", 2, "d"),
    set_member(2, "TYPE_ID", 0, 5), set_member(2, "OFFSET", 2, 0), set_child(2, 1, "DATA", 1, "d"),
    set_child(3, 0, "DATA", 0, 2), set_child(3, 0, "DATA", 1, 4), set_child(3, 1, "DATA", 0, "d"),
    set_member(4, "VALIDITY", 1, 0), set_member(4, "VIEWS", 1, {"SIZE": 1, "INLINED": "y"}),
    set_member(4, "VIEWS", 1, {"SIZE": 2, "INLINED": "x"}),
    set_member(4, "VIEWS", 0, {"SIZE": 13, "PREFIX_HEX": "31313233", "BUFFER_INDEX": 0, "OFFSET": 1}),
    set_member(4, "VARIADIC_DATA_BUFFERS", 0, b"-0123456789abd".hex()),
]

SAME_ROWS = [
    set_member(0, "OFFSET", 2, 0), set_child(1, 0, "DATA", 2, 99), set_child(2, 0, "VALIDITY", 0, 0),
    set_child(2, 1, "DATA", 2, "d"), set_child(3, 1, "DATA", 2, "d"),
    set_member(4, "VARIADIC_DATA_BUFFERS", 0, b"+0123456789abc".hex()),
]


def change_pairs(content):
    content["schema"]["fields"][1]["metadata"].reverse()


def change_schema_pairs(content):
    content["schema"]["metadata"] = [{"key": "k", "value": "v"}]


def change_nullable(content):
    content["schema"]["fields"][0]["children"][0]["nullable"] = False


def change_type(content):
    content["schema"]["fields"][0]["children"][0]["type"] = {**INT, "bitWidth": 64}


def change_field_name(content):
    content["schema"]["fields"][0]["name"] = "m"


def change_column_name(content):
    content["batches"][0]["columns"][0]["name"] = "m"


def change_order(content):
    content["schema"]["fields"].reverse()
    content["batches"][0]["columns"].reverse()


def change_value(content):
    content["batches"][0]["columns"][0]["children"][0]["DATA"][2] += 1


def change_value_kind(content):
    content["batches"][0]["columns"][0]["children"][0]["DATA"][2] = "30"


def change_float(content):
    content["batches"][0]["columns"][1]["DATA"][0] = 0.1000001


def change_null(content):
    content["batches"][0]["columns"][0]["children"][0]["VALIDITY"][1] = 1


def change_offset(content):
    content["batches"][0]["columns"][0]["OFFSET"][1] = 1


def change_count(content):
    content["batches"][0]["count"] = 3


def drop_column(content):
    content["batches"][0]["columns"].pop()


def drop_batch(content):
    content["batches"].pop()


def drop_offsets(content):
    del content["batches"][0]["columns"][0]["OFFSET"]


def add_batch(content):
    content["batches"].append(copy.deepcopy(content["batches"][0]))


class Comparison(unittest.TestCase):
    def test_finds_each_change(self):
        changes = [value for name, value in globals().items() if name.startswith(("change_", "drop_", "add_"))]
        self.assertEqual(len(changes), 17)
        for change in changes:
            with self.subTest(change.__name__):
                other = sample()
                change(other)
                with self.assertRaises(Difference):
                    compare(sample(), other)

    def test_accepts_what_may_differ(self):
        other = sample()
        number = other["batches"][0]["columns"][1]
        number["DATA"] = [0.100000001490116, 99]  # the same single precision number; another value under a null
        other["schema"]["metadata"] = []
        compare(sample(), other)

    def test_rows(self):
        for number, change in enumerate(CHANGED_ROWS):
            with self.subTest(number):
                other = by_rows()
                change(other)
                with self.assertRaises(Difference):
                    compare(by_rows(), other)
        other = by_rows()
        for change in SAME_ROWS:
            change(other)
        compare(by_rows(), other)

    def test_dictionaries(self):
        compare(encoded(), dumped())
        for number, change in enumerate(CHANGED_DICTIONARIES):
            with self.subTest(number):
                other = dumped()
                change(other)
                with self.assertRaises(Difference):
                    compare(encoded(), other)
        other = dumped()
        set_member(0, "DATA", 1, 1)(other)  # under a null
        set_value(3, "DATA", 1, "b")(other)
        compare(encoded(), other)

    def test_dictionaries_in_slices(self):
        first, second = sliced(dumped(), 1)["batches"]
        self.assertEqual([column["DATA"] for column in first["columns"] + second["columns"]], [[0]] * 3 + [[9]] * 3)

    def test_slices_of_rows(self):
        expected = {"l": [[None, 30], [10], None], "s": [(5, 10), (7, "b"), (7, "c")],
                    "d": [(7, "a"), (5, 30), (7, "b")], "r": ["a", "b", "b"], "v": [b"0123456789abc", b"x", b""]}
        for size in (1, 2, 3):
            got = {name: [] for name in expected}
            for batch in sliced(by_rows(), size)["batches"]:
                for one, column in zip(by_rows()["schema"]["fields"], batch["columns"]):
                    got[one["name"]] += rows(one, column)
            self.assertEqual(got, expected, size)

    def test_renaming(self):
        other = renamed(sample(), {"item": "element", "k": "not a field"})
        self.assertEqual(other["schema"]["fields"][0]["children"][0]["name"], "element")
        self.assertEqual(other["batches"][0]["columns"][0]["children"][0]["name"], "element")
        compare(renamed(other, {"element": "item"}), sample())

    def test_sorting_of_metadata(self):
        other = with_sorted_metadata(sample())
        compare(sample(), other)
        other["schema"]["fields"][1]["metadata"][0]["key"] = "l"
        pairs = with_sorted_metadata(other)["schema"]["fields"][1]["metadata"]
        self.assertEqual(pairs, [{"key": "k", "value": "2"}, {"key": "l", "value": "1"}])

    def test_slices(self):
        first, second = sliced(sample(), 1)["batches"]
        self.assertEqual((first["count"], second["count"]), (1, 1))
        lists = second["columns"][0]
        self.assertEqual((lists["count"], lists["OFFSET"]), (1, [2, 3]))
        self.assertEqual(lists["children"][0]["DATA"], [30])
        self.assertEqual(first["columns"][0]["children"][0]["VALIDITY"], [1, 0])
        self.assertEqual(sliced({"schema": {"fields": []}, "batches": [{"count": 0, "columns": []}]}, 3)["batches"],
                         [{"count": 0, "columns": []}])


if __name__ == "__main__":
    unittest.main()
