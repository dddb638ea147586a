//! What people do with the ledger at a node, beside selling, and the accounts that they see: values, before and after
//! JSON. Each deed is one record; `taps` writes it.

use serde::{Deserialize, Serialize};

use super::call::Which;
use super::settings::Role;
use crate::base::voucher::{Proof, Verifier};
use crate::ledger::Kind;

/// What is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Paper goes to somebody who sells it, or comes back.
    #[default]
    HandOver,
    /// A seller pays.
    Settle,
    /// This node agrees with a record of another one.
    Agree,
    /// The community spends money.
    Expense,
    /// The community gets money.
    Contribute,
    /// A voucher gets more than its plan.
    Extend,
    /// A voucher whose code somebody can have searched is changed for a new one.
    Exchange,
    /// A voucher of a lot that was lost with its router is good.
    Honour,
    /// Somebody works at a node, or does no more.
    Person,
    /// How the network is run.
    Mode,
    /// A sentence for the portal.
    Notice,
    /// Something that a member serves.
    Service,
    /// What is on sale.
    Plan,
    /// A caretaker's device offers its clock. This alone is no record.
    Time,
}

/// How a deed is called on ubus, what it writes, and who of the people at a node may do it. What the node itself may is
/// the ledger's to say.
pub const DEEDS: [(&str, Deed, Kind, Role); 14] = [
    ("hand_over", Deed::HandOver, Kind::HandOver, Role::Caretaker),
    ("settle", Deed::Settle, Kind::Settlement, Role::Caretaker),
    ("agree", Deed::Agree, Kind::Settlement, Role::Caretaker),
    ("expense", Deed::Expense, Kind::Expense, Role::Admin),
    ("contribute", Deed::Contribute, Kind::Contribution, Role::Admin),
    ("voucher_extend", Deed::Extend, Kind::Extension, Role::Admin),
    ("voucher_exchange", Deed::Exchange, Kind::Issue, Role::Caretaker),
    ("voucher_honour", Deed::Honour, Kind::Honoured, Role::Admin),
    ("person_set", Deed::Person, Kind::Person, Role::Admin),
    ("mode_set", Deed::Mode, Kind::Mode, Role::Caretaker),
    ("notice_set", Deed::Notice, Kind::Notice, Role::Caretaker),
    ("service_set", Deed::Service, Kind::Service, Role::Admin),
    ("plan_set", Deed::Plan, Kind::Plan, Role::Admin),
    ("time_set", Deed::Time, Kind::Status, Role::Caretaker),
];

/// A deed and what it needs; each takes the fields that `docs/ubus.md` names for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// What is done.
    pub deed: Deed,
    /// Whom it is about; without it, who taps.
    pub person: String,
    /// What for, why, or what it says. Of a plan, what the seller keeps.
    pub text: String,
    /// What it is about, by a name or a word: a mode, a role, a notice, a service.
    pub name: String,
    /// Money as it was typed, like `12.50`.
    pub amount: String,
    /// A lot, a record, or a node. Of a plan, its hours of the day.
    pub target: String,
    /// A plan's id.
    pub plan: String,
    /// What proves a passphrase.
    pub verifier: String,
    /// Which voucher.
    pub which: Option<Which>,
    /// Seconds of use, or since 1970.
    pub seconds: u64,
    /// Days.
    pub days: u16,
    /// Where something is served, with commas; who gets a part of a plan's price, and how much.
    pub prefixes: String,
    /// Of a plan: devices, MB, kbit/s to the guest and from him; 0 is not said.
    pub limits: [u32; 4],
    /// Whether that is free for everybody.
    pub free: bool,
    /// Its picture, by a word.
    pub icon: String,
    /// Of a plan, the members who alone may sell it, with commas.
    pub sellers: String,
    /// The TCP port that answers.
    pub port: Option<u16>,
    /// The same key within a minute is the same tap. Empty: no key.
    pub key: String,
}

/// What becomes of vouchers that are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LotUse {
    /// They are sold.
    #[default]
    Sale,
    /// They are paper, of whom the person says, if she says so.
    Paper,
    /// They are given.
    InKind {
        /// `work`, `caretaker` or `school`.
        reason: String,
        /// Minutes of work.
        minutes: u32,
    },
    /// One takes the place of another.
    Exchange {
        /// Of this one.
        old: Verifier,
        /// Whose code was typed.
        proof: Proof,
    },
}

/// A record that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The beginning of its id, as hexadecimal digits: how another node names it to agree.
    pub record: String,
    /// Its kind.
    pub kind: String,
    /// Whether it counts only once another node agrees.
    pub waits: bool,
}

/// What a month brought, and what waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// The month.
    pub month: String,
    /// The currency of all amounts.
    pub currency: String,
    /// Digits behind the point.
    pub minor_units: u8,
    /// Whether the month is closed.
    pub closed: bool,
    /// What is in the community's hands, before and after.
    pub cash_before: i64,
    /// The same at its end.
    pub cash: i64,
    /// What this node's float has room for.
    pub float_left: u64,
    /// Person by person.
    pub people: Vec<PersonBooks>,
    /// What was made, sold and given of each plan, by its id: figures in the order of `account::NAMES`.
    pub plans: Vec<(String, Vec<i64>)>,
    /// What counts only once another node agrees.
    pub waiting: Vec<Proposal>,
    /// What whoever asks may do at this node, by the words of `taps`.
    pub may: Vec<String>,
}

/// What one person did in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonBooks {
    /// Her name; nobody: the nodes themselves.
    pub person: String,
    /// Her figures, in the order of `account::NAMES`.
    pub figures: Vec<i64>,
    /// What she owed before.
    pub owed_before: i64,
    /// What she owes.
    pub owed: i64,
    /// What of that she owes at this node.
    pub owed_here: i64,
}

/// A record that waits for another node to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The beginning of its id.
    pub record: String,
    /// Its kind.
    pub kind: String,
    /// Whose node wrote it.
    pub node: String,
    /// Whom it is about.
    pub person: String,
    /// The money that it is about.
    pub amount: u64,
    /// What for.
    pub text: String,
    /// Whether this node may agree.
    pub may_agree: bool,
}

/// How the network is run, and what it offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `usual`, `emergency` or `night`.
    pub mode: String,
    /// Why.
    pub reason: String,
    /// Who signed that; nobody as long as nobody said anything.
    pub signed_by: Vec<String>,
    /// Seconds until it ends by itself.
    pub ends_s: Option<u64>,
    /// Services: name, title, node, where, whether they are free.
    pub services: Vec<ServiceLine>,
    /// Sentences for the portal: name, text.
    pub notices: Vec<(String, String)>,
    /// Those who work at nodes: name, role, node.
    pub persons: Vec<(String, String, String)>,
}

/// Something that a member serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLine {
    /// Its name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The member that serves it.
    pub node: String,
    /// Where.
    pub prefixes: Vec<String>,
    /// Whether it is free for everybody.
    pub free: bool,
    /// Whether it answers its own member.
    pub answers: bool,
    /// The word of its picture.
    pub icon: Option<String>,
    /// Its TCP port, if it is another than 80.
    pub port: Option<u16>,
}
