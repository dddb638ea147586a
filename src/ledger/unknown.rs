//! Vouchers of lots that are not here, because the mesh is in pieces: what this node let in with them.
//!
//! It writes their first use and what they used like those of any other voucher. As long as the lot is unknown that means
//! nothing; when it comes, everything is booked already. So nothing of it has to be remembered anywhere else.

use super::Ledger;
use super::body::{Activation, Body, Counter};
use super::proof::proof_fits;
use super::rights::Role;
use crate::base::voucher::{IssuerNumber, Verifier};

impl Ledger {
    /// What this node has counted for a voucher that it let in before anybody told of its lot; `None` if there is none.
    pub fn served_unknown(&self, verifier: Verifier) -> Option<Counter> {
        self.own_activation(verifier).filter(|_| self.voucher(verifier).is_none())?;
        let mut sum = Counter { verifier, used_s: 0, up_bytes: 0, down_bytes: 0, elapsed_s: 0 };
        let rows = self.own_usage().flat_map(|usage| &usage.counters);
        for row in rows.filter(|row| row.verifier == verifier) {
            sum.used_s = sum.used_s.saturating_add(row.used_s);
            sum.up_bytes = sum.up_bytes.saturating_add(row.up_bytes);
            sum.down_bytes = sum.down_bytes.saturating_add(row.down_bytes);
            sum.elapsed_s = sum.elapsed_s.max(row.elapsed_s);
        }
        Some(sum)
    }

    /// How many such vouchers there are: of this issuer, and in all.
    pub fn unknown_served(&self, issuer: IssuerNumber) -> (usize, usize) {
        let community = self.community.unwrap_or_default();
        let own = self.own_unknown().map(|activation| {
            let Activation { verifier, proof, .. } = activation;
            proof_fits(&community, issuer, proof, *verifier)
        });
        own.fold((0, 0), |(of_issuer, all), fits| (of_issuer + usize::from(fits), all + 1))
    }

    /// The member that may have issued a voucher of this number.
    pub fn seller_of(&self, issuer: IssuerNumber) -> Option<[u8; 32]> {
        let sells = |state: &&super::MemberState| {
            state.member.number == issuer && !state.number_taken && state.member.roles.has(Role::Seller)
        };
        self.members().find(sells).map(|state| state.member.key)
    }

    fn own_unknown(&self) -> impl Iterator<Item = &Activation> {
        // All records are walked: this is asked once a code with a good tag and no lot.
        let own = self.records.values().filter(|record| record.author == self.own_key);
        let own = own.filter_map(|record| match &record.body {
            Body::Activation(activation) => Some(activation),
            _ => None,
        });
        own.filter(|activation| self.voucher(activation.verifier).is_none())
    }
}
