#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The source keeps to the table of rooms, and the check of that finds each kind of violation in a scratch copy.
# Usage: test.sh ROOT SCRATCH
set -eu

root=${1:?usage: test.sh ROOT SCRATCH}
scratch=${2:?usage: test.sh ROOT SCRATCH}
here=$(dirname "$0")
failures=0

"$here/check.sh" "$root" || { echo "rooms: the source breaks the table"; exit 1; }

# A scratch copy without the line that is planted must pass, or finding it would mean nothing.
fresh_copy() {
  rm -rf "$scratch"
  mkdir -p "$scratch"
  for folder in src cli examples; do
    [ ! -d "$root/$folder" ] || cp -R "$root/$folder" "$scratch/"
  done
  mkdir -p "$scratch/src/support" "$scratch/src/os" "$scratch/src/arrow" "$scratch/src/ipc" "$scratch/src/store" \
    "$scratch/src/stream" "$scratch/src/spool" "$scratch/cli" "$scratch/examples"
  "$here/check.sh" "$scratch"
}

# Plant TEXT as FILE and expect a complaint about it that holds WORDS.
expect_found() {
  file=$1 text=$2 words=$3
  fresh_copy
  printf '/* planted */\n%s\n' "$text" >"$scratch/$file"
  if out=$("$here/check.sh" "$scratch"); then
    echo "rooms: not found: $text in $file"
    failures=$((failures + 1))
  elif ! printf '%s\n' "$out" | grep -F "$file:" | grep -qF "$words"; then
    printf 'rooms: wrong complaint for "%s" in %s:\n%s\n' "$text" "$file" "$out"
    failures=$((failures + 1))
  fi
}

expect_allowed() {
  file=$1 text=$2
  fresh_copy
  printf '/* planted */\n%s\n' "$text" >"$scratch/$file"
  "$here/check.sh" "$scratch" || {
    echo "rooms: refused: $text in $file"
    failures=$((failures + 1))
  }
}

expect_found src/support/planted.c '#include "os/file.h"' 'down the table'
expect_found src/os/planted.c '#include "arrow/layout.h"' 'down the table'
expect_found src/arrow/planted.h '#  include "ipc/encode.h"' 'down the table'
expect_found src/ipc/planted.c '#include "store/store.h"' 'down the table'
expect_found src/ipc/planted.c '#include <os/file.h>' 'down the table'
expect_found src/store/planted.c '#include "ipc/encode.h"' 'down the table'
expect_found src/stream/planted.c '#include "spool/spool.h"' 'down the table'
expect_found src/arrow/planted.c '#include "planted.h"' 'room/file.h'
expect_found src/spool/planted.c '#include "attic/file.h"' 'in no room'
expect_found src/spool/planted.c '#include <unistd.h>' 'only src/os'
expect_found src/store/planted.c '#include <sys/mman.h>' 'only src/os'
expect_found src/spool/planted.c '#include <pthread.h>' 'only src/os'
expect_found src/planted.c 'int planted;' 'no room'
expect_found cli/planted.c '#include "support/error.h"' 'public header only'
expect_found cli/planted.c '#include "../src/support/error.h"' 'out of its folder'
expect_found examples/planted.c '#include <spool/spool.h>' 'public header only'

expect_allowed src/os/planted.c '#include <sys/mman.h>'
expect_allowed src/spool/planted.c '#include "support/error.h"'
expect_allowed src/arrow/planted.c '#include "respool/respool.h"'
expect_allowed src/arrow/planted.c '#include <respool/respool.h>'
expect_allowed src/arrow/planted.c '#include <string.h>'
expect_allowed cli/planted.c '#include <unistd.h>'
expect_allowed examples/planted.c '#include <respool/respool.h>'

rm -rf "$scratch"
[ "$failures" -eq 0 ]
