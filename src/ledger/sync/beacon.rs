//! The beacon: who we are and which community we belong to, to all on a link, so that nodes find each other
//! without Babel. A node that missed a rotation of Babel's key must still be able to learn the new one.
//!
//! ```text
//! "tequio", version 1 (1 octet), the community's id (first 8 octets), the node's Ed25519 key (32 octets),
//! a number drawn at each start (4 octets)
//! ```
//!
//! By that number a neighbour knows a stream of before a power cut, which its kernel takes for open.
//!
//! It is not signed: it only says where a stream may be tried, and the stream proves the rest.

/// Octets of a beacon; a later version may be longer, an earlier one said nothing of its start.
#[cfg(test)]
const LENGTH: usize = 51;
const HEAD: &[u8; 7] = b"tequio\x01";

/// Whom a beacon names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beacon {
    /// The first octets of the community's id.
    pub(super) community: [u8; 8],
    /// The node's key.
    pub(super) key: [u8; 32],
    /// Which of its starts this is.
    pub(super) run: Option<u32>,
}

impl Beacon {
    pub(super) fn new(community: &[u8; 32], key: [u8; 32], run: u32) -> Self {
        let mut tag = [0; 8];
        tag.copy_from_slice(&community[..8]);
        Self { community: tag, key, run: Some(run) }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let run = self.run.map(u32::to_be_bytes);
        [&HEAD[..], &self.community, &self.key, run.as_ref().map_or(&[], |run| &run[..])].concat()
    }

    /// `None` if it is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(HEAD)?;
        let (community, rest) = rest.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        let run = rest.first_chunk().map(|run| u32::from_be_bytes(*run));
        Some(Self { community: *community, key: *key, run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beacon_reads_what_it_wrote_and_takes_what_a_later_version_adds() {
        let beacon = Beacon::new(&[3; 32], [7; 32], 9);
        let mut bytes = beacon.encode();
        assert_eq!(bytes.len(), LENGTH);
        assert_eq!(Beacon::decode(&bytes), Some(beacon));
        bytes.push(1);
        assert_eq!(Beacon::decode(&bytes), Some(beacon));
        for length in 0..LENGTH {
            // Without the start it is one of a build that did not tell it.
            let earlier = (length >= 47).then_some(Beacon { run: None, ..beacon });
            assert_eq!(Beacon::decode(&bytes[..length]), earlier, "{length} octets");
        }
        bytes[6] = 2;
        assert_eq!(Beacon::decode(&bytes), None, "another version may mean something else");
    }
}
