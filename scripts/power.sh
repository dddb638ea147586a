#!/bin/bash
# Power cuts. The daemon sells on a router's kernel in QEMU, QEMU is killed at seeded instants, and each voucher whose sale
# was answered must be known after the next boot.
#   scripts/power.sh [CUTS [SEED]]   so many cuts (5), drawn from a seed (1)
# The flash is a range of the machine's memory, and that memory is a file of this machine: what the guest's kernel
# writes to its flash has left QEMU at once, and all else of it is wiped before each boot. Three nodes sell in turns
# (lab/guest/src/power.rs): on jffs2, on ext4, and on ext4 with each fsync swallowed. The last one must lose what it
# sold: it proves that a daemon without the fsync would be found here. The control comes before all of them.
# DAEMON, INIT, TEQUIO and GUEST as in scripts/boot.sh. Consoles: target/boot/mipsel/cuts/
. "$(dirname "${BASH_SOURCE[0]}")/boot.sh"

CUTS=${1:-5}
RANDOM=${2:-1}
# 64 MB for the kernel in two pieces, and the flashes between them; lab/guest/src/power.rs knows the places too.
MACHINE_MB=80
# A kernel that moves itself at random (by up to 32 MB) can land on the flashes.
PIECES="mem=48M@0 mem=16M@64M nokaslr"
# Where this machine stands still for a minute, the guest would call it a lockup.
QUIET="nowatchdog"
FLASH_MB=48
FLASHES_MB=16
BOOT_S=${PATIENCE_S:-300}

power() {
  local cut number
  [ "$(id -u)" = 0 ] || stop "packages need root. Run this as root."
  scripts/boot_kernel.sh mipsel
  . target/boot/mipsel/machine
  HERE=$PWD/target/boot/mipsel
  binaries
  STATE=$HERE/state-power
  community
  cp -r "$STATE/village/plaza" "$STATE/village/sierra"
  cp -r "$STATE/village/plaza" "$STATE/village/ciega"
  rm -rf "$STATE/village/cerro"
  initramfs power power
  OUT=$HERE/cuts
  rm -rf "$OUT"
  mkdir -p "$OUT"
  blank_flashes
  : >"$OUT/sold-plaza" >"$OUT/sold-sierra" >"$OUT/sold-ciega"
  trap '[ -z "${MACHINE_PID:-}" ] || kill -9 "$MACHINE_PID" 2>/dev/null || true' EXIT

  start control control
  until_said 'power: the control is written' 1
  cut_now
  for ((cut = 1; cut <= CUTS; cut++)); do
    start "$cut" sell
    until_said 'power: that is what is left' 1
    [ "$cut" != 1 ] || control
    look_back "$cut"
    # The instant: after so many answers, and then anywhere in the next sales.
    number=$((1 + RANDOM % 6))
    until_said '^power: sold ' "$number"
    sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
    cut_now
    for node in plaza sierra ciega; do sold "$node" >>"$OUT/sold-$node"; done
    say "power: cut $cut of $CUTS, after $(grep -ac '^power: sold ' "$CONSOLE") answers of this boot"
  done
  start last last
  until_said 'boot: the story is told' 1
  wait "$MACHINE_PID" || true
  MACHINE_PID=
  look_back "last"
  judge
}

# Erased flash for jffs2, and two empty disks.
blank_flashes() {
  truncate -s "${MACHINE_MB}M" "$OUT/ram"
  head -c 4M /dev/zero | tr '\0' '\377' | dd of="$OUT/ram" bs=1M seek="$FLASH_MB" conv=notrunc status=none
  local at
  for at in 4 10; do
    rm -f "$OUT/disk"
    truncate -s 6M "$OUT/disk"
    mkfs.ext4 -q -F -b 1024 "$OUT/disk"
    dd if="$OUT/disk" of="$OUT/ram" bs=1M seek=$((FLASH_MB + at)) conv=notrunc status=none
  done
  rm -f "$OUT/disk"
}

# start NAME ORDER: a machine whose memory is empty but for its flashes.
start() {
  CONSOLE=$OUT/console-$1
  local acked=$OUT/acked end=$((FLASH_MB + FLASHES_MB))
  fallocate -p -o 0 -l "${FLASH_MB}M" "$OUT/ram"
  fallocate -p -o "${end}M" -l "$((MACHINE_MB - end))M" "$OUT/ram"
  # The sales of the last boots; the last boot looks at all of them.
  rm -rf "$acked" && mkdir -p "$acked/acked"
  for node in plaza sierra ciega; do
    if [ "$2" = last ]; then cat "$OUT/sold-$node"; else tail -n 12 "$OUT/sold-$node"; fi >"$acked/acked/$node"
  done
  { cat "$HERE/power.initramfs"; (cd "$acked" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1); } >"$OUT/initramfs"
  : >"$CONSOLE"
  # shellcheck disable=SC2086
  "$QEMU" $MACHINE -m "$MACHINE_MB" -machine memory-backend=ram \
    -object "memory-backend-file,id=ram,size=${MACHINE_MB}M,mem-path=$OUT/ram,share=on" \
    -display none -monitor none -no-reboot -nic none -serial "file:$CONSOLE" \
    -kernel "$KERNEL" -initrd "$OUT/initramfs" \
    -append "console=$TTY quiet rdinit=/init panic=-1 $PIECES $QUIET story=power order=$2" </dev/null >&2 &
  MACHINE_PID=$!
  DEADLINE=$((SECONDS + BOOT_S))
}

# until_said PATTERN TIMES: so many lines of the console are like that.
until_said() {
  until [ "$(grep -ac "$1" "$CONSOLE")" -ge "$2" ]; do
    if grep -aqE '^boot: FAILED|Kernel panic|Oops|BUG:' "$CONSOLE"; then stop "$(grep -aE 'FAILED|panic|Oops|BUG:' "$CONSOLE"); read $CONSOLE"; fi
    kill -0 "$MACHINE_PID" 2>/dev/null || stop "the machine ended by itself; read $CONSOLE"
    [ "$SECONDS" -lt "$DEADLINE" ] || stop "the console did not say '$1' $2 times in $BOOT_S s; read $CONSOLE"
    sleep 0.02
  done
}

cut_now() {
  kill -9 "$MACHINE_PID"
  wait "$MACHINE_PID" 2>/dev/null || true
  MACHINE_PID=
}

# What a node answered in this boot: whole lines only.
sold() { tr -d '\r' <"$CONSOLE" | sed -n "s/^power: sold $1 \([0-9a-f]\{16\}\)$/\1/p"; }

# look_back BOOT: what was sold before it is known, and was asked for.
look_back() {
  local node asked kept
  for node in plaza sierra; do
    asked=$(sort "$OUT/acked/acked/$node")
    kept=$(tr -d '\r' <"$CONSOLE" | sed -n "s/^power: kept $node \([0-9a-f]\{16\}\)$/\1/p" | sort)
    [ "$asked" = "$kept" ] || stop "after cut $(($1 - 1)): $node has lost what it sold:
$(grep -a "^power: lost $node" "$CONSOLE"); read $CONSOLE"
  done
}

# What was synced is there; what was not can be lost: the first boot of the sales tells.
control() {
  local node first=$OUT/console-1
  for node in plaza sierra ciega; do
    grep -aq "^power: control $node synced there" "$first" || stop "the control: what was synced on $node is lost"
  done
  for node in sierra ciega; do
    grep -aq "^power: control $node unsynced lost" "$first" || stop "the control: nothing can be lost on $node, so nothing is proved"
  done
  say "power: control: synced files are there; unsynced ones are $(sed -n 's/\r//; s/^power: control plaza unsynced //p' "$first") on jffs2, lost on ext4"
}

judge() {
  local lost
  lost=$(grep -ac '^power: lost ciega' "$OUT/console-last" || true)
  [ "$lost" -gt 0 ] || stop "a node whose fsyncs are swallowed has lost none of $(wc -l <"$OUT/sold-ciega") sales: this proves nothing"
  say "power: $CUTS cuts; of the sales that were answered are there $(wc -l <"$OUT/sold-plaza") of $(wc -l <"$OUT/sold-plaza") on jffs2, \
$(wc -l <"$OUT/sold-sierra") of $(wc -l <"$OUT/sold-sierra") on ext4; without the fsync $lost of $(wc -l <"$OUT/sold-ciega") are lost"
}

power
