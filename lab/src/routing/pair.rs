//! Two nodes and a cable: one has been up for a while, the other starts.

use std::time::{Duration, Instant};

use super::kernel::Routes;
use super::speaker::{self, Order};
use super::{PERIOD, Site, pass, until};
use crate::failure::Outcome;
use crate::netns::Land;

/// From the start of the second daemon until both kernels have a usable route to the other.
pub(super) fn first_route(site: &Site<'_>) -> Outcome<Duration> {
    let mut land = Land::new()?;
    let one = land.add(&format!("{}a", site.short))?;
    let other = land.add(&format!("{}b", site.short))?;
    speaker::furnish(&one, 1)?;
    speaker::furnish(&other, 2)?;
    speaker::cable(&one, "ab", &other, "ba")?;
    let (mut at_one, mut at_other) = (Routes::of(&one)?, Routes::of(&other)?);

    let order = Order { number: 1, devices: &[("ab", 96)], hello_s: 4 };
    let _first = speaker::start(site.speaker, site.programs, &one, &order, &site.folder.join("a"))?;
    pass(SETTLED + PERIOD.mul_f64(site.phase))?;

    let order = Order { number: 2, devices: &[("ba", 96)], hello_s: 4 };
    let start = Instant::now();
    let _second = speaker::start(site.speaker, site.programs, &other, &order, &site.folder.join("b"))?;
    until("usable routes on both sides", LIMIT, LOOK, || {
        Ok(at_other.device_to(speaker::address(1))?.is_some()
            && at_one.device_to(speaker::address(2))?.is_some())
    })?;
    Ok(start.elapsed())
}

/// The first daemon is past all that it does at its start.
const SETTLED: Duration = Duration::from_secs(10);

const LIMIT: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(10);
