//! Selling, showing and revoking vouchers.
//!
//! The same machine makes paper to be sold later, what is given in kind, and what takes the place of another.
//! A sale is four steps, any of which may end it: who asks and for what (role, plan, number), the codes
//! (made by the vault in slices, one after the other), the lot and the sale as signed records, and the
//! journal. Only then the codes are shown. A second tap on the same button joins the first.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Answer, Caller, Issued, IssuedVoucher, Voucher, VoucherIssue, Which};
use super::chains::Purpose;
use super::deed::LotUse;
use super::output::NoteLevel;
use super::settings::Role;
use super::stores::{Then, not_saved};
use super::vault::{CodeDone, Vault};
use crate::base::limit;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{LotId, RequestId, Verifier};
use crate::ledger::body::{Exchange, HandOver, InKind, InKindReason, Sale as Sold};
use crate::ledger::month::Month;
use crate::ledger::{self, Body, DraftError, Ledger, PlanMeasure, Record, VoucherState};

/// How long a second tap gets the same codes.
const SAME_TAP: Span = Span::from_secs(60);

/// Sales under way, and the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sales {
    running: SortedMap<RequestId, Sale>,
    recent: VecDeque<Recent>,
    last_tap: u64,
}

/// A sale whose codes are being made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sale {
    wish: VoucherIssue,
    person: String,
    lot: LotId,
    vouchers: Vec<IssuedVoucher>,
    /// Further taps on the same button.
    also: Vec<RequestId>,
    /// When somebody last asked for it.
    asked: Instant,
}

/// A sale, or something else, that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    key: String,
    at: Instant,
    /// `None` while the journal has not said that it has it.
    answer: Option<Answer>,
    tap: u64,
    waiting: Vec<RequestId>,
}

impl Sales {
    /// Nobody waits for this sale any more. Codes of a lot that was not signed yet are forgotten.
    pub(super) fn forget(&mut self, request: RequestId) {
        self.running.remove(&request);
    }

    /// Begins to remember a tap; its number is to be given back with its answer.
    pub(super) fn begin(&mut self, now: Instant, key: &str, waiting: Vec<RequestId>) -> u64 {
        self.last_tap += 1;
        if self.recent.len() >= limit::NODE_RECENT_SALES {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent {
            key: key.to_owned(),
            at: now,
            answer: None,
            tap: self.last_tap,
            waiting,
        });
        self.last_tap
    }

    /// Keeps the answer of what is on flash, for a second tap. Gives those that wait for it already.
    pub(super) fn done(&mut self, now: Instant, tap: u64, answer: &Answer) -> Vec<RequestId> {
        let Some(recent) = self.recent.iter_mut().find(|recent| recent.tap == tap) else { return Vec::new() };
        recent.answer = answer.of_a_deed();
        recent.at = now;
        std::mem::take(&mut recent.waiting)
    }

    /// Forgets a tap that could not be saved. Gives those that wait for it.
    pub(super) fn undone(&mut self, tap: u64) -> Vec<RequestId> {
        let at = self.recent.iter().position(|recent| recent.tap == tap);
        at.and_then(|at| self.recent.remove(at)).map(|recent| recent.waiting).unwrap_or_default()
    }

    /// How far the sale is that a request waits for, if its caller can fetch it later by its key. A lot
    /// of many codes takes minutes on a router, a call does not.
    fn goes_on(&mut self, request: RequestId) -> Option<String> {
        let waits = |(id, sale): &(&RequestId, &mut Sale)| **id == request || sale.also.contains(&request);
        let (_, sale) = self.running.iter_mut().find(waits).filter(|(_, sale)| !sale.wish.key.is_empty())?;
        sale.also.retain(|also| *also != request);
        let (made, count) = (sale.vouchers.len(), sale.wish.count);
        Some(format!("{made} of {count} codes are made, none is sold yet. Ask again with the same key."))
    }
}

impl Node {
    /// Begins a sale.
    pub(super) fn issue(
        &mut self,
        now: Instant,
        request: RequestId,
        caller: &Caller,
        wish: VoucherIssue,
        vault: &mut dyn Vault,
    ) {
        let person = match self.person_of(caller, Role::Caretaker, &wish.person) {
            Ok(person) if wish.lot_use == LotUse::Sale => person,
            // Whoever takes paper away, or is given something, is not who taps.
            Ok(_) => wish.person.clone(),
            Err((code, message)) => return self.refuse(request, code, message),
        };
        if self.joins_other_tap(now, request, &wish.key) {
            return;
        }
        if let Some(why) = self.stores.broken() {
            let message = not_saved(why);
            return self.refuse(request, "not-saved", message);
        }
        let Some((_, plan)) = self.ledger.plan(&wish.plan) else {
            return self.refuse(request, "plan-unknown", format!("There is no plan {} on sale.", wish.plan));
        };
        if !plan.is_sold_by(&self.ledger.own_key()) {
            let message = format!("The plan {} is sold at {}.", wish.plan, self.sellers_of(plan).join(", "));
            return self.refuse(request, "plan-elsewhere", message);
        }
        let external = plan.measure == PlanMeasure::External;
        if let LotUse::InKind { reason, .. } = &wish.lot_use
            && (InKindReason::from_name(reason).is_none() || person.is_empty())
        {
            let message = "Say who gets it, and what for: work, caretaker or school.";
            return self.refuse(request, "reason", message);
        }
        if !(1..=limit::LOT_VOUCHERS).contains(&usize::from(wish.count)) {
            let message = format!("One sale is of 1 to {} vouchers.", limit::LOT_VOUCHERS);
            return self.refuse(request, "count", message);
        }
        if self.ledger.own_member().is_none() {
            let message = "This node was not admitted to a community yet: it cannot sell.";
            return self.refuse(request, "no-member", message);
        }
        if external && wish.lot_use == LotUse::Sale {
            return self.sell_external(now, request, &wish, person, vault);
        }
        let lot = LotId(self.random.u64());
        let sale = Sale { wish, person, lot, vouchers: Vec::new(), also: Vec::new(), asked: now };
        self.sales.running.insert(request, sale);
        self.make_next_code(request, vault);
    }

    /// Makes a voucher that takes the place of another: always the same one.
    pub(super) fn issue_instead(
        &mut self,
        now: Instant,
        request: RequestId,
        wish: VoucherIssue,
        lot: Option<LotId>,
        vault: &mut dyn Vault,
    ) {
        let lot = lot.unwrap_or_else(|| LotId(self.random.u64()));
        let person = String::new();
        let sale = Sale { wish, person, lot, vouchers: Vec::new(), also: Vec::new(), asked: now };
        self.sales.running.insert(request, sale);
        self.make_next_code(request, vault);
    }

    /// Sells what something else serves: there are no codes.
    fn sell_external(
        &mut self,
        now: Instant,
        request: RequestId,
        wish: &VoucherIssue,
        person: String,
        vault: &mut dyn Vault,
    ) {
        let Some((plan, price)) = self.ledger.plan(&wish.plan).map(|(id, plan)| (id, plan.price)) else {
            return;
        };
        let (verifiers, time) = (Vec::new(), self.wall(now));
        let issued = Issued {
            lot: LotId(0),
            plan: wish.plan.clone(),
            price_cents: price,
            person: person.clone(),
            vouchers: Vec::new(),
            waits: false,
        };
        let body =
            Body::Sale(Box::new(Sold { verifiers, person, price, plan, external_count: wish.count, time }));
        self.write_tap(now, request, &wish.key, body, Some(Answer::Issued(issued)), vault);
    }

    /// A code of a sale is made; goes on with the next one, or with the records.
    pub(super) fn code_made(
        &mut self,
        now: Instant,
        request: RequestId,
        done: &CodeDone,
        vault: &mut dyn Vault,
    ) {
        let Some(sale) = self.sales.running.get_mut(&request) else { return };
        sale.vouchers.push(IssuedVoucher { code: done.code, verifier: done.verifier });
        if now.since(sale.asked) >= SAME_TAP {
            // Nobody has come back for it: a lot that nobody sees is not sold.
            self.sales.forget(request);
            return self.note(NoteLevel::Info, "a lot was not sold: nobody asked for it any more");
        }
        if sale.vouchers.len() < usize::from(sale.wish.count) {
            return self.make_next_code(request, vault);
        }
        let Some(sale) = self.sales.running.remove(&request) else { return };
        if let Err(error) = self.book(now, request, &sale, vault) {
            for request in std::iter::once(request).chain(sale.also) {
                self.refuse(request, "refused", sentence(&error));
            }
        }
    }

    /// Answers a call that has waited long enough for a sale that goes on without it.
    pub(super) fn leaves_a_sale(&mut self, request: RequestId) -> bool {
        let Some(how_far) = self.sales.goes_on(request) else { return false };
        self.refuse(request, "working", how_far);
        true
    }

    /// Voids vouchers that were made and could not be saved: nobody has seen their codes.
    /// Gives the records that say so.
    pub(super) fn void_unseen(
        &mut self,
        now: Instant,
        sold: &[Verifier],
        vault: &mut dyn Vault,
    ) -> Vec<Vec<u8>> {
        if sold.is_empty() {
            return Vec::new();
        }
        let body = Ledger::revocation_body(sold.to_vec(), "the sale could not be saved");
        self.sign(now, body, vault).into_iter().collect()
    }

    /// Answers what a voucher is, by its public name.
    pub(super) fn show(&mut self, _now: Instant, request: RequestId, verifier: Verifier) {
        match self.ledger.voucher(verifier) {
            Some(voucher) => self.answer(request, Answer::Voucher(shown(&voucher))),
            None => self.refuse(request, "voucher-unknown", "This node knows no such voucher."),
        }
    }

    /// Makes a voucher worthless, and cuts whoever uses it.
    pub(super) fn revoke(
        &mut self,
        now: Instant,
        request: RequestId,
        verifier: Verifier,
        reason: &str,
        vault: &mut dyn Vault,
    ) {
        let record = match self.write(Ledger::revocation_body(vec![verifier], reason), vault) {
            Ok(record) => record,
            Err(error) => return self.refuse(request, "refused", sentence(&error)),
        };
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_voucher_changed(now, verifier, crate::hotspot::tariff::VoucherState::Revoked);
        }
        let answer = Box::new(Answer::Revoked { verifier });
        self.store(
            now,
            vec![record],
            true,
            Then::Answer { requests: vec![request], answer, sold: Vec::new(), tap: 0 },
        );
    }

    /// Finds a voucher for showing or revoking: at once by its public name, through a chain by its code.
    pub(super) fn find(
        &mut self,
        now: Instant,
        request: RequestId,
        which: &Which,
        revoke: Option<String>,
        vault: &mut dyn Vault,
    ) {
        match (which, revoke) {
            (Which::Verifier(verifier), None) => self.show(now, request, *verifier),
            (Which::Verifier(verifier), Some(reason)) => self.revoke(now, request, *verifier, &reason, vault),
            (Which::Code(code), revoke) => match vault.begin_look_up(code) {
                None => self.refuse(
                    request,
                    "code-wrong",
                    "This is no code of this community: look for a typing mistake.",
                ),
                Some(work) => {
                    let show = Purpose::Show(request);
                    let purpose = revoke.map_or(show, |reason| Purpose::Revoke(request, reason));
                    self.chains.start(work, purpose);
                }
            },
        }
    }

    /// Signs a record of this node. A refusal is a mistake of ours or a role that was taken away: said.
    pub(super) fn sign(&mut self, _now: Instant, body: Body, vault: &mut dyn Vault) -> Option<Vec<u8>> {
        match self.write(body, vault) {
            Ok(record) => Some(record),
            Err(error) => {
                self.note(NoteLevel::Warning, format!("a record was not written: {error}"));
                None
            }
        }
    }

    /// Whether this tap was done within the last minute, or is being done.
    pub(super) fn joins_other_tap(&mut self, now: Instant, request: RequestId, key: &str) -> bool {
        self.sales.recent.retain(|recent| recent.answer.is_none() || now.since(recent.at) < SAME_TAP);
        if key.is_empty() {
            return false;
        }
        if let Some(sale) = self.sales.running.values_mut().find(|sale| sale.wish.key == key) {
            sale.also.push(request);
            sale.asked = now;
            return true;
        }
        let Some(recent) = self.sales.recent.iter_mut().find(|recent| recent.key == key) else {
            return false;
        };
        match recent.answer.as_ref().and_then(Answer::of_a_deed) {
            Some(answer) => self.answer(request, answer),
            None => recent.waiting.push(request),
        }
        true
    }

    fn make_next_code(&mut self, request: RequestId, vault: &mut dyn Vault) {
        let Some(sale) = self.sales.running.get(&request) else { return };
        let index = u16::try_from(sale.vouchers.len()).unwrap_or(u16::MAX);
        let issuer = self.ledger.own_member().map(|member| member.number);
        match issuer.and_then(|issuer| vault.begin_issue(issuer, sale.lot, index)) {
            Some(work) => self.chains.start(work, Purpose::Issue(request)),
            None => {
                self.sales.running.remove(&request);
                let message = "This node has not received the community's secrets yet: it cannot sell.";
                self.refuse(request, "no-epoch", message);
            }
        }
    }

    /// Signs the lot, and what becomes of it, and hands them to the journal.
    fn book(
        &mut self,
        now: Instant,
        request: RequestId,
        sale: &Sale,
        vault: &mut dyn Vault,
    ) -> Result<(), DraftError> {
        let verifiers: Vec<Verifier> = sale.vouchers.iter().map(|voucher| voucher.verifier).collect();
        let known = verifiers.first().and_then(|first| self.ledger.voucher(*first));
        if known.is_some_and(|known| known.lot == sale.lot) {
            // An exchange that was made before: its code is shown once more.
            let answer = self.issued(sale, false);
            self.answer(request, answer);
            return Ok(());
        }
        let lot = match &sale.wish.lot_use {
            LotUse::Exchange { old, .. } => {
                let plan = self.ledger.voucher(*old).map(|voucher| voucher.plan_record);
                let plan = plan.ok_or(DraftError::UnknownVoucher { verifier: *old })?;
                self.ledger.lot_body(sale.lot, plan, verifiers.clone(), true)?
            }
            _ => self.ledger.issue_body(sale.lot, &sale.wish.plan, verifiers.clone())?,
        };
        let mut records = vec![self.write(lot, vault)?];
        let mut waits = false;
        if let Some(body) = self.use_of(now, sale, verifiers.clone())? {
            let is_gift = matches!(body, Body::InKind(_));
            let record = self.write(body, vault)?;
            waits = is_gift && self.waits(Record::id_of(&record));
            records.push(record);
        }
        if let LotUse::Exchange { old, .. } = &sale.wish.lot_use {
            self.tell_voucher(now, *old);
        }
        let answer = self.issued(sale, waits);
        let tap = self.sales.begin(now, &sale.wish.key, sale.also.clone());
        // What took the place of another is shown again at the next tap; nobody loses it.
        let exchange = matches!(sale.wish.lot_use, LotUse::Exchange { .. });
        let sold = if exchange { Vec::new() } else { verifiers };
        let then = Then::Answer { requests: vec![request], answer: Box::new(answer), sold, tap };
        self.store(now, records, true, then);
        Ok(())
    }

    /// What becomes of the vouchers of a lot.
    fn use_of(
        &self,
        now: Instant,
        sale: &Sale,
        verifiers: Vec<Verifier>,
    ) -> Result<Option<Body>, DraftError> {
        let (person, time) = (sale.person.clone(), self.wall(now));
        Ok(match &sale.wish.lot_use {
            LotUse::Sale => Some(self.ledger.sale_body(verifiers, &person, time)?),
            LotUse::Paper if person.is_empty() => None,
            LotUse::Paper => Some(Body::HandOver(Box::new(HandOver { verifiers, person, time }))),
            LotUse::InKind { reason, minutes } => Some(Body::InKind(Box::new(InKind {
                verifiers,
                person,
                reason: InKindReason::from_name(reason).unwrap_or(InKindReason::Work),
                minutes: *minutes,
                month: Month::of(time.unix_s).0,
                time,
                confirms: None,
            }))),
            LotUse::Exchange { old, proof } => verifiers.first().map(|new| {
                Body::Exchange(Box::new(Exchange { old: *old, proof: *proof, new: *new, confirms: None }))
            }),
        })
    }

    fn issued(&self, sale: &Sale, waits: bool) -> Answer {
        let free = !matches!(sale.wish.lot_use, LotUse::Sale | LotUse::Paper);
        let price_cents = self.ledger.plan(&sale.wish.plan).map_or(0, |(_, plan)| plan.price);
        Answer::Issued(Issued {
            lot: sale.lot,
            plan: sale.wish.plan.clone(),
            price_cents: if free { 0 } else { price_cents },
            person: sale.person.clone(),
            vouchers: sale.vouchers.clone(),
            waits,
        })
    }

    /// Writes and signs a record of this node.
    pub(super) fn write(&mut self, body: Body, vault: &mut dyn Vault) -> Result<Vec<u8>, DraftError> {
        let draft = self.ledger.draft(body)?;
        let signature = vault.sign(&draft.message_to_sign);
        Ok(self.ledger.complete(draft, signature))
    }
}

/// What the ledger knows, for people.
fn shown(voucher: &ledger::Voucher) -> Voucher {
    let state = match voucher.state() {
        VoucherState::Printed => "printed",
        VoucherState::Sold => "sold",
        VoucherState::Activated => "activated",
        VoucherState::Spent => "spent",
        VoucherState::Void => "revoked",
    };
    Voucher {
        verifier: voucher.verifier,
        plan: voucher.plan.id.clone(),
        state: state.to_owned(),
        person: voucher.sold.as_ref().map(|sold| sold.person.clone()),
        used_s: voucher.used_s(),
        used_bytes: voucher.used_bytes(),
        devices: u32::try_from(voucher.devices.len()).unwrap_or(u32::MAX),
    }
}

/// An error of the ledger as a sentence for a person.
pub(super) fn sentence(error: &DraftError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
