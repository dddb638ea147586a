//! The base table: everything of the firewall that does not change when a guest comes or goes, as text
//! for `nft -f -`. The init step loads it; the daemon then only adds and removes set elements
//! ([`super::Firewall`]), so an event costs one netlink batch and never a process.
//!
//! - It is a table of our own beside fw4. Our `accept` does not overrule fw4 (its chains still see the
//!   packet); our `drop` is final. Reloading fw4 does not touch it.
//! - Loading it again keeps guests, counters and limits: maps and sets are declared (which keeps what
//!   is there), chains and the sets that come from settings are emptied and written anew. One load is
//!   one transaction: no packet sees a half.
//! - A device is known by its MAC address, on its first hop. [`super::mark`] gives each
//!   device a number that lives in the *connection* mark only. The packet mark stays 0, so no policy
//!   routing rule ever mistakes a guest's number for its own.

use std::fmt::Write;

use super::elements::{Limit, mark};
use crate::base::address::{MacAddress, PORTAL_EVERYWHERE, Prefix};
use crate::base::limit;
use crate::hotspot::output::ClientId;

/// Name of our table, in the family `inet`.
pub const TABLE: &str = "tequio";

/// What the base table is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirewallSettings {
    /// Names of the interfaces that guests are on (the bridge, where there is one).
    pub hotspot_interfaces: Vec<String>,
    /// TCP port of the portal, on this node.
    pub portal_port: u16,
    /// The networks that guests have their addresses from.
    pub hotspot_prefixes: Vec<Prefix>,
    /// The addresses of all nodes, of every member of the community.
    pub infrastructure: Vec<Prefix>,
    /// The networks that everybody may reach, always.
    pub walled_garden: Vec<Prefix>,
    /// Networks of a school, a clinic, a base station.
    pub policies: Vec<PolicyNetwork>,
}

/// What is behind a device of its own, and needs no voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyNetwork {
    /// The device.
    pub device: String,
    /// The policy's number.
    pub client: ClientId,
    /// Limit towards it in kbit/s; 0 is none.
    pub rate_down_kbps: u32,
    /// Limit from it in kbit/s; 0 is none.
    pub rate_up_kbps: u32,
}

/// The base table as text for `nft -f -`.
///
/// An interface name that the kernel would not accept is left out, with a warning in the log: no such
/// interface can exist, and a quotation mark in it would be a line of its own to nft.
pub fn base_table(settings: &FirewallSettings) -> String {
    let mut text = String::with_capacity(8_192);
    text.push_str(&declarations());
    for chain in CHAINS {
        let _ = writeln!(text, "flush chain inet {TABLE} {chain}");
    }
    fill(&mut text, "hotspot_interfaces", &interface_names(&settings.hotspot_interfaces));
    fill_policies(&mut text, &settings.policies);
    for (name, prefixes) in [
        ("guests", &settings.hotspot_prefixes),
        ("infrastructure", &settings.infrastructure),
        ("walled_garden", &settings.walled_garden),
    ] {
        let (v4, v6): (Vec<Prefix>, Vec<Prefix>) = prefixes.iter().partition(|prefix| prefix.is_ipv4());
        fill(&mut text, &format!("{name}4"), &v4);
        fill(&mut text, &format!("{name}6"), &v6);
    }
    text.push_str(
        &RULES
            .replace("PROBES", &probes())
            .replace("PORTAL", &settings.portal_port.to_string())
            .replace("EVERYWHERE", &PORTAL_EVERYWHERE.to_string()),
    );
    text
}

/// What questions for [`PROBED`] begin with, as nft reads it.
fn probes() -> String {
    let mut text = String::new();
    for name in PROBED {
        text.push_str(if text.is_empty() { "0x" } else { ", 0x" });
        let labels = name.split('.').flat_map(|label| [label.len() as u8].into_iter().chain(label.bytes()));
        // The name ends with a zero, and the kind of what is asked for begins with another.
        for octet in labels.chain([0, 0]).take(16) {
            let _ = write!(text, "{octet:02x}");
        }
    }
    text
}

/// Empties a set and writes `elements` into it.
fn fill(text: &mut String, set: &str, elements: &[impl std::fmt::Display]) {
    let kind = if set == "policy_marks" { "map" } else { "set" };
    let _ = writeln!(text, "flush {kind} inet {TABLE} {set}");
    // Line by line: a village has some hundred node addresses, and nft reports errors by line.
    for element in elements {
        let _ = writeln!(text, "add element inet {TABLE} {set} {{ {element} }}");
    }
}

/// Networks with a policy: who they are, and how fast. Limits of one policy are one limit, whatever device it has.
fn fill_policies(text: &mut String, policies: &[PolicyNetwork]) {
    let names: Vec<String> = policies.iter().map(|policy| policy.device.clone()).collect();
    fill(text, "policy_interfaces", &interface_names(&names));
    let good = || policies.iter().filter(|policy| is_interface_name(&policy.device));
    let marks: Vec<String> = good()
        .map(|policy| format!("\"{}\" : {:#x}", policy.device, mark(policy.client, MacAddress::default())))
        .collect();
    fill(text, "policy_marks", &marks);
    // Those that are there keep what they have counted.
    for policy in good() {
        for set in ["up", "down"] {
            let _ = writeln!(text, "add element inet {TABLE} {set} {{ {:#x} }}", policy.client.0);
        }
    }
    for (set, rate) in [
        ("policy_up", (|policy| policy.rate_up_kbps) as fn(&PolicyNetwork) -> u32),
        ("policy_down", |policy| policy.rate_down_kbps),
    ] {
        let mut limits: Vec<String> = good()
            .filter_map(|policy| {
                let Limit { bytes_per_s, burst_bytes } = Limit::from_kbps(rate(policy))?;
                let client = policy.client.0;
                Some(format!(
                    "{client:#x} limit rate over {bytes_per_s} bytes/second burst {burst_bytes} bytes"
                ))
            })
            .collect();
        limits.dedup();
        fill(text, set, &limits);
    }
}

fn interface_names(names: &[String]) -> Vec<String> {
    let (good, bad): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_interface_name(name));
    for name in bad {
        log::warn!("firewall: '{name}' cannot be the name of an interface; it is left out");
    }
    good.iter().map(|name| format!("\"{name}\"")).collect()
}

/// Whether the kernel accepts the name, and nft reads it as just a name (`*` is a wildcard there).
fn is_interface_name(name: &str) -> bool {
    (1..16).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"*/:\\".contains(&byte))
}

/// Sets, maps and empty chains. To declare again what is there keeps its content.
fn declarations() -> String {
    // The kernel frees expired elements lazily, so there is room for twice the sessions.
    DECLARATIONS.replace("SIZE", &(2 * limit::HOTSPOT_SESSIONS).to_string())
}

const CHAINS: [&str; 15] = [
    "hs_guard",
    "hs_guard_destination",
    "hs_mark",
    "hs_redirect",
    "hs_own",
    "hs_names",
    "hs_forward",
    "hs_from_guest",
    "hs_to_guest",
    "hs_open_up",
    "hs_open_down",
    "hs_refuse",
    "hs_first",
    "hs_from_policy",
    "hs_to_policy",
];

/// What phones and computers ask for to find out whether they are online; of two that begin alike, one. Pages that people
/// open too are left out: for a moment after the uplink is back they would still lead to the portal.
const PROBED: [&str; 13] = [
    // Android, and Huawei's (`connectivitycheck.platform.hicloud.com`).
    "connectivitycheck.gstatic.com",
    "play.googleapis.com",
    "clients3.google.com",
    "captive.apple.com",
    "www.msftconnecttest.com",
    "ipv6.msftconnecttest.com",
    "www.msftncsi.com",
    "dns.msftncsi.com",
    "detectportal.firefox.com",
    "nmcheck.gnome.org",
    "connectivity-check.ubuntu.com",
    "network-test.debian.org",
    "spectrum.s3.amazonaws.com",
];

const DECLARATIONS: &str = r#"# tequio: the hotspot's table, beside fw4. Load it with: tequio firewall | nft -f -
# Loading it again changes rules and settings, and keeps guests, counters and limits.
table inet tequio {
  # Written by this file.
  set hotspot_interfaces { type ifname; }
  set guests4 { type ipv4_addr; flags interval; auto-merge; }
  set guests6 { type ipv6_addr; flags interval; auto-merge; }
  set infrastructure4 { type ipv4_addr; flags interval; auto-merge; }
  set infrastructure6 { type ipv6_addr; flags interval; auto-merge; }
  set walled_garden4 { type ipv4_addr; flags interval; auto-merge; }
  set walled_garden6 { type ipv6_addr; flags interval; auto-merge; }
  # School, clinic, base station with a network of their own: their marks, and how fast they are.
  set policy_interfaces { type ifname; }
  map policy_marks { type ifname : mark; }
  set policy_up { type mark; size SIZE; limit rate over 1 kbytes/second burst 1500 bytes; }
  set policy_down { type mark; size SIZE; limit rate over 1 kbytes/second burst 1500 bytes; }
  # Free services of the ledger, by the daemon, with a lease.
  set free_services4 { type ipv4_addr; size 1024; flags timeout; timeout 1h; }
  set free_services6 { type ipv6_addr; size 1024; flags timeout; timeout 1h; }
  # Free pages outside: what upstream answered for their names, by dnsmasq's nftset, and an hour after the last packet.
  # (To add what is there already begins no new hour, and dnsmasq knows an answer for longer.)
  set free_names4 { type ipv4_addr; size 1024; flags dynamic,timeout; timeout 1h; }
  set free_names6 { type ipv6_addr; size 1024; flags dynamic,timeout; timeout 1h; }

  # Written by the daemon, one netlink batch an event.
  # cid: device -> its mark (client in the low 16 bits). Its timeout is the lease: a dead daemon
  # neither cuts anybody at once nor gives free days.
  map cid { type ether_addr : mark; size SIZE; flags timeout; }
  # leases: the marks of cid once more, for the way back, where no MAC address is known yet.
  set leases { type mark; size SIZE; flags timeout; }
  # Counters and limits hang on the client, so that all devices of a voucher share them. They open
  # nothing by themselves and therefore live longer than a lease.
  set up { type mark; size SIZE; flags timeout; counter; }
  set down { type mark; size SIZE; flags timeout; counter; }
  set limit_up { type mark; size SIZE; flags timeout; limit rate over 1 kbytes/second burst 1500 bytes; }
  set limit_down { type mark; size SIZE; flags timeout; limit rate over 1 kbytes/second burst 1500 bytes; }

  # open: marks that pass without a voucher (0, every stranger's, in an emergency). shut: clients that do
  # not pass (0: all with a voucher, at night; a policy at other hours than its own). Held by leases, too: a dead daemon leaves neither for ever.
  set open { type mark; size SIZE; flags timeout; }
  set shut { type mark; size SIZE; flags timeout; }
  # offline: 0 while there is no way outside.
  set offline { type mark; size SIZE; flags timeout; }

  # Written by the rules: how often each stranger asks for names, how much he is told, and how fast he
  # passes in an emergency.
  set dns_rate { type ether_addr; size SIZE; flags dynamic,timeout; timeout 1m; }
  set names_down4 { type ipv4_addr; size SIZE; flags dynamic,timeout; timeout 1m; }
  set names_down6 { type ipv6_addr; size SIZE; flags dynamic,timeout; timeout 1m; }
  set open_up { type ether_addr; size SIZE; flags dynamic,timeout; timeout 1m; }
  set open_down4 { type ipv4_addr; size SIZE; flags dynamic,timeout; timeout 1m; }
  set open_down6 { type ipv6_addr; size SIZE; flags dynamic,timeout; timeout 1m; }

  chain hs_guard { type filter hook prerouting priority raw; policy accept; }
  chain hs_guard_destination { }
  chain hs_mark { type filter hook prerouting priority mangle; policy accept; }
  chain hs_redirect { type nat hook prerouting priority dstnat - 5; policy accept; }
  chain hs_own { type filter hook input priority filter - 5; policy accept; }
  chain hs_names { type filter hook output priority filter - 5; policy accept; }
  chain hs_forward { type filter hook forward priority filter - 5; policy accept; }
  chain hs_from_guest { }
  chain hs_to_guest { }
  chain hs_open_up { }
  chain hs_open_down { }
  chain hs_refuse { }
  chain hs_first { }
  chain hs_from_policy { }
  chain hs_to_policy { }
}
"#;

const RULES: &str = r#"table inet tequio {
  # Before connection tracking: what is dropped here costs no state.
  chain hs_guard {
    iifname != @hotspot_interfaces accept
    # A phone that looks for an address has none, or still the one of another node.
    ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
    ip saddr @guests4 goto hs_guard_destination
    # Neighbour discovery and DHCPv6 speak link-local; nothing link-local is ever forwarded.
    ip6 saddr { ::, fe80::/10 } ip6 daddr { fe80::/10, ff02::/16 } accept
    ip6 saddr @guests6 goto hs_guard_destination
    # Whoever lies about the source could be neither counted nor answered.
    counter drop
  }

  # No guest, admitted or not, reaches a node by one of its own addresses: not SSH, not LuCI, not the
  # mesh. The one exception is this node's address on the hotspot itself, where hs_own judges.
  chain hs_guard_destination {
    # A guest that poses as this node: IPv4 knows it for a martian, IPv6 would take it.
    meta nfproto ipv6 fib saddr type local counter drop
    fib daddr . iif type local accept
    ip daddr @infrastructure4 counter drop
    ip6 daddr @infrastructure6 counter drop
    fib daddr type local counter drop
  }

  # Marks of policies, and of flows that another node has marked for one, begin with a bit and a DSCP (AF21): queues
  # put both on what comes back.
  chain hs_mark {
    ct mark set iifname map @policy_marks goto hs_first
    iifname != @hotspot_interfaces ct direction original ip dscp af21 ct mark set 0xa4000000
    iifname != @hotspot_interfaces ct direction original ip6 dscp af21 ct mark set 0xa4000000
    iifname != @hotspot_interfaces accept
    # A guest's own word for it counts nothing.
    ip dscp af21 ip dscp set cs0
    ip6 dscp af21 ip6 dscp set cs0
    # Set anew with each packet: a flow outlives its lease by not one packet.
    ct mark set ether saddr map @cid goto hs_first
    ct mark set 0
    # Strangers. Names must resolve, or no phone opens the portal; a tunnel through names stays slow.
    # The second limit holds when somebody changes the MAC address with every question.
    meta l4proto { tcp, udp } th dport 53 update @dns_rate { ether saddr limit rate over 5/second burst 20 packets } counter drop
    meta l4proto { tcp, udp } th dport 53 limit rate over 300/second burst 600 packets counter drop
  }

  # School and clinic go before the others, at each node on the way.
  chain hs_first {
    ct mark and 0x80000000 == 0 accept
    ip dscp set af21
    ip6 dscp set af21
  }

  chain hs_redirect {
    iifname != @hotspot_interfaces accept
    # Names by which phones find out whether they are online, by the 16 octets that a question for them begins with.
    ct mark and 0 @offline meta nfproto ipv4 udp dport 53 @th,160,128 { PROBES } redirect to :PORTAL
    # Who types this node's address gets the portal, with or without a voucher, and never LuCI.
    fib daddr type local tcp dport 80 redirect to :PORTAL
    # What stands on coupons opens the portal of whatever node the guest is at.
    ip daddr EVERYWHERE tcp dport 80 redirect to :PORTAL
    fib daddr type local accept
    ip daddr @walled_garden4 accept
    ip6 daddr @walled_garden6 accept
    ip daddr @free_services4 accept
    ip6 daddr @free_services6 accept
    ip daddr @free_names4 accept
    ip6 daddr @free_names6 accept
    # At night the portal says why, to whoever has a voucher too.
    ct mark and 0x80000000 @shut tcp dport 80 redirect to :PORTAL
    ct mark != 0 accept
    ct mark @open tcp dport 80 accept
    tcp dport 80 redirect to :PORTAL
    # A phone with a name server of its own must find the portal too.
    meta l4proto { tcp, udp } th dport 53 redirect to :53
  }

  # What guests reach of this node: DHCP, names, time, the portal.
  chain hs_own {
    iifname != @hotspot_interfaces accept
    udp dport { 53, 123, PORTAL } accept
    tcp dport { 53, PORTAL } accept
    udp sport 68 udp dport 67 accept
    ip6 saddr fe80::/10 udp sport 546 udp dport 547 accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-report, mld-listener-done, mld2-listener-report } accept
    # Answers to what the node itself asked, and errors that belong to a flow (path MTU).
    ct state established ct direction reply accept
    meta l4proto { icmp, icmpv6 } ct state related accept
    counter drop
  }

  # Long answers would be the other half of a tunnel.
  chain hs_names {
    oifname != @hotspot_interfaces accept
    ct mark != 0 accept
    meta l4proto { tcp, udp } th sport 53 update @names_down4 { ip daddr limit rate over 1 kbytes/second burst 16 kbytes } counter drop
    meta l4proto { tcp, udp } th sport 53 update @names_down6 { ip6 daddr limit rate over 1 kbytes/second burst 16 kbytes } counter drop
  }

  chain hs_forward {
    iifname @hotspot_interfaces goto hs_from_guest
    oifname @hotspot_interfaces goto hs_to_guest
    iifname @policy_interfaces goto hs_from_policy
    oifname @policy_interfaces goto hs_to_policy
  }

  chain hs_from_guest {
    # No flow, no mark: such a packet cannot be judged, and must not be answered with a reset.
    ct state invalid drop
    # Guests do not see each other. (Between two stations of one access point the radio's isolation
    # does the same: those packets never come here.)
    oifname @hotspot_interfaces counter drop
    ip daddr @walled_garden4 accept
    ip6 daddr @walled_garden6 accept
    ip daddr @free_services4 accept
    ip6 daddr @free_services6 accept
    ip daddr @free_names4 update @free_names4 { ip daddr } accept
    ip6 daddr @free_names6 update @free_names6 { ip6 daddr } accept
    ct mark and 0x80000000 @shut goto hs_refuse
    ct mark @open goto hs_open_up
    ct mark and 0xffff @limit_up drop
    ct mark and 0xffff @up accept
    goto hs_refuse
  }

  # Strangers, ended leases, the night.
  chain hs_refuse {
    # A reset tells a browser at once what a timeout tells after a minute;
    # port 443 cannot be redirected without a false certificate.
    meta l4proto tcp counter reject with tcp reset
    counter reject with icmpx admin-prohibited
  }

  chain hs_to_guest {
    # Nobody opens a connection to a guest.
    ct state new,invalid,untracked counter drop
    ip saddr @walled_garden4 accept
    ip6 saddr @walled_garden6 accept
    ip saddr @free_services4 accept
    ip6 saddr @free_services6 accept
    ip saddr @free_names4 accept
    ip6 saddr @free_names6 accept
    ct mark and 0x80000000 @shut counter drop
    ct mark @open goto hs_open_down
    ct mark and 0xffff @limit_down drop
    # The lease of the device, then the counter of its client.
    ct mark @leases ct mark and 0xffff @down accept
    counter drop
  }

  # Where it leads to and who may open flows to it is fw4's to say.
  chain hs_from_policy {
    ct mark and 0xffff @shut goto hs_refuse
    ct mark and 0xffff @policy_up drop
    ct mark and 0xffff @up accept
  }

  chain hs_to_policy {
    ct mark and 0xffff @shut counter drop
    ct mark and 0xffff @policy_down drop
    ct mark and 0xffff @down accept
  }

  # Messages for everybody in an emergency, and nothing that is heavy: 128 kbit/s for each stranger.
  chain hs_open_up {
    update @open_up { ether saddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    accept
  }

  chain hs_open_down {
    update @open_down4 { ip daddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    update @open_down6 { ip6 daddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    accept
  }
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> FirewallSettings {
        FirewallSettings {
            hotspot_interfaces: vec!["br-hs".to_owned()],
            portal_port: 2080,
            hotspot_prefixes: vec!["10.77.16.0/22".parse().unwrap(), "fd77:16::/64".parse().unwrap()],
            infrastructure: vec!["10.77.0.1".parse().unwrap(), "fd77::1".parse().unwrap()],
            walled_garden: vec!["10.77.200.0/24".parse().unwrap()],
            policies: vec![PolicyNetwork {
                device: "br-school".to_owned(),
                client: ClientId::of_policy(2),
                rate_down_kbps: 2_000,
                rate_up_kbps: 0,
            }],
        }
    }

    #[test]
    fn each_prefix_lands_in_the_set_of_its_family() {
        let text = base_table(&settings());
        for line in [
            "add element inet tequio hotspot_interfaces { \"br-hs\" }",
            "add element inet tequio guests4 { 10.77.16.0/22 }",
            "add element inet tequio guests6 { fd77:16::/64 }",
            "add element inet tequio infrastructure4 { 10.77.0.1/32 }",
            "add element inet tequio infrastructure6 { fd77::1/128 }",
            "add element inet tequio walled_garden4 { 10.77.200.0/24 }",
            "add element inet tequio policy_interfaces { \"br-school\" }",
            "add element inet tequio policy_marks { \"br-school\" : 0xa400ff02 }",
            "add element inet tequio policy_down { 0xff02 limit rate over 250000 bytes/second burst 32768 bytes }",
            "    tcp dport 80 redirect to :2080",
            "    tcp dport { 53, 2080 } accept",
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line:?} in\n{text}");
        }
        assert!(!text.contains("PORTAL") && !text.contains("SIZE"));
    }

    #[test]
    fn every_chain_is_declared_flushed_and_written() {
        let text = base_table(&settings());
        for chain in CHAINS {
            assert_eq!(text.matches(&format!("  chain {chain} {{")).count(), 2, "{chain}");
            assert_eq!(text.matches(&format!("flush chain inet tequio {chain}\n")).count(), 1, "{chain}");
        }
        assert_eq!(text.matches("  chain ").count(), 2 * CHAINS.len());
    }

    #[test]
    fn what_guests_have_is_never_flushed() {
        let text = base_table(&settings());
        for set in [
            "cid",
            "leases",
            "up",
            "down",
            "limit_up",
            "limit_down",
            "free_services4",
            "free_names4",
            "dns_rate",
            "open",
            "shut",
        ] {
            assert!(!text.contains(&format!("flush set inet tequio {set}\n")), "{set}");
        }
        assert!(!text.contains("delete") && !text.contains("flush table"));
    }

    #[test]
    fn no_interface_name_can_write_a_rule() {
        for name in ["", "x\" }\nadd rule", "br*", "a/b", "a b", "sixteen-letters!", ".", "br:1", "tab\t"] {
            let text = base_table(&FirewallSettings {
                hotspot_interfaces: vec![name.to_owned()],
                ..FirewallSettings::default()
            });
            assert!(!text.contains("add element inet tequio hotspot_interfaces"), "{name:?}");
        }
        assert!(is_interface_name("br-lan.4@x"));
    }
}
