# Sourced by run.sh. A router's root folder with the package in it, and how our scripts are run there.
# shellcheck shell=bash disable=SC2154

# root FOLDER [CONFIG]: a router's root folder with the package unpacked, and the words that our scripts use.
root() {
  mkdir -p "$1"
  member "$(the_ipk "$WORK/feed")" data | tar xf - -C "$1"
  cp "$HERE"/fresh/* "$1/etc/config/"
  if [ -n "${2:-}" ]; then cp "$2" "$1/etc/config/tequio"; fi
  # The program, told that this folder is the root.
  mv "$1/usr/sbin/tequio" "$1/usr/sbin/tequio.bin"
  printf '#!/bin/sh\nexec "%s" "$@" --config "%s"\n' "$1/usr/sbin/tequio.bin" "$1/etc/config/tequio" >"$1/usr/sbin/tequio"
  chmod +x "$1/usr/sbin/tequio"
  mkdir -p "$1"/proc/sys/net/ipv4/conf/{all,default,mesh0,eth0.2} "$1"/proc/sys/net/ipv6/conf/{all,default,mesh0,eth0.2} "$1/tools"
  mkdir -p "$1/sys/class/net/eth0" "$1/sbin"
  echo 02:00:5e:10:Ab:01 | tr A-Z a-z >"$1/sys/class/net/eth0/address"
  # Only what a script may use, so that a program can be missing.
  local tool
  for tool in sh mkdir head cat tr cut grep cp rm mv env awk ls; do ln -s "$(command -v $tool)" "$1/tools/$tool"; done
  ln -s "$HERE"/shims/{uci,nft,ubus,jsonfilter} "$1/tools/"
  : >"$1/calls"
}

# in_root FOLDER SHELL SCRIPT [ACTION]: runs a script of ours, its absolute paths below that folder.
in_root() {
  local folder=$1 shell=$2 script=$3
  sed -E "s#(^|[^A-Za-z0-9_.\$}/])(/usr/sbin/tequio|/etc/tequio|/etc/capabilities|/etc/config|/sbin/ujail|/sbin/hotplug-call|/etc/hotplug.d|/var/run|/proc/sys|/sys/class|/tmp/hosts)#\1$folder\2#g" \
    "$script" >"$folder/script"
  local words=("$folder/script")
  if [ $# -gt 3 ]; then words=("$HERE/shims/rc.common" "$folder/script" "$4"); fi
  case $shell in
    busybox*) shell="$(command -v busybox) ash" ;;
    *) shell=$(command -v "$shell") ;;
  esac
  env -i PATH="$folder/tools" UCI_CONFIG_DIR="$folder/etc/config" CALLS="$folder/calls" NFT_TABLE="$folder/table" \
    HOME="$folder" $shell "${words[@]}" 2>&1 | sed "s#$folder##g"
}

test_the_program_starts_in_an_unpacked_package() {
  mkdir "$WORK/plain"
  member "$(the_ipk "$WORK/feed")" data | tar xf - -C "$WORK/plain"
  "$WORK/plain/usr/sbin/tequio" --version | grep -qx "tequio $(sed -n 's/^PKG_VERSION:=//p' openwrt-package/tequio/Makefile)"
  [ "$("$WORK/plain/usr/sbin/tequio" check "$WORK/plain/etc/config/tequio")" = "$WORK/plain/etc/config/tequio is good" ]
}

test_what_stands_commented_in_the_configuration_is_right_too() {
  [ "$(grep -c '^config' "$WORK/all.config")" = 8 ]
  [ "$("$WORK/tequio" check "$WORK/all.config")" = "$WORK/all.config is good" ]
}

test_every_script_can_be_read_by_the_routers_shells() {
  for shell in "${SHELLS[@]}"; do
    for script in $FILES/tequio.init $FILES/tequio-hooks.init $FILES/tequio-undo.init $FILES/tequio-hooks $FILES/90-tequio.uci-defaults; do $shell -n "$script"; done
  done
  if command -v shellcheck >/dev/null; then
    shellcheck -S warning -s dash -e SC2034,SC3043 $FILES/tequio.init $FILES/tequio-hooks.init $FILES/tequio-undo.init $FILES/tequio-hooks $FILES/90-tequio.uci-defaults
  fi
  python3 -m json.tool $FILES/tequio.capabilities.json >"$WORK/json"
  python3 -m json.tool $FILES/tequio.acl.json >"$WORK/json"
}

test_the_hooks_are_a_service_once_there_is_one() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/hooks-${shell%% *}"
    root "$r"
    in_root "$r" "$shell" $FILES/tequio-hooks.init start >"$WORK/service"
    holds_not "$WORK/service" instance
    mkdir -p "$r/etc/hotplug.d/tequio"
    : >"$r/etc/hotplug.d/tequio/10-lamp"
    in_root "$r" "$shell" $FILES/tequio-hooks.init start >"$WORK/service"
    same "$WORK/service" service-hooks.txt
  done
}

test_a_boot_undoes_what_the_power_cut_short_before_the_network_starts() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/undo-${shell%% *}"
    root "$r"
    printf "config wifi-device 'radio0'\n\toption channel '149'\n\toption chanbw '10'\n" >"$r/etc/config/wireless"
    cp "$r/etc/config/wireless" "$r/before"
    # Nothing lies on flash: the program says nothing.
    in_root "$r" "$shell" $FILES/tequio-undo.init boot >"$WORK/service"
    cmp "$r/before" "$r/etc/config/wireless"
    cat >"$r/usr/sbin/tequio" <<'END'
#!/bin/sh
[ "$*" = "link undo" ] && cat "${0%/*}/undo"
END
    printf '%s\n' "set wireless.radio0.channel='36'" "delete wireless.radio0.chanbw" "commit wireless" >"$r/usr/sbin/undo"
    in_root "$r" "$shell" $FILES/tequio-undo.init start >"$WORK/service"
    cmp "$r/before" "$r/etc/config/wireless"
    in_root "$r" "$shell" $FILES/tequio-undo.init boot >"$WORK/service"
    holds "$WORK/service" 'start 15,'
    holds "$r/calls" 'its old settings are back'
    holds "$r/etc/config/wireless" "option channel '36'"
    holds_not "$r/etc/config/wireless" chanbw
  done
}

test_a_hook_is_told_what_was_called_out_and_nothing_becomes_a_command() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/events-${shell%% *}"
    root "$r"
    # OpenWrt's hotplug-call runs each script of the folder in a shell of its own.
    printf '#!/bin/sh\nfor hook in "%s"/*; do ( . "$hook" ); done\n' "$r/etc/hotplug.d/tequio" >"$r/sbin/hotplug-call"
    chmod +x "$r/sbin/hotplug-call"
    mkdir -p "$r/etc/hotplug.d/tequio"
    echo "env | grep -v -e ^PATH= -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | LC_ALL=C sort >>'$r/told'; echo >>'$r/told'" >"$r/etc/hotplug.d/tequio/10-tell"
    ln -s "$(command -v sort)" "$(python3 -c 'import sys; print(sys.executable)')" "$r/tools/"
    [ -e "$r/tools/python3" ] || mv "$r"/tools/python3* "$r/tools/python3"
    cat >"$r/events" <<'END'
{ "tequio.alert": {"begins":true,"code":"neighbour","message":"Neighbour $(touch /tmp/no) `id` on 'cable': \"it has not said lately that it hears us\"."} }
{ "tequio.somethingelse": {"begins":true} }
{ "tequio.internet": {"up":true,"via":"wan"} }
{ "tequio.internet": {"up":false,"via":null} }
{ "tequio.alert": {"begins":false,"code":"not-saved","message":"-n ; rm -rf \\ \u00f1"} }
END
    in_root "$r" "$shell" $FILES/tequio-hooks >"$WORK/said"
    [ ! -s "$WORK/said" ] || { cat "$WORK/said"; fail "the service of the hooks complains"; }
    same "$r/told" hooks.txt
  done
}
