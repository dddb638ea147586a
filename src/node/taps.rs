//! Deeds at a tap: parsed, checked, signed, on flash, answered. Who may is asked first of the person (her role at this
//! node) and then of the node (the table of `ledger::rights`, when the record is drafted).

use super::Node;
use super::call::{Answer, Caller, VoucherIssue, Which};
use super::chains::Purpose;
use super::deed::{DEEDS, Deed, LotUse, Tap, Written};
use super::sales::sentence;
use super::settings::Role;
use super::stores::{Then, not_saved};
use super::vault::{CodeDone, Vault};
use crate::base::time::Instant;
use crate::base::voucher::{IssuerNumber, LotId, RequestId, Verifier};
use crate::ledger::account::Figures;
use crate::ledger::body::{
    Cash, Extension, HandOver, Honoured, Issue, Mode, NetworkMode, Notice, Person, PersonRole, Service,
    Settlement,
};
use crate::ledger::text::fingerprint;
use crate::ledger::{Body, Kind, Plan, PlanMeasure, Record, RecordId, money};

/// A word for programs and a sentence for people.
type Refusal = (&'static str, String);

/// The words for how the network is run.
pub(super) const MODES: [(&str, NetworkMode); 3] =
    [("usual", NetworkMode::Usual), ("emergency", NetworkMode::Emergency), ("night", NetworkMode::Night)];

/// The words for what a person may do at her node.
pub(super) const ROLES: [(&str, PersonRole); 4] = [
    ("none", PersonRole::Gone),
    ("viewer", PersonRole::Viewer),
    ("caretaker", PersonRole::Caretaker),
    ("admin", PersonRole::Admin),
];

impl Tap {
    /// Whether the code that was typed goes into a record, as the proof that it was.
    pub(super) fn needs_proof(&self) -> bool {
        self.deed == Deed::Exchange
    }
}

impl Node {
    /// Does what was asked for, at once or when the code was looked up.
    pub(super) fn tap(
        &mut self,
        now: Instant,
        request: RequestId,
        caller: &Caller,
        mut tap: Tap,
        vault: &mut dyn Vault,
    ) {
        let least = DEEDS.iter().find(|row| row.1 == tap.deed).map_or(Role::Admin, |row| row.3);
        let person = match self.person_of(caller, least, &tap.person) {
            Ok(person) => person,
            Err((code, message)) => return self.refuse(request, code, message),
        };
        if self.joins_other_tap(now, request, &tap.key) {
            return;
        }
        if tap.deed == Deed::Time {
            let done = Written { record: String::new(), kind: "time".to_owned(), waits: false };
            return match self.set_time(now, tap.seconds) {
                Ok(()) => self.answer(request, Answer::Written(done)),
                Err(why) => self.refuse(request, "time", why),
            };
        }
        if let Some(why) = self.stores.broken() {
            let message = not_saved(why);
            return self.refuse(request, "not-saved", message);
        }
        match (tap.deed, tap.which.take()) {
            (Deed::Extend | Deed::Exchange | Deed::Honour, Some(Which::Code(code))) => {
                let work =
                    if tap.needs_proof() { vault.begin_check(&code) } else { vault.begin_look_up(&code) };
                match work {
                    Some(work) => self.chains.start(work, Purpose::Tap(request, Box::new(tap))),
                    None => self.refuse(
                        request,
                        "code-wrong",
                        "This is no code of this community: look for a typing mistake.",
                    ),
                }
            }
            (Deed::Extend, Some(Which::Verifier(verifier))) => {
                self.extend(now, request, &tap, verifier, vault)
            }
            (Deed::Extend | Deed::Exchange | Deed::Honour, _) => {
                self.refuse(request, "voucher", "Type the code of the voucher.");
            }
            (Deed::Agree, _) => match self.agreed_body(caller, &tap.target) {
                Ok(body) => self.write_tap(now, request, &tap.key, body, None, vault),
                Err((code, message)) => self.refuse(request, code, message),
            },
            _ => match self.body_of(now, &tap, person) {
                Ok(body) => self.write_tap(now, request, &tap.key, body, None, vault),
                Err((code, message)) => self.refuse(request, code, message),
            },
        }
    }

    /// Goes on with a voucher whose code was typed.
    pub(super) fn tap_on(
        &mut self,
        now: Instant,
        request: RequestId,
        tap: Tap,
        done: &CodeDone,
        vault: &mut dyn Vault,
    ) {
        // A second tap may have been quicker.
        if self.joins_other_tap(now, request, &tap.key) {
            return;
        }
        match tap.deed {
            Deed::Exchange => self.exchange_voucher(now, request, tap, done, vault),
            Deed::Honour => match self.honoured_body(&tap, done.code.issuer(), done.verifier) {
                Ok(body) => self.write_tap(now, request, &tap.key, body, None, vault),
                Err((code, message)) => self.refuse(request, code, message),
            },
            _ => self.extend(now, request, &tap, done.verifier, vault),
        }
    }

    /// Writes a record and hands it to the journal; the answer leaves when the journal has it.
    pub(super) fn write_tap(
        &mut self,
        now: Instant,
        request: RequestId,
        key: &str,
        body: Body,
        answer: Option<Answer>,
        vault: &mut dyn Vault,
    ) {
        let kind = body.kind().map(|kind| kind.to_string()).unwrap_or_default();
        let record = match self.write(body, vault) {
            Ok(record) => record,
            Err(error) => return self.refuse(request, "refused", sentence(&error)),
        };
        let id = Record::id_of(&record);
        let name = id.map(|id| id.to_string()).unwrap_or_default();
        let answer =
            answer.unwrap_or_else(|| Answer::Written(Written { record: name, kind, waits: self.waits(id) }));
        if let Some(id) = id {
            self.tell_vouchers(now, id);
            self.look_at_rules(now, false);
        }
        let tap = self.sales.begin(now, key, Vec::new());
        let then = Then::Answer { requests: vec![request], answer: Box::new(answer), sold: Vec::new(), tap };
        self.store(now, vec![record], true, then);
    }

    /// Whether a record counts only once another node agrees.
    pub(super) fn waits(&self, id: Option<RecordId>) -> bool {
        self.ledger.waiting().iter().any(|record| Some(record.id) == id)
    }

    fn body_of(&self, now: Instant, tap: &Tap, person: String) -> Result<Body, Refusal> {
        let time = self.wall(now);
        Ok(match tap.deed {
            Deed::HandOver => {
                let lot = u64::from_str_radix(&tap.target, 16).map(LotId);
                let verifiers = lot.map(|lot| self.ledger.paper_of(lot)).unwrap_or_default();
                if verifiers.is_empty() {
                    let message = "This node has no paper of that lot that could be handed over.";
                    return Err(("lot", message.to_owned()));
                }
                Body::HandOver(Box::new(HandOver { verifiers, person: tap.person.clone(), time }))
            }
            Deed::Settle => {
                let person = if tap.person.is_empty() { person } else { tap.person.clone() };
                let paid = self.amount(&tap.amount)?;
                let worth = self.worth_of(&person, paid)?;
                Body::Settlement(Box::new(Settlement { person, paid, worth, time, confirms: None }))
            }
            Deed::Expense | Deed::Contribute => {
                let (amount, what) = (self.amount(&tap.amount)?, tap.text.clone());
                if what.is_empty() {
                    return Err(("reason", "Say what the money is for, or where it is from.".to_owned()));
                }
                let cash = Cash { person, amount, what, time };
                if tap.deed == Deed::Expense {
                    Body::Expense(Box::new(cash))
                } else {
                    Body::Contribution(Box::new(cash))
                }
            }
            Deed::Person => self.person_body(tap)?,
            Deed::Plan => self.plan_body(tap)?,
            Deed::Mode => {
                let mode = MODES.iter().find(|(word, _)| *word == tap.name).map(|(_, mode)| *mode);
                let mode = mode.ok_or(("mode", "The mode is usual, emergency or night.".to_owned()))?;
                let (number, reason) = (self.ledger.next_mode(), tap.text.clone());
                Body::Mode(Box::new(Mode { number, mode, reason, confirms: None, time: Some(time) }))
            }
            Deed::Notice => {
                let today = u32::try_from(time.unix_s / 86_400).unwrap_or(u32::MAX);
                let until = (tap.days > 0).then(|| today.saturating_add(u32::from(tap.days)));
                Body::Notice(Box::new(Notice { name: tap.name.clone(), text: tap.text.clone(), until }))
            }
            _ => self.service_body(tap)?,
        })
    }

    /// An amount as it was typed, in minor units.
    fn amount(&self, typed: &str) -> Result<u64, Refusal> {
        let digits = self.ledger.charter().map_or(0, |charter| charter.minor_units);
        let amount = money::parse(typed, digits).filter(|amount| *amount > 0);
        amount.ok_or_else(|| ("amount", format!("This is no amount of money: {typed}. An example: 12.50")))
    }

    /// What the vouchers are worth that a payment settles: the seller's part comes to it, as it came to what is owed.
    fn worth_of(&self, person: &str, paid: u64) -> Result<u64, Refusal> {
        let mut sum = Figures::default();
        let own = self.ledger.own_key();
        for ((node, name, _), figures) in &self.ledger.tally(&|_| true) {
            if *node == own && name == person {
                sum.add(figures, 1);
            }
        }
        let proposed = self.ledger.waiting().into_iter().filter(|record| record.author == own);
        let proposed = proposed.filter_map(|record| match &record.body {
            Body::Settlement(body) if body.person == person => Some(body.paid),
            _ => None,
        });
        let proposed: u64 = proposed.fold(0, u64::saturating_add);
        let owed = u64::try_from(sum.owed()).unwrap_or(0).saturating_sub(proposed);
        if paid > owed {
            let digits = self.ledger.charter().map_or(0, |charter| charter.minor_units);
            let owed = money::format(owed, digits);
            return Err(("amount", format!("{person} owes {owed} here that nobody has paid, and no more.")));
        }
        let [taken, due] = [crate::ledger::account::Figure::Taken, crate::ledger::account::Figure::Due]
            .map(|figure| u64::try_from(sum.of(figure)).unwrap_or(0));
        // Sums of one person stay far below 2^32 minor units; a greater product frees less than it might, and never more.
        Ok((paid.saturating_mul(taken) / due.max(1)).max(paid))
    }

    /// This node's word for what another one wrote.
    fn agreed_body(&self, caller: &Caller, target: &str) -> Result<Body, Refusal> {
        let waiting = self.ledger.waiting();
        let named = |record: &&&Record| target.len() >= 8 && record.id.to_string().starts_with(target);
        let unknown = || ("record", "Nothing of that name waits for another node.".to_owned());
        let record = waiting.iter().find(named).ok_or_else(unknown)?;
        if record.author == self.ledger.own_key() {
            return Err(("no-right", "This node wrote it itself: another one has to agree.".to_owned()));
        }
        if !self.ledger.may_agree(record.kind) {
            let role = if record.kind == Kind::Mode { "caretaker" } else { "treasurer" };
            return Err(("no-right", format!("Only a node with the role {role} can agree with that.")));
        }
        if record.kind != Kind::Mode {
            self.person_of(caller, Role::Admin, "")?;
        }
        self.ledger.agreement_body(record).ok_or_else(unknown)
    }

    fn extend(
        &mut self,
        now: Instant,
        request: RequestId,
        tap: &Tap,
        verifier: Verifier,
        vault: &mut dyn Vault,
    ) {
        let seconds = u32::try_from(tap.seconds).unwrap_or(u32::MAX);
        let (days, reason, [_, data_mb, ..]) = (tap.days, tap.text.clone(), tap.limits);
        let data_mb = Some(data_mb).filter(|data_mb| *data_mb > 0);
        let body = Extension { verifiers: vec![verifier], seconds, days, reason, data_mb };
        let body = Body::Extension(Box::new(body));
        self.write_tap(now, request, &tap.key, body, None, vault);
    }

    /// Changes an exposed voucher for a new one, once. Who taps again is shown the same new code.
    fn exchange_voucher(
        &mut self,
        now: Instant,
        request: RequestId,
        tap: Tap,
        done: &CodeDone,
        vault: &mut dyn Vault,
    ) {
        let issuer = done.code.issuer();
        let Some(old) = self.ledger.voucher_of(issuer, done.verifier) else {
            return self.refuse(request, "voucher-unknown", "This node knows no such voucher.");
        };
        if !old.exposed {
            let message = "This voucher is as good as it was: only those are exchanged whose codes somebody \
                           can have searched.";
            return self.refuse(request, "not-exposed", message);
        }
        if !self.ledger.may_write(Kind::Issue) {
            let message = "This node does not sell: take the voucher to one that does.";
            return self.refuse(request, "no-right", message);
        }
        let before = self.ledger.exchanged_for(issuer, done.verifier);
        let lot = match before {
            Some((node, new)) if node == self.ledger.own_key() => self.ledger.voucher(new).map(|new| new.lot),
            None if !old.revoked => None,
            _ => {
                let message = "This voucher was exchanged at another node already, or is void.";
                return self.refuse(request, "exchanged", message);
            }
        };
        let wish = VoucherIssue {
            plan: old.plan.id,
            count: 1,
            person: String::new(),
            key: tap.key,
            lot_use: LotUse::Exchange { old: done.verifier, proof: done.proof },
        };
        self.issue_instead(now, request, wish, lot, vault);
    }

    /// One voucher of a lot that was lost, from the paper.
    fn honoured_body(&self, tap: &Tap, issuer: IssuerNumber, verifier: Verifier) -> Result<Body, Refusal> {
        if self.ledger.voucher_of(issuer, verifier).is_some() {
            return Err(("voucher", "This voucher is known: nobody has to honour it.".to_owned()));
        }
        let unknown = || ("plan-unknown", format!("There is no plan {} on sale.", tap.plan));
        let (plan, _) = self.ledger.plan(&tap.plan).ok_or_else(unknown)?;
        let no_epoch = || ("no-epoch", "This node has not received the community's secrets yet.".to_owned());
        let (epoch, _) = self.ledger.current_epoch().ok_or_else(no_epoch)?;
        // The verifier names it for ever: a second word for the same paper is the same lot.
        let lot = LotId(u64::from_be_bytes(verifier.0));
        let verifiers = vec![verifier];
        let lot = Issue { lot, epoch, plan, verifiers, issuer, for_exchange: false };
        Ok(Body::Honoured(Box::new(Honoured { lot, reason: tap.text.clone() })))
    }

    /// The member of this name or fingerprint; this node if nothing is said.
    fn node_named(&self, target: &str) -> Result<[u8; 32], Refusal> {
        if target.is_empty() {
            return Ok(self.ledger.own_key());
        }
        let mut members = self.ledger.members().map(|state| &state.member);
        let member = members.find(|member| member.name == target || fingerprint(&member.key) == target);
        member.map(|member| member.key).ok_or_else(|| ("node", format!("There is no member {target}.")))
    }

    fn person_body(&self, tap: &Tap) -> Result<Body, Refusal> {
        let role = ROLES.iter().find(|(word, _)| *word == tap.name).map(|(_, role)| *role);
        let role = role.ok_or(("role", "The role is viewer, caretaker, admin, or none.".to_owned()))?;
        let before = self.ledger.persons().find(|(_, person)| person.name == tap.person);
        let verifier = match before {
            Some((_, person)) if tap.verifier.is_empty() => person.verifier.clone(),
            _ => tap.verifier.clone(),
        };
        if verifier.is_empty() && role != PersonRole::Gone {
            return Err(("passphrase", "Type a passphrase of 8 letters at least.".to_owned()));
        }
        let home = match before {
            Some((_, person)) if tap.target.is_empty() => person.home,
            _ => self.node_named(&tap.target)?,
        };
        let replaces = before.map(|(id, _)| id).into_iter().collect();
        Ok(Body::Person(Box::new(Person { name: tap.person.clone(), role, home, verifier, replaces })))
    }

    fn plan_body(&self, tap: &Tap) -> Result<Body, Refusal> {
        let wrong = |why: String| ("plan-terms", why);
        let digits = self.ledger.charter().map_or(0, |charter| charter.minor_units);
        let money = |typed: &str| {
            let amount = money::parse(if typed.is_empty() { "0" } else { typed }, digits);
            amount.ok_or_else(|| wrong(format!("This is no amount of money: {typed}. An example: 12.50")))
        };
        let (price, seller_share) = (money(&tap.amount)?, money(&tap.text)?);
        let words = tap.prefixes.split(',').map(str::trim).filter(|word| !word.is_empty());
        let within_days = Some(tap.days).filter(|days| *days > 0);
        let measure = match (u32::try_from(tap.seconds).unwrap_or(u32::MAX), within_days) {
            (0, None) => return Err(wrong("Say how long it lasts: seconds of use, or days.".to_owned())),
            (0, Some(days)) => PlanMeasure::DaysFromFirstUse { days },
            (seconds, within_days) => PlanMeasure::UsedSeconds { seconds, within_days },
        };
        let hours = if tap.target.is_empty() { Ok(None) } else { tap.target.parse().map(Some) };
        let [devices, data_mb, rate_down_kbps, rate_up_kbps] = tap.limits;
        let sellers = tap.sellers.split(',').map(str::trim).filter(|name| !name.is_empty());
        let sellers = sellers.map(|name| self.node_named(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Body::Plan(Box::new(Plan {
            id: tap.plan.clone(),
            name: tap.name.clone(),
            measure,
            devices: u8::try_from(devices.max(1)).unwrap_or(u8::MAX),
            rate_down_kbps,
            rate_up_kbps,
            price,
            seller_share,
            shares: money::split(price, seller_share, words, digits).map_err(wrong)?,
            replaces: self.ledger.plan(&tap.plan).map(|(record, _)| record).into_iter().collect(),
            hours: hours.map_err(|()| wrong("Hours are like 22:00-06:00 UTC-06:00.".to_owned()))?,
            data_mb: Some(data_mb).filter(|data_mb| *data_mb > 0),
            sellers: Some(sellers).filter(|sellers| !sellers.is_empty()),
        })))
    }

    fn service_body(&self, tap: &Tap) -> Result<Body, Refusal> {
        let prefixes: Result<Vec<_>, _> =
            tap.prefixes.split([',', ' ']).filter(|word| !word.is_empty()).map(str::parse).collect();
        let wrong = |_| ("address", "Where it is served is addresses, like 10.77.252.10.".to_owned());
        let services = self.ledger.services();
        let before = services.iter().find(|(_, service)| service.name == tap.name);
        let service = Service {
            name: tap.name.clone(),
            title: tap.text.clone(),
            node: self.node_named(&tap.target)?,
            prefixes: prefixes.map_err(wrong)?,
            free: tap.free,
            replaces: before.map(|(id, _)| *id).into_iter().collect(),
            icon: Some(tap.icon.clone()).filter(|icon| !icon.is_empty()),
            port: tap.port,
        };
        match self.service_fault(&service) {
            Some(fault) => Err(fault),
            None => Ok(Body::Service(Box::new(service))),
        }
    }
}
