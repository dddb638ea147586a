//! `application/x-www-form-urlencoded`, as much of it as a form with one field needs.

/// The value of the first field called `name`; bytes that are no UTF-8 become U+FFFD.
pub(super) fn value(form: &[u8], name: &str) -> Option<String> {
    form.split(|&byte| byte == b'&').find_map(|pair| {
        let mut parts = pair.splitn(2, |&byte| byte == b'=');
        let key = decoded(parts.next().unwrap_or_default());
        let value = parts.next().unwrap_or_default();
        (key == name.as_bytes()).then(|| String::from_utf8_lossy(&decoded(value)).into_owned())
    })
}

/// The form with this one field.
pub(super) fn of(name: &str, value: &str) -> String {
    let mut form = format!("{name}=");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() {
            form.push(char::from(byte));
        } else {
            form.push_str(&format!("%{byte:02X}"));
        }
    }
    form
}

/// `+` is a space, `%41` is `A`; what is no such thing stands for itself.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_and_decoded() {
        for (form, expected) in [
            ("code=ABCD", Some("ABCD")),
            ("a=1&code=AB+CD%2dEF&code=2", Some("AB CD-EF")),
            ("%63ode=x", Some("x")),
            ("code", Some("")),
            ("code=%zz%4", Some("%zz%4")),
            ("code=%c3%a9%ff", Some("\u{e9}\u{fffd}")),
            ("xcode=1", None),
            ("", None),
        ] {
            assert_eq!(value(form.as_bytes(), "code").as_deref(), expected, "{form}");
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        for text in ["", "ABCD-EFGH", "a b+c%41&code=\u{e9}"] {
            assert_eq!(value(of("code", text).as_bytes(), "code").as_deref(), Some(text));
        }
    }
}
