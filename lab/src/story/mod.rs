//! The story of the village, step by step. Each step waits for conditions that the kernel, a phone or the daemon shows,
//! and has a limit; it says what it expected and what it saw instead.
//!
//! Who plays: Rosa has a phone at the square (`plaza`) and buys an hour from Ana, the caretaker. Beto stands beside
//! her and has no voucher. Luz lives in the hamlet (`caserio`), five links away from the gateway, and buys the plan of
//! twenty seconds there. Nico brings a voucher of the hamlet to the square. Paco walks from the square to the hamlet.
//!
//! A new step is a row in `STEPS` and a method in `accounts`, `mesh`, `phones`, `probing`, `exchange`, `secrets`, `serving`, `split`,
//! `trouble` or `walking`.

mod accounts;
mod exchange;
mod mesh;
mod phones;
mod probing;
mod secrets;
mod serving;
mod split;
mod trouble;
mod walking;

use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::interrupt;
use crate::phone::{Phone, Visit};
use crate::timeline::Timeline;
use crate::village::{Options, Village};

/// The story while it is played.
#[derive(Debug)]
pub struct Story {
    /// The village it is played in.
    pub village: Village,
    options: Options,
    rosa: Option<Phone>,
    beto: Option<Phone>,
    luz: Option<Phone>,
    /// When the last daemon was started.
    started: Instant,
    /// How the link to the hill was cut the last time.
    last_cut: &'static str,
    /// The page of the portal that Rosa sees.
    portal: Option<Visit>,
    /// Every voucher code that was sold.
    codes: Vec<String>,
    /// The addresses of all phones.
    macs: Vec<String>,
}

type Play = fn(&mut Story, &mut Timeline) -> Outcome<()>;

/// The steps, in order.
const STEPS: &[(&str, Play)] = &[
    ("the daemons start", Story::daemons_start),
    ("the mesh converges", Story::mesh_converges),
    ("the school's library gets a name", Story::library_named),
    ("a phone gets a lease", Story::phone_gets_lease),
    ("it opens a page and is sent to the portal", Story::sent_to_portal),
    ("a wrong code changes nothing", Story::wrong_code),
    ("the code just sold opens the outside", Story::right_code),
    ("a phone without a voucher stays inside", Story::without_voucher),
    ("what a coupon says opens the portal", Story::coupon_scanned),
    ("every phone finds out what it stands before", Story::probed),
    ("an emergency opens the network, the night closes it", Story::modes),
    ("a code of the hamlet works at the square", Story::sold_elsewhere),
    ("a phone changes its address, walks over, and is let out", Story::walks_over),
    ("a seller pays, and two nodes say so", Story::settled_by_two),
    ("the community changes its secrets", Story::secrets_change),
    ("a node that was off meanwhile comes back", Story::back_after_rotations),
    ("the link to the hill is cut (no carrier)", Story::cut_carrier),
    ("the link is back, and so is the better way", Story::hill_is_back),
    ("the link to the hill is cut (in silence)", Story::cut_silent),
    ("the link is back again", Story::hill_is_back),
    ("a daemon is killed and started again", Story::daemon_killed),
    ("what does not answer is told at every portal", Story::silence_told),
    ("the uplink dies, the content stays", Story::uplink_dies),
    ("every phone finds the portal without an uplink", Story::probed_offline),
    ("the uplink is back", Story::uplink_is_back),
    ("the provider goes silent behind its cable", Story::provider_silent),
    ("the provider answers again", Story::provider_is_back),
    ("the hamlet knows how far the outside is", Story::outside_measured),
    ("two plans of 20 seconds end, one after the other", Story::plan_ends),
    ("one code on both sides of a split", Story::used_on_both_sides),
    ("the daemons end", Story::daemons_end),
    ("the recordings replay and hold no secret", Story::recordings_proven),
];

impl Story {
    /// The story of this village.
    pub fn new(village: Village, options: Options) -> Self {
        Self {
            village,
            options,
            rosa: None,
            beto: None,
            luz: None,
            started: Instant::now(),
            last_cut: "",
            portal: None,
            codes: Vec::new(),
            macs: Vec::new(),
        }
    }

    /// Plays it to its end, or to the first step that fails.
    pub fn play(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        for (title, play) in STEPS {
            if self.options.keep && *title == "the daemons end" {
                break;
            }
            if self.options.record.is_none() && *title == "the recordings replay and hold no secret" {
                break;
            }
            timeline.step(title, |timeline| {
                interrupt::check()?;
                // Whatever fails, the daemon of the square has the most to say about it.
                let outcome = play(self, timeline).and_then(|()| self.village.check());
                outcome.map_err(|failure| {
                    if failure.read.is_empty() && !failure.interrupted {
                        failure.read(&self.village.household(SQUARE).log)
                    } else {
                        failure
                    }
                })
            })?;
        }
        Ok(())
    }

    fn limit(&self) -> Duration {
        self.options.step_timeout
    }
}

const SQUARE: &str = "plaza";
const HILL: &str = "cerro-bajo";
const AROUND: &str = "loma";
const HAMLET: &str = "caserio";
const SCHOOL: &str = "escuela";

const OUTSIDE_URL: &str = "http://outside.example/";

/// What an Android phone asks when it has joined a network.
const ANDROID_CHECK: &str = "http://connectivitycheck.gstatic.com/generate_204";

/// Of the right length and letters; that its tag is right by chance happens once in some hundred million runs.
const WRONG_CODE: &str = "2345-6789-ABCD";

/// As long as a person waits for a page.
const PATIENCE: Duration = Duration::from_secs(20);

/// As long as it takes to see that nothing comes.
const SHORT_PATIENCE: Duration = Duration::from_secs(3);

/// Answers in a row that show that traffic flows.
const ENOUGH_ANSWERS: usize = 5;

/// Use is counted in steps of a second and more, and the last lease may not have begun at once.
const TRIAL_BOUNDS_S: (f64, f64) = (34.0, 60.0);
