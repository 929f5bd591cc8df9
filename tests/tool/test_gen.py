# SPDX-License-Identifier: Apache-2.0
"""respool gen: deterministic, independent of the size of batches, right values for each type."""
import hashlib
import json
import struct
import subprocess

import kit

TYPES = ["null", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32",
         "float64", "decimal32(9,2)", "decimal64(18,-3)", "decimal128(38,10)", "decimal256(76,0)", "date32", "date64",
         "time32[s]", "time32[ms]", "time64[us]", "time64[ns]", "timestamp[s]", "timestamp[ms]", "timestamp[us, UTC]",
         "timestamp[ns, Europe/Berlin]", "duration[s]", "duration[ms]", "duration[us]", "duration[ns]",
         "interval[year_month]", "interval[day_time]", "interval[month_day_nano]", "binary", "utf8", "large_binary",
         "large_utf8", "fixed_size_binary(5)", "fixed_size_binary(0)", "list<int32>", "large_list<utf8>",
         "fixed_size_list<int16>(3)", "fixed_size_list<bool>(0)", "map<utf8, int64>", "struct<a:int8,b:list<utf8>>", "struct<>",
         "list<struct<x:map<int8,list<float64!>>!,y:fixed_size_list<struct<z:bool>>(2)>>"]
EVERYTHING = ",".join("c%d:%s" % pair for pair in enumerate(TYPES))

# Of the bodies of 100 rows of EVERYTHING, --seed 7 --null-rate 0.2: the same on every machine, and in every version.
PINNED = "05659ddd737b50b060f8fe7dfa49a095f31ce617be6408f4c7c320a474d31060"

BAD_SCHEMAS = [
    ("a", 1, "a field is written name:type"),
    ("a:int64,b", 9, "a field is written name:type"),
    ("a:int64,", 9, "a field is written name:type"),
    (",a:int64", 1, "a field is written name:type"),
    ("a:", 3, "a type expected"),
    ("a:!", 3, "a type expected"),
    ("a:int65", 3, "unknown type 'int65'"),
    ("a:int64, b:  strin", 14, "unknown type 'strin'"),
    ("a:int64 b:int8", 9, "',' or the end expected, not 'b'"),
    ("a:int64!!", 9, "',' or the end expected, not '!'"),
    ("a:int64(3)", 8, "',' or the end expected, not '('"),
    ("a:list", 7, "'<' is missing at the end"),
    ("a:list<int8", 12, "'>' is missing at the end"),
    ("a:list<int8]", 12, "'>' expected, not ']'"),
    ("a:list<int8,int8>", 12, "'>' expected, not ','"),
    ("a:map<int8>", 11, "',' expected, not '>'"),
    ("a:struct<b:int8", 16, "'>' is missing at the end"),
    ("a:struct<int8>", 10, "a field is written name:type"),
    ("a:fixed_size_list<int8>", 24, "'(' is missing at the end"),
    ("a:fixed_size_binary(-1)", 21, "a number from 0 to 2147483647 expected"),
    ("a:fixed_size_binary(99999999999999999999)", 21, "a number from 0 to 2147483647 expected"),
    ("a:decimal128(39,1)", 14, "a number from 1 to 38 expected"),
    ("a:decimal32(10)", 13, "a number from 1 to 9 expected"),
    ("a:decimal64(,1)", 13, "a number from 1 to 18 expected"),
    ("a:time32[us]", 10, "unit of time32 expected, one of: ms s"),
    ("a:timestamp[]", 13, "unit of timestamp expected, one of: us s ms ns"),
    ("a:timestamp[us", 15, "']' is missing at the end"),
    ("a:interval[years]", 12, "unit of interval expected"),
]


def column(stream, width, pattern):
    """Values of the one column, without nulls, of all batches of a stream."""
    found = []
    for batch in batches(stream):
        body = stream[batch.body:batch.body + width * batch.rows]
        found += [value[0] if len(value) == 1 else value for value in struct.iter_unpack(pattern, body)]
    return found


def batches(stream):
    return [message for message in kit.messages(stream) if message.kind == kit.BATCH]


def bits(stream):
    """Values of the one column of booleans, without nulls."""
    return [stream[batch.body + i // 8] >> i % 8 & 1 for batch in batches(stream) for i in range(batch.rows)]


def texts(stream):
    """Values of the one column of text, without nulls."""
    found = []
    for batch in batches(stream):
        count = batch.rows + 1
        offsets = struct.unpack_from("<%di" % count, stream, batch.body)
        at = batch.body + (4 * count + 63) // 64 * 64
        found += [stream[at + begin:at + end].decode("utf-8") for begin, end in zip(offsets, offsets[1:])]
    return found


class Streams(kit.ToolTest):
    def info(self, data):
        return json.loads(self.ok("info", "--json", data=data))

    def test_same_bytes(self):
        arguments = ["--rows=500", "--batch-rows=70", "--schema", EVERYTHING, "--null-rate=0.3", "--seed=5"]
        self.assertEqual(self.gen(*arguments), self.gen(*arguments))

    def test_pinned(self):
        data = self.gen("--rows=100", "--batch-rows=100", "--schema", EVERYTHING, "--null-rate=0.2", "--seed=7")
        self.assertEqual(hashlib.sha256(kit.bodies(data)).hexdigest(), PINNED)

    def test_seed_changes_values(self):
        def stream(seed):
            return self.gen("--rows=50", "--schema=a:int64,b:utf8", "--seed", seed)
        self.assertEqual(len({stream(seed) for seed in ("0", "1", "2", "0xffffffffffffffff")}), 4)
        self.assertEqual(stream("16"), stream("0x10"))

    def test_batch_rows_do_not_change_values(self):
        """The same values whatever the batches: words, bytes that do not fill words, bits, text."""
        kinds = [("uint64!", lambda data: column(data, 8, "<Q")), ("fixed_size_binary(5)!", lambda data: column(data, 5, "5s")),
                 ("bool!", bits), ("utf8!", texts), ("decimal128(38,0)!", lambda data: column(data, 16, "16s"))]
        for name, values in kinds:
            with self.subTest(name):
                first = values(self.gen("--rows=1000", "--batch-rows=1000", "--schema=a:" + name))
                self.assertEqual(len(first), 1000)
                self.assertGreater(len(set(first)), 1)
                for batch_rows in (1, 7, 64, 999, 5000):
                    self.assertEqual(values(self.gen("--rows=1000", "--batch-rows", batch_rows, "--schema=a:" + name)), first)

    def test_types_and_batches(self):
        """Every type, in small batches and in large ones."""
        for name in TYPES:
            with self.subTest(name):
                schema = "--schema=x:" + name
                small = self.write("small", self.gen("--rows=96", "--batch-rows=32", schema, "--null-rate=0.25"))
                large = self.write("large", self.gen("--rows=96", "--batch-rows=96", schema, "--null-rate=0.25"))
                self.assertEqual(self.ok("verify", small, large).count(b": ok"), 2)
                found = self.info(self.read("small"))
                self.assertEqual((found["rows"], found["batches"]), (96, 3))
                self.assertEqual(len(found["schema"]["fields"]), 1)
                # The first batch of 32 rows is the same as when nothing follows.
                alone = self.gen("--rows=32", "--batch-rows=32", schema, "--null-rate=0.25")
                first, only = batches(self.read("small"))[0], batches(alone)[0]
                self.assertEqual(self.read("small")[first.body:first.end], alone[only.body:only.end])

    def test_schema_is_what_was_asked(self):
        fields = self.info(self.gen("--rows=1", "--schema", EVERYTHING))["schema"]["fields"]
        self.assertEqual(len(fields), len(TYPES))
        for field, name in zip(fields, TYPES):
            if "<" not in name:
                self.assertEqual((field["type"], field["nullable"]), (name, True))

    def test_other_names_and_defaults(self):
        pairs = [("half", "float16"), ("float", "float32"), ("double", "float64"), ("string", "utf8"),
                 ("large_string", "large_utf8"), ("time32", "time32[ms]"), ("time64", "time64[us]"),
                 ("timestamp", "timestamp[us]"), ("duration", "duration[us]"), ("interval", "interval[month_day_nano]"),
                 ("decimal128(5)", "decimal128(5,0)"), ("timestamp[ s , Asia/Kolkata ]", "timestamp[s, Asia/Kolkata]")]
        for short, full in pairs:
            field = self.info(self.gen("--rows=1", "--schema=x:" + short))["schema"]["fields"][0]
            self.assertEqual(field["type"], full)

    def test_names_and_nullability(self):
        found = self.info(self.gen("--rows=3", "--schema", " a b :int8!, :utf8 ,é:list<int8!>,a b:bool,m:map<int8,int8>!"))
        fields = found["schema"]["fields"]
        self.assertEqual([field["name"] for field in fields], ["a b", "", "é", "a b", "m"])
        self.assertEqual([field["nullable"] for field in fields], [False, True, True, True, False])
        self.assertFalse(fields[2]["children"][0]["nullable"])
        entries = fields[4]["children"][0]
        self.assertEqual([entries["name"], entries["nullable"]], ["entries", False])
        self.assertEqual([child["nullable"] for child in entries["children"]], [False, True])

    def test_no_columns_and_no_rows(self):
        found = self.info(self.gen("--rows=10", "--batch-rows=4", "--schema="))
        self.assertEqual((found["rows"], found["batches"], found["schema"]["fields"]), (10, 3, []))
        found = self.info(self.gen("--rows=0"))
        self.assertEqual((found["rows"], found["batches"], len(found["schema"]["fields"])), (0, 0, 3))

    def test_null_rate(self):
        def nulls(rate):
            data = self.gen("--rows=4096", "--batch-rows=4096", "--schema=a:bool", "--null-rate", rate)
            batch = batches(data)[0]
            if batch.end - batch.body == 512:  # no validity bitmap: no nulls
                return 0
            return sum(8 - bin(byte).count("1") for byte in data[batch.body:batch.body + 512])
        self.assertEqual(nulls("0"), 0)
        self.assertEqual(nulls("1"), 4096)
        self.assertEqual(nulls("25%"), nulls("0.25"))
        self.assertTrue(900 < nulls("0.25") < 1150, nulls("0.25"))

    def test_values_in_range(self):
        def values(name, width, pattern):
            return column(self.gen("--rows=2000", "--schema=x:%s!" % name), width, pattern)
        self.assertTrue(all(0 <= value < 86400 for value in values("time32[s]", 4, "<i")))
        self.assertTrue(all(0 <= value < 86400 * 10**9 for value in values("time64[ns]", 8, "<q")))
        self.assertTrue(all(value % 86400000 == 0 for value in values("date64", 8, "<q")))
        self.assertTrue(all(0 <= value < 2**32 * 10**9 for value in values("timestamp[ns]", 8, "<q")))
        self.assertTrue(all(-1024 <= value < 1024 for value in values("float64", 8, "<d")))
        self.assertTrue(all(-1024 <= value < 1024 for value in values("float32", 4, "<f")))
        self.assertTrue(all(abs(value) < 10**9 for value in values("decimal32(9,0)", 4, "<i")))
        wide = [low + (high << 64) for low, high in values("decimal128(38,0)", 16, "<Qq")]
        self.assertTrue(all(abs(value) < 10**38 for value in wide))
        self.assertTrue(min(wide) < 0 < max(wide) and max(map(abs, wide)) > 10**37)
        self.assertTrue(all(0 <= value < 86400000 for _, value in values("interval[day_time]", 8, "<ii")))

    def test_text_is_utf8(self):
        found = texts(self.gen("--rows=2000", "--schema=x:utf8!"))
        self.assertTrue(any(not text.isascii() for text in found))
        self.assertTrue("" in found and len(set(found)) > 1000)

    def test_bad_schemas(self):
        for text, position, expected in BAD_SCHEMAS:
            with self.subTest(text):
                done = kit.run("gen", "--schema", text)
                line = "respool gen: --schema: at character %d: %s" % (position, expected)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr.decode().startswith(line), done.stderr)

    def test_depth(self):
        """Types may nest as deep as the format's readers allow, no deeper."""
        def nested(levels):
            return "a:" + "list<" * levels + "int8" + ">" * levels
        self.assertEqual(self.info(self.gen("--rows=0", "--schema", nested(62)))["batches"], 0)
        self.bad(2, "types nested too deeply", "gen", "--schema", nested(63))
        self.bad(2, "types nested too deeply", "gen", "--schema", nested(10000))

    def test_too_large_a_batch(self):
        self.bad(1, "not enough memory for a batch: use fewer --batch-rows", "gen", "--rows=1G", "--batch-rows=1G",
                 "--schema=a:fixed_size_list<int64>(2000000000)")

    def test_full_disk_and_closed_pipe(self):
        with open("/dev/full", "wb") as full:
            self.bad(1, "standard output: .*No space left", "gen", stdout=full)
        process = self.start("gen", "--rows=1000G", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(1000)
        process.stdout.close()
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read()), (0, b""))


if __name__ == "__main__":
    kit.main()
