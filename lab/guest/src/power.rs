//! Power cuts. Three nodes sell without a pause until somebody pulls the plug; the next boot says what is left. Who
//! pulls it, and who holds what was sold against what is left, is `scripts/power.sh`.
//!
//! Each node has its state where a router has it: an overlay over the read-only root, its upper folder on flash. The
//! flash is a range of the machine's memory that lives in a file of the host.
//!
//! | node | flash | |
//! |---|---|---|
//! | plaza | jffs2 | as on most routers with NOR flash: what is written is on the chip |
//! | sierra | ext4 | as where the kernel keeps what is written for a while: only what was synced is there |
//! | ciega | ext4, and the overlay swallows each fsync (`volatile`) | must lose what it sold: else nothing is proved |
//!
//! The control comes first: a file that is synced and one that is not, on each of them, and the plug.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use crate::console::{Outcome, ok};
use crate::node::Node;

/// Where the flashes are in memory, and how large what they erase at once is. The host leaves this range out of what it
/// tells the kernel of.
pub(crate) const FLASHES: &CStr =
    c"phram=jffs2,48Mi,4Mi,64ki phram=ext4,52Mi,6Mi,512 phram=blind,58Mi,6Mi,512";

/// A node, the file system of its flash, the device of that, and what else the overlay does.
const NODES: [(&str, &str, &str, &str); 3] = [
    ("plaza", "jffs2", "mtd:jffs2", ""),
    ("sierra", "ext4", "/dev/mtdblock1", ""),
    ("ciega", "ext4", "/dev/mtdblock2", ",volatile"),
];

/// Boots, looks, and sells; comes back only from the last boot.
pub(crate) fn tell() -> Outcome<()> {
    let order = std::env::var("order").unwrap_or_default();
    for (name, kind, device, extra) in NODES {
        flash(name, kind, device)?;
        if order != "control" {
            control_is_there(name);
            overlay(name, extra)?;
        }
    }
    if order == "control" {
        NODES.iter().try_for_each(|(name, ..)| fill(name))?;
        // What comes with the machine is at stake in no cut.
        nix::unistd::sync();
        NODES.iter().try_for_each(|(name, ..)| write_control(name))?;
        println!("power: the control is written");
        wait_for_the_cut();
    }
    let mut nodes = Vec::new();
    for (name, ..) in NODES {
        let mut node = Node::new(name, "")?;
        node.start()?;
        nodes.push(node);
    }
    for node in &mut nodes {
        let status = node.ready()?;
        ok("a node is up", &format!("{}: {} s", node.name, status["uptime_s"]));
        what_is_left(node)?;
    }
    println!("power: that is what is left");
    if order != "last" {
        loop {
            nodes.iter().try_for_each(sell)?;
        }
    }
    nodes.iter_mut().try_for_each(Node::stop)?;
    nodes.iter().filter(|node| node.name != "ciega").try_for_each(Node::judge_log)
}

/// Mounts the flash of a node.
fn flash(name: &str, kind: &str, device: &str) -> Outcome<()> {
    let place = format!("/flash/{name}");
    fs::create_dir_all(&place).map_err(|error| format!("the folder {place}: {error}"))?;
    mount(Some(device), place.as_str(), Some(kind), MsFlags::MS_NOATIME, None::<&str>)
        .map_err(|error| format!("{kind} of {device} on {place}: {error}"))
}

/// The state of a node that has run before: on flash, and not only in the image.
fn fill(name: &str) -> Outcome<()> {
    let (state, upper) = (format!("/village/{name}/state"), format!("/flash/{name}/upper"));
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(&upper)?;
        for file in fs::read_dir(&state)? {
            let file = file?;
            fs::copy(file.path(), Path::new(&upper).join(file.file_name()))?;
        }
        Ok(())
    };
    copy().map_err(|error| format!("{state} to {upper}: {error}"))
}

/// Puts the flash over the state folder that came with the machine.
fn overlay(name: &str, extra: &str) -> Outcome<()> {
    let (upper, work) = (format!("/flash/{name}/upper"), format!("/flash/{name}/work"));
    // A volatile overlay marks its work folder, and is not mounted again with it.
    let fresh = if Path::new(&work).exists() { fs::remove_dir_all(&work) } else { Ok(()) };
    fresh.and_then(|()| fs::create_dir_all(&work)).map_err(|error| format!("{work}: {error}"))?;
    let state = format!("/village/{name}/state");
    let options = format!("lowerdir={state},upperdir={upper},workdir={work}{extra}");
    mount(Some("overlay"), state.as_str(), Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .map_err(|error| format!("overlay of {name} ({options}): {error}"))
}

fn write_control(name: &str) -> Outcome<()> {
    let write = |file: &str, synced: bool| -> std::io::Result<()> {
        let mut file = File::create(format!("/flash/{name}/{file}"))?;
        file.write_all(CONTROL)?;
        if synced {
            file.sync_all()?;
            File::open(format!("/flash/{name}"))?.sync_all()?;
        }
        Ok(())
    };
    write("synced", true)
        .and_then(|()| write("unsynced", false))
        .map_err(|error| format!("control of {name}: {error}"))
}

fn control_is_there(name: &str) {
    for file in ["synced", "unsynced"] {
        let whole = fs::read(format!("/flash/{name}/{file}")).is_ok_and(|bytes| bytes == CONTROL);
        println!("power: control {name} {file} {}", if whole { "there" } else { "lost" });
    }
}

/// What the host has seen sold, and whether the node still knows of it.
fn what_is_left(node: &Node) -> Outcome<()> {
    let Ok(sold) = fs::read_to_string(format!("/acked/{}", node.name)) else { return Ok(()) };
    for verifier in sold.lines() {
        match node.ask(&["voucher", "show", verifier]) {
            Ok(voucher) if voucher["state"] == "sold" => println!("power: kept {} {verifier}", node.name),
            Ok(other) => println!("power: lost {} {verifier} {other}", node.name),
            Err(why) => println!("power: lost {} {verifier} {}", node.name, why.replace('\n', " ")),
        }
    }
    Ok(())
}

/// The acknowledgement is on the console before anything else happens.
fn sell(node: &Node) -> Outcome<()> {
    let reply = node.ask(&["voucher", "issue", "--plan", "mes", "--count", "1", "--person", "Ana"])?;
    let verifier = reply["vouchers"][0]["verifier"].as_str();
    let verifier = verifier.ok_or_else(|| format!("a voucher in {reply}"))?;
    println!("power: sold {} {verifier}", node.name);
    Ok(())
}

fn wait_for_the_cut() -> ! {
    loop {
        std::thread::park();
    }
}

const CONTROL: &[u8] = &[0xa5; 3_000];
