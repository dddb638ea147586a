//! Eleven phones and a school behind a gateway, and a provider's modem with a deep queue before the outside.
//!
//! ```text
//!   phone 1..11 ══ hs1..11 ─ gateway ─ up0 ══ in0 ─ modem ─ out0 ══ net0 ─ outside
//!                            masquerade,      4.4 Mbit/s and more than a second of queue, both ways
//!                            4 Mbit/s of ours                                          40 ms from here
//! ```

use crate::console::Outcome;
use crate::link::{add_address, add_route, cable, single_packets, up};
use crate::node::{Node, run};
use crate::space::Space;
use crate::terrain::{BASE_TABLE, NFT, to};

/// All of it.
pub(super) struct Street {
    /// The node.
    pub(super) gateway: Node,
    /// Behind the modem.
    pub(super) outside: Space,
    phones: Vec<Space>,
    school: Space,
    _modem: Space,
}

impl Street {
    /// Builds everything; no daemon runs yet.
    pub(super) fn build() -> Outcome<Self> {
        let gateway = Node::new(NAME, &config(true))?;
        let (modem, outside) = (Space::new()?, Space::new()?);
        for space in [&gateway.space, &modem] {
            space.kernel("ipv4/ip_forward", "1")?;
        }
        cable((&gateway.space, "up0"), (&modem, "in0"))?;
        cable((&modem, "out0"), (&outside, "net0"))?;
        gateway.space.inside(|| {
            add_address("up0", to("192.168.0.2"), 30)?;
            add_route(to("0.0.0.0"), 0, to("192.168.0.1"))
        })?;
        modem.inside(|| {
            add_address("in0", to("192.168.0.1"), 30)?;
            add_address("out0", to("203.0.113.1"), 24)?;
            for link in ["in0", "out0"] {
                let words =
                    format!("qdisc add dev {link} root tbf rate {MODEM_KBIT}kbit burst 3200 limit 800k");
                run("/sbin/tc", &words.split(' ').collect::<Vec<_>>())?;
            }
            Ok(())
        })?;
        outside.inside(|| {
            add_address("net0", to(OUTSIDE), 24)?;
            add_route(to("192.168.0.0"), 30, to("203.0.113.1"))?;
            // As far as a server usually is: ten flows over no distance hold more packets than the pipe.
            queue("net0", "root netem delay 40ms limit 2000")?;
            single_packets("net0")
        })?;
        let mut phones = Vec::new();
        for number in 1..=PHONES {
            phones.push(phone(&gateway.space, number)?);
        }
        std::fs::write(MASQUERADE_FILE, MASQUERADE).map_err(|error| format!("{MASQUERADE_FILE}: {error}"))?;
        gateway.space.inside(|| run(NFT, &["-f", MASQUERADE_FILE]))?;
        let school = phone(&gateway.space, SCHOOL)?;
        Ok(Self { gateway, outside, phones, school, _modem: modem })
    }

    /// Loads the daemon's base table, as the init script does.
    pub(super) fn load_base_table(&self) -> Outcome<()> {
        let text = self.gateway.base_table()?;
        std::fs::write(BASE_TABLE, &text).map_err(|error| format!("{BASE_TABLE}: {error}"))?;
        self.gateway.space.inside(|| run(NFT, &["-f", BASE_TABLE]))?;
        Ok(())
    }

    /// Who has a policy.
    pub(super) fn school(&self) -> &Space {
        &self.school
    }

    /// Gives the daemon a configuration with a queue, or without.
    pub(super) fn configure(&mut self, queue: bool) -> Outcome<()> {
        self.gateway.configure(&config(queue))
    }

    /// Who makes the call.
    pub(super) fn speaker(&self) -> &Space {
        &self.phones[0]
    }

    /// The others.
    pub(super) fn downloaders(&self) -> &[Space] {
        &self.phones[1..]
    }
}

fn phone(gateway: &Space, number: usize) -> Outcome<Space> {
    let phone = Space::new()?;
    let (link, ours, theirs) =
        (format!("hs{number}"), format!("10.77.{number}.1"), format!("10.77.{number}.2"));
    cable((&phone, "ph0"), (gateway, &link))?;
    gateway.inside(|| add_address(&link, to(&ours), 24))?;
    phone.inside(|| {
        up("lo")?;
        add_address("ph0", to(&theirs), 24)?;
        add_route(to("0.0.0.0"), 0, to(&ours))?;
        single_packets("ph0")
    })?;
    Ok(phone)
}

/// A queue of the terrain, by Debian's `tc`.
fn queue(link: &str, words: &str) -> Outcome<String> {
    let words: Vec<&str> = ["qdisc", "add", "dev", link].into_iter().chain(words.split(' ')).collect();
    run("/sbin/tc", &words)
}

fn config(queue: bool) -> String {
    if !queue {
        return String::new();
    }
    format!(
        "\nconfig queue\n\toption device 'up0'\n\toption upload_kbit '{PIPE_KBIT}'\n\toption download_kbit '{PIPE_KBIT}'\n\
         \nconfig policy\n\toption name 'Escuela'\n\tlist device 'hs{SCHOOL}'\n"
    )
}

/// How many phones there are.
pub(super) const PHONES: usize = 11;
/// Its number among the phones' cables.
const SCHOOL: usize = PHONES + 1;
/// What the daemon's queue lets through: 0.9 of the modem's.
pub(super) const PIPE_KBIT: f64 = 4_000.0;
const MODEM_KBIT: u32 = 4_444;
/// The server's address.
pub(super) const OUTSIDE: &str = "203.0.113.80";
const NAME: &str = "cerro";
const MASQUERADE_FILE: &str = "/run/masquerade.nft";
const MASQUERADE: &str = "
table ip nat {
  chain out {
    type nat hook postrouting priority srcnat
    oifname up0 masquerade
  }
}
";
