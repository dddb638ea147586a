//! What a radio hears without being associated: the access points of its last scan. While a dish is turned that is all there is
//! to aim by until both ends have found each other, so the channel of the loudest is scanned each second.

use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Asker, named};
use super::number::{bss, command, of};
use super::read::find;
use super::{ACCESS_POINT, Device};
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::link::sample::StationSample;
use crate::platform::netlink::message::{ACK, Batch, DUMP, Message};
use crate::platform::netlink::socket::NetlinkError;

/// An access point that was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// How strong, and how long ago.
    pub(super) station: StationSample,
    pub(super) frequency_mhz: Option<u32>,
    /// What its network is called.
    pub(super) name: String,
}

/// Has a radio look for others: it listens on all channels. An access point leaves its own for that.
pub fn scan(device: &str) -> Result<(), NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    trigger(&mut asker, &device, None)
}

/// Begins a scan of one channel, or of all.
fn trigger(asker: &mut Asker, device: &Device, frequency_mhz: Option<u32>) -> Result<(), NetlinkError> {
    let body = |batch: &mut Batch| {
        batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
        if let Some(mhz) = frequency_mhz {
            batch.nest(of::SCAN_FREQUENCIES, |batch| batch.attribute(0, &mhz.to_ne_bytes()));
        }
        if device.kind == ACCESS_POINT {
            batch.attribute(of::SCAN_FLAGS, &SCAN_AS_ACCESS_POINT.to_ne_bytes());
        }
    };
    asker.ask(ACK, command::TRIGGER_SCAN, &body, &mut |_| {})
}

/// Who was heard in the last seconds, at most [`limit::RADIO_STATIONS`]; at `scan_at` it is looked for them again.
pub(super) fn heard(asker: &mut Asker, device: &Device, scan_at: &mut Instant) -> Vec<Heard> {
    let mut all: Vec<Heard> = Vec::new();
    let body = |batch: &mut Batch| batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
    // What was told before a refusal is true.
    let _ = asker.ask(DUMP, command::GET_SCAN, &body, &mut |message| {
        let fresh = |one: &Heard| one.station.inactive_ms.is_some_and(|millis| millis < FRESH_MS);
        if all.len() < limit::RADIO_STATIONS {
            all.extend(read(message).filter(fresh));
        }
    });
    if *scan_at <= Instant::now() {
        let loudest = all.iter().max_by_key(|one| one.station.signal_dbm);
        let frequency_mhz = loudest.and_then(|one| one.frequency_mhz);
        // Who scans already, as wpa_supplicant does, or may not: the next look finds more.
        let _ = trigger(asker, device, frequency_mhz);
        *scan_at = Instant::now() + if frequency_mhz.is_some() { ONE_CHANNEL } else { ALL_CHANNELS };
    }
    all
}

/// One message of a dump of what was heard.
pub(super) fn read(message: &Message<'_>) -> Option<Heard> {
    let mut heard = Heard::default();
    for attribute in find(message, of::BSS)?.nested() {
        match attribute.kind {
            bss::ADDRESS => heard.station.mac = MacAddress(*attribute.value.first_chunk()?),
            bss::FREQUENCY => heard.frequency_mhz = attribute.u32(),
            bss::ELEMENTS => heard.name = name(attribute.value),
            bss::SIGNAL_MBM => {
                let mbm = attribute.u32().map(u32::cast_signed);
                heard.station.signal_dbm = mbm.and_then(|mbm| i8::try_from(mbm / 100).ok());
            }
            bss::SEEN_MS_AGO => heard.station.inactive_ms = attribute.u32(),
            _ => {}
        }
    }
    (heard.station.mac != MacAddress::default()).then_some(heard)
}

/// The network's name among the elements of a beacon (IEEE 802.11, 9.4.2.2), as far as it is text.
fn name(mut elements: &[u8]) -> String {
    while let [id, length, rest @ ..] = elements {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        if *id == 0 {
            let text = String::from_utf8_lossy(&value[..value.len().min(32)]);
            return text.chars().filter(|letter| !letter.is_control()).collect();
        }
        elements = rest;
    }
    String::new()
}

/// The kernel remembers for half a minute; a dish has turned since.
const FRESH_MS: u32 = 10_000;
/// Between two scans of one channel, which take a tenth of a second, and of all, which take some.
const ONE_CHANNEL: Duration = Duration::from_secs(1);
const ALL_CHANNELS: Duration = Duration::from_secs(10);
/// `NL80211_SCAN_FLAG_AP`.
const SCAN_AS_ACCESS_POINT: u32 = 1 << 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::Messages;

    fn told(octets: &dyn Fn(&mut Batch)) -> Option<Heard> {
        let mut batch = Batch::new();
        batch.message(7, 0, 0, &[34, 1, 0, 0], |batch| batch.nest(of::BSS, octets));
        let datagram = batch.bytes().to_vec();
        Messages::new(&datagram).next().and_then(|message| read(&message))
    }

    #[test]
    fn an_access_point_is_read_and_its_name_is_text() {
        let elements: &[u8] = &[1, 1, 0x8c, 0, 7, b'p', 0xc3, 0xb1, b'\n', b'a', 0xff, b'!', 3, 1, 36];
        let heard = told(&|batch| {
            batch.attribute(bss::ADDRESS, &[2, 0, 0, 0, 0, 9]);
            batch.attribute(bss::FREQUENCY, &5_745_u32.to_ne_bytes());
            batch.attribute(bss::ELEMENTS, elements);
            batch.attribute(bss::SIGNAL_MBM, &(-7_150_i32).to_ne_bytes());
            batch.attribute(bss::SEEN_MS_AGO, &120_u32.to_ne_bytes());
        });
        let heard = heard.unwrap();
        assert_eq!((heard.frequency_mhz, heard.name.as_str()), (Some(5_745), "pña\u{fffd}!"));
        let station = heard.station;
        assert_eq!((station.signal_dbm, station.inactive_ms), (Some(-71), Some(120)));
        assert_eq!(station.mac, MacAddress([2, 0, 0, 0, 0, 9]));
    }

    #[test]
    fn elements_that_are_cut_and_nonsense_have_no_name_and_do_not_panic() {
        for elements in [&[][..], &[0], &[0, 5, b'a'], &[1, 0], &[1, 200, 3], &[0, 0]] {
            assert_eq!(name(elements), "", "{elements:?}");
        }
        assert_eq!(told(&|_| {}), None, "nobody has no address");
        assert_eq!(told(&|batch| batch.attribute(bss::ADDRESS, &[1, 2])), None);
    }
}
