//! What the assembly does with the folder of a community: it founds, admits, expels, and says what counts.

mod admission;
mod admit;
mod expel;
mod folder;
mod found;
mod paper;
mod person;
mod request;
mod succeed;
#[cfg(test)]
mod tests;
mod time;

use super::Command;

/// All of it, in the order in which a community needs it.
pub(super) const COMMANDS: [Command; 14] = [
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
            "hours",
            "data-mb",
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
  --hours HOURS        works only then, like '22:00-06:00 UTC-06:00'
  --data-mb N          ends also when N MB have passed, both directions together
  --down-kbps N        limit towards the guest; 0 is none (0)
  --up-kbps N          limit from the guest; 0 is none (0)
  --seller-share 0.10  what the seller keeps of the price (0)
  --share NAME=0.15    what somebody else gets; may be given again. The rest is the community's
  --json               for programs
",
        perform: found::plan,
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
];
