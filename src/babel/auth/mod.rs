//! Authentication (RFC 8967, RFC 9467): which packets are acted on at all.
//!
//! Before anything of a packet is believed, its MAC is asked for ([`Verify`]: whoever has the keys
//! answers; there is none of them here). A right MAC could be a recording of an old packet, so each packet
//! carries a counter that must grow, apart for what goes to us and to all, because a sleeping radio hands
//! these over in another order (RFC 9467). Whose counter we do not know is sent a nonce, and believed when
//! that comes back with a right MAC: the challenge.
//!
//! Who only floods costs little. What cannot be right (another index, a counter that was seen) is told
//! without a hash; how many hashes a stranger, a neighbour that starts anew, and a packet that may be a
//! neighbour's next one are worth per second is counted in three kinds of buckets; and a packet without a
//! right MAC leaves nothing behind but a count.

pub mod mac;
mod peer;
pub mod settings;
pub mod wire;

#[cfg(test)]
mod tests;

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use self::peer::{Bucket, Peer, STRANGERS};
use self::settings::{Auth, AuthMode};
use self::wire::{CHALLENGE_REPLY, CHALLENGE_REQUEST, INDEX, Sealed, nonce_packet};
use super::engine::{Datagram, Engine, Table};
use super::output::Seal;
use crate::base::address::InterfaceIndex;
use crate::base::limit::BABEL_AUTH_PEERS;
use crate::base::random::Random;
use crate::base::sorted::SortedMap;
use crate::base::time::Instant;

/// Asks whoever has the keys: whether one of the MACs is that of the message under the key of this name.
pub type Verify<'a> = dyn FnMut(&str, &[u8], &[&[u8]]) -> bool + 'a;

/// What is known about authenticity: nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authenticity {
    senders: SortedMap<InterfaceIndex, Sender>,
    strangers: SortedMap<InterfaceIndex, Stranger>,
    peers: SortedMap<(InterfaceIndex, Ipv6Addr), Peer>,
}

/// What our packets on one interface are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sender {
    index: [u8; INDEX],
    counter: u32,
}

/// All whom we have never had a right MAC from, on one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stranger {
    bucket: Bucket,
    counts: AuthCounters,
}

/// What was refused (or, while signing only, would have been) and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthCounters {
    /// No MAC, or no right one.
    pub bad_mac: u64,
    /// A counter that was there before.
    pub replayed: u64,
    /// A right MAC and no counter.
    pub no_counter: u64,
    /// Another index than the one we know: the sender was challenged.
    pub challenged: u64,
    /// There were too many to look at.
    pub unchecked: u64,
}

/// A packet, and what it takes to judge it.
struct Judged<'a> {
    now: Instant,
    from: (InterfaceIndex, Ipv6Addr),
    /// It was sent to us alone.
    unicast: bool,
    sealed: Sealed<'a>,
}

/// Why a packet is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    BadMac,
    Replayed,
    NoCounter,
    Challenged,
    Unchecked,
}

impl Engine {
    /// Whether this packet may be acted on. Answers and challenges leave from here.
    pub(super) fn is_authentic(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        verify: &mut Verify<'_>,
    ) -> bool {
        let Datagram { interface, source, destination, bytes } = *datagram;
        let from = (interface, source);
        let settings = self.interfaces.get(&from.0).and_then(|interface| interface.settings.as_ref());
        let Some(auth) = settings.map(|settings| settings.auth.clone()) else { return false };
        if auth.mode == AuthMode::Off {
            return true;
        }
        // What is no packet is refused by the reader, which says why.
        let Ok(sealed) = Sealed::read(bytes) else { return true };
        let judged = Judged { now, from, unicast: !destination.is_multicast(), sealed };
        match self.judge(&judged, destination, &auth, verify) {
            Ok(()) => true,
            Err(refusal) => {
                self.authenticity.counts(from).add(refusal);
                auth.mode == AuthMode::Sign
            }
        }
    }

    fn judge(
        &mut self,
        packet: &Judged<'_>,
        destination: Ipv6Addr,
        auth: &Auth,
        verify: &mut Verify<'_>,
    ) -> Result<(), Refusal> {
        self.authenticity.admit(packet)?;
        let message = wire::message(packet.from.1.into(), destination.into(), packet.sealed.covered);
        let mut is_right = |key: &settings::KeyUse| {
            let fitting = packet.sealed.macs.iter().copied();
            let fitting: Vec<&[u8]> = fitting.filter(|mac| mac.len() == key.algorithm.mac_length()).collect();
            !fitting.is_empty() && verify(&key.name, &message, &fitting)
        };
        if !auth.keys.iter().any(&mut is_right) {
            return Err(Refusal::BadMac);
        }
        if !self.authenticity.meet(packet, |(interface, address)| {
            self.neighbours.values().any(|known| known.interface == interface && known.address == address)
        }) {
            self.table_full(Table::Authenticated);
            return Err(Refusal::Unchecked);
        }
        let Some(peer) = self.authenticity.peers.get_mut(&packet.from) else {
            return Err(Refusal::Unchecked);
        };
        let (now, (interface, address)) = (packet.now, packet.from);
        // RFC 8967 4.3: a challenge is answered whatever the counter says, else two that have both
        // forgotten each other would wait for each other.
        let answer = packet.sealed.challenge.filter(|_| packet.unicast && peer.may_reply(now));
        let verdict = peer.weigh(packet.unicast, &packet.sealed, now);
        let challenge =
            (verdict == Err(Refusal::Challenged)).then(|| peer.challenge(now, &mut self.random)).flatten();
        if let Some(nonce) = answer {
            let reply = nonce_packet(CHALLENGE_REPLY, nonce);
            self.send(interface, address, reply);
        }
        if let Some(nonce) = challenge {
            self.send(interface, address, nonce_packet(CHALLENGE_REQUEST, &nonce));
        }
        verdict
    }

    /// Counts a packet that is about to leave, and says which MACs it needs; `None` where nothing is signed.
    pub(super) fn seal(&mut self, interface: InterfaceIndex, bytes: &mut Vec<u8>) -> Option<Seal> {
        let found = self.interfaces.get(&interface)?;
        let auth = &found.settings.as_ref()?.auth;
        let source = found.running.as_ref()?.source;
        if auth.mode == AuthMode::Off {
            return None;
        }
        let keys = auth.keys.iter().filter(|key| key.signs).map(|key| key.name.clone()).collect();
        let random = &mut self.random;
        let sender = self.authenticity.senders.entry(interface).or_insert_with(|| Sender::new(random));
        sender.advance(random);
        wire::count(bytes, &sender.index, sender.counter);
        Some(Seal { source, keys })
    }

    /// What was counted against a neighbour, and whether it has proved itself; `None` where nothing is checked.
    pub fn authentication_of(
        &self,
        interface: InterfaceIndex,
        address: Ipv6Addr,
    ) -> Option<(bool, AuthCounters)> {
        let auth = &self.interfaces.get(&interface)?.settings.as_ref()?.auth;
        (auth.mode != AuthMode::Off).then(|| {
            let peer = self.authenticity.peers.get(&(interface, address));
            peer.map_or((false, AuthCounters::default()), |peer| (peer.is_proved(), peer.counts))
        })
    }

    /// What was counted against all on this interface.
    pub(super) fn refused_on(&self, interface: InterfaceIndex) -> AuthCounters {
        self.authenticity.refused_on(interface)
    }

    /// What was counted against those on this interface who never had a right MAC.
    pub(super) fn strangers_of(&self, interface: InterfaceIndex) -> AuthCounters {
        let strangers = self.authenticity.strangers.get(&interface);
        strangers.map_or_else(AuthCounters::default, |strangers| strangers.counts)
    }
}

impl Authenticity {
    /// What was counted against all on an interface.
    fn refused_on(&self, interface: InterfaceIndex) -> AuthCounters {
        let strangers = self.strangers.get(&interface).map(|strangers| strangers.counts);
        let peers = self.peers.iter().filter(|((at, _), _)| *at == interface).map(|(_, peer)| peer.counts);
        let all = peers.map(|counts| counts.named());
        all.fold(strangers.unwrap_or_default(), |mut sum, counts| {
            for (sum, (_, count)) in sum.each_mut().into_iter().zip(counts) {
                *sum = sum.wrapping_add(count);
            }
            sum
        })
    }

    /// What can be said before a hash is computed: whether this packet is worth one.
    fn admit(&mut self, packet: &Judged<'_>) -> Result<(), Refusal> {
        if packet.sealed.macs.is_empty() {
            return Err(Refusal::BadMac);
        }
        let worth_it = match self.peers.get_mut(&packet.from) {
            Some(peer) => peer.admit(packet.unicast, &packet.sealed, packet.now)?,
            None => {
                let strangers = self.strangers.entry(packet.from.0).or_default();
                strangers.bucket.take(packet.now, STRANGERS)
            }
        };
        if worth_it { Ok(()) } else { Err(Refusal::Unchecked) }
    }

    /// Somebody with a right MAC: known from now on. `false` if there is no room.
    fn meet(
        &mut self,
        packet: &Judged<'_>,
        is_neighbour: impl Fn((InterfaceIndex, Ipv6Addr)) -> bool,
    ) -> bool {
        if let Some(peer) = self.peers.get_mut(&packet.from) {
            peer.heard(packet.now);
            return true;
        }
        if self.peers.len() >= BABEL_AUTH_PEERS {
            let gone = self.peers.iter().filter(|(from, _)| !is_neighbour(**from));
            let Some(oldest) = gone.min_by_key(|(_, peer)| peer.last_heard()).map(|(from, _)| *from) else {
                return false;
            };
            self.peers.remove(&oldest);
        }
        self.peers.insert(packet.from, Peer::new(packet.now));
        true
    }

    /// Where refusals of this sender are counted.
    fn counts(&mut self, from: (InterfaceIndex, Ipv6Addr)) -> &mut AuthCounters {
        match self.peers.get_mut(&from) {
            Some(peer) => &mut peer.counts,
            None => &mut self.strangers.entry(from.0).or_default().counts,
        }
    }

    /// What our packets of an interface are counted by: index and counter.
    #[cfg(test)]
    pub(super) fn sender(&self, interface: InterfaceIndex) -> Option<([u8; INDEX], u32)> {
        self.senders.get(&interface).map(|sender| (sender.index, sender.counter))
    }

    /// An interface is gone: its number may come again as another one.
    pub(super) fn forget(&mut self, interface: InterfaceIndex) {
        self.senders.remove(&interface);
        self.strangers.remove(&interface);
        self.peers.retain(|(at, _), _| *at != interface);
    }
}

impl Sender {
    fn new(random: &mut Random) -> Self {
        Self { index: random.u64().to_be_bytes(), counter: 0 }
    }

    /// RFC 8967 4.2: no pair of index and counter is used twice.
    fn advance(&mut self, random: &mut Random) {
        match self.counter.checked_add(1) {
            Some(next) => self.counter = next,
            None => *self = Self { counter: 1, ..Self::new(random) },
        }
    }
}

impl AuthCounters {
    /// Each with its word for programs (`docs/ubus.md`).
    pub const fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("bad_mac", self.bad_mac),
            ("replayed", self.replayed),
            ("no_counter", self.no_counter),
            ("challenged", self.challenged),
            ("unchecked", self.unchecked),
        ]
    }

    const fn each_mut(&mut self) -> [&mut u64; 5] {
        [
            &mut self.bad_mac,
            &mut self.replayed,
            &mut self.no_counter,
            &mut self.challenged,
            &mut self.unchecked,
        ]
    }

    fn add(&mut self, refusal: Refusal) {
        let [bad_mac, replayed, no_counter, challenged, unchecked] = self.each_mut();
        let count = match refusal {
            Refusal::BadMac => bad_mac,
            Refusal::Replayed => replayed,
            Refusal::NoCounter => no_counter,
            Refusal::Challenged => challenged,
            Refusal::Unchecked => unchecked,
        };
        *count = count.wrapping_add(1);
    }
}

impl Auth {
    /// Octets that this adds to each packet.
    pub(super) fn overhead(&self) -> usize {
        if self.mode == AuthMode::Off {
            return 0;
        }
        wire::overhead(self.keys.iter().filter(|key| key.signs).map(|key| key.algorithm))
    }
}
