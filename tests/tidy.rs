//! The house rules that a compiler does not know, checked on the source itself: floors, what may not
//! stand below floor 4, sizes, nothing unfinished. `CONTRIBUTING.md` says what they are for.

#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rules::violations;
use source::Source;

/// Files longer than this are listed, so that their split can be planned before it must be done.
const LONG_FILE: usize = 300;

#[test]
fn the_house_is_tidy() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the project is"));
    let files = project_files(&root);
    assert!(files.len() > 20, "only {} files found: the walk is broken", files.len());
    let tests = test_files(&files);
    let (mut broken, mut long) = (Vec::new(), Vec::new());
    for (path, text) in &files {
        let source = Source::new(path, text, is_test(path, &tests));
        broken.extend(violations(&source));
        if source.lines_of_code() > LONG_FILE {
            long.push((source.lines_of_code(), path));
        }
    }
    long.sort_unstable_by(|one, two| two.cmp(one));
    for (lines, path) in long {
        println!("note: {path} has {lines} lines of code; plan its split");
    }
    let report: Vec<String> = broken
        .iter()
        .map(|violation| {
            format!("{}: {}: {} ({})", violation.place, violation.rule, violation.found, violation.why)
        })
        .collect();
    assert!(report.is_empty(), "{} places are not tidy:\n{}", report.len(), report.join("\n"));
}

#[test]
fn each_rule_of_the_rfcs_and_each_mistake_of_others_has_its_test() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the project is"));
    let document = std::fs::read_to_string(root.join("docs/rfc-map.md")).expect("the map");
    let files = project_files(&root);
    let tests: BTreeSet<&str> = files.iter().flat_map(|(_, text)| map::tests(text)).collect();
    assert!(tests.len() > 400, "only {} tests found: the search is broken", tests.len());
    let rot = map::rot(&document, &tests);
    assert!(rot.is_empty(), "docs/rfc-map.md:\n{}", rot.join("\n"));
}

#[test]
fn each_threat_and_each_format_names_tests_that_exist() {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the project is"));
    let files = project_files(&root);
    let tests: BTreeSet<&str> = files.iter().flat_map(|(_, text)| map::tests(text)).collect();
    for (page, least) in [("docs/threats.md", 30), ("docs/formats.md", 5)] {
        let document = std::fs::read_to_string(root.join(page)).expect("the page");
        let named: Vec<&str> = map::named(&document).collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
        assert!(named.len() >= least, "{page} names only {} tests: the search is broken", named.len());
        assert!(missing.is_empty(), "{page} names tests that do not exist: {missing:?}");
        let rows =
            map::rows(&document).into_iter().filter(|(_, first, row)| *first == "threat" && row.len() == 4);
        let bare: Vec<&str> =
            rows.map(|(_, _, row)| row).filter(|row| !row[3].contains('`')).map(|row| row[0]).collect();
        assert!(bare.is_empty(), "threats without a test: {bare:?}");
    }
}

#[test]
fn a_map_that_rots_is_found() {
    let text = "## RFC 1, one\n| Section | Rule | Here | State |\n|---|---|---|---|\n| 2.1 | a | b | done |\n\
               | | c | d | done |\n| 3 | e | f | later |\n## What others got wrong\n| Mistake | Test |\n|---|---|\n\
               | x | `there` |\n## What tests each rule\n| Section | Tests |\n|---|---|\n";
    let rules = "| 1 2.1 | `there` |\n| 1 | `there` |\n";
    let tests = map::tests("    #[test]\n    fn there() {\nfn no_test() {\n").collect();
    let found = |rules: &str, from: &str, to: &str| map::rot(&(text.replace(from, to) + rules), &tests).len();
    assert_eq!(found(rules, "", ""), 0);
    assert_eq!(found("| 1 2.1 | `there` |\n", "", ""), 1, "a section without a row");
    assert_eq!(found(&rules.replace("| `there` |\n| 1 |", "| `no_test` |\n| 1 |"), "", ""), 1);
    assert_eq!(found(&rules.replace("`there`", ""), "", ""), 2, "rows without a name");
    assert_eq!(found(rules, "| x | `there` |", "| x | |"), 1);
    assert_eq!(found(&(rules.to_owned() + "| 1 9 | `there` |\n"), "", ""), 1, "a section that is gone");
}

/// Every Rust file that we wrote: path from the root, and text.
fn project_files(root: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["src", "lab", "tests"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                let inside = path.strip_prefix(root).expect("a path below the root");
                files.push((inside.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    files
}

/// Paths (without `.rs`) of the modules that are only compiled for tests.
fn test_files(files: &[(String, String)]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (path, text) in files {
        let own = path.trim_end_matches(".rs");
        let folder = match own.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder,
            _ => own,
        };
        for module in Source::new(path, text, false).test_modules() {
            modules.insert(format!("{folder}/{module}"));
        }
    }
    modules
}

fn is_test(path: &str, modules: &BTreeSet<String>) -> bool {
    let own = path.trim_end_matches(".rs");
    path.starts_with("tests/")
        || path.starts_with("lab/tests/")
        || modules.iter().any(|module| {
            own.strip_prefix(module.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

// ---- every rule catches what it is there for ----

/// The rules that `text` breaks as the file `path`, with their lines.
fn broken(path: &str, text: &str) -> Vec<(String, &'static str)> {
    violations(&Source::new(path, text, false))
        .into_iter()
        .map(|violation| (violation.place.rsplit_once(':').expect("file:line").1.to_owned(), violation.rule))
        .collect()
}

#[track_caller]
fn catches(path: &str, text: &str, line: &str, rule: &str) {
    let found = broken(path, text);
    assert_eq!(found, [(line.to_owned(), rule)], "{path}: {text}");
}

#[track_caller]
fn passes(path: &str, text: &str) {
    assert_eq!(broken(path, text), [], "{path}: {text}");
}

#[test]
fn an_arrow_up_is_caught_in_every_spelling() {
    let up = "arrows go down";
    catches("src/base/a.rs", "\nuse crate::babel::engine;", "2", up);
    catches("src/babel/a.rs", "use crate::{base::time, node::input};", "1", up);
    catches("src/babel/a.rs", "use crate::{\n    base::{time, limit},\n    node,\n};", "3", up);
    catches("src/node/a.rs", "fn f() { crate::platform::store::open(); }", "1", up);
    catches("src/node/mod.rs", "\nuse super::config::Config;", "2", up);
    catches("src/node/a/b.rs", "use super::super::super::daemon::Loop;", "1", up);
    catches("src/node/a.rs", "mod inner { use super::super::super::cli::Command; }", "1", up);
    catches("src/platform/a.rs", "pub use crate::daemon::Loop;", "1", up);
    catches("src/babel/a.rs", "use crate::*;", "1", up);
    catches("src/cli/a.rs", "use lab::village;", "1", up);
    catches("src/babel/a.rs", "#[cfg(test)]\nmod tests { use crate::node::Node; }", "2", up);
}

#[test]
fn an_arrow_down_passes() {
    passes("src/babel/a.rs", "use crate::base::{time::Instant, address};");
    passes("src/babel/a.rs", "use crate::babel::engine; use super::super::base::limit; use super::route;");
    passes("src/node/a.rs", "use super::config; mod b { use super::*; use super::super::daemon; }");
    passes("src/node/a.rs", "use crate::{babel, hotspot, ledger, link};");
    passes("src/main.rs", "fn main() { tequio::cli::main() }");
    passes("src/cli/a.rs", "use crate::daemon; use crate::config::Config;");
    passes(
        "src/babel/a.rs",
        "// crate::node::Node\nconst A: &str = \"crate::node::Node\"; /* use crate::node; */",
    );
}

#[test]
fn a_core_that_names_another_is_caught() {
    let rule = "no core names another";
    catches("src/babel/a.rs", "use crate::link::cost;", "1", rule);
    catches("src/hotspot/a.rs", "use super::super::ledger::state;", "1", rule);
    catches("src/ledger/mod.rs", "use crate::{base::time, hotspot::code::Code};", "1", rule);
}

#[test]
fn a_room_without_a_floor_is_caught() {
    catches("src/cellar/mod.rs", "", "1", "every room has a floor");
    passes("src/lib.rs", "pub mod babel;");
}

#[test]
fn a_clock_below_floor_4_is_caught() {
    let rule = "no clock below floor 4";
    catches("src/babel/a.rs", "use std::time::Instant;", "1", rule);
    catches("src/babel/a.rs", "use std::{fmt, time::{Duration, SystemTime as Wall}};", "1", rule);
    catches("src/node/a.rs", "let now = std::time::Instant::elapsed;", "1", rule);
    catches("src/node/a.rs", "let now = Instant::now();", "1", rule);
    catches("src/node/a.rs", "use std::time::*;", "1", rule);
    catches("src/node/a.rs", "#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}", "3", rule);
    passes("src/node/a.rs", "use std::time::Duration; use crate::base::time::Instant;");
    passes("src/platform/a.rs", "use std::time::{Instant, SystemTime};");
}

#[test]
fn io_below_floor_4_is_caught() {
    let rule = "no IO below floor 4";
    for text in [
        "use std::fs::File;",
        "use std::net::{IpAddr, UdpSocket};",
        "use std::net::TcpStream as Stream;",
        "let a = std::env::var;",
        "tokio::spawn(f);",
        "use nix::sys::socket;",
        "log::warn!(\"x\");",
        "println!(\"x\");",
        "let f = std::process::exit;",
    ] {
        catches("src/hotspot/a.rs", text, "1", rule);
    }
    passes("src/hotspot/a.rs", "use std::net::{IpAddr, Ipv4Addr}; fn log(ubus: u8) -> u8 { ubus }");
    passes("src/hotspot/a.rs", "#[test]\nfn a() { println!(\"x\"); std::fs::read(\"x\"); }");
    passes("src/config/a.rs", "use std::fs::File;");
}

#[test]
fn threads_and_shared_state_below_floor_4_are_caught() {
    let rule = "no thread and nothing shared below floor 4";
    for text in [
        "use std::sync::Arc;",
        "a: Mutex<u8>,",
        "use std::rc::Rc;",
        "let a = std::sync::RwLock::new(0);",
        "use std::sync::{mpsc};",
        "std::thread::spawn(f);",
        "thread_local! { static A: u8 = 0; }",
        "static A: std::sync::atomic::AtomicU32 = B;",
    ] {
        catches("src/ledger/a.rs", text, "1", rule);
    }
    passes("src/ledger/a.rs", "struct Architect; use std::borrow::Cow;");
    passes("src/platform/a.rs", "use std::sync::{Arc, Mutex}; std::thread::spawn(f);");
}

#[test]
fn random_order_and_dice_below_floor_4_are_caught() {
    let order = "no random order below floor 4";
    catches("src/base/a.rs", "use std::collections::{VecDeque, HashMap};", "1", order);
    catches("src/base/a.rs", "let a: HashSet<u8> = b;", "1", order);
    let dice = "no dice below floor 4";
    catches("src/node/a.rs", "getrandom::fill(&mut seed);", "1", dice);
    catches("src/node/a.rs", "let a = fastrand::u64(..);", "1", dice);
    catches("src/node/a.rs", "use rand::Rng;", "1", dice);
    catches("src/node/a.rs", "let a = thread_rng();", "1", dice);
    passes("src/base/random.rs", "let a = fastrand::Rng::with_seed(1);");
    passes("src/node/a.rs", "use std::collections::VecDeque;");
    passes("src/platform/a.rs", "use std::collections::HashMap; getrandom::fill(&mut seed);");
}

#[test]
fn what_no_router_can_run_is_caught_on_every_floor() {
    catches("src/platform/a.rs", "use std::sync::atomic::AtomicU64;", "1", "no 64-bit atomic");
    catches("src/platform/a.rs", "use std::collections::BTreeMap;", "1", "small tables");
    catches("src/cli/a.rs", "let a = unsafe { b() };", "1", "unsafe only in platform");
    catches("src/daemon/a.rs", "log::warn!(\"{a:?}\");", "1", "no Debug for people");
    passes(
        "src/daemon/a.rs",
        "log::warn!(\"{a}\"); #[cfg(test)] mod tests { fn a() { panic!(\"{a:?}\"); } }",
    );
    passes("src/platform/a.rs", "let a = unsafe { b() };");
    passes("src/base/a.rs", "#![forbid(unsafe_code)]");
}

#[test]
fn a_file_or_function_that_is_too_long_is_caught() {
    let statements = "    a();\n".repeat(58);
    passes("src/cli/a.rs", &format!("fn long() {{\n{statements}}}\n"));
    let function = format!("fn long() {{\n{statements}    a();\n}}\n");
    catches("src/cli/a.rs", &function, "1", "a function can be read");
    catches("lab/src/a.rs", &function, "1", "a function can be read");
    passes("src/cli/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{function}}}"));
    let items = "/// Doc.\n\nconst A: u8 = 0;\n".repeat(500);
    passes("src/cli/a.rs", &items);
    catches("src/cli/a.rs", &format!("{items}const B: u8 = 0;"), "1", "a file can be read");
    passes("src/cli/a.rs", &format!("{items}#[cfg(test)]\nmod tests {{\n{items}}}"));
}

#[test]
fn unfinished_work_is_caught_everywhere() {
    let put_off = "nothing is put off";
    catches("lab/src/a.rs", "fn f() { todo!() }", "1", put_off);
    catches("tests/a.rs", "fn f() { unimplemented!(\"x\") }", "1", put_off);
    catches("src/cli/a.rs", "\n/* a\n FIXME: b */", "3", put_off);
    catches("src/cli/a.rs", "// TODO(me) later", "1", put_off);
    passes(
        "src/cli/a.rs",
        "const A: &str = r#\"TODO \" todo!()\"#; const B: char = '\"'; fn todo<'a>(a: &'a u8) {}",
    );
    catches("tests/a.rs", "#[test]\n#[ignore]\nfn a() {}", "2", "no ignored test");
    catches("lab/src/a.rs", "#[ignore = \"slow\"]\nfn a() {}", "1", "no ignored test");
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_test_code() {
    let files = [
        ("src/babel/mod.rs".to_owned(), "#[cfg(test)]\nmod bench;\nmod route;".to_owned()),
        ("src/babel/route.rs".to_owned(), "#[cfg(test)]\npub(crate) mod cases;".to_owned()),
    ];
    let modules = test_files(&files);
    for (path, test) in [
        ("src/babel/bench.rs", true),
        ("src/babel/bench/pair.rs", true),
        ("src/babel/route/cases.rs", true),
        ("src/babel/route.rs", false),
        ("src/babel/benches.rs", false),
        ("tests/tidy.rs", true),
    ] {
        assert_eq!(is_test(path, &modules), test, "{path}");
    }
}
