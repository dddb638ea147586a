//! Cuts the stream of octets from the broker into messages.
//!
//! A message is a header of 8 octets (version, type, sequence number, peer) and one blob attribute
//! whose length says where the next message begins; nothing else marks a border. So a length that
//! cannot be means that the border is lost for good, and only a new connection helps. A message that
//! is merely longer than we want to hold is passed over, and the border stays known.

use ubus::envelope::EnvBuilder;
use ubus::wire::{HEADER_SIZE, Header, MAX_MSG_LEN, MsgType, PROTO_VERSION};

use crate::base::limit;

/// One message, cut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// What it is; `None` if the number means nothing to us.
    pub(super) kind: Option<MsgType>,
    /// Number of the request that it belongs to.
    pub(super) seq: u16,
    /// The object that is called or answers, the client that calls, or 0 for the broker.
    pub(super) peer: u32,
    /// What it says.
    pub(super) body: Body,
}

/// The inside of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The attributes, without the outer header.
    Attributes(Vec<u8>),
    /// Passed over: it had this many octets.
    TooLong(usize),
}

/// The border between messages is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FramingLost;

/// The octets that came and are not yet a whole message.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    start: usize,
    /// Octets still to come of a message that is passed over.
    skip: usize,
}

impl Frames {
    /// Takes what was read from the socket.
    pub(super) fn push(&mut self, mut octets: &[u8]) {
        let skipped = self.skip.min(octets.len());
        self.skip -= skipped;
        octets = &octets[skipped..];
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(octets);
    }

    /// Cuts out the next message that is here. After an error there is nothing more to cut.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, FramingLost> {
        let rest = &self.buffer[self.start..];
        let Some((head, after)) = rest.split_at_checked(HEADER_SIZE + OUTER_SIZE) else { return Ok(None) };
        let seq = u16::from_be_bytes([head[2], head[3]]);
        let peer = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let outer = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        let length = (outer & LENGTH_MASK) as usize;
        if head[0] != PROTO_VERSION || !(OUTER_SIZE..=MAX_MSG_LEN).contains(&length) {
            return Err(FramingLost);
        }
        let kind = MsgType::from_u8(head[1]).ok();
        let inside = length - OUTER_SIZE;
        if length > limit::UBUS_READ_BYTES {
            let here = inside.min(after.len());
            self.skip = inside - here;
            self.start += HEADER_SIZE + OUTER_SIZE + here;
            return Ok(Some(Frame { kind, seq, peer, body: Body::TooLong(length) }));
        }
        let Some(attributes) = after.get(..inside) else { return Ok(None) };
        let body = Body::Attributes(attributes.to_vec());
        self.start += HEADER_SIZE + length;
        Ok(Some(Frame { kind, seq, peer, body }))
    }
}

/// Writes one message.
pub(super) fn write(kind: MsgType, seq: u16, peer: u32, attributes: EnvBuilder) -> Vec<u8> {
    let mut octets = Header { version: PROTO_VERSION, ty: kind, seq, peer }.encode().to_vec();
    octets.extend_from_slice(&attributes.finish());
    octets
}

/// The header of the attribute that encloses all others.
const OUTER_SIZE: usize = 4;
/// Its length: 24 bits, itself included.
const LENGTH_MASK: u32 = 0x00ff_ffff;
/// Room that is kept between messages: most have less than 1 kB.
const KEPT_CAPACITY: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(length: usize) -> Vec<u8> {
        let mut octets = vec![0, MsgType::Data as u8, 0, 7, 0, 0, 0, 9];
        octets.extend_from_slice(&(length as u32).to_be_bytes());
        octets.resize(HEADER_SIZE + length, 0xaa);
        octets
    }

    fn cut(frames: &mut Frames) -> Vec<Frame> {
        std::iter::from_fn(|| frames.next().unwrap()).collect()
    }

    #[test]
    fn messages_are_cut_wherever_the_stream_was_cut() {
        let stream: Vec<u8> = [message(4), message(24), message(8)].concat();
        for at in 0..=stream.len() {
            let mut frames = Frames::default();
            frames.push(&stream[..at]);
            let mut got = cut(&mut frames);
            frames.push(&stream[at..]);
            got.extend(cut(&mut frames));
            let sizes: Vec<_> = got.iter().map(|frame| frame.body.clone()).collect();
            let want = [0, 20, 4].map(|size| Body::Attributes(vec![0xaa; size]));
            assert_eq!(sizes, want, "cut at {at}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let long = message(limit::UBUS_READ_BYTES + 1);
        let stream: Vec<u8> = [long, message(8)].concat();
        let mut frames = Frames::default();
        let mut got = Vec::new();
        for octets in stream.chunks(4_096) {
            frames.push(octets);
            got.extend(cut(&mut frames));
            assert!(frames.buffer.len() <= 8_192);
        }
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].body, Body::TooLong(limit::UBUS_READ_BYTES + 1));
        assert_eq!((got[0].seq, got[0].peer), (7, 9));
        assert_eq!(got[1].body, Body::Attributes(vec![0xaa; 4]));
    }

    #[test]
    fn a_length_that_cannot_be_loses_the_border() {
        for length in [0_u32, 3, MAX_MSG_LEN as u32 + 1, LENGTH_MASK] {
            let mut octets = message(4);
            octets[8..12].copy_from_slice(&length.to_be_bytes());
            let mut frames = Frames::default();
            frames.push(&octets);
            assert_eq!(frames.next(), Err(FramingLost), "{length}");
        }
        let mut octets = message(4);
        octets[0] = 1;
        let mut frames = Frames::default();
        frames.push(&octets);
        assert_eq!(frames.next(), Err(FramingLost));
    }

    proptest! {
        #[test]
        fn any_stream_is_cut_or_given_up(octets in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
            let mut frames = Frames::default();
            for part in octets.chunks(size) {
                frames.push(part);
                while let Ok(Some(_)) = frames.next() {}
            }
        }
    }
}
