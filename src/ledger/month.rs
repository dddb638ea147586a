//! What a month brought: the accounts, for the assembly.

use serde::{Serialize, Serializer};

use super::Ledger;
use super::account::{Figure, Figures, Total, difference};
use super::body::{Body, Close};
use super::record::{Record, RecordId};
use crate::base::limit::CLOSE_MONTHS;
use crate::base::sorted::{LargeMap, SortedMap};
use crate::base::time::{TimeQuality, WallTime};

/// A month of the calendar: year x 12 + month - 1, like records count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(pub u32);

/// What a month brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MonthReport {
    /// Name of the community.
    pub community: String,
    /// Its language.
    pub language: String,
    /// Currency of all amounts.
    pub currency: String,
    /// Digits behind the point of all amounts.
    pub minor_units: u8,
    /// Which month.
    pub month: Month,
    /// Rows by node, person and plan.
    pub rows: Vec<Total>,
    /// What is promised to others.
    pub shares: Vec<Total>,
    /// What each person owed, and owes.
    pub people: Vec<PersonLine>,
    /// What the community had before, and has at the end.
    pub cash_before: i64,
    /// The same at the end of the month.
    pub cash: i64,
    /// Records without any date near them: they stand before all months.
    pub undated: usize,
}

/// What one person owed before the month and owes at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PersonLine {
    /// Her name; nobody: the nodes themselves, for paper that nobody took away.
    pub person: String,
    /// What was owed before.
    pub owed_before: i64,
    /// The community's part of what she sold.
    pub due: i64,
    /// What she paid.
    pub settled: i64,
    /// What is owed at the end.
    pub owed: i64,
}

impl Month {
    /// Reads `2026-11`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let digits =
            |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
        (1..=12).contains(&month).then_some(Self(year * 12 + month - 1))
    }

    /// The month of a point of time.
    pub fn of(unix_s: u64) -> Self {
        // Days since 0000-03-01, a year that ends with its leap day: eras of 400 years have 146,097 days.
        let days = (unix_s / 86_400).min(u64::from(u32::MAX)) + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        // March is month 0 there.
        Self(u32::try_from((era * 400 + year) * 12 + month + 2).unwrap_or(u32::MAX))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Ledger {
    /// What a month brought, and what was before it.
    pub fn month_report(&self, month: Month) -> MonthReport {
        let (months, undated) = self.months();
        let until = |limit: Month| {
            let closes = self.closes();
            let ends = |close: &Close| close.month.saturating_add(u32::from(close.day.is_none())) >= limit.0;
            if closes.last().is_some_and(|(_, last)| ends(last)) {
                // A close stands for all months since the one before it; what comes late is of the month after it. Of
                // months whose closes are gone nothing is known but what they brought together.
                let before = closes.iter().rev().find(|(_, close)| close.month < limit.0);
                let base = closes.len().checked_sub(2).map_or(0, |at| closes[at].1.month);
                let first = || {
                    let old =
                        |close: &Close| close.month.saturating_add(CLOSE_MONTHS) <= base.saturating_add(1);
                    closes.first().filter(|(_, close)| close.number > 1 && old(close))
                };
                return before.or_else(first).map(|(_, close)| close.tally()).unwrap_or_default();
            }
            self.tally(&|record: &Record| months.get(&record.id).is_none_or(|month| *month < limit))
        };
        let before = until(month);
        let after = until(Month(month.0.saturating_add(1)));
        let mut people: SortedMap<String, (Figures, Figures)> = SortedMap::new();
        let (mut cash_before, mut cash) = (0_i64, 0_i64);
        for ((_, person, _), figures) in &before {
            cash_before = cash_before.saturating_add(figures.cash());
            people.entry(person.clone()).or_default().0.add(figures, 1);
        }
        for ((_, person, _), figures) in &after {
            cash = cash.saturating_add(figures.cash());
            people.entry(person.clone()).or_default().1.add(figures, 1);
        }
        let line = |(person, (before, after)): (String, (Figures, Figures))| PersonLine {
            person,
            owed_before: before.owed(),
            due: after.of(Figure::Due) - before.of(Figure::Due),
            settled: after.of(Figure::Settled) - before.of(Figure::Settled),
            owed: after.owed(),
        };
        let people = people
            .into_iter()
            .map(line)
            .filter(|line| (line.owed_before, line.due, line.settled, line.owed) != (0, 0, 0, 0));
        let people = people.collect();
        let all = self.rows(difference(after, &before));
        let (shares, rows) = all.into_iter().partition(|total| total.figures.of(Figure::Share) != 0);
        let charter = self.charter();
        MonthReport {
            community: charter.map(|charter| charter.name.clone()).unwrap_or_default(),
            language: charter.and_then(|charter| charter.languages.first().cloned()).unwrap_or_default(),
            currency: charter.map(|charter| charter.currency.clone()).unwrap_or_default(),
            minor_units: charter.map_or(0, |charter| charter.minor_units),
            month,
            rows,
            shares,
            people,
            cash_before,
            cash,
            undated,
        }
    }

    /// The month of each record: its own date if somebody's good clock gave it, else that of the author's record
    /// before it, else of the one behind it. Authors who never knew the date stand in no month; how many
    /// of their records speak of money is told.
    pub(super) fn months(&self) -> (LargeMap<RecordId, Month>, usize) {
        let mut order: Vec<(&[u8; 32], u64, RecordId, Option<Month>)> = self
            .records
            .values()
            .map(|record| (&record.author, record.seq, record.id, dated(record)))
            .collect();
        order.sort_unstable();
        let mut months = SortedMap::new();
        let mut undated = 0;
        for records in order.chunk_by(|one, next| one.0 == next.0) {
            let mut month = records.iter().find_map(|(_, _, _, month)| *month);
            for (_, _, id, own) in records {
                month = own.or(month);
                match month {
                    Some(month) => drop(months.insert(*id, month)),
                    None => {
                        let kind = self.records.get(id).map(|record| record.kind);
                        undated += usize::from(kind.is_some_and(|kind| !kind.is_authority()));
                    }
                }
            }
        }
        (months, undated)
    }
}

fn dated(record: &Record) -> Option<Month> {
    let time: WallTime = match &record.body {
        Body::Sale(body) => body.time,
        Body::Activation(body) => body.begin,
        Body::InKind(body) => body.time,
        Body::HandOver(body) => body.time,
        Body::Settlement(body) => body.time,
        Body::Expense(body) | Body::Contribution(body) => body.time,
        _ => return None,
    };
    (time.quality > TimeQuality::Stale).then(|| Month::of(time.unix_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        for (unix_s, text) in [
            (0, "1970-01"),
            (951_782_399, "2000-02"),
            (951_782_400, "2000-02"),
            (951_868_800, "2000-03"),
            (4_107_542_400, "2100-03"),
            (1_798_761_599, "2026-12"),
            (1_798_761_600, "2027-01"),
        ] {
            assert_eq!(Month::of(unix_s).to_string(), text);
            assert_eq!(Month::parse(text), Some(Month::of(unix_s)));
        }
        for text in ["2026", "2026-13", "2026-00", "26-01", "2026-1", "+026-01", "2026-1a", ""] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
        let _ = Month::of(u64::MAX);
    }
}
