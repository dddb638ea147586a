//! What the operator decides about the hotspot of this node.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::portal::Language;
use crate::base::address::PORTAL_EVERYWHERE;
use crate::base::time::Span;

/// Settings of the hotspot on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Host name or address that guests are sent to, like `10.77.4.1`.
    pub portal_host: String,
    /// The address that the portal listens on, on the hotspot interface.
    pub portal_address: Ipv4Addr,
    /// TCP port of the portal.
    pub portal_port: u16,
    /// What the community's charter says.
    pub community: Community,
    /// Languages that there are words for; Spanish is built in.
    pub languages: Vec<Language>,
    /// Language of pages when the browser does not ask for one that is there; none: the charter's first.
    pub language: Option<Language>,
    /// A lease of this length is given to the kernel and renewed at a third of it; 15 minutes at most.
    pub lease: Span,
    /// How often counters of sessions are read.
    pub usage_interval: Span,
    /// Services that are free for all, shown on the portal: (name shown, URL).
    pub services: Vec<(String, String)>,
    /// Whom to call in need: a number with a name before or after it.
    pub calls: Vec<String>,
}

/// The community as its charter shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Community {
    /// Its name, shown on every page.
    pub name: String,
    /// Languages of pages, the first one first.
    pub languages: Vec<Language>,
    /// Its colour: red, green and blue, 8 bits each.
    pub colour: Option<u32>,
    /// Its logo, a PNG of 4 kB at most; empty: none.
    pub logo: Vec<u8>,
    /// Sentences for every page.
    pub notices: Vec<String>,
}

impl Settings {
    /// The lease within its bounds: a dead daemon neither cuts anybody at once nor gives free days.
    pub(crate) fn lease(&self) -> Span {
        self.lease.clamp(Span::from_secs(3), Span::from_secs(15 * 60))
    }

    /// The interval of readings within its bounds: a minute is what the rule of use is made of.
    pub(crate) fn usage_interval(&self) -> Span {
        self.usage_interval.clamp(Span::from_secs(1), Span::from_secs(60))
    }

    /// Where guests are sent to.
    pub fn portal_url(&self) -> String {
        match self.portal_port {
            // nft leads port 80 of that address here.
            _ if self.portal_host.parse() == Ok(PORTAL_EVERYWHERE) => format!("http://{PORTAL_EVERYWHERE}/"),
            80 => format!("http://{}/", self.portal_host),
            port => format!("http://{}:{port}/", self.portal_host),
        }
    }

    /// Whether a request for `host` is meant for the portal itself.
    pub(crate) fn is_portal(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        let address = host.parse();
        host.eq_ignore_ascii_case(&self.portal_host)
            || address == Ok(self.portal_address)
            || address == Ok(PORTAL_EVERYWHERE)
    }
}
