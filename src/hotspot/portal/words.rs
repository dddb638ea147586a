//! The words of the pages. One file a language, `key = text` a line: `templates/words/es.txt`.
//!
//! Two languages are built in. [`Words::parse`] reads a further one from text, and
//! [`Page::render_with`](super::Page::render_with) takes it: a translator needs no compiler. A key that a
//! file lacks is said in English.

use serde::{Deserialize, Serialize};

use crate::base::time::Span;

/// A language that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// Spanish.
    Es,
    /// English.
    En,
}

/// All texts of one language, by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words<'a> {
    lines: Vec<(&'a str, &'a str)>,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Es, Self::En];

    /// The language that a browser likes best of those we have (RFC 9110 12.5.4); otherwise the one
    /// with the code `default`, otherwise Spanish.
    pub fn choose(accept_language: &str, default: &str) -> Self {
        let mut best: Option<(u16, Self)> = None;
        // Browsers send five or six ranges; nobody needs the rest of a long list.
        for range in accept_language.split(',').take(16) {
            let mut parts = range.split(';');
            let Some(language) = Self::of_code(parts.next().unwrap_or_default()) else { continue };
            let quality = parts.find_map(quality).unwrap_or(1_000);
            if quality > 0 && best.is_none_or(|(most, _)| quality > most) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language).or_else(|| Self::of_code(default)).unwrap_or(Self::Es)
    }

    /// The code of this language, for `lang` and `Content-Language`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    fn of_code(range: &str) -> Option<Self> {
        let primary = range.trim().split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.code()))
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Es => include_str!("../../../templates/words/es.txt"),
            Self::En => include_str!("../../../templates/words/en.txt"),
        }
    }
}

impl Words<'static> {
    /// The words of a language that is built in.
    pub fn of(language: Language) -> Self {
        Self::parse(language.file())
    }
}

impl<'a> Words<'a> {
    /// Reads `key = text` lines; `#` begins a comment, other lines are passed over.
    pub fn parse(file: &'a str) -> Self {
        let lines = file.lines().filter(|line| !line.starts_with('#'));
        Self { lines: lines.filter_map(|line| line.split_once(" = ")).collect() }
    }

    /// The text under `key`; the English one if there is none, and the key itself as the last resort.
    pub fn text<'b>(&'b self, key: &'b str) -> &'b str {
        self.own(key).or_else(|| line_of(Language::En.file(), key)).unwrap_or(key)
    }

    /// The text under `key` with `{n}` replaced by a number.
    pub fn count(&self, key: &str, number: u64) -> String {
        self.text(key).replace("{n}", &number.to_string())
    }

    /// The text under `key` with `{x}` replaced by another text.
    pub fn with(&self, key: &str, text: &str) -> String {
        self.text(key).replace("{x}", text)
    }

    /// A length of time as people say it, in its two largest units; minutes are rounded up, so that
    /// nobody reads "0 minutes" while there is something left.
    pub fn span(&self, span: Span) -> String {
        let seconds = span.as_micros().div_ceil(1_000_000);
        if seconds < 60 {
            return self.unit("second", seconds);
        }
        let minutes = seconds.div_ceil(60);
        let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
        let (large, small) = match (days, hours) {
            (0, 0) => (self.unit("minute", minutes), None),
            (0, _) => (self.unit("hour", hours), (minutes > 0).then(|| self.unit("minute", minutes))),
            _ => (self.unit("day", days), (hours > 0).then(|| self.unit("hour", hours))),
        };
        match small {
            Some(small) => self.text("span.two").replace("{x}", &large).replace("{y}", &small),
            None => large,
        }
    }

    fn unit(&self, unit: &str, number: u64) -> String {
        // A number and its unit stay on one line.
        let key = format!("{unit}.{}", if number == 1 { "one" } else { "many" });
        self.count(&key, number).replace(' ', "\u{a0}")
    }

    fn own(&self, key: &str) -> Option<&'a str> {
        self.lines.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
    }
}

fn line_of(file: &'static str, key: &str) -> Option<&'static str> {
    Words::parse(file).own(key)
}

/// `q=0.5` as thousandths.
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter.trim().strip_prefix("q=")?.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let thousandths: u16 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(whole.parse::<u16>().ok()?.saturating_mul(1_000).saturating_add(thousandths).min(1_000))
}

#[cfg(test)]
mod tests {
    use crate::base::sorted::SortedSet;

    use super::*;

    #[test]
    fn the_browser_chooses_among_the_languages_we_have() {
        for (header, default, expected) in [
            ("", "es", Language::Es),
            ("", "en", Language::En),
            ("", "klingon", Language::Es),
            ("es-MX,es;q=0.9,en;q=0.8", "en", Language::Es),
            ("en-US,en;q=0.5", "es", Language::En),
            ("fr-FR, en;q=0.3, es;q=0.7", "en", Language::Es),
            ("de,fr;q=0.5", "en", Language::En),
            ("es;q=0, en;q=0.001", "es", Language::En),
            ("ES_mx", "en", Language::Es),
            ("en;q=nonsense", "es", Language::En),
            ("english,;;;,q=1", "es", Language::Es),
        ] {
            assert_eq!(Language::choose(header, default), expected, "{header:?}");
        }
    }

    #[test]
    fn every_language_has_the_same_keys_each_once_and_the_same_gaps() {
        let english = Words::of(Language::En);
        for language in Language::ALL {
            let words = Words::of(language);
            let lines = language.file().lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            assert_eq!(lines.count(), words.lines.len(), "{language:?}: every line is key = text");
            let keys =
                |words: &Words<'_>| words.lines.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>();
            assert_eq!(keys(&words), keys(&english), "{language:?}: same keys in the same order");
            for (key, text) in &words.lines {
                assert_eq!(words.own(key), Some(*text), "{language:?}: {key} stands there once");
                for gap in ["{n}", "{x}", "{y}"] {
                    assert_eq!(text.contains(gap), english.text(key).contains(gap), "{language:?}: {key}");
                }
            }
        }
    }

    #[test]
    fn pages_use_every_key_and_no_other() {
        let sources = [
            include_str!("page.rs"),
            include_str!("words.rs").split("mod tests").next().unwrap(),
            include_str!("../../../templates/base.html"),
            include_str!("../../../templates/form.html"),
            include_str!("../../../templates/message.html"),
            include_str!("../../../templates/redirect.html"),
            include_str!("../../../templates/status.html"),
        ];
        let is_key = |text: &&str| {
            text.contains('.')
                && !text.ends_with(".html")
                && text.chars().all(|c| c == '.' || c.is_ascii_lowercase())
        };
        let used: SortedSet<_> = sources.iter().flat_map(|source| source.split('"').filter(is_key)).collect();
        let units = ["second.", "minute.", "hour.", "day."];
        let english = Words::of(Language::En);
        let known = english.lines.iter().map(|(key, _)| *key);
        let known: SortedSet<_> =
            known.filter(|key| !units.iter().any(|unit| key.starts_with(unit))).collect();
        assert_eq!(used, known);
    }

    #[test]
    fn a_language_read_at_run_time_falls_back_to_english_key_by_key() {
        let words = Words::parse("# Zapoteco\nform.button = Guyuu\nnonsense\n");
        assert_eq!(words.text("form.button"), "Guyuu");
        assert_eq!(words.text("page.back"), Words::of(Language::En).text("page.back"));
        assert_eq!(words.text("no.such"), "no.such");
    }

    #[test]
    fn time_is_said_in_its_two_largest_units() {
        let english = Words::of(Language::En);
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
        assert_eq!(Words::of(Language::Es).span(Span::from_secs(86_400)), "1\u{a0}d\u{ed}a");
    }
}
