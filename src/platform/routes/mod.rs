//! The kernel's routes of ours: protocol 42 (Babel) in one table, at one priority that is ours alone.
//!
//! [`RouteTable::apply`] only notes what should be (the mirror); [`RouteTable::next`] brings the kernel
//! there, batch after batch, and keeps it there: when somebody deletes or replaces a route of ours,
//! when an interface goes down and takes its routes along, when events were lost. So a route that was
//! once asked for is in the kernel until the engine says otherwise, or the engine hears why it is not.
//!
//! Routes that an earlier run of the daemon left are kept as stale and swept after a while, so that a
//! restart does not interrupt anybody. What is not protocol 42 in our table at our priority is never
//! touched: the kernel's "replace" would take over another program's route at the same place, so that
//! such a place is refused here.

mod mirror;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::mirror::{Found, Mirror, Outcome, What};
use super::netlink::filter::Unheard;
use super::netlink::link::LinkEntry;
use super::netlink::message::{Batch, Message, Refusal};
use super::netlink::route::{PROTOCOL_BABEL, Place, RouteEntry, dump_head, dump_table, put};
use super::netlink::socket::{Answers, NetlinkError, NetlinkSocket, Protocol};
use crate::babel::output::{RouteAction, RouteChange};
use crate::base::address::{InterfaceIndex, Prefix, PrefixPair};
use crate::base::limit;
use crate::base::time::Span;

/// Where our routes are, and how long those of an earlier run are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteSettings {
    /// The kernel's table.
    pub table: u32,
    /// The priority ("metric" of `ip route`) that only we use in that table; at least 1.
    pub priority: u32,
    /// How long routes of an earlier run stay without being confirmed.
    pub stale_for: Span,
}

/// A route that is not in the kernel although it should be, or still is although it should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFailure {
    /// Which.
    pub prefix: PrefixPair,
    /// Why, in the kernel's words.
    pub why: String,
}

/// Something that happened to our routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteEvent {
    /// These could not be done. Each is said once, and is tried again every 10 s until it succeeds
    /// or is not wanted any more.
    Failed(Vec<RouteFailure>),
    /// So many routes were not as they should be (somebody else changed them) and are being put right.
    Repaired(usize),
    /// So many routes of an earlier run were not confirmed in time and are being removed.
    Swept(usize),
    /// The kernel cannot route by source (it was built without `CONFIG_IPV6_SUBTREES`). Said once, as a rule
    /// at the start; such routes are not sent to it any more.
    NoSubtrees,
}

/// Our routes in the kernel.
#[derive(Debug)]
pub struct RouteTable {
    place: Place,
    requests: NetlinkSocket,
    own_port: u32,
    events: NetlinkSocket,
    mirror: Mirror,
    /// What an earlier run left, until it is taken.
    left: Vec<RouteChange>,
    /// When the stale routes go.
    sweep_at: Option<Instant>,
    /// When the refused routes are tried again.
    retry_at: Option<Instant>,
    /// When the kernel's table is read again.
    read_at: Option<Instant>,
    /// What is to be told; a few values, made and taken by `next`.
    ready: Vec<RouteEvent>,
}

impl RouteTable {
    /// Opens the sockets, and takes note of the routes that an earlier run left.
    ///
    /// Cancel safe: nothing is changed yet.
    pub async fn open(settings: RouteSettings) -> Result<Self, RouteError> {
        if settings.table == 0 || settings.priority == 0 {
            return Err(RouteError::NoPlace);
        }
        let groups = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_ROUTE, libc::RTNLGRP_IPV6_ROUTE];
        let events = NetlinkSocket::open(Protocol::Route, &groups)?;
        events.set_receive_buffer(limit::NETLINK_EVENT_BUFFER)?;
        let requests = NetlinkSocket::open(Protocol::Route, &[])?;
        events.leave_out(Unheard::Port(requests.port()));
        let mut table = Self {
            place: Place { table: settings.table, priority: settings.priority },
            own_port: requests.port(),
            requests,
            events,
            mirror: Mirror::default(),
            left: Vec::new(),
            sweep_at: None,
            retry_at: None,
            read_at: None,
            ready: Vec::new(),
        };
        for found in table.read_kernel().await? {
            if let What::Own(Some(action)) = found.what {
                table.left.push(RouteChange { prefix: found.prefix, action });
            }
            table.mirror.found_at_start(found);
        }
        table.ask_for_subtrees().await;
        if table.mirror.has_stale() {
            table.sweep_at = Some(Instant::now() + Duration::from_micros(settings.stale_for.as_micros()));
        }
        Ok(table)
    }

    /// The routes of ours that an earlier run left in the kernel; once.
    pub fn take_left(&mut self) -> Vec<RouteChange> {
        std::mem::take(&mut self.left)
    }

    /// Notes what the kernel shall do from now on; [`Self::next`] does it, in this order.
    pub fn apply(&mut self, changes: Vec<RouteChange>) {
        let failures: Vec<RouteFailure> =
            changes.into_iter().filter_map(|change| self.mirror.want(change)).collect();
        if !failures.is_empty() {
            self.ready.push(RouteEvent::Failed(failures));
        }
    }

    /// Works until there is something to tell: sends what waits, listens for what others do, sweeps
    /// and tries again when it is time.
    ///
    /// Cancel safe: what was not acknowledged when the future was dropped is sent again by the next
    /// call; each message says the whole of what a route should be, so twice is the same as once.
    pub async fn next(&mut self) -> RouteEvent {
        loop {
            if !self.ready.is_empty() {
                return self.ready.remove(0);
            }
            self.work().await;
        }
    }

    /// Brings the kernel to what was asked for last, without routes of an earlier run; gives up after a while.
    pub async fn leave(&mut self) {
        self.mirror.sweep();
        let work = async {
            while !self.mirror.is_settled() {
                self.work().await;
            }
        };
        if tokio::time::timeout(LEAVE_TIMEOUT, work).await.is_err() {
            log::warn!("not all routes could be taken from the kernel in {} s", LEAVE_TIMEOUT.as_secs());
        }
    }

    /// Whether everything that was asked for has been sent and answered.
    pub fn is_settled(&self) -> bool {
        self.mirror.is_settled() && self.ready.is_empty() && self.read_at.is_none()
    }

    /// Routes that should be in the kernel now.
    pub fn wanted(&self) -> usize {
        self.mirror.wanted()
    }

    async fn work(&mut self) {
        let now = Instant::now();
        if self.read_at.is_some_and(|at| at <= now) {
            return self.read_again().await;
        }
        if !self.mirror.is_settled() {
            self.take_pending_events();
            self.send_batch().await;
            // Ten thousand routes are 157 batches: others have their turn in between.
            return tokio::task::yield_now().await;
        }
        let wake = [self.sweep_at, self.retry_at, self.read_at].into_iter().flatten().min();
        tokio::select! {
            received = self.events.receive() => match received {
                Ok(messages) => {
                    messages.for_each(|message| take_event(&mut self.mirror, self.place, self.own_port, &message));
                }
                Err(_overrun) => drop(self.read_at.get_or_insert(now + READ_PAUSE)),
            },
            () = sleep_until(wake.unwrap_or(now)), if wake.is_some() => self.take_time(Instant::now()),
        }
        self.tell_repairs();
    }

    /// Reads the events that are here, so that those of our own batches do not overrun the buffer.
    fn take_pending_events(&mut self) {
        for _ in 0..2 * limit::NETLINK_BATCH {
            match self.events.pending() {
                Ok(Some(messages)) => {
                    messages.for_each(|message| {
                        take_event(&mut self.mirror, self.place, self.own_port, &message)
                    });
                }
                Ok(None) => break,
                Err(_overrun) => drop(self.read_at.get_or_insert(Instant::now() + READ_PAUSE)),
            }
        }
        self.tell_repairs();
    }

    fn tell_repairs(&mut self) {
        let repairs = self.mirror.take_repairs();
        if repairs > 0 {
            self.ready.push(RouteEvent::Repaired(repairs));
        }
    }

    fn take_time(&mut self, now: Instant) {
        if self.sweep_at.is_some_and(|at| at <= now) {
            self.sweep_at = None;
            let swept = self.mirror.sweep();
            if swept > 0 {
                self.ready.push(RouteEvent::Swept(swept));
            }
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.mirror.retry();
        }
    }

    /// Sends the first routes that wait, and notes the answers.
    async fn send_batch(&mut self) {
        let waiting = self.mirror.next_batch();
        let mut batch = Batch::new();
        let mut sequences = Vec::with_capacity(waiting.len());
        for (prefix, action) in &waiting {
            let is_taken = *action != RouteAction::Remove && self.mirror.is_foreign(prefix);
            let is_moot = self.mirror.is_moot(prefix, *action);
            let sequence = (!is_taken && !is_moot).then(|| self.requests.next_sequence());
            if let Some(sequence) = sequence {
                put(&mut batch, sequence, self.place, *prefix, *action);
            }
            sequences.push(sequence);
        }
        batch.acknowledge_last();
        let answers = match batch.is_empty() {
            true => Ok(Answers::default()),
            false => self.requests.exchange(&batch, ANSWER_TIMEOUT, |_| {}).await,
        };
        // No await from here on: a batch is either noted as a whole or sent again as a whole.
        let outcomes = waiting
            .into_iter()
            .zip(sequences)
            .map(|((prefix, action), sequence)| (prefix, outcome(&answers, &prefix, action, sequence)));
        let failures = self.mirror.batch_done(outcomes.collect());
        if !failures.is_empty() {
            self.ready.push(RouteEvent::Failed(failures));
        }
        self.tell_no_subtrees();
        if self.mirror.has_troubled() && self.retry_at.is_none() {
            self.retry_at = Some(Instant::now() + RETRY_AFTER);
        }
    }

    fn tell_no_subtrees(&mut self) {
        if self.mirror.take_no_subtrees() {
            self.ready.push(RouteEvent::NoSubtrees);
        }
    }

    /// Asks for a route by source that no kernel makes, because there is no such device: a kernel without
    /// subtrees refuses the source before it looks for the device.
    async fn ask_for_subtrees(&mut self) {
        let nowhere = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let Some(prefix) = PrefixPair::new(Prefix::DEFAULT_V6, Prefix::host(nowhere)) else { return };
        let action = RouteAction::Install { next_hop: nowhere, interface: NO_DEVICE };
        let sequence = self.requests.next_sequence();
        let mut batch = Batch::new();
        put(&mut batch, sequence, self.place, prefix, action);
        batch.acknowledge_last();
        let answers = self.requests.exchange(&batch, ANSWER_TIMEOUT, |_| {}).await;
        if outcome(&answers, &prefix, action, Some(sequence)) == Outcome::NoSubtrees {
            self.mirror.give_up_subtrees();
        }
        self.tell_no_subtrees();
    }

    /// Compares what should be with what the kernel has; if it cannot be read, again in a while.
    async fn read_again(&mut self) {
        match self.read_kernel().await {
            Ok(found) => {
                self.read_at = None;
                self.mirror.kernel_has(found);
                self.tell_repairs();
            }
            Err(error) => {
                log::warn!(
                    "the kernel's routes cannot be read, next try in {} s: {error}",
                    RETRY_AFTER.as_secs()
                );
                self.read_at = Some(Instant::now() + RETRY_AFTER);
            }
        }
    }

    /// Everything at our place, of both families.
    async fn read_kernel(&mut self) -> Result<Vec<Found>, NetlinkError> {
        let place = self.place;
        let mut all = Vec::new();
        for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
            let head = dump_head(family, place.table);
            let table = |batch: &mut Batch| dump_table(batch, place.table);
            let parse = |message: Message<'_>| found(&message, place);
            match self.requests.dump(libc::RTM_GETROUTE, &head, table, ANSWER_TIMEOUT, parse).await {
                Ok(found) => all.extend(found),
                // A table is made by its first route.
                Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::ENOENT => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

/// What the answers say about one message of the batch; one without a number was not sent.
fn outcome(
    answers: &Result<Answers, NetlinkError>,
    prefix: &PrefixPair,
    action: RouteAction,
    sequence: Option<u32>,
) -> Outcome {
    let Some(sequence) = sequence else {
        if action == RouteAction::Remove {
            return Outcome::Done;
        }
        return Outcome::Refused("another program has a route here, in our table at our priority".to_owned());
    };
    let answers = match answers {
        Ok(answers) => answers,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    match answers.refused.iter().find(|refusal| refusal.sequence == sequence) {
        // The acknowledgement of the last message speaks for all.
        None if !answers.unanswered.is_empty() => Outcome::Unknown,
        None => Outcome::Done,
        // What is to be removed is not there (any more), nor its table.
        Some(refusal)
            if action == RouteAction::Remove && matches!(refusal.errno, libc::ESRCH | libc::ENOENT) =>
        {
            Outcome::Done
        }
        Some(refusal) if prefix.source().is_some() && says_no_subtrees(refusal) => Outcome::NoSubtrees,
        Some(refusal) => Outcome::Refused(NetlinkError::Refused(refusal.clone()).to_string()),
    }
}

/// "Specifying source address requires IPV6_SUBTREES to be enabled"; older kernels say nothing but "invalid".
fn says_no_subtrees(refusal: &Refusal) -> bool {
    let text = refusal.text.as_deref();
    refusal.errno == libc::EINVAL && text.is_none_or(|text| text.contains("IPV6_SUBTREES"))
}

/// The route in `message`, if it is at our place.
fn found(message: &Message<'_>, place: Place) -> Option<Found> {
    let entry = RouteEntry::parse(message)?;
    let is_at_our_place = entry.table == place.table && entry.priority == place.priority;
    if !is_at_our_place {
        return None;
    }
    let what = if entry.protocol == PROTOCOL_BABEL { What::Own(entry.action()) } else { What::Foreign };
    Some(Found { prefix: entry.prefix, what })
}

/// Notes one event. What our own requests caused carries their socket's number and is no news.
fn take_event(mirror: &mut Mirror, place: Place, own_port: u32, message: &Message<'_>) {
    match message.header.kind {
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE if message.header.port == own_port => {}
        libc::RTM_NEWROUTE => {
            if let Some(found) = found(message, place) {
                mirror.somebody_made(found);
            }
        }
        libc::RTM_DELROUTE => {
            if let Some(found) = found(message, place) {
                mirror.somebody_removed(found);
            }
        }
        libc::RTM_NEWLINK => {
            if let Some(link) = LinkEntry::parse(message) {
                mirror.interface(link.index, link.is_admin_up);
            }
        }
        libc::RTM_DELLINK => {
            if let Some(link) = LinkEntry::parse(message) {
                mirror.interface_gone(link.index);
            }
        }
        _ => {}
    }
}

/// Why our routes cannot be looked after at all.
#[derive(Debug)]
pub enum RouteError {
    /// Table 0 means "main", and priority 0 means "1024" to IPv6 and "0" to IPv4: what the kernel would
    /// have is not what was said.
    NoPlace,
    /// The sockets do not open, or the table cannot be read.
    Netlink(NetlinkError),
}

impl From<NetlinkError> for RouteError {
    fn from(error: NetlinkError) -> Self {
        Self::Netlink(error)
    }
}

impl std::fmt::Display for RouteError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoPlace => {
                formatter.write_str("the table and the priority of kernel routes must be at least 1")
            }
            Self::Netlink(error) => write!(formatter, "kernel routes cannot be looked after: {error}"),
        }
    }
}

impl std::error::Error for RouteError {}

/// The kernel counts devices from 1 on.
const NO_DEVICE: InterfaceIndex = InterfaceIndex(i32::MAX as u32);
/// The kernel answers inside the send call; this is for answers that never come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// 10,000 routes take a slow router 2 s; procd kills after 10.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before what was refused is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// Pause before the table is read again after an overrun: whoever causes it is seldom done at once.
const READ_PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::Messages;

    #[test]
    fn only_a_source_can_fail_for_want_of_subtrees() {
        let text = "Specifying source address requires IPV6_SUBTREES to be enabled";
        let install =
            RouteAction::Install { next_hop: "fe80::1".parse().unwrap(), interface: InterfaceIndex(1) };
        for (prefix, text, no_subtrees) in [
            ("::/0 from 2001:db8::/32", Some(text), true),
            ("::/0 from 2001:db8::/32", None, true),
            ("::/0 from 2001:db8::/32", Some("Invalid gateway address"), false),
            ("::/0", Some(text), false),
        ] {
            let refusal = Refusal { sequence: 3, errno: libc::EINVAL, text: text.map(str::to_owned) };
            let answers = Ok(Answers { refused: vec![refusal], ..Answers::default() });
            let outcome = outcome(&answers, &prefix.parse().unwrap(), install, Some(3));
            assert_eq!(outcome == Outcome::NoSubtrees, no_subtrees, "{prefix} {text:?}: {outcome:?}");
        }
    }

    #[test]
    fn what_we_did_ourselves_and_what_is_elsewhere_is_no_news() {
        let ours = Place { table: 1042, priority: 500 };
        let prefix: PrefixPair = "10.1.0.0/24".parse().unwrap();
        for (place, port, expected) in [
            (ours, 7, 0),
            (ours, 8, 1),
            (Place { table: 1043, ..ours }, 8, 0),
            (Place { priority: 499, ..ours }, 8, 0),
        ] {
            let mut mirror = Mirror::default();
            let mut batch = Batch::new();
            put(&mut batch, 1, place, prefix, RouteAction::Unreachable);
            let mut message = Messages::new(batch.bytes()).next().unwrap();
            message.header.port = port;
            take_event(&mut mirror, ours, 7, &message);
            assert_eq!(mirror.take_repairs(), expected, "{place:?} {port}");
        }
    }
}
