//! What members serve to everybody: a library, the school's films, the radio. A signed record says its name, where it lives
//! and what it is called, and each node makes of it by itself
//!
//! - the names `NAME.mesh` and `NAME.COMMUNITY.mesh`, in a file for its dnsmasq ([`Output::Names`]),
//! - a way to it without a voucher, with an uplink and without ([`crate::hotspot::rules`]),
//! - a line on the portal.
//!
//! Its member asks it twice a minute whether it answers, and again soon if not. One that was silent twice is named in the
//! member's status, and every portal says so.
//!
//! A service lives among the addresses of its own member's guests, or in the part of the community's range that is nobody's.
//! No slip of an officer opens a way to another's guests or to a router: such an address has no effect, whoever signed it.
//! What is outside of the community is opened by no record, but by a node's own configuration.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::output::Output;
use super::probe::{Ask, Found, Probe, ProbeId};
use super::{Node, plan};
use crate::base::address::Prefix;
use crate::base::label::{is_label, label};
use crate::base::limit::{SERVICES, STATUS_SILENT};
use crate::base::time::{Instant, Span};
use crate::hotspot::rules::FreeService;
use crate::ledger::body::Service;

/// Those that this member serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Services {
    own: Vec<Own>,
    round: u64,
    next: Instant,
    /// The file of names, as it was given out. Before that nobody knows what an earlier run left there.
    names: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Own {
    name: String,
    at: SocketAddr,
    /// So many times one after the other it did not answer.
    silent: u8,
}

impl Services {
    /// The names of those that do not answer.
    pub(super) fn silent(&self) -> Vec<String> {
        self.own.iter().filter(|own| own.silent >= TWICE).map(|own| own.name.clone()).collect()
    }

    /// When the next round is due.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        (!self.own.is_empty()).then_some(self.next)
    }
}

impl Node {
    /// Looks which services are this member's own.
    pub(super) fn look_at_services(&mut self, now: Instant) {
        let (key, before) = (self.ledger.own_key(), std::mem::take(&mut self.services.own));
        let served = self.served();
        let names = self.service_names(&served);
        let own = served.into_iter().filter(|(service, _)| service.node == key);
        let own = own.filter_map(|(service, addresses)| {
            let at = SocketAddr::new(*addresses.first()?, service.port.unwrap_or(WEB));
            let known = before.iter().find(|own| own.name == service.name && own.at == at);
            let silent = known.map_or(0, |own| own.silent);
            Some(Own { name: service.name.clone(), at, silent })
        });
        self.services.own = own.take(STATUS_SILENT).collect();
        if before.is_empty() {
            self.services.next = now;
        }
        if let Some(names) = names.filter(|names| self.services.names.as_ref() != Some(names)) {
            self.services.names = Some(names.clone());
            self.outputs.push_back(Output::Names(names));
        }
    }

    /// Asks each own service whether it answers, when it is time.
    pub(super) fn ask_services(&mut self, now: Instant) {
        let services = &mut self.services;
        if services.next_wake().is_none_or(|at| at > now) {
            return;
        }
        services.next = now + EACH;
        services.round += 1;
        for (index, own) in (0..).zip(&services.own) {
            let (id, ask) = (ProbeId::Service(services.round, index), Ask::Connect { server: own.at });
            self.outputs.push_back(Output::Probe(Probe { id, device: None, ask, patience: PATIENCE }));
        }
    }

    pub(super) fn service_found(&mut self, now: Instant, round: u64, index: u8, found: &Found) {
        let services = &mut self.services;
        let before = services.silent();
        let Some(own) = services.own.get_mut(usize::from(index)).filter(|_| round == services.round) else {
            return;
        };
        own.silent = match found {
            Found::Answer { .. } => 0,
            Found::Silence => own.silent.saturating_add(1),
            Found::Expired { .. } | Found::Refused { .. } => return,
        };
        if own.silent == 1 {
            services.next = services.next.min(now + AGAIN);
        }
        if services.silent() != before {
            self.tell_status_soon();
            self.look_at_rules(now, false);
        }
    }

    /// Whether there is any, as of the last look.
    pub(super) fn has_services(&self) -> bool {
        self.services.names.as_ref().is_some_and(|names| !names.is_empty())
    }

    /// Whether a service answers its own member, as far as that one has told.
    pub(super) fn answers(&self, service: &Service) -> bool {
        let is_named = |names: &[String]| names.contains(&service.name);
        if service.node == self.ledger.own_key() {
            return !is_named(&self.services.silent());
        }
        let status = self.ledger.statuses().into_iter().find(|(key, _)| *key == service.node);
        !status.and_then(|(_, status)| status.silent.as_deref()).is_some_and(is_named)
    }

    /// What guests reach without a voucher, and read of on the portal.
    pub(super) fn free_services(&self) -> Vec<FreeService> {
        let free = self.served().into_iter().filter(|(service, _)| service.free);
        let free = free.map(|(service, addresses)| {
            let icon = ICONS.iter().find(|(word, _)| service.icon.as_deref() == Some(word));
            let title = if service.title.is_empty() { &service.name } else { &service.title };
            FreeService {
                title: icon.map_or_else(|| title.clone(), |(_, icon)| format!("{icon} {title}")),
                url: match service.port.unwrap_or(WEB) {
                    WEB => format!("http://{}.mesh/", service.name),
                    WEB_TLS => format!("https://{}.mesh/", service.name),
                    port => format!("http://{}.mesh:{port}/", service.name),
                },
                answers: self.answers(service),
                addresses,
            }
        });
        free.collect()
    }

    /// The names of services as a file of hosts: a line for each address. Nobody but a member knows any.
    fn service_names(&self, served: &[(&Service, Vec<IpAddr>)]) -> Option<String> {
        let charter = self.ledger.charter()?;
        let community = label(&charter.name);
        let mut text = String::new();
        for (service, addresses) in served {
            let name = &service.name;
            for address in addresses {
                text.push_str(&format!("{address} {name}.mesh"));
                if !community.is_empty() {
                    text.push_str(&format!(" {name}.{community}.mesh"));
                }
                text.push('\n');
            }
        }
        Some(text)
    }

    /// Why a service that somebody wants to sign would have no effect.
    pub(super) fn service_fault(&self, service: &Service) -> Option<(&'static str, String)> {
        if !is_label(&service.name) {
            let text =
                "Its name is part of a name of the network: 1 to 32 of a to z, 0 to 9 and -, like `library`.";
            return Some(("name", text.to_owned()));
        }
        if service.icon.as_ref().is_some_and(|icon| ICONS.iter().all(|(word, _)| word != icon)) {
            let words: Vec<&str> = ICONS.iter().map(|(word, _)| *word).collect();
            return Some(("icon", format!("Its picture is one of: {}.", words.join(" "))));
        }
        let wrong = service.prefixes.iter().find(|prefix| self.place(service, prefix).is_none())?;
        let text = format!(
            "{wrong} is no place for it: a single address, among those of its node's guests or in the part of the \
             community's range that is nobody's."
        );
        Some(("address", text))
    }

    /// Services with a name and a place, in the order of their names.
    fn served(&self) -> Vec<(&Service, Vec<IpAddr>)> {
        let services = self.ledger.services().into_iter().map(|(_, service)| service);
        let services = services.filter(|service| is_label(&service.name)).map(|service| {
            let places = service.prefixes.iter().filter_map(|prefix| self.place(service, prefix));
            (service, places.take(PLACES).collect::<Vec<_>>())
        });
        services.filter(|(_, places)| !places.is_empty()).take(SERVICES).collect()
    }

    /// An address where it may live.
    fn place(&self, service: &Service, prefix: &Prefix) -> Option<IpAddr> {
        let charter = self.ledger.charter()?;
        let is_single = prefix.length() == if prefix.is_ipv4() { 32 } else { 128 };
        let is_ours = charter.ipv4.covers(prefix) || charter.ipv6.covers(prefix);
        let owns = |key: &[u8; 32], state: &crate::ledger::MemberState| {
            state.member.key != *key && plan::ranges(charter, state).any(|range| range.covers(prefix))
        };
        let is_anothers = self.ledger.members().any(|state| owns(&service.node, state));
        let good = is_single && is_ours && !is_anothers && !plan::is_infrastructure(charter, prefix);
        good.then(|| prefix.address())
    }
}

/// Pictures that phones have by themselves.
const ICONS: [(&str, &str); 15] = [
    ("book", "📖"),
    ("school", "🏫"),
    ("clinic", "🏥"),
    ("radio", "📻"),
    ("film", "🎬"),
    ("music", "🎵"),
    ("map", "🗺"),
    ("chat", "💬"),
    ("phone", "📞"),
    ("market", "🧺"),
    ("weather", "🌦"),
    ("news", "📰"),
    ("game", "🎲"),
    ("farm", "🌽"),
    ("church", "⛪"),
];
/// Addresses of one service: one of each family is usual.
const PLACES: usize = 2;
const WEB: u16 = 80;
const WEB_TLS: u16 = 443;
/// So often a service is silent before anybody is told.
const TWICE: u8 = 2;
const EACH: Span = Span::from_secs(30);
/// One that was silent is asked again after this time.
const AGAIN: Span = Span::from_secs(5);
const PATIENCE: Span = Span::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_has_one_word() {
        for (index, (word, icon)) in ICONS.iter().enumerate() {
            assert!(ICONS[..index].iter().all(|(other, same)| other != word && same != icon), "{word}");
        }
    }
}
