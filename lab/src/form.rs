//! The form of a portal page, found as a person finds it: the place to type the code in, and the button.
//!
//! Not an HTML parser: enough for pages that need no script, and nothing that the page's author must agree with us
//! about, neither the names of fields nor the address that the form goes to.

use crate::failure::{Failure, Outcome};
use crate::http::encode;

/// A form that is sent by POST and has a field to type in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it is sent to, as written on the page; empty for the page itself.
    pub action: String,
    /// Name of the field that a person types in.
    pub field: String,
    /// Fields that go along unseen.
    pub hidden: Vec<(String, String)>,
}

impl Form {
    /// The first such form of a page.
    pub fn find(page: &str) -> Outcome<Self> {
        let whole = Self::drafts(page).into_iter().find_map(|draft| {
            draft.field.map(|field| Self { action: draft.action, field, hidden: draft.hidden })
        });
        whole.ok_or_else(|| {
            let seen = page.chars().take(300).collect::<String>();
            Failure::new("a page with a form to type a code in", format!("a page that begins `{seen}`"))
        })
    }

    /// What the form with this action sends when its button is tapped, of which a person types nothing.
    pub fn button(page: &str, action: &str) -> Outcome<String> {
        let draft =
            Self::drafts(page).into_iter().find(|draft| draft.action == action && draft.field.is_none());
        let pairs = draft.map(|draft| {
            let pairs = draft.hidden.iter();
            pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>()
        });
        pairs.map(|pairs| pairs.join("&")).ok_or_else(|| {
            let seen = page.chars().take(300).collect::<String>();
            Failure::new(format!("a page with a button to {action}"), format!("a page that begins `{seen}`"))
        })
    }

    fn drafts(page: &str) -> Vec<Draft> {
        let mut forms: Vec<Draft> = Vec::new();
        let mut inside = false;
        for tag in tags(page).take(TAG_LIMIT) {
            match tag.name.as_str() {
                "form" => {
                    inside = tag.value("method").is_some_and(|method| method.eq_ignore_ascii_case("post"));
                    if inside {
                        let action = tag.value("action").unwrap_or_default().to_string();
                        forms.push(Draft { action, ..Draft::default() });
                    }
                }
                "/form" => inside = false,
                "input" if inside => {
                    if let Some(draft) = forms.last_mut() {
                        draft.add(&tag);
                    }
                }
                _ => {}
            }
        }
        forms
    }

    /// What is sent when somebody has typed `text`.
    pub fn fill(&self, text: &str) -> String {
        let typed = (self.field.clone(), text.to_string());
        let pairs = self.hidden.iter().chain([&typed]);
        pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
    }
}

#[derive(Default)]
struct Draft {
    action: String,
    field: Option<String>,
    hidden: Vec<(String, String)>,
}

impl Draft {
    fn add(&mut self, tag: &Tag) {
        let Some(name) = tag.value("name") else { return };
        match tag.value("type").unwrap_or("text") {
            "hidden" => {
                self.hidden.push((name.to_string(), tag.value("value").unwrap_or_default().to_string()))
            }
            "text" | "search" | "tel" | "password" if self.field.is_none() => {
                self.field = Some(name.to_string())
            }
            _ => {}
        }
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn value(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn tags(page: &str) -> impl Iterator<Item = Tag> {
    page.split('<').skip(1).filter_map(|rest| {
        let name_end = rest.find(|letter: char| letter.is_whitespace() || letter == '>')?;
        let name = rest[..name_end].to_ascii_lowercase();
        Some(Tag { name, attributes: attributes(&rest[name_end..]) })
    })
}

/// Reads `a="b" c='d' e=f g` up to the end of the tag.
fn attributes(mut rest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while found.len() < ATTRIBUTE_LIMIT {
        rest = rest.trim_start();
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, '=' | '>'));
        let Some(end) = end else { return found };
        let name = rest[..end].trim_matches('/').to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(after.trim_start());
        } else if rest.starts_with('>') {
            if !name.is_empty() {
                found.push((name, value));
            }
            return found;
        }
        found.push((name, value));
    }
    found
}

fn attribute_value(rest: &str) -> (String, &str) {
    let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''));
    let (text, rest) = match quote {
        Some(quote) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
        None => {
            let end = rest.find(|letter: char| letter.is_whitespace() || letter == '>').unwrap_or(rest.len());
            rest.split_at(end)
        }
    };
    let text =
        text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#39;", "'").replace("&#x27;", "'");
    (text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("&#38;", "&"), rest)
}

/// A portal page is small; what is longer is cut off here.
const TAG_LIMIT: usize = 5_000;
const ATTRIBUTE_LIMIT: usize = 64;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_field_and_the_hidden_ones_are_found() {
        let page = "<html><form method=get><input name=q></form>\n<form method=\"POST\" action='/entrar?x=1&amp;y=2'>\
                    <label>C&oacute;digo</label><input type=\"hidden\" name=\"t\" value=\"a&quot;b\"/>\
                    <input autofocus required name=code ><input type=submit value=Entrar></form>";
        let form = Form::find(page).expect("there is one");
        assert_eq!(form.action, "/entrar?x=1&y=2");
        assert_eq!(form.field, "code");
        assert_eq!(form.fill("AB 12"), "t=a%22b&code=AB+12");
    }

    #[test]
    fn a_page_without_a_form_says_what_it_is() {
        let failure = Form::find("<h1>Bienvenida</h1>").expect_err("there is none");
        assert!(failure.seen.contains("Bienvenida"));
    }

    #[test]
    fn torn_pages_do_no_harm() {
        let page = "<form method=post action=\"/x\"><input name='code' type=\"text\" value=\"abc\"></form>";
        for cut in 0..page.len() {
            let _ = Form::find(&page[..cut]);
        }
    }
}
