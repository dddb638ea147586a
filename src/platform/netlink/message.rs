//! The bytes of netlink: messages in a datagram, attributes in a message, and how to write both.
//!
//! Reading stops quietly where a length is impossible: what came before it is still true, and the
//! kernel is the only sender that [`super::socket`] accepts.

/// Bytes of `struct nlmsghdr`.
pub const HEADER_BYTES: usize = 16;

/// Flag: the message asks the kernel for something. Each message of ours carries it.
pub const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
/// Flag: the kernel shall answer with an acknowledgement, also when all went well.
pub const ACK: u16 = libc::NLM_F_ACK as u16;
/// Flag: send all there is, closed by a "done" message.
pub const DUMP: u16 = libc::NLM_F_DUMP as u16;
/// Flag: create what is not there yet.
pub const CREATE: u16 = libc::NLM_F_CREATE as u16;
/// Flag: replace what is there.
pub const REPLACE: u16 = libc::NLM_F_REPLACE as u16;
/// Flag of an answer: the table changed while it was dumped.
pub(super) const DUMP_INTERRUPTED: u16 = 0x10;
/// Flag of an error: the refused message's payload is not repeated.
const CAPPED: u16 = 0x100;
/// Flag of an error: attributes follow (extended acknowledgement).
const ACK_ATTRIBUTES: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`: the kernel's own words for a refusal.
const ERROR_ATTRIBUTE_TEXT: u16 = 1;
/// The attribute type without its two flag bits (nested, network byte order).
const ATTRIBUTE_TYPE: u16 = 0x3fff;
/// The flag bit of an attribute that holds attributes.
const NESTED: u16 = 0x8000;

/// The head of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is (`RTM_NEWROUTE`, `NLMSG_ERROR`, subsystem << 8 | type, family id).
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// The number of the request that it answers; 0 in events.
    pub sequence: u32,
    /// The port of the request's sender; 0 if the kernel acted on its own.
    pub port: u32,
}

/// One message of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its head.
    pub header: Header,
    /// What follows: a fixed structure of the subsystem, then attributes.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes behind the first `fixed` bytes of the payload.
    pub fn attributes(&self, fixed: usize) -> Attributes<'a> {
        Attributes { bytes: self.payload.get(fixed..).unwrap_or_default() }
    }

    /// The refusal, if this is an error message that carries one; `None` for a plain acknowledgement
    /// and for everything else.
    pub fn refusal(&self) -> Option<Refusal> {
        if self.header.kind != libc::NLMSG_ERROR as u16 {
            return None;
        }
        let errno = number_i32(self.payload)?.checked_neg()?;
        (errno != 0).then(|| Refusal { sequence: self.header.sequence, errno, text: self.error_text() })
    }

    /// The extended text of an error message. It stands behind the repeated request, whose payload is
    /// only there if the answer is not "capped".
    fn error_text(&self) -> Option<String> {
        if self.header.flags & ACK_ATTRIBUTES == 0 {
            return None;
        }
        let repeated = match self.header.flags & CAPPED {
            0 => usize::try_from(number_u32(self.payload.get(4..)?)?).ok()?,
            _ => HEADER_BYTES,
        };
        let skip = aligned(repeated.min(self.payload.len())).checked_add(4)?;
        let text = self.attributes(skip).find(|attribute| attribute.kind == ERROR_ATTRIBUTE_TEXT)?;
        Some(text.text().into_owned())
    }
}

/// The kernel's "no" to one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The number of the message that was refused.
    pub sequence: u32,
    /// Why, as a positive `errno` (its value differs between architectures: compare with `libc::E*`).
    pub errno: i32,
    /// Why, in the kernel's words, if it has any.
    pub text: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", std::io::Error::from_raw_os_error(self.errno))?;
        match &self.text {
            Some(text) => write!(formatter, ": {text}"),
            None => Ok(()),
        }
    }
}

/// The messages of one datagram, in order.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    bytes: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Reads the messages in `datagram`.
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { bytes: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let bytes = self.bytes;
        let length = usize::try_from(number_u32(bytes)?).ok()?;
        let header = Header {
            kind: number_u16(bytes.get(4..)?)?,
            flags: number_u16(bytes.get(6..)?)?,
            sequence: number_u32(bytes.get(8..)?)?,
            port: number_u32(bytes.get(12..)?)?,
        };
        let payload = bytes.get(HEADER_BYTES..length)?;
        self.bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(Message { header, payload })
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its type, without the flag bits.
    pub kind: u16,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The attributes inside this one.
    pub const fn nested(&self) -> Attributes<'a> {
        Attributes { bytes: self.value }
    }

    /// The value as a text, without the closing zero.
    pub fn text(&self) -> std::borrow::Cow<'a, str> {
        let end = self.value.iter().position(|byte| *byte == 0).unwrap_or(self.value.len());
        String::from_utf8_lossy(&self.value[..end])
    }

    /// The value as a number of host order.
    pub fn u32(&self) -> Option<u32> {
        number_u32(self.value)
    }

    /// The value as a small number.
    pub fn u8(&self) -> Option<u8> {
        self.value.first().copied()
    }
}

/// The attributes in a slice, in order.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Reads the attributes in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let bytes = self.bytes;
        let length = usize::from(number_u16(bytes)?);
        let kind = number_u16(bytes.get(2..)?)? & ATTRIBUTE_TYPE;
        let value = bytes.get(4..length)?;
        self.bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(Attribute { kind, value })
    }
}

/// Writes the messages of one datagram, and remembers which numbers wait for an answer.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    start: usize,
    sequences: Vec<u32>,
    awaited: Vec<u32>,
    acknowledged_last: bool,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message of type `kind` numbered `sequence`: `head` is the fixed structure of the
    /// subsystem, `body` writes the attributes. [`REQUEST`] is added to `flags`; if [`ACK`] or
    /// [`DUMP`] is among them, the batch waits for the answer to this message.
    pub fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        head: &[u8],
        body: impl FnOnce(&mut Self),
    ) {
        self.start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((flags | REQUEST).to_ne_bytes());
        self.bytes.extend(sequence.to_ne_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(head);
        self.pad();
        body(self);
        let length = u32::try_from(self.bytes.len() - self.start).unwrap_or(u32::MAX);
        self.bytes[self.start..self.start + 4].copy_from_slice(&length.to_ne_bytes());
        self.sequences.push(sequence);
        // One of the two bits of DUMP is that of REPLACE.
        if flags & ACK != 0 || flags & DUMP == DUMP {
            self.awaited.push(sequence);
        }
    }

    /// Asks for an acknowledgement of the last message, of a batch whose messages did not ask: the kernel looks at
    /// them one after the other and says each refusal by itself, so that this one tells that all are done.
    pub fn acknowledge_last(&mut self) {
        let Some(sequence) = self.sequences.last() else { return };
        self.awaited.push(*sequence);
        self.acknowledged_last = true;
        let flags = self.start + 6..self.start + 8;
        let asking = u16::from_ne_bytes([self.bytes[flags.start], self.bytes[flags.start + 1]]) | ACK;
        self.bytes[flags].copy_from_slice(&asking.to_ne_bytes());
    }

    /// Whether [`Batch::acknowledge_last`] was called.
    pub const fn is_acknowledged_last(&self) -> bool {
        self.acknowledged_last
    }

    /// Adds an attribute to the message that is being written.
    ///
    /// # Panics
    /// If `value` is longer than an attribute can be (65,531 bytes): a mistake of ours, nothing from
    /// outside gets here unbounded.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + 4).expect("values of ours are a few hundred bytes");
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.pad();
    }

    /// Adds an attribute that holds the attributes which `body` writes.
    ///
    /// # Panics
    /// If they are longer than an attribute can be (65,531 bytes): cut long lists into messages.
    pub fn nest(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.attribute(kind | NESTED, &[]);
        body(self);
        let length = u16::try_from(self.bytes.len() - start).expect("lists of ours are cut into messages");
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Whether no message was added.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The datagram.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The numbers of all messages, in order.
    pub fn sequences(&self) -> &[u32] {
        &self.sequences
    }

    /// The numbers that will be acknowledged, in order.
    pub fn awaited(&self) -> &[u32] {
        &self.awaited
    }

    fn pad(&mut self) {
        let end = aligned(self.bytes.len());
        self.bytes.resize(end, 0);
    }
}

/// Everything in netlink begins at a multiple of four.
const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn number_u16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.first_chunk()?))
}

fn number_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.first_chunk()?))
}

fn number_i32(bytes: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_acknowledgement_speaks_for_a_batch_and_replacing_is_no_dump() {
        let mut batch = Batch::new();
        batch.message(24, CREATE | REPLACE, 7, &[0; 4], |_| {});
        batch.message(24, CREATE | REPLACE, 8, &[0; 4], |_| {});
        assert_eq!(batch.awaited(), [0_u32; 0]);
        batch.acknowledge_last();
        assert_eq!((batch.awaited(), batch.is_acknowledged_last()), (&[8][..], true));
        let flags: Vec<u16> =
            Messages::new(batch.bytes()).map(|message| message.header.flags & ACK).collect();
        assert_eq!(flags, [0, ACK]);
        batch.message(26, DUMP, 9, &[0; 4], |_| {});
        assert_eq!(batch.awaited(), [8, 9]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut batch = Batch::new();
        batch.message(24, ACK | CREATE, 7, &[2, 32, 0, 0], |batch| {
            batch.attribute(1, &[10, 0, 0, 1]);
            batch.nest(9, |batch| batch.attribute(3, b"odd\0x"));
        });
        batch.message(25, 0, 8, &[1], |_| {});
        let messages: Vec<Message<'_>> = Messages::new(batch.bytes()).collect();
        assert_eq!(messages.len(), 2);
        assert_eq!(
            messages[0].header,
            Header { kind: 24, flags: ACK | CREATE | REQUEST, sequence: 7, port: 0 }
        );
        let attributes: Vec<Attribute<'_>> = messages[0].attributes(4).collect();
        assert_eq!(attributes[0], Attribute { kind: 1, value: &[10, 0, 0, 1] });
        assert_eq!(attributes[1].kind, 9);
        assert_eq!(attributes[1].nested().next().unwrap().text(), "odd");
        assert_eq!(messages[1].payload, [1, 0, 0, 0]);
        assert_eq!((batch.awaited(), batch.sequences()), (&[7][..], &[7, 8][..]));
    }

    #[test]
    fn numbers_stand_in_the_order_of_this_processor() {
        let mut batch = Batch::new();
        batch.message(0x0a0c, ACK, 0x0102_0304, &[1, 0, 0, 0], |batch| {
            batch.nest(3, |batch| batch.attribute(1, &[0xaa; 6]));
        });
        // Length 36, type, flags, number, port; nfgenmsg; a list of 16 octets with an element of 10, padded.
        #[rustfmt::skip]
        let expected = if cfg!(target_endian = "big") {
            [0, 0, 0, 36, 0x0a, 0x0c, 0, 5, 1, 2, 3, 4, 0, 0, 0, 0, 1, 0, 0, 0,
             0, 16, 0x80, 3, 0, 10, 0, 1, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0, 0]
        } else {
            [36, 0, 0, 0, 0x0c, 0x0a, 5, 0, 4, 3, 2, 1, 0, 0, 0, 0, 1, 0, 0, 0,
             16, 0, 3, 0x80, 10, 0, 1, 0, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0, 0]
        };
        assert_eq!(batch.bytes(), expected);
    }

    #[test]
    fn a_refusal_tells_its_number_and_the_kernels_words() {
        for (flags, repeated) in [(ACK_ATTRIBUTES | CAPPED, 16), (ACK_ATTRIBUTES, 28)] {
            let mut batch = Batch::new();
            let mut head = (-libc::EINVAL).to_ne_bytes().to_vec();
            head.extend(28_u32.to_ne_bytes());
            head.resize(4 + repeated, 0);
            batch.message(libc::NLMSG_ERROR as u16, flags, 5, &head, |batch| {
                batch.attribute(ERROR_ATTRIBUTE_TEXT, b"Nexthop has invalid gateway\0");
            });
            let refusal = Messages::new(batch.bytes()).next().unwrap().refusal().unwrap();
            assert_eq!((refusal.sequence, refusal.errno), (5, libc::EINVAL));
            assert_eq!(refusal.text.as_deref(), Some("Nexthop has invalid gateway"));
        }
        let mut batch = Batch::new();
        batch.message(libc::NLMSG_ERROR as u16, 0, 5, &[0; 20], |_| {});
        assert_eq!(Messages::new(batch.bytes()).next().unwrap().refusal(), None);
    }

    #[test]
    fn impossible_lengths_end_the_reading() {
        let mut batch = Batch::new();
        batch.message(1, 0, 1, &[], |batch| batch.attribute(1, &[1; 8]));
        let whole = batch.bytes().to_vec();
        for cut in 0..whole.len() {
            assert_eq!(Messages::new(&whole[..cut]).count(), 0, "{cut}");
        }
        for length in 0_u32..16 {
            let mut broken = whole.clone();
            broken[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Messages::new(&broken).count(), 0, "{length}");
        }
        for length in [0_u16, 1, 2, 3, 200, u16::MAX] {
            let mut broken = whole[16..].to_vec();
            broken[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Attributes::new(&broken).count(), 0, "{length}");
        }
    }
}
