//! Random numbers, drawn from the runtime's generator in batches: each draw is a crossing.

use core::cell::RefCell;

use wasm_bindgen::prelude::*;

const BATCH: usize = 4096;

#[wasm_bindgen]
extern "C" {
    /// Fills `bytes` from the runtime's cryptographic generator.
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill(bytes: &mut [u8]);
}

thread_local! {
    static LEFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Sixty-four random bits, each used once.
pub(crate) fn next() -> u64 {
    LEFT.with_borrow_mut(|left| {
        if left.len() < 8 {
            left.resize(BATCH, 0);
            fill(left);
        }
        (0..8).fold(0, |number, _| number << 8 | u64::from(left.pop().unwrap_or_default()))
    })
}
