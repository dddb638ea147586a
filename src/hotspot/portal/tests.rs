use super::*;
use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::hotspot::request::Rendered;
use crate::hotspot::rules::{Mode, Rules};
use crate::hotspot::settings::Community;

fn place() -> Place {
    Place {
        community: "San Juan <Tequio> & \"Amigos\"".to_owned(),
        colour: None,
        logo: true,
        notices: vec!["Hoy <no> hay \"agua\"".to_owned()],
        services: vec![
            ("Escuela".to_owned(), "http://10.77.0.5/".to_owned(), true),
            ("Tom's <b>radio</b>".to_owned(), "http://radio.example/?a=1&b=\"".to_owned(), false),
        ],
        uplink: true,
        mode: Mode::Usual,
        reason: String::new(),
        clockless: false,
        calls: vec![("911".to_owned(), "<911>".to_owned())],
    }
}

fn settings() -> Settings {
    Settings {
        portal_host: "10.77.4.1".to_owned(),
        portal_address: std::net::Ipv4Addr::new(10, 77, 4, 1),
        portal_port: 80,
        community: Community::default(),
        languages: shipped::catalogue().languages(),
        language: None,
        lease: Span::from_secs(900),
        usage_interval: Span::from_secs(20),
        calls: Vec::new(),
        services: Vec::new(),
    }
}

/// So many devices of one voucher, of which the last one asks.
fn devices(count: u8) -> Vec<DeviceView> {
    let device = |number| DeviceView {
        mac: MacAddress([2, 0, 0, 0, 0x3f, number]),
        since: Span::from_secs(3_600 * u64::from(number)),
        own: number == count,
    };
    (1..=count).map(device).collect()
}

fn every_page() -> Vec<Page> {
    let notices = [
        Notice::Wrong,
        Notice::Length { symbols: 11 },
        Notice::TryAgainIn { seconds: 12 },
        Notice::OneAtATime,
        Notice::Revoked,
        Notice::UsedUp,
        Notice::Moved,
        Notice::Hours("22:00-06:00 UTC-06:00".parse().unwrap()),
        Notice::LeftNow,
        Notice::Yielded,
        Notice::Ended,
        Notice::Elsewhere,
        Notice::Forgotten,
        Notice::Again,
        Notice::Busy { seconds: 120 },
    ];
    let session = |left| SessionView {
        plan: "1 <hora>".to_owned(),
        left,
        bytes_left: None,
        within: Some(Span::from_secs(86_400 * 2)),
        devices: devices(2),
        devices_allowed: 2,
        hours: None,
        closed: false,
        slow: false,
        next: Vec::new(),
    };
    let mut pages = vec![
        Page::Redirect { to: "http://10.77.4.1:2080/".to_owned() },
        Page::Form { place: place(), typed: Typed::default(), notice: None },
        Page::Form { place: Place { uplink: false, ..place() }, typed: Typed::default(), notice: None },
        Page::Checking { place: place(), retry_s: 4 },
        Page::Welcome { place: place(), session: session(Left::OfUse(Span::from_secs(3_600))), keep: None },
        Page::Status { place: place(), session: session(Left::OfUse(Span::from_secs(59))) },
        Page::Status {
            place: Place { uplink: false, services: Vec::new(), ..place() },
            session: session(Left::UntilEnd(Span::from_secs(86_400 * 29 + 4_000))),
        },
        Page::UnknownDevice { place: place() },
        Page::NotFound { place: place() },
        Page::Reported { place: place() },
        Page::Return { place: place() },
        Page::Free { place: place(), name: "<lluvia>".to_owned() },
    ];
    for mode in [Mode::Emergency, Mode::Night] {
        let place = Place { mode, reason: "<lluvia>".to_owned(), clockless: true, ..place() };
        pages.push(Page::Form { place: place.clone(), typed: Typed::default(), notice: None });
        pages.push(Page::Status { place, session: session(Left::OfUse(Span::from_secs(59))) });
    }
    let typed = Typed("\"><script>alert(1)</script>".to_owned());
    pages.extend(notices.map(|notice| Page::Form {
        place: place(),
        typed: typed.clone(),
        notice: Some(notice),
    }));
    pages
}

fn spanish(page: &Page) -> Rendered {
    page.render(Catalogue::default().words(Language::ES), "17")
}

fn text(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.body).unwrap()
}

fn header<'a>(rendered: &'a Rendered, name: &str) -> Option<&'a str> {
    rendered.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn every_page_in_every_language_is_small_closed_and_complete() {
    let catalogue = shipped::catalogue();
    for page in every_page() {
        for language in catalogue.languages() {
            let rendered = page.render(catalogue.words(language), "17");
            let html = text(&rendered);
            assert!(html.len() > 100 && html.len() < 30_000, "{}", html.len());
            assert!(html.contains(&format!("<html lang=\"{}\">", language.code())));
            assert_eq!(header(&rendered, "Content-Language"), Some(language.code()));
            assert_eq!(header(&rendered, "Cache-Control"), Some("no-store"));
            assert_eq!(header(&rendered, "Content-Type"), Some("text/html; charset=utf-8"));
            for name in rendered.headers.iter().flat_map(|(name, value)| [name, value]) {
                assert!(!name.contains(['\r', '\n']));
            }
            // Nothing from outside becomes markup, and nothing is fetched.
            for forbidden in [
                "<script", "<b>radio", "<Tequio>", "<no>", "<hora>", "<911>", "<lluvia>", "@import", "url(",
                "{{", "{n}", "{x}",
            ] {
                assert!(!html.contains(forbidden), "{forbidden} in {html}");
            }
            assert!(
                html.split("src=\"").skip(1).all(|rest| rest.starts_with("/logo.png\"")),
                "the logo alone is fetched"
            );
            for link in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
                let ours = link.starts_with('/')
                    || link.starts_with("tel:9")
                    || link.starts_with("http://10.77.")
                    || link.starts_with("http://radio.");
                assert!(ours, "{link}");
            }
        }
    }
}

#[test]
fn a_redirect_is_a_302_with_a_body() {
    let rendered = spanish(&Page::Redirect { to: "http://10.77.4.1:2080/".to_owned() });
    assert_eq!(rendered.status, 302);
    assert_eq!(header(&rendered, "Location"), Some("http://10.77.4.1:2080/"));
    // Android takes an empty body, or one of up to 4 bytes, for success.
    assert!(rendered.body.len() > 4);
}

#[test]
fn status_codes_are_200_but_for_a_redirect_and_a_missing_page() {
    for page in every_page() {
        let expected = match page {
            Page::Redirect { .. } => 302,
            Page::NotFound { .. } => 404,
            _ => 200,
        };
        assert_eq!(spanish(&page).status, expected);
    }
}

#[test]
fn the_form_works_by_hand_and_by_thumb() {
    let page = Page::Form { place: place(), typed: Typed("AB\"C".to_owned()), notice: Some(Notice::Wrong) };
    let html = spanish(&page).body;
    let html = std::str::from_utf8(&html).unwrap();
    for part in [
        "method=\"post\" action=\"/login\"",
        "label for=\"code\"",
        "id=\"code\" name=\"code\"",
        "inputmode=\"text\"",
        "autocapitalize=\"characters\"",
        "autocomplete=\"off\"",
        "value=\"AB&#34;C\"",
        "role=\"alert\"",
        "type=\"submit\"",
        "Este c\u{f3}digo no funciona",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

#[test]
fn the_page_says_in_words_what_is_left_and_what_is_kept() {
    let session = SessionView {
        plan: "Un mes".to_owned(),
        bytes_left: Some(1_500_000),
        within: None,
        devices: devices(1),
        left: Left::UntilEnd(Span::from_secs(86_400 * 2 + 3_600)),
        devices_allowed: 2,
        hours: None,
        closed: false,
        slow: false,
        next: Vec::new(),
    };
    let page = Page::Status { place: place(), session };
    let catalogue = shipped::catalogue();
    for (code, parts) in [
        (
            "es",
            [
                "2\u{a0}d\u{ed}as 1\u{a0}hora",
                "le quedan</dt><dd>2&nbsp;MB",
                "1 de 2",
                "No guarda lo que usted mira",
            ],
        ),
        (
            "en",
            [
                "2\u{a0}days 1\u{a0}hour",
                "Data left</dt><dd>2&nbsp;MB",
                "1 of 2",
                "does not keep what you look at",
            ],
        ),
    ] {
        let rendered = page.render(catalogue.words(Language::of_code(code).unwrap()), "17");
        for part in parts {
            assert!(text(&rendered).contains(part), "{part}");
        }
    }
}

#[test]
fn at_other_hours_the_page_says_when_the_code_works_in_each_language() {
    let session = SessionView {
        plan: "Noches".to_owned(),
        bytes_left: None,
        within: None,
        devices: devices(1),
        left: Left::OfUse(Span::from_secs(3_600)),
        devices_allowed: 1,
        hours: "22:00-06:00 UTC-06:00".parse().ok(),
        closed: true,
        slow: false,
        next: Vec::new(),
    };
    let catalogue = shipped::catalogue();
    for (code, title, text_of) in [
        ("es", "funciona a otras horas", "de 22:00 a 06:00"),
        ("en", "works at other hours", "from 22:00 to 06:00"),
        ("pt", "funciona em outras horas", "das 22:00 \u{e0}s 06:00"),
        ("el", "\u{3b9}\u{3c3}\u{3c7}\u{3cd}\u{3b5}\u{3b9} \u{3ac}\u{3bb}\u{3bb}\u{3b5}\u{3c2}", "22:00"),
    ] {
        let words = catalogue.words(Language::of_code(code).unwrap());
        let html = |closed| {
            let session = SessionView { closed, ..session.clone() };
            text(&Page::Status { place: place(), session }.render(words, "17")).to_owned()
        };
        let (closed, open) = (html(true), html(false));
        assert!(closed.contains(title) && closed.contains(text_of), "{code}: {closed}");
        assert!(!closed.contains(words.text("status.title")) && open.contains(words.text("status.title")));
        assert!(!open.contains(title) && open.contains("22:00\u{2013}06:00"), "{code}: {open}");
    }
}

#[test]
fn a_family_sees_its_devices_and_until_when_the_time_is_good() {
    let status = |count, within| {
        let session = SessionView {
            plan: "Diez horas".to_owned(),
            left: Left::OfUse(Span::from_secs(7_200)),
            bytes_left: None,
            within,
            devices: devices(count),
            devices_allowed: 200,
            hours: None,
            closed: false,
            slow: false,
            next: Vec::new(),
        };
        let page = Page::Status { place: place(), session };
        text(&page.render(shipped::catalogue().words(Language::of_code("en").unwrap()), "17")).to_owned()
    };
    let page = status(3, Some(Span::from_secs(86_400 * 4)));
    for part in [
        "3 of 200",
        "Another device (\u{2026}3f:01), for 1\u{a0}hour",
        "This device (\u{2026}3f:03), for 3\u{a0}hours",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(page.contains("Use it within</dt><dd>4\u{a0}days"), "{page}");
    let alone = status(1, None);
    assert!(!alone.contains("3f:01") && !alone.contains("Use it within"), "{alone}");
    let crowd = status(200, None);
    assert!(crowd.contains("200 of 200") && crowd.matches("Another").count() == 16, "{crowd}");
}

#[test]
fn a_page_stays_small_whatever_the_operator_writes() {
    let mut settings = settings();
    settings.community.name = "\u{1f33d}".repeat(100_000);
    settings.community.notices = vec!["&".repeat(384); 40];
    settings.services = vec![("<".repeat(1_000), format!("http://{}/", "&".repeat(150))); 1_000];
    settings.services.push(("bad".to_owned(), "javascript:alert(1)".to_owned()));
    let page = Page::Form {
        place: Place::new(&settings, &Rules::default(), false),
        typed: Typed::default(),
        notice: Some(Notice::Wrong),
    };
    let catalogue = shipped::catalogue();
    for language in catalogue.languages() {
        assert!(page.render(catalogue.words(language), "17").body.len() < 30_000);
    }
    settings.services = vec![("bad".to_owned(), "javascript:alert(1)".to_owned())];
    assert!(Place::new(&settings, &Rules::default(), true).services.is_empty());
    assert_eq!(settings.portal_url(), "http://10.77.4.1/");
}

/// The address in each row is what a system asks for to learn whether it is captive, and the answer is
/// what it takes for "yes": a redirect with a body, whatever the host and the path are.
#[test]
fn every_system_learns_that_it_is_captive() {
    let settings = settings();
    for (system, host, path, query) in PROBES {
        let request = PortalRequest {
            host: (*host).to_owned(),
            path: (*path).to_owned(),
            query: (*query).to_owned(),
            ..Default::default()
        };
        assert_eq!(asked(&settings, &request), Asked::Elsewhere, "{system}");
    }
    for host in ["10.77.4.1", "10.77.4.1."] {
        let request = PortalRequest { host: host.to_owned(), path: "/".to_owned(), ..Default::default() };
        assert_eq!(asked(&settings, &request), Asked::Start);
    }
}

/// System, host, path, query.
const PROBES: &[(&str, &str, &str, &str)] = &[
    ("Android", "connectivitycheck.gstatic.com", "/generate_204", ""),
    ("Android fallback", "www.google.com", "/gen_204", ""),
    ("Android fallback", "play.googleapis.com", "/generate_204", ""),
    ("Android, old", "clients3.google.com", "/generate_204", ""),
    ("Huawei", "connectivitycheck.platform.hicloud.com", "/generate_204", ""),
    ("Samsung", "connectivitycheck.gstatic.com", "/mobile/status.php", ""),
    ("iOS, macOS", "captive.apple.com", "/hotspot-detect.html", ""),
    ("iOS, macOS", "www.apple.com", "/library/test/success.html", ""),
    ("Windows 10", "www.msftconnecttest.com", "/connecttest.txt", ""),
    ("Windows 10, IPv6", "ipv6.msftconnecttest.com", "/connecttest.txt", ""),
    ("Windows 10, browser", "www.msftconnecttest.com", "/redirect", ""),
    ("Windows 8", "www.msftncsi.com", "/ncsi.txt", ""),
    ("Firefox", "detectportal.firefox.com", "/canonical.html", ""),
    ("Firefox, old", "detectportal.firefox.com", "/success.txt", "ipv4"),
    ("Firefox, old", "detectportal.firefox.com", "/success.txt", "ipv6"),
    ("GNOME", "nmcheck.gnome.org", "/check_network_status.txt", ""),
    ("Ubuntu", "connectivity-check.ubuntu.com", "/", ""),
    ("Fedora", "fedoraproject.org", "/static/hotspot.txt", ""),
    ("ChromeOS", "www.gstatic.com", "/generate_204", ""),
    ("Kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", ""),
    ("HTTP/1.0 without a host", "", "/", ""),
];

#[test]
fn the_language_is_what_was_chosen_then_what_the_browser_likes_then_the_village_s() {
    let mut settings = settings();
    let language_of = |settings: &Settings, query: &str, body: &str, cookie: &str, accept: &str| {
        let request = PortalRequest {
            query: query.to_owned(),
            body: body.as_bytes().to_vec(),
            cookie: cookie.to_owned(),
            accept_language: accept.to_owned(),
            ..Default::default()
        };
        language(settings, &request).code().to_owned()
    };
    settings.community.languages =
        ["tzh", "pt", "es"].iter().filter_map(|code| Language::of_code(code)).collect();
    for (query, body, cookie, accept, expected) in [
        ("", "", "", "", "pt"),
        ("", "", "", "fr", "pt"),
        ("", "", "", "el-GR", "el"),
        ("", "", "a=b; lang=en", "el-GR", "en"),
        ("", "code=x&l=es", "lang=en", "el-GR", "es"),
        ("l=pt", "", "lang=en", "el-GR", "pt"),
        ("code=x&lang=el", "", "lang=en", "pt", "el"),
        ("lang=fr", "", "lang=%3Cb%3E", "en", "en"),
    ] {
        assert_eq!(
            language_of(&settings, query, body, cookie, accept),
            expected,
            "{query} {body} {cookie} {accept}"
        );
    }
    settings.language = Language::of_code("en");
    assert_eq!(language_of(&settings, "", "", "", ""), "en");
    settings.languages.clear();
    assert_eq!(language_of(&settings, "lang=pt", "", "", "en"), "es", "Spanish never lacks");
}

#[test]
fn every_colour_of_a_community_can_be_read() {
    for (colour, ground, ink, accent) in [
        (None, "#0d4a3c", "#fff", "#0d4a3c"),
        (Some(0x80_00_00), "#800000", "#fff", "#800000"),
        (Some(0xff_d7_00), "#ffd700", "#1c1a17", "#1c1a17"),
        (Some(0), "#000000", "#fff", "#000000"),
        (Some(0xff_ff_ff), "#ffffff", "#1c1a17", "#1c1a17"),
        (Some(0x2e7_d32), "#2e7d32", "#fff", "#2e7d32"),
    ] {
        let page = Page::Form { place: Place { colour, ..place() }, typed: Typed::default(), notice: None };
        let rendered = spanish(&page);
        for style in [
            format!("header{{background:{ground};color:{ink};overflow"),
            format!("background:{ground};color:{ink};font"),
            format!("a{{color:{accent};"),
        ] {
            assert!(text(&rendered).contains(&style), "{style}");
        }
    }
}

#[test]
fn without_a_way_outside_a_page_promises_only_what_answers() {
    let said = |answers: [bool; 2]| {
        let mut place = Place { uplink: false, ..place() };
        for (service, answers) in place.services.iter_mut().zip(answers) {
            service.2 = answers;
        }
        let rendered = spanish(&Page::Form { place, typed: Typed::default(), notice: None });
        let text = text(&rendered);
        (text.contains("libres de abajo s\u{ed} funcionan"), text.matches("(ahora no responde)").count())
    };
    assert_eq!(
        [said([true, true]), said([true, false]), said([false, false])],
        [(true, 0), (true, 1), (false, 2)]
    );
}

#[test]
fn the_logo_is_a_picture_and_nothing_else() {
    let rendered = spanish(&Page::Logo { png: vec![0x89, b'P'] });
    assert_eq!((rendered.status, &rendered.body[..]), (200, &[0x89, b'P'][..]));
    assert_eq!(header(&rendered, "Content-Type"), Some("image/png"));
    assert_eq!(header(&rendered, "X-Content-Type-Options"), Some("nosniff"));
}

#[test]
fn programs_of_the_phone_are_told_by_rfc_8908() {
    let portal = "http://192.0.2.1/".to_owned();
    let captive = spanish(&Page::Captive { portal: portal.clone(), left: None, open: false });
    assert_eq!(header(&captive, "Content-Type"), Some("application/captive+json"));
    assert_eq!(header(&captive, "Cache-Control"), Some("private, no-store"));
    let said: serde_json::Value = serde_json::from_slice(&captive.body).unwrap();
    let expected =
        serde_json::json!({ "captive": true, "user-portal-url": portal, "can-extend-session": true });
    assert_eq!(said, expected);
    let free = spanish(&Page::Captive {
        portal,
        left: Some((Left::OfUse(Span::from_secs(61)), Some(7))),
        open: false,
    });
    let said: serde_json::Value = serde_json::from_slice(&free.body).unwrap();
    assert_eq!((&said["captive"], &said["seconds-remaining"]), (&false.into(), &61.into()));
    assert_eq!(said["bytes-remaining"], 7);
}

/// The pages by name, as a village has them.
fn named_pages() -> Vec<(&'static str, Page)> {
    let place = Place {
        community: "San Miguel del Cerro".to_owned(),
        colour: Some(0x7b_2d_8e),
        logo: true,
        notices: vec!["S\u{e1}bado a las 9: tequio en la antena del cerro.".to_owned()],
        services: vec![
            ("\u{1f4d6} Biblioteca".to_owned(), "http://biblioteca.mesh/".to_owned(), true),
            ("\u{1f3eb} Escuela".to_owned(), "http://escuela.mesh/".to_owned(), true),
            ("\u{1f4fb} Radio San Miguel".to_owned(), "http://radio.mesh:8000/".to_owned(), false),
        ],
        uplink: true,
        calls: vec![("9611234567".to_owned(), "Cl\u{ed}nica 961 123 4567".to_owned())],
        ..Place::default()
    };
    let offline = Place { uplink: false, ..place.clone() };
    let form =
        |notice| Page::Form { place: place.clone(), typed: Typed("6DYB-03NH-JHDK".to_owned()), notice };
    let session = SessionView {
        plan: "Una hora".to_owned(),
        left: Left::OfUse(Span::from_secs(2_820)),
        bytes_left: None,
        within: Some(Span::from_secs(86_400 * 4 + 3_600)),
        devices: devices(2),
        devices_allowed: 2,
        hours: None,
        closed: false,
        slow: false,
        next: Vec::new(),
    };
    let mode = |mode| Place { mode, reason: "lluvias".to_owned(), ..place.clone() };
    let hour = session.clone();
    let waits = SessionView {
        bytes_left: Some(212_000_000),
        next: vec!["Una hora".to_owned(), "Un d\u{ed}a".to_owned()],
        ..session.clone()
    };
    let month = SessionView {
        left: Left::UntilEnd(Span::from_secs(86_400 * 12 + 3_600)),
        plan: "Un mes".to_owned(),
        ..session.clone()
    };
    vec![
        ("form", Page::Form { place: place.clone(), typed: Typed::default(), notice: None }),
        ("form-offline", Page::Form { place: offline.clone(), typed: Typed::default(), notice: None }),
        ("code", form(None)),
        ("wrong", form(Some(Notice::Wrong))),
        ("length", form(Some(Notice::Length { symbols: 11 }))),
        ("wait", form(Some(Notice::TryAgainIn { seconds: 42 }))),
        ("one", form(Some(Notice::OneAtATime))),
        ("revoked", form(Some(Notice::Revoked))),
        ("used", form(Some(Notice::UsedUp))),
        ("moved", form(Some(Notice::Moved))),
        ("busy", form(Some(Notice::Busy { seconds: 5 }))),
        ("left", form(Some(Notice::LeftNow))),
        ("yielded", form(Some(Notice::Yielded))),
        ("ended", form(Some(Notice::Ended))),
        ("elsewhere", form(Some(Notice::Elsewhere))),
        ("again", form(Some(Notice::Again))),
        ("forgotten", form(Some(Notice::Forgotten))),
        ("adds", form(Some(Notice::AddsUp))),
        ("waiting", form(Some(Notice::Waiting))),
        ("return", Page::Return { place: place.clone() }),
        ("checking", Page::Checking { place: place.clone(), retry_s: 4 }),
        ("welcome", Page::Welcome { place: place.clone(), session: session.clone(), keep: None }),
        ("status", Page::Status { place: place.clone(), session }),
        ("next", Page::Status { place: place.clone(), session: waits }),
        ("status-offline", Page::Status { place: offline, session: month }),
        ("unknown", Page::UnknownDevice { place: place.clone() }),
        ("missing", Page::NotFound { place: place.clone() }),
        ("free", Page::Free { place: place.clone(), name: "Secundaria T\u{e9}cnica 12".to_owned() }),
        ("emergency", Page::Form { place: mode(Mode::Emergency), typed: Typed::default(), notice: None }),
        ("night", Page::Status { place: mode(Mode::Night), session: hour }),
        ("reported", Page::Reported { place }),
        ("redirect", Page::Redirect { to: "http://192.0.2.1/".to_owned() }),
    ]
}

/// `PORTAL_PAGES=FILE` writes them for `tests/portal/browser.mjs`.
#[test]
fn every_page_can_be_handed_to_a_browser_in_every_language() {
    let catalogue = shipped::catalogue();
    let mut pages = Vec::new();
    for (name, page) in named_pages() {
        for language in catalogue.languages() {
            let rendered = page.render(catalogue.words(language), "17");
            assert!(rendered.body.len() < 30_000, "{name}");
            pages.push(serde_json::json!({
                "name": name, "language": language.code(), "status": rendered.status,
                "headers": rendered.headers, "body": text(&rendered),
            }));
        }
    }
    if let Some(file) = std::env::var_os("PORTAL_PAGES") {
        std::fs::write(file, serde_json::Value::from(pages).to_string()).unwrap();
    }
}
