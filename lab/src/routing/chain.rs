//! A generator of routes, the daemon under test, and a second one of its kind behind it: P-D-E.

use std::time::{Duration, Instant};

use super::generator::{DIGITS, Generator};
use super::kernel::{self, Routes};
use super::speaker::{self, Order};
use super::{Site, pass, until};
use crate::failure::{Failure, Outcome};
use crate::netns::{Land, Namespace};
use crate::process::Process;

/// What two quiet minutes cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    /// Processor time per 60 s.
    pub(super) cpu_s: f64,
    /// Private memory at the end.
    pub(super) private_kb: u64,
    /// What D has sent to E in 64 s, Ethernet headers included.
    pub(super) octets: u64,
}

/// From the first octet of `count` updates until the kernel of D has the last route.
pub(super) fn intake(site: &Site<'_>, count: u32) -> Outcome<Duration> {
    let mut chain = Chain::build(site)?;
    // The neighbours know each other when the first prefix is a route.
    chain.take_in(1)?;
    pass(Duration::from_secs(5) + Duration::from_secs(4).mul_f64(site.phase))?;
    let start = Instant::now();
    chain.take_in(count)?;
    Ok(start.elapsed())
}

/// The daemon at rest with `count` routes.
pub(super) fn steady(site: &Site<'_>, count: u32) -> Outcome<Steady> {
    let mut chain = Chain::build(site)?;
    if count > 0 {
        chain.take_in(1)?;
        chain.take_in(count)?;
    }
    // E has taken in everything too, and nothing of it is new to anybody.
    pass(Duration::from_secs(75))?;
    let pid = chain.daemon.pid();
    let (cpu, began) = (kernel::cpu_s(pid)?, Instant::now());
    let octets = kernel::sent_octets(&chain.namespace, "de")?;
    pass(Duration::from_secs(64))?;
    let octets = kernel::sent_octets(&chain.namespace, "de")? - octets;
    pass(Duration::from_secs(120).saturating_sub(began.elapsed()))?;
    let cpu_s = (kernel::cpu_s(pid)? - cpu) * 60.0 / began.elapsed().as_secs_f64();
    chain.daemon.check()?;
    let there = chain.routes.usable(DIGITS)?;
    if there != count as usize {
        return Err(
            Failure::new(format!("{count} routes at the end"), there.to_string()).read(&chain.daemon.log)
        );
    }
    Ok(Steady { cpu_s, private_kb: kernel::private_kb(pid)?, octets })
}

struct Chain {
    generator: Generator,
    daemon: Process,
    _behind: Process,
    routes: Routes,
    namespace: Namespace,
    _land: Land,
}

impl Chain {
    fn build(site: &Site<'_>) -> Outcome<Self> {
        let mut land = Land::new()?;
        let mut node = |letter: &str, number| {
            let node = land.add(&format!("{}{letter}", site.short))?;
            speaker::furnish(&node, number)?;
            Outcome::Ok(node)
        };
        let (p, d, e) = (node("p", 1)?, node("d", 2)?, node("e", 3)?);
        speaker::cable(&p, "pd", &d, "dp")?;
        speaker::cable(&d, "de", &e, "ed")?;
        let order = Order { number: 2, devices: &[("dp", 96), ("de", 96)], hello_s: 4 };
        let daemon = speaker::start(site.speaker, site.programs, &d, &order, &site.folder.join("d"))?;
        let order = Order { number: 3, devices: &[("ed", 96)], hello_s: 4 };
        let behind = speaker::start(site.speaker, site.programs, &e, &order, &site.folder.join("e"))?;
        let generator = Generator::start(&p, "pd")?;
        let routes = Routes::of(&d)?;
        Ok(Self { generator, daemon, _behind: behind, routes, namespace: d, _land: land })
    }

    /// Announces `count` prefixes and waits until the kernel of D has all.
    fn take_in(&mut self, count: u32) -> Outcome<()> {
        let before = self.routes.entries()? - self.routes.usable(DIGITS)?;
        self.generator.announce(count);
        let routes = &mut self.routes;
        until(&format!("{count} routes at D"), LIMIT, LOOK, || {
            // The cheap number may count a reject route; the dear one decides.
            Ok(routes.entries()? >= before + count as usize && routes.usable(DIGITS)? == count as usize)
        })
    }
}

/// Peers of the past needed up to 81 s for 10,000.
const LIMIT: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(10);
