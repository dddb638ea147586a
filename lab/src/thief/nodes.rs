//! Lines that whole nodes are needed for: the routing key in a stolen box, and codes for a seller that nobody reaches.
//! Nodes with the vaults of the village, on a virtual clock; a cable leads from the thief to an honest neighbour.

use std::net::Ipv6Addr;
use std::path::Path;

use tequio::babel::auth::settings::{Auth, AuthMode};
use tequio::babel::settings::{InterfaceSettings, LinkKind};
use tequio::babel::{InterfaceStatus, RouterId, SeqNo};
use tequio::base::address::{InterfaceIndex, MacAddress};
use tequio::base::time::{Instant, Span};
use tequio::base::voucher::{IssuerNumber, LotId, RequestId};
use tequio::hotspot;
use tequio::hotspot::portal::Page;
use tequio::hotspot::request::{Method, PortalRequest};
use tequio::ledger::Ledger;
use tequio::node::input::{Input, KernelRoute};
use tequio::node::output::Output;
use tequio::node::settings::{Announce, Settings};
use tequio::node::{Birth, Node};
use tequio::platform::vault::KeyVault;

use super::village::{TREASURER, make};
use super::{OFFICER, Row, SELLER, Stage, VICTIM, Village};
use crate::failure::{Failure, Outcome};

/// The lines that are tried here.
pub(super) const NAMES: [&str; 2] = ["old-babel-key", "provisional-codes"];
/// Codes that he tries each time: more than one issuer's that are let in.
const CODES: u16 = 60;
/// What the rules let in of one issuer.
const OF_ONE_ISSUER: u64 = 50;
const CABLE: InterfaceIndex = InterfaceIndex(1);

pub(super) fn try_line(name: &str, folder: &Path) -> Option<Outcome<Vec<Row>>> {
    let name = NAMES.into_iter().find(|known| *known == name)?;
    let stages = [Stage::Before, Stage::After, Stage::Split].into_iter();
    let row = |stage| {
        let folder = folder.join(format!("{name}-{stage:?}"));
        if name == "old-babel-key" { old_babel_key(stage, &folder) } else { provisional(stage, &folder) }
    };
    Some(stages.map(row).collect())
}

/// He announces a way of his own to a neighbour, signed by the key in the box.
fn old_babel_key(stage: Stage, folder: &Path) -> Outcome<Row> {
    let (mut village, expulsion) = stolen(stage, folder)?;
    let mut thief = village.steal(VICTIM)?;
    let now = Instant::ZERO + Span::from_secs(1);
    let records = held(&village.posts[SELLER].ledger);
    let mut cable = Cable {
        now,
        nodes: [
            Running::on(now, settings(Some("10.99.0.0/16")), 1, &mut thief.vault, held(&thief.ledger)),
            Running::on(now, settings(None), 2, &mut village.posts[SELLER].vault, records),
        ],
    };
    (0..2).for_each(|end| cable.plug(end));
    cable.pass(Span::from_secs(30));
    let gained = cable.ways(1);
    cable.step(1, Input::Records(vec![expulsion]));
    // A minute, and what a route lives that nobody confirms.
    cable.pass(Span::from_secs(120));
    let left = cable.ways(1);
    Ok(Row {
        line: "old-babel-key",
        stage,
        tries: "speaks Babel with the key in the stolen box",
        unit: "ways through him",
        gained,
        left,
        most: [u64::from(stage != Stage::After), 0],
        bound: "a minute after a node hears of the expulsion, then the key is wiped there",
    })
}

/// He makes codes of another seller's number under the stolen secret, where that seller is not reached.
fn provisional(stage: Stage, folder: &Path) -> Outcome<Row> {
    let (mut village, expulsion) = stolen(stage, folder)?;
    let mut thief = village.steal(VICTIM)?;
    let now = Instant::ZERO + Span::from_secs(1);
    let records = held(&village.posts[TREASURER].ledger);
    let node = Running::on(now, with_hotspot(), 3, &mut village.posts[TREASURER].vault, records);
    let mut cable = Cable { now, nodes: [node] };
    cable.pass(Span::from_secs(660));
    let mut opened = [0, 0];
    for (part, count) in opened.iter_mut().enumerate() {
        if part == 1 {
            cable.step(0, Input::Records(vec![expulsion.clone()]));
        }
        for index in 0..CODES {
            let lot = LotId(600 + part as u64);
            let code = make(&mut thief.vault, IssuerNumber(SELLER as u16 + 1), lot, index)?;
            *count += u64::from(cable.types(&code.code.to_string(), part as u16 * CODES + index)?);
        }
    }
    Ok(Row {
        line: "provisional-codes",
        stage,
        tries: "60 codes under the stolen secret for a seller that nobody reaches",
        unit: "codes that open",
        gained: opened[0],
        left: opened[1],
        most: [if stage == Stage::After { 0 } else { OF_ONE_ISSUER }, 0],
        bound: "50 of an issuer a node, a day of use each; after the expulsion no tag is right",
    })
}

/// The village after the theft, as far as its honest nodes know of it, and the expulsion.
fn stolen(stage: Stage, folder: &Path) -> Outcome<(Village, Vec<u8>)> {
    let mut village = Village::found(folder)?;
    let heads = village.posts[OFFICER].ledger.heads(&village.posts[VICTIM].key());
    let expulsion = village.expulsion(VICTIM, heads)?;
    if stage == Stage::After {
        for seat in [SELLER, TREASURER] {
            village.posts[seat].learn(std::slice::from_ref(&expulsion));
        }
    }
    Ok((village, expulsion))
}

fn held(ledger: &Ledger) -> Vec<Vec<u8>> {
    ledger.held().filter_map(|(_, id)| ledger.bytes_of(id)).collect()
}

struct Running<'a> {
    node: Node,
    vault: &'a mut KeyVault,
}

impl<'a> Running<'a> {
    fn on(
        now: Instant,
        settings: Settings,
        name: u8,
        vault: &'a mut KeyVault,
        journal: Vec<Vec<u8>>,
    ) -> Self {
        let router_id = RouterId([2, 0, 0, 0, 0, 0, 0, name]);
        let birth = Birth { router_id, seqno: SeqNo(1), seed: u64::from(name) };
        let mut node = Node::new(now, settings.clone(), birth, vault);
        node.step(now, Input::Records(journal), vault);
        let of_kernel = |announced: &Announce| KernelRoute {
            prefix: announced.prefix,
            device: "lo".into(),
            protocol: 4,
            table: 254,
        };
        let routes = settings.announce.iter().map(of_kernel).collect();
        node.step(now, Input::KernelRoutes(routes), vault);
        Self { node, vault }
    }
}

/// Nodes on one cable.
struct Cable<'a, const N: usize> {
    now: Instant,
    nodes: [Running<'a>; N],
}

impl<const N: usize> Cable<'_, N> {
    fn plug(&mut self, end: usize) {
        let link_local = Some(address(end));
        let name = "cable".to_owned();
        let status = InterfaceStatus { index: CABLE, name, up: true, link_local, mtu: 1_500, ipv4: None };
        self.step(end, Input::Interface(status));
    }

    fn step(&mut self, end: usize, input: Input) -> Vec<Output> {
        let mut all = Vec::new();
        let mut inputs = vec![(end, input)];
        while let Some((end, input)) = inputs.pop() {
            let Running { node, vault } = &mut self.nodes[end];
            for output in node.step(self.now, input, &mut **vault) {
                match &output {
                    Output::Packet { destination, bytes, .. } if N > 1 => {
                        let (destination, bytes) = (*destination, bytes.clone());
                        let source = address(end);
                        inputs
                            .push((1 - end, Input::Packet { interface: CABLE, source, destination, bytes }));
                    }
                    Output::Store { id, .. } => inputs.push((end, Input::Stored(*id))),
                    _ => {}
                }
                all.push(output);
            }
        }
        all
    }

    fn pass(&mut self, span: Span) -> Vec<Output> {
        let until = self.now + span;
        let mut all = Vec::new();
        loop {
            let wakes = self.nodes.iter().enumerate();
            let next = wakes.filter_map(|(end, one)| Some((one.node.next_wake()?, end))).min();
            let Some((at, end)) = next.filter(|(at, _)| *at <= until) else { break };
            self.now = at.max(self.now + Span::from_micros(1));
            all.extend(self.step(end, Input::Wake));
        }
        self.now = until;
        all
    }

    /// Ways that a node has and did not make.
    fn ways(&self, end: usize) -> u64 {
        self.nodes[end].node.babel().selected().count() as u64
    }

    /// A phone of its own types a code; whether it is let in.
    fn types(&mut self, code: &str, phone: u16) -> Outcome<bool> {
        let [high, low] = phone.to_be_bytes();
        let request = RequestId(u64::from(phone) + 1);
        let http = PortalRequest {
            method: Method::Post,
            host: "10.77.4.1".to_owned(),
            path: "/login".to_owned(),
            accept_language: "es".to_owned(),
            body: format!("code={code}").into_bytes(),
            ..PortalRequest::default()
        };
        let guest = Some(MacAddress([2, 0, 0, 0, high, low]));
        let mut outputs = self.step(0, Input::Portal { request, guest, http });
        outputs.extend(self.pass(Span::from_secs(20)));
        let page = outputs.into_iter().find_map(|output| match output {
            Output::Page { request: of, page, .. } if of == request => Some(page),
            _ => None,
        });
        match page {
            Some(page) => Ok(matches!(page, Page::Welcome { .. })),
            None => Err(Failure::new("a page for each phone", "none")),
        }
    }
}

fn address(end: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::try_from(end).unwrap_or(0) + 1)
}

fn settings(announced: Option<&str>) -> Settings {
    let mut settings = Settings { name: "nodo".to_owned(), ..Settings::default() };
    settings.babel.interfaces = vec![InterfaceSettings {
        name: "cable".to_owned(),
        kind: LinkKind::Wired,
        hello_interval: Span::from_secs(1),
        update_interval: Span::from_secs(4),
        rxcost: 96,
        split_horizon: false,
        auth: Auth { mode: AuthMode::Community, keys: Vec::new() },
        radio: None,
        v4_via_v6: true,
    }];
    let announce = |text: &str| text.parse().ok().map(|prefix| Announce { prefix, metric: 0 });
    settings.announce = announced.and_then(announce).into_iter().collect();
    settings
}

fn with_hotspot() -> Settings {
    Settings {
        name: "nodo".to_owned(),
        hotspot: Some(hotspot::settings::Settings {
            portal_host: "10.77.4.1".to_owned(),
            portal_address: [10, 77, 4, 1].into(),
            portal_port: 2_080,
            community: hotspot::settings::Community::default(),
            languages: Vec::new(),
            language: None,
            lease: Span::from_secs(900),
            usage_interval: Span::from_secs(20),
            calls: Vec::new(),
            services: Vec::new(),
        }),
        ..Settings::default()
    }
}
