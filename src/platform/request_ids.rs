//! Numbers for requests, from one counter for all adapters that take some: the portal and ubus.

use std::cell::Cell;
use std::rc::Rc;

use crate::base::voucher::RequestId;

/// Hands out numbers for requests. Clones count on together, so that no number is used twice in a run.
#[derive(Clone, Debug, Default)]
pub struct RequestIds(Rc<Cell<u64>>);

impl RequestIds {
    /// A counter that starts at 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next number.
    pub fn next(&self) -> RequestId {
        let number = self.0.get().wrapping_add(1);
        self.0.set(number);
        RequestId(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_never_hand_out_the_same_number() {
        let ids = RequestIds::new();
        let other = ids.clone();
        assert_eq!([ids.next(), other.next(), ids.next()], [RequestId(1), RequestId(2), RequestId(3)]);
    }
}
