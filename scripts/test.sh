#!/bin/bash
# Runs every part of the proof, also after one has failed, and prints what each took.
#   scripts/test.sh [PART...]      all parts, or only these
# Output of a part: target/test-logs/PART.log. SEEDS=n, HUNDREDS=n, THOUSANDS=n and LEDGERS=n change how many villages,
# meshes of a hundred nodes, of a thousand, and meshes of ledgers are simulated; CUTS=n how often the power is cut. HOURS=n: what the whole may take instead of an hour.
. "$(dirname "$0")/env.sh"

BUDGET_S=$((60 * 60))       # what the whole may take on two cold cores
LIMIT_S=$((80 * 60))        # then what is still running is stopped, and the whole has failed
PARTS=(format build clippy tidy unit bigendian simulator village pages interop package boot power hotspot pipe radio)
LOGS=$PWD/target/test-logs

part_format() { scripts/lint.sh format; }
# All parts name the whole workspace: for one package alone cargo would choose other features of the
# dependencies, and build all of them a second time.
part_build() { cargo build --workspace --all-targets --locked; }
part_clippy() { scripts/lint.sh clippy; }
part_tidy() { cargo test --workspace --locked --test tidy -- --nocapture; }
part_unit() {
  # Everything that has no part of its own.
  local targets=() file
  for file in tests/*.rs tests/*/main.rs lab/tests/*.rs; do
    # A test of several files is a folder with a main.rs.
    file=$(basename "${file%/main.rs}" .rs)
    case $file in tidy | interop* | "*") ;; *) targets+=(--test "$file") ;; esac
  done
  cargo test --workspace --locked --no-fail-fast --lib --bins "${targets[@]}" && cargo test --workspace --locked --doc
}
# The unit tests of the floors below the adapters where the first octet is the highest. What needs a kernel has its
# place in tests/ and in the boot of a router's kernel: this is an emulator of the processor alone. Left out are whole
# meshes of nodes (floods, restarts, cuts; a minute each here), and what signs megabytes or tries ten thousand codes: their
# octets are those of the others. MESHES=1 has them.
part_bigendian() {
  local cases=${PROPTEST_CASES:-16} name skip=()
  if [ -z "${MESHES:-}" ]; then
    for name in babel::tests::{bounds,convergence,restart} ledger::tests::envelope::one_flipped_bit \
      ledger::sync::tests::flood hotspot::code::tests::the_tag_catches node::recorder::tests::provisional::fifty_codes; do
      skip+=(--skip "$name")
    done
    say "note: $cases cases a property here, not 256; left out: ${skip[*]} (MESHES=1 PROPTEST_CASES=256 has all)"
  fi
  PROPTEST_CASES=$cases scripts/cross.sh test mips --lib -- base:: babel:: hotspot:: ledger:: link:: node:: platform::radio:: "${skip[@]}"
}
part_simulator() {
  "$BUILT/debug/lab" sim --seeds "${SEEDS:-50}" &&
    "$BUILT/debug/lab" sim --mesh hundred --seeds "${HUNDREDS:-50}" &&
    "$BUILT/debug/lab" sim --mesh thousand --seeds "${THOUSANDS:-3}" &&
    "$BUILT/debug/lab" sim --ledger --seeds "${LEDGERS:-30}" &&
    "$BUILT/debug/lab" thief
}
# Every daemon is recorded; the story itself looks for secrets in the recordings at its end. Here each is
# replayed by the program for it, twice, in processes of their own.
part_village() {
  local records=$BUILT/recordings file once twice
  rm -rf "$records"
  "$BUILT/debug/lab" village --record "$records" || return
  for file in "$records"/*; do
    once=$("$BUILT/debug/lab" replay "$file") && twice=$("$BUILT/debug/lab" replay "$file") || return
    printf '%s\n' "$once"
    [ "$once" = "$twice" ] || { say "another replay, another outcome: $twice"; return 1; }
  done
  rm -rf "$records"
}
# The portal's pages in Chromium, each in every language, with script and without. Then LuCI's: what needs no browser, then all
# of them in Chromium against a village of their own.
part_pages() {
  PORTAL_PAGES=$PWD/target/portal-pages.json cargo test --workspace --locked --lib -- every_page_can_be_handed_to_a_browser &&
    node tests/portal/browser.mjs target/portal-pages.json || return
  local built
  cargo build --workspace --locked && built=$(realpath "$BUILT")/debug || return
  BUILT=$built node --test tests/luci/*.test.mjs && BUILT=$built node tests/luci/browser.mjs
}
# They mostly wait, so all of them run at once.
part_interop() {
  RUST_TEST_THREADS=8 cargo test --workspace --locked --no-fail-fast --test interop --test interop_babeld --test interop_mac -- --nocapture
}

part_package() { BINARY=$BUILT/debug/tequio tests/package/run.sh; }

# The daemon on a router's kernel: with today's clock, in 1970 and in 2040. What is needed is brought along: the cross
# toolchain (235 MB to load), Debian's QEMU, its kernel for Malta and two programs (20 MB).
part_boot() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh village; }

# The daemon sells on jffs2 and on ext4 while the power is cut; what was answered is there. make soak has 50 cuts.
part_power() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/power.sh "${CUTS:-5}"; }

# The suite of the hotspot's adapters once more, on the same kernel as the next part.
part_hotspot() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh hotspot; }

# A call beside ten downloads through the daemon's queue of 4 Mbit/s, on Debian's kernel for a PC (77 MB to load).
part_pipe() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh pipe; }

# Two ends of a radio link with hostapd and wpa_supplicant, and a medium of ours between them, on the same kernel.
part_radio() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh radio; }

# These are not of make test, but of make soak.
# The fuzz targets on four hundred seeds, where make test has two.
part_fuzz() { FUZZ_ROUNDS=${FUZZ_ROUNDS:-200} cargo test --workspace --locked --test fuzz; }
# The daemon as the most common router gets it: within its limits, and it starts.
part_size() { scripts/bench_size.py mips && tests/cross/run.sh mips; }
# The plays of --test interop with the parts given to others.
part_roles() {
  local parts
  for parts in "babeld ours,bird" "bird ours,babeld"; do
    SUBJECT=${parts% *} PEERS=${parts#* } RUST_TEST_THREADS=8 cargo test --workspace --locked --test interop -- --nocapture ||
      return
  done
}
# Six boots more: the same on a big-endian MIPS kernel, which is built here once, and on Debian's for ARM.
part_kernels() {
  local kernel
  for kernel in mips armv7; do
    TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh village "$kernel" || return
  done
}
# What is too long of radio links, on the radios of part radio: both ends of a change killed in each of its phases, steps of
# power, new keys, a radar, a stuck radio, a mesh.
part_kills() { TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest scripts/boot.sh radio-soak; }
# Six builds.
part_cross() { scripts/cross.sh all && tests/cross/run.sh && scripts/bench_size.py; }

about() {
  case $1 in
    format) echo "cargo fmt" ;;
    build) echo "daemon, lab and all tests" ;;
    clippy) echo "lints" ;;
    tidy) echo "the rules of the house" ;;
    unit) echo "unit and property tests" ;;
    bigendian) echo "unit tests on emulated MIPS" ;;
    simulator) echo "${SEEDS:-50}+${HUNDREDS:-50}+${THOUSANDS:-3}+${LEDGERS:-30} meshes, thief" ;;
    size) echo "the daemon on MIPS, weighed" ;;
    cross) echo "every router's processor" ;;
    village) echo "the story, recorded, replayed" ;;
    pages) echo "portal and LuCI in a browser" ;;
    interop) echo "a mesh with Debian's babeld and BIRD" ;;
    fuzz) echo "a long run of the fuzz targets" ;;
    roles) echo "babeld and BIRD as subjects" ;;
    package) echo "the router's package" ;;
    boot) echo "a MIPS kernel, today, 1970, 2040" ;;
    power) echo "${CUTS:-5} power cuts during sales" ;;
    hotspot) echo "enforcement on Debian's 6.1 kernel" ;;
    pipe) echo "a call through a thin pipe" ;;
    radio) echo "simulated radios, hostapd" ;;
    kills) echo "radio links: kills, control sockets, radar, mesh" ;;
    kernels) echo "big-endian MIPS and ARM kernels" ;;
  esac
}

RUNNING=
interrupted() {
  trap - INT TERM
  # The part is in a group of its own; timeout passes the signal on to all of it.
  [ -n "$RUNNING" ] && { kill "$RUNNING" 2>/dev/null || true; wait "$RUNNING" 2>/dev/null || true; }
  say "interrupted"
  exit 130
}
trap interrupted INT TERM

# Runs part $1 for at most $2 seconds; shows every 20 seconds how far it is.
run() {
  local log=$LOGS/$1.log began=$SECONDS shown=0 result=0
  printf '== %s: %s\n' "$1" "$(about "$1")"
  timeout -k 30 "$2" "$0" --part "$1" >"$log" 2>&1 </dev/null &
  RUNNING=$!
  while kill -0 "$RUNNING" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - began - shown)) -ge 20 ]; then
      shown=$((SECONDS - began))
      printf '   %4d s  %s\n' "$shown" "$(tail -c 400 "$log" | tr '\r' '\n' | sed '/^\s*$/d' | tail -n 1 | cut -c 1-100)"
    fi
  done
  wait "$RUNNING" || result=$?
  RUNNING=
  return $result
}

# The lines of log $1 that say what failed, for whoever sees only the end of all this; a scene or a story tells more.
why() {
  local after=2
  ! grep -aqE "^FAILED|^expected  " "$1" || after=14
  grep -aE -A $after "^test .* FAILED$|panicked at |^error(\[|:)|^not ok |^FAILED|^expected  |^stop: " "$1" | grep -v "^--$" | cut -c 1-240 | head -n 60 ||
    echo "nothing in its log says why"
}

if [ "${1:-}" = --part ]; then
  "part_$2"
  exit
fi

[ $# -gt 0 ] && PARTS=("$@")
[ -z "${HOURS:-}" ] || BUDGET_S=$((HOURS * 3600)) LIMIT_S=$((HOURS * 4800))
for part in "${PARTS[@]}"; do
  declare -F "part_$part" >/dev/null || stop "there is no part $part"
done
mkdir -p "$LOGS"
passed=0 failed=0 table=() whys=()
for part in "${PARTS[@]}"; do
  left=$((LIMIT_S - SECONDS)) began=$SECONDS
  if [ "$left" -le 0 ]; then
    result="not run: no time left"
  elif code=0; run "$part" "$left" || code=$?; [ "$code" = 0 ]; then
    result=passed
  elif [ "$SECONDS" -ge "$LIMIT_S" ]; then
    result="FAILED: stopped at $((LIMIT_S / 60)) minutes"
  else
    result="FAILED: exit code $code"
  fi
  took=$((SECONDS - began))
  table+=("$(printf '%-10s %-30s %6d s %5d %%  %s' "$part" "$(about "$part")" "$took" $((100 * took / BUDGET_S)) "$result")")
  if [ "$result" = passed ]; then
    passed=$((passed + 1))
    printf '   %4d s  passed\n' "$took"
  else
    failed=$((failed + 1))
    whys+=("$part: $(why "$LOGS/$part.log")")
    printf '   %4d s  %s; the end of %s:\n' "$took" "$result" "${LOGS#"$PWD/"}/$part.log"
    tail -n 40 "$LOGS/$part.log" 2>/dev/null | sed 's/^/   | /' || true
  fi
done

printf '\n%-10s %-30s %8s %7s  %s\n' part what time budget result
printf '%s\n' "${table[@]}"
printf '%-10s %-30s %6d s %5d %%  of a budget of %d s; failed beyond %d s\n' total "" "$SECONDS" \
  $((100 * SECONDS / BUDGET_S)) "$BUDGET_S" "$LIMIT_S"
[ "$SECONDS" -le "$BUDGET_S" ] || say "note: over the budget of $((BUDGET_S / 60)) minutes; move something into make soak"
[ "$failed" = 0 ] || printf '%s\n' "${whys[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ "$SECONDS" -le "$LIMIT_S" ]
