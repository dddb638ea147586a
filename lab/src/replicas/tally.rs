//! The simulator's own books: what people did, counted by rules of its own, from who wrote what behind what. It
//! knows nothing of the ledger's state; it only asks whether a record is there at the end.

use std::collections::{BTreeMap, BTreeSet};

use tequio::base::voucher::Verifier;
use tequio::ledger::{Body, Record, RecordId};

use super::founding::{FLOAT, PRICE, SELLER_SHARE};

/// Something that somebody did.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) id: RecordId,
    pub(super) author: [u8; 32],
    seq: u64,
    prev: Option<RecordId>,
    what: Deed,
    /// Somebody was told that it is done: it is there for ever.
    pub(super) durable: bool,
}

#[derive(Clone, Debug)]
enum Deed {
    Lot(Vec<Verifier>),
    Sale(Vec<Verifier>),
    FirstUse(Verifier),
    Void(Vec<Verifier>),
    Settlement { paid: u64, worth: u64 },
    Agreement(RecordId),
    Expense(u64),
    Contribution(u64),
    Other,
}

/// Sums of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) printed: i64,
    pub(super) sold: i64,
    pub(super) used: i64,
    pub(super) void: i64,
    pub(super) taken: i64,
    pub(super) due: i64,
    pub(super) settled: i64,
    pub(super) expenses: i64,
    pub(super) contributions: i64,
}

/// Everything that was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) facts: BTreeMap<RecordId, Fact>,
    /// Expelled keys, and the last records of theirs that somebody named.
    pub(super) expelled: BTreeMap<[u8; 32], Vec<RecordId>>,
    /// Who may agree, and void what others sold.
    pub(super) treasurers: BTreeSet<[u8; 32]>,
    /// What a seller says that she paid, if her record says something else.
    pub(super) really_paid: BTreeMap<RecordId, u64>,
}

impl Fact {
    pub(super) fn of(record: &Record, durable: bool) -> Self {
        let agrees = record.body.confirms().map(Deed::Agreement);
        let what = agrees.unwrap_or_else(|| match &record.body {
            Body::Issue(lot) => Deed::Lot(lot.verifiers.clone()),
            Body::Sale(sale) => Deed::Sale(sale.verifiers.clone()),
            Body::Activation(first) => Deed::FirstUse(first.verifier),
            Body::Revocation(void) => Deed::Void(void.verifiers.clone()),
            Body::Settlement(paid) => Deed::Settlement { paid: paid.paid, worth: paid.worth },
            Body::Expense(cash) => Deed::Expense(cash.amount),
            Body::Contribution(cash) => Deed::Contribution(cash.amount),
            _ => Deed::Other,
        });
        Self { id: record.id, author: record.author, seq: record.seq, prev: record.prev, what, durable }
    }
}

impl Tally {
    pub(super) fn enter(&mut self, fact: Fact) {
        self.facts.insert(fact.id, fact);
    }

    /// Acknowledged sales.
    pub(super) fn sales(&self) -> usize {
        self.facts.values().filter(|fact| fact.durable && matches!(fact.what, Deed::Sale(_))).count()
    }

    /// What the books say, node by node, of the facts that are `there`.
    pub(super) fn sums(&self, there: impl Fn(RecordId) -> bool) -> BTreeMap<[u8; 32], Sums> {
        let there: Vec<&Fact> = self.facts.values().filter(|fact| there(fact.id)).collect();
        let counted: Vec<&Fact> = there.iter().filter(|fact| self.counts(fact)).copied().collect();
        // A node says once where a voucher began: its later word replaces the earlier one, whatever counts.
        let mut first_uses: BTreeMap<([u8; 32], Verifier), &Fact> = BTreeMap::new();
        for fact in &there {
            let Deed::FirstUse(of) = fact.what else { continue };
            let last = first_uses.entry((fact.author, of)).or_insert(fact);
            if (fact.seq, last.id) > (last.seq, fact.id) {
                *last = fact;
            }
        }
        let used: BTreeSet<Verifier> = first_uses
            .into_iter()
            .filter(|(_, last)| self.counts(last))
            .map(|((_, verifier), _)| verifier)
            .collect();
        let mut sums: BTreeMap<[u8; 32], Sums> = BTreeMap::new();
        for lot in self.lots(&counted) {
            self.book_lot(lot, &counted, &used, sums.entry(lot.author).or_default());
        }
        for fact in &counted {
            let sum = sums.entry(fact.author).or_default();
            match fact.what {
                Deed::Settlement { paid, .. } if self.is_agreed(fact, &counted) => {
                    sum.settled += amount(self.really_paid.get(&fact.id).copied().unwrap_or(paid));
                }
                Deed::Expense(spent) if self.treasurers.contains(&fact.author) => {
                    sum.expenses += amount(spent)
                }
                Deed::Contribution(got) if self.treasurers.contains(&fact.author) => {
                    sum.contributions += amount(got);
                }
                _ => {}
            }
        }
        sums.retain(|_, sum| *sum != Sums::default());
        sums
    }

    fn book_lot(&self, lot: &Fact, counted: &[&Fact], used: &BTreeSet<Verifier>, sum: &mut Sums) {
        let Deed::Lot(vouchers) = &lot.what else { return };
        for voucher in vouchers {
            let own_sale = |fact: &&&Fact| {
                fact.author == lot.author && matches!(&fact.what, Deed::Sale(sold) if sold.contains(voucher))
            };
            let is_sold = counted.iter().any(|fact| own_sale(&fact));
            let is_used = used.contains(voucher);
            let voids: Vec<&&Fact> = counted
                .iter()
                .filter(|fact| matches!(&fact.what, Deed::Void(of) if of.contains(voucher)))
                .collect();
            let is_void = if is_used {
                voids.iter().any(|fact| fact.author == lot.author && self.is_agreed(fact, counted))
            } else {
                voids.iter().any(|fact| fact.author == lot.author || self.treasurers.contains(&fact.author))
            };
            sum.printed += 1;
            sum.sold += i64::from(is_sold && !is_void);
            sum.used += i64::from(is_used);
            sum.void += i64::from(is_void);
            if !is_void && (is_sold || is_used) {
                sum.taken += amount(PRICE);
                sum.due += amount(PRICE - SELLER_SHARE);
            }
        }
    }

    /// Lots that fit the float, in the order of their numbers; an agreed settlement frees what it follows.
    fn lots<'a>(&self, counted: &[&'a Fact]) -> Vec<&'a Fact> {
        let mut order = counted.to_vec();
        order.sort_by_key(|fact| (fact.author, fact.seq, fact.id));
        let mut left: BTreeMap<[u8; 32], u64> = BTreeMap::new();
        let mut bound: BTreeMap<RecordId, u64> = BTreeMap::new();
        let mut lots = Vec::new();
        for fact in order {
            let left = left.entry(fact.author).or_insert(FLOAT);
            match &fact.what {
                Deed::Lot(vouchers) => {
                    let worth = PRICE * vouchers.len() as u64;
                    if worth <= *left {
                        *left -= worth;
                        bound.insert(fact.id, worth);
                        lots.push(fact);
                    }
                }
                Deed::Settlement { worth, .. } if self.is_agreed(fact, counted) => {
                    let mut worth = *worth;
                    for before in self.ancestors(&[fact.id]).into_iter().skip(1) {
                        let freed = bound.get(&before).copied().unwrap_or(0).min(worth);
                        worth -= freed;
                        *left += freed;
                        bound.entry(before).and_modify(|bound| *bound -= freed);
                    }
                }
                _ => {}
            }
        }
        lots
    }

    fn is_agreed(&self, fact: &Fact, counted: &[&Fact]) -> bool {
        counted.iter().any(|other| {
            matches!(other.what, Deed::Agreement(of) if of == fact.id)
                && other.author != fact.author
                && self.treasurers.contains(&other.author)
        })
    }

    /// What an expelled key wrote counts if somebody who expelled it named what follows it.
    pub(super) fn counts(&self, fact: &Fact) -> bool {
        match self.expelled.get(&fact.author) {
            Some(heads) => self.ancestors(heads).contains(&fact.id),
            None => true,
        }
    }

    /// These and what they follow, the nearest first.
    fn ancestors(&self, heads: &[RecordId]) -> Vec<RecordId> {
        let mut found = Vec::new();
        for head in heads {
            let mut next = self.facts.get(head);
            while let Some(fact) = next.filter(|fact| !found.contains(&fact.id)) {
                found.push(fact.id);
                let before = fact.prev.and_then(|prev| self.facts.get(&prev));
                next = before.filter(|before| before.author == fact.author && before.seq < fact.seq);
            }
        }
        found
    }
}

fn amount(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}
