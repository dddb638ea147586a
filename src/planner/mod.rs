//! Floor 5: a link that somebody thinks about, from the words that he says to the words that he is answered.
//!
//! The arithmetic is [`crate::link::budget`]'s. Who asks is the command line (`tequio plan-link`) or somebody on the
//! bus (`plan_link`): both say the same names, and a figure is text to both.

use std::fmt;

use serde_json::{Map, Value};

use crate::base::language::Language;
use crate::link::budget::{Allowed, Budget, Chip, End, Finding, Place, Plan, Rule, Terrain, Width, assess};
use crate::platform::radio;

pub(crate) mod sentence;

/// What may be said; `--help` of `tequio plan-link` and `docs/ubus.md` tell what each is.
#[cfg(feature = "laptop")]
pub(crate) const NAMES: [&str; 15] = [
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
    "names",
    "language",
];

/// What somebody said under a name, if anything; the error is about the saying.
pub(crate) type Said<'a> = dyn Fn(&str) -> Result<Option<&'a str>, String> + 'a;

/// A plan with what only people need.
pub(crate) struct Named {
    pub(crate) names: [String; 2],
    #[cfg(feature = "laptop")]
    pub(crate) plan: Plan,
    pub(crate) budget: Budget,
}

impl Named {
    /// The plan of these words, reckoned. Errors name the option.
    pub(crate) fn of(said: &Said<'_>, terrain: Terrain) -> Result<Self, String> {
        let plan = plan(said, terrain)?;
        let budget = assess(&plan).map_err(|error| sentence::refused(&error))?;
        Ok(Self {
            names: names(said)?,
            #[cfg(feature = "laptop")]
            plan,
            budget,
        })
    }

    /// What the first end keeps of it with its interface: `planned_signal_dbm` and `planned_kbit`. `None` if nothing comes
    /// through.
    pub(crate) fn kept(&self) -> Option<(i32, u32)> {
        // What it hears decides what the other end can send to it; what it sends is what it measures.
        let signal_dbm = self.budget.signal_dbm[0].round().clamp(-110.0, -1.0) as i32;
        let kbit = (self.budget.rate[0]?.expected_mbps * 1_000.0).round().clamp(1.0, 10_000_000.0) as u32;
        Some((signal_dbm, kbit))
    }

    /// For programs: figures under their names, and the findings by their codes and in words.
    pub(crate) fn json(&self, language: Language) -> Value {
        let budget = &self.budget;
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
        if let Some((signal_dbm, kbit)) = self.kept() {
            whole.insert("keep_signal_dbm".to_owned(), signal_dbm.into());
            whole.insert("keep_kbit".to_owned(), kbit.into());
        }
        whole.insert("coverage_class".to_owned(), budget.coverage_class.into());
        whole.insert("verdict".to_owned(), sentence::verdict_code(budget.verdict()).into());
        let ends = [0, 1].map(|end| self.end_json(end));
        whole.insert("ends".to_owned(), ends.to_vec().into());
        let finding = |finding: &Finding| {
            let texts = [
                ("code", finding.code().into()),
                ("weight", sentence::verdict_code(finding.verdict()).into()),
                ("text", without_options(sentence::finding(finding, language))),
            ];
            Value::Object(texts.map(|(name, text)| (name.to_owned(), text.into())).into_iter().collect())
        };
        whole.insert("findings".to_owned(), budget.findings.iter().map(finding).collect());
        Value::Object(whole)
    }

    /// What belongs to one end.
    fn end_json(&self, end: usize) -> Value {
        let budget = &self.budget;
        let mut told = figures(&[
            ("elevation_deg", budget.elevation_deg[end]),
            ("eirp_dbm", budget.eirp_dbm[end]),
            ("signal_dbm", budget.signal_dbm[end]),
            ("snr_db", budget.snr_db[end]),
        ]);
        told.insert("name".to_owned(), self.names[end].clone().into());
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
}

/// A sentence for somebody who has no command line.
fn without_options(sentence: String) -> String {
    let without = |sentence: String, option: &str| sentence.replace(option, "");
    [" (--chip)", " (--allowed)", " (--terrain)"].into_iter().fold(sentence, without)
}

/// A figure with as many decimals as the format asks for. The standard library's way to print one is 8 kB on a router.
pub(crate) struct Figure(pub(crate) f64);

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

/// A number with or without decimals: 17, -96.7203. The standard library's reader, and that of JSON, are 15 kB on a router;
/// 15 digits are exact in the type, and finer than any map.
pub(crate) fn parsed(text: &str) -> Option<f64> {
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

fn plan(said: &Said<'_>, terrain: Terrain) -> Result<Plan, String> {
    let [ground, mast, gain, power, loss] = [
        pair(said, "ground", Some(0.0))?,
        pair(said, "mast", Some(10.0))?,
        pair(said, "gain", None)?,
        pair(said, "power", None)?,
        pair(said, "loss", Some(0.5))?,
    ];
    let places = [place(said, "from")?, place(said, "to")?];
    let ends = [0, 1].map(|end| End {
        place: places[end],
        ground_m: ground[end],
        mast_m: mast[end],
        gain_dbi: gain[end],
        power_dbm: power[end],
        loss_db: loss[end],
    });
    let width_mhz = whole(said, "width")?.unwrap_or(20);
    let width = Width::of_mhz(width_mhz)
        .ok_or_else(|| format!("--width `{width_mhz}`: a channel is 5, 10, 20, 40 or 80 MHz wide"))?;
    let frequency_mhz = whole(said, "frequency")?.ok_or_else(|| missing("frequency"))?;
    let chip = said("chip")?.unwrap_or("other");
    Ok(Plan {
        ends,
        distance_m: optional(said, "distance")?.map(|km| km * 1_000.0),
        frequency_mhz,
        width,
        streams: whole(said, "streams")?.unwrap_or(2),
        chip: Chip::named(chip).ok_or_else(|| {
            let names = Chip::NAMES.map(|(name, _)| name).join(", ");
            format!("--chip `{chip}` is unknown; there are {names}")
        })?,
        rule: allowed(said, frequency_mhz, width)?,
        terrain,
    })
}

/// What somebody says that the country allows, a rule of the whole spectrum; or what the kernel of this machine was told.
fn allowed(said: &Said<'_>, frequency_mhz: u32, width: Width) -> Result<Allowed, String> {
    if said("allowed")? == Some("kernel") {
        let rules = radio::country_rules();
        let rule =
            |rules: Vec<Rule>| Rule::of(&rules, frequency_mhz, width).map_or(Allowed::Nowhere, Allowed::In);
        return Ok(rules.map_or(Allowed::Unknown, rule));
    }
    let Some(eirp_dbm) = optional(said, "allowed")? else { return Ok(Allowed::Unknown) };
    if !(0.0..=80.0).contains(&eirp_dbm) {
        return Err(format!("--allowed `{}`: countries allow 0 to 80 dBm", Figure(eirp_dbm)));
    }
    // It is positive and small.
    let max_eirp_mbm = (eirp_dbm * 100.0).round() as u32;
    Ok(Allowed::In(Rule { from_khz: 0, to_khz: u32::MAX, max_eirp_mbm, is_dfs: false, is_indoor: false }))
}

/// A figure of both ends: one word for both, or two with a comma between.
fn pair(said: &Said<'_>, name: &str, usual: Option<f64>) -> Result<[f64; 2], String> {
    let Some(text) = said(name)? else { return usual.map(|usual| [usual; 2]).ok_or_else(|| missing(name)) };
    match text.split_once(',') {
        None => Ok([number(name, text)?; 2]),
        Some((one, other)) => Ok([number(name, one)?, number(name, other)?]),
    }
}

fn place(said: &Said<'_>, name: &str) -> Result<Option<Place>, String> {
    let Some(text) = said(name)? else { return Ok(None) };
    let (latitude, longitude) = text.split_once(',').ok_or_else(|| {
        format!("--{name} `{text}`: expected latitude and longitude, like 17.0667,-96.7203")
    })?;
    Ok(Some(Place { latitude_deg: number(name, latitude)?, longitude_deg: number(name, longitude)? }))
}

/// The names of the ends; they are shown and nothing else.
fn names(said: &Said<'_>) -> Result<[String; 2], String> {
    let text = said("names")?.unwrap_or("A,B");
    match text.split_once(',').map(|(one, other)| [one.trim(), other.trim()]) {
        Some(names) if names.iter().all(|name| (1..=32).contains(&name.chars().count())) => {
            Ok(names.map(str::to_owned))
        }
        _ => Err(format!("--names `{text}`: expected two names of up to 32 letters, like cerro,plaza")),
    }
}

fn number(name: &str, text: &str) -> Result<f64, String> {
    parsed(text).ok_or_else(|| format!("--{name} `{text}`: expected a number, like 17.5"))
}

/// A number that need not be given.
fn optional(said: &Said<'_>, name: &str) -> Result<Option<f64>, String> {
    said(name)?.map(|text| number(name, text)).transpose()
}

/// One without decimals.
fn whole<T: std::str::FromStr>(said: &Said<'_>, name: &str) -> Result<Option<T>, String> {
    let wrong = |text: &str| format!("--{name} `{text}`: expected a whole number");
    said(name)?.map(|text| text.trim().parse().map_err(|_| wrong(text))).transpose()
}

fn missing(name: &str) -> String {
    format!("--{name} is missing")
}

fn figures(pairs: &[(&str, f64)]) -> Map<String, Value> {
    pairs.iter().map(|(name, figure)| ((*name).to_owned(), Value::from(*figure))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, number) in [
            ("17", Some(17.0)),
            (" -96.7203 ", Some(-96.7203)),
            ("+.5", Some(0.5)),
            ("3.", Some(3.0)),
            ("123456789012.345", Some(123_456_789_012.345)),
            ("1e3", None),
            ("--1", None),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("1234567890123456", None),
            ("nan", None),
        ] {
            assert_eq!(parsed(text), number, "{text}");
        }
    }
}
