//! Columns for people: aligned, safe for any text, plain unless the output is a terminal.
//!
//! Names come from other nodes, so a text may hold anything. What would move the cursor or turn the
//! direction of writing is replaced, and widths are counted in cells of a terminal, not in bytes.

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table that grows row by row.
#[derive(Clone, Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings and no rows.
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as there are columns.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.columns.len(), "a cell for each column");
        self.rows.push(cells.iter().map(|cell| clean(cell)).collect());
    }

    /// The table as lines; `bold` makes the headings stand out on a terminal.
    pub(super) fn render(&self, bold: bool) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
                cells.chain([width(self.columns[column].0)]).max().unwrap_or(0)
            })
            .collect();
        let headings: Vec<String> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let head = self.line(&headings, &widths);
        let mut text = if bold { format!("\x1b[1m{head}\x1b[0m\n") } else { format!("{head}\n") };
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width_of_column), (_, side)) in cells.iter().zip(widths).zip(&self.columns) {
            let gap = " ".repeat(width_of_column.saturating_sub(width(cell)));
            match side {
                Side::Left => line.extend([cell, gap.as_str(), "  "]),
                Side::Right => line.extend([gap.as_str(), cell, "  "]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Names and what they say, one on a line, the latter aligned. An empty name continues the one above.
pub(super) fn facts(entries: &[(&str, String)]) -> String {
    let longest = entries.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, fact) in entries {
        let gap = " ".repeat(longest - width(name));
        text.extend([name, gap.as_str(), "  ", clean(fact).as_str()]);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The text without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    let obeyed = |symbol: char| {
        symbol.is_control()
            || matches!(symbol, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|symbol| if obeyed(symbol) { '\u{fffd}' } else { symbol }).collect()
}

/// How many cells of a terminal the text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|symbol| cells(symbol as u32)).sum()
}

/// Marks that sit on the letter before them take none, East Asian letters and pictures two, as
/// Unicode's tables have it (UAX #11), in blocks: enough to keep columns straight.
fn cells(symbol: u32) -> usize {
    let within =
        |blocks: &[(u32, u32)]| blocks.iter().any(|(first, last)| (*first..=*last).contains(&symbol));
    if within(MARKS) {
        0
    } else if within(WIDE) {
        2
    } else {
        1
    }
}

/// Combining marks, joiners and variation selectors.
const MARKS: &[(u32, u32)] = &[
    (0x0300, 0x036f),
    (0x0483, 0x0489),
    (0x0591, 0x05bd),
    (0x064b, 0x065f),
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200d),
    (0x2060, 0x2064),
    (0x20d0, 0x20ff),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
];

/// East Asian scripts, full-width forms and pictures.
const WIDE: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1faff),
    (0x20000, 0x3fffd),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_straight_whatever_stands_in_them() {
        let mut table = Table::new(&[("NAME", Side::Left), ("COST", Side::Right), ("WHY", Side::Left)]);
        let row = |name: &str, cost: &str, why: &str| [name, cost, why].map(str::to_owned);
        table.row(row("peña", "96", "best"));
        table.row(row("pen\u{303}a", "256", ""));
        table.row(row("山の家", "1024", "far"));
        table.row(row("x\x1b[31m\u{202e}y", "-", "no\nescape"));
        insta::assert_snapshot!(table.render(false), @r"
        NAME      COST  WHY
        peña        96  best
        peña       256
        山の家    1024  far
        x�[31m�y     -  no�escape
        ");
    }

    #[test]
    fn headings_are_bold_only_when_asked() {
        let table = Table::new(&[("NAME", Side::Left)]);
        assert_eq!(table.render(false), "NAME\n");
        assert_eq!(table.render(true), "\x1b[1mNAME\x1b[0m\n");
    }

    #[test]
    fn facts_are_aligned_and_continue() {
        let entries = [
            ("node", "cerro".to_owned()),
            ("alerts", "one".to_owned()),
            ("", "two".to_owned()),
            ("x", String::new()),
        ];
        assert_eq!(facts(&entries), "node    cerro\nalerts  one\n        two\nx\n");
    }
}
