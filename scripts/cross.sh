#!/bin/bash
# Builds the daemon for a router. The toolchain comes from Debian's and Python's registries into target/xtools and
# replaces nothing on this machine; where rustup has a nightly with rust-src, that is taken, and only zig is fetched.
#   scripts/cross.sh setup                                   only the toolchain
#   scripts/cross.sh mips|mipsel|armv7|aarch64|x86_64 [CARGO ARGS]   a release (targets: cross.toml)
#   scripts/cross.sh all                                     a release for each
#   scripts/cross.sh test ARCH [CARGO ARGS]                  cargo test by an emulator of that processor
#   scripts/cross.sh run ARCH PROGRAM [ARGS]                 runs a program for that processor
# XTOOLS=/folder is shared by several trees. TOOLCHAIN=debian|NAME OF RUSTUP'S takes that one.
# FLAGS=sdk builds a release with the flags that OpenWrt's SDK puts in place of ours, into target/cross-sdk.
# PANIC=none builds without any panic message (smaller; nobody learns what went wrong).
# PACKAGE=folder builds another package instead, into target/cross-NAME; its binary must have the folder's name.
. "$(dirname "$0")/env.sh"

ZIG=0.15.2          # 0.16 and 0.17 do not link for MIPS
ZIGBUILD=0.24.0
X=${XTOOLS:-$PWD/target/xtools}
[ "${X#/}" != "$X" ] || X=$PWD/$X
OUT=$PWD/target/cross

main() {
  local all verb=${1:-} arch
  all=$(targets | sed 's/-.*//' | paste -sd '|')
  case $verb in
    setup) setup ;;
    all) setup && every ;;
    test) setup && shift && run_tests "$(target_of "${1:-}")" "${@:2}" ;;
    run) shift && emulator_of "${1:-}" && "${EMULATOR[@]}" "${@:2}" ;;
    "") stop "usage: scripts/cross.sh setup|all|test ARCH|run ARCH PROGRAM|$all" ;;
    *) arch=$(target_of "$verb") && setup && shift && release "$arch" "$@" ;;
  esac
}

targets() { sed -n 's/^\[target\.\(.*\)\]$/\1/p' cross.toml; }
target_of() { targets | grep "^${1:-none}-" || stop "cross.toml has no target ${1:-without a name}"; }

every() {
  local target count number=0
  count=$(targets | wc -l)
  for target in $(targets); do
    say "cross: $((number += 1)) of $count: $target"
    release "$target"
  done
}

# --- the toolchain ---

# Two trees that share the folder do not unpack into it at once.
setup() {
  mkdir -p "$X"
  exec 9>"$X/lock"
  flock -n 9 || { say "cross: another run sets up ${X#"$PWD/"}; waiting for it"; flock 9; }
  TOOLCHAIN=${TOOLCHAIN:-$(rustup_nightly || echo debian)}
  [ "$TOOLCHAIN" != debian ] || unpack_debian
  fetch_zig
  exec 9>&-
}

# rustup's nightly, if it can build a standard library.
rustup_nightly() {
  has rustup && has cargo || return 1
  [ -e "$(rustc +nightly --print sysroot 2>/dev/null </dev/null)/lib/rustlib/src/rust/library/Cargo.lock" ] && echo nightly
}

unpack_debian() {
  [ -e "$X/complete-debian-lld" ] && return
  has apt-get || stop "the toolchain is made of Debian's packages; elsewhere: rustup toolchain install nightly -c rust-src, or cross with CROSS_CONFIG=cross.toml"
  libraries
  say "cross: unpacking the toolchain into ${X#"$PWD/"} (155 MB to load, 1 GB on disk)"
  rm -rf "$X/debs" "$X/root"
  mkdir -p "$X/debs" "$X/root"
  local std llvm lld package
  std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p')
  llvm=$(apt-cache depends "$std" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')
  lld=lld-${llvm#libllvm}
  [ -n "$std" ] && [ -n "$llvm" ] || stop "Debian has no rustc-web here; run apt-get update, with security updates on"
  (cd "$X/debs" && apt-get -q -o APT::Sandbox::User=root download rustc-web cargo-web rust-web-src \
    libstd-rust-web-dev "$std" "$llvm" "$lld" libgit2-1.5 libhttp-parser2.9 libmbedcrypto7 libmbedtls14 \
    libmbedx509-1 libssh2-1 libedit2 libz3-4 >&2) || stop "the packages of the toolchain cannot be downloaded"
  for package in "$X"/debs/*.deb; do dpkg -x "$package" "$X/root"; done
  rm -r "$X/debs"
  touch "$X/complete-debian-lld"
}

# What the unpacked cargo itself needs.
libraries() {
  local missing=()
  ldconfig -p | grep -q 'libcurl\.so\.4' || missing+=(libcurl4)
  ldconfig -p | grep -q 'libsqlite3\.so\.0' || missing+=(libsqlite3-0)
  has cc || missing+=(gcc libc6-dev)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  install "${missing[@]}"
}

install() {
  [ $# -gt 0 ] || return 0
  has apt-get || stop "this is no Debian; install by hand what its packages hold: $*"
  [ "$(id -u)" = 0 ] || stop "as root, once: apt-get install $*"
  apt-get -q update >&2
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 </dev/null ||
    stop "apt-get could not install: $*"
}

fetch_zig() {
  [ -e "$X/complete-zig-$ZIG-$ZIGBUILD" ] && return
  python3 -c 'import ensurepip' 2>/dev/null || install python3 python3-venv
  say "cross: installing zig $ZIG into ${X#"$PWD/"} (80 MB to load, 400 MB on disk)"
  rm -rf "$X/py" "$X"/complete-zig-*
  python3 -m venv "$X/py"
  "$X/py/bin/pip" install -q "ziglang==$ZIG" "cargo-zigbuild==$ZIGBUILD" || stop "pip could not install zig"
  touch "$X/complete-zig-$ZIG-$ZIGBUILD"
}

# static: a position-independent MIPS program calls address 0 where std looks for optional symbols.
# The cfg: 64-bit time_t in our libc.
STATIC="-C relocation-model=static -C link-self-contained=no --cfg=libc_unstable_musl_v1_2"

# How LLVM writes code for MIPS, where flash is smallest: alike for alike, which is what xz finds again (docs/sizes.md says
# what it gives). In the order of the source and not of a pipeline, registers as they come and not as tried out, nothing
# computed early to be kept, no loop counted otherwise than it is written, copies of more than 8 octets by memcpy.
ALIKE="pre-RA-sched=source regalloc=basic disable-machine-licm disable-machine-cse max-store-memcpy=2 disable-lsr"

# What every call of cargo needs, into the environment of this shell; $1 are the flags for rustc.
environment() {
  local library cargo_home=${CARGO_HOME:-$HOME/.cargo}
  if [ "$TOOLCHAIN" = debian ]; then
    LD_LIBRARY_PATH=$(echo "$X"/root/usr/lib/*-linux-gnu)
    export LD_LIBRARY_PATH RUSTC_BOOTSTRAP=1
    export RUSTC=$X/root/usr/bin/rustc RUSTDOC=$X/root/usr/bin/rustdoc CARGO=$X/root/usr/bin/cargo
    export PATH=$X/root/usr/bin:$X/py/bin:$PATH
    library=$X/root/usr/lib/rustlib/src/rust/library
    # scripts/linker.sh takes it; where rustup's toolchain is taken it has zig's, and the file is larger after xz.
    LLD=$(echo "$X"/root/usr/bin/ld.lld-*)
    export LLD
  else
    # As the proxies of rustup understand it; RUSTC_BOOTSTRAP for a toolchain that is no nightly.
    export RUSTUP_TOOLCHAIN=$TOOLCHAIN RUSTC_BOOTSTRAP=1 PATH=$X/py/bin:$PATH
    library=$(rustc --print sysroot </dev/null)/lib/rustlib/src/rust/library
    [ -e "$library/Cargo.lock" ] || stop "rustup's toolchain $TOOLCHAIN has no rust-src: rustup component add rust-src --toolchain $TOOLCHAIN"
  fi
  export CARGO_TARGET_DIR=$OUT CARGO_ZIGBUILD_PYTHON_PATH=$X/py/bin/python
  # What zig builds once for each processor (musl, unwinder) is the toolchain's too.
  export ZIG_GLOBAL_CACHE_DIR=$X/cache/zig CARGO_ZIGBUILD_CACHE_DIR=$X/cache/zigbuild
  # 64-bit time_t in std's libc.
  export RUST_LIBC_UNSTABLE_MUSL_V1_2_3=1
  # Makes the folder of the sources, which the remap names.
  (cd "${PACKAGE:-.}" && cargo fetch --quiet --locked </dev/null)
  # The remaps (of two that fit the last one counts) keep panic messages short, and this machine's
  # folders out of them. Cargo names sources below the workspace by their path in it, so std's have two names.
  export RUSTFLAGS="$1 \
--remap-path-prefix=$PWD/= --remap-path-prefix=$library/= --remap-path-prefix=${library#"$PWD/"}/= \
--remap-path-prefix=$(echo "$cargo_home"/registry/src/*/ | cut -d' ' -f1)=${RUSTFLAGS:+ $RUSTFLAGS}"
}

# --- what is built ---

release() {
  local target=$1 package=${PACKAGE:-.} name binary alike=
  # shellcheck disable=SC2086
  case $target in mips*) alike=$(printf ' -C llvm-args=-%s' $ALIKE) ;; esac
  # No unwind tables: a panic aborts, nobody unwinds, and they are a twelfth of the file.
  local flags="$STATIC$alike -C force-unwind-tables=no -Z fmt-debug=none -Z location-detail=file,line"
  local how=(-Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size)
  # The commands of a laptop and links without netifd (Cargo.toml) are left out where flash is smallest.
  case $target in mips*) [ "$package" != . ] || how+=(--no-default-features) ;; esac
  # Of functions with the same code one stays.
  case $target in mips*) flags+=" -C linker=$PWD/scripts/linker.sh" ;; esac
  shift
  name=$([ "$package" = . ] && echo tequio || basename "$package")
  # Std below the tree has another path for each workspace: in one folder they would build it anew in turns.
  [ "$package" = . ] || OUT=$PWD/target/cross-$name
  case ${PANIC:-message} in
    message) ;;                # panic = "abort" of Cargo.toml: the hook still says where
    none) how+=(-Zpanic-immediate-abort --config 'profile.release.panic="immediate-abort"') ;;
    *) stop "PANIC is message or none" ;;
  esac
  case ${FLAGS:-ours} in
    ours) ;;
    sdk) flags=$SDK_FLAGS how=("${SDK[@]}") OUT=$PWD/target/cross-sdk ;;
    *) stop "FLAGS is ours or sdk" ;;
  esac
  (
    environment "$flags"
    # Where cargo-zigbuild says which linker is its own.
    DRIVER=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$target")_LINKER
    export DRIVER
    [ "${FLAGS:-ours}" = ours ] || unset RUST_LIBC_UNSTABLE_MUSL_V1_2_3
    cd "$package"
    cargo zigbuild --locked --release --bin "$name" --target "$target" "${how[@]}" "$@" </dev/null
  ) || stop "$name does not build for $target"
  binary=$OUT/$target/release/$name
  python3 scripts/trim_elf.py "$binary"
  printf '%s: %d bytes' "${binary#"$PWD/"}" "$(stat -c %s "$binary")"
  if has xz; then printf ', %d after xz -9e' "$(xz -9e -c "$binary" | wc -c)"; fi
  printf '\n'
}

# What the SDK's rust-package.mk says over Cargo.toml's head: a panic unwinds, sums are checked, musl is a library of the
# system. Its std comes from its own compiler, built for speed. Its unwinder is libgcc_s, here it is linked in.
SDK_FLAGS="-C target-feature=-crt-static -C link-arg=-dynamic -C link-self-contained=no"
SDK=(-Zbuild-std=std,panic_unwind --config 'profile.release.panic="unwind"' --config profile.release.overflow-checks=true)
for crate in std core alloc; do
  SDK+=(--config "profile.release.package.$crate.opt-level=3" --config "profile.release.package.$crate.overflow-checks=false")
done

# Tests unwind and are built as for daily work, without the tables for a debugger.
run_tests() {
  local target=$1 name
  shift
  emulator_of "${target%%-*}"
  name=$(tr 'a-z-' 'A-Z_' <<<"$target")
  (
    environment "$STATIC"
    export CARGO_PROFILE_DEV_DEBUG=false CARGO_INCREMENTAL=0
    export "CARGO_TARGET_${name}_RUNNER=${EMULATOR[*]}"
    # insta would ask cargo where the project is.
    export INSTA_WORKSPACE_ROOT=$PWD
    cargo-zigbuild test --locked --target "$target" -Zbuild-std=std,panic_unwind "$@" </dev/null
  )
}

# Sets EMULATOR: how a program for that processor is started here.
emulator_of() {
  local arch=$1 qemu
  target_of "$arch" >/dev/null
  EMULATOR=()
  [ "$arch" != "$(uname -m)" ] || { EMULATOR=(env); return; }
  qemu=qemu-$([ "$arch" = armv7 ] && echo arm || echo "$arch")
  if has "$qemu" || has "$qemu-static"; then
    EMULATOR=("$(command -v "$qemu" || command -v "$qemu-static")")
  else
    fetch_emulators
    EMULATOR=("$X/qemu/usr/bin/$qemu-static")
    [ -x "${EMULATOR[0]}" ] || stop "Debian's qemu-user-static holds no $qemu-static"
  fi
}

# Unpacked, not installed: the package would have this machine's kernel run programs of every processor.
fetch_emulators() {
  [ -e "$X/complete-qemu" ] && return
  mkdir -p "$X"
  exec 9>"$X/lock"
  flock 9
  if [ ! -e "$X/complete-qemu" ]; then
    has apt-get || stop "install qemu-user: it runs programs of other processors"
    say "cross: unpacking the emulators into ${X#"$PWD/"} (63 MB to load, 60 MB on disk)"
    apt-cache show qemu-user-static >/dev/null 2>&1 || apt-get -q update >&2
    rm -rf "$X/qemu"
    mkdir -p "$X/qemu"
    (cd "$X/qemu" && apt-get -q -o APT::Sandbox::User=root download qemu-user-static >&2) ||
      stop "the emulators cannot be downloaded"
    dpkg --fsys-tarfile "$X"/qemu/*.deb | tar x -C "$X/qemu" ./usr/bin/qemu-{mips,mipsel,arm,aarch64,x86_64}-static
    rm "$X"/qemu/*.deb
    touch "$X/complete-qemu"
  fi
  exec 9>&-
}

main "$@"; exit  # on one line: this file may change meanwhile
