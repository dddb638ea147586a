//! What the kernel says about queues: qdiscs, classes and filters come in the same form.

use super::order::{CAKE_RATE, HEAD_BYTES, HTB_CLASS, KIND, OPTIONS};
use crate::platform::netlink::message::{Attribute, Message};

/// A qdisc, a class or a filter that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The number of its interface.
    pub interface: u32,
    /// Its own name.
    pub handle: u32,
    /// Where it hangs.
    pub parent: u32,
    /// Of a filter: its priority above, its protocol below.
    pub info: u32,
    /// What it is.
    pub kind: Kind,
    /// Of cake, and of a class of HTB: what it lets through.
    pub bytes_per_s: Option<u64>,
}

/// As much as we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `cake`.
    Cake,
    /// `htb`.
    Htb,
    /// `fq_codel`.
    FqCodel,
    /// `ingress`.
    Ingress,
    /// Anything else.
    Other,
}

impl Standing {
    /// Reads a `RTM_NEWQDISC`, `RTM_NEWTCLASS` or `RTM_NEWTFILTER` message.
    pub fn parse(message: &Message<'_>) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = message.payload.first_chunk()?;
        let number = |at: usize| Some(u32::from_ne_bytes(*head.get(at..)?.first_chunk()?));
        let of = |kind: u16| message.attributes(HEAD_BYTES).find(|attribute| attribute.kind == kind);
        let kind = match of(KIND)?.value.strip_suffix(b"\0")? {
            b"cake" => Kind::Cake,
            b"htb" => Kind::Htb,
            b"fq_codel" => Kind::FqCodel,
            b"ingress" => Kind::Ingress,
            _ => Kind::Other,
        };
        let option = |wanted: u16| of(OPTIONS)?.nested().find(|option| option.kind == wanted);
        let bytes_per_s = match kind {
            Kind::Cake => {
                option(CAKE_RATE).and_then(|rate| Some(u64::from_ne_bytes(*rate.value.first_chunk()?)))
            }
            Kind::Htb => option(HTB_CLASS).and_then(|class| rate(&class)),
            _ => None,
        };
        let (interface, handle, parent, info) = (number(4)?, number(8)?, number(12)?, number(16)?);
        Some(Self { interface, handle, parent, info, kind, bytes_per_s })
    }
}

/// The first of `struct tc_htb_opt`: octets in a second, at the end of a `struct tc_ratespec`.
fn rate(class: &Attribute<'_>) -> Option<u64> {
    let rate = class.value.get(8..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*rate).into())
}
