//! Seqno requests that wait for their answer (RFC 8966 3.2.7, 3.8.2.1): repeated a few times, never
//! doubled, and remembered when they were passed on for somebody else.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::neighbour::NeighbourId;
use super::router_id::RouterId;
use super::seqno::SeqNo;
use super::wire::tlv::SeqnoRequest;
use crate::base::address::PrefixPair;
use crate::base::limit::BABEL_PENDING_REQUESTS;
use crate::base::time::{Instant, Span};

/// Whom a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Audience {
    /// All neighbours on all interfaces.
    All,
    /// One neighbour.
    One(NeighbourId),
}

/// A request that was sent and not answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) seqno: SeqNo,
    pub(super) hop_count: u8,
    pub(super) to: Audience,
    /// Somebody else asked: the answer is passed on at once.
    pub(super) forwarded: bool,
    /// We want it ourselves: it is repeated.
    own: bool,
    sent: Instant,
    pub(super) retry_at: Instant,
    wait: Span,
    /// How often it is still sent again.
    pub(super) left: u8,
}

/// What is to be done with a wish for a newer seqno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Send it.
    New,
    /// It has been sent already.
    Duplicate,
    /// There is no room to remember it, so it is not sent.
    Full,
}

/// All of them, by prefix and router-id (both: the answer for one origin is none for another).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Requests {
    entries: SortedMap<(PrefixPair, RouterId), Pending>,
}

impl Requests {
    /// Remembers a request before it is sent; `forwarded` is one of somebody else.
    pub(super) fn add(
        &mut self,
        now: Instant,
        request: &SeqnoRequest,
        to: Audience,
        forwarded: bool,
    ) -> Wish {
        let key = (request.prefix, request.router_id);
        let before = self.entries.get_mut(&key);
        let (mut own, mut passed_on) = (!forwarded, forwarded);
        if let Some(pending) = before {
            pending.forwarded |= forwarded;
            own |= pending.own;
            passed_on |= pending.forwarded;
            let wants_more = request.seqno.is_newer_than(pending.seqno);
            // Ours is repeated anyway. One of somebody else was repeated by its sender if it comes late.
            let running = pending.own || forwarded && now.since(pending.sent) < DUPLICATE;
            if !wants_more && running {
                return Wish::Duplicate;
            }
        } else if self.entries.len() >= BABEL_PENDING_REQUESTS {
            return Wish::Full;
        }
        let (wait, left) = if own { (FIRST_RETRY, RETRIES) } else { (FORWARDED_RETRY, FORWARDED_RETRIES) };
        let pending = Pending {
            seqno: request.seqno,
            hop_count: request.hop_count,
            to,
            forwarded: passed_on,
            own,
            sent: now,
            retry_at: now + wait,
            wait,
            left,
        };
        self.entries.insert(key, pending);
        Wish::New
    }

    pub(super) fn get(&self, prefix: PrefixPair, router_id: RouterId) -> Option<&Pending> {
        self.entries.get(&(prefix, router_id))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&(PrefixPair, RouterId), &Pending)> {
        self.entries.iter()
    }

    /// The time of an entry has come: the request to send again, or `None` and it is forgotten.
    ///
    /// One of somebody else is repeated too: on a way of six radios that each lose a packet in seven, five
    /// of eight requests would not arrive if only their sender repeated them.
    pub(super) fn retry(
        &mut self,
        now: Instant,
        prefix: PrefixPair,
        router_id: RouterId,
    ) -> Option<&Pending> {
        let pending = self.entries.get_mut(&(prefix, router_id))?;
        if pending.left == 0 {
            self.entries.remove(&(prefix, router_id));
            return None;
        }
        pending.left -= 1;
        pending.wait = pending.wait.scaled(2, 1);
        pending.retry_at = now + pending.wait;
        self.entries.get(&(prefix, router_id))
    }

    /// A route to `prefix` is now selected: which requests does that answer?
    pub(super) fn answered(
        &mut self,
        prefix: PrefixPair,
        router_id: RouterId,
        seqno: SeqNo,
    ) -> Vec<(RouterId, Pending)> {
        let answers =
            |wanted: RouterId, pending: &Pending| wanted != router_id || !pending.seqno.is_newer_than(seqno);
        let done: Vec<RouterId> = self
            .entries
            .range_from(&(prefix, RouterId([0; 8])))
            .take_while(|((of, _), _)| *of == prefix)
            .filter(|((_, wanted), pending)| answers(*wanted, pending))
            .map(|((_, wanted), _)| *wanted)
            .collect();
        done.into_iter()
            .filter_map(|wanted| self.entries.remove(&(prefix, wanted)).map(|pending| (wanted, pending)))
            .collect()
    }
}

/// RFC 8966 appendix B: a request is repeated after 2 s, then after twice as long, three times at most.
const FIRST_RETRY: Span = Span::from_secs(2);
const RETRIES: u8 = 3;
/// The same request of somebody else within this time is the same request on another way.
const DUPLICATE: Span = Span::from_secs(1);
/// A request that was passed on is repeated after 1 and 3 s, and remembered for 7 s in all, so that its
/// answer is passed on at once.
const FORWARDED_RETRY: Span = Span::from_secs(1);
const FORWARDED_RETRIES: u8 = 2;
/// RFC 8966 3.8.2.1: how far a request of ours may go.
pub(super) const HOP_COUNT: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Prefix;

    fn request(router_id: u8, seqno: u16) -> SeqnoRequest {
        SeqnoRequest {
            prefix: "fd00::/64".parse().unwrap(),
            router_id: RouterId([router_id; 8]),
            seqno: SeqNo(seqno),
            hop_count: 64,
        }
    }

    #[test]
    fn a_request_is_not_doubled_unless_it_wants_more_or_another_origin() {
        let mut requests = Requests::default();
        let mut add =
            |router_id, seqno| requests.add(Instant::ZERO, &request(router_id, seqno), Audience::All, false);
        assert_eq!(add(1, 5), Wish::New);
        assert_eq!(add(1, 5), Wish::Duplicate);
        assert_eq!(add(1, 4), Wish::Duplicate);
        assert_eq!(add(1, 6), Wish::New);
        assert_eq!(add(2, 5), Wish::New);
    }

    #[test]
    fn a_request_is_repeated_three_times_and_then_given_up() {
        let mut requests = Requests::default();
        let request = request(1, 5);
        requests.add(Instant::ZERO, &request, Audience::All, false);
        let mut times = Vec::new();
        let mut now = Instant::from_millis(2_000);
        while let Some(pending) = requests.retry(now, request.prefix, request.router_id) {
            times.push(now.as_millis());
            now = pending.retry_at;
        }
        assert_eq!(times, [2_000, 6_000, 14_000]);
        assert_eq!(requests, Requests::default());
    }

    #[test]
    fn a_request_of_somebody_else_is_repeated_twice_and_soon() {
        let mut requests = Requests::default();
        let request = request(1, 5);
        requests.add(Instant::ZERO, &request, Audience::All, true);
        let mut times = Vec::new();
        let mut now = Instant::from_millis(1_000);
        while let Some(pending) = requests.retry(now, request.prefix, request.router_id) {
            times.push(now.as_millis());
            now = pending.retry_at;
        }
        assert_eq!((times, now.as_millis()), (vec![1_000, 3_000], 7_000));
    }

    #[test]
    fn another_origin_or_a_seqno_that_is_new_enough_is_an_answer() {
        let mut requests = Requests::default();
        let one = request(1, 5);
        requests.add(Instant::ZERO, &one, Audience::All, true);
        assert!(requests.answered(one.prefix, one.router_id, SeqNo(4)).is_empty());
        assert_eq!(requests.answered(one.prefix, one.router_id, SeqNo(5)).len(), 1);
        requests.add(Instant::ZERO, &one, Audience::All, true);
        assert_eq!(requests.answered(one.prefix, RouterId([9; 8]), SeqNo(0)).len(), 1);
    }

    #[test]
    fn a_full_table_remembers_no_more() {
        let mut requests = Requests::default();
        let mut request = request(1, 5);
        for number in 0..u32::try_from(BABEL_PENDING_REQUESTS).unwrap() {
            request.prefix = Prefix::host(std::net::Ipv4Addr::from(0x0a00_0000 + number).into()).into();
            assert_eq!(requests.add(Instant::ZERO, &request, Audience::All, false), Wish::New);
        }
        request.prefix = PrefixPair::DEFAULT_V4;
        assert_eq!(requests.add(Instant::ZERO, &request, Audience::All, false), Wish::Full);
    }
}
