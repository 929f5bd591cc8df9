# SPDX-License-Identifier: Apache-2.0
"""What is expected of each golden stream.

Every stream that is found must be listed here, and every one listed must be found, save those in MAY_BE_ABSENT: copies
of the corpus differ in size. So no stream is skipped without a word.
"""

class Same:
    """The content equals the JSON beside the stream, in which these fields have other names than in the stream.

    Where `sorted_metadata` says so, the stream's writer has sorted the fields' metadata, and the JSON's has not.
    """

    def __init__(self, sorted_metadata=False, **renamed):
        self.sorted_metadata = sorted_metadata
        self.renamed = renamed


class Refused:
    """Not supported yet. The message holds each of the given texts, case aside."""

    def __init__(self, *texts):
        self.texts = texts


SAME = Same()

SORTED_METADATA = Same(sorted_metadata=True)

# Its writer gave the children of maps their usual names; the JSON has those that were asked for.
USUAL_MAP = Same(some_entries="entries", some_key="key", some_value="value")


V5 = {
    "custom_metadata": SAME,
    "datetime": SAME,
    "decimal": SAME,
    "decimal256": SAME,
    "dictionary": SAME,
    "dictionary_unsigned": SAME,
    "duplicate_fieldnames": SAME,
    "extension": SORTED_METADATA,
    "interval": SAME,
    "map": SAME,
    "map_non_canonical": USUAL_MAP,
    "nested": SAME,
    "nested_dictionary": SAME,
    "nested_large_offsets": SAME,
    "null": SAME,
    "null_trivial": SAME,
    "primitive": SAME,
    "primitive_large_offsets": SAME,
    "primitive_no_batches": SAME,
    "primitive_zerolength": SAME,
    "recursive_nested": SAME,
    "union": SAME,
}

CASES = {
    "0.14.1": {
        "datetime": SAME,
        "decimal": SAME,
        "dictionary": SAME,
        "interval": SAME,
        "map": SAME,
        "nested": SAME,
        "primitive": SAME,
        "primitive_no_batches": SAME,
        "primitive_zerolength": SAME,
    },
    # Unions had nulls of their own then.
    "0.17.1": {"union": Refused("union")},
    "1.0.0-littleendian": V5,
    "1.0.0-bigendian": V5,
    "2.0.0-compression": {
        "lz4": SAME,
        "zstd": SAME,
        "uncompressible_lz4": SAME,
        "uncompressible_zstd": SAME,
    },
    "4.0.0-shareddict": {"shared_dict": SAME},
    "cpp-21.0.0": {
        "binary": SAME,
        "binary_no_batches": SAME,
        "binary_view": SAME,
        "binary_zerolength": SAME,
        "custom_metadata": SAME,
        "datetime": SAME,
        "decimal": SAME,
        "decimal256": SAME,
        "decimal32": SAME,
        "decimal64": SAME,
        "dictionary": SAME,
        "dictionary_unsigned": SAME,
        "duplicate_fieldnames": SAME,
        "duration": SAME,
        "extension": SORTED_METADATA,
        "interval": SAME,
        "interval_mdn": SAME,
        "large_binary": SAME,
        "list_view": SAME,
        "map": SAME,
        "map_non_canonical": USUAL_MAP,
        "nested": SAME,
        "nested_dictionary": SAME,
        "nested_large_offsets": SAME,
        "null": SAME,
        "null_trivial": SAME,
        "primitive": SAME,
        "primitive_no_batches": SAME,
        "primitive_zerolength": SAME,
        "recursive_nested": SAME,
        "run_end_encoded": SAME,
        "union": SAME,
    },
}

MAY_BE_ABSENT = {
    ("0.17.1", "union"),
    ("cpp-21.0.0", "decimal256"),
    ("cpp-21.0.0", "decimal64"),
    ("cpp-21.0.0", "dictionary_unsigned"),
    ("cpp-21.0.0", "duration"),
    ("cpp-21.0.0", "large_binary"),
    ("cpp-21.0.0", "map_non_canonical"),
    ("cpp-21.0.0", "nested_large_offsets"),
    ("cpp-21.0.0", "null_trivial"),
    ("cpp-21.0.0", "primitive_no_batches"),
    ("cpp-21.0.0", "primitive_zerolength"),
    ("cpp-21.0.0", "recursive_nested"),
}
