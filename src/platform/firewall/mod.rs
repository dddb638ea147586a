//! The firewall of the hotspot: a table of our own beside fw4, written once as text ([`base`]) and
//! kept by netlink batches of set elements.
//!
//! [`Firewall`] holds no state of its own. What the kernel has is read before each batch, so leases
//! that ended, a table that was loaded anew and a daemon that was started again need no special care.
//!
//! Works from kernel 5.15 on (`DESTROYSETELEM`, which removes an element that may be absent, came with
//! 6.3 and is not used): what is removed was read first, and should it expire in between, the batch is
//! refused as a whole and made again.

pub mod base;
mod elements;
mod flow_tables;
mod plan;

use std::time::Duration;

use crate::base::limit;
use crate::base::sorted::{LargeMap, SortedMap};
use crate::hotspot::output::{AdmittedGuest, ClientId, GuestChange, UsageSample};
use crate::platform::netlink::message::{ACK, Batch, CREATE, Message, Refusal};
use crate::platform::netlink::socket::{NetlinkError, NetlinkSocket, Protocol};

use elements::{Counter, Key, Set, Value};
pub(in crate::platform) use elements::{DSCP_BITS, FIRST_BIT};
pub use elements::{client_of, mark};
use plan::{Known, Place, Step};

/// The guests that the kernel lets through.
#[derive(Debug)]
pub struct Firewall {
    socket: NetlinkSocket,
}

/// Why guests could not be changed or read. Nothing was changed then, but for [`FirewallError::Netlink`]
/// after which it is not known.
#[derive(Debug)]
pub enum FirewallError {
    /// The base table, or one of its sets, is not there.
    MissingTable,
    /// A client's number is 0 or takes more than 16 bits.
    BadClient {
        /// Index of the change.
        change: usize,
        /// The number.
        client: ClientId,
    },
    /// The kernel refused what a change wants, and with it all changes.
    Refused {
        /// Index of the change.
        change: usize,
        /// Why.
        refusal: Refusal,
    },
    /// The kernel could not be asked, or did not answer.
    Netlink(NetlinkError),
}

impl Firewall {
    /// Opens the socket. The base table may be loaded later.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open() -> Result<Self, FirewallError> {
        Ok(Self { socket: NetlinkSocket::open(Protocol::Netfilter, &[])? })
    }

    /// Makes all `changes` true, in their order, or none: one batch.
    ///
    /// A dropped future has made all or none; doing it again does no harm.
    pub async fn apply(&mut self, changes: &[GuestChange]) -> Result<(), FirewallError> {
        check_clients(changes)?;
        let mut tries = limit::FIREWALL_TRIES;
        loop {
            tries -= 1;
            let known = self.read(changes).await?;
            let steps = plan::steps(changes, &known);
            match self.carry_out(&steps).await? {
                None => return Ok(()),
                Some((step, refusal)) => match refusal.errno {
                    // An element can only be added to a set that is there.
                    libc::ENOENT if !step.remove => return Err(FirewallError::MissingTable),
                    // An element expired, or somebody else wrote, after it was read.
                    libc::ENOENT | libc::EEXIST if tries > 0 => {}
                    _ => return Err(FirewallError::Refused { change: step.change, refusal }),
                },
            }
        }
    }

    /// What each client has sent and got, by client.
    pub async fn samples(&mut self) -> Result<Vec<UsageSample>, FirewallError> {
        let up = self.dump(Set::Up).await?;
        let down = self.dump(Set::Down).await?;
        let mut samples = SortedMap::new();
        for (key, value) in &up {
            let counter = value.counter.unwrap_or_default();
            if let Some(sample) = sample_of(&mut samples, *key) {
                (sample.up_bytes, sample.up_packets) = (counter.bytes, counter.packets);
            }
        }
        for (key, value) in &down {
            let Counter { bytes, packets } = value.counter.unwrap_or_default();
            if let Some(sample) = sample_of(&mut samples, *key) {
                (sample.down_bytes, sample.down_packets) = (bytes, packets);
            }
        }
        Ok(samples.into_values().collect())
    }

    /// The devices that the kernel lets through, by MAC address.
    pub async fn admitted(&mut self) -> Result<Vec<AdmittedGuest>, FirewallError> {
        let mut guests: Vec<AdmittedGuest> = Vec::new();
        for (key, value) in self.dump(Set::Cid).await? {
            if let (Key::Mac(mac), Some(mark)) = (key, value.mark) {
                guests.push(AdmittedGuest { mac, client: client_of(mark), remaining: value.remaining });
            }
        }
        guests.sort_unstable_by_key(|guest| guest.mac);
        Ok(guests)
    }

    /// Reads what the kernel holds of everything that the changes touch.
    /// Flow tables that rules use, as `table name`: packets in them pass by every rule.
    pub async fn flow_tables(&mut self) -> Result<Vec<String>, FirewallError> {
        let read = |message: Message<'_>| flow_tables::read_used(&message, elements::INET_HEAD.len());
        let kind = flow_tables::GET_FLOW_TABLE;
        Ok(self.socket.dump(kind, &elements::INET_HEAD, |_| {}, ANSWER_TIME, read).await?)
    }

    async fn read(&mut self, changes: &[GuestChange]) -> Result<Known, FirewallError> {
        let mut known = Known::new();
        let mut asked_table = false;
        loop {
            let places = plan::unknown(changes, &known);
            if places.is_empty() {
                return Ok(known);
            }
            if places.len() <= limit::FIREWALL_SINGLE_READS {
                for some in places.chunks(limit::FIREWALL_READS_PER_DATAGRAM) {
                    self.read_places(some, !asked_table, &mut known).await?;
                    asked_table = true;
                }
                continue;
            }
            let mut held: LargeMap<Place, Value> = SortedMap::new();
            for set in Set::ALL {
                held.extend(self.dump(set).await?.into_iter().map(|(key, value)| ((set, key), value)));
            }
            known.extend(places.into_iter().map(|place| (place, held.get(&place).copied())));
            // A dump of a missing table is an error, so it is there.
            asked_table = true;
        }
    }

    async fn read_places(
        &mut self,
        places: &[Place],
        with_table: bool,
        known: &mut Known,
    ) -> Result<(), FirewallError> {
        let mut batch = Batch::new();
        let mut asked: SortedMap<_, _> = SortedMap::new();
        let table = self.socket.next_sequence();
        if with_table {
            elements::ask_table(&mut batch, ACK, table);
        }
        for (set, key) in places {
            let sequence = self.socket.next_sequence();
            elements::ask(&mut batch, ACK, sequence, *set, *key);
            asked.insert(sequence, (*set, *key));
        }
        let mut found: SortedMap<_, _> = SortedMap::new();
        let answers = self
            .socket
            .exchange(&batch, ANSWER_TIME, |message| {
                if let Some(place) = asked.get(&message.header.sequence) {
                    found.extend(elements::read(&message).into_iter().map(|(_, value)| (*place, value)));
                }
            })
            .await?;
        for refusal in answers.refused {
            // An element that is not there, unless it is the table that is asked for first.
            match refusal.errno {
                libc::ENOENT if refusal.sequence == table => return Err(FirewallError::MissingTable),
                libc::ENOENT => {}
                _ => return Err(FirewallError::Netlink(NetlinkError::Refused(refusal))),
            }
        }
        if !answers.unanswered.is_empty() {
            return Err(FirewallError::Netlink(NetlinkError::TimedOut));
        }
        known.extend(places.iter().map(|place| (*place, found.get(place).copied())));
        Ok(())
    }

    /// Sends the steps as one batch: `None` if all was done, else the step that was refused, and why.
    ///
    /// Only the last message asks for an acknowledgement. The kernel answers refused messages anyway,
    /// and before that acknowledgement: a thousand guests need one answer, not six thousand, and the
    /// first "no" that is heard is the first one there was.
    async fn carry_out(&mut self, steps: &[Step]) -> Result<Option<(Step, Refusal)>, FirewallError> {
        let Some(last) = steps.last() else { return Ok(None) };
        let mut batch = Batch::new();
        let mut owners: SortedMap<u32, Step> = SortedMap::new();
        elements::begin(&mut batch, self.socket.next_sequence());
        for step in steps {
            let (set, key) = step.place;
            let flags = |ends| if std::ptr::eq(step, last) && ends { ACK } else { 0 };
            if step.remove {
                let sequence = self.socket.next_sequence();
                owners.insert(sequence, Step { add: None, ..*step });
                elements::remove(&mut batch, flags(step.add.is_none()), sequence, set, key);
            }
            if let Some(value) = &step.add {
                let sequence = self.socket.next_sequence();
                owners.insert(sequence, Step { remove: false, ..*step });
                elements::add(&mut batch, CREATE | flags(true), sequence, set, key, value);
            }
        }
        elements::end(&mut batch, self.socket.next_sequence());
        // The kernel takes no datagram longer than the send buffer.
        self.socket.set_send_buffer(batch.bytes().len().max(limit::NETLINK_DATAGRAM_BYTES))?;
        let answers = self.socket.exchange(&batch, ANSWER_TIME, |_| {}).await?;
        match answers.refused.into_iter().next() {
            Some(refusal) => match owners.get(&refusal.sequence) {
                Some(step) => Ok(Some((*step, refusal))),
                None => Err(FirewallError::Netlink(NetlinkError::Refused(refusal))),
            },
            None if answers.unanswered.is_empty() => Ok(None),
            None => Err(FirewallError::Netlink(NetlinkError::TimedOut)),
        }
    }

    async fn dump(&mut self, set: Set) -> Result<Vec<(Key, Value)>, FirewallError> {
        let lists = self
            .socket
            .dump(
                elements::GET_SET_ELEMENT,
                &elements::INET_HEAD,
                |batch| elements::name_set(batch, set),
                ANSWER_TIME,
                |message| Some(elements::read(&message)),
            )
            .await;
        match lists {
            Ok(lists) => Ok(lists.into_iter().flatten().collect()),
            Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::ENOENT => {
                Err(FirewallError::MissingTable)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The kernel answers inside the call that asks; this is for an answer that was lost.
const ANSWER_TIME: Duration = Duration::from_secs(5);

fn check_clients(changes: &[GuestChange]) -> Result<(), FirewallError> {
    for (change, wanted) in changes.iter().enumerate() {
        let (GuestChange::Admit { client, .. } | GuestChange::Dismiss { client, .. }) = wanted else {
            continue;
        };
        if client.0 == 0 || client_of(client.0) != *client {
            return Err(FirewallError::BadClient { change, client: *client });
        }
    }
    Ok(())
}

fn sample_of(samples: &mut SortedMap<u32, UsageSample>, key: Key) -> Option<&mut UsageSample> {
    let Key::Mark(client) = key else { return None };
    Some(samples.entry(client).or_insert(UsageSample {
        client: ClientId(client),
        up_bytes: 0,
        up_packets: 0,
        down_bytes: 0,
        down_packets: 0,
    }))
}

impl From<NetlinkError> for FirewallError {
    fn from(error: NetlinkError) -> Self {
        Self::Netlink(error)
    }
}

impl std::fmt::Display for FirewallError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingTable => write!(
                formatter,
                "the base table is missing or of another version: load it with `tequio firewall | nft -f -`"
            ),
            Self::BadClient { client, .. } => {
                write!(formatter, "{} is no number of a client (1 to 65,535)", client.0)
            }
            Self::Refused { change, refusal } => {
                write!(formatter, "the kernel refused change {change} of the guests: {refusal}")
            }
            Self::Netlink(error) => write!(formatter, "the guests' sets could not be reached: {error}"),
        }
    }
}

impl std::error::Error for FirewallError {}
