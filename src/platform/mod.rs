//! Floor 4: the only IO. Each file adapts one thing of the world to plain values.

pub mod alarm;
#[cfg(all(panic = "abort", target_env = "musl"))]
mod backtrace;
pub mod clock;
#[cfg(feature = "control")]
pub mod control;
pub mod crypt;
pub mod firewall;
pub mod links;
pub mod log_sink;
pub mod mesh_socket;
pub mod neighbours;
pub mod netlink;
pub mod portal_http;
pub mod probe;
pub mod queues;
pub mod radio;
pub mod recording;
pub mod request_ids;
pub mod routes;
pub mod store;
pub mod streams;
#[cfg(all(panic = "abort", target_env = "musl"))]
mod thread_name;
pub mod traffic;
pub mod ubus;
pub mod vault;
pub mod wireless;
