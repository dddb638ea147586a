#!/bin/bash
# The linker of what scripts/cross.sh releases for MIPS; rustc calls it. With --icf=all of functions that came out octet for
# octet the same one stays, --bp-compression-sort puts functions and data side by side that are alike, which xz finds, and
# -O2 lets a text stand in the end of a longer one. zig's driver has no such words, and its linker (20) not the second one:
# so it links as it likes and prints with which words; then the linker is called with these and ours. DRIVER is the variable
# that names the driver, LLD Debian's ld.lld, if it is there.
set -euo pipefail

said=$(ZIG_VERBOSE_LINK=1 "${!DRIVER}" "$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
words=$(grep '^ld\.lld ' <<<"$said" | tail -n 1) || { printf 'zig did not say how it links:\n%s\n' "$said" >&2; exit 1; }
# Folders with a space in their name do not get this far: RUSTFLAGS has none.
# shellcheck disable=SC2086
if [ -x "${LLD:-}" ]; then
  exec "$LLD" ${words#ld.lld } --icf=all --bp-compression-sort=both -O2
else
  exec "$CARGO_ZIGBUILD_PYTHON_PATH" -m ziglang $words --icf=all
fi
