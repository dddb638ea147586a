//! What somebody should know before climbing.

use super::path::{BAD, Clearance, Path};
use super::radio::Width;
use super::{Allowed, Budget, FADE_MARGIN_DB, Plan, STRONGEST_SIGNAL_DBM, timing};

/// Whether a link is worth climbing for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It will work.
    Good,
    /// It may work; something should be looked at first.
    Doubtful,
    /// It cannot work as planned.
    Impossible,
}

/// One thing that a plan says about itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// The straight line is cut on a usual day.
    Blocked(Clearance),
    /// The weaker end is below what the slowest rate needs, by so many dB.
    NoSignal {
        /// What lacks, dB.
        lacks_db: f64,
    },
    /// The radio cannot wait that long at this width.
    TooFarForChip {
        /// The longest way that it can wait for, metres.
        most_m: f64,
        /// The widest channel with which it could.
        works_with: Option<Width>,
    },
    /// Ground reaches into what must be free.
    FresnelTouched(Clearance),
    /// On a bad day it would.
    CutOnBadDays(Clearance),
    /// What may fade is less than one wants.
    ThinMargin {
        /// What may fade before the slowest rate is lost, dB.
        margin_db: f64,
    },
    /// A receiver is driven out of its range: send with less.
    TooStrong {
        /// The stronger signal, dBm.
        signal_dbm: f64,
    },
    /// More is radiated than the country allows.
    TooLoud {
        /// What the louder end radiates, dBm.
        eirp_dbm: f64,
        /// What is allowed, dBm.
        most_dbm: f64,
    },
    /// The country has no such channel.
    NotAllowed,
    /// Only indoors.
    IndoorOnly,
    /// Nobody asked what the country allows.
    CountryUnknown,
    /// Nobody knows whether the radio can wait that long.
    ChipUnknown,
    /// Radar: a minute of silence at each start, and when one is seen the channel must be left.
    Dfs,
    /// Nobody measured the ground between.
    GroundUnknown,
}

impl Finding {
    /// A word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "blocked",
            Self::NoSignal { .. } => "no-signal",
            Self::TooFarForChip { .. } => "too-far-for-chip",
            Self::FresnelTouched(_) => "fresnel-touched",
            Self::CutOnBadDays(_) => "cut-on-bad-days",
            Self::ThinMargin { .. } => "thin-margin",
            Self::TooStrong { .. } => "too-strong",
            Self::TooLoud { .. } => "too-loud",
            Self::NotAllowed => "not-allowed",
            Self::IndoorOnly => "indoor-only",
            Self::CountryUnknown => "country-unknown",
            Self::ChipUnknown => "chip-unknown",
            Self::Dfs => "dfs",
            Self::GroundUnknown => "ground-unknown",
        }
    }

    /// What it means for the whole.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Blocked(_) | Self::NoSignal { .. } | Self::TooFarForChip { .. } => Verdict::Impossible,
            Self::CountryUnknown | Self::ChipUnknown | Self::Dfs | Self::GroundUnknown => Verdict::Good,
            _ => Verdict::Doubtful,
        }
    }
}

/// All that can be said, the worst first.
pub(super) fn all(plan: &Plan, path: &Path<'_>, budget: &Budget) -> Vec<Finding> {
    let found = of_the_way(plan, path, budget)
        .into_iter()
        .chain(of_the_signal(budget))
        .chain(of_the_chip(plan, budget))
        .chain(of_the_law(plan, budget));
    let mut all: Vec<Finding> = found.collect();
    // In the same order among equals: the sort is stable.
    all.sort_by_key(|finding| std::cmp::Reverse(finding.verdict()));
    all
}

fn of_the_way(plan: &Plan, path: &Path<'_>, budget: &Budget) -> Vec<Finding> {
    let mut found = Vec::new();
    if budget.tightest.clear_m < 0.0 {
        found.push(Finding::Blocked(budget.tightest));
    } else if budget.tightest.share() < 1.0 {
        found.push(Finding::FresnelTouched(budget.tightest));
    } else {
        let bad = path.tightest(BAD);
        found.extend((bad.clear_m < 0.0).then_some(Finding::CutOnBadDays(bad)));
    }
    found.extend(plan.terrain.is_empty().then_some(Finding::GroundUnknown));
    found
}

fn of_the_signal(budget: &Budget) -> Option<Finding> {
    let strongest_dbm = budget.signal_dbm[0].max(budget.signal_dbm[1]);
    if budget.margin_db < 0.0 {
        Some(Finding::NoSignal { lacks_db: -budget.margin_db })
    } else if budget.margin_db < FADE_MARGIN_DB {
        Some(Finding::ThinMargin { margin_db: budget.margin_db })
    } else {
        (strongest_dbm > STRONGEST_SIGNAL_DBM).then_some(Finding::TooStrong { signal_dbm: strongest_dbm })
    }
}

fn of_the_chip(plan: &Plan, budget: &Budget) -> Option<Finding> {
    let needed = budget.coverage_class;
    // Up to the length of one class every radio waits long enough by itself.
    if needed <= 1 {
        return None;
    }
    let Some(most) = plan.chip.most_class(plan.width) else { return Some(Finding::ChipUnknown) };
    let works = |width: &Width| plan.chip.most_class(*width).is_some_and(|most| needed <= most);
    (needed > most).then(|| Finding::TooFarForChip {
        most_m: timing::reach_m(most.max(1)),
        works_with: Width::ALL.into_iter().rev().find(works),
    })
}

fn of_the_law(plan: &Plan, budget: &Budget) -> Vec<Finding> {
    let rule = match plan.rule {
        Allowed::Unknown => return vec![Finding::CountryUnknown],
        Allowed::Nowhere => return vec![Finding::NotAllowed],
        Allowed::In(rule) => rule,
    };
    let eirp_dbm = budget.eirp_dbm[0].max(budget.eirp_dbm[1]);
    let most_dbm = f64::from(rule.max_eirp_mbm) / 100.0;
    let mut found = Vec::new();
    found.extend((eirp_dbm > most_dbm).then_some(Finding::TooLoud { eirp_dbm, most_dbm }));
    found.extend(rule.is_indoor.then_some(Finding::IndoorOnly));
    found.extend(rule.is_dfs.then_some(Finding::Dfs));
    found
}
