//! The console, whose entries `wrangler tail` and Workers Logs show.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Writes one entry.
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn log(text: &str);
}
