# Sourced by run.sh. The init script: what procd is told, and whether the daemon can live in the jail that it describes.
# shellcheck shell=bash disable=SC2154

test_the_service_without_a_jail() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/no-jail-${shell%% *}"
    root "$r"
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    same "$WORK/service" service-plain.txt
    (cd "$r/proc/sys" && grep -r . . | sort) >"$WORK/sysctls"
    same "$WORK/sysctls" sysctls.txt
    [ "$(stat -c %a "$r/etc/tequio")" = 700 ]
    [ "$(stat -c %a "$r/var/run/tequio")" = 700 ]
  done
}

test_the_service_in_a_jail() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/jail-${shell%% *}"
    root "$r"
    install -m 755 /dev/null "$r/sbin/ujail"
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    same "$WORK/service" service-jail.txt
    # Without the list of rights a jail would give all or none: then there is no jail.
    rm "$r/etc/capabilities/tequio.json"
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    same "$WORK/service" service-plain.txt
  done
}

test_the_jail_has_the_folders_that_the_configuration_names() {
  local r="$WORK/elsewhere"
  root "$r"
  install -m 755 /dev/null "$r/sbin/ujail"
  # A section without a name is a section too.
  printf "config node\n\toption name 'a'\n\toption state_dir '%s'\n\toption run_dir '%s'\n\toption ubus_socket '/tmp/bus/socket'\n" \
    "$r/srv/state" "$r/srv/run" >"$r/etc/config/tequio"
  in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  holds "$WORK/service" "mount /srv/state writable"
  holds "$WORK/service" "mount /srv/run writable"
  holds "$WORK/service" "mount /tmp/bus"
  holds_not "$WORK/service" "/var/run/tequio"
}

test_only_a_stop_that_nothing_follows_leaves_word() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/stop-${shell%% *}" word
    root "$r"
    word="$r/var/run/tequio/final-stop"
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    in_root "$r" "$shell" $FILES/tequio.init restart >"$WORK/service"
    [ ! -e "$word" ]
    for last in stop shutdown; do
      in_root "$r" "$shell" $FILES/tequio.init "$last" >"$WORK/service"
      [ -e "$word" ]
      in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
      [ ! -e "$word" ]
    done
  done
}

test_the_base_table_is_loaded_before_the_daemon() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/hotspot-${shell%% *}"
    root "$r" "$WORK/all.config"
    in_root "$r" "$shell" $FILES/tequio.init start >"$WORK/service"
    holds "$r/calls" "nft -f $r/var/run/tequio/base.nft"
    holds_not "$r/calls" logger
    cmp "$r/table" <("$WORK/tequio" firewall --config "$WORK/all.config")
    # A mistake leaves table and service as they were.
    uci_of "$r" set tequio.hotspot.prefix=10.77.4.0/99
    : >"$r/calls"
    in_root "$r" "$shell" $FILES/tequio.init reload >"$WORK/service-after"
    diff "$WORK/service" "$WORK/service-after"
    holds "$r/calls" "the base table of the hotspot is not loaded: "
    holds "$r/calls" "option prefix"
    holds_not "$r/calls" "nft "
    # No hotspot any more: no table.
    uci_of "$r" delete tequio.hotspot
    : >"$r/calls"
    in_root "$r" "$shell" $FILES/tequio.init reload >"$WORK/service-after"
    holds "$r/calls" "nft delete table inet tequio"
    [ ! -e "$r/table" ]
    in_root "$r" "$shell" $FILES/tequio.init reload >"$WORK/service-after"
    [ "$(grep -c delete "$r/calls")" = 1 ]
  done
}

uci_of() { UCI_CONFIG_DIR="$1/etc/config" "$HERE/shims/uci" "${@:2}"; }

test_what_a_hotspot_lacks_is_said() {
  local r="$WORK/lacking"
  root "$r" "$WORK/all.config"
  uci_of "$r" set firewall.@defaults[0].flow_offloading=1
  in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  holds "$r/calls" "flow offloading takes packets past the hotspot"
  rm "$r/tools/nft"
  in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  holds "$r/calls" "there is no nft"
  holds "$WORK/service" "param command /usr/sbin/tequio run"
}

test_no_device_name_leads_out_of_the_sysctls() {
  local r="$WORK/names"
  root "$r"
  mkdir -p "$r/proc/sys/evil"
  for name in ../../../evil .. . 'a/b'; do
    uci_of "$r" set "tequio.mesh.device=$name"
    in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  done
  holds_not "$r/calls" "cannot be set"
  [ -z "$(ls "$r/proc/sys/evil")" ]
  # The dot of a VLAN is part of a name.
  uci_of "$r" set tequio.mesh.device=eth0.2
  in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  [ "$(cat "$r/proc/sys/net/ipv4/conf/eth0.2/send_redirects")" = 0 ]
}

# The daemon itself, as root in a root folder that holds what the service's jail would mount and nothing else, with
# the rights of capabilities.json: it starts, reads its configuration again and stops.
test_the_jail_is_enough_for_the_daemon() {
  if ! may_make_namespaces; then
    echo "    this needs root, network namespaces, nft and setpriv:"
    return "$NOT_RUN"
  fi
  local r="$WORK/jailed" jail="$WORK/jailed-root" rights
  root "$r" "$WORK/all.config"
  install -m 755 /dev/null "$r/sbin/ujail"
  in_root "$r" "${SHELLS[0]}" $FILES/tequio.init start >"$WORK/service"
  rights=$(sed -n 's/.*"bounding": \[ \(.*\) \].*/\1/p' $FILES/tequio.capabilities.json | tr -d '" ' | tr A-Z a-z | sed 's/cap_/+/g')
  mkdir -p "$jail/tools" "$jail/proc" "$jail/sys"
  put_program "$jail" "$r/usr/sbin/tequio.bin" usr/sbin/tequio
  put_program "$jail" "$(command -v setpriv)" tools/setpriv
  unshare --net --mount bash -euo pipefail -s "$r" "$jail" "$WORK/service" "-all,$rights" <<'END' >"$WORK/said" 2>&1 || { cat "$WORK/said"; fail "the daemon does not start"; }
r=$1 jail=$2
ip link set lo up
ip link add br-hotspot type bridge
ip link add mesh0 type veth peer name far0
for device in br-hotspot mesh0 far0; do ip link set $device up; done
nft -f "$r/var/run/tequio/base.nft"
mount --bind "$jail" "$jail"
mount -t proc proc "$jail/proc"
mount -t sysfs -o ro sys "$jail/sys"
mkdir -p "$r/var/run/ubus"
while read -r word path how; do
  [ "$word" = mount ] || continue
  mkdir -p "$jail$path"
  mount --bind "$r$path" "$jail$path"
  [ "$how" = writable ] || mount -o remount,bind,ro "$jail$path"
done <"$3"
mount -o remount,bind,ro "$jail"
: >"$r/log"
chroot "$jail" /tools/setpriv --bounding-set "$4" --inh-caps "$4" --no-new-privs /usr/sbin/tequio run 2>"$r/log" &
daemon=$!
trap 'kill $daemon 2>/dev/null || true; cat "$r/log"' EXIT
# says TEXT: waits until the log has it.
says() {
  local tries=200
  until grep -qF "$1" "$r/log"; do
    kill -0 $daemon && [ $((tries -= 1)) -gt 0 ] || exit 1
    sleep 0.1
  done
}
says "runs as node"
grep CapEff /proc/$daemon/status
kill -HUP $daemon
says "was read again"
kill -TERM $daemon
wait $daemon
END
  holds "$WORK/said" "CapEff:	0000000000003400"
  [ -e "$r/etc/tequio/keys" ] && [ -e "$r/etc/tequio/journal" ] && [ -e "$r/var/run/tequio/babel" ]
}

may_make_namespaces() {
  [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && unshare --net --mount nft list tables >/dev/null 2>&1
}

# put_program ROOT FILE PATH: a program below a root folder, with the libraries that it is linked to.
put_program() {
  local library
  install -D -m 755 "$2" "$1/$3"
  for library in $(ldd "$2" 2>/dev/null | grep -o '/[^ ]*' || true); do install -D -m 755 "$library" "$1$library"; done
}
