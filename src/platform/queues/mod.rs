//! The thin pipe: queues of our own on a slow link, so that a thousand users share it fairly and a call is not heard
//! behind ten downloads.
//!
//! The queue must stand where we are slower than the link, or it stands in the provider's device, deep and unfair. What
//! leaves is queued at the root of the interface. What arrives is sent through an interface of the kind `ifb` named
//! `tequioN` (N is the other one's number) before the machine sees it, and is queued there.
//!
//! | kernel has | queue | fair between | first come |
//! |---|---|---|---|
//! | cake | one, four classes by DSCP | customers (also behind a masquerade), then flows | calls by DSCP; any flow that sends little |
//! | HTB, fq_codel | three classes, a fq_codel in each | flows: who opens ten has ten shares | calls by DSCP or as UDP of less than 256 octets, DNS by port; within a class who sends little |
//! | neither | none: an alert says so | | |
//!
//! The kernel keeps queues through a restart and a crash of the daemon: they are taken away only when the configuration no
//! longer wants them. What is ours is known by its handle and by the interface's name, so nothing needs to be remembered.
//! What stands is read back each time, and put right where it differs: an interface that went and came back has nothing.

mod order;
mod standing;

use nix::net::if_::if_nametoindex;

use self::order::{ARRIVING, INGRESS, LEAVES, OURS, Order, PRIORITY, ROOT, Way, bytes_per_s};
pub use self::standing::{Kind, Standing};
use super::netlink::direct::DirectSocket;
use super::netlink::message::{ACK, Batch, DUMP};
use super::netlink::socket::Protocol;
use crate::base::limit;

/// The queues of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The interface.
    pub device: String,
    /// What may leave, in kbit/s.
    pub upload_kbit: Option<u32>,
    /// What may arrive, in kbit/s.
    pub download_kbit: Option<u32>,
}

/// Makes the kernel keep these queues and no others of ours; `turns` are the interfaces that are there by [`is_turn`].
/// An interface that is not there is waited for. What could not be done, in words: the rest is done.
pub fn keep(wanted: &[Queue], turns: &[String]) -> Vec<String> {
    // A socket for the moment: between two looks there is nothing to hear.
    match DirectSocket::open(Protocol::Route) {
        Ok(socket) => Keeper { socket, sequence: 0 }.keep(wanted, turns),
        Err(error) => vec![error.to_string()],
    }
}

struct Keeper {
    socket: DirectSocket,
    sequence: u32,
}

impl Keeper {
    fn keep(&mut self, wanted: &[Queue], turns: &[String]) -> Vec<String> {
        let found = match self.standing(libc::RTM_GETQDISC, 0, 0) {
            Ok(found) => found,
            // A kernel that knows no queues has none of ours.
            Err(_) if wanted.is_empty() => return Vec::new(),
            Err(error) => return vec![format!("the kernel's queues cannot be read: {error}")],
        };
        let mut wrong: Vec<String> = self.clear(&found, wanted, turns).err().into_iter().collect();
        for queue in wanted {
            let Some(index) = number(&queue.device) else { continue };
            for (way, kbit) in [(Way::Up, queue.upload_kbit), (Way::Down, queue.download_kbit)] {
                let Some(kbit) = kbit else { continue };
                let (kept, what) = match way {
                    Way::Up => (self.queue(&found, index, kbit, way), "leaves"),
                    Way::Down => (self.arriving(&found, index, kbit), "arrives"),
                };
                let device = &queue.device;
                match kept {
                    Ok(None) => {}
                    Ok(Some(how)) => {
                        log::info!("what {what} on {device} is queued by {how} at {kbit} kbit/s")
                    }
                    Err(why) => {
                        wrong.push(format!(
                            "what {what} on {device} stands in no queue of ours, the rest runs: {why}"
                        ));
                    }
                }
            }
        }
        wrong
    }

    fn standing(&mut self, what: u16, interface: u32, parent: u32) -> Result<Vec<Standing>, String> {
        let mut batch = Batch::new();
        self.sequence += 1;
        batch.message(what, DUMP, self.sequence, &order::head(interface, 0, parent, 0), |_| {});
        let mut found = Vec::new();
        let asked = self.socket.ask(&batch, &mut |message| {
            if found.len() < limit::NETLINK_DUMP_ENTRIES {
                found.extend(Standing::parse(message));
            }
        });
        asked.map_err(|error| error.to_string())?;
        Ok(found)
    }

    /// Takes away what is ours and nobody wants any more.
    fn clear(&mut self, found: &[Standing], wanted: &[Queue], turns: &[String]) -> Result<(), String> {
        let mut kept = Vec::new();
        for queue in wanted {
            let Some(index) = number(&queue.device) else { continue };
            if queue.upload_kbit.is_some() {
                kept.push(index);
            }
            if queue.download_kbit.is_some() {
                kept.extend(number(&turn_of(index)));
            }
        }
        let mut orders = Vec::new();
        for queue in found {
            if queue.parent == ROOT && queue.handle == OURS && !kept.contains(&queue.interface) {
                orders.push(order::remove_root(queue.interface));
            }
        }
        for name in turns {
            let Some(turn) = number(name).filter(|turn| !kept.contains(turn)) else { continue };
            let device = name.strip_prefix(TURN).and_then(|number| number.parse().ok());
            if let Some(ingress) = device.and_then(|device| at(found, device, INGRESS)) {
                // First what leads there: a filter to an interface that is gone drops all that arrives.
                let _ = self.say(&[order::remove_redirect(ingress.interface)]);
                if ingress.kind == Kind::Ingress {
                    orders.push(order::remove_ingress(ingress.interface));
                }
            }
            orders.push(order::remove_link(turn));
        }
        if orders.is_empty() {
            return Ok(());
        }
        log::info!("queues that nobody wants any more are taken away");
        self.say(&orders)
    }

    /// Queues what arrives; how, if that is news.
    fn arriving(&mut self, found: &[Standing], index: u32, kbit: u32) -> News {
        let name = turn_of(index);
        let known = number(&name);
        if known.is_none() {
            self.say(&[order::add_turn(&name)]).map_err(|why| format!("no {name}: {why}; {REMEDY}"))?;
        }
        let turn = number(&name).ok_or("it was taken away meanwhile")?;
        let news = self.queue(found, turn, kbit, Way::Down)?;
        let filters = self.standing(libc::RTM_GETTFILTER, index, ARRIVING);
        let leads = filters.is_ok_and(|filters| filters.iter().any(|filter| filter.info >> 16 == PRIORITY));
        if known.is_some() && leads {
            return Ok(news);
        }
        if leads {
            // It led to an interface that is gone.
            self.say(&[order::remove_redirect(index)])?;
        }
        if at(found, index, INGRESS).is_none() {
            self.say(&[order::ingress(index)])?;
        }
        if let Err(why) = self.say(&[order::redirect(index, turn, true)]) {
            self.say(&[order::redirect(index, turn, false)])?;
            log::info!("{name}: what comes back to a school goes first nowhere: {why}; {MARKS}");
        }
        Ok(news.or(Some("the queue that stood")))
    }

    /// Makes the queue at the root of an interface; how, if that is news.
    fn queue(&mut self, found: &[Standing], index: u32, kbit: u32, way: Way) -> News {
        if let Some(root) = at(found, index, ROOT).filter(|root| root.handle == OURS) {
            if self.is_right(found, root, kbit) {
                return Ok(None);
            }
            self.say(&[order::remove_root(index)])?;
        }
        let Err(no_cake) = self.say(&[order::cake(index, kbit, way)]) else { return Ok(Some("cake")) };
        let orders = order::classes(index, kbit);
        // Its first order changes nothing where the kernel cannot do it.
        let (first, rest) = orders.split_at(1);
        let said = match self.say(first) {
            Ok(()) => self.say(rest),
            refused => refused,
        };
        match said {
            Ok(()) => Ok(Some("HTB and fq_codel")),
            Err(why) => {
                let _ = self.say(&[order::remove_root(index)]);
                Err(format!(
                    "this kernel does neither cake ({no_cake}) nor HTB with fq_codel ({why}); {REMEDY}"
                ))
            }
        }
    }

    fn is_right(&mut self, found: &[Standing], root: &Standing, kbit: u32) -> bool {
        let right = Some(bytes_per_s(kbit));
        match root.kind {
            Kind::Cake => root.bytes_per_s == right,
            Kind::Htb => {
                let here = found.iter().filter(|queue| queue.interface == root.interface);
                let leaves = here.filter(|queue| queue.kind == Kind::FqCodel && queue.parent & OURS == OURS);
                let classes = self.standing(libc::RTM_GETTCLASS, root.interface, 0).unwrap_or_default();
                let whole = classes.iter().find(|class| order::is_whole(class.handle));
                leaves.count() == LEAVES && whole.is_some_and(|class| class.bytes_per_s == right)
            }
            _ => false,
        }
    }

    /// Gives orders; the first refusal, in the kernel's words.
    fn say(&mut self, orders: &[Order]) -> Result<(), String> {
        let mut batch = Batch::new();
        for Order(kind, flags, message) in orders {
            self.sequence += 1;
            batch.message(*kind, *flags | ACK, self.sequence, message, |_| {});
        }
        self.socket.ask(&batch, &mut |_| {}).map_err(|error| error.to_string())
    }
}

/// How something was made, if it was not there; or why it could not be made.
type News = Result<Option<&'static str>, String>;

fn at(found: &[Standing], interface: u32, parent: u32) -> Option<&Standing> {
    found.iter().find(|queue| queue.interface == interface && queue.parent == parent)
}

/// The kernel's number of an interface, now.
fn number(name: &str) -> Option<u32> {
    if_nametoindex(name).ok()
}

/// The name of the interface that turns round what arrives on another.
fn turn_of(interface: u32) -> String {
    format!("{TURN}{interface}")
}

/// Whether an interface is one that we make.
pub fn is_turn(name: &str) -> bool {
    name.strip_prefix(TURN).is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What is before the number in the names of the interfaces that we make.
const TURN: &str = "tequio";
const MARKS: &str = "on OpenWrt: kmod-sched-ctinfo";
const REMEDY: &str = "on OpenWrt: apk add kmod-sched-cake kmod-ifb, or opkg install them";
