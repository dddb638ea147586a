//! Figures in words that people use.

use serde_json::Value;

/// What stands where nothing is known.
pub(super) const NOTHING: &str = "-";

/// A text, number or truth of a reply, as it is; [`NOTHING`] if it is absent or null.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// The text as HTML shows it, between tags and in quotes: names come from people, and nothing of them is a tag.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A cost or metric; null is infinite.
pub(super) fn cost(value: &Value) -> String {
    if value.is_null() { "infinite".to_owned() } else { plain(value) }
}

/// Seconds as the two largest units that matter.
pub(super) fn seconds(value: &Value) -> String {
    let Some(seconds) = value.as_u64() else { return plain(value) };
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let (large, small) = match (days, hours, minutes) {
        (0, 0, 0) => (format!("{seconds} s"), None),
        (0, 0, _) => (format!("{minutes} min"), Some((seconds % 60, "s"))),
        (0, _, _) => (format!("{hours} h"), Some((minutes % 60, "min"))),
        _ => (format!("{days} d"), Some((hours % 24, "h"))),
    };
    match small {
        Some((count, unit)) if count > 0 => format!("{large} {count} {unit}"),
        _ => large,
    }
}

/// Milliseconds, as seconds with one digit behind the point.
pub(super) fn millis(value: &Value) -> String {
    match value.as_u64() {
        Some(millis) if millis < 60_000 => format!("{}.{} s", millis / 1_000, millis / 100 % 10),
        Some(millis) => seconds(&Value::from(millis / 1_000)),
        None => plain(value),
    }
}

/// Octets in the unit that keeps the figure short.
pub(super) fn octets(value: &Value) -> String {
    let Some(octets) = value.as_u64() else { return plain(value) };
    let mut unit = 1_u64;
    let mut names = ["B", "kB", "MB", "GB", "TB"].iter();
    let mut name = names.next().unwrap_or(&"B");
    while octets / unit >= 1_000 {
        let Some(next) = names.next() else { break };
        (unit, name) = (unit * 1_000, next);
    }
    match unit {
        1 => format!("{octets} B"),
        _ => format!("{}.{} {name}", octets / unit, octets % unit / (unit / 10)),
    }
}

/// An amount in minor units of a currency, with its point where it belongs.
pub(super) fn money(amount: &Value, minor_units: &Value, currency: &Value) -> String {
    let (Some(amount), Some(digits)) = (amount.as_u64(), minor_units.as_u64()) else { return plain(amount) };
    let digits = u32::try_from(digits.min(6)).unwrap_or(6);
    let unit = 10_u64.pow(digits);
    let figure = match digits {
        0 => amount.to_string(),
        _ => format!("{}.{:0wide$}", amount / unit, amount % unit, wide = digits as usize),
    };
    match currency.as_str() {
        Some(currency) if !currency.is_empty() => format!("{figure} {currency}"),
        _ => figure,
    }
}

/// A point of time, in UTC.
pub(super) fn calendar(value: &Value) -> String {
    let Some(unix_s) = value.as_u64().filter(|seconds| *seconds < LAST_UNIX_S) else { return plain(value) };
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02} UTC", second % 60)
}

/// The Gregorian date, that many days after 1970-01-01. Years are counted from March, so that the day
/// that comes and goes is the last one of a year.
pub(super) fn date(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01; 146,097 days make 400 years, after which all repeats.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Five months from March on have 153 days, always.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + next_year, month, day)
}

/// 10000-01-01: what is later is no date that anybody means.
const LAST_UNIX_S: u64 = 253_402_300_800;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_said_as_people_say_them() {
        let said: Vec<String> = [5, 65, 3_600, 90_061, 2_592_000].map(|s| seconds(&json!(s))).into();
        assert_eq!(said, ["5 s", "1 min 5 s", "1 h", "1 d 1 h", "30 d"]);
        let said: Vec<String> = [0, 999, 1_000, 1_234_567, u64::MAX].map(|o| octets(&json!(o))).into();
        assert_eq!(said, ["0 B", "999 B", "1.0 kB", "1.2 MB", "18446744.0 TB"]);
        assert_eq!(millis(&json!(3_870)), "3.8 s");
        assert_eq!(millis(&json!(120_000)), "2 min");
        assert_eq!(money(&json!(50), &json!(2), &json!("USD")), "0.50 USD");
        assert_eq!(money(&json!(1_000), &json!(0), &json!("JPY")), "1000 JPY");
        assert_eq!(money(&json!(5), &json!(2), &Value::Null), "0.05");
        assert_eq!(money(&json!(50), &Value::Null, &json!("USD")), "50");
        assert_eq!(cost(&Value::Null), "infinite");
        assert_eq!(plain(&Value::Null), "-");
    }

    #[test]
    fn dates_fall_on_their_days() {
        let said = |unix_s: u64| calendar(&json!(unix_s));
        assert_eq!(said(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(said(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(said(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(said(951_868_800), "2000-03-01 00:00:00 UTC");
        assert_eq!(said(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(said(1_795_199_788), "2026-11-20 18:36:28 UTC");
        assert_eq!(said(u64::MAX), u64::MAX.to_string());
    }
}
