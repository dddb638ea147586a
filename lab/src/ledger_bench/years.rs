//! Three years of a village whose treasurer's node closes the books when they have grown: how large the ledger of a
//! node becomes in memory, and its journal on flash. Each coupon is a lot of its own, typed the day after at another node,
//! and used up; of three hundred one is never typed, and is good for ever.

use std::collections::VecDeque;

use tequio::base::limit::{CLOSE_AFTER_BYTES, LEDGER_ROOM_BYTES};
use tequio::base::time::WallTime;
use tequio::ledger::journal::{FRAME_HEAD, is_waste};
use tequio::ledger::month::Month;
use tequio::ledger::{Ledger, body::Body};

use super::book::Village;
use super::{COUPONS_A_DAY, NODES, NOON, allocated};
use crate::steps::on_processor_ms;

const DAYS: u64 = 3 * 365;
const DAY_S: u64 = 86_400;
/// How often in a day somebody looks at the room; the node does each hour.
const LOOKS: u64 = 6;
/// One of so many coupons is never typed.
const LOST: u64 = 300;

/// The most that was seen, in octets.
#[derive(Debug, Default)]
pub(super) struct Years {
    pub(super) ram: u64,
    pub(super) journal: u64,
    /// What counted when it was most.
    pub(super) live: u64,
    pub(super) close: u64,
    pub(super) closes: u64,
    /// Octets that were written because the journal was written anew.
    pub(super) anew: u64,
    /// The longest close, in seconds of a processor.
    pub(super) close_s: f64,
    /// What is in memory and counts at the end.
    pub(super) ram_at_end: u64,
    pub(super) live_at_end: u64,
}

/// The node whose ledger is looked at: it closes the books, and its journal has all records.
struct Node {
    ledger: Ledger,
    journal: u64,
    years: Years,
}

pub(super) fn play() -> Result<Years, String> {
    let before = allocated() as u64;
    let (founding, mut village) = Village::found(u8::try_from(NODES).unwrap_or(u8::MAX))?;
    let mut ledger = Ledger::new(village.treasurer(), 1);
    ledger.handle_journal(founding.iter().map(Vec::as_slice));
    drop(founding);
    let mut node = Node { journal: live(&ledger), ledger, years: Years::default() };
    let mut waiting: VecDeque<(u64, u64)> = VecDeque::new();
    let mut sold = 0;
    for look in 0..DAYS * LOOKS {
        let time = WallTime { unix_s: NOON.unix_s + look * DAY_S / LOOKS, ..NOON };
        for _ in 0..COUPONS_A_DAY * (look + 1) / LOOKS - COUPONS_A_DAY * look / LOOKS {
            node.take(&village.sell(time))?;
            waiting.push_back((look + LOOKS, sold));
            sold += 1;
        }
        while let Some((_, number)) = waiting.pop_front_if(|(at, _)| *at <= look) {
            if !number.is_multiple_of(LOST) {
                node.take(&village.take_up(number, time))?;
            }
        }
        node.look(&mut village, time)?;
        node.years.ram = node.years.ram.max((allocated() as u64).saturating_sub(before));
    }
    let booked: i64 = node.ledger.report().totals.iter().map(|total| total.figures.0[2]).sum();
    let wanted = i64::try_from(sold).unwrap_or(i64::MAX);
    if booked != wanted {
        return Err(format!("{booked} coupons stand in the books, {wanted} were sold"));
    }
    node.years.live_at_end = live(&node.ledger);
    drop((village, waiting));
    node.years.ram_at_end = (allocated() as u64).saturating_sub(before);
    Ok(node.years)
}

impl Node {
    fn take(&mut self, records: &[Vec<u8>]) -> Result<(), String> {
        self.journal += octets(records.iter().map(Vec::as_slice));
        match self.ledger.handle_journal(records.iter().map(Vec::as_slice)) {
            0 => Ok(()),
            refused => Err(format!("{refused} records make no sense")),
        }
    }

    /// As `node::books` does, of which each step can be read there.
    fn look(&mut self, village: &mut Village, time: WallTime) -> Result<(), String> {
        let this = Month::of(time.unix_s);
        let next =
            self.ledger.closes().last().map_or(0, |(_, close)| close.month + u32::from(close.day.is_none()));
        let (before, today) = (Month(this.0 - 1), u32::try_from(time.unix_s / DAY_S).ok());
        let began = on_processor_ms();
        if self.ledger.covered_anew(this, today) >= CLOSE_AFTER_BYTES {
            let ends = before.0 >= next && self.ledger.covered_anew(before, None) > 0;
            let (month, day) = if ends { (before, None) } else { (this, today) };
            let body: Body = self.ledger.close_body(month, day).map_err(str::to_owned)?;
            let draft = self.ledger.draft(body).map_err(|why| why.to_string())?;
            let record = self.ledger.complete(draft, [7; 64]);
            village.wrote(0, &record);
            self.journal += octets([record.as_slice()].into_iter());
            self.years.close = self.years.close.max(record.len() as u64);
            self.years.closes += 1;
            self.years.close_s = self.years.close_s.max((on_processor_ms() - began) / 1e3);
        }
        let size = self.ledger.records().map(|record| record.octets() as u64).sum::<u64>();
        if size > LEDGER_ROOM_BYTES {
            self.ledger.let_go();
        }
        let counts = live(&self.ledger);
        self.years.live = self.years.live.max(counts);
        self.years.journal = self.years.journal.max(self.journal);
        if is_waste(self.journal, counts) {
            // The old one is there until the new one is whole.
            self.years.journal = self.years.journal.max(self.journal + counts);
            self.years.anew += counts;
            self.journal = counts;
        }
        Ok(())
    }
}

fn live(ledger: &Ledger) -> u64 {
    ledger.held().map(|(_, id)| (ledger.octets_of(id) + FRAME_HEAD) as u64).sum()
}

fn octets<'a>(records: impl Iterator<Item = &'a [u8]>) -> u64 {
    records.map(|bytes| (bytes.len() + FRAME_HEAD) as u64).sum()
}
