//! From what shall change and what the kernel holds to the elements to remove and to add: no IO.
//!
//! An element is never changed in place: kernels before 6.18 keep the old timeout when an element is
//! added again. It is removed and added in one batch, its counter read first and written back.
//!
//! Renewing a lease replaces the device's two elements (in `cid` and `leases`), which count nothing.
//! The client's counters and limits open nothing by themselves; they live a day longer than the lease
//! and are replaced when half of that is gone, so hardly any packet slips between reading a counter and
//! writing it back.

use std::net::IpAddr;

use crate::base::sorted::{LargeMap, SortedMap};

use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::hotspot::output::{ClientId, Gate, GuestChange};

use super::elements::{Key, Limit, Set, Value, client_of, mark};

/// The name of one element.
pub(super) type Place = (Set, Key);

/// What the kernel was read to hold. `None`: was asked for, and is not there.
pub(super) type Known = LargeMap<Place, Option<Value>>;

/// One element to replace, to add or to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Which element.
    pub(super) place: Place,
    /// Whether the one that is there must be removed.
    pub(super) remove: bool,
    /// What is added then.
    pub(super) add: Option<Value>,
    /// Index of the last change that wants this.
    pub(super) change: usize,
}

/// The elements that must be known before [`steps`] can be made, and are not yet.
pub(super) fn unknown(changes: &[GuestChange], known: &Known) -> Vec<Place> {
    let mut places = Vec::new();
    for change in changes {
        let (mac, client) = match change {
            GuestChange::Admit { mac, client, .. } | GuestChange::Dismiss { mac, client, .. } => {
                (*mac, *client)
            }
            GuestChange::Hold { gate, .. } | GuestChange::Release { gate } => {
                places.push(place(*gate));
                continue;
            }
        };
        places.extend([(Set::Cid, Key::Mac(mac)), (Set::Leases, Key::Mark(mark(client, mac)))]);
        places.extend(PER_CLIENT.map(|set| (set, Key::from(client))));
        // A device that moves to another voucher leaves its old mark behind.
        if let Some(Some(Value { mark: Some(old), .. })) = known.get(&(Set::Cid, Key::Mac(mac))) {
            places.push((Set::Leases, Key::Mark(*old)));
        }
    }
    places.retain(|place| !known.contains_key(place));
    places.sort_unstable();
    places.dedup();
    places
}

/// What must be done so that all `changes` are true, in their order. `known` holds everything that
/// [`unknown`] asks for.
pub(super) fn steps(changes: &[GuestChange], known: &Known) -> Vec<Step> {
    let mut draft = Draft { known, wanted: SortedMap::new(), change: 0 };
    for (index, change) in changes.iter().enumerate() {
        draft.change = index;
        match *change {
            GuestChange::Admit { mac, client, lease, rate_down_kbps, rate_up_kbps } => {
                draft.lease(mac, client, lease);
                draft.counter(Set::Up, client, lease);
                draft.counter(Set::Down, client, lease);
                draft.limit(Set::LimitUp, client, lease, Limit::from_kbps(rate_up_kbps));
                draft.limit(Set::LimitDown, client, lease, Limit::from_kbps(rate_down_kbps));
            }
            GuestChange::Dismiss { mac, client, last } => {
                draft.dismiss(mac, client);
                if last {
                    PER_CLIENT.iter().for_each(|set| draft.set((*set, client.into()), None));
                }
            }
            GuestChange::Hold { gate, lease } => {
                draft.set(place(gate), Some(Value { remaining: lease, ..Value::default() }));
            }
            GuestChange::Release { gate } => draft.set(place(gate), None),
        }
    }
    let steps = draft.wanted.into_iter().map(|(place, (change, add))| Step {
        place,
        remove: matches!(known.get(&place), Some(Some(_))),
        add,
        change,
    });
    steps.filter(|step| step.remove || step.add.is_some()).collect()
}

/// The state that the changes so far lead to.
struct Draft<'a> {
    known: &'a Known,
    wanted: SortedMap<Place, (usize, Option<Value>)>,
    change: usize,
}

impl Draft<'_> {
    fn now(&self, place: Place) -> Option<Value> {
        match self.wanted.get(&place) {
            Some((_, value)) => *value,
            None => self.known.get(&place).copied().flatten(),
        }
    }

    fn set(&mut self, place: Place, value: Option<Value>) {
        self.wanted.insert(place, (self.change, value));
    }

    fn lease(&mut self, mac: MacAddress, client: ClientId, lease: Span) {
        let (device, mark) = (Key::Mac(mac), mark(client, mac));
        if let Some(old) = self.now((Set::Cid, device)).and_then(|value| value.mark)
            && old != mark
        {
            self.set((Set::Leases, Key::Mark(old)), None);
        }
        let value = Value { remaining: lease, ..Value::default() };
        self.set((Set::Cid, device), Some(Value { mark: Some(mark), ..value }));
        self.set((Set::Leases, Key::Mark(mark)), Some(value));
    }

    fn counter(&mut self, set: Set, client: ClientId, lease: Span) {
        let place = (set, client.into());
        match self.now(place) {
            Some(value) if lasts(value.remaining, lease) => {}
            value => {
                let counter = value.and_then(|value| value.counter);
                self.set(place, Some(Value { remaining: lease + KEEP, counter, ..Value::default() }));
            }
        }
    }

    fn limit(&mut self, set: Set, client: ClientId, lease: Span, limit: Option<Limit>) {
        let place = (set, client.into());
        match self.now(place) {
            // Replacing it would fill its bucket again.
            Some(value) if value.limit == limit && lasts(value.remaining, lease) => {}
            value if value.is_none() && limit.is_none() => {}
            _ => {
                let value = Value { remaining: lease + KEEP, limit, ..Value::default() };
                self.set(place, limit.is_some().then_some(value));
            }
        }
    }

    /// A device that belongs to another client by now stays: the dismissal speaks of the past.
    fn dismiss(&mut self, mac: MacAddress, client: ClientId) {
        let device = (Set::Cid, Key::Mac(mac));
        let owner = self.now(device).and_then(|value| value.mark).map(client_of);
        if owner.is_none_or(|owner| owner == client) {
            self.set(device, None);
        }
        self.set((Set::Leases, Key::Mark(mark(client, mac))), None);
    }
}

/// The element that holds a gate. No client and no device has the mark 0.
fn place(gate: Gate) -> Place {
    match gate {
        Gate::Strangers => (Set::Open, Key::Mark(0)),
        Gate::Night => (Set::Shut, Key::Mark(0)),
        Gate::Offline => (Set::Offline, Key::Mark(0)),
        Gate::Closed(client) => (Set::Shut, Key::Mark(client.0)),
        Gate::Service(address @ IpAddr::V4(_)) => (Set::FreeServices4, address.into()),
        Gate::Service(address @ IpAddr::V6(_)) => (Set::FreeServices6, address.into()),
    }
}

fn lasts(remaining: Span, lease: Span) -> bool {
    remaining >= lease + KEEP.scaled(1, 2)
}

/// How much longer than a lease the counters of a client live.
const KEEP: Span = Span::from_secs(86_400);

const PER_CLIENT: [Set; 4] = [Set::Up, Set::Down, Set::LimitUp, Set::LimitDown];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::firewall::elements::Counter;

    const LEASE: Span = Span::from_secs(900);
    const ONE: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
    const TWO: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

    fn admit(mac: MacAddress, client: u32, rate_kbps: u32) -> GuestChange {
        GuestChange::Admit {
            mac,
            client: ClientId(client),
            lease: LEASE,
            rate_down_kbps: rate_kbps,
            rate_up_kbps: rate_kbps,
        }
    }

    fn dismiss(mac: MacAddress, client: u32, last: bool) -> GuestChange {
        GuestChange::Dismiss { mac, client: ClientId(client), last }
    }

    /// A kernel that does what it is told, and in which no time passes.
    #[derive(Default)]
    struct Kernel(LargeMap<Place, Value>);

    impl Kernel {
        fn apply(&mut self, changes: &[GuestChange]) -> Vec<Step> {
            let mut known = Known::new();
            loop {
                let places = unknown(changes, &known);
                if places.is_empty() {
                    break;
                }
                known.extend(places.into_iter().map(|place| (place, self.0.get(&place).copied())));
            }
            let steps = steps(changes, &known);
            for step in &steps {
                assert_eq!(self.0.remove(&step.place).is_some(), step.remove, "{step:?}");
                self.0.extend(step.add.map(|value| (step.place, value)));
            }
            steps
        }

        fn places(&self, set: Set) -> Vec<Key> {
            self.0.keys().filter(|place| place.0 == set).map(|place| place.1).collect()
        }
    }

    #[test]
    fn a_renewal_touches_no_counter_and_no_limit() {
        let mut kernel = Kernel::default();
        assert_eq!(kernel.apply(&[admit(ONE, 7, 512)]).len(), 6);
        let renewed: Vec<Place> = kernel.apply(&[admit(ONE, 7, 512)]).iter().map(|step| step.place).collect();
        assert_eq!(renewed, [(Set::Cid, Key::Mac(ONE)), (Set::Leases, Key::Mark(mark(ClientId(7), ONE)))]);
    }

    #[test]
    fn a_counter_that_grows_old_is_written_back_with_its_figure() {
        let mut kernel = Kernel::default();
        kernel.apply(&[admit(ONE, 7, 0)]);
        let counter = Counter { bytes: 777, packets: 5 };
        let place = (Set::Up, Key::Mark(7));
        let old = Value { remaining: Span::from_secs(3_600), counter: Some(counter), ..Value::default() };
        kernel.0.insert(place, old);
        kernel.apply(&[admit(ONE, 7, 0)]);
        assert_eq!(kernel.0[&place].counter, Some(counter));
        assert_eq!(kernel.0[&place].remaining, LEASE + KEEP);
    }

    #[test]
    fn a_changed_rate_replaces_the_limit_and_none_removes_it() {
        let mut kernel = Kernel::default();
        kernel.apply(&[admit(ONE, 7, 512)]);
        kernel.apply(&[admit(ONE, 7, 1_024)]);
        assert_eq!(kernel.0[&(Set::LimitUp, Key::Mark(7))].limit, Limit::from_kbps(1_024));
        kernel.apply(&[admit(ONE, 7, 0)]);
        assert_eq!(kernel.places(Set::LimitUp), []);
        assert_eq!(kernel.places(Set::LimitDown), []);
    }

    #[test]
    fn a_device_that_moves_to_another_voucher_leaves_nothing_behind() {
        let mut kernel = Kernel::default();
        kernel.apply(&[admit(ONE, 7, 0)]);
        kernel.apply(&[admit(ONE, 8, 0)]);
        assert_eq!(kernel.places(Set::Leases), [Key::Mark(mark(ClientId(8), ONE))]);
        // The old session is told to end after the new one began.
        kernel.apply(&[dismiss(ONE, 7, true)]);
        assert_eq!(kernel.places(Set::Cid), [Key::Mac(ONE)]);
        assert_eq!(kernel.places(Set::Up), [Key::Mark(8)]);
        assert_eq!(kernel.places(Set::Leases), [Key::Mark(mark(ClientId(8), ONE))]);
    }

    #[test]
    fn a_gate_is_held_anew_and_released_and_one_that_is_not_held_is_let_be() {
        let mut kernel = Kernel::default();
        let hold = |gate| GuestChange::Hold { gate, lease: LEASE };
        kernel.apply(&[hold(Gate::Night), hold(Gate::Strangers), admit(ONE, 7, 0)]);
        assert_eq!(kernel.places(Set::Shut), [Key::Mark(0)]);
        assert_eq!(kernel.places(Set::Open), [Key::Mark(0)]);
        assert!(kernel.apply(&[hold(Gate::Night)])[0].remove, "an older kernel keeps the old timeout");
        let closed = Gate::Closed(ClientId(0xff03));
        kernel.apply(&[GuestChange::Release { gate: Gate::Night }, hold(closed)]);
        assert_eq!(kernel.places(Set::Shut), [Key::Mark(0xff03)]);
        assert_eq!(kernel.apply(&[GuestChange::Release { gate: Gate::Night }]), []);
        assert_eq!(kernel.places(Set::Cid), [Key::Mac(ONE)]);
    }

    #[test]
    fn a_service_is_an_address_in_the_set_of_its_family() {
        let mut kernel = Kernel::default();
        let service = |address: &str| Gate::Service(address.parse().unwrap());
        let hold = |gate| GuestChange::Hold { gate, lease: LEASE };
        kernel.apply(&[hold(service("10.77.252.10")), hold(service("fd77::10"))]);
        let key = Key::Mark(u32::from_ne_bytes([10, 77, 252, 10]));
        assert_eq!(kernel.places(Set::FreeServices4), [key]);
        assert_eq!(kernel.places(Set::FreeServices6), [Key::V6("fd77::10".parse().unwrap())]);
        kernel.apply(&[GuestChange::Release { gate: service("10.77.252.10") }]);
        assert_eq!(kernel.places(Set::FreeServices4), []);
    }

    #[test]
    fn the_last_device_takes_the_counters_with_it() {
        let mut kernel = Kernel::default();
        kernel.apply(&[admit(ONE, 7, 512), admit(TWO, 7, 512)]);
        kernel.apply(&[dismiss(ONE, 7, false)]);
        assert_eq!(kernel.places(Set::Cid), [Key::Mac(TWO)]);
        assert_eq!(kernel.places(Set::Up), [Key::Mark(7)]);
        kernel.apply(&[dismiss(TWO, 7, true)]);
        assert!(kernel.0.is_empty());
        assert_eq!(kernel.apply(&[dismiss(TWO, 7, true)]), []);
    }

    #[test]
    fn later_changes_of_one_batch_see_the_earlier_ones() {
        let mut kernel = Kernel::default();
        let steps = kernel.apply(&[admit(ONE, 7, 512), admit(TWO, 9, 0), dismiss(ONE, 7, true)]);
        assert_eq!(kernel.places(Set::Cid), [Key::Mac(TWO)]);
        assert_eq!(kernel.places(Set::Up), [Key::Mark(9)]);
        assert!(steps.iter().all(|step| step.change == 1), "{steps:?}");
        kernel.apply(&[dismiss(TWO, 9, true), admit(TWO, 9, 64)]);
        assert_eq!(kernel.places(Set::LimitUp), [Key::Mark(9)]);
        kernel.apply(&[admit(TWO, 10, 0), admit(TWO, 11, 0)]);
        assert_eq!(kernel.places(Set::Leases), [Key::Mark(mark(ClientId(11), TWO))]);
    }
}
