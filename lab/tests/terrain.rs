//! The ground without a daemon: what a cut looks like from both ends of a link. Needs root.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use lab::failure::{Outcome, io};
use lab::interrupt;
use lab::netns::Namespace;
use lab::terrain::{Cut, Terrain};
use lab::topology::Topology;

const LIMIT: Duration = Duration::from_secs(10);

/// One end of a link: its device, and a socket at its link-local address.
struct End {
    namespace: Namespace,
    device: String,
    socket: UdpSocket,
    address: SocketAddrV6,
}

impl End {
    fn new(terrain: &Terrain, at: &str, to: &str) -> Outcome<Self> {
        let (namespace, device) = (terrain.node(at).clone(), format!("m-{to}"));
        let (address, scope) = interrupt::until("a link-local address", LIMIT, || {
            let answer = namespace.ip_json(&["-6", "addr", "show", "dev", &device, "scope", "link"])?;
            let text = answer[0]["addr_info"][0]["local"].as_str().unwrap_or_default();
            let scope = answer[0]["ifindex"].as_u64().and_then(|index| u32::try_from(index).ok());
            Ok(match (text.parse::<Ipv6Addr>(), scope) {
                (Ok(address), Some(scope)) => Ok((address, scope)),
                _ => Err(answer.to_string()),
            })
        })?;
        let here = SocketAddrV6::new(address, 0, 0, scope);
        let socket = namespace.inside(move || {
            let socket = UdpSocket::bind(here).map_err(io("a socket"))?;
            socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(io("a time limit"))?;
            Ok(socket)
        })?;
        let port = socket.local_addr().map_err(io("the port"))?.port();
        Ok(Self { namespace, device, socket, address: SocketAddrV6::new(address, port, 0, 0) })
    }

    fn carrier(&self) -> bool {
        let answer =
            self.namespace.ip_json(&["link", "show", "dev", &self.device]).expect("the device exists");
        answer[0]["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "LOWER_UP"))
    }

    /// Whether something that is sent now arrives at the other end, tried for as long as a person would.
    fn reaches(&self, other: &Self, limit: Duration) -> bool {
        let scope = match self.socket.local_addr() {
            Ok(std::net::SocketAddr::V6(address)) => address.scope_id(),
            _ => 0,
        };
        let to = SocketAddrV6::new(*other.address.ip(), other.address.port(), 0, scope);
        let arrived = interrupt::until("a packet to arrive", limit, || {
            let _ = self.socket.send_to(b"tequio", to);
            let heard = other.socket.recv(&mut [0; 16]);
            Ok(heard.map_err(|error| error.to_string()))
        });
        arrived.is_ok()
    }
}

#[test]
fn a_cut_is_seen_at_both_ends_or_at_none() {
    let terrain = Terrain::build(Topology::village()).expect("root, iproute2 and nftables");
    let square = End::new(&terrain, "plaza", "cerro-bajo").expect("an end of a link");
    let hill = End::new(&terrain, "cerro-bajo", "plaza").expect("an end of a link");
    assert!(square.carrier() && hill.carrier());
    assert!(square.reaches(&hill, LIMIT) && hill.reaches(&square, LIMIT));

    terrain.cut("plaza", "cerro-bajo", Cut::Silent).expect("a link of the village");
    assert!(square.carrier() && hill.carrier(), "nobody is told of a silent cut");
    let short = Duration::from_millis(300);
    assert!(!square.reaches(&hill, short) && !hill.reaches(&square, short));
    terrain.join("plaza", "cerro-bajo").expect("a link of the village");
    assert!(square.reaches(&hill, LIMIT) && hill.reaches(&square, LIMIT));

    terrain.cut("cerro-bajo", "plaza", Cut::Carrier).expect("a link of the village");
    assert!(!square.carrier() && !hill.carrier(), "both ends see a pulled cable");
    terrain.join("plaza", "cerro-bajo").expect("a link of the village");
    assert!(square.carrier() && hill.carrier());
    assert!(square.reaches(&hill, LIMIT) && hill.reaches(&square, LIMIT));

    let name = square.namespace.name().to_string();
    drop((square, hill, terrain));
    let left = std::path::Path::new("/run/netns").join(&name).exists();
    assert!(!left, "{name} is still there");
}
