//! What records say, kind by kind. Field numbers are the format: they are never used twice.
//!
//! A body that does not decode, or that says what it may not (a lot of 201 vouchers, a price that its
//! shares do not add up to), is [`Body::Unread`]: its record is kept and passed on, since a newer version
//! may understand it, but nothing follows from it here.

use super::fields::{self, Field};
use super::kind::Kind;
use super::record::RecordId;
use crate::base::voucher::Verifier;

pub mod members;
pub mod money;
pub mod network;
pub mod vouchers;

pub use self::members::{
    Charter, Epoch, Expulsion, Grant, Member, PaperDebt, Person, PersonRole, SealedShare, Succession,
};
pub use self::money::{Cash, Close, ClosedTotal, Cover, HandOver, InKind, InKindReason, Settlement};
pub use self::network::{Look, Mode, NetworkMode, Notice, ReferenceState, Service, Status, Time};
pub use self::vouchers::{
    Activation, Counter, Device, Exchange, Extension, Honoured, Issue, Plan, PlanMeasure, PlanShare,
    Revocation, Sale, Usage,
};

/// One row a kind: its variant is named like the kind.
macro_rules! bodies {
    ($($(#[$doc:meta])* $kind:ident($type:ty),)*) => {
        /// What a record says. Each record in memory is as large as the largest of these: what is larger than a
        /// first use has memory of its own.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $kind($type),)*
            /// Not understood by this version.
            Unread,
        }

        impl Body {
            /// Reads the body of a record of this kind, whose bytes the strict walk has passed.
            pub(crate) fn decode(kind: Kind, bytes: &[u8]) -> Self {
                let body = match kind {
                    $(Kind::$kind => fields::read(bytes).map(Self::$kind),)*
                    Kind::Other(_) => None,
                };
                body.filter(|body| body.fault().is_none()).unwrap_or(Self::Unread)
            }

            /// Whether it was not understood.
            pub const fn is_unread(&self) -> bool {
                matches!(self, Self::Unread)
            }

            /// The bytes of this body; `None` for one that was not understood.
            pub fn encode(&self) -> Option<Vec<u8>> {
                let mut bytes = Vec::new();
                match self {
                    $(Self::$kind(body) => body.write(&mut bytes),)*
                    Self::Unread => return None,
                }
                Some(bytes)
            }

            /// The kind of record that says this.
            pub const fn kind(&self) -> Option<Kind> {
                match self {
                    $(Self::$kind(_) => Some(Kind::$kind),)*
                    Self::Unread => None,
                }
            }
        }
    };
}

bodies! {
    /// The community.
    Charter(Box<Charter>),
    /// Another root.
    Succession(Box<Succession>),
    /// A member.
    Member(Box<Member>),
    /// Somebody who works at a node.
    Person(Box<Person>),
    /// New secrets.
    Epoch(Box<Epoch>),
    /// Secrets for one more member.
    Grant(Box<Grant>),
    /// Something on sale.
    Plan(Box<Plan>),
    /// A lot of vouchers.
    Issue(Box<Issue>),
    /// Vouchers sold.
    Sale(Box<Sale>),
    /// A voucher begun.
    Activation(Activation),
    /// A voucher changed for another.
    Exchange(Box<Exchange>),
    /// Counters.
    Usage(Box<Usage>),
    /// A device of a voucher.
    Device(Box<Device>),
    /// Vouchers that give more.
    Extension(Box<Extension>),
    /// Vouchers that are void.
    Revocation(Box<Revocation>),
    /// Vouchers not for money.
    InKind(Box<InKind>),
    /// Paper taken away to sell.
    HandOver(Box<HandOver>),
    /// A debt paid.
    Settlement(Box<Settlement>),
    /// Money spent.
    Expense(Box<Cash>),
    /// Money got.
    Contribution(Box<Cash>),
    /// The books up to here.
    Close(Box<Close>),
    /// Vouchers of a lost lot.
    Honoured(Box<Honoured>),
    /// How the network is run.
    Mode(Box<Mode>),
    /// Something that is served.
    Service(Box<Service>),
    /// A sentence for the portal.
    Notice(Box<Notice>),
    /// The least that a clock may say.
    Time(Time),
    /// How a member is.
    Status(Box<Status>),
    /// A link that was good.
    ReferenceState(Box<ReferenceState>),
    /// How the community looks.
    Look(Box<Look>),
}

impl Body {
    /// What a later record of the same author and kind must share to make this one obsolete.
    pub(super) fn subject(&self) -> Vec<u8> {
        match self {
            Self::Activation(body) => body.verifier.0.to_vec(),
            Self::Usage(body) => [&body.lane.to_be_bytes()[..], &body.page.to_be_bytes()].concat(),
            Self::Device(body) => [body.verifier.0, body.tag].concat(),
            Self::Service(body) => body.name.clone().into_bytes(),
            Self::Notice(body) => body.name.clone().into_bytes(),
            Self::ReferenceState(body) => body.name.clone().into_bytes(),
            _ => Vec::new(),
        }
    }

    /// The one voucher by which a later record of its author finds this one, if its subject has one.
    pub(super) const fn voucher(&self) -> Option<Verifier> {
        match self {
            Self::Activation(body) => Some(body.verifier),
            Self::Device(body) => Some(body.verifier),
            _ => None,
        }
    }

    /// Whether a voucher is among [`Self::verifiers`].
    pub(super) fn speaks_of(&self, verifier: Verifier) -> bool {
        match self {
            Self::Issue(body) => body.verifiers.contains(&verifier),
            Self::Sale(body) => body.verifiers.contains(&verifier),
            Self::Activation(body) => body.verifier == verifier,
            Self::Device(body) => body.verifier == verifier,
            Self::Usage(body) => body.counters.iter().any(|counter| counter.verifier == verifier),
            _ => self.verifiers().contains(&verifier),
        }
    }

    /// The vouchers that it speaks of.
    pub(super) fn verifiers(&self) -> Vec<Verifier> {
        match self {
            Self::Issue(body) => body.verifiers.clone(),
            Self::Honoured(body) => body.lot.verifiers.clone(),
            Self::Sale(body) => body.verifiers.clone(),
            Self::Revocation(body) => body.verifiers.clone(),
            Self::Extension(body) => body.verifiers.clone(),
            Self::InKind(body) => body.verifiers.clone(),
            Self::HandOver(body) => body.verifiers.clone(),
            Self::Activation(body) => vec![body.verifier],
            Self::Exchange(body) if body.confirms.is_none() => vec![body.old, body.new],
            Self::Device(body) => vec![body.verifier],
            Self::Usage(body) => body.counters.iter().map(|counter| counter.verifier).collect(),
            _ => Vec::new(),
        }
    }

    /// The record of another node that this one agrees with.
    pub const fn confirms(&self) -> Option<RecordId> {
        match self {
            Self::Exchange(body) => body.confirms,
            Self::Revocation(body) => body.confirms,
            Self::InKind(body) => body.confirms,
            Self::Settlement(body) => body.confirms,
            Self::Mode(body) => body.confirms,
            _ => None,
        }
    }

    /// The records about the same subject that this one replaces, by any author.
    pub(super) fn replaces(&self) -> &[RecordId] {
        match self {
            Self::Charter(body) => &body.replaces,
            Self::Member(body) => &body.replaces,
            Self::Person(body) => &body.replaces,
            Self::Plan(body) => &body.replaces,
            Self::Service(body) => &body.replaces,
            _ => &[],
        }
    }
}
