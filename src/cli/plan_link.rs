//! `tequio plan-link`: whether a dish on this hill reaches the one over there. It asks no daemon, and of radios only the country.

use std::path::Path;

use super::community::options::Options;
use crate::base::language::Language;
use crate::link::budget::Terrain;
use crate::planner::{NAMES, Named, parsed, sentence};

mod page;
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
  --allowed DBM         what the country lets radiate there (EIRP); `kernel`:
                        as this machine's radios were told (option country)
  --terrain FILE        heights between: a line `METRES HEIGHT` each
  --names A,B           how the ends are called (A,B)
  --json                for programs
  --uci SECTION         what `uci batch` keeps of it with the interface of that
                        name at the first end, to be held against what it hears
  --html                one page to print
  --language LANG       of that page: es or en (es)

One value holds for both ends, two are of --from and --to.

Example: tequio plan-link --distance 27 --mast 40 --frequency 5785 \\
           --gain 30 --power 24 --chip ath9k --names cerro,plaza
";

/// Bytes of a file of heights: 4,096 lines of two figures.
const MOST_TERRAIN_BYTES: u64 = 128 * 1024;

/// Does what the words behind `plan-link` say.
pub(super) fn run(parser: &mut lexopt::Parser) -> Result<String, String> {
    let values: Vec<&str> = NAMES.into_iter().chain(["terrain", "uci"]).collect();
    let Some(options) = Options::parse(parser, "plan-link", &values, &["json", "html"])? else {
        return Ok(HELP.to_owned());
    };
    for name in ["gain", "power", "frequency"] {
        options.required(name)?;
    }
    let terrain = options.text("terrain")?.map(|file| terrain(Path::new(file))).transpose()?;
    let named = Named::of(&|name| options.text(name), terrain.unwrap_or_default())?;
    let language = Language::named(options.text("language")?)?;
    if let Some(section) = options.text("uci")? {
        return uci(section, &named);
    }
    match [options.has("json"), options.has("html")] {
        [false, false] => Ok(text::table(&named)),
        [true, false] => Ok(format!("{:#}\n", named.json(Language::English))),
        [false, true] => Ok(page::html(&named, language)),
        [true, true] => Err("say one of --json and --html".to_owned()),
    }
}

/// What is kept with an interface of the first end.
fn uci(section: &str, named: &Named) -> Result<String, String> {
    let is_name = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
    if section.is_empty() || !section.bytes().all(is_name) {
        return Err(format!("--uci `{section:.40}`: expected the name of a section, like hill"));
    }
    let Some((signal_dbm, kbit)) = named.kept() else {
        return Err("nothing comes through: there is nothing to keep".to_owned());
    };
    Ok(format!(
        "set tequio.{section}.planned_signal_dbm='{signal_dbm}'\nset tequio.{section}.planned_kbit='{kbit}'\n\
         commit tequio\n"
    ))
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

#[cfg(test)]
mod tests;
