//! The way between two antennas: how long it is, where to aim, and what stands in it.
//!
//! The earth is a ball; air bends radio waves downwards, which is reckoned as an earth that is larger by a factor
//! k: 4/3 on a usual day ([`USUAL`]), 2/3 on a bad one ([`BAD`]).

use super::{End, Plan, PlanError};

/// Mean radius of the earth (IUGG), metres.
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// Speed of light, metres a microsecond.
const LIGHT_M_US: f64 = 299.792_458;
/// The longest link that is reckoned, metres: what 255 coverage classes of 450 m can wait for.
pub const MOST_DISTANCE_M: f64 = 114_750.0;
/// The effective earth's factor on a usual day.
pub(super) const USUAL: f64 = 4.0 / 3.0;
/// And on one of the few when the air lifts the waves.
pub(super) const BAD: f64 = 2.0 / 3.0;
/// Of the first Fresnel zone, what must be free of ground and trees.
pub(super) const FRESNEL_NEEDED: f64 = 0.6;
/// Heights between two ends that are looked at: one each 30 m of 115 km.
const MOST_HEIGHTS: usize = 4_096;

/// A place on the earth (WGS 84).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// Degrees north, -90 to 90.
    pub latitude_deg: f64,
    /// Degrees east, -180 to 180.
    pub longitude_deg: f64,
}

/// Why a place is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceError {
    /// The first figure is no latitude but the second would be one: they were swapped.
    Swapped,
    /// No latitude (-90 to 90).
    Latitude,
    /// No longitude (-180 to 180).
    Longitude,
}

/// A height of the ground on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Height {
    /// From the first end, metres.
    pub at_m: f64,
    /// Above the sea, with what grows on it, metres.
    pub ground_m: f64,
}

/// The ground between two ends, in order; empty where nobody measured it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terrain(Vec<Height>);

/// Why heights are no terrain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TerrainError {
    /// More of them than are looked at.
    TooMany,
    /// Not a number, not behind the one before, or no height of this earth; which one, from 1.
    Height(usize),
    /// The last lies beyond the far end by more than a hundredth.
    Beyond {
        /// Where it lies, metres.
        at_m: f64,
        /// How far the far end is, metres.
        distance_m: f64,
    },
}

/// How much room there is at one place of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clearance {
    /// Where, from the first end, metres.
    pub at_m: f64,
    /// From the ground (and the earth's bulge) to the straight line, metres. Below zero the line is cut.
    pub clear_m: f64,
    /// What [`FRESNEL_NEEDED`] of the Fresnel zone asks for there, metres.
    pub needed_m: f64,
}

impl Terrain {
    /// Takes heights as they were measured: (metres from the first end, metres above the sea).
    ///
    /// # Errors
    /// When they are too many, out of order, or of no mountain.
    pub fn new(heights: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, TerrainError> {
        let mut all: Vec<Height> = Vec::new();
        for (index, (at_m, ground_m)) in heights.into_iter().enumerate() {
            if index >= MOST_HEIGHTS {
                return Err(TerrainError::TooMany);
            }
            let behind = all.last().is_none_or(|last| at_m > last.at_m);
            if !behind || !(0.0..=MOST_DISTANCE_M).contains(&at_m) || !(-500.0..=8_900.0).contains(&ground_m)
            {
                return Err(TerrainError::Height(index + 1));
            }
            all.push(Height { at_m, ground_m });
        }
        Ok(Self(all))
    }

    /// Whether nobody measured anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The heights, in order.
    pub fn heights(&self) -> &[Height] {
        &self.0
    }
}

/// Looks whether two figures are a place.
pub(super) fn check_place(latitude_deg: f64, longitude_deg: f64) -> Result<(), PlaceError> {
    let is_latitude = |degrees: f64| (-90.0..=90.0).contains(&degrees);
    let is_longitude = |degrees: f64| (-180.0..=180.0).contains(&degrees);
    match (is_latitude(latitude_deg), is_longitude(longitude_deg)) {
        (true, true) => Ok(()),
        (false, _) if is_longitude(latitude_deg) && is_latitude(longitude_deg) => Err(PlaceError::Swapped),
        (false, _) => Err(PlaceError::Latitude),
        (true, false) => Err(PlaceError::Longitude),
    }
}

/// The way of one plan.
pub(super) struct Path<'a> {
    pub(super) distance_m: f64,
    ends: &'a [End; 2],
    frequency_mhz: u32,
    terrain: &'a Terrain,
}

impl<'a> Path<'a> {
    pub(super) fn new(plan: &'a Plan) -> Result<Self, PlanError> {
        let places = plan.ends[0].place.zip(plan.ends[1].place);
        let distance_m = match (places, plan.distance_m) {
            (_, Some(told_m)) => told_m,
            (Some((from, to)), None) => {
                let along_m = great_circle_m(from, to);
                along_m.hypot(height_m(&plan.ends[0]) - height_m(&plan.ends[1]))
            }
            (None, None) => return Err(PlanError::NoDistance),
        };
        if !(1.0..=MOST_DISTANCE_M).contains(&distance_m) {
            return Err(PlanError::Distance { distance_m });
        }
        if let Some(last) = plan.terrain.0.last()
            && last.at_m > distance_m * 1.01
        {
            return Err(PlanError::Terrain(TerrainError::Beyond { at_m: last.at_m, distance_m }));
        }
        Ok(Self { distance_m, ends: &plan.ends, frequency_mhz: plan.frequency_mhz, terrain: &plan.terrain })
    }

    /// Where each end looks, degrees from true north.
    pub(super) fn bearing_deg(&self) -> Option<[f64; 2]> {
        let (from, to) = self.ends[0].place.zip(self.ends[1].place)?;
        Some([bearing_deg(from, to), bearing_deg(to, from)])
    }

    /// How far above the horizon each end looks, degrees: the far mast is higher, and the earth falls away.
    pub(super) fn elevation_deg(&self) -> [f64; 2] {
        let falls_m = self.distance_m * self.distance_m / (2.0 * USUAL * EARTH_RADIUS_M);
        let rise_m = height_m(&self.ends[1]) - height_m(&self.ends[0]);
        [rise_m, -rise_m].map(|rise_m| ((rise_m - falls_m) / self.distance_m).atan().to_degrees())
    }

    /// Radius of the first Fresnel zone at a place, metres.
    pub(super) fn fresnel_radius_m(&self, at_m: f64) -> f64 {
        let wavelength_m = LIGHT_M_US / f64::from(self.frequency_mhz);
        (wavelength_m * at_m * (self.distance_m - at_m).max(0.0) / self.distance_m).sqrt()
    }

    /// How high the earth stands above the straight line between two points of its surface, metres.
    pub(super) fn bulge_m(&self, at_m: f64, factor: f64) -> f64 {
        at_m * (self.distance_m - at_m).max(0.0) / (2.0 * factor * EARTH_RADIUS_M)
    }

    /// Where the way is tightest, measured by the Fresnel zone there.
    pub(super) fn tightest(&self, factor: f64) -> Clearance {
        let middle = self.clearance(self.distance_m / 2.0, self.flat_m(self.distance_m / 2.0), factor);
        self.terrain
            .0
            .iter()
            .filter(|height| self.fresnel_radius_m(height.at_m) > 0.0)
            .map(|height| self.clearance(height.at_m, height.ground_m, factor))
            .min_by(|one, other| one.share().total_cmp(&other.share()))
            .unwrap_or(middle)
    }

    /// What the worst edge in the way takes, dB: ITU-R P.526-15, equation 31, for one knife edge.
    pub(super) fn obstruction_loss_db(&self) -> f64 {
        // Of ground that nobody measured nothing is reckoned.
        if self.terrain.is_empty() {
            return 0.0;
        }
        let worst = self.tightest(USUAL);
        let edge = -worst.share() * FRESNEL_NEEDED * std::f64::consts::SQRT_2;
        if edge <= -0.78 {
            return 0.0;
        }
        let from = edge - 0.1;
        6.9 + 20.0 * ((from * from + 1.0).sqrt() + from).log10()
    }

    fn clearance(&self, at_m: f64, ground_m: f64, factor: f64) -> Clearance {
        let [from_m, to_m] = [height_m(&self.ends[0]), height_m(&self.ends[1])];
        let line_m = from_m + (to_m - from_m) * at_m / self.distance_m;
        Clearance {
            at_m,
            clear_m: line_m - ground_m - self.bulge_m(at_m, factor),
            needed_m: FRESNEL_NEEDED * self.fresnel_radius_m(at_m),
        }
    }

    /// The ground at a place, if it rose evenly from one end to the other.
    fn flat_m(&self, at_m: f64) -> f64 {
        let [from_m, to_m] = [self.ends[0].ground_m, self.ends[1].ground_m];
        from_m + (to_m - from_m) * at_m / self.distance_m
    }
}

impl Clearance {
    /// What is free, as a share of what is needed: 1 and more is good, below 0 the line is cut.
    pub fn share(&self) -> f64 {
        self.clear_m / self.needed_m
    }
}

/// Of the antenna above the sea.
fn height_m(end: &End) -> f64 {
    end.ground_m + end.mast_m
}

/// The shortest way over the ground (haversine), metres.
fn great_circle_m(from: Place, to: Place) -> f64 {
    let [latitude_from, latitude_to] = [from.latitude_deg.to_radians(), to.latitude_deg.to_radians()];
    let east = (to.longitude_deg - from.longitude_deg).to_radians();
    let (north, east) = (sine((latitude_to - latitude_from) / 2.0), sine(east / 2.0));
    let half = (north * north + cosine(latitude_from) * cosine(latitude_to) * east * east).min(1.0);
    2.0 * EARTH_RADIUS_M * half.sqrt().atan2((1.0 - half).sqrt())
}

/// Where `to` is seen from `from`, degrees from true north, 0 to 360.
fn bearing_deg(from: Place, to: Place) -> f64 {
    let [latitude_from, latitude_to] = [from.latitude_deg.to_radians(), to.latitude_deg.to_radians()];
    let east = (to.longitude_deg - from.longitude_deg).to_radians();
    let north =
        cosine(latitude_from) * sine(latitude_to) - sine(latitude_from) * cosine(latitude_to) * cosine(east);
    let bearing_deg = (sine(east) * cosine(latitude_to)).atan2(north).to_degrees();
    if bearing_deg < 0.0 { bearing_deg + 360.0 } else { bearing_deg }
}

/// The sine of an angle between two turns back and two ahead, to a part in 10^11. That of the mathematical library is for every
/// number there is, and three kilobytes of flash after xz (`docs/sizes.md`).
pub(super) fn sine(angle: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, PI, TAU};
    let mut angle = angle;
    while angle > PI {
        angle -= TAU;
    }
    while angle < -PI {
        angle += TAU;
    }
    // The sine of a half turn less is the same.
    if angle.abs() > FRAC_PI_2 {
        angle = PI.copysign(angle) - angle;
    }
    let square = angle * angle;
    // The series, from its far end.
    (1..=9).rev().fold(1.0, |sum, half| {
        let step = f64::from(2 * half * (2 * half + 1));
        1.0 - square / step * sum
    }) * angle
}

fn cosine(angle: f64) -> f64 {
    sine(angle + std::f64::consts::FRAC_PI_2)
}
