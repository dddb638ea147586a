//! The village on one machine. Never shipped.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lab::failure::{Failure, Outcome};
use lab::hotspot_bench;
use lab::routing::{self, Speaker};
use lab::village::{Ending, Options};
use lexopt::prelude::*;

fn main() -> ExitCode {
    look_into_sbin();
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("lab: {failure}");
            for path in &failure.read {
                eprintln!("lab: read {}", path.display());
            }
            ExitCode::FAILURE
        }
    }
}

/// `su` and some containers give root a path without the folders where `ip`, `nft` and `dnsmasq` are.
fn look_into_sbin() {
    let path = std::env::var("PATH").unwrap_or_default();
    // SAFETY: the program has one thread so far, so nobody reads the environment at the same time.
    unsafe { std::env::set_var("PATH", format!("{path}:/usr/sbin:/sbin")) };
}

fn run() -> Outcome<ExitCode> {
    let mut arguments = lexopt::Parser::from_env();
    let command = match arguments.next().map_err(usage)? {
        Some(Value(word)) => word.string().map_err(usage)?,
        Some(Short('h') | Long("help")) | None => {
            println!("{USAGE}");
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => return Err(usage(other.unexpected())),
    };
    match command.as_str() {
        "village" => village(arguments),
        "sim" => sim(arguments),
        "replay" => replay(arguments),
        "thief" => thief(arguments),
        "bench-routing" => bench_routing(arguments),
        "bench-ledger" => bench_ledger(arguments).map(|()| ExitCode::SUCCESS),
        "bench-hotspot" => bench_hotspot(arguments).map(|()| ExitCode::SUCCESS),
        "bench-phone" => bench_phone(arguments).map(|()| ExitCode::SUCCESS),
        "bench-steps" => bench_steps(arguments).map(|()| ExitCode::SUCCESS),
        "serve-redirect" => serve_redirect(arguments).map(|()| ExitCode::SUCCESS),
        "serve-web" => serve_web(arguments).map(|()| ExitCode::SUCCESS),
        other => Err(Failure::new("a command of the laboratory", format!("`{other}`\n{USAGE}"))),
    }
}

fn village(mut arguments: lexopt::Parser) -> Outcome<ExitCode> {
    let mut options = Options {
        keep: false,
        json: false,
        step_timeout: Duration::from_secs(60),
        pcap: None,
        record: None,
        tequio: None,
        luci: None,
    };
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("keep") => options.keep = true,
            Long("luci") => options.luci = Some(luci_address(&mut arguments)?),
            Long("json") => options.json = true,
            Long("step-timeout") => {
                let seconds = arguments.value().and_then(|value| value.parse()).map_err(usage)?;
                options.step_timeout = Duration::from_secs(seconds);
            }
            Long("pcap") => options.pcap = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            Long("record") => options.record = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            Long("tequio") => options.tequio = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(match lab::village::run(&options)? {
        Ending::Well => ExitCode::SUCCESS,
        Ending::Failed => ExitCode::FAILURE,
        Ending::Interrupted => ExitCode::from(INTERRUPTED),
    })
}

/// The address after `--luci`, if one stands there.
fn luci_address(arguments: &mut lexopt::Parser) -> Outcome<Option<SocketAddr>> {
    // No raw arguments: the value is attached, as in `--luci=ADDRESS`.
    let none_follows = arguments.try_raw_args().is_some_and(|raw| {
        raw.as_slice().first().and_then(|next| next.to_str()).is_none_or(|next| next.starts_with('-'))
    });
    if none_follows {
        return Ok(None);
    }
    arguments.value().and_then(|value| value.parse()).map(Some).map_err(usage)
}

fn sim(mut arguments: lexopt::Parser) -> Outcome<ExitCode> {
    let mut wish = lab::sim::command::Wish::default();
    let (mut ledgers, mut plant) = (false, String::new());
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("seed") => wish.first = arguments.value().and_then(|value| value.parse()).map_err(usage)?,
            Long("seeds") => wish.seeds = arguments.value().and_then(|value| value.parse()).map_err(usage)?,
            Long("mesh") => {
                let name = arguments.value().map_err(usage)?;
                wish.shape = lab::sim::command::shape(&name.to_string_lossy())
                    .map_err(|why| Failure::new("village, hundred or thousand", why))?;
            }
            Long("ledger") => ledgers = true,
            Long("plant") => plant = arguments.value().and_then(|value| value.string()).map_err(usage)?,
            Long("trace") => wish.trace = true,
            Long("json") => wish.json = true,
            other => return Err(usage(other.unexpected())),
        }
    }
    let well = if ledgers {
        let lab::sim::command::Wish { first, seeds, trace, json, .. } = wish;
        let none = lab::replicas::Plant::Nothing;
        let plant = if plant.is_empty() { Ok(none) } else { lab::replicas::command::plant(&plant) };
        let plant = plant.map_err(|why| Failure::new("forgetful, deaf, till, silent or double", why))?;
        lab::replicas::command::run(&lab::replicas::command::Wish { first, seeds, plant, trace, json })
    } else {
        if !plant.is_empty() {
            wish.plant = lab::sim::command::plant(&plant)
                .map_err(|why| Failure::new("loop, feasibility, deaf or stubborn", why))?;
        }
        lab::sim::command::run(&wish)
    };
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn replay(mut arguments: lexopt::Parser) -> Outcome<ExitCode> {
    let (mut file, mut trace) = (None, false);
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("trace") => trace = true,
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(usage(other.unexpected())),
        }
    }
    let file = file.ok_or_else(|| Failure::new("a recording", "`lab replay` without a FILE"))?;
    let replayed =
        lab::replay::run(&file, trace).map_err(|why| Failure::new("the same outputs again", why))?;
    println!("{}", lab::replay::sentence(&file, &replayed));
    Ok(ExitCode::SUCCESS)
}

fn thief(mut arguments: lexopt::Parser) -> Outcome<ExitCode> {
    let mut json = false;
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("json") => json = true,
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(if lab::thief::run(json)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn bench_routing(mut arguments: lexopt::Parser) -> Outcome<ExitCode> {
    let mut wish = routing::Wish::default();
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("runs") => wish.runs = arguments.value().and_then(|value| value.parse()).map_err(usage)?,
            Long("seed") => wish.seed = arguments.value().and_then(|value| value.parse()).map_err(usage)?,
            Long("speakers") => {
                wish.speakers = words(&mut arguments)?
                    .iter()
                    .map(|name| {
                        Speaker::named(name).ok_or_else(|| Failure::new("ours, babeld or bird", name))
                    })
                    .collect::<Outcome<_>>()?;
            }
            Long("groups") => wish.groups = words(&mut arguments)?,
            Long("sizes") => {
                let sizes = words(&mut arguments)?;
                let number = |word: &String| {
                    word.parse().map_err(|_| Failure::new("numbers of routes, like 0,10000", word))
                };
                wish.sizes = sizes.iter().map(number).collect::<Outcome<_>>()?;
            }
            Long("tequio") => wish.programs.ours = PathBuf::from(arguments.value().map_err(usage)?),
            Long("babeld") => wish.programs.babeld = PathBuf::from(arguments.value().map_err(usage)?),
            Long("bird") => wish.programs.bird = PathBuf::from(arguments.value().map_err(usage)?),
            Long("json") => wish.json = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(if routing::run(&wish)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A list of words with commas between them.
fn words(arguments: &mut lexopt::Parser) -> Outcome<Vec<String>> {
    let text = arguments.value().and_then(|value| value.string()).map_err(usage)?;
    Ok(text.split(',').map(str::to_string).collect())
}

fn bench_ledger(mut arguments: lexopt::Parser) -> Outcome<()> {
    let (mut json, mut part, mut work, mut times) = (None, None, None, 1);
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("json") => json = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            Long("part") => part = Some(arguments.value().and_then(|value| value.string()).map_err(usage)?),
            Long("work") => work = Some(arguments.value().and_then(|value| value.string()).map_err(usage)?),
            Long("times") => times = arguments.value().and_then(|value| value.parse()).map_err(usage)?,
            other => return Err(usage(other.unexpected())),
        }
    }
    match work {
        Some(work) => lab::ledger_bench::work::run(&work, times),
        None => lab::ledger_bench::run(json.as_deref(), part.as_deref()),
    }
}

fn bench_hotspot(mut arguments: lexopt::Parser) -> Outcome<()> {
    let mut wish = hotspot_bench::Wish { phones: 600, parts: Vec::new(), tequio: None, json: None };
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("phones") => {
                wish.phones = arguments.value().and_then(|value| value.parse()).map_err(usage)?
            }
            Long("parts") => wish.parts = words(&mut arguments)?,
            Long("tequio") => wish.tequio = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            Long("json") => wish.json = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            other => return Err(usage(other.unexpected())),
        }
    }
    hotspot_bench::run(&wish)
}

fn serve_redirect(mut arguments: lexopt::Parser) -> Outcome<()> {
    let mut address = None;
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("listen") => {
                address = Some(arguments.value().and_then(|value| value.parse()).map_err(usage)?)
            }
            other => return Err(usage(other.unexpected())),
        }
    }
    hotspot_bench::bare::serve(address.ok_or_else(|| Failure::new("--listen ADDRESS:PORT", "nothing"))?)
}

fn bench_phone(mut arguments: lexopt::Parser) -> Outcome<()> {
    let mut pcap = None;
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("pcap") => pcap = Some(PathBuf::from(arguments.value().map_err(usage)?)),
            other => return Err(usage(other.unexpected())),
        }
    }
    lab::bench::phone(pcap.as_deref())
}

fn bench_steps(mut arguments: lexopt::Parser) -> Outcome<()> {
    let mut routes = 10_000;
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Value(count) => routes = count.parse().map_err(usage)?,
            other => return Err(usage(other.unexpected())),
        }
    }
    let longest_ms = lab::steps::run(routes);
    if longest_ms > lab::steps::MOST_MS {
        let seen = format!("{longest_ms:.1} ms");
        return Err(Failure::new(
            format!("no input that keeps the loop for {} ms", lab::steps::MOST_MS),
            seen,
        ));
    }
    Ok(())
}

fn serve_web(mut arguments: lexopt::Parser) -> Outcome<()> {
    let mut name = String::new();
    let mut addresses: Vec<IpAddr> = Vec::new();
    while let Some(argument) = arguments.next().map_err(usage)? {
        match argument {
            Long("name") => name = arguments.value().and_then(|value| value.string()).map_err(usage)?,
            Long("listen") => {
                addresses.push(arguments.value().and_then(|value| value.parse()).map_err(usage)?)
            }
            other => return Err(usage(other.unexpected())),
        }
    }
    lab::web::serve(&name, &addresses)
}

fn usage(error: lexopt::Error) -> Failure {
    Failure::new("arguments that the laboratory knows", format!("{error}\n{USAGE}"))
}

/// What shells give for a program that SIGINT has ended.
const INTERRUPTED: u8 = 130;

const USAGE: &str = "\
lab village [--keep] [--luci [ADDRESS:PORT]] [--json] [--step-timeout S] [--pcap DIR] [--record DIR] [--tequio PROGRAM]
lab sim [--seed FIRST] [--seeds COUNT] [--mesh village|hundred|thousand] [--plant loop|feasibility|deaf|stubborn] [--trace] [--json]
lab sim --ledger [--seed FIRST] [--seeds COUNT] [--plant forgetful|deaf|till|silent|double] [--trace] [--json]
lab thief [--json]
lab replay FILE [--trace]
lab bench-routing [--runs N] [--seed N] [--speakers ours,babeld,bird] [--groups first,carrier,silent,fast,intake,steady,boot20,boot110]
                  [--sizes 0,1000,10000] [--tequio PROGRAM] [--babeld PROGRAM] [--bird PROGRAM] [--json FILE]
lab bench-ledger [--json FILE] [--part repairs|spread|memory|flash|years] [--work verify|code --times N]
lab bench-hotspot [--phones N] [--parts redirects,admit,crowd,forward,mesh] [--tequio PROGRAM] [--json FILE]
lab bench-phone [--pcap DIR]
lab bench-steps [ROUTES]
lab serve-web --name NAME --listen ADDRESS...
lab serve-redirect --listen ADDRESS:PORT";
