//! What a person should do when the daemon cannot start, or cannot do all of its work.

use std::path::Path;

use crate::config::Config;
use crate::platform::netlink::socket::NetlinkError;
use crate::platform::store::Loaded;
use crate::platform::vault::Opened;

/// The daemon's rights: without them nothing works, so it says so at once.
pub(super) fn check_rights() -> Result<(), String> {
    const NET_ADMIN: u32 = 12;
    const NET_RAW: u32 = 13;
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
        format!(
            "/proc is not there ({error}): mount it, the daemon reads its rights and the boot's name from it"
        )
    })?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0);
    let missing: Vec<&str> =
        [(NET_ADMIN, "CAP_NET_ADMIN (routes, nft)"), (NET_RAW, "CAP_NET_RAW (bind to a device)")]
            .into_iter()
            .filter_map(|(bit, name)| (rights >> bit & 1 == 0).then_some(name))
            .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "tequio has not the right {}: start it as root, or by its init script",
        missing.join(" and ")
    ))
}

/// A netlink socket that cannot be opened.
pub(super) fn netlink(error: &NetlinkError) -> String {
    format!("the kernel's routes and links cannot be reached: {error}")
}

/// Devices that the configuration names and that are not there are waited for; said, since a name may
/// be a typing mistake.
pub(super) fn say_missing_devices(config: &Config) {
    let babel = config.babel.interfaces.iter().map(|interface| ("interface", &interface.name));
    let uplinks = config.uplinks.iter().map(|uplink| ("uplink", &uplink.device));
    let hotspot = config.hotspot.iter().map(|hotspot| ("hotspot", &hotspot.device));
    for (section, device) in babel.chain(uplinks).chain(hotspot) {
        if !Path::new("/sys/class/net").join(device).exists() {
            log::warn!(
                "{section}: there is no device {device} yet; tequio goes on and takes it up when it appears"
            );
        }
    }
}

/// What a start found in the state folder, where somebody should know of it.
pub(super) fn say_what_was_opened(opened: Opened, loaded: &Loaded) {
    match opened {
        Opened::Found => {}
        Opened::Made => log::info!("first start: this node has keys now and can be admitted to a community"),
        Opened::MadeAnew { before } => {
            log::warn!(
                "the keys were those of the board {before}: new ones were made, this node must be admitted again"
            );
        }
    }
    if let Some(torn) = &loaded.torn {
        log::warn!(
            "the last record of the journal was cut off and is lost: {} bytes at {}",
            torn.bytes,
            torn.position
        );
    }
    for damaged in &loaded.damaged {
        log::warn!(
            "the journal is damaged, what stood there is lost: {} bytes at {}",
            damaged.bytes,
            damaged.position
        );
    }
    if loaded.foreign {
        log::warn!(
            "the journal comes from another router: {} records did not verify and are left out",
            loaded.refused
        );
    }
    if let Some(why) = &loaded.unwritable {
        log::warn!("nothing can be saved, so nothing is sold: {why}");
    }
}
