//! A release has no tables to walk its stack by (`scripts/cross.sh` leaves them out), so the walk ends where it begins.
//!
//! Standard library and libunwind would link the whole walker all the same, and with it the C library's `printf`: 65 kB for
//! lines that cannot be printed. A panic still says file, line and why.

use std::ffi::{c_int, c_void};

/// `_URC_END_OF_STACK` of `unwind.h`: there is no frame to show.
const END_OF_STACK: c_int = 5;

/// Takes the place of libunwind's (Itanium C++ ABI, Exception Handling, 1.3).
//
// The three below stand in the same file of libunwind, and the personality of a language, which nothing calls either, names
// them: without them the linker takes that file, and finds this function twice.
// SAFETY: the name is the C ABI's, and so is the shape; nothing is read, called or written, and a caller
// has to expect an empty stack. Whoever unwinds (tests, OpenWrt's own flags) is built without this.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_each: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

/// Nobody asks where a frame is that is not there.
// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetIPInfo(_context: *mut c_void, _before: *mut c_int) -> usize {
    0
}

/// The same, for tables that are relative to data.
// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetDataRelBase(_context: *mut c_void) -> usize {
    0
}

/// The same, for tables that are relative to code.
// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_GetTextRelBase(_context: *mut c_void) -> usize {
    0
}
