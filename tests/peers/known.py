# SPDX-License-Identifier: Apache-2.0
"""What is known of each peer: the outcomes that are not "same", one file for each peer in outcomes/."""

import json
import os
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent / "outcomes"
# With this set, what is found is written down instead of compared.
ACCEPTING = os.environ.get("RESPOOL_PEERS_ACCEPT") == "1"

# What the words of an outcome leave open: above all, how values differ.
REMARKS = {
    ("duckdb", "duration"): "the same times as another type, cut to microseconds",
    ("duckdb", "interval-months"): "the same months as another type",
    ("duckdb", "interval-nanos"): "cut to microseconds",
    ("duckdb", "sparse-union"): "the type id of a null is not kept",
    ("duckdb", "extensions"): "UUIDs become text",
    ("rust", "nested-runs"): "a batch without rows says that it has data buffers of views, and has none",
    ("js", "null"): "a column of nulls says that it has none",
    ("js", "lz4"): "the size of compressed bytes stands where the size of what is in them belongs",
    ("js", "zstd"): "the same",
}


def load(name):
    """{case: {direction: outcome}}"""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def save(name, outcomes):
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(outcomes, indent=1, ensure_ascii=False) + "\n")
