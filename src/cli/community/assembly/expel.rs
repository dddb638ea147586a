//! `expel`, `rotate`, `replace`: who belongs to the community no more, and new secrets for the others.

use serde_json::json;

use super::admit::{answer, request_text, seal_to};
use super::folder::Assembly;
use super::request::Request;
use crate::base::limit::EPOCH_SHARES;
use crate::cli::community::bundle::read_bundle;
use crate::cli::community::options::Options;
use crate::ledger::body::{Epoch, Expulsion, Grant, Person, Service};
use crate::ledger::kind::Kind;
use crate::ledger::text::fingerprint;
use crate::ledger::{Body, Member, MemberState, RecordId};
use crate::platform::vault::Secrets;

/// `tequio community expel`
pub(super) fn expel(options: &Options) -> Result<String, String> {
    let mut assembly = open(options)?;
    let member = find(&assembly, options.required("member")?)?.member;
    let (epoch, heads) = rotate_without(&mut assembly, &[member.key])?;
    assembly.save()?;
    if options.has("json") {
        let answer = json!({
            "expelled": member.name, "fingerprint": fingerprint(&member.key), "epoch": epoch, "heads": heads,
        });
        return Ok(format!("{answer:#}\n"));
    }
    Ok(format!(
        "{} ({}) is expelled, epoch {epoch} has new secrets. What it had written as far as this folder knows \
         counts, nothing else.\nCarry the records to the nodes: each that hears one of them knows it.\n",
        member.name,
        fingerprint(&member.key)
    ))
}

/// `tequio community rotate`
pub(super) fn rotate(options: &Options) -> Result<String, String> {
    let mut assembly = open(options)?;
    let (epoch, _) = rotate_without(&mut assembly, &[])?;
    assembly.save()?;
    if options.has("json") {
        return Ok(format!("{:#}\n", json!({ "epoch": epoch })));
    }
    Ok(format!("epoch {epoch}: all members have a share of new secrets. Carry the records to the nodes.\n"))
}

/// `tequio community replace`
pub(super) fn replace(options: &Options) -> Result<String, String> {
    let mut assembly = open(options)?;
    let old = find(&assembly, options.required("member")?)?.member;
    let request = Request::parse(&request_text(options)?)?;
    if request.key == old.key {
        return Err("the request is of the old box itself: a new one has keys of its own".to_owned());
    }
    if assembly.ledger.members().any(|state| state.member.key == request.key) {
        return Err("the request is of a node that is a member already".to_owned());
    }
    let member = Member {
        key: request.key,
        dh: request.dh,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: Some(old.key),
        ..old.clone()
    };
    // The new one first, so that the new secrets are sealed to it too.
    assembly.write(Body::Member(Box::new(member.clone())))?;
    rotate_without(&mut assembly, &[old.key])?;
    for body in moved(&assembly, &old.key, member.key) {
        assembly.write(body)?;
    }
    assembly.save()?;
    let numbers = assembly.ledger.members().count().saturating_sub(1);
    Ok(answer(options, &member, true, numbers))
}

/// Persons and services of the old box, at the new one.
fn moved(assembly: &Assembly, old: &[u8; 32], new: [u8; 32]) -> Vec<Body> {
    let persons = assembly.ledger.persons().filter(|(_, person)| person.home == *old);
    let mut bodies: Vec<Body> = Vec::new();
    for (id, person) in persons {
        bodies.push(Body::Person(Box::new(Person { home: new, replaces: vec![id], ..person.clone() })));
    }
    for (id, service) in assembly.ledger.services().into_iter().filter(|(_, service)| service.node == *old) {
        bodies.push(Body::Service(Box::new(Service { node: new, replaces: vec![id], ..service.clone() })));
    }
    bodies
}

/// The folder, and what a node's records say more than it: what a member wrote counts as far as it is known.
pub(super) fn open(options: &Options) -> Result<Assembly, String> {
    let mut assembly = Assembly::open(&options.path("dir")?)?;
    for file in options.all("bundle") {
        let (_, records) = read_bundle(file.as_ref(), [0; 32])?;
        assembly.take(records).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(assembly)
}

/// A member by its name or fingerprint.
pub(super) fn find(assembly: &Assembly, word: &str) -> Result<MemberState, String> {
    let is_meant = |state: &&MemberState| {
        state.member.name == word || fingerprint(&state.member.key) == word.to_uppercase()
    };
    let found: Vec<&MemberState> = assembly.ledger.members().filter(is_meant).collect();
    match found[..] {
        [one] => Ok(one.clone()),
        [] => Err(format!("no member has the name or fingerprint `{word}`: see `tequio community check`")),
        _ => Err(format!("{} members have the name `{word}`: say which by its fingerprint", found.len())),
    }
}

/// A new epoch whose secrets everybody gets but these; its number, and how many last records count of them.
fn rotate_without(assembly: &mut Assembly, keys: &[[u8; 32]]) -> Result<(u32, usize), String> {
    let (follows, before) = assembly.ledger.current_epoch().ok_or("the community has no epoch")?;
    let number = before.checked_add(1).ok_or("the numbers of epochs are used up")?;
    let secrets = Secrets::random().map_err(|error| error.to_string())?;
    let members: Vec<Member> = assembly
        .ledger
        .members()
        .map(|state| state.member.clone())
        .filter(|member| !keys.contains(&member.key))
        .collect();
    let community = assembly.ledger.community().ok_or("there is no community")?;
    let (first, rest) = members.split_at(members.len().min(EPOCH_SHARES));
    let seal = |member: &Member, kind| seal_to(&community, member, kind, number, &secrets);
    let shares = first.iter().map(|member| seal(member, Kind::Epoch)).collect::<Result<Vec<_>, String>>()?;
    let expels: Vec<Expulsion> =
        keys.iter().map(|key| Expulsion { member: *key, heads: assembly.ledger.heads(key) }).collect();
    let heads = expels.iter().map(|expulsion| expulsion.heads.len()).sum();
    let further = rest.iter().map(|member| seal(member, Kind::Grant)).collect::<Result<Vec<_>, String>>()?;
    let id =
        assembly.write(Body::Epoch(Box::new(Epoch { number, follows: Some(follows), shares, expels })))?;
    for share in further {
        assembly.write(Body::Grant(Box::new(Grant { epoch: id, number, share })))?;
    }
    assembly.keep_secrets(id, secrets)?;
    current(assembly, id)?;
    Ok((number, heads))
}

fn current(assembly: &Assembly, id: RecordId) -> Result<(), String> {
    match assembly.ledger.current_epoch() {
        Some((current, _)) if current == id => Ok(()),
        _ => Err("the new epoch does not count".to_owned()),
    }
}
