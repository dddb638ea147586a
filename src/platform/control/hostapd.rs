//! hostapd: the values one by one (`SET`), then the access point down and up (`DISABLE`, `ENABLE`). `RELOAD` would leave it on
//! its channel.

use std::time::{Duration, Instant};

use super::socket::{Control, ControlError};

/// The error is that it does not.
pub(super) fn answers(control: &Control) -> Result<(), ControlError> {
    match control.ask("PING", PATIENCE)?.as_str() {
        "PONG" => Ok(()),
        _ => Err(ControlError::Refused("PING".to_owned(), "its answer makes no sense")),
    }
}

/// Gives it these values; nothing stands for what it takes without the option.
pub(super) fn give(control: &Control, values: &[(&str, Option<&str>)]) -> Result<(), String> {
    for (option, value) in values {
        // It has a list of passwords, of which an empty one takes away all.
        if *option == "sae_password" {
            control.order("SET sae_password ", PATIENCE)?;
        }
        let value = value.unwrap_or(if *option == "ht_capab" { "" } else { "0" });
        control.order(&format!("SET {option} {value}"), PATIENCE)?;
    }
    // It is down already where the last values did not work.
    if let Err(error @ (ControlError::Silent(_) | ControlError::Io(..))) = control.order("DISABLE", SLOW) {
        return Err(error.to_string());
    }
    control.order("ENABLE", SLOW)?;
    let end = Instant::now() + SLOW;
    loop {
        let status = control.ask("STATUS", PATIENCE)?;
        let state = status.lines().find_map(|line| line.strip_prefix("state="));
        match state.ok_or("STATUS: its answer makes no sense")? {
            // Where radars are, it listens for a minute first.
            "ENABLED" | "DFS" => return Ok(()),
            "DISABLED" | "UNINITIALIZED" => {
                return Err("hostapd does not begin with these settings: see its log".to_owned());
            }
            state if Instant::now() >= end => return Err(format!("hostapd does not begin: it is {state}")),
            _ => std::thread::sleep(LOOK),
        }
    }
}

/// It answers in milliseconds, but for what takes the radio down or up.
const PATIENCE: Duration = Duration::from_secs(3);
const SLOW: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
