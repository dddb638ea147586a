//! The founding of the community, by the offline commands of the daemon's own program, as an assembly does it once:
//! create, plans, and for every node a request, an admission, and the records that it takes home.
//!
//! What is done with the keys of a node runs in its namespace, where the node sees the devices that the daemon will
//! see: its secrets may be bound to the board they lie on.

use std::path::Path;

use crate::command;
use crate::failure::{Failure, Outcome};
use crate::household::Household;
use crate::topology::{community4, community6};

/// A plan that the assembly sells.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Its short name.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Its price in cents.
    pub price_cents: u32,
    /// How long it lasts in use.
    pub used_seconds: u32,
}

/// Founds the community in `folder` and admits all nodes.
pub fn found(tequio: &Path, folder: &Path, plans: &[Plan], households: &[Household]) -> Outcome<()> {
    let program = tequio.display().to_string();
    let community = |words: &[&str]| {
        let mut arguments = vec!["community"];
        arguments.extend_from_slice(words);
        command::run(&program, &arguments)
    };
    let dir = folder.display().to_string();
    let (ipv4, ipv6) = (community4().to_string(), community6().to_string());
    community(&["create", "--name", NAME, "--dir", &dir, "--ipv4", &ipv4, "--ipv6", &ipv6])?;
    for plan in plans {
        let (whole, cents) = (plan.price_cents / 100, plan.price_cents % 100);
        let (price, seconds) = (format!("{whole}.{cents:02}"), plan.used_seconds.to_string());
        community(&[
            "plan",
            "--dir",
            &dir,
            "--id",
            plan.id,
            "--name",
            plan.name,
            "--price",
            &price,
            "--used-seconds",
            &seconds,
        ])?;
    }
    for household in households {
        let site = &household.site;
        let request =
            household.here(&["community", "request", "--state", &household.state(), "--name", site.name])?;
        let request = request.trim();
        if request.is_empty() || request.contains('\n') {
            return Err(Failure::new("a request of one line", format!("`{request}`")));
        }
        let number = site.number.to_string();
        let slot = site.slot.map(|slot| slot.to_string());
        let mut words = vec!["admit", "--dir", &dir, "--request", request, "--number", &number];
        if let Some(slot) = &slot {
            words.extend(["--role", roles(site.name), "--slot", slot]);
        }
        community(&words)?;
    }
    let bundle = folder.join("community.records").display().to_string();
    for household in households {
        household.here(&["community", "join", "--state", &household.state(), "--bundle", &bundle])?;
    }
    Ok(())
}

/// What the assembly entrusts a node with: people are named at the square, and the treasurer sits at the school.
fn roles(site: &str) -> &'static str {
    match site {
        "plaza" => "officer,treasurer,seller,hotspot,notice",
        "escuela" => "treasurer,seller,hotspot",
        _ => "seller,hotspot",
    }
}

/// The village of the story.
const NAME: &str = "San Tequio";
