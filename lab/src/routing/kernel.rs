//! What the kernel says, read so cheaply that looking does not change the answer: files of `/proc`, opened once
//! inside a namespace and read again and again from outside.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::failure::{Failure, Outcome, io};
use crate::netns::Namespace;

/// The IPv6 routes of a namespace.
#[derive(Debug)]
pub(super) struct Routes {
    table: File,
    counts: File,
}

impl Routes {
    pub(super) fn of(namespace: &Namespace) -> Outcome<Self> {
        namespace.inside(|| {
            let open = |name: &str| {
                let path = format!("/proc/thread-self/net/{name}");
                File::open(&path).map_err(io(path))
            };
            Ok(Self { table: open("ipv6_route")?, counts: open("rt6_stats")? })
        })
    }

    /// The device that a packet to this very address leaves by; none if there is no host route, or a reject route.
    pub(super) fn device_to(&mut self, address: Ipv6Addr) -> Outcome<Option<String>> {
        let text = read_again(&mut self.table)?;
        let wanted = format!("{:032x} 80 ", u128::from(address));
        Ok(text.lines().filter(|line| line.starts_with(&wanted)).find_map(usable_device).map(str::to_string))
    }

    /// How many usable routes there are whose destinations begin with these hexadecimal digits.
    pub(super) fn usable(&mut self, digits: &str) -> Outcome<usize> {
        let text = read_again(&mut self.table)?;
        Ok(text.lines().filter(|line| line.starts_with(digits) && usable_device(line).is_some()).count())
    }

    /// The number of all entries, cheap at any size.
    pub(super) fn entries(&mut self) -> Outcome<usize> {
        let text = read_again(&mut self.counts)?;
        // include/net/ip6_fib.h, struct rt6_statistics: the fourth number is fib_rt_entries.
        let number = text.split_whitespace().nth(3).and_then(|word| usize::from_str_radix(word, 16).ok());
        number.ok_or_else(|| Failure::new("rt6_stats of the kernel", text))
    }
}

/// A line of ipv6_route: destination, length, source, length, next hop, metric, two counters, flags, device.
fn usable_device(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    let flags = u32::from_str_radix(words.nth(8)?, 16).ok()?;
    let device = words.next()?;
    (flags & RTF_REJECT == 0 && device != "lo").then_some(device)
}

fn read_again(file: &mut File) -> Outcome<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).map_err(io("a file of /proc"))?;
    file.read_to_string(&mut text).map_err(io("a file of /proc"))?;
    Ok(text)
}

/// Seconds of processor time that a process has used so far, over all its threads.
pub(super) fn cpu_s(pid: u32) -> Outcome<f64> {
    let tasks = PathBuf::from(format!("/proc/{pid}/task"));
    let mut sum = 0.0;
    for task in std::fs::read_dir(&tasks).map_err(io(format!("the threads of process {pid}")))?.flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).map_err(io("schedstat"))?;
        let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
        sum += nanoseconds.ok_or_else(|| Failure::new("schedstat of the kernel", text))? / 1e9;
    }
    Ok(sum)
}

/// Memory that a process has for itself and has written to.
pub(crate) fn private_kb(pid: u32) -> Outcome<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = std::fs::read_to_string(&path).map_err(io(path))?;
    let number = text
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::new("Private_Dirty in smaps_rollup", text))
}

/// Octets that a device has sent, Ethernet headers included.
pub(super) fn sent_octets(namespace: &Namespace, device: &str) -> Outcome<u64> {
    let answer = namespace.ip_json(&["-s", "link", "show", "dev", device])?;
    let octets = answer[0]["stats64"]["tx"]["bytes"].as_u64();
    octets.ok_or_else(|| Failure::new(format!("counters of {device}"), answer.to_string()))
}

/// include/uapi/linux/route.h
const RTF_REJECT: u32 = 0x0200;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_reject_route_is_no_way() {
        let line = "fd000000000000000000000000000003 80 00000000000000000000000000000000 00 \
                    fe80000000000000244d57fffe1cd2f4 00000400 00000001 00000000 00000003       ab";
        assert_eq!(usable_device(line), Some("ab"));
        let reject = line.replace("00000003       ab", "00200200       lo");
        assert_eq!(usable_device(&reject), None);
    }
}
