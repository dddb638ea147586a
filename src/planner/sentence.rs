//! What a plan says, in words.

use super::Figure;
use crate::base::language::Language;
use crate::link::budget::{
    Clearance, FADE_MARGIN_DB, Finding, MOST_DISTANCE_M, PlaceError, PlanError, TerrainError, Verdict,
};

/// A word for programs.
pub(crate) const fn verdict_code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Doubtful => "doubtful",
        Verdict::Impossible => "impossible",
    }
}

/// A half sentence for people.
#[cfg(feature = "laptop")]
pub(crate) const fn verdict(verdict: Verdict, language: Language) -> &'static str {
    match verdict {
        Verdict::Good => language.of("it will work", "funcionará"),
        Verdict::Doubtful => {
            language.of("it may work, look at this first", "puede funcionar; antes revise esto")
        }
        Verdict::Impossible => language.of("it cannot work as planned", "así no puede funcionar"),
    }
}

/// A finding, and what to do.
pub(crate) fn finding(finding: &Finding, language: Language) -> String {
    let (english, spanish) = words(finding);
    let [first, second] = figures(finding);
    language.of(english, spanish).replace("{1}", &first).replace("{2}", &second)
}

/// The figures of a finding's sentences.
fn figures(finding: &Finding) -> [String; 2] {
    let km = |metres: f64| format!("{:.1}", Figure(metres / 1_000.0));
    let whole = |figure: f64| format!("{:.0}", Figure(figure));
    let at = |place: &Clearance, figure: f64| [km(place.at_m), whole(figure)];
    match finding {
        Finding::Blocked(place) => at(place, -place.clear_m),
        Finding::FresnelTouched(place) => at(place, place.needed_m - place.clear_m),
        Finding::CutOnBadDays(place) => at(place, -place.clear_m),
        Finding::NoSignal { lacks_db } => [whole(*lacks_db), String::new()],
        Finding::ThinMargin { margin_db } => [whole(*margin_db), whole(FADE_MARGIN_DB)],
        Finding::TooStrong { signal_dbm } => [whole(*signal_dbm), String::new()],
        Finding::TooLoud { eirp_dbm, most_dbm } => [whole(*eirp_dbm), whole(*most_dbm)],
        Finding::TooFarForChip { most_m, works_with } => {
            [km(*most_m), works_with.map_or(String::new(), |width| width.mhz().to_string())]
        }
        _ => [String::new(), String::new()],
    }
}

/// The sentences of a finding, in English and in Spanish; `{1}` and `{2}` stand for its figures.
const fn words(finding: &Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::Blocked(_) => (
            "at {1} km the ground stands {2} m above the line: raise the antennas, or go another way",
            "a {1} km el suelo tapa la línea por {2} m: suba las antenas o busque otro camino",
        ),
        Finding::NoSignal { .. } => (
            "{1} dB are missing for the slowest rate: larger antennas, or a narrower channel",
            "faltan {1} dB para la velocidad más baja: antenas más grandes, o canal más angosto",
        ),
        Finding::TooFarForChip { works_with: Some(_), .. } => (
            "at this width the radio waits for an answer over {1} km at most: use {2} MHz",
            "con este ancho el radio espera la respuesta solo hasta {1} km: use {2} MHz",
        ),
        Finding::TooFarForChip { works_with: None, .. } => (
            "this radio cannot wait that long for an answer: use another",
            "este radio no puede esperar tanto la respuesta: use otro",
        ),
        Finding::FresnelTouched(_) => (
            "at {1} km {2} m more must be free: trees and roofs count",
            "a {1} km faltan {2} m libres: los árboles y techos cuentan",
        ),
        Finding::CutOnBadDays(_) => (
            "on a bad day the ground cuts the line at {1} km",
            "en días malos el suelo tapa la línea a {1} km",
        ),
        Finding::ThinMargin { .. } => {
            ("only {1} dB are to spare, and one wants {2}", "solo sobran {1} dB; haga que sobren {2}")
        }
        Finding::TooStrong { .. } => {
            ("{1} dBm arrive, too much: send with less", "llegan {1} dBm, demasiado: baje la potencia")
        }
        Finding::TooLoud { .. } => (
            "{1} dBm are radiated, and {2} allowed: ask somebody who knows the law",
            "se irradian {1} dBm y se permiten {2}: confírmelo con quien sabe de la ley",
        ),
        Finding::NotAllowed => ("the country has no such channel", "el país no tiene ese canal"),
        Finding::IndoorOnly => ("this channel is for indoors only", "ese canal es solo para interiores"),
        rest => notes(rest),
    }
}

/// The same of what is no reason to stay at home.
const fn notes(finding: &Finding) -> (&'static str, &'static str) {
    match finding {
        Finding::CountryUnknown => (
            "what the country allows was not asked (--allowed)",
            "no se preguntó qué permite el país (--allowed)",
        ),
        Finding::ChipUnknown => (
            "nobody knows whether the radio can wait that long (--chip): try it before climbing",
            "no se sabe si el radio puede esperar tanto (--chip): pruébelo antes de subir",
        ),
        Finding::Dfs => (
            "radar has precedence: a minute of silence at each start",
            "el radar tiene preferencia: un minuto de silencio en cada arranque",
        ),
        _ => (
            "the ground between was not measured (--terrain)",
            "no se midió el suelo entre los dos extremos (--terrain)",
        ),
    }
}

/// Why a plan is none, and what to write.
pub(crate) fn refused(error: &PlanError) -> String {
    let option = |end: &usize| if *end == 0 { "--from" } else { "--to" };
    match error {
        PlanError::Place { end, why: PlaceError::Swapped } => {
            format!("{}: latitude comes first; are the two swapped?", option(end))
        }
        PlanError::Place { end, why: PlaceError::Latitude } => {
            format!("{}: a latitude lies between -90 and 90", option(end))
        }
        PlanError::Place { end, why: PlaceError::Longitude } => {
            format!("{}: a longitude lies between -180 and 180", option(end))
        }
        PlanError::NoDistance => "how far is it? say --from and --to, or --distance".to_owned(),
        PlanError::Distance { distance_m } => format!(
            "{:.3} km: a link is 1 m to {:.2} km long",
            Figure(distance_m / 1_000.0),
            Figure(MOST_DISTANCE_M / 1_000.0)
        ),
        PlanError::Figure { name, value, bounds: (least, most), .. } => {
            format!("--{name} `{:.1}`: expected {} to {}", Figure(*value), Figure(*least), Figure(*most))
        }
        PlanError::Terrain(error) => format!("--terrain: {}", terrain(error)),
    }
}

/// Why heights are no terrain.
pub(crate) fn terrain(error: &TerrainError) -> String {
    match error {
        TerrainError::TooMany => "there are more than 4,096 heights".to_owned(),
        TerrainError::Height(number) => {
            format!("height {number} is no height, or lies not behind the one before")
        }
        TerrainError::Beyond { at_m, distance_m } => {
            format!(
                "the last height is at {:.0} m, and the far end at {:.0}",
                Figure(*at_m),
                Figure(*distance_m)
            )
        }
    }
}
