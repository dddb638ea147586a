//! What a link was like, as lines that go up and down.

use serde_json::Value;

use super::table::Side::{Left, Right};
use super::table::Table;
use super::words::{plain, seconds};

/// Letters of a line: a terminal is 80 wide, and names and figures take 34.
const WIDTH: usize = 46;
/// From low to high.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `{device, address, step_s, ended_s, planned, columns: {name: "-61,-60,,-59"}}`
pub(super) fn history(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("", Left),
        ("OLDEST TO NEWEST", Left),
        ("LEAST", Right),
        ("MOST", Right),
        ("PLAN", Right),
    ]);
    let mut steps = 0;
    for (name, column) in reply["columns"].as_object().into_iter().flatten() {
        let figures: Vec<Option<i64>> =
            column.as_str().unwrap_or_default().split(',').map(|figure| figure.parse().ok()).collect();
        steps = steps.max(figures.len());
        let known = || figures.iter().flatten();
        let end = |figure: Option<&i64>| figure.map_or("-".to_owned(), ToString::to_string);
        table.row([
            name.clone(),
            line(&figures),
            end(known().min()),
            end(known().max()),
            plain(&reply["planned"][name]),
        ]);
    }
    let step_s = reply["step_s"].as_u64().unwrap_or(0);
    let span = seconds(&Value::from(step_s * steps as u64));
    format!(
        "{} on {}: {span} in steps of {}, until {} ago\n\n{}",
        plain(&reply["address"]),
        plain(&reply["device"]),
        seconds(&reply["step_s"]),
        seconds(&reply["ended_s"]),
        table.render(bold)
    )
}

/// The figures as letters of eight heights, as many of them in one letter as need be; a gap where nothing is known.
fn line(figures: &[Option<i64>]) -> String {
    let each = figures.len().div_ceil(WIDTH).max(1);
    let means: Vec<Option<i64>> = figures
        .chunks(each)
        .map(|part| {
            let known: Vec<i64> = part.iter().flatten().copied().collect();
            (!known.is_empty()).then(|| known.iter().sum::<i64>() / known.len() as i64)
        })
        .collect();
    let known = || means.iter().flatten().copied();
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let letter = |mean: &Option<i64>| {
        let Some(mean) = mean else { return ' ' };
        // A line that does not move lies in the middle.
        let height = if most == least { 3 } else { (mean - least) * 7 / (most - least) };
        HEIGHTS[usize::try_from(height).unwrap_or(0).min(7)]
    };
    means.iter().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_history_goes_up_and_down_and_has_gaps() {
        let columns = json!({
            "signal_dbm": "-70,-70,,-63,-56,-56", "cost": "160,160,160,160,160,160", "noise_dbm": ",,,,,",
        });
        let reply = json!({
            "device": "wlan0", "address": "fe80::1", "step_s": 300, "ended_s": 61,
            "planned": json!({"signal_dbm": -58}), "columns": columns,
        });
        insta::assert_snapshot!(history(&reply, false), @"
        fe80::1 on wlan0: 30 min in steps of 5 min, until 1 min 1 s ago

                    OLDEST TO NEWEST  LEAST  MOST  PLAN
        cost        ▄▄▄▄▄▄              160   160     -
        noise_dbm                         -     -     -
        signal_dbm  ▁▁ ▄██              -70   -56   -58
        ");
    }

    #[test]
    fn sixty_days_fit_a_line() {
        let figures: Vec<Option<i64>> = (0..1_440).map(Some).collect();
        let line = line(&figures);
        assert!((40..=WIDTH).contains(&line.chars().count()), "{line}");
        assert!(line.starts_with('▁') && line.ends_with('█'), "{line}");
        assert_eq!(super::line(&[]), "");
    }
}
