//! Closes: the books up to a line, author by author.
//!
//! A close names the one before it, how far it covers each author's chained records, what came together, and what stays
//! below its line. Of two closes behind one that counts behind which others stand, else the one with the lower id; what
//! only the other one covered stands above the line, and is booked later. A month has as many closes as its records
//! need: all but the last one name the day, and the month goes on. An author that finds a record of its own below the line which the close did not
//! know writes it once more: `again`. What the line means for everything else: `line`.

use super::Ledger;
use super::body::{Body, Close, ClosedTotal, Cover, Issue, PlanMeasure};
use super::kind::Kind;
use super::line;
use super::month::Month;
use super::record::{Record, RecordId};
use super::{Voucher, VoucherState};
use crate::base::limit::{CLOSE_IDLE_DAYS, CLOSE_MONTHS, CLOSE_NAMES, RECORD_HEADS};
use crate::base::sorted::{LargeSet, SortedMap, SortedSet};
use crate::base::time::TimeQuality;
use crate::base::voucher::Verifier;

const DAY_S: u64 = 86_400;

impl Ledger {
    /// A close of what is known now: at the end of a month; or on this day, and the month goes on. The error is for
    /// whoever asked for it.
    pub fn close_body(&self, month: Month, day: Option<u32>) -> Result<Body, &'static str> {
        let last = self.closes().last().copied();
        if last.is_some_and(|(_, close)| (close.month, close.day.is_none()) >= (month.0, true)) {
            return Err("this month is closed already");
        }
        // Above the line the same would be booked once more: a coupon's first use, told by another node.
        let is_here = |cover: &Cover| self.link(cover.head).is_some();
        if day.is_some() && last.is_some_and(|(_, close)| !close.covers.iter().all(is_here)) {
            return Err("records that the last close has booked are still to come");
        }
        let covers = self.covers(month, day);
        let known = self.known_below(&covers);
        let totals = self.tally(&|record| known.contains(&record.id));
        let totals = totals.into_iter().filter(|(_, figures)| !figures.is_empty());
        let totals = totals.map(|((node, person, plan), figures)| {
            let end = figures.0.iter().rposition(|figure| *figure != 0).map_or(0, |at| at + 1);
            ClosedTotal { node, person, plan, figures: figures.0[..end].to_vec() }
        });
        let totals = totals.collect();
        let kept = self.kept(month, day, &known);
        if kept.len() > CLOSE_NAMES {
            return Err("too many lots have a coupon that is still good");
        }
        let number = last.map_or(1, |(_, close)| close.number.saturating_add(1));
        let follows = last.map(|(id, _)| id);
        Ok(Body::Close(Box::new(Close {
            follows,
            month: month.0,
            covers,
            totals,
            kept: kept.concat(),
            number,
            day,
        })))
    }

    /// Octets of records that such a close would be the first to cover, but for what says who may do what.
    pub fn covered_anew(&self, month: Month, day: Option<u32>) -> u64 {
        let booked = self.booked();
        let covers = self.covers(month, day).into_iter().map(|cover| (cover.author, cover)).collect();
        let anew = self.records.values().filter(|record| {
            !record.kind.is_authority() && is_below(&covers, record) && !is_below(&booked, record)
        });
        anew.map(|record| record.octets() as u64).sum()
    }

    /// How far each author can be covered: to its last record of that month, if the month ends, or to before the first
    /// that speaks of vouchers which nobody knows here. Their lot may be on its way. So may be what a chain lacks between
    /// two records: it ends before the second, or its author would take what is lacking for covered. What is still not
    /// there when a month ends, and a close has waited for it, is lost. While a month goes on, what is dated
    /// behind it is by a clock that is wrong, and is covered too.
    fn covers(&self, month: Month, day: Option<u32>) -> Vec<Cover> {
        let before = self.booked();
        let months = if day.is_none() { self.months().0 } else { SortedMap::new() };
        let is_later = |record: &Record| months.get(&record.id).is_some_and(|of| *of > month);
        let mut covers = Vec::new();
        let mut open: SortedMap<[u8; 32], Vec<&Record>> = SortedMap::new();
        let is_open = |record: &&Record| record.kind.chained() && !is_below(&before, record);
        for record in self.records.values().filter(is_open) {
            open.entry(record.author).or_default().push(record);
        }
        // Also those of whom nothing is here any more: their records would be above the line again.
        let authors: SortedSet<[u8; 32]> = self.tips.keys().chain(before.keys()).copied().collect();
        for author in authors.iter() {
            let mut chain = open.remove(author).unwrap_or_default();
            chain.sort_unstable_by_key(|record| (record.seq, record.id));
            let old = before.get(author);
            let whole = |(at, record): &(usize, &&Record)| {
                let is_joined = (day.is_none() && *at == 0) || self.is_joined(record, old);
                is_joined && !is_later(record) && !self.speaks_of_unknown(record)
            };
            let count = chain.iter().enumerate().take_while(whole).count();
            chain.truncate(count);
            let Some(last) = chain.last() else {
                // Its float may be free again all the same, by a word from above the line.
                covers.extend(
                    before
                        .get(author)
                        .map(|old| Cover { float: self.float_up_to(author, old.seq), ..old.clone() }),
                );
                continue;
            };
            let followed: LargeSet<RecordId> = chain.iter().filter_map(|record| record.prev).collect();
            // Ends that an earlier close named are ends still, unless something follows them.
            let ends = old.into_iter().flat_map(Cover::ends).chain(chain.iter().map(|record| record.id));
            let mut others: Vec<RecordId> =
                ends.filter(|id| *id != last.id && !followed.contains(id)).collect();
            others.drain(..others.len().saturating_sub(RECORD_HEADS));
            covers.push(Cover {
                author: *author,
                head: last.id,
                seq: last.seq,
                float: self.float_up_to(author, last.seq),
                others,
            });
        }
        covers
    }

    /// Whether what a record follows is here, or is an end of what is booked.
    fn is_joined(&self, record: &Record, old: Option<&Cover>) -> bool {
        record
            .prev
            .is_none_or(|prev| self.link(prev).is_some() || old.is_some_and(|old| old.ends().contains(&prev)))
    }

    fn speaks_of_unknown(&self, record: &Record) -> bool {
        record.kind.is_of_vouchers()
            && record.body.verifiers().iter().any(|verifier| self.lots_with(*verifier).next().is_none())
            && !self.is_done(record)
    }

    /// What a close with these covers knows: what its heads follow, and what the one before it booked.
    fn known_below(&self, covers: &[Cover]) -> LargeSet<RecordId> {
        let booked = self.booked();
        let mut known = SortedSet::new();
        for cover in covers {
            known.extend(self.covered_by(cover).iter().copied());
        }
        let below = self.records.values().filter(|record| is_below(&booked, record));
        known.extend(below.map(|record| record.id));
        known
    }

    /// The names of what stays: who may do what, lots with a voucher that is still good, payments with which nobody has
    /// agreed, and the closes that ended the months before.
    fn kept(
        &self,
        month: Month,
        day: Option<u32>,
        known: &LargeSet<RecordId>,
    ) -> Vec<[u8; line::NAME_BYTES]> {
        let closes = self.closes();
        let next = closes.iter().skip(1).map(|(_, next)| next.month).chain([month.0]);
        let ends = closes.iter().zip(next).filter(|((_, close), next)| {
            close.month < *next && close.month.saturating_add(CLOSE_MONTHS) > month.0
        });
        let ends = ends.map(|((id, _), _)| *id);
        let is_known = |record: &Record| known.contains(&record.id);
        let stays = |record: &&Record| match self.lot_of(record) {
            Some((lot, issue)) => {
                let good = |voucher: Voucher| is_open(&voucher, month, day);
                issue.verifiers.iter().any(|one| {
                    self.is_untouched(*one, issue) || self.voucher_in(*one, lot, issue).is_some_and(good)
                })
            }
            None if record.kind == Kind::Settlement && record.body.confirms().is_none() => {
                !self.is_done(record) && !self.is_paid(record, &is_known)
            }
            None => self.authority.counted.contains(&record.id),
        };
        let records = known.iter().filter_map(|id| self.records.get(id)).filter(stays);
        let mut names: Vec<_> = records.map(|record| record.id).chain(ends).map(line::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether nobody said anything by which a voucher of a lot that counts could have ended.
    fn is_untouched(&self, verifier: Verifier, lot: &Issue) -> bool {
        let ends = [Kind::Activation, Kind::Exchange, Kind::Revocation].map(Kind::number);
        !lot.for_exchange && !self.mentioned_by(verifier).any(|kind| ends.contains(&kind))
    }

    /// What a close says that it knows of an author.
    pub(super) fn covered_by(&self, cover: &Cover) -> LargeSet<RecordId> {
        self.ancestors(&cover.author, &cover.ends())
    }

    /// How far the last close covers each author.
    pub(super) fn booked(&self) -> SortedMap<[u8; 32], Cover> {
        let closes = self.closes();
        let covers = closes.last().map_or(&[][..], |(_, close)| &close.covers);
        covers.iter().map(|cover| (cover.author, cover.clone())).collect()
    }
}

/// Whether a record stands below a line.
pub(super) fn is_below(line: &SortedMap<[u8; 32], Cover>, record: &Record) -> bool {
    record.kind.chained() && line.get(&record.author).is_some_and(|cover| record.seq <= cover.seq)
}

/// Whether a voucher can still be used by somebody after this month, or this day, a day more on the side of the guest. A
/// time of doubtful quality ends none.
fn is_open(voucher: &Voucher, month: Month, day: Option<u32>) -> bool {
    let days = match voucher.plan.measure {
        PlanMeasure::UsedSeconds { within_days, .. } => within_days.map(u32::from),
        PlanMeasure::DaysFromFirstUse { days } => Some(u32::from(days)),
        PlanMeasure::External => None,
    };
    let begun = voucher.activated.filter(|time| time.quality >= TimeQuality::Mesh);
    let days = days.unwrap_or(CLOSE_IDLE_DAYS).saturating_add(voucher.extended.days).saturating_add(1);
    let end = begun.map(|time| time.unix_s.saturating_add(u64::from(days) * DAY_S));
    let over = end.is_some_and(|end| match day {
        Some(day) => end < u64::from(day) * DAY_S,
        None => Month::of(end) <= month,
    });
    matches!(voucher.state(), VoucherState::Printed | VoucherState::Sold | VoucherState::Activated) && !over
}
