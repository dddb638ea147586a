//! What of a browser's visit is between it and this program alone, and no business of the node.

use crate::base::limit::NODE_REQUESTS;
use crate::base::sorted::SortedMap;
use crate::base::voucher::RequestId;
use crate::hotspot::portal::{self, Language};
use crate::hotspot::request::{PortalRequest, Rendered};

/// Requests that wait for their answers.
#[derive(Debug, Default)]
pub(super) struct Visits {
    /// The language that was chosen.
    waiting: SortedMap<RequestId, Language>,
}

impl Visits {
    /// A request goes to the node.
    pub(super) fn begin(&mut self, request: RequestId, http: &PortalRequest) {
        if let Some(language) = portal::chosen(http) {
            // The node answers or gives up each; the oldest is the first to be forgotten all the same.
            if self.waiting.len() >= NODE_REQUESTS {
                self.waiting.pop_first();
            }
            self.waiting.insert(request, language);
        }
    }

    /// Its answer leaves.
    pub(super) fn answer(&mut self, request: RequestId, rendered: &mut Rendered) {
        if let Some(language) = self.waiting.remove(&request) {
            let cookie =
                format!("lang={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", language.code());
            rendered.headers.push(("Set-Cookie".to_owned(), cookie));
        }
    }

    /// It was given up.
    pub(super) fn end(&mut self, request: RequestId) {
        self.waiting.remove(&request);
    }
}
