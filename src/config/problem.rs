//! What is wrong with a configuration, said so that it can be found and put right.

use std::fmt;

/// Why a configuration cannot be used: everything that is wrong with it, not only the first thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named to us.
    pub file: String,
    /// At least one; at most [`MOST_PROBLEMS`], the rest shows when these are mended.
    pub problems: Vec<Problem>,
}

/// Something that can be used but is probably not meant so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file, as it was named to us.
    pub file: String,
    /// Where and what.
    pub problem: Problem,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1; none if the trouble is with the file as a whole.
    pub line: Option<u32>,
    /// The section, like `interface 'hill'`.
    pub section: Option<String>,
    /// The option of that section.
    pub option: Option<String>,
    /// What was expected, or what is wrong.
    pub what: String,
}

/// Problems that one error lists at most: more than a screen of them helps nobody.
pub const MOST_PROBLEMS: usize = 20;

impl Problem {
    /// A problem with the file as a whole.
    pub(super) fn whole(what: impl Into<String>) -> Self {
        Self { line: None, section: None, option: None, what: what.into() }
    }

    /// A problem on a line.
    pub(super) fn at(line: u32, what: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::whole(what) }
    }
}

impl ConfigError {
    /// An error of one problem.
    pub(super) fn one(file: &str, problem: Problem) -> Self {
        Self { file: file.to_owned(), problems: vec![problem] }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}, ")?;
        }
        if let Some(section) = &self.section {
            write!(formatter, "section {section}, ")?;
        }
        if let Some(option) = &self.option {
            write!(formatter, "option {option}: ")?;
        }
        formatter.write_str(&self.what)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(formatter, "{end}{}: {problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.file, self.problem)
    }
}

/// The name of `known` that `word` was probably meant to be: at most two letters off (one in short
/// words), the first of equals.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = if word.len() < 5 { 1 } else { 2 };
    let (distance, name) =
        known.into_iter().map(|name| (distance(word, name), name)).min_by_key(|&(distance, _)| distance)?;
    (distance <= most).then_some(name)
}

/// Letters to change, add, take away, or swap with their neighbour, to make `one` into `two`.
fn distance(one: &str, two: &str) -> usize {
    // Names are short; a word longer than any name is far from all of them.
    if one.len() > LONGEST_NAME || two.len() > LONGEST_NAME {
        return usize::MAX;
    }
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=two.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut here = vec![row + 1];
        for (column, other) in two.iter().enumerate() {
            let changed = above[column] + usize::from(letter != other);
            let mut least = changed.min(above[column + 1] + 1).min(here[column] + 1);
            if row > 0 && column > 0 && one[row - 1] == *other && two[column - 1] == *letter {
                least = least.min(before[column - 1] + 1);
            }
            here.push(least);
        }
        before = std::mem::replace(&mut above, here);
    }
    above[two.len()]
}

/// Longer than every name of the schema.
const LONGEST_NAME: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        let known = ["device", "hello_interval_ms", "rxcost", "kind"];
        for (word, name) in [
            ("devcie", Some("device")),
            ("devise", Some("device")),
            ("helo_interval_ms", Some("hello_interval_ms")),
            ("rxcots", Some("rxcost")),
            ("kynd", Some("kind")),
            ("kyn", None),
            ("metric", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), name, "{word}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }

    #[test]
    fn a_problem_reads_as_one_sentence() {
        let problem = Problem {
            line: Some(7),
            section: Some("interface 'hill'".into()),
            option: Some("rxcost".into()),
            what: "expected a whole number from 1 to 65534, found 'x'".into(),
        };
        let error = ConfigError::one("/etc/config/tequio", problem);
        assert_eq!(
            error.to_string(),
            "/etc/config/tequio: line 7, section interface 'hill', option rxcost: \
             expected a whole number from 1 to 65534, found 'x'"
        );
    }
}
