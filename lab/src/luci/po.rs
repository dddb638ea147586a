//! Translations, read from a `.po` file as LuCI's `po2lmo` does: what is not translated is left out.

use serde_json::{Map, Value, json};

/// The translations of a file: a text, or singular and plural, under the original (the singular).
pub(super) fn parse(text: &str) -> Map<String, Value> {
    let mut translations = Map::new();
    let mut entry = Entry::default();
    for line in text.lines().chain([""]) {
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            std::mem::take(&mut entry).finish(&mut translations);
            continue;
        }
        let (keyword, rest) = match line.find('"') {
            Some(0) => ("", line),
            Some(at) => (line[..at].trim(), &line[at..]),
            None => continue,
        };
        entry.take(keyword, &unquote(rest));
    }
    translations
}

#[derive(Default)]
struct Entry {
    id: String,
    plural: bool,
    forms: Vec<String>,
    /// Where a continued line belongs.
    part: Part,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Nothing,
    Id,
    Plural,
    Form,
}

impl Entry {
    fn take(&mut self, keyword: &str, text: &str) {
        match keyword {
            "msgid" => (self.part, self.id) = (Part::Id, text.to_owned()),
            "msgid_plural" => (self.part, self.plural) = (Part::Plural, true),
            "" => match self.part {
                Part::Id => self.id.push_str(text),
                Part::Form => self.forms.last_mut().into_iter().for_each(|form| form.push_str(text)),
                Part::Plural | Part::Nothing => {}
            },
            _ if keyword.starts_with("msgstr") => {
                self.part = Part::Form;
                self.forms.push(text.to_owned());
            }
            _ => self.part = Part::Nothing,
        }
    }

    fn finish(self, translations: &mut Map<String, Value>) {
        // The entry without a text is the head of the file.
        if self.id.is_empty() || self.forms.iter().any(String::is_empty) || self.forms.is_empty() {
            return;
        }
        let value = if self.plural { json!(self.forms) } else { json!(self.forms[0]) };
        translations.insert(self.id, value);
    }
}

/// The text between the quotes.
fn unquote(quoted: &str) -> String {
    let inner = quoted.trim().trim_start_matches('"').trim_end();
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            (letter, false) => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn texts_plurals_and_long_lines_are_read() {
        let text = "msgid \"\"\nmsgstr \"Language: es\\n\"\n\n#: a.js:1\nmsgid \"Sell\"\nmsgstr \"Vender\"\n\n\
                    msgid \"A \"\n\"long \\\"one\\\"\"\nmsgstr \"\"\n\"Una \"\n\"larga\"\n\n\
                    msgid \"%d link\"\nmsgid_plural \"%d links\"\nmsgstr[0] \"%d enlace\"\nmsgstr[1] \"%d enlaces\"\n\n\
                    msgid \"Empty\"\nmsgstr \"\"";
        let read = parse(text);
        assert_eq!(read.get("Sell"), Some(&json!("Vender")));
        assert_eq!(read.get("A long \"one\""), Some(&json!("Una larga")));
        assert_eq!(read.get("%d link"), Some(&json!(["%d enlace", "%d enlaces"])));
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn noise_is_no_translation() {
        assert!(parse("garbage\n\"x\nmsgid\nmsgstr \"\\").is_empty());
    }
}
