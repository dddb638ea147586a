//! Closes: the books up to a line, author by author.
//!
//! A close names the one before it, how far it covers each author's chained records, what came together, and the lots that
//! still have good vouchers. Of two closes behind one the lower id counts; what only the other one covered stands above the
//! line, and is booked in the next month. An author that finds a record of its own below the line which the close did not
//! know writes it once more. Nothing is let go yet: all records are kept.

use super::Ledger;
use super::body::{Body, Close, ClosedTotal, Cover};
use super::kind::Kind;
use super::month::Month;
use super::record::{Record, RecordId};
use super::{Voucher, VoucherState};
use crate::base::sorted::SortedMap;
use crate::base::voucher::LotId;

impl Ledger {
    /// The closes that count, the first one first.
    pub fn closes(&self) -> Vec<(RecordId, &Close)> {
        let mut chain: Vec<(RecordId, &Close)> = Vec::new();
        loop {
            let last = chain.last().map(|(id, _)| *id);
            // Records of a kind come in the order of their ids: the first one is the lowest.
            let next = self.of_kind(Kind::Close).find_map(|record| match &record.body {
                Body::Close(close) if close.follows == last && self.authority.entitled(record) => {
                    Some((record.id, close))
                }
                _ => None,
            });
            match next {
                Some(next) => chain.push(next),
                None => return chain,
            }
        }
    }

    /// A close of everything that is known now.
    pub fn close_body(&self, month: Month) -> Body {
        let follows = self.closes().last().map(|(id, _)| *id);
        let cover = |(author, tip): (&[u8; 32], &super::Tip)| {
            tip.chained.map(|(seq, head)| Cover { author: *author, head, seq })
        };
        let totals = self.tally(&|_| true).into_iter().map(|((node, person, plan), figures)| ClosedTotal {
            node,
            person,
            plan,
            figures: figures.0.to_vec(),
        });
        let covers = self.tips.iter().filter_map(cover).collect();
        let totals = totals.filter(|row| row.figures.iter().any(|figure| *figure != 0)).collect();
        Body::Close(Close { follows, month: month.0, covers, totals, open: self.open_lots() })
    }

    /// Counted lots with a voucher that is still good.
    fn open_lots(&self) -> Vec<LotId> {
        let lots = self.counted_lots.iter().filter_map(|id| self.lot_of(self.records.get(id)?));
        let is_good = |voucher: Voucher| {
            matches!(voucher.state(), VoucherState::Printed | VoucherState::Sold | VoucherState::Activated)
        };
        let open = lots.filter(|(lot, issue)| {
            issue.verifiers.iter().any(|one| self.voucher_in(*one, lot, issue).is_some_and(is_good))
        });
        let mut open: Vec<LotId> = open.map(|(_, issue)| issue.lot).collect();
        open.sort_unstable();
        open.dedup();
        open
    }

    /// Whether the last close covers a record.
    pub fn is_covered(&self, record: &Record) -> bool {
        self.line().get(&record.author).is_some_and(|cover| record.kind.chained() && record.seq <= cover.seq)
    }

    /// Records of this node below the line that the close did not know: to be written once more.
    pub fn late(&self) -> Vec<&Record> {
        let line = self.line();
        let Some(cover) = line.get(&self.own_key) else { return Vec::new() };
        let known = self.ancestors(&self.own_key, &[cover.head]);
        let own =
            self.records.values().filter(|record| record.author == self.own_key && record.kind.chained());
        own.filter(|record| record.seq <= cover.seq && !known.contains(&record.id)).collect()
    }

    fn line(&self) -> SortedMap<[u8; 32], Cover> {
        let closes = self.closes();
        let covers = closes.last().map_or(&[][..], |(_, close)| &close.covers);
        covers.iter().map(|cover| (cover.author, *cover)).collect()
    }
}
