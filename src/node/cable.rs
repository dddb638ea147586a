//! Two whole nodes on a cable and a virtual clock, for tests.

use std::net::Ipv6Addr;

use super::call::Alert;
use super::input::{Input, KernelRoute};
use super::output::Output;
use super::recorder::tests::vault::FakeVault;
use super::settings::{Announce, Entitled, Settings};
use super::{Birth, Node};
use crate::babel::auth::settings::Auth;
use crate::babel::settings::{InterfaceSettings, LinkKind};
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

/// The first node.
pub(super) const NEIGHBOUR: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 7]);
/// The second one, which announces.
pub(super) const OTHER: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 2]);

/// Two nodes on a cable; the second one announces.
pub(super) struct Cable {
    nodes: [Node; 2],
    vault: FakeVault,
    now: Instant,
    /// What the first one said.
    pub(super) said: Vec<String>,
    /// Nothing arrives at the second one.
    pub(super) one_way: bool,
}

impl Cable {
    pub(super) fn new(entitled: Vec<Entitled>, announced: &[&str]) -> Self {
        let mut vault = FakeVault::new(1);
        let now = Instant::from_millis(1_000);
        let prefixes: Vec<PrefixPair> = announced.iter().map(|text| text.parse().unwrap()).collect();
        let nodes = [0, 1].map(|place: u8| {
            let mut settings = Settings::default();
            settings.babel.interfaces = vec![InterfaceSettings {
                name: "cable".into(),
                kind: LinkKind::Wired,
                hello_interval: Span::from_secs(1),
                update_interval: Span::from_secs(4),
                rxcost: 96,
                split_horizon: false,
                auth: Auth::default(),
                radio: None,
                v4_via_v6: true,
            }];
            if place == 0 {
                settings.entitled.clone_from(&entitled);
            } else {
                settings.announce =
                    prefixes.iter().map(|prefix| Announce { prefix: *prefix, metric: 0 }).collect();
            }
            let router_id = [NEIGHBOUR, OTHER][usize::from(place)];
            let birth = Birth { router_id, seqno: SeqNo(1), seed: place.into() };
            Node::new(now, settings, birth, &mut vault)
        });
        let mut cable = Self { nodes, vault, now, said: Vec::new(), one_way: false };
        for place in 0..2 {
            cable.step(
                place,
                Input::Interface(InterfaceStatus {
                    index: InterfaceIndex(1),
                    name: "cable".into(),
                    up: true,
                    link_local: Some(address(place)),
                    mtu: 1_500,
                    ipv4: None,
                }),
            );
        }
        let route = |prefix: &PrefixPair| KernelRoute {
            prefix: *prefix,
            device: "lo".into(),
            protocol: 4,
            table: 254,
        };
        cable.step(1, Input::KernelRoutes(prefixes.iter().map(route).collect()));
        cable
    }

    pub(super) fn step(&mut self, place: usize, input: Input) {
        let mut inputs = vec![(place, input)];
        while let Some((place, input)) = inputs.pop() {
            for output in self.nodes[place].step(self.now, input, &mut self.vault) {
                match output {
                    Output::Packet { .. } if place == 0 && self.one_way => {}
                    Output::Packet { bytes, destination, .. } => inputs.push((
                        1 - place,
                        Input::Packet {
                            interface: InterfaceIndex(1),
                            source: address(place),
                            destination,
                            bytes,
                        },
                    )),
                    Output::Note(note) if place == 0 => self.said.push(note.text),
                    _ => {}
                }
            }
        }
    }

    pub(super) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let wakes = self.nodes.iter().map(Node::next_wake).enumerate();
            let next = wakes.filter_map(|(place, at)| Some((at?, place))).min();
            let Some((at, place)) = next.filter(|(at, _)| *at <= end) else { break };
            self.now = at.max(self.now + Span::from_micros(1));
            self.step(place, Input::Wake);
        }
        self.now = end;
    }

    /// The first one's alerts of a code.
    pub(super) fn alerts(&self, code: &str) -> Vec<String> {
        let alerts = self.nodes[0].alerts().into_iter();
        alerts.filter(|alert: &Alert| alert.code == code).map(|alert| alert.message).collect()
    }
}

fn address(place: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + u16::try_from(place).unwrap())
}
