//! What phones ask by themselves to find out whether they are online, and what holds for everybody: an emergency, the night.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tequio::base::address::PORTAL_EVERYWHERE;

use super::phones::describe_visit;
use super::{PATIENCE, SQUARE, Story};
use crate::failure::{Failure, Outcome};
use crate::phone::Phone;
use crate::probes::PROBES;
use crate::timeline::Timeline;

/// How often it is looked whether something has taken effect.
const LOOK: Duration = Duration::from_millis(200);
/// Within so many seconds of being heard a mode holds.
const MODE_S: f64 = 5.0;

impl Story {
    /// Each row of the table, by a stranger and by somebody with a voucher.
    pub(super) fn probed(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let portal = format!("http://{}", self.router(SQUARE));
        for probe in PROBES {
            let beto = self.beto.as_mut().expect("an earlier step has switched it on");
            probe.judge_captive(&beto.ask(&probe.url())?, &portal)?;
            let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
            let response = rosa.ask(&probe.url())?;
            if !probe.is_success(&response) {
                return Err(Failure::new(
                    format!("{} ({}) to see that it is outside", probe.who, probe.url()),
                    format!("{}: {}", response.status, response.text()),
                ));
            }
        }
        let count = PROBES.len();
        timeline.note(format!(
            "{count} questions of phones and computers: the portal for Beto, the outside for Rosa"
        ));
        Ok(())
    }

    /// Without an uplink no name is known outside, and each phone finds the portal all the same.
    pub(super) fn probed_offline(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let portal = format!("http://{}", self.router(SQUARE));
        let everywhere = IpAddr::V4(PORTAL_EVERYWHERE);
        let beto = self.beto.as_mut().expect("an earlier step has switched it on");
        let took = until_known(beto, PROBES[0].host, everywhere)?;
        timeline.figure("offline_names_s", took);
        let mut count = 0;
        for probe in PROBES.iter().filter(|probe| probe.offline) {
            let address = beto.resolve(probe.host)?;
            if address != everywhere {
                return Err(Failure::new(format!("{} to be {everywhere}", probe.host), address.to_string()));
            }
            probe.judge_captive(&beto.ask(&probe.url())?, &portal)?;
            count += 1;
        }
        // Whoever has a voucher is told what there is, and is not let believe that it is the Internet.
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let visit = rosa.open(&PROBES[0].url())?;
        if visit.page.status != 200 || !visit.page.text().contains("no hay internet") {
            return Err(Failure::new("the portal to say that there is no internet", describe_visit(&visit)));
        }
        timeline.note(format!(
            "{count} questions find the portal without an uplink; Rosa's phone shows that there is no internet"
        ));
        Ok(())
    }

    /// An officer opens the network to everybody, closes it for the night, and sets it back.
    pub(super) fn modes(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        for (mode, beto_passes, rosa_passes) in
            [("emergency", true, true), ("night", false, false), ("usual", false, true)]
        {
            let said = self
                .village
                .household(SQUARE)
                .ask(&["mode", "set", "--mode", mode, "--reason", "lluvias"])?;
            if said["waits"] == true {
                return Err(Failure::new("a mode that an officer sets", said.to_string()));
            }
            let moment = Instant::now();
            let seen = loop {
                let outside = |phone: &mut Option<Phone>| -> Outcome<bool> {
                    let phone = phone.as_mut().expect("an earlier step has switched it on");
                    Ok(PROBES[0].is_success(&phone.ask(&PROBES[0].url())?))
                };
                let seen = (outside(&mut self.beto)?, outside(&mut self.rosa)?);
                if seen == (beto_passes, rosa_passes) || moment.elapsed() > PATIENCE {
                    break seen;
                }
                std::thread::sleep(LOOK);
            };
            let took = moment.elapsed().as_secs_f64();
            if seen != (beto_passes, rosa_passes) || took > MODE_S {
                return Err(Failure::new(
                    format!("{mode}: Beto and Rosa pass ({beto_passes}, {rosa_passes}) within {MODE_S} s"),
                    format!("{seen:?} after {took:.1} s"),
                ));
            }
            timeline.figure(&format!("mode_{mode}_s"), took);
            let router = self.router(SQUARE);
            let beto = self.beto.as_mut().expect("an earlier step has switched it on");
            let visit = beto.open(&format!("http://{router}/"))?;
            if visit.page.text().contains("lluvias") == (mode == "usual") {
                return Err(Failure::new(format!("the portal to tell of {mode}"), describe_visit(&visit)));
            }
            super::phones::open_content(beto, "Beto", timeline)?;
            timeline.note(format!("{mode}: Beto passes: {beto_passes}, Rosa: {rosa_passes}"));
        }
        Ok(())
    }
}

/// Waits until a name has this address at a phone's resolver; seconds.
fn until_known(phone: &Phone, name: &str, address: IpAddr) -> Outcome<f64> {
    let moment = Instant::now();
    loop {
        match phone.resolve(name) {
            Ok(found) if found == address => return Ok(moment.elapsed().as_secs_f64()),
            Err(failure) if failure.interrupted => return Err(failure),
            other if moment.elapsed() > PATIENCE => {
                return Err(Failure::new(format!("{name} to be {address}"), format!("{other:?}")));
            }
            _ => std::thread::sleep(LOOK),
        }
    }
}
