//! What a person should do when the daemon cannot start, or cannot do all of its work.

use std::path::Path;

use crate::config::Config;
use crate::platform::firewall::FirewallError;
use crate::platform::netlink::socket::NetlinkError;
use crate::platform::store::Loaded;
use crate::platform::vault::Opened;

/// A netlink socket that cannot be opened.
pub(super) fn netlink(error: &NetlinkError) -> String {
    format!("the kernel's routes and links cannot be reached: {error}")
}

/// A hotspot that cannot work now.
pub(super) fn hotspot(why: &str) -> String {
    format!("the hotspot waits, nobody new is let in; routing goes on: {why}")
}

/// What a kernel says that has no nf_tables, in words that help.
pub(super) fn firewall(error: &FirewallError) -> String {
    let errno = match error {
        FirewallError::Netlink(NetlinkError::Io(error)) => error.raw_os_error(),
        FirewallError::Netlink(NetlinkError::Refused(refusal)) => Some(refusal.errno),
        _ => None,
    };
    match errno {
        Some(libc::EPROTONOSUPPORT | libc::EOPNOTSUPP | libc::EINVAL | libc::EAFNOSUPPORT) => format!(
            "the kernel has no nf_tables ({error}); load the module nf_tables, on OpenWrt install kmod-nft-core \
             and nftables, then restart tequio's service"
        ),
        _ => error.to_string(),
    }
}

/// Devices that the configuration names and that are not there are waited for; said, since a name may
/// be a typing mistake.
pub(super) fn say_missing_devices(config: &Config) {
    let babel = config.babel.interfaces.iter().map(|interface| ("interface", &interface.name));
    let uplinks = config.uplinks.iter().map(|uplink| ("uplink", &uplink.settings.device));
    let hotspot = config.hotspot.iter().map(|hotspot| ("hotspot", &hotspot.device));
    let queues = config.queues.iter().map(|queue| ("queue", &queue.device));
    for (section, device) in babel.chain(uplinks).chain(hotspot).chain(queues) {
        if !Path::new("/sys/class/net").join(device).exists() {
            log::warn!(
                "{section}: there is no device {device} yet; tequio goes on and takes it up when it appears"
            );
        }
    }
}

/// What a damaged journal has lost, and where.
pub(super) fn damaged(loaded: &Loaded) -> Option<String> {
    let (first, rest) = loaded.damaged.split_first()?;
    let lost: usize = loaded.damaged.iter().map(|one| one.bytes).sum();
    Some(format!(
        "the journal was damaged in {} place(s), the first at byte {}: {lost} bytes are lost here and {} records are kept; \
         neighbours that have the others give them back",
        1 + rest.len(),
        first.position,
        loaded.records.len()
    ))
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
    if loaded.foreign {
        log::warn!(
            "the journal comes from another router: {} records did not verify and are left out",
            loaded.refused
        );
    }
}
