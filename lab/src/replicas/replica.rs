//! One box: its key, its ledger, its flash, its clock, and what its guests have used.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::time::{Instant, TimeQuality, WallTime};
use tequio::base::voucher::Verifier;
use tequio::ledger::body::Body;
use tequio::ledger::month::Month;
use tequio::ledger::record::{self, Header, RecordId};
use tequio::ledger::sync::Sync;
use tequio::ledger::{DraftError, Ledger, journal};

/// When the runs begin, by a good clock.
pub(super) const BEGIN_UNIX_S: u64 = 1_800_000_000;

/// A box.
pub(super) struct Replica {
    pub(super) key: SigningKey,
    pub(super) dh: [u8; 32],
    pub(super) ledger: Ledger,
    pub(super) sync: Sync,
    pub(super) powered: bool,
    /// Wakes of before the last event are stale.
    pub(super) generation: u64,
    /// One signature takes its time: the next may be looked at then.
    pub(super) verifies_at: Instant,
    pub(super) flash: Flash,
    pub(super) clock: Clock,
    /// Seconds that guests have used here since the boot, or before it as far as the ledger knows.
    pub(super) meters: BTreeMap<Verifier, Meter>,
    /// How often it was switched on.
    pub(super) boots: u32,
    /// A byte copy of another box's state, in the hands of a thief.
    pub(super) is_copy: bool,
    /// What its flash held when somebody made a backup.
    pub(super) backup: Option<Vec<u8>>,
    /// It has lost its last records once: what it had counted of them, its guests have again.
    pub(super) was_hurt: bool,
}

/// What one voucher has used at one box.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    pub(super) used_s: u32,
    pub(super) is_written: bool,
}

/// A clock without a battery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) offset_s: i64,
    pub(super) quality: TimeQuality,
}

/// The journal on flash, and what is still in memory.
#[derive(Clone, Debug)]
pub(super) struct Flash {
    pub(super) bytes: Vec<u8>,
    /// Octets that it was admitted with: a box that has lost these is nobody, and is admitted again.
    pub(super) founding: usize,
    waiting: Vec<(Instant, Vec<u8>)>,
}

/// The key of the journals' checksums: whose it is is of no interest here.
const JOURNAL_KEY: [u8; 32] = [9; 32];

impl Replica {
    pub(super) fn new(key: SigningKey, seq_start: u64) -> Self {
        let own = key.verifying_key().to_bytes();
        let mut dh = own;
        dh.reverse();
        Self {
            key,
            dh,
            ledger: Ledger::new(own, seq_start),
            sync: Sync::new(seq_start),
            powered: true,
            generation: 0,
            verifies_at: Instant::ZERO,
            flash: Flash { bytes: journal::HEADER.to_vec(), founding: 0, waiting: Vec::new() },
            clock: Clock { offset_s: 0, quality: TimeQuality::Trusted },
            meters: BTreeMap::new(),
            boots: 1,
            is_copy: false,
            backup: None,
            was_hurt: false,
        }
    }

    pub(super) fn id(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// What its clock says.
    pub(super) fn wall(&self, now: Instant) -> WallTime {
        let seconds = BEGIN_UNIX_S + now.as_micros() / 1_000_000;
        WallTime { unix_s: seconds.saturating_add_signed(self.clock.offset_s), quality: self.clock.quality }
    }

    /// Writes a record by the rules.
    pub(super) fn sign(&mut self, body: Body) -> Result<Vec<u8>, DraftError> {
        let draft = self.ledger.draft(body)?;
        let signature = self.key.sign(&draft.message_to_sign).to_bytes();
        Ok(self.ledger.complete(draft, signature))
    }

    /// Writes once more what a close did not know.
    pub(super) fn sign_again(&mut self, body: &Body) -> Result<Vec<u8>, DraftError> {
        let draft = self.ledger.draft_again(body)?;
        let signature = self.key.sign(&draft.message_to_sign).to_bytes();
        Ok(self.ledger.complete(draft, signature))
    }

    /// Signs whatever is wanted.
    pub(super) fn forge(&self, seq: u64, prev: Option<RecordId>, body: &Body) -> Vec<u8> {
        let community = self.ledger.community().expect("a copy is made of a member's box");
        let kind = body.kind().expect("only what has a kind is forged").number();
        let header = Header { community, kind, author: self.id(), seq, prev };
        let envelope = record::envelope(&header, &body.encode().expect("what we made has bytes"));
        record::seal(&envelope, &self.key.sign(&record::message(&envelope)).to_bytes())
    }

    /// A box is switched on: it knows what its flash says.
    pub(super) fn boot(&mut self, seq_start: u64) {
        self.ledger = Ledger::new(self.id(), seq_start);
        let records = self.flash.read();
        let refused = self.ledger.handle_journal(records.iter().map(Vec::as_slice));
        assert_eq!(refused, 0, "a journal holds what was verified");
        self.sync = Sync::new(seq_start);
        self.meters.clear();
        self.boots += 1;
        self.powered = true;
    }

    /// Everything that follows from the records, as text; whose box it is and how it counts is not of that.
    pub(super) fn state(&self) -> String {
        state(&self.ledger)
    }
}

/// The state of a ledger without whose it is. Where details may be gone it is what people can ask of it.
pub(super) fn state(ledger: &Ledger) -> String {
    if let Some((_, last)) = ledger.closes().last() {
        let mut report = ledger.report();
        (report.records, report.stubs) = (0, 0);
        let months =
            [last.month - 1, last.month, last.month + 1].map(|month| ledger.month_report(Month(month)));
        let months = months.map(|month| (month.rows, month.people, month.cash_before, month.cash));
        let held: BTreeSet<RecordId> = ledger.held().map(|(_, id)| id).collect();
        let lots = held.iter().flat_map(|id| ledger.mentioned(*id));
        let vouchers: BTreeMap<Verifier, _> = lots.map(|one| (one, ledger.voucher(one))).collect();
        return format!("{held:?} {report:?} {months:?} {vouchers:?} {:?}", ledger.closes());
    }
    let whole = format!("{ledger:?}");
    whole.split_once("community: ").map(|(_, state)| state.to_owned()).expect("a ledger names its community")
}

impl Flash {
    /// Written and synced.
    pub(super) fn write(&mut self, record: &[u8]) {
        self.bytes.extend(journal::frame(&JOURNAL_KEY, record));
    }

    /// Written later: until then a power cut takes it.
    pub(super) fn keep(&mut self, due: Instant, record: Vec<u8>) {
        self.waiting.push((due, record));
    }

    /// Writes what is due.
    pub(super) fn flush(&mut self, now: Instant) {
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(due, _)| *due <= now);
        self.waiting = waiting;
        due.iter().for_each(|(_, record)| self.write(record));
    }

    /// The power goes while the next record is being written.
    pub(super) fn cut_power(&mut self) {
        if let Some((_, record)) = std::mem::take(&mut self.waiting).first() {
            let frame = journal::frame(&JOURNAL_KEY, record);
            self.bytes.extend_from_slice(&frame[..frame.len() / 2]);
        }
    }

    /// The last records are gone, as on a worn chip.
    pub(super) fn lose_tail(&mut self, records: usize) {
        let scan = journal::scan(&JOURNAL_KEY, &self.bytes).expect("our own journal");
        let last = scan.records.iter().rev().nth(records.saturating_sub(1));
        if let Some(range) = last {
            self.bytes.truncate(self.founding.max(range.start - journal::FRAME_HEAD));
        }
    }

    /// What stands there; a torn tail is cut off.
    pub(super) fn read(&mut self) -> Vec<Vec<u8>> {
        let scan = journal::scan(&JOURNAL_KEY, &self.bytes).expect("our own journal");
        self.bytes.truncate(scan.valid_len);
        scan.records.into_iter().map(|range| self.bytes[range].to_vec()).collect()
    }
}
