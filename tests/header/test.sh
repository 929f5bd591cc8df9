#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles users of the public header as C and C++ of several standards, every warning an error.
# Usage: test.sh COMPILER INCLUDE-FOLDER   (exit 77: the compiler is not here)
set -eu

compiler=${1:?usage: test.sh COMPILER INCLUDE-FOLDER}
include=${2:?usage: test.sh COMPILER INCLUDE-FOLDER}
cd "$(dirname "$0")"

warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror"
c_only="-Wstrict-prototypes -Wmissing-prototypes"

# language, its own warnings, standards
compile() {
  language=$1 extra=$2
  shift 2
  for standard in "$@"; do
    for file in alone.c after_other.c before_other.c; do
      # shellcheck disable=SC2086  # lists of flags
      "$compiler" -x "$language" -std="$standard" $warnings $extra -I "$include" -fsyntax-only "$file" || {
        echo "header: $file as $standard with $compiler: does not compile cleanly"
        exit 1
      }
    done
  done
}

command -v "$compiler" >/dev/null || { echo "skipped: no $compiler here"; exit 77; }
compile c "$c_only" c99 c11 c17
if echo 'int main() { return 0; }' | "$compiler" -x c++ -fsyntax-only - 2>/dev/null; then
  compile c++ "" c++11 c++17 c++20
else
  echo "skipped: $compiler here compiles no C++"
  exit 77
fi
