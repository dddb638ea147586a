#!/bin/bash
# Installs what is missing to build, test and play the village on Debian; does nothing when all is there.
#   scripts/setup.sh        everything; as root
#   scripts/setup.sh rust   only what is needed to build and lint; as root only if something is missing
. "$(dirname "$0")/env.sh"
WHAT=${1:-all}

main() {
  if [ "$WHAT" = all ] && [ "$(id -u)" != 0 ]; then
    stop "network namespaces, nft and packages need root. Run this as root (sudo -i, then the same command)."
  fi
  local packages=()
  has cc && [ -e /usr/include/stdlib.h ] || packages+=(gcc libc6-dev)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
  if [ "$WHAT" = all ]; then
    has ip || packages+=(iproute2)
    has nft || packages+=(nftables)
    has ping || packages+=(iputils-ping)
    has python3 || packages+=(python3)           # writes and checks the router's package
    has busybox || packages+=(busybox)           # OpenWrt's shell, for its init script
    has node || packages+=(nodejs)               # drives the browser
    has chromium || packages+=(chromium)
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || packages+=(fonts-dejavu-core)
    has curl || packages+=(curl)                 # the phone in the browser's story
    has dnsmasq || packages+=(dnsmasq-base)      # the program only: no service comes with it
  fi
  if has cargo; then
    rust_is_new_enough
  else
    # Both sets of packages are known; which one is new enough depends on the age of the Debian.
    update_lists
    local rust
    rust=$(rust_packages) || exit 1
    # shellcheck disable=SC2206
    packages+=($rust)
  fi
  install_packages "${packages[@]}"
  rust_components
  if [ "$WHAT" = all ]; then
    peer_without_its_service babeld babeld libb2-1 libb2.so
    peer_without_its_service bird bird2 libssh-gcrypt-4 libssh-gcrypt.so
    at_least "$(node --version | tr -d v)" 18 || stop "node $(node --version) is too old for the browser's tests: 18 or newer."
    machine_can_do_it
  fi
}

UPDATED=
update_lists() {
  [ -n "$UPDATED" ] && return
  [ "$(id -u)" = 0 ] || stop "something has to be installed and that needs root: run scripts/setup.sh as root once."
  has apt-get || stop "this is no Debian; install by hand: Rust $RUST_NEEDED or newer with clippy and rustfmt, gcc, iproute2, nftables, dnsmasq, babeld."
  say "setup: asking Debian for its list of packages"
  apt-get -q update >&2 || stop "apt-get update did not work; is this machine online?"
  UPDATED=yes
}

install_packages() {
  [ $# -gt 0 ] || return 0
  update_lists
  say "setup: installing $*"
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 </dev/null ||
    stop "apt-get could not install: $*"
}

# The Debian packages of Rust that are new enough: rustc-web follows upstream in stable releases.
rust_packages() {
  local version
  for set in "rustc-web cargo-web rust-web-clippy rustfmt-web" "rustc cargo rust-clippy rustfmt"; do
    version=$(apt-cache policy "${set%% *}" | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')
    if [ -n "$version" ] && at_least "$version" "$RUST_NEEDED"; then
      echo "$set"
      return
    fi
  done
  stop "this Debian has no Rust $RUST_NEEDED; turn its security updates on (they bring rustc-web), or use https://rustup.rs"
}

rust_is_new_enough() {
  local version
  version=$(cargo --version </dev/null | awk '{ print $2 }')
  at_least "$version" "$RUST_NEEDED" ||
    stop "cargo $version is too old, $RUST_NEEDED is needed: rustup update, or remove this Rust and run again."
}

# A toolchain of rustup may have come without these.
rust_components() {
  cargo clippy --version >/dev/null 2>&1 </dev/null && cargo fmt --version >/dev/null 2>&1 </dev/null && return
  has rustup || stop "cargo is there, but clippy or rustfmt is not; install them from where cargo came from."
  rustup -q component add clippy rustfmt >&2 </dev/null || stop "rustup could not add clippy and rustfmt."
}

# Debian's packages start and enable routing daemons on this machine. We only want the programs, so they are
# unpacked, not installed: peer_without_its_service PROGRAM PACKAGE LIBRARY'S-PACKAGE LIBRARY
peer_without_its_service() {
  has "$1" && return
  update_lists
  say "setup: unpacking $1 into target/tools (its service is not installed)"
  ldconfig -p | grep -qF "$4" || install_packages "$3"
  mkdir -p "$TOOLS/packages"
  (cd "$TOOLS/packages" && apt-get -q -o APT::Sandbox::User=root download "$2" >&2) || stop "$2 cannot be downloaded."
  dpkg -x "$TOOLS/packages/$2"_*.deb "$TOOLS/$1"
  has "$1" || stop "the package $2 does not hold usr/sbin/$1 any more."
}

# What no package can bring.
machine_can_do_it() {
  local why
  why=$(unshare --net --mount true 2>&1) ||
    stop "root may not make network namespaces here ($why); a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN."
  why=$(unshare --net nft add table inet tequio_probe 2>&1) ||
    stop "nft does not work here ($why); the kernel needs nf_tables (modprobe nf_tables)."
  if [ ! -c /dev/net/tun ]; then
    modprobe tun 2>/dev/null || true
    [ -c /dev/net/tun ] || { mkdir -p /dev/net && mknod /dev/net/tun c 10 200; }
  fi
  why=$(unshare --net ip tuntap add dev tequio-probe mode tap 2>&1) ||
    stop "no TAP device can be made here ($why; modprobe tun); the phones of the village need one."
}

main
