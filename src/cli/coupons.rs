//! Vouchers on paper: one page of HTML, for a sheet of A4 that is cut, or for a receipt printer's strip of 58 mm.
//!
//! Each coupon has a QR code that opens the portal with the code filled in, wherever the guest is
//! ([`PORTAL_EVERYWHERE`]); nothing is let in before the guest taps. Codes are shown once, so all that the page needs beside
//! them is asked of the daemon before they are made.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use super::{escaped, qr, remote, words};
use crate::base::address::PORTAL_EVERYWHERE;
use crate::base::language::Language;

/// What the page is cut from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paper {
    /// A sheet, three coupons beside each other.
    A4,
    /// A strip of 58 mm, one below the other.
    Strip,
}

/// A page that is still to be filled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    paper: Paper,
    language: Language,
    community: String,
    plan: Value,
}

impl Page {
    /// What `--paper` and `--language` ask for, taken out of the arguments; with what the daemon says of community and plan.
    pub(super) fn asked(socket: &Path, arguments: &mut Map<String, Value>) -> Result<Option<Self>, String> {
        let mut take = |name: &str| arguments.remove(name);
        let (paper, language) = (take("paper"), take("language"));
        let language = Language::named(language.as_ref().and_then(Value::as_str))?;
        let paper = match paper.as_ref().and_then(Value::as_str) {
            None => return Ok(None),
            Some("a4") => Paper::A4,
            Some("58mm") => Paper::Strip,
            Some(other) => return Err(format!("--paper `{other}`: there are a4 and 58mm")),
        };
        let status = remote::ask(socket, "status", Map::new())?;
        let plans = remote::ask(socket, "plans", Map::new())?;
        let named = |plan: &&Value| plan["id"] == arguments["plan"];
        let plan = plans["plans"].as_array().and_then(|plans| plans.iter().find(named));
        let plan =
            plan.ok_or_else(|| format!("there is no plan {}: see `tequio plans`", arguments["plan"]))?;
        let community = words::plain(&status["community"]);
        Ok(Some(Self { paper, language, community, plan: plan.clone() }))
    }

    /// The page with the vouchers of this reply.
    pub(super) fn html(&self, reply: &Value) -> Result<String, String> {
        let style = match self.paper {
            Paper::A4 => A4,
            Paper::Strip => STRIP,
        };
        let mut page = format!(
            "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><title>{} {}</title>\n\
             <style>{STYLE}{style}</style></head><body>\n",
            self.language.code(),
            escaped(&self.community),
            escaped(&words::plain(&reply["lot"])),
        );
        for voucher in reply["vouchers"].as_array().into_iter().flatten() {
            self.coupon(&mut page, &words::plain(&voucher["code"]))?;
        }
        page.push_str("</body></html>\n");
        Ok(page)
    }

    fn coupon(&self, page: &mut String, code: &str) -> Result<(), String> {
        let plan = &self.plan;
        let price = words::money(&plan["price_cents"], &plan["minor_units"], &plan["currency"]);
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<div>{}<p><b>{}</b><br>{} · {}</p><p class=c>{}</p><p class=s>{}<br>{}</p></div>",
            qr::svg(&format!("http://{PORTAL_EVERYWHERE}/?code={code}"))?,
            escaped(&self.community),
            escaped(&words::plain(&plan["name"])),
            escaped(&price),
            escaped(code),
            self.validity(),
            self.language.of(
                "Join the Wi-Fi, open any page that begins with http:// or scan",
                "Entra al Wi-Fi, abre una página con http:// o escanea"
            ),
        );
        Ok(())
    }

    /// How long it holds, and on how many devices.
    fn validity(&self) -> String {
        let plan = &self.plan;
        let time = match (plan["used_s"].as_u64(), plan["days"].as_u64()) {
            (Some(_), days) => {
                let within = days.map(|days| {
                    let [before, after] =
                        [("within", "en"), ("d", "d")].map(|(en, es)| self.language.of(en, es));
                    format!(" {before} {days} {after}")
                });
                let use_ = self.language.of("of use", "de uso");
                format!("{} {use_}{}", words::seconds(&plan["used_s"]), within.unwrap_or_default())
            }
            (None, Some(1)) => {
                self.language.of("1 day from first use", "1 día desde el primer uso").to_owned()
            }
            (None, days) => {
                let rest = self.language.of("days from first use", "días desde el primer uso");
                format!("{} {rest}", days.unwrap_or(0))
            }
        };
        let devices = plan["devices"].as_u64().unwrap_or(1);
        let word = match devices {
            1 => self.language.of("device", "aparato"),
            _ => self.language.of("devices", "aparatos"),
        };
        let hours = plan["hours"].as_str().and_then(|hours| hours.split(' ').next());
        let hours = hours.map(|hours| format!(" · {hours}")).unwrap_or_default();
        let data = plan["data_mb"].as_u64().map(|data_mb| format!(" · {data_mb} MB")).unwrap_or_default();
        format!("{time}{data} · {devices} {word}{hours}")
    }
}

const STYLE: &str = "*{box-sizing:border-box}body{margin:0;font:9pt/1.25 sans-serif;color:#000}p{margin:0 0 1mm}\
div{break-inside:avoid;overflow:hidden}.c{font:bold 13pt monospace;white-space:nowrap}.s{font-size:7pt}";

/// 24 coupons of 66 x 35 mm.
const A4: &str = "@page{size:A4;margin:8mm 6mm}body{width:198mm}\
div{float:left;width:66mm;height:35mm;padding:2mm;border:1px dashed #888}svg{float:right;width:24mm;margin:0 0 0 1mm}\
.c{font-size:11pt}";

/// 48 mm can be printed on, and each coupon is a page, where printers cut.
const STRIP: &str = "@page{size:58mm 68mm;margin:0 5mm}body{width:48mm}\
div{padding:3mm 0;border-bottom:1px dashed #000;text-align:center;break-after:page}div:last-child{break-after:auto}svg{width:30mm}";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(paper: Paper, language: Language) -> Page {
        let plan = json!({
            "id": "hora", "name": "Una <hora>", "price_cents": 50, "currency": "USD", "minor_units": 2,
            "used_s": 3_600, "days": null, "devices": 1
        });
        Page { paper, language, community: "Santa María & Co".to_owned(), plan }
    }

    #[test]
    fn a_coupon_says_what_it_is_and_nothing_in_it_is_markup() {
        let reply = json!({ "lot": "00000000000000aa", "vouchers": [
            { "code": "0A0T-4E70-J6GY", "verifier": "0011223344556677" },
            { "code": "0HR6-9ZAV-3G2G", "verifier": "1011223344556677" }
        ] });
        let html = page(Paper::A4, Language::Spanish).html(&reply).unwrap();
        assert_eq!(html.matches("<div>").count(), 2);
        assert_eq!(html.matches("<svg ").count(), 2);
        for text in [
            "Santa María &amp; Co",
            "Una &lt;hora&gt; · 0.50 USD",
            ">0A0T-4E70-J6GY<",
            "1 h de uso · 1 aparato",
            "size:A4",
        ] {
            assert!(html.contains(text), "{text}: {html}");
        }
        assert!(!html.contains("0011223344556677"), "a verifier opens nothing and stays out");
        let strip = page(Paper::Strip, Language::English).html(&reply).unwrap();
        assert!(strip.contains("58mm") && strip.contains("1 h of use · 1 device"), "{strip}");
    }

    #[test]
    fn days_and_devices_are_counted() {
        let mut page = page(Paper::A4, Language::Spanish);
        page.plan["used_s"] = Value::Null;
        page.plan["days"] = 30.into();
        page.plan["devices"] = 2.into();
        assert_eq!(page.validity(), "30 días desde el primer uso · 2 aparatos");
        page.plan["days"] = 1.into();
        assert_eq!(page.validity(), "1 día desde el primer uso · 2 aparatos");
    }

    #[test]
    fn only_known_paper_is_taken_and_nothing_is_asked_before() {
        let mut arguments = Map::from_iter([("plan".to_owned(), json!("hora"))]);
        let nowhere = Path::new("/nonexistent/ubus.sock");
        assert_eq!(Page::asked(nowhere, &mut arguments), Ok(None));
        arguments.insert("paper".to_owned(), json!("a5"));
        assert_eq!(Page::asked(nowhere, &mut arguments).unwrap_err(), "--paper `a5`: there are a4 and 58mm");
        arguments.insert("paper".to_owned(), json!("a4"));
        assert!(Page::asked(nowhere, &mut arguments).unwrap_err().contains("no ubus broker"));
        assert_eq!(arguments.len(), 1, "the daemon is not asked with them: {arguments:?}");
    }
}
