//! `tequio plan-link`: whether a dish on this hill reaches the one over there. It asks no daemon and no radio.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

use super::community::options::Options;
use super::language::Language;
use crate::link::budget::{Allowed, Budget, Chip, End, Finding, Place, Plan, Rule, Terrain, Width, assess};

mod page;
mod sentence;
mod text;

pub(super) const HELP: &str = "\
Usage: tequio plan-link (--from LAT,LON --to LAT,LON | --distance KM)
         --frequency MHZ --gain DBI[,DBI] --power DBM[,DBM] [...]

  --from, --to LAT,LON  where the ends stand, degrees, like 17.0667,-96.7203
  --distance KM         how far apart they are, if nobody knows where
  --ground M[,M]        height of the ground above the sea (0)
  --mast M[,M]          height of the antenna above the ground (10)
  --gain DBI[,DBI]      gain of the antennas
  --power DBM[,DBM]     what the radios send with
  --loss DB[,DB]        cable, connectors, aim (0.5)
  --frequency MHZ       middle of the channel
  --width MHZ           of the channel: 5, 10, 20, 40 or 80 (20)
  --streams N           2 with two polarisations (2)
  --chip NAME           ath9k, ath10k-wave2, mt76 or other (other)
  --allowed DBM         what the country lets radiate there (EIRP)
  --terrain FILE        heights between: a line `METRES HEIGHT` each
  --names A,B           how the ends are called (A,B)
  --json                for programs
  --html                one page to print
  --language LANG       of that page: es or en (es)

One value holds for both ends, two are of --from and --to.

Example: tequio plan-link --distance 27 --mast 40 --frequency 5785 \\
           --gain 30 --power 24 --chip ath9k --names cerro,plaza
";

/// Bytes of a file of heights: 4,096 lines of two figures.
const MOST_TERRAIN_BYTES: u64 = 128 * 1024;

/// A plan with what only people need.
struct Named {
    names: [String; 2],
    plan: Plan,
    budget: Budget,
}

/// Does what the words behind `plan-link` say.
pub(super) fn run(parser: &mut lexopt::Parser) -> Result<String, String> {
    let values = [
        "from",
        "to",
        "distance",
        "ground",
        "mast",
        "gain",
        "power",
        "loss",
        "frequency",
        "width",
        "streams",
        "chip",
        "allowed",
        "terrain",
        "names",
        "language",
    ];
    let Some(options) = Options::parse(parser, "plan-link", &values, &["json", "html"])? else {
        return Ok(HELP.to_owned());
    };
    let plan = plan(&options)?;
    let budget = assess(&plan).map_err(|error| sentence::refused(&error))?;
    let named = Named { names: names(&options)?, plan, budget };
    let language = Language::named(options.text("language")?)?;
    match [options.has("json"), options.has("html")] {
        [false, false] => Ok(text::table(&named)),
        [true, false] => Ok(format!("{:#}\n", json(&named))),
        [false, true] => Ok(page::html(&named, language)),
        [true, true] => Err("say one of --json and --html".to_owned()),
    }
}

fn plan(options: &Options) -> Result<Plan, String> {
    let [ground, mast, gain, power, loss] = [
        pair(options, "ground", Some(0.0))?,
        pair(options, "mast", Some(10.0))?,
        pair(options, "gain", None)?,
        pair(options, "power", None)?,
        pair(options, "loss", Some(0.5))?,
    ];
    let places = [place(options, "from")?, place(options, "to")?];
    let ends = [0, 1].map(|end| End {
        place: places[end],
        ground_m: ground[end],
        mast_m: mast[end],
        gain_dbi: gain[end],
        power_dbm: power[end],
        loss_db: loss[end],
    });
    let frequency_mhz = options.required("frequency").and_then(|_| options.value("frequency"))?.unwrap_or(0);
    let width_mhz = options.value("width")?.unwrap_or(20);
    let chip = options.text("chip")?.unwrap_or("other");
    Ok(Plan {
        ends,
        distance_m: optional(options, "distance")?.map(|km| km * 1_000.0),
        frequency_mhz,
        width: Width::of_mhz(width_mhz)
            .ok_or_else(|| format!("--width `{width_mhz}`: a channel is 5, 10, 20, 40 or 80 MHz wide"))?,
        streams: options.value("streams")?.unwrap_or(2),
        chip: Chip::named(chip).ok_or_else(|| {
            let names = Chip::NAMES.map(|(name, _)| name).join(", ");
            format!("--chip `{chip}` is unknown; there are {names}")
        })?,
        rule: allowed(options)?,
        terrain: options
            .text("terrain")?
            .map(|file| terrain(Path::new(file)))
            .transpose()?
            .unwrap_or_default(),
    })
}

/// What somebody says that the country allows: a rule of the whole spectrum.
fn allowed(options: &Options) -> Result<Allowed, String> {
    let Some(eirp_dbm) = optional(options, "allowed")? else { return Ok(Allowed::Unknown) };
    if !(0.0..=80.0).contains(&eirp_dbm) {
        return Err(format!("--allowed `{}`: countries allow 0 to 80 dBm", Figure(eirp_dbm)));
    }
    // It is positive and small.
    let max_eirp_mbm = (eirp_dbm * 100.0).round() as u32;
    Ok(Allowed::In(Rule { from_khz: 0, to_khz: u32::MAX, max_eirp_mbm, is_dfs: false, is_indoor: false }))
}

/// A figure of both ends: one word for both, or two with a comma between.
fn pair(options: &Options, name: &str, usual: Option<f64>) -> Result<[f64; 2], String> {
    let text = match (options.text(name)?, usual) {
        (Some(text), _) => text,
        (None, Some(usual)) => return Ok([usual; 2]),
        (None, None) => options.required(name)?,
    };
    match text.split_once(',') {
        None => Ok([number(name, text)?; 2]),
        Some((one, other)) => Ok([number(name, one)?, number(name, other)?]),
    }
}

fn place(options: &Options, name: &str) -> Result<Option<Place>, String> {
    let Some(text) = options.text(name)? else { return Ok(None) };
    let (latitude, longitude) = text.split_once(',').ok_or_else(|| {
        format!("--{name} `{text}`: expected latitude and longitude, like 17.0667,-96.7203")
    })?;
    Ok(Some(Place { latitude_deg: number(name, latitude)?, longitude_deg: number(name, longitude)? }))
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    parsed(text).ok_or_else(|| format!("--{name} `{text}`: expected a number, like 17.5"))
}

/// A number with or without decimals: 17, -96.7203. The standard library's reader, and that of JSON, are 15 kB on a router;
/// 15 digits are exact in the type, and finer than any map.
fn parsed(text: &str) -> Option<f64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, part].concat();
    if !(1..=15).contains(&all.len()) || !all.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let scale = part.bytes().fold(1_u64, |scale, _| scale * 10);
    let number: u64 = all.parse().ok()?;
    Some(sign * (number as f64 / scale as f64))
}

/// A number that need not be given.
fn optional(options: &Options, name: &str) -> Result<Option<f64>, String> {
    options.text(name)?.map(|text| number(name, text)).transpose()
}

/// A figure with as many decimals as the format asks for. The standard library's way to print one is 8 kB on a router.
struct Figure(f64);

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = formatter.precision().unwrap_or(0);
        let scale = (0..decimals).fold(1_u64, |scale, _| scale * 10);
        // What a plan tells is far smaller than what fits, and a cast stays within the type.
        let scaled = (self.0.abs() * scale as f64).round() as u64;
        let sign = match (self.0 < 0.0 && scaled > 0, formatter.sign_plus()) {
            (true, _) => "-",
            (false, true) => "+",
            (false, false) => "",
        };
        write!(formatter, "{sign}{}", scaled / scale)?;
        if decimals > 0 {
            write!(formatter, ".{:0decimals$}", scaled % scale)?;
        }
        Ok(())
    }
}

/// The names of the ends; they are shown and nothing else.
fn names(options: &Options) -> Result<[String; 2], String> {
    let text = options.text("names")?.unwrap_or("A,B");
    match text.split_once(',').map(|(one, other)| [one.trim(), other.trim()]) {
        Some(names) if names.iter().all(|name| (1..=32).contains(&name.chars().count())) => {
            Ok(names.map(str::to_owned))
        }
        _ => Err(format!("--names `{text}`: expected two names of up to 32 letters, like cerro,plaza")),
    }
}

/// Reads heights: a line each, metres from the first end and metres above the sea; `#` begins a remark.
fn terrain(file: &Path) -> Result<Terrain, String> {
    let told = |why: String| format!("{}: {why}", file.display());
    let opened = std::fs::File::open(file).map_err(|error| told(error.to_string()))?;
    let mut content = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(opened, MOST_TERRAIN_BYTES + 1), &mut content)
        .map_err(|error| told(error.to_string()))?;
    if content.len() as u64 > MOST_TERRAIN_BYTES {
        return Err(told(format!("it is larger than {MOST_TERRAIN_BYTES} octets: 4,096 heights are enough")));
    }
    let mut heights = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let figures = line.split('#').next().unwrap_or_default().trim();
        if figures.is_empty() {
            continue;
        }
        let mut words = figures.split(|letter: char| letter.is_whitespace() || ",;".contains(letter));
        let mut next = || words.by_ref().find(|word| !word.is_empty()).and_then(parsed);
        match (next(), next()) {
            (Some(at_m), Some(ground_m)) => heights.push((at_m, ground_m)),
            _ => {
                return Err(told(format!(
                    "line {}: expected `METRES HEIGHT`, found `{figures:.40}`",
                    index + 1
                )));
            }
        }
    }
    Terrain::new(heights).map_err(|error| told(sentence::terrain(&error)))
}

/// The budget for programs: figures under their names, and the findings by their codes.
fn json(named: &Named) -> Value {
    let budget = &named.budget;
    let mut whole = figures(&[
        ("distance_m", budget.distance_m),
        ("free_space_loss_db", budget.free_space_loss_db),
        ("obstruction_loss_db", budget.obstruction_loss_db),
        ("fresnel_radius_m", budget.fresnel_radius_m),
        ("bulge_m", budget.bulge_m),
        ("tightest_at_m", budget.tightest.at_m),
        ("tightest_clear_m", budget.tightest.clear_m),
        ("tightest_needed_m", budget.tightest.needed_m),
        ("noise_dbm", budget.noise_dbm),
        ("margin_db", budget.margin_db),
        ("ack_timeout_us", budget.ack_timeout_us),
    ]);
    whole.insert("coverage_class".to_owned(), budget.coverage_class.into());
    whole.insert("verdict".to_owned(), sentence::verdict_code(budget.verdict()).into());
    let ends = [0, 1].map(|end| end_json(named, end));
    whole.insert("ends".to_owned(), ends.to_vec().into());
    let finding = |finding: &Finding| {
        let texts =
            [("code", finding.code().into()), ("text", sentence::finding(finding, Language::English))];
        Value::Object(texts.map(|(name, text)| (name.to_owned(), text.into())).into_iter().collect())
    };
    whole.insert("findings".to_owned(), budget.findings.iter().map(finding).collect());
    Value::Object(whole)
}

/// What belongs to one end.
fn end_json(named: &Named, end: usize) -> Value {
    let budget = &named.budget;
    let mut told = figures(&[
        ("elevation_deg", budget.elevation_deg[end]),
        ("eirp_dbm", budget.eirp_dbm[end]),
        ("signal_dbm", budget.signal_dbm[end]),
        ("snr_db", budget.snr_db[end]),
    ]);
    told.insert("name".to_owned(), named.names[end].clone().into());
    if let Some(bearing) = budget.bearing_deg {
        told.extend(figures(&[("bearing_deg", bearing[end])]));
    }
    if let Some(rate) = budget.rate[end] {
        told.extend(figures(&[
            ("mcs", f64::from(rate.mcs)),
            ("streams", f64::from(rate.streams)),
            ("air_mbps", rate.air_mbps),
            ("expected_mbps", rate.expected_mbps),
        ]));
    }
    Value::Object(told)
}

fn figures(pairs: &[(&str, f64)]) -> Map<String, Value> {
    pairs.iter().map(|(name, figure)| ((*name).to_owned(), Value::from(*figure))).collect()
}

#[cfg(test)]
mod tests;
