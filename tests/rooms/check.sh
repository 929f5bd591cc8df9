#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares the #include lines of the source with the table of rooms: a room may include what stands to the right of it,
# itself, and the public header. Prints one line for each violation.
# Usage: check.sh ROOT
set -eu

root=${1:?usage: check.sh ROOT}
cd "$root"

find src cli examples \( -name '*.c' -o -name '*.h' \) -type f 2>/dev/null | LC_ALL=C sort | xargs awk '
  BEGIN {
    below["support"] = ""
    below["os"] = "support"
    below["arrow"] = "support"
    below["ipc"] = "arrow support"
    below["store"] = "os support"
    below["stream"] = "ipc arrow store os support"
    below["spool"] = "stream ipc arrow store os support"
    # Headers of system calls. Only src/os may make any.
    system_header = "^(unistd|fcntl|poll|pthread|semaphore|signal|sched|dirent|dlfcn|spawn|termios|threads)[.]h$"
    system_folder = "^(sys|linux|asm|net|netinet|arpa|mach)/"
  }

  function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    found = 1
  }

  function contains(list, word,   words, n, i) {
    n = split(list, words, " ")
    for (i = 1; i <= n; i++) if (words[i] == word) return 1
    return 0
  }

  # A user of the library: the public header, the system, and files of its own folder.
  function check_user(name, quoted,   first) {
    first = name
    sub("/.*", "", first)
    if (name ~ /[.][.]\// || name ~ /^src\//) complain("includes \"" name "\", a path out of its folder")
    else if (first in below) complain("includes \"" name "\", but may see the public header only")
    else if (quoted && first != name && first != "respool" && first != top) complain("includes \"" name "\" of another folder")
  }

  function check_room(name, quoted,   first) {
    first = name
    sub("/.*", "", first)
    if (first == "respool" && first != name) return
    if (!quoted && room != "os" && (name ~ system_header || name ~ system_folder)) {
      complain("room \"" room "\" includes <" name ">, which only src/os may")
      return
    }
    if (!quoted && !(first in below && first != name)) return
    if (first == name) complain("includes \"" name "\": write it as \"room/file.h\"")
    else if (!(first in below)) complain("includes \"" name "\", which is in no room")
    else if (first != room && !contains(below[room], first))
      complain("room \"" room "\" includes \"" name "\": calls go down the table of rooms only")
  }

  FNR == 1 {
    n = split(FILENAME, part, "/")
    top = part[1]
    room = top == "src" && n > 2 ? part[2] : ""
    if (top == "src" && !(room in below)) complain("is in no room that the table knows")
  }

  /^[ \t]*#[ \t]*include[ \t]*["<]/ {
    quoted = index($0, "\"") > 0 && (index($0, "<") == 0 || index($0, "\"") < index($0, "<"))
    name = $0
    sub(/^[^"<]*["<]/, "", name)
    sub(/[">].*$/, "", name)
    if (top != "src") check_user(name, quoted)
    else if (room in below) check_room(name, quoted)
  }

  END { exit found }
'
