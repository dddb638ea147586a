//! A plan for a terminal.

use std::fmt::Write;

use crate::base::language::Language;
use crate::link::budget::{Finding, Rate, Verdict};
use crate::planner::{Figure, Named, sentence};

/// The whole answer.
pub(super) fn table(named: &Named) -> String {
    let Named { names, plan, budget } = named;
    let mut text = format!(
        "{} to {}, {:.2} km, {} MHz, {} MHz wide: {}\n\n",
        names[0],
        names[1],
        Figure(budget.distance_m / 1_000.0),
        plan.frequency_mhz,
        plan.width.mhz(),
        sentence::verdict(budget.verdict(), Language::English)
    );
    let mut row = |name: &str, cells: [String; 2], note: &str| {
        // Writing to a string cannot fail.
        let line = format!("{name:<10} {:<18} {:<18} {note}", cells[0], cells[1]);
        let _ = writeln!(text, "{}", line.trim_end());
    };
    row("", names.clone(), "");
    if let Some(bearing) = budget.bearing_deg {
        row("aims at", bearing.map(|degrees| format!("{:.1}°", Figure(degrees))), "from true north");
    }
    row("tilts by", budget.elevation_deg.map(|degrees| format!("{:+.2}°", Figure(degrees))), "");
    row("radiates", budget.eirp_dbm.map(|dbm| format!("{:.1} dBm", Figure(dbm))), "");
    row("hears", budget.signal_dbm.map(|dbm| format!("{:.1} dBm", Figure(dbm))), "");
    row("over noise", budget.snr_db.map(|db| format!("{:.1} dB", Figure(db))), "");
    row("sends", budget.rate.map(rate), "with 15 dB to spare");
    let _ = write!(text, "\nloss       {:.1} dB in free space", Figure(budget.free_space_loss_db));
    if budget.obstruction_loss_db > 0.0 {
        let _ = write!(text, ", {:.1} dB by what stands in the way", Figure(budget.obstruction_loss_db));
    }
    let tightest = budget.tightest;
    let _ = writeln!(
        text,
        "\nroom       {:.1} m at {:.2} km, where {:.1} m are needed; the earth stands {:.1} m high in the middle\n\
         distance   class {class}, an answer is awaited for {:.0} µs: iw phy PHY set coverage {class}",
        Figure(tightest.clear_m),
        Figure(tightest.at_m / 1_000.0),
        Figure(tightest.needed_m),
        Figure(budget.bulge_m),
        Figure(budget.ack_timeout_us),
        class = budget.coverage_class,
    );
    if !budget.findings.is_empty() {
        text.push('\n');
    }
    for finding in &budget.findings {
        let _ = writeln!(text, "{} {}", mark(finding), sentence::finding(finding, Language::English));
    }
    text
}

/// How bad a finding is, at a glance.
pub(super) const fn mark(finding: &Finding) -> &'static str {
    match finding.verdict() {
        Verdict::Impossible => "no:",
        Verdict::Doubtful => "look:",
        Verdict::Good => "note:",
    }
}

/// What an end can send.
pub(super) fn rate(rate: Option<Rate>) -> String {
    rate.map_or("-".to_owned(), |rate| format!("{:.0} Mbit/s (MCS {})", Figure(rate.expected_mbps), rate.mcs))
}
