//! The UCI grammar: what OpenWrt's `uci` writes, read into sections and options with their lines.
//!
//! Four commands (`package`, `config`, `option`, `list`), shell-like words: 'single' quotes take
//! everything literally, in "double" quotes and outside a backslash takes the next character
//! literally (and joins lines), parts that touch are one word. Outside quotes `#` starts a comment
//! and `;` ends a command, also inside a word, because libuci reads it so. A quoted word may span
//! lines. What the options mean is no business of this file (see `schema`).
//!
//! Stricter than libuci on purpose: too many words, odd names and NUL are errors, not guesses.

use std::fmt;

use super::problem::Problem;

/// A file: its sections in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The name after `package`, if the file has that line (exported files do).
    pub package: Option<String>,
    /// The sections, in the order of the file.
    pub sections: Vec<Section>,
}

/// One `config` line and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Line of the file, from 1.
    pub line: u32,
    /// The first word: what kind of section this is.
    pub kind: String,
    /// The second word, if the section is not anonymous.
    pub name: Option<String>,
    /// The options and list items, in order; names may repeat.
    pub entries: Vec<Entry>,
}

/// One `option` or `list` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Line of the file, from 1.
    pub line: u32,
    /// The option's name.
    pub name: String,
    /// Its value, without quotes. Empty means the same as no option at all, as in libuci.
    pub value: String,
    /// Whether it is one item of a `list`.
    pub list: bool,
}

impl Document {
    /// Reads a whole file. The first thing that is wrong ends it: what follows a broken quote is noise.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut words = Words { rest: text, line: 1 };
        let mut document = Self::default();
        while let Some(command) = words.command()? {
            document.take(command)?;
        }
        Ok(document)
    }

    fn take(&mut self, command: Command) -> Result<(), Problem> {
        let line = command.line;
        let wrong = |expected: &str| Err(Problem::at(line, expected));
        let mut words = command.words.into_iter();
        let keyword = words.next().unwrap_or_default();
        let first = words.next().unwrap_or_default();
        let second = words.next();
        if words.next().is_some() {
            return wrong("too many words; a value with spaces stands in quotes");
        }
        match keyword.as_str() {
            "package" => {
                if second.is_some() || !is_name(&first) {
                    return wrong("expected: package NAME");
                }
                if self.package.is_some() || !self.sections.is_empty() {
                    return wrong("a second package; one file holds one");
                }
                self.package = Some(first);
            }
            "config" => {
                let name = second.filter(|name| !name.is_empty());
                if !is_name(&first) || !name.as_deref().is_none_or(is_name) {
                    return wrong("expected: config KIND 'NAME', of letters, digits, _ and -");
                }
                self.sections.push(Section { line, kind: first, name, entries: Vec::new() });
            }
            "option" | "list" => {
                let list = keyword == "list";
                if !is_name(&first) {
                    return wrong("expected: option NAME 'VALUE' or list NAME 'VALUE'");
                }
                let Some(section) = self.sections.last_mut() else {
                    return wrong("an option before the first config line belongs to no section");
                };
                let value = second.unwrap_or_default();
                section.entries.push(Entry { line, name: first, value, list });
            }
            _ => return wrong("expected config, option or list at the start of the line"),
        }
        Ok(())
    }
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(package) = &self.package {
            writeln!(formatter, "package {package}")?;
        }
        for section in &self.sections {
            write!(formatter, "\nconfig {}", section.kind)?;
            if let Some(name) = &section.name {
                write!(formatter, " '{name}'")?;
            }
            writeln!(formatter)?;
            for entry in &section.entries {
                let keyword = if entry.list { "list" } else { "option" };
                // The only character that single quotes cannot hold is put beside them.
                writeln!(formatter, "\t{keyword} {} '{}'", entry.name, entry.value.replace('\'', "'\\''"))?;
            }
        }
        Ok(())
    }
}

/// Letters, digits, `_` and `-`: what kinds, names and options are made of.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// The words of one command, and the line where it starts.
struct Command {
    line: u32,
    words: Vec<String>,
}

/// What is left of the text.
struct Words<'a> {
    rest: &'a str,
    line: u32,
}

impl Words<'_> {
    /// The next command that has a word; `None` at the end of the file.
    fn command(&mut self) -> Result<Option<Command>, Problem> {
        let mut command = Command { line: self.line, words: Vec::new() };
        loop {
            match self.peek() {
                None if command.words.is_empty() => return Ok(None),
                None => return Ok(Some(command)),
                Some('\n' | ';') => {
                    self.next();
                    if !command.words.is_empty() {
                        return Ok(Some(command));
                    }
                    command.line = self.line;
                }
                Some('#') => self.skip_comment(),
                Some(space) if is_space(space) => {
                    self.next();
                }
                Some(_) if command.words.len() > MOST_WORDS => {
                    return Err(Problem::at(
                        command.line,
                        "too many words; a value with spaces stands in quotes",
                    ));
                }
                Some(_) => {
                    let word = self.word()?;
                    command.words.push(word);
                }
            }
        }
    }

    /// One word, quoted parts and plain parts joined.
    fn word(&mut self) -> Result<String, Problem> {
        let mut word = String::new();
        while let Some(character) = self.peek() {
            match character {
                '\'' => self.single_quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' => self.escaped(&mut word)?,
                '#' | ';' => break,
                space if is_space(space) => break,
                '\0' => return Err(Problem::at(self.line, "a NUL byte; this is no text file")),
                plain => {
                    word.push(plain);
                    self.next();
                }
            }
        }
        Ok(word)
    }

    fn single_quoted(&mut self, word: &mut String) -> Result<(), Problem> {
        let opened = self.line;
        self.next();
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some('\0') => return Err(Problem::at(self.line, "a NUL byte; this is no text file")),
                Some(character) => word.push(character),
                None => return Err(Problem::at(opened, "the ' of this line is never closed")),
            }
        }
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), Problem> {
        let opened = self.line;
        self.next();
        loop {
            match self.peek() {
                Some('"') => {
                    self.next();
                    return Ok(());
                }
                Some('\\') => self.escaped(word)?,
                Some('\0') => return Err(Problem::at(self.line, "a NUL byte; this is no text file")),
                Some(character) => {
                    word.push(character);
                    self.next();
                }
                None => return Err(Problem::at(opened, "the \" of this line is never closed")),
            }
        }
    }

    /// A backslash: the next character as it is, or nothing at the end of a line.
    fn escaped(&mut self, word: &mut String) -> Result<(), Problem> {
        self.next();
        match self.next() {
            Some('\n') | None => {}
            Some('\r') if self.peek() == Some('\n') => {
                self.next();
            }
            Some('\0') => return Err(Problem::at(self.line, "a NUL byte; this is no text file")),
            Some(character) => word.push(character),
        }
        Ok(())
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|character| character != '\n') {
            self.next();
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = &self.rest[character.len_utf8()..];
        self.line = self.line.saturating_add(u32::from(character == '\n'));
        Some(character)
    }
}

/// The C library's `isspace`, without the end of the line, which ends a command.
const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

/// No command has more words (keyword, name, value); a line of a million words is not collected.
const MOST_WORDS: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<String> {
        let document = Document::parse(&format!("config a\n{text}")).unwrap();
        document.sections[0].entries.iter().map(|entry| entry.value.clone()).collect()
    }

    #[test]
    fn words_are_quoted_joined_and_commented_as_libuci_does() {
        assert_eq!(values("option a 'x y'"), ["x y"]);
        assert_eq!(values("option a \"x \\\" y\""), ["x \" y"]);
        assert_eq!(values("option a 'it'\\''s'"), ["it's"]);
        assert_eq!(values("option a x\\ y"), ["x y"]);
        assert_eq!(values("option a 'x\\n'"), ["x\\n"]);
        assert_eq!(values("option a x#y\noption b '#'"), ["x", "#"]);
        assert_eq!(values("option a x; option b y"), ["x", "y"]);
        assert_eq!(values("option a 'two\nlines'\noption b \"x\\\ny\""), ["two\nlines", "xy"]);
        assert_eq!(values("option a\noption b ''\r\n# end"), ["", ""]);
        assert_eq!(values("\tlist a 1\n\tlist a 2"), ["1", "2"]);
    }

    #[test]
    fn sections_know_their_kind_name_and_line() {
        let text =
            "package tequio\n\n# hills\nconfig interface 'hill'\n\toption device eth0\nconfig announce\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.package.as_deref(), Some("tequio"));
        assert_eq!((document.sections[0].line, document.sections[0].name.as_deref()), (4, Some("hill")));
        assert_eq!(document.sections[0].entries[0].line, 5);
        assert_eq!((document.sections[1].kind.as_str(), document.sections[1].line), ("announce", 6));
        assert_eq!(document.sections[1].name, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, word) in [
            ("option a 1", 1, "before the first"),
            ("config a\n\n  option b 'x\n\n", 3, "never closed"),
            ("config a\noption b \"x", 2, "never closed"),
            ("config a\nconfg b", 2, "expected config"),
            ("config a b c", 1, "too many words"),
            ("config a\noption b c d e f g", 2, "too many words"),
            ("config", 1, "KIND"),
            ("config 'a b'", 1, "KIND"),
            ("config a\noption", 2, "NAME"),
            ("config a\noption b x\0y", 2, "NUL"),
            ("config a\npackage b", 2, "second package"),
        ] {
            let problem = Document::parse(text).unwrap_err();
            assert_eq!(problem.line, Some(line), "{text:?}");
            assert!(problem.what.contains(word), "{text:?}: {}", problem.what);
        }
    }

    fn without_lines(mut document: Document) -> Document {
        for section in &mut document.sections {
            section.line = 0;
            section.entries.iter_mut().for_each(|entry| entry.line = 0);
        }
        document
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(config|option|list|package|[ \\t\\n'\"\\\\#;a-c\\x00]|\\PC){0,60}") {
            let _ = Document::parse(&text);
        }

        #[test]
        fn what_is_printed_is_read_again(
            sections in prop::collection::vec(
                ("[a-z_-]{1,6}", prop::option::of("[a-zA-Z0-9_-]{1,6}"),
                 prop::collection::vec(("[a-z_0-9]{1,6}", "[^\\x00]{0,12}", any::<bool>()), 0..4)), 0..4),
            package in prop::option::of("[a-z]{1,6}"),
        ) {
            let document = Document {
                package,
                sections: sections.into_iter().map(|(kind, name, entries)| Section {
                    line: 0,
                    kind,
                    name,
                    entries: entries.into_iter()
                        .map(|(name, value, list)| Entry { line: 0, name, value, list })
                        .collect(),
                }).collect(),
            };
            let read = Document::parse(&document.to_string());
            prop_assert_eq!(read.map(without_lines), Ok(document));
        }
    }
}
