#!/bin/bash
# Builds the daemon for a router; the toolchain comes from Debian's and Python's registries into target/xtools.
#   scripts/cross.sh setup                                          only the toolchain
#   scripts/cross.sh mips|mipsel|armv7|aarch64|x86_64 [CARGO ARGS]  a release (targets: cross.toml)
# PANIC=none builds without any panic message (smaller; nobody learns what went wrong).
# PACKAGE=folder builds another package instead; its binary must have the folder's name.
. "$(dirname "$0")/env.sh"

ZIG=0.15.2          # 0.16 and 0.17 do not link for MIPS
ZIGBUILD=0.24.0
X=${XTOOLS:-$PWD/target/xtools}

main() {
  [ $# -gt 0 ] || stop "usage: scripts/cross.sh setup|$(targets | sed 's/-.*//' | paste -sd '|')"
  setup
  [ "$1" = setup ] && return
  local target
  target=$(targets | grep "^$1-") || stop "cross.toml has no target $1"
  shift
  build "$target" "$@"
}

targets() { sed -n 's/^\[target\.\(.*\)\]$/\1/p' cross.toml; }

# Unpacked, not installed: the packages would replace the Rust of this machine.
setup() {
  [ -e "$X/complete-$ZIG-$ZIGBUILD" ] && return
  has apt-get || stop "the toolchain is made of Debian's packages; elsewhere use cross with CROSS_CONFIG=cross.toml"
  libraries
  say "cross: unpacking the toolchain into ${X#"$PWD/"} (155 MB to load, 1.5 GB on disk)"
  rm -rf "$X"
  mkdir -p "$X/debs" "$X/root"
  local std llvm package
  std=$(apt-cache depends libstd-rust-web-dev | sed -n 's/.*Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p')
  llvm=$(apt-cache depends "$std" | sed -n 's/.*Depends: \(libllvm[0-9]*\)$/\1/p')
  [ -n "$std" ] && [ -n "$llvm" ] || stop "Debian has no rustc-web here; run apt-get update, with security updates on"
  (cd "$X/debs" && apt-get -q -o APT::Sandbox::User=root download rustc-web cargo-web rust-web-src \
    libstd-rust-web-dev "$std" "$llvm" libgit2-1.5 libhttp-parser2.9 libmbedcrypto7 libmbedtls14 \
    libmbedx509-1 libssh2-1 libedit2 libz3-4 >&2) || stop "the packages of the toolchain cannot be downloaded"
  for package in "$X"/debs/*.deb; do dpkg -x "$package" "$X/root"; done
  python3 -m venv "$X/py"
  "$X/py/bin/pip" install -q "ziglang==$ZIG" "cargo-zigbuild==$ZIGBUILD" || stop "pip could not install zig"
  rm -r "$X/debs"
  touch "$X/complete-$ZIG-$ZIGBUILD"
}

# What the unpacked cargo itself needs, and Python's venv.
libraries() {
  local missing=()
  ldconfig -p | grep -q 'libcurl\.so\.4' || missing+=(libcurl4)
  ldconfig -p | grep -q 'libsqlite3\.so\.0' || missing+=(libsqlite3-0)
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  has cc || missing+=(gcc libc6-dev)
  [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || stop "as root, once: apt-get install ${missing[*]}"
  apt-get -q update >&2
  DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}" >&2 </dev/null
}

build() {
  local target=$1 package=${PACKAGE:-.} name panic=()
  shift
  name=$([ "$package" = . ] && echo tequio || basename "$package")
  case ${PANIC:-message} in
    message) ;;                # panic = "abort" of Cargo.toml: the hook still says where
    none) panic=(-Zpanic-immediate-abort --config 'profile.release.panic="immediate-abort"') ;;
    *) stop "PANIC is message or none" ;;
  esac
  local out=$PWD/target/cross cargo_home=${CARGO_HOME:-$HOME/.cargo}
  (
    export LD_LIBRARY_PATH=$X/root/usr/lib/x86_64-linux-gnu RUSTC_BOOTSTRAP=1
    export RUSTC=$X/root/usr/bin/rustc RUSTDOC=$X/root/usr/bin/rustdoc CARGO=$X/root/usr/bin/cargo
    export CARGO_ZIGBUILD_PYTHON_PATH=$X/py/bin/python PATH=$X/root/usr/bin:$X/py/bin:$PATH
    export CARGO_TARGET_DIR=$out
    # 64-bit time_t, in std's libc and in ours.
    export RUST_LIBC_UNSTABLE_MUSL_V1_2_3=1
    # Makes the folder of the sources, which the remap names.
    (cd "$package" && cargo fetch --quiet --locked </dev/null)
    # static: a position-independent MIPS program calls address 0 where std looks for optional symbols.
    # The remaps (of two that fit the last one counts) keep panic messages short, and this machine's
    # folders out of them.
    # No unwind tables: a panic aborts, nobody unwinds, and they are a twelfth of the file.
    export RUSTFLAGS="-C relocation-model=static -C link-self-contained=no --cfg=libc_unstable_musl_v1_2 \
-C force-unwind-tables=no \
--remap-path-prefix=$PWD/= --remap-path-prefix=$X/root/usr/lib/rustlib/src/rust/library/= \
--remap-path-prefix=$(echo "$cargo_home"/registry/src/*/ | cut -d' ' -f1)=${RUSTFLAGS:+ $RUSTFLAGS}"
    cd "$package"
    cargo zigbuild --locked --release --bin "$name" --target "$target" \
      -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size "${panic[@]}" "$@" </dev/null
  )
  local binary=$out/$target/release/$name
  printf '%s: %d bytes' "${binary#"$PWD/"}" "$(stat -c %s "$binary")"
  if has xz; then printf ', %d after xz -9e' "$(xz -9e -c "$binary" | wc -c)"; fi
  printf '\n'
}

main "$@"
