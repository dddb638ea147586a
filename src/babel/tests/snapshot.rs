//! An engine that was written down and read again goes on as if nothing had happened.

use super::bench::Net;
use crate::babel::engine::Engine;
use crate::babel::output::Output;

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened() {
    let mut net = Net::new(4, &[&[0, 1], &[1, 2], &[2, 3], &[3, 0]], 9).start();
    net.lose(0, 200);
    net.run(40_000);
    net.cut(2, true, true);
    net.run(300);
    let mut one = net.nodes[0].engine.clone();
    let bytes = postcard::to_allocvec(&one).unwrap();
    let mut other: Engine = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(one, other);
    let outputs = |engine: &mut Engine| -> Vec<Output> {
        let mut outputs = Vec::new();
        for _ in 0..200 {
            let Some(now) = engine.next_wake() else { break };
            engine.handle_wake(now);
            outputs.extend(std::iter::from_fn(|| engine.poll()));
        }
        outputs
    };
    let said = outputs(&mut one);
    assert!(said.len() > 20);
    assert_eq!(said, outputs(&mut other));
    assert_eq!(one, other);
}
