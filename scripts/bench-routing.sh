#!/bin/bash
# Measures our routing beside babeld's and BIRD's; the table is docs/benchmarks.md's, the figures go to
# target/bench/routing.json. Fails when a bar is missed.
#   scripts/bench-routing.sh [ARGUMENTS OF lab bench-routing]
. "$(dirname "$0")/env.sh"

cargo build --locked --workspace --bins
cargo build --locked --release --package tequio --bin tequio
exec "$BUILT/debug/lab" bench-routing --tequio "$BUILT/release/tequio" --json target/bench/routing.json "$@"
