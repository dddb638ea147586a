//! The thin pipe: ten phones download and one speaks, through 4 Mbit/s. Once without a queue of ours, once with the daemon's
//! HTB and fq_codel, once with its cake. What is asked of a call is asked in [`Heard::judge`].

mod street;
mod traffic;

use std::fs::File;

use nix::kmod::{ModuleInitFlags, finit_module};
use serde_json::Value;

use self::street::{PHONES, Street};
use self::traffic::{Downloads, Heard, call, serve};
use crate::console::{self, Outcome, figure, ok, wait_for};
use crate::node::run;
use crate::terrain::NFT;

/// Tells it. What went before a failure stands on the console.
pub(crate) fn tell() -> Outcome<()> {
    let mut street = Street::build()?;
    serve(&street.outside)?;
    let quiet = wait_for("the call is heard", 10, || call(street.speaker(), QUIET_S))?;
    ok("a call alone", &quiet.to_string());
    let usual_ms = quiet.median_ms();
    figure("pipe.usual_ms", format!("{usual_ms:.1}"));

    let (heard, _) = loaded(&street, "control", 1, CONTROL_S, usual_ms)?;
    if heard.judge(usual_ms).is_ok() {
        return Err(format!("without a queue a call suffers, or nothing is measured here: {heard}"));
    }

    street.load_base_table()?;
    street.gateway.start_and_wait()?;
    for (kind, name, flows) in [("htb", "htb", 1), ("cake", "cake", GREEDY_FLOWS)] {
        if kind == "cake" {
            gone(&mut street)?;
            load("sch_cake.ko")?;
            street.configure(true)?;
        }
        let turn = stands(&street, kind)?;
        let (heard, shares) = loaded(&street, name, flows, LOADED_S, usual_ms)?;
        heard.judge(usual_ms)?;
        shares.judge()?;
        if let Err(why) = school(&street, name, usual_ms) {
            look_around(&street, &turn);
            return Err(why);
        }
        comes_back(&street, kind, &turn)?;
    }
    street.gateway.stop()?;
    stands(&street, "cake")?;
    ok("the daemon has ended", "its queues stand");
    Ok(())
}

/// A call and ten downloads; the first phone opens more of them than the others.
fn loaded(
    street: &Street,
    name: &str,
    flows: usize,
    seconds: u64,
    usual_ms: f64,
) -> Outcome<(Heard, Shares)> {
    let (heard, kbit) = Downloads::during(street.downloaders(), flows, || call(street.speaker(), seconds))?;
    let shares = Shares { kbit };
    ok(&format!("a call beside {} downloads, {name}", PHONES - 1 + flows - 1), &heard.to_string());
    ok("what each phone got, kbit/s", &shares.to_string());
    figure(&format!("pipe.{name}.lost_percent"), format!("{:.2}", heard.lost_percent()));
    figure(&format!("pipe.{name}.added_p95_ms"), format!("{:.1}", (heard.p95_ms() - usual_ms).max(0.0)));
    figure(&format!("pipe.{name}.worst_to_mean"), format!("{:.2}", shares.worst() / shares.mean()));
    figure(&format!("pipe.{name}.sum_kbit"), format!("{:.0}", shares.kbit.iter().sum::<f64>()));
    Ok((heard, shares))
}

/// A school downloads beside ten others: it has its share, and a call goes on.
fn school(street: &Street, name: &str, usual_ms: f64) -> Outcome<()> {
    let ((heard, school), others) = Downloads::during(street.downloaders(), 1, || {
        Downloads::alone(street.school(), || call(street.speaker(), LOADED_S))
    })?;
    let mean = Shares { kbit: others }.mean();
    let said = format!("{school:.0} kbit/s, each of ten others {mean:.0}; the call: {heard}");
    figure(&format!("pipe.{name}.school_kbit"), format!("{school:.0}"));
    figure(&format!("pipe.{name}.beside_school_kbit"), format!("{mean:.0}"));
    figure(&format!("pipe.{name}.school_lost_percent"), format!("{:.2}", heard.lost_percent()));
    figure(&format!("pipe.{name}.school_added_p95_ms"), format!("{:.1}", heard.p95_ms() - usual_ms));
    heard.judge(usual_ms)?;
    if school < SCHOOL_KBIT || mean < LEAST_BESIDE_KBIT {
        return Err(format!(
            "a school has {SCHOOL_KBIT} kbit/s, the others {LEAST_BESIDE_KBIT} each, {name}: {said}"
        ));
    }
    ok(&format!("a school's download, {name}"), &said);
    Ok(())
}

/// What a person would look at after a failure.
fn look_around(street: &Street, turn: &str) {
    let shown = |program: &str, words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let shown = street.gateway.space.inside(|| run(program, &words));
        console::quote(&words.join(" "), &shown.unwrap_or_else(|why| why));
    };
    shown(NFT, "list table inet tequio");
    shown(TC, "-s filter show dev up0 ingress");
    for what in ["qdisc", "class"] {
        shown(TC, &format!("-s {what} show dev {turn}"));
    }
    let _ = street.gateway.judge_log();
}

/// What each phone got.
struct Shares {
    kbit: Vec<f64>,
}

impl Shares {
    fn mean(&self) -> f64 {
        self.kbit.iter().sum::<f64>() / f64::from(u32::try_from(self.kbit.len()).unwrap_or(1))
    }

    fn worst(&self) -> f64 {
        self.kbit.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn best(&self) -> f64 {
        self.kbit.iter().copied().fold(0.0, f64::max)
    }

    fn judge(&self) -> Outcome<()> {
        if self.worst() < 0.7 * self.mean() {
            return Err(format!("the worst phone gets 0.7 of the mean: {self}"));
        }
        // Three downloads of one phone, each as good as anybody's, would be 2.5 of the mean.
        if self.best() > 1.3 * self.mean() {
            return Err(format!("no phone gets 1.3 of the mean: {self}"));
        }
        let sum: f64 = self.kbit.iter().sum();
        if !(LEAST_SUM_KBIT..=street::PIPE_KBIT).contains(&sum) {
            return Err(format!("the pipe is full, and no fuller: {sum:.0} kbit/s of data"));
        }
        Ok(())
    }
}

impl std::fmt::Display for Shares {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.kbit.iter().try_for_each(|kbit| write!(formatter, "{kbit:.0} "))?;
        write!(formatter, "(mean {:.0})", self.mean())
    }
}

/// Waits until queues of this kind stand on both sides, as Debian's `tc` sees them; the name of the one for what arrives.
fn stands(street: &Street, kind: &str) -> Outcome<String> {
    wait_for(&format!("{kind} on both sides"), 30, || {
        let shown = street.gateway.space.inside(|| run(TC, &["-json", "qdisc", "show"]))?;
        let shown: Vec<Value> = serde_json::from_str(&shown).map_err(|error| format!("tc: {error}"))?;
        let roots = shown.iter().filter(|qdisc| qdisc["handle"] == "7e90:" && qdisc["kind"] == kind);
        let mut devices: Vec<&str> = roots.filter_map(|root| root["dev"].as_str()).collect();
        devices.sort_unstable();
        match devices[..] {
            [turn, "up0"] if turn.starts_with("tequio") => Ok(turn.to_owned()),
            _ => Err(format!("{devices:?}")),
        }
    })
}

/// Somebody takes away the interface that turns round what arrives: it is back at once.
fn comes_back(street: &Street, kind: &str, turn: &str) -> Outcome<()> {
    let before = street.gateway.space.inside(|| crate::link::index(turn))?;
    street.gateway.space.inside(|| run("/bin/ip", &["link", "delete", turn]))?;
    wait_for("it is made anew", 5, || {
        let now = street.gateway.space.inside(|| crate::link::index(turn))?;
        if now == before { Err("it is the old one".to_owned()) } else { Ok(()) }
    })?;
    stands(street, kind)?;
    let heard = wait_for("a call is heard again", 10, || call(street.speaker(), 1))?;
    ok(&format!("{turn} was taken away and is back"), &heard.to_string());
    Ok(())
}

/// Without `config queue` nothing of ours is left.
fn gone(street: &mut Street) -> Outcome<()> {
    street.configure(false)?;
    wait_for("no queue of ours", 30, || {
        let shown = street.gateway.space.inside(|| run(TC, &["qdisc", "show"]))?;
        if ["7e90:", "tequio", "ingress"].iter().any(|ours| shown.contains(ours)) {
            Err(shown)
        } else {
            Ok(())
        }
    })?;
    ok("the configuration wants no queue", "none is left");
    Ok(())
}

/// Loads a module that this kernel was without until now.
fn load(name: &str) -> Outcome<()> {
    let file = File::open(format!("/later/{name}")).map_err(|error| format!("the module {name}: {error}"))?;
    finit_module(&file, c"", ModuleInitFlags::empty()).map_err(|error| format!("the module {name}: {error}"))
}

/// Debian's.
const TC: &str = "/sbin/tc";
const QUIET_S: u64 = 4;
const CONTROL_S: u64 = 8;
const LOADED_S: u64 = 15;
/// Of 4,000 kbit/s; one of eleven equal ones would get 340.
const SCHOOL_KBIT: f64 = 1_000.0;
/// A school leaves half of the pipe to the others.
const LEAST_BESIDE_KBIT: f64 = 120.0;
/// Who opens so many downloads gets no more than the others, with cake.
const GREEDY_FLOWS: usize = 3;
/// Of 4,000 kbit/s, headers, the call's 2 x 86 and what is dropped not counted.
const LEAST_SUM_KBIT: f64 = 2_800.0;
