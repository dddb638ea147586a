//! A plan as one page to print: the figures that an installer needs on the hill, and the way as a drawing.

use std::fmt::Write;

use super::text;
use crate::base::language::Language;
use crate::cli::escaped;
use crate::planner::{Figure, Named, sentence};

/// Width and height of the drawing, in its own units.
const DRAWING: (f64, f64) = (1_000.0, 300.0);
/// Points of a curve.
const POINTS: u32 = 60;

/// The whole page: no script, no image and no address of elsewhere.
pub(super) fn html(named: &Named, language: Language) -> String {
    let Named { names, plan, budget } = named;
    let [one, other] = names.each_ref().map(|name| escaped(name));
    let title = format!("{one} – {other}");
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<p>{:.2} km, {} MHz, {} MHz: <b>{}</b></p>\n",
        language.code(),
        Figure(budget.distance_m / 1_000.0),
        plan.frequency_mhz,
        plan.width.mhz(),
        sentence::verdict(budget.verdict(), language),
    );
    page.push_str("<ul>\n");
    for finding in &budget.findings {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "<li>{}</li>", escaped(&sentence::finding(finding, language)));
    }
    page.push_str("</ul>\n");
    drawing(&mut page, named);
    let _ = writeln!(page, "<table><tr><th></th><th>{one}</th><th>{other}</th></tr>");
    let mut row = |heading: &str, cells: [String; 2]| {
        let _ = writeln!(page, "<tr><th>{heading}</th><td>{}</td><td>{}</td></tr>", cells[0], cells[1]);
    };
    if let Some(bearing) = budget.bearing_deg {
        let heading = language.of("Aim, from true north", "Rumbo, desde el norte verdadero");
        row(heading, bearing.map(|degrees| format!("{:.1}°", Figure(degrees))));
    }
    row(
        language.of("Tilt", "Inclinación"),
        budget.elevation_deg.map(|degrees| format!("{:+.2}°", Figure(degrees))),
    );
    let mast = plan.ends.map(|end| format!("{:.0} m + {:.0} m", Figure(end.ground_m), Figure(end.mast_m)));
    row(language.of("Ground + mast", "Suelo + mástil"), mast);
    row(language.of("Antenna", "Antena"), plan.ends.map(|end| format!("{:.0} dBi", Figure(end.gain_dbi))));
    row(language.of("Power", "Potencia"), plan.ends.map(|end| format!("{:.0} dBm", Figure(end.power_dbm))));
    row(language.of("Radiated", "Irradiado"), budget.eirp_dbm.map(|dbm| format!("{:.0} dBm", Figure(dbm))));
    row(
        language.of("Signal to expect", "Señal esperada"),
        budget.signal_dbm.map(|dbm| format!("{:.0} dBm", Figure(dbm))),
    );
    row(language.of("Rate to expect", "Velocidad esperada"), budget.rate.map(text::rate));
    let setting = format!("{} ({:.0} µs)", budget.coverage_class, Figure(budget.ack_timeout_us));
    row(language.of("Coverage class", "Clase de cobertura"), [setting.clone(), setting]);
    page.push_str("</table>\n</body></html>\n");
    page
}

/// The ground with the earth's bulge, the line, and the zone that should be free.
fn drawing(page: &mut String, named: &Named) {
    let (plan, budget) = (&named.plan, &named.budget);
    let heights = plan.ends.map(|end| end.ground_m + end.mast_m);
    let line_m = |share: f64| heights[0] + (heights[1] - heights[0]) * share;
    // A parabola with the height of the middle: what both curves of a path are, or nearly.
    let arch = |share: f64| 4.0 * share * (1.0 - share);
    let zone_m = |share: f64| budget.fresnel_radius_m * arch(share).sqrt();
    let shares = (0..=POINTS).map(|point| f64::from(point) / f64::from(POINTS));
    let ground: Vec<(f64, f64)> = if plan.terrain.is_empty() {
        let rise_m = plan.ends[1].ground_m - plan.ends[0].ground_m;
        shares.clone().map(|share| (share, plan.ends[0].ground_m + rise_m * share)).collect()
    } else {
        let whole_m = budget.distance_m;
        plan.terrain.heights().iter().map(|height| (height.at_m / whole_m, height.ground_m)).collect()
    };
    let ground = ground.into_iter().map(|(share, metres)| (share, metres + budget.bulge_m * arch(share)));
    let upper = shares.clone().map(|share| (share, line_m(share) + zone_m(share)));
    let lower = shares.rev().map(|share| (share, line_m(share) - zone_m(share)));
    let (ground, zone): (Vec<_>, Vec<_>) = (ground.collect(), upper.chain(lower).collect());
    let all = || ground.iter().chain(&zone).map(|(_, metres)| *metres);
    let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
    let scale = DRAWING.1 / (most - least).max(1.0);
    let points = |curve: &[(f64, f64)]| {
        let mut text = String::new();
        for (share, metres) in curve {
            let _ = write!(
                text,
                "{:.0},{:.1} ",
                Figure(share * DRAWING.0),
                Figure(DRAWING.1 - (metres - least) * scale)
            );
        }
        text
    };
    let _ = writeln!(
        page,
        "<svg viewBox=\"0 -5 {} {}\"><polygon points=\"{}\" fill=\"#cde\"/>\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#036\"/>\
         <polygon points=\"0,{bottom} {}{},{bottom}\" fill=\"#a86\"/></svg>",
        DRAWING.0,
        DRAWING.1 + 10.0,
        points(&zone),
        points(&[(0.0, heights[0]), (1.0, heights[1])]),
        points(&ground),
        DRAWING.0,
        bottom = DRAWING.1 + 5.0,
    );
}

const STYLE: &str = "body{font:11pt sans-serif;margin:2em}svg{width:100%;border:1px solid #888}\
table{border-collapse:collapse;margin:1em 0}th,td{border:1px solid #888;padding:.2em .6em;text-align:left}";
