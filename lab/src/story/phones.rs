//! The steps of the phones: leases, the portal, codes, and what is free for all.

use std::time::Instant;

use serde_json::Value;
use tequio::base::address::PORTAL_EVERYWHERE;

use super::{ANDROID_CHECK, OUTSIDE_URL, PATIENCE, SQUARE, Story, WRONG_CODE};
use crate::failure::{Failure, Outcome};
use crate::form::Form;
use crate::phone::{Phone, Visit};
use crate::timeline::Timeline;
use crate::topology::{self as plan, OUTSIDE6};
use crate::uci::{CARETAKER, PORTAL_PORT};

impl Story {
    pub(super) fn phone(&mut self, at: &str, name: &str, number: u16) -> Outcome<Phone> {
        let limit = self.limit().min(PATIENCE);
        let pcap = self.options.pcap.clone();
        let household = self.village.household(at);
        let cell = household.cell.as_ref().expect("the story sends phones only to hotspots");
        let phone = Phone::switch_on(cell, name, number, limit, pcap.as_deref())?;
        self.macs.push(phone.mac.clone());
        Ok(phone)
    }

    pub(super) fn phone_gets_lease(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let rosa = self.phone(SQUARE, "rosa", 1)?;
        let lease = rosa.lease()?;
        let hotspot = self.village.household(SQUARE).site.hotspot().expect("phones join at the square");
        if !hotspot.range4.contains(lease.address.into()) || lease.router != Some(hotspot.router4) {
            return Err(Failure::new(
                format!("an address of {} by {}", hotspot.range4, hotspot.router4),
                format!("{lease:?}"),
            ));
        }
        timeline.note(format!("Rosa's phone ({}) at the square has {}", rosa.mac, lease.address));
        self.rosa = Some(rosa);
        Ok(())
    }

    pub(super) fn sent_to_portal(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let router = self.router(SQUARE);
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let check = rosa.ask(ANDROID_CHECK)?;
        if check.status == 204 {
            return Err(Failure::new(
                "Android to notice that it stands before a portal",
                "204, as if it were outside",
            ));
        }
        timeline.note(format!("Android's own check gets {} and so shows the portal", check.status));
        let visit = rosa.open(OUTSIDE_URL)?;
        let to = visit.url().clone();
        if visit.way.len() < 2 || to.host != router || to.port != PORTAL_PORT || visit.page.status != 200 {
            return Err(Failure::new(
                format!("the portal at {router}:{PORTAL_PORT}"),
                describe_visit(&visit),
            ));
        }
        timeline.note(format!("{OUTSIDE_URL} -> {to} ({} octets)", visit.page.body.len()));
        self.portal = Some(visit);
        Ok(())
    }

    pub(super) fn wrong_code(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let portal = self.portal.as_ref().expect("an earlier step has opened it");
        let answer = rosa.submit(portal, WRONG_CODE)?;
        if answer.page.status >= 500 {
            return Err(Failure::new("a page that explains the mistake", describe_visit(&answer)));
        }
        Form::find(&answer.page.text())?;
        timeline.note(format!("{WRONG_CODE}: the portal answers {} and asks again", answer.page.status));
        let after = rosa.open(OUTSIDE_URL)?;
        if shows(&after, "outside") {
            return Err(Failure::new("the phone to stay inside", "it reached the outside with a wrong code"));
        }
        Ok(())
    }

    pub(super) fn right_code(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let code = self.sell(SQUARE, "hora")?;
        timeline.note(format!("Ana sells {code} (one hour) through ubus at the square"));
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let portal = self.portal.as_ref().expect("an earlier step has opened it");
        let start = Instant::now();
        let answer = rosa.submit(portal, &code)?;
        if answer.page.status >= 400 {
            return Err(Failure::new("the portal to take the code", describe_visit(&answer)));
        }
        self.rosa_is_outside(timeline)?;
        timeline.figure("code_to_outside_s", start.elapsed().as_secs_f64());
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let check = rosa.ask(ANDROID_CHECK)?;
        if check.status != 204 {
            return Err(Failure::new("Android to see that it is outside (204)", check.status.to_string()));
        }
        let address = rosa.address6()?;
        let visit = rosa.open(&format!("http://[{OUTSIDE6}]/"))?;
        if !shows(&visit, "outside") || !visit.page.text().contains(&format!("client={address}")) {
            return Err(Failure::new("the outside over IPv6 too", describe_visit(&visit)));
        }
        timeline.note(format!("over IPv6 too, as {address}"));
        Ok(())
    }

    pub(super) fn rosa_is_outside(&mut self, timeline: &Timeline) -> Outcome<()> {
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let visit = rosa.open(OUTSIDE_URL)?;
        let seen_as = format!("client={}", plan::UPLINK4);
        if !shows(&visit, "outside") || !visit.page.text().contains(&seen_as) {
            return Err(Failure::new("Rosa's phone to open the outside", describe_visit(&visit)));
        }
        timeline.note(format!("Rosa's phone opens {OUTSIDE_URL}; it is seen as {}", plan::UPLINK4));
        Ok(())
    }

    pub(super) fn without_voucher(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let mut beto = self.phone(SQUARE, "beto", 2)?;
        let lease = beto.lease()?;
        timeline.note(format!("Beto's phone ({}) beside hers has {}", beto.mac, lease.address));
        let visit = beto.open(OUTSIDE_URL)?;
        if shows(&visit, "outside") || visit.url().port != PORTAL_PORT {
            return Err(Failure::new("the portal for a phone without a voucher", describe_visit(&visit)));
        }
        timeline.note(format!("{OUTSIDE_URL} -> {}", visit.url()));
        beto.address6()?;
        if let Ok(visit) = beto.open(&format!("http://[{OUTSIDE6}]/"))
            && shows(&visit, "outside")
        {
            return Err(Failure::new("the phone to stay inside over IPv6 too", describe_visit(&visit)));
        }
        open_content(&mut beto, "Beto", timeline)?;
        self.beto = Some(beto);
        Ok(())
    }

    /// The address that the QR code of a coupon holds: for a stranger, and for somebody who is outside already.
    pub(super) fn coupon_scanned(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let url = format!("http://{PORTAL_EVERYWHERE}/?code={WRONG_CODE}");
        let beto = self.beto.as_mut().expect("an earlier step has switched it on");
        let visit = beto.open(&url)?;
        if visit.way.len() != 1 || !visit.page.text().contains(&format!("value=\"{WRONG_CODE}\"")) {
            return Err(Failure::new(
                format!("the portal with {WRONG_CODE} filled in"),
                describe_visit(&visit),
            ));
        }
        let rosa = self.rosa.as_mut().expect("an earlier step has switched it on");
        let visit = rosa.open(&format!("http://{PORTAL_EVERYWHERE}/"))?;
        if visit.page.status != 200 || shows(&visit, "outside") {
            return Err(Failure::new("the portal for Rosa, who is outside", describe_visit(&visit)));
        }
        timeline.note(format!("Beto scans a coupon: {url} is the portal with the code filled in"));
        timeline.note("Rosa, who is outside, finds the portal at the same address");
        Ok(())
    }

    pub(super) fn sell(&mut self, at: &str, plan: &str) -> Outcome<String> {
        let household = self.village.household(at);
        let answer = household.ask(&["voucher", "issue", "--plan", plan, "--person", CARETAKER])?;
        let code = find_code(&answer).ok_or_else(|| {
            Failure::new("a code in the answer to `voucher issue`", answer.to_string()).read(&household.log)
        })?;
        self.codes.push(code.clone());
        Ok(code)
    }

    pub(super) fn router(&mut self, at: &str) -> String {
        let hotspot = self.village.household(at).site.hotspot().expect("the story asks only for hotspots");
        hotspot.router4.to_string()
    }
}

pub(super) fn open_content(phone: &mut Phone, whose: &str, timeline: &Timeline) -> Outcome<()> {
    let url = format!("http://{}/", plan::CONTENT_NAME);
    let visit = phone.open(&url)?;
    if !shows(&visit, "contenido") {
        return Err(Failure::new("the content server, free for all", describe_visit(&visit)));
    }
    timeline.note(format!("{whose}'s phone opens {url}, which is free for all"));
    Ok(())
}

/// Whether the page comes from the server of this name.
pub(super) fn shows(visit: &Visit, server: &str) -> bool {
    visit.page.status == 200 && visit.page.text().contains(&format!("server={server}"))
}

pub(super) fn describe_visit(visit: &Visit) -> String {
    visit.way.iter().map(|(url, status)| format!("{url} {status}")).collect::<Vec<_>>().join(" -> ")
}

/// The first text that is called `code`, however the answer wraps it.
fn find_code(answer: &Value) -> Option<String> {
    match answer {
        Value::Object(members) => match members.get("code") {
            Some(Value::String(code)) => Some(code.clone()),
            _ => members.values().find_map(find_code),
        },
        Value::Array(entries) => entries.iter().find_map(find_code),
        _ => None,
    }
}

#[cfg(test)]
mod test {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_code_is_found_in_every_shape_of_answer() {
        for answer in [
            json!({"code": "A"}),
            json!([{"plan": "hora"}, {"code": "A"}]),
            json!({"lot": 1, "vouchers": [{"plan": "hora", "code": "A"}]}),
        ] {
            assert_eq!(find_code(&answer).as_deref(), Some("A"), "{answer}");
        }
        assert_eq!(find_code(&json!({"code": "", "message": 1})).as_deref(), Some(""));
        assert_eq!(find_code(&json!({"message": "no"})), None);
    }
}
