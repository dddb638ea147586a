//! The ubus object `babeld`, for programs that were written for that daemon: its six methods and its
//! notifications, from our own tables. Only there with `option ubus_babeld 1`.
//!
//! What is added through it, [`super::added`] keeps.

use std::net::Ipv6Addr;

use serde_json::{Map, Value};

use super::Daemon;
use crate::babel::output::{RouteAction, RouteChange};
use crate::babel::policy::{Filter, Selector};
use crate::babel::report::{NeighbourReport, RouteReport};
use crate::babel::settings::LinkKind;
use crate::base::address::{InterfaceIndex, Prefix, PrefixPair};
use crate::base::limit;
use crate::base::sorted::{LargeSet, SortedMap, SortedSet};
use crate::base::time::Span;
use crate::platform::clock;
use crate::platform::ubus::table::json;
use crate::platform::ubus::{self, UbusEvent, UbusServer, UbusStatus};

/// What a neighbour costs: rxcost, txcost, and both.
type Costs = (u16, u16, u16);

/// The object, and what was told through it.
pub(super) struct Babeld {
    server: UbusServer,
    neighbours: SortedMap<(InterfaceIndex, Ipv6Addr), Costs>,
    own: SortedMap<PrefixPair, u16>,
    installed: LargeSet<PrefixPair>,
}

impl Babeld {
    pub(super) fn new(socket: std::path::PathBuf) -> Self {
        Self {
            server: UbusServer::new(socket, ubus::BABELD, ubus::BABELD_METHODS),
            neighbours: SortedMap::new(),
            own: SortedMap::new(),
            installed: SortedSet::new(),
        }
    }

    /// Cancel safe, as the server is.
    pub(super) async fn next(&mut self) -> UbusEvent {
        self.server.next().await
    }

    fn notify(&mut self, what: &str, element: Value) {
        // The element has no name, as babeld's has none.
        let data: Map<String, Value> = [(String::new(), element)].into_iter().collect();
        if let Err(error) = self.server.notify(what, &data) {
            log::debug!("ubus: {what} cannot be told: {error}");
        }
    }
}

impl Daemon {
    /// Answers a call of the object `babeld`.
    pub(super) async fn babeld_event(&mut self, event: UbusEvent) {
        let UbusEvent::Call(call) = event else { return };
        let engine = self.node.babel();
        let now = clock::now();
        let reply = match call.method.as_str() {
            "get_info" => Ok(json!({
                "babeld_version": concat!("tequio-", env!("CARGO_PKG_VERSION")),
                "my_id": engine.router_id().to_string(),
                "host": self.config.node.name,
            })),
            "get_neighbours" => {
                let all = engine.neighbour_reports();
                let all: Vec<Value> = all.iter().map(|neighbour| self.neighbour_element(neighbour)).collect();
                Ok(json!({"IPv4": Vec::<Value>::new(), "IPv6": all}))
            }
            "get_routes" => {
                let routes = engine.report(now).routes;
                Ok(by_family(routes.iter().map(|route| (route.prefix, self.route_element(route)))))
            }
            "get_xroutes" => {
                let own = engine.originated();
                Ok(by_family(own.iter().map(|(prefix, metric)| (*prefix, own_element(*prefix, *metric)))))
            }
            // Root alone changes anything here: babeld's object knows no rights, ours has its own.
            _ if call.session.is_some() || call.unix_user != "root" => Err(UbusStatus::PermissionDenied),
            "add_interface" => match device(&call.arguments) {
                Ok(name) if self.add_interface(&name, LinkKind::Wired, Span::from_secs(4)).await => {
                    Ok(json!({}))
                }
                Ok(_) => Err(UbusStatus::NoMemory),
                Err(status) => Err(status),
            },
            "add_filter" => self.add_filter(&call.arguments).await,
            _ => Err(UbusStatus::MethodNotFound),
        };
        if let Some(babeld) = &mut self.babeld {
            babeld.server.reply(call.call, reply);
        }
    }

    /// `type` is 0 for what comes in and 1 for what goes out; `metric` is added, and 65,535 denies.
    async fn add_filter(&mut self, arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
        let number =
            |name: &str| arguments.get(name).and_then(Value::as_i64).ok_or(UbusStatus::InvalidArgument);
        let (direction, metric) = (number("type")?, number("metric")?);
        if !(0..=1).contains(&direction) || !(0..=65_535).contains(&metric) {
            return Err(UbusStatus::InvalidArgument);
        }
        let routes = Selector { device: Some(device(arguments)?), ..Selector::default() };
        let adds = u16::try_from(metric).ok().filter(|metric| *metric < u16::MAX);
        if !self.added.filter(direction, Filter { routes, adds }) {
            return Err(UbusStatus::NoMemory);
        }
        self.take_settings().await;
        Ok(json!({}))
    }

    /// Tells whoever subscribed what became of these routes.
    pub(super) fn tell_routes(&mut self, changes: &[RouteChange]) {
        if self.babeld.is_none() {
            return;
        }
        let now = clock::now();
        // More at once are told by nobody's tables alone: `get_routes` has them all.
        for change in changes.iter().take(limit::BABELD_NOTIFICATIONS) {
            let installed = matches!(change.action, RouteAction::Install { .. });
            let used =
                self.node.babel().routes_of(now, change.prefix).into_iter().find(|route| route.selected);
            let element = used.map(|route| self.route_element(&route));
            let Some(babeld) = &mut self.babeld else { return };
            let known = if installed {
                !babeld.installed.insert(change.prefix)
            } else {
                babeld.installed.remove(&change.prefix)
            };
            match (installed, known, element) {
                (true, false, Some(element)) => babeld.notify("route.add", element),
                (true, true, Some(element)) => babeld.notify("route.change", element),
                (false, true, _) => babeld.notify("route.flush", address_element(change.prefix)),
                _ => {}
            }
        }
    }

    /// Tells whoever subscribed what is new of neighbours and of what we announce.
    pub(super) fn tell_neighbours(&mut self) {
        if self.babeld.is_none() {
            return;
        }
        let costs = self.node.babel().neighbour_costs().collect();
        if let Some(babeld) = &mut self.babeld
            && babeld.neighbours != costs
        {
            let before = std::mem::replace(&mut babeld.neighbours, costs);
            self.tell_changed_neighbours(&before);
        }
        let Some(babeld) = &mut self.babeld else { return };
        let own = self.node.babel().originated();
        if *own == babeld.own {
            return;
        }
        let before = std::mem::replace(&mut babeld.own, own.clone());
        for (prefix, metric) in babeld.own.clone() {
            match before.get(&prefix) {
                None => babeld.notify("xroute.add", own_element(prefix, metric)),
                Some(known) if *known != metric => {
                    babeld.notify("xroute.change", own_element(prefix, metric))
                }
                Some(_) => {}
            }
        }
        for prefix in
            before.keys().filter(|prefix| !babeld.own.contains_key(prefix)).copied().collect::<Vec<_>>()
        {
            babeld.notify("xroute.flush", address_element(prefix));
        }
    }

    fn tell_changed_neighbours(&mut self, before: &SortedMap<(InterfaceIndex, Ipv6Addr), Costs>) {
        let reports = self.node.babel().neighbour_reports();
        let Some(babeld) = &self.babeld else { return };
        let mut news = Vec::new();
        for report in reports {
            let key = (report.interface, report.address);
            match before.get(&key) {
                None => news.push(("neigh.add", self.neighbour_element(&report))),
                Some(known) if babeld.neighbours.get(&key) != Some(known) => {
                    news.push(("neigh.change", self.neighbour_element(&report)));
                }
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|key| !babeld.neighbours.contains_key(key));
        news.extend(gone.map(|(_, address)| ("neigh.flush", json!({"address": address.to_string()}))));
        let Some(babeld) = &mut self.babeld else { return };
        for (what, element) in news {
            babeld.notify(what, element);
        }
    }

    fn neighbour_element(&self, neighbour: &NeighbourReport) -> Value {
        let device = self.interfaces.get(&neighbour.interface);
        json!({
            "address": neighbour.address.to_string(),
            "dev": device.map(|status| status.name.clone()).unwrap_or_default(),
            "hello_reach": neighbour.hello_history,
            "uhello_reach": neighbour.unicast_history,
            "rxcost": neighbour.rxcost,
            "txcost": neighbour.txcost,
            "rtt": "0.000",
            "if_up": device.is_some_and(|status| status.up),
        })
    }

    fn route_element(&self, route: &RouteReport) -> Value {
        let device = route.interface.and_then(|index| self.interfaces.get(&index));
        let mut element = address_element(route.prefix);
        let more = json!({
            "route_metric": route.metric,
            "route_smoothed_metric": route.metric,
            "refmetric": route.refmetric,
            "id": route.router_id.to_string(),
            "seqno": route.seqno.0,
            "age": route.age.as_secs(),
            "via": route.next_hop.to_string(),
            "dev": device.map(|status| status.name.clone()).unwrap_or_default(),
            "installed": route.selected,
            "feasible": route.feasible,
        });
        if let (Value::Object(element), Value::Object(more)) = (&mut element, more) {
            element.extend(more);
        }
        element
    }
}

fn device(arguments: &Map<String, Value>) -> Result<String, UbusStatus> {
    let name = arguments.get("ifname").and_then(Value::as_str).ok_or(UbusStatus::InvalidArgument)?;
    let fits = crate::config::is_device(name);
    fits.then(|| name.to_owned()).ok_or(UbusStatus::InvalidArgument)
}

/// Elements of each family in a list of its own.
fn by_family(all: impl Iterator<Item = (PrefixPair, Value)>) -> Value {
    let (v4, v6): (Vec<_>, Vec<_>) = all.partition(|(prefix, _)| prefix.is_ipv4());
    let values =
        |list: Vec<(PrefixPair, Value)>| list.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    json!({"IPv4": values(v4), "IPv6": values(v6)})
}

fn address_element(prefix: PrefixPair) -> Value {
    let everywhere = if prefix.is_ipv4() { Prefix::DEFAULT_V4 } else { Prefix::DEFAULT_V6 };
    json!({
        "address": prefix.destination().to_string(),
        "src_prefix": prefix.source().unwrap_or(everywhere).to_string(),
    })
}

fn own_element(prefix: PrefixPair, metric: u16) -> Value {
    let mut element = address_element(prefix);
    element["metric"] = metric.into();
    element
}
