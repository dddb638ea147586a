//! Amounts of money: whole minor units inside, a decimal point for people.

/// `1250` with 2 digits is `12.50`.
pub fn format(amount: u64, minor_units: u8) -> String {
    let digits = usize::from(minor_units);
    let mut text = format!("{amount:0width$}", width = digits + 1);
    if digits > 0 {
        text.insert(text.len() - digits, '.');
    }
    text
}

/// Reads `12.50`, `12,5` or `12` as minor units; more digits than the currency has are no amount.
pub fn parse(text: &str, minor_units: u8) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = usize::from(minor_units);
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_point = whole.len() != text.len();
    if whole.is_empty() || !numeric(whole) || !numeric(fraction) || fraction.len() > digits {
        return None;
    }
    if has_point && fraction.is_empty() {
        return None;
    }
    format!("{whole}{fraction:0<digits$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, minor_units, amount) in
            [("0.50", 2, 50), ("12,5", 2, 1250), ("12", 2, 1200), ("7", 0, 7), ("0.001", 3, 1)]
        {
            assert_eq!(parse(text, minor_units), Some(amount), "{text}");
        }
        for (text, minor_units) in [
            ("", 2),
            (".5", 2),
            ("1.", 2),
            ("0.505", 2),
            ("-1", 2),
            ("+1", 2),
            ("1e3", 2),
            ("1.5", 0),
            ("99999999999999999999", 2),
        ] {
            assert_eq!(parse(text, minor_units), None, "{text}");
        }
        assert_eq!(
            (format(1250, 2), format(5, 2), format(7, 0)),
            ("12.50".into(), "0.05".into(), "7".into())
        );
    }
}
