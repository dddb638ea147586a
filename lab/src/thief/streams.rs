//! Lines about streams: the stolen Noise key, and a flood of records. Two of the daemon's own exchanges talk to each
//! other here ([`crate::talk`]); what moves their bytes is no part of what is tried.

use std::path::Path;

use tequio::base::voucher::{IssuerNumber, LotId};
use tequio::ledger::Body;
use tequio::ledger::body::ReferenceState;

use super::village::{Post, make, opens};
use super::{OFFICER, Row, SELLER, Stage, VICTIM, Village};
use crate::failure::Outcome;
use crate::talk::Talk;

/// The lines that are tried here.
pub(super) const NAMES: [&str; 3] = ["old-noise-key", "record-flood", "provisional-codes"];
/// Records of the flood.
const FLOOD: u64 = 500;

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
    let code = make(&mut thief.vault, IssuerNumber(SELLER as u16 + 1), LotId(31), 0)?;
    if name == "record-flood" {
        for number in 0..FLOOD {
            let body = ReferenceState { name: format!("{number}"), state: vec![1; 900] };
            thief.go_on(&Body::ReferenceState(body))?;
        }
        let records = std::mem::take(&mut thief.records);
        thief.ledger.handle_journal(records.iter().map(Vec::as_slice));
    }
    let key = thief.ledger.own_key();
    let mut gain = |post: &mut Post| match name {
        "provisional-codes" => u64::from(opens(post, &code.code, code.verifier)),
        _ => {
            let before = post.ledger.record_count();
            let is_in = Talk::new(&mut thief.ledger, dh, &mut post.ledger).run(key);
            let taken = (post.ledger.record_count() - before) as u64;
            if name == "record-flood" { taken } else { u64::from(is_in) }
        }
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
        "record-flood" => (
            "says 500 things that any member may say",
            "records taken",
            [if stage == Stage::After { 0 } else { FLOOD }, 0],
            "one signature a wake, 200,000 records; none after the expulsion, but what came stays",
        ),
        _ => (
            "a code under the stolen secret for a seller that nobody reaches",
            "codes that open",
            [0, 0],
            "not built: refused like every code of an unknown lot",
        ),
    };
    Ok(Row { line: name, stage, tries, unit, gained, left, most, bound })
}
