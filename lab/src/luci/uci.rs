//! rpcd's object `uci`, for the one package that there is: reading, changes that belong to a session, and applying them
//! with a way back.
//!
//! A change stays with its session until `apply`, which writes the file and has the daemon read it again. With
//! `rollback` the old file comes back unless `confirm` is called in time: whoever cut himself off gets his node back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tequio::config::uci::{Document, Entry, Section};
use tequio::platform::ubus::UbusStatus;

/// The configuration of one node, and what sessions want to change in it.
#[derive(Debug)]
pub(super) struct Uci {
    package: &'static str,
    file: PathBuf,
    staged: BTreeMap<String, Vec<Named>>,
    rollback: Option<Rollback>,
}

/// A section and the name that rpcd gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    id: String,
    anonymous: bool,
    kind: String,
    options: Vec<(String, Setting)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Setting {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug)]
struct Rollback {
    session: String,
    text: String,
    deadline: Instant,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Done {
    /// An answer.
    Answer(Value),
    /// The file is another one now: the daemon has to read it.
    Applied,
}

impl Uci {
    /// The configuration in this file.
    pub(super) fn new(file: PathBuf) -> Self {
        Self { package: PACKAGE, file, staged: BTreeMap::new(), rollback: None }
    }

    /// rpcd's own configuration in this file, made if it is not there.
    pub(super) fn of_rpcd(file: PathBuf) -> Self {
        if !file.exists() {
            // What cannot be made cannot be read either, and is said then.
            let _ = std::fs::write(&file, "");
        }
        Self { package: "rpcd", ..Self::new(file) }
    }

    /// A method of the object. Whether the session may has been asked already.
    pub(super) fn call(
        &mut self,
        method: &str,
        session: &str,
        arguments: &Map<String, Value>,
        now: Instant,
    ) -> Result<Done, UbusStatus> {
        match method {
            "apply" => return self.apply(session, arguments, now),
            "confirm" => return self.confirm(session),
            _ => {}
        }
        if text(arguments, "config") != Some(self.package) {
            return Err(UbusStatus::NotFound);
        }
        if method == "commit" {
            // Of a program of root's: at once, and nobody is asked whether that was right.
            return self.apply(session, arguments, now);
        }
        if method == "revert" {
            self.staged.remove(session);
            return Ok(Done::Answer(json!({})));
        }
        let mut sections = match self.staged.get(session) {
            Some(staged) => staged.clone(),
            None => read(&self.file)?,
        };
        let answer = match method {
            "get" => return get(&sections, arguments).map(Done::Answer),
            "changes" => {
                let changed =
                    self.staged.get(session).is_some_and(|staged| read(&self.file).as_ref() != Ok(staged));
                return Ok(Done::Answer(
                    json!({"changes": if changed { json!([["set"]]) } else { json!([]) }}),
                ));
            }
            "add" => add(&mut sections, arguments)?,
            "set" => set(&mut sections, arguments)?,
            "delete" => delete(&mut sections, arguments)?,
            "order" => order(&mut sections, arguments)?,
            _ => return Err(UbusStatus::MethodNotFound),
        };
        if self.staged.len() >= MOST_STAGED && !self.staged.contains_key(session) {
            self.staged.pop_first();
        }
        self.staged.insert(session.to_owned(), sections);
        Ok(Done::Answer(answer))
    }

    /// When [`roll_back`](Self::roll_back) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.rollback.as_ref().map(|rollback| rollback.deadline)
    }

    /// Puts the old file back if nobody confirmed the new one in time; true if it did.
    pub(super) fn roll_back(&mut self, now: Instant) -> bool {
        match self.rollback.take_if(|rollback| rollback.deadline <= now) {
            Some(rollback) => std::fs::write(&self.file, rollback.text).is_ok(),
            None => false,
        }
    }

    fn apply(
        &mut self,
        session: &str,
        arguments: &Map<String, Value>,
        now: Instant,
    ) -> Result<Done, UbusStatus> {
        if self.rollback.is_some() {
            return Err(UbusStatus::PermissionDenied);
        }
        let Some(sections) = self.staged.remove(session) else { return Err(UbusStatus::NoData) };
        let before = std::fs::read_to_string(&self.file).map_err(|_| UbusStatus::UnknownError)?;
        std::fs::write(&self.file, document(sections).to_string()).map_err(|_| UbusStatus::UnknownError)?;
        if arguments.get("rollback").and_then(Value::as_bool).unwrap_or(false) {
            let wait = arguments.get("timeout").and_then(Value::as_u64).unwrap_or(LONGEST_ROLLBACK_S);
            let deadline = now + Duration::from_secs(wait.clamp(1, LONGEST_ROLLBACK_S));
            self.rollback = Some(Rollback { session: session.to_owned(), text: before, deadline });
        }
        Ok(Done::Applied)
    }

    fn confirm(&mut self, session: &str) -> Result<Done, UbusStatus> {
        match self.rollback.take_if(|rollback| rollback.session == session) {
            Some(_) => Ok(Done::Answer(json!({}))),
            None if self.rollback.is_some() => Err(UbusStatus::PermissionDenied),
            None => Err(UbusStatus::NoData),
        }
    }
}

fn read(file: &Path) -> Result<Vec<Named>, UbusStatus> {
    let text = std::fs::read_to_string(file).map_err(|_| UbusStatus::NotFound)?;
    let document = Document::parse(&text).map_err(|_| UbusStatus::UnknownError)?;
    Ok(document.sections.into_iter().enumerate().map(|(index, section)| named(index, section)).collect())
}

fn named(index: usize, section: Section) -> Named {
    let mut options: Vec<(String, Setting)> = Vec::new();
    for Entry { name, value, list, .. } in section.entries {
        match options.iter_mut().find(|(known, _)| *known == name).map(|(_, setting)| setting) {
            Some(Setting::Many(values)) if list => values.push(value),
            Some(setting) => *setting = if list { Setting::Many(vec![value]) } else { Setting::One(value) },
            None => options.push((name, if list { Setting::Many(vec![value]) } else { Setting::One(value) })),
        }
    }
    let anonymous = section.name.is_none();
    let id = section.name.unwrap_or_else(|| format!("cfg{:02x}{:04x}", index + 1, hash(&section.kind)));
    Named { id, anonymous, kind: section.kind, options }
}

fn document(sections: Vec<Named>) -> Document {
    let entry = |name: &str, value: String, list| Entry { line: 0, name: name.to_owned(), value, list };
    let sections = sections.into_iter().map(|section| Section {
        line: 0,
        kind: section.kind,
        name: (!section.anonymous).then_some(section.id),
        entries: section
            .options
            .into_iter()
            .flat_map(|(name, setting)| match setting {
                Setting::One(value) => vec![entry(&name, value, false)],
                Setting::Many(values) => values.into_iter().map(|value| entry(&name, value, true)).collect(),
            })
            .collect(),
    });
    Document { package: None, sections: sections.collect() }
}

fn get(sections: &[Named], arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
    let kind = text(arguments, "type");
    let table = |(index, section): (usize, &Named)| {
        let mut table = Map::new();
        table.insert(".anonymous".into(), json!(section.anonymous));
        table.insert(".type".into(), json!(section.kind));
        table.insert(".name".into(), json!(section.id));
        table.insert(".index".into(), json!(index));
        for (name, setting) in &section.options {
            let value = match setting {
                Setting::One(value) => json!(value),
                Setting::Many(values) => json!(values),
            };
            table.insert(name.clone(), value);
        }
        table
    };
    if let Some(id) = text(arguments, "section") {
        let found = sections.iter().enumerate().find(|(_, section)| section.id == id);
        let values = found.map(table).ok_or(UbusStatus::NotFound)?;
        return Ok(match text(arguments, "option") {
            Some(option) => json!({"value": values.get(option).ok_or(UbusStatus::NotFound)?}),
            None => json!({"values": values}),
        });
    }
    let values: Map<String, Value> = sections
        .iter()
        .enumerate()
        .filter(|(_, section)| kind.is_none_or(|kind| section.kind == kind))
        .map(|(index, section)| (section.id.clone(), Value::Object(table((index, section)))))
        .collect();
    Ok(json!({"values": values}))
}

fn add(sections: &mut Vec<Named>, arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
    let kind = text(arguments, "type").filter(|kind| is_name(kind)).ok_or(UbusStatus::InvalidArgument)?;
    let name = text(arguments, "name");
    if name.is_some_and(|name| !is_name(name) || sections.iter().any(|section| section.id == name)) {
        return Err(UbusStatus::InvalidArgument);
    }
    let id = match name {
        Some(name) => name.to_owned(),
        None => (sections.len() + 1..)
            .map(|number| format!("cfg{number:02x}{:04x}", hash(kind)))
            .find(|id| sections.iter().all(|section| section.id != *id))
            .unwrap_or_default(),
    };
    sections.push(Named {
        id: id.clone(),
        anonymous: name.is_none(),
        kind: kind.to_owned(),
        options: Vec::new(),
    });
    if let Some(values) = arguments.get("values").and_then(Value::as_object) {
        set_values(sections, &id, values)?;
    }
    Ok(json!({"section": id}))
}

fn set(sections: &mut [Named], arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
    let id = text(arguments, "section").ok_or(UbusStatus::InvalidArgument)?;
    let values = arguments.get("values").and_then(Value::as_object).ok_or(UbusStatus::InvalidArgument)?;
    set_values(sections, id, values)?;
    Ok(json!({}))
}

fn set_values(sections: &mut [Named], id: &str, values: &Map<String, Value>) -> Result<(), UbusStatus> {
    let section = sections.iter_mut().find(|section| section.id == id).ok_or(UbusStatus::NotFound)?;
    for (name, value) in values {
        let setting = match value {
            Value::Array(values) => {
                let texts: Option<Vec<String>> = values.iter().map(word).collect();
                Setting::Many(texts.ok_or(UbusStatus::InvalidArgument)?)
            }
            value => Setting::One(word(value).ok_or(UbusStatus::InvalidArgument)?),
        };
        if !is_name(name) {
            return Err(UbusStatus::InvalidArgument);
        }
        match section.options.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = setting,
            None => section.options.push((name.clone(), setting)),
        }
    }
    Ok(())
}

fn delete(sections: &mut Vec<Named>, arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
    let id = text(arguments, "section").ok_or(UbusStatus::InvalidArgument)?;
    let at = sections.iter().position(|section| section.id == id).ok_or(UbusStatus::NotFound)?;
    let listed = arguments.get("options").and_then(Value::as_array);
    let options: Vec<&str> =
        listed.into_iter().flatten().filter_map(Value::as_str).chain(text(arguments, "option")).collect();
    if listed.is_none() && options.is_empty() {
        sections.remove(at);
    } else {
        sections[at].options.retain(|(name, _)| !options.contains(&name.as_str()));
    }
    Ok(json!({}))
}

fn order(sections: &mut [Named], arguments: &Map<String, Value>) -> Result<Value, UbusStatus> {
    let wanted = arguments.get("sections").and_then(Value::as_array).ok_or(UbusStatus::InvalidArgument)?;
    let place = |id: &str| wanted.iter().position(|wanted| wanted.as_str() == Some(id)).unwrap_or(usize::MAX);
    sections.sort_by_key(|section| place(&section.id));
    Ok(json!({}))
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A value of an option, which UCI keeps as text.
fn word(value: &Value) -> Option<String> {
    let word = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => u8::from(*yes).to_string(),
        _ => return None,
    };
    (word.len() <= LONGEST_VALUE && !word.contains(['\n', '\0'])).then_some(word)
}

fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Sixteen bits of the kind, which make the name of an anonymous section look like libuci's.
fn hash(kind: &str) -> u16 {
    kind.bytes().fold(5_381_u16, |hash, byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}

/// The package.
const PACKAGE: &str = "tequio";

/// As long as LuCI waits by default.
const LONGEST_ROLLBACK_S: u64 = 90;

/// Longer than any value that our configuration takes.
const LONGEST_VALUE: usize = 4_096;

/// Sessions with changes at one node.
const MOST_STAGED: usize = 20;

#[cfg(test)]
mod test {
    use super::*;

    fn uci(name: &str) -> Uci {
        let file = std::env::temp_dir().join(format!("lab-luci-{}-{name}", std::process::id()));
        std::fs::write(
            &file,
            "config node 'node'\n\toption name 'plaza'\n\nconfig service\n\tlist prefix '10.0.0.1'\n",
        )
        .expect("a file for the test");
        Uci::new(file)
    }

    fn ask(uci: &mut Uci, method: &str, arguments: Value) -> Result<Done, UbusStatus> {
        uci.call(method, "s", arguments.as_object().expect("a table"), Instant::now())
    }

    fn answer(uci: &mut Uci, method: &str, arguments: Value) -> Value {
        match ask(uci, method, arguments) {
            Ok(Done::Answer(value)) => value,
            other => panic!("{method}: {other:?}"),
        }
    }

    #[test]
    fn changes_belong_to_a_session_until_they_are_applied() {
        let mut uci = uci("applied");
        let all = answer(&mut uci, "get", json!({"config": "tequio"}));
        assert_eq!(all["values"]["node"]["name"], "plaza");
        let service = all["values"].as_object().expect("sections").keys().find(|id| id.starts_with("cfg"));
        assert_eq!(all["values"][service.expect("an anonymous section")]["prefix"], json!(["10.0.0.1"]));

        let added = answer(&mut uci, "add", json!({"config": "tequio", "type": "person"}));
        let id = added["section"].as_str().expect("a name").to_owned();
        let values = json!({"login": "o'b", "name": "x", "role": "viewer"});
        answer(&mut uci, "set", json!({"config": "tequio", "section": id, "values": values}));
        answer(&mut uci, "delete", json!({"config": "tequio", "section": id, "options": ["name"]}));
        let before = std::fs::read_to_string(&uci.file).expect("the file");
        assert!(!before.contains("person"));

        assert_eq!(ask(&mut uci, "apply", json!({"rollback": true, "timeout": 30})), Ok(Done::Applied));
        let after = std::fs::read_to_string(&uci.file).expect("the file");
        assert!(after.contains("config person\n\toption login 'o'\\''b'\n\toption role 'viewer'"), "{after}");
        assert!(uci.deadline().is_some());
        assert_eq!(ask(&mut uci, "confirm", json!({})), Ok(Done::Answer(json!({}))));
        assert!(uci.deadline().is_none());
        std::fs::remove_file(&uci.file).expect("the file is ours");
    }

    #[test]
    fn what_nobody_confirms_is_taken_back() {
        let mut uci = uci("back");
        let before = std::fs::read_to_string(&uci.file).expect("the file");
        answer(&mut uci, "set", json!({"config": "tequio", "section": "node", "values": {"name": "loma"}}));
        assert_eq!(ask(&mut uci, "apply", json!({"rollback": true, "timeout": 30})), Ok(Done::Applied));
        assert!(!uci.roll_back(Instant::now()));
        assert!(uci.roll_back(Instant::now() + Duration::from_secs(31)));
        assert_eq!(std::fs::read_to_string(&uci.file).expect("the file"), before);
        std::fs::remove_file(&uci.file).expect("the file is ours");
    }

    #[test]
    fn nonsense_is_refused() {
        let mut uci = uci("nonsense");
        for (method, arguments, status) in [
            ("get", json!({"config": "network"}), UbusStatus::NotFound),
            ("get", json!({"config": "tequio", "section": "nobody"}), UbusStatus::NotFound),
            ("add", json!({"config": "tequio", "type": "a b"}), UbusStatus::InvalidArgument),
            ("add", json!({"config": "tequio", "type": "node", "name": "node"}), UbusStatus::InvalidArgument),
            (
                "set",
                json!({"config": "tequio", "section": "node", "values": {"name": "a\nb"}}),
                UbusStatus::InvalidArgument,
            ),
            (
                "set",
                json!({"config": "tequio", "section": "node", "values": {"name": {}}}),
                UbusStatus::InvalidArgument,
            ),
            ("rename", json!({"config": "tequio"}), UbusStatus::MethodNotFound),
            ("apply", json!({}), UbusStatus::NoData),
            ("confirm", json!({}), UbusStatus::NoData),
        ] {
            assert_eq!(ask(&mut uci, method, arguments.clone()), Err(status), "{method} {arguments}");
        }
        std::fs::remove_file(&uci.file).expect("the file is ours");
    }
}
