//! Four nodes in a ring, A-B-C-D-A, whose way over D is dearer: traffic from A to C goes over B until B-C dies.

use std::time::{Duration, Instant};

use super::kernel::Routes;
use super::speaker::{self, Order};
use super::{PERIOD, Site, pass, until};
use crate::bench::serve_web;
use crate::failure::Outcome;
use crate::netns::{Land, Namespace};
use crate::outage::Stream;

/// How the link dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The near end goes down, so the far end loses its carrier.
    Carrier,
    /// Both ends stay up and nothing arrives any more.
    Silent,
}

/// How long packets from A to C stood still.
pub(super) fn reroute(site: &Site<'_>, hello_s: u32, cut: Cut) -> Outcome<Duration> {
    let mut land = Land::new()?;
    let mut nodes = Vec::new();
    for (number, letter) in (1..).zip(["a", "b", "c", "d"]) {
        let node = land.add(&format!("{}{letter}", site.short))?;
        speaker::furnish(&node, number)?;
        nodes.push(node);
    }
    let [a, b, c, d] = &nodes[..] else { unreachable!("four were made") };
    speaker::cable(a, "ab", b, "ba")?;
    speaker::cable(b, "bc", c, "cb")?;
    speaker::cable(c, "cd", d, "dc")?;
    speaker::cable(d, "da", a, "ad")?;
    let (near, far) = (96, 128);
    let devices: [&[(&str, u16)]; 4] = [
        &[("ab", near), ("ad", far)],
        &[("ba", near), ("bc", near)],
        &[("cb", near), ("cd", far)],
        &[("dc", far), ("da", far)],
    ];
    let mut daemons = Vec::new();
    for ((number, node), devices) in (1..).zip(&nodes).zip(devices) {
        let order = Order { number, devices, hello_s };
        let folder = site.folder.join(number.to_string());
        daemons.push(speaker::start(site.speaker, site.programs, node, &order, &folder)?);
    }
    let _echo = serve_web(c, "echo", &[speaker::address(3).into()], &site.folder)?;
    let age = Instant::now();
    until("the ring to use its cheaper way", CONVERGED, Duration::from_millis(250), over_b(a, b, c)?)?;
    // A history of 16 Hellos that is full takes longest to empty.
    pass(Duration::from_secs(u64::from(hello_s) * 17).saturating_sub(age.elapsed()))?;
    pass(PERIOD.mul_f64(site.phase))?;

    let stream = Stream::start(a, speaker::address(1).into(), speaker::address(3).into())?;
    let began = Instant::now();
    until("packets to be answered before the cut", LIMIT, LOOK, || Ok(stream.answered_since(began) >= 10))?;
    match cut {
        Cut::Carrier => b.ip("link set dev bc down\n")?,
        Cut::Silent => {
            c.nft(&silence("cb"))?;
            b.nft(&silence("bc"))?;
        }
    }
    let gone = Instant::now();
    until("packets to be answered again after the cut", LIMIT, LOOK, || {
        Ok(stream.answered_since(gone) >= 10)
    })?;
    for daemon in &mut daemons {
        daemon.check()?;
    }
    Ok(stream.stop().longest)
}

/// Whether packets go over B, both ways.
fn over_b(a: &Namespace, b: &Namespace, c: &Namespace) -> Outcome<impl FnMut() -> Outcome<bool> + use<>> {
    let (mut at_a, mut at_b, mut at_c) = (Routes::of(a)?, Routes::of(b)?, Routes::of(c)?);
    Ok(move || {
        let device = |routes: &mut Routes, to| routes.device_to(speaker::address(to));
        Ok(device(&mut at_a, 3)?.as_deref() == Some("ab")
            && device(&mut at_b, 3)?.as_deref() == Some("bc")
            && device(&mut at_c, 1)?.as_deref() == Some("cb")
            && device(&mut at_b, 1)?.as_deref() == Some("ba"))
    })
}

fn silence(device: &str) -> String {
    format!(
        "table netdev cut {{\n chain c {{ type filter hook ingress device \"{device}\" priority 0; policy drop; }}\n}}\n"
    )
}

/// Peers without a bound on their hysteresis may stay on the dearer way for long.
const CONVERGED: Duration = Duration::from_secs(150);

const LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);
