//! The start of an instance: reads and compiles `gateway.json`.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use gateway_core::gateway::Gateway;
use gateway_core::plan::{self, Redis};
use gateway_core::ports::Capabilities;

use crate::platform::Spin;
use crate::secrets::Variables;

/// The path where `spin.toml` mounts the configuration.
const CONFIGURATION: &str = "/gateway.json";

thread_local! {
    static GATEWAY: OnceCell<Option<Rc<Gateway<Spin>>>> = const { OnceCell::new() };
}

/// The gateway of this instance; `None` if its configuration is wrong, for the reasons in the log.
pub(crate) async fn gateway() -> Option<Rc<Gateway<Spin>>> {
    if let Some(gateway) = GATEWAY.with(|cell| cell.get().cloned()) {
        return gateway;
    }
    let loaded = load().await;
    if let Err(mistakes) = &loaded {
        for mistake in mistakes {
            eprintln!("edgeway: {mistake}");
        }
    }
    // Simultaneous first requests may each load it; the first one's gateway stays.
    let loaded = loaded.ok().map(Rc::new);
    GATEWAY.with(|cell| cell.get_or_init(|| loaded).clone())
}

async fn load() -> Result<Gateway<Spin>, Vec<String>> {
    let text = std::fs::read_to_string(CONFIGURATION).map_err(|error| vec![format!("{CONFIGURATION}: {error}")])?;
    let secrets = Variables::fetch(&text).await;
    let plan = plan::load(&text, &Capabilities::SPIN, &secrets);
    let plan =
        plan.map_err(|mistakes| mistakes.iter().map(|mistake| mistake.line(CONFIGURATION)).collect::<Vec<_>>())?;
    let url = |redis: &Option<Redis>| redis.as_ref().map(|redis| redis.url.clone());
    let is_noted =
        (plan.caches && plan.responses_redis.is_none()) || (plan.keeps_answers && plan.counters_redis.is_none());
    let platform = Spin::new(url(&plan.counters_redis), url(&plan.responses_redis), is_noted);
    Ok(Gateway::new(Arc::new(plan), platform))
}
