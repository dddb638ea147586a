//! What a plan says, in words.

use crate::link::budget::{
    Clearance, FADE_MARGIN_DB, Finding, MOST_DISTANCE_M, PlaceError, PlanError, TerrainError, Verdict,
};

/// The languages of a page to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Español.
    Spanish,
    /// English.
    English,
}

impl Language {
    /// The sentence of this language.
    pub(super) const fn of<T: Copy>(self, english: T, spanish: T) -> T {
        match self {
            Self::English => english,
            Self::Spanish => spanish,
        }
    }
}

/// A word for programs.
pub(super) const fn verdict_code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Doubtful => "doubtful",
        Verdict::Impossible => "impossible",
    }
}

/// A half sentence for people.
pub(super) const fn verdict(verdict: Verdict, language: Language) -> &'static str {
    match verdict {
        Verdict::Good => language.of("it will work", "funcionará"),
        Verdict::Doubtful => {
            language.of("it may work, look at this first", "puede funcionar; antes revise esto")
        }
        Verdict::Impossible => language.of("it cannot work as planned", "así no puede funcionar"),
    }
}

/// A finding, and what to do.
pub(super) fn finding(finding: &Finding, language: Language) -> String {
    let km = |at_m: f64| at_m / 1_000.0;
    let spanish = language == Language::Spanish;
    match *finding {
        Finding::Blocked(Clearance { at_m, clear_m, .. }) if spanish => format!(
            "a {:.1} km el suelo tapa la línea por {:.0} m: suba las antenas o busque otro camino",
            km(at_m),
            -clear_m
        ),
        Finding::Blocked(Clearance { at_m, clear_m, .. }) => format!(
            "at {:.1} km the ground stands {:.0} m above the line: raise the antennas, or go another way",
            km(at_m),
            -clear_m
        ),
        Finding::NoSignal { lacks_db } if spanish => {
            format!(
                "faltan {lacks_db:.0} dB para la velocidad más baja: antenas más grandes, o canal más angosto"
            )
        }
        Finding::NoSignal { lacks_db } => {
            format!(
                "{lacks_db:.0} dB are missing for the slowest rate: larger antennas, or a narrower channel"
            )
        }
        Finding::TooFarForChip { most_m, works_with } => {
            let width = works_with.map(|width| width.mhz());
            match (width, spanish) {
                (Some(width), true) => format!(
                    "con este ancho el radio espera la respuesta solo hasta {:.1} km: use {width} MHz",
                    km(most_m)
                ),
                (Some(width), false) => format!(
                    "at this width the radio waits for an answer over {:.1} km at most: use {width} MHz",
                    km(most_m)
                ),
                (None, true) => "este radio no puede esperar tanto la respuesta: use otro".to_owned(),
                (None, false) => "this radio cannot wait that long for an answer: use another".to_owned(),
            }
        }
        Finding::FresnelTouched(Clearance { at_m, clear_m, needed_m }) if spanish => {
            format!("a {:.1} km quedan {clear_m:.0} m libres y hacen falta {needed_m:.0}", km(at_m))
        }
        Finding::FresnelTouched(Clearance { at_m, clear_m, needed_m }) => {
            format!("at {:.1} km {clear_m:.0} m are free, and {needed_m:.0} are needed", km(at_m))
        }
        Finding::CutOnBadDays(Clearance { at_m, .. }) if spanish => {
            format!("en días malos el suelo tapa la línea a {:.1} km", km(at_m))
        }
        Finding::CutOnBadDays(Clearance { at_m, .. }) => {
            format!("on a bad day the ground cuts the line at {:.1} km", km(at_m))
        }
        Finding::ThinMargin { margin_db } if spanish => {
            format!("solo sobran {margin_db:.0} dB; haga que sobren {FADE_MARGIN_DB:.0}")
        }
        Finding::ThinMargin { margin_db } => {
            format!("only {margin_db:.0} dB are to spare, and one wants {FADE_MARGIN_DB:.0}")
        }
        Finding::TooStrong { signal_dbm } if spanish => {
            format!("llegan {signal_dbm:.0} dBm, demasiado: baje la potencia")
        }
        Finding::TooStrong { signal_dbm } => format!("{signal_dbm:.0} dBm arrive, too much: send with less"),
        Finding::TooLoud { eirp_dbm, most_dbm } if spanish => {
            format!(
                "se irradian {eirp_dbm:.0} dBm y se permiten {most_dbm:.0}: confírmelo con quien sabe de la ley"
            )
        }
        Finding::TooLoud { eirp_dbm, most_dbm } => {
            format!(
                "{eirp_dbm:.0} dBm are radiated, and {most_dbm:.0} allowed: ask somebody who knows the law"
            )
        }
        Finding::NotAllowed => {
            language.of("the country has no such channel", "el país no tiene ese canal").to_owned()
        }
        Finding::IndoorOnly => {
            language.of("this channel is for indoors only", "ese canal es solo para interiores").to_owned()
        }
        Finding::CountryUnknown => language
            .of("what the country allows was not asked (--allowed)", "no se preguntó qué permite el país")
            .to_owned(),
        Finding::ChipUnknown => language
            .of(
                "nobody knows whether the radio can wait that long (--chip): try it before climbing",
                "no se sabe si el radio puede esperar tanto: pruébelo antes de subir",
            )
            .to_owned(),
        Finding::Dfs => language
            .of(
                "radar has precedence: a minute of silence at each start",
                "el radar tiene preferencia: un minuto de silencio en cada arranque",
            )
            .to_owned(),
        Finding::GroundUnknown => language
            .of(
                "the ground between was not measured (--terrain)",
                "no se midió el suelo entre los dos extremos",
            )
            .to_owned(),
    }
}

/// Why a plan is none, and what to write.
pub(super) fn refused(error: &PlanError) -> String {
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
            distance_m / 1_000.0,
            MOST_DISTANCE_M / 1_000.0
        ),
        PlanError::Figure { name, value, bounds: (least, most), .. } => {
            format!("--{name} `{value}`: expected {least} to {most}")
        }
        PlanError::Terrain(error) => format!("--terrain: {}", terrain(error)),
    }
}

/// Why heights are no terrain.
pub(super) fn terrain(error: &TerrainError) -> String {
    match error {
        TerrainError::TooMany => "there are more than 4,096 heights".to_owned(),
        TerrainError::Height(number) => {
            format!("height {number} is no height, or lies not behind the one before")
        }
        TerrainError::Beyond { at_m, distance_m } => {
            format!("the last height is at {at_m:.0} m, and the far end at {distance_m:.0}")
        }
    }
}
