//! QR codes: for a terminal that a phone looks at, and for paper.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc, QrSegment};

/// Light modules around a code, without which readers do not find it (ISO/IEC 18004).
const QUIET: i32 = 4;
/// The same on white paper, where the page's own margin helps.
const QUIET_ON_PAPER: i32 = 2;

/// Texts up to this length get a second look of their reader's: paper gets wet and folded.
const SHORT: usize = 400;

/// The text as two rows of modules in each line, light on dark, as terminals are.
pub(super) fn terminal(text: &str) -> Result<String, String> {
    let code = code(text)?;
    let end = code.size() + QUIET;
    let mut lines = String::new();
    for y in (-QUIET..end).step_by(2) {
        for x in -QUIET..end {
            lines.push(match (code.get_module(x, y), code.get_module(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        lines.push('\n');
    }
    Ok(lines)
}

/// The text as a drawing inside a page.
pub(super) fn svg(text: &str) -> Result<String, String> {
    let code = code(text)?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let from = x;
            while x < size && code.get_module(x, y) {
                x += 1;
            }
            if x > from {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{from} {y}h{}v1H{from}z", x - from);
            }
            x += 1;
        }
    }
    let whole = size + 2 * QUIET_ON_PAPER;
    Ok(format!(
        "<svg viewBox=\"-{QUIET_ON_PAPER} -{QUIET_ON_PAPER} {whole} {whole}\"><path d=\"{path}\"/></svg>"
    ))
}

/// A long text gets the least redundancy, or its modules are too small to be seen. Digits and capitals at its end take
/// five and a half bits each.
fn code(text: &str) -> Result<QrCode, String> {
    let is_plain = |symbol: &u8| symbol.is_ascii_uppercase() || symbol.is_ascii_digit();
    let plain = text.bytes().rev().take_while(|symbol| is_plain(symbol)).count();
    let (front, back) = text.split_at(text.len() - plain);
    let segments = [QrSegment::make_bytes(front.as_bytes()), QrSegment::make_alphanumeric(back)];
    let level = if text.len() > SHORT { QrCodeEcc::Low } else { QrCodeEcc::Medium };
    QrCode::encode_segments(&segments, level)
        .map_err(|_| format!("{} octets do not fit into a QR code", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the modules of a terminal's text again, true is dark.
    fn modules(lines: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in lines.lines() {
            rows.push(line.chars().map(|letter| matches!(letter, '▄' | ' ')).collect());
            rows.push(line.chars().map(|letter| matches!(letter, '▀' | ' ')).collect());
        }
        rows
    }

    #[test]
    fn both_show_the_same_modules() {
        let text = "http://192.0.2.1/?code=0A0T-4E70-J6GY";
        let expected = code(text).unwrap();
        let rows = modules(&terminal(text).unwrap());
        let drawing = svg(text).unwrap();
        let mut runs = 0;
        for y in 0..expected.size() {
            for x in 0..expected.size() {
                let dark = expected.get_module(x, y);
                assert_eq!(rows[(y + QUIET) as usize][(x + QUIET) as usize], dark, "{x} {y}");
                if dark && !expected.get_module(x - 1, y) {
                    runs += 1;
                    assert!(drawing.contains(&format!("M{x} {y}h")), "{x} {y}");
                }
            }
        }
        assert_eq!(drawing.matches('M').count(), runs);
        assert!(rows[..QUIET as usize].iter().flatten().all(|dark| !dark), "the quiet zone is light");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert_eq!(svg(&"x".repeat(3_000)).unwrap_err(), "3000 octets do not fit into a QR code");
    }
}
