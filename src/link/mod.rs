//! Radio links: quality, planning, watching. Empty until the radio issue; links of today are what
//! Babel's own cost says about them.

#![forbid(unsafe_code)]
