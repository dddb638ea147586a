# Sourced by run.sh. What is in the packages, and that they are made alike each time.
# shellcheck shell=bash disable=SC2154

test_the_same_tree_gives_the_same_bytes() {
  (umask 077; TZ=America/Mexico_City LC_ALL=C pack "$WORK/feed-again") >/dev/null
  diff -r "$WORK/feed" "$WORK/feed-again"
}

test_the_package_holds_what_it_should() {
  local ipk
  ipk=$(the_ipk "$WORK/feed")
  # Type and rights, owner, path: no size, which changes with each line of code.
  for part in control data; do
    member "$ipk" $part | tar tvf - --numeric-owner | awk -v part=$part '{ print part, $1, $2, $6 }'
  done >"$WORK/contents"
  same "$WORK/contents" contents.txt
  tar tzf "$ipk" | paste -sd ' ' >"$WORK/members"
  [ "$(cat "$WORK/members")" = "./debian-binary ./data.tar.gz ./control.tar.gz" ]
  [ "$(tar xzOf "$ipk" ./debian-binary)" = 2.0 ]
  { member "$ipk" data; member "$ipk" control; } | tar tvf - -i --utc --full-time | awk '{ print $4, $5 }' | sort -u >"$WORK/times"
  [ "$(cat "$WORK/times")" = "2023-11-14 22:13:20" ]
}

test_its_control_file_says_what_opkg_needs() {
  local ipk
  ipk=$(the_ipk "$WORK/feed")
  member "$ipk" control | tar xOf - ./control |
    sed -e "s/^Architecture: $ARCH$/Architecture: ARCH/; s/^Installed-Size: [0-9]*$/Installed-Size: SIZE/" >"$WORK/control"
  same "$WORK/control" control.txt
  [ "$(member "$ipk" control | tar xOf - ./conffiles)" = /etc/config/tequio ]
  [ "$(member "$ipk" data | tar xOf - ./lib/upgrade/keep.d/tequio)" = /etc/tequio/ ]
  for script in postinst prerm postinst-pkg; do
    member "$ipk" control | tar xOf - "./$script" >"$WORK/script"
    for shell in "${SHELLS[@]}"; do $shell -n "$WORK/script"; done
  done
  holds "$WORK/script" 'reload_config'
}

test_the_index_and_the_sums_are_those_of_the_files() {
  (cd "$WORK/feed" && sha256sum --quiet -c sha256sums)
  gzip -dc "$WORK/feed/Packages.gz" | cmp - "$WORK/feed/Packages"
  local ipk
  ipk=$(the_ipk "$WORK/feed")
  holds "$WORK/feed/Packages" "Filename: $(basename "$ipk")"
  holds "$WORK/feed/Packages" "Size: $(stat -c %s "$ipk")"
  holds "$WORK/feed/Packages" "SHA256sum: $(sha256sum "$ipk" | cut -d' ' -f1)"
}

test_a_program_for_another_processor_is_refused() {
  if scripts/package.py mips_24kc --binary "$WORK/tequio" --out "$WORK/none" 2>"$WORK/why"; then fail "it was packed"; fi
  holds "$WORK/why" "is no program for mips_24kc"
  if scripts/package.py mips --out "$WORK/none" 2>"$WORK/why"; then fail "it was packed"; fi
  holds "$WORK/why" "ARCH is one of mips_24kc, mipsel_24kc"
  [ ! -e "$WORK/none" ]
}

test_each_processor_has_its_target_in_cross_toml() {
  python3 -B - <<'END'
import sys
sys.path.insert(0, "scripts")
import package
targets = {line[8:-2] for line in open("cross.toml") if line.startswith("[target.")}
named = {target for target, _ in package.ARCHITECTURES.values()}
assert named == targets, (named, targets)
END
}

# Each of OpenWrt's processors gets what was built for it, the same package each time. Here the programs are this one
# with the head of another processor; tests/cross packs the real ones.
test_each_processor_gets_its_own_program() {
  python3 -B - "$WORK/tequio" "$WORK/feeds" <<'END'
import io, struct, sys, tarfile
from pathlib import Path
sys.path.insert(0, "scripts")
import package
real, package.FEED = Path(sys.argv[1]).read_bytes(), package.ROOT / "openwrt-package"
package.ROOT = Path(sys.argv[2])
for target, (bits, order, machine) in package.ARCHITECTURES.values():
    binary = package.ROOT / "target/cross" / target / "release/tequio"
    binary.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([bits, order]) + real[6:18] + struct.pack("><"[order % 2] + "H", machine)
    binary.write_bytes(real[:4] + head + real[20:] + target.encode())
(package.ROOT / "Cargo.toml").write_bytes(Path("Cargo.toml").read_bytes())
for arch, (target, _) in package.ARCHITECTURES.items():
    binary = package.the_binary(arch, None)
    name, content, text = package.tequio(arch, binary, 1700000000)
    assert (name, content, text) == package.tequio(arch, binary, 1700000000), arch
    assert name.endswith(f"_{arch}.ipk") and f"\nArchitecture: {arch}\n" in text, name
    with tarfile.open(fileobj=io.BytesIO(content)) as ipk, tarfile.open(fileobj=ipk.extractfile("./data.tar.gz")) as data:
        packed = data.extractfile("./usr/sbin/tequio").read()
    assert packed.endswith(target.encode()), arch
END
}

# scripts/cross.sh cuts its programs so; here it is shown on one that runs without an emulator.
test_a_program_without_its_sections_runs() {
  cp "$WORK/tequio" "$WORK/trimmed"
  python3 scripts/trim_elf.py "$WORK/trimmed"
  [ "$("$WORK/trimmed" --version)" = "$("$WORK/tequio" --version)" ]
  [ "$(stat -c %s "$WORK/trimmed")" -lt "$(stat -c %s "$WORK/tequio")" ]
  cp "$WORK/trimmed" "$WORK/trimmed-again"
  python3 scripts/trim_elf.py "$WORK/trimmed-again"
  cmp "$WORK/trimmed" "$WORK/trimmed-again"
  for size in 0 3 20 60 4000; do
    head -c $size "$WORK/tequio" >"$WORK/half"
    cp "$WORK/half" "$WORK/half-before"
    if python3 scripts/trim_elf.py "$WORK/half" 2>"$WORK/why"; then fail "half a program was trimmed"; fi
    holds "$WORK/why" "stop: $WORK/half: "
    cmp "$WORK/half" "$WORK/half-before"
  done
}

# make, with the four words of the SDK, installs the same files as our reading of the Makefile.
test_make_reads_the_feed_as_we_do() {
  command -v make >/dev/null || return "$NOT_RUN"
  mkdir -p "$WORK/built/bin" "$WORK/made" "$WORK/unpacked" "$WORK/prepared"
  cp "$WORK/tequio" "$WORK/built/bin/tequio"
  make -s -C openwrt-package/tequio TOPDIR="$HERE/feed" PKG_INSTALL_DIR="$WORK/built" PKG_BUILD_DIR="$WORK/prepared" \
    TO="$WORK/made" Build/Prepare Package/tequio/install
  member "$(the_ipk "$WORK/feed")" data | tar xf - -C "$WORK/unpacked" --exclude=./lib
  diff -r "$WORK/made" "$WORK/unpacked"
  for folder in made unpacked; do (cd "$WORK/$folder" && find . -type f -printf '%m %p\n' | sort) >"$WORK/$folder.modes"; done
  diff "$WORK/made.modes" "$WORK/unpacked.modes"
  for file in Cargo.toml Cargo.lock LICENSE src/main.rs templates lab/Cargo.toml; do [ -e "$WORK/prepared/$file" ] || fail "$file is not copied"; done
}

# Pages and translations, of a small app with every kind of file.
test_the_pages_of_luci_are_packages_for_all() {
  local feed="$WORK/luci-feed" app="$WORK/luci-feed/luci-app-tequio"
  mkdir -p "$app/htdocs/luci-static/resources/view/tequio" "$app/root/usr/share/rpcd/acl.d" "$app/root/etc/uci-defaults" "$app/po/es" "$app/po/templates"
  cp -r openwrt-package/tequio "$feed/"
  printf 'LUCI_TITLE:=Pages\nLUCI_DEPENDS:=+luci-base +tequio\nPKG_LICENSE:=Apache-2.0\n' >"$app/Makefile"
  echo "'use strict';" >"$app/htdocs/luci-static/resources/view/tequio/overview.js"
  echo '{}' >"$app/root/usr/share/rpcd/acl.d/luci-app-tequio.json"
  printf 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n
msgid "Neighbours"\nmsgstr "Vecinos"\n\nmsgid "Not yet"\nmsgstr ""\n\nmsgid "say \\"ñ\\""\nmsgstr ""\n"di "\n"\\"ñ\\""\n
msgid "%%d coupon"\nmsgid_plural "%%d coupons"\nmsgstr[0] "%%d ficha"\nmsgstr[1] "%%d fichas"\n' >"$app/po/es/tequio.po"
  : >"$app/po/templates/tequio.pot"
  python3 -B - "$feed" "$WORK/luci" <<'END'
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
import package, package_luci
package.FEED = Path(sys.argv[1])
out = Path(sys.argv[2])
out.mkdir()
for file, content, text in package.luci(1700000000):
    (out / file).write_bytes(content)
# The hash of LuCI's own program, also where an octet is no ASCII.
assert [package_luci.superfast(word.encode()) for word in ("a", "ab", "abc", "abcd", "Neighbours", "señal", "xyñ")] == [
    0x115EA782, 0x516B8B44, 0xD2BE198A, 0xDAD8B8DB, 0x79D3601D, 0x1D894CA8, 0x7CBCAFE4]
END
  for ipk in "$WORK"/luci/*.ipk; do
    basename "$ipk"
    member "$ipk" control | tar xOf - ./control | sed 's/^Installed-Size: .*/Installed-Size: SIZE/'
    member "$ipk" data | tar tvf - --numeric-owner | awk '{ print $1, $2, $6 }'
  done >"$WORK/luci-contents"
  same "$WORK/luci-contents" luci.txt
  member "$WORK"/luci/luci-i18n-tequio-es_*.ipk data | tar xOf - ./usr/lib/lua/luci/i18n/tequio.es.lmo | od -An -c -v -w16 >"$WORK/lmo"
  same "$WORK/lmo" tequio.es.lmo.txt
}
