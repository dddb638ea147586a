//! What this machine lacks: said once in the log and kept as an alert until it is over. The rest runs.

use std::path::Path;

use super::{Daemon, why_not};
use crate::base::sorted::SortedMap;
use crate::config::Config;
use crate::node::input::Input;
use crate::node::pipe::followed_kbit;
use crate::platform::clock;
use crate::platform::queues::{self, Queue};

/// The queues of slow links.
#[derive(Default)]
pub(super) struct Queues {
    /// Those that were wanted last, with the rates that follow a link.
    wanted: Vec<Queue>,
    /// Whether none of ours is left over: so, without `config queue`, there is nothing to look for.
    pub(super) are_clear: bool,
}

/// What was said, by the alert's code.
#[derive(Default)]
pub(super) struct Troubles {
    said: SortedMap<&'static str, String>,
}

/// One thing that the machine lacks: the alert's code, and what, what follows, what to do.
pub(super) type Trouble = (&'static str, String);

/// The rights of a process, by their numbers in Linux.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights {
    /// Routes, nft, other sockets' options.
    pub(super) net_admin: bool,
    /// Raw sockets.
    pub(super) net_raw: bool,
}

impl Rights {
    /// Those that this process has.
    pub(super) fn own() -> Result<Self, String> {
        let status = std::fs::read_to_string("/proc/self/status").map_err(|error| {
            format!(
                "/proc is not there ({error}): mount it, the daemon reads its rights and the boot's name from it"
            )
        })?;
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let rights = line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0);
        Ok(Self { net_admin: rights >> NET_ADMIN & 1 == 1, net_raw: rights >> NET_RAW & 1 == 1 })
    }

    /// Those that are missing.
    pub(super) fn troubles(self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        if !self.net_admin {
            let what = "the right CAP_NET_ADMIN is missing: no route and no guest's rule can be set, so this \
                        node neither routes nor lets anybody in; reports and the ledger go on. Start tequio as \
                        root, or by its init script";
            troubles.push(("no-net-admin", what.to_owned()));
        }
        if !self.net_raw {
            let what = "the right CAP_NET_RAW is missing: no ping can be sent, so ways outside are judged by DNS \
                        and HTTP alone, and kernels before 5.7 have no mesh socket. Start tequio as root, or by \
                        its init script";
            troubles.push(("no-net-raw", what.to_owned()));
        }
        troubles
    }
}

impl Daemon {
    /// Says that something is missing, or that it is over; only what is news is said.
    pub(super) async fn trouble(&mut self, code: &'static str, what: Option<String>) {
        if self.troubles.said.get(code) == what.as_ref() {
            return;
        }
        match &what {
            Some(what) => log::error!("{what}"),
            None => log::info!("this is over: {code}"),
        }
        match &what {
            Some(what) => self.troubles.said.insert(code, what.clone()),
            None => self.troubles.said.remove(code),
        };
        self.input(Input::Trouble { code: code.to_owned(), what }).await;
    }

    /// What can come and go while the daemon runs.
    pub(super) async fn look_at_the_machine(&mut self) {
        let speaks = |device: &str| {
            self.interfaces.values().any(|status| status.name == device && status.link_local.is_some())
        };
        self.trouble("no-ipv6", without_ipv6(&self.config, speaks)).await;
        self.keep_queues().await;
        self.keep_radios().await;
        self.open_hotspot().await;
        self.look_for_flow_tables().await;
    }

    /// Flow offloading takes guests' packets past the hotspot: nothing of it can be seen here but that it is on.
    async fn look_for_flow_tables(&mut self) {
        let Some(guests) = &mut self.hotspot else { return };
        // What cannot be asked is told by the next change of a guest.
        let tables = guests.firewall.flow_tables().await.unwrap_or_default();
        let what = (!tables.is_empty()).then(|| {
            format!(
                "flow offloading is on ({}): phones go past the hotspot, and vouchers are neither counted nor ended. \
                 Switch it off: uci set firewall.@defaults[0].flow_offloading=0; uci set \
                 firewall.@defaults[0].flow_offloading_hw=0; uci commit firewall; service firewall restart",
                tables.join(", ")
            )
        });
        self.trouble("flow-offload", what).await;
    }

    /// Keeps the queues of slow links; looks for old ones as long as there may be some.
    pub(super) async fn keep_queues(&mut self) {
        let names = self.interfaces.values().map(|status| &status.name);
        let turns: Vec<String> = names.filter(|name| queues::is_turn(name)).cloned().collect();
        self.queues.wanted = self.config.queues.iter().map(|queue| self.with_rates(queue)).collect();
        let wanted = &self.queues.wanted;
        if self.rights.net_admin && !(wanted.is_empty() && turns.is_empty() && self.queues.are_clear) {
            let wrong = queues::keep(wanted, &turns);
            self.queues.are_clear = wanted.is_empty() && wrong.is_empty();
            self.trouble("no-queue", (!wrong.is_empty()).then(|| wrong.join("; "))).await;
        }
    }

    /// A queue with the rates that nobody has given, where its link says what it carries.
    fn with_rates(&self, queue: &Queue) -> Queue {
        let held = self.queues.wanted.iter().find(|held| held.device == queue.device);
        let [leaves, arrives] = self.node.carries_kbit(clock::now(), &queue.device);
        let held = held.map_or([None; 2], |held| [held.upload_kbit, held.download_kbit]);
        Queue {
            device: queue.device.clone(),
            upload_kbit: queue.upload_kbit.or_else(|| followed_kbit(held[0], leaves)),
            download_kbit: queue.download_kbit.or_else(|| followed_kbit(held[1], arrives)),
        }
    }

    /// Opens the hotspot if it is not, and hands over what the kernel still lets through. What it lacks
    /// is looked for again every few seconds: routing goes on meanwhile.
    pub(super) async fn open_hotspot(&mut self) {
        if self.hotspot.is_none()
            && let Some(hotspot) = &self.config.hotspot
        {
            match super::start::open_hotspot(hotspot, &self.ids) {
                Ok(guests) => self.hotspot = Some(guests),
                Err(why) => return self.trouble("hotspot-down", Some(why_not::hotspot(&why))).await,
            }
        }
        let why = self.adopt_guests().await.err();
        self.trouble("hotspot-down", why.map(|why| why_not::hotspot(&why))).await;
    }
}

/// Babel speaks IPv6 alone: where it is missing, and what to do. Nothing is asked about a device that `has_address`.
fn without_ipv6(config: &Config, has_address: impl Fn(&str) -> bool) -> Option<String> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let devices = config.babel.interfaces.iter().map(|interface| interface.name.as_str());
    let devices: Vec<&str> = devices.filter(|device| !has_address(device)).collect();
    if devices.is_empty() && !config.babel.interfaces.is_empty() {
        return None;
    }
    let opened = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
    if let Err(error) = opened.map_err(std::io::Error::from) {
        return Some(format!(
            "this kernel has no IPv6 ({error}): Babel cannot speak, no route is learnt or announced; the rest \
             runs. Load the module ipv6, or boot without ipv6.disable=1"
        ));
    }
    let off = |place: &str| {
        let path = Path::new("/proc/sys/net/ipv6/conf").join(place).join("disable_ipv6");
        std::fs::read_to_string(path).is_ok_and(|text| text.trim() == "1")
    };
    let devices: Vec<&str> = devices.into_iter().filter(|device| off(device)).collect();
    let first = devices.first()?;
    Some(format!(
        "IPv6 is switched off on {}: Babel cannot speak there; the rest runs. Do: sysctl -w \
         net.ipv6.conf.{first}.disable_ipv6=0",
        devices.join(", ")
    ))
}

/// Found out by the kernel's routes.
pub(super) const NO_SUBTREES: &str = "this kernel has no routes that depend on the source: such routes are passed on to \
     the neighbours and not used here; the rest runs. Take a kernel built with CONFIG_IPV6_SUBTREES, as \
     OpenWrt's are";

const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
