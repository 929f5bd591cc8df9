# SPDX-License-Identifier: Apache-2.0
"""Running the programs under test."""

import argparse
import json
import subprocess

TIMEOUT = 120  # seconds; a program that hangs fails its check


class Failed(Exception):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


class Programs:
    """The tool and the dump program, by their paths on the command line."""

    def __init__(self, description):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--dump", required=True)
        parser.add_argument("--tool", required=True)
        arguments = parser.parse_args()
        self.dump_path = arguments.dump
        self.tool_path = arguments.tool

    @staticmethod
    def run(*command):
        """Exit status, standard output as bytes, standard error as text."""
        done = subprocess.run(
            [str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT
        )
        return done.returncode, done.stdout, done.stderr.decode()

    def succeed(self, *command):
        status, output, errors = self.run(*command)
        text = f"{' '.join(map(str, command))}: exit status {status}, {errors.strip() or 'no message'}"
        check(status == 0 and errors == "", text)
        return output

    def tool(self, *arguments):
        return self.succeed(self.tool_path, *arguments)

    def dump(self, *arguments):
        """The content of a stream. Bytes of strings that are not UTF-8 would survive too."""
        return json.loads(self.succeed(self.dump_path, *arguments).decode("utf-8", "surrogateescape"))

    def info(self, path):
        return json.loads(self.tool("info", "--json", path))

    def refuse(self, texts, *command):
        """One line of error with 'not supported' and the given texts, exit status 1."""
        status, _, errors = self.run(*command)
        what = f"{' '.join(map(str, command))}: exit status {status}, {errors!r}"
        check(status == 1, f"{what}: status 1 expected")
        check(errors.count("\n") == 1 and errors.endswith("\n"), f"{what}: one line expected")
        for text in ("not supported", *texts):
            check(text.lower() in errors.lower(), f"{what}: '{text}' expected in it")
