//! The first program of a machine that has a router's kernel and nothing else: two nodes with the real daemon, a
//! phone and the outside, each in a network namespace of its own. It plays a story and tells it on the console.
//!
//! One static program and no shell, because it must run where Debian has no programs: on a big-endian kernel. What
//! the console says is judged by `scripts/boot.sh`; the words are those of [`console`].
//!
//! ```text
//!   phone ─ ph0 ══ hs0 ─ plaza ─ mesh0 ══ mesh0 ─ cerro ─ up0 ══ out0 ─ outside
//! ```

mod babel;
mod bus;
mod console;
mod http;
mod link;
mod machine;
mod memory;
mod netlink;
mod nft;
mod node;
mod pipe;
mod power;
mod radio;
mod space;
mod story;
mod suite;
mod table;
mod terrain;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() == 1 {
        machine::run();
    }
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..) {
        Some([command, socket]) if command == "broker" => node::serve_broker(socket),
        Some([command, file]) if command == "table" => match table::same_as_nft("nft", file) {
            Ok(things) => {
                println!("nft and this program make the same table of {file}: {things} things");
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("guest broker SOCKET    a ubus broker; as process 1, the story of a test machine");
            eprintln!(
                "guest table FILE       whether nft makes the same base table of `tequio firewall`, as root"
            );
            ExitCode::FAILURE
        }
    }
}
