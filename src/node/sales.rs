//! Selling, showing and revoking vouchers.
//!
//! A sale is four steps, any of which may end it: who asks and for what (role, plan, number), the codes
//! (made by the vault in slices, one after the other), the lot and the sale as signed records, and the
//! journal. Only then the codes are shown. A second tap on the same button joins the first.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Answer, Caller, Issued, IssuedVoucher, Voucher, VoucherIssue, Which};
use super::chains::Purpose;
use super::output::NoteLevel;
use super::settings::Role;
use super::stores::{Then, not_saved};
use super::vault::{CodeDone, Vault};
use crate::base::limit;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{LotId, RequestId, Verifier};
use crate::ledger::{self, Body, DraftError, Ledger, VoucherState};

/// How long a second tap gets the same codes.
const SAME_TAP: Span = Span::from_secs(60);

/// Sales under way, and the last ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sales {
    running: SortedMap<RequestId, Sale>,
    recent: VecDeque<Recent>,
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

/// A sale that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recent {
    key: String,
    at: Instant,
    /// `None` while the journal has not said that it has it.
    answer: Option<Answer>,
    lot: LotId,
    waiting: Vec<RequestId>,
}

impl Sales {
    /// Nobody waits for this sale any more. Codes of a lot that was not signed yet are forgotten.
    pub(super) fn forget(&mut self, request: RequestId) {
        self.running.remove(&request);
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
        let person = match self.seller(caller, &wish.person) {
            Ok(person) => person,
            Err((code, message)) => return self.refuse(request, code, message),
        };
        if self.joins_other_tap(now, request, &wish.key) {
            return;
        }
        if let Some(why) = self.stores.broken() {
            let message = not_saved(why);
            return self.refuse(request, "not-saved", message);
        }
        if self.ledger.plan(&wish.plan).is_none() {
            return self.refuse(request, "plan-unknown", format!("There is no plan {} on sale.", wish.plan));
        }
        if !(1..=limit::LOT_VOUCHERS).contains(&usize::from(wish.count)) {
            let message = format!("One sale is of 1 to {} vouchers.", limit::LOT_VOUCHERS);
            return self.refuse(request, "count", message);
        }
        if self.ledger.own_member().is_none() {
            let message = "This node was not admitted to a community yet: it cannot sell.";
            return self.refuse(request, "no-member", message);
        }
        let lot = LotId(self.random.u64());
        let sale = Sale { wish, person, lot, vouchers: Vec::new(), also: Vec::new(), asked: now };
        self.sales.running.insert(request, sale);
        self.make_next_code(request, vault);
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

    /// Keeps the answer of a sale that is on flash, for a second tap.
    pub(super) fn remember_sale(&mut self, now: Instant, answer: &Answer) {
        let Answer::Issued(issued) = answer else { return };
        let Some(recent) = self.sales.recent.iter_mut().find(|recent| recent.lot == issued.lot) else {
            return;
        };
        recent.answer = Some(answer.clone());
        recent.at = now;
        for request in std::mem::take(&mut recent.waiting) {
            self.answer(request, answer.clone());
        }
    }

    /// Voids vouchers that were made and could not be saved: nobody has seen their codes.
    /// Gives the records that say so.
    pub(super) fn void_unseen(
        &mut self,
        now: Instant,
        sold: &[Verifier],
        vault: &mut dyn Vault,
    ) -> Vec<Vec<u8>> {
        let lots: Vec<LotId> = sold
            .iter()
            .filter_map(|verifier| self.ledger.voucher(*verifier))
            .map(|voucher| voucher.lot)
            .collect();
        let mut waiting = Vec::new();
        self.sales.recent.retain_mut(|recent| {
            let void = lots.contains(&recent.lot);
            if void {
                waiting.append(&mut recent.waiting);
            }
            !void
        });
        for request in waiting {
            self.refuse(request, "not-saved", "Nothing was sold: this node cannot save.");
        }
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
        let draft = self.ledger.draft(Ledger::revocation_body(vec![verifier], reason));
        let draft = match draft {
            Ok(draft) => draft,
            Err(error) => return self.refuse(request, "refused", sentence(&error)),
        };
        let record = self.ledger.complete(draft.clone(), vault.sign(&draft.message_to_sign));
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_voucher_changed(now, verifier, crate::hotspot::tariff::VoucherState::Revoked);
        }
        let answer = Box::new(Answer::Revoked { verifier });
        self.store(
            now,
            vec![record],
            true,
            Then::Answer { requests: vec![request], answer, sold: Vec::new() },
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
        match self.ledger.draft(body) {
            Ok(draft) => {
                let signature = vault.sign(&draft.message_to_sign);
                Some(self.ledger.complete(draft, signature))
            }
            Err(error) => {
                self.note(NoteLevel::Warning, format!("a record was not written: {error}"));
                None
            }
        }
    }

    /// Who sells: the person behind the session; without a session root's program says who.
    pub(super) fn seller(&self, caller: &Caller, named: &str) -> Result<String, (&'static str, String)> {
        let Some(login) = &caller.login else {
            let person =
                self.settings.persons.iter().find(|person| person.login == named || person.name == named);
            let name = person.map_or(named, |person| &person.name);
            return Ok(if name.is_empty() { "root" } else { name }.to_owned());
        };
        let person = self.settings.persons.iter().find(|person| person.login == *login);
        match person {
            Some(person) if person.role >= Role::Caretaker => Ok(person.name.clone()),
            _ => Err(("no-right", format!("{login} may not sell or revoke at this node."))),
        }
    }

    fn joins_other_tap(&mut self, now: Instant, request: RequestId, key: &str) -> bool {
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
        match recent.answer.clone() {
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

    /// Signs lot and sale and hands them to the journal.
    fn book(
        &mut self,
        now: Instant,
        request: RequestId,
        sale: &Sale,
        vault: &mut dyn Vault,
    ) -> Result<(), DraftError> {
        let verifiers: Vec<Verifier> = sale.vouchers.iter().map(|voucher| voucher.verifier).collect();
        let lot = self.ledger.issue_body(sale.lot, &sale.wish.plan, verifiers.clone())?;
        let draft = self.ledger.draft(lot)?;
        let signature = vault.sign(&draft.message_to_sign);
        let mut records = vec![self.ledger.complete(draft, signature)];
        let sold = self.ledger.sale_body(verifiers.clone(), &sale.person, self.wall(now))?;
        let draft = self.ledger.draft(sold)?;
        let signature = vault.sign(&draft.message_to_sign);
        records.push(self.ledger.complete(draft, signature));

        let price_cents = self.ledger.plan(&sale.wish.plan).map_or(0, |(_, plan)| plan.price);
        let answer = Answer::Issued(Issued {
            lot: sale.lot,
            plan: sale.wish.plan.clone(),
            price_cents,
            person: sale.person.clone(),
            vouchers: sale.vouchers.clone(),
        });
        if self.sales.recent.len() >= limit::NODE_RECENT_SALES {
            self.sales.recent.pop_front();
        }
        let key = sale.wish.key.clone();
        self.sales.recent.push_back(Recent {
            key,
            at: now,
            answer: None,
            lot: sale.lot,
            waiting: sale.also.clone(),
        });
        let then = Then::Answer { requests: vec![request], answer: Box::new(answer), sold: verifiers };
        self.store(now, records, true, then);
        Ok(())
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
        devices: u32::try_from(voucher.devices.len()).unwrap_or(u32::MAX),
    }
}

/// An error of the ledger as a sentence for a person.
fn sentence(error: &DraftError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
