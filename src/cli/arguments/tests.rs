use super::*;
use serde_json::json;

fn read(line: &str) -> Result<(Options, Task), Usage> {
    parse(&mut lexopt::Parser::from_args(line.split_whitespace()))
}

/// Command and arguments of a line that is right.
fn done(line: &str) -> (String, Value) {
    match read(line) {
        Ok((_, Task::Do(command, given))) => (command.name(), Value::Object(given.arguments)),
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    match read(line) {
        Err(Usage(sentence)) => sentence,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn options_of_every_command_stand_anywhere() {
    for line in ["--json --socket /tmp/s --config c status", "status --config=c --json --socket=/tmp/s"] {
        let (options, _) = read(line).unwrap();
        let socket = Some(PathBuf::from("/tmp/s"));
        assert_eq!(options, Options { config: "c".into(), config_given: true, socket, json: true });
    }
    let (options, _) = read("status").unwrap();
    assert_eq!((options.config, options.config_given), (DEFAULT_CONFIG.into(), false));
    assert_eq!(read("check").unwrap().0.config, PathBuf::from(DEFAULT_CONFIG));
    assert_eq!(read("check /tmp/c").unwrap().0.config, PathBuf::from("/tmp/c"));
}

#[test]
fn commands_carry_their_arguments() {
    assert_eq!(done("why 8.8.8.8"), ("why".into(), json!({"destination": "8.8.8.8"})));
    let asked = json!({"destination": "2001:db8::1", "source": "fd00::1"});
    assert_eq!(done("why 2001:db8::1 --source fd00::1"), ("why".into(), asked));
    assert_eq!(done("routes --offset 5 --limit=10"), ("routes".into(), json!({"offset": 5, "limit": 10})));
    assert_eq!(
        done("voucher issue --plan hora --count 3 --person ana --key k1"),
        ("voucher issue".into(), json!({"plan": "hora", "count": 3, "person": "ana", "key": "k1"}))
    );
    assert_eq!(done("record start /tmp/x"), ("record start".into(), json!({"file": "/tmp/x"})));
    let (name, arguments) = done("record start x");
    assert_eq!(name, "record start");
    assert!(arguments["file"].as_str().unwrap().starts_with('/'), "the daemon stands elsewhere");
    assert_eq!(done("record stop"), ("record stop".into(), json!({})));
}

#[test]
fn a_code_is_read_from_input_and_never_taken_as_an_argument() {
    let verifier = "00112233445566aa";
    assert_eq!(done(&format!("voucher show {verifier}")).1, json!({"verifier": verifier}));
    match read("voucher revoke - --reason lost").unwrap() {
        (_, Task::Do(_, given)) => {
            assert!(given.code_from_input);
            assert_eq!(Value::Object(given.arguments), json!({"reason": "lost"}));
        }
        other => panic!("{other:?}"),
    }
    let sentence = refused("voucher show 7H3K-9QXW-2MFD");
    assert!(sentence.contains("tequio voucher show -"), "{sentence}");
    assert!(!sentence.contains("7H3K"), "{sentence}");
}

#[test]
fn what_is_mistyped_is_answered_with_what_is_near() {
    assert_eq!(refused("statsu"), "there is no command `statsu`; is `status` meant? All: `tequio --help`");
    assert!(refused("neighbors").contains("`neighbours`"));
    assert!(refused("neigh").contains("`neighbours`"));
    assert!(refused("voucher isue").contains("`issue`"));
    assert!(refused("status --jsn").contains("`--json`"));
    assert!(refused("voucher issue --plam hora").contains("`--plan`"));
    let far = refused("frobnicate");
    assert!(far.contains("there are run, check, status") && far.contains("voucher, sessions"), "{far}");
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    assert_eq!(refused("why"), "a word is missing. Usage: tequio why ADDRESS|PREFIX [--source ADDRESS]");
    assert!(refused("voucher issue").starts_with("--plan is missing. Usage: tequio voucher issue"));
    assert_eq!(
        refused("voucher"),
        "`voucher` needs a second word: issue, show, revoke, print, give, exchange, extend, honour"
    );
    assert_eq!(refused("status now"), "`now` is one word too many: see `tequio status --help`");
    assert_eq!(refused("routes --limit many"), "--limit takes a number, not `many`");
    assert_eq!(refused("routes --limit -1"), "--limit takes a number, not `-1`");
    assert!(refused("status --socket").contains("missing argument"));
}

#[test]
fn help_and_version_are_texts() {
    let text = |line: &str| match read(line) {
        Ok((_, Task::Print(text))) => text,
        other => panic!("{line}: {other:?}"),
    };
    assert!(text("--version").starts_with("tequio "));
    assert_eq!(text("-h"), super::super::commands::overview());
    assert_eq!(text(""), text("help"));
    assert!(text("why --help").contains("Usage: tequio why ADDRESS"));
    assert_eq!(text("help why"), text("why -h"));
    assert!(text("voucher --help").contains("Usage: tequio voucher show"));
    assert_eq!(text("help voucher issue"), text("voucher issue --help"));
}

#[test]
fn community_keeps_its_own_words() {
    let mut parser =
        lexopt::Parser::from_args(["--config", "c", "community", "create", "--name", "San Tequio"]);
    let (options, task) = parse(&mut parser).unwrap();
    assert!(options.config_given);
    assert!(matches!(task, Task::Do(command, _) if command.kind == Kind::Community));
    assert_eq!(parser.next().unwrap(), Some(Arg::Value("create".into())));
}

#[test]
fn slips_of_a_finger_are_counted() {
    for (typed, meant, count) in
        [("", "", 0), ("why", "why", 0), ("wyh", "why", 1), ("wh", "why", 1), ("", "abc", 3)]
    {
        assert_eq!(slips(typed, meant), count, "{typed}");
    }
    assert_eq!(nearest("x", &[]), None);
}

#[test]
fn what_lexopt_finds_is_told_in_its_own_words() {
    let text = |word: &str| OsString::from(word);
    for error in [
        lexopt::Error::UnexpectedArgument(text("año")),
        lexopt::Error::UnexpectedValue { option: "--json".to_owned(), value: text("a b") },
        lexopt::Error::NonUnicodeValue(text("x")),
        lexopt::Error::MissingValue { option: Some("--plan".to_owned()) },
        lexopt::Error::UnexpectedOption("--nonsense".to_owned()),
    ] {
        assert_eq!(told(&error), error.to_string());
    }
    let shown = told(&lexopt::Error::UnexpectedArgument(text("a\u{1b}[2Jb")));
    assert_eq!(shown, "unexpected argument \"a\u{fffd}[2Jb\"");
}
