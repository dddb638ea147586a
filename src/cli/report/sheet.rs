//! The month as one sheet to print: HTML without scripts, images or addresses of elsewhere.

use std::fmt::Write;

use super::{Figure, MonthReport, amount, cell, dash, sum};
use crate::cli::escaped;

/// The words of a sheet, in the order of [`WORDS`]' use.
type Words = [&'static str; 18];

const ENGLISH: Words = [
    "Accounts",
    "Amounts in",
    "Node",
    "Person",
    "Plan",
    "Printed",
    "Held",
    "Sold",
    "Used",
    "In kind",
    "Due",
    "Paid",
    "Owed before",
    "Owes",
    "Promised to",
    "Cash before",
    "Spent",
    "Cash",
];
const SPANISH: Words = [
    "Cuentas",
    "Montos en",
    "Nodo",
    "Persona",
    "Plan",
    "Impresos",
    "En mano",
    "Vendidos",
    "Usados",
    "En especie",
    "Por entregar",
    "Entregado",
    "Debía antes",
    "Debe",
    "Prometido a",
    "Caja antes",
    "Gastos",
    "Caja",
];

const FIGURES: [Figure; 7] = [
    Figure::Printed,
    Figure::Held,
    Figure::Sold,
    Figure::Activated,
    Figure::InKind,
    Figure::Due,
    Figure::Settled,
];

/// The whole sheet, in the community's language where we speak it, else in English.
pub(super) fn html(report: &MonthReport) -> String {
    let spanish = report.language.starts_with("es");
    let words = if spanish { &SPANISH } else { &ENGLISH };
    let digits = report.minor_units;
    let title = format!("{} {} {}", words[0], escaped(&report.community), report.month);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>{STYLE}</style>\
         </head><body>\n<h1>{title}</h1>\n<p>{} {}</p>\n",
        if spanish { "es" } else { "en" },
        words[1],
        escaped(&report.currency)
    );
    let rows = report.rows.iter().map(|row| {
        let mut cells = [&row.node, &row.person, &row.plan].map(|word| escaped(dash(word))).to_vec();
        cells.extend(FIGURES.map(|figure| cell(row, figure, digits)));
        cells
    });
    table(&mut text, &words[2..12], 3, rows);
    let people = report.people.iter().map(|line| {
        let figures =
            [line.owed_before, line.due, line.settled, line.owed].map(|value| amount(value, digits));
        std::iter::once(escaped(dash(&line.person))).chain(figures).collect()
    });
    table(&mut text, &[words[3], words[12], words[10], words[11], words[13]], 1, people);
    let shares = report
        .shares
        .iter()
        .map(|row| vec![escaped(&row.person), escaped(&row.plan), cell(row, Figure::Share, digits)]);
    table(&mut text, &[words[14], words[4], words[10]], 2, shares);
    let cash = [report.cash_before, sum(report, Figure::Expenses), report.cash];
    let cash = cash.map(|value| amount(value, digits)).to_vec();
    table(&mut text, &words[15..18], 0, std::iter::once(cash));
    text.push_str("</body></html>\n");
    text
}

/// A table whose first `names` columns are no figures.
fn table(text: &mut String, headings: &[&str], names: usize, rows: impl Iterator<Item = Vec<String>>) {
    let class = |at: usize| if at < names { "" } else { " class=n" };
    text.push_str("<table><tr>");
    for (at, heading) in headings.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "<th{}>{heading}</th>", class(at));
    }
    text.push_str("</tr>\n");
    for row in rows {
        text.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let _ = write!(text, "<td{}>{cell}</td>", class(at));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table>\n");
}

const STYLE: &str = "body{font:11pt sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}\
th,td{border:1px solid #888;padding:.2em .6em;text-align:left}.n{text-align:right}";
