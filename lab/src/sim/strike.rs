//! What blows do to the mesh: carriers, power, daemons.

use tequio::babel::output::RouteChange;
use tequio::babel::{InterfaceStatus, RouterId, SeqNo};
use tequio::base::time::Span;
use tequio::node::input::{Input, KernelRoute};
use tequio::node::{Birth, Node};

use super::checker::Violation;
use super::links::{self, LinkId};
use super::{NodeId, Plan, Sim, index_of, plot};

impl Sim {
    pub(super) fn strike(&mut self, blow: &plot::Blow, plan: &Plan) -> Result<(), Violation> {
        match *blow {
            plot::Blow::Cut { link, silent } => {
                self.links[link].up = false;
                self.links[link].silent = silent;
                self.tell_ends(link)
            }
            plot::Blow::Heal { link } => {
                self.links[link].up = true;
                self.tell_ends(link)
            }
            plot::Blow::Loss { link, permille } => {
                self.links[link].loss_permille = permille;
                Ok(())
            }
            plot::Blow::PowerOff { node } => {
                self.nodes[node].powered = false;
                self.nodes[node].kernel.clear();
                self.nodes[node].left.clear();
                self.checker.forget(node);
                Ok(())
            }
            plot::Blow::PowerOn { node, same_name } => {
                let fresh = self.birth(node);
                let own = &mut self.nodes[node];
                // A router that kept its name lost its sequence number: the case that costs others minutes.
                let kept = Birth { router_id: own.birth.router_id, ..fresh };
                own.birth = if same_name { kept } else { fresh };
                own.node = Node::new(self.now, plan.settings(node, &own.links), own.birth, &mut own.vault);
                own.powered = true;
                self.checker.reborn(node, self.now);
                self.boot(node, plan)
            }
            plot::Blow::Restart { node } => self.restart(node, plan),
        }
    }

    /// The daemon of a node starts again, as `daemon::start` does it: name and number go on, and the
    /// routes that are in the kernel are told first.
    fn restart(&mut self, id: NodeId, plan: &Plan) -> Result<(), Violation> {
        let Birth { seed, .. } = self.birth(id);
        let own = &mut self.nodes[id];
        own.birth = Birth { router_id: own.birth.router_id, seqno: own.node.babel().seqno().next(), seed };
        own.node = Node::new(self.now, plan.settings(id, &own.links), own.birth, &mut own.vault);
        own.left = own.kernel.keys().copied().collect();
        own.left_until = self.now + STALE_ROUTES;
        let left = own.kernel.iter().map(|(prefix, action)| RouteChange { prefix: *prefix, action: *action });
        let left = left.collect();
        self.checker.forget(id);
        self.input(id, Input::RoutesFound(left))?;
        self.boot(id, plan)
    }

    /// Tells both ends of a link that its carrier changed, unless the cut is a silent one.
    fn tell_ends(&mut self, link: LinkId) -> Result<(), Violation> {
        for id in self.links[link].ends {
            let position =
                self.nodes[id].links.iter().position(|&own| own == link).expect("a link has both its ends");
            let status = self.status(id, position);
            self.input(id, Input::Interface(status))?;
        }
        Ok(())
    }

    /// Starts a node: its interfaces come up one after the other, then its own prefixes.
    pub(super) fn boot(&mut self, id: NodeId, plan: &Plan) -> Result<(), Violation> {
        let statuses: Vec<InterfaceStatus> =
            (0..self.nodes[id].links.len()).map(|at| self.status(id, at)).collect();
        for status in statuses {
            self.input(id, Input::Interface(status))?;
        }
        let routes = plan.prefixes(id).into_iter().map(|prefix| KernelRoute {
            prefix,
            device: "lo".to_owned(),
            protocol: 2,
            table: 255,
        });
        self.input(id, Input::KernelRoutes(routes.collect()))
    }

    fn status(&self, id: NodeId, position: usize) -> InterfaceStatus {
        let link = &self.links[self.nodes[id].links[position]];
        InterfaceStatus {
            index: index_of(position),
            name: format!("m{position}"),
            up: link.up || link.silent,
            link_local: Some(links::address(id, position)),
            mtu: 1_500,
            ipv4: None,
        }
    }

    pub(super) fn birth(&mut self, id: NodeId) -> Birth {
        let [a, b, c, d, e, f, g, _] = self.random.u64().to_be_bytes();
        let router_id = RouterId([a, b, c, d, e, f, g, u8::try_from(id).unwrap_or(u8::MAX) | 1]);
        Birth { router_id, seqno: SeqNo(self.random.u64().to_be_bytes()[0].into()), seed: self.random.u64() }
    }
}

/// How long the adapter keeps routes that a new daemon does not confirm (`docs/config.md`: stale_routes_s).
const STALE_ROUTES: Span = Span::from_secs(60);
