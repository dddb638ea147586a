#!/bin/bash
# Brings a router's kernel for scripts/boot.sh into target/boot/KERNEL, and installs the QEMU for it.
#   scripts/boot_kernel.sh mipsel    Debian's kernel for MIPS Malta (little-endian), with Debian's nft and ip
#   scripts/boot_kernel.sh armv7     Debian's kernel for ARM with an MMU, on QEMU's board `virt`, with Debian's nft and ip
#   scripts/boot_kernel.sh mips      a big-endian kernel for MIPS Malta, built from Debian's linux-source with
#                                    lab/guest/mips.config (12 minutes of one processor, 2 GB while it lasts); no programs
#   scripts/boot_kernel.sh amd64     Debian's kernel for a PC, with every queue of the traffic control, and Debian's nft, ip
#                                    and tc; with simulated radios, hostapd, wpa_supplicant, iw and babeld; our programs are
#                                    those of this machine, which must be of that kind
# Debian's packages of the other architecture are loaded with lists of their own: this machine's apt and dpkg
# never hear of it. What comes out: `machine` (how to start it), `system` (modules, programs, libraries), on
# mipsel `power` (modules for scripts/power.sh), and on amd64 `system/later` (modules that a story loads when it wants)
# and `radio` (what the story of the radios has besides).
. "$(dirname "$0")/env.sh"

# The modules of the kernel that the story needs; those that they need come along. There is no modprobe in
# the guest, so what nft would have loaded for a rule stands here too.
MODULES="veth nf_tables nf_conntrack nft_chain_nat nft_ct nft_limit nft_quota nft_redir nft_reject_inet nft_fib_inet"
# What scripts/power.sh needs beside them, where a kernel has it: flash in memory, and file systems on it.
POWER_MODULES="phram jffs2 ext4 overlay"
# What the queues of the thin pipe need beside it, and what a kernel may lack of them: a story loads that itself.
QUEUE_MODULES="nf_flow_table_inet nft_flow_offload nft_masq sch_htb sch_tbf sch_netem sch_ingress cls_u32 act_mirred act_ctinfo ifb bridge"
LATER_MODULES="sch_cake"
# The radios: mac80211's simulated ones, and the ciphers that the kernel would ask modprobe for.
RADIO_MODULES="ccm gcm cmac ctr aes_generic mac80211_hwsim"
RADIO_PROGRAMS="usr/sbin/hostapd sbin/wpa_supplicant sbin/iw usr/sbin/babeld"
RADIO_PACKAGES="hostapd wpasupplicant iw wireless-regdb babeld libnl-3-200 libnl-genl-3-200 libnl-route-3-200 libssl3
 libdbus-1-3 libpcsclite1 libsystemd0 libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1 libb2-1 libgomp1"
# nft and ip, with all libraries that they name.
PROGRAMS="usr/sbin/nft bin/ip"
PROGRAM_PACKAGES="nftables libnftables1 libnftnl11 libmnl0 libjansson4 libgmp10 libedit2 libtinfo6 libbsd0 libmd0
 libxtables12 libc6 libgcc-s1 iproute2 libbpf1 libcap2 libelf1 zlib1g libselinux1 libpcre2-8-0 libdb5.3"

main() {
  HERE=$PWD/target/boot/${1:-}
  case ${1:-} in
    mipsel)
      install qemu-system-mips qemu-system-mipsel
      machine mipsel qemu-system-mipsel "-M malta -cpu 24Kf -vga none" ttyS0
      debian mipsel linux-image-4kc-malta power/modules "$POWER_MODULES"
      ;;
    armv7)
      install qemu-system-arm qemu-system-arm
      machine armv7 qemu-system-arm "-M virt -cpu cortex-a7" ttyAMA0
      debian armhf linux-image-armmp
      ;;
    mips)
      install qemu-system-mips qemu-system-mips
      machine mips qemu-system-mips "-M malta -cpu 24Kf -vga none" ttyS0
      from_source
      ;;
    amd64)
      [ "$(uname -m)" = x86_64 ] || stop "amd64 boots programs of this machine, and this is $(uname -m)"
      MODULES+=" $QUEUE_MODULES" PROGRAMS+=" sbin/tc"
      install qemu-system-x86 qemu-system-x86_64
      machine host qemu-system-x86_64 "-M pc -vga none" ttyS0 256
      PROGRAM_PACKAGES+=" $RADIO_PACKAGES" RADIOS=yes
      debian amd64 linux-image-amd64 system/later "$LATER_MODULES" radio/air "$RADIO_MODULES"
      ;;
    *) stop "usage: scripts/boot_kernel.sh mipsel|armv7|mips|amd64" ;;
  esac
}

# machine CROSS QEMU BOARD TTY [MEMORY_MB]: how the kernel is started; CROSS `host` is this machine's own kind.
machine() {
  mkdir -p "$HERE"
  printf '%s\n' "CROSS=$1" "QEMU=$2" "MACHINE='$3'" "TTY=$4" "KERNEL=$HERE/kernel" ${5:+"MEMORY_MB=$5"} >"$HERE/machine"
}

# debian ARCHITECTURE PACKAGE [FOLDER MODULES]...: a kernel of Debian's; with more modules, in folders of their own.
debian() {
  install kmod depmod
  install busybox busybox
  install binutils readelf
  local wanted="$MODULES $PROGRAMS ${*:3}${RADIOS:+ $RADIO_PROGRAMS}"
  [ "$(cat "$HERE/complete" 2>/dev/null)" != "$wanted" ] || return 0
  rm -rf "$HERE"/{debs,unpacked,system,power,radio,complete}
  mkdir -p "$HERE/debs" "$HERE/unpacked" "$HERE/system"
  foreign_apt "$1"
  local image
  image=$(apt-cache depends "$2" | sed -n 's/^ *Depends: \(linux-image-.*\)$/\1/p' | head -n 1)
  [ -n "$image" ] || stop "Debian has no $2 for $1"
  say "boot: loading $image and Debian's nft for $1"
  # shellcheck disable=SC2086
  (cd "$HERE/debs" && apt-get -q download "$image" $PROGRAM_PACKAGES >&2) || stop "packages of $1 cannot be loaded"
  unset APT_CONFIG
  local package version
  for package in "$HERE"/debs/*.deb; do dpkg -x "$package" "$HERE/unpacked"; done
  version=$(basename "$HERE"/unpacked/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  mv "$HERE/unpacked/boot/vmlinuz-$version" "$HERE/kernel"
  modules "$version" "$HERE/system/modules" "$MODULES"
  shift 2
  while [ $# -gt 0 ]; do
    modules "$version" "$HERE/$1" "$2"
    shift 2
  done
  # shellcheck disable=SC2086
  programs system $PROGRAMS
  [ -z "${RADIOS:-}" ] || radio_programs
  rm -rf "$HERE/debs" "$HERE/unpacked" "$HERE/apt"
  echo "$wanted" >"$HERE/complete"
}

# A kernel that Debian does not have, for the options of lab/guest/mips.config. What was built for the same options
# stays; what was interrupted goes on.
from_source() {
  local config=$PWD/lab/guest/mips.config key line source
  install busybox busybox
  key=$(sha256sum <"$config")
  [ "$(cat "$HERE/complete" 2>/dev/null)" != "$key" ] || return 0
  rm -f "$HERE/complete"
  local package
  for package in gcc-mips-linux-gnu:mips-linux-gnu-gcc bc bison flex make gcc xz-utils:xz; do
    install "${package%:*}" "${package#*:}"
  done
  unpack_source
  source=$(echo "$HERE"/linux-source-*)
  say "boot: building ${source##*/} for big-endian MIPS: 12 minutes of one processor"
  kernel_make -C "$source" O="$HERE/build" allnoconfig KCONFIG_ALLCONFIG="$config" >&2 || stop "the options are no good"
  grep '^CONFIG_' "$config" | while read -r line; do
    grep -qxF "$line" "$HERE/build/.config" || stop "the kernel's own rules take back $line of lab/guest/mips.config"
  done
  kernel_make -C "$source" O="$HERE/build" -j "$(nproc)" vmlinux >&2 || stop "the kernel does not build"
  mips-linux-gnu-strip -o "$HERE/kernel" "$HERE/build/vmlinux"
  rm -rf "$source" "$HERE/build" "$HERE/unpacked"
  echo "$key" >"$HERE/complete"
}

kernel_make() { make -s ARCH=mips CROSS_COMPILE=mips-linux-gnu- "$@" </dev/null; }

unpack_source() {
  [ -e "$HERE/unpacked" ] && return
  local package
  package=$(apt-cache depends linux-source | sed -n 's/^ *Depends: \(linux-source-.*\)$/\1/p' | head -n 1)
  [ -n "$package" ] || stop "Debian has no linux-source; run apt-get update"
  say "boot: loading $package (138 MB)"
  rm -rf "$HERE"/debs "$HERE"/linux-source-* "$HERE/build"
  mkdir -p "$HERE/debs"
  (cd "$HERE/debs" && apt-get -q -o APT::Sandbox::User=root download "$package" >&2) || stop "$package cannot be loaded"
  dpkg --fsys-tarfile "$HERE"/debs/*.deb | tar x -O --wildcards "./usr/src/$package.tar.xz" | tar x -J -C "$HERE"
  rm -r "$HERE/debs"
  touch "$HERE/unpacked"
}

# install PACKAGE PROGRAM
install() {
  has "$2" && return
  say "boot: installing $1"
  { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$1"; } \
    >&2 </dev/null || stop "apt-get could not install $1"
}

# An apt of its own for another architecture: own lists, an empty status, this machine's proxy settings.
foreign_apt() {
  local a=$HERE/apt mirror
  mkdir -p "$a/state/lists/partial" "$a/cache/archives/partial"
  : >"$a/status"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' 'Component: main' 2>/dev/null | head -n 1)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} bookworm main" \
    >"$a/sources.list"
  cat >"$a/apt.conf" <<END
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Sandbox::User "root";
Dir::State "$a/state";
Dir::State::status "$a/status";
Dir::Cache "$a/cache";
Dir::Etc::sourcelist "$a/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
END
  export APT_CONFIG=$a/apt.conf
  apt-get -q update >&2 || stop "Debian's lists for $1 cannot be loaded"
}

# modules KERNEL-VERSION FOLDER NAMES: files in the order in which they are loaded.
modules() {
  local name word path
  mkdir -p "$2"
  depmod -b "$HERE/unpacked" "$1"
  for name in $3; do
    modprobe -d "$HERE/unpacked" -S "$1" --show-depends "$name" || stop "the kernel has no module $name"
  done | while read -r word path _; do
    [ "$word" = insmod ] || continue
    [ -e "$2/$(basename "$path")" ] && continue
    cp "$path" "$2/"
    basename "$path" >>"$2/order"
  done
  [ -s "$2/order" ] || stop "no modules were found"
}

# programs FOLDER PROGRAM...
programs() {
  local into=$HERE/$1 program
  for program in "${@:2}"; do take "$program"; done
}

# The kernel takes the rules of the countries only with Debian's signature, and looks for them in its first root.
radio_programs() {
  local file firmware=$HERE/radio/lib/firmware
  # shellcheck disable=SC2086
  programs radio $RADIO_PROGRAMS
  mkdir -p "$firmware"
  for file in regulatory.db regulatory.db.p7s; do
    cp -L "$HERE/unpacked/lib/firmware/$file-debian" "$firmware/$file"
  done
}

# Copies a program or library into the folder `into`, with its interpreter and what it names as needed.
take() {
  local file=$1 name found
  [ -e "$into/$file" ] && return
  mkdir -p "$into/$(dirname "$file")"
  cp -L "$HERE/unpacked/$file" "$into/$file"
  for name in $(readelf -ld "$HERE/unpacked/$file" 2>/dev/null |
    sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p; s/.*interpreter: \/\(.*\)\]$/\1/p'); do
    found=$(cd "$HERE/unpacked" && { find "${name%/*}" lib usr/lib -name "${name##*/}" 2>/dev/null || true; } | head -n 1)
    [ -n "$found" ] || stop "$file needs $name, which no package brought"
    case $name in */*) found=$name ;; esac
    take "$found"
  done
}

main "$@"
