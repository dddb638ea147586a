//! What members say about the network: its mode, services, notices, the least time, how they are.

use super::Ledger;
use super::authority::standing;
use super::body::{Body, NetworkMode, Notice, Service, Status};
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::Role;
use crate::base::sorted::SortedMap;
use crate::base::time::WallTime;

impl Ledger {
    /// How the network is run: the mode with the highest number by an officer, or by a caretaker with whom a second
    /// one agrees; of equal numbers the lower id counts.
    pub fn mode(&self) -> NetworkMode {
        let mut best: Option<(u32, NetworkMode)> = None;
        for record in self.of_kind(Kind::Mode) {
            let Body::Mode(body) = &record.body else { continue };
            let higher = best.is_none_or(|(number, _)| body.number > number);
            if higher && body.confirms.is_none() && self.sets_mode(record) {
                best = Some((body.number, body.mode));
            }
        }
        best.map(|(_, mode)| mode).unwrap_or_default()
    }

    fn sets_mode(&self, record: &Record) -> bool {
        self.authority.holds(record, Role::Officer)
            || (self.authority.holds(record, Role::Caretaker) && self.is_agreed(record, Role::Caretaker))
    }

    /// What members serve, in the order of the names; what has no address is served no more.
    pub fn services(&self) -> Vec<(RecordId, &Service)> {
        let mut names: SortedMap<&str, Vec<&Record>> = SortedMap::new();
        for record in self.of_kind(Kind::Service).filter(|record| self.authority.entitled(record)) {
            if let Body::Service(service) = &record.body {
                names.entry(&service.name).or_default().push(record);
            }
        }
        let standing = names.values().filter_map(|candidates| {
            let (record, _) = standing(candidates)?;
            match &record.body {
                Body::Service(service) => Some((record.id, service)).filter(|_| !service.prefixes.is_empty()),
                _ => None,
            }
        });
        standing.collect()
    }

    /// Sentences for the portal, those of one author in the order of their names.
    pub fn notices(&self) -> Vec<&Notice> {
        let mut notices: Vec<(&[u8; 32], &Notice)> = Vec::new();
        for record in self.of_kind(Kind::Notice).filter(|record| self.authority.entitled(record)) {
            if let Body::Notice(notice) = &record.body
                && !notice.text.is_empty()
            {
                notices.push((&record.author, notice));
            }
        }
        notices.sort_by_key(|(author, notice)| (*author, &notice.name));
        notices.into_iter().map(|(_, notice)| notice).collect()
    }

    /// The least that any clock may say, in seconds since 1970: that of the root's time record with the highest
    /// number. It sets no clock.
    pub fn time_floor(&self) -> Option<u64> {
        let times = self.of_kind(Kind::Time).filter(|record| self.authority.entitled(record));
        let times = times.filter_map(|record| match &record.body {
            Body::Time(time) => Some(((time.number, std::cmp::Reverse(record.id)), time.floor_unix_s)),
            _ => None,
        });
        times.max().map(|(_, floor)| floor)
    }

    /// What members say of themselves, in the order of their keys.
    pub fn statuses(&self) -> Vec<([u8; 32], &Status)> {
        let mut found: Vec<([u8; 32], &Status)> = Vec::new();
        for record in self.of_kind(Kind::Status).filter(|record| self.authority.entitled(record)) {
            if let Body::Status(status) = &record.body {
                found.push((record.author, status));
            }
        }
        found.sort_unstable_by_key(|(author, _)| *author);
        found
    }

    /// The records of these.
    pub(super) fn status_records(&self) -> impl Iterator<Item = RecordId> {
        self.of_kind(Kind::Status).filter(|record| self.authority.entitled(record)).map(|record| record.id)
    }

    /// What members with the role `clock` hold the time to be.
    pub fn offered_times(&self) -> Vec<WallTime> {
        let clocks = |(author, _): &([u8; 32], &Status)| self.authority.roles(author).has(Role::Clock);
        self.statuses().into_iter().filter(clocks).map(|(_, status)| status.time).collect()
    }
}
