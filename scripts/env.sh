# Sourced by the other scripts: goes to the root of the project and finds the tools.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# su without "-" leaves root without the system folders; rustup and our own unpacked tools are in none.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
[ -x "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo" ] && PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
TOOLS=$PWD/target/tools
PATH=$PATH:$TOOLS/babeld/usr/sbin:$TOOLS/bird/usr/sbin
export PATH

# Where cargo puts what it builds.
BUILT=${CARGO_TARGET_DIR:-target}
# The oldest Rust that Cargo.toml allows, like 1.95.
RUST_NEEDED=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)

say() { printf '%s\n' "$*" >&2; }
stop() { say "stop: $*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
# at_least 1.96.0 1.95: whether the first version is the second or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
