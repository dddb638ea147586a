//! Vouchers that were used as if there were two of them: on both sides of a split, or far apart in time.
//!
//! Nobody is cut for it: a part that hears nothing of the others lets the guest in, and what was used in all of them
//! is deducted once they meet. What is more than the voucher held is told to whoever sold it; at most it is the
//! parts times what it held, and a minute for each device, since counters are told each minute.

use std::fmt;

use serde::Serialize;

use super::Ledger;
use super::body::{Body, PlanMeasure};
use super::book::Voucher;
use super::text::fingerprint;
use crate::base::sorted::{LargeSet, SortedMap, SortedSet};
use crate::base::time::TimeQuality;
use crate::base::voucher::Verifier;

/// What one device may use beyond what is left before others hear of it.
const MINUTE_S: u64 = 60;
/// What is thought to pass each way of a voucher whose plan has no limit.
const LINK_KBPS: u32 = 10_000;
/// First uses that are so far apart are reported.
const APART_S: u64 = 86_400;

/// A voucher that was used as if there were two of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Twice {
    /// Which.
    pub verifier: Verifier,
    /// The node that sold it.
    pub node: String,
    /// Who sold it; nobody if nobody tapped for it.
    pub person: String,
    /// Seconds beyond what it held.
    pub excess_s: u64,
    /// MB beyond what it held.
    pub excess_mb: u64,
    /// Seconds between its first uses, where good clocks say so.
    pub apart_s: u64,
    /// Where it was used.
    pub used_at: Vec<String>,
}

impl Ledger {
    /// All vouchers that gave more than they held, or whose first uses are more than a day apart. Walks over all that
    /// were used: for people, not for every packet.
    pub fn used_twice(&self) -> Vec<Twice> {
        let mut used: LargeSet<_> = LargeSet::new();
        for record in self.records.values() {
            if let Body::Usage(_) | Body::Activation(_) = &record.body {
                used.extend(record.body.verifiers());
            }
        }
        used.into_iter().filter_map(|verifier| self.twice(&self.voucher(verifier)?)).collect()
    }

    /// Whether one voucher did.
    pub fn twice_of(&self, verifier: Verifier) -> Option<Twice> {
        self.twice(&self.voucher(verifier)?)
    }

    fn twice(&self, voucher: &Voucher) -> Option<Twice> {
        let excess_s = match voucher.plan.measure {
            PlanMeasure::UsedSeconds { seconds, .. } => {
                let held_s = u64::from(seconds).saturating_add(voucher.extended.seconds);
                let noise_s = MINUTE_S * u64::from(voucher.plan.devices);
                let excess_s = voucher.used_s().saturating_sub(held_s);
                if excess_s > noise_s { excess_s } else { 0 }
            }
            PlanMeasure::DaysFromFirstUse { .. } | PlanMeasure::External => 0,
        };
        let excess_mb = excess_mb(voucher);
        let begins: SortedMap<[u8; 32], u64> = self
            .activations(voucher.verifier, voucher.issuer)
            .filter(|(_, begin)| begin.quality >= TimeQuality::Mesh)
            .map(|(record, begin)| (record.author, begin.unix_s))
            .collect();
        let (first, last) = (begins.values().min(), begins.values().max());
        let apart_s = last.zip(first).map_or(0, |(last, first)| last - first);
        let apart_s = if apart_s > APART_S { apart_s } else { 0 };
        if excess_s == 0 && excess_mb == 0 && apart_s == 0 {
            return None;
        }
        let nodes: SortedSet<[u8; 32]> =
            voucher.used.iter().map(|used| used.node).chain(begins.keys().copied()).collect();
        let person = voucher.sold.as_ref().map(|sold| sold.person.clone()).unwrap_or_default();
        let used_at = nodes.iter().map(|node| self.name_of(node)).collect();
        let node = self.name_of(&voucher.node);
        Some(Twice { verifier: voucher.verifier, node, person, excess_s, excess_mb, apart_s, used_at })
    }

    fn name_of(&self, key: &[u8; 32]) -> String {
        self.authority.state(key).map_or_else(|| fingerprint(key), |state| state.member.name.clone())
    }
}

/// MB beyond what a voucher held, if they are more than what can pass in a minute before others hear of it.
fn excess_mb(voucher: &Voucher) -> u64 {
    let Some(held) = voucher.data_bytes() else { return 0 };
    let rates = [voucher.plan.rate_down_kbps, voucher.plan.rate_up_kbps];
    let kbps = rates.map(|rate| u64::from(if rate == 0 { LINK_KBPS } else { rate })).iter().sum::<u64>();
    let excess = voucher.used_bytes().saturating_sub(held);
    if excess > kbps * 125 * MINUTE_S { excess / 1_000_000 } else { 0 }
}

impl fmt::Display for Twice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verifier, node, person, excess_s, excess_mb, apart_s, used_at } = self;
        let seller = if person.is_empty() { node } else { person };
        write!(formatter, "voucher {verifier} of {seller} ({node}) was used at {}", used_at.join(", "))?;
        if *excess_s > 0 {
            let minutes = excess_s / 60;
            write!(formatter, ": {minutes} min more than it holds, the mesh was in parts")?;
        }
        if *excess_mb > 0 {
            write!(formatter, ": {excess_mb} MB more than it holds, the mesh was in parts")?;
        }
        if *apart_s > 0 {
            write!(formatter, "; first uses {} h apart, look at the clocks there", apart_s / 3_600)?;
        }
        Ok(())
    }
}
