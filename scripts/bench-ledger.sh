#!/bin/bash
# What the ledger costs: octets, seconds, memory, flash, and instructions of one signature and one typed code: of this
# machine's processor (callgrind), and of a router's (each one an emulator of MIPS executes, written down one by one).
# What a start costs is taken off. target/bench/ledger.json
#   scripts/bench-ledger.sh [instructions]    all, or only the instructions
. "$(dirname "$0")/env.sh"

has valgrind || stop "valgrind is missing: scripts/bench-instructions.sh installs it"
cargo build --locked --workspace --bins
mkdir -p target/bench
json=target/bench/ledger.json
if [ "${1:-}" = instructions ]; then
  echo '{}' >"$json.new"
else
  "$BUILT/debug/lab" bench-ledger --json "$json.new"
fi

# Instructions of this machine for work $1, $2 times.
here() {
  local log=target/bench/callgrind-ledger.log
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$log" "$BUILT/debug/lab" bench-ledger --work "$1" --times "$2" >&2
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log"
}

# The same of a 24Kc: the emulator writes a line for each block that it executes, and a block is one instruction.
router=target/cross-lab/mips-unknown-linux-musl/release/lab
on_mips() {
  local fifo=target/bench/instructions.fifo counted=target/bench/instructions.count counter
  rm -f "$fifo"
  mkfifo "$fifo"
  grep -ac '^Trace' "$fifo" >"$counted" &
  counter=$!
  scripts/cross.sh run mips -cpu 24Kc -singlestep -d exec,nochain -D "$fifo" "$router" bench-ledger --work "$1" --times "$2" >&2
  wait "$counter"
  rm "$fifo"
  cat "$counted"
}

# note NAME INSTRUCTIONS
note() {
  printf '%-30s %14d\n' "$1" "$2"
  python3 - "$json.new" "$1" "$2" <<'PYTHON'
import json, sys
path, name, value = sys.argv[1:]
figures = json.load(open(path))
figures[name] = int(value)
json.dump(figures, open(path, "w"), indent=2)
PYTHON
}

# each COUNTER WORK TIMES: of one piece of work, between so many and none.
each() {
  local none some
  none=$("$1" "$2" 0) some=$("$1" "$2" "$3")
  [ -n "$none" ] && [ -n "$some" ] && [ "$some" -gt "$none" ] || stop "$1 counted nothing for $2"
  echo $(((some - none) / $3))
}

PACKAGE=lab scripts/cross.sh mips
for row in verify:verify_instructions code:code_check_instructions; do
  work=${row%:*} name=${row#*:}
  note "$name" "$(each here "$work" 10)"
  note "${name%_instructions}_mips_instructions" "$(each on_mips "$work" 1)"
done
mv "$json.new" "$json"
