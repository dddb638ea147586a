//! What a link was like, for whoever looks back: columns of its history (`link/history`), as text.

use super::Node;
use super::call::{Answer, LookBack};
use crate::base::limit::HISTORY_COLUMNS;
use crate::base::time::Instant;
use crate::link::history::{COLUMNS, Figure, Resolution};
use crate::link::monitor::{Watched, is_of};
use crate::link::settings::LinkSettings;

impl Node {
    /// The history of a link, which is named by its neighbour, or by its device if that has no other one.
    pub(super) fn look_back(&self, now: Instant, link: &str, resolution: &str, columns: &str) -> Answer {
        let looked = || {
            let link = self.named_link(link)?;
            let resolution = if resolution.is_empty() { "minutes" } else { resolution };
            let resolution = Resolution::named(resolution)
                .ok_or(("resolution", "resolution must be seconds, minutes or hours."))?;
            let columns = chosen(columns)?;
            let (ended, _) = link.history.steps(now, resolution);
            let column = |(name, figure): (&str, Figure)| {
                let mut text = String::new();
                for (place, step) in link.history.steps(now, resolution).1.enumerate() {
                    if place > 0 {
                        text.push(',');
                    }
                    if let Some(value) = figure(&step) {
                        text.push_str(&value.to_string());
                    }
                }
                (name.to_owned(), text)
            };
            Ok(LookBack {
                device: link.interface.clone(),
                address: link.neighbour,
                step_s: resolution.step().as_secs(),
                ended_s: ended.as_secs(),
                planned: self.planned_of(&link.interface),
                columns: columns.into_iter().map(column).collect(),
            })
        };
        match looked() {
            Ok(past) => Answer::LookedBack(Box::new(past)),
            Err((code, message)) => {
                let (code, message): (&str, &str) = (code, message);
                Answer::Refused { code: code.to_owned(), message: message.to_owned() }
            }
        }
    }

    fn named_link(&self, name: &str) -> Result<&Watched, (&'static str, &'static str)> {
        let unknown = ("link-unknown", "No radio link is watched with this neighbour or on this device.");
        if let Ok(address) = name.parse() {
            return self.monitor.of(address).ok_or(unknown);
        }
        let mut links = self.monitor.links().iter().filter(|link| is_of(name, &link.interface));
        match (links.next(), links.next()) {
            (Some(link), None) => Ok(link),
            (Some(_), Some(_)) => {
                Err(("link-unknown", "There are several links on this device: name the neighbour."))
            }
            _ => Err(unknown),
        }
    }

    /// What was planned for the links of a radio, by name.
    pub(super) fn planned_of(&self, radio: &str) -> Vec<(String, i64)> {
        let found = self.settings.links.iter().find(|one: &&LinkSettings| is_of(&one.device, radio));
        let planned = found.map_or([None; 2], |one| {
            [one.planned_signal_dbm.map(i64::from), one.planned_kbit.map(i64::from)]
        });
        let named = ["signal_dbm", "throughput_kbit"].into_iter().zip(planned);
        named.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Columns by their names, with commas between.
fn chosen(text: &str) -> Result<Vec<(&'static str, Figure)>, (&'static str, &'static str)> {
    let text = if text.is_empty() { USUAL } else { text };
    let one = |name: &str| COLUMNS.iter().find(|column| column.0 == name.trim()).copied();
    let chosen: Option<Vec<_>> = text.split(',').take(HISTORY_COLUMNS + 1).map(one).collect();
    chosen.filter(|chosen| chosen.len() <= HISTORY_COLUMNS).ok_or((
        "columns",
        "columns must be up to six names with commas between, like signal_dbm,quality_percent.",
    ))
}

/// What is told if nobody says what.
const USUAL: &str = "signal_dbm,snr_db,quality_percent,throughput_kbit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_and_few() {
        let names = |text: &str| chosen(text).map(|all| all.into_iter().map(|one| one.0).collect::<Vec<_>>());
        assert_eq!(names("cost, busy_percent"), Ok(vec!["cost", "busy_percent"]));
        assert_eq!(names("").map(|all| all.len()), Ok(4));
        let (seven, many) = (["cost"; 7].join(","), "cost,".repeat(10_000));
        for wrong in ["signal", "cost,", ",", &seven, &many] {
            assert_eq!(names(wrong).map_err(|(code, _)| code), Err("columns"), "{wrong:.40}");
        }
        assert_eq!(names(&["cost"; 6].join(",")).map(|all| all.len()), Ok(6));
    }
}
