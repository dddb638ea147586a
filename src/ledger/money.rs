//! Amounts of money: whole minor units inside, a decimal point for people.

use super::body::PlanShare;

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

/// Everybody's part of a price, from words like `escuela=0.15`; what is left is the community's. The error is for a person.
pub fn split<'a>(
    price: u64,
    seller_share: u64,
    words: impl Iterator<Item = &'a str>,
    minor_units: u8,
) -> Result<Vec<PlanShare>, String> {
    let mut shares = Vec::new();
    let mut rest = price.checked_sub(seller_share).ok_or("the seller's share is more than the price")?;
    for word in words {
        let share = word.split_once('=').and_then(|(to, part)| Some((to, parse(part, minor_units)?)));
        let wrong = || format!("`{word}` is no share: expected a name and an amount, like escuela=0.15");
        let (to, amount) = share.ok_or_else(wrong)?;
        rest = rest.checked_sub(amount).ok_or("the shares are more than the price")?;
        shares.push(PlanShare { to: to.trim().to_owned(), amount });
    }
    if rest > 0 {
        shares.push(PlanShare { to: "community".to_owned(), amount: rest });
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_split_to_the_last_unit() {
        let split = |seller_share, words: &[&str]| super::split(200, seller_share, words.iter().copied(), 2);
        let share = |to: &str, amount| PlanShare { to: to.to_owned(), amount };
        assert_eq!(split(125, &["red=0.75"]), Ok(vec![share("red", 75)]));
        assert_eq!(
            split(0, &["a=0.50", "b=1"]),
            Ok(vec![share("a", 50), share("b", 100), share("community", 50)])
        );
        for (seller_share, words) in [(201, vec![]), (100, vec!["a=1.01"]), (0, vec!["a"]), (0, vec!["a=x"])]
        {
            assert!(split(seller_share, &words).is_err(), "{words:?}");
        }
    }

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
