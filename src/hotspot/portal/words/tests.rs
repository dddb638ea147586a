use proptest::prelude::*;

use super::*;
use crate::base::sorted::SortedSet;
use crate::hotspot::portal::shipped;

fn language(code: &str) -> Language {
    Language::of_code(code).unwrap()
}

#[test]
fn a_code_is_two_or_three_letters() {
    for (code, expected) in [
        ("es", Some("es")),
        ("ES_mx", Some("es")),
        (" tzh-MX-x ", Some("tzh")),
        ("e", None),
        ("", None),
        ("english", None),
        ("e\u{f1}", None),
        ("e1", None),
        ("*", None),
    ] {
        assert_eq!(Language::of_code(code).as_ref().map(Language::code), expected, "{code:?}");
    }
}

#[test]
fn the_browser_chooses_among_the_languages_that_are_there() {
    let there = ["es", "en", "tzh"].map(language);
    for (header, expected) in [
        ("", None),
        ("es-MX,es;q=0.9,en;q=0.8", Some("es")),
        ("en-US,en;q=0.5", Some("en")),
        ("fr-FR, en;q=0.3, es;q=0.7", Some("es")),
        ("pt-BR, tzh;q=0.3", Some("tzh")),
        ("de,fr;q=0.5", None),
        ("es;q=0, en;q=0.001", Some("en")),
        ("ES_mx", Some("es")),
        ("en;q=nonsense", Some("en")),
        ("english,;;;,q=1", None),
    ] {
        assert_eq!(liked(header, &there).as_ref().map(Language::code), expected, "{header:?}");
    }
}

#[test]
fn every_shipped_file_is_whole_with_the_same_keys_in_the_same_order() {
    let keys: Vec<_> = lines_of(BUILT_IN).map(|(key, _)| key).collect();
    assert_eq!(keys.iter().collect::<SortedSet<_>>().len(), keys.len(), "each key once");
    assert_eq!(keys[0], "language");
    let mut catalogue = Catalogue::default();
    for (code, file) in shipped::FILES {
        assert_eq!(catalogue.add(language(code), file.as_bytes()), Ok(()), "{code}");
        let own = lines_of(file).map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(own, keys, "{code}: same keys in the same order");
        let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(lines.count(), keys.len(), "{code}: every line is key = text");
    }
    assert_eq!(catalogue.languages(), ["es", "en", "pt", "el"].map(language));
    let names: Vec<_> = catalogue.words(language("pt")).others().collect();
    assert_eq!(
        names,
        [
            ("es", "Espa\u{f1}ol"),
            ("en", "English"),
            ("el", "\u{395}\u{3bb}\u{3bb}\u{3b7}\u{3bd}\u{3b9}\u{3ba}\u{3ac}")
        ]
    );
}

#[test]
fn pages_use_every_key_and_no_other() {
    let sources = [
        include_str!("../page.rs"),
        include_str!("../words.rs"),
        include_str!("../../../../templates/base.html"),
        include_str!("../../../../templates/form.html"),
        include_str!("../../../../templates/message.html"),
        include_str!("../../../../templates/redirect.html"),
        include_str!("../../../../templates/return.html"),
        include_str!("../../../../templates/status.html"),
    ];
    let is_key = |text: &&str| {
        text.contains('.')
            && !text.ends_with(".html")
            && !text.ends_with(".png")
            && text.chars().all(|c| c == '.' || c.is_ascii_lowercase())
    };
    let used: SortedSet<_> = sources.iter().flat_map(|source| source.split('"').filter(is_key)).collect();
    let elsewhere = ["second.", "minute.", "hour.", "day.", "language"];
    let known = lines_of(BUILT_IN).map(|(key, _)| key);
    let known: SortedSet<_> =
        known.filter(|key| !elsewhere.iter().any(|start| key.starts_with(start))).collect();
    assert_eq!(used, known);
}

#[test]
fn a_new_language_falls_back_to_spanish_key_by_key() {
    let mut catalogue = Catalogue::default();
    let file = "\u{feff}# Tseltal\r\nlanguage = Bats'il k'op\r\nform.button=Ochan\r\npage.back =\r\n";
    assert_eq!(catalogue.add(language("tzh"), file.as_bytes()), Ok(()));
    let words = catalogue.words(language("tzh"));
    assert_eq!((words.language().code(), words.text("form.button")), ("tzh", "Ochan"));
    assert_eq!(words.text("page.back"), "Volver al inicio");
    assert_eq!(words.text("no.such"), "no.such");
    assert_eq!(catalogue.words(Language::ES).others().next(), Some(("tzh", "Bats'il k'op")));
    // A language that is not there is Spanish, and says so.
    assert_eq!(catalogue.words(language("fr")).language(), Language::ES);
    // A second file of a language says some things in other words.
    assert_eq!(catalogue.add(language("tzh"), b"form.button = Tsobol"), Ok(()));
    assert_eq!(catalogue.add(Language::ES, b"form.button = Entrar"), Ok(()));
    let texts = ["tzh", "es"].map(|code| catalogue.words(language(code)).text("form.button").to_owned());
    assert_eq!(texts, ["Tsobol", "Entrar"]);
    assert_eq!(catalogue.words(language("tzh")).others().next(), Some(("es", "Espa\u{f1}ol")));
}

#[test]
fn damaged_lines_are_passed_over_and_counted() {
    let long = format!("page.back = {}", "x".repeat(PORTAL_TEXT_BYTES + 1));
    let rows: [(&[u8], &str); 8] = [
        (b"form.button", "it is not key = text"),
        (b"form.nothing = x", "nobody knows its key"),
        (b"page.back = \xff", "it is no UTF-8"),
        (long.as_bytes(), "its text is too long"),
        (b"page.back = a\tb", "there is a control character in it"),
        (b"minute.many = minutes", "it has not the gaps {n}, {x}, {y} of the Spanish text"),
        (b"page.back = {x}", "it has not the gaps {n}, {x}, {y} of the Spanish text"),
        (b"form.button = b", "the key stands there twice"),
    ];
    for (line, what) in rows {
        let file = [b"form.button = a\n\n", line, b"\n", line, b"\nform.title = c"].concat();
        let mut catalogue = Catalogue::default();
        let damage = catalogue.add(language("en"), &file);
        assert_eq!(damage, Err(Damage { lines: 2, first: 3, what }), "{}", String::from_utf8_lossy(line));
        let words = catalogue.words(language("en"));
        assert_eq!((words.text("form.button"), words.text("form.title")), ("a", "c"), "the others count");
    }
    let mut catalogue = Catalogue::default();
    let long = vec![b'\n'; PORTAL_WORDS_BYTES + 1];
    assert!(catalogue.add(language("en"), &long).is_err_and(|damage| damage.lines == 0));
    let lines = format!("{}page.back = x", "\n".repeat(PORTAL_WORDS_LINES));
    assert!(catalogue.add(language("en"), lines.as_bytes()).is_err_and(|damage| damage.lines == 1));
    assert_eq!(catalogue, Catalogue::default(), "a file that says nothing is no language");
    for letter in b'a'..=b'z' {
        let code = format!("z{}", char::from(letter));
        let _ = catalogue.add(language(&code), b"page.back = x");
    }
    assert_eq!(catalogue.languages().len(), PORTAL_LANGUAGES);
}

#[test]
fn time_is_said_in_its_two_largest_units() {
    let catalogue = shipped::catalogue();
    let english = catalogue.words(language("en"));
    for (seconds, expected) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (3_600, "1 hour"),
        (3_601, "1 hour 1 minute"),
        (7_260, "2 hours 1 minute"),
        (86_400, "1 day"),
        (86_400 * 29 + 3_600 * 5 + 60, "29 days 5 hours"),
    ] {
        assert_eq!(english.span(Span::from_secs(seconds)).replace('\u{a0}', " "), expected);
    }
    assert_eq!(catalogue.words(Language::ES).span(Span::from_secs(86_400)), "1\u{a0}d\u{ed}a");
}

proptest! {
    /// Half of the lines are nearly right.
    #[test]
    fn no_file_can_harm(
        lines in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                (0..60_usize, "[ =]{0,3}", ".{0,30}", prop::sample::select(vec!["", "{n}", "{x}", "{n}{x}", "{x} {y}"])).prop_map(
                    |(key, equals, text, gaps)| {
                        let key = lines_of(BUILT_IN).nth(key).unwrap_or_default().0;
                        format!("{key}{equals}{text}{gaps}").into_bytes()
                    }
                ),
            ],
            0..80,
        ),
    ) {
        let mut catalogue = Catalogue::default();
        let taken = catalogue.add(language("tzh"), &lines.join(&b'\n'));
        prop_assert!(taken.is_ok() || taken.is_err_and(|damage| damage.lines > 0));
        let words = catalogue.words(language("tzh"));
        for (key, spanish) in lines_of(BUILT_IN) {
            let text = words.text(key);
            prop_assert!(!text.is_empty() && text.len() <= PORTAL_TEXT_BYTES && !text.chars().any(char::is_control));
            for gap in GAPS {
                prop_assert_eq!(text.contains(gap), spanish.contains(gap), "{}", key);
            }
        }
    }
}
