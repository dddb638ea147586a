//! A subject among peers, in namespaces: two nodes, a row, a ring; routes by source; power cuts.
//!
//! Who is the subject and who are the peers is said when it runs: `SUBJECT=ours` and `PEERS=babeld,bird` unless the
//! environment says otherwise, and each of the three (ours, babeld, bird) can have either part. babeld and BIRD
//! are Debian's. Needs root, iproute2, iputils-ping, babeld and bird, and says so when one is missing. Prints the
//! seconds that each change took.

#[path = "../common/place.rs"]
mod place;
mod speaker;
mod world;

use std::thread;

use speaker::{SOURCE, Speaker};
use world::World;

/// babeld and BIRD say Hello each 4 s, BIRD wants most of 16 to believe in a link, and four machines share this one.
const CONVERGED_S: u64 = 90;
/// We are back 15 s after a power cut (`make soak`), behind ourselves; babeld takes up to 17 s to speak with whom it
/// has just met, and says that it does so each 4 s. The peers may take as long as their sources live.
const BOOTED_S: u64 = 40;
const BOOTED_OTHERS_S: u64 = 240;

fn subject() -> Speaker {
    Speaker::named(std::env::var("SUBJECT").as_deref().unwrap_or("ours"))
}

/// Plays the story with each peer, side by side.
fn with_each_peer(story: fn(Speaker, Speaker)) {
    let peers = std::env::var("PEERS").unwrap_or_else(|_| "babeld,bird".to_owned());
    let plays: Vec<_> = peers
        .split(',')
        .map(Speaker::named)
        .map(|peer| thread::spawn(move || story(subject(), peer)))
        .collect();
    assert!(!plays.is_empty());
    let failed = plays.into_iter().map(thread::JoinHandle::join).filter(Result::is_err).count();
    assert_eq!(failed, 0, "plays that failed");
}

#[test]
fn two_nodes_reach_each_other() {
    with_each_peer(|subject, peer| {
        let mut world = World::start("two", &[subject, peer], false, false);
        world.until("all reach all, from nothing", CONVERGED_S, World::all_reach_all);
    });
}

#[test]
fn a_row_reaches_its_end_whoever_stands_between() {
    with_each_peer(|subject, peer| {
        for row in [[peer, subject, peer], [subject, peer, subject]] {
            let mut world = World::start("row", &row, false, false);
            world.until("all reach all, from nothing", CONVERGED_S, World::all_reach_all);
        }
    });
}

#[test]
fn a_ring_goes_the_other_way_round() {
    with_each_peer(|subject, peer| {
        let mut world = World::start("ring", &[subject, peer, subject, peer], true, false);
        world.until("all reach all, from nothing", CONVERGED_S, World::all_reach_all);
        let used = world.next_hop(0, 2).expect("it was pinged");
        let other = 4 - used;
        world.carrier(0, used, false);
        world.until("the cable in use is cut: the other way round", CONVERGED_S, World::all_reach_all);
        assert_eq!(world.next_hop(0, 2), Some(other));
        world.carrier(0, used, true);
        // That it is whole again shows when the other one is cut.
        world.until("it is back: its two ends know each other by it", CONVERGED_S, |world| {
            let seen = world.next_hop(0, used);
            if seen == Some(used) { Ok(()) } else { Err(format!("the way to {used} goes by {seen:?}")) }
        });
        world.carrier(0, other, false);
        world.until("the other cable is cut: back again", CONVERGED_S, World::all_reach_all);
    });
}

#[test]
fn routes_by_source_go_both_ways() {
    with_each_peer(|subject, peer| {
        let mut world = World::start("sources", &[subject, peer], false, true);
        world.until("each has the other's route by source", CONVERGED_S, |world| {
            for (from, to) in [(0, 1), (1, 0)] {
                let wanted = format!("{} from {SOURCE}", world.nodes[to].for_source());
                if !world.places[from].routes().contains_key(&wanted) {
                    return Err(format!("{} has no route to {wanted}", world.places[from].name));
                }
            }
            world.all_reach_all()
        });
    });
}

/// Two cuts with each peer: a short one, in which nobody may have noticed, and one after which all have.
#[test]
fn an_end_that_lost_its_power_is_back() {
    with_each_peer(|subject, peer| {
        let mut world = World::start("power", &[subject, peer, subject], false, false);
        world.until("all reach all, from nothing", CONVERGED_S, World::all_reach_all);
        for dark_s in [3, 20] {
            world.lose_power(2);
            world.dark_for(dark_s);
            world.boot(2);
            let limit_s = if subject == Speaker::Ours { BOOTED_S } else { BOOTED_OTHERS_S };
            world.until(&format!("back after {dark_s} s without power"), limit_s, |world| {
                let far = world.nodes[2].v6();
                world.places[0].pings(&world.nodes[0].v6(), &far)
            });
        }
        world.until("and so is everything else", CONVERGED_S, World::all_reach_all);
    });
}
