//! The steps of the community's secrets: they change while the mesh runs, and a node that was off meanwhile comes back.

use std::time::{Duration, Instant};

use super::mesh::describe;
use super::{AROUND, SCHOOL, SQUARE, Story};
use crate::failure::{Failure, Outcome, io};
use crate::interrupt;
use crate::outage::Stream;
use crate::timeline::Timeline;

/// A hello interval: what is shorter nobody notices.
const STILL_MOST: Duration = Duration::from_secs(1);
/// `docs/ledger.md`: a node that missed rotations routes again so soon after it hears any member.
const BACK_MOST: Duration = Duration::from_secs(10);
/// Founding, then a rotation, an expulsion, and a rotation.
const LAST_EPOCH: u64 = 4;

impl Story {
    /// Two rotations and an expulsion, carried to one node: all others sign with the new secrets, and no route flaps.
    pub(super) fn secrets_change(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.until_epoch(1, "")?;
        self.village.household(AROUND).lose_power()?;
        timeline.note(format!("the power goes at {AROUND}"));
        let lost = self.lost_neighbours()?;
        let streams = self.streams()?;
        let moment = Instant::now();
        self.community(&["rotate"])?;
        self.carry_to_school()?;
        self.until_epoch(2, AROUND)?;
        timeline.note(format!(
            "new secrets are carried to {SCHOOL}: everybody signs with them after {:.1} s",
            moment.elapsed().as_secs_f64()
        ));
        self.expel_somebody()?;
        self.community(&["rotate"])?;
        self.carry_to_school()?;
        self.until_epoch(LAST_EPOCH, AROUND)?;
        self.until_answered(&streams, Instant::now())?;
        for (family, outage) in ["v4", "v6"].iter().zip(streams.map(Stream::stop)) {
            timeline.note(describe(family, &outage));
            timeline.figure(&format!("outage_rotation_{family}_s"), outage.longest.as_secs_f64());
            if outage.longest > STILL_MOST {
                let expected =
                    format!("traffic to go on while the secrets change, or to pause for {STILL_MOST:?}");
                return Err(Failure::new(expected, format!("{:?}", outage.longest)));
            }
        }
        let now = self.lost_neighbours()?;
        if now != lost {
            return Err(Failure::new(
                "no neighbour to be lost by a rotation",
                format!("{lost} before, {now} after"),
            ));
        }
        timeline.note("an expulsion and another rotation: no neighbour was lost");
        Ok(())
    }

    /// The one without power has missed all of it.
    pub(super) fn back_after_rotations(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let moment = Instant::now();
        let (limit, record) = (self.limit(), self.options.record.clone());
        let around = self.village.household(AROUND);
        around.start_daemon()?;
        around.await_daemon(limit)?;
        if let Some(folder) = &record {
            around.record_start(folder)?;
        }
        self.until_converged()?;
        let taken = moment.elapsed();
        timeline.figure("back_after_rotations_s", taken.as_secs_f64());
        timeline.note(format!("{AROUND} has every route {:.1} s after its start", taken.as_secs_f64()));
        if taken > BACK_MOST {
            return Err(Failure::new(format!("its routes within {BACK_MOST:?}"), format!("{taken:?}")));
        }
        self.until_epoch(LAST_EPOCH, "")
    }

    /// A box that nobody ever switched on is admitted and expelled.
    fn expel_somebody(&mut self) -> Outcome<()> {
        let state = self.village.assembly().with_file_name("spare");
        std::fs::create_dir_all(&state).map_err(io(format!("the folder {}", state.display())))?;
        let state = state.display().to_string();
        let square = self.village.household(SQUARE);
        let request = square.here(&["community", "request", "--state", &state, "--name", "spare"])?;
        self.community(&["admit", "--request", request.trim()])?;
        self.community(&["expel", "--member", "spare"]).map(drop)
    }

    fn community(&mut self, words: &[&str]) -> Outcome<String> {
        let dir = self.village.assembly().display().to_string();
        let mut all = vec!["community"];
        all.extend_from_slice(words);
        all.extend(["--dir", &dir]);
        self.village.household(SQUARE).here(&all)
    }

    /// Somebody brings the records on a stick: the daemon stands still for that moment.
    fn carry_to_school(&mut self) -> Outcome<()> {
        let bundle = self.village.assembly().join("community.records").display().to_string();
        let (limit, record) = (self.limit(), self.options.record.clone());
        let school = self.village.household(SCHOOL);
        if record.is_some() {
            school.record_stop()?;
        }
        if !school.stop_daemon() {
            let expected = format!("the daemon of {SCHOOL} to end on SIGTERM");
            return Err(Failure::new(expected, "it had to be killed").read(&school.log));
        }
        school.here(&["community", "join", "--state", &school.state(), "--bundle", &bundle])?;
        school.start_daemon()?;
        school.await_daemon(limit)?;
        if let Some(folder) = &record {
            school.record_start(folder)?;
        }
        Ok(())
    }

    /// Waits until every node but one signs with the secrets of this epoch.
    fn until_epoch(&mut self, epoch: u64, but: &str) -> Outcome<()> {
        let limit = self.limit();
        let households = &mut self.village.households;
        interrupt::until(&format!("packets to be signed with the secrets of epoch {epoch}"), limit, || {
            for household in households.iter_mut().filter(|household| household.site.name != but) {
                let status = household.ask(&["status"])?;
                if status["epoch"] != epoch {
                    return Ok(Err(format!("{} signs with {}", household.site.name, status["epoch"])));
                }
            }
            Ok(Ok(()))
        })
    }

    /// How often a node has lost a neighbour, except the two whose daemons do not run all the time.
    fn lost_neighbours(&mut self) -> Outcome<usize> {
        let absent = [AROUND, SCHOOL];
        let mut count = 0;
        for household in self.village.households.iter().filter(|one| !absent.contains(&one.site.name)) {
            let log = std::fs::read_to_string(&household.log)
                .map_err(io(format!("the log {}", household.log.display())))?;
            let lost = log.lines().filter(|line| line.ends_with("is lost"));
            count +=
                lost.filter(|line| absent.iter().all(|name| !line.contains(&format!("m-{name} ")))).count();
        }
        Ok(count)
    }
}
