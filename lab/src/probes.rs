//! What phones and computers ask to find out whether they are online: one table for the name server and the web server of
//! the outside, and for the story, in which each row is asked by a stranger, by somebody who has paid, and without an uplink.
//!
//! Where each row is from stands in the sources of Android's NetworkStack (`NetworkMonitor`), Firefox's preferences,
//! NetworkManager's `nm-connectivity.c`, and Microsoft's documentation of NCSI.

use crate::failure::{Failure, Outcome};
use crate::http::Response;

/// One question, and what says that all is well.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Who asks.
    pub who: &'static str,
    /// Which machine.
    pub host: &'static str,
    /// Which page.
    pub path: &'static str,
    /// What the outside answers; nothing: 204.
    pub success: &'static str,
    /// Whether the base table answers for the name while there is no way outside. Names of pages that people read are
    /// left alone.
    pub offline: bool,
}

/// All of them.
pub const PROBES: &[Probe] = &[
    probe("Android", "connectivitycheck.gstatic.com", "/generate_204", ""),
    probe("Android, a second one", "play.googleapis.com", "/generate_204", ""),
    probe("Android 5", "clients3.google.com", "/generate_204", ""),
    reader("Android, a third one", "www.google.com", "/gen_204", ""),
    probe("Huawei", "connectivitycheck.platform.hicloud.com", "/generate_204", ""),
    reader("ChromeOS", "www.gstatic.com", "/generate_204", ""),
    probe("iOS", "captive.apple.com", "/hotspot-detect.html", APPLE),
    reader("macOS of old", "www.apple.com", "/library/test/success.html", APPLE),
    probe("Windows 10", "www.msftconnecttest.com", "/connecttest.txt", "Microsoft Connect Test"),
    probe("Windows 10, over IPv6", "ipv6.msftconnecttest.com", "/connecttest.txt", "Microsoft Connect Test"),
    probe("Windows 10, to show the portal", "www.msftconnecttest.com", "/redirect", "Microsoft"),
    probe("Windows 8", "www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI"),
    probe("Firefox", "detectportal.firefox.com", "/canonical.html", FIREFOX),
    probe("Firefox, by family", "detectportal.firefox.com", "/success.txt?ipv4", "success\n"),
    probe("GNOME", "nmcheck.gnome.org", "/check_network_status.txt", "NetworkManager is online\n"),
    probe("Ubuntu", "connectivity-check.ubuntu.com", "/", ""),
    probe("Debian", "network-test.debian.org", "/nm", "NetworkManager is online\n"),
    reader("Fedora", "fedoraproject.org", "/static/hotspot.txt", "OK"),
    probe("Kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", KINDLE),
];

const APPLE: &str = "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>";
const FIREFOX: &str =
    "<meta http-equiv=\"refresh\" content=\"0;url=https://support.mozilla.org/kb/captive-portal\"/>";
const KINDLE: &str = "<html><!-- 81ce4465-7167-4dcb-835b-dcc9e44c112a --></html>";

const fn probe(who: &'static str, host: &'static str, path: &'static str, success: &'static str) -> Probe {
    Probe { who, host, path, success, offline: true }
}

const fn reader(who: &'static str, host: &'static str, path: &'static str, success: &'static str) -> Probe {
    Probe { who, host, path, success, offline: false }
}

/// The row that a request to the outside asks for.
pub fn asked(host: &str, path: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.host == host && probe.path == path)
}

impl Probe {
    /// What a phone asks for.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.host, self.path)
    }

    /// What the outside answers.
    pub fn answer(&self) -> String {
        let (status, body) =
            if self.success.is_empty() { ("204 No Content", "") } else { ("200 OK", self.success) };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    /// Whether this says that all is well; whoever asks compares it octet by octet.
    pub fn is_success(&self, response: &Response) -> bool {
        let status = if self.success.is_empty() { 204 } else { 200 };
        response.status == status && response.body == self.success.as_bytes()
    }

    /// Whether this shows each kind of phone that it stands before the portal: no success, a redirect with a body (an
    /// empty one is a success to some), kept by nobody.
    pub fn judge_captive(&self, response: &Response, portal: &str) -> Outcome<()> {
        let kept = response.header("cache-control").unwrap_or_default();
        let to = response.redirect().unwrap_or_default();
        let is_right = response.status == 302
            && to.starts_with(portal)
            && response.body.len() > 4
            && kept.contains("no-store")
            && response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if is_right && !self.is_success(response) {
            return Ok(());
        }
        Err(Failure::new(
            format!("{} ({}) to be sent to {portal}, with a body, no-store, close", self.who, self.url()),
            format!("{} {:?}, {} octets", response.status, response.headers, response.body.len()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_there_twice_and_each_is_found_by_what_is_asked() {
        for probe in PROBES {
            let found = asked(probe.host, probe.path).expect("it is there");
            assert_eq!(found.who, probe.who);
            let response = Response::parse(probe.answer().as_bytes(), true).unwrap().unwrap();
            assert!(probe.is_success(&response), "{}", probe.who);
            assert!(probe.judge_captive(&response, "http://10.77.4.1").is_err());
        }
        assert!(asked("connectivitycheck.gstatic.com", "/").is_none());
    }
}
