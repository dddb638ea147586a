//! The hotspot on a bench: a virtual clock, a kernel that ends leases by itself, a vault, a ledger.

mod bench;
mod counting;
mod crowd;
mod data;
mod ending;
mod hours;
mod house;
mod keepsake;
mod login;
mod next;
mod presence;
mod restart;
mod roam;
mod whole;

use bench::*;
