//! What devices told, or shall be told at their next page.

use serde::{Deserialize, Serialize};

use super::portal::Notice;
use crate::base::address::MacAddress;
use crate::base::limit::{HOTSPOT_LOOKS, PORTAL_TOLD};
use crate::base::time::{Instant, Span};

/// A stranger is looked for once in this time, a second less than a page waits before it asks again.
const LOOK: Span = Span::from_secs(3);
/// A complaint is fresh for so long.
const FRESH: Span = Span::from_secs(3_600);

/// Devices, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Those that were let out, and what is said to them about it.
    let_out: Vec<(MacAddress, Notice)>,
    /// Those that told that there is no internet, and when.
    complained: Vec<(MacAddress, Instant)>,
    /// Strangers whose vouchers were looked for, and when.
    looked: Vec<(MacAddress, Instant)>,
}

impl Told {
    /// It was let out, and is told why.
    pub(crate) fn let_out(&mut self, mac: MacAddress, why: Notice) {
        self.let_in(mac);
        if self.let_out.len() >= PORTAL_TOLD {
            self.let_out.remove(0);
        }
        self.let_out.push((mac, why));
    }

    /// It has a place again.
    pub(crate) fn let_in(&mut self, mac: MacAddress) {
        self.let_out.retain(|(known, _)| *known != mac);
    }

    /// Why it was let out, if it was.
    pub(crate) fn why_out(&self, mac: MacAddress) -> Option<Notice> {
        self.let_out.iter().find(|(known, _)| *known == mac).map(|(_, why)| *why)
    }

    /// Whether it is time to look whose a stranger's device is: all devices of all vouchers are tried for it.
    pub(crate) fn may_look(&mut self, now: Instant, mac: MacAddress) -> bool {
        self.looked.retain(|(_, at)| now.since(*at) < LOOK);
        let may = self.looked.len() < HOTSPOT_LOOKS && self.looked.iter().all(|(known, _)| *known != mac);
        if may {
            self.looked.push((mac, now));
        }
        may
    }

    /// It tells that there is no internet; whether that is news.
    pub(crate) fn complains(&mut self, now: Instant, mac: MacAddress) -> bool {
        self.forget(now);
        let is_news =
            self.complained.iter().all(|(known, _)| *known != mac) && self.complained.len() < PORTAL_TOLD;
        if is_news {
            self.complained.push((mac, now));
        }
        is_news
    }

    /// How many told so within an hour.
    pub(crate) const fn complaints(&self) -> usize {
        self.complained.len()
    }

    /// Forgets what is older.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.complained.retain(|(_, at)| now.since(*at) < FRESH);
    }

    /// When there is something to forget.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.complained.first().map(|(_, at)| *at + FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_complains_once_an_hour_and_a_crowd_fills_no_memory() {
        let mut told = Told::default();
        let (now, mac) = (Instant::from_millis(1_000), |last| MacAddress([2, 0, 0, 0, 0, last]));
        assert!(told.complains(now, mac(1)) && !told.complains(now, mac(1)));
        for last in 0..=255 {
            told.complains(now, mac(last));
            told.let_out(mac(last), Notice::Yielded);
        }
        assert_eq!((told.complaints(), told.next_wake()), (PORTAL_TOLD, Some(now + FRESH)));
        told.forget(now + FRESH);
        assert_eq!((told.complaints(), told.next_wake()), (0, None));
        assert!(told.complains(now + FRESH, mac(1)));
        assert_eq!((told.why_out(mac(0)), told.why_out(mac(255))), (None, Some(Notice::Yielded)));
        told.let_out(mac(255), Notice::Ended);
        assert_eq!(told.why_out(mac(255)), Some(Notice::Ended), "the last word counts");
        told.let_in(mac(255));
        assert_eq!(told.why_out(mac(255)), None);
        assert!(told.may_look(now, mac(1)) && !told.may_look(now, mac(1)));
        let looks = (0..=255).filter(|last| told.may_look(now, mac(*last))).count();
        assert_eq!(looks + 1, HOTSPOT_LOOKS, "a flood of addresses costs no more than a few");
        assert!(told.may_look(now + LOOK, mac(1)));
    }
}
