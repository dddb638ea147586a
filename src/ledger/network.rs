//! What members say about the network: its mode, services, notices, the least time, how they are.

use super::Ledger;
use super::authority::standing;
use super::body::{Body, Look, Mode, NetworkMode, Notice, Service, Status};
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::Role;
use crate::base::sorted::SortedMap;
use crate::base::time::WallTime;

impl Ledger {
    /// How the network is run: the mode with the highest number by an officer, or by a caretaker with whom a second
    /// one agrees; of equal numbers the lower id counts.
    pub fn mode(&self) -> NetworkMode {
        self.mode_record().map(|(_, mode)| mode.mode).unwrap_or_default()
    }

    /// The record that says so.
    pub fn mode_record(&self) -> Option<(&Record, &Mode)> {
        let modes = self.of_kind(Kind::Mode).filter_map(|record| match &record.body {
            Body::Mode(body) if body.confirms.is_none() && self.sets_mode(record) => Some((record, &**body)),
            _ => None,
        });
        modes.max_by_key(|(record, body)| (body.number, std::cmp::Reverse(record.id)))
    }

    /// The number of the next mode.
    pub fn next_mode(&self) -> u32 {
        let numbers = self.of_kind(Kind::Mode).filter_map(|record| match &record.body {
            Body::Mode(body) if self.authority.entitled(record) => Some(body.number),
            _ => None,
        });
        numbers.max().unwrap_or(0).saturating_add(1)
    }

    /// The keys behind a mode: whoever wrote it, and who agrees.
    pub fn signers_of(&self, record: &Record) -> Vec<[u8; 32]> {
        let others = self.agreements(record, Role::Caretaker).map(|other| other.author);
        std::iter::once(record.author).chain(others).collect()
    }

    pub(super) fn sets_mode(&self, record: &Record) -> bool {
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
                Body::Service(service) => {
                    Some((record.id, &**service)).filter(|(_, service)| !service.prefixes.is_empty())
                }
                _ => None,
            }
        });
        standing.collect()
    }

    /// Sentences for the portal whose last day is not over, those of one author in the order of their names. Who does not know
    /// the day takes none down.
    pub fn notices(&self, today: Option<u32>) -> Vec<&Notice> {
        let stands = |notice: &Notice| today.zip(notice.until).is_none_or(|(today, until)| today <= until);
        let mut notices: Vec<(&[u8; 32], &Notice)> = Vec::new();
        for record in self.of_kind(Kind::Notice).filter(|record| self.authority.entitled(record)) {
            if let Body::Notice(notice) = &record.body
                && !notice.text.is_empty()
                && stands(notice)
            {
                notices.push((&record.author, notice));
            }
        }
        notices.sort_by_key(|(author, notice)| (*author, &notice.name));
        notices.into_iter().map(|(_, notice)| notice).collect()
    }

    /// How the community looks; what the present root says comes before what an earlier one said.
    pub fn look(&self) -> Option<&Look> {
        let root = self.charter().map(|charter| charter.root);
        let looks = self.of_kind(Kind::Look).filter(|record| self.authority.entitled(record));
        let newest = looks.max_by_key(|record| (Some(record.author) == root, record.seq, record.id));
        newest.and_then(|record| match &record.body {
            Body::Look(look) => Some(&**look),
            _ => None,
        })
    }

    /// The number of the root's newest time record, and the least that any clock may say by it, in seconds since 1970.
    /// It sets no clock.
    pub fn time_record(&self) -> (u32, u64) {
        let times = self.of_kind(Kind::Time).filter(|record| self.authority.entitled(record));
        let times = times.filter_map(|record| match &record.body {
            Body::Time(time) => Some(((time.number, std::cmp::Reverse(record.id)), time.floor_unix_s)),
            _ => None,
        });
        times.max().map_or((0, 0), |((number, _), floor)| (number, floor))
    }

    /// Whether a member's word about the time counts.
    pub fn is_clock(&self, author: &[u8; 32]) -> bool {
        self.authority.roles(author).has(Role::Clock)
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
