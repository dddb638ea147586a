//! The link planner: whether a dish on this hill reaches the one over there, before anybody climbs.
//!
//! A [`Plan`] says what two [`End`]s are to be made of. [`assess`] answers with a [`Budget`]: what the air takes away,
//! what comes out at the other end, how much of it may fade, how high the ground may be, how long the radio must wait for
//! an acknowledgement, and a list of [`Finding`]s, the worst of which is the [`Verdict`].
//!
//! It is arithmetic and nothing else: no radio is asked, and the same plan has the same answer. Formulas:
//! free-space loss, Fresnel zone and earth bulge as every textbook has them ([`path`], [`radio`]); what a hill in the way costs by
//! ITU-R P.526 (one knife edge); rates by IEEE 802.11 ([`radio`]); timing by the registers of the chips ([`timing`]).
//! What it cannot know: rain is nothing at these frequencies, trees are everything, and what a country allows is for
//! a person to confirm.

mod finding;
mod path;
mod radio;
#[cfg(test)]
mod tests;
mod timing;

pub use finding::{Finding, Verdict};
pub use path::{Clearance, MOST_DISTANCE_M, Place, PlaceError, Terrain, TerrainError};
pub use radio::{Rate, Rule, Width};
pub use timing::Chip;

use path::Path;

/// What an expected signal may fade before the rate named beside it is lost, dB. Links over valleys fade by 10 dB
/// on many days; the makers ask for 15 to 20.
pub const FADE_MARGIN_DB: f64 = 15.0;
/// A signal above this drives a receiver out of its range, dBm.
pub const STRONGEST_SIGNAL_DBM: f64 = -30.0;

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// Where it stands, if that is known.
    pub place: Option<Place>,
    /// Height of the ground above the sea, metres.
    pub ground_m: f64,
    /// Height of the antenna above that ground, metres.
    pub mast_m: f64,
    /// Gain of the antenna, dBi.
    pub gain_dbi: f64,
    /// What the radio sends with, over all its chains, dBm.
    pub power_dbm: f64,
    /// What cable, connectors and an aim that is not perfect take away, dB.
    pub loss_db: f64,
}

/// A link that somebody thinks about.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Both ends; everything told "of each end" is in this order.
    pub ends: [End; 2],
    /// The distance, metres, where the places do not tell it.
    pub distance_m: Option<f64>,
    /// Middle of the channel, MHz.
    pub frequency_mhz: u32,
    /// Width of the channel.
    pub width: Width,
    /// Streams that both ends can send at once: 2 with two polarisations.
    pub streams: u8,
    /// What the radios are made of.
    pub chip: Chip,
    /// What the country allows there, from the kernel; nothing where nobody asked it.
    pub rule: Allowed,
    /// The ground between, if somebody measured it.
    pub terrain: Terrain,
}

/// What is known of what the country allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// Nobody was asked.
    Unknown,
    /// The channel is in no range of the country's.
    Nowhere,
    /// The channel is in this range.
    In(Rule),
}

/// Why a plan cannot even be reckoned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlanError {
    /// A place is none; `end` is 0 or 1.
    Place {
        /// Which end.
        end: usize,
        /// Why.
        why: PlaceError,
    },
    /// Neither two places nor a distance.
    NoDistance,
    /// Less than a metre, or more than any link: [`MOST_DISTANCE_M`].
    Distance {
        /// What was told, metres.
        distance_m: f64,
    },
    /// A figure outside of what there is.
    Figure {
        /// Which end; 0 for what belongs to both.
        end: usize,
        /// Its name, as the options have it.
        name: &'static str,
        /// What was told.
        value: f64,
        /// The least and the most that there is.
        bounds: (f64, f64),
    },
    /// The heights between do not lie between.
    Terrain(TerrainError),
}

/// What becomes of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// From antenna to antenna, metres.
    pub distance_m: f64,
    /// Where each end aims: degrees from true north, if the places are known.
    pub bearing_deg: Option<[f64; 2]>,
    /// And how far above the horizon, degrees.
    pub elevation_deg: [f64; 2],
    /// What free space takes, dB.
    pub free_space_loss_db: f64,
    /// What the ground in the way takes besides, dB.
    pub obstruction_loss_db: f64,
    /// Radius of the first Fresnel zone in the middle, metres.
    pub fresnel_radius_m: f64,
    /// How high the earth itself stands in the middle on a usual day, metres.
    pub bulge_m: f64,
    /// Where the way is tightest on a usual day, measured against the Fresnel zone.
    pub tightest: Clearance,
    /// What each end radiates, dBm (EIRP).
    pub eirp_dbm: [f64; 2],
    /// What each end hears of the other, dBm.
    pub signal_dbm: [f64; 2],
    /// Thermal noise of a receiver, dBm.
    pub noise_dbm: f64,
    /// Signal over noise at each end, dB.
    pub snr_db: [f64; 2],
    /// What each end can send with [`FADE_MARGIN_DB`] to spare; nothing if not even the slowest.
    pub rate: [Option<Rate>; 2],
    /// What may fade at the weaker end before the slowest rate is lost, dB. Below zero there is no link.
    pub margin_db: f64,
    /// Coverage class to set at both ends (3 µs of waiting each).
    pub coverage_class: u8,
    /// How long a radio then waits for an acknowledgement, µs.
    pub ack_timeout_us: f64,
    /// What somebody should know before climbing, the worst first.
    pub findings: Vec<Finding>,
}

impl Budget {
    /// Whether it is worth climbing: what the worst finding says.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(Finding::verdict).max().unwrap_or(Verdict::Good)
    }
}

/// Reckons a plan.
///
/// # Errors
/// The first figure that cannot be, with what there is.
pub fn assess(plan: &Plan) -> Result<Budget, PlanError> {
    check_figures(plan)?;
    let path = Path::new(plan)?;
    let free_space_loss_db = radio::free_space_loss_db(path.distance_m, plan.frequency_mhz);
    let obstruction_loss_db = path.obstruction_loss_db();
    let eirp_dbm = plan.ends.map(|end| end.power_dbm - end.loss_db + end.gain_dbi);
    let noise_dbm = radio::noise_dbm(plan.width);
    let hears = |from: usize, to: usize| {
        let end = &plan.ends[to];
        eirp_dbm[from] - free_space_loss_db - obstruction_loss_db + end.gain_dbi - end.loss_db
    };
    // What an end hears is in its own place; what it can send depends on what the other hears.
    let signal_dbm = [hears(1, 0), hears(0, 1)];
    let snr_db = signal_dbm.map(|signal| signal - noise_dbm);
    let coverage_class = timing::coverage_class(path.distance_m);
    let sends = |to: usize| {
        Rate::at(snr_db[to] - FADE_MARGIN_DB, plan.width, plan.streams, timing::slot_us(coverage_class))
    };
    let mut budget = Budget {
        distance_m: path.distance_m,
        bearing_deg: path.bearing_deg(),
        elevation_deg: path.elevation_deg(),
        free_space_loss_db,
        obstruction_loss_db,
        fresnel_radius_m: path.fresnel_radius_m(path.distance_m / 2.0),
        bulge_m: path.bulge_m(path.distance_m / 2.0, path::USUAL),
        tightest: path.tightest(path::USUAL),
        eirp_dbm,
        signal_dbm,
        noise_dbm,
        snr_db,
        rate: [sends(1), sends(0)],
        margin_db: snr_db[0].min(snr_db[1]) - radio::least_snr_db(),
        coverage_class,
        ack_timeout_us: timing::ack_timeout_us(coverage_class, plan.width),
        findings: Vec::new(),
    };
    budget.findings = finding::all(plan, &path, &budget);
    Ok(budget)
}

/// Figures that no antenna, mast or mountain has are typing mistakes.
fn check_figures(plan: &Plan) -> Result<(), PlanError> {
    for (end, figures) in plan.ends.iter().enumerate() {
        let Place { latitude_deg, longitude_deg } = figures.place.unwrap_or_default();
        path::check_place(latitude_deg, longitude_deg).map_err(|why| PlanError::Place { end, why })?;
        check(end, "ground", figures.ground_m, (-500.0, 8_900.0))?;
        check(end, "mast", figures.mast_m, (0.0, 500.0))?;
        check(end, "gain", figures.gain_dbi, (-10.0, 60.0))?;
        check(end, "power", figures.power_dbm, (-20.0, 50.0))?;
        check(end, "loss", figures.loss_db, (0.0, 60.0))?;
    }
    check(0, "frequency", f64::from(plan.frequency_mhz), (400.0, 80_000.0))?;
    check(0, "streams", f64::from(plan.streams), (1.0, 4.0))
}

fn check(end: usize, name: &'static str, value: f64, bounds: (f64, f64)) -> Result<(), PlanError> {
    // Whatever is no number is in no range either.
    if (bounds.0..=bounds.1).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::Figure { end, name, value, bounds })
    }
}
