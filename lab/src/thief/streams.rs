//! Lines about streams: the stolen Noise key, and a flood of records. Two of the daemon's own exchanges talk to each
//! other here ([`crate::talk`]); what moves their bytes is no part of what is tried.

use std::path::Path;

use tequio::base::limit::SYNC_AUTHOR_BYTES;
use tequio::ledger::Body;
use tequio::ledger::body::ReferenceState;

use super::village::Post;
use super::{OFFICER, Row, SELLER, Stage, VICTIM, Village};
use crate::failure::Outcome;
use crate::talk::Talk;

/// The lines that are tried here.
pub(super) const NAMES: [&str; 2] = ["old-noise-key", "record-flood"];
/// Records of the flood: 4 MB of what any member may say.
const FLOOD: u64 = 4_000;
/// Octets of each, at least.
const FLOOD_BYTES: u64 = 1_000;

pub(super) fn try_line(name: &str, folder: &Path) -> Option<Outcome<Vec<Row>>> {
    let name = NAMES.into_iter().find(|known| *known == name)?;
    let stages = [Stage::Before, Stage::After, Stage::Split].into_iter();
    Some(stages.map(|stage| try_once(name, stage, &folder.join(format!("{name}-{stage:?}")))).collect())
}

fn try_once(name: &'static str, stage: Stage, folder: &Path) -> Outcome<Row> {
    let mut village = Village::found(folder)?;
    let mut thief = village.steal(VICTIM)?;
    let heads = village.posts[OFFICER].ledger.heads(&village.posts[VICTIM].key());
    let expulsion = village.expulsion(VICTIM, heads)?;
    if stage == Stage::After {
        village.posts[SELLER].learn(std::slice::from_ref(&expulsion));
    }
    let dh = thief.vault.dh_key();
    if name == "record-flood" {
        for number in 0..FLOOD {
            let body = ReferenceState { name: format!("{number}"), state: vec![1; 900] };
            thief.go_on(&Body::ReferenceState(Box::new(body)))?;
        }
        let records = std::mem::take(&mut thief.records);
        thief.ledger.handle_journal(records.iter().map(Vec::as_slice));
    }
    let key = thief.ledger.own_key();
    let mut gain = |post: &mut Post| {
        let before = post.ledger.record_count();
        let is_in = Talk::new(&mut thief.ledger, dh, &mut post.ledger).run(key);
        let taken = (post.ledger.record_count() - before) as u64;
        if name == "record-flood" { taken } else { u64::from(is_in) }
    };
    let gained = gain(&mut village.posts[SELLER]);
    village.posts[SELLER].learn(std::slice::from_ref(&expulsion));
    let left = gain(&mut village.posts[SELLER]);
    let (tries, unit, most, bound) = match name {
        "old-noise-key" => (
            "opens a stream with the stolen key and shows the stolen path",
            "streams",
            [u64::from(stage != Stage::After), 0],
            "a member's path; an expelled key proves nothing",
        ),
        _ => (
            "says 4,000 things that any member may say",
            "records taken",
            [if stage == Stage::After { 0 } else { SYNC_AUTHOR_BYTES / FLOOD_BYTES }, 0],
            "2 MB of one author at once, 0.5 MB a day later; none after the expulsion",
        ),
    };
    Ok(Row { line: name, stage, tries, unit, gained, left, most, bound })
}
