//! `config filter`: what is taken from the neighbours, told them, and taken from the kernel.

use super::section::{Checked, Findings};
use crate::babel::policy::{Filter, Policy, Selector};
use crate::base::address::Prefix;
use crate::node::settings::Redistribute;

/// All filters, each kind in the order of the file; the first that fits decides.
#[derive(Default)]
pub(super) struct Filters {
    pub(super) policy: Policy,
    pub(super) redistribute: Vec<Redistribute>,
}

/// Reads all filters. One that can never fit, or says what its direction has no use for, is refused.
pub(super) fn filters<'a>(
    sections: impl Iterator<Item = &'a Checked<'a>>,
    findings: &mut Findings,
) -> Filters {
    let mut all = Filters::default();
    for section in sections {
        let routes = selector(section, findings);
        let is_allowed = section.text("action") == "allow";
        if !is_allowed && section.given("metric").is_some() {
            findings.problems.push(section.wrong("metric", "what is denied has no metric"));
        }
        let metric = is_allowed.then(|| section.optional("metric").unwrap_or(0));
        if section.text("direction") == "redistribute" {
            all.redistribute.push(redistribute(section, routes, metric, findings));
            continue;
        }
        for option in ["protocol", "table"] {
            if section.given(option).is_some() {
                let what = "only for direction redistribute: what neighbours announce has none";
                findings.problems.push(section.wrong(option, what));
            }
        }
        let filter = Filter { routes, adds: metric };
        match section.text("direction") {
            "in" => all.policy.incoming.push(filter),
            _ => all.policy.outgoing.push(filter),
        }
    }
    all
}

fn redistribute(
    section: &Checked<'_>,
    routes: Selector,
    metric: Option<u16>,
    findings: &mut Findings,
) -> Redistribute {
    let protocol = section.optional("protocol");
    if protocol == Some(BABEL) {
        let what = "42 is Babel itself: what came from the mesh does not start in it again";
        findings.problems.push(section.wrong("protocol", what));
    }
    Redistribute { routes, protocol, table: section.optional("table"), metric }
}

fn selector(section: &Checked<'_>, findings: &mut Findings) -> Selector {
    let prefix: Option<Prefix> = section.optional("prefix");
    let source: Option<Prefix> = section.optional("source");
    if let (Some(prefix), Some(source)) = (prefix, source)
        && prefix.is_ipv4() != source.is_ipv4()
    {
        let what = format!("is of another family than {prefix} (option prefix): nothing is of both");
        findings.problems.push(section.wrong("source", what));
    }
    for option in ["ge", "le"] {
        if prefix.is_none() && section.given(option).is_some() {
            findings.problems.push(section.wrong(option, "needs option prefix, which says of which family"));
        }
    }
    Selector {
        prefix: prefix.map(|prefix| lengths(section, prefix, findings)),
        source,
        device: section.optional("device"),
    }
}

/// The prefix with the lengths that are meant: just its own, unless `ge` or `le` says more.
fn lengths(section: &Checked<'_>, prefix: Prefix, findings: &mut Findings) -> (Prefix, u8, u8) {
    let (own, most) = (prefix.length(), if prefix.is_ipv4() { 32 } else { 128 });
    let (ge, le): (Option<u8>, Option<u8>) = (section.optional("ge"), section.optional("le"));
    let bounds = match (ge, le) {
        (None, None) => (own, own),
        (ge, le) => (ge.unwrap_or(own), le.unwrap_or(most)),
    };
    let wrong = match bounds {
        (least, _) if least < own => Some(("ge", format!("is less than the length of {prefix}"))),
        (least, _) if least > most => {
            Some(("ge", format!("a prefix of this family has at most {most} bits")))
        }
        (_, longest) if longest > most => {
            Some(("le", format!("a prefix of this family has at most {most} bits")))
        }
        (least, longest) if longest < least => {
            Some(("le", format!("nothing has at least {least} and at most {longest} bits")))
        }
        _ => None,
    };
    if let Some((option, what)) = wrong {
        findings.problems.push(section.wrong(option, what));
    }
    (prefix, bounds.0, bounds.1)
}

/// `RTPROT_BABEL`.
const BABEL: u8 = 42;
