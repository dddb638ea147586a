//! The words of the pages. One file a language, `key = text` a line: `templates/words/es.txt`.
//!
//! Spanish is built in, so that the portal never lacks words; every other language is a file that is read at run time, and a
//! translator needs no compiler. What a file lacks is said in Spanish. A file is text from anywhere: its lines are bounded, known by
//! their keys, keep the gaps of the Spanish text, and stand on a page as text ([`Catalogue::add`]).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::limit::{PORTAL_LANGUAGES, PORTAL_TEXT_BYTES, PORTAL_WORDS_BYTES, PORTAL_WORDS_LINES};
use crate::base::time::Span;

/// A language, by its two or three letters (ISO 639), like `es` or `tzh`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Language([u8; 3]);

impl Language {
    /// The one that is built in.
    pub const ES: Self = Self(*b"es\0");

    /// What a code like `es`, `ES-mx` or `tzh` says first.
    pub fn of_code(code: &str) -> Option<Self> {
        let primary = code.trim().split(['-', '_']).next().unwrap_or_default().as_bytes();
        let mut letters = [0; 3];
        let place = letters.get_mut(..primary.len())?;
        let is_code = primary.len() >= 2 && primary.iter().all(u8::is_ascii_alphabetic);
        place.copy_from_slice(primary);
        is_code.then(|| Self(letters.map(|letter| letter.to_ascii_lowercase())))
    }

    /// Its letters, for `lang` and `Content-Language`.
    pub fn code(&self) -> &str {
        // A value that came out of a recording may be anything.
        std::str::from_utf8(&self.0).unwrap_or("es").trim_end_matches('\0')
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// The language that a browser likes best of those that are there (RFC 9110 12.5.4).
pub(super) fn liked(accept_language: &str, there: &[Language]) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    // Browsers send five or six ranges; nobody needs the rest of a long list.
    for range in accept_language.split(',').take(16) {
        let mut parts = range.split(';');
        let language = Language::of_code(parts.next().unwrap_or_default());
        let Some(language) = language.filter(|language| there.contains(language)) else { continue };
        let quality = parts.find_map(quality).unwrap_or(1_000);
        if quality > 0 && best.is_none_or(|(most, _)| quality > most) {
            best = Some((quality, language));
        }
    }
    best.map(|(_, language)| language)
}

/// The words of all languages that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// The texts that are built in, by their keys.
    built_in: Vec<(&'static str, &'static str)>,
    /// What files say in place of them, in the same order; the first is Spanish.
    files: Vec<(Language, Vec<Option<Box<str>>>)>,
}

/// What was wrong with a file of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// How many lines are passed over.
    pub lines: usize,
    /// The first of them.
    pub first: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl Default for Catalogue {
    /// What is built in.
    fn default() -> Self {
        let built_in: Vec<_> = lines_of(BUILT_IN).collect();
        let files = vec![(Language::ES, vec![None; built_in.len()])];
        Self { built_in, files }
    }
}

impl Catalogue {
    /// Takes the words of a file; what an earlier file of this language said in other words is forgotten.
    ///
    /// # Errors
    /// The lines that are passed over; the others count. A file that is too large, and one language too many, is not taken
    /// at all.
    pub fn add(&mut self, language: Language, file: &[u8]) -> Result<(), Damage> {
        let whole = |what| Err(Damage { lines: 0, first: 0, what });
        if file.len() > PORTAL_WORDS_BYTES {
            return whole("the file is too large");
        }
        let known = self.files.iter().position(|(known, _)| *known == language);
        if known.is_none() && self.files.len() >= PORTAL_LANGUAGES {
            return whole("there are too many languages");
        }
        let mut texts: Vec<Option<Box<str>>> = vec![None; self.built_in.len()];
        let mut damage: Option<Damage> = None;
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
            let what = match self.line(line, index) {
                Ok(None) => continue,
                Ok(Some((key, text))) if texts[key].is_none() => {
                    texts[key] = Some(text.into());
                    continue;
                }
                Ok(Some(_)) => "the key stands there twice",
                Err(what) => what,
            };
            damage.get_or_insert(Damage { lines: 0, first: index + 1, what }).lines += 1;
        }
        match known {
            Some(known) => {
                for (place, text) in self.files[known].1.iter_mut().zip(texts) {
                    *place = text.or(place.take());
                }
            }
            None if texts.iter().any(Option::is_some) => self.files.push((language, texts)),
            None => {}
        }
        damage.map_or(Ok(()), Err)
    }

    /// The languages that are there.
    pub fn languages(&self) -> Vec<Language> {
        self.files.iter().map(|(language, _)| *language).collect()
    }

    /// The words of a language; of Spanish if it is not there.
    pub fn words(&self, language: Language) -> Words<'_> {
        let file = self.files.iter().find(|(known, _)| *known == language).unwrap_or(&self.files[0]);
        Words { catalogue: self, language: file.0, texts: &file.1 }
    }

    /// The key's number and the text of a line; `None` of one that says nothing.
    fn line<'l>(&self, line: &'l [u8], index: usize) -> Result<Option<(usize, &'l str)>, &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "it is no UTF-8")?.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if index >= PORTAL_WORDS_LINES {
            return Err("the file has too many lines");
        }
        let (key, text) = line.split_once('=').ok_or("it is not key = text")?;
        let (key, text) = (key.trim_end(), text.trim_start());
        let number =
            self.built_in.iter().position(|(known, _)| *known == key).ok_or("nobody knows its key")?;
        if text.len() > PORTAL_TEXT_BYTES {
            return Err("its text is too long");
        }
        if text.chars().any(char::is_control) {
            return Err("there is a control character in it");
        }
        let gaps = |text: &str| GAPS.map(|gap| text.contains(gap));
        if !text.is_empty() && gaps(text) != gaps(self.built_in[number].1) {
            return Err("it has not the gaps {n}, {x}, {y} of the Spanish text");
        }
        Ok((!text.is_empty()).then_some((number, text)))
    }
}

/// All texts of one language, by key.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    catalogue: &'a Catalogue,
    language: Language,
    texts: &'a [Option<Box<str>>],
}

impl<'a> Words<'a> {
    /// The language that these are of.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The other languages that are there, each with what it calls itself.
    pub fn others(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let own = self.language;
        let catalogue = self.catalogue;
        let others = catalogue.files.iter().filter(move |(language, _)| *language != own);
        others.map(move |(language, texts)| {
            let name = texts[0].as_deref();
            let built_in = if *language == Language::ES { catalogue.built_in[0].1 } else { language.code() };
            (language.code(), name.unwrap_or(built_in))
        })
    }

    /// The text under `key`; the Spanish one if there is none, and the key itself as the last resort.
    pub fn text<'b>(&self, key: &'b str) -> &'b str
    where
        'a: 'b,
    {
        let built_in = &self.catalogue.built_in;
        let Some(number) = built_in.iter().position(|(known, _)| *known == key) else { return key };
        self.texts[number].as_deref().unwrap_or(built_in[number].1)
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
}

/// The lines of the file that is built in, which the tests hold to be sound.
fn lines_of(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = "))
}

/// `q=0.5` as thousandths.
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter.trim().strip_prefix("q=")?.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let thousandths: u16 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(whole.parse::<u16>().ok()?.saturating_mul(1_000).saturating_add(thousandths).min(1_000))
}

/// Its first line is what the language calls itself.
const BUILT_IN: &str = include_str!("../../../templates/words/es.txt");
/// What other texts and numbers are put into.
const GAPS: [&str; 3] = ["{n}", "{x}", "{y}"];

#[cfg(test)]
mod tests;
