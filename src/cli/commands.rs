//! What can be said on the command line: one entry a command, with its help.

use crate::platform::ubus::ArgumentType;

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Its name: one word, or two.
    pub(super) words: &'static [&'static str],
    /// What it does, in half a line.
    pub(super) summary: &'static str,
    /// Who does it.
    pub(super) kind: Kind,
    /// The argument that stands without an option, if there is one.
    pub(super) operand: Option<Operand>,
    /// Its own options.
    pub(super) options: &'static [Opt],
    /// The rest of its help: how, and an example.
    pub(super) help: &'static str,
}

/// Who does the work of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The daemon itself runs in this process.
    Run,
    /// Reads the configuration and says what is wrong with it.
    Check,
    /// Prints the base rules of the firewall.
    Firewall,
    /// Keys and membership, on the files of this machine; parses its own arguments.
    Community,
    /// Records of this machine, in files; the same.
    Ledger,
    /// The accounts, from records; the same.
    #[cfg(feature = "laptop")]
    Report,
    /// Whether a link can be built; the same.
    #[cfg(feature = "laptop")]
    PlanLink,
    /// Not in this build: [`ELSEWHERE`] says where.
    #[cfg(not(feature = "laptop"))]
    Elsewhere,
    /// What a boot undoes.
    Undo,
    /// A dish is turned, and the daemon asked all the while.
    Align,
    /// A method of the daemon's ubus object.
    Ask(&'static str),
}

/// An argument without an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// A word that goes to the daemon under this name.
    Word(&'static str),
    /// A voucher: its verifier, or `-` for what standard input says.
    Voucher,
    /// A file that the daemon writes.
    File,
    /// The configuration; it may be left out.
    Config,
}

/// An option that takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    /// Its name, also that of the method's argument.
    pub(super) name: &'static str,
    /// What its value is.
    pub(super) kind: ArgumentType,
    /// Whether the command makes no sense without it.
    pub(super) required: bool,
}

impl Command {
    /// The words as they are typed.
    pub(super) fn name(&self) -> String {
        self.words.join(" ")
    }
}

const fn opt(name: &'static str, kind: ArgumentType) -> Opt {
    Opt { name, kind, required: false }
}

const fn command(
    words: &'static [&'static str],
    kind: Kind,
    summary: &'static str,
    help: &'static str,
) -> Command {
    Command { words, summary, kind, operand: None, options: &[], help }
}

const fn need(name: &'static str) -> Opt {
    Opt { name, kind: ArgumentType::Text, required: true }
}

/// Of vouchers to be made.
const ISSUE: &[Opt] = &[
    need("plan"),
    opt("count", ArgumentType::Int32),
    opt("person", ArgumentType::Text),
    opt("key", ArgumentType::Text),
    opt("paper", ArgumentType::Text),
    opt("language", ArgumentType::Text),
];

/// Of money.
const CASH: &[Opt] =
    &[need("amount"), need("what"), opt("person", ArgumentType::Text), opt("key", ArgumentType::Text)];

/// Every list can be asked for in parts.
const PAGE: &[Opt] = &[opt("offset", ArgumentType::Int32), opt("limit", ArgumentType::Int32)];

/// All commands, in the order of the help.
pub(super) const COMMANDS: &[Command] = &[
    command(&["run"], Kind::Run, "be the daemon, in the foreground", RUN),
    Command {
        operand: Some(Operand::Config),
        ..command(&["check"], Kind::Check, "say what is wrong with the configuration", CHECK)
    },
    command(&["status"], Kind::Ask("status"), "how this node is, and what to look at", STATUS),
    command(&["neighbours"], Kind::Ask("neighbours"), "whom this node hears, and how well", NEIGHBOURS),
    Command {
        options: PAGE,
        ..command(&["routes"], Kind::Ask("routes"), "every way that is known, and the chosen ones", ROUTES)
    },
    Command {
        operand: Some(Operand::Word("destination")),
        options: &[opt("source", ArgumentType::Text)],
        ..command(&["why"], Kind::Ask("why"), "why packets for an address go where they go", WHY)
    },
    Command {
        options: PAGE,
        ..command(&["sources"], Kind::Ask("sources"), "what this node promised of each source", SOURCES)
    },
    Command {
        options: PAGE,
        ..command(&["requests"], Kind::Ask("requests"), "what this node asked for, and waits for", REQUESTS)
    },
    Command {
        options: PAGE,
        ..command(&["statistics"], Kind::Ask("statistics"), "what came, left, and was dropped", STATISTICS)
    },
    command(&["links"], Kind::Ask("links"), "the devices of the mesh and what they cost", LINKS),
    Command {
        operand: Some(Operand::Word("device")),
        options: &[
            opt("channel", ArgumentType::Int32),
            opt("width", ArgumentType::Int32),
            opt("power", ArgumentType::Int32),
            opt("distance", ArgumentType::Int32),
            opt("key", ArgumentType::Int32),
            opt("ssid", ArgumentType::Text),
        ],
        ..command(
            &["link", "change"],
            Kind::Ask("link_change"),
            "change a link at both its ends",
            LINK_CHANGE,
        )
    },
    Command {
        operand: Some(Operand::Word("link")),
        options: &[opt("resolution", ArgumentType::Text), opt("columns", ArgumentType::Text)],
        ..command(&["link", "history"], Kind::Ask("link_history"), "what a radio link was like", LINK_HISTORY)
    },
    Command {
        operand: Some(Operand::Word("device")),
        options: &[opt("seconds", ArgumentType::Int32), opt("tone", ArgumentType::Text)],
        ..command(&["link", "align"], Kind::Align, "turn a dish: what it hears, as it turns", LINK_ALIGN)
    },
    command(&["link", "undo"], Kind::Undo, "at boot: what a change left unfinished, for uci", LINK_UNDO),
    command(&["sync"], Kind::Ask("sync"), "with whom records are exchanged", SYNC),
    command(&["plans"], Kind::Ask("plans"), "what can be sold", PLANS),
    Command {
        options: &[
            need("plan"),
            need("name"),
            need("price"),
            opt("seller-share", ArgumentType::Text),
            opt("shares", ArgumentType::Text),
            opt("seconds", ArgumentType::Int32),
            opt("days", ArgumentType::Int32),
            opt("data-mb", ArgumentType::Int32),
            opt("devices", ArgumentType::Int32),
            opt("hours", ArgumentType::Text),
            opt("down-kbps", ArgumentType::Int32),
            opt("up-kbps", ArgumentType::Int32),
            opt("sellers", ArgumentType::Text),
            opt("key", ArgumentType::Text),
        ],
        ..command(&["plan", "set"], Kind::Ask("plan_set"), "put a plan on sale, or change one", PLAN_SET)
    },
    Command {
        options: ISSUE,
        ..command(&["voucher", "issue"], Kind::Ask("voucher_issue"), "sell vouchers", VOUCHER_ISSUE)
    },
    Command {
        operand: Some(Operand::Voucher),
        ..command(&["voucher", "show"], Kind::Ask("voucher_show"), "what a voucher holds", VOUCHER_SHOW)
    },
    Command {
        operand: Some(Operand::Voucher),
        options: &[opt("reason", ArgumentType::Text)],
        ..command(
            &["voucher", "revoke"],
            Kind::Ask("voucher_revoke"),
            "make a voucher worthless",
            VOUCHER_REVOKE,
        )
    },
    Command {
        options: ISSUE,
        ..command(
            &["voucher", "print"],
            Kind::Ask("voucher_print"),
            "make paper, to be sold later",
            VOUCHER_PRINT,
        )
    },
    Command {
        options: &[
            need("plan"),
            opt("count", ArgumentType::Int32),
            need("person"),
            need("reason"),
            opt("minutes", ArgumentType::Int32),
            opt("key", ArgumentType::Text),
        ],
        ..command(
            &["voucher", "give"],
            Kind::Ask("voucher_give"),
            "give vouchers for work or to the school",
            VOUCHER_GIVE,
        )
    },
    Command {
        operand: Some(Operand::Voucher),
        ..command(
            &["voucher", "exchange"],
            Kind::Ask("voucher_exchange"),
            "change a voucher whose code may be known",
            VOUCHER_EXCHANGE,
        )
    },
    Command {
        operand: Some(Operand::Voucher),
        options: &[
            opt("seconds", ArgumentType::Int32),
            opt("days", ArgumentType::Int32),
            opt("data-mb", ArgumentType::Int32),
            opt("reason", ArgumentType::Text),
        ],
        ..command(&["voucher", "extend"], Kind::Ask("voucher_extend"), "give a voucher more", VOUCHER_EXTEND)
    },
    Command {
        operand: Some(Operand::Voucher),
        options: &[need("plan"), opt("reason", ArgumentType::Text)],
        ..command(
            &["voucher", "honour"],
            Kind::Ask("voucher_honour"),
            "make paper of a lost lot good",
            VOUCHER_HONOUR,
        )
    },
    Command {
        options: PAGE,
        ..command(&["sessions"], Kind::Ask("sessions"), "who is online through this node", SESSIONS)
    },
    Command {
        operand: Some(Operand::Word("verifier")),
        options: &[opt("device", ArgumentType::Text)],
        ..command(&["session", "end"], Kind::Ask("session_end"), "let somebody out here", SESSION_END)
    },
    Command {
        options: &[need("month")],
        ..command(&["books", "close"], Kind::Ask("books_close"), "close the books of a month", BOOKS_CLOSE)
    },
    Command {
        options: &[opt("month", ArgumentType::Text)],
        ..command(&["books", "show"], Kind::Ask("books"), "what a month brought, and what waits", BOOKS_SHOW)
    },
    Command {
        options: &[need("lot"), opt("person", ArgumentType::Text)],
        ..command(
            &["books", "hand-over"],
            Kind::Ask("hand_over"),
            "paper goes to a seller, or comes back",
            BOOKS_HAND_OVER,
        )
    },
    Command {
        options: &[need("person"), need("amount"), opt("key", ArgumentType::Text)],
        ..command(&["books", "settle"], Kind::Ask("settle"), "a seller pays what she owes", BOOKS_SETTLE)
    },
    Command {
        operand: Some(Operand::Word("record")),
        ..command(&["books", "agree"], Kind::Ask("agree"), "agree with what another node wrote", BOOKS_AGREE)
    },
    Command {
        options: CASH,
        ..command(&["books", "expense"], Kind::Ask("expense"), "the community spends money", BOOKS_CASH)
    },
    Command {
        options: CASH,
        ..command(&["books", "contribute"], Kind::Ask("contribute"), "the community gets money", BOOKS_CASH)
    },
    command(&["network"], Kind::Ask("network"), "mode, services, notices, people", NETWORK),
    Command {
        options: &[need("mode"), opt("reason", ArgumentType::Text)],
        ..command(&["mode", "set"], Kind::Ask("mode_set"), "usual, emergency or night", MODE_SET)
    },
    Command {
        options: &[need("name"), opt("text", ArgumentType::Text), opt("days", ArgumentType::Int32)],
        ..command(&["notice", "set"], Kind::Ask("notice_set"), "put a sentence on the portal", NOTICE_SET)
    },
    Command {
        options: &[
            need("name"),
            opt("title", ArgumentType::Text),
            opt("node", ArgumentType::Text),
            opt("prefixes", ArgumentType::Text),
            opt("port", ArgumentType::Int32),
            opt("icon", ArgumentType::Text),
        ],
        ..command(&["service", "set"], Kind::Ask("service_set"), "say what a member serves", SERVICE_SET)
    },
    Command {
        operand: Some(Operand::Word("fingerprint")),
        ..command(
            &["root", "accept"],
            Kind::Ask("root_accept"),
            "count a new root of the community",
            ROOT_ACCEPT,
        )
    },
    command(&["community"], Kind::Community, "make a community, admit and expel members", ""),
    command(&["ledger"], Kind::Ledger, "records to a file, and back", super::ledger::HELP),
    #[cfg(feature = "laptop")]
    command(&["report"], Kind::Report, "what a month brought, for the assembly", super::report::HELP),
    #[cfg(feature = "laptop")]
    command(&["plan-link"], Kind::PlanLink, "whether a dish here reaches one there", super::plan_link::HELP),
    #[cfg(not(feature = "laptop"))]
    command(&["report"], Kind::Elsewhere, "what a month brought: on a laptop", ELSEWHERE),
    #[cfg(not(feature = "laptop"))]
    command(&["plan-link"], Kind::Elsewhere, "whether a dish reaches: on a laptop", ELSEWHERE),
    Command {
        operand: Some(Operand::File),
        ..command(
            &["record", "start"],
            Kind::Ask("record_start"),
            "record what happens, to play it again",
            RECORD,
        )
    },
    command(&["record", "stop"], Kind::Ask("record_stop"), "end the recording", RECORD_STOP),
    command(&["firewall"], Kind::Firewall, "print the base rules, for nft", FIREWALL),
    command(&["reload"], Kind::Ask("reload"), "read the configuration again", RELOAD),
];

/// What holds for every command.
pub(super) const GLOBAL: &str = "\
Options of every command:
  --config FILE   the configuration (/etc/config/tequio)
  --socket PATH   the socket of the ubus broker (/var/run/ubus/ubus.sock)
  --json          print the answer for programs
  -h, --help      this text; after a command, that command's
  -V, --version   the version
";

const RUN: &str = "\
Usage: tequio run [--config FILE]

Runs until SIGTERM. SIGHUP reads the configuration again. procd starts
this; by hand it is for trying things.

Example: tequio run --config ./village/cerro/tequio
";

const CHECK: &str = "\
Usage: tequio check [FILE]

Reads the configuration as the daemon would, changes nothing, and names
file, line, section and option of each mistake.

Example: tequio check && service tequio reload
";

const STATUS: &str = "\
Usage: tequio status

Example: tequio --json status
";

const NEIGHBOURS: &str = "\
Usage: tequio neighbours

HELLOS are the last 16, newest first: 1 was heard, 0 was missed.
RXCOST is what we measure, TXCOST what the neighbour says it measures.

Example: tequio neighbours
";

const ROUTES: &str = "\
Usage: tequio routes [--offset N] [--limit N]

`*` marks the way that packets take, `!` one that could make a loop
(not feasible, RFC 8966 section 2.4). Without options all are printed.

Example: tequio routes --limit 20
";

const WHY: &str = "\
Usage: tequio why ADDRESS|PREFIX [--source ADDRESS]

Each way that is known, with what speaks for or against it.
With --source: of packets that come from there (RFC 9079).

Example: tequio why 8.8.8.8
";

const SOURCES: &str = "\
Usage: tequio sources [--offset N] [--limit N]

The best that this node announced of each prefix and router (RFC 8966
section 3.2.5): a way that is not better could make a loop.

Example: tequio sources --limit 20
";

const REQUESTS: &str = "\
Usage: tequio requests [--offset N] [--limit N]

Sequence numbers that were asked for (RFC 8966 section 3.8.2) because no
way is left that cannot make a loop. AGAIN is how often it is still asked.

Example: tequio requests
";

const STATISTICS: &str = "\
Usage: tequio statistics [--offset N] [--limit N]

A row for each interface, then one for each neighbour. DROPPED counts
what was not acted on, by reason (docs/ubus.md says what each word means).

Example: tequio statistics
";

const LINKS: &str = "\
Usage: tequio links

Example: tequio links
";

const LINK_CHANGE: &str = "\
Usage: tequio link change DEVICE [--channel MHZ] [--width MHZ] [--power DBM]
         [--distance METRES] [--key NUMBER] [--ssid NAME]

Both ends of the link change together, or neither does: each goes back by
itself if they do not find each other again. Both must allow it (`list
change` of the interface). `tequio links` tells how far it is.

  --channel MHZ      middle of the first 20 MHz
  --width MHZ        5, 10, 20, 40, 80 or 160
  --power DBM        what the radios send with
  --distance METRES  how far they are apart
  --key NUMBER       the how-manieth passphrase: any other number than now
                     is another one, which both ends work out by themselves
  --ssid NAME        what the network is called, 1 to 32 octets

Example: tequio link change wlan0 --channel 5745 --width 20
";

const LINK_HISTORY: &str = "\
Usage: tequio link history DEVICE|NEIGHBOUR [--resolution R] [--columns A,B]

  --resolution R   seconds (10 s each, an hour), minutes (5 min, two days)
                   or hours (60 days); minutes if not said
  --columns A,B    up to six of signal_dbm, lowest_dbm, noise_dbm, snr_db,
                   chain_gap_db, quality_percent, throughput_kbit,
                   retries_percent, failed_percent, busy_percent, cost

It is kept in memory: a start of the daemon begins a new one.

Example: tequio link history wlan0 --resolution hours
";

const LINK_ALIGN: &str = "\
Usage: tequio link align DEVICE [--seconds N] [--tone off]

Five times a second: signal, bar, the most so far (|), what was planned (P)
and, once both ends are members, what the other end hears. The bell rings
the quicker the nearer the plan is. Ctrl-C ends it, so do 15 minutes.

  --seconds N   ends it after N seconds
  --tone off    no bell

Example: tequio link align wlan0
";

const LINK_UNDO: &str = "\
Usage: tequio link undo [--config FILE]

Prints what `uci batch` needs to undo a change that was not finished when
the power went. The init script does it before the radios start.

Example: tequio link undo | uci batch
";

const SYNC: &str = "\
Usage: tequio sync

SENT and RECEIVED are records. COMPARED is how long ago both sides had
compared all that they hold. Then who was turned away, and why.

Example: tequio sync
";

const PLANS: &str = "\
Usage: tequio plans

Example: tequio plans
";

const VOUCHER_ISSUE: &str = "\
Usage: tequio voucher issue --plan ID [--count N] [--person NAME] [--key K]

  --plan ID       what is sold, see `tequio plans`
  --count N       how many, 1 to 200 (1)
  --person NAME   who sells and owes the money
  --key K         the same K within a minute gives the same codes back,
                  so that asking twice sells once
  --paper a4|58mm     a page (HTML) to print: a sheet to cut, or a strip
  --language es|en    its language (es)

Example: tequio voucher issue --plan hora --count 3 --person ana
";

const VOUCHER_SHOW: &str = "\
Usage: tequio voucher show VERIFIER|-

With `-` the code is read from standard input: as an argument everybody
on this machine could read it. The verifier opens nothing.

Example: tequio voucher show -
";

const VOUCHER_REVOKE: &str = "\
Usage: tequio voucher revoke VERIFIER|- [--reason TEXT]

With `-` the code is read from standard input. The reason stays in the
ledger, for the assembly.

Example: tequio voucher revoke 0011223344556677 --reason \"lost\"
";

const VOUCHER_PRINT: &str = "\
Usage: tequio voucher print --plan ID [--count N] [--person NAME] [--key K]

Paper is owed at its first use, or when it is handed over, as the
charter says. With --person it is handed over at once.

  --paper a4|58mm     a page (HTML) to print: a sheet to cut, or a strip
  --language es|en    its language (es)

Example: tequio voucher print --plan hora --count 24 --paper a4 > vales.html
";

const VOUCHER_GIVE: &str = "\
Usage: tequio voucher give --plan ID --person NAME --reason WORD [...]

  --reason WORD   work, caretaker or school
  --minutes N     minutes of work
  --count N       how many (1)
  --key K         the same K within a minute gives the same codes back

Beyond the month's quota a treasurer's node has to agree.

Example: tequio voucher give --plan hora --person mateo --reason work
";

const VOUCHER_EXCHANGE: &str = "\
Usage: tequio voucher exchange -

After a theft: the code on the paper is typed, a new one is printed, for
nothing. Typed again it shows the same new code.

Example: tequio voucher exchange -
";

const VOUCHER_EXTEND: &str = "\
Usage: tequio voucher extend VERIFIER|- [--seconds N] [--days N] [--data-mb N]

On a node with the role treasurer. What its plan does not count adds nothing.

Example: tequio voucher extend - --seconds 3600 --reason \"no light\"
";

const VOUCHER_HONOUR: &str = "\
Usage: tequio voucher honour - --plan ID [--reason TEXT]

On an officer's node: the code of a lot that burnt with its router
before anybody else had it is typed from the paper, and is good.

Example: tequio voucher honour - --plan hora --reason \"fire\"
";

const SESSIONS: &str = "\
Usage: tequio sessions [--offset N] [--limit N]

Example: tequio sessions
";

const SESSION_END: &str = "\
Usage: tequio session end VERIFIER [--device MAC]

Cuts the devices of that voucher at this node, or only one of them, and
tells them. The voucher keeps what is left: its code can be typed again.
To make it worthless there is `tequio voucher revoke`.

Example: tequio session end 0011223344556677
";

const BOOKS_CLOSE: &str = "\
Usage: tequio books close --month MONTH

At the end of a month, on a node with the role treasurer: fixes what
each person sold, owes and paid. What becomes known later stands in the
next month. Print `tequio report` first.

Example: tequio books close --month 2026-11
";

const BOOKS_SHOW: &str = "\
Usage: tequio books show [--month MONTH]

Person by person, then what waits for another node's word: agree with
`tequio books agree RECORD` there.

Example: tequio books show --month 2026-11
";

const BOOKS_HAND_OVER: &str = "\
Usage: tequio books hand-over --lot LOT [--person NAME]

What of the lot is not sold goes to NAME; without a name it comes back.

Example: tequio books hand-over --lot 0011223344556677 --person beto
";

const BOOKS_SETTLE: &str = "\
Usage: tequio books settle --person NAME --amount AMOUNT [--key K]

At the node where NAME sold. It counts when another node with the role
treasurer agrees.

Example: tequio books settle --person ana --amount 12.50
";

const BOOKS_AGREE: &str = "\
Usage: tequio books agree RECORD

RECORD is named by `tequio books show`: a payment, gifts beyond the
quota, a void after the first use, an exchange of what somebody else
had used, a mode.

Example: tequio books agree 0011223344556677
";

const BOOKS_CASH: &str = "\
Usage: tequio books expense|contribute --amount AMOUNT --what TEXT

  --person NAME   who had the money, or has it
  --key K         the same K within a minute books once

Example: tequio books expense --amount 30 --what \"cable\"
";

const NETWORK: &str = "\
Usage: tequio network

Example: tequio network
";

const MODE_SET: &str = "\
Usage: tequio mode set --mode usual|emergency|night [--reason TEXT]

By an officer's node, or by a caretaker's with which a second one agrees
(`tequio books agree`).

Example: tequio mode set --mode emergency --reason \"hurricane\"
";

const NOTICE_SET: &str = "\
Usage: tequio notice set --name NAME [--text TEXT] [--days N]

On a node with the role notice. Without a text it is taken down.

Example: tequio notice set --name water --text \"No water today\" --days 1
";

const PLAN_SET: &str = "\
Usage: tequio plan set --plan ID --name NAME --price AMOUNT [options]

On a treasurer's node. Paper that is printed already stays what it was.

  --seconds N         seconds of use; with --days they end N days later
  --days N            days from the first use
  --data-mb N         ends also when N MB have passed, both ways together
  --devices N         devices at one time (1)
  --hours HOURS       works only then, like \"22:00-06:00 UTC-06:00\"
  --down-kbps N       limit towards the guest; 0 is none (0)
  --up-kbps N         limit from the guest; 0 is none (0)
  --seller-share A    what the seller keeps of the price (0)
  --shares NAME=A,..  who gets what of it; the rest is the community's
  --sellers A,B       only these members sell it (each seller)
  --key K             the same K within a minute writes once

Example: tequio plan set --plan giga --name \"Un giga\" --price 3 --days 30 \\
           --data-mb 1000
";

const SERVICE_SET: &str = "\
Usage: tequio service set --name NAME [--title T] [--node N] [--prefixes A,B]
                         [--port P] [--icon WORD]

On an officer's node. Without addresses it is served no more. NAME is
part of a name of the network: the library is at library.mesh and at
library.COMMUNITY.mesh, on every node, free, with or without an uplink.

  --node N      the member that serves it, and asks whether it answers
  --prefixes A,B  its addresses: among those of that member's guests, or
                in the part of the community's range that is nobody's
  --port P      the TCP port that answers (80)
  --icon WORD   book school clinic radio film music map chat phone
                market weather news game farm church

Example: tequio service set --name library --prefixes 10.77.252.10
";

const ROOT_ACCEPT: &str = "\
Usage: tequio root accept FINGERPRINT

Where the old root is lost (`tequio community succeed --bundle`), each node
counts the new one once somebody there has accepted it. FINGERPRINT is what
the people who keep it read to you, and nothing that a node shows.

Example: tequio root accept 7K2M-QX4T-9ZRD
";

const RECORD: &str = "\
Usage: tequio record start FILE

Writes a snapshot and then every input of the node to FILE. Codes, keys
and device addresses are replaced before they are written. A recording
is played again with `lab replay FILE`.

Example: tequio record start /var/run/tequio/field.rec
";

const RECORD_STOP: &str = "\
Usage: tequio record stop

Example: tequio record stop
";

const FIREWALL: &str = "\
Usage: tequio firewall [--config FILE]

Prints our nft table without guests. Loading it again keeps guests and
counters.

Example: tequio firewall | nft -f -
";

const RELOAD: &str = "\
Usage: tequio reload

Ends no session and drops no neighbour whose own options stayed. With a
mistake in the configuration the old one stays in force.

Example: tequio check && tequio reload
";

/// What a router's build says of a laptop's commands.
#[cfg(not(feature = "laptop"))]
pub(super) const ELSEWHERE: &str = "that is on a laptop's tequio: `tequio ledger export --file FILE` here, then `tequio \
report --bundle FILE` there; a link is planned there, too, and on LuCI's page Plan a link";

/// The help of the whole program.
pub(super) fn overview() -> String {
    let mut text =
        "tequio: a whole node of a community network\n\nUsage: tequio [OPTION] COMMAND\n\nCommands:\n"
            .to_owned();
    for command in COMMANDS {
        text.push_str(&format!("  {:<15} {}\n", command.name(), command.summary));
    }
    text.push('\n');
    text.push_str(GLOBAL);
    text.push_str("\nExample: tequio why 8.8.8.8\n");
    text
}

impl Kind {
    /// Whether the rest of the words belongs to it.
    pub(super) const fn parses_itself(self) -> bool {
        !matches!(self, Self::Run | Self::Check | Self::Firewall | Self::Undo | Self::Align | Self::Ask(_))
    }
}

/// The help of one command.
pub(super) fn help(command: &Command) -> String {
    format!("tequio {}: {}\n\n{}\n{GLOBAL}", command.name(), command.summary, command.help)
}

/// The help of the first word of commands with two.
pub(super) fn group_help(first: &str) -> String {
    let mut text = String::new();
    for command in COMMANDS.iter().filter(|command| command.words[0] == first) {
        text.push_str(&help(command).replace(GLOBAL, ""));
    }
    text.push_str(GLOBAL);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_help_fits_a_terminal_and_has_an_example() {
        let mut texts = vec![overview(), group_help("voucher"), group_help("record")];
        let own = COMMANDS.iter().filter(|command| command.kind != Kind::Community);
        texts.extend(own.map(help));
        for text in texts {
            assert!(text.contains("\nExample: tequio "), "{text}");
            assert!(text.contains("Usage: tequio "), "{text}");
            for line in text.lines() {
                assert!(line.chars().count() < 80, "{line}");
            }
        }
    }

    #[test]
    fn the_overview_names_every_command() {
        insta::assert_snapshot!(overview(), @r"
        tequio: a whole node of a community network

        Usage: tequio [OPTION] COMMAND

        Commands:
          run             be the daemon, in the foreground
          check           say what is wrong with the configuration
          status          how this node is, and what to look at
          neighbours      whom this node hears, and how well
          routes          every way that is known, and the chosen ones
          why             why packets for an address go where they go
          sources         what this node promised of each source
          requests        what this node asked for, and waits for
          statistics      what came, left, and was dropped
          links           the devices of the mesh and what they cost
          link change     change a link at both its ends
          link history    what a radio link was like
          link align      turn a dish: what it hears, as it turns
          link undo       at boot: what a change left unfinished, for uci
          sync            with whom records are exchanged
          plans           what can be sold
          plan set        put a plan on sale, or change one
          voucher issue   sell vouchers
          voucher show    what a voucher holds
          voucher revoke  make a voucher worthless
          voucher print   make paper, to be sold later
          voucher give    give vouchers for work or to the school
          voucher exchange change a voucher whose code may be known
          voucher extend  give a voucher more
          voucher honour  make paper of a lost lot good
          sessions        who is online through this node
          session end     let somebody out here
          books close     close the books of a month
          books show      what a month brought, and what waits
          books hand-over paper goes to a seller, or comes back
          books settle    a seller pays what she owes
          books agree     agree with what another node wrote
          books expense   the community spends money
          books contribute the community gets money
          network         mode, services, notices, people
          mode set        usual, emergency or night
          notice set      put a sentence on the portal
          service set     say what a member serves
          root accept     count a new root of the community
          community       make a community, admit and expel members
          ledger          records to a file, and back
          report          what a month brought, for the assembly
          plan-link       whether a dish here reaches one there
          record start    record what happens, to play it again
          record stop     end the recording
          firewall        print the base rules, for nft
          reload          read the configuration again

        Options of every command:
          --config FILE   the configuration (/etc/config/tequio)
          --socket PATH   the socket of the ubus broker (/var/run/ubus/ubus.sock)
          --json          print the answer for programs
          -h, --help      this text; after a command, that command's
          -V, --version   the version

        Example: tequio why 8.8.8.8
        ");
    }

    #[test]
    fn every_option_of_the_table_stands_in_the_help() {
        for command in COMMANDS {
            for option in command.options {
                assert!(
                    command.help.contains(&format!("--{}", option.name)),
                    "{}: {}",
                    command.name(),
                    option.name
                );
            }
        }
    }
}
