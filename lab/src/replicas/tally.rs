//! The simulator's own books: what people did, counted by rules of its own, from who wrote what behind what. It
//! knows nothing of the ledger's state; it only asks whether a record is there at the end.

use std::collections::{BTreeMap, BTreeSet};

use tequio::base::voucher::{Proof, Verifier};
use tequio::ledger::{Body, Record, RecordId};

use super::founding::{FLOAT, PRICE, SELLER_SHARE};

/// What a thief gives for a proof who has not seen the code.
pub(super) const GUESSED: Proof = Proof([1; 16]);

/// Something that somebody did.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) id: RecordId,
    pub(super) author: [u8; 32],
    pub(super) seq: u64,
    prev: Option<RecordId>,
    what: Deed,
    /// Its words.
    said: Body,
    /// Somebody was told that it is done: it is there for ever.
    pub(super) durable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Lot(Vec<Verifier>),
    Sale(Vec<Verifier>),
    /// With the code, or without it: then it is none.
    FirstUse(Verifier, bool),
    Void(Vec<Verifier>),
    Settlement {
        paid: u64,
        worth: u64,
    },
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

/// That somebody expelled a key.
#[derive(Clone, Debug)]
pub(super) struct Expulsion {
    /// The record that says so.
    pub(super) by: RecordId,
    /// The last records that count.
    pub(super) heads: Vec<RecordId>,
}

/// Who looks at the books.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// What is there.
    pub(super) there: &'a dyn Fn(RecordId) -> bool,
    /// What of it stands in the accounts.
    pub(super) stands: &'a dyn Fn(RecordId) -> bool,
    /// What counts although its key was expelled.
    pub(super) saved: &'a dyn Fn(&Fact) -> bool,
}

/// Everything that was done.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) facts: BTreeMap<RecordId, Fact>,
    /// Expelled keys.
    pub(super) expelled: BTreeMap<[u8; 32], Vec<Expulsion>>,
    /// Who may agree, and void what others sold.
    pub(super) treasurers: BTreeSet<[u8; 32]>,
    /// What a seller says that she paid, if her record says something else.
    pub(super) really_paid: BTreeMap<RecordId, u64>,
}

impl Sums {
    /// These and `sign` times others.
    pub(super) fn add(&mut self, other: Self, sign: i64) {
        for (own, other) in [
            (&mut self.printed, other.printed),
            (&mut self.sold, other.sold),
            (&mut self.used, other.used),
            (&mut self.void, other.void),
            (&mut self.taken, other.taken),
            (&mut self.due, other.due),
            (&mut self.settled, other.settled),
            (&mut self.expenses, other.expenses),
            (&mut self.contributions, other.contributions),
        ] {
            *own += sign * other;
        }
    }
}

impl Fact {
    pub(super) fn of(record: &Record, durable: bool) -> Self {
        let agrees = record.body.confirms().map(Deed::Agreement);
        let what = agrees.unwrap_or_else(|| match &record.body {
            Body::Issue(lot) => Deed::Lot(lot.verifiers.clone()),
            Body::Sale(sale) => Deed::Sale(sale.verifiers.clone()),
            Body::Activation(first) => Deed::FirstUse(first.verifier, first.proof != GUESSED),
            Body::Revocation(void) => Deed::Void(void.verifiers.clone()),
            Body::Settlement(paid) => Deed::Settlement { paid: paid.paid, worth: paid.worth },
            Body::Expense(cash) => Deed::Expense(cash.amount),
            Body::Contribution(cash) => Deed::Contribution(cash.amount),
            _ => Deed::Other,
        });
        let said = record.body.clone();
        Self { id: record.id, author: record.author, seq: record.seq, prev: record.prev, what, said, durable }
    }

    /// Whether it moves money by itself.
    fn is_cash(&self) -> bool {
        matches!(self.what, Deed::Settlement { .. } | Deed::Expense(_) | Deed::Contribution(_))
    }

    pub(super) fn is_payment(&self) -> bool {
        matches!(self.what, Deed::Settlement { .. })
    }

    /// Whether it tells what became of vouchers.
    pub(super) fn is_of_vouchers(&self) -> bool {
        matches!(self.what, Deed::Sale(_) | Deed::FirstUse(..) | Deed::Void(_))
    }

    pub(super) fn first_use(&self) -> Option<Verifier> {
        if let Deed::FirstUse(voucher, _) = self.what { Some(voucher) } else { None }
    }

    /// The voucher of a first use whose code was typed.
    pub(super) fn proven_use(&self) -> Option<Verifier> {
        if let Deed::FirstUse(voucher, true) = self.what { Some(voucher) } else { None }
    }

    pub(super) fn void(&self) -> Option<&[Verifier]> {
        if let Deed::Void(vouchers) = &self.what { Some(vouchers) } else { None }
    }

    /// The vouchers of the lot that it made.
    pub(super) fn lot(&self) -> &[Verifier] {
        if let Deed::Lot(vouchers) = &self.what { vouchers } else { &[] }
    }
}

impl Tally {
    pub(super) fn enter(&mut self, fact: Fact) {
        self.facts.insert(fact.id, fact);
    }

    pub(super) fn expel(&mut self, key: [u8; 32], by: RecordId, heads: Vec<RecordId>) {
        self.expelled.entry(key).or_default().push(Expulsion { by, heads });
    }

    /// The vouchers that a fact speaks of, or the one that it agrees with.
    pub(super) fn vouchers_of(&self, fact: &Fact) -> Vec<Verifier> {
        match &fact.what {
            Deed::Lot(vouchers) | Deed::Sale(vouchers) | Deed::Void(vouchers) => vouchers.clone(),
            Deed::FirstUse(voucher, _) => vec![*voucher],
            Deed::Agreement(of) => self.facts.get(of).map(|of| self.vouchers_of(of)).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Others of the same author that say the same.
    pub(super) fn again<'a>(&'a self, fact: &'a Fact) -> impl Iterator<Item = RecordId> + 'a {
        let same = move |other: &&Fact| {
            other.author == fact.author && other.id != fact.id && other.said == fact.said
        };
        self.facts.values().filter(same).map(|other| other.id)
    }

    /// What others wrote to agree with it.
    pub(super) fn agreements_with(&self, id: RecordId) -> impl Iterator<Item = &Fact> {
        self.facts.values().filter(move |other| other.what == Deed::Agreement(id))
    }

    /// Acknowledged sales.
    pub(super) fn sales(&self) -> usize {
        self.facts.values().filter(|fact| fact.durable && matches!(fact.what, Deed::Sale(_))).count()
    }

    /// What the books say, node by node.
    pub(super) fn sums(&self, view: View<'_>) -> BTreeMap<[u8; 32], Sums> {
        let there: Vec<&Fact> = self.facts.values().filter(|fact| (view.there)(fact.id)).collect();
        let counts = self.counted(view);
        let counted: Vec<&Fact> =
            there.iter().filter(|fact| (view.stands)(fact.id) && counts(fact)).copied().collect();
        // A node says once where a voucher began: its later word replaces the earlier one, whatever counts.
        let mut first_uses: BTreeMap<([u8; 32], Verifier), &Fact> = BTreeMap::new();
        for fact in &there {
            let Some(of) = fact.first_use() else { continue };
            let last = first_uses.entry((fact.author, of)).or_insert(fact);
            if (fact.seq, last.id) > (last.seq, fact.id) {
                *last = fact;
            }
        }
        let good = |fact: &&&Fact| {
            let last = fact.first_use().and_then(|of| first_uses.get(&(fact.author, of)));
            last.is_some_and(|last| counts(last) && last.proven_use().is_some())
        };
        let used: BTreeSet<Verifier> =
            counted.iter().filter(good).filter_map(|fact| fact.first_use()).collect();
        let mut sums: BTreeMap<[u8; 32], Sums> = BTreeMap::new();
        // What an author names in two lots it has once.
        let mut seen = BTreeSet::new();
        for lot in self.lots(&counted) {
            self.book_lot(lot, &counted, &used, &mut seen, sums.entry(lot.author).or_default());
        }
        // So it is with money: what an author wrote again, word by word, is one payment.
        let said_before = |fact: &Fact| {
            let earlier = |other: &&&Fact| other.author == fact.author && other.said == fact.said;
            counted.iter().filter(earlier).any(|other| (other.seq, other.id) < (fact.seq, fact.id))
        };
        for fact in counted.iter().filter(|fact| fact.is_cash() && !said_before(fact)) {
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

    fn book_lot(
        &self,
        lot: &Fact,
        counted: &[&Fact],
        used: &BTreeSet<Verifier>,
        seen: &mut BTreeSet<([u8; 32], Verifier)>,
        sum: &mut Sums,
    ) {
        let Deed::Lot(vouchers) = &lot.what else { return };
        for voucher in vouchers {
            if !seen.insert((lot.author, *voucher)) {
                continue;
            }
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
    pub(super) fn counted<'a>(&'a self, view: View<'a>) -> impl Fn(&Fact) -> bool + 'a {
        let heard = self.expelled.iter().filter_map(move |(key, all)| {
            let mut heard = all.iter().filter(|one| (view.there)(one.by)).peekable();
            heard.peek()?;
            let heads: Vec<RecordId> = heard.flat_map(|one| one.heads.iter().copied()).collect();
            Some((*key, BTreeSet::from_iter(self.ancestors(&heads))))
        });
        let limits: BTreeMap<[u8; 32], BTreeSet<RecordId>> = heard.collect();
        move |fact| {
            limits.get(&fact.author).is_none_or(|limit| limit.contains(&fact.id)) || (view.saved)(fact)
        }
    }

    /// These and what they follow, the nearest first.
    pub(super) fn ancestors(&self, heads: &[RecordId]) -> Vec<RecordId> {
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
