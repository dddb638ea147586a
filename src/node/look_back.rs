//! What a link was like, for whoever looks back: columns of its history (`link/history`), as text.

use super::Node;
use super::call::{Answer, LookBack};
use crate::babel::settings::LinkKind;
use crate::base::limit::HISTORY_COLUMNS;
use crate::base::time::Instant;
use crate::link::history::{COLUMNS, Figure, History, Resolution};
use crate::link::monitor::is_of;
use crate::link::settings::LinkSettings;

impl Node {
    /// The history of a link, which is named by its neighbour, or by its device if that has no other one.
    pub(super) fn look_back(&self, now: Instant, link: &str, resolution: &str, columns: &str) -> Answer {
        let looked = || {
            let (interface, neighbour, history) = self.named_link(link)?;
            let is_bridge = self.kind_of(interface) == Some(LinkKind::Bridge);
            let resolution = if resolution.is_empty() { "minutes" } else { resolution };
            let resolution = Resolution::named(resolution)
                .ok_or(("resolution", "resolution must be seconds, minutes or hours."))?;
            let columns = chosen(columns, if is_bridge { OF_BRIDGES } else { USUAL })?;
            let (ended, _) = history.steps(now, resolution);
            let column = |(name, figure): (&str, Figure)| {
                let mut text = String::new();
                for (place, step) in history.steps(now, resolution).1.enumerate() {
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
                device: interface.to_owned(),
                address: neighbour,
                step_s: resolution.step().as_secs(),
                ended_s: ended.as_secs(),
                planned: self.planned_of(interface),
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

    fn named_link(&self, name: &str) -> Result<Named<'_>, (&'static str, &'static str)> {
        let unknown = ("link-unknown", "No radio link is watched with this neighbour or on this device.");
        let radios = self.monitor.links().iter();
        let radios = radios.map(|link| (link.interface.as_str(), link.neighbour, &link.history));
        let bridges = self.monitor.bridges.all().iter();
        let bridges = bridges.map(|link| (link.interface.as_str(), link.neighbour, &link.history));
        let mut all = radios.chain(bridges);
        if let Ok(address) = name.parse() {
            // Of two radios the one whose link lives.
            let alive =
                self.monitor.of(address).map(|link| (link.interface.as_str(), address, &link.history));
            return alive.or_else(|| all.find(|(_, neighbour, _)| *neighbour == address)).ok_or(unknown);
        }
        let mut links = all.filter(|(interface, ..)| is_of(name, interface));
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

/// The device of a link, the neighbour, and what it was like.
type Named<'a> = (&'a str, std::net::Ipv6Addr, &'a History);

/// Columns by their names, with commas between.
fn chosen(
    text: &str,
    usual: &'static str,
) -> Result<Vec<(&'static str, Figure)>, (&'static str, &'static str)> {
    let text = if text.is_empty() { usual } else { text };
    let one = |name: &str| COLUMNS.iter().find(|column| column.0 == name.trim()).copied();
    let chosen: Option<Vec<_>> = text.split(',').take(HISTORY_COLUMNS + 1).map(one).collect();
    chosen.filter(|chosen| chosen.len() <= HISTORY_COLUMNS).ok_or((
        "columns",
        "columns must be up to six names with commas between, like signal_dbm,quality_percent.",
    ))
}

/// What is told of a closed radio if nobody says what: more is known only where a script reads it.
const OF_BRIDGES: &str = "quality_percent,failed_percent,round_trip_ms,cost";
/// The same of a radio.
const USUAL: &str = "signal_dbm,snr_db,quality_percent,throughput_kbit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_and_few() {
        let names =
            |text: &str| chosen(text, USUAL).map(|all| all.into_iter().map(|one| one.0).collect::<Vec<_>>());
        assert_eq!(names("cost, busy_percent"), Ok(vec!["cost", "busy_percent"]));
        assert_eq!(names("").map(|all| all.len()), Ok(4));
        let (seven, many) = (["cost"; 7].join(","), "cost,".repeat(10_000));
        for wrong in ["signal", "cost,", ",", &seven, &many] {
            assert_eq!(names(wrong).map_err(|(code, _)| code), Err("columns"), "{wrong:.40}");
        }
        assert_eq!(names(&["cost"; 6].join(",")).map(|all| all.len()), Ok(6));
    }
}
