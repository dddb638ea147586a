//! What counts only with the word of a second node: which records wait for it, and what that word is.

use super::Ledger;
use super::body::{Body, Exchange, InKind, Mode, Revocation, Settlement};
use super::kind::Kind;
use super::record::Record;
use super::rights::Role;

impl Ledger {
    /// Records that wait for another node to agree, an author's in their order. Walks over all records.
    pub fn waiting(&self) -> Vec<&Record> {
        let given = self.given_in_kind(&|_| true);
        let waits = |record: &&Record| {
            let seller = || self.authority.holds(record, Role::Seller);
            let open = || !self.is_agreed(record, Role::Treasurer);
            let begun = |by: &Revocation| {
                let own = by.verifiers.iter().filter_map(|one| self.voucher_by(&record.author, *one));
                own.into_iter().any(|voucher| voucher.activated.is_some() && voucher.sold.is_some())
            };
            let waits = match &record.body {
                body if body.confirms().is_some() => false,
                Body::Settlement(_) => seller() && !self.is_paid(record, &|_| true),
                Body::InKind(_) => seller() && !given.contains(&record.id),
                Body::Revocation(body) => seller() && open() && begun(body),
                // What nobody used is exchanged at a tap.
                Body::Exchange(body) => {
                    seller() && open() && self.voucher(body.old).is_some_and(|old| old.activated.is_some())
                }
                Body::Mode(body) => {
                    self.authority.holds(record, Role::Caretaker)
                        && !self.sets_mode(record)
                        && self.mode_record().is_none_or(|(_, mode)| body.number > mode.number)
                }
                _ => false,
            };
            waits && !self.is_done(record)
        };
        let mut waiting: Vec<&Record> = self.records.values().filter(waits).collect();
        waiting.sort_unstable_by_key(|record| (record.author, record.seq, record.id));
        waiting
    }

    /// Whether another node has agreed, by what is looked at, with a payment or with one in the same words.
    pub(super) fn is_paid(&self, record: &Record, visible: &dyn Fn(&Record) -> bool) -> bool {
        self.twins(record).any(|twin| self.agreements(twin, Role::Treasurer).any(visible))
    }

    /// Whether this node has the role whose word a record of this kind waits for.
    pub fn may_agree(&self, kind: Kind) -> bool {
        let role = if kind == Kind::Mode { Role::Caretaker } else { Role::Treasurer };
        self.authority.roles(&self.own_key).has(role)
    }

    /// The body with which this node agrees with a record.
    pub fn agreement_body(&self, record: &Record) -> Option<Body> {
        let confirms = Some(record.id);
        Some(match &record.body {
            Body::Settlement(body) => Body::Settlement(Box::new(Settlement { confirms, ..(**body).clone() })),
            Body::InKind(body) => {
                Body::InKind(Box::new(InKind { confirms, verifiers: Vec::new(), ..(**body).clone() }))
            }
            Body::Revocation(body) => {
                Body::Revocation(Box::new(Revocation { confirms, verifiers: Vec::new(), ..(**body).clone() }))
            }
            Body::Exchange(body) => Body::Exchange(Box::new(Exchange { confirms, ..(**body).clone() })),
            Body::Mode(body) => Body::Mode(Box::new(Mode { confirms, ..(**body).clone() })),
            _ => return None,
        })
    }
}
