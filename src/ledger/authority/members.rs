//! Who was admitted, with which roles, and who was expelled.
//!
//! Two passes, so that no order matters: what the roots say gives the officers, what those say the rest.
//! Whatever counts of a key that was expelled, or that lost a role, is what its last counted records
//! follow (`docs/ledger.md`, "Expulsion"), never what time or number it claims.

use crate::base::sorted::{LargeSet, SortedMap, SortedSet};

use super::super::Ledger;
use super::super::body::{Body, Member};
use super::super::kind::Kind;
use super::super::line::Line;
use super::super::record::{Record, RecordId};
use super::super::rights::{Role, Roles};
use super::{Authority, MemberState, Past, standing};

/// Member records by the key that they are about.
type Candidates<'a> = SortedMap<[u8; 32], Vec<&'a Record>>;

impl Authority {
    pub(super) fn count_members(&mut self, ledger: &Ledger, line: &Line) {
        let mut by_root = Candidates::new();
        let mut by_others = Candidates::new();
        for record in ledger.of_kind(Kind::Member) {
            if let Body::Member(member) = &record.body {
                let is_root = self.is_root(&record.author, record.id);
                let side = if is_root { &mut by_root } else { &mut by_others };
                side.entry(member.key).or_default().push(record);
            }
        }
        self.expel(ledger, |authority, record, _| authority.is_root(&record.author, record.id));
        self.admit_all(ledger, line, &by_root);
        // Chosen by the root for good: no officer decides about them.
        let chosen: SortedSet<[u8; 32]> = self.privileged().collect();
        self.expel(ledger, |authority, record, key| {
            !chosen.contains(key) && authority.holds(record, Role::Officer)
        });
        let mut counted = Candidates::new();
        for (key, candidates) in by_others.into_iter().filter(|(key, _)| !chosen.contains(key)) {
            let ordinary = |record: &&Record| match &record.body {
                Body::Member(member) => self.holds(record, Role::Officer) && !member.roles.privileged(),
                _ => false,
            };
            let records = candidates.into_iter().filter(ordinary);
            counted.insert(key, records.chain(by_root.get(&key).into_iter().flatten().copied()).collect());
        }
        for (key, candidates) in by_root {
            // An officer may have expelled it in the meantime.
            counted.entry(key).or_insert(candidates);
        }
        self.admit_all(ledger, line, &counted);
        self.settle_numbers();
    }

    /// Members whose roles only the root gives and takes.
    fn privileged(&self) -> impl Iterator<Item = [u8; 32]> {
        let states = self.members.iter().chain(&self.gone);
        states.filter(|(_, state)| state.member.roles.privileged()).map(|(key, _)| *key)
    }

    /// Counts the expulsions of every epoch record whose author `may`; the winner only chooses secrets.
    fn expel(&mut self, ledger: &Ledger, may: impl Fn(&Self, &Record, &[u8; 32]) -> bool) {
        let mut expelled: Vec<([u8; 32], Vec<RecordId>)> = Vec::new();
        for record in ledger.of_kind(Kind::Epoch) {
            let Body::Epoch(epoch) = &record.body else { continue };
            for expulsion in epoch.expels.iter().filter(|one| may(self, record, &one.member)) {
                expelled.push((expulsion.member, expulsion.heads.clone()));
            }
        }
        for (member, heads) in expelled {
            let all = self.expulsions.entry(member).or_default();
            all.extend(heads);
            all.sort_unstable();
            all.dedup();
        }
    }

    fn admit_all(&mut self, ledger: &Ledger, line: &Line, candidates: &Candidates<'_>) {
        self.members.clear();
        self.gone.clear();
        self.past.clear();
        for (key, candidates) in candidates {
            let Some(state) = state(candidates) else { continue };
            self.counted.extend(candidates.iter().map(|record| record.id));
            let past = self.pasts(ledger, line, &state, candidates);
            if !past.is_empty() {
                self.past.insert(*key, past);
            }
            let side = if self.expulsions.contains_key(key) { &mut self.gone } else { &mut self.members };
            side.insert(*key, state);
        }
    }

    /// For each role that a key has no more: the records for which it has it still.
    fn pasts(&self, ledger: &Ledger, line: &Line, state: &MemberState, candidates: &[&Record]) -> Vec<Past> {
        let key = &state.member.key;
        let expelled = self.expulsions.get(key);
        let mut by_heads: SortedMap<Vec<RecordId>, Roles> = SortedMap::new();
        for role in Role::ALL.into_iter().filter(|role| state.ever.has(*role)) {
            let heads = match expelled {
                Some(heads) if state.member.roles.has(role) => heads.clone(),
                None if state.member.roles.has(role) => continue,
                _ => heads_without(role, candidates),
            };
            let roles = by_heads.entry(heads).or_default();
            *roles = roles.with(role);
        }
        let past =
            |(heads, roles): (Vec<RecordId>, Roles)| Past { roles, records: ledger.ancestors(key, &heads) };
        let mut pasts: Vec<Past> = by_heads.into_iter().map(past).collect();
        if !pasts.is_empty() && line.cover(key).is_some() {
            let mut below: SortedMap<Roles, LargeSet<RecordId>> = SortedMap::new();
            for record in ledger.records().filter(|record| record.author == *key) {
                let roles = line.roles(record, state.ever);
                if roles != Roles::NONE {
                    below.entry(roles).or_default().insert(record.id);
                }
            }
            pasts.extend(below.into_iter().map(|(roles, records)| Past { roles, records }));
        }
        pasts
    }

    /// Of two live members with one number or slot the lower key keeps it.
    fn settle_numbers(&mut self) {
        let mut numbers: SortedSet<_> = SortedSet::new();
        let mut slots: SortedSet<_> = SortedSet::new();
        for state in self.members.values_mut() {
            state.number_taken = !numbers.insert(state.member.number);
            state.slot_taken = state.member.slot.is_some_and(|slot| !slots.insert(slot));
        }
    }
}

/// What the counted records about one key say together.
fn state(candidates: &[&Record]) -> Option<MemberState> {
    let (record, concurrent) = standing(candidates)?;
    let members = candidates.iter().filter_map(|record| member(record));
    Some(MemberState {
        member: member(record)?.clone(),
        record: record.id,
        number_taken: false,
        slot_taken: false,
        concurrent,
        numbers: members.clone().map(|member| member.number).collect(),
        most_float: members.clone().map(|member| member.float).max().unwrap_or(0),
        ever: Roles(members.fold(0, |ever, member| ever | member.roles.0)),
    })
}

/// The last records that those name which do not give a role.
fn heads_without(role: Role, candidates: &[&Record]) -> Vec<RecordId> {
    let without = candidates.iter().filter_map(|record| member(record)).filter(|one| !one.roles.has(role));
    let heads: LargeSet<RecordId> = without.flat_map(|member| &member.heads).copied().collect();
    heads.into_iter().collect()
}

fn member(record: &Record) -> Option<&Member> {
    match &record.body {
        Body::Member(member) => Some(member),
        _ => None,
    }
}
