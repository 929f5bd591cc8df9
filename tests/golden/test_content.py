# SPDX-License-Identifier: Apache-2.0
"""The comparison itself: it accepts what may differ and finds each kind of difference."""

import copy
import unittest

from content import Difference, compare, renamed, sliced

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

    def test_renaming(self):
        other = renamed(sample(), {"item": "element", "k": "not a field"})
        self.assertEqual(other["schema"]["fields"][0]["children"][0]["name"], "element")
        self.assertEqual(other["batches"][0]["columns"][0]["children"][0]["name"], "element")
        compare(renamed(other, {"element": "item"}), sample())

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
