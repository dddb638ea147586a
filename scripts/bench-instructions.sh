#!/bin/bash
# Counts the instructions of simulated meshes with fixed seeds: the same work on any machine, however busy it is. Two
# commits are compared by their counts; wall time is not looked at. target/bench/instructions.json
. "$(dirname "$0")/env.sh"

if ! has valgrind; then
  [ "$(id -u)" = 0 ] || stop "valgrind is missing and installing it needs root."
  say "bench: installing valgrind"
  apt-get -q update >&2 && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends valgrind >&2 </dev/null ||
    stop "apt-get could not install valgrind"
fi
cargo build --locked --workspace --bins
mkdir -p target/bench
json=target/bench/instructions.json
{
  printf '{\n'
  comma=
  printf '%-22s %18s %10s %14s\n' mesh instructions events "per event" >&2
  for seed in 2 6 8; do
    log=target/bench/callgrind-$seed.log
    # The counts are in its last words; the file of the call graph is for whoever looks into it.
    line=$(valgrind --tool=callgrind --callgrind-out-file="target/bench/callgrind-$seed.out" --log-file="$log" \
      "$BUILT/debug/lab" sim --seed "$seed" --json | sed -n 1p)
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log")
    events=$(printf '%s\n' "$line" | python3 -c 'import json, sys; print(json.load(sys.stdin)["events"])')
    [ -n "$count" ] || stop "callgrind counted nothing; read $log"
    printf '%-22s %18d %10d %14d\n' "village, seed $seed" "$count" "$events" $((count / events)) >&2
    printf '%s  "village_%d.instructions": %d,\n  "village_%d.events": %d' "$comma" "$seed" "$count" "$seed" "$events"
    comma=$',\n'
  done
  printf '\n}\n'
} >"$json.new"
mv "$json.new" "$json"
