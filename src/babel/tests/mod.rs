//! Several engines on a virtual clock.

mod air;
mod auth;
mod bench;
mod bounds;
mod conformance;
mod convergence;
mod next_hop;
mod policy;
mod requests;
mod restart;
mod selection;
mod sending;
mod snapshot;
mod sources;
mod subject;
mod timing;
mod why;
