//! The steps of the mesh: it converges, links are cut, and traffic goes the other way.

use std::net::IpAddr;
use std::time::Instant;

use super::{AROUND, ENOUGH_ANSWERS, HAMLET, HILL, SQUARE, Story};
use crate::failure::Outcome;
use crate::outage::{Outage, Stream};
use crate::terrain::Cut;
use crate::timeline::Timeline;
use crate::topology::{self as plan, OUTSIDE4, OUTSIDE6};
use crate::{interrupt, routes};

impl Story {
    pub(super) fn daemons_start(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        for household in &mut self.village.households {
            household.start_daemon()?;
        }
        self.started = Instant::now();
        let limit = self.limit();
        for household in &mut self.village.households {
            household.await_daemon(limit)?;
        }
        timeline.note(format!("{} daemons answer on ubus", self.village.households.len()));
        if let Some(folder) = self.options.record.clone() {
            for household in &mut self.village.households {
                household.record_start(&folder)?;
            }
            timeline.note(format!("every daemon records into {}", folder.display()));
        }
        Ok(())
    }

    pub(super) fn mesh_converges(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.until_converged()?;
        timeline.figure("convergence_s", self.started.elapsed().as_secs_f64());
        let prefixes: usize =
            self.village.terrain.topology.sites.iter().map(|site| site.announced().len()).sum();
        timeline
            .note(format!("every node has a way to all {prefixes} prefixes and to the outside, v4 and v6"));
        self.until_way(SQUARE, OUTSIDE4.into(), "over the hills", over_hill)?;
        self.until_way(SQUARE, OUTSIDE6.into(), "over the hills", over_hill)?;
        for (from, to) in
            [(HAMLET, IpAddr::from(OUTSIDE4)), (HAMLET, OUTSIDE6.into()), (HAMLET, plan::CONTENT4.into())]
        {
            let way = self.until_way(from, to, "to exist", |_| true)?;
            timeline.note(format!("to {to:<16} {}", way.join(" > ")));
        }
        Ok(())
    }

    /// Every node has every prefix and both default routes, as the kernel says.
    pub(super) fn until_converged(&mut self) -> Outcome<()> {
        let all: Vec<_> =
            self.village.terrain.topology.sites.iter().flat_map(plan::Site::announced).collect();
        let limit = self.limit();
        let village = &mut self.village;
        let mut behind = None;
        interrupt::until("a route to every prefix at every node", limit, || {
            village.check()?;
            for household in &village.households {
                let own = household.site.announced();
                let there = routes::reachable(&household.namespace)?;
                let wanted =
                    all.iter().filter(|range| !own.contains(range)).copied().chain(routes::defaults());
                let missing: Vec<String> =
                    wanted.filter(|range| !there.contains(range)).map(|range| range.to_string()).collect();
                if !missing.is_empty() {
                    behind = Some(household.log.clone());
                    let (name, count) = (household.site.name, missing.len());
                    return Ok(Err(format!("{name} misses {count}: {}", missing.join(", "))));
                }
            }
            Ok(Ok(()))
        })
        .map_err(|failure| match &behind {
            Some(log) => failure.read(log),
            None => failure,
        })
    }

    /// Waits until the way between two places is as wanted; gives it.
    pub(super) fn until_way(
        &mut self,
        from: &str,
        to: IpAddr,
        words: &str,
        wanted: fn(&[String]) -> bool,
    ) -> Outcome<Vec<String>> {
        let expected = format!("the way from {from} to {to} {words}");
        let limit = self.limit();
        let village = &mut self.village;
        interrupt::until(&expected, limit, || {
            village.check()?;
            Ok(match routes::way(&village.terrain, from, to)? {
                Ok(way) if wanted(&way) => Ok(way),
                Ok(way) => Err(way.join(" > ")),
                Err(sentence) => Err(sentence),
            })
        })
    }

    pub(super) fn cut_carrier(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.cut(timeline, Cut::Carrier, "carrier")
    }

    pub(super) fn cut_silent(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        self.cut(timeline, Cut::Silent, "silent")
    }

    /// Cuts the link to the hill under traffic from the hamlet, and measures for how long the traffic stands still.
    pub(super) fn cut(&mut self, timeline: &mut Timeline, cut: Cut, name: &'static str) -> Outcome<()> {
        self.last_cut = name;
        let streams = self.streams()?;
        self.village.terrain.cut(SQUARE, HILL, cut)?;
        let moment = Instant::now();
        for to in [IpAddr::from(OUTSIDE4), OUTSIDE6.into()] {
            let way =
                self.until_way(SQUARE, to, "around the hills", |way| way.iter().any(|name| name == AROUND))?;
            timeline.note(format!("to {to:<16} {}", way.join(" > ")));
        }
        self.until_answered(&streams, moment)?;
        for (family, outage) in ["v4", "v6"].iter().zip(streams.map(Stream::stop)) {
            timeline.note(describe(family, &outage));
            timeline.figure(&format!("outage_{name}_{family}_s"), outage.longest.as_secs_f64());
        }
        self.rosa_is_outside(timeline)
    }

    pub(super) fn hill_is_back(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let streams = self.streams()?;
        self.village.terrain.join(SQUARE, HILL)?;
        let moment = Instant::now();
        for to in [IpAddr::from(OUTSIDE4), OUTSIDE6.into()] {
            self.until_way(SQUARE, to, "over the hills again", over_hill)?;
        }
        let took = moment.elapsed().as_secs_f64();
        timeline.note(format!("the better way is taken again after {took:.1} s"));
        timeline.figure(&format!("back_over_the_hill_{}_s", self.last_cut), took);
        self.until_answered(&streams, Instant::now())?;
        for (family, outage) in ["v4", "v6"].iter().zip(streams.map(Stream::stop)) {
            timeline.note(describe(family, &outage));
        }
        Ok(())
    }

    /// Traffic from the hamlet to the outside, both families, that has been answered already.
    pub(super) fn streams(&mut self) -> Outcome<[Stream; 2]> {
        let hamlet = self.village.household(HAMLET);
        let (four, six) = (hamlet.site.address4(), hamlet.site.address6());
        let streams = [
            Stream::start(&hamlet.namespace, four.into(), OUTSIDE4.into())?,
            Stream::start(&hamlet.namespace, six.into(), OUTSIDE6.into())?,
        ];
        self.until_answered(&streams, Instant::now())?;
        Ok(streams)
    }

    pub(super) fn until_answered(&self, streams: &[Stream], since: Instant) -> Outcome<()> {
        interrupt::until("answers from the outside to the hamlet", self.limit(), || {
            let counts: Vec<usize> = streams.iter().map(|stream| stream.answered_since(since)).collect();
            let enough = counts.iter().all(|count| *count >= ENOUGH_ANSWERS);
            Ok(if enough { Ok(()) } else { Err(format!("{counts:?} answers (v4, v6)")) })
        })
    }
}

pub(super) fn describe(family: &str, outage: &Outage) -> String {
    let (longest, lost, sent) = (outage.longest.as_secs_f64(), outage.lost, outage.sent);
    format!(
        "{family}: the traffic of the hamlet stood still for {longest:.2} s ({lost} of {sent} packets lost)"
    )
}

fn over_hill(way: &[String]) -> bool {
    way.iter().any(|name| name == HILL)
}
