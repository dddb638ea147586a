//! `create`, `plan`, `check`: what the assembly does with its folder.

use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::folder::{Assembly, RECORDS_FILE};
use super::succeed::check_paper;
use crate::base::address::Prefix;
use crate::base::hours::Hours;
use crate::base::limit::LOGO_BYTES;
use crate::cli::community::options::Options;
use crate::ledger::body::{Epoch, PaperDebt};
use crate::ledger::text::fingerprint;
use crate::ledger::{Body, Charter, Plan, PlanMeasure, RecordId, Report, money};
use crate::platform::vault::Secrets;

/// `tequio community create`
pub(super) fn create(options: &Options) -> Result<String, String> {
    let folder = options.path("dir")?;
    let charter = |root| -> Result<Charter, String> {
        let ipv4 = options.value("ipv4")?;
        let languages = options.text("language")?.unwrap_or("es");
        Ok(Charter {
            root,
            name: options.required("name")?.to_owned(),
            currency: options.text("currency")?.unwrap_or("USD").to_owned(),
            minor_units: options.value("minor-units")?.unwrap_or(2),
            country: options.text("country")?.unwrap_or("MX").to_owned(),
            languages: languages.split(',').map(str::to_owned).collect(),
            ipv6: options.value("ipv6")?.map_or_else(random_prefix, Ok)?,
            ipv4: ipv4.or_else(|| "10.77.0.0/16".parse().ok()).ok_or("there is no IPv4 range")?,
            replaces: Vec::new(),
            paper_debt: PaperDebt::Activation,
            in_kind_quota: 0,
            hour_rate: 0,
            ssids: Vec::new(),
            provisional_plan: None,
        })
    };
    // Before anything is written: a wrong word leaves no folder behind.
    if let Some(what) = Body::Charter(Box::new(charter([0; 32])?)).fault() {
        return Err(what.to_owned());
    }
    let mut assembly = Assembly::new(&folder)?;
    let charter = charter(assembly.root_key())?;
    assembly.write(Body::Charter(Box::new(charter.clone())))?;
    assembly.write(Body::Epoch(Box::new(Epoch {
        number: 1,
        follows: None,
        shares: Vec::new(),
        expels: Vec::new(),
    })))?;
    let (epoch, _) = assembly.ledger.current_epoch().ok_or("the first epoch does not count")?;
    assembly.found(epoch, Secrets::random().map_err(|error| error.to_string())?)?;

    let root = fingerprint(&assembly.root_key());
    let id = assembly.ledger.community().unwrap_or_default();
    if options.has("json") {
        let answer = json!({
            "community": charter.name, "id": RecordId(id).to_string(), "root": root,
            "ipv4": charter.ipv4.to_string(), "ipv6": charter.ipv6.to_string(),
            "records": folder.join(RECORDS_FILE).display().to_string(),
        });
        return Ok(format!("{answer:#}\n"));
    }
    Ok(created(&charter, &root, &folder))
}

fn created(charter: &Charter, root: &str, folder: &Path) -> String {
    let Charter { name, ipv4, ipv6, .. } = charter;
    let folder = folder.display();
    format!(
        "{name} is founded, with the addresses {ipv4} and {ipv6}.

  {root}   is the fingerprint of its root key: read it aloud at the assembly, write it down.

Two people should each keep a copy of {folder}/root.key and {folder}/epochs.key, away from the network:
whoever has them decides who belongs to {name}, and without them nobody can be admitted.
{folder}/{RECORDS_FILE} is for everybody.

Next: plans with   tequio community plan --dir {folder} ...
      nodes with   tequio community request ...   on the node, then
                   tequio community admit --dir {folder} ...
"
    )
}

/// `fd`, then 40 random bits (RFC 4193).
fn random_prefix() -> Result<Prefix, String> {
    let mut octets = [0; 16];
    let random = getrandom::fill(&mut octets[1..6]);
    random.map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
    octets[0] = 0xfd;
    Prefix::new(octets.into(), 48).ok_or_else(|| "a /48 is a prefix".to_owned())
}

/// `tequio community look`
pub(super) fn look(options: &Options) -> Result<String, String> {
    let mut assembly = Assembly::open(&options.path("dir")?)?;
    let mut look = assembly.ledger.look().cloned().unwrap_or_default();
    let (colour, logo) = (options.text("colour")?, options.text("logo")?);
    match colour {
        None if logo.is_none() => return Err("say --colour or --logo".to_owned()),
        None => {}
        Some("none") => look.colour = None,
        Some(text) => {
            let digits = Some(text).filter(|text| text.len() == 6 && !text.starts_with('+'));
            let number = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
            look.colour = Some(number.ok_or("a colour is six hex digits, like 0d4a3c")?);
        }
    }
    match logo {
        None => {}
        Some("none") => look.logo = Vec::new(),
        Some(file) => {
            let cannot = |error| format!("{file} cannot be read: {error}");
            // One byte more than there may be, so that a larger file is refused and not cut.
            let mut logo = fs::File::open(file).map_err(cannot)?.take(LOGO_BYTES as u64 + 1);
            look.logo.clear();
            logo.read_to_end(&mut look.logo).map_err(cannot)?;
        }
    }
    let body = Body::Look(Box::new(look.clone()));
    if let Some(what) = body.fault() {
        return Err(what.to_owned());
    }
    assembly.write(body)?;
    assembly.save()?;
    let colour =
        look.colour.map_or_else(|| "its own colour".to_owned(), |colour| format!("the colour #{colour:06x}"));
    Ok(format!("The portal has {colour} and a logo of {} bytes.\n", look.logo.len()))
}

/// `tequio community plan`
pub(super) fn plan(options: &Options) -> Result<String, String> {
    let mut assembly = Assembly::open(&options.path("dir")?)?;
    let id = options.required("id")?.to_owned();
    let digits = assembly.ledger.charter().map_or(2, |charter| charter.minor_units);
    let price =
        amount(options, "price", digits)?.ok_or("--price is missing: say what the plan costs, like 0.50")?;
    let seller_share = amount(options, "seller-share", digits)?.unwrap_or(0);
    let before = assembly.ledger.plan(&id).map(|(record, _)| record);
    let plan = Plan {
        name: options.required("name")?.to_owned(),
        measure: measure(options)?,
        devices: options.value("devices")?.unwrap_or(1),
        rate_down_kbps: options.value("down-kbps")?.unwrap_or(0),
        rate_up_kbps: options.value("up-kbps")?.unwrap_or(0),
        price,
        seller_share,
        shares: money::split(price, seller_share, options.all("share").iter().map(String::as_str), digits)
            .map_err(|why| format!("--share, --seller-share: {why}"))?,
        replaces: before.into_iter().collect(),
        hours: hours(options)?,
        data_mb: options.value("data-mb")?,
        sellers: None,
        id,
    };
    assembly.write(Body::Plan(Box::new(plan.clone())))?;
    assembly.save()?;
    let currency = assembly.ledger.charter().map(|charter| charter.currency.clone()).unwrap_or_default();
    if options.has("json") {
        return Ok(format!("{:#}\n", json!({ "plan": plan.id, "changed": before.is_some() })));
    }
    let verb = if before.is_some() { "changed" } else { "on sale" };
    Ok(format!("{verb}: {}\n", plan_line(&plan, &currency, digits)))
}

fn measure(options: &Options) -> Result<PlanMeasure, String> {
    let seconds = options.value("used-seconds")?;
    let within_days = options.value("within-days")?;
    let days = options.value("days")?;
    match (seconds, days, options.has("external")) {
        (Some(seconds), None, false) => Ok(PlanMeasure::UsedSeconds { seconds, within_days }),
        (None, Some(days), false) if within_days.is_none() => Ok(PlanMeasure::DaysFromFirstUse { days }),
        (None, None, true) if within_days.is_none() => Ok(PlanMeasure::External),
        _ => {
            Err("say what the plan gives: --used-seconds N (and --within-days N), or --days N, or --external"
                .to_owned())
        }
    }
}

fn hours(options: &Options) -> Result<Option<Hours>, String> {
    let read = |text: &str| {
        let wrong = |()| format!("--hours `{text}`: expected hours in a zone, like 22:00-06:00 UTC-06:00");
        text.parse().map_err(wrong)
    };
    options.text("hours")?.map(read).transpose()
}

/// An amount of money among the options.
pub(super) fn amount(options: &Options, name: &str, digits: u8) -> Result<Option<u64>, String> {
    let read = |text: &str| {
        money::parse(text, digits).ok_or_else(|| {
            let example = money::format(50, digits);
            format!("--{name} `{text}`: expected an amount with at most {digits} digits behind the point, like {example}")
        })
    };
    options.text(name)?.map(read).transpose()
}

fn plan_line(plan: &Plan, currency: &str, digits: u8) -> String {
    let gives = match plan.measure {
        PlanMeasure::UsedSeconds { seconds, within_days: None } => format!("{seconds} s of use"),
        PlanMeasure::UsedSeconds { seconds, within_days: Some(days) } => {
            format!("{seconds} s of use within {days} days")
        }
        PlanMeasure::DaysFromFirstUse { days } => format!("{days} days from the first use"),
        PlanMeasure::External => "served elsewhere".to_owned(),
    };
    let rate = |kbps| if kbps == 0 { "-".to_owned() } else { format!("{kbps}") };
    let mut line = format!(
        "{} ({}) {} {currency}: {gives}, {} device(s), {}/{} kbit/s; seller {}",
        plan.id,
        plan.name,
        money::format(plan.price, digits),
        plan.devices,
        rate(plan.rate_down_kbps),
        rate(plan.rate_up_kbps),
        money::format(plan.seller_share, digits),
    );
    if let Some(data_mb) = plan.data_mb {
        let _ = write!(line, "; {data_mb} MB");
    }
    if let Some(hours) = plan.hours {
        let _ = write!(line, "; {hours}");
    }
    for share in &plan.shares {
        let _ = write!(line, ", {} {}", share.to, money::format(share.amount, digits));
    }
    line
}

/// `tequio community check`
pub(super) fn check(options: &Options) -> Result<String, String> {
    let folder = options.path("dir")?;
    let assembly = Assembly::open(&folder)?;
    assembly.current_secrets()?;
    if let Some(paper) = options.text("paper")? {
        check_paper(&assembly, paper)?;
    }
    let report = assembly.ledger.report();
    let charter = assembly.ledger.charter().ok_or("there is no charter")?;
    let root = fingerprint(&assembly.root_key());
    let plans: Vec<&Plan> = assembly.ledger.plans().map(|(_, plan)| plan).collect();
    if options.has("json") {
        let id = RecordId(assembly.ledger.community().unwrap_or_default()).to_string();
        let answer = json!({
            "id": id, "root": root, "ipv4": charter.ipv4.to_string(), "ipv6": charter.ipv6.to_string(),
            "plans": plans, "report": report,
        });
        return Ok(format!("{answer:#}\n"));
    }
    let paper = if options.has("paper") { "the paper reads, and is this root\n" } else { "" };
    Ok(checked(&report, charter, &root, &plans) + paper)
}

fn checked(report: &Report, charter: &Charter, root: &str, plans: &[&Plan]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {} records, every signature is good", charter.name, report.records);
    let _ = writeln!(text, "root {root}, epoch {}, {}, {}", report.epoch, charter.ipv4, charter.ipv6);
    let _ = writeln!(text, "\nmembers: {}", report.members.len());
    for member in &report.members {
        let slot = member.slot.map_or("-".to_owned(), |slot| slot.to_string());
        let float = money::format(member.float, charter.minor_units);
        let conflict = if member.conflict { "  NUMBER OR SLOT TAKEN: admit it again" } else { "" };
        let _ = writeln!(
            text,
            "  {:<16} {}  number {}, slot {slot}, {}, float {float}{conflict}",
            member.name, member.fingerprint, member.number, member.roles
        );
    }
    let _ = writeln!(text, "\nplans: {}", plans.len());
    for plan in plans {
        let _ = writeln!(text, "  {}", plan_line(plan, &charter.currency, charter.minor_units));
    }
    for member in &report.expelled {
        let _ = writeln!(text, "\nexpelled: {member}");
    }
    if report.tainted {
        let _ = writeln!(text, "\nSOMEBODY WHO WAS EXPELLED KNOWS THE SECRETS: tequio community rotate");
    }
    for record in &report.uncounted {
        let _ = writeln!(text, "\ndoes not count: a {} by {}, {}", record.kind, record.author, record.record);
    }
    for author in &report.branches {
        let _ = writeln!(text, "\nthe records of {author} branch: a restored backup, or a copied key");
    }
    text
}
