//! Links of the simulated mesh: point to point, each with its loss, delay and jitter.

use std::net::Ipv6Addr;

use tequio::babel::settings::LinkKind;
use tequio::base::time::Span;

use super::NodeId;

/// Number of a link in a run.
pub(super) type LinkId = usize;

/// A link between two nodes.
#[derive(Clone, Debug)]
pub struct Link {
    /// The nodes at its ends.
    pub ends: [NodeId; 2],
    /// How Babel treats it.
    pub kind: LinkKind,
    /// Packets of a thousand that are lost, each way.
    pub loss_permille: u16,
    /// Time that every packet takes.
    pub delay: Span,
    /// Time that a packet may take on top; packets overtake each other.
    pub jitter: Span,
    /// Whether anything gets through.
    pub up: bool,
    /// Whether its ends keep their carrier while nothing gets through.
    pub silent: bool,
}

impl Link {
    /// Which end `node` is, if any.
    pub fn side_of(&self, node: NodeId) -> Option<usize> {
        self.ends.iter().position(|&end| end == node)
    }

    /// Who is at the other end.
    pub fn peer_of(&self, node: NodeId) -> Option<NodeId> {
        self.side_of(node).map(|side| self.ends[1 - side])
    }
}

/// The link-local address of a node on its link number `position`.
pub(super) fn address(node: NodeId, position: usize) -> Ipv6Addr {
    let node = u16::try_from(node + 1).expect("a run has a few hundred nodes");
    let position = u16::try_from(position + 1).expect("a node has a handful of links");
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, node, position)
}

/// Which node has this link-local address.
pub(super) fn owner(address: Ipv6Addr) -> NodeId {
    usize::from(address.segments()[6]) - 1
}
