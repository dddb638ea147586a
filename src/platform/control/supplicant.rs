//! wpa_supplicant: its one network gets the values (`SET_NETWORK`) while it is left, and is joined anew. To be left also
//! forgives it wrong keys: a network that refused some is not tried for a while.

use std::time::Duration;

use super::socket::{Control, ControlError};

/// The number of its only network.
pub(super) fn network(control: &Control) -> Result<u32, String> {
    let answer = control.ask("LIST_NETWORKS", PATIENCE)?;
    // A head, then a line a network: its number, name, address and flags.
    let mut numbers =
        answer.lines().skip(1).map(|line| line.split('\t').next().and_then(|word| word.parse().ok()));
    match (numbers.next(), numbers.next()) {
        (Some(Some(number)), None) => Ok(number),
        (None, _) if answer.starts_with("network id") => Err("wpa_supplicant has no network".to_owned()),
        (_, Some(_)) => Err("wpa_supplicant has several networks: a link has one".to_owned()),
        _ => Err("LIST_NETWORKS: its answer makes no sense".to_owned()),
    }
}

/// Gives it these values. Whatever becomes of them, it looks for its access point again.
pub(super) fn give(control: &Control, values: &[(&str, Option<&str>)]) -> Result<(), String> {
    let number = network(control)?;
    // It may not be connected.
    let _ = control.ask("DISCONNECT", PATIENCE)?;
    control.order(&format!("DISABLE_NETWORK {number}"), PATIENCE)?;
    let given = values.iter().try_for_each(|(option, value)| {
        // All that is set here was there.
        let value = value.ok_or_else(|| ControlError::Refused((*option).to_owned(), "it had no value"))?;
        control.order(&format!("SET_NETWORK {number} {option} {value}"), PATIENCE)
    });
    control.order(&format!("ENABLE_NETWORK {number}"), PATIENCE)?;
    control.order("REASSOCIATE", PATIENCE)?;
    given.map_err(String::from)
}

const PATIENCE: Duration = Duration::from_secs(3);
