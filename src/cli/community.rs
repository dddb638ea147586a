//! `tequio community`: founding a community and admitting nodes, offline, on any Linux machine.
//!
//! The root key never touches a router: it lies in a folder of whoever keeps it, beside the secrets of the
//! epochs and the public records. What a node needs is carried to it as one file, what it wants is
//! carried back as one line of text. No secret ever stands among the arguments or on the screen.

use lexopt::{Arg, Parser};

mod admission;
mod admit;
mod assembly;
mod expel;
mod found;
pub(super) mod join;
pub(super) mod options;
mod paper;
mod person;
mod succeed;
#[cfg(test)]
mod tests;
mod time;

pub(super) use self::assembly::read_bundle as read_records;
use self::options::Options;

/// One command: its word, the options with a value, those without, what `--help` says, what it does.
struct Command {
    word: &'static str,
    values: &'static [&'static str],
    flags: &'static [&'static str],
    help: &'static str,
    perform: fn(&Options) -> Result<String, String>,
}

const COMMANDS: [Command; 16] = [
    Command {
        word: "create",
        values: &["name", "dir", "currency", "minor-units", "country", "language", "ipv4", "ipv6"],
        flags: &["json"],
        help: "Founds a community: makes its root key and its first records in a new folder.

tequio community create --name NAME --dir DIR
  --currency USD       three letters (USD)
  --minor-units 2      digits behind the point of a price (2)
  --country MX         two letters, for radio rules (MX)
  --language es        language of the pages; several with commas (es)
  --ipv4 10.77.0.0/16  a /16 that no node's uplink uses (10.77.0.0/16)
  --ipv6 fd..::/48     a /48 of unique local addresses (drawn at random)
  --json               for programs
",
        perform: found::create,
    },
    Command {
        word: "look",
        values: &["dir", "colour", "logo"],
        flags: &[],
        help: "Says how the community looks on the portal: its colour and its logo. What is not named is as before.

tequio community look --dir DIR
  --colour 0d4a3c      six hex digits; `none` is the portal's own
  --logo FILE          a PNG of at most 4,096 bytes and 256 x 256 dots; `none` takes it away
",
        perform: found::look,
    },
    Command {
        word: "plan",
        values: &[
            "dir",
            "id",
            "name",
            "price",
            "used-seconds",
            "within-days",
            "days",
            "devices",
            "down-kbps",
            "up-kbps",
            "seller-share",
            "share",
        ],
        flags: &["external", "json"],
        help: "Puts a plan on sale, or changes one: paper that is printed already stays what it was.

tequio community plan --dir DIR --id hora --name 'Una hora' --price 0.50
  --used-seconds N     seconds of use; with --within-days N they end N days after the first use
  --days N             days from the first use, instead of seconds
  --external           served by something else (a month of cellular telephony): no codes
  --devices N          devices at one time (1)
  --down-kbps N        limit towards the guest; 0 is none (0)
  --up-kbps N          limit from the guest; 0 is none (0)
  --seller-share 0.10  what the seller keeps of the price (0)
  --share NAME=0.15    what somebody else gets; may be given again. The rest is the community's
  --json               for programs
",
        perform: found::plan,
    },
    Command {
        word: "request",
        values: &["state", "name", "board"],
        flags: &["json", "qr"],
        help: "On a node: prints the line with which it asks to be admitted. Makes its keys if it has none.

tequio community request --state STATE --name NODE
  --state STATE        the node's state folder, like /etc/tequio
  --name NODE          what people will call the node
  --qr                 also as a QR code, for an officer's phone
  --board MAC          address that names the board (found by itself)
  --json               for programs
",
        perform: join::request,
    },
    Command {
        word: "admit",
        values: &["dir", "request", "role", "number", "slot", "float", "name"],
        flags: &["json"],
        help: "Admits a node, or changes one: its member record, and its share of the secrets.

tequio community admit --dir DIR --request LINE
  --request LINE       what `tequio community request` printed on the node; `-` reads standard input
  --role ROLE,ROLE     officer, treasurer, seller, caretaker, hotspot, clock, notice; none is a relay
  --number N           issuer number, 1 to 511 (the lowest free one)
  --slot N             address slot, 0 to 59 (the lowest free one, for hotspots)
  --float AMOUNT       what its unsettled lots may be worth (500 for sellers)
  --name NODE          another name than the request says
  --json               for programs
",
        perform: admit::admit,
    },
    Command {
        word: "admission",
        values: &["dir", "member"],
        flags: &["qr"],
        help: "Prints the line with which an admitted node joins, where no file can be carried to it.

tequio community admission --dir DIR --member NODE
  --member NODE        by its name or fingerprint
  --qr                 also as a QR code
",
        perform: admission::admission,
    },
    Command {
        word: "check",
        values: &["dir", "paper"],
        flags: &["json"],
        help: "Verifies everything in a community's folder, and shows members and plans.

tequio community check --dir DIR
  --paper FILE         also whether the words on a paper are its root key; `-` reads standard input
  --json               for programs
",
        perform: found::check,
    },
    Command {
        word: "expel",
        values: &["dir", "member", "bundle"],
        flags: &["json"],
        help: "Expels a member, and gives all others new secrets. Its key never returns.

tequio community expel --dir DIR --member NODE
  --member NODE        its name or fingerprint
  --bundle FILE        records of a node (`tequio ledger export`): what the member wrote counts as far as it is known
  --json               for programs
",
        perform: expel::expel,
    },
    Command {
        word: "rotate",
        values: &["dir", "bundle"],
        flags: &["json"],
        help: "Gives all members new secrets: after a theft, or when somebody may know the old ones.

tequio community rotate --dir DIR
  --bundle FILE        records of a node that the folder does not have yet
  --json               for programs
",
        perform: expel::rotate,
    },
    Command {
        word: "replace",
        values: &["dir", "member", "request", "bundle"],
        flags: &["json"],
        help: "Gives a new box the old one's name, number, slot, roles, people and services; expels the old one.

tequio community replace --dir DIR --member NODE --request LINE
  --member NODE        the old box, by its name or fingerprint
  --request LINE       what `tequio community request` printed on the new one; `-` reads standard input
  --bundle FILE        records of a node that the folder does not have yet
  --json               for programs
",
        perform: expel::replace,
    },
    Command {
        word: "person",
        values: &["dir", "name", "role", "node", "passphrase", "bundle"],
        flags: &["json"],
        help: "Says who works at a node and may do what there: she logs in there by her name.

tequio community person --dir DIR --name NAME --node NODE --passphrase FILE
  --role ROLE          viewer looks, caretaker sells, admin does everything, none: she is gone (caretaker)
  --node NODE          where she works, by its name or fingerprint
  --passphrase FILE    holds her passphrase; `-` reads standard input
  --bundle FILE        records of a node that the folder does not have yet
  --json               for programs
",
        perform: person::person,
    },
    Command {
        word: "time",
        values: &["dir", "floor", "bundle"],
        flags: &["json"],
        help: "Says the least that any clock may say: for a village whose clocks somebody led astray. Sets none.

tequio community time --dir DIR --floor DAY
  --floor DAY          like 2026-11-22: takes the place of what nodes held to be the least, once
  --bundle FILE        records of a node that the folder does not have yet
  --json               for programs
",
        perform: time::time,
    },
    Command {
        word: "succeed",
        values: &["dir", "old", "bundle"],
        flags: &["json"],
        help: "Makes a new root in a new folder, for a community whose old root is lost or given up.

tequio community succeed --dir NEWDIR --old DIR | --bundle FILE
  --old DIR            the folder of the old root: its word counts on every node
  --bundle FILE        records of a node, when the old root is lost: then each node accepts the new one by hand
  --json               for programs
",
        perform: succeed::succeed,
    },
    Command {
        word: "paper",
        values: &["dir", "file"],
        flags: &[],
        help: "Writes the root key as 18 words into a file, to be copied by hand. Nothing secret is shown.

tequio community paper --dir DIR --file FILE
",
        perform: succeed::write_paper,
    },
    Command {
        word: "restore",
        values: &["dir", "paper", "bundle"],
        flags: &[],
        help: "Makes a community's folder again from a paper and anybody's records.

tequio community restore --dir NEWDIR --paper FILE --bundle FILE
  --paper FILE         the 18 words; `-` reads standard input
  --bundle FILE        records of a node (`tequio ledger export`)
",
        perform: succeed::restore,
    },
    Command {
        word: "join",
        values: &["state", "bundle", "admission", "board"],
        flags: &["json"],
        help: "On a node: takes the community's records into its journal. The daemon must not be running.

tequio community join --state STATE --bundle FILE | --admission LINE
  --state STATE        the node's state folder, like /etc/tequio
  --bundle FILE        the file community.records of the community's folder
  --admission LINE     what `tequio community admission` printed; `-` reads standard input. The rest of the records
                       comes from any neighbour
  --board MAC          address that names the board (found by itself)
  --json               for programs
",
        perform: join::join,
    },
];

/// Does what the words behind `community` say; what comes back is to be printed as it is.
pub fn run(arguments: &mut Parser) -> Result<String, String> {
    let word = match arguments.next().map_err(|error| error.to_string())? {
        None | Some(Arg::Long("help") | Arg::Short('h')) => return Ok(overview()),
        Some(Arg::Value(word)) => word.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().to_string()),
    };
    let command = COMMANDS.iter().find(|command| command.word == word).ok_or_else(|| {
        let words: Vec<&str> = COMMANDS.iter().map(|command| command.word).collect();
        format!("`community {word}` is unknown: it is one of {}", words.join(", "))
    })?;
    match Options::parse(arguments, command.word, command.values, command.flags)? {
        None => Ok(command.help.to_owned()),
        Some(options) => (command.perform)(&options),
    }
}

fn overview() -> String {
    let mut text =
        "tequio community COMMAND: founding a community and admitting nodes, offline\n\n".to_owned();
    for command in &COMMANDS {
        let line = command.help.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:<8} {line}\n", command.word));
    }
    text.push_str("\n`tequio community COMMAND --help` tells more.\n");
    text
}
