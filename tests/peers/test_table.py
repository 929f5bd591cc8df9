# SPDX-License-Identifier: Apache-2.0
"""The tables in docs/interop.md say what is known of the peers."""

import pathlib
import re
import textwrap
import unittest

import cases
import known
import peer

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "interop.md"
MARK = "<!-- What follows is written by tests/peers/test_table.py. -->\n"
WIDTH = 118
PINS = {
    "polars": ("python/requirements.txt", r"polars==(\S+)"),
    "duckdb": ("python/requirements.txt", r"duckdb==(\S+)"),
    "nanoarrow": ("python/requirements.txt", r"nanoarrow==(\S+)"),
    "rust": ("rust/Cargo.toml", r'arrow-ipc = \{ version = "=([^"]+)"'),
    "go": ("go/go.mod", r"arrow-go/v18 v(\S+)"),
    "js": ("js/package.json", r'"apache-arrow": "([^"]+)"'),
}


def version(name):
    if name not in PINS:
        return "the newest"
    file, pattern = PINS[name]
    return re.search(pattern, (HERE / file).read_text()).group(1)


def sign(outcome):
    if outcome == "same":
        return "+"
    return {"error": "-", "does not apply": "."}.get(outcome.split(":")[0], "~")


def row(cells):
    return f"| {' | '.join(cells)} |\n"


def overview(outcomes):
    text = row(["type or feature", *peer.PEERS.values()]) + row(["---"] * (len(peer.PEERS) + 1))
    for key, case in cases.CASES.items():
        cells = []
        for name in peer.PEERS:
            found = outcomes[name].get(key, {})
            reads, writes = (sign(found.get(direction, "same")) for direction in ("reads", "writes"))
            cells.append(f"{'.' if case.peers_write else reads} {writes}")
        text += row([case.title, *cells])
    return text


def quoted(outcome):
    """An outcome with its error messages in quotation marks."""
    parts = (part.partition("error: ") for part in outcome.partition("; slices: "))
    return "".join(f"{before}\u201c{message}\u201d" if colon else before for before, colon, message in parts)


def in_words(name, key, found):
    reads, writes = (quoted(found.get(direction, "same")) for direction in ("reads", "writes"))
    text = reads if reads == writes else f"reading: {reads}. Writing: {writes}"
    if "VALUES" in text or (name, key) in known.REMARKS:
        text += f" ({known.REMARKS[name, key]})"
    return text


def details(name, outcomes):
    """Cases with the same outcome together."""
    groups = {}
    for key, found in outcomes.items():
        groups.setdefault(in_words(name, key, found), []).append(cases.CASES[key].title)
    text = f"\n### {peer.PEERS[name]} {version(name)}\n\n"
    if not groups:
        return text + "Everything above, both ways.\n"
    for words, titles in groups.items():
        text += textwrap.fill(f"*{'; '.join(titles)}*: {words}", WIDTH, initial_indent="- ", subsequent_indent="  ",
                              break_long_words=False, break_on_hyphens=False) + "\n"
    return text


def page_end():
    outcomes = {name: known.load(name) for name in peer.PEERS}
    return f"{MARK}\n{overview(outcomes)}" + "".join(details(name, found) for name, found in outcomes.items())


class Table(unittest.TestCase):
    maxDiff = None

    def test_page(self):
        head, mark, rest = PAGE.read_text().partition(MARK)
        self.assertTrue(mark, f"{PAGE} has lost its mark")
        if known.ACCEPTING:
            PAGE.write_text(head + page_end())
        else:
            self.assertEqual(mark + rest, page_end())


if __name__ == "__main__":
    unittest.main()
