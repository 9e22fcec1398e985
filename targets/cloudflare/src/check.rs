//! The check of a configuration before it is deployed, which `check.mjs` calls. It is in a wasm of its own: the Worker's is loaded at every
//! start, and tells no mistakes.

use gateway_core::config::Diagnostic;
use gateway_core::plan;
use gateway_core::ports::Platform as _;
use wasm_bindgen::prelude::*;

use crate::exports::NOT_UTF8;
use crate::platform::Worker;
use crate::secrets::{Assumed, Bindings};

/// Checks a configuration, as UTF-8: with its text bindings, as a JSON object, or as if it had every
/// secret, and variables of any value. Returns
/// its rendered mistakes, or nothing.
#[wasm_bindgen]
pub fn check(config: &[u8], bindings: Option<String>) -> String {
    let Ok(config) = str::from_utf8(config) else { return NOT_UTF8.to_owned() };
    let checked = match bindings {
        Some(bindings) => plan::load(config, &Worker::CAPABILITIES, &Bindings::parse(bindings.as_bytes())),
        None => plan::load(config, &Worker::CAPABILITIES, &Assumed),
    };
    checked.map_or_else(|faults| render(&faults, config), |_| String::new())
}

fn render(faults: &[Diagnostic], config: &str) -> String {
    let faults: Vec<_> = faults.iter().map(|fault| fault.render("gateway.json", Some(config), false)).collect();
    faults.join("\n")
}
