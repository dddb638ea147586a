#!/bin/bash
# What the ledger costs: octets, seconds, memory, flash, and instructions of one signature and one typed code (callgrind:
# eleven times less once, so that the start does not count). target/bench/ledger.json
. "$(dirname "$0")/env.sh"

has valgrind || stop "valgrind is missing: scripts/bench-instructions.sh installs it"
cargo build --locked --workspace --bins
mkdir -p target/bench
json=target/bench/ledger.json
"$BUILT/debug/lab" bench-ledger --json "$json.new"
counted() {
  local log=target/bench/callgrind-ledger.log
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file="$log" "$BUILT/debug/lab" bench-ledger --work "$1" --times "$2" >&2
  sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$log"
}
for work in verify code; do
  one=$(counted "$work" 1) eleven=$(counted "$work" 11)
  [ -n "$one" ] && [ -n "$eleven" ] || stop "callgrind counted nothing"
  each=$(((eleven - one) / 10))
  name=verify_instructions
  [ "$work" = verify ] || name=code_check_instructions
  printf '%-24s %14d\n' "$name" "$each"
  python3 - "$json.new" "$name" "$each" <<'PYTHON'
import json, sys
path, name, value = sys.argv[1:]
figures = json.load(open(path))
figures[name] = int(value)
json.dump(figures, open(path, "w"), indent=2)
PYTHON
done
mv "$json.new" "$json"
