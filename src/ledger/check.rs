//! What bodies may say: the bounds of every value.

use super::account::FIGURES;
use super::body::{
    Body, Cash, Charter, Close, Epoch, Extension, HandOver, InKind, Look, Member, Mode, Notice, Person, Plan,
    PlanMeasure, ReferenceState, Sale, SealedShare, Service, Settlement, Status,
};
use super::line::NAME_BYTES;
use super::record::RecordId;
use crate::base::limit::{
    CLOSE_NAMES, DEVICE_SPENT_BYTES, EPOCH_SHARES, LOGO_BYTES, LOGO_DOTS, LOT_VOUCHERS, PLAN_SELLERS,
    PLAN_SHARES, RECORD_HEADS, RECORD_REPLACES, RECORD_TEXT_BYTES, REFERENCE_BYTES, ROAM_FOUND, ROAM_SOUGHT,
    SERVICE_PREFIXES, STATUS_DEVICE_BYTES, STATUS_SILENT, USAGE_PAGE,
};
use crate::base::voucher::Verifier;

impl Body {
    /// What is wrong with the values, in words for whoever wrote them.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Charter(body) => body.fault(),
            Self::Succession(body) => heads_fault(&body.heads),
            Self::Member(body) => body.fault(),
            Self::Person(body) => body.fault(),
            Self::Epoch(body) => body.fault(),
            Self::Grant(body) => body.share.fault(),
            Self::Plan(body) => body.fault(),
            Self::Issue(body) => lot_fault(&body.verifiers),
            Self::Sale(body) => body.fault(),
            Self::Usage(body) => (body.counters.is_empty() || body.counters.len() > USAGE_PAGE)
                .then_some("a page of usage has 1 to 64 counters"),
            Self::Extension(body) => body.fault(),
            Self::Revocation(body) => {
                text_fault(&body.reason).or_else(|| vouchers_fault(body.confirms, &body.verifiers))
            }
            Self::InKind(body) => body.fault(),
            Self::HandOver(body) => body.fault(),
            Self::Settlement(body) => body.fault(),
            Self::Expense(body) | Self::Contribution(body) => body.fault(),
            Self::Close(body) => body.fault(),
            Self::Honoured(body) => text_fault(&body.reason).or_else(|| lot_fault(&body.lot.verifiers)),
            Self::Mode(body) => body.fault(),
            Self::Service(body) => body.fault(),
            Self::Notice(body) => body.fault(),
            Self::Status(body) => body.fault(),
            Self::ReferenceState(body) => body.fault(),
            Self::Look(body) => body.fault(),
            Self::Device(body) => body
                .spent
                .as_ref()
                .is_some_and(|spent| spent.len() % 8 != 0 || spent.len() > DEVICE_SPENT_BYTES)
                .then_some("a device names at most 4 keepsakes that are spent"),
            Self::Activation(_) | Self::Exchange(_) | Self::Time(_) | Self::Unread => None,
        }
    }
}

impl Charter {
    fn fault(&self) -> Option<&'static str> {
        let texts = [&self.name, &self.currency, &self.country];
        let lists = self.languages.iter().chain(&self.ssids).chain(&self.provisional_plan);
        let text = texts.into_iter().chain(lists).find_map(|text| text_fault(text));
        if text.is_some() {
            return text;
        }
        if self.name.is_empty() {
            return Some("the community needs a name");
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some("the currency is three capital letters, like USD");
        }
        if self.minor_units > 4 {
            return Some("an amount of money has at most 4 digits behind the point");
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Some("the country is two capital letters, like MX");
        }
        if self.languages.is_empty() || self.languages.len() > 8 {
            return Some("a community has 1 to 8 languages");
        }
        if self.ssids.len() > 8 || self.replaces.len() > RECORD_REPLACES {
            return Some("a community has at most 8 radio networks, a record replaces at most 16 others");
        }
        if !self.ipv4.is_ipv4() || self.ipv4.length() != 16 {
            return Some("the IPv4 range is a /16, like 10.77.0.0/16");
        }
        if self.ipv6.is_ipv4() || self.ipv6.length() != 48 {
            return Some("the IPv6 range is a /48, like fd12:3456:789a::/48");
        }
        None
    }
}

impl Member {
    fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() {
            return Some("a member needs a name");
        }
        if !(1..=511).contains(&self.number.0) {
            return Some("an issuer number is 1 to 511");
        }
        if self.slot.is_some_and(|slot| slot > 59) {
            return Some("an address slot is 0 to 59");
        }
        if self.replaces.len() > RECORD_REPLACES {
            return Some("a record replaces at most 16 others");
        }
        text_fault(&self.name).or_else(|| heads_fault(&self.heads))
    }
}

impl Person {
    fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() {
            return Some("a person needs a name");
        }
        if self.replaces.len() > RECORD_REPLACES {
            return Some("a record replaces at most 16 others");
        }
        [&self.name, &self.verifier].into_iter().find_map(|text| text_fault(text))
    }
}

impl Epoch {
    fn fault(&self) -> Option<&'static str> {
        if self.number == 0 || (self.number == 1) != self.follows.is_none() {
            return Some("the first epoch has number 1 and follows none, every other one follows one");
        }
        if self.shares.len() > EPOCH_SHARES {
            return Some("an epoch holds at most 48 shares, further members get a grant");
        }
        if self.expels.len() > EPOCH_SHARES {
            return Some("an epoch expels at most 48 members");
        }
        if let Some(fault) = self.expels.iter().find_map(|expulsion| heads_fault(&expulsion.heads)) {
            return Some(fault);
        }
        self.shares.iter().find_map(SealedShare::fault)
    }
}

impl SealedShare {
    fn fault(&self) -> Option<&'static str> {
        (self.sealed.len() > 512).then_some("a sealed share has at most 512 bytes")
    }
}

impl Plan {
    fn fault(&self) -> Option<&'static str> {
        let texts = [&self.id, &self.name].into_iter().chain(self.shares.iter().map(|share| &share.to));
        if let Some(fault) = texts.into_iter().find_map(|text| text_fault(text)) {
            return Some(fault);
        }
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if self.id.is_empty() || !self.id.bytes().all(plain) {
            return Some("a plan's id is lower-case letters, digits, - and _");
        }
        if self.name.is_empty() {
            return Some("a plan needs a name");
        }
        if self.devices == 0 || self.devices > 16 {
            return Some("a plan is for 1 to 16 devices");
        }
        match self.measure {
            PlanMeasure::UsedSeconds { seconds: 0, .. } | PlanMeasure::DaysFromFirstUse { days: 0 } => {
                return Some("a plan gives at least one second or day");
            }
            PlanMeasure::UsedSeconds { within_days: Some(0), .. } => {
                return Some("a plan can be used for at least one day");
            }
            PlanMeasure::External if self.data_mb.is_some() => {
                return Some("a plan that is served elsewhere has no data here");
            }
            _ if self.data_mb == Some(0) => return Some("a plan by data gives at least one MB"),
            _ => {}
        }
        if self.shares.len() > PLAN_SHARES || self.replaces.len() > RECORD_REPLACES {
            return Some("a plan has at most 8 shares and replaces at most 16 records");
        }
        if self.sellers.as_ref().is_some_and(|sellers| !(1..=PLAN_SELLERS).contains(&sellers.len())) {
            return Some("a plan names 1 to 16 sellers, or none");
        }
        let sum = self.shares.iter().try_fold(self.seller_share, |sum, share| sum.checked_add(share.amount));
        (sum != Some(self.price)).then_some("the shares do not add up to the price")
    }
}

impl Sale {
    fn fault(&self) -> Option<&'static str> {
        if self.verifiers.is_empty() == (self.external_count == 0) {
            return Some("a sale is of vouchers or of an external plan");
        }
        let lot = if self.verifiers.is_empty() { None } else { lot_fault(&self.verifiers) };
        lot.or_else(|| text_fault(&self.person))
    }
}

impl Extension {
    fn fault(&self) -> Option<&'static str> {
        if self.data_mb.map_or(self.seconds == 0 && self.days == 0, |data_mb| data_mb == 0) {
            return Some("an extension gives seconds, days or data");
        }
        text_fault(&self.reason).or_else(|| lot_fault(&self.verifiers))
    }
}

impl InKind {
    fn fault(&self) -> Option<&'static str> {
        text_fault(&self.person).or_else(|| vouchers_fault(self.confirms, &self.verifiers))
    }
}

impl HandOver {
    fn fault(&self) -> Option<&'static str> {
        text_fault(&self.person).or_else(|| lot_fault(&self.verifiers))
    }
}

impl Settlement {
    fn fault(&self) -> Option<&'static str> {
        if self.confirms.is_none() && (self.person.is_empty() || self.paid > self.worth) {
            return Some("a settlement names who paid, and vouchers that are worth as much at least");
        }
        text_fault(&self.person)
    }
}

impl Cash {
    fn fault(&self) -> Option<&'static str> {
        [&self.person, &self.what].into_iter().find_map(|text| text_fault(text))
    }
}

impl Close {
    fn fault(&self) -> Option<&'static str> {
        let (names, rest) = self.kept.as_chunks::<NAME_BYTES>();
        if !rest.is_empty() || names.len() > CLOSE_NAMES || !names.is_sorted() {
            return Some("a close names at most 3,000 records that stay, each by 10 octets, in order");
        }
        if (self.number == 1) != self.follows.is_none() || self.number == 0 {
            return Some("the first close has number 1 and follows none, every other one follows one");
        }
        if self.totals.iter().any(|row| row.figures.len() > FIGURES) {
            return Some("a row of a close has one figure a column");
        }
        if self.covers.iter().any(|cover| cover.others.len() > RECORD_HEADS) {
            return Some("a record names at most 16 last records of a key");
        }
        if !self.covers.windows(2).all(|pair| pair[0].author < pair[1].author) {
            return Some("a close covers each author once, in the order of their keys");
        }
        self.totals.iter().flat_map(|row| [&row.person, &row.plan]).find_map(|text| text_fault(text))
    }
}

impl Mode {
    fn fault(&self) -> Option<&'static str> {
        text_fault(&self.reason)
    }
}

impl Service {
    fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() {
            return Some("a service needs a name");
        }
        if self.prefixes.len() > SERVICE_PREFIXES || self.replaces.len() > RECORD_REPLACES {
            return Some("a service has at most 8 prefixes and replaces at most 16 records");
        }
        [&self.name, &self.title].into_iter().chain(&self.icon).find_map(|text| text_fault(text))
    }
}

impl Notice {
    fn fault(&self) -> Option<&'static str> {
        // Longer than a name, since it is a sentence.
        if self.text.len() > 4 * RECORD_TEXT_BYTES || self.text.chars().any(char::is_control) {
            return Some("a notice has at most 384 bytes and no control characters");
        }
        text_fault(&self.name)
    }
}

impl Status {
    fn fault(&self) -> Option<&'static str> {
        let devices = self.devices.as_ref().map_or(0, Vec::len);
        let most = STATUS_DEVICE_BYTES * (ROAM_SOUGHT + ROAM_FOUND);
        if !devices.is_multiple_of(STATUS_DEVICE_BYTES) || devices > most {
            return Some("devices of a status take 9 octets each, and are 80 at most");
        }
        let silent = self.silent.iter().flatten();
        if silent.clone().count() > STATUS_SILENT {
            return Some("a status names at most 16 services that do not answer");
        }
        silent.chain([&self.version]).find_map(|text| text_fault(text))
    }
}

impl ReferenceState {
    fn fault(&self) -> Option<&'static str> {
        if self.state.len() > REFERENCE_BYTES {
            return Some("what a link was like takes at most 1024 bytes");
        }
        text_fault(&self.name)
    }
}

impl Look {
    fn fault(&self) -> Option<&'static str> {
        if self.colour.is_some_and(|colour| colour > 0xff_ff_ff) {
            return Some("a colour is six hex digits, like 0d4a3c");
        }
        if self.logo.is_empty() {
            return None;
        }
        png_fault(&self.logo)
    }
}

/// Whatever opens every phone's page is a picture from its first to its last octet, and none that unpacks to much.
fn png_fault(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > LOGO_BYTES {
        return Some("a logo has at most 4,096 bytes");
    }
    let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else {
        return Some("a logo is a PNG");
    };
    let (mut first, mut data) = (true, false);
    // Length, name, content, sum: each chunk in turn.
    while let Some((&[a, b, c, d, ref name @ ..], after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some((content, after)) = after.split_at_checked(length) else { break };
        let Some(after) = after.get(4..) else { break };
        match (first, name) {
            (true, b"IHDR") if !is_small(content) => {
                return Some("a logo is at most 256 dots wide and high");
            }
            (true, b"IHDR") => {}
            (true, _) => break,
            (false, b"IDAT") => data = true,
            (false, b"IEND") if data && length == 0 && after.is_empty() => return None,
            // What moves would go on for ever.
            (false, b"acTL" | b"IHDR" | b"IEND") => break,
            _ => {}
        }
        (first, rest) = (false, after);
    }
    Some("a logo is a whole PNG, and nothing behind it")
}

/// Width and height of a PNG's head.
fn is_small(head: &[u8]) -> bool {
    let [0, 0, a, b, 0, 0, c, d, _, _, _, _, _] = *head else { return false };
    let fits = |high, low| (1..=LOGO_DOTS).contains(&u16::from_be_bytes([high, low]));
    fits(a, b) && fits(c, d)
}

/// Names end up on pages and terminals: short, and nothing that moves a cursor.
fn text_fault(text: &str) -> Option<&'static str> {
    if text.len() > RECORD_TEXT_BYTES {
        Some("a text has at most 96 bytes")
    } else if text.chars().any(char::is_control) {
        Some("a text holds no control characters")
    } else {
        None
    }
}

fn lot_fault(verifiers: &[Verifier]) -> Option<&'static str> {
    if verifiers.is_empty() || verifiers.len() > LOT_VOUCHERS {
        return Some("a record names 1 to 200 vouchers");
    }
    let mut sorted = verifiers.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1]).then_some("a voucher is named twice")
}

/// What agrees with another record leaves the naming of vouchers to it.
fn vouchers_fault(confirms: Option<RecordId>, verifiers: &[Verifier]) -> Option<&'static str> {
    match confirms {
        None => lot_fault(verifiers),
        Some(_) => (!verifiers.is_empty()).then_some("what agrees with another record names no vouchers"),
    }
}

fn heads_fault(heads: &[RecordId]) -> Option<&'static str> {
    (heads.len() > RECORD_HEADS).then_some("a record names at most 16 last records of a key")
}
