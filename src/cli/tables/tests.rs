use super::*;
use serde_json::json;

#[test]
fn status_tells_the_node_and_what_to_look_at() {
    let mut reply = json!({
        "node": "cerro", "version": "0.1.0", "uptime_s": 11_530, "router_id": "02:00:00:ff:fe:00:00:01",
        "community": "San Tequio", "members": 19, "epoch": 3, "records": 1_204,
        "uplink": {"state": "up", "via": "mesh0", "metric": 256, "gateway": "cabecera", "hops": 3, "delay_ms": 38,
            "since_s": 7_200},
        "neighbours": 3, "routes": 24, "sessions": 12, "time": {"unix_s": 1_795_199_788, "quality": "mesh"},
        "policies": [{"name": "Escuela", "up_bytes": 12_345, "down_bytes": 5_000_000_000_u64}], "names_answered": 19,
        "alerts": [
            {"code": "link-plan", "message": "the link to `escuela` is 9 dB below its plan"},
            {"code": "no-seller", "message": "no seller has logged in for 30 days"},
        ],
    });
    insta::assert_snapshot!(show("status", &reply, false), @r"
    node         cerro, tequio 0.1.0
    running for  3 h 12 min
    router-id    02:00:00:ff:fe:00:00:01
    community    San Tequio, 19 members, 1204 records
    signs with   the secrets of epoch 3
    uplink       up through mesh0 to cabecera, metric 256, 3 hops, 38 ms, for 2 h
    neighbours   3
    routes       24
    sessions     12
    policy       Escuela: 5.0 GB down, 12.3 kB up
    offline      19 names answered
    time         2026-11-20 18:36:28 UTC (mesh)
    alerts       the link to `escuela` is 9 dB below its plan
                 no seller has logged in for 30 days
    ");
    reply["alerts"] = json!([]);
    reply["community"] = Value::Null;
    reply["epoch"] = Value::Null;
    reply["uplink"] = json!({"state": "down", "via": null, "metric": null, "since_s": 90});
    insta::assert_snapshot!(show("status", &reply, false), @r"
    node         cerro, tequio 0.1.0
    running for  3 h 12 min
    router-id    02:00:00:ff:fe:00:00:01
    community    none: make one with `tequio community create`
    signs with   no secrets of a community
    uplink       down, for 1 min 30 s
    neighbours   3
    routes       24
    sessions     12
    policy       Escuela: 5.0 GB down, 12.3 kB up
    offline      19 names answered
    time         2026-11-20 18:36:28 UTC (mesh)
    alerts       none
    ");
}

#[test]
fn neighbours_show_what_was_heard_and_why_one_is_not_used() {
    let reply = json!({"neighbours": [
        {"interface": "mesh0", "address": "fe80::1", "hello_history": "1111111111111111",
         "rxcost": 96, "txcost": 96, "cost": 96, "reason": null},
        {"interface": "mesh1", "address": "fe80::fad1:11ff:fe30:2", "hello_history": "0000111101111111",
         "rxcost": 512, "txcost": null, "cost": null, "reason": "it does not hear us"},
    ]});
    insta::assert_snapshot!(show("neighbours", &reply, false), @r"
    INTERFACE  ADDRESS                 HELLOS            RXCOST  TXCOST      COST  REMARK
    mesh0      fe80::1                 1111111111111111      96      96        96
    mesh1      fe80::fad1:11ff:fe30:2  0000111101111111     512       -  infinite  it does not hear us
    ");
    assert_eq!(show("neighbours", &json!({"neighbours": []}), true), "no neighbour is heard\n");
}

#[test]
fn routes_mark_the_chosen_and_the_forbidden() {
    let route = |prefix: &str, via: Value, metric: Value, selected: bool, feasible: bool| {
        json!({"prefix": prefix, "via": via, "interface": "mesh0", "router_id": "02:00:00:ff:fe:00:00:02",
               "metric": metric, "refmetric": 0, "seqno": 41, "selected": selected, "feasible": feasible,
               "age_s": 75})
    };
    let mut reply = json!({"offset": 0, "total": 5, "routes": [
        route("10.64.1.0/24", json!("fe80::1"), json!(96), true, true),
        route("10.64.1.0/24", json!("fe80::2"), json!(352), false, true),
        route("::/0", json!("fe80::2"), Value::Null, false, false),
        route("2001:db8:1::/64", Value::Null, json!(0), true, true),
    ]});
    reply["routes"][3]["source"] = json!("fd00::/8");
    insta::assert_snapshot!(show("routes", &reply, false), @r"
       PREFIX                         VIA      INTERFACE    METRIC  REFMETRIC  SEQNO  ROUTER-ID                       AGE
    *  10.64.1.0/24                   fe80::1  mesh0            96          0     41  02:00:00:ff:fe:00:00:02  1 min 15 s
       10.64.1.0/24                   fe80::2  mesh0           352          0     41  02:00:00:ff:fe:00:00:02  1 min 15 s
    !  ::/0                           fe80::2  mesh0      infinite          0     41  02:00:00:ff:fe:00:00:02  1 min 15 s
    *  2001:db8:1::/64 from fd00::/8  -        mesh0             0          0     41  02:00:00:ff:fe:00:00:02  1 min 15 s
    1 to 4 of 5
    ");
}

#[test]
fn sources_requests_and_statistics_are_tables() {
    let router = "02:00:00:ff:fe:00:00:02";
    let reply = json!({"offset": 0, "total": 2, "sources": [
        {"prefix": "10.64.1.0/24", "source": null, "router_id": router, "seqno": 41, "metric": 96, "left_s": 170},
        {"prefix": "2001:db8:1::/64", "source": "fd00::/8", "router_id": router, "seqno": 41, "metric": 0, "left_s": 9},
    ]});
    insta::assert_snapshot!(show("sources", &reply, false), @r"
    PREFIX                         ROUTER-ID                SEQNO  METRIC  FORGOTTEN IN
    10.64.1.0/24                   02:00:00:ff:fe:00:00:02     41      96    2 min 50 s
    2001:db8:1::/64 from fd00::/8  02:00:00:ff:fe:00:00:02     41       0           9 s
    ");
    let reply = json!({"offset": 0, "total": 2, "requests": [
        {"prefix": "10.64.1.0/24", "source": null, "router_id": router, "seqno": 42, "hop_count": 64,
         "to": null, "interface": "", "forwarded": false, "times": 3, "left_ms": 2_000},
        {"prefix": "2001:db8:1::/64", "source": "fd00::/8", "router_id": router, "seqno": 7, "hop_count": 5,
         "to": "fe80::2", "interface": "mesh0", "forwarded": true, "times": 1, "left_ms": 900},
    ]});
    insta::assert_snapshot!(show("requests", &reply, false), @r"
    PREFIX                         ROUTER-ID                SEQNO  ASKED    INTERFACE  HOPS  AGAIN     IN  REMARK
    10.64.1.0/24                   02:00:00:ff:fe:00:00:02     42  all      -            64      3  2.0 s
    2001:db8:1::/64 from fd00::/8  02:00:00:ff:fe:00:00:02      7  fe80::2  mesh0         5      1  0.9 s  for a neighbour
    ");
    let reply = json!({"offset": 0, "total": 3, "statistics": [
        {"interface": "mesh0", "neighbour": null, "received_packets": 1_200, "received_tlvs": 5_000,
         "sent_packets": 600, "sent_tlvs": 2_000, "dropped": {"truncated": 3, "wrong_port": 12}},
        {"interface": "mesh0", "neighbour": "fe80::2", "received_packets": 1_100, "received_tlvs": 4_800,
         "sent_packets": null, "sent_tlvs": null, "dropped": {"truncated": 3}},
    ]});
    insta::assert_snapshot!(show("statistics", &reply, false), @r"
    INTERFACE  NEIGHBOUR  RECEIVED  TLVS  SENT  TLVS  DROPPED
    mesh0      all            1200  5000   600  2000  3 truncated, 12 wrong_port
    mesh0      fe80::2        1100  4800     -     -  3 truncated
    1 to 2 of 3
    ");
    for (method, nothing) in [
        ("sources", "nothing was announced lately\n"),
        ("requests", "nothing is waited for\n"),
        ("statistics", "Babel speaks nowhere\n"),
    ] {
        assert_eq!(show(method, &json!({method: []}), false), nothing);
    }
}

#[test]
fn why_says_it_in_words_and_lists_the_ways() {
    let reply = json!({
        "destination": "8.8.8.8", "prefix": "0.0.0.0/0",
        "text": "8.8.8.8 goes to fe80::1 on mesh0: of 2 ways to 0.0.0.0/0 it is the cheapest.",
        "candidates": [
            {"via": "fe80::1", "interface": "mesh0", "metric": 96, "selected": true, "reason": "cheapest"},
            {"via": "fe80::2", "interface": "mesh1", "metric": 352, "selected": false, "reason": "256 more"},
        ],
    });
    insta::assert_snapshot!(show("why", &reply, false), @r"
    8.8.8.8 goes to fe80::1 on mesh0: of 2 ways to 0.0.0.0/0 it is the cheapest.

       VIA      INTERFACE  METRIC  WHY
    *  fe80::1  mesh0          96  cheapest
       fe80::2  mesh1         352  256 more
    ");
    let reply =
        json!({"destination": "8.8.8.8", "prefix": null, "text": "no route leads there", "candidates": []});
    assert_eq!(show("why", &reply, false), "no route leads there\n");
}

#[test]
fn links_and_plans_are_tables() {
    let reply = json!({"links": [
        {"device": "mesh0", "kind": "wireless", "up": true, "neighbours": 1, "hello_interval_ms": 1_000, "cost": 110, "auth": "strict"},
        {"device": "eth1", "kind": "wired", "up": false, "neighbours": 0, "hello_interval_ms": 4_000, "cost": null, "auth": "off"},
    ]});
    insta::assert_snapshot!(show("links", &reply, false), @r"
    DEVICE  KIND      UP   NEIGHBOURS  HELLO EVERY      COST  AUTH
    mesh0   wireless  yes           1        1.0 s       110  strict
    eth1    wired     no            0        4.0 s  infinite  off
    ");
    let reply = json!({"plans": [
        {"id": "hora", "name": "Una hora", "price_cents": 50, "currency": "USD", "minor_units": 2,
         "used_s": 3_600, "days": null, "devices": 1},
        {"id": "mes", "name": "Un mes", "price_cents": 1_000, "currency": "USD", "minor_units": 2,
         "used_s": null, "days": 30, "devices": 3},
    ]});
    insta::assert_snapshot!(show("plans", &reply, false), @r"
    PLAN  NAME          PRICE  GIVES                       DEVICES
    hora  Una hora   0.50 USD  1 h of use                        1
    mes   Un mes    10.00 USD  30 days from the first use        3
    ");
}

#[test]
fn the_exchange_shows_its_peers_and_who_was_turned_away() {
    let reply = json!({"peers": [
        {"member": "0A0T4E70J6GY", "name": "plaza", "interface": "mesh0", "address": "fe80::1", "since_s": 3_700,
         "sent": 12, "received": 7, "compared_s": 40, "to_send": 0, "unread": 0, "even": true},
        {"member": null, "name": null, "interface": "eth1", "address": "fe80::2", "since_s": 2, "sent": 0,
         "received": 0, "compared_s": null, "to_send": 0, "unread": 0, "even": false},
    ], "refused": [{"interface": "mesh0", "address": "fe80::9", "why": "stranger", "ago_s": 65}], "counters": {}});
    insta::assert_snapshot!(show("sync", &reply, false), @r"
    MEMBER        NAME   DEVICE  ADDRESS        FOR  SENT  RECEIVED  COMPARED  EVEN
    0A0T4E70J6GY  plaza  mesh0   fe80::1  1 h 1 min    12         7      40 s  yes
    -             -      eth1    fe80::2        2 s     0         0         -  no
    refused fe80::9 on mesh0: stranger, 1 min 5 s ago
    ");
    assert_eq!(show("sync", &json!({"peers": [], "refused": []}), true), "no neighbour exchanges records\n");
}

#[test]
fn a_sale_shows_the_codes_and_a_voucher_what_is_known() {
    let reply = json!({
        "lot": "00c0ffee00c0ffee", "plan": "hora", "price_cents": 50, "currency": "USD", "minor_units": 2,
        "person": "ana",
        "vouchers": [{"code": "7H3K-9QXW-2MFD", "verifier": "0011223344556677"}],
    });
    insta::assert_snapshot!(show("voucher_issue", &reply, false), @r"
    plan    hora
    price   0.50 USD each
    seller  ana
    lot     00c0ffee00c0ffee

    CODE            VERIFIER
    7H3K-9QXW-2MFD  0011223344556677
    ");
    let reply = json!({"verifier": "0011223344556677", "plan": "hora", "state": "activated", "person": "ana",
                       "used_s": 90, "used_bytes": 12_345, "devices": 2});
    insta::assert_snapshot!(show("voucher_show", &reply, false), @r"
    verifier  0011223344556677
    plan      hora
    state     activated
    sold by   ana
    used      1 min 30 s
    data      12.3 kB
    devices   2
    ");
    assert_eq!(show("voucher_revoke", &reply, false), "voucher 0011223344556677 is revoked\n");
    assert_eq!(show("session_end", &reply, false), "2 devices of voucher 0011223344556677 were let out\n");
}

#[test]
fn sessions_show_what_is_left() {
    let reply = json!({"offset": 0, "total": 1, "sessions": [
        {"client": 7, "verifier": "0011223344556677", "plan": "Una hora",
         "devices": ["02:00:00:00:00:07", "02:00:00:00:00:08"], "remaining_s": 1_800, "used_s": 90,
         "up_bytes": 12_345, "down_bytes": 5_000_000_000_u64},
    ]});
    insta::assert_snapshot!(show("sessions", &reply, false), @r"
    CLIENT  VOUCHER           PLAN        LEFT   USED HERE       UP    DOWN  DEVICES
         7  0011223344556677  Una hora  30 min  1 min 30 s  12.3 kB  5.0 GB  02:00:00:00:00:07 02:00:00:00:00:08
    ");
}

#[test]
fn what_was_done_is_said_in_a_line() {
    assert_eq!(show("reload", &json!({"reloaded": true}), false), "the configuration is in force\n");
    assert_eq!(show("record_start", &json!({"file": "/tmp/x"}), false), "recording to /tmp/x\n");
    assert_eq!(show("record_stop", &json!({"stopped": true}), false), "the recording has ended\n");
    assert_eq!(show("record_stop", &json!({"stopped": false}), false), "nothing was being recorded\n");
}

#[test]
fn a_reply_of_another_shape_is_shown_without_a_panic() {
    for method in crate::platform::ubus::METHODS.iter().map(|method| method.name) {
        for reply in [json!({}), json!([]), json!(null), json!({"neighbours": 5, "routes": [1, "x", null]})] {
            assert!(show(method, &reply, true).ends_with('\n'), "{method}");
        }
    }
}

#[test]
fn links_of_radios_and_bridges_show_what_is_known_of_them() {
    let radio = json!({"quality_percent": 84, "signal_dbm": -63, "snr_db": 32, "throughput_kbit": 41_000,
        "retries_percent": 8, "busy_percent": 21});
    let reply = json!({"links": [
        {"device": "wlan0", "kind": "wireless", "up": true, "neighbours": 1, "hello_interval_ms": 1_000, "cost": 110,
         "auth": "sign", "ways": [{"address": "fe80::1", "alive": true, "since_s": 93_600, "figures": radio}]},
        {"device": "eth1", "kind": "bridge", "up": true, "neighbours": 1, "hello_interval_ms": 1_000, "cost": 290,
         "auth": "sign", "ways": [{"address": "fe80::2", "alive": true, "since_s": null,
            "figures": {"quality_percent": 94, "lost_percent": 6}}]},
    ]});
    insta::assert_snapshot!(show("links", &reply, false), @r"
    DEVICE  KIND      UP   NEIGHBOURS  HELLO EVERY  COST  AUTH
    wlan0   wireless  yes           1        1.0 s   110  sign
    eth1    bridge    yes           1        1.0 s   290  sign

    DEVICE  NEIGHBOUR  ALIVE      FOR  QUALITY %  SIGNAL dBm  SNR dB  KBIT/S  RETRIES %  LOST %  BUSY %
    wlan0   fe80::1    yes    1 d 2 h         84         -63      32   41000          8       -      21
    eth1    fe80::2    yes          -         94           -       -       -          -       6       -
    ");
}

#[test]
fn hours_of_a_plan_and_who_waits_are_said_in_words() {
    let plans = json!({"plans": [{"id": "noche", "name": "La noche", "price_cents": 50, "currency": "MXN",
        "minor_units": 2, "used_s": 3_600, "days": null, "devices": 1, "hours": "22:00-06:00 UTC-06:00", "data_mb": 500}]});
    assert!(show("plans", &plans, false).contains("1 h of use, 500 MB, 22:00-06:00 UTC-06:00"));
    let session = json!({"client": 1, "verifier": "01", "plan": "La noche", "devices": [], "there": true,
        "closed": true, "remaining_s": 60, "remaining_bytes": 1_500_000, "used_s": 0, "up_bytes": 0, "down_bytes": 0});
    let reply = json!({"sessions": [session], "offset": 0, "total": 1, "suspended": 2});
    let text = show("sessions", &reply, false);
    assert!(text.contains("La noche (other hours)") && text.contains("2 phone(s) waited"), "{text}");
    assert!(text.contains("1 min 1.5 MB"), "{text}");
}
