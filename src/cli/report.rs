//! `tequio report`: what a month brought, from records alone. Nothing is asked of a daemon.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::community::options::Options;
use super::ledger::{Source, read_source};
use crate::ledger::account::{Figure, NAMES, Total};
use crate::ledger::month::{Month, MonthReport};
use crate::ledger::text::fingerprint;
use crate::ledger::{Ledger, money};

mod sheet;

pub(super) const HELP: &str = "\
Usage: tequio report --month YYYY-MM [--csv|--json|--html]
       tequio report --verify FILE...

  --month YYYY-MM  what the month brought, by node, person and plan
  --state DIR      from a node's journal (/etc/tequio)
  --bundle FILE    from records that were exported
  --csv            for a spreadsheet; amounts are minor units
  --json           for programs
  --html           one sheet to print, in the community's language
  --verify         checks every signature in files of any communities

Example: tequio report --month 2026-11 --html > noviembre.html
";

/// Does what the words behind `report` say.
pub(super) fn run(parser: &mut lexopt::Parser) -> Result<String, String> {
    let values = ["month", "state", "bundle"];
    let flags = ["csv", "json", "html", "verify", "..."];
    let Some(options) = Options::parse(parser, "report", &values, &flags)? else {
        return Ok(HELP.to_owned());
    };
    if options.has("verify") {
        return verify(&options);
    }
    if let [word, ..] = options.words() {
        return Err(format!("`{word}` is one word too many: see `tequio report --help`"));
    }
    let month = options.required("month")?;
    let month =
        Month::parse(month).ok_or_else(|| format!("--month `{month}`: expected a month, like 2026-11"))?;
    let report = read_source(&Source::of(&options)?)?.month_report(month);
    match ["csv", "json", "html"].map(|form| options.has(form)) {
        [false, false, false] => Ok(table(&report)),
        [true, false, false] => Ok(csv(&report)),
        [false, true, false] => Ok(format!("{:#}\n", json!(report))),
        [false, false, true] => Ok(sheet::html(&report)),
        _ => Err("say one of --csv, --json and --html".to_owned()),
    }
}

/// The figures that people see, with their headings.
const COLUMNS: [(Figure, &str); 7] = [
    (Figure::Printed, "PRINTED"),
    (Figure::Held, "HELD"),
    (Figure::Sold, "SOLD"),
    (Figure::Activated, "USED"),
    (Figure::InKind, "IN KIND"),
    (Figure::Due, "DUE"),
    (Figure::Settled, "PAID"),
];

/// Whether a figure is an amount of money.
const fn is_money(figure: Figure) -> bool {
    figure as usize >= Figure::Taken as usize
}

/// An amount that may be less than nothing.
fn amount(value: i64, digits: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", money::format(value.unsigned_abs(), digits))
}

/// A figure as people read it.
fn cell(total: &Total, figure: Figure, digits: u8) -> String {
    let value = total.figures.of(figure);
    if is_money(figure) { amount(value, digits) } else { value.to_string() }
}

fn table(report: &MonthReport) -> String {
    let digits = report.minor_units;
    // Writing to a string cannot fail.
    let mut text = format!("{}, {}, amounts in {}\n\n", report.community, report.month, report.currency);
    let _ = write!(text, "{:<16} {:<14} {:<10}", "NODE", "PERSON", "PLAN");
    for (_, heading) in COLUMNS {
        let _ = write!(text, " {heading:>9}");
    }
    text.push('\n');
    for row in &report.rows {
        let _ = write!(text, "{:<16} {:<14} {:<10}", row.node, dash(&row.person), dash(&row.plan));
        for (figure, _) in COLUMNS {
            let _ = write!(text, " {:>9}", cell(row, figure, digits));
        }
        text.push('\n');
    }
    text.push_str("\nwho owes\n");
    for line in &report.people {
        let [before, due, settled, owed] =
            [line.owed_before, line.due, line.settled, line.owed].map(|value| amount(value, digits));
        let person = dash(&line.person);
        let _ = writeln!(text, "  {person:<16} before {before}, due {due}, paid {settled}, owes {owed}");
    }
    text.push_str("\npromised to\n");
    for row in &report.shares {
        let _ = writeln!(text, "  {:<16} {:<10} {}", row.person, row.plan, cell(row, Figure::Share, digits));
    }
    let _ = writeln!(
        text,
        "\ncash before {}, spent {}, got beside {}, cash {}",
        amount(report.cash_before, digits),
        amount(sum(report, Figure::Expenses), digits),
        amount(sum(report, Figure::Contributions), digits),
        amount(report.cash, digits)
    );
    if report.undated > 0 {
        let _ = writeln!(text, "{} records are of nodes that never knew the date", report.undated);
    }
    text
}

fn sum(report: &MonthReport, figure: Figure) -> i64 {
    report.rows.iter().map(|row| row.figures.of(figure)).sum()
}

fn dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn csv(report: &MonthReport) -> String {
    let mut text = format!("month,node,person,plan,{},owed\n", NAMES.join(","));
    for row in report.rows.iter().chain(&report.shares) {
        let words = [&report.month.to_string(), &row.node, &row.person, &row.plan];
        text.push_str(&words.map(|word| quoted(word)).join(","));
        for figure in row.figures.0 {
            let _ = write!(text, ",{figure}");
        }
        let _ = writeln!(text, ",{}", row.figures.owed());
    }
    text
}

/// A word of a spreadsheet: in quotes where it must be, and never a formula.
fn quoted(word: &str) -> String {
    let formula = word.starts_with(['=', '+', '-', '@']);
    let word = if formula { format!("'{word}") } else { word.to_owned() };
    if word.contains([',', '"', ';', '\n']) { format!("\"{}\"", word.replace('"', "\"\"")) } else { word }
}

/// Checks files of records, of one community or several: each signature, and what does not count.
fn verify(options: &Options) -> Result<String, String> {
    if options.words().is_empty() {
        return Err("--verify wants files: tequio report --verify FILE...".to_owned());
    }
    let mut lines = Vec::new();
    for file in options.words() {
        let ledger = read_source(&Source::Bundle(Path::new(file).to_owned()))?;
        lines.push((file, ledger));
    }
    if options.has("json") {
        let files: Vec<Value> = lines.iter().map(|(file, ledger)| verified(file, ledger)).collect();
        return Ok(format!("{:#}\n", json!(files)));
    }
    let mut text = String::new();
    for (file, ledger) in &lines {
        let report = ledger.report();
        let root = ledger.root().map_or_else(String::new, |root| fingerprint(&root));
        let _ = writeln!(
            text,
            "{file}: {}, root {root}, {} records, every signature is good, {} do not count, {} branch",
            report.community,
            report.records,
            report.uncounted.len(),
            report.branches.len()
        );
        let [taken, due, settled] = [Figure::Taken, Figure::Due, Figure::Settled]
            .map(|figure| report.totals.iter().map(|total| total.figures.of(figure)).sum())
            .map(|value| amount(value, report.minor_units));
        let _ = writeln!(text, "  taken {taken}, due {due}, paid {settled} {}", report.currency);
        for twice in &report.used_twice {
            let _ = writeln!(text, "  {twice}");
        }
    }
    Ok(text)
}

fn verified(file: &str, ledger: &Ledger) -> Value {
    json!({ "file": file, "root": ledger.root().map(|root| fingerprint(&root)), "report": ledger.report() })
}

#[cfg(test)]
mod tests;
