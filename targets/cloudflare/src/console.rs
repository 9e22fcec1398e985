//! The console, where `wrangler tail` and Workers Logs find what is written.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Writes one entry.
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn log(text: &str);
}
