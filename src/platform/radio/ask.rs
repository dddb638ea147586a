//! Questions and orders to nl80211, and what the radio made of an order.

use super::STATION;
use super::number::{command, of};
use super::read::{self, Abilities, Device, HEAD_BYTES};
use crate::base::address::MacAddress;
use crate::link::budget::Rule;
use crate::platform::netlink::direct::DirectSocket;
use crate::platform::netlink::message::{ACK, Batch, DUMP, Message};
use crate::platform::netlink::socket::{NetlinkError, Protocol};

/// A socket for the moment.
pub(super) struct Asker {
    socket: DirectSocket,
    sequence: u32,
    /// The number of the family nl80211.
    pub(super) family: u16,
    /// The numbers of its groups of events that are listened to.
    pub(super) groups: Vec<u32>,
}

impl Asker {
    /// A kernel without radios refuses with `ENOENT`.
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let socket = DirectSocket::open(Protocol::Generic)?;
        let mut asker = Self { socket, sequence: 0, family: CONTROL, groups: Vec::new() };
        let (mut family, mut groups) = (None, Vec::new());
        asker.ask(ACK, GET_FAMILY, &|batch| batch.attribute(FAMILY_NAME, b"nl80211\0"), &mut |message| {
            for attribute in message.attributes(HEAD_BYTES) {
                match attribute.kind {
                    FAMILY_ID => family = attribute.value.first_chunk().map(|id| u16::from_ne_bytes(*id)),
                    FAMILY_GROUPS => groups.extend(attribute.nested().filter_map(|group| {
                        let get = |kind| group.nested().find(|one| one.kind == kind);
                        let name = get(GROUP_NAME)?.text();
                        GROUPS.contains(&name.as_ref()).then(|| get(GROUP_ID)?.u32()).flatten()
                    })),
                    _ => {}
                }
            }
        })?;
        asker.family = family.ok_or(NetlinkError::TimedOut)?;
        asker.groups = groups;
        Ok(asker)
    }

    /// Asks with this flag ([`ACK`] or [`DUMP`]); what is told goes to `told`.
    pub(super) fn ask(
        &mut self,
        flag: u16,
        command: u8,
        body: &dyn Fn(&mut Batch),
        told: &mut dyn FnMut(&Message<'_>),
    ) -> Result<(), NetlinkError> {
        self.sequence += 1;
        let mut batch = Batch::new();
        batch.message(self.family, flag, self.sequence, &[command, 1, 0, 0], body);
        self.socket.ask(&batch, told)
    }

    /// All devices of all radios of this network.
    pub(super) fn devices(&mut self) -> Result<Vec<Device>, NetlinkError> {
        let mut devices = Vec::new();
        self.ask(DUMP, command::GET_INTERFACE, &|_| {}, &mut |message| {
            devices.extend(read::device(message))
        })?;
        Ok(devices)
    }
}

/// What a radio made of a coverage class that it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It was read back. Some radios say so and yet wait no longer: only a real link tells.
    Set,
    /// This radio cannot be told how long to wait (`EOPNOTSUPP`).
    Unsupported,
    /// It said yes, and has another one.
    ReadBack(Option<u8>),
}

/// The class for a distance: steps of 450 m, 3 us there and back each (as `iw` counts).
pub fn coverage_class(distance_m: u32) -> u8 {
    u8::try_from(distance_m.div_ceil(450)).unwrap_or(u8::MAX)
}

/// What the radio of a device is set to and may do.
pub fn abilities(device: &str) -> Result<Abilities, NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    asker.abilities(&device)
}

/// What the country allows that this kernel was told; `None` where it was told none, or has no radios.
pub fn country_rules() -> Option<Vec<Rule>> {
    let mut rules = None;
    let told = &mut |message: &Message<'_>| rules = read::country_rules(message);
    Asker::open().and_then(|mut asker| asker.ask(ACK, command::GET_REG, &|_| {}, told)).ok()?;
    rules
}

/// The country whose rules hold for the radio of a device, as two letters; `00` where none was set.
pub fn country(device: &str) -> Result<Option<String>, NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    let mut found = None;
    let body = |batch: &mut Batch| batch.attribute(of::WIPHY, &device.wiphy.to_ne_bytes());
    asker.ask(ACK, command::GET_REG, &body, &mut |message| found = read::country(message))?;
    Ok(found)
}

/// A station leaves its access point, and whoever looks after it associates anew. `false`: the device is no station.
pub fn disconnect(device: &str) -> Result<bool, NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    if device.kind != STATION {
        return Ok(false);
    }
    let body = |batch: &mut Batch| {
        batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
        batch.attribute(of::REASON_CODE, &LEAVING.to_ne_bytes());
    };
    asker.ask(ACK, command::DISCONNECT, &body, &mut |_| {}).map(|()| true)
}

/// Tells the radio of a device how far the other end is, in steps of 450 m, and looks what became of it.
pub fn set_coverage_class(device: &str, class: u8) -> Result<Coverage, NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    let body = |batch: &mut Batch| {
        batch.attribute(of::WIPHY, &device.wiphy.to_ne_bytes());
        batch.attribute(of::WIPHY_COVERAGE_CLASS, &[class]);
    };
    match asker.ask(ACK, command::SET_WIPHY, &body, &mut |_| {}) {
        Ok(()) => Ok(judge(class, asker.abilities(&device)?.coverage_class)),
        Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::EOPNOTSUPP => Ok(Coverage::Unsupported),
        Err(error) => Err(error),
    }
}

fn judge(wanted: u8, read_back: Option<u8>) -> Coverage {
    if read_back == Some(wanted) { Coverage::Set } else { Coverage::ReadBack(read_back) }
}

impl Asker {
    /// A radio is told in many pieces, or it is cut off behind the first.
    pub(super) fn abilities(&mut self, device: &Device) -> Result<Abilities, NetlinkError> {
        let mut found = Abilities::default();
        let body = |batch: &mut Batch| {
            batch.attribute(of::WIPHY, &device.wiphy.to_ne_bytes());
            batch.attribute(of::SPLIT_WIPHY_DUMP, &[]);
        };
        self.ask(DUMP, command::GET_WIPHY, &body, &mut |message| {
            read::abilities(&mut found, message, device.frequency_mhz);
        })?;
        Ok(found)
    }
}

impl Asker {
    /// Whether what is sent to a station is encrypted: the kernel has a key for it. `None`: it does not say.
    pub(super) fn is_encrypted(&mut self, device: &Device, station: MacAddress) -> Option<bool> {
        let body = |batch: &mut Batch| {
            batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
            batch.attribute(of::MAC, &station.0);
            batch.attribute(of::KEY_IDX, &[0]);
        };
        let asked = self.ask(ACK, command::GET_KEY, &body, &mut |_| {});
        // The kernel tells the key itself.
        self.socket.forget();
        match asked {
            Ok(()) => Some(true),
            Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::ENOENT => Some(false),
            Err(_) => None,
        }
    }
}

pub(super) fn named(asker: &mut Asker, name: &str) -> Result<Device, NetlinkError> {
    let found = asker.devices()?.into_iter().find(|device| device.name == name);
    found.ok_or_else(|| std::io::Error::from_raw_os_error(libc::ENODEV).into())
}

/// `linux/genetlink.h`: the family that knows the others, its command and attributes.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const FAMILY_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;
/// Of nl80211: stations and links, devices, countries.
const GROUPS: [&str; 3] = ["mlme", "config", "regulatory"];
/// The reason that the station leaves (IEEE 802.11, table 9-49).
pub const LEAVING: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_the_next_whole_step() {
        let classes = [0, 1, 450, 451, 27_000, 114_750, u32::MAX].map(coverage_class);
        assert_eq!(classes, [0, 1, 1, 2, 60, 255, 255]);
    }

    #[test]
    fn a_class_is_believed_when_it_is_read_back() {
        assert_eq!(judge(60, Some(60)), Coverage::Set);
        assert_eq!(judge(60, Some(0)), Coverage::ReadBack(Some(0)));
        assert_eq!(judge(60, None), Coverage::ReadBack(None));
    }
}
