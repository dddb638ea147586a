//! The pages of the portal as values, and how they become HTML.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::words::Words;
use super::{Typed, form};
use crate::base::address::MacAddress;
use crate::base::hours::Hours;
use crate::base::limit::{
    PORTAL_CALLS, PORTAL_DEVICES, PORTAL_NAME_BYTES, PORTAL_NOTICES, PORTAL_SERVICES, PORTAL_SERVICES_BYTES,
};
use crate::base::time::Span;
use crate::base::voucher::Verifier;
use crate::hotspot::request::Rendered;
use crate::hotspot::rules::{Mode, Rules};
use crate::hotspot::settings::Settings;

/// One answer of the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Page {
    /// Look there instead.
    Redirect {
        /// Where: the portal's start page.
        to: String,
    },
    /// The form that asks for a code.
    Form {
        /// Where the guest is.
        place: Place,
        /// What stands in the input.
        typed: Typed,
        /// What there is to say about the last try.
        notice: Option<Notice>,
    },
    /// A code is still being checked; the page asks again by itself.
    Checking {
        /// Where the guest is.
        place: Place,
        /// Seconds until then.
        retry_s: u32,
    },
    /// A code was good: the device is let through.
    Welcome {
        /// Where the guest is.
        place: Place,
        /// What it may use.
        session: SessionView,
        /// The voucher that its browser keeps a secret for from now on.
        keep: Option<Verifier>,
    },
    /// A device that was let in before, under another address or elsewhere, may go on.
    Return {
        /// Where the guest is.
        place: Place,
    },
    /// What is left.
    Status {
        /// Where the guest is.
        place: Place,
        /// What it may use.
        session: SessionView,
    },
    /// The device's address is not known, so that it cannot be let through.
    UnknownDevice {
        /// Where the guest is.
        place: Place,
    },
    /// Somebody told that there is no internet here.
    Reported {
        /// Where the guest is.
        place: Place,
    },
    /// For programs of the phone (RFC 8908).
    Captive {
        /// The portal's start page.
        portal: String,
        /// What is left, and octets if there is a limit of them; none: the device is not let through.
        left: Option<(Left, Option<u64>)>,
        /// Whether it passes all the same, without a voucher.
        open: bool,
    },
    /// The device needs no voucher.
    Free {
        /// Where the guest is.
        place: Place,
        /// What it belongs to, like a school.
        name: String,
    },
    /// The community's logo.
    Logo {
        /// A PNG.
        png: Vec<u8>,
    },
    /// There is no such page.
    NotFound {
        /// Where the guest is.
        place: Place,
    },
}

/// Where a guest is: what stands on every page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the community.
    pub community: String,
    /// Its colour.
    pub colour: Option<u32>,
    /// Whether it has a logo.
    pub logo: bool,
    /// What the community has to say.
    pub notices: Vec<String>,
    /// Services that are free for all: (name, URL, whether it answers).
    pub services: Vec<(String, String, bool)>,
    /// Whether there is a way to the outside.
    pub uplink: bool,
    /// How the network is run.
    pub mode: Mode,
    /// Why, in somebody's words.
    pub reason: String,
    /// Whether hours are off, because nobody knows what time it is.
    pub clockless: bool,
    /// Whom to call: (what the phone dials, what is shown).
    pub calls: Vec<(String, String)>,
}

/// What there is to say about a code that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// It is none. Which part of it is wrong is not said.
    Wrong,
    /// It has too few or too many symbols: told apart from a wrong one, because it tells a guesser
    /// nothing and a person with a torn slip of paper everything.
    Length {
        /// How many were typed.
        symbols: u32,
    },
    /// Too many tries.
    TryAgainIn {
        /// How long to wait.
        seconds: u32,
    },
    /// The code is being checked for another try of this device.
    OneAtATime,
    /// It was taken back.
    Revoked,
    /// Nothing is left on it.
    UsedUp,
    /// The device was let out, as it wanted.
    LeftNow,
    /// What its browser kept is good no more.
    Forgotten,
    /// Another device of the same voucher has taken its place.
    Yielded,
    /// Whoever takes care of the node ended its session.
    Ended,
    /// A phone with its address is in use at another node.
    Elsewhere,
    /// What was sent came from no page of ours, or from an old one.
    Again,
    /// Its plan works at other hours of the day.
    Hours(Hours),
    /// It went from device to device as often as it may today.
    Moved,
    /// What is typed waits until what the device has is spent.
    AddsUp,
    /// As many codes wait as may.
    Waiting,
    /// The node has too much to do, or no place left.
    Busy {
        /// How long to wait.
        seconds: u32,
    },
}

/// What is left on a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Left {
    /// Time of use.
    OfUse(Span),
    /// Time that passes.
    UntilEnd(Span),
}

/// A session as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Name of the plan.
    pub plan: String,
    /// What is left.
    pub left: Left,
    /// Octets that are left, if there is a limit of them.
    pub bytes_left: Option<u64>,
    /// Time until the rest is gone, of time of use that is good for some days only.
    pub within: Option<Span>,
    /// Devices on this voucher here, oldest first.
    pub devices: Vec<DeviceView>,
    /// Devices that the plan allows.
    pub devices_allowed: u32,
    /// The hours of the day at which the plan works; none is always.
    pub hours: Option<Hours>,
    /// Whether this is none of them.
    pub closed: bool,
    /// Whether its plan is about to end.
    pub slow: bool,
    /// Names of the plans with which the device goes on then.
    pub next: Vec<String>,
}

/// A device of a session as the user of one of them sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Which.
    pub mac: MacAddress,
    /// How long it has been in.
    pub since: Span,
    /// Whether it is the one that asks.
    pub own: bool,
}

impl Place {
    /// The place that `settings` describe, within the bounds of a page.
    pub fn new(settings: &Settings, rules: &Rules, uplink: bool) -> Self {
        let mut room = PORTAL_SERVICES_BYTES;
        let own = settings.services.iter().map(|(name, url)| (name, url, true));
        let others = rules.services.iter().map(|service| (&service.title, &service.url, service.answers));
        let services = own.chain(others).filter(|(_, url, _)| is_web(url)).take(PORTAL_SERVICES);
        let services = services.take_while(|(name, url, _)| {
            let bytes = cut(name).len() + url.len();
            room = room.saturating_sub(bytes);
            room > 0
        });
        Self {
            community: cut(&settings.community.name),
            colour: settings.community.colour,
            logo: !settings.community.logo.is_empty(),
            notices: settings.community.notices.iter().take(PORTAL_NOTICES).cloned().collect(),
            services: services.map(|(name, url, answers)| (cut(name), url.clone(), answers)).collect(),
            uplink,
            mode: rules.mode,
            reason: cut(&rules.reason),
            clockless: rules.clockless,
            calls: settings.calls.iter().take(PORTAL_CALLS).map(|call| (dialled(call), cut(call))).collect(),
        }
    }

    /// Whether whoever has a voucher passes.
    fn is_outside(&self) -> bool {
        self.uplink && self.mode != Mode::Night
    }

    /// Whether anything that is free answers.
    fn serves(&self) -> bool {
        self.services.iter().any(|(_, _, answers)| *answers)
    }

    /// The words for a mode that is not every day's: title and text.
    fn mode_words(&self) -> Option<(&'static str, &'static str)> {
        match self.mode {
            Mode::Usual => None,
            Mode::Emergency => Some(("mode.emergency", "mode.emergency.text")),
            Mode::Night => Some(("mode.night", "mode.night.text")),
        }
    }
}

/// The number in a line like `Clínica 961 123 45 67`.
fn dialled(call: &str) -> String {
    call.chars().filter(|symbol| symbol.is_ascii_digit() || matches!(symbol, '+' | '*' | '#')).collect()
}

impl Page {
    /// The page in these words. Its forms carry `token`.
    pub fn render(&self, words: Words<'_>, token: &str) -> Rendered {
        let language = words.language();
        let code = language.code();
        let frame = |place, title| Frame {
            words,
            code,
            token,
            place,
            title: words.text(title),
            paint: Paint::of(place.colour),
            refresh_s: 0,
            keeps: String::new(),
        };
        let message = |place, title, text| {
            MessagePage { frame: frame(place, title), text: words.text(text), checking: false }.render()
        };
        let (status, body) = match self {
            Self::Logo { png } => return picture(png),
            Self::Captive { portal, left, open } => return captive(portal, *left, *open),
            Self::Free { place, name } => {
                let text = words.with("free.text", name);
                let frame = frame(place, "free.title");
                (200, MessagePage { frame, text: &text, checking: false }.render())
            }
            Self::Reported { place } => (200, message(place, "report.title", "report.text")),
            Self::Redirect { to } => (302, RedirectPage { words, code, to }.render()),
            Self::Form { place, typed, notice } => {
                let notice = notice.map(|notice| notice.text(words));
                let keeps =
                    if typed.as_str().is_empty() { String::new() } else { form::of("&code", typed.as_str()) };
                let frame = Frame { keeps, ..frame(place, "form.title") };
                (200, FormPage { frame, typed: typed.as_str(), notice }.render())
            }
            Self::Checking { place, retry_s } => {
                let frame = Frame { refresh_s: *retry_s, ..frame(place, "checking.title") };
                (200, MessagePage { frame, text: words.text("checking.text"), checking: true }.render())
            }
            Self::Welcome { place, session, .. } => {
                (200, StatusPage { frame: frame(place, "welcome.title"), session, welcome: true }.render())
            }
            Self::Return { place } => (200, ReturnPage { frame: frame(place, "return.title") }.render()),
            Self::Status { place, session } => {
                let title = if session.closed { "notice.hours" } else { "status.title" };
                (200, StatusPage { frame: frame(place, title), session, welcome: false }.render())
            }
            Self::UnknownDevice { place } => (200, message(place, "unknown.title", "unknown.text")),
            Self::NotFound { place } => (404, message(place, "missing.title", "missing.text")),
        };
        let mut headers = headers(code);
        if let Self::Redirect { to } = self {
            headers.push(("Location".to_owned(), to.clone()));
        }
        let body = body.expect("templates write to a string, which takes everything");
        Rendered { status, headers, body: body.into_bytes() }
    }
}

impl Notice {
    fn text(self, words: Words<'_>) -> NoticeText {
        let (title, text) = match self {
            Self::Wrong => ("notice.wrong", words.text("notice.wrong.text").to_owned()),
            Self::Length { symbols } => ("notice.length", words.count("notice.length.text", symbols.into())),
            Self::TryAgainIn { seconds } => {
                let wait = words.span(Span::from_secs(seconds.into()));
                ("notice.wait", words.with("notice.wait.text", &wait))
            }
            Self::OneAtATime => ("notice.one", words.text("notice.one.text").to_owned()),
            Self::Revoked => ("notice.revoked", words.text("notice.revoked.text").to_owned()),
            Self::UsedUp => ("notice.used", words.text("notice.used.text").to_owned()),
            Self::LeftNow => ("notice.left", words.text("notice.left.text").to_owned()),
            Self::Yielded => ("notice.yielded", words.text("notice.yielded.text").to_owned()),
            Self::Ended => ("notice.ended", words.text("notice.ended.text").to_owned()),
            Self::Elsewhere => ("notice.elsewhere", words.text("notice.elsewhere.text").to_owned()),
            Self::Forgotten => ("notice.forgotten", words.text("notice.forgotten.text").to_owned()),
            Self::Again => ("notice.again", words.text("notice.again.text").to_owned()),
            Self::Hours(hours) => ("notice.hours", hours_text(words, hours)),
            Self::Moved => ("notice.moved", words.text("notice.moved.text").to_owned()),
            Self::AddsUp => ("notice.adds", words.text("notice.adds.text").to_owned()),
            Self::Waiting => ("notice.waiting", words.text("notice.waiting.text").to_owned()),
            Self::Busy { seconds } => {
                let wait = words.span(Span::from_secs(seconds.into()));
                ("notice.busy", words.with("notice.busy.text", &wait))
            }
        };
        let calm = matches!(
            self,
            Self::TryAgainIn { .. }
                | Self::OneAtATime
                | Self::Busy { .. }
                | Self::LeftNow
                | Self::Yielded
                | Self::Ended
                | Self::Elsewhere
                | Self::Forgotten
                | Self::Again
                | Self::AddsUp
                | Self::Waiting
                | Self::Hours(_)
        );
        NoticeText { title: words.text(title).to_owned(), text, calm }
    }
}

fn hours_text(words: Words<'_>, hours: Hours) -> String {
    let [from, to] = hours.ends();
    words.with("notice.hours.text", &from).replace("{y}", &to)
}

/// What every page has.
struct Frame<'a> {
    words: Words<'a>,
    code: &'a str,
    token: &'a str,
    place: &'a Place,
    title: &'a str,
    paint: Paint,
    /// Seconds after which the browser asks again; 0 is never.
    refresh_s: u32,
    /// What a link to the same page in another language keeps.
    keeps: String,
}

/// Colours of a page that the community's own decides, so that everybody can read it.
struct Paint {
    /// Behind the name and on buttons.
    ground: String,
    /// What is written there.
    ink: &'static str,
    /// What is written in colour on white.
    accent: String,
}

impl Paint {
    fn of(colour: Option<u32>) -> Self {
        let colour = colour.unwrap_or(GREEN);
        let part = |shift: u32| u64::from(colour >> shift & 0xff).pow(2);
        // Near the luminance of WCAG 2.2, in ten thousandths of that of white.
        let light = (2_126 * part(16) + 7_152 * part(8) + 722 * part(0)) / 65_025;
        let ground = format!("#{colour:06x}");
        match light < WHITE_IS_READ {
            true => Self { accent: ground.clone(), ground, ink: "#fff" },
            false => Self { accent: DARK.to_owned(), ground, ink: DARK },
        }
    }
}

/// The picture, which a phone keeps for an hour.
fn picture(png: &[u8]) -> Rendered {
    let headers = [
        ("Content-Type", "image/png"),
        ("Cache-Control", "max-age=3600"),
        ("Content-Security-Policy", "default-src 'none'"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    Rendered { status: 200, headers: owned(headers), body: png.to_vec() }
}

/// RFC 8908 section 5. Nobody but the phone may keep it.
fn captive(portal: &str, left: Option<(Left, Option<u64>)>, open: bool) -> Rendered {
    let captive = left.is_none() && !open;
    let left = left.map(|(Left::OfUse(span) | Left::UntilEnd(span), bytes)| {
        let bytes = bytes.map(|bytes| format!(",\"bytes-remaining\":{bytes}")).unwrap_or_default();
        format!(",\"seconds-remaining\":{}{bytes}", span.as_secs())
    });
    let left = left.unwrap_or_default();
    // The address is a host and a port, checked when it was configured.
    let body = format!(
        "{{\"captive\":{captive},\"user-portal-url\":\"{portal}\",\"can-extend-session\":true{left}}}\n"
    );
    let headers = [("Content-Type", "application/captive+json"), ("Cache-Control", "private, no-store")];
    Rendered { status: 200, headers: owned(headers), body: body.into_bytes() }
}

struct NoticeText {
    title: String,
    text: String,
    /// Nothing is wrong with the code.
    calm: bool,
}

#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage<'a> {
    words: Words<'a>,
    code: &'a str,
    to: &'a str,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage<'a> {
    frame: Frame<'a>,
    typed: &'a str,
    notice: Option<NoticeText>,
}

#[derive(Template)]
#[template(path = "return.html")]
struct ReturnPage<'a> {
    frame: Frame<'a>,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    text: &'a str,
    checking: bool,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage<'a> {
    frame: Frame<'a>,
    session: &'a SessionView,
    welcome: bool,
}

impl StatusPage<'_> {
    fn amount(&self) -> String {
        let (Left::OfUse(span) | Left::UntilEnd(span)) = self.session.left;
        self.frame.words.span(span)
    }

    fn of_use(&self) -> bool {
        matches!(self.session.left, Left::OfUse(_))
    }

    fn devices(&self) -> String {
        let used = self.frame.words.count("status.devices", self.session.devices.len() as u64);
        used.replace("{x}", &self.session.devices_allowed.to_string())
    }

    /// MB that are left; one that has begun counts, so that nobody reads 0 while there is something left.
    fn megabytes(&self) -> Option<u64> {
        self.session.bytes_left.map(|bytes| bytes.div_ceil(1_000_000))
    }

    /// One line for each of several devices: by the end of its address, which stands in its settings.
    fn lines(&self) -> Vec<String> {
        let several = Some(&self.session.devices).filter(|devices| devices.len() > 1);
        let line = |device: &DeviceView| {
            let [.., high, low] = device.mac.0;
            let key = if device.own { "status.device.own" } else { "status.device.other" };
            let name = self.frame.words.with(key, &format!("{high:02x}:{low:02x}"));
            name.replace("{y}", &self.frame.words.span(device.since))
        };
        several.into_iter().flatten().take(PORTAL_DEVICES).map(line).collect()
    }

    /// Whether it passes.
    fn is_outside(&self) -> bool {
        self.frame.place.is_outside() && !self.session.closed
    }

    /// Its hours, from and to.
    fn hours(&self) -> Option<String> {
        self.session.hours.map(|hours| hours.ends().join("\u{2013}"))
    }

    /// What is said at other hours.
    fn closed(&self) -> Option<String> {
        let hours = self.session.hours.filter(|_| self.session.closed);
        hours.map(|hours| hours_text(self.frame.words, hours))
    }

    fn within(&self) -> Option<String> {
        self.session.within.map(|span| self.frame.words.span(span))
    }
}

fn headers(code: &str) -> Vec<(String, String)> {
    owned([
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Language", code),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", CONTENT_POLICY),
        // Our own forms say where they come from, and no link to elsewhere does.
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ])
}

fn owned<const N: usize>(headers: [(&str, &str); N]) -> Vec<(String, String)> {
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Text cut at a symbol's end, so that it fits a page.
pub(crate) fn cut(text: &str) -> String {
    let mut end = text.len().min(PORTAL_NAME_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Only addresses of pages become links; and no long one, which nobody could have meant.
fn is_web(url: &str) -> bool {
    url.len() <= PORTAL_NAME_BYTES && (url.starts_with("http://") || url.starts_with("https://"))
}

/// The portal's own colour.
const GREEN: u32 = 0x0d_4a_3c;
/// Text where white cannot be read.
const DARK: &str = "#1c1a17";
/// On a lighter ground than this, dark text is read better.
const WHITE_IS_READ: u64 = 2_000;
/// Nothing but the logo is fetched, nothing runs, nobody frames the page.
const CONTENT_POLICY: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
