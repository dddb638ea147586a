//! What is told and done beside the routes: a radio that is stuck, the past of a closed one, another channel.

use super::*;
use crate::link::bridge::Reading;
use crate::link::sample::Radar;

#[test]
fn a_silent_radio_is_tried_with_more_and_more_where_that_is_switched_on_and_no_radar_is_why() {
    let mut hill = Hill::new([100, 600]);
    hill.pass(Span::from_secs(10));
    hill.cut = Some(hill.now);
    hill.pass(Span::from_secs(700));
    assert_eq!(hill.tried, [], "it is off");
    hill.associate();
    let mut settings = hill.nodes[0].settings.clone();
    settings.links = vec![LinkSettings { recover_per_day: 1, ..LinkSettings::usual("wlan0".into()) }];
    hill.step(0, Input::Settings(Box::new(settings)));
    hill.pass(Span::from_secs(600));
    assert_eq!(hill.tried, [], "the link lives");
    hill.cut = Some(hill.now);
    let begins = hill.now.as_millis() / 1_000;
    hill.pass(Span::from_secs(100));
    let wait = |radar| RadioEvent::Radar { radar, frequency_mhz: Some(5_500) };
    let news = |event| Input::Radio(RadioNews::Event { interface: "wlan0".into(), event });
    hill.step(0, news(wait(Radar::WaitBegun)));
    hill.pass(Span::from_secs(1_000));
    let tried: Vec<_> = hill.tried.iter().map(|(at, rung, _)| (at - begins, *rung)).collect();
    // 100 seconds of silence, 60 of a radar, and then the ladder's own.
    let near = |second: u64, is: u64| (is..is + 30).contains(&second);
    let [(scan, Rung::Scan), (associate, Rung::Associate), (restart, Rung::Restart)] = tried[..] else {
        panic!("{tried:?}");
    };
    assert!(near(scan, 330) && near(associate, scan + 120) && near(restart, associate + 300), "{tried:?}");
    assert!(hill.tried.iter().all(|(_, _, stations)| *stations == [mac(1)]));
    let stuck = |hill: &Hill| hill.nodes[0].alerts().iter().filter(|one| one.code == "radio-stuck").count();
    assert_eq!(stuck(&hill), 1);
    hill.associate();
    hill.pass(Span::from_secs(25));
    assert_eq!(stuck(&hill), 0);
}

#[test]
fn a_way_through_a_closed_radio_has_a_past_too() {
    let mut hill = Hill::new([100, 600]);
    for place in 0..2 {
        let mut settings = hill.nodes[place].settings.clone();
        settings.babel.interfaces[1].kind = LinkKind::Bridge;
        hill.step(place, Input::Settings(Box::new(settings)));
    }
    hill.pass(Span::from_secs(65));
    let look = |link: &str| match hill.nodes[0].look_back(hill.now, link, "seconds", "") {
        Answer::LookedBack(past) => Ok((past.device, past.columns)),
        Answer::Refused { code, .. } => Err(code),
        other => panic!("{other:?}"),
    };
    let (device, columns) = look("detour").unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column.0.as_str()).collect();
    assert_eq!(
        (device.as_str(), &names[..]),
        ("detour", &["quality_percent", "failed_percent", "round_trip_ms", "cost"][..])
    );
    assert!(columns[0].1.ends_with("100,100") && columns[1].1.ends_with("0,0"), "{columns:?}");
    assert_eq!(look(&address(1, DETOUR).to_string()).map(|past| past.0), Ok("detour".to_owned()));
    assert_eq!(look("wlan0").map(|past| past.0), Ok("wlan0".to_owned()));
    assert_eq!(look("eth7"), Err("link-unknown".to_owned()));
    assert_eq!(columns[2].1.rsplit(',').next(), Some("0"), "there and back over a cable of the test");
}

#[test]
fn what_a_script_reads_from_a_closed_radio_is_shown_kept_and_held_against_the_plan() {
    let mut hill = Hill::new([100, 600]);
    let mut settings = hill.nodes[0].settings.clone();
    settings.babel.interfaces[1].kind = LinkKind::Bridge;
    settings.links =
        vec![LinkSettings { planned_signal_dbm: Some(-60), ..LinkSettings::usual("detour".into()) }];
    hill.step(0, Input::Settings(Box::new(settings)));
    let reading = Reading { signal_dbm: Some(-71), noise_dbm: Some(-95), throughput_kbit: Some(65_000) };
    let read =
        |hill: &mut Hill, device: &str| match ask(hill, Call::LinkReading { device: device.into(), reading })
        {
            Answer::Refused { code, .. } => code,
            answer => format!("{answer:?}"),
        };
    assert_eq!(read(&mut hill, "wlan0"), "device", "its radio speaks for itself");
    assert_eq!(read(&mut hill, "eth7"), "device");
    for _ in 0..20 {
        assert_eq!(read(&mut hill, "detour"), "LinkRead");
        hill.pass(Span::from_secs(60));
    }
    let figures = |hill: &mut Hill| {
        let Answer::Links(links) = ask(hill, Call::Links) else { panic!("another answer") };
        let way = links.into_iter().find(|link| link.device == "detour").unwrap().ways.remove(0);
        let told = ["signal_dbm", "snr_db", "throughput_kbit"];
        told.map(|name| way.figures.iter().find(|figure| figure.0 == name).map(|figure| figure.1))
    };
    assert_eq!(figures(&mut hill), [Some(-71), Some(24), Some(65_000)]);
    let alerts = hill.nodes[0].alerts();
    let told: Vec<&str> =
        alerts.iter().filter(|one| one.code == "link-plan").map(|one| &*one.message).collect();
    assert!(
        matches!(told[..], [text] if text.contains("on detour") && text.contains("11 dB less")),
        "{told:?}"
    );
    // Nobody reads any more.
    hill.pass(Span::from_secs(300));
    assert_eq!(figures(&mut hill), [None; 3]);
}

#[test]
fn another_channel_is_told() {
    let mut hill = Hill::new([100, 600]);
    let event = RadioEvent::ChannelSwitch { frequency_mhz: 5_785, width_mhz: 20 };
    let news = RadioNews::Event { interface: "wlan0".into(), event };
    let outputs = hill.nodes[0].step(hill.now, Input::Radio(news), &mut hill.vault);
    let told = "wlan0 is on 5785 MHz now, 20 MHz wide";
    assert!(
        outputs.iter().any(|output| matches!(output, Output::Note(note) if note.text == told)),
        "{outputs:?}"
    );
}
