//! `admit`: who belongs to the community, and under what number.

use serde_json::json;

use super::folder::Assembly;
use super::found::amount;
use super::request::Request;
use crate::base::sorted::SortedSet;
use crate::base::voucher::IssuerNumber;
use crate::cli::community::join::line_of;
use crate::cli::community::options::Options;
use crate::ledger::body::{Grant, SealedShare};
use crate::ledger::kind::Kind;
use crate::ledger::text::fingerprint;
use crate::ledger::{Body, Member, Role, Roles, share_context};
use crate::platform::vault::{Secrets, seal};

const NUMBERS: u16 = 511;
const SLOTS: u8 = 59;
/// From here on numbers get scarce: they are only free again years later.
const NUMBERS_WARNING: usize = 400;

/// `tequio community admit`
pub(super) fn admit(options: &Options) -> Result<String, String> {
    let mut assembly = Assembly::open(&options.path("dir")?)?;
    let request = Request::parse(&request_text(options)?)?;
    let ledger = &assembly.ledger;
    let before = ledger.members().find(|state| state.member.key == request.key).cloned();
    let others = || ledger.members().filter(|state| state.member.key != request.key);
    let numbers: SortedSet<u16> = others().map(|state| state.member.number.0).collect();
    let slots: SortedSet<u8> = others().filter_map(|state| state.member.slot).collect();
    let had = before.as_ref().map(|state| &state.member);
    let roles = match options.text("role")? {
        Some(text) => roles(text)?,
        None => had.map_or(Roles::NONE, |member| member.roles),
    };
    let digits = ledger.charter().map_or(2, |charter| charter.minor_units);
    let default_float = if roles.has(Role::Seller) { 500 * 10_u64.pow(u32::from(digits)) } else { 0 };
    let member = Member {
        key: request.key,
        dh: request.dh,
        name: options.text("name")?.unwrap_or(&request.name).to_owned(),
        number: number(options, had.map(|member| member.number), &numbers)?,
        slot: slot(options, had.and_then(|member| member.slot), &slots, roles)?,
        roles,
        float: match amount(options, "float", digits)? {
            Some(float) => float,
            None => had.filter(|member| member.float > 0).map_or(default_float, |member| member.float),
        },
        replaces: before.iter().map(|state| state.record).collect(),
        heads: Vec::new(),
        instead_of: None,
    };
    assembly.write(Body::Member(Box::new(member.clone())))?;
    grant(&mut assembly, &member)?;
    assembly.save()?;
    Ok(answer(options, &member, before.is_some(), numbers.len()))
}

pub(super) fn request_text(options: &Options) -> Result<String, String> {
    line_of(options.required("request")?)
}

fn roles(text: &str) -> Result<Roles, String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty() && *word != "relay").try_fold(
        Roles::NONE,
        |roles, word| match Role::from_name(word) {
            Some(role) => Ok(roles.with(role)),
            None => {
                let names: Vec<&str> = Role::ALL.map(Role::name).to_vec();
                Err(format!("--role `{word}` is unknown: it is one of {}", names.join(", ")))
            }
        },
    )
}

fn number(
    options: &Options,
    had: Option<IssuerNumber>,
    taken: &SortedSet<u16>,
) -> Result<IssuerNumber, String> {
    match options.value("number")? {
        Some(number) if taken.contains(&number) => {
            Err(format!("--number {number} belongs to another member"))
        }
        Some(number) => Ok(IssuerNumber(number)),
        None => had
            .or_else(|| (1..=NUMBERS).find(|number| !taken.contains(number)).map(IssuerNumber))
            .ok_or_else(|| "all issuer numbers are taken".to_owned()),
    }
}

fn slot(
    options: &Options,
    had: Option<u8>,
    taken: &SortedSet<u8>,
    roles: Roles,
) -> Result<Option<u8>, String> {
    match options.value("slot")? {
        Some(slot) if taken.contains(&slot) => Err(format!("--slot {slot} belongs to another member")),
        Some(slot) => Ok(Some(slot)),
        None if had.is_some() || !roles.has(Role::Hotspot) => Ok(had),
        None => match (0..=SLOTS).find(|slot| !taken.contains(slot)) {
            Some(slot) => Ok(Some(slot)),
            None => {
                Err("all address slots are taken: expel a member that is gone, or admit a relay".to_owned())
            }
        },
    }
}

/// A member's share of an epoch's secrets; the coupon secret only if it sells or admits.
pub(super) fn seal_to(
    community: &[u8; 32],
    member: &Member,
    kind: Kind,
    epoch: u32,
    secrets: &Secrets,
) -> Result<SealedShare, String> {
    let needs_coupon = member.roles.has(Role::Seller) || member.roles.has(Role::Hotspot);
    let share = Secrets { routing: secrets.routing, coupon: secrets.coupon.filter(|_| needs_coupon) };
    let context = share_context(community, kind, epoch, &member.key);
    let sealed = seal::seal(&member.dh, &context, &share.to_bytes());
    let sealed =
        sealed.ok_or_else(|| format!("the secrets cannot be sealed to the key of {}", member.name))?;
    Ok(SealedShare { member: member.key, sealed })
}

/// Seals the current epoch's secrets to a member.
fn grant(assembly: &mut Assembly, member: &Member) -> Result<(), String> {
    let (epoch, number, secrets) = assembly.current_secrets()?;
    let community = assembly.ledger.community().ok_or("there is no community")?;
    let share = seal_to(&community, member, Kind::Grant, number, secrets)?;
    assembly.write(Body::Grant(Box::new(Grant { epoch, number, share }))).map(drop)
}

pub(super) fn answer(options: &Options, member: &Member, changed: bool, others: usize) -> String {
    let print = fingerprint(&member.key);
    if options.has("json") {
        let answer = json!({
            "name": member.name, "fingerprint": print, "number": member.number.0, "slot": member.slot,
            "roles": member.roles.to_string(), "float": member.float, "changed": changed,
        });
        return format!("{answer:#}\n");
    }
    let verb = if changed { "changed" } else { "admitted" };
    let slot = member.slot.map_or("no slot".to_owned(), |slot| format!("slot {slot}"));
    let mut text = format!(
        "{verb}: {} ({print}), number {}, {slot}, {}\n\nCompare {print} with what the node shows, then carry \
         community.records to it:\n  tequio community join --state STATE --bundle community.records\n",
        member.name, member.number.0, member.roles
    );
    if others + 1 >= NUMBERS_WARNING {
        text.push_str(&format!("\nOnly {} issuer numbers are left.\n", usize::from(NUMBERS) - others - 1));
    }
    text
}
