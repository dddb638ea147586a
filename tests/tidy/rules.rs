//! The rules. Each says what it forbids, where, and why.

use super::source::{DEBUG_TEXT, Source, is_word};

/// One place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// `file:line`.
    pub(crate) place: String,
    /// The rule's name.
    pub(crate) rule: &'static str,
    /// What was found.
    pub(crate) found: String,
    /// Why the rule is there.
    pub(crate) why: &'static str,
}

/// The rooms of `src/` and the floor each is on.
const FLOORS: &[(&str, u8)] = &[
    ("main", 5),
    ("cli", 5),
    ("daemon", 5),
    ("planner", 5),
    ("config", 4),
    ("platform", 4),
    ("node", 3),
    ("babel", 2),
    ("link", 2),
    ("hotspot", 2),
    ("ledger", 2),
    ("base", 1),
];

/// Words that are forbidden below floor 4, in the rule's name and with its reason.
struct Words {
    rule: &'static str,
    why: &'static str,
    /// A path (`std::fs`) matches wherever its last word is named through it; a single word anywhere.
    words: &'static [&'static str],
    /// Whether test code may use them.
    in_tests: bool,
}

const BELOW_FLOOR_4: &[Words] = &[
    Words {
        rule: "no clock below floor 4",
        why: "time is an argument, so that a test and a replay can say what time it is",
        words: &["std::time::Instant", "std::time::SystemTime", "std::time::*", "SystemTime", "Instant::now"],
        in_tests: false,
    },
    Words {
        rule: "no IO below floor 4",
        why: "what leaves a core is a value; platform does the rest",
        words: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::os",
            "std::io::stdin",
            "std::io::stdout",
            "std::io::stderr",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::net::ToSocketAddrs",
            "std::net::*",
            "tokio",
            "nix",
            "libc",
            "netlink_sys",
            "ubus",
            "log",
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "dbg!",
        ],
        in_tests: true,
    },
    Words {
        rule: "no thread and nothing shared below floor 4",
        why: "every value has one owner; one input, then drain all outputs",
        words: &[
            "std::thread",
            "thread_local!",
            "std::sync::*",
            "Arc",
            "Rc",
            "Mutex",
            "RwLock",
            "Condvar",
            "mpsc",
            "std::sync::atomic",
        ],
        in_tests: true,
    },
    Words {
        rule: "no random order below floor 4",
        why: "the same inputs must give the same outputs byte for byte; use base::sorted or Vec",
        words: &["HashMap", "HashSet", "std::collections::*", "RandomState"],
        in_tests: true,
    },
    Words {
        rule: "no dice below floor 4",
        why: "randomness comes from base::random with a seed that is an argument",
        words: &["getrandom", "thread_rng", "rand", "OsRng", "from_entropy", "fastrand"],
        in_tests: true,
    },
];

/// A file longer than this in lines of code must be split.
const MOST_LINES: usize = 500;
/// A function longer than this must be split.
const MOST_FUNCTION_LINES: usize = 60;

/// Everything that is wrong with one file of `src/`, `lab/` or `tests/`.
pub(crate) fn violations(source: &Source<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(room) = room(source.path) {
        match floor(room) {
            Some(floor) => {
                arrows(source, room, floor, &mut found);
                if floor < 4 {
                    forbidden_words(source, &mut found);
                }
            }
            None if room != "lib" => {
                let why = "every room stands on a floor: add it to FLOORS in tests/tidy/rules.rs";
                found.push(violation(source, 1, "every room has a floor", room.to_owned(), why));
            }
            None => {}
        }
        shipped(source, room, &mut found);
    }
    sizes(source, &mut found);
    unfinished(source, &mut found);
    found
}

/// `babel` for `src/babel/engine.rs`, `main` for `src/main.rs`, none outside `src/`.
fn room(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    Some(inside.split_once('/').map_or(inside.trim_end_matches(".rs"), |(room, _)| room))
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn violation(
    source: &Source<'_>,
    line: usize,
    rule: &'static str,
    found: String,
    why: &'static str,
) -> Violation {
    Violation { place: format!("{}:{line}", source.path), rule, found, why }
}

/// Arrows that run up, and arrows between cores.
fn arrows(source: &Source<'_>, own: &str, own_floor: u8, found: &mut Vec<Violation>) {
    for (line, target) in rooms_named(source) {
        if target == own {
            continue;
        }
        if target == "*" || target == "lab" {
            let why =
                if target == "lab" { "the lab is never shipped" } else { "name the room, not all of them" };
            found.push(violation(source, line, "arrows go down", target.to_owned(), why));
            continue;
        }
        // What stands at the root besides rooms is no arrow.
        let Some(target_floor) = floor(target) else { continue };
        if target_floor > own_floor {
            let what = format!("{own} (floor {own_floor}) names {target} (floor {target_floor})");
            let why = "an arrow only ever goes down, so that a floor can be understood and tested without those above";
            found.push(violation(source, line, "arrows go down", what, why));
        } else if own_floor == 2 && target_floor == 2 {
            let what = format!("{own} names {target}");
            let why = "the four cores know nothing of each other; node wires them together";
            found.push(violation(source, line, "no core names another", what, why));
        }
    }
}

/// Every room named by a path that starts at the root of the crate, with its line.
fn rooms_named<'a>(source: &Source<'a>) -> Vec<(usize, &'a str)> {
    let tokens = &source.tokens;
    let depths = source.module_depths();
    let depth_of_file = module_depth(source.path);
    let mut named = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let inside = index > 0 && tokens[index - 1].text == "::";
        let after = match tokens[index].text {
            "crate" | "tequio" if !inside && text(source, index + 1) == "::" => Some(index + 2),
            "lab" if !inside && text(source, index + 1) == "::" => {
                named.push((tokens[index].line, "lab"));
                None
            }
            "super" if !inside => {
                let supers = (index..)
                    .step_by(2)
                    .take_while(|&at| text(source, at) == "super" && text(source, at + 1) == "::");
                let count = supers.count();
                (count >= depth_of_file + depths[index] && count > 0).then_some(index + 2 * count)
            }
            _ => None,
        };
        if let Some(after) = after {
            first_words(source, after, &mut named);
        }
        index += 1;
    }
    named
}

/// How many modules deep a file is: 1 for `src/babel/mod.rs`, 2 for `src/babel/engine.rs`.
fn module_depth(path: &str) -> usize {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    if inside == "lib" || inside == "main" { 0 } else { inside.split('/').count() }
}

/// The first word of every branch of the use tree (or the path) that starts at `index`.
fn first_words<'a>(source: &Source<'a>, index: usize, named: &mut Vec<(usize, &'a str)>) {
    let Some(first) = source.tokens.get(index) else { return };
    if first.text != "{" {
        named.push((first.line, first.text));
        return;
    }
    let mut depth = 0usize;
    for (at, token) in source.tokens.iter().enumerate().skip(index) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
        let begins = at == index || (depth == 1 && token.text == ",");
        if begins && let Some(next) = source.tokens.get(at + 1).filter(|next| is_word(next.text)) {
            named.push((next.line, next.text));
        }
    }
}

fn text<'a>(source: &Source<'a>, index: usize) -> &'a str {
    source.tokens.get(index).map_or("", |token| token.text)
}

/// Words of [`BELOW_FLOOR_4`].
fn forbidden_words(source: &Source<'_>, found: &mut Vec<Violation>) {
    let paths = full_paths(source);
    for rule in BELOW_FLOOR_4 {
        let mut last_line = 0;
        for (line, test, path) in &paths {
            if (*test && rule.in_tests) || *line == last_line {
                continue;
            }
            // The one place that may name the generator wraps it in a seed.
            let allowed = |word: &str| word == "fastrand" && source.path == "src/base/random.rs";
            if let Some(word) = rule.words.iter().find(|word| names(path, word) && !allowed(word)) {
                last_line = *line;
                found.push(violation(source, *line, rule.rule, format!("`{word}`"), rule.why));
            }
        }
    }
}

/// Whether `path` (like `std::fs::File`, `Instant::now`, `println!`) names what is forbidden.
fn names(path: &[&str], forbidden: &str) -> bool {
    let words: Vec<&str> = forbidden.split("::").collect();
    if forbidden.contains("::") {
        // `core` and `alloc` are other doors to the same room.
        let same = |a: &str, b: &str| a == b || (b == "std" && (a == "core" || a == "alloc"));
        path.windows(words.len()).any(|window| window.iter().zip(&words).all(|(a, b)| same(a, b)))
    } else if is_crate(forbidden) {
        path.len() > 1 && path[0] == forbidden
    } else {
        path.contains(&forbidden)
    }
}

/// Names of crates: forbidden as the beginning of a path, not as the name of a variable.
fn is_crate(word: &str) -> bool {
    matches!(
        word,
        "tokio" | "nix" | "libc" | "netlink_sys" | "ubus" | "log" | "rand" | "getrandom" | "fastrand"
    )
}

/// Every path of the file, use trees written out: `use a::{b, c::d}` gives `a::b` and `a::c::d`.
fn full_paths<'a>(source: &Source<'a>) -> Vec<(usize, bool, Vec<&'a str>)> {
    let mut paths = Vec::new();
    let mut index = 0;
    while index < source.tokens.len() {
        if is_word(source.tokens[index].text) {
            index = walk(source, index, &mut Vec::new(), &mut paths);
        } else {
            index += 1;
        }
    }
    paths
}

/// Follows one path, or every branch of a use tree, from `index` and gives back where it ends.
fn walk<'a>(
    source: &Source<'a>,
    mut index: usize,
    prefix: &mut Vec<&'a str>,
    paths: &mut Vec<(usize, bool, Vec<&'a str>)>,
) -> usize {
    let length = prefix.len();
    while let Some(token) = source.tokens.get(index) {
        index += 1;
        if token.text == "{" && !prefix.is_empty() {
            while index < source.tokens.len() && text(source, index) != "}" {
                index = match text(source, index) {
                    "," => index + 1,
                    _ => walk(source, index, prefix, paths),
                };
            }
            index += 1;
            break;
        }
        prefix.push(token.text);
        if text(source, index) != "::" {
            let called = (text(source, index) == "!").then(|| forbidden_macro(token.text)).flatten();
            paths.push((token.line, token.test, prefix.iter().copied().chain(called).collect()));
            break;
        }
        index += 1;
    }
    prefix.truncate(length);
    index
}

/// The macro of this name with its mark, if it is one that is forbidden.
fn forbidden_macro(word: &str) -> Option<&'static str> {
    ["print!", "println!", "eprint!", "eprintln!", "dbg!", "thread_local!"]
        .into_iter()
        .find(|name| name.strip_suffix('!') == Some(word))
}

/// What no shipped code may have, on any floor.
fn shipped(source: &Source<'_>, room: &str, found: &mut Vec<Violation>) {
    for token in &source.tokens {
        if matches!(token.text, "AtomicU64" | "AtomicI64") {
            let why = "32-bit MIPS has none, and the routers are 32-bit MIPS";
            found.push(violation(source, token.line, "no 64-bit atomic", token.text.to_owned(), why));
        }
        if matches!(token.text, "BTreeMap" | "BTreeSet") && !source.path.starts_with("src/base/sorted/") {
            let why =
                "each pair of types costs 4 to 8 kB on a router; base::sorted holds the same in one loop";
            found.push(violation(source, token.line, "small tables", token.text.to_owned(), why));
        }
        // Whoever replays does so on a laptop.
        if token.text == DEBUG_TEXT && !token.test && source.path != "src/node/recorder.rs" {
            let why = "a router's build shows nothing by Debug (fmt-debug=none in scripts/cross.sh)";
            found.push(violation(source, token.line, "no Debug for people", "{:?}".to_owned(), why));
        }
        if token.text == "unsafe" && room != "platform" {
            let why = "only the adapters to the kernel may need it, each with a comment why it is sound";
            found.push(violation(source, token.line, "unsafe only in platform", "unsafe".to_owned(), why));
        }
    }
}

/// Files and functions that have grown too long.
fn sizes(source: &Source<'_>, found: &mut Vec<Violation>) {
    let lines = source.lines_of_code();
    if lines > MOST_LINES {
        let what = format!("{lines} lines of code, {MOST_LINES} at most");
        let why = "one state machine a file; split it where the code says so";
        found.push(violation(source, 1, "a file can be read", what, why));
    }
    for (name, line, length) in source.functions() {
        if length > MOST_FUNCTION_LINES {
            let what = format!("fn {name} has {length} lines, {MOST_FUNCTION_LINES} at most");
            let why = "a function fits a screen";
            found.push(violation(source, line, "a function can be read", what, why));
        }
    }
}

/// Work that was put off, and tests that do not run.
fn unfinished(source: &Source<'_>, found: &mut Vec<Violation>) {
    for three in source.tokens.windows(3) {
        if three[0].text == "[" && three[1].text == "ignore" {
            let why = "a test runs or it is not there; slow ones belong into make soak";
            found.push(violation(source, three[1].line, "no ignored test", "#[ignore]".to_owned(), why));
        }
        if matches!(three[0].text, "todo" | "unimplemented") && three[1].text == "!" {
            let why = "what is merged is whole";
            let what = format!("{}!", three[0].text);
            found.push(violation(source, three[0].line, "nothing is put off", what, why));
        }
    }
    for (line, comment) in &source.comments {
        for (below, text) in comment.lines().enumerate() {
            let mut words = text.split(|letter: char| !letter.is_alphanumeric());
            if let Some(word) = words.find(|word| PUT_OFF.contains(word)) {
                let why = "what is merged is whole; what is missing is written down as an issue";
                found.push(violation(source, line + below, "nothing is put off", word.to_owned(), why));
            }
        }
    }
}

const PUT_OFF: &[&str] = &["TODO", "FIXME", "XXX"];
