//! Three nodes in a line, A-B-C, and a power cut at C: what C was is forgotten everywhere but at its neighbours.
//!
//! The case that costs others minutes: a router that comes back under its name, without its sequence number, is not
//! believed before its neighbours have forgotten the old one.

use std::time::{Duration, Instant};

use super::kernel::Routes;
use super::speaker::{self, Order};
use super::{PERIOD, Site, pass, until};
use crate::bench::serve_web;
use crate::command;
use crate::failure::{Outcome, io};
use crate::netns::{Land, Namespace};
use crate::outage::Stream;

/// From the boot of C, `dark` after its power went, until packets from A to C are answered again.
pub(super) fn boot(site: &Site<'_>, dark: Duration) -> Outcome<Duration> {
    let mut land = Land::new()?;
    let mut node = |letter: &str, number| {
        let node = land.add(&format!("{}{letter}", site.short))?;
        speaker::furnish(&node, number)?;
        Outcome::Ok(node)
    };
    let (a, b, c) = (node("a", 1)?, node("b", 2)?, node("c", 3)?);
    speaker::cable(&a, "ab", &b, "ba")?;
    speaker::cable(&b, "bc", &c, "cb")?;
    let start = |namespace, number, devices| {
        let order = Order { number, devices, hello_s: 4 };
        speaker::start(site.speaker, site.programs, namespace, &order, &site.folder.join(number.to_string()))
    };
    let _ends = [start(&a, 1, &[("ab", 96)])?, start(&b, 2, &[("ba", 96), ("bc", 96)])?];
    let at_c = start(&c, 3, &[("cb", 96)])?;
    let _echo = serve_web(&c, "echo", &[speaker::address(3).into()], &site.folder)?;

    let mut at_a = Routes::of(&a)?;
    until("a way from A to C", LIMIT, LOOK, || Ok(at_a.device_to(speaker::address(3))?.is_some()))?;
    let stream = Stream::start(&a, speaker::address(1).into(), speaker::address(3).into())?;
    answered(&stream, Instant::now(), "packets to be answered before the power cut")?;
    pass(UP + PERIOD.mul_f64(site.phase))?;
    at_c.kill();
    forget(site, &c)?;
    pass(dark)?;
    let boot = Instant::now();
    let _at_c = start(&c, 3, &[("cb", 96)])?;
    answered(&stream, boot, "packets to be answered after the boot")?;
    Ok(boot.elapsed())
}

fn answered(stream: &Stream, since: Instant, expected: &str) -> Outcome<()> {
    until(expected, LIMIT, LOOK, || Ok(stream.answered_since(since) > 0))
}

/// What a power cut takes: routes, and every file that a router has in memory.
fn forget(site: &Site<'_>, c: &Namespace) -> Outcome<()> {
    command::run("ip", &["-n", c.name(), "-6", "route", "flush", "proto", "babel"])?;
    for (name, is_folder) in [("run", true), ("state", false)] {
        let path = site.folder.join("3").join(name);
        let gone = if is_folder { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match gone {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("to forget")(error)),
            _ => {}
        }
    }
    Ok(())
}

/// The mesh runs for so long before the cut that every timer of its start is over.
const UP: Duration = Duration::from_secs(35);

/// A name without its number is believed again after 200 s; beyond that something else is wrong.
const LIMIT: Duration = Duration::from_secs(260);
const LOOK: Duration = Duration::from_millis(20);
