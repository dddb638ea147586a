//! Each row of the tables that installers know, and the plans that must be refused.

use super::path::{BAD, USUAL};
use super::*;
use proptest::prelude::*;

/// Two ends as a catalogue has them: 24 dBm, 30 dBi, half a decibel lost at each, on masts that see each other.
fn plan(distance_km: f64) -> Plan {
    let end =
        End { place: None, ground_m: 0.0, mast_m: 100.0, gain_dbi: 30.0, power_dbm: 24.0, loss_db: 0.5 };
    Plan {
        ends: [end; 2],
        distance_m: Some(distance_km * 1_000.0),
        frequency_mhz: 5_800,
        width: Width::Mhz20,
        streams: 2,
        chip: Chip::Ath9k,
        rule: Allowed::Unknown,
        terrain: Terrain::default(),
    }
}

fn with_power(power_dbm: f64, gain_dbi: f64) -> Plan {
    let mut plan = plan(27.0);
    for end in &mut plan.ends {
        (end.power_dbm, end.gain_dbi) = (power_dbm, gain_dbi);
    }
    plan
}

#[track_caller]
fn near(got: f64, wanted: f64, within: f64, what: &str) {
    assert!((got - wanted).abs() <= within, "{what}: {got} and not {wanted}");
}

fn codes(budget: &Budget) -> Vec<&'static str> {
    budget.findings.iter().map(Finding::code).collect()
}

#[test]
fn loss_zone_bulge_class_and_timeout_of_each_distance() {
    // km, loss dB, Fresnel radius in the middle, 60 % of it, bulge with k = 4/3, 1 and 2/3, class, timeout µs.
    let rows = [
        (1.0, 107.7, 3.6, 2.2, 0.0, 0.0, 0.0, 3, 34.0),
        (5.0, 121.7, 8.0, 4.8, 0.4, 0.5, 0.7, 12, 61.0),
        (10.0, 127.7, 11.4, 6.8, 1.5, 2.0, 2.9, 23, 94.0),
        (20.0, 133.7, 16.1, 9.6, 5.9, 7.8, 11.8, 45, 160.0),
        (27.0, 136.3, 18.7, 11.2, 10.7, 14.3, 21.5, 60, 205.0),
    ];
    for (km, loss_db, radius_m, needed_m, usual_m, even_m, bad_m, class, timeout_us) in rows {
        let plan = plan(km);
        let budget = assess(&plan).unwrap();
        let path = Path::new(&plan).unwrap();
        near(budget.free_space_loss_db, loss_db, 0.05, "loss");
        near(budget.fresnel_radius_m, radius_m, 0.06, "radius");
        near(budget.tightest.needed_m, needed_m, 0.06, "needed");
        near(budget.bulge_m, usual_m, 0.06, "bulge");
        near(path.bulge_m(km * 500.0, 1.0), even_m, 0.06, "bulge, k = 1");
        near(path.bulge_m(km * 500.0, BAD), bad_m, 0.06, "bulge, k = 2/3");
        assert_eq!(budget.coverage_class, class, "{km} km");
        near(budget.ack_timeout_us, timeout_us, 0.01, "timeout");
    }
    let mut lower = plan(27.0);
    lower.frequency_mhz = 2_437;
    near(assess(&lower).unwrap().free_space_loss_db, 128.8, 0.05, "2.4 GHz");
    lower.frequency_mhz = 5_500;
    near(assess(&lower).unwrap().free_space_loss_db, 135.9, 0.05, "5.5 GHz");
}

#[test]
fn signal_and_margin_of_each_radio_at_27_km() {
    for (power_dbm, gain_dbi, signal_dbm, snr_db) in [
        (24.0, 34.0, -45.3, 50.0),
        (25.0, 30.0, -52.3, 43.0),
        (27.0, 25.0, -60.3, 35.0),
        (20.0, 23.0, -71.3, 24.0),
    ] {
        let budget = assess(&with_power(power_dbm, gain_dbi)).unwrap();
        for end in 0..2 {
            near(budget.signal_dbm[end], signal_dbm, 0.06, "signal");
            near(budget.snr_db[end], snr_db, 0.4, "signal over noise");
        }
    }
    // What the country allows to be radiated, heard with 30 dBi; these rows lose nothing in cables.
    for (eirp_dbm, signal_dbm, snr_db) in
        [(36.0, -70.3, 25.0), (30.0, -76.3, 19.0), (26.0, -80.3, 15.0), (13.0, -93.3, 2.0)]
    {
        let mut plan = with_power(eirp_dbm - 30.0, 30.0);
        plan.ends[0].loss_db = 0.0;
        plan.ends[1].loss_db = 0.0;
        let budget = assess(&plan).unwrap();
        near(budget.eirp_dbm[0], eirp_dbm, 1e-9, "radiated");
        near(budget.signal_dbm[1], signal_dbm, 0.06, "signal");
        near(budget.snr_db[1], snr_db, 0.5, "signal over noise");
        assert_eq!(
            codes(&budget).contains(&"no-signal"),
            eirp_dbm < 14.0,
            "{eirp_dbm} dBm: {:?}",
            codes(&budget)
        );
    }
}

#[test]
fn noise_of_each_width() {
    for (width, noise_dbm) in Width::ALL.into_iter().zip([-101.0, -98.0, -95.0, -92.0, -89.0]) {
        near(radio::noise_dbm(width), noise_dbm, 0.05, "noise");
        assert_eq!(Width::of_mhz(width.mhz()), Some(width));
    }
    assert_eq!(Width::of_mhz(22), None);
}

#[test]
fn the_register_of_ath9k_ends_where_it_ends() {
    // Width, highest class, kilometres.
    for (width, class, km) in [
        (Width::Mhz40, 53, 24.2),
        (Width::Mhz20, 115, 52.1),
        (Width::Mhz10, 227, 102.6),
        (Width::Mhz5, 255, 114.8),
    ] {
        assert_eq!(Chip::Ath9k.most_class(width), Some(class), "{width:?}");
        near(timing::reach_m(class) / 1_000.0, km, 0.5, "reach");
    }
    let mut wide = plan(27.0);
    wide.width = Width::Mhz40;
    let budget = assess(&wide).unwrap();
    assert_eq!(budget.verdict(), Verdict::Impossible);
    assert!(
        matches!(budget.findings[0], Finding::TooFarForChip { most_m, works_with: Some(Width::Mhz20) } if most_m == 23_850.0),
        "{:?}",
        budget.findings
    );
    wide.chip = Chip::Mt76;
    assert!(!codes(&assess(&wide).unwrap()).contains(&"too-far-for-chip"));
    wide.chip = Chip::Other;
    assert!(codes(&assess(&wide).unwrap()).contains(&"chip-unknown"));
    wide.chip = Chip::Ath10kWave2;
    assert!(
        assess(&wide).unwrap().findings.contains(&Finding::TooFarForChip { most_m: 450.0, works_with: None }),
        "no width helps a chip that cannot be told"
    );
}

#[test]
fn rates_are_those_of_the_standard() {
    let fast = |snr_db, width, streams| {
        Rate::at(snr_db, width, streams, 9.0).map(|rate| (rate.mcs, rate.streams, rate.air_mbps))
    };
    assert_eq!(fast(60.0, Width::Mhz20, 1), Some((9, 1, 52.0 * 40.0 / 6.0 / 4.0)));
    assert_eq!(fast(26.5, Width::Mhz20, 1), Some((7, 1, 65.0)));
    assert_eq!(fast(8.1, Width::Mhz20, 1), Some((0, 1, 6.5)));
    assert_eq!(fast(7.9, Width::Mhz20, 1), None, "below the slowest");
    assert_eq!(fast(29.5, Width::Mhz40, 2), Some((7, 2, 270.0)), "both share the power");
    assert_eq!(fast(8.1, Width::Mhz20, 2), Some((0, 1, 6.5)), "one alone has all of it");
    assert_eq!(fast(60.0, Width::Mhz10, 2).map(|(.., mbps)| mbps), Some(52.0 * 40.0 / 6.0 * 2.0 / 8.0));
    // Waiting for an acknowledgement over 27 km costs a quarter to a third of a long burst.
    let [near_by, far] =
        [9.0, timing::slot_us(60)].map(|slot_us| Rate::at(31.0, Width::Mhz20, 2, slot_us).unwrap());
    assert!(near_by.expected_mbps > 0.9 * near_by.air_mbps, "{near_by:?}");
    assert!((0.6..0.75).contains(&(far.expected_mbps / far.air_mbps)), "{far:?}");
}

#[test]
fn a_good_link_says_what_nobody_asked() {
    let budget = assess(&plan(27.0)).unwrap();
    assert_eq!(
        (budget.verdict(), codes(&budget)),
        (Verdict::Good, vec!["ground-unknown", "country-unknown"])
    );
    assert!(budget.rate[0].is_some() && budget.rate == [budget.rate[1]; 2]);
    assert_eq!(budget.bearing_deg, None);
}

#[test]
fn masts_over_flat_ground_must_clear_zone_and_bulge() {
    // 27 km over flat ground: 11.2 m of the zone and 10.7 m of the earth.
    for (mast_m, first) in
        [(10.0, "blocked"), (21.0, "fresnel-touched"), (23.0, "ground-unknown"), (20.0, "fresnel-touched")]
    {
        let mut plan = plan(27.0);
        plan.ends[0].mast_m = mast_m;
        plan.ends[1].mast_m = mast_m;
        let budget = assess(&plan).unwrap();
        let found = codes(&budget);
        assert_eq!(
            found.iter().find(|code| **code != "cut-on-bad-days"),
            Some(&first),
            "{mast_m} m: {found:?}"
        );
    }
    // On a bad day the earth stands 21.5 m high.
    for (mast_m, cut) in [(22.0, false), (21.99, false)] {
        let mut plan = plan(27.0);
        plan.ends[0].mast_m = mast_m;
        plan.ends[1].mast_m = mast_m;
        assert_eq!(codes(&assess(&plan).unwrap()).contains(&"cut-on-bad-days"), cut);
    }
}

#[test]
fn a_hill_in_the_way_costs_what_a_knife_edge_costs() {
    let mut plan = plan(10.0);
    // A ridge in the middle that just touches the line: 6 dB (ITU-R P.526, v = 0).
    let touches_m = 100.0 - Path::new(&plan).unwrap().bulge_m(5_000.0, USUAL);
    plan.terrain = Terrain::new([(1_000.0, 0.0), (5_000.0, touches_m), (9_000.0, 0.0)]).unwrap();
    let budget = assess(&plan).unwrap();
    near(budget.obstruction_loss_db, 6.0, 0.1, "an edge on the line");
    near(budget.tightest.at_m, 5_000.0, 0.1, "where");
    assert!(codes(&budget).contains(&"fresnel-touched") || codes(&budget).contains(&"blocked"));
    // One Fresnel radius above it: v = 1.41, 16 dB.
    let radius_m = budget.fresnel_radius_m;
    plan.terrain = Terrain::new([(5_000.0, touches_m + radius_m)]).unwrap();
    let blocked = assess(&plan).unwrap();
    near(blocked.obstruction_loss_db, 16.3, 0.5, "an edge above the line");
    assert_eq!((blocked.verdict(), codes(&blocked)[0]), (Verdict::Impossible, "blocked"));
    near(blocked.signal_dbm[0], budget.signal_dbm[0] - 10.3, 0.5, "signal behind it");
    // 0.6 of the zone free: nothing.
    plan.terrain = Terrain::new([(5_000.0, touches_m - 0.6 * radius_m)]).unwrap();
    near(assess(&plan).unwrap().obstruction_loss_db, 0.0, 0.3, "a free zone");
}

#[test]
fn places_give_distance_bearing_and_tilt() {
    let mut plan = plan(1.0);
    plan.distance_m = None;
    // One degree of latitude is 111.195 km on this ball; half of it is a link.
    plan.ends[0].place = Some(Place { latitude_deg: 17.0, longitude_deg: -96.5 });
    plan.ends[1].place = Some(Place { latitude_deg: 17.25, longitude_deg: -96.5 });
    plan.ends[1].ground_m = 1_000.0;
    let budget = assess(&plan).unwrap();
    near(budget.distance_m, 27_817.0, 30.0, "distance");
    let [out, back] = budget.bearing_deg.unwrap();
    near(out, 0.0, 1e-6, "north");
    near(back, 180.0, 1e-6, "south");
    near(budget.elevation_deg[0], 1.97, 0.1, "up the hill");
    near(budget.elevation_deg[1], -2.15, 0.1, "and down");
    // East, over the line where the day changes.
    plan.ends[0].place = Some(Place { latitude_deg: 0.0, longitude_deg: 179.9 });
    plan.ends[1].place = Some(Place { latitude_deg: 0.0, longitude_deg: -179.9 });
    let budget = assess(&plan).unwrap();
    near(budget.distance_m, 22_261.0, 30.0, "distance");
    near(budget.bearing_deg.unwrap()[0], 90.0, 1e-6, "east");
}

#[test]
fn what_the_country_allows() {
    // Mexico's ranges as the kernel has them.
    let rules = [
        Rule { from_khz: 5_490_000, to_khz: 5_730_000, max_eirp_mbm: 2_400, is_dfs: true, is_indoor: false },
        Rule { from_khz: 5_735_000, to_khz: 5_835_000, max_eirp_mbm: 3_000, is_dfs: false, is_indoor: false },
    ];
    assert_eq!(Rule::of(&rules, 5_745, Width::Mhz20), Some(rules[1]));
    assert_eq!(Rule::of(&rules, 5_740, Width::Mhz20), None, "it begins in the gap");
    assert_eq!(Rule::of(&rules, u32::MAX, Width::Mhz80), None);
    let told = |rule| {
        let mut plan = plan(27.0);
        plan.rule = rule;
        codes(&assess(&plan).unwrap())
    };
    assert_eq!(told(Allowed::In(rules[1])), ["too-loud", "ground-unknown"]);
    assert_eq!(told(Allowed::In(rules[0])), ["too-loud", "ground-unknown", "dfs"]);
    assert_eq!(told(Allowed::Nowhere), ["not-allowed", "ground-unknown"]);
    let indoors = Rule { is_indoor: true, max_eirp_mbm: 9_000, ..rules[1] };
    assert_eq!(told(Allowed::In(indoors)), ["indoor-only", "ground-unknown"]);
}

#[test]
fn what_cannot_be_is_named() {
    let broken = |change: fn(&mut Plan)| {
        let mut plan = plan(27.0);
        change(&mut plan);
        assess(&plan).unwrap_err()
    };
    let place = |latitude_deg, longitude_deg| Some(Place { latitude_deg, longitude_deg });
    assert_eq!(broken(|plan| plan.distance_m = None), PlanError::NoDistance);
    assert_eq!(broken(|plan| plan.distance_m = Some(0.0)), PlanError::Distance { distance_m: 0.0 });
    assert_eq!(broken(|plan| plan.distance_m = Some(2e5)), PlanError::Distance { distance_m: 2e5 });
    assert!(matches!(broken(|plan| plan.distance_m = Some(f64::NAN)), PlanError::Distance { .. }));
    assert!(matches!(
        broken(|plan| plan.ends[1].ground_m = 9_000.0),
        PlanError::Figure { end: 1, name: "ground", .. }
    ));
    assert!(matches!(
        broken(|plan| plan.ends[0].gain_dbi = f64::INFINITY),
        PlanError::Figure { name: "gain", .. }
    ));
    assert!(matches!(broken(|plan| plan.streams = 0), PlanError::Figure { name: "streams", .. }));
    assert!(matches!(broken(|plan| plan.frequency_mhz = 5), PlanError::Figure { name: "frequency", .. }));
    assert!(matches!(
        broken(|plan| plan.terrain = Terrain::new([(30_000.0, 10.0)]).unwrap()),
        PlanError::Terrain(TerrainError::Beyond { .. })
    ));
    for (told, why) in [
        (place(-96.5, 17.0), PlaceError::Swapped),
        (place(91.0, 200.0), PlaceError::Latitude),
        (place(17.0, 200.0), PlaceError::Longitude),
    ] {
        let mut plan = plan(27.0);
        plan.ends[1].place = told;
        assert_eq!(assess(&plan), Err(PlanError::Place { end: 1, why }));
    }
    assert_eq!(Terrain::new([(5.0, 1.0), (5.0, 1.0)]), Err(TerrainError::Height(2)));
    assert_eq!(Terrain::new([(5.0, f64::NAN)]), Err(TerrainError::Height(1)));
    assert_eq!(Terrain::new((0..5_000).map(|at| (f64::from(at), 0.0))), Err(TerrainError::TooMany));
}

proptest! {
    /// Whatever figures come, there is an answer or a refusal, and an answer has figures in it.
    #[test]
    fn no_plan_panics(
        figures in proptest::array::uniform12(proptest::num::f64::ANY), frequency_mhz in any::<u32>(), streams in any::<u8>(),
        width in 0..5_usize, chip in 0..4_usize,
    ) {
        let [latitude_deg, longitude_deg, ground_m, mast_m, gain_dbi, power_dbm, loss_db, distance_m, a, b, c, d] = figures;
        let place = Place { latitude_deg, longitude_deg };
        let end = End { place: Some(place), ground_m, mast_m, gain_dbi, power_dbm, loss_db };
        let plan = Plan {
            ends: [End { place: None, ..end }, end],
            distance_m: Some(distance_m),
            frequency_mhz,
            width: Width::ALL[width],
            streams,
            chip: Chip::NAMES[chip].1,
            rule: Allowed::Unknown,
            terrain: Terrain::new([(a, b), (c, d)]).unwrap_or_default(),
        };
        if let Ok(budget) = assess(&plan) {
            prop_assert!(budget.signal_dbm[0].is_finite() && budget.margin_db.is_finite());
        }
    }

    /// Further away is never louder, and a wider channel never hears weaker signals.
    #[test]
    fn further_is_never_better(km in 0.1..100.0_f64, more_km in 0.0..14.0_f64) {
        let (one, other) = (assess(&plan(km)).unwrap(), assess(&plan(km + more_km)).unwrap());
        prop_assert!(other.signal_dbm[0] <= one.signal_dbm[0]);
        prop_assert!(other.coverage_class >= one.coverage_class);
        let expected = |budget: &Budget| budget.rate[0].map_or(0.0, |rate| rate.expected_mbps);
        prop_assert!(expected(&other) <= expected(&one));
    }
}

#[test]
fn a_sine_is_that_of_the_mathematical_library() {
    for step in -2_000..=2_000 {
        let angle = f64::from(step) * std::f64::consts::TAU / 1_000.0;
        assert!((super::path::sine(angle) - angle.sin()).abs() < 1e-10, "{angle}");
    }
}
