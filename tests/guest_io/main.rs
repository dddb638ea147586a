//! The hotspot's adapters against a real kernel: phones, a router and the world behind it, each a
//! network namespace. Needs root, and the programs `nft`, `ip` and `dnsmasq`.

mod data;
mod guests;
mod house;
mod names;
mod portal;
mod reach;
mod scan;
mod world;
