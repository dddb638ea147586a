//! A part of a name of the network, between two dots (RFC 1123, section 2.1), as this project gives it: of one alphabet and one
//! case, so that it stands in a line of a file, in an address bar and on paper without a doubt.

/// Octets at most.
pub const LONGEST: usize = 32;

/// Whether this is one: 1 to 32 of `a` to `z`, `0` to `9` and `-`, neither first nor last a `-`.
pub fn is_label(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What it is made of when somebody calls a thing like this: `San Ysidro` is `san-ysidro`. Letters of other alphabets have no
/// place in it, and it may come out empty.
pub fn label(name: &str) -> String {
    let mut label = String::new();
    for symbol in name.chars().flat_map(char::to_lowercase) {
        let plain = match symbol {
            'á' | 'à' | 'ã' | 'â' => 'a',
            'é' | 'ê' => 'e',
            'í' => 'i',
            'ó' | 'õ' | 'ô' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            'a'..='z' | '0'..='9' => symbol,
            _ if label.is_empty() || label.ends_with('-') => continue,
            _ => '-',
        };
        label.push(plain);
        if label.len() == LONGEST {
            break;
        }
    }
    label.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_calls_a_thing_becomes_a_label() {
        for (name, expected) in [
            ("San Tequio", "san-tequio"),
            ("Talea de Castro, Oaxaca", "talea-de-castro-oaxaca"),
            ("Ñuñoa (São Tomé)", "nunoa-sao-tome"),
            ("Σαραντάπορο", ""),
            ("  --  ", ""),
            ("2 \n10.0.0.1 bank", "2-10-0-0-1-bank"),
            (&"x".repeat(80), &"x".repeat(32)),
        ] {
            assert_eq!(label(name), expected, "{name}");
            assert!(expected.is_empty() || is_label(expected));
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for wrong in ["", "a b", "a.b", "Book", "-a", "a-", "a\nb", "ñ", "#", &"x".repeat(33)] {
            assert!(!is_label(wrong), "{wrong}");
        }
        assert!(is_label("library") && is_label("radio-2") && is_label("x"));
    }
}
