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
        let (mut kind, mut options) = (Kind::Other, None);
        for attribute in message.attributes(HEAD_BYTES) {
            match (attribute.kind, attribute.value) {
                (KIND, b"cake\0") => kind = Kind::Cake,
                (KIND, b"htb\0") => kind = Kind::Htb,
                (KIND, b"fq_codel\0") => kind = Kind::FqCodel,
                (KIND, b"ingress\0") => kind = Kind::Ingress,
                (OPTIONS, _) => options = Some(attribute),
                _ => {}
            }
        }
        let bytes_per_s = options.and_then(|options| rate(kind, &options));
        let (interface, handle, parent, info) = (number(4)?, number(8)?, number(12)?, number(16)?);
        Some(Self { interface, handle, parent, info, kind, bytes_per_s })
    }
}

/// What the options of a cake or of a class of HTB say that it lets through.
fn rate(kind: Kind, options: &Attribute<'_>) -> Option<u64> {
    let wanted = if kind == Kind::Cake { CAKE_RATE } else { HTB_CLASS };
    let option = options.nested().find(|option| option.kind == wanted)?;
    match kind {
        Kind::Cake => Some(u64::from_ne_bytes(*option.value.first_chunk()?)),
        // `struct tc_htb_opt` begins with a `struct tc_ratespec`, which ends with octets in a second.
        Kind::Htb => Some(u32::from_ne_bytes(*option.value.get(8..)?.first_chunk()?).into()),
        _ => None,
    }
}
