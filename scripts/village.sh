#!/bin/bash
# Builds what is needed and plays the village; arguments go to `lab village`.
. "$(dirname "$0")/env.sh"
say "village: building (the first time takes some minutes)"
cargo build --workspace --locked --bins </dev/null
exec "$BUILT/debug/lab" village "$@"
