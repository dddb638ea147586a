//! Every bound of the program, each with its reason. What happens when one is reached is written at
//! the place that enforces it, and tested there.
//!
//! One section a room; a room's bounds stand together so that its worst case can be added up.

// ---- babel ----

/// Neighbours on one node. A village hilltop has about 10; 64 leaves room for a crowded meeting.
pub const BABEL_NEIGHBOURS: usize = 64;
/// Entries of the route table, over all neighbours: 10,000 routes from two neighbours each.
pub const BABEL_ROUTES: usize = 20_000;
/// Of these, entries of one neighbour: whoever announces nonsense leaves room for the others.
pub const BABEL_ROUTES_PER_NEIGHBOUR: usize = BABEL_ROUTES / 2;
/// Entries of the source table (RFC 8966 3.2.5): one per prefix and router-id heard lately.
pub const BABEL_SOURCES: usize = 24_000;
/// Seqno requests that wait for an answer (RFC 8966 3.2.7).
pub const BABEL_PENDING_REQUESTS: usize = 1_024;
/// Prefixes that this node announces itself: its own addresses, its clients' and a handful of others.
pub const BABEL_ORIGINATED: usize = 1_024;
/// Interfaces that Babel is told of: a router with many VLANs has about 40.
pub const BABEL_INTERFACES: usize = 128;
/// TLVs (not counting routes) that wait for one destination: 64 neighbours with an IHU and a request each.
pub const BABEL_OUTBOX_TLVS: usize = 256;
/// TLVs that one packet may hold: the largest jumbo-free packet of the shortest TLVs that act.
pub const BABEL_TLVS_PER_PACKET: usize = 4_096;
/// Links of which something is known beside what Babel hears: of all neighbours, and of some that left.
pub const BABEL_AIRS: usize = 2 * BABEL_NEIGHBOURS;
/// Senders with a right MAC that are remembered, over all interfaces: all neighbours, and as many that left.
pub const BABEL_AUTH_PEERS: usize = 2 * BABEL_NEIGHBOURS;
/// Keys of one interface: two suffice to change from one to another, a mesh of several communities has more.
pub const BABEL_KEYS: usize = 8;
/// MACs of one packet that are looked at: one of each key that a peer may have.
pub const BABEL_MACS_PER_PACKET: usize = 16;
/// Epochs whose keys sign and are taken at one time: the newest, and those that one minute of rotations leaves behind. With
/// as many static keys of an interface, they fit what is looked at.
pub const BABEL_EPOCHS: usize = 4;
/// Interfaces, and filters, that programs may add over ubus before a restart forgets them.
pub const BABELD_ADDED: usize = 32;
/// Notifications of that object after one input: a partition changes thousands of routes, and a subscriber reads slowly.
pub const BABELD_NOTIFICATIONS: usize = 64;
/// Packets that wait to be sent on one interface before the oldest is dropped.
pub const BABEL_SEND_QUEUE: usize = 256;

// ---- hotspot ----

/// Sessions (devices that are let through) on one access node; the nft maps have the same size.
pub const HOTSPOT_SESSIONS: usize = 1_024;
/// Codes being checked at one time; one more is told to try again.
pub const HOTSPOT_CHECKS: usize = 64;
/// Devices whose tries are remembered; one more makes room by forgetting the one that may try soonest.
pub const HOTSPOT_TRIES: usize = 1_024;
/// Strangers that are looked for among the devices of vouchers within three seconds: each may cost 4,096 keyed hashes, 40 ms
/// of a 24Kc at 560 MHz.
pub const HOTSPOT_LOOKS: usize = 6;
/// Devices of vouchers that one stranger is held against; of more, who has come from elsewhere types the code.
pub const ROAM_DEVICES: usize = 4_096;
/// Vouchers that one device may have: a phone with two coupons, and those of the week before.
pub const ROAM_VOUCHERS: usize = 8;
/// Devices that a node asks the others for at one time.
pub const ROAM_SOUGHT: usize = 16;
/// Devices of which it tells the others at one time whether they are here: all of 19 nodes ask for four each.
pub const ROAM_FOUND: usize = 64;
/// Octets of a device in a status: what is said of it, and its tag.
pub const STATUS_DEVICE_BYTES: usize = 9;
/// Requests that wait for one code check: a person who taps twice, and the phone's own page beside it.
pub const HOTSPOT_WAITING: usize = 4;
/// Codes that wait at one device until what it has is spent: a week of days, bought at once.
pub const HOTSPOT_NEXT: usize = 6;
/// Changes handed to the kernel in one batch: one that it refuses spoils 63 others at most.
pub const HOTSPOT_BATCH: usize = 64;
/// Refused changes that wait for another attempt; one more is left to the next renewal, or the lease.
pub const HOTSPOT_REFUSED: usize = 1_024;
/// Outputs that nobody has polled yet beyond which events (and only they) are dropped and counted.
pub const HOTSPOT_OUTPUTS: usize = 4_096;
/// Bytes of what was typed as a code that are shown again in the form: 12 symbols and generous dashes.
pub const PORTAL_CODE_BYTES: usize = 32;
/// Free services that a page lists, and bytes of the name or address of one: a page stays below 30 kB.
pub const PORTAL_SERVICES: usize = 12;
/// Bytes of all their names and addresses on one page: five times as many once they are escaped.
pub const PORTAL_SERVICES_BYTES: usize = 2_000;
/// Devices of one voucher that a page lists by the ends of their addresses; the others are counted.
pub const PORTAL_DEVICES: usize = 16;
/// Notices that a page shows; each has 384 bytes at most.
pub const PORTAL_NOTICES: usize = 3;
/// Devices that are remembered to have told that there is no internet, and devices that were let out and are told why.
pub const PORTAL_TOLD: usize = 64;
/// Numbers to call that a page shows.
pub const PORTAL_CALLS: usize = 4;
/// Bytes of a name shown on a page (community, plan, service), and of an address.
pub const PORTAL_NAME_BYTES: usize = 200;
/// Languages of the portal: a page links to each of the others.
pub const PORTAL_LANGUAGES: usize = 12;
/// Bytes and lines of a file of words, and bytes of one text: three times what ours have; a page stays below 30 kB.
pub const PORTAL_WORDS_BYTES: usize = 16_384;
/// Files that are looked at in a folder of words.
pub const PORTAL_WORDS_FILES: usize = 64;
/// Lines of a file of words.
pub const PORTAL_WORDS_LINES: usize = 400;
/// Bytes of one text: the longest of ours has 460 in Greek.
pub const PORTAL_TEXT_BYTES: usize = 480;
/// Bytes of a portal request's head, and of its body: a form with one code in it.
pub const PORTAL_REQUEST_BYTES: usize = 8_192;
/// Connections that the portal serves at one time.
pub const PORTAL_CONNECTIONS: usize = 128;
/// Connections that the portal serves at one time for one address: a browser opens two or three.
pub const PORTAL_CONNECTIONS_PER_ADDRESS: usize = 4;
/// Header lines of a portal request; browsers send about 15.
pub const PORTAL_HEADERS: usize = 64;

/// Elements that the firewall asks for one by one; beyond it, it dumps the six sets: one guest is six
/// questions of 0.1 ms, a dump of 1,000 guests is 400 kB.
pub const FIREWALL_SINGLE_READS: usize = 96;
/// Questions of one datagram: each answer takes about 5 kB of a receive buffer of 208 kB.
pub const FIREWALL_READS_PER_DATAGRAM: usize = 24;
/// Times that a batch is made because an element expired after it was read.
pub const FIREWALL_TRIES: usize = 4;

// ---- ledger ----

/// Bytes of one record: an issue of 200 vouchers is 1.8 kB, an epoch sealed to 48 members 7.5 kB.
pub const RECORD_BYTES: usize = 8_192;
/// Bytes of a close, the one longer record: 3,000 names and 150 rows. Frames of journals and bundles are no longer.
pub const CLOSE_BYTES: usize = 49_152;
/// Records that one node keeps: three years of a village, before closes let details go.
pub const LEDGER_RECORDS: usize = 200_000;
/// Octets of records above which a node lets go what closed books need no more: a fifth of the flash that three years may
/// take, as a journal holds three times what counts and is written anew beside the old one; in memory they take twice as much.
pub const LEDGER_ROOM_BYTES: u64 = 786_432;
/// Octets of records that no close covers above which a treasurer's node closes the books without being asked: a
/// village that sells 250 coupons a day needs half a day for them, and the details of two closes are kept.
pub const CLOSE_AFTER_BYTES: u64 = 131_072;
/// The same while another treasurer's node is not heard: five days of such a village, and a split is mostly over by then.
pub const CLOSE_APART_BYTES: u64 = 1_048_576;
/// Octets that a journal may hold in vain before it is written anew, beside twice what counts.
pub const JOURNAL_WASTE_BYTES: u64 = 262_144;
/// Octets of a journal and of the one that takes its place, without that waste: both are on flash for a moment, and 4 MB
/// are there for them.
pub const JOURNAL_BOTH_BYTES: u64 = 3_600_000;
/// Maps and arrays inside each other in one record: our deepest body has 4.
pub const RECORD_DEPTH: usize = 8;
/// Bytes of a name, a language or a currency inside a record.
pub const RECORD_TEXT_BYTES: usize = 96;
/// Vouchers of one lot (`docs/ledger.md`, voucher codes).
pub const LOT_VOUCHERS: usize = 200;
/// One message of a ledger's stream: a close and what stands around it fit easily, and Noise takes 65,535.
pub const SYNC_MESSAGE_BYTES: usize = 53_248;
/// Records of one message together; at least one record fits.
pub const SYNC_RECORDS_BYTES: usize = 16_384;
/// One step of a comparison: 3,000 names.
pub const SYNC_COMPARE_BYTES: usize = 24_576;
/// What a stranger may say before it is believed: a charter, an officer and a member are 1 kB.
pub const SYNC_PATH_BYTES: usize = 4_096;
/// Records that are asked for in one message: 256 names are 2.3 kB.
pub const SYNC_WANT: usize = 256;
/// Answers of one stream that wait to be sent; until one has left no further question is read.
pub const SYNC_CONTROL: usize = 4;
/// Words about a link that wait to be fetched: they are, after each message.
pub const SYNC_ASIDES: usize = 4;
/// Streams of one node: a hill has half a dozen neighbours.
pub const SYNC_STREAMS: usize = 16;
/// A beacon is 47 octets; a later version may say more.
pub const SYNC_BEACON_BYTES: usize = 256;
/// Those who were turned away and are told of: one a neighbour, and some strangers.
pub const SYNC_REFUSED: usize = 16;
/// Members that are dialled over a route at one time: a few make islands one, and links stay free.
pub const SYNC_ROUTED: usize = 4;
/// Nodes whose beacons are remembered: as many again, on other links, and some liars.
pub const SYNC_HEARD: usize = 64;
/// What is taken from others of one author at once, in octets with what a ledger needs around them: the whole ledger of a
/// village that closes its books is 1.5 MB (`LEDGER_ROOM_BYTES`), and 4 MB of flash are there for all of it.
pub const SYNC_AUTHOR_BYTES: u64 = 2_097_152;
/// The same in a day, later, 6 octets a second: the busiest node of 1,000 users writes a third of it.
pub const SYNC_AUTHOR_DAY_BYTES: u64 = 518_400;
/// Authors that are reckoned with: 511 numbers, some that were expelled, roots.
pub const SYNC_AUTHORS: usize = 640;
/// Codes of one issuer whose lots are not here, and that are let in (`docs/ledger.md`, voucher codes).
pub const NODE_UNKNOWN_LOTS_OF_ONE: usize = 50;
/// The same of all issuers.
pub const NODE_UNKNOWN_LOTS: usize = 100;
/// Wrong tags of a day, after which none of these is let in until somebody logs in: of 1,000 guesses none is right, as
/// like as not (8 secrets of 2^18 tags each).
pub const NODE_WRONG_TAGS: u32 = 1_000;
/// Vouchers on one page of usage: 64 counters of at most 30 bytes are 2 kB.
pub const USAGE_PAGE: usize = 64;
/// Bytes of the spent keepsakes that one record of a device names, 8 each: older ones are of devices that have yielded.
pub const DEVICE_SPENT_BYTES: usize = 32;
/// Bytes of the community's logo: a record holds [`RECORD_BYTES`], and a phone loads it beside its page.
pub const LOGO_BYTES: usize = 4_096;
/// Dots of it, each way: 256 kB in the phone once it is unpacked.
pub const LOGO_DOTS: u16 = 256;
/// Shares inside one epoch record, so that it fits [`RECORD_BYTES`]; further members get a grant.
pub const EPOCH_SHARES: usize = 48;
/// Shares of a plan's price, beside the seller's.
pub const PLAN_SHARES: usize = 8;
/// Members that a plan names as its sellers; a plan for more is for all.
pub const PLAN_SELLERS: usize = 16;
/// Records that one record may name as replaced: concurrent changes of one member or plan.
pub const RECORD_REPLACES: usize = 16;
/// Last records of a key that a record may name as counted: one a branch, and branches are restored backups.
pub const RECORD_HEADS: usize = 16;
/// Records that one close names: the rights of a village are 300, its lots with good vouchers 2,000 when hours last a month.
pub const CLOSE_NAMES: usize = 3_000;
/// Months whose last closes are kept for reports: a year and the month before, each of 10 to 16 kB in a village of 19 nodes.
pub const CLOSE_MONTHS: u32 = 13;
/// Days after the first use for which a voucher without a last day holds its lot below the line of a close.
pub const CLOSE_IDLE_DAYS: u32 = 365;
/// Services that count, in the order of their names: two elements of the kernel's table, a name and a line each.
pub const SERVICES: usize = 32;
/// Services that one member asks whether they answer, and that a status names as silent.
pub const STATUS_SILENT: usize = 16;
/// Prefixes of one service.
pub const SERVICE_PREFIXES: usize = 8;
/// Bytes of the figures of a link that was good.
pub const REFERENCE_BYTES: usize = 1_024;
/// How often a day a device may take the place of another one on a voucher: a family shares a coupon, a street does not.
pub const DEVICE_MOVES: u32 = 6;
/// Bytes of a journal or a bundle of records: eight times what three years of a village take.
pub const JOURNAL_BYTES: u64 = 32 << 20;
/// Epochs whose secrets a node keeps: the current one and older ones with open lots.
pub const VAULT_EPOCHS: usize = 9;
/// Hash chains in work at one time: all checks that the hotspot allows, and a lot being made.
pub const VAULT_WORK: usize = HOTSPOT_CHECKS + LOT_VOUCHERS;

// ---- node ----

/// Requests (portal and ubus) that wait for an answer; one more is refused at once.
pub const NODE_REQUESTS: usize = 256;
/// Seconds after which a request that nobody answered is given up.
pub const NODE_REQUEST_S: u64 = 10;
/// Bytes of one frame of a recording: the snapshot of a node with 10,000 routes and 5,000 vouchers is 4 MB.
pub const RECORDING_FRAME_BYTES: usize = 16 << 20;
/// Bytes of one segment of a recording; a file has two at most. A quiet node fills one in a day.
pub const RECORDING_SEGMENT_BYTES: usize = 8 << 20;
/// Chains of voucher codes that are computed at one time: a lot of 200 is sold in slices.
pub const NODE_CHAINS: usize = 8;
/// Records that wait for another node's word, as people see them: more are a mistake, and the latest ones matter.
pub const BOOKS_PROPOSALS: usize = 50;
/// Vouchers that were used twice of which an alert is made: the report has all of them.
pub const ALERTS_TWICE: usize = 8;
/// Sales whose answer is kept for a second tap on the same button.
pub const NODE_RECENT_SALES: usize = 16;
/// Records of other nodes that wait for the flash: 256 of 200 octets are 50 kB.
pub const NODE_OTHERS_RECORDS: usize = 256;
/// Troubles of the machine that the daemon tells the node of: its codes are fewer.
pub const NODE_TROUBLES: usize = 32;
/// Those who announce what they may not, and are remembered: one that announces everything is enough to look at.
pub const NODE_STRANGERS: usize = 16;
/// Routers that are counted on the way outside: the longest village has 9 nodes in a row.
pub const NODE_HOPS: u8 = 16;
/// Rounds of passing words between cores after one input; four are enough, more is a mistake.
pub const NODE_CARRY_ROUNDS: usize = 64;

// ---- link ----

/// Devices of radios that are watched: a hilltop has four radios, some with two devices.
pub const RADIOS: usize = 8;
/// Stations of one device in a sample; of more, the first count. An access radio of a mesh has some ten.
pub const RADIO_STATIONS: usize = 64;

/// Stations that are told while a dish is turned, the strongest: one of them is the other hill.
pub const ALIGN_STATIONS: usize = 8;
/// Columns of a history that are told at once: 1,440 steps of 6 octets each, 52 kB of the 64 that a page takes.
pub const HISTORY_COLUMNS: usize = 6;

/// Ranges of what a country allows: the longest list of the kernel's database has a dozen.
pub const RADIO_RULES: usize = 64;

/// Channels of radios that radars keep from them: a band has 24 that are shared with radars, and a radio left one in
/// half an hour, seldom two.
pub const RADIO_RADARS: usize = 16;

/// Links that are watched, each with a history of 28 kB: of more neighbours, those that die make room.
pub const RADIO_LINKS: usize = 32;

// ---- platform ----

/// Messages of one netlink datagram: the kernel's acknowledgements still fit its receive buffer.
pub const NETLINK_BATCH: usize = 64;
/// Bytes of one netlink datagram that we receive: the kernel makes them up to 32 kB in a dump.
pub const NETLINK_DATAGRAM_BYTES: usize = 32_768;
/// Bytes asked for as receive buffer of a socket that listens to events: some 1,200 of them, measured
/// with routes. A ceiling, no memory that is taken before; after more than that all is read again.
pub const NETLINK_EVENT_BUFFER: usize = 524_288;
/// Times that a dump is started again because the table changed meanwhile.
pub const NETLINK_DUMP_TRIES: usize = 5;
/// Datagrams of given-up requests that are read away before the next: the rest of a full dump.
pub const NETLINK_PENDING: usize = 4_096;
/// Entries kept of one dump: ten times the routes of our largest test; about 3 MB.
pub const NETLINK_DUMP_ENTRIES: usize = 100_000;
/// Bytes of a Babel packet that we receive: a jumbo frame. Senders keep to the MTU (RFC 8966 section 4).
pub const MESH_DATAGRAM_BYTES: usize = 9_216;
/// Datagrams that are read in one turn of the loop when all of them are to be dropped.
pub const MESH_DATAGRAMS_A_TURN: usize = 32;
/// Interfaces that are watched; one more is not told.
pub const LINKS: usize = 1_024;
/// Routes and own addresses of the kernel that are offered for announcing; what is more is left out.
pub const KERNEL_ROUTES: usize = 4_096;
/// Questions to the outside at one time: 8 uplinks with 12 machines to ask each, and a burst of hops.
pub const PROBES: usize = 128;
/// Bytes of a ubus message that we send: a tenth of the broker's limit of 1 MiB.
pub const UBUS_MESSAGE_BYTES: usize = 100_000;
/// Bytes of a ubus message that we read; a longer one is passed over. uhttpd hands on at most 64 KiB,
/// and a dump of 40 interfaces, the largest answer that we ask for, has 80 kB.
pub const UBUS_READ_BYTES: usize = 262_144;
/// Bytes that wait for a broker that does not read, before the connection is given up: ten of our
/// largest answers.
pub const UBUS_SEND_QUEUE_BYTES: usize = 1_000_000;
/// Levels of tables and arrays in one ubus message: our deepest reply has 4; more would only cost stack.
pub const UBUS_DEPTH: usize = 32;
/// Our own calls to other objects that wait for an answer; one more is refused at once.
pub const UBUS_INVOKES: usize = 32;
/// Seconds after which a call that the node left without an answer is ended with a time-out: three
/// times what the node gives itself, and what the `ubus` tool waits.
pub const UBUS_CALL_S: u64 = 30;
/// Records in the store thread's queue.
pub const STORE_QUEUE: usize = 256;

// ---- config ----

/// Bytes of a configuration file: a node's has about 2 kB, one with every list full about 60 kB.
pub const CONFIG_BYTES: usize = 65_536;

// ---- the calendar ----

/// 2026-11-01: what this version is younger than no clock can say.
pub const BUILT_UNIX_S: u64 = 1_793_491_200;
