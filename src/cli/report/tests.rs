//! A month of a small village, on the table, as CSV and as a sheet.

use super::*;
use crate::ledger::account::Figures;
use crate::ledger::month::PersonLine;

fn report() -> MonthReport {
    let row = |node: &str, person: &str, plan: &str, figures: &[(Figure, i64)]| {
        let mut all = Figures::default();
        figures.iter().for_each(|(figure, value)| all.0[*figure as usize] = *value);
        Total { node: node.into(), person: person.into(), plan: plan.into(), figures: all }
    };
    let sold = [
        (Figure::Printed, 3),
        (Figure::Sold, 3),
        (Figure::Taken, 150),
        (Figure::SellerShare, 30),
        (Figure::Due, 120),
    ];
    MonthReport {
        community: "San <Miguel>".into(),
        language: "es".into(),
        currency: "USD".into(),
        minor_units: 2,
        month: Month::parse("2026-11").unwrap(),
        rows: vec![
            row("La loma", "ana", "hora", &sold),
            row("La loma", "=ana, \"la\" otra", "", &[(Figure::Settled, 100), (Figure::Held, -2)]),
        ],
        shares: vec![row("", "comunidad", "hora", &[(Figure::Share, 120)])],
        people: vec![PersonLine { person: "ana".into(), owed_before: 40, due: 120, settled: 100, owed: 60 }],
        cash_before: -50,
        cash: 50,
        undated: 0,
    }
}

#[test]
fn a_month_on_the_table() {
    insta::assert_snapshot!(table(&report()), @r#"
    San <Miguel>, 2026-11, amounts in USD

    NODE             PERSON         PLAN         PRINTED      HELD      SOLD      USED   IN KIND       DUE      PAID
    La loma          ana            hora               3         0         3         0         0      1.20      0.00
    La loma          =ana, "la" otra -                  0        -2         0         0         0      0.00      1.00

    who owes
      ana              before 0.40, due 1.20, paid 1.00, owes 0.60

    promised to
      comunidad        hora       1.20

    cash before -0.50, spent 0.00, got beside 0.00, cash 0.50
    "#);
}

#[test]
fn a_month_for_a_spreadsheet_holds_no_formula() {
    let text = csv(&report());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0].split(',').count(), 20);
    assert_eq!(lines[1], "2026-11,La loma,ana,hora,3,0,3,0,0,0,0,150,0,30,120,0,0,0,0,120");
    assert!(lines[2].starts_with("2026-11,La loma,\"'=ana, \"\"la\"\" otra\",,0,-2,0,"), "{}", lines[2]);
    assert_eq!(lines[3], "2026-11,,comunidad,hora,0,0,0,0,0,0,0,0,0,0,0,0,0,0,120,0");
}

#[test]
fn a_sheet_speaks_the_community_s_language_and_holds_no_tag_of_a_name() {
    let text = sheet::html(&report());
    assert!(text.contains("<h1>Cuentas San &lt;Miguel&gt; 2026-11</h1>"), "{text}");
    assert!(text.contains("<td>La loma</td><td>ana</td><td>hora</td><td class=n>3</td>"), "{text}");
    assert!(text.contains("<td class=n>-0.50</td><td class=n>0.00</td><td class=n>0.50</td>"), "{text}");
    assert!(!text.contains("<script") && !text.contains("http"));
    let english = sheet::html(&MonthReport { language: "zap".into(), ..report() });
    assert!(english.contains("<h1>Accounts San &lt;Miguel&gt; 2026-11</h1>"));
}
