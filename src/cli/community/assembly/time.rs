//! `time`: the least that any clock of the community may say.

use serde_json::json;

use super::expel::open;
use crate::cli::community::options::Options;
use crate::cli::words::{calendar, date};
use crate::ledger::Body;
use crate::ledger::body::Time;

/// `tequio community time`
pub(super) fn time(options: &Options) -> Result<String, String> {
    let text = options.required("floor")?;
    let wrong = || format!("--floor `{text}` is no day: expected one like 2026-11-22, from 2024 to 2100");
    let floor_unix_s =
        day(text).filter(|(year, _)| (2_024..=2_100).contains(year)).ok_or_else(wrong)?.1 * 86_400;
    let mut assembly = open(options)?;
    let (before, _) = assembly.ledger.time_record();
    let number = before.checked_add(1).ok_or("there have been too many of these")?;
    assembly.write(Body::Time(Time { number, floor_unix_s }))?;
    assembly.save()?;
    if options.has("json") {
        return Ok(format!("{:#}\n", json!({ "number": number, "floor_unix_s": floor_unix_s })));
    }
    Ok(format!(
        "Word {number} about the time: no clock of the community may say less than {}.\nIt sets none, and takes the place of \
         what nodes held until now. Carry the records to the nodes: each that hears one of them knows it.\n",
        calendar(&json!(floor_unix_s))
    ))
}

/// The year, and the days after 1970-01-01, of a day like `2026-11-22`.
fn day(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1_970..10_000).contains(&year) {
        return None;
    }
    // No day is earlier in its year than this one; the rest is looked for.
    let first = (year - 1_970) * 365;
    (first..first + 2_400).find(|days| date(*days) == (year, month, day)).map(|days| (year, days))
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn only_days_that_were_are_days() {
        let days = |text: &str| day(text).map(|(_, days)| days);
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("2000-02-29"), Some(11_016));
        assert_eq!(days("2026-11-22"), Some(20_779));
        assert_eq!(days("9999-12-31"), Some(2_932_896));
        for wrong in [
            "2026-02-29",
            "2026-11-31",
            "2026-0-1",
            "2026-11",
            "2026-11-22-1",
            "",
            "-1-1-1",
            "1969-12-31",
            "ayer",
        ] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
