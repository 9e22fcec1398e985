//! The start of an instance: reads and compiles `gateway.json`.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use gateway_core::config::Diagnostic;
use gateway_core::gateway::Gateway;
use gateway_core::plan;

use crate::platform::{CAPABILITIES, Spin};
use crate::secrets::Variables;

/// Where `spin.toml` mounts the configuration.
const CONFIGURATION: &str = "/gateway.json";

thread_local! {
    static GATEWAY: OnceCell<Option<Rc<Gateway<Spin>>>> = const { OnceCell::new() };
}

/// The gateway of this instance; `None` if its configuration is wrong, which the log says why.
pub(crate) async fn gateway() -> Option<Rc<Gateway<Spin>>> {
    if let Some(gateway) = GATEWAY.with(|cell| cell.get().cloned()) {
        return gateway;
    }
    let loaded = load().await;
    if let Err(problems) = &loaded {
        eprint!("{problems}");
    }
    // Of requests that arrive at the same time each may load it; the first one's stays.
    let loaded = loaded.ok().map(Rc::new);
    GATEWAY.with(|cell| cell.get_or_init(|| loaded).clone())
}

async fn load() -> Result<Gateway<Spin>, String> {
    let text = std::fs::read_to_string(CONFIGURATION).map_err(|error| format!("{CONFIGURATION}: {error}\n"))?;
    let secrets = Variables::fetch(&text).await;
    let plan = plan::load(&text, &CAPABILITIES, &secrets).map_err(|diagnostics| describe(&diagnostics))?;
    let redis = plan.counters_redis.clone();
    Ok(Gateway::new(Arc::new(plan), Spin::new(redis)))
}

fn describe(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let (line, column) = diagnostic.position.unwrap_or_default();
        let _ = writeln!(text, "{CONFIGURATION}:{line}:{column}: {}: {}", diagnostic.path, diagnostic.message);
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(text, "  help: {help}");
        }
    }
    text
}
