//! From sections to [`Config`]: what no table can say, how sections and options hang together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::filter::{Filters, filters};
use super::keys::{Key, auth, key};
use super::problem::{MOST_PROBLEMS, Problem, nearest};
use super::schema::{SECTIONS, SectionRule};
use super::section::{Checked, Findings, title};
use super::uci::{Document, Section};
use super::{Announce, Config, HotspotSection, NodeSettings, Person, Policy, Queue, Role, Service, Uplink};
use crate::babel::settings::{InterfaceSettings, LinkKind, Settings as BabelSettings};
use crate::base::address::{Prefix, PrefixPair};
use crate::base::sorted::SortedMap;
use crate::base::time::Span;
use crate::hotspot::portal::Language;
use crate::hotspot::settings::{Community, Settings as HotspotSettings};
use crate::link::change::Setting;
use crate::link::settings::LinkSettings;
use crate::node::probe::Ask;
use crate::node::settings::{Entitled, Uplink as UplinkSettings};

/// The configuration that `document` describes. `None` only together with a problem.
pub(super) fn config(document: &Document, findings: &mut Findings) -> Option<Config> {
    let sections = check(document, findings);
    let of = |kind: &'static str| sections.iter().filter(move |section| section.kind() == kind);

    let mut babel = BabelSettings::default();
    let keys: Vec<Key> = of("key").filter_map(|section| key(section, findings)).collect();
    let distances = of("interface").filter_map(|section| distance(section, findings)).collect();
    babel.interfaces.extend(of("interface").map(|section| interface(section, &keys, findings)));
    let links = of("interface").filter_map(link).collect();
    let services: Vec<Service> = of("service").map(service).collect();
    let Filters { policy, redistribute } = filters(of("filter"), findings);
    babel.policy = policy;
    if let Some(node) = of("node").next() {
        babel.policy.plan = node.list("address_plan");
    }
    let announce = announcements(of("announce"), findings);
    let mut persons: Vec<Person> = of("person").map(person).collect();
    persons.sort_by(|one, two| one.login.cmp(&two.login));
    let hotspot = of("hotspot").next().map(|section| {
        if babel.interfaces.iter().any(|interface| interface.name == section.text("device")) {
            findings.problems.push(section.wrong(
                "device",
                "this device is also a mesh interface; guests and mesh peers cannot share one",
            ));
        }
        hotspot(section, &services, findings)
    });
    let uplinks = of("uplink").map(|section| uplink(section, findings)).collect();
    let queues = of("queue").map(queue).collect();
    let policies = of("policy").map(|section| free_policy(section, findings)).collect();
    let outside = of("node").next().map(|section| outside(section, findings)).unwrap_or_default();
    let entitled = |section: &Checked<'_>| Entitled {
        prefixes: section.list("prefix"),
        router_ids: section.list("router_id"),
    };
    let entitled = of("entitled").map(entitled).collect();
    let node = of("node").next().map(node)?;
    Some(Config {
        node,
        babel,
        links,
        keys,
        announce,
        redistribute,
        uplinks,
        distances,
        #[cfg(feature = "control")]
        controls: of("interface").filter_map(|section| control(section, findings)).collect(),
        queues,
        outside,
        entitled,
        hotspot,
        services,
        policies,
        persons,
    })
}

/// Every section of `document` that is right by itself.
fn check<'a>(document: &'a Document, findings: &mut Findings) -> Vec<Checked<'a>> {
    let mut checked: Vec<Checked<'_>> = Vec::new();
    for section in &document.sections {
        if findings.problems.len() >= MOST_PROBLEMS {
            break;
        }
        let Some(rule) = SECTIONS.iter().find(|rule| rule.kind == section.kind) else {
            findings.warnings.push(unknown(section));
            continue;
        };
        if let Some(problem) = repeated(section, document, rule) {
            findings.problems.push(problem);
            continue;
        }
        let Some(section) = Checked::new(section, rule, findings) else { continue };
        let given = section.given(rule.unique);
        let twin =
            checked.iter().find(|other| other.kind() == rule.kind && other.given(rule.unique) == given);
        if let (Some(twin), Some(given)) = (twin, given) {
            let what = format!("'{given}' is already taken by the section in line {}", twin.line());
            findings.problems.push(section.wrong(rule.unique, what));
        }
        checked.push(section);
    }
    for rule in SECTIONS.iter().filter(|rule| rule.required) {
        if !document.sections.iter().any(|section| section.kind == rule.kind) {
            let what = format!("the section is missing; expected: config {0} '{0}'", rule.kind);
            findings.problems.push(Problem::whole(what));
        }
    }
    checked
}

/// Whether a name is used twice, or there are more sections of a kind than one node can mean.
fn repeated(section: &Section, document: &Document, rule: &SectionRule) -> Option<Problem> {
    let wrong =
        |what: String| Some(Problem { section: Some(title(section)), ..Problem::at(section.line, what) });
    let before = || document.sections.iter().take_while(|other| !std::ptr::eq(*other, section));
    if let Some(twin) = before().find(|other| section.name.is_some() && other.name == section.name) {
        return wrong(format!("there is already a section of this name, in line {}", twin.line));
    }
    if before().filter(|other| other.kind == rule.kind).count() >= rule.most {
        return wrong(match rule.most {
            1 => "there is already a section of this kind; there can be only one".to_owned(),
            most => format!("there are more than {most} sections of this kind"),
        });
    }
    None
}

fn unknown(section: &Section) -> Problem {
    let what = match nearest(&section.kind, SECTIONS.iter().map(|rule| rule.kind)) {
        Some(kind) => format!("there is no such kind of section and it does nothing; did you mean {kind}?"),
        None => "there is no such kind of section and it does nothing".to_owned(),
    };
    Problem { section: Some(title(section)), ..Problem::at(section.line, what) }
}

fn node(section: &Checked<'_>) -> NodeSettings {
    NodeSettings {
        name: section.value("name"),
        state_dir: section.value("state_dir"),
        run_dir: section.value("run_dir"),
        hosts: section.value("hosts"),
        ubus_socket: section.value("ubus_socket"),
        ubus_babeld: section.flag("ubus_babeld"),
        route_table: section.value("route_table"),
        route_priority: section.value("route_priority"),
        stale_routes: Span::from_secs(section.value("stale_routes_s")),
        log_level: section.value("log_level"),
    }
}

fn interface(section: &Checked<'_>, keys: &[Key], findings: &mut Findings) -> InterfaceSettings {
    let kind = match section.text("kind") {
        "wired" => LinkKind::Wired,
        "tunnel" => LinkKind::Tunnel,
        "bridge" => LinkKind::Bridge,
        _ => LinkKind::Wireless,
    };
    let split_horizon = section.flag("split_horizon");
    if split_horizon && matches!(kind, LinkKind::Wireless | LinkKind::Bridge) {
        let what = "only right on a cable, where everybody hears everybody; leave it out on a radio";
        findings.problems.push(section.wrong("split_horizon", what));
    }
    let hello_interval_ms: u64 = section.value("hello_interval_ms");
    let update_interval_ms = section
        .optional("update_interval_ms")
        .unwrap_or_else(|| hello_interval_ms.saturating_mul(4).min(MOST_UPDATE_INTERVAL_MS));
    InterfaceSettings {
        name: section.value("device"),
        kind,
        hello_interval: Span::from_millis(hello_interval_ms),
        update_interval: Span::from_millis(update_interval_ms),
        rxcost: section.optional("rxcost").unwrap_or_else(|| kind.usual_rxcost()),
        split_horizon,
        auth: auth(section, keys, findings),
        radio: section.optional("radio"),
        v4_via_v6: section.flag("v4_via_v6"),
    }
}

/// What the radio of an interface makes of its links. A closed radio has a plan, and nothing here changes or wakes it.
fn link(section: &Checked<'_>) -> Option<LinkSettings> {
    let is_ours = section.text("kind") == "wireless";
    if !is_ours && section.text("kind") != "bridge" {
        return None;
    }
    let words = if is_ours { section.list::<String>("change") } else { Vec::new() };
    Some(LinkSettings {
        device: section.value("device"),
        hop_cost: section.value("hop_cost"),
        airtime_cost: section.value("airtime_cost"),
        throughput_kbit: section.optional("throughput_kbit"),
        planned_kbit: section.optional("planned_kbit"),
        planned_signal_dbm: section.optional("planned_signal_dbm"),
        change: words.iter().filter_map(|word| Setting::of(word)).collect(),
        dead_man_s: section.value("dead_man_s"),
        recover_per_day: if is_ours { section.value("recover_per_day") } else { 0 },
    })
}

fn distance(section: &Checked<'_>, findings: &mut Findings) -> Option<(String, u32)> {
    let distance_m = section.optional("distance_m")?;
    if section.text("kind") != "wireless" {
        findings.problems.push(section.wrong("distance_m", "only a radio waits for an answer"));
    }
    Some((section.value("device"), distance_m))
}

fn queue(section: &Checked<'_>) -> Queue {
    Queue {
        device: section.value("device"),
        upload_kbit: section.optional("upload_kbit"),
        download_kbit: section.optional("download_kbit"),
    }
}

#[cfg(feature = "control")]
fn control(section: &Checked<'_>, findings: &mut Findings) -> Option<(String, std::path::PathBuf)> {
    let file = section.optional("control_file")?;
    if section.text("kind") != "wireless" {
        findings.problems.push(section.wrong("control_file", "only a radio has hostapd or wpa_supplicant"));
    }
    Some((section.value("device"), file))
}

/// What is announced, sorted; no prefix twice for packets from the same source.
fn announcements<'a>(
    sections: impl Iterator<Item = &'a Checked<'a>>,
    findings: &mut Findings,
) -> Vec<Announce> {
    let mut announced: SortedMap<PrefixPair, (Announce, u32)> = SortedMap::new();
    for section in sections {
        let Some(prefix) = pair(section, findings) else { continue };
        if let Some((_, line)) = announced.get(&prefix) {
            let what = format!("'{prefix}' is already taken by the section in line {line}");
            findings.problems.push(section.wrong("prefix", what));
        }
        announced.insert(prefix, (Announce { prefix, metric: section.value("metric") }, section.line()));
    }
    announced.into_values().map(|(announce, _)| announce).collect()
}

/// `prefix` and `source`, which must be of the same family.
fn pair(section: &Checked<'_>, findings: &mut Findings) -> Option<PrefixPair> {
    let destination: Prefix = section.value("prefix");
    let Some(source) = section.optional("source") else { return Some(destination.into()) };
    let pair = PrefixPair::new(destination, source);
    if pair.is_none() {
        let what = format!("is of another family than {destination} (option prefix)");
        findings.problems.push(section.wrong("source", what));
    }
    pair
}

fn uplink(section: &Checked<'_>, findings: &mut Findings) -> Uplink {
    let device: String = section.value("device");
    let name = section.name().unwrap_or(&device).to_owned();
    let pings = section.list("ping").into_iter().map(|to| Ask::Ping { to, hop_limit: 64 });
    let resolvers = section.list("dns").into_iter().map(|server| Ask::Dns { server });
    let mut asks: Vec<Ask> = pings.chain(resolvers).collect();
    for url in section.list::<String>("http") {
        match page(&url) {
            Some(ask) => asks.push(ask),
            None => findings.problems.push(section.wrong(
                "http",
                "expected a page of a machine whose address is given, like http://192.0.2.1/ or http://[2001:db8::1]/: \
                 no name is looked up for it",
            )),
        }
    }
    let interval = Span::from_secs(section.value("probe_interval_s"));
    let metric = section.value("metric");
    let month_bytes = section.optional::<u64>("month_mb").map(|share| share * 1_000_000);
    let (hours, sources) = (section.list("hours"), section.list("source"));
    Uplink { name, settings: UplinkSettings { device, metric, interval, asks, month_bytes, hours, sources } }
}

/// The question for a page at a literal address.
fn page(url: &str) -> Option<Ask> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address = authority.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(authority);
    let alone = || address.parse().ok().map(|address: IpAddr| SocketAddr::new(address, 80));
    let server = authority.parse().ok().or_else(alone)?;
    let path = if path.is_empty() { "/" } else { path };
    Some(Ask::Http { server, path: path.to_owned() })
}

fn outside(section: &Checked<'_>, findings: &mut Findings) -> Vec<IpAddr> {
    let outside: Vec<IpAddr> = section.list("outside");
    if let [one, two] = outside[..]
        && one.is_ipv4() == two.is_ipv4()
    {
        findings.problems.push(section.wrong("outside", "one address of each family is enough"));
    }
    outside
}

fn hotspot(section: &Checked<'_>, services: &[Service], findings: &mut Findings) -> HotspotSection {
    let address: Ipv4Addr = section.value("address");
    let prefix: Prefix = section.value("prefix");
    if !is_host_of(address, &prefix) {
        let what = format!("{address} is not the address of a machine in {prefix} (option prefix)");
        findings.problems.push(section.wrong("address", what));
    }
    let lease_s: u64 = section.value("lease_s");
    let usage_interval_s: u64 = section.value("usage_interval_s");
    if usage_interval_s > lease_s / 3 {
        let what = format!("must be at most a third of lease_s ({lease_s})");
        findings.problems.push(section.wrong("usage_interval_s", what));
    }
    let language: Option<String> = section.optional("language");
    let language = language.and_then(|code| {
        let language = Language::of_code(&code);
        if language.is_none() {
            findings
                .problems
                .push(section.wrong("language", "expected two or three letters, like es or tzh"));
        }
        language
    });
    HotspotSection {
        words: section.value("words"),
        device: section.value("device"),
        prefix,
        prefixes_v6: section.list("prefix6"),
        infrastructure: section.list("infrastructure"),
        night: section.list("night"),
        settings: HotspotSettings {
            portal_host: section.value("portal_host"),
            portal_address: address,
            portal_port: section.value("portal_port"),
            // The ledger's charter knows it.
            community: Community::default(),
            // Whoever reads the files of words knows it.
            languages: Vec::new(),
            language,
            lease: Span::from_secs(lease_s),
            usage_interval: Span::from_secs(usage_interval_s),
            services: services.iter().map(|service| (service.name.clone(), service.url.clone())).collect(),
            calls: section.list("call"),
        },
    }
}

fn service(section: &Checked<'_>) -> Service {
    Service { name: section.value("name"), url: section.value("url"), prefixes: section.list("prefix") }
}

fn free_policy(section: &Checked<'_>, findings: &mut Findings) -> Policy {
    let (macs, devices) = (section.list("mac"), section.list("device"));
    if macs.is_empty() && devices.is_empty() {
        let what = "has neither a mac nor a device: it is nobody's";
        findings.warnings.push(section.wrong("name", what));
    }
    Policy {
        name: section.value("name"),
        macs,
        devices,
        hours: section.list("hours"),
        rate_down_kbps: section.optional("download_kbit").unwrap_or(0),
        rate_up_kbps: section.optional("upload_kbit").unwrap_or(0),
    }
}

fn person(section: &Checked<'_>) -> Person {
    let role = match section.text("role") {
        "admin" => Role::Admin,
        "caretaker" => Role::Caretaker,
        _ => Role::Viewer,
    };
    Person { login: section.value("login"), name: section.value("name"), role }
}

/// Whether a machine may have this address: inside, neither the first nor the last one.
fn is_host_of(address: Ipv4Addr, prefix: &Prefix) -> bool {
    let host_bits = u32::MAX.checked_shr(u32::from(prefix.length())).unwrap_or(0);
    let host = address.to_bits() & host_bits;
    prefix.contains(IpAddr::V4(address)) && host != 0 && host != host_bits
}

/// The largest round number below 65,535 centiseconds, as in the table.
const MOST_UPDATE_INTERVAL_MS: u64 = 655_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn queues(text: &str) -> Result<Vec<Queue>, String> {
        let text = format!("config node\n\toption name 'plaza'\n{text}");
        Config::parse(&text, "tequio").map(|(config, _)| config.queues).map_err(|error| error.to_string())
    }

    #[test]
    fn a_queue_has_a_rate_for_each_direction_or_none() {
        let one = "config queue\n\toption device 'wan'\n\toption upload_kbit '900'\n";
        let queue = Queue { device: "wan".to_owned(), upload_kbit: Some(900), download_kbit: None };
        assert_eq!(queues(one), Ok(vec![queue]));
        assert!(queues(&one.repeat(2)).unwrap_err().contains("'wan' is already taken"));
        for wrong in ["63", "10000001", "4mbit"] {
            let error = queues(&one.replace("900", wrong)).unwrap_err();
            assert!(error.contains("a whole number from 64 to 10000000"), "{error}");
        }
    }
}
