use super::*;

fn said(words: &str) -> Result<String, String> {
    run(&mut lexopt::Parser::from_args(words.split(' ')))
}

const GOOD: &str =
    "--distance 27 --mast 40 --frequency 5785 --gain 30 --power 24 --chip ath9k --names cerro,plaza";

/// [`GOOD`] but for one option.
fn without(option: &str) -> String {
    let words: Vec<&str> = GOOD.split(' ').collect();
    let kept = words.chunks(2).filter(|pair| pair[0] != option);
    kept.flatten().copied().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_link_in_words() {
    insta::assert_snapshot!(said(GOOD).unwrap(), @"
    cerro to plaza, 27.00 km, 5785 MHz, 20 MHz wide: it will work

               cerro              plaza
    tilts by   -0.09°             -0.09°
    radiates   53.5 dBm           53.5 dBm
    hears      -53.3 dBm          -53.3 dBm
    over noise 41.7 dB            41.7 dB
    sends      53 Mbit/s (MCS 4)  53 Mbit/s (MCS 4)  with 15 dB to spare

    loss       136.3 dB in free space
    room       29.3 m at 13.50 km, where 11.2 m are needed; the earth stands 10.7 m high in the middle
    distance   class 60, an answer is awaited for 205 µs: iw phy PHY set coverage 60

    note: the ground between was not measured (--terrain)
    note: what the country allows was not asked (--allowed)
    ");
}

#[test]
fn a_link_of_places_over_a_ridge() {
    let file = std::env::temp_dir().join(format!("tequio-terrain-{}", std::process::id()));
    std::fs::write(&file, "# metres, height\n0 1500\n9000, 1890  # the ridge\n\n26000;1600\n").unwrap();
    let words = "--from 17.0,-96.7 --to 17.2,-96.55 --ground 1850,1650 --gain 30,25 --power 20 --frequency 5500 --allowed 30";
    let text = said(&format!("{words} --terrain {}", file.display())).unwrap();
    std::fs::write(&file, "0 1500\nhere 1890\n").unwrap();
    let wrong = said(&format!("{words} --terrain {}", file.display())).unwrap_err();
    std::fs::remove_file(&file).unwrap();
    insta::assert_snapshot!(text, @"
    A to B, 27.36 km, 5500 MHz, 20 MHz wide: it cannot work as planned

               A                  B
    aims at    35.6°              215.7°             from true north
    tilts by   -0.51°             +0.33°
    radiates   49.5 dBm           44.5 dBm
    hears      -93.1 dBm          -93.1 dBm
    over noise 1.9 dB             1.9 dB
    sends      -                  -                  with 15 dB to spare

    loss       136.0 dB in free space, 31.1 dB by what stands in the way
    room       -105.5 m at 9.00 km, where 10.9 m are needed; the earth stands 11.0 m high in the middle
    distance   class 61, an answer is awaited for 208 µs: iw phy PHY set coverage 61

    no: at 9.0 km the ground stands 106 m above the line: raise the antennas, or go another way
    no: 6 dB are missing for the slowest rate: larger antennas, or a narrower channel
    look: 50 dBm are radiated, and 30 allowed: ask somebody who knows the law
    note: nobody knows whether the radio can wait that long (--chip): try it before climbing
    ");
    assert!(wrong.ends_with("line 2: expected `METRES HEIGHT`, found `here 1890`"), "{wrong}");
}

#[test]
fn programs_get_figures_and_codes() {
    let told: serde_json::Value =
        serde_json::from_str(&said(&format!("{GOOD} --width 40 --json")).unwrap()).unwrap();
    assert_eq!(
        (&told["verdict"], &told["findings"][0]["code"]),
        (&"impossible".into(), &"too-far-for-chip".into())
    );
    assert_eq!((&told["coverage_class"], &told["ends"][1]["name"]), (&60.into(), &"plaza".into()));
    assert!((told["ends"][0]["signal_dbm"].as_f64().unwrap() + 53.3).abs() < 0.1, "{told}");
}

#[test]
fn a_page_is_whole_and_nothing_of_a_name_is_a_tag() {
    let page = said(&format!("{} --html", GOOD.replace("cerro,", "<b>&,"))).unwrap();
    assert!(page.contains("<h1>&lt;b&gt;&amp; – plaza</h1>") && page.contains("Señal esperada"), "{page}");
    assert!(!page.contains("<b>&") && !page.contains("NaN"), "{page}");
    assert!(said(&format!("{GOOD} --html --language en")).unwrap().contains("Signal to expect"));
}

#[test]
fn what_is_wrong_names_the_option() {
    for (more, expected) in [
        ("--distance 2", "--distance is given twice"),
        ("--width 22", "--width `22`: a channel is 5, 10, 20, 40 or 80 MHz wide"),
        ("--chip atheros", "--chip `atheros` is unknown; there are ath9k, ath10k-wave2, mt76, other"),
        ("--mast 4O", "--mast `4O`: expected a number, like 17.5"),
        ("--loss 1,x", "--loss `x`: expected a number, like 17.5"),
        ("--loss 1,99", "--loss `99.0`: expected 0 to 60"),
        ("--from 17", "--from `17`: expected latitude and longitude, like 17.0667,-96.7203"),
        ("--from -96.7,17", "--from: latitude comes first; are the two swapped?"),
        ("--allowed 100", "--allowed `100`: countries allow 0 to 80 dBm"),
        ("--language fr", "--language `fr`: there are es and en"),
        ("--html --json", "say one of --json and --html"),
        ("--heights 5", "--heights is unknown; see `tequio plan-link --help`"),
        ("--terrain /nowhere", "/nowhere: No such file or directory (os error 2)"),
    ] {
        // What is tried stands in the place of what is good.
        let option = more.split(' ').next().unwrap();
        let good = if more == "--distance 2" { GOOD.to_owned() } else { without(option) };
        assert_eq!(said(&format!("{good} {more}")).unwrap_err(), expected, "{more}");
    }
    let short = |words: &str| said(words).unwrap_err();
    assert_eq!(
        short("--frequency 5800 --gain 30 --power 20"),
        "how far is it? say --from and --to, or --distance"
    );
    assert_eq!(short("--distance 27 --gain 30"), "--power is missing; see `tequio plan-link --help`");
    assert_eq!(said("--help").unwrap(), HELP);
}

#[test]
fn what_is_kept_with_a_link_is_what_the_first_end_hears() {
    assert_eq!(
        said(&format!("{GOOD} --uci hill")).unwrap(),
        "set tequio.hill.planned_signal_dbm='-53'\nset tequio.hill.planned_kbit='52886'\ncommit tequio\n"
    );
    for section in ["a-b", "x'; reboot", "@interface[0]"] {
        assert!(said_words(&[section]).is_err(), "{section}");
    }
    assert!(
        said(&format!("{} --gain 1 --uci hill", without("--gain"))).unwrap_err().contains("nothing to keep")
    );
}

fn said_words(section: &[&str]) -> Result<String, String> {
    let words = GOOD.split(' ').chain(["--uci"]).chain(section.iter().copied());
    run(&mut lexopt::Parser::from_args(words))
}
