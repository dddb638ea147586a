//! The village on one machine, never shipped: real daemons in network namespaces, phones, and the story they play.
//!
//! Start reading at [`topology`] (the village as a value), then [`terrain`] (namespaces, links, cuts), then
//! [`village`] and [`story`]. [`cell`] and [`phone`] are the phones.

pub mod bench;
pub mod broker;
pub mod cell;
pub mod command;
pub mod community;
pub mod failure;
pub mod folder;
pub mod form;
pub mod hotspot_bench;
pub mod household;
pub mod http;
pub mod interrupt;
pub mod ledger_bench;
pub mod luci;
pub mod names;
pub mod netns;
pub mod outage;
pub mod pcap;
pub mod phone;
pub mod probes;
pub mod process;
pub mod recordings;
pub mod replay;
pub mod replicas;
pub mod routes;
pub mod routing;
pub mod sim;
pub mod steps;
pub mod story;
pub mod talk;
pub mod tap;
pub mod terrain;
pub mod thief;
pub mod timeline;
pub mod topology;
pub mod uci;
pub mod village;
pub mod web;
