//! What fifty stations cost the daemon, which asks for each of them once a second. The kernel is told of stations that are not
//! there: nobody sends to them, so the medium has no work with them.

use std::thread::sleep;
use std::time::Duration;

use super::hills::{AP_LINK, Hills, stations};
use crate::console::{Outcome, figure, ok};
use crate::link::index;
use crate::netlink::Socket;
use crate::node::Node;

/// Measures the processor's time with the one station of the link, and with fifty.
pub(super) fn costs(hills: &Hills) -> Outcome<()> {
    let alone = percent(&hills.valle)?;
    hills.valle.space.inside(|| {
        let mut socket = Socket::generic()?;
        let family = socket.family("nl80211")?;
        let device = index(AP)?.to_ne_bytes();
        for number in 1..STATIONS {
            let added = socket.change(family, 0, &[NEW_STATION, 1, 0, 0], |message| {
                message.attribute(IFINDEX, &device);
                message.attribute(MAC, &[2, 0x50, 0x50, 0x50, number, 0x50]);
                message.attribute(AID, &(u16::from(number) + 100).to_ne_bytes());
                message.attribute(LISTEN_INTERVAL, &10_u16.to_ne_bytes());
                message.attribute(RATES, &[0x8c, 0x98, 0xb0]);
                // What is told, and what holds.
                message.attribute(FLAGS, &[KNOWN.to_ne_bytes(), KNOWN.to_ne_bytes()].concat());
            });
            added.map_err(|error| format!("station {number} of the crowd: {error}"))?;
        }
        Ok(())
    })?;
    let there = [AP, AP_LINK].map(|link| stations(&hills.valle.space, link));
    let count = there.into_iter().collect::<Outcome<Vec<_>>>()?.concat().matches("Station ").count();
    if count != usize::from(STATIONS) {
        return Err(format!("{STATIONS} stations are there: {count}"));
    }
    let crowd = percent(&hills.valle)?;
    ok(
        "the daemon's part of the processor",
        &format!("{alone:.1} % with one station, {crowd:.1} % with {STATIONS}"),
    );
    figure("monitor_cpu_1", format!("{alone:.2}"));
    figure("monitor_cpu_50", format!("{crowd:.2}"));
    Ok(())
}

/// The daemon's part of the processor, user and kernel, over some seconds.
fn percent(node: &Node) -> Outcome<f64> {
    let before = ticks(node)?;
    sleep(Duration::from_secs(SECONDS));
    let ticks = u32::try_from(ticks(node)? - before).unwrap_or(u32::MAX);
    // A hundred ticks are a second.
    Ok(f64::from(ticks) / SECONDS as f64)
}

fn ticks(node: &Node) -> Outcome<u64> {
    let file = format!("/proc/{}/stat", node.pid()?);
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    // The name may hold spaces; behind it, user time is the twelfth word and the kernel's the thirteenth.
    let words: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let word = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    word(11).zip(word(12)).map(|(user, kernel)| user + kernel).ok_or_else(|| format!("{file}: {text}"))
}

const STATIONS: u8 = 50;
const SECONDS: u64 = 20;
const AP: &str = "wlan0";
/// `nl80211.h`: authorized, authenticated and associated are flags 1, 5 and 7.
const NEW_STATION: u8 = 19;
const IFINDEX: u16 = 3;
const MAC: u16 = 6;
const AID: u16 = 16;
const LISTEN_INTERVAL: u16 = 18;
const RATES: u16 = 19;
const FLAGS: u16 = 67;
const KNOWN: u32 = 1 << 1 | 1 << 5 | 1 << 7;
