#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the build into a scratch prefix and uses it from there, as somebody else's project would.
# Usage: test.sh prefix|files|symbols|pkgconfig|cmake   (exit 77: a program it needs is not here)
# From the environment: CMAKE, GENERATOR, CC, CXX, BUILD (folder of the build), SCRATCH (folder to work in), LIBDIR
# (relative to the prefix), LOCALIZED (1: the archive hides what is internal), TOOL (1: the tool was built), VERSION.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=$SCRATCH/prefix
libdir=$prefix/$LIBDIR

die() {
  echo "install: $*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || { echo "skipped: no $1 here"; exit 77; }
}

# Installed in one place, used from another: nothing in it may depend on where it was put first.
install_prefix() {
  rm -rf "$SCRATCH"
  mkdir -p "$SCRATCH"
  "$CMAKE" --install "$BUILD" --prefix "$SCRATCH/first" >/dev/null
  mv "$SCRATCH/first" "$prefix"
}

check_files() {
  for file in include/respool/respool.h "$LIBDIR/librespool.a" "$LIBDIR/librespool.so" "$LIBDIR/librespool.so.0" \
    "$LIBDIR/pkgconfig/respool.pc" "$LIBDIR/cmake/respool/respoolConfig.cmake" share/doc/respool/LICENSE; do
    [ -e "$prefix/$file" ] || die "$file was not installed"
  done
  grep -rl "$SCRATCH/first" "$libdir/pkgconfig" "$libdir/cmake" && die "a file names the place of installation"
  [ "$TOOL" = 1 ] || return 0
  [ -f "$prefix/share/man/man1/respool.1" ] || die "the manual page was not installed"
  "$prefix/bin/respool" --version | grep -qF "$VERSION" || die "the tool does not say that it is version $VERSION"
}

# Compare the global symbols that `nm` shows with the committed list.
compare_symbols() {
  what=$1
  shift
  nm "$@" | awk 'NF == 3 && $2 ~ /^[A-Z]$/ && $2 != "U" { print $3 }' | LC_ALL=C sort -u >"$SCRATCH/symbols"
  diff -u "$here/symbols.txt" "$SCRATCH/symbols" || die "$what: symbols differ from tests/install/symbols.txt"
}

check_symbols() {
  need nm
  need readelf
  compare_symbols "shared library" -D --defined-only "$libdir/librespool.so"
  [ "$LOCALIZED" != 1 ] || compare_symbols "archive" -g --defined-only "$libdir/librespool.a"
  readelf -d "$libdir/librespool.so" | grep -q 'SONAME.*\[librespool\.so\.0\]' || die "wrong soname"
  [ "$(readlink "$libdir/librespool.so.0")" = "librespool.so.$VERSION" ] || die "librespool.so.0 leads elsewhere"
}

run() {
  LD_LIBRARY_PATH=$libdir "$@" || die "$* failed"
}

# The C compiler alone must do, and a C++ one too where there is one.
use_pkgconfig() {
  need pkg-config
  PKG_CONFIG_PATH=$libdir/pkgconfig
  export PKG_CONFIG_PATH
  [ "$(pkg-config --modversion respool)" = "$VERSION" ] || die "pkg-config tells another version"
  out=$SCRATCH/pkgconfig
  mkdir -p "$out"
  # shellcheck disable=SC2046  # lists of flags
  "$CC" -std=c99 $(pkg-config --cflags respool) "$here/consumer/consumer.c" -o "$out/shared" $(pkg-config --libs respool)
  run "$out/shared"
  # shellcheck disable=SC2046
  "$CC" -std=c99 -static $(pkg-config --cflags respool) "$here/consumer/consumer.c" -o "$out/static" \
    $(pkg-config --static --libs respool)
  run "$out/static"
  need "$CXX"
  # shellcheck disable=SC2046
  "$CXX" -std=c++11 -pthread $(pkg-config --cflags respool) "$here/consumer/consumer.cpp" -o "$out/cpp" \
    $(pkg-config --libs respool)
  run "$out/cpp"
}

use_cmake() {
  need "$CXX"
  rm -rf "$SCRATCH/consumer"
  log=$SCRATCH/consumer.log
  {
    "$CMAKE" -S "$here/consumer" -B "$SCRATCH/consumer" -G "$GENERATOR" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" \
      -DCMAKE_CXX_COMPILER="$CXX" && "$CMAKE" --build "$SCRATCH/consumer"
  } >"$log" 2>&1 || {
    cat "$log"
    die "the consumer's CMake project does not build"
  }
  for program in c_respool c_static cpp_respool cpp_static; do
    run "$SCRATCH/consumer/$program"
  done
}

case ${1:-} in
  prefix) install_prefix ;;
  files) check_files ;;
  symbols) check_symbols ;;
  pkgconfig) use_pkgconfig ;;
  cmake) use_cmake ;;
  *) die "usage: test.sh prefix|files|symbols|pkgconfig|cmake" ;;
esac
