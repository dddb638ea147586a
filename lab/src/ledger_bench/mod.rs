//! `lab bench-ledger`: what the ledger costs in octets, seconds, memory and flash. Figures that a limit stands for are
//! held against it; one that is missed is said, and the program fails only if it cannot measure.

mod book;
pub mod work;
mod years;

use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value};
use tequio::base::time::{TimeQuality, WallTime};
use tequio::ledger::{Kind, Ledger, Record, journal};

use self::book::Book;
use crate::failure::{Failure, Outcome, io};
use crate::replicas::spread;
use crate::talk::Talk;

const NOON: WallTime = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
/// Coupons of the ledger that is repaired, started, and weighed.
const VOUCHERS: u64 = 20_000;
/// A village sells so many a day, on so many nodes.
const COUPONS_A_DAY: u64 = 250;
const NODES: u64 = 19;
/// The busiest node: sales and first uses of a day.
const SALES: u64 = 60;
const FIRST_USES: u64 = 120;
/// Its pages of counters that change in an hour.
const PAGES_AN_HOUR: u64 = 3;
/// What an fsync costs beside its octets: a page of flash.
const FSYNC_BYTES: u64 = 2_048;

/// One figure, and the most that it may be.
struct Figure {
    name: &'static str,
    value: f64,
    limit: Option<f64>,
}

/// Parts of the bench, by their names.
type Part = (&'static str, fn(&mut Vec<Figure>) -> Result<(), String>);
const PARTS: [Part; 5] = [
    ("repairs", repairs),
    ("spread", spread),
    ("memory", memory_and_start),
    ("flash", flash),
    ("years", three_years),
];

/// Measures all parts or one, prints, and writes one flat object.
pub fn run(json: Option<&Path>, only: Option<&str>) -> Outcome<()> {
    if cfg!(not(target_env = "gnu")) {
        return Err(Failure::new(
            "glibc, whose allocator counts",
            "another C library: only --work runs here",
        ));
    }
    let mut figures = Vec::new();
    let failure = |why: String| Failure::new("a figure", why);
    for (_, measure) in PARTS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        measure(&mut figures).map_err(failure)?;
    }
    if figures.is_empty() {
        return Err(Failure::new("a part of the bench", only.unwrap_or_default()));
    }
    let mut object = Map::new();
    println!("{:<24} {:>14} {:>10}", "figure", "value", "limit");
    for Figure { name, value, limit } in figures {
        let said = limit.map_or_else(String::new, |limit| {
            format!("{limit:>10} {}", if value <= limit { "holds" } else { "MISSED" })
        });
        println!("{name:<24} {value:>14.3} {said}");
        object.insert(name.to_owned(), Value::from(value));
    }
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&Value::Object(object)).unwrap_or_default();
        std::fs::write(path, text + "\n").map_err(io(format!("to write {}", path.display())))?;
    }
    Ok(())
}

/// Octets of a stream on which one side lacks the last few records, the records themselves among them.
fn repairs(figures: &mut Vec<Figure>) -> Result<(), String> {
    let book = Book::of(VOUCHERS, 1_000)?;
    for (name, lacks) in [("repair_octets_1", 1), ("repair_octets_10", 10), ("repair_octets_1000", 1_000)] {
        let (mut whole, mut poor) = (book.ledger(0, 0), book.ledger(1, lacks));
        let mut talk = Talk::new(&mut whole, book.dh[0], &mut poor);
        let waits_s = talk.until_equal();
        let waits_s = waits_s
            .ok_or_else(|| format!("two ledgers that differ by {lacks} records did not become equal"))?;
        let value = talk.octets as f64;
        figures.push(Figure { name, value, limit: None });
        if lacks == 1_000 {
            // Comparisons are two seconds apart; signatures and the way are not in it.
            figures.push(Figure { name: "repair_waits_1000_s", value: waits_s as f64, limit: None });
        }
    }
    Ok(())
}

fn spread(figures: &mut Vec<Figure>) -> Result<(), String> {
    for (name, boxes, limit) in [("spread_s", 19, Some(1.0)), ("spread_200_s", 200, None)] {
        let mut worst: f64 = 0.0;
        for seed in 1..=3 {
            worst = worst.max(spread::spread_s(boxes, seed)?);
        }
        figures.push(Figure { name, value: worst, limit });
    }
    Ok(())
}

fn memory_and_start(figures: &mut Vec<Figure>) -> Result<(), String> {
    let book = Book::of(VOUCHERS, 0)?;
    let key = [5; 32];
    let mut bytes = journal::HEADER.to_vec();
    book.records.iter().for_each(|record| bytes.extend(journal::frame(&key, record)));
    let began = Instant::now();
    let scan = journal::scan(&key, &bytes).map_err(|why| why.to_string())?;
    let mut ledger = Ledger::new([0; 32], 1);
    let refused = ledger.handle_journal(scan.records.iter().map(|range| &bytes[range.clone()]));
    let took = began.elapsed().as_secs_f64();
    let known = ledger.record_count() as u64;
    if refused > 0 || known < VOUCHERS {
        return Err(format!("{known} records were read, {refused} refused"));
    }
    figures.push(Figure { name: "start_20000_s", value: took, limit: None });
    drop(ledger);
    // The same in two steps: as they are printed and sold, and with first uses and counters.
    let is_paper = |bytes: &&Vec<u8>| {
        Record::parse(bytes).is_ok_and(|record| !matches!(record.kind, Kind::Activation | Kind::Usage))
    };
    let (paper, used): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) = book.records.iter().partition(is_paper);
    let before = allocated();
    let mut ledger = Ledger::new([0; 32], 1);
    ledger.handle_journal(paper.iter().map(|record| record.as_slice()));
    let sold = allocated().saturating_sub(before) as f64 / VOUCHERS as f64;
    ledger.handle_journal(used.iter().map(|record| record.as_slice()));
    let all = allocated().saturating_sub(before) as f64 / VOUCHERS as f64;
    figures.push(Figure { name: "ram_per_voucher_b", value: sold, limit: Some(200.0) });
    figures.push(Figure { name: "ram_per_used_voucher_b", value: all, limit: None });
    let octets: usize = book.records.iter().map(Vec::len).sum();
    figures.push(Figure {
        name: "octets_per_used_voucher",
        value: octets as f64 / VOUCHERS as f64,
        limit: None,
    });
    let full_after = tequio::base::limit::LEDGER_RECORDS as f64 / (known as f64 / VOUCHERS as f64);
    figures.push(Figure { name: "full_after_days", value: full_after / COUPONS_A_DAY as f64, limit: None });
    Ok(())
}

/// By the node's rules (`node::stores`, `node::guests`, `node::exchange`) from the sizes of real records: a sale is two
/// records and an fsync, a first use two and an fsync. What others wrote comes each hour, with the own pages of counters
/// that changed in it: pages fill in the order of first uses, so most that end are on the newest two, and one older page
/// goes on. The pages of others come once a day. That the journal is written anew now and then is a figure of its own.
fn flash(figures: &mut Vec<Figure>) -> Result<(), String> {
    let sizes = work::sizes().map_err(|why| why.to_string())?;
    let frame = |record: u64| record + journal::FRAME_HEAD as u64;
    let own = SALES * (frame(sizes.lot) + frame(sizes.sale))
        + FIRST_USES * (frame(sizes.first_use) + frame(sizes.device));
    let own_pages = 24 * PAGES_AN_HOUR * frame(sizes.page);
    let foreign_sales = COUPONS_A_DAY - SALES;
    let others =
        foreign_sales * (frame(sizes.lot) + frame(sizes.sale) + frame(sizes.first_use) + frame(sizes.device));
    let foreign_pages = (NODES - 1) * frame(sizes.page);
    let written = own + own_pages + others + foreign_pages;
    let syncs = 24 + 1;
    let day = written + (SALES + FIRST_USES + syncs) * FSYNC_BYTES;
    figures.push(Figure { name: "flash_day_kb", value: day as f64 / 1_024.0, limit: Some(1_024.0) });
    figures.push(Figure { name: "fsyncs_day", value: syncs as f64, limit: Some(50.0) });
    Ok(())
}

/// A village whose books are closed when they have grown; what is held against a limit is the most of all that time.
fn three_years(figures: &mut Vec<Figure>) -> Result<(), String> {
    let years = years::play()?;
    let kb = |octets: u64| octets as f64 / 1_024.0;
    figures.push(Figure { name: "ram_3y_kb", value: kb(years.ram), limit: Some(3_072.0) });
    figures.push(Figure { name: "ram_3y_end_kb", value: kb(years.ram_at_end), limit: None });
    figures.push(Figure { name: "flash_3y_kb", value: kb(years.journal), limit: Some(4_096.0) });
    figures.push(Figure { name: "octets_3y_kb", value: kb(years.live), limit: None });
    figures.push(Figure { name: "octets_3y_end_kb", value: kb(years.live_at_end), limit: None });
    figures.push(Figure { name: "closes_3y", value: years.closes as f64, limit: None });
    figures.push(Figure { name: "close_kb", value: kb(years.close), limit: None });
    figures.push(Figure { name: "close_s", value: years.close_s, limit: None });
    figures.push(Figure { name: "anew_3y_kb", value: kb(years.anew), limit: None });
    Ok(())
}

/// Octets of this program that are allocated and not freed.
#[cfg(target_env = "gnu")]
fn allocated() -> usize {
    // SAFETY: it reads the allocator's own counts and takes no argument.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

/// Asked by nobody: [`run`] begins only where the allocator counts. A router's C library has but the instructions counted.
#[cfg(not(target_env = "gnu"))]
fn allocated() -> usize {
    0
}
