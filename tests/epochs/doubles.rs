//! Two of what there should be one of: a backup that was put back, an image on a second box, a number given twice, an
//! epoch made on both sides of a split. Each is seen, named, and settled by rule.

use tequio::ledger::{Ledger, Role, Roles};

use super::*;

/// A line of five of which the middle and the last one sell, and the second one keeps the money.
fn shops() -> (Mesh, Assembly) {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3, 4]);
    let seller = Roles::NONE.with(Role::Seller);
    let mut records = vec![assembly.plan()];
    for (seat, roles) in [(1, Roles::NONE.with(Role::Treasurer)), (2, seller), (4, seller)] {
        records.push(assembly.admit_as(&mesh, seat, roles));
    }
    mesh.seats.iter_mut().for_each(|seat| seat.journal.extend_from_slice(&records));
    (0..5).for_each(|seat| mesh.on(seat));
    mesh.until("the mesh", Span::from_secs(5), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(30));
    (mesh, assembly)
}

fn ledger(mesh: &Mesh, seat: usize) -> &Ledger {
    mesh.seats[seat].node.as_ref().expect("it is on").ledger()
}

/// How many lots of a seller each node knows; a sale makes one.
fn lots(mesh: &Mesh, seller: usize) -> Vec<usize> {
    let key = mesh.seats[seller].key;
    let of = |seat: usize| {
        let records = ledger(mesh, seat).records();
        records.filter(|record| record.author == key && record.kind == Kind::Issue).count()
    };
    (0..mesh.seats.len()).map(of).collect()
}

/// What the nodes tell under this code.
fn told(mesh: &mut Mesh, code: &str) -> Vec<Option<String>> {
    let told = |seat| mesh.alerts(seat).into_iter().find(|(is, _)| is == code).map(|(_, text)| text);
    (0..5).map(told).collect()
}

#[test]
fn a_backup_that_hears_the_others_goes_on_where_it_was() {
    let (mut mesh, _) = shops();
    let backup = mesh.seats[2].journal.clone();
    mesh.sell(2);
    mesh.off(2);
    mesh.pass(Span::from_secs(5));
    mesh.seats[2].journal = backup;
    mesh.on(2);
    mesh.until("what it had sold", Span::from_secs(10), |mesh| lots(mesh, 2) == [1; 5]);
    mesh.sell(2);
    mesh.pass(Span::from_secs(4_000));
    assert_eq!(lots(&mesh, 2), [2; 5]);
    assert_eq!(told(&mut mesh, "branched"), [const { None }; 5]);
}

#[test]
fn a_backup_that_sells_alone_is_named_everywhere_until_the_books_are_closed() {
    let (mut mesh, _) = shops();
    let backup = mesh.seats[2].journal.clone();
    mesh.sell(2);
    [1, 2, 3].into_iter().for_each(|seat| mesh.off(seat));
    mesh.seats[2].journal = backup;
    mesh.on(2);
    mesh.pass(Span::from_secs(20));
    mesh.sell(2);
    [1, 3].into_iter().for_each(|seat| mesh.on(seat));
    mesh.until("both", Span::from_secs(60), |mesh| lots(mesh, 2) == [2; 5]);
    mesh.sell(2);
    mesh.pass(Span::from_secs(3_700));
    assert_eq!(lots(&mesh, 2), [3; 5], "nothing is lost of either");
    for text in told(&mut mesh, "branched") {
        let text = text.expect("each node tells");
        assert!(text.starts_with("The records of nodo-2 (") && text.contains("an old backup"), "{text}");
    }
    // The treasurer's books have both; two closes later nobody needs to look at it.
    for month in ["2026-11", "2026-12"] {
        let answer = mesh.ask_long(1, Call::BooksClose(month.to_owned()));
        assert!(matches!(answer, Answer::Closed(_)), "{answer:?}");
    }
    mesh.until("quiet", Span::from_secs(3_700), |mesh| told(mesh, "branched") == [const { None }; 5]);
}

#[test]
fn of_two_with_one_number_the_higher_key_stops_selling_until_it_is_admitted_again() {
    let (mut mesh, mut assembly) = shops();
    mesh.sell(4);
    let seller = Roles::NONE.with(Role::Seller);
    // Somebody admits the last one anew, under the number of the middle one.
    let record = assembly.admit_under(&mesh, 4, 3, seller);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(60));
    let mut is_told = [false; 5];
    is_told[4] = true;
    let tells = |mesh: &mut Mesh| told(mesh, "number-taken").iter().map(Option::is_some).collect::<Vec<_>>();
    assert_eq!(tells(&mut mesh), is_told, "its people must act");
    match mesh.try_to_sell(4) {
        Answer::Refused { message, .. } => assert!(message.contains("number"), "{message}"),
        other => panic!("{other:?}"),
    }
    mesh.sell(2);
    assert_eq!(lots(&mesh, 4), [1; 5], "what it sold before stays good");
    let record = assembly.admit_under(&mesh, 4, 6, seller);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(60));
    assert_eq!(tells(&mut mesh), [false; 5]);
    mesh.sell(4);
    mesh.pass(Span::from_secs(10));
    assert_eq!((lots(&mesh, 2), lots(&mesh, 4)), (vec![1; 5], vec![2; 5]));
}

#[test]
fn an_image_on_a_second_box_is_a_stranger_until_it_is_admitted() {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3]);
    let seller = Roles::NONE.with(Role::Seller);
    let records =
        [assembly.plan(), assembly.admit_as(&mesh, 2, seller), assembly.rotate(&mesh, &[0, 1, 2, 3], &[])];
    (0..4).for_each(|seat| mesh.seats[seat].journal.extend_from_slice(&records));
    (0..4).for_each(|seat| mesh.on(seat));
    mesh.pass(Span::from_secs(30));
    mesh.sell(2);
    // The whole flash of the seller, in a box whose board made keys of its own (`a_copied_image_is_another_node`).
    mesh.seats[4].journal = mesh.seats[2].journal.clone();
    mesh.seats[4].settings.name = mesh.seats[2].settings.name.clone();
    mesh.on(4);
    mesh.pass(Span::from_secs(120));
    assert!(matches!(mesh.try_to_sell(4), Answer::Refused { .. }), "it sells nothing");
    assert!(!mesh.is_reached(4, &[0, 1, 2, 3]), "and has no way to anybody");
    let Answer::Sync(exchange) = mesh.ask(3, Call::Sync) else { panic!("another answer") };
    let why: Vec<&str> = exchange.refused.iter().map(|(_, _, why, _)| why.as_str()).collect();
    assert!(why.contains(&"stranger"), "its neighbour tells of it: {why:?}");
    assert_eq!(lots(&mesh, 2), [1; 5], "the seller goes on");
    // It is no copy for long: an officer makes it a node of its own, with a number of its own.
    let admission = [assembly.admit_as(&mesh, 4, seller), assembly.rotate(&mesh, &[0, 1, 2, 3, 4], &[])];
    mesh.carry(4, &admission);
    mesh.until("the new member", Span::from_secs(30), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(60));
    mesh.sell(4);
    mesh.pass(Span::from_secs(10));
    assert_eq!((lots(&mesh, 2), lots(&mesh, 4)), (vec![1; 5], vec![1; 5]));
}

#[test]
fn of_two_epochs_with_one_number_all_take_the_same() {
    let (mut mesh, mut west) = line(AuthMode::Community);
    let mut east = west.apart();
    mesh.off(2);
    // The same members on both sides: nobody is expelled, and nothing is tainted.
    let news = [west.rotate(&mesh, &[0, 1, 2, 3, 4], &[]), east.rotate(&mesh, &[0, 1, 2, 3, 4], &[])];
    for (seat, record) in [1, 3].into_iter().zip(news) {
        mesh.carry(seat, &[record]);
    }
    mesh.pass(Span::from_secs(100));
    let epoch = |mesh: &Mesh, seat| ledger(mesh, seat).current_epoch();
    assert_ne!(epoch(&mesh, 0), epoch(&mesh, 4), "two with the number 2");
    mesh.on(2);
    mesh.until("the mesh, whole again", Span::from_secs(20), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(100));
    assert!(mesh.reach(&[0, 1, 2, 3, 4]));
    let least = [west.epoch(), east.epoch()].into_iter().min();
    for seat in 0..5 {
        assert_eq!(epoch(&mesh, seat), least, "the lower id of one number, at {seat}");
    }
    // The next one follows the winner.
    west.take(&mesh.seats[2].journal);
    let record = west.rotate(&mesh, &[0, 1, 2, 3, 4], &[]);
    mesh.carry(1, &[record]);
    mesh.until("the next", Span::from_secs(60), |mesh| epochs(mesh, &[0, 1, 2, 3, 4]) == [Some(3); 5]);
}
