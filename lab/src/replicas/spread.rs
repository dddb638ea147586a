//! How long a new record takes to all boxes: each hop costs a radio link's way and one signature of a small router.

use tequio::base::random::Random;
use tequio::base::time::{Instant, Span};

use super::{Plant, World};

/// The streams of all boxes stand after this.
const QUIET: Span = Span::from_secs(120);
const STEP: Span = Span::from_millis(5);

/// Simulated seconds until a lot that one box prints is known to all of `boxes`; the mesh is drawn from `seed`.
pub fn spread_s(boxes: usize, seed: u64) -> Result<f64, String> {
    let mut world = World::of(boxes, Random::new(seed), Plant::Nothing, false);
    world.people_work = false;
    world.play_until(Instant::ZERO + QUIET);
    let began = world.now;
    let seller = boxes - 1;
    world.print(seller, 5).map_err(|why| why.to_string())?;
    let key = world.boxes[seller].id();
    let lot = *world.ledger(seller).heads(&key).first().ok_or("the lot that was just printed is there")?;
    while world.now.since(began) < Span::from_secs(60) {
        if world.boxes.iter().all(|one| one.ledger.record(lot).is_some()) {
            return Ok(world.now.since(began).as_millis() as f64 / 1_000.0);
        }
        world.play_until(world.now + STEP);
    }
    Err(format!("a record did not reach all of {boxes} boxes within a minute"))
}
