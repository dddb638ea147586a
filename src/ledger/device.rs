//! The devices of a voucher: which of them have a place, in what order they yield it, how often it may go from one to another,
//! and with what a phone comes back whose address has changed.
//!
//! A device is a hash of voucher and address (`docs/ledger.md`, privacy), and its record the word of the node where it was let in.
//! What it comes back with, a *keepsake*, stands there as a hash; which ones are spent stands there too, so that each is good
//! once, at any node that has heard of it.

use super::Ledger;
use super::body::{Body, Device};
use super::kind::Kind;
use super::record::Record;
use crate::base::limit::{DEVICE_MOVES, DEVICE_SPENT_BYTES};
use crate::base::sorted::SortedMap;
use crate::base::voucher::{Keepsake, Proof, Verifier};

impl Ledger {
    /// A device that takes up a voucher now, on this day if it is known: the newest of its devices.
    /// It gets `keepsake`, and has come back with `returned`.
    pub fn device_body(
        &self,
        verifier: Verifier,
        tag: [u8; 8],
        day: Option<u32>,
        keepsake: Option<Keepsake>,
        returned: Option<Keepsake>,
    ) -> Body {
        let today = self.own_devices(verifier).filter(|device| device.day == day).map(|device| device.moves);
        let moves = today.max().unwrap_or(0).saturating_add(u8::from(self.takes_a_place(verifier, tag)));
        let order = self.next_device_order(verifier);
        // What it had before is spent as well: the new one is in its place.
        let before = self.own_device(verifier, tag);
        let had = before.and_then(|device| device.keepsake);
        let spent = spent(before, returned.into_iter().chain(had));
        Body::Device(Box::new(Device { verifier, tag, order, day, moves, keepsake, spent }))
    }

    /// A device of this node whose keepsake is good no more; none if it has none.
    pub fn forgotten_body(&self, verifier: Verifier, tag: [u8; 8]) -> Option<Body> {
        let device = self.own_device(verifier, tag)?;
        let spent = spent(Some(device), device.keepsake);
        device.keepsake.map(|_| Body::Device(Box::new(Device { keepsake: None, spent, ..device.clone() })))
    }

    /// Whether a device may take up a voucher on this day: it is one of its devices, or there is room for it, or not too
    /// many have taken the place of others. Without a good clock there are no days, and nothing is counted.
    pub fn has_place(&self, verifier: Verifier, tag: [u8; 8], day: Option<u32>) -> bool {
        let few = |day| self.device_moves(verifier, day) < DEVICE_MOVES;
        day.is_none_or(few) || !self.takes_a_place(verifier, tag)
    }

    fn takes_a_place(&self, verifier: Verifier, tag: [u8; 8]) -> bool {
        self.voucher(verifier).is_some_and(|voucher| {
            voucher.devices.len() >= usize::from(voucher.plan.devices) && !voucher.devices.contains(&tag)
        })
    }

    /// The place of a device that comes next.
    fn next_device_order(&self, verifier: Verifier) -> u32 {
        let orders = self.device_records(verifier).map(|(_, device)| device.order);
        orders.max().map_or(1, |order| order.saturating_add(1))
    }

    /// How many devices have taken up a voucher on this day, at all nodes that count: each node's own count, added.
    pub fn device_moves(&self, verifier: Verifier, day: u32) -> u32 {
        let mut moves: SortedMap<[u8; 32], u32> = SortedMap::new();
        for (author, device) in self.device_records(verifier).filter(|(_, device)| device.day == Some(day)) {
            let most = moves.entry(author).or_default();
            *most = u32::from(device.moves).max(*most);
        }
        moves.values().sum()
    }

    /// The proof of a voucher's code, if whoever shows this keepsake is one of its devices: it is of one that has not yielded,
    /// and nobody has come back with it yet.
    pub fn returns(&self, verifier: Verifier, keepsake: Keepsake) -> Option<Proof> {
        let voucher = self.voucher(verifier)?;
        let is_spent = |device: &Device| {
            let spent = device.spent.as_deref().unwrap_or_default();
            spent.chunks(8).any(|begin| keepsake.0.starts_with(begin))
        };
        let shows =
            |device: &Device| device.keepsake == Some(keepsake) && voucher.devices.contains(&device.tag);
        let devices = || self.device_records(verifier).map(|(_, device)| device);
        if devices().any(is_spent) || !devices().any(shows) {
            return None;
        }
        self.proof(verifier)
    }

    /// The proof of a voucher's code, if somebody has typed it.
    pub fn proof(&self, verifier: Verifier) -> Option<Proof> {
        let issuer = self.voucher(verifier)?.issuer;
        self.activations(verifier, issuer).find_map(|(record, _)| match &record.body {
            Body::Activation(activation) => Some(activation.proof),
            _ => None,
        })
    }

    /// Every device that was let in anywhere: its author, voucher and tag.
    pub fn devices(&self) -> impl Iterator<Item = ([u8; 32], Verifier, [u8; 8])> {
        self.records.values().filter_map(|record| match &record.body {
            Body::Device(device) => Some((record.author, device.verifier, device.tag)),
            _ => None,
        })
    }

    /// The node that let a device in last, if it is still one of its voucher's.
    pub fn device_at(&self, verifier: Verifier, tag: [u8; 8]) -> Option<[u8; 32]> {
        let is_one = self.voucher(verifier).is_some_and(|voucher| voucher.devices.contains(&tag));
        let records = self.device_records(verifier).filter(|(_, device)| device.tag == tag);
        records
            .max_by_key(|(author, device)| (device.order, *author))
            .map(|(author, _)| author)
            .filter(|_| is_one)
    }

    fn device_records(&self, verifier: Verifier) -> impl Iterator<Item = ([u8; 32], &Device)> {
        self.mentioning(verifier, Kind::Device).filter_map(|record| match &record.body {
            Body::Device(device) if self.authority.may_sign(&record.author, Kind::Device) => {
                Some((record.author, &**device))
            }
            _ => None,
        })
    }

    fn own_devices(&self, verifier: Verifier) -> impl Iterator<Item = &Device> {
        let records = self.device_records(verifier);
        records.filter(|(author, _)| *author == self.own_key).map(|(_, device)| device)
    }

    fn own_device(&self, verifier: Verifier, tag: [u8; 8]) -> Option<&Device> {
        self.own_devices(verifier).find(|device| device.tag == tag)
    }
}

/// The newest devices, each once, at its latest place.
pub(super) fn devices<'a>(records: impl Iterator<Item = &'a Record>, most: u8) -> Vec<[u8; 8]> {
    let mut latest: SortedMap<[u8; 8], u32> = SortedMap::new();
    for record in records {
        if let Body::Device(device) = &record.body {
            let order = latest.entry(device.tag).or_default();
            *order = device.order.max(*order);
        }
    }
    let mut ordered: Vec<(u32, [u8; 8])> = latest.into_iter().map(|(tag, order)| (order, tag)).collect();
    ordered.sort_unstable();
    let skip = ordered.len().saturating_sub(usize::from(most));
    ordered.into_iter().skip(skip).map(|(_, tag)| tag).collect()
}

/// What a device's record names as spent, with these, the newest first, as many as there is room for.
fn spent(before: Option<&Device>, more: impl IntoIterator<Item = Keepsake>) -> Option<Vec<u8>> {
    let mut spent: Vec<u8> = more.into_iter().flat_map(|keepsake| keepsake.0[..8].to_vec()).collect();
    spent.extend(before.and_then(|device| device.spent.clone()).unwrap_or_default());
    spent.truncate(DEVICE_SPENT_BYTES);
    (!spent.is_empty()).then_some(spent)
}
