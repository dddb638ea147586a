# Sourced by run.sh. What uci-defaults makes of a fresh router, and what it leaves alone.
# shellcheck shell=bash disable=SC2154

test_a_fresh_router_gets_name_zones_and_pools_once() {
  for shell in "${SHELLS[@]}"; do
    local r="$WORK/fresh-${shell%% *}"
    root "$r"
    in_root "$r" "$shell" $FILES/90-tequio.uci-defaults >"$WORK/said"
    [ ! -s "$WORK/said" ] || { cat "$WORK/said"; fail "uci-defaults said something"; }
    local file
    for file in tequio firewall dhcp; do same "$r/etc/config/$file" "fresh-$file.uci"; done
    "$WORK/tequio" check "$r/etc/config/tequio" | grep -q "is good$"
    cp -r "$r/etc/config" "$r/once"
    in_root "$r" "$shell" $FILES/90-tequio.uci-defaults >"$WORK/said"
    diff -r "$r/once" "$r/etc/config"
  done
}

test_what_an_installer_has_set_stays() {
  local r="$WORK/kept"
  root "$r"
  uci_of "$r" set tequio.node.name=cerro
  uci_of "$r" set tequio.wan.device=eth7
  uci_of "$r" set firewall.theirs=zone
  uci_of "$r" set firewall.theirs.name=mesh
  uci_of "$r" set dhcp.hotspot=dhcp
  uci_of "$r" set dhcp.hotspot.interface=hotspot
  uci_of "$r" set dhcp.hotspot.leasetime=5m
  in_root "$r" "${SHELLS[0]}" $FILES/90-tequio.uci-defaults >"$WORK/said"
  [ "$(uci_of "$r" get tequio.node.name)" = cerro ]
  [ "$(uci_of "$r" get tequio.wan.device)" = eth7 ]
  [ "$(uci_of "$r" get dhcp.hotspot.leasetime)" = 5m ]
  if uci_of "$r" -q get firewall.tequio_mesh; then fail "a second zone mesh"; fi
  [ "$(uci_of "$r" get firewall.tequio_babel.src)" = mesh ]
}

test_every_hostname_gives_a_name_that_the_daemon_takes() {
  local r="$WORK/hosts"
  root "$r"
  while IFS='|' read -r host name; do
    uci_of "$r" set "tequio.node.name=node"
    uci_of "$r" set "system.@system[0].hostname=$host"
    in_root "$r" "${SHELLS[0]}" $FILES/90-tequio.uci-defaults >"$WORK/said"
    [ "$(uci_of "$r" get tequio.node.name)" = "$name" ] || fail "$host became $(uci_of "$r" get tequio.node.name), not $name"
    "$WORK/tequio" check "$r/etc/config/tequio" >/dev/null
  done <<'END'
Plaza|plaza
OpenWrt|node-10ab01
La Escuela #2|la-escuela--2
--cerro--|cerro
---|node-10ab01
a-name-of-more-than-thirty-two-characters|a-name-of-more-than-thirty-two-c
END
  rm "$r/sys/class/net/eth0/address"
  uci_of "$r" set tequio.node.name=node
  uci_of "$r" set system.@system[0].hostname=OpenWrt
  in_root "$r" "${SHELLS[0]}" $FILES/90-tequio.uci-defaults >"$WORK/said"
  [ "$(uci_of "$r" get tequio.node.name)" = node ]
}

test_the_uplink_is_the_device_that_netifd_makes() {
  local r="$WORK/uplink"
  root "$r"
  uci_of "$r" set network.wan.proto=pppoe
  in_root "$r" "${SHELLS[0]}" $FILES/90-tequio.uci-defaults >"$WORK/said"
  [ "$(uci_of "$r" get tequio.wan.device)" = pppoe-wan ]
  uci_of "$r" set tequio.wan.device=wan
  uci_of "$r" delete network.wan
  in_root "$r" "${SHELLS[0]}" $FILES/90-tequio.uci-defaults >"$WORK/said"
  [ "$(uci_of "$r" get tequio.wan.device)" = wan ]
}
