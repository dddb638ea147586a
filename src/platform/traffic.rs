//! What devices have carried, as the kernel counts it: `/proc/net/dev`.

use std::io;

/// Octets of each device since it was made, both ways together.
pub fn carried() -> io::Result<Vec<(String, u64)>> {
    std::fs::read_to_string("/proc/net/dev").map(|text| parse(&text))
}

/// Two lines of titles, then a device a line: its name, eight figures of what came in, eight of what went out;
/// the first of each eight are octets.
fn parse(text: &str) -> Vec<(String, u64)> {
    let device = |line: &str| {
        let (name, figures) = line.split_once(':')?;
        let mut octets = figures.split_whitespace().step_by(8).map(str::parse::<u64>);
        let (come, gone) = (octets.next()?.ok()?, octets.next()?.ok()?);
        Some((name.trim().to_owned(), come.saturating_add(gone)))
    };
    text.lines().filter_map(device).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_both_ways_are_added() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000       10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
wwan0: 18446744073709551615 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
eth0.2:5000000000 1 2 3 4 5 6 7 80 9 10 11 12 13 14 15
 odd0: x 1 2 3 4 5 6 7 8 9
 cut0: 12 1 2
";
        let found = parse(text);
        let expected = [("lo", 2_000), ("wwan0", u64::MAX), ("eth0.2", 5_000_000_080)];
        assert_eq!(found, expected.map(|(name, octets)| (name.to_owned(), octets)));
    }

    #[test]
    fn this_machine_has_a_loopback_device() {
        assert!(carried().unwrap().iter().any(|(name, _)| name == "lo"));
    }
}
