//! The steps where something ends: a daemon, the uplink, a plan, the village.

use std::time::Instant;

use serde_json::Value;

use super::mesh::describe;
use super::phones::{describe_visit, open_content, shows};
use super::{HAMLET, OUTSIDE_URL, PATIENCE, SHORT_PATIENCE, SQUARE, Story, TRIAL_BOUNDS_S, WRONG_CODE};
use crate::failure::{Failure, Outcome};
use crate::outage::Stream;
use crate::recordings::Proven;
use crate::timeline::Timeline;
use crate::topology::OUTSIDE4;
use crate::uci::PORTAL_PORT;
use crate::village::TRIAL_SECONDS;
use crate::{interrupt, recordings, routes};

/// Three rounds of 2.2 s after an interval of 5 s (`docs/config.md`, config uplink), and the way of the news.
const PROVIDER_SILENT_MOST_S: f64 = 13.0;
/// Clinic, square, two hills, gateway.
const HAMLET_HOPS: u64 = 5;

impl Story {
    pub(super) fn daemon_killed(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let streams = self.streams()?;
        let before = self.counted()?;
        let moment = Instant::now();
        self.village.household(SQUARE).kill_daemon();
        timeline.note("SIGKILL for the daemon of the square");
        self.rosa_is_outside(timeline)?;
        let (limit, record) = (self.limit(), self.options.record.clone());
        let square = self.village.household(SQUARE);
        square.start_daemon()?;
        square.await_daemon(limit)?;
        if let Some(folder) = &record {
            square.record_start(folder)?;
        }
        timeline.note(format!("it answers on ubus again {:.1} s later", moment.elapsed().as_secs_f64()));
        self.until_converged()?;
        self.rosa_is_outside(timeline)?;
        let square = self.village.household(SQUARE);
        interrupt::until("the daemon to know its one session again", limit, || {
            let status = square.ask(&["status"])?;
            let sessions = status.get("sessions").and_then(Value::as_u64);
            Ok(if sessions == Some(1) { Ok(()) } else { Err(format!("sessions: {sessions:?}")) })
        })
        .map_err(|failure| failure.read(&square.log))?;
        let after = self.counted()?;
        if after.0 != before.0 || after.1 <= before.1 {
            let seen = format!(
                "client {} with {} octets, after client {} with {}",
                after.0, after.1, before.0, before.1
            );
            return Err(Failure::new("the session with what passed while no daemon ran", seen));
        }
        timeline.note(format!("its counters go on: {} octets before, {} after", before.1, after.1));
        self.until_answered(&streams, Instant::now())?;
        for (family, outage) in ["v4", "v6"].iter().zip(streams.map(Stream::stop)) {
            timeline.note(describe(family, &outage));
            timeline.figure(&format!("outage_daemon_killed_{family}_s"), outage.longest.as_secs_f64());
        }
        Ok(())
    }

    /// The one session of the square: its client number, and the octets to its phones.
    fn counted(&mut self) -> Outcome<(u64, u64)> {
        let reply = self.village.household(SQUARE).ask(&["sessions"])?;
        let figure = |name: &str| reply["sessions"][0][name].as_u64();
        let both = figure("client").zip(figure("down_bytes"));
        both.ok_or_else(|| Failure::new("one session at the square", reply.to_string()))
    }

    pub(super) fn uplink_dies(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let mut luz = self.phone(HAMLET, "luz", 3)?;
        let lease = luz.lease()?;
        timeline.note(format!("Luz's phone ({}) in the hamlet has {}", luz.mac, lease.address));
        let moment = Instant::now();
        self.village.terrain.cut_uplink()?;
        self.until_defaults(HAMLET, false)?;
        timeline.note(format!(
            "no way to the outside at the hamlet after {:.1} s",
            moment.elapsed().as_secs_f64()
        ));
        timeline.figure("uplink_gone_s", moment.elapsed().as_secs_f64());
        open_content(&mut luz, "Luz", timeline)?;
        let beto = self.beto.as_mut().expect("an earlier step has switched it on");
        open_content(beto, "Beto", timeline)?;
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        rosa.set_patience(SHORT_PATIENCE);
        let outside = rosa.open(&format!("http://{OUTSIDE4}/"));
        rosa.set_patience(PATIENCE);
        match outside {
            Ok(visit) if shows(&visit, "outside") => {
                Err(Failure::new("no outside without an uplink", describe_visit(&visit)))
            }
            Ok(visit) => {
                timeline.note(format!("for Rosa's phone the outside is gone: {}", describe_visit(&visit)));
                Ok(())
            }
            Err(failure) if failure.interrupted => Err(failure),
            Err(failure) => {
                timeline.note(format!("for Rosa's phone the outside is gone: {}", failure.seen));
                Ok(())
            }
        }?;
        self.luz = Some(luz);
        Ok(())
    }

    pub(super) fn uplink_is_back(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.joined_again(timeline, "uplink_back_s")
    }

    /// After a second loss within minutes the gateway waits twice as long before it trusts the way.
    pub(super) fn provider_is_back(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.joined_again(timeline, "provider_back_s")
    }

    fn joined_again(&mut self, timeline: &mut Timeline, figure: &str) -> Outcome<()> {
        let moment = Instant::now();
        self.village.terrain.join_uplink()?;
        self.until_defaults(HAMLET, true)?;
        self.until_converged()?;
        timeline.note(format!(
            "everybody has a way to the outside after {:.1} s",
            moment.elapsed().as_secs_f64()
        ));
        timeline.figure(figure, moment.elapsed().as_secs_f64());
        self.rosa_is_outside(timeline)
    }

    /// The carrier stays and so do the kernel's default routes: the gateway finds out by asking.
    pub(super) fn provider_silent(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let moment = Instant::now();
        self.village.terrain.silence_uplink()?;
        self.until_defaults(HAMLET, false)?;
        let taken = moment.elapsed().as_secs_f64();
        timeline.note(format!("no way to the outside at the hamlet after {taken:.1} s"));
        timeline.figure("provider_silent_s", taken);
        if taken > PROVIDER_SILENT_MOST_S {
            let expected = format!("a dead provider to be noticed within {PROVIDER_SILENT_MOST_S} s");
            return Err(Failure::new(expected, format!("{taken:.1} s")));
        }
        Ok(())
    }

    /// What the caretaker's page says: through whom, how many routers, how many milliseconds.
    pub(super) fn outside_measured(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let limit = self.limit();
        let hamlet = self.village.household(HAMLET);
        let mut uplink = Value::Null;
        let expected = "the hamlet to know hops and delay of the way outside";
        interrupt::until(expected, limit, || {
            uplink = hamlet.ask(&["status"])?.get("uplink").cloned().unwrap_or_default();
            let known = uplink["hops"] == HAMLET_HOPS && uplink["delay_ms"].is_u64();
            Ok(if known { Ok(()) } else { Err(uplink.to_string()) })
        })
        .map_err(|failure| failure.read(&hamlet.log))?;
        timeline.note(format!("it says: {uplink}"));
        Ok(())
    }

    /// Waits until a node has both default routes, or none of them.
    pub(super) fn until_defaults(&mut self, at: &str, wanted: bool) -> Outcome<()> {
        let limit = self.limit();
        let village = &mut self.village;
        let log = village.household(at).log.clone();
        let expected = format!("{} default routes at {at}", if wanted { "both" } else { "no" });
        interrupt::until(&expected, limit, || {
            village.check()?;
            let there = routes::reachable(village.terrain.node(at))?;
            let found: Vec<String> = routes::defaults()
                .iter()
                .filter(|range| there.contains(range))
                .map(ToString::to_string)
                .collect();
            let done = if wanted { found.len() == 2 } else { found.is_empty() };
            Ok(if done { Ok(()) } else { Err(format!("[{}]", found.join(", "))) })
        })
        .map_err(|failure| failure.read(&log))
    }

    pub(super) fn plan_ends(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let (code, second) = (self.sell(HAMLET, "prueba")?, self.sell(HAMLET, "prueba")?);
        timeline.note(format!(
            "Ana sells {code} and {second} ({TRIAL_SECONDS} seconds of use each) in the hamlet"
        ));
        let log = self.village.household(HAMLET).log.clone();
        let router = self.router(HAMLET);
        let limit = self.limit();
        let luz = self.luz.as_mut().expect("an earlier step has switched it on");
        let portal = luz.open(OUTSIDE_URL)?;
        let start = Instant::now();
        let answer = luz.submit(&portal, &code).map_err(|failure| failure.read(&log))?;
        if answer.page.status >= 400 {
            return Err(Failure::new("the portal to take the code", describe_visit(&answer)).read(&log));
        }
        let visit = luz.open(OUTSIDE_URL)?;
        if !shows(&visit, "outside") {
            return Err(Failure::new("Luz's phone to open the outside", describe_visit(&visit)).read(&log));
        }
        let waits = luz.submit(&portal, &second)?;
        if !waits.page.text().contains("<dd>Prueba</dd></div>\n</dl>") {
            return Err(Failure::new("the portal to say that the second code waits", waits.page.text()));
        }
        timeline.note("Luz's phone opens the outside, and goes on using it; the second code waits");
        luz.set_patience(SHORT_PATIENCE);
        interrupt::until("both plans to end and the portal to come back", limit, || {
            Ok(match luz.open(OUTSIDE_URL) {
                Ok(visit) if visit.url().host == router && visit.url().port == PORTAL_PORT => Ok(()),
                Ok(visit) => Err(describe_visit(&visit)),
                // A connection that was open when the plan ended is cut in the middle.
                Err(failure) => Err(failure.seen),
            })
        })
        .map_err(|failure| failure.read(&log))?;
        let lasted = start.elapsed().as_secs_f64();
        timeline.figure("two_plans_of_20_s_lasted_s", lasted);
        timeline.note(format!("after {lasted:.1} s she is back at the portal"));
        let (least, most) = TRIAL_BOUNDS_S;
        if !(least..=most).contains(&lasted) {
            let expected = format!("two plans of {TRIAL_SECONDS} s to last {least} to {most} s");
            return Err(Failure::new(expected, format!("{lasted:.1} s")).read(&log));
        }
        self.rosa_is_outside(timeline)
    }

    pub(super) fn daemons_end(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        for household in &mut self.village.households {
            if self.options.record.is_some() {
                household.record_stop()?;
            }
            household.check()?;
            if !household.stop_daemon() {
                let expected = format!("the daemon of {} to end on SIGTERM", household.site.name);
                return Err(Failure::new(expected, "it had to be killed").read(&household.log));
            }
        }
        timeline.note("every daemon ends when it is asked to");
        Ok(())
    }

    /// What was recorded is what happened, and says nothing of codes, phones and keys.
    pub(super) fn recordings_proven(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let mut secrets = Vec::new();
        for code in self.codes.iter().map(String::as_str).chain([WRONG_CODE]) {
            secrets.extend(recordings::of_code(code)?);
        }
        for mac in &self.macs {
            secrets.extend(recordings::of_device(mac)?);
        }
        for file in self.village.key_files() {
            secrets.extend(recordings::of_key_file(&file)?);
        }
        let mut total = Proven::default();
        for household in &self.village.households {
            let proven = recordings::prove(&household.recordings, household.site.name, &secrets)?;
            total.files += proven.files;
            total.octets += proven.octets;
            total.steps += proven.steps;
            total.torn += proven.torn;
        }
        timeline.note(format!(
            "{} recordings of {} kB: {} steps replay with the same outputs, twice; {} end inside a step",
            total.files,
            total.octets / 1_000,
            total.steps,
            total.torn
        ));
        timeline.note(format!(
            "none of {} codes, {} phones and the keys stands in them ({} forms searched)",
            self.codes.len() + 1,
            self.macs.len(),
            secrets.len()
        ));
        Ok(())
    }
}
