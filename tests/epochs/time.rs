//! The time between whole nodes without a clock of their own.

use tequio::base::time::{TimeQuality, WallTime};
use tequio::ledger::{Role, Roles};
use tequio::node::input::Input;

use super::*;

const NOON: u64 = 1_800_000_000;

/// A line of five; the first three may say what time it is. How many seconds the server of each is ahead of noon; none:
/// it has no server.
struct Clocks {
    mesh: Mesh,
    ahead: [Option<u64>; 5],
}

impl Clocks {
    fn new(ahead: [Option<u64>; 3]) -> Self {
        let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
        let mut assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3, 4]);
        let roles: Vec<Vec<u8>> =
            (0..3).map(|seat| assembly.admit_as(&mesh, seat, Roles::NONE.with(Role::Clock))).collect();
        mesh.seats.iter_mut().for_each(|seat| seat.journal.extend_from_slice(&roles));
        let [a, b, c] = ahead;
        let mut clocks = Self { mesh, ahead: [a, b, c, None, None] };
        (0..5).for_each(|seat| clocks.boot(seat));
        clocks.pass(60);
        clocks
    }

    /// A node is switched off and on.
    fn boot(&mut self, seat: usize) {
        self.mesh.off(seat);
        self.mesh.on(seat);
        self.tell(seat);
    }

    /// A daemon reads its kernel's clock.
    fn tell(&mut self, seat: usize) {
        let since_s = self.mesh.now.as_millis() / 1_000;
        let told = match self.ahead[seat] {
            Some(ahead) => WallTime { unix_s: NOON + ahead + since_s, quality: TimeQuality::Trusted },
            None => WallTime { unix_s: since_s, quality: TimeQuality::Stale },
        };
        self.mesh.step(seat, Input::Clock(told));
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.mesh.pass(Span::from_secs(10));
            (0..5).for_each(|seat| self.tell(seat));
        }
    }

    /// How far ahead of noon a node is, the quality of its time, and whether it is confirmed.
    fn held(&mut self, seat: usize) -> (u64, String, bool) {
        let noon = NOON + self.mesh.now.as_millis() / 1_000;
        let status = self.mesh.status(seat);
        (status.unix_s.saturating_sub(noon), status.time_quality, status.time_confirmed)
    }

    fn disputes(&mut self, seat: usize) -> usize {
        self.mesh.alerts(seat).iter().filter(|(code, _)| code == "clock-disputed").count()
    }
}

#[test]
fn the_mesh_s_time_is_the_median_of_its_clocks_and_one_or_two_are_not_confirmed() {
    for (ahead, median, confirmed) in [
        ([Some(50), Some(100), Some(90_000)], 100, true),
        ([Some(50), Some(300), None], 50, false),
        ([None, Some(300), None], 300, false),
    ] {
        let mut clocks = Clocks::new(ahead);
        for seat in [3, 4] {
            let (is, quality, is_confirmed) = clocks.held(seat);
            assert!(is.abs_diff(median) <= 2, "{ahead:?}: {is} s ahead at {seat}");
            assert_eq!((quality.as_str(), is_confirmed), ("mesh", confirmed), "{ahead:?} at {seat}");
        }
        // Who has a server believes it.
        assert_eq!(clocks.held(1).1, "trusted");
    }
    let mut clocks = Clocks::new([None; 3]);
    assert_eq!((clocks.held(4).1.as_str(), clocks.held(4).2), ("stale", false), "nobody knows");
}

#[test]
fn a_time_of_the_mesh_is_not_moved_by_servers_that_lie_and_people_are_told() {
    let mut clocks = Clocks::new([Some(50); 3]);
    assert_eq!(clocks.held(4).1, "mesh");
    // Two of three time servers say tomorrow: their nodes do not believe it, and nobody else hears of it.
    (clocks.ahead[0], clocks.ahead[1]) = (Some(90_000), Some(90_000));
    clocks.pass(1_300);
    for seat in 0..5 {
        let (is, ..) = clocks.held(seat);
        assert!(is.abs_diff(50) <= 2, "{is} s ahead at {seat}");
        assert_eq!(clocks.disputes(seat), usize::from(seat < 2), "at {seat}");
    }
    // They start anew and believe their servers; the others hold what they had, and say so.
    clocks.boot(0);
    clocks.boot(1);
    clocks.pass(1_300);
    for seat in [2, 3, 4] {
        let (is, ..) = clocks.held(seat);
        assert!(is.abs_diff(50) <= 2, "{is} s ahead at {seat}");
        assert_eq!(clocks.disputes(seat), usize::from(seat > 2), "at {seat}: its own server agrees with it");
    }
}
