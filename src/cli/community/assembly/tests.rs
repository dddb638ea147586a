//! The whole way of a node into a community, and what may go wrong on it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use lexopt::Parser;
use serde_json::Value;

use super::request::Request;
use crate::cli::community::run;
use crate::ledger::{Kind, Ledger};
use crate::node::vault::Vault;
use crate::platform::store::Store;
use crate::platform::vault::KeyVault;
use crate::platform::vault::tests::Folder;

/// Runs `tequio community` with these words; `{}` stands for the test's folder.
struct Table(Folder);

impl Table {
    fn new(name: &str) -> Self {
        Self(Folder::new(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.0.join(name)
    }

    fn run(&self, words: &[&str]) -> Result<String, String> {
        let folder = self.0.0.display().to_string();
        let words = words.iter().map(|word| word.replace("{}", &folder));
        run(&mut Parser::from_args(words))
    }

    fn do_it(&self, words: &[&str]) -> String {
        self.run(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn json(&self, words: &[&str]) -> Value {
        let words = [words, &["--json"]].concat();
        serde_json::from_str(&self.do_it(&words)).unwrap()
    }

    fn refused(&self, words: &[&str]) -> String {
        self.run(words).expect_err("this should not work")
    }

    fn founded(name: &str) -> Self {
        let table = Self::new(name);
        table.do_it(&["create", "--name", "San Miguel", "--dir", "{}/asamblea"]);
        let plan = ["plan", "--dir", "{}/asamblea", "--id", "hora", "--name", "Una hora", "--price", "0.50"];
        table.do_it(&[&plan[..], &["--used-seconds", "3600", "--seller-share", "0.10"]].concat());
        table
    }

    fn request(&self, state: &str) -> String {
        let state = format!("{{}}/{state}");
        self.do_it(&["request", "--state", &state, "--name", "La loma", "--board", BOARD])
    }

    fn admit(&self, request: &str, roles: &str) -> Value {
        self.json(&["admit", "--dir", "{}/asamblea", "--request", request, "--role", roles])
    }

    fn join(&self, state: &str) -> Value {
        let state = format!("{{}}/{state}");
        let bundle = "{}/asamblea/community.records";
        self.json(&["join", "--state", &state, "--bundle", bundle, "--board", BOARD])
    }

    /// What the daemon would see at its next start.
    fn node(&self, state: &str) -> (KeyVault, Ledger) {
        let (mut vault, _) = KeyVault::open(&self.path(state), BOARD.parse().ok()).unwrap();
        let (_store, loaded) = Store::open(&self.path(state), &vault.journal_key()).unwrap();
        let mut ledger = Ledger::new(vault.sign_key(), 1);
        for record in loaded.records {
            ledger.handle_stored(&record).unwrap();
        }
        vault.set_community(ledger.community().unwrap());
        for share in ledger.own_shares() {
            assert!(vault.open_share(share.epoch, &share.context, &share.sealed));
        }
        (vault, ledger)
    }
}

const BOARD: &str = "02:00:5e:10:00:01";

#[test]
fn a_node_joins_by_a_line_that_was_read_aloud_or_scanned() {
    let table = Table::founded("community-line");
    let request = table.request("uno");
    table.admit(&request, "seller,hotspot");
    let asked = ["admission", "--dir", "{}/asamblea", "--member", "La loma"];
    let line = table.do_it(&asked);
    assert_eq!(line.lines().count(), 1);
    assert!(line.len() < 2_500, "{} octets fit into a QR code", line.len());
    let shown = table.do_it(&[&asked[..], &["--qr"]].concat());
    assert!(shown.ends_with(&line) && shown.lines().count() > 40, "{shown}");
    let run = |line: &str| table.run(&["join", "--state", "{}/uno", "--board", BOARD, "--admission", line]);
    let other = if &line[60..61] == "A" { "B" } else { "A" };
    let mistyped = [&line[..60], other, &line[61..]].concat();
    assert!(run(&mistyped).unwrap_err().contains("checksum"), "{mistyped}");
    assert!(run("tequio-request-1:x:y").unwrap_err().starts_with("this is no admission"));
    let broken: String = line.trim().chars().flat_map(|symbol| [symbol, ' ']).collect();
    run(&broken).unwrap();
    let (_, ledger) = table.node("uno");
    assert_eq!(ledger.own_member().unwrap().name, "La loma");
    let carries = |kind| ledger.records().any(|record| record.kind == kind);
    assert!(
        carries(Kind::Grant) && !carries(Kind::Epoch),
        "its share waits for the epoch, which any neighbour has"
    );
    assert_eq!(table.join("uno")["secrets"], true, "and opens once it is there");
    table.request("dos");
    let other = table.run(&["join", "--state", "{}/dos", "--board", BOARD, "--admission", line.trim()]);
    assert!(other.unwrap_err().contains("this admission is for the node"));
}

#[test]
fn two_nodes_join_and_one_takes_the_codes_of_the_other() {
    let table = Table::founded("community-way");
    for state in ["uno", "dos"] {
        let request = table.request(state);
        assert_eq!(request.lines().count(), 1);
        let admitted = table.admit(&request, "seller,hotspot");
        assert_eq!(admitted["roles"], "seller,hotspot");
        let joined = table.join(state);
        assert_eq!((&joined["admitted"], &joined["secrets"]), (&Value::Bool(true), &Value::Bool(true)));
        assert_eq!((&joined["number"], &joined["slot"]), (&admitted["number"], &admitted["slot"]));
        let own = format!(":ff00::{:x}", joined["number"].as_u64().unwrap());
        assert!(joined["address"].as_str().unwrap().ends_with(&own), "{}", joined["address"]);
    }
    table.join("uno");
    let (mut seller, ledger) = table.node("uno");
    assert_eq!(ledger.members().count(), 2);
    assert_eq!(ledger.plan("hora").unwrap().1.price, 50);
    let number = ledger.own_member().unwrap().number;
    let work = seller.begin_issue(number, crate::base::voucher::LotId(5), 0).unwrap();
    let done = (0..16).find_map(|_| seller.advance(work)).unwrap();
    let (mut other, _) = table.node("dos");
    assert!(other.begin_check(&done.code).is_some(), "one epoch, one set of secrets");
}

#[test]
fn joining_again_brings_only_what_is_new() {
    let table = Table::founded("community-again");
    let request = table.request("uno");
    let first = table.join("uno");
    assert_eq!((&first["admitted"], &first["new_records"]), (&Value::Bool(false), &Value::from(3)));
    table.admit(&request, "hotspot");
    let second = table.join("uno");
    assert_eq!((&second["admitted"], &second["new_records"]), (&Value::Bool(true), &Value::from(2)));
    assert_eq!(table.join("uno")["new_records"], 0);
}

#[test]
fn the_least_time_is_the_latest_word_of_the_root_whatever_it_was_before() {
    let table = Table::founded("community-time");
    table.admit(&table.request("uno"), "clock");
    for (number, floor, expected) in [(1, "2040-01-01", 2_208_988_800_u64), (2, "2026-11-22", 1_795_305_600)]
    {
        let said = table.json(&["time", "--dir", "{}/asamblea", "--floor", floor]);
        assert_eq!((&said["number"], &said["floor_unix_s"]), (&Value::from(number), &Value::from(expected)));
        table.join("uno");
        assert_eq!(table.node("uno").1.time_record(), (number, expected));
    }
    let wrong = table.run(&["time", "--dir", "{}/asamblea", "--floor", "22-11-2026"]).unwrap_err();
    assert!(wrong.contains("expected one like 2026-11-22"), "{wrong}");
}

#[test]
fn a_node_joins_one_community_only() {
    let table = Table::founded("community-foreign");
    table.request("uno");
    table.join("uno");
    table.do_it(&["create", "--name", "Otra", "--dir", "{}/otra"]);
    let words = ["join", "--state", "{}/uno", "--board", BOARD, "--bundle", "{}/otra/community.records"];
    let text = table.refused(&words);
    assert!(text.contains("belongs to San Miguel") && text.contains("is of Otra"), "{text}");
}

#[test]
fn an_altered_bundle_is_refused_whole() {
    let table = Table::founded("community-altered");
    table.request("uno");
    let path = table.path("asamblea/community.records");
    let good = fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 16;
        fs::write(&path, &bad).unwrap();
        let words =
            ["join", "--state", "{}/uno", "--board", BOARD, "--bundle", "{}/asamblea/community.records"];
        let text = table.refused(&words);
        assert!(text.contains("community.records: "), "{text}");
        assert!(table.run(&["check", "--dir", "{}/asamblea"]).is_err());
    }
    assert!(!table.path("uno/journal").exists(), "nothing was taken");
}

#[test]
fn a_changed_role_keeps_number_and_slot_and_brings_the_secrets() {
    let table = Table::founded("community-change");
    let request = table.request("uno");
    let relay = table.admit(&request, "relay");
    assert_eq!((&relay["number"], &relay["slot"]), (&Value::from(1), &Value::Null));
    table.join("uno");
    let (mut vault, ledger) = table.node("uno");
    let number = ledger.own_member().unwrap().number;
    assert!(vault.begin_issue(number, crate::base::voucher::LotId(1), 0).is_none(), "a relay has no coupons");
    drop(vault);
    let seller = table.admit(&request, "seller,hotspot");
    assert_eq!((&seller["number"], &seller["slot"]), (&Value::from(1), &Value::from(0)));
    assert_eq!((&seller["changed"], &seller["float"]), (&Value::Bool(true), &Value::from(50_000)));
    table.join("uno");
    let (mut vault, _) = table.node("uno");
    assert!(vault.begin_issue(number, crate::base::voucher::LotId(1), 0).is_some());
}

#[test]
fn numbers_and_slots_are_given_once() {
    let table = Table::founded("community-numbers");
    let words =
        ["admit", "--dir", "{}/asamblea", "--role", "hotspot", "--number", "7", "--slot", "9", "--request"];
    table.do_it(&[&words[..], &[&table.request("uno")]].concat());
    let text = table.refused(&[&words[..], &[&table.request("dos")]].concat());
    assert_eq!(text, "--number 7 belongs to another member");
    let taken = ["admit", "--dir", "{}/asamblea", "--role", "hotspot", "--slot", "9", "--request"];
    let text = table.refused(&[&taken[..], &[&table.request("dos")]].concat());
    assert_eq!(text, "--slot 9 belongs to another member");
    let free = table.admit(&table.request("dos"), "hotspot");
    assert_eq!((&free["number"], &free["slot"]), (&Value::from(1), &Value::from(0)));
    let words = ["admit", "--dir", "{}/asamblea", "--number", "512", "--request"];
    assert_eq!(
        table.refused(&[&words[..], &[&table.request("dos")]].concat()),
        "an issuer number is 1 to 511"
    );
}

#[test]
fn a_mistyped_or_forged_request_is_refused() {
    let table = Table::founded("community-request");
    let request = table.request("uno").trim().to_owned();
    let parsed = Request::parse(&request).unwrap();
    assert_eq!(parsed.name, "La loma");
    let broken =
        request.as_bytes().chunks(20).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
    assert_eq!(Request::parse(&broken.join("\n  ")), Ok(parsed), "however the line was broken");
    let symbols = request.rfind(':').unwrap() + 1;
    for at in symbols..request.len() {
        let mut altered = request.clone().into_bytes();
        altered[at] = if altered[at] == b'7' { b'8' } else { b'7' };
        assert!(Request::parse(std::str::from_utf8(&altered).unwrap()).is_err(), "symbol {at}");
    }
    for length in 0..request.len() {
        assert!(Request::parse(&request[..length]).is_err());
    }
    assert!(Request::parse("hola").unwrap_err().starts_with("this is no request"));
}

#[test]
fn check_shows_the_community_and_json_is_for_programs() {
    let table = Table::founded("community-check");
    table.admit(&table.request("uno"), "seller");
    let text = table.do_it(&["check", "--dir", "{}/asamblea"]);
    for part in [
        "San Miguel: 5 records, every signature is good",
        "La loma",
        "number 1, slot -, seller, float 500.00",
        "hora (Una hora) 0.50 USD: 3600 s of use, 1 device(s), -/- kbit/s; seller 0.10, community 0.40",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = table.json(&["check", "--dir", "{}/asamblea"]);
    assert_eq!(json["report"]["members"][0]["name"], "La loma");
    assert_eq!(json["plans"][0]["price"], 50);
}

#[test]
fn secrets_are_for_their_owner_and_never_printed() {
    let table = Table::founded("community-secret");
    let printed = table.do_it(&["create", "--name", "Otra", "--dir", "{}/otra"]) + &table.request("uno");
    for file in ["asamblea/root.key", "asamblea/epochs.key", "otra/root.key", "otra/epochs.key", "uno/keys"] {
        let path = table.path(file);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        let text = fs::read_to_string(&path).unwrap();
        let secrets = text.split_whitespace().filter(|word| word.len() == 64 || word.len() == 128);
        let secrets: Vec<&str> = secrets.collect();
        assert!(!secrets.is_empty());
        assert!(secrets.iter().all(|secret| !printed.contains(secret)), "{file}");
    }
}

#[test]
fn damaged_files_are_named() {
    let table = Table::founded("community-damaged");
    for file in ["root.key", "epochs.key"] {
        let path = table.path("asamblea").join(file);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(11) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            let text = table.refused(&["check", "--dir", "{}/asamblea"]);
            assert!(text.contains(file), "{text}");
        }
        fs::write(&path, &good).unwrap();
    }
    table.do_it(&["create", "--name", "Otra", "--dir", "{}/otra"]);
    fs::copy(table.path("otra/root.key"), table.path("asamblea/root.key")).unwrap();
    let text = table.refused(&["check", "--dir", "{}/asamblea"]);
    assert!(text.ends_with("is not the root key of community.records beside it"), "{text}");
}

#[test]
fn wrong_words_say_what_was_expected_and_write_nothing() {
    let table = Table::new("community-words");
    let create = ["create", "--name", "San Miguel", "--dir", "{}/asamblea"];
    for (more, part) in [
        (&["--currency", "pesos"][..], "three capital letters"),
        (&["--country", "Mexico"], "two capital letters"),
        (&["--ipv4", "10.77.0.0/24"], "a /16"),
        (&["--ipv4", "10.77"], "--ipv4 `10.77`: expected an address"),
        (&["--ipv6", "fd00::/64"], "a /48"),
        (&["--minor-units", "9"], "at most 4 digits"),
        (&["--colour", "red"], "--colour is unknown; see `tequio community create --help`"),
        (&["--name", "Otra"], "--name is given twice"),
        (&["hola"], "hola"),
    ] {
        let text = table.refused(&[&create[..], more].concat());
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!table.path("asamblea").exists());
    assert!(table.refused(&["create", "--dir", "{}/asamblea"]).starts_with("--name is missing"));
    assert!(table.refused(&["destroy"]).starts_with("`community destroy` is unknown"));
    assert!(
        table.refused(&["check", "--dir", "{}/nada"]).contains("found one with `tequio community create`")
    );
    table.do_it(&create);
    assert!(table.refused(&create).contains("has been founded in this folder"));
    let plan = ["plan", "--dir", "{}/asamblea", "--id", "x", "--name", "X", "--price"];
    for (more, part) in [
        (&["0.505", "--days", "1"][..], "at most 2 digits behind the point, like 0.50"),
        (&["0.50"], "say what the plan gives"),
        (&["0.50", "--days", "1", "--used-seconds", "5"], "say what the plan gives"),
        (&["0.50", "--days", "1", "--seller-share", "0.60"], "more than the price"),
        (&["0.50", "--days", "1", "--share", "escuela"], "like escuela=0.15"),
        (&["0.50", "--days", "0"], "at least one second or day"),
    ] {
        let text = table.refused(&[&plan[..], more].concat());
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn every_command_explains_itself() {
    let table = Table::new("community-help");
    let overview = table.do_it(&[]);
    for word in ["create", "plan", "request", "admit", "check", "join"] {
        assert!(overview.contains(word));
        assert!(table.do_it(&[word, "--help"]).contains(&format!("tequio community {word} --")));
    }
}

#[test]
fn joining_beside_a_running_daemon_is_refused() {
    let table = Table::founded("community-running");
    table.request("uno");
    let (vault, _) = KeyVault::open(&table.path("uno"), BOARD.parse().ok()).unwrap();
    let _daemon = Store::open(&table.path("uno"), &vault.journal_key()).unwrap();
    let words = ["join", "--state", "{}/uno", "--board", BOARD, "--bundle", "{}/asamblea/community.records"];
    assert!(table.refused(&words).starts_with("another tequio uses"));
}

/// The same of `tequio ledger` and `tequio report`.
fn words(table: &Table, words: &[&str]) -> impl Iterator<Item = String> {
    let folder = table.0.0.display().to_string();
    words.iter().map(|word| word.replace("{}", &folder)).collect::<Vec<_>>().into_iter()
}

fn ledger(table: &Table, line: &[&str]) -> String {
    crate::cli::ledger::run(&mut Parser::from_args(words(table, line))).unwrap()
}

fn report(table: &Table, line: &[&str]) -> Result<String, String> {
    crate::cli::report::run(&mut Parser::from_args(words(table, line)))
}

#[test]
fn an_expelled_node_is_out_and_the_others_have_new_secrets() {
    let table = Table::founded("community-expel");
    for state in ["uno", "dos"] {
        let request = table.request(state);
        let name = format!("nodo-{state}");
        table.do_it(&[
            "admit",
            "--dir",
            "{}/asamblea",
            "--request",
            &request,
            "--role",
            "seller,hotspot",
            "--name",
            &name,
        ]);
        table.join(state);
    }
    let refused = table.refused(&["expel", "--dir", "{}/asamblea", "--member", "nadie"]);
    assert!(refused.starts_with("no member has the name or fingerprint `nadie`"), "{refused}");
    let expelled = table.json(&["expel", "--dir", "{}/asamblea", "--member", "nodo-dos"]);
    assert_eq!((&expelled["expelled"], &expelled["epoch"]), (&Value::from("nodo-dos"), &Value::from(2)));
    let (first, second) = (table.join("uno"), table.join("dos"));
    assert_eq!((&first["admitted"], &first["secrets"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(&second["admitted"], &Value::Bool(false));
    let (_, ledger) = table.node("uno");
    assert_eq!(ledger.current_epoch().unwrap().1, 2);
    assert_eq!(
        ledger.own_shares().len(),
        2,
        "the old secrets for the paper, the new ones for all that comes"
    );
    assert!(table.node("dos").1.own_shares().is_empty(), "an expelled node opens no secrets any more");
    let rotated = table.json(&["rotate", "--dir", "{}/asamblea"]);
    assert_eq!(rotated["epoch"], 3);
    table.join("uno");
    assert_eq!(table.node("uno").1.own_share().unwrap().epoch, 3);
    let text = table.do_it(&["check", "--dir", "{}/asamblea"]);
    assert!(text.contains("expelled: nodo-dos "), "{text}");
}

#[test]
fn a_new_box_gets_the_place_of_the_old_one() {
    let table = Table::founded("community-replace");
    let request = table.request("viejo");
    let before = table.admit(&request, "seller,hotspot");
    table.join("viejo");
    let same =
        table.refused(&["replace", "--dir", "{}/asamblea", "--member", "La loma", "--request", &request]);
    assert!(same.contains("of the old box itself"), "{same}");
    let request = table.request("nuevo");
    let after =
        table.json(&["replace", "--dir", "{}/asamblea", "--member", "La loma", "--request", &request]);
    for field in ["number", "slot", "roles"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let (old, new) = (table.join("viejo"), table.join("nuevo"));
    assert_eq!(
        (&old["admitted"], &new["admitted"], &new["secrets"]),
        (&false.into(), &true.into(), &true.into())
    );
}

#[test]
fn a_root_on_paper_reads_and_brings_the_folder_back() {
    let table = Table::founded("community-paper");
    table.do_it(&["paper", "--dir", "{}/asamblea", "--file", "{}/papel"]);
    let mode = fs::metadata(table.path("papel")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = table.do_it(&["check", "--dir", "{}/asamblea", "--paper", "{}/papel"]);
    assert!(text.ends_with("the paper reads, and is this root\n"), "{text}");
    let bundle = "{}/asamblea/community.records";
    table.do_it(&["restore", "--dir", "{}/otra", "--paper", "{}/papel", "--bundle", bundle]);
    table.do_it(&["rotate", "--dir", "{}/otra"]);
    let other = Table::founded("community-paper-other");
    let paper = table.path("papel").display().to_string();
    let wrong = other.refused(&["check", "--dir", "{}/asamblea", "--paper", &paper]);
    assert!(wrong.contains("of something else"), "{wrong}");
    let words = fs::read_to_string(table.path("papel")).unwrap();
    fs::write(table.path("papel"), words.replacen("1  ", "1  b", 1)).unwrap();
    let torn = table.refused(&["check", "--dir", "{}/asamblea", "--paper", "{}/papel"]);
    assert!(torn.contains("word 1 of the paper"), "{torn}");
}

#[test]
fn a_community_outlives_its_root() {
    let table = Table::founded("community-succeed");
    let request = table.request("uno");
    table.admit(&request, "seller,hotspot");
    let said = table.json(&["succeed", "--dir", "{}/nueva", "--old", "{}/asamblea"]);
    assert_eq!(said["by_hand"], false);
    let old = table.refused(&["rotate", "--dir", "{}/asamblea"]);
    assert!(old.contains("is not the root key"), "{old}");
    assert_eq!(table.json(&["rotate", "--dir", "{}/nueva"])["epoch"], 2);
    // And once more without the root: by hand.
    let said = table.json(&["succeed", "--dir", "{}/tercera", "--bundle", "{}/nueva/community.records"]);
    assert_eq!(said["by_hand"], true);
    assert_eq!(table.json(&["rotate", "--dir", "{}/tercera"])["epoch"], 3);
    let check = table.json(&["check", "--dir", "{}/tercera"]);
    assert_eq!(check["report"]["members"].as_array().unwrap().len(), 1);
}

#[test]
fn records_go_to_a_stick_and_back_and_give_the_month() {
    let table = Table::founded("community-stick");
    let request = table.request("uno");
    table.admit(&request, "seller,hotspot");
    table.join("uno");
    let said = ledger(&table, &["export", "--state", "{}/uno", "--file", "{}/memoria"]);
    assert!(said.contains("records of San Miguel in ") && said.contains("no keys among them"), "{said}");
    let bytes = fs::read(table.path("memoria")).unwrap();
    let keys = fs::read_to_string(table.path("uno/keys")).unwrap();
    for line in keys.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| *name == "sign") {
        assert!(!String::from_utf8_lossy(&bytes).contains(line.1));
    }
    let said = ledger(&table, &["verify", "--file", "{}/memoria"]);
    assert!(
        said.starts_with("San Miguel: ") && said.contains("every signature is good; 0 do not count"),
        "{said}"
    );
    let said = ledger(&table, &["import", "--state", "{}/dos", "--file", "{}/memoria", "--board", BOARD]);
    assert!(said.contains("new records of San Miguel"), "{said}");
    let text = report(&table, &["--month", "2026-11", "--state", "{}/uno", "--json"]).unwrap();
    let month: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&month["month"], &month["community"]), (&Value::from("2026-11"), &Value::from("San Miguel")));
    let text = report(&table, &["--verify", "{}/memoria", "{}/asamblea/community.records"]).unwrap();
    assert_eq!(text.matches("every signature is good").count(), 2, "{text}");
    let mut altered = bytes;
    let at = altered.len() - 1;
    altered[at] ^= 1;
    fs::write(table.path("memoria"), altered).unwrap();
    let error = report(&table, &["--verify", "{}/memoria"]).unwrap_err();
    assert!(error.contains("altered"), "{error}");
    assert!(report(&table, &["--month", "noviembre"]).unwrap_err().contains("like 2026-11"));
}

#[test]
fn the_assembly_says_how_the_portal_looks() {
    let table = Table::founded("look");
    let look = ["look", "--dir", "{}/asamblea"];
    assert_eq!(table.refused(&look), "say --colour or --logo");
    for colour in ["green", "+12345", "1234567", "0d4a3"] {
        let said = table.refused(&[&look[..], &["--colour", colour]].concat());
        assert_eq!(said, "a colour is six hex digits, like 0d4a3c", "{colour}");
    }
    fs::write(table.path("logo.png"), crate::ledger::tests::look::dot()).unwrap();
    fs::write(table.path("logo.svg"), "<svg/>").unwrap();
    assert_eq!(table.refused(&[&look[..], &["--logo", "{}/logo.svg"]].concat()), "a logo is a PNG");
    let said = table.do_it(&[&look[..], &["--colour", "7b2d8e", "--logo", "{}/logo.png"]].concat());
    assert_eq!(said, "The portal has the colour #7b2d8e and a logo of 70 bytes.\n");
    // What is not named is as before.
    let said = table.do_it(&[&look[..], &["--logo", "none"]].concat());
    assert_eq!(said, "The portal has the colour #7b2d8e and a logo of 0 bytes.\n");
}
