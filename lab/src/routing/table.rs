//! The figures of a run: collected, judged against the bars, printed.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::speaker::Speaker;

/// All values of all figures; a run without an end is infinite.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<(String, Speaker), Vec<f64>>);

impl Figures {
    pub(super) fn note(&mut self, figure: &str, speaker: Speaker, value: f64) {
        self.0.entry((figure.to_string(), speaker)).or_default().push(value);
    }

    fn median(&self, figure: &str, speaker: Speaker) -> Option<f64> {
        let mut sorted = self.0.get(&(figure.to_string(), speaker))?.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        Some(if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        })
    }

    fn worst(&self, figure: &str, speaker: Speaker) -> Option<f64> {
        self.0.get(&(figure.to_string(), speaker))?.iter().copied().max_by(f64::total_cmp)
    }

    fn cell(&self, figure: &str, speaker: Speaker) -> String {
        let (Some(median), Some(worst)) = (self.median(figure, speaker), self.worst(figure, speaker)) else {
            return "-".to_string();
        };
        let all = &self.0[&(figure.to_string(), speaker)];
        let endless = all.iter().filter(|value| value.is_infinite()).count();
        let mut cell =
            if all.len() == 1 { number(median) } else { format!("{} / {}", number(median), number(worst)) };
        if endless > 0 {
            let _ = write!(cell, " ({endless} of {} never)", all.len());
        }
        cell
    }
}

/// One flat object: the median as `figure.speaker`, the worst as `figure_worst.speaker`; null is a run without an end.
pub(super) fn json(figures: &Figures) -> Value {
    let mut all = Map::new();
    for (figure, speaker) in figures.0.keys() {
        let name = speaker.name();
        all.insert(format!("{figure}.{name}"), json!(figures.median(figure, *speaker)));
        all.insert(format!("{figure}_worst.{name}"), json!(figures.worst(figure, *speaker)));
    }
    Value::Object(all)
}

/// The table, and whether every bar holds whose figures are there.
pub(super) fn print(figures: &Figures, speakers: &[Speaker]) -> (String, bool) {
    let mut text = "| figure (median / worst) |".to_string();
    for speaker in speakers {
        let _ = write!(text, " {} |", speaker.name());
    }
    text.push_str(" bar | |\n|---|");
    text.push_str(&"---|".repeat(speakers.len() + 2));
    text.push('\n');
    let mut holds = true;
    for row in ROWS {
        if speakers.iter().all(|speaker| figures.median(row.figure, *speaker).is_none()) {
            continue;
        }
        let _ = write!(text, "| `{}` |", row.figure);
        for speaker in speakers {
            let _ = write!(text, " {} |", figures.cell(row.figure, *speaker));
        }
        let verdict = match row.bar.holds(row.figure, figures) {
            None => "",
            Some(true) => "holds",
            Some(false) => "**MISSED**",
        };
        holds &= verdict != "**MISSED**";
        let _ = writeln!(text, " {} | {verdict} |", row.bar.words());
    }
    (text, holds)
}

/// What our median is held against.
#[derive(Clone, Copy, Debug)]
enum Bar {
    AtMost(f64),
    WorstAtMost(f64),
    Times(f64, Speaker),
    None,
}

impl Bar {
    fn holds(self, figure: &str, figures: &Figures) -> Option<bool> {
        let ours = figures.median(figure, Speaker::Ours)?;
        match self {
            Self::AtMost(limit) => Some(ours <= limit),
            Self::WorstAtMost(limit) => Some(figures.worst(figure, Speaker::Ours)? <= limit),
            Self::Times(times, peer) => Some(ours <= times * figures.median(figure, peer)?),
            Self::None => None,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::WorstAtMost(limit) => format!("every one <= {limit}"),
            Self::Times(times, peer) => format!("<= {times} x {}", peer.name()),
            Self::None => String::new(),
        }
    }
}

struct Row {
    figure: &'static str,
    bar: Bar,
}

const fn row(figure: &'static str, bar: Bar) -> Row {
    Row { figure, bar }
}

const ROWS: [Row; 15] = [
    row("first_route_s", Bar::Times(1.0, Speaker::Bird)),
    row("reroute_carrier_s", Bar::AtMost(1.0)),
    row("reroute_silent_s", Bar::Times(1.1, Speaker::Babeld)),
    row("reroute_silent_fast_s", Bar::AtMost(4.0)),
    row("cpu_0", Bar::Times(1.5, Speaker::Babeld)),
    row("cpu_1000", Bar::Times(1.5, Speaker::Babeld)),
    row("cpu_10000", Bar::Times(1.5, Speaker::Babeld)),
    row("private_kb_0", Bar::None),
    row("private_kb_1000", Bar::None),
    row("private_kb_10000", Bar::Times(2.0, Speaker::Babeld)),
    row("intake_10000_s", Bar::Times(1.0, Speaker::Babeld)),
    row("octets_64s_0", Bar::Times(1.0, Speaker::Babeld)),
    row("octets_64s_1000", Bar::Times(1.0, Speaker::Babeld)),
    row("boot_20_s", Bar::WorstAtMost(15.0)),
    row("boot_110_s", Bar::WorstAtMost(15.0)),
];

fn number(value: f64) -> String {
    if value.is_infinite() {
        "never".to_string()
    } else if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_missed_bar_is_seen_and_a_missing_peer_is_no_miss() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.note("reroute_carrier_s", Speaker::Ours, value);
        }
        figures.note("cpu_0", Speaker::Ours, 0.5);
        let (text, holds) = print(&figures, &[Speaker::Ours, Speaker::Babeld]);
        assert!(
            !holds && text.contains("| `reroute_carrier_s` | 2.0 / 3.0 | - | <= 1 | **MISSED** |"),
            "{text}"
        );
        assert!(text.contains("| `cpu_0` | 0.500 | - | <= 1.5 x babeld |  |"), "{text}");
        figures.note("reroute_carrier_s", Speaker::Babeld, f64::INFINITY);
        assert!(print(&figures, &[Speaker::Babeld]).0.contains("| never (1 of 1 never) |"));
        assert_eq!(json(&figures)["reroute_carrier_s_worst.ours"], json!(3.0));
    }
}
