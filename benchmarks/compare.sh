#!/usr/bin/env bash
# Runs the benchmarks of the parts (actors, codec, routing, ready list, journal), some minutes, and compares with what is recorded: the
# newest results/*.bench.txt. It prints and fails nothing: time is the machine's as much as ours. What must not get worse is counted
# in test/budget.
#
#   RECORD=NAME  keeps the figures as results/NAME.bench.txt
#   BENCH=REGEX  which ones, COUNT=6 and BENCHTIME=100ms how often and how long
set -euo pipefail
cd "$(dirname "$0")/.."

new=build/bench.txt
mkdir -p build
go test -run '^$' -benchmem -count "${COUNT:-6}" -benchtime "${BENCHTIME:-100ms}" -timeout 30m \
  -bench "${BENCH:-Actor|Parse|Scan|Append(Deliver|Ack|Message)|BodyFrames|Route|Ready|JournalAppend/sync=os|JournalAppend/sync=always/group=(64|2000)\$|JournalRead}" \
  ./benchmarks | tee "$new"

recorded=$(find benchmarks/results -name '*.bench.txt' | sort | tail -n 1)
if [ -n "$recorded" ]; then
  echo
  go tool benchstat "recorded=$recorded" "now=$new"
fi
if [ -n "${RECORD:-}" ]; then
  cp "$new" "benchmarks/results/$RECORD.bench.txt"
fi
