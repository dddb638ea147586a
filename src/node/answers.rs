//! What a node answers over ubus: the cores' reports, put into words and tables.

use std::net::IpAddr;

use super::call::{
    Answer, Call, Caller, Candidate, Link, Neighbour, PageOf, Paged, Plan, Request, Route, Session, Source,
    Statistics, Status, Uplink, Why,
};
use super::settings::Role;
use super::vault::Vault;
use super::{Node, plan};
use crate::babel::Reason;
use crate::babel::auth::settings::AuthMode;
use crate::babel::counters::Traffic;
use crate::babel::report::{Report, RequestReport, RouteReport, SourceReport};
use crate::babel::settings::LinkKind;
use crate::base::address::{InterfaceIndex, MacAddress, Prefix};
use crate::base::time::{Instant, TimeQuality};
use crate::base::voucher::{RequestId, Verifier};
use crate::ledger::PlanMeasure;
use crate::ledger::text::fingerprint;

/// The metric and the cost that mean "not at all" (RFC 8966 3.5.1).
const INFINITY: u16 = u16::MAX;

impl Node {
    /// Answers a call, at once or when what it needs is there.
    pub(super) fn call(
        &mut self,
        now: Instant,
        request: RequestId,
        caller: &Caller,
        call: Call,
        vault: &mut dyn Vault,
    ) {
        if !self.admit(now, request) {
            return;
        }
        if caller.login.is_some() {
            self.provisional.handle_person();
        }
        let answer = match call {
            Call::Status => {
                self.outside.handle_look(now);
                self.announce(now);
                Answer::Status(self.status(now))
            }
            Call::Neighbours => Answer::Neighbours(self.neighbours()),
            Call::Routes(page) => Answer::Routes(paged(self.routes(now), page)),
            Call::Why { destination, source } => Answer::Why(self.why(now, destination, source)),
            Call::Sources(page) => Answer::Sources(self.sources(now, page)),
            Call::Requests(page) => Answer::Requests(self.seqno_requests(now, page)),
            Call::Statistics(page) => Answer::Statistics(self.statistics(page)),
            Call::Links => Answer::Links(self.links(now)),
            Call::LinkChange(wish) => return self.begin_change(now, request, &wish),
            Call::LinkHistory { link, resolution, columns } => {
                self.look_back(now, &link, &resolution, &columns)
            }
            Call::LinkReading { device, reading } => self.read_bridge(now, &device, reading),
            Call::LinkAlign { device, action } => self.align(now, &device, &action),
            Call::Sync => Answer::Sync(self.exchange(now)),
            Call::Plans => Answer::Plans(self.plans()),
            Call::Sessions(page) => self.sessions(now, page),
            Call::SessionEnd(verifier, device) => self.end_session(now, caller, verifier, device),
            Call::RootAccept(fingerprint) => return self.accept_root(now, request, &fingerprint, vault),
            Call::BooksClose(month) => return self.close_month(now, request, &month, vault),
            Call::Books(month) => match self.books_of(now, caller, &month) {
                Ok(books) => Answer::Books(Box::new(books)),
                Err((code, message)) => Answer::Refused { code: code.to_owned(), message },
            },
            Call::Network => Answer::Network(self.network(now)),
            Call::Tap(tap) => return self.tap(now, request, caller, *tap, vault),
            Call::VoucherIssue(wish) => return self.issue(now, request, caller, wish, vault),
            Call::VoucherShow(which) => return self.find(now, request, &which, None, vault),
            Call::VoucherRevoke(which, reason) => match self.person_of(caller, Role::Caretaker, "") {
                Ok(_) => return self.find(now, request, &which, Some(reason), vault),
                Err((code, message)) => Answer::Refused { code: code.to_owned(), message },
            },
        };
        self.answer(request, answer);
    }

    fn status(&self, now: Instant) -> Status {
        let babel = self.babel.report(now);
        let wall = self.wall(now);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let quality = match wall.quality {
            TimeQuality::Stale => "stale",
            TimeQuality::Caretaker => "caretaker",
            TimeQuality::Mesh => "mesh",
            TimeQuality::Trusted => "trusted",
        };
        let policies = self.hotspot.iter().flat_map(|hotspot| hotspot.policies());
        Status {
            node: self.settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: now.since(self.started).as_secs(),
            router_id: babel.router_id.to_string(),
            community: self.ledger.charter().map(|charter| charter.name.clone()),
            members: count(self.ledger.members().count()),
            epoch: self.keys.epoch(),
            uplink: self.uplink_status(now, &babel),
            neighbours: count(babel.neighbours.iter().filter(|neighbour| neighbour.cost != INFINITY).count()),
            routes: count(self.babel.selected().count()),
            sessions: count(self.hotspot.as_ref().map_or(0, |hotspot| hotspot.report(now).sessions.len())),
            policies: policies.map(|(name, up, down)| (name.to_owned(), up, down)).collect(),
            names_answered: 0,
            records: count(self.ledger.record_count()),
            unix_s: wall.unix_s,
            time_quality: quality.to_owned(),
            time_confirmed: self.time_is_confirmed(),
            alerts: self.alerts(),
        }
    }

    fn uplink_status(&self, now: Instant, babel: &Report) -> Uplink {
        let since_s = self.outside.since_s(now);
        let Some(way) = self.way_out() else {
            let state = "down".to_owned();
            return Uplink {
                state,
                via: None,
                metric: None,
                gateway: None,
                hops: None,
                delay_ms: None,
                since_s,
            };
        };
        Uplink {
            state: "up".to_owned(),
            via: Some(way.device),
            metric: Some(way.metric),
            gateway: self.gateway(babel).filter(|_| !way.own),
            hops: if way.own { Some(0) } else { self.outside.hops() },
            delay_ms: if way.own { self.own_delay_ms(now) } else { self.outside.delay_ms(now) },
            since_s,
        }
    }

    /// The member that announces the default route in use: the one whose status names that router, or whose range in
    /// the address plan the same router announces, too.
    fn gateway(&self, babel: &Report) -> Option<String> {
        let is_default = |route: &&RouteReport| route.selected && route.prefix.is_default();
        let router = babel.routes.iter().find(is_default)?.router_id;
        if let Some(key) = self.member_of(router) {
            return self.member_name(&key).map(str::to_owned);
        }
        let announces = |range: Prefix| {
            babel.routes.iter().any(|route| route.router_id == router && route.prefix == range.into())
        };
        let charter = self.ledger.charter()?;
        let member = self.ledger.members().find(|state| plan::ranges(charter, state).any(announces));
        member.map(|state| state.member.name.clone())
    }

    pub(super) fn neighbours(&self) -> Vec<Neighbour> {
        let neighbours = self.babel.neighbour_reports().into_iter().map(|neighbour| Neighbour {
            interface: self.device(neighbour.interface),
            address: neighbour.address,
            hello_history: format!("{:016b}", neighbour.hello_history),
            rxcost: neighbour.rxcost,
            txcost: finite(neighbour.txcost),
            cost: finite(neighbour.cost),
            round_trip_us: neighbour.round_trip.map(crate::base::time::Span::as_micros),
            reason: neighbour.trouble,
            authenticated: neighbour.authenticated,
            refused: neighbour.refused,
        });
        neighbours.collect()
    }

    fn routes(&self, now: Instant) -> Vec<Route> {
        let report = self.babel.report(now);
        let own = report.originated.iter().map(|(prefix, metric)| Route {
            prefix: *prefix,
            via: None,
            interface: String::new(),
            router_id: report.router_id.to_string(),
            metric: Some(*metric),
            refmetric: None,
            seqno: report.seqno.0,
            selected: true,
            feasible: true,
            age_s: 0,
        });
        let learnt = report.routes.iter().map(|route| Route {
            prefix: route.prefix,
            via: Some(route.next_hop),
            interface: self.device_of(route.interface),
            router_id: route.router_id.to_string(),
            metric: finite(route.metric),
            refmetric: finite(route.refmetric),
            seqno: route.seqno.0,
            selected: route.selected,
            feasible: route.feasible,
            age_s: route.age.as_secs(),
        });
        let mut routes: Vec<Route> = own.chain(learnt).collect();
        routes.sort_by_key(|route| (route.prefix, !route.selected));
        routes
    }

    fn sources(&self, now: Instant, page: PageOf) -> Paged<Source> {
        let (total, sources) = self.babel.source_reports(now);
        let source = |source: SourceReport| Source {
            prefix: source.prefix,
            router_id: source.router_id.to_string(),
            seqno: source.distance.seqno.0,
            metric: source.distance.metric,
            left_s: source.left.as_secs(),
        };
        part_of(sources.map(source), total, page)
    }

    fn seqno_requests(&self, now: Instant, page: PageOf) -> Paged<Request> {
        let (total, requests) = self.babel.request_reports(now);
        let request = |request: RequestReport| Request {
            prefix: request.prefix,
            router_id: request.router_id.to_string(),
            seqno: request.seqno.0,
            hop_count: request.hop_count,
            to: request.to.map(|(to, _)| to),
            interface: self.device_of(request.to.map(|(_, interface)| interface)),
            forwarded: request.forwarded,
            times: request.times,
            left_ms: request.left.as_millis(),
        };
        part_of(requests.map(request), total, page)
    }

    fn statistics(&self, page: PageOf) -> Paged<Statistics> {
        let statistics = |traffic: Traffic<'_>| {
            let faults = traffic.received.dropped.iter().map(|(fault, count)| (fault.code(), *count));
            let refused = traffic.refused.named();
            let dropped = faults.chain(refused).chain([("unsent", traffic.packets_unsent)]);
            let dropped = dropped.filter(|(_, count)| *count > 0);
            Statistics {
                interface: self.device(traffic.interface),
                neighbour: traffic.neighbour,
                received_packets: traffic.received.packets,
                received_tlvs: traffic.received.tlvs,
                sent_packets: traffic.sent.map(|(packets, _)| packets),
                sent_tlvs: traffic.sent.map(|(_, tlvs)| tlvs),
                dropped: dropped.map(|(code, count)| (code.to_owned(), count)).collect(),
            }
        };
        part_of(self.babel.traffic().map(statistics), self.babel.traffic().count(), page)
    }

    fn why(&self, now: Instant, destination: Prefix, source: Option<IpAddr>) -> Why {
        let why = self.babel.why(now, destination, source);
        let candidate = |(route, reason): (RouteReport, Reason)| Candidate {
            source: route.prefix.source(),
            via: Some(route.next_hop),
            interface: self.device_of(route.interface),
            metric: finite(route.metric),
            selected: route.selected,
            reason: reason.to_string(),
        };
        let mut text = why.verdict;
        if !why.candidates.iter().any(|(route, _)| route.selected) {
            // It may be behind somebody who is not heard.
            self.unsigned().for_each(|alert| text.push_str(&format!("; {}", alert.message)));
        }
        Why {
            destination,
            prefix: why.prefix,
            text,
            candidates: why.candidates.into_iter().map(candidate).collect(),
        }
    }

    fn links(&self, now: Instant) -> Vec<Link> {
        let report = self.babel.report(now);
        let settings = self.keys.routing(&self.settings.babel);
        let links = settings.interfaces.iter().map(|interface| {
            let here = report.interfaces.iter().find(|status| status.name == interface.name);
            let neighbours = report
                .neighbours
                .iter()
                .filter(|neighbour| Some(neighbour.interface) == here.map(|here| here.index));
            let cost = neighbours.clone().map(|neighbour| neighbour.cost).min().and_then(finite);
            Link {
                device: interface.name.clone(),
                kind: match interface.kind {
                    LinkKind::Wired => "wired".to_owned(),
                    LinkKind::Tunnel => "tunnel".to_owned(),
                    LinkKind::Wireless => "wireless".to_owned(),
                    LinkKind::Bridge => "bridge".to_owned(),
                },
                up: here.is_some_and(|here| here.running),
                neighbours: u32::try_from(neighbours.clone().count()).unwrap_or(u32::MAX),
                hello_interval_ms: interface.hello_interval.as_millis(),
                cost,
                auth: match interface.auth.mode {
                    AuthMode::Sign => "sign".to_owned(),
                    AuthMode::Strict => "strict".to_owned(),
                    AuthMode::Off | AuthMode::Community => "off".to_owned(),
                },
                refused: here.map(|here| here.strangers).unwrap_or_default(),
                ways: self.ways(now, interface, neighbours),
                change: self.change_of(now, &interface.name),
                change_ended: self.change_ended(&interface.name),
                radar: self.radar_of(now, &interface.name),
            }
        });
        links.collect()
    }

    fn plans(&self) -> Vec<Plan> {
        let charter = self.ledger.charter();
        let plans = self.ledger.plans().map(|(_, plan)| Plan {
            id: plan.id.clone(),
            name: plan.name.clone(),
            price_cents: plan.price,
            currency: charter.map(|charter| charter.currency.clone()).unwrap_or_default(),
            minor_units: charter.map_or(0, |charter| charter.minor_units),
            used_s: match plan.measure {
                PlanMeasure::UsedSeconds { seconds, .. } => Some(seconds.into()),
                PlanMeasure::DaysFromFirstUse { .. } | PlanMeasure::External => None,
            },
            days: match plan.measure {
                PlanMeasure::DaysFromFirstUse { days } => Some(days),
                PlanMeasure::UsedSeconds { within_days, .. } => within_days,
                PlanMeasure::External => None,
            },
            devices: plan.devices,
            hours: plan.hours.map(|hours| hours.to_string()),
            data_mb: plan.data_mb,
            sellers: self.sellers_of(plan),
            sold_here: plan.is_sold_by(&self.ledger.own_key()),
        });
        plans.collect()
    }

    /// The names of those who alone may sell a plan.
    pub(super) fn sellers_of(&self, plan: &crate::ledger::Plan) -> Vec<String> {
        let name = |key: &[u8; 32]| self.member_name(key).map_or_else(|| fingerprint(key), str::to_owned);
        plan.sellers.iter().flatten().map(name).collect()
    }

    /// Ends a session here. It takes who may revoke: the voucher keeps what is left.
    fn end_session(
        &mut self,
        now: Instant,
        caller: &Caller,
        verifier: Verifier,
        device: Option<MacAddress>,
    ) -> Answer {
        if let Err((code, message)) = self.person_of(caller, Role::Caretaker, "") {
            return Answer::Refused { code: code.to_owned(), message };
        }
        match self.hotspot.as_mut().map_or(0, |hotspot| hotspot.handle_end(now, verifier, device)) {
            0 => Answer::Refused {
                code: "session-unknown".to_owned(),
                message: "Nobody is online through this node with that.".to_owned(),
            },
            devices => Answer::SessionEnded { verifier, devices },
        }
    }

    fn sessions(&self, now: Instant, page: PageOf) -> Answer {
        let report = self.hotspot.as_ref().map(|hotspot| hotspot.report(now));
        let suspended = report.as_ref().map_or(0, |report| report.counters.suspended);
        let sessions = report.into_iter().flat_map(|report| report.sessions).map(|session| Session {
            client: session.client.0,
            verifier: session.verifier,
            plan: session.plan,
            devices: session.devices,
            there: session.there,
            closed: session.closed,
            remaining_s: session.remaining.as_secs(),
            remaining_bytes: session.remaining_bytes,
            used_s: session.used_s,
            up_bytes: session.up_bytes,
            down_bytes: session.down_bytes,
        });
        Answer::Sessions(paged(sessions.collect(), page), suspended)
    }

    fn device_of(&self, index: Option<InterfaceIndex>) -> String {
        index.map(|index| self.device(index)).unwrap_or_default()
    }
}

fn finite(metric: u16) -> Option<u16> {
    (metric != INFINITY).then_some(metric)
}

fn paged<T>(entries: Vec<T>, page: PageOf) -> Paged<T> {
    let total = entries.len();
    part_of(entries.into_iter(), total, page)
}

fn part_of<T>(entries: impl Iterator<Item = T>, total: usize, page: PageOf) -> Paged<T> {
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    let skip = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let take = usize::try_from(page.limit).unwrap_or(usize::MAX);
    Paged { entries: entries.skip(skip).take(take).collect(), offset: page.offset, total }
}
