//! The books: a treasurer's node closes a month, and in between whenever the details have grown; every node writes again
//! what a close did not know, and details are let go when the room runs short.
//!
//! Closed books say the same with their details and without (`ledger::line`). So a node keeps the details while it has
//! room: whoever steals a treasurer's key and closes twice makes nobody forget at once, and people have time to expel it.
//! The journal is append only; it is written anew when two thirds of it are what other records have replaced.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Alert, Answer, Caller, Closed};
use super::deed::{Books as BooksReport, DEEDS, Deed, Network, PersonBooks, Proposal, ServiceLine};
use super::output::{NoteLevel, Output, StoreId};
use super::settings::Role;
use super::stores::Then;
use super::taps::{MODES, ROLES};
use super::vault::Vault;
use crate::base::limit::{
    ALERTS_TWICE, BOOKS_PROPOSALS, CLOSE_AFTER_BYTES, CLOSE_APART_BYTES, LEDGER_ROOM_BYTES,
};
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span, TimeQuality};
use crate::base::voucher::{RequestId, Verifier};
use crate::ledger::account::FIGURES;
use crate::ledger::body::{Body, Close, NetworkMode, PersonRole};
use crate::ledger::journal::is_waste;
use crate::ledger::month::Month;
use crate::ledger::text::fingerprint;
use crate::ledger::{Kind, MemberState, Record, Role as MemberRole};

/// Time between two looks at how much room there is.
const LOOK: Span = Span::from_secs(3_600);

/// How large the journal is, and when that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Books {
    /// Octets of records in the journal, replaced ones among them.
    journal_bytes: u64,
    look_at: Option<Instant>,
    /// Vouchers of this node that gave more than they hold, in words; the latest look's.
    twice: Vec<String>,
    /// Keys whose records branch, at the latest look.
    branches: Vec<[u8; 32]>,
    /// The journal is being written anew.
    rewriting: Option<StoreId>,
}

impl Books {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.look_at
    }

    /// The journal has, or gets, these records.
    pub(super) fn handle_written(&mut self, now: Instant, records: &[Vec<u8>]) {
        self.journal_bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
        self.look_at.get_or_insert(now + LOOK);
    }

    /// What people should know of vouchers of this node that were used twice.
    pub(super) fn used_twice(&self) -> impl Iterator<Item = String> {
        self.twice.iter().map(|text| format!("A {text}."))
    }

    /// What became of a submission, if it was the whole journal.
    pub(super) fn handle_stored(&mut self, id: StoreId) -> bool {
        let ours = self.rewriting == Some(id);
        if ours {
            self.rewriting = None;
        }
        ours
    }
}

impl Node {
    /// Closes a month, for who looks after the money.
    pub(super) fn close_month(
        &mut self,
        now: Instant,
        request: RequestId,
        month: &str,
        vault: &mut dyn Vault,
    ) {
        let Some(month) = Month::parse(month) else {
            return self.refuse(request, "month", "Say which month, like 2026-11.");
        };
        let wall = self.wall(now);
        if wall.quality >= TimeQuality::Mesh && Month::of(wall.unix_s) < month {
            return self.refuse(request, "month", "That month has not begun yet.");
        }
        match self.close_books(month, None, vault) {
            Ok((record, rows)) => {
                let closed = Closed { month: month.to_string(), rows };
                let answer = Box::new(Answer::Closed(closed));
                let then = Then::Answer { requests: vec![request], answer, sold: Vec::new(), tap: 0 };
                self.store(now, vec![record], true, then);
                self.write_late(now, vault);
            }
            Err(why) => self.refuse(request, "refused", format!("Nothing was closed: {why}.")),
        }
    }

    /// A signed close, and how many rows it has.
    fn close_books(
        &mut self,
        month: Month,
        day: Option<u32>,
        vault: &mut dyn Vault,
    ) -> Result<(Vec<u8>, u32), String> {
        let body = self.ledger.close_body(month, day)?;
        let rows = if let Body::Close(close) = &body { close.totals.len() } else { 0 };
        let draft = self.ledger.draft(body).map_err(|error| error.to_string())?;
        let signature = vault.sign(&draft.message_to_sign);
        Ok((self.ledger.complete(draft, signature), u32::try_from(rows).unwrap_or(u32::MAX)))
    }

    /// Closes the books when their details have grown: first the month before, if nobody has, then up to today. One
    /// node does it; the next one in the order of keys waits until there is twice as much, for the case that the first
    /// one does not. While one of them is dead or behind a split all wait for much more: of two closes of the same days one is in vain.
    fn close_when_due(&mut self, now: Instant, vault: &mut dyn Vault) {
        let wall = self.wall(now);
        let closes = |state: &&MemberState| state.member.roles.has(MemberRole::Treasurer);
        let own = self.ledger.own_key();
        let Some(rank) = self.ledger.members().filter(closes).position(|state| state.member.key == own)
        else {
            return;
        };
        let others = self.ledger.members().filter(closes).map(|state| state.member.key);
        let is_apart = others.filter(|key| *key != own).any(|key| self.is_silent(now, &key));
        let due = if is_apart { CLOSE_APART_BYTES } else { CLOSE_AFTER_BYTES } << rank.min(4);
        let live = self.journal_octets();
        if wall.quality < TimeQuality::Mesh || live < due {
            return;
        }
        let this = Month::of(wall.unix_s);
        let last = self
            .ledger
            .closes()
            .last()
            .map_or(0, |(_, close)| close.month.saturating_add(u32::from(close.day.is_none())));
        let before = Month(this.0.saturating_sub(1));
        let today = u32::try_from(wall.unix_s / 86_400).ok();
        let now_open = Month(this.0.max(last));
        if self.ledger.covered_anew(now_open, today) < due {
            return;
        }
        let ends = before.0 >= last && self.ledger.covered_anew(before, None) > 0;
        let (month, day) = if ends { (before, None) } else { (now_open, today) };
        match self.close_books(month, day, vault) {
            Ok((record, _)) => {
                self.note(NoteLevel::Info, format!("the books of {month} are closed up to here"));
                self.store(now, vec![record], false, Then::Nothing);
                self.write_late(now, vault);
            }
            Err(why) => self.note(NoteLevel::Warning, format!("the books were not closed: {why}")),
        }
    }

    /// What a month brought, for whoever asks.
    pub(super) fn books_of(
        &self,
        now: Instant,
        caller: &Caller,
        month: &str,
    ) -> Result<BooksReport, (&'static str, String)> {
        let this = Month::of(self.wall(now).unix_s);
        let month = if month.is_empty() { Some(this) } else { Month::parse(month) };
        let month = month.ok_or(("month", "Say which month, like 2026-11.".to_owned()))?;
        let report = self.ledger.month_report(month);
        let mut people: SortedMap<String, PersonBooks> = SortedMap::new();
        let mut of = |person: &str, add: &dyn Fn(&mut PersonBooks)| {
            let fresh = || PersonBooks {
                person: person.to_owned(),
                figures: vec![0; FIGURES],
                owed_before: 0,
                owed: 0,
                owed_here: 0,
            };
            add(people.entry(person.to_owned()).or_insert_with(fresh));
        };
        // A handful, so that a list will do.
        let mut plans: Vec<(String, Vec<i64>)> = Vec::new();
        let add = |sums: &mut [i64], figures: &[i64; FIGURES]| {
            sums.iter_mut().zip(figures).for_each(|(sum, one)| *sum = sum.saturating_add(*one));
        };
        for row in &report.rows {
            of(&row.person, &|line| add(&mut line.figures, &row.figures.0));
            // What is of no plan, like a settlement, is told by person.
            match plans.iter_mut().find(|(plan, _)| *plan == row.plan) {
                Some((_, sums)) => add(sums, &row.figures.0),
                None if row.plan.is_empty() => {}
                None => plans.push((row.plan.clone(), row.figures.0.to_vec())),
            }
        }
        for line in &report.people {
            of(&line.person, &|own| (own.owed_before, own.owed) = (line.owed_before, line.owed));
        }
        for ((node, person, _), figures) in &self.ledger.tally(&|_| true) {
            if *node == self.ledger.own_key() && figures.owed() != 0 {
                of(person, &|line| line.owed_here = line.owed_here.saturating_add(figures.owed()));
            }
        }
        let ends = |close: &Close| close.month.saturating_add(u32::from(close.day.is_none())) > month.0;
        let closed = self.ledger.closes().last().is_some_and(|(_, close)| ends(close));
        Ok(BooksReport {
            month: month.to_string(),
            currency: report.currency,
            minor_units: report.minor_units,
            closed,
            cash_before: report.cash_before,
            cash: report.cash,
            float_left: self.ledger.float_left(),
            people: people.into_values().collect(),
            plans,
            waiting: self.proposals(self.role_of(caller)),
            may: self.may(caller),
        })
    }

    /// What whoever asks may do here: what her role and this node's roles allow.
    fn may(&self, caller: &Caller) -> Vec<String> {
        let role = self.role_of(caller);
        let deeds = DEEDS.iter().filter(|row| row.1 != Deed::Agree).map(|row| (row.0, row.2, row.3));
        let others = [
            ("voucher_print", Kind::Issue, Role::Caretaker),
            ("voucher_give", Kind::InKind, Role::Caretaker),
            ("books_close", Kind::Close, Role::Admin),
        ];
        let all = deeds.chain(others).filter(|(_, kind, least)| {
            role >= Some(*least) && self.ledger.may_write(*kind) && !self.ledger.is_expelled()
        });
        all.map(|(word, ..)| word.to_owned()).collect()
    }

    /// What waits for another node, the latest ones, and whether whoever has this role may agree here.
    fn proposals(&self, role: Option<Role>) -> Vec<Proposal> {
        let waiting = self.ledger.waiting();
        let latest = waiting.iter().skip(waiting.len().saturating_sub(BOOKS_PROPOSALS));
        let proposal = |record: &&Record| {
            let (person, amount, text) = match &record.body {
                Body::Settlement(body) => (body.person.clone(), body.paid, String::new()),
                Body::InKind(body) => (body.person.clone(), body.verifiers.len() as u64, String::new()),
                Body::Revocation(body) => (String::new(), body.verifiers.len() as u64, body.reason.clone()),
                Body::Mode(body) => (mode_word(body.mode).to_owned(), 0, body.reason.clone()),
                _ => (String::new(), 1, String::new()),
            };
            Proposal {
                record: record.id.to_string(),
                kind: record.kind.to_string(),
                node: self.name_of(&record.author),
                person,
                amount,
                text,
                may_agree: record.author != self.ledger.own_key()
                    && self.ledger.may_agree(record.kind)
                    && role >= Some(if record.kind == Kind::Mode { Role::Caretaker } else { Role::Admin }),
            }
        };
        latest.map(proposal).collect()
    }

    /// What a member is called, or its fingerprint.
    fn name_of(&self, key: &[u8; 32]) -> String {
        self.member_name(key).map_or_else(|| fingerprint(key), str::to_owned)
    }

    /// How the network is run, what it offers, and who works at it.
    pub(super) fn network(&self, now: Instant) -> Network {
        // What was set more than a day ago holds no more.
        let set = self.mode_set(now);
        let mode = self.ledger.mode_record().filter(|_| set.is_some());
        let signed_by = mode.map(|(record, _)| self.ledger.signers_of(record)).unwrap_or_default();
        let services = self.ledger.services().into_iter().map(|(_, service)| ServiceLine {
            name: service.name.clone(),
            title: service.title.clone(),
            node: self.name_of(&service.node),
            prefixes: service.prefixes.iter().map(ToString::to_string).collect(),
            free: service.free,
            answers: self.answers(service),
            icon: service.icon.clone(),
            port: service.port,
        });
        let notices = self.ledger.notices(self.day(now)).into_iter();
        let persons = self.ledger.persons().filter(|(_, person)| person.role != PersonRole::Gone);
        let persons = persons.map(|(_, person)| {
            let role = ROLES.iter().find(|row| row.1 == person.role).map_or("", |row| row.0);
            (person.name.clone(), role.to_owned(), self.name_of(&person.home))
        });
        Network {
            mode: mode_word(set.map(|(mode, _)| mode).unwrap_or_default()).to_owned(),
            ends_s: set.map(|(_, left)| left.as_secs()),
            reason: mode.map(|(_, mode)| mode.reason.clone()).unwrap_or_default(),
            signed_by: signed_by.iter().map(|key| self.name_of(key)).collect(),
            services: services.collect(),
            notices: notices.map(|notice| (notice.name.clone(), notice.text.clone())).collect(),
            persons: persons.collect(),
        }
    }

    /// Writes once more what the last close did not know of this node.
    pub(super) fn write_late(&mut self, now: Instant, vault: &mut dyn Vault) {
        // Read again from its bytes: a way to copy every kind would be 4 kB of flash.
        let copy = |record: &&Record| Some(Body::decode(record.kind, &record.body.encode()?));
        let late: Vec<Body> = self.ledger.late().iter().filter_map(copy).collect();
        let mut records = Vec::new();
        for body in late {
            match self.ledger.draft_again(&body) {
                Ok(draft) => {
                    let signature = vault.sign(&draft.message_to_sign);
                    records.push(self.ledger.complete(draft, signature));
                }
                Err(error) => {
                    self.note(NoteLevel::Warning, format!("a late record was not written: {error}"))
                }
            }
        }
        if !records.is_empty() {
            let count = records.len();
            self.note(NoteLevel::Info, format!("the last close did not know {count} records: written again"));
            self.store(now, records, false, Then::Nothing);
        }
    }

    /// Lets go what closed books need no more if room is short, and what the journal holds in vain.
    pub(super) fn look_after_books(&mut self, now: Instant, vault: &mut dyn Vault) {
        if self.books.look_at.is_none_or(|at| at > now) || self.books.rewriting.is_some() {
            return;
        }
        self.books.look_at = Some(now + LOOK);
        self.look_for_twice();
        self.books.branches = self.ledger.branches().iter().copied().take(ALERTS_TWICE).collect();
        self.close_when_due(now, vault);
        let size: u64 = self.ledger.records().map(|record| record.octets() as u64).sum();
        // In a long split somebody on the other side may close the same days: then the details are needed.
        if size > LEDGER_ROOM_BYTES && (self.ledger.is_base_known() || size > 4 * LEDGER_ROOM_BYTES) {
            let count = self.ledger.let_go();
            if count > 0 {
                self.note(NoteLevel::Info, format!("closed books have let {count} records go"));
            }
        }
        let live = self.journal_octets();
        if is_waste(self.books.journal_bytes, live) {
            let records = self.ledger.held().filter_map(|(_, id)| self.ledger.bytes_of(id)).collect();
            let id = self.next_store();
            self.books.rewriting = Some(id);
            self.books.journal_bytes = live;
            self.outputs.push_back(Output::StoreWhole { id, records });
        }
    }

    /// Which vouchers of this node were used on both sides of a split.
    fn look_for_twice(&mut self) {
        let own = self.ledger.own_member().map(|member| member.name.clone());
        let twice = self.ledger.used_twice().into_iter().filter(|twice| Some(&twice.node) == own.as_ref());
        self.books.twice = twice.take(ALERTS_TWICE).map(|twice| twice.to_string()).collect();
    }

    /// Whose records branch, and who has to look after it.
    pub(super) fn branched(&self) -> impl Iterator<Item = Alert> {
        self.books.branches.iter().map(|key| {
            let name = self.name_of(key);
            let text = format!(
                "The records of {name} ({}) branch: an old backup was put back there, or a second box has its key. If nobody \
                 put one back, expel it.",
                fingerprint(key)
            );
            Alert::new("branched", text, &[("member", &name)])
        })
    }

    /// A record speaks of this voucher: if it was sold here and gave more than it holds, people hear of it at once.
    pub(super) fn watch_for_twice(&mut self, verifier: Verifier) {
        let own = self.ledger.own_member().map(|member| &member.name);
        let Some(twice) = self.ledger.twice_of(verifier).filter(|twice| Some(&twice.node) == own) else {
            return;
        };
        // What was said of it before counts no more.
        let name = verifier.to_string();
        self.books.twice.retain(|text| !text.contains(&name));
        self.books.twice.push(twice.to_string());
        self.books.twice.truncate(ALERTS_TWICE);
    }

    /// Octets of what the journal has to hold.
    fn journal_octets(&self) -> u64 {
        self.ledger.held().map(|(_, id)| self.ledger.octets_of(id) as u64).sum()
    }
}

fn mode_word(mode: NetworkMode) -> &'static str {
    MODES.iter().find(|row| row.1 == mode).map_or("", |row| row.0)
}
