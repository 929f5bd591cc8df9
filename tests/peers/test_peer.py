# SPDX-License-Identifier: Apache-2.0
"""test_peer.py NAME: every case with one peer, in both directions. What comes out has to be what is known of it."""

import pathlib
import sys
import tempfile
import unittest

import cases
import exchange
import known
import peer

NAME = sys.argv.pop(1)


class Peer(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix=f"respool-peer-{NAME}-")
        self.addCleanup(scratch.cleanup)
        self.exchange = exchange.Exchange(NAME, pathlib.Path(scratch.name))
        self.addCleanup(self.exchange.peer.stop)

    def both_ways(self, key, case):
        found = {"reads": self.exchange.reads(key, case), "writes": self.exchange.writes(key, case)}
        if found["reads"] != "same":
            # Then it is the peer's way with that type, whoever wrote it.
            self.assertEqual(self.exchange.reads_of_pyarrow(key, case), found["reads"], "of what pyarrow wrote")
        return {direction: outcome for direction, outcome in found.items() if outcome != "same"}

    def test_all_cases(self):
        outcomes, expected = {}, known.load(NAME)
        for key, case in cases.CASES.items():
            if not exchange.has_codec(case):
                outcomes[key] = expected.get(key, {})
                continue
            with self.subTest(case=key):
                outcomes[key] = self.both_ways(key, case)
                if not known.ACCEPTING:
                    self.assertEqual(outcomes[key], expected.get(key, {}))
        if known.ACCEPTING:
            known.save(NAME, {key: found for key, found in outcomes.items() if found})
        else:
            self.assertLessEqual(set(expected), set(outcomes), "known of cases that are not there")


if __name__ == "__main__":
    try:
        peer.command_of(NAME)
    except peer.Missing as missing:
        print(f"peers: {NAME} is left out: {missing}")
        sys.exit(77)
    unittest.main()
