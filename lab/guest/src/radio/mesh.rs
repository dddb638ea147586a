//! The same two radios as points of an 802.11s mesh with SAE: there is no access point, each end sees the other one as a station,
//! and neither is told when the other goes silent.

use super::alert;
use super::change::{KEPT, anew, carries, whole};
use super::cuts;
use super::hills::Hills;
use crate::console::{Outcome, ok};

/// The link as a mesh, its cuts, and another name, channel and key for it. The radios stay mesh points.
pub(super) fn plays(hills: &mut Hills) -> Outcome<()> {
    hills.mesh()?;
    carries(hills)?;
    for node in [&hills.valle, &hills.cerro] {
        alert(node, "open-radio", false)?;
    }
    ok("the link stands as a mesh of two", "SAE, and nobody is said to be open");
    cuts(hills, "mesh")?;
    anew(hills)?;
    let words = ["--ssid", "malla de dos", "--channel", "5785", "--key", "91"];
    let now = whole(hills, "mesh", &words, KEPT)?;
    let is_named = now["puente.mesh_id"] == "malla de dos" && now["radio0.channel"] == "157";
    if is_named { Ok(()) } else { Err(format!("the mesh has another name and channel: {now:?}")) }
}
