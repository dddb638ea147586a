# Sourced by run.sh. The installer's guide, held to what the package does.
# shellcheck shell=bash disable=SC2154

# What the guide has typed on a router (its boxes of `sh`) gives what it promises.
test_the_guide_leads_to_a_node_that_works() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/guide-${shell%% *}" config
    root "$r"
    in_root "$r" "$shell" $FILES/90-tequio.uci-defaults >"$WORK/said"
    { echo 'set -e; reload_config() { :; }; uhttpd() { echo "hash-of-$2"; }'; awk '/^```/ { on = $0 == "```sh"; next } on' docs/installer.md; } >"$WORK/typed"
    [ "$(grep -c '^reload_config$' "$WORK/typed")" = 8 ]
    in_root "$r" "$shell" "$WORK/typed" >"$WORK/said"
    [ ! -s "$WORK/said" ] || { cat "$WORK/said"; fail "a command of the guide is wrong"; }
    config="$r/etc/config"
    [ "$("$WORK/tequio" check "$config/tequio")" = "$config/tequio is good" ]
    for file in tequio network wireless; do same "$config/$file" "guide-$file.uci"; done
    [ "$(uci_of "$r" get firewall.tequio_mesh.network)" = "mesh hill" ]
    [ "$(uci_of "$r" get rpcd.ana.read)" = "unauthenticated luci-base luci-app-tequio*" ]
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    for rule in 'hotspot_interfaces { "br-hotspot" }' 'guests4 { 10.77.4.0/22 }' 'infrastructure4 { 10.77.0.0/22 }' \
      'walled_garden4 { 10.77.8.2/32 }' 'redirect to :2080'; do holds "$r/table" "$rule"; done
  done
}

# The words that the guide has somebody type exist, and what it says of files and ports is so.
test_what_the_guide_names_is_there() {
  local words
  for words in "community request" "community admit" "community join"; do
    "$WORK/tequio" $words --help >"$WORK/help"
    grep -o "tequio $words .*" docs/installer.md | grep -o -- '--[a-z]*' | sort -u >"$WORK/options"
    while read -r option; do holds "$WORK/help" "$option "; done <"$WORK/options"
  done
  "$WORK/tequio" --help >"$WORK/help"
  for words in check status neighbours why "record start"; do holds "$WORK/help" "  $words "; done
  holds docs/installer.md "tequio_$(sed -n 's/^PKG_VERSION:=//p' openwrt-package/tequio/Makefile)-r$(sed -n 's/^PKG_RELEASE:=//p' openwrt-package/tequio/Makefile)_mips_24kc.ipk"
  local arch
  for arch in $(python3 -B -c 'import sys; sys.path.insert(0, "scripts"); import package; print(*package.ARCHITECTURES)'); do
    case $arch in mipsel_74kc | arm_cortex-a15*) ;; *) holds docs/installer.md "\`$arch\`" ;; esac
  done
}

# The Spanish guide has the same things typed; only what stands behind a # is translated.
test_both_guides_have_the_same_typed() {
  local guide
  for guide in installer instalador; do
    awk '/^```/ { on = !on; print; next } on' docs/$guide.md | sed 's/ *#.*//' >"$WORK/$guide"
    grep -o '`[^`]*`' docs/$guide.md | sort -u >"$WORK/$guide.words"
  done
  diff "$WORK/installer" "$WORK/instalador"
  diff "$WORK/installer.words" "$WORK/instalador.words"
}
