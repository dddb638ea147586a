#!/bin/bash
# What stands in the OpenWrt package, and what its scripts do: without root, a router or the SDK, in some seconds.
#   BINARY=target/debug/tequio tests/package/run.sh      UPDATE=1 writes the expected files anew
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
TREE=$(cd "$HERE/../.." && pwd)
cd "$TREE"
BINARY=$(realpath "${BINARY:-${CARGO_TARGET_DIR:-target}/debug/tequio}")
FILES=openwrt-package/tequio/files
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export SOURCE_DATE_EPOCH=1700000000
PARTS=("$HERE"/{package,router,service,first_boot,guide}.sh)
# What a test returns that this machine cannot run.
NOT_RUN=77
# Each shell that a router may have: ash is OpenWrt's, dash its nearest kin on Debian.
SHELLS=()
for shell in dash "busybox ash"; do
  if ${shell} -c : 2>/dev/null; then SHELLS+=("$shell"); fi
done

main() {
  [ -x "$BINARY" ] || fail "there is no program $BINARY: cargo build"
  [ ${#SHELLS[@]} -gt 0 ] || fail "neither dash nor busybox is here"
  # The tests pack a small program where they can: the symbols of a debug build are most of it.
  strip -o "$WORK/tequio" "$BINARY" 2>/dev/null || cp "$BINARY" "$WORK/tequio"
  ARCH=$(this_arch)
  pack "$WORK/feed" >"$WORK/said"
  sed 's/^#\(config\|\t\)/\1/' $FILES/tequio.config >"$WORK/all.config"
  local test code result left_out=
  for test in $(sed -n 's/^\(test_[a-z_]*\)() {$/\1/p' "${PARTS[@]}"); do
    # Not behind `||`: there bash would go on after a command that fails.
    set +e
    (set -e; "$test")
    code=$?
    set -e
    case $code in
      0) result="ok " ;;
      "$NOT_RUN") result="-- " left_out=" that this machine can run" ;;
      *) fail "$test" ;;
    esac
    printf '%s %s\n' "$result" "$(tr _ ' ' <<<"${test#test_}")"
  done
  printf 'package: all%s is as expected (%s)\n' "$left_out" "$(IFS=,; echo "${SHELLS[*]}")"
}

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# same FILE EXPECTED: the file is what stands in expected/.
same() {
  if [ -n "${UPDATE:-}" ]; then cp "$1" "$HERE/expected/$2"; fi
  diff -u "$HERE/expected/$2" "$1" || fail "$2 is not what was expected"
}

holds() { grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "no line with: $2"; }; }
holds_not() { ! grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "a line with: $2"; }; }

this_arch() {
  case $(uname -m) in
    x86_64) echo x86_64 ;;
    aarch64) echo aarch64_generic ;;
    *) fail "these tests know no router that runs the programs of a $(uname -m)" ;;
  esac
}

pack() { scripts/package.py "$ARCH" --binary "$WORK/tequio" --out "$1"; }
the_ipk() { echo "$1"/tequio_*_"$ARCH".ipk; }
# member IPK control|data: that inner archive on standard output.
member() { tar xzOf "$1" "./$2.tar.gz" | gzip -dc; }

for part in "${PARTS[@]}"; do
  # shellcheck source=/dev/null
  . "$part"
done
main
