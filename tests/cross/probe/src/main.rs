//! What a program for a router must be able to do and a linker does not check: a clock beyond 2038, both that of
//! std and that of libc; std's optional symbols, which a position-independent MIPS program finds at address 0; a
//! thread; and a panic that says where it was.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{self, File};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn main() {
    let path = std::env::args().nth(1).expect("probe FILE");
    let after_2038 = UNIX_EPOCH + Duration::from_secs(2_208_988_800); // 2040-01-01
    let file = File::create(&path).expect("the file can be made");
    file.set_modified(after_2038).expect("std can set a time of 2040");
    let by_std = fs::metadata(&path).and_then(|facts| facts.modified()).expect("std can read it");
    assert_eq!(by_std, after_2038, "std's time");
    assert_eq!(modified_by_libc(path), since_1970(after_2038), "libc's time");
    assert!(since_1970(SystemTime::now()) > 1_700_000_000, "the clock of this machine");

    // RandomState looks for getrandom, which may not be there.
    let squares: HashMap<u64, u64> = (0..100).map(|number| (number, number * number)).collect();
    let sum = std::thread::spawn(move || squares.values().sum::<u64>()).join().expect("a thread runs");
    let order = if cfg!(target_endian = "big") { "big" } else { "little" };
    println!("{order}-endian, {} bits, time_t {} bits, {sum}", usize::BITS, 8 * size_of::<libc::time_t>());

    panic!("on purpose"); // tests/cross/run.sh looks for this line's number
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

#[expect(clippy::unnecessary_cast, reason = "the width of st_mtime is what is looked at")]
fn modified_by_libc(path: String) -> u64 {
    let path = CString::new(path).expect("no zero octet");
    let mut facts = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the path ends with a zero octet, and stat fills what it is given.
    let facts = unsafe {
        assert_eq!(libc::stat(path.as_ptr(), facts.as_mut_ptr()), 0);
        facts.assume_init()
    };
    facts.st_mtime as u64
}
