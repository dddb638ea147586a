//! A radio that is stuck: wpa_supplicant hangs while the link is gone, so nobody associates anew however near the other end is.
//! Both daemons climb the ladder (`recover_per_day`), and what helps is its last rung, at the station.

use super::air;
use super::change::carries;
use super::hills::{AP_LINK, CERRO_ADDRESS, Hills, STATION_LINK, VALLE_ADDRESS, recovering, stations};
use super::{alert, alert_within};
use crate::console::{Outcome, figure, ok, uptime, wait_for};

/// Plays it; ten minutes of the guest's clock.
pub(super) fn wakes(hills: &Hills) -> Outcome<()> {
    let before = [hills.ap.pushes(), hills.station.pushes()];
    recovering(&hills.valle, VALLE_ADDRESS, AP_LINK)?;
    recovering(&hills.cerro, CERRO_ADDRESS, STATION_LINK)?;
    carries(hills)?;
    hills.station.hangs()?;
    hills.air.cut(0, 1);
    wait_for("the station is disconnected", 30, || {
        let seen = stations(&hills.cerro.space, STATION_LINK)?;
        if seen.contains("Station") { Err(seen) } else { Ok(()) }
    })?;
    let began = uptime();
    hills.air.snr(0, 1, air::NEAR_DB);
    let said = alert_within(&hills.cerro, "radio-stuck", true, 300)?;
    let first_s = (uptime() - began).as_secs_f64();
    ok("a stuck radio is told", &format!("after {first_s:.0} s: {said}"));
    wait_for("the ladder's last rung", 600, || {
        let [_, downs] = hills.station.pushes();
        if downs > before[1][1] { Ok(()) } else { Err(format!("{downs} times down")) }
    })?;
    carries(hills)?;
    let took_s = (uptime() - began).as_secs_f64();
    for node in [&hills.valle, &hills.cerro] {
        alert(node, "radio-stuck", false)?;
        let log = std::fs::read_to_string(node.log()).map_err(|error| format!("{}: {error}", node.log()))?;
        let told = |words: &str| {
            log.lines().any(|line| line.contains("nothing is heard on") && line.ends_with(words))
        };
        let refused = log.lines().find(|line| line.contains("cannot be recovered"));
        if !told("it looks for others") || !told("it begins to associate anew") || refused.is_some() {
            return Err(format!("{} tried the lower rungs: {refused:?}", node.name));
        }
    }
    let sent_away = hills.ap.pushes()[0] - before[0][0];
    if sent_away == 0 {
        return Err("the access point sent its silent station away".to_owned());
    }
    ok(
        "it was woken",
        &format!("down and up after the lower rungs; packets over the link after {took_s:.0} s"),
    );
    figure("radio.stuck_s", format!("{took_s:.0}"));
    Ok(())
}
