//! Babel's wire format (RFC 8966 section 4, RFC 9229): bytes to values, and values to bytes.
//!
//! Reading changes nothing but its own parser state: [`packet::parse`] turns a whole packet into
//! values (with router-ids, next hops and compressed prefixes already resolved), and only then does
//! the engine act on them. Writing is the inverse: [`write::PacketWriter`] takes the same values and
//! decides which Router-Id and Next Hop TLVs and which prefix octets can be left out.

pub mod packet;
mod read;
pub mod timing;
pub mod tlv;
pub mod write;

#[cfg(test)]
mod tests;
