//! Between hotspot and ledger: what a voucher holds, that it was typed, what it used.
//!
//! Use is kept in memory, told to the neighbours each minute, and written each hour (`exchange`): a power cut of one
//! node gives its users at most a minute, one of the whole village at most an hour. What was used up or has just ended is
//! told within a second, so that a spent code is known as spent.

use serde::{Deserialize, Serialize};

use crate::base::sorted::{LargeMap, SortedMap};

use super::Node;
use super::chains::Purpose;
use super::output::{NoteLevel, Output};
use super::stores::Then;
use super::vault::Vault;
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::base::time::{Instant, Span, TimeQuality};
use crate::base::voucher::{IssuerNumber, Keepsake, Proof, Verifier};
use crate::hotspot::output::{AskId, Event, Output as Hotspot};
use crate::hotspot::portal::Language;
use crate::hotspot::settings::Community;
use crate::hotspot::tariff::{Allowance, Measure, Tariff, VoucherState};
use crate::ledger::{Counter, Ledger, PlanMeasure, Voucher};

/// How long a start waits for its own last records before it counts on a lane of its own.
const FETCH: Span = Span::from_secs(10);
/// Time after which changed counters are told to the neighbours.
const USAGE_TOLD: Span = Span::from_secs(60);
/// The same for a session that has ended.
const ENDED_TOLD: Span = Span::from_secs(1);

/// Counters that the ledger does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Guests {
    /// The issuers of the codes that are being checked: two lots can name one verifier, and the code
    /// tells which is meant.
    /// And whether the tag is of the present secret.
    issuers: SortedMap<AskId, (IssuerNumber, bool)>,
    changed: LargeMap<Verifier, Counter>,
    tell_at: Option<Instant>,
    /// Until then this start waits for its own last records, before it decides where it counts.
    fetch_until: Option<Instant>,
}

impl Guests {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let tell_at = self.tell_at.map(|at| self.fetch_until.map_or(at, |until| until.max(at)));
        tell_at.into_iter().chain(self.fetch_until).min()
    }

    /// What a voucher has used and the ledger does not know yet.
    pub(super) fn pending(&self, verifier: Verifier) -> Option<Counter> {
        self.changed.get(&verifier).copied()
    }

    fn remember_issuer(&mut self, ask: AskId, issuer: IssuerNumber, newest: bool) {
        self.issuers.insert(ask, (issuer, newest));
        // An ask that was given up is never asked for; the oldest go.
        while self.issuers.len() > limit::HOTSPOT_CHECKS {
            self.issuers.pop_first();
        }
    }

    fn tell_within(&mut self, now: Instant, span: Span) {
        let at = now + span;
        self.tell_at = Some(self.tell_at.map_or(at, |earlier| earlier.min(at)));
    }
}

impl Node {
    /// Does what the hotspot asks.
    pub(super) fn hotspot_output(&mut self, now: Instant, output: Hotspot, vault: &mut dyn Vault) {
        match output {
            Hotspot::Reply { request, language, page } => {
                self.outputs.push_back(Output::Page { request, language, page: *page });
            }
            Hotspot::Guests(changes) => self.outputs.push_back(Output::Guests(changes)),
            Hotspot::CheckCode { ask, code } => match vault.begin_check(&code) {
                Some(work) => {
                    let epoch = self.ledger.own_share().map(|share| share.epoch);
                    let newest = epoch.is_some_and(|epoch| vault.fits_epoch(&code, epoch));
                    self.guests.remember_issuer(ask, code.issuer(), newest);
                    self.chains.start(work, Purpose::Portal(ask));
                }
                None => {
                    self.provisional.handle_wrong_tag(now);
                    if let Some(hotspot) = &mut self.hotspot {
                        hotspot.handle_code_checked(now, ask, None);
                    }
                }
            },
            Hotspot::Voucher { ask, verifier, mac } => {
                self.tell_what_it_gives(now, ask, verifier, mac, vault)
            }
            Hotspot::Activate { verifier, proof, mac, keepsake, returned } => {
                self.activate(now, (verifier, proof), mac, (keepsake, returned), vault);
            }
            Hotspot::Return { ask, verifier, keepsake } => self.tell_whose(now, ask, verifier, keepsake),
            Hotspot::Forget { verifier, mac } => self.forget_keepsake(now, verifier, mac, vault),
            Hotspot::Used { verifier, used_s, since_first_use_s, up_bytes, down_bytes } => {
                let counter = Counter {
                    verifier,
                    used_s: u32::try_from(used_s).unwrap_or(u32::MAX),
                    up_bytes,
                    down_bytes,
                    elapsed_s: u32::try_from(since_first_use_s).unwrap_or(u32::MAX),
                };
                self.guests.changed.insert(verifier, counter);
                self.guests.tell_within(now, USAGE_TOLD);
            }
            Hotspot::SaveSessions(sessions) => self.outputs.push_back(Output::SaveSessions(sessions)),
            Hotspot::Seek(macs) => self.outputs.push_back(Output::Seek(macs)),
            Hotspot::Recognise { ask, mac } => self.recognise(now, ask, mac, vault),
            Hotspot::Found { verifier, mac, here } => {
                self.tell_found(now, vault.device_tag(verifier, mac), here);
            }
            Hotspot::ReadUsage => self.outputs.push_back(Output::ReadUsage),
            Hotspot::Event(event) => self.hotspot_event(now, event),
        }
    }

    /// Tells the hotspot what a voucher gives to a device, if there is one that wants to take it up.
    fn tell_what_it_gives(
        &mut self,
        now: Instant,
        ask: AskId,
        verifier: Verifier,
        mac: Option<MacAddress>,
        vault: &mut dyn Vault,
    ) {
        let typed = self.guests.issuers.remove(&ask);
        let mut state = self.voucher_state(now, typed.map(|(issuer, _)| issuer), verifier);
        if let (VoucherState::Unknown, Some((issuer, newest))) = (&state, typed)
            && self.ledger.voucher(verifier).is_none()
        {
            state = self.serve_unknown(now, issuer, verifier, newest);
        }
        let tag = mac.map(|mac| vault.device_tag(verifier, mac));
        if tag.is_some_and(|tag| !self.ledger.has_place(verifier, tag, self.day(now)))
            && matches!(state, VoucherState::Good(_))
        {
            state = VoucherState::Moved;
        }
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_voucher(now, ask, state);
        }
    }

    /// Tells the hotspot whether a keepsake is good.
    fn tell_whose(&mut self, now: Instant, ask: AskId, verifier: Verifier, keepsake: Keepsake) {
        let proof = self.ledger.returns(verifier, keepsake);
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_code_checked(now, ask, proof.map(|proof| (verifier, proof)));
        }
    }

    /// A device has logged out: what it keeps is good at no node any more.
    fn forget_keepsake(&mut self, now: Instant, verifier: Verifier, mac: MacAddress, vault: &mut dyn Vault) {
        let tag = vault.device_tag(verifier, mac);
        if let Some(body) = self.ledger.forgotten_body(verifier, tag) {
            let record = self.sign(now, body, vault);
            self.store(now, record.into_iter().collect(), false, Then::Nothing);
        }
    }

    /// Whether what this start wrote before is here: a neighbour has compared all that it holds with this node. Whoever
    /// cannot find out in ten seconds counts on a lane of its own.
    pub(super) fn choose_lane(&mut self, now: Instant) {
        let Some(until) = self.guests.fetch_until else { return };
        let is_whole = self.sync.peers().any(|peer| peer.even && peer.compared.is_some());
        if !is_whole && until <= now {
            self.ledger.begin_lane();
        }
        if is_whole || until <= now {
            self.guests.fetch_until = None;
        }
    }

    /// Makes records of the counters that changed, when it is time or `at_once`.
    pub(super) fn write_usage(&mut self, now: Instant, vault: &mut dyn Vault, at_once: bool) {
        let waits = self.guests.fetch_until.is_some();
        if !at_once && (waits || self.guests.tell_at.is_none_or(|at| at > now)) {
            return;
        }
        self.guests.tell_at = None;
        let changed: Vec<Counter> = std::mem::take(&mut self.guests.changed).into_values().collect();
        if changed.is_empty() {
            return;
        }
        // The program ends before its own last records have come.
        if self.guests.fetch_until.take().is_some() {
            self.ledger.begin_lane();
        }
        let bodies = self.ledger.usage_bodies(&changed, self.day(now));
        let records: Vec<Vec<u8>> =
            bodies.into_iter().filter_map(|body| self.sign(now, body, vault)).collect();
        self.tell_pages(now, &records);
    }

    /// Takes the journal's records in, and what follows from them.
    pub(super) fn records(&mut self, now: Instant, records: &[Vec<u8>], vault: &mut dyn Vault) {
        let refused = self.ledger.handle_journal(records.iter().map(Vec::as_slice));
        if refused > 0 {
            self.note(
                NoteLevel::Warning,
                format!("{refused} records of the journal make no sense and were left out"),
            );
        }
        self.guests.fetch_until = Some(now + FETCH);
        if let Some(community) = self.ledger.community() {
            vault.set_community(community);
        }
        if !self.open_shares(vault) && self.ledger.community().is_some() {
            self.note(
                NoteLevel::Warning,
                "no share of the community's secrets could be opened: nothing can be sold here",
            );
        }
    }

    /// Opens what is sealed to this node; whether anything was.
    pub(super) fn open_shares(&mut self, vault: &mut dyn Vault) -> bool {
        let mut opened = false;
        // The current epoch's share comes last: codes are made under the one that was opened last.
        for share in &self.ledger.own_shares() {
            opened |= vault.open_share(share.epoch, &share.context, &share.sealed);
        }
        opened
    }

    /// Tells the hotspot what the charter says of the community, once it is known.
    pub(super) fn name_community(&mut self, now: Instant) {
        let day = self.day(now);
        let (Some(charter), Some(settings)) = (self.ledger.charter(), &mut self.settings.hotspot) else {
            return;
        };
        let look = self.ledger.look();
        let community = Community {
            name: charter.name.clone(),
            languages: charter.languages.iter().filter_map(|code| Language::of_code(code)).collect(),
            colour: look.and_then(|look| look.colour),
            notices: self.ledger.notices(day).into_iter().map(|notice| notice.text.clone()).collect(),
            logo: look.map(|look| look.logo.clone()).unwrap_or_default(),
        };
        if settings.community != community {
            settings.community = community;
            let settings = settings.clone();
            if let Some(hotspot) = &mut self.hotspot {
                hotspot.handle_settings(now, settings);
            }
        }
    }

    /// What a voucher gives, as the ledger and the counters on their way to it know.
    pub(super) fn voucher_state(
        &self,
        now: Instant,
        issuer: Option<IssuerNumber>,
        verifier: Verifier,
    ) -> VoucherState {
        let voucher = match issuer {
            Some(issuer) => self.ledger.voucher_of(issuer, verifier),
            None => self.ledger.voucher(verifier),
        };
        let Some(voucher) = voucher else { return self.unknown_state(verifier, false) };
        if voucher.revoked || voucher.exchanged {
            return VoucherState::Revoked;
        }
        // An external plan has no codes; a lot of one does not count.
        let Some(tariff) = tariff(&voucher) else { return VoucherState::Unknown };
        let own = voucher.used.iter().filter(|used| used.node == self.ledger.own_key());
        let (mut here_s, mut up, mut down) = own.fold((0_u64, 0_u64, 0_u64), |(seconds, up, down), used| {
            (
                seconds + u64::from(used.seconds),
                up.saturating_add(used.up_bytes),
                down.saturating_add(used.down_bytes),
            )
        });
        let elsewhere_s = voucher.used_s() - here_s;
        let bytes_elsewhere = voucher.used_bytes().saturating_sub(up.saturating_add(down));
        let mut elapsed_s = voucher.elapsed_s();
        if let Some(counter) = self.guests.changed.get(&verifier) {
            here_s = here_s.max(u64::from(counter.used_s));
            up = up.max(counter.up_bytes);
            down = down.max(counter.down_bytes);
            elapsed_s = elapsed_s.max(u64::from(counter.elapsed_s));
        }
        let wall = self.wall(now);
        // Times of good quality on both sides give the true age; untrusted time never shortens a coupon.
        let good = |quality| quality >= TimeQuality::Mesh;
        let age = voucher.activated.filter(|begin| good(begin.quality) && good(wall.quality));
        let age_s = age.map(|begin| wall.unix_s.saturating_sub(begin.unix_s));
        VoucherState::Good(Allowance {
            tariff,
            used_s: elsewhere_s.saturating_add(here_s),
            used_here_s: here_s,
            up_bytes_here: up,
            down_bytes_here: down,
            bytes_elsewhere,
            since_first_use_s: age_s.or_else(|| voucher.activated.map(|_| elapsed_s)),
            begin_is_good: age_s.is_some(),
        })
    }

    /// Today in days since 1970, if this node knows: no time of day goes into what is replicated.
    pub(super) fn day(&self, now: Instant) -> Option<u32> {
        let wall = self.wall(now);
        let day = u32::try_from(wall.unix_s / 86_400).ok();
        day.filter(|_| wall.quality >= TimeQuality::Mesh)
    }

    fn activate(
        &mut self,
        now: Instant,
        (verifier, proof): (Verifier, Proof),
        mac: MacAddress,
        (keepsake, returned): (Option<Keepsake>, Option<Keepsake>),
        vault: &mut dyn Vault,
    ) {
        let begin = self.wall(now);
        let body = Ledger::activation_body(verifier, proof, begin);
        let activation = match self.ledger.voucher(verifier) {
            Some(_) if self.ledger.tells_first_use(verifier, begin.quality) => self.sign(now, body, vault),
            // Whoever types it again says nothing new.
            Some(_) => None,
            // It means something when the lot comes.
            None if self.ledger.served_unknown(verifier).is_some() => None,
            None => self.ledger.draft_again(&body).ok().map(|draft| {
                let signature = vault.sign(&draft.message_to_sign);
                self.ledger.complete(draft, signature)
            }),
        };
        let tag = vault.device_tag(verifier, mac);
        let device = self.ledger.device_body(verifier, tag, self.day(now), keepsake, returned);
        let device = self.sign(now, device, vault);
        self.store(now, activation.into_iter().chain(device).collect(), false, Then::Nothing);
    }

    fn hotspot_event(&mut self, now: Instant, event: Event) {
        let (level, text) = match event {
            Event::SessionOpened { client, verifier } => {
                (NoteLevel::Info, format!("voucher {verifier} is in use as client {}", client.0))
            }
            Event::SessionEnded { client, verifier, why } => {
                self.guests.tell_within(now, ENDED_TOLD);
                (
                    NoteLevel::Info,
                    format!("voucher {verifier}, client {}, has ended: {}", client.0, why.word()),
                )
            }
            Event::DeviceYielded { client } => {
                (NoteLevel::Info, format!("client {}: the oldest device gave way to a new one", client.0))
            }
            Event::CodeRefused(why) => (NoteLevel::Debug, format!("a code opened nothing: {}", why.word())),
            Event::Adopted { sessions, dismissed } => (
                NoteLevel::Info,
                format!("{sessions} sessions go on; {dismissed} devices that nobody knew were stopped"),
            ),
            Event::GuestsRefused { changes, given_up, why } => (
                NoteLevel::Warning,
                format!("the kernel refused {changes} changes of guests ({given_up} given up): {why}"),
            ),
            Event::NoInternet => {
                (NoteLevel::Warning, "a guest says that there is no internet here".to_owned())
            }
            Event::Full => (NoteLevel::Warning, "all places of the hotspot are taken".to_owned()),
            Event::Busy => (NoteLevel::Warning, "more codes are being checked than this node can".to_owned()),
        };
        self.note(level, text);
    }
}

fn tariff(voucher: &Voucher) -> Option<Tariff> {
    let more_days = |days: u16| days.saturating_add(u16::try_from(voucher.extended.days).unwrap_or(u16::MAX));
    let measure = match voucher.plan.measure {
        PlanMeasure::UsedSeconds { seconds, within_days } => {
            let extended = u32::try_from(voucher.extended.seconds).unwrap_or(u32::MAX);
            // More days mean nothing to a voucher that has all the time in the world.
            let within_days = within_days.map_or(0, more_days);
            Measure::UsedSeconds { seconds: seconds.saturating_add(extended), within_days }
        }
        PlanMeasure::DaysFromFirstUse { days } => Measure::DaysFromFirstUse { days: more_days(days) },
        PlanMeasure::External => return None,
    };
    Some(Tariff {
        name: voucher.plan.name.clone(),
        measure,
        devices: voucher.plan.devices,
        rate_down_kbps: voucher.plan.rate_down_kbps,
        rate_up_kbps: voucher.plan.rate_up_kbps,
        hours: voucher.plan.hours,
        data_bytes: voucher.data_bytes(),
    })
}
