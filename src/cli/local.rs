//! The commands that need no running daemon.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::platform::wireless::Kept;

/// Runs the daemon until it is told to stop.
pub(super) fn run(config: &Path) -> Result<(), String> {
    crate::daemon::run(config)
}

/// Says what is wrong with a configuration; the text is for the person who asked.
pub(super) fn check(config: &Path) -> Result<String, String> {
    let (_, warnings) = Config::load(config).map_err(|error| error.to_string())?;
    let mut text = String::new();
    for warning in warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text.push_str(&format!("{} is good\n", config.display()));
    Ok(text)
}

/// What undoes the change of a link that the power cut short, for `uci batch`; nothing if there is none.
pub(super) fn undo(config: &Path) -> Result<String, String> {
    let (config, _) = Config::load(config).map_err(|error| error.to_string())?;
    let file = config.node.state_dir.join(crate::daemon::link_changes::FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    let kept = Kept::parse(&text).ok_or_else(|| format!("{} is damaged", file.display()))?;
    // What was tried stood in no file.
    #[cfg(feature = "control")]
    if config.controls.iter().any(|(device, _)| *device == kept.record.device) {
        return Ok(String::new());
    }
    Ok(if kept.record.is_undone_at_boot() { kept.undo() } else { String::new() })
}

/// The base rules of the firewall, as text for `nft -f -`.
pub(super) fn firewall(config: &Path) -> Result<String, String> {
    let (config_read, _) = Config::load(config).map_err(|error| error.to_string())?;
    crate::daemon::base_table(&config_read).ok_or_else(|| {
        format!("{} has no hotspot, policy or queue: such a node needs no rules of ours", config.display())
    })
}

/// The broker's socket that a configuration names.
pub(super) fn socket(config: &Path) -> Result<PathBuf, String> {
    let (config, _) = Config::load(config).map_err(|error| error.to_string())?;
    Ok(config.node.ubus_socket)
}
