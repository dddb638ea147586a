#!/bin/bash
# Format and clippy.  scripts/lint.sh [format|clippy]
. "$(dirname "$0")/env.sh"

# The lints by name, as Cargo.toml lists them: [workspace.lints.rust] and [workspace.lints.clippy].
lints() {
  awk '/^\[/ { table = $0 }
       table == "[workspace.lints.rust]" && / = / { print $1 }
       table == "[workspace.lints.clippy]" && / = / { print "clippy::" $1 }' Cargo.toml
}

clippy() {
  local deny=() lint
  # Every version of clippy brings new warnings. They stop us only where the version is the one that
  # we build with; elsewhere what stops us is what we named.
  case $(cargo --version) in
    "cargo $RUST_NEEDED."*) deny=(-D warnings) ;;
    *) for lint in $(lints); do deny+=(-D "$lint"); done ;;
  esac
  cargo clippy --workspace --all-targets --locked -- "${deny[@]}"
}

case ${1:-all} in
  format) cargo fmt --all --check ;;
  clippy) clippy ;;
  all) cargo fmt --all --check && clippy ;;
  *) stop "usage: scripts/lint.sh [format|clippy]" ;;
esac
