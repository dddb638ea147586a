//! Closes: the books up to a line, author by author.
//!
//! A close names the one before it, how far it covers each author's chained records, what came together, and what stays
//! below its line. Of two closes behind one the lower id counts; what only the other one covered stands above the
//! line, and is booked in the next month. An author that finds a record of its own below the line which the close did not
//! know writes it once more. What the line means for everything else: `line`.

use super::Ledger;
use super::body::{Body, Close, ClosedTotal, Cover, PlanMeasure};
use super::line;
use super::month::Month;
use super::record::{Record, RecordId};
use super::{Voucher, VoucherState};
use crate::base::limit::CLOSE_IDLE_DAYS;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::base::time::TimeQuality;

const DAY_S: u64 = 86_400;

impl Ledger {
    /// A close of what is known now, at the end of a month; the error is for whoever asked for it.
    pub fn close_body(&self, month: Month) -> Result<Body, &'static str> {
        let last = self.closes().last().copied();
        if last.is_some_and(|(_, close)| close.month >= month.0) {
            return Err("this month is closed already");
        }
        let covers = self.covers();
        let known = self.known_below(&covers);
        let totals = self.tally(&|record| known.contains(&record.id));
        let totals = totals.into_iter().filter(|(_, figures)| !figures.is_empty());
        let totals = totals.map(|((node, person, plan), figures)| {
            let end = figures.0.iter().rposition(|figure| *figure != 0).map_or(0, |at| at + 1);
            ClosedTotal { node, person, plan, figures: figures.0[..end].to_vec() }
        });
        let totals = totals.collect();
        let kept = self.kept(month, &known).concat();
        Ok(Body::Close(Close { follows: last.map(|(id, _)| id), month: month.0, covers, totals, kept }))
    }

    /// How far each author can be covered: to its last record, or to before the first that speaks of vouchers which
    /// nobody knows here. Their lot may be on its way.
    fn covers(&self) -> Vec<Cover> {
        let before = self.booked();
        let mut covers = Vec::new();
        for (author, tip) in &self.tips {
            let Some((_, head)) = tip.chained else { continue };
            let mut chain: Vec<&Record> =
                self.ancestors(author, &[head]).iter().filter_map(|id| self.records.get(id)).collect();
            chain.sort_unstable_by_key(|record| (record.seq, record.id));
            let old = before.get(author).copied();
            let floor = old.map_or(0, |cover| cover.seq);
            let whole = |record: &&&Record| record.seq <= floor || !self.speaks_of_unknown(record);
            let last = chain.iter().take_while(whole).last().filter(|record| record.seq > floor);
            let end = last.map(|record| (record.id, record.seq)).or(old.map(|cover| (cover.head, cover.seq)));
            covers.extend(end.map(|(head, seq)| {
                let float = self.float_up_to(author, seq);
                Cover { author: *author, head, seq, float }
            }));
        }
        covers
    }

    fn speaks_of_unknown(&self, record: &Record) -> bool {
        record.kind.is_of_vouchers()
            && record.body.verifiers().iter().any(|verifier| self.lots_with(*verifier).next().is_none())
            && !self.is_done(record)
    }

    /// What a close with these covers knows: what its heads follow, and what the one before it booked.
    fn known_below(&self, covers: &[Cover]) -> SortedSet<RecordId> {
        let booked = self.booked();
        let mut known = SortedSet::new();
        for cover in covers {
            known.extend(self.ancestors(&cover.author, &[cover.head]).iter().copied());
        }
        let below = self.records.values().filter(|record| is_below(&booked, record));
        known.extend(below.map(|record| record.id));
        known
    }

    /// The names of what stays: who may do what, and lots with a voucher that is still good.
    fn kept(&self, month: Month, known: &SortedSet<RecordId>) -> Vec<[u8; line::NAME_BYTES]> {
        let stays = |record: &&Record| match self.lot_of(record) {
            Some((lot, issue)) => {
                let good = |voucher: Voucher| is_open(&voucher, month);
                issue.verifiers.iter().any(|one| self.voucher_in(*one, lot, issue).is_some_and(good))
            }
            None => self.authority.counted.contains(&record.id),
        };
        let records = known.iter().filter_map(|id| self.records.get(id)).filter(stays);
        let mut names: Vec<_> = records.map(|record| line::name(record.id)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How far the last close covers each author.
    pub(super) fn booked(&self) -> SortedMap<[u8; 32], Cover> {
        let closes = self.closes();
        let covers = closes.last().map_or(&[][..], |(_, close)| &close.covers);
        covers.iter().map(|cover| (cover.author, *cover)).collect()
    }

    /// Records of this node below the line that the close did not know: to be written once more. What it let go itself
    /// is none of them: there a chain ends without its beginning.
    pub fn late(&self) -> Vec<&Record> {
        let booked = self.booked();
        let Some(cover) = booked.get(&self.own_key) else { return Vec::new() };
        let known = self.ancestors(&self.own_key, &[cover.head]);
        let own =
            || self.records.values().filter(|record| record.author == self.own_key && record.kind.chained());
        let is_late = |record: &&Record| {
            record.seq <= cover.seq && !known.contains(&record.id) && self.is_whole_to(record.id, &known)
        };
        let again = |record: &&Record| own().any(|other| other.seq > record.seq && other.body == record.body);
        let mut late: Vec<&Record> = own().filter(is_late).filter(|record| !again(record)).collect();
        late.sort_unstable_by_key(|record| (record.seq, record.id));
        late
    }

    /// Whether the chain behind a record leads to what is known, or to its first record.
    fn is_whole_to(&self, id: RecordId, known: &SortedSet<RecordId>) -> bool {
        let mut at = id;
        while !known.contains(&at) {
            match self.before(at) {
                Some(before) => at = before,
                None => return self.is_first(at),
            }
        }
        true
    }
}

/// Whether a record stands below a line.
pub(super) fn is_below(line: &SortedMap<[u8; 32], Cover>, record: &Record) -> bool {
    record.kind.chained() && line.get(&record.author).is_some_and(|cover| record.seq <= cover.seq)
}

/// Whether a voucher can still be used by somebody after this month, a day more on the side of the guest. A time of
/// doubtful quality ends none.
fn is_open(voucher: &Voucher, month: Month) -> bool {
    let days = match voucher.plan.measure {
        PlanMeasure::UsedSeconds { within_days, .. } => within_days.map(u32::from),
        PlanMeasure::DaysFromFirstUse { days } => Some(u32::from(days)),
        PlanMeasure::External => None,
    };
    let begun = voucher.activated.filter(|time| time.quality >= TimeQuality::Mesh);
    let days = days.unwrap_or(CLOSE_IDLE_DAYS).saturating_add(voucher.extended.days).saturating_add(1);
    let end = begun.map(|time| time.unix_s.saturating_add(u64::from(days) * DAY_S));
    let over = end.is_some_and(|end| Month::of(end) <= month);
    matches!(voucher.state(), VoucherState::Printed | VoucherState::Sold | VoucherState::Activated) && !over
}
