#!/bin/bash
# Starts what scripts/cross.sh builds, once for each processor, by an emulator where it is another's:
#   tests/cross/run.sh [mips|mipsel|armv7|aarch64|x86_64...]     without words: every target of cross.toml
# The daemon is taken as it lies in target/cross (make cross-ARCH); the probe is built here, with the same flags.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/../.."
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
CONFIG=openwrt-package/tequio/files/tequio.config
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)

main() {
  local target arch
  [ $# -gt 0 ] || set -- $(sed -n 's/^\[target\.\([^-]*\)-.*\]$/\1/p' cross.toml)
  for arch; do
    target=$(sed -n "s/^\[target\.\($arch-.*\)\]$/\1/p" cross.toml)
    [ -n "$target" ] || fail "cross.toml has no target $arch"
    BINARY=target/cross/$target/release/tequio
    [ -x "$BINARY" ] || fail "there is no $BINARY: make cross-$arch"
    the_daemon_starts "$arch"
    a_community_moves_between_processors "$arch"
    the_daemon_names_its_own_sources_only
    a_clock_beyond_2038_and_a_panic_that_says_where "$arch" "$target"
    a_package_of_it "$target"
    printf 'ok  %s: starts, checks, shares a community with this machine, knows 2040, says where it panics, is packed\n' "$arch"
  done
}

fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
on() { scripts/cross.sh run "$@"; }
has_line() { grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "no line with: $2"; }; }

the_daemon_starts() {
  [ "$(on "$1" "$BINARY" --version)" = "tequio $VERSION" ] || fail "--version on $1"
  [ "$(on "$1" "$BINARY" check --config "$CONFIG")" = "$CONFIG is good" ] || fail "check on $1"
  printf "config node\n\toption name 'Not A Name'\n" >"$WORK/wrong"
  ! on "$1" "$BINARY" check --config "$WORK/wrong" >"$WORK/said" 2>&1 || fail "a wrong configuration is good on $1"
  has_line "$WORK/said" "line 2, section node, option name"
  # The same base rules as on this machine: all of config, and nothing of the processor.
  sed 's/^#\(config\|\t\)/\1/' "$CONFIG" >"$WORK/all.config"
  on "$1" "$BINARY" firewall --config "$WORK/all.config" >"$WORK/rules.$1"
  has_line "$WORK/rules.$1" "table inet tequio"
  for rules in "$WORK"/rules.*; do cmp "$rules" "$WORK/rules.$1"; done
}

# Keys, requests, signed records, sealed shares and journals pass from one processor to another: with the community on
# this machine and the node on the router's, and once the other way, where that build has the assembly's commands.
a_community_moves_between_processors() {
  local ours=(scripts/cross.sh run "$1" "$BINARY") other=("${CARGO_TARGET_DIR:-target}/debug/tequio") turn turns=one officer node folder
  [ -x "${other[0]}" ] || fail "there is no ${other[0]}, which founds a community: cargo build"
  case $1 in
    mips | mipsel)
      ! "${ours[@]}" community create --name "San Juan" --dir "$WORK/none" >"$WORK/said" 2>&1 || fail "$1 founds a community"
      has_line "$WORK/said" "the assembly's commands are on a laptop's tequio"
      ;;
    *) turns+=" two" ;;
  esac
  for turn in $turns; do
    folder=$WORK/$1.$turn
    mkdir -p "$folder/state"
    if [ $turn = two ]; then officer=("${ours[@]}") node=("${other[@]}"); else officer=("${other[@]}") node=("${ours[@]}"); fi
    "${officer[@]}" community create --name "San Juan" --dir "$folder/village"
    "${officer[@]}" community plan --dir "$folder/village" --id hora --name "Una hora" --price 0.50 --used-seconds 3600
    "${node[@]}" community request --state "$folder/state" --name plaza --board 02:00:5e:10:00:01 | tail -n 1 >"$folder/request"
    "${officer[@]}" community admit --dir "$folder/village" --request - --role seller,hotspot <"$folder/request"
    "${officer[@]}" community join --state "$folder/state" --bundle "$folder/village/community.records" --board 02:00:5e:10:00:01
    "${node[@]}" community join --state "$folder/state" --bundle "$folder/village/community.records" --board 02:00:5e:10:00:01
    "${node[@]}" ledger verify --file "$folder/village/community.records"
  done >"$WORK/said" 2>&1 || { cat "$WORK/said" >&2; fail "$1 and this machine do not found a community together"; }
  turns=$(wc -w <<<"$turns")
  [ "$(grep -c '^5 new records of San Juan.* its share of the secrets opens; own address ' "$WORK/said")" = "$turns" ] &&
    [ "$(grep -c '^0 new records of San Juan.* its share of the secrets opens; own address ' "$WORK/said")" = "$turns" ] &&
    [ "$(grep -c '5 records' "$WORK/said")" = "$turns" ] || { cat "$WORK/said" >&2; fail "$1 and this machine read something else"; }
}

# Where a panic was: our files as the tree has them, and no folder of the machine that built it.
the_daemon_names_its_own_sources_only() {
  for place in src/node/ src/platform/ std/src/; do
    grep -qaF "$place" "$BINARY" || fail "$BINARY names no file in $place"
  done
  for folder in "$PWD" "$HOME/" .cargo xtools; do
    ! grep -qaF "$folder" "$BINARY" || fail "$BINARY names $folder"
  done
}

a_clock_beyond_2038_and_a_panic_that_says_where() {
  local line bits
  PACKAGE=tests/cross/probe scripts/cross.sh "$1" >"$WORK/built" 2>&1 || { cat "$WORK/built" >&2; fail "the probe does not build"; }
  line=$(grep -n 'panic!("on purpose")' tests/cross/probe/src/main.rs | cut -d: -f1)
  # The panic ends it; an emulator may leave a core file.
  ! (ulimit -c 0; on "$1" "target/cross-probe/$2/release/probe" "$WORK/dated") >"$WORK/said" 2>&1 || fail "the probe did not panic"
  bits=$(case $1 in mips | mipsel | armv7) echo 32 ;; *) echo 64 ;; esac)
  has_line "$WORK/said" "$([ "$1" = mips ] && echo big || echo little)-endian, $bits bits, time_t 64 bits, 328350"
  has_line "$WORK/said" "panicked at src/main.rs:$line:"
  has_line "$WORK/said" "on purpose"
}

# make package takes that program, and makes the same package twice.
a_package_of_it() {
  local arch
  arch=$(python3 -B -c 'import sys; sys.path.insert(0, "scripts"); import package
print(next(name for name, (target, _) in package.ARCHITECTURES.items() if target == sys.argv[1]))' "$1")
  for feed in one two; do
    rm -rf "${WORK:?}/$feed"
    SOURCE_DATE_EPOCH=1700000000 scripts/package.py "$arch" --out "$WORK/$feed" >"$WORK/said"
  done
  diff -r "$WORK/one" "$WORK/two" || fail "two packages of $arch are not the same"
  tar xzOf "$WORK"/one/tequio_*_"$arch".ipk ./data.tar.gz | tar xzOf - ./usr/sbin/tequio | cmp - "$BINARY" || fail "another program is packed"
}

main "$@"
exit
