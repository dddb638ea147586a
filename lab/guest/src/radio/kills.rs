//! Both ends of a change are killed, one after the other and both at once, in each phase of it. Whatever was decided, both ends
//! must have the same settings at the end, and the link must carry packets.
//!
//! Where one end is killed, its daemon goes (`SIGKILL`) and comes back, as procd has it; the radio goes on. Where both are, the
//! power goes: hostapd and wpa_supplicant with it, and at the next boot the init script undoes what was not kept before the
//! radio begins (`tequio link undo`).

use std::time::{Duration, Instant};

use super::air;
use super::change::{anew, carries, file, over, wish};
use super::hills::{AP_LINK, Hills};
use super::netifd::Netifd;
use crate::console::{Outcome, figure, ok, uptime};
use crate::link::link_local;
use crate::node::{Node, TEQUIO, run};

/// Plays all of it.
pub(super) fn all(hills: &mut Hills) -> Outcome<()> {
    let mut tally = Tally::default();
    for (moment, what) in MOMENTS {
        for victims in [Victims::Near, Victims::Far, Victims::Both] {
            play(hills, moment, what, victims, &mut tally)?;
        }
    }
    figure("link_change_kills.plays", tally.plays);
    figure("link_change_kills.new_settings", tally.kept);
    figure("link_change_kills.old_settings", tally.plays - tally.kept);
    for (end, back) in [("near", tally.back[0]), ("far", tally.back[1])] {
        figure(&format!("link_change_kills.{end}_went_back"), back);
    }
    figure("link_change_kills.longest_s", format!("{:.0}", tally.longest_s));
    Ok(())
}

#[derive(Default)]
struct Tally {
    plays: u32,
    /// Those after which both ends have the new settings.
    kept: u32,
    /// How often the near and the far end said that they went back.
    back: [u32; 2],
    longest_s: f64,
}

/// When somebody is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Armed,
    Agreed,
    Applying,
    Testing,
    KeptHere,
    KeptThere,
}

/// Who is: where the change was asked for, the other end, or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victims {
    Near,
    Far,
    Both,
}

fn play(hills: &mut Hills, moment: Moment, what: &str, victims: Victims, tally: &mut Tally) -> Outcome<()> {
    anew(hills)?;
    let old = hills.ap.options();
    let channel = if old["radio0.channel"] == "165" { "5745" } else { "5825" };
    let key = (tally.plays + 2).to_string();
    let logs = [&hills.valle, &hills.cerro].map(|node| words(node).map(|text| text.len()));
    let reloads = [hills.ap.reloads(), hills.station.reloads()];
    wish(hills, &["--channel", channel, "--key", &key])?;
    let began = uptime();
    until(what, moment, hills, reloads)?;
    kill(hills, victims)?;
    // One who has kept must tell the other, and was not heard.
    hills.air.snr(0, 1, air::NEAR_DB);
    hills.air.delay(0);
    std::thread::sleep(GONE);
    return_to_life(hills, victims)?;
    over(hills)?;
    carries(hills)?;
    let took_s = (uptime() - began).as_secs_f64();
    let now = hills.ap.options();
    if now != hills.station.options() {
        return Err(format!("both ends have the same: {now:?}, {:?}", hills.station.options()));
    }
    let is_new = now != old;
    let mut said = Vec::new();
    for ((node, before), back) in [&hills.valle, &hills.cerro].into_iter().zip(logs).zip(&mut tally.back) {
        let text = words(node)?;
        let text = text.get(before?..).unwrap_or_default();
        let ending = text
            .lines()
            .rfind(|line| line.contains(ENDING))
            .and_then(|line| line.split_once("0.sta1 ").or(line.split_once("wlan1 ")));
        let ending = ending.map_or("says nothing", |(_, ending)| ending);
        *back += u32::from(ending.contains("old settings"));
        said.push(format!("{} {ending}", node.name));
    }
    tally.plays += 1;
    tally.kept += u32::from(is_new);
    tally.longest_s = tally.longest_s.max(took_s);
    let settings = if is_new { "new" } else { "old" };
    ok(
        &format!("{what}, and {} killed: the {settings} settings at both ends", victims.words()),
        &format!("{}; all is well after {took_s:.0} s", said.join(", ")),
    );
    Ok(())
}

impl Moment {
    /// Whether it is over in some milliseconds.
    fn is_short(self) -> bool {
        matches!(self, Self::KeptHere | Self::KeptThere)
    }

    /// Whether it has come.
    fn is_now(self, hills: &Hills, reloads: [u32; 2]) -> Outcome<bool> {
        let [near, far] = [&hills.valle, &hills.cerro].map(phase);
        let began = [hills.ap.reloads() > reloads[0], hills.station.reloads() > reloads[1]];
        Ok(match self {
            Self::Armed => near.is_some() && far.is_some(),
            Self::Agreed => near == Some(TRYING) && far == Some(TRYING),
            Self::Applying => began[0] || began[1],
            Self::Testing => {
                began == [true, true] && hills.valle.space.inside(|| link_local(AP_LINK)).is_ok()
            }
            Self::KeptHere => near == Some(KEPT),
            Self::KeptThere => {
                if near == Some(KEPT) {
                    // What the far end says of it is lost.
                    hills.air.way(1, 0, air::Way { snr_db: f64::NEG_INFINITY, lost_permille: 0 });
                }
                far == Some(KEPT)
            }
        })
    }
}

impl Victims {
    const fn words(self) -> &'static str {
        match self {
            Self::Near => "the near end",
            Self::Far => "the far end",
            Self::Both => "both ends, with their power,",
        }
    }

    const fn seats(self) -> &'static [usize] {
        match self {
            Self::Near => &[0],
            Self::Far => &[1],
            Self::Both => &[0, 1],
        }
    }
}

fn kill(hills: &mut Hills, victims: Victims) -> Outcome<()> {
    for seat in victims.seats() {
        let (node, radio) = end(hills, *seat);
        node.kill()?;
        if victims == Victims::Both {
            radio.power_off()?;
        }
    }
    Ok(())
}

fn return_to_life(hills: &mut Hills, victims: Victims) -> Outcome<()> {
    for seat in victims.seats() {
        let (node, radio) = end(hills, *seat);
        if victims == Victims::Both {
            let config = format!("/village/{}/tequio", node.name);
            radio.boot(&run(TEQUIO, &["link", "undo", "--config", &config])?)?;
        }
        node.start_and_wait()?;
    }
    Ok(())
}

fn end(hills: &mut Hills, seat: usize) -> (&mut Node, &Netifd) {
    if seat == 0 { (&mut hills.valle, &hills.ap) } else { (&mut hills.cerro, &hills.station) }
}

/// How far the change is that a node has on its flash; the third octet of its record.
pub(super) fn phase(node: &Node) -> Option<u8> {
    let text = std::fs::read_to_string(file(node)).ok()?;
    let record = text.lines().find_map(|line| line.strip_prefix("record "))?;
    u8::from_str_radix(record.get(4..6)?, 16).ok()
}

fn words(node: &Node) -> Outcome<String> {
    std::fs::read_to_string(node.log()).map_err(|error| format!("{}: {error}", node.log()))
}

/// Waits for a moment. Both ends decide within some milliseconds; so from the test on, where it matters, frames take longer.
fn until(what: &str, moment: Moment, hills: &Hills, reloads: [u32; 2]) -> Outcome<()> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if moment.is_short() && Moment::Testing.is_now(hills, reloads)? {
            hills.air.delay(SLOW_MS);
        }
        if moment.is_now(hills, reloads)? {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(format!("{what}: not within {PATIENCE:?}"))
}

/// The six phases, and how far they are seen from outside.
const MOMENTS: [(Moment, &str); 6] = [
    (Moment::Armed, "both have armed"),
    (Moment::Agreed, "the instant is agreed on"),
    (Moment::Applying, "the first end applies"),
    (Moment::Testing, "both test"),
    (Moment::KeptHere, "the near end has kept"),
    (Moment::KeptThere, "both have kept, and only one knows"),
];
/// `link/change/record.rs`.
const TRYING: u8 = 2;
pub(super) const KEPT: u8 = 3;
const ENDING: &str = "the change of the link on ";
/// How long a daemon, or the power, is away.
const GONE: Duration = Duration::from_secs(3);
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
pub(super) const LOOK: Duration = Duration::from_millis(1);
pub(super) const SLOW_MS: u32 = 15;
