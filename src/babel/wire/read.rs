//! Reads single TLVs with the parser state of their packet (RFC 8966 4.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::timing::{Echo, Timing};
use super::tlv::{
    HELLO_UNICAST, INFINITY, SUB_TLV_MANDATORY, SUB_TLV_SOURCE_PREFIX, SUB_TLV_TIMESTAMP, SeqnoRequest, Tlv,
    TlvError, UPDATE_PREFIX, UPDATE_ROUTER_ID, Update, encoding, kind,
};
use crate::babel::router_id::RouterId;
use crate::babel::seqno::SeqNo;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::bytes::{Reader, Truncated};

/// What earlier TLVs of the same packet said.
#[derive(Debug)]
pub(super) struct ParserState {
    /// Whole octets of the default prefix, zero where it had none; by address encoding.
    default_prefixes: [Option<[u8; 16]>; 3],
    next_hop_v4: Option<Ipv4Addr>,
    next_hop_v6: Option<Ipv6Addr>,
    router_id: Option<RouterId>,
    /// What the packet says about time.
    pub(super) timing: Timing,
}

impl From<Truncated> for TlvError {
    fn from(_: Truncated) -> Self {
        Self::Short
    }
}

impl ParserState {
    /// RFC 8966 4.5: the next hop of the packet's own family is its source, until a Next Hop TLV comes.
    pub(super) fn new(source: Ipv6Addr) -> Self {
        Self {
            default_prefixes: [None; 3],
            next_hop_v4: None,
            next_hop_v6: Some(source),
            router_id: None,
            timing: Timing::default(),
        }
    }

    /// Reads the body of one TLV; `None` for one that only sets state or is not for us.
    pub(super) fn tlv(&mut self, tlv_kind: u8, body: &[u8]) -> Result<Option<Tlv>, TlvError> {
        let reader = Reader::new(body);
        match tlv_kind {
            kind::ACK_REQUEST => ack_request(reader).map(Some),
            kind::ACK => ack(reader).map(Some),
            kind::HELLO => hello(reader, &mut self.timing).map(Some),
            kind::IHU => ihu(reader, &mut self.timing).map(Some),
            kind::ROUTER_ID => self.router_id(reader).map(|()| None),
            kind::NEXT_HOP => self.next_hop(reader).map(|()| None),
            kind::UPDATE => self.update(reader).map(Some),
            kind::ROUTE_REQUEST => route_request(reader).map(Some),
            kind::SEQNO_REQUEST => seqno_request(reader).map(Some),
            _ => Ok(None),
        }
    }

    fn router_id(&mut self, mut reader: Reader<'_>) -> Result<(), TlvError> {
        // Whatever is wrong with this TLV: the Updates behind it are not of the router before it.
        self.router_id = None;
        reader.u16()?;
        let router_id = RouterId(reader.array()?);
        if !router_id.is_valid() {
            return Err(TlvError::RouterId);
        }
        // RFC 8966 4.4: the parser state is set even if a sub-TLV makes us ignore the TLV.
        self.router_id = Some(router_id);
        sub_tlvs(reader)
    }

    fn next_hop(&mut self, mut reader: Reader<'_>) -> Result<(), TlvError> {
        let address_encoding = reader.u8()?;
        reader.u8()?;
        match address_encoding {
            encoding::IPV4 => {
                let address = Ipv4Addr::from(reader.array::<4>()?);
                let is_host = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
                self.next_hop_v4 = (is_host && !address.is_broadcast()).then_some(address);
                self.next_hop_v4.ok_or(TlvError::NextHop)?;
            }
            encoding::IPV6 => {
                let address = Ipv6Addr::from(reader.array::<16>()?);
                let is_host = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
                self.next_hop_v6 = is_host.then_some(address);
                self.next_hop_v6.ok_or(TlvError::NextHop)?;
            }
            encoding::LINK_LOCAL => self.next_hop_v6 = Some(link_local(reader.array()?)),
            _ => return Err(TlvError::AddressEncoding),
        }
        sub_tlvs(reader)
    }

    fn update(&mut self, mut reader: Reader<'_>) -> Result<Tlv, TlvError> {
        let address_encoding = reader.u8()?;
        let flags = reader.u8()?;
        let length = reader.u8()?;
        let omitted = reader.u8()?;
        let interval_cs = reader.u16()?;
        let seqno = SeqNo(reader.u16()?);
        let metric = reader.u16()?;
        if address_encoding == encoding::WILDCARD {
            no_source(reader)?;
            if length != 0 || omitted != 0 || metric != INFINITY {
                return Err(TlvError::Wildcard);
            }
            return update_value(Update::retraction(None, interval_cs, seqno));
        }
        let octets = self.octets(&mut reader, address_encoding, length, omitted)?;
        self.remember(address_encoding, flags, octets)?;
        let source = source_prefix(reader, address_encoding)?;
        let prefix = pair(prefix_of(address_encoding, octets, length)?, source)?;
        if super::packet::martian(&prefix) {
            return Err(TlvError::Martian);
        }
        if metric == INFINITY {
            return update_value(Update::retraction(Some(prefix), interval_cs, seqno));
        }
        let next_hop = match address_encoding {
            encoding::IPV4 => IpAddr::V4(self.next_hop_v4.ok_or(TlvError::NoNextHop)?),
            _ => IpAddr::V6(self.next_hop_v6.ok_or(TlvError::NoNextHop)?),
        };
        update_value(Update {
            prefix: Some(prefix),
            interval_cs,
            seqno,
            metric,
            router_id: Some(self.router_id.ok_or(TlvError::NoRouterId)?),
            next_hop: Some(next_hop),
        })
    }

    /// The effective prefix of an Update, decompressed (RFC 8966 4.6.9).
    fn octets(
        &self,
        reader: &mut Reader<'_>,
        address_encoding: u8,
        length: u8,
        omitted: u8,
    ) -> Result<[u8; 16], TlvError> {
        let mut octets = [0; 16];
        let whole = plain_octets(address_encoding, length)?;
        let omitted = usize::from(omitted);
        if omitted > 0 {
            let state = compression(address_encoding).ok_or(TlvError::Omitted)?;
            // More is left out than the prefix has: taking it as zero octets given would be a guess.
            if omitted > whole {
                return Err(TlvError::Omitted);
            }
            let default = self.default_prefixes[state].ok_or(TlvError::NoDefaultPrefix)?;
            octets[..omitted].copy_from_slice(&default[..omitted]);
        }
        octets[omitted..whole].copy_from_slice(reader.take(whole - omitted)?);
        Ok(octets)
    }

    /// Sets what the flags ask for, once the prefix is known to be sound (RFC 8966 4.6.9).
    fn remember(&mut self, address_encoding: u8, flags: u8, octets: [u8; 16]) -> Result<(), TlvError> {
        if flags & UPDATE_PREFIX != 0
            && let Some(state) = compression(address_encoding)
        {
            self.default_prefixes[state] = Some(octets);
        }
        if flags & UPDATE_ROUTER_ID != 0 {
            let router_id = router_id_of(address_encoding, octets);
            self.router_id = router_id.is_valid().then_some(router_id);
            return self.router_id.map(|_| ()).ok_or(TlvError::RouterId);
        }
        Ok(())
    }
}

fn ack_request(mut reader: Reader<'_>) -> Result<Tlv, TlvError> {
    reader.u16()?;
    let opaque = reader.u16()?;
    let interval_cs = reader.u16()?;
    sub_tlvs(reader)?;
    if interval_cs == 0 {
        return Err(TlvError::Interval);
    }
    Ok(Tlv::AckRequest { opaque, interval_cs })
}

fn ack(mut reader: Reader<'_>) -> Result<Tlv, TlvError> {
    let opaque = reader.u16()?;
    sub_tlvs(reader)?;
    Ok(Tlv::Ack { opaque })
}

fn hello(mut reader: Reader<'_>, timing: &mut Timing) -> Result<Tlv, TlvError> {
    let flags = reader.u16()?;
    let seqno = SeqNo(reader.u16()?);
    let interval_cs = reader.u16()?;
    let times = timestamp(reader)?;
    timing.sent = timing.sent.or(times.and_then(|mut times| times.u32().ok()));
    Ok(Tlv::Hello { unicast: flags & HELLO_UNICAST != 0, seqno, interval_cs })
}

fn ihu(mut reader: Reader<'_>, timing: &mut Timing) -> Result<Tlv, TlvError> {
    let address_encoding = reader.u8()?;
    reader.u8()?;
    let rxcost = reader.u16()?;
    let interval_cs = reader.u16()?;
    let address = match address_encoding {
        encoding::WILDCARD => None,
        encoding::IPV4 => Some(IpAddr::from(reader.array::<4>()?)),
        encoding::IPV6 => Some(IpAddr::from(reader.array::<16>()?)),
        encoding::LINK_LOCAL => Some(IpAddr::V6(link_local(reader.array()?))),
        _ => return Err(TlvError::AddressEncoding),
    };
    let times = timestamp(reader)?;
    if interval_cs == 0 {
        return Err(TlvError::Interval);
    }
    if let Some(mut times) = times
        && let (Ok(origin), Ok(received)) = (times.u32(), times.u32())
    {
        timing.echoes.push((address, Echo { origin, received }));
    }
    Ok(Tlv::Ihu { address, rxcost, interval_cs })
}

fn route_request(mut reader: Reader<'_>) -> Result<Tlv, TlvError> {
    let address_encoding = reader.u8()?;
    let length = reader.u8()?;
    if address_encoding == encoding::WILDCARD {
        no_source(reader)?;
        return if length == 0 { Ok(Tlv::RouteRequest(None)) } else { Err(TlvError::Wildcard) };
    }
    let prefix = plain_prefix(&mut reader, address_encoding, length)?;
    let prefix = pair(prefix, source_prefix(reader, address_encoding)?)?;
    // The answer would be an Update that every reader refuses.
    if super::packet::martian(&prefix) {
        return Err(TlvError::Martian);
    }
    Ok(Tlv::RouteRequest(Some(prefix)))
}

fn seqno_request(mut reader: Reader<'_>) -> Result<Tlv, TlvError> {
    let address_encoding = reader.u8()?;
    let length = reader.u8()?;
    let seqno = SeqNo(reader.u16()?);
    let hop_count = reader.u8()?;
    reader.u8()?;
    let router_id = RouterId(reader.array()?);
    let prefix = plain_prefix(&mut reader, address_encoding, length)?;
    let prefix = pair(prefix, source_prefix(reader, address_encoding)?)?;
    if hop_count == 0 {
        return Err(TlvError::HopCount);
    }
    if !router_id.is_valid() {
        return Err(TlvError::RouterId);
    }
    Ok(Tlv::SeqnoRequest(SeqnoRequest { prefix, router_id, seqno, hop_count }))
}

fn update_value(update: Update) -> Result<Tlv, TlvError> {
    if update.interval_cs == 0 {
        return Err(TlvError::Interval);
    }
    Ok(Tlv::Update(update))
}

/// Reads a prefix that is not compressed, as in requests.
fn plain_prefix(reader: &mut Reader<'_>, address_encoding: u8, length: u8) -> Result<Prefix, TlvError> {
    let whole = plain_octets(address_encoding, length)?;
    let mut octets = [0; 16];
    octets[..whole].copy_from_slice(reader.take(whole)?);
    prefix_of(address_encoding, octets, length)
}

/// How many octets a prefix of this length takes; an error if its family has not so many.
fn plain_octets(address_encoding: u8, length: u8) -> Result<usize, TlvError> {
    let bits = match address_encoding {
        encoding::IPV4 | encoding::IPV4_VIA_IPV6 => 32,
        encoding::IPV6 => 128,
        encoding::LINK_LOCAL => 64,
        _ => return Err(TlvError::AddressEncoding),
    };
    if length > bits {
        return Err(TlvError::PrefixLength);
    }
    Ok(usize::from(length).div_ceil(8))
}

fn prefix_of(address_encoding: u8, octets: [u8; 16], length: u8) -> Result<Prefix, TlvError> {
    let [a, b, c, d, e, f, g, h, ..] = octets;
    let (address, length) = match address_encoding {
        encoding::IPV4 | encoding::IPV4_VIA_IPV6 => (IpAddr::from([a, b, c, d]), length),
        encoding::LINK_LOCAL => (IpAddr::V6(link_local([a, b, c, d, e, f, g, h])), length.saturating_add(64)),
        _ => (IpAddr::from(octets), length),
    };
    Prefix::new(address, length).ok_or(TlvError::PrefixLength)
}

/// Which default prefix an encoding is compressed with; AE 4 has its own (RFC 9229 2).
fn compression(address_encoding: u8) -> Option<usize> {
    match address_encoding {
        encoding::IPV4 => Some(0),
        encoding::IPV6 => Some(1),
        encoding::IPV4_VIA_IPV6 => Some(2),
        _ => None,
    }
}

/// The last 8 octets of an address, a short one padded with zeros on the left (RFC 8966 4.6.9).
fn router_id_of(address_encoding: u8, octets: [u8; 16]) -> RouterId {
    let [a, b, c, d, e, f, g, h, tail @ ..] = octets;
    RouterId(match address_encoding {
        encoding::IPV4 | encoding::IPV4_VIA_IPV6 => [0, 0, 0, 0, a, b, c, d],
        encoding::LINK_LOCAL => [a, b, c, d, e, f, g, h],
        _ => tail,
    })
}

/// `fe80::/64` with this interface identifier.
fn link_local(identifier: [u8; 8]) -> Ipv6Addr {
    let [a, b, c, d, e, f, g, h] = identifier;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h])
}

/// Looks through the sub-TLVs of a TLV that knows no mandatory one.
fn sub_tlvs(reader: Reader<'_>) -> Result<(), TlvError> {
    timestamp(reader).map(drop)
}

/// The same; hands out the body of the first timestamp, which has a meaning in Hellos and IHUs.
fn timestamp(reader: Reader<'_>) -> Result<Option<Reader<'_>>, TlvError> {
    let mut found = None;
    each_sub_tlv(reader, |sub_kind, body| match sub_kind {
        SUB_TLV_MANDATORY.. => Err(TlvError::Mandatory),
        SUB_TLV_TIMESTAMP => {
            found = found.take().or_else(|| Some(Reader::new(body)));
            Ok(())
        }
        _ => Ok(()),
    })?;
    Ok(found)
}

/// The same in a wildcard, where a source prefix has no meaning (RFC 9079 5.2, 7.1).
fn no_source(reader: Reader<'_>) -> Result<(), TlvError> {
    source_prefix(reader, encoding::WILDCARD).map(drop)
}

/// The source prefix among the sub-TLVs, read in the encoding of its TLV (RFC 9079 7.1).
fn source_prefix(reader: Reader<'_>, address_encoding: u8) -> Result<Option<Prefix>, TlvError> {
    let mut source = None;
    each_sub_tlv(reader, |sub_kind, body| match sub_kind {
        SUB_TLV_SOURCE_PREFIX if source.is_some() => Err(TlvError::SourcePrefix),
        SUB_TLV_SOURCE_PREFIX => {
            let mut body = Reader::new(body);
            let length = body.u8().map_err(|_| TlvError::SourcePrefix)?;
            if length == 0 || address_encoding == encoding::WILDCARD {
                return Err(TlvError::SourcePrefix);
            }
            // Octets behind the prefix are ignored.
            let prefix = plain_prefix(&mut body, address_encoding, length);
            source = Some(prefix.map_err(|_| TlvError::SourcePrefix)?);
            Ok(())
        }
        _ if sub_kind >= SUB_TLV_MANDATORY => Err(TlvError::Mandatory),
        _ => Ok(()),
    })?;
    Ok(source)
}

fn pair(destination: Prefix, source: Option<Prefix>) -> Result<PrefixPair, TlvError> {
    match source {
        None => Ok(destination.into()),
        Some(source) => PrefixPair::new(destination, source).ok_or(TlvError::SourcePrefix),
    }
}

/// Hands out all sub-TLVs, also behind a bad one: one whose frame is broken is the worst (RFC 8966 4.4).
fn each_sub_tlv<'a>(
    mut reader: Reader<'a>,
    mut take: impl FnMut(u8, &'a [u8]) -> Result<(), TlvError>,
) -> Result<(), TlvError> {
    let mut verdict = Ok(());
    while !reader.is_empty() {
        let sub_kind = reader.u8()?;
        if sub_kind == kind::PAD1 {
            continue;
        }
        let length = reader.u8().map_err(|_| TlvError::SubTlv)?;
        let body = reader.take(usize::from(length)).map_err(|_| TlvError::SubTlv)?;
        verdict = verdict.and(take(sub_kind, body));
    }
    verdict
}

/// Whether this prefix can never be a destination of routing.
pub(super) fn is_martian(prefix: &Prefix) -> bool {
    match prefix.address() {
        IpAddr::V4(address) => {
            let first = address.octets()[0];
            match prefix.length() {
                8.. => first == 127 || first == 0 || (224..240).contains(&first),
                4.. => (224..240).contains(&first),
                _ => false,
            }
        }
        IpAddr::V6(address) => {
            let link_local = prefix.length() >= 10 && address.is_unicast_link_local();
            let multicast = prefix.length() >= 8 && address.is_multicast();
            let own_host = prefix.length() == 128 && (address.is_loopback() || address.is_unspecified());
            link_local || multicast || own_host
        }
    }
}
