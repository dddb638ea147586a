//! Three years of a village whose treasurer closes each month: how large the ledger of a node grows in memory, and its
//! journal on flash. Of fifty coupons one is never typed; the others are used up in the month in which they were sold.

use tequio::base::limit::{JOURNAL_WASTE_BYTES, LEDGER_ROOM_BYTES};
use tequio::base::time::WallTime;
use tequio::ledger::Ledger;
use tequio::ledger::journal::FRAME_HEAD;
use tequio::ledger::month::Month;

use super::book::{LOT, Shop};
use super::{COUPONS_A_DAY, NOON, allocated};

const MONTHS: u32 = 36;
const DAYS_A_MONTH: u64 = 30;
const DAY_S: u64 = 86_400;
/// One of so many coupons is never typed.
const LOST: u64 = 50;

/// The largest that was seen, in octets.
#[derive(Debug, Default)]
pub(super) struct Years {
    pub(super) ram: u64,
    pub(super) journal: u64,
    /// What counted when it was most.
    pub(super) live: u64,
    /// What counts and what is in memory behind the last close.
    pub(super) live_at_end: u64,
    pub(super) ram_at_end: u64,
}

pub(super) fn play() -> Result<Years, String> {
    let before = allocated() as u64;
    let (founding, mut shop) = Shop::found()?;
    let mut ledger = Ledger::new(shop.keys[1].verifying_key().to_bytes(), 1);
    ledger.handle_journal(founding.iter().map(Vec::as_slice));
    drop(founding);
    let mut years = Years::default();
    let mut journal = live(&ledger);
    let mut lot = 0;
    let first = Month::of(NOON.unix_s);
    for month in 0..MONTHS {
        for day in 0..DAYS_A_MONTH {
            let unix_s = NOON.unix_s + (u64::from(month) * DAYS_A_MONTH + day) * DAY_S;
            let time = WallTime { unix_s, ..NOON };
            for _ in 0..COUPONS_A_DAY / LOT + u64::from(day % 2) {
                let records = shop.lot(lot, time, LOST);
                lot += 1;
                journal += records.iter().map(|record| (record.len() + FRAME_HEAD) as u64).sum::<u64>();
                if ledger.handle_journal(records.iter().map(Vec::as_slice)) > 0 {
                    return Err(format!("records of lot {lot} make no sense"));
                }
            }
            let counts = live(&ledger);
            years.live = years.live.max(counts);
            years.ram = years.ram.max((allocated() as u64).saturating_sub(before));
            if journal > counts.saturating_mul(2).saturating_add(JOURNAL_WASTE_BYTES) {
                // The old one is there until the new one is whole.
                years.journal = years.journal.max(journal + counts);
                journal = counts;
            }
            years.journal = years.journal.max(journal);
        }
        let body = ledger.close_body(Month(first.0 + month)).map_err(str::to_owned)?;
        let draft = ledger.draft(body).map_err(|why| why.to_string())?;
        let record = ledger.complete(draft, [7; 64]);
        journal += (record.len() + FRAME_HEAD) as u64;
        if live(&ledger) > LEDGER_ROOM_BYTES {
            ledger.let_go();
        }
    }
    let sold: i64 = ledger.report().totals.iter().map(|total| total.figures.0[2]).sum();
    let wanted = i64::try_from(lot * LOT).unwrap_or(i64::MAX);
    if sold != wanted {
        return Err(format!("{sold} coupons stand in the books, {wanted} were sold"));
    }
    years.live_at_end = live(&ledger);
    years.ram_at_end = (allocated() as u64).saturating_sub(before);
    Ok(years)
}

fn live(ledger: &Ledger) -> u64 {
    let records = ledger.held().filter_map(|(_, id)| ledger.bytes_of(id));
    records.map(|bytes| (bytes.len() + FRAME_HEAD) as u64).sum()
}
