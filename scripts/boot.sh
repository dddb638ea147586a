#!/bin/bash
# Boots a router's kernel in QEMU with our programs, and judges what its console says.
#   scripts/boot.sh village [KERNEL]   the story of lab/guest: with today's clock, in 1970 and in 2040
#   scripts/boot.sh memory [KERNEL]    memory and first Hello -> target/bench/memory.json, held against the limits
#   scripts/boot.sh hotspot            the suite of tests/guest_io on Debian's 6.1 kernel; on amd64
#   scripts/boot.sh pipe               ten downloads and a call through 4 Mbit/s -> target/bench/pipe.json; on amd64
#   scripts/boot.sh radio              simulated radios with hostapd and wpa_supplicant -> target/bench/radio.json; on amd64
#   scripts/boot.sh radio-soak         all scenes that are too long for every change -> target/bench/radio-soak.json
# KERNEL is one of scripts/boot_kernel.sh (mipsel). What is named is not built: DAEMON=file and INIT=file, the
# router's daemon and first program; TEQUIO=file and GUEST=file, the same for this machine.
# YEARS="now 1970" boots only these; KVM=1 has the processor itself run the radios' guest;
# SCENES=kills,radar plays only these of the soak; HISTORY=1 adds history_kb, from a unit test; RECORD=1 writes what
# its kernel said of radios to src/platform/radio/recorded.txt. Consoles: target/boot/KERNEL/STORY-YEAR.console
# Another script may source it and use its functions.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

MEMORY_MB=64             # the least that a router of the village has
PATIENCE_S=${PATIENCE_S:-}              # a boot that takes longer hangs: as patience says, or so many seconds

# What private memory may be (kB), and how soon the first Hello must come (s).
IDLE_KB=4096
FULL_KB=6144
HELLO_S=3
VOUCHERS=5000
LOT=20                   # 20 chains of 16,384 hashes are well below the 10 s of an answer, also on a busy machine

main() {
  local story=${1:-} kernel=${2:-mipsel} year boots=() failed=0
  case $story in
    village | memory) ;;
    pipe | radio | radio-soak | hotspot) kernel=amd64 ;;
    *) stop "usage: scripts/boot.sh village|memory|hotspot|pipe|radio|radio-soak [KERNEL]" ;;
  esac
  [ "$(id -u)" = 0 ] || stop "packages and a network namespace need root. Run this as root."
  scripts/boot_kernel.sh "$kernel"
  . "target/boot/$kernel/machine"
  HERE=$PWD/target/boot/$kernel
  binaries
  STATE=$HERE/state-$story
  # Selling takes minutes, so a full ledger serves again; a daemon that cannot read it any more says so.
  if [ ! -e "$STATE/complete" ]; then
    # The daemons of the pipe and of the radios are of no community, and the suite has none.
    case $story in pipe | radio* | hotspot) mkdir -p "$STATE/village" ;; *) community ;; esac
    if [ "$story" = memory ]; then
      full_ledger
      touch "$STATE/complete"
    fi
  fi
  case $story in radio*) initramfs "$story" system radio ;; *) initramfs "$story" system ;; esac
  if [ "$story" = memory ]; then
    boot memory now
    figures memory
    limits
    return
  fi
  case $story in
    pipe | radio* | hotspot)
      # The guest's clock counts its own instructions and goes on at once when it idles: what is measured does not depend
      # on what else this machine does. An instruction takes 8 ns, for the radios 4.
      local SHIFT=3
      [ "${story%-soak}" != radio ] || SHIFT=2
      if [ -n "${KVM:-}" ]; then MACHINE+=" -accel kvm -cpu host"; else MACHINE+=" -icount shift=$SHIFT,sleep=off"; fi
      boot "$story" now
      [ -z "${HISTORY:-}" ] || history "$story"
      [ "$story" = hotspot ] || figures "$story"
      [ -z "${RECORD:-}" ] || recorded
      return
      ;;
  esac
  # Most of a story is waiting for a lease to end, so they are told side by side.
  for year in ${YEARS:-now 1970 2040}; do
    boot village "$year" & boots+=($!)
  done
  for year in "${boots[@]}"; do wait "$year" || failed=1; done
  [ "$failed" = 0 ] || stop "not every boot went well"
}

# The daemon and the first program, for the router and for this machine.
binaries() {
  if [ -z "${TEQUIO:-}" ] || [ -z "${GUEST:-}" ]; then
    cargo build --workspace --locked --bins
    TEQUIO=$BUILT/debug/tequio GUEST=$BUILT/debug/guest
  fi
  if [ "$CROSS" = host ]; then
    DAEMON=$TEQUIO INIT=$GUEST
  fi
  if [ -z "${DAEMON:-}" ]; then
    scripts/cross.sh "$CROSS"
    DAEMON=target/cross/$(target_of "$CROSS")/release/tequio
  fi
  if [ -z "${INIT:-}" ]; then
    PACKAGE=lab/guest scripts/cross.sh "$CROSS"
    INIT=target/cross-guest/$(target_of "$CROSS")/release/guest
  fi
}

target_of() { sed -n "s/^\[target\.\($1-.*\)\]$/\1/p" cross.toml; }

# A community founded on this machine by the offline commands, with a seller at the square.
community() {
  local c=$STATE/community v=$STATE/village node line
  rm -rf "$STATE"
  mkdir -p "$v"
  offline create --name 'San Tequio' --dir "$c" --ipv4 10.77.0.0/16 --ipv6 fd00:77::/48
  offline plan --dir "$c" --id hora --name 'Una hora' --price 0.50 --used-seconds 3600
  offline plan --dir "$c" --id mes --name 'Un mes' --price 10.00 --days 30
  for node in plaza cerro; do
    mkdir -p "$v/$node"
    # A board that does not tell its address, as the one of the test machine.
    line=$("$TEQUIO" community request --state "$v/$node/state" --name "$node" --board 00:00:00:00:00:00)
    if [ "$node" = plaza ]; then
      offline admit --dir "$c" --request "$line" --number 1 --role seller,hotspot --slot 1 --float 100000
    else
      offline admit --dir "$c" --request "$line" --number 2
    fi
  done
  for node in plaza cerro; do
    offline join --state "$v/$node/state" --bundle "$c/community.records" --board 00:00:00:00:00:00
  done
}

offline() { "$TEQUIO" community "$@" >/dev/null || stop "tequio community $1 did not work"; }

# The same node after a good year: a daemon on this machine sells the vouchers through ubus.
full_ledger() {
  local v=$STATE/village/full run sold=0 broker daemon
  say "boot: selling $VOUCHERS vouchers on this machine"
  run=$(mktemp -d)
  cp -r "$STATE/village/plaza" "$v"
  printf '%s\n' "config node" "option name plaza" "option state_dir $v/state" "option run_dir $run/run" \
    "option ubus_socket $run/ubus" >"$run/tequio"
  "$GUEST" broker "$run/ubus" & broker=$!
  unshare --net "$TEQUIO" run --config "$run/tequio" 2>"$run/log" & daemon=$!
  # shellcheck disable=SC2064
  trap "kill $broker $daemon 2>/dev/null" EXIT
  until "$TEQUIO" --socket "$run/ubus" --json status >"$run/status" 2>&1; do
    kill -0 "$daemon" 2>/dev/null || stop "the selling daemon ended: $(cat "$run/log")"
    sleep 0.2
  done
  while [ "$sold" -lt "$VOUCHERS" ]; do
    "$TEQUIO" --socket "$run/ubus" --json voucher issue --plan mes --count "$LOT" --person Ana >"$run/lot" ||
      stop "no more than $sold vouchers could be sold: $(cat "$run/lot")"
    grep -o '"code": *"[^"]*"' "$run/lot" | cut -d '"' -f 4 >>"$v/codes"
    sold=$((sold + LOT))
  done
  kill "$daemon"
  wait "$daemon" || stop "the selling daemon ended badly: $(tail -n 3 "$run/log")"
  kill "$broker"
  wait "$broker" || true
  trap - EXIT
  rm -rf "$run"
  [ "$(sort -u "$v/codes" | wc -l)" = "$VOUCHERS" ] || stop "not $VOUCHERS codes in $v/codes"
}

# initramfs STORY FOLDER...: our programs, and what Debian has for this kernel (system: modules, nft, ip).
initramfs() {
  local root=$HERE/root-$1 folder
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc,proc,sys,run,tmp,dev}
  for folder in "${@:2}"; do
    [ ! -d "$HERE/$folder" ] || cp -a "$HERE/$folder/." "$root"
  done
  cp "$INIT" "$root/init"
  cp "$DAEMON" "$root/bin/tequio"
  cp -r "$STATE/village" "$root/village"
  # The broker looks up who a caller is.
  echo 'root:x:0:0:root:/:/init' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  [ "$1" != hotspot ] || suite "$root"
  [ "$CROSS" != host ] || own_libraries "$root"
  chmod 755 "$root/init" "$root/bin/tequio"
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$HERE/$1.initramfs"
}

# Programs of this machine: without what only a debugger reads, and with the libraries that they name. They replace Debian's
# of the same name, which are as old or older.
own_libraries() {
  local file programs=("$1/init" "$1/bin/tequio")
  strip "${programs[@]}"
  [ ! -e "$1/bin/dnsmasq" ] || programs+=("$1/bin/dnsmasq")
  for file in $(ldd "${programs[@]}" | sed -n 's/^[^/]*\(\/[^ ]*\) (0x.*/\1/p' | sort -u); do
    mkdir -p "$1${file%/*}"
    cp -L "$file" "$1$file"
  done
}

# suite ROOT: the tests of the hotspot's adapters as a program; SUITE=file, or it is built.
suite() {
  local file=${SUITE:-}
  [ -n "$file" ] || file=$(cargo test --workspace --locked --test guest_io --no-run 2>&1 |
    sed -n 's/^ *Executable .*guest_io.*(\(.*\))$/\1/p')
  [ -x "$file" ] || stop "the suite is not built: cargo test --test guest_io --no-run"
  cp "$file" "$1/bin/suite"
  strip "$1/bin/suite"
  has dnsmasq || stop "the suite asks dnsmasq for names; run: scripts/setup.sh"
  cp "$(command -v dnsmasq)" "$1/bin/dnsmasq"
  # It gives root away.
  echo 'nobody:x:65534:65534:nobody:/:/init' >>"$1/etc/passwd"
  echo 'nogroup:x:65534:' >>"$1/etc/group"
}

# boot STORY YEAR
boot() {
  local console=$HERE/$1-$2.console rtc ordered='' began=$SECONDS code=0 oops patience skipped
  case $2 in
    now) rtc=$(date -u +%Y-%m-%dT%H:%M:%S) ;;
    *) rtc=$2-01-01T00:00:00 ordered=" year=$2" ;;
  esac
  [ -z "${RECORD:-}" ] || ordered+=" record=1"
  [ -z "${SCENES:-}" ] || ordered+=" scenes=$SCENES"
  say "boot: $1 on $(basename "$HERE"), the clock at $rtc"
  # 500 typed codes are 15,000 million instructions: a minute alone, and half an hour beside three others.
  patience=${PATIENCE_S:-$(case $1 in memory | radio-soak) echo 3600 ;; *) echo 900 ;; esac)}
  # In the foreground: whoever ends this script's group ends the machine too.
  # shellcheck disable=SC2086
  timeout --foreground "$patience" "$QEMU" $MACHINE -m "$MEMORY_MB" -display none -monitor none -no-reboot -nic none \
    -serial "file:$console" -kernel "$KERNEL" -initrd "$HERE/$1.initramfs" \
    -rtc "base=$rtc,clock=vm" \
    -append "console=$TTY quiet rdinit=/init panic=-1 story=$1$ordered" </dev/null >&2 || code=$?
  tr -d '\r' <"$console" >"$console.text" && mv "$console.text" "$console"
  say "boot: what $1 in $2 said:
$(grep -a '^boot: \[' "$console" | cut -c 1-200)"
  [ "$code" = 0 ] || stop "qemu ended with $code (124: it took longer than $patience s); read $console"
  oops=$(grep -aE 'Oops|BUG:|Kernel panic|WARNING: CPU|Out of memory|blocked for more than' "$console" || true)
  [ -z "$oops" ] || stop "the kernel complains: $oops; read $console"
  if ! grep -aqx 'boot: the story is told' "$console"; then
    stop "$(grep -a '^boot: FAILED' "$console" || echo "the story has no end"); read $console"
  fi
  skipped=$(grep -ac '^boot: \[[ .0-9]*\] SKIPPED' "$console" || true)
  say "boot: $1 on $(basename "$HERE") in $2: well, after $((SECONDS - began)) s; $skipped checks skipped"
}

# figures STORY: those of the console as one flat object.
figures() {
  local console=$HERE/$1-now.console file=target/bench/$1.json
  mkdir -p target/bench
  sed -n 's/^boot: figure \([a-z0-9._]*\) \([0-9.]*\)$/  "\1": \2/p' "$console" | sed '$!s/$/,/' |
    { echo '{'; cat; echo '}'; } >"$file"
  awk -F '[" :,]+' 'NF > 2 { printf "%-36s %10s\n", $2, $3 }' "$file"
}

# history STORY: what sixty days of eight links take, as the unit test reckons it, is one more figure of the console.
history() {
  local kb
  kb=$(cargo test --locked --workspace --lib -- --nocapture sixty_days_of_eight_links | sed -n 's/.*\bhistory_kb \([0-9]*\)$/\1/p')
  [ -n "$kb" ] || stop "the test says nothing of the history"
  echo "boot: figure history_kb $kb" >>"$HERE/$1-now.console"
}

# What the radios said, octet by octet, for the tests of the daemon's reader.
recorded() {
  local file=src/platform/radio/recorded.txt
  sed -n 's/^boot: octets \([a-z.]* [0-9a-f]*\)$/\1/p' "$HERE/radio-now.console" >"$file"
  say "boot: $(wc -l <"$file") messages of the kernel in $file"
}

limits() {
  local file=target/bench/memory.json bad=()
  printf '\n%-36s %10s %10s\n' "held against a limit" is limit
  at_most idle.private_kb "$IDLE_KB"
  at_most routes1000.private_kb "$FULL_KB"
  at_most full.private_kb "$FULL_KB"
  at_most first_hello_s "$HELLO_S"
  [ ${#bad[@]} = 0 ] || stop "$(printf '%s; ' "${bad[@]}")see $file"
}

at_most() {
  local value
  value=$(sed -n "s/^  \"$1\": \([0-9.]*\),\?$/\1/p" target/bench/memory.json)
  [ -n "$value" ] || stop "the console has no figure $1"
  printf '%-36s %10s %10s\n' "$1" "$value" "$2"
  awk "BEGIN { exit !($value <= $2) }" || bad+=("$1 is $value, more than $2")
}

[ "${BASH_SOURCE[0]}" != "$0" ] || { main "$@"; exit; }  # on one line: this file may change meanwhile
