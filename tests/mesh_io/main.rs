//! The mesh IO adapters against a real kernel: each test makes network namespaces of its own, drives
//! the adapter in them, and asks iproute2 what came of it.
//!
//! They need root (CAP_SYS_ADMIN and CAP_NET_ADMIN) and iproute2, and say so when that is missing.

mod links;
mod namespace;
mod netlink;
mod probe;
mod queues;
mod routes;
mod sockets;
