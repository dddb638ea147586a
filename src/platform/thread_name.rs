//! The name of a thread without `printf`: the C library writes a path in `/proc` by it, for threads other than the
//! one that runs, and the standard library names none of those. 13 kB of a router's program.

use std::ffi::{c_char, c_int, c_ulong, c_void};

/// Takes the place of musl's.
// SAFETY: the name is the C library's, and so is the shape. The standard library calls it in the thread itself, with a
// text that ends in zero and is there as long as the call.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(_own: *mut c_void, name: *const c_char) -> c_int {
    // SAFETY: PR_SET_NAME reads up to 16 octets of a text that ends in zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.addr() as c_ulong, 0, 0, 0) }
}
