//! From typed answers to JSON: the replies of `docs/ubus.md`.

use serde_json::Value;

use crate::babel::auth::AuthCounters;
use crate::base::address::Prefix;
use crate::ledger::account::{Figure, NAMES};
use crate::node::call::{
    Aim, Aligned, Answer, Exchange, Link, LookBack, Neighbour, Paged, Peer, Plan, Request, Route, Session,
    Source, Statistics, Status, Way, Why,
};
use crate::node::deed::{Books, Network, PersonBooks, Proposal};
use crate::platform::ubus::error_value;
use crate::platform::ubus::table::json;

/// An answer as the table that goes over the bus.
pub(super) fn to_json(answer: &Answer) -> Value {
    match answer {
        Answer::Status(answer) => status(answer),
        Answer::Neighbours(neighbours) => {
            json!({"neighbours": neighbours.iter().map(neighbour).collect::<Vec<_>>()})
        }
        Answer::Routes(page) => paged("routes", page, route),
        Answer::Why(answer) => why(answer),
        Answer::Sources(page) => paged("sources", page, source),
        Answer::Requests(page) => paged("requests", page, request),
        Answer::Statistics(page) => paged("statistics", page, statistics),
        Answer::Links(links) => json!({"links": links.iter().map(link).collect::<Vec<_>>()}),
        Answer::Sync(exchange) => sync(exchange),
        Answer::Plans(plans) => json!({"plans": plans.iter().map(plan).collect::<Vec<_>>()}),
        Answer::Issued(issued) => json!({
            "lot": format!("{:016x}", issued.lot.0),
            "plan": issued.plan,
            "price_cents": issued.price_cents,
            "person": issued.person,
            "vouchers": issued.vouchers.iter().map(|voucher| json!({
                "code": voucher.code.to_string(),
                "verifier": voucher.verifier.to_string(),
            })).collect::<Vec<_>>(),
            "waits": issued.waits,
        }),
        Answer::Voucher(voucher) => json!({
            "verifier": voucher.verifier.to_string(),
            "plan": voucher.plan,
            "state": voucher.state,
            "person": voucher.person,
            "used_s": voucher.used_s,
            "used_bytes": voucher.used_bytes,
            "devices": voucher.devices,
        }),
        Answer::Revoked { verifier } => json!({"verifier": verifier.to_string(), "state": "revoked"}),
        Answer::SessionEnded { verifier, devices } => {
            json!({"verifier": verifier.to_string(), "devices": devices})
        }
        Answer::LinkRead => json!({"read": true}),
        Answer::LinkChanging => json!({"changing": true}),
        Answer::LookedBack(past) => look_back(past),
        Answer::Aligned(answer) => aligned(answer),
        Answer::RootAccepted(root) => json!({"root": root}),
        Answer::Closed(closed) => json!({"month": closed.month, "rows": closed.rows}),
        Answer::Books(answer) => books(answer),
        Answer::Network(answer) => network(answer),
        Answer::Written(written) => {
            json!({"record": written.record, "kind": written.kind, "waits": written.waits})
        }
        Answer::Sessions(page, suspended) => {
            let mut reply = paged("sessions", page, session);
            reply["suspended"] = Value::from(*suspended);
            reply
        }
        Answer::Refused { code, message } => error_value(code, message),
    }
}

fn paged<T>(name: &str, page: &Paged<T>, entry: impl Fn(&T) -> Value) -> Value {
    let entries: Vec<Value> = page.entries.iter().map(entry).collect();
    json!({name: entries, "offset": page.offset, "total": page.total})
}

fn books(books: &Books) -> Value {
    let figures = |mut row: Value, figures: &[i64]| {
        for (at, (name, figure)) in NAMES.iter().zip(figures).enumerate() {
            let unit = if at >= Figure::Taken as usize { "_cents" } else { "" };
            row[format!("{name}{unit}")] = Value::from(*figure);
        }
        row
    };
    let person = |person: &PersonBooks| {
        let row = json!({
            "person": person.person,
            "owed_before_cents": person.owed_before,
            "owed_cents": person.owed,
            "owed_here_cents": person.owed_here,
        });
        figures(row, &person.figures)
    };
    let proposal = |one: &Proposal| {
        json!({
            "record": one.record,
            "kind": one.kind,
            "node": one.node,
            "person": one.person,
            // Of vouchers it is how many.
            "amount": one.amount,
            "text": one.text,
            "may_agree": one.may_agree,
        })
    };
    json!({
        "month": books.month,
        "currency": books.currency,
        "minor_units": books.minor_units,
        "closed": books.closed,
        "cash_before_cents": books.cash_before,
        "cash_cents": books.cash,
        "float_left_cents": books.float_left,
        "people": books.people.iter().map(person).collect::<Vec<_>>(),
        "plans": books.plans.iter().map(|(plan, sums)| figures(json!({"plan": plan}), sums)).collect::<Vec<_>>(),
        "waiting": books.waiting.iter().map(proposal).collect::<Vec<_>>(),
        "may": books.may,
    })
}

fn network(network: &Network) -> Value {
    json!({
        "mode": network.mode,
        "reason": network.reason,
        "signed_by": network.signed_by,
        "ends_s": network.ends_s,
        "services": network.services.iter().map(|service| json!({
            "name": service.name,
            "title": service.title,
            "node": service.node,
            "prefixes": service.prefixes,
            "free": service.free,
            "answers": service.answers,
            "icon": service.icon,
            "port": service.port,
        })).collect::<Vec<_>>(),
        "notices": network.notices.iter().map(|(name, text)| json!({"name": name, "text": text})).collect::<Vec<_>>(),
        "persons": network.persons.iter().map(|(name, role, node)| json!({
            "person": name, "role": role, "node": node,
        })).collect::<Vec<_>>(),
    })
}

fn neighbour(neighbour: &Neighbour) -> Value {
    json!({
        "interface": neighbour.interface,
        "address": neighbour.address.to_string(),
        "hello_history": neighbour.hello_history,
        "rxcost": neighbour.rxcost,
        "txcost": neighbour.txcost,
        "cost": neighbour.cost,
        "round_trip_us": neighbour.round_trip_us,
        "reason": neighbour.reason,
        "authenticated": neighbour.authenticated,
        "refused": refused(&neighbour.refused),
    })
}

fn sync(exchange: &Exchange) -> Value {
    let peer = |peer: &Peer| {
        json!({
            "member": peer.member,
            "name": peer.name,
            "interface": peer.interface,
            "address": peer.address.to_string(),
            "since_s": peer.since_s,
            "sent": peer.sent,
            "received": peer.received,
            "compared_s": peer.compared_s,
            "to_send": peer.to_send,
            "unread": peer.unread,
            "even": peer.even,
        })
    };
    let refused = exchange.refused.iter().map(|(interface, address, why, ago_s)| {
        json!({"interface": interface, "address": address.to_string(), "why": why, "ago_s": ago_s})
    });
    json!({
        "peers": exchange.peers.iter().map(peer).collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "counters": exchange.counters.iter().cloned().collect::<Value>(),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "device": link.device,
        "kind": link.kind,
        "up": link.up,
        "neighbours": link.neighbours,
        "hello_interval_ms": link.hello_interval_ms,
        "cost": link.cost,
        "auth": link.auth,
        "refused": refused(&link.refused),
        "ways": link.ways.iter().map(way).collect::<Vec<_>>(),
        "change": stage(&link.change),
        "change_ended": link.change_ended,
        "radar": stage(&link.radar),
    })
}

fn look_back(past: &LookBack) -> Value {
    json!({
        "device": past.device,
        "address": past.address.to_string(),
        "step_s": past.step_s,
        "ended_s": past.ended_s,
        "planned": past.planned.iter().cloned().collect::<Value>(),
        "columns": past.columns.iter().cloned().collect::<Value>(),
    })
}

fn aligned(answer: &Aligned) -> Value {
    let station = |aim: &Aim| {
        json!({
            "mac": aim.mac.to_string(),
            "name": Some(&aim.name).filter(|name| !name.is_empty()),
            "address": aim.address.map(|address| address.to_string()),
            "figures": aim.figures.iter().cloned().collect::<Value>(),
        })
    };
    json!({
        "device": answer.device,
        "left_s": answer.left_s,
        "planned": answer.planned.iter().cloned().collect::<Value>(),
        "stations": answer.stations.iter().map(station).collect::<Vec<_>>(),
    })
}

/// How far something is, and how many seconds are left for that.
fn stage(stage: &Option<(String, u64)>) -> Value {
    stage.as_ref().map_or(Value::Null, |(stage, left_s)| json!({"stage": stage, "left_s": *left_s}))
}

fn way(way: &Way) -> Value {
    json!({
        "address": way.address.to_string(),
        "alive": way.alive,
        "since_s": way.since_s,
        "figures": way.figures.iter().cloned().collect::<Value>(),
    })
}

fn refused(counts: &AuthCounters) -> Value {
    counts.named().into_iter().collect()
}

fn source(source: &Source) -> Value {
    json!({
        "prefix": source.prefix.destination().to_string(),
        "source": source.prefix.source().map(|source| source.to_string()),
        "router_id": source.router_id,
        "seqno": source.seqno,
        "metric": source.metric,
        "left_s": source.left_s,
    })
}

fn request(request: &Request) -> Value {
    json!({
        "prefix": request.prefix.destination().to_string(),
        "source": request.prefix.source().map(|source| source.to_string()),
        "router_id": request.router_id,
        "seqno": request.seqno,
        "hop_count": request.hop_count,
        "to": request.to.map(|to| to.to_string()),
        "interface": request.interface,
        "forwarded": request.forwarded,
        "times": request.times,
        "left_ms": request.left_ms,
    })
}

fn statistics(row: &Statistics) -> Value {
    json!({
        "interface": row.interface,
        "neighbour": row.neighbour.map(|neighbour| neighbour.to_string()),
        "received_packets": row.received_packets,
        "received_tlvs": row.received_tlvs,
        "sent_packets": row.sent_packets,
        "sent_tlvs": row.sent_tlvs,
        "dropped": row.dropped.iter().cloned().collect::<Value>(),
    })
}

fn route(route: &Route) -> Value {
    json!({
        "prefix": route.prefix.destination().to_string(),
        "source": route.prefix.source().map(|source| source.to_string()),
        "via": route.via.map(|via| via.to_string()),
        "interface": route.interface,
        "router_id": route.router_id,
        "metric": route.metric,
        "refmetric": route.refmetric,
        "seqno": route.seqno,
        "selected": route.selected,
        "feasible": route.feasible,
        "age_s": route.age_s,
    })
}

fn plan(plan: &Plan) -> Value {
    json!({
        "id": plan.id,
        "name": plan.name,
        "price_cents": plan.price_cents,
        "currency": plan.currency,
        "minor_units": plan.minor_units,
        "used_s": plan.used_s,
        "days": plan.days,
        "devices": plan.devices,
        "hours": plan.hours,
        "data_mb": plan.data_mb,
        "sellers": plan.sellers.iter().cloned().collect::<Value>(),
        "sold_here": plan.sold_here,
    })
}

fn session(session: &Session) -> Value {
    json!({
        "client": session.client,
        "verifier": session.verifier.to_string(),
        "plan": session.plan,
        "devices": session.devices.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "there": session.there,
        "closed": session.closed,
        "remaining_s": session.remaining_s,
        "remaining_bytes": session.remaining_bytes,
        "used_s": session.used_s,
        "up_bytes": session.up_bytes,
        "down_bytes": session.down_bytes,
    })
}

fn status(status: &Status) -> Value {
    json!({
        "node": status.node,
        "version": status.version,
        "uptime_s": status.uptime_s,
        "router_id": status.router_id,
        "community": status.community,
        "members": status.members,
        "epoch": status.epoch,
        "uplink": json!({
            "state": status.uplink.state,
            "via": status.uplink.via,
            "metric": status.uplink.metric,
            "gateway": status.uplink.gateway,
            "hops": status.uplink.hops,
            "delay_ms": status.uplink.delay_ms,
            "since_s": status.uplink.since_s,
        }),
        "neighbours": status.neighbours,
        "routes": status.routes,
        "sessions": status.sessions,
        "policies": status.policies.iter().map(|(name, up_bytes, down_bytes)| json!({
            "name": name,
            "up_bytes": up_bytes,
            "down_bytes": down_bytes,
        })).collect::<Vec<_>>(),
        "names_answered": status.names_answered,
        "records": status.records,
        "time": json!({
            "unix_s": status.unix_s,
            "quality": status.time_quality,
            "confirmed": status.time_confirmed,
        }),
        "alerts": status.alerts.iter().map(|alert| json!({
            "code": alert.code,
            "message": alert.message,
            "about": alert.about.iter().cloned().collect::<Value>(),
        })).collect::<Vec<_>>(),
    })
}

/// An address as such, although it is kept as a prefix.
fn name_of(prefix: Prefix) -> String {
    if prefix == Prefix::host(prefix.address()) { prefix.address().to_string() } else { prefix.to_string() }
}

fn why(why: &Why) -> Value {
    json!({
        "destination": name_of(why.destination),
        "prefix": why.prefix.map(|prefix| prefix.destination().to_string()),
        "source": why.prefix.and_then(|prefix| prefix.source()).map(|source| source.to_string()),
        "text": why.text,
        "candidates": why.candidates.iter().map(|candidate| json!({
            "source": candidate.source.map(|source| source.to_string()),
            "via": candidate.via.map(|via| via.to_string()),
            "interface": candidate.interface,
            "metric": candidate.metric,
            "selected": candidate.selected,
            "reason": candidate.reason,
        })).collect::<Vec<_>>(),
    })
}
