#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The examples do what they say, with whole input and with input that was cut.
# Usage: test.sh TOOL EXAMPLES-FOLDER SCRATCH
set -eu

tool=${1:?usage: test.sh TOOL EXAMPLES-FOLDER SCRATCH}
examples=${2:?usage: test.sh TOOL EXAMPLES-FOLDER SCRATCH}
scratch=${3:?usage: test.sh TOOL EXAMPLES-FOLDER SCRATCH}

die() {
  echo "examples: $*" >&2
  exit 1
}

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
"$tool" gen --rows 123456 --batch-rows 1000 >whole
head -c 1000000 whole >part

[ "$("$examples/replay" <whole)" = "123456 rows
123456 rows" ] || die "replay did not count 123456 rows twice"
if "$examples/replay" <part >out 2>err; then die "replay took a stream that was cut"; fi
grep -q '^replay: ' err || die "replay did not say what is wrong"

"$examples/late_reader" -m 1 -d . -o late whole >out || die "late_reader failed"
cmp whole late || die "the late reader got other data"
[ "$(awk '/^(fast|slow|late) / { print $NF }' out | sort | uniq -c | awk '{ print $1 }')" = 3 ] ||
  die "not three equal hashes: $(cat out)"
"$examples/late_reader" -m 1 -d . <whole >out || die "late_reader failed with standard input"
if "$examples/late_reader" -m 0 -d . part >out 2>err; then die "late_reader took a stream that was cut"; fi
grep -q '^late_reader: ' err || die "late_reader did not say what is wrong"
if "$examples/late_reader" -m 1 nowhere 2>err; then die "late_reader read a file that is not there"; fi
cd /
rm -rf "$scratch"
