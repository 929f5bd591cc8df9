#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A stream larger than its memory limit goes in once and comes out three times, at three speeds; first through the tool,
# then through a program with the C API. Checks that everybody got the same bytes, and how much memory it took.
# Usage: demo.sh BUILD-FOLDER WORK-FOLDER   (the work folder is made, and removed at the end)
set -euo pipefail

build=${1:?usage: demo.sh BUILD-FOLDER WORK-FOLDER}
work=${2:?usage: demo.sh BUILD-FOLDER WORK-FOLDER}
tool=$build/bin/respool
limit_mib=64
least_bytes=$((1 << 30))
rows=${RESPOOL_DEMO_ROWS:-30000000}
schema='id:int64,price:float64,quantity:int32,name:utf8,day:date32'
needed_mib=1536

die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# Background jobs are process groups (set -m), so that what waits in a pipe of theirs ends too.
cleanup() {
  local pid
  for pid in $(jobs -p); do kill -- "-$pid" 2>/dev/null || true; done
  rm -rf "$work"
}

now() { printf '%s' "${EPOCHREALTIME/,/.}"; }
hash_of() { cut -d' ' -f1 "$work/$1.sum"; }
number_in() { sed -n 's/^{.*"'"$2"'": *\([0-9]*\).*/\1/p' "$1"; }
mib_of() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1048576 }'; }

check_space() {
  local free
  free=$(df -Pm "$work" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge $needed_mib ] || die "needs $needed_mib MiB free in $work, there are $free. Make room and start again"
}

# Note the highest values that a process's memory reaches, until it ends: what is its own (anonymous), and all that is
# resident, file pages included.
watch_memory() {
  local pid=$1 result=$2 key value rest own=0 own_peak=0 all_peak=0
  while [ -r "/proc/$pid/status" ]; do
    while read -r key value rest; do
      case $key in
        RssAnon:) own=$value ;;
        VmHWM:) all_peak=$value ;;
      esac
    done 2>/dev/null <"/proc/$pid/status" || break
    [ "$own" -le "$own_peak" ] || own_peak=$own
    sleep 0.02
  done
  echo "$((own_peak / 1024)) $((all_peak / 1024))" >"$result"
}

report_memory() {
  local own all
  read -r own all <"$1"
  if [ "$all" -eq 0 ]; then
    echo "  peak memory: not known here (no /proc)"
    return
  fi
  echo "  peak memory: $own MiB of its own (limit $limit_mib MiB); $all MiB resident in all, the rest being pages of the"
  echo "  spool's file that are mapped for reading: the system can drop those at any time"
  [ "$own" -le $((limit_mib * 2)) ] || die "$own MiB of memory are not near the limit of $limit_mib MiB"
}

# ---- Consumers: each takes its FIFO to the end, and notes when it began and ended --------------------

consume() {
  local name=$1
  shift
  local started
  started=$(now)
  "$@"
  echo "$started $(now)" >"$work/$name.times"
}

# The first half in a piece of its own, so that the late consumer can be told of it.
take_fast() {
  {
    dd bs=1M count=$((least_bytes / 2 >> 20)) iflag=fullblock status=none
    : >"$work/half"
    cat
  } <"$work/fast.fifo" | b2sum -l 256 >"$work/fast.sum"
}

take_slow() { pace <"$work/slow.fifo" 3>&1 | b2sum -l 256 >"$work/slow.sum"; }
take_late() { b2sum -l 256 <"$work/late.fifo" >"$work/late.sum"; }

# Copies standard input to descriptor 3 in pieces of 32 MiB, with a rest after each.
pace() {
  local report
  while report=$(dd bs=1M count=32 iflag=fullblock 2>&1 >&3) && [[ $report != 0+0* ]]; do sleep 0.3; done
}

# Joins when the fast consumer has had half of what this demo makes at least.
join_late() {
  while [ ! -e "$work/half" ]; do sleep 0.02; done
  consume late take_late
}

report_consumer() {
  local name=$1 began=$2 bytes=$3 started ended
  read -r started ended <"$work/$name.times"
  awk -v name="$name" -v began="$began" -v started="$started" -v ended="$ended" -v bytes="$bytes" \
    -v hash="$(hash_of "$name")" 'BEGIN {
      mib = bytes / 1048576; seconds = ended - started
      printf "  %-8s %6.2f s %9.1f %8.2f %8.0f  %.16s...\n", name, started - began, mib, seconds, mib / seconds, hash
    }'
}

generate() { "$tool" gen --rows "$rows" --batch-rows 65536 --schema "$schema" --seed 1; }

# ---- Part one: the tool -------------------------------------------------------------------------------

run_tool() {
  local began name tee_pid bytes
  mkfifo "$work"/{input,check,fast,slow,late}.fifo
  began=$(now)
  generate | tee "$work/check.fifo" >"$work/input.fifo" &
  b2sum -l 256 <"$work/check.fifo" >"$work/input.sum" &
  local checker=$!
  "$tool" tee -m ${limit_mib}MiB -d "$work" -o "$work/fast.fifo" -o "$work/slow.fifo" -o "$work/late.fifo" --stats \
    "$work/input.fifo" >"$work/tool.stats" 2>&1 &
  tee_pid=$!
  watch_memory $tee_pid "$work/tool.memory" &
  local consumers=($!)
  consume fast take_fast &
  consumers+=($!)
  consume slow take_slow &
  consumers+=($!)
  join_late &
  consumers+=($!)
  wait $tee_pid || die "respool tee failed: $(cat "$work/tool.stats")"
  wait "${consumers[@]}" $checker

  bytes=$(number_in "$work/tool.stats" bytes)
  [ "$bytes" -ge $least_bytes ] || [ -n "${RESPOOL_DEMO_ROWS:-}" ] || die "the input is smaller than meant: $bytes bytes"
  echo "respool tee: $(mib_of "$bytes") MiB under a limit of $limit_mib MiB, to three FIFOs"
  printf '  %-8s %8s %9s %8s %8s  %s\n' reader joined MiB seconds MiB/s blake2b
  for name in fast slow late; do report_consumer $name "$began" "$bytes"; done
  for name in fast slow late; do
    [ "$(hash_of $name)" = "$(hash_of input)" ] || die "the $name reader got other data than went in"
  done
  echo "  all three got what went in, byte for byte"
  report_memory "$work/tool.memory"
  echo "  written to disk: $(mib_of "$(number_in "$work/tool.stats" bytes_written)") MiB"
}

# ---- Part two: a program with the C API --------------------------------------------------------------

run_program() {
  local pid
  mkfifo "$work"/{source,program}.fifo
  generate >"$work/source.fifo" &
  b2sum -l 256 <"$work/program.fifo" >"$work/program.sum" &
  local checker=$!
  "$build/examples/late_reader" -m $limit_mib -d "$work" -o "$work/program.fifo" "$work/source.fifo" \
    >"$work/program.out" &
  pid=$!
  watch_memory $pid "$work/program.memory" &
  local watcher=$!
  wait $pid || die "examples/late_reader failed"
  wait $watcher $checker
  echo "examples/late_reader: the same stream through the C API, to three threads"
  sed 's/^/  /' "$work/program.out"
  [ "$(hash_of program)" = "$(hash_of input)" ] || die "the late reader of examples/late_reader got other data than went in"
  echo "  all three hashes are equal, and what the late reader got is byte for byte what went in"
  report_memory "$work/program.memory"
}

set -m
rm -rf "$work"
mkdir -p "$work"
trap cleanup EXIT
trap 'exit 130' INT TERM
check_space
run_tool
echo
run_program
