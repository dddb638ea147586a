//! `tequio link align`: a dish is turned, and a terminal shows what it hears, five times a second, with the terminal's
//! bell as tone: the nearer to what was planned, the quicker.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::signal::unix::{SignalKind, signal};

use super::remote;
use super::words::plain;

/// Shows until the node ends it, somebody types Ctrl-C, or these seconds are over. The last line stays.
pub(super) fn run(socket: &Path, mut given: Map<String, Value>, json: bool) -> Result<String, String> {
    let seconds = given.remove("seconds").and_then(|seconds| seconds.as_u64());
    let is_silent = given.remove("tone").is_some_and(|tone| tone == "off");
    let looks = seconds.unwrap_or(MOST_S).min(MOST_S) * 5;
    remote::runtime()?.block_on(async {
        let mut client = remote::connect(socket).await?;
        let mut interrupted = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
        let terminal = std::io::stdout().is_terminal() && !json;
        for look in 0..looks {
            let action = if look == 0 { "start" } else { "read" };
            given.insert("action".to_owned(), action.into());
            let reply = remote::call(&mut client, socket, "link_align", &given).await?;
            if reply["left_s"].is_null() {
                break;
            }
            let rings = terminal && !is_silent && each_for(&reply).is_some_and(|each| look % each == 0);
            let shown = if json { reply.to_string() } else { line(&reply) };
            let (before, after) = if terminal { ("\r\x1b[K", "") } else { ("", "\n") };
            let bell = if rings { "\x07" } else { "" };
            let mut out = std::io::stdout().lock();
            // A reader that went away has seen enough.
            if write!(out, "{before}{shown}{bell}{after}").and_then(|()| out.flush()).is_err() {
                break;
            }
            drop(out);
            tokio::select! {
                _ = interrupted.recv() => break,
                () = tokio::time::sleep(EACH) => {}
            }
        }
        given.insert("action".to_owned(), "stop".into());
        remote::call(&mut client, socket, "link_align", &given).await?;
        Ok(if terminal { "\n".to_owned() } else { String::new() })
    })
}

/// `{left_s, planned: {signal_dbm}, stations: [{mac, address, figures: {signal_dbm, best_dbm, far_signal_dbm}}]}`: the
/// strongest station in 79 letters.
fn line(reply: &Value) -> String {
    let station = &reply["stations"][0];
    if station.is_null() {
        return "nobody is heard: turn the dish, or look at channel and power".to_owned();
    }
    let figures = &station["figures"];
    let (signal, plan) = (figures["signal_dbm"].as_i64(), reply["planned"]["signal_dbm"].as_i64());
    let mut text = match signal {
        Some(dbm) => format!("{dbm:>4} dBm "),
        None => "    gone ".to_owned(),
    };
    text.push_str(&bar(signal, figures["best_dbm"].as_i64(), plan));
    text.push_str(&format!(" best {}", plain(&figures["best_dbm"])));
    if let Some(plan) = plan {
        text.push_str(&format!(" plan {plan}"));
    }
    if !figures["far_signal_dbm"].is_null() {
        text.push_str(&format!(" there {}", plain(&figures["far_signal_dbm"])));
    }
    // An access point that was not associated with yet: is it the right one?
    if let Some(name) = station["name"].as_str() {
        text.push_str(&format!(" {}", name.chars().take(12).collect::<String>()));
    }
    text
}

/// A bar from -95 to -35 dBm, with `|` at the most that was heard and `P` at what was planned.
fn bar(signal: Option<i64>, best: Option<i64>, plan: Option<i64>) -> String {
    let cell = |dbm: i64| usize::try_from((dbm + 95).clamp(0, 59) * BAR as i64 / 60).unwrap_or(0);
    let mut cells = [' '; BAR];
    let filled = signal.map_or(0, |dbm| cell(dbm) + 1);
    cells[..filled].fill('#');
    for (dbm, mark) in [(best, '|'), (plan, 'P')] {
        if let Some(dbm) = dbm.filter(|dbm| cell(*dbm) >= filled || mark == 'P') {
            cells[cell(dbm)] = mark;
        }
    }
    format!("[{}]", cells.iter().collect::<String>())
}

/// Of how many looks one rings: each if all is there that was planned, or, without a plan, all that was heard so far;
/// none if nobody is heard.
fn each_for(reply: &Value) -> Option<u64> {
    let figures = &reply["stations"][0]["figures"];
    let signal = figures["signal_dbm"].as_i64()?;
    let target = reply["planned"]["signal_dbm"].as_i64().or(figures["best_dbm"].as_i64())?;
    Some(match target - signal {
        ..=1 => 1,
        2..=3 => 2,
        4..=6 => 3,
        7..=12 => 5,
        _ => 10,
    })
}

const EACH: Duration = Duration::from_millis(200);
/// The node ends it before.
const MOST_S: u64 = 3_600;
/// Letters of the bar.
const BAR: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(signal: Option<i64>, plan: Option<i64>) -> Value {
        let planned = plan.map_or(json!({}), |dbm| json!({"signal_dbm": dbm}));
        let figures = json!({"signal_dbm": signal, "best_dbm": -57, "far_signal_dbm": -63});
        json!({"left_s": 800, "planned": planned, "stations": [{"mac": "02:00:00:00:00:01", "figures": figures}]})
    }

    #[test]
    fn a_line_has_bar_marks_and_both_ends_and_fits() {
        let lines = [
            line(&reply(Some(-70), Some(-55))),
            line(&reply(Some(-54), Some(-58))),
            line(&reply(None, None)),
            line(&reply(Some(-110), Some(-1))),
            line(&json!({"left_s": 1, "planned": {}, "stations": []})),
        ];
        assert!(lines.iter().all(|line| line.chars().count() < 80), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"), @"
         -70 dBm [################      | P           ] best -57 plan -55 there -63
         -54 dBm [######################P##           ] best -57 plan -58 there -63
            gone [                      |             ] best -57 there -63
        -110 dBm [#                     |            P] best -57 plan -1 there -63
        nobody is heard: turn the dish, or look at channel and power
        ");
    }

    #[test]
    fn the_nearer_to_the_plan_the_quicker_it_rings() {
        let each = |signal, plan| each_for(&reply(signal, plan));
        let rings = [-50, -58, -59, -60, -62, -65, -71, -90].map(|dbm| each(Some(dbm), Some(-58)));
        assert_eq!(rings, [1, 1, 1, 2, 3, 5, 10, 10].map(Some));
        assert_eq!(
            [each(Some(-57), None), each(Some(-61), None), each(None, Some(-58))],
            [Some(1), Some(3), None]
        );
    }
}
