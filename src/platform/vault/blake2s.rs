//! The one hash that our Noise patterns name. `snow` would choose among its own when it runs, and that links BLAKE2b
//! too, which nobody calls. `scripts/size-probe` includes this file, so that it weighs what the daemon has.

use blake2::{Blake2s256, Digest};
use snow::types::Hash;

/// BLAKE2s with 32 bytes of result, as Noise wants it (The Noise Protocol Framework, 12.7).
#[derive(Default)]
pub(crate) struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(&self.0.finalize_reset());
    }
}
