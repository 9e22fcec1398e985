//! What the gateway prints.

use std::time::{Duration, Instant};

use edgeway_corpus::{Case, Planted};
use serde_json::json;

use super::{serve, text};
use crate::client::get;
use crate::runtimes::Host;

/// The longest that a line may be on its way.
const PATIENCE: Duration = Duration::from_secs(10);

/// The access log has the path: a secret in there is found, as it has to be wherever else it is printed. Without this, a search of nothing
/// would find nothing, too.
pub(super) async fn is_searched(host: &Host) -> Result<(), String> {
    const SECRET: &str = "PLANT-in-what-is-printed";
    let case: Case = serde_json::from_value(json!({
        "name": "n", "cite": "c", "secrets": { "KEY": SECRET },
        "steps": [{ "request": { "url": "http://gw.test/" }, "expect": { "status": 200 } }]
    }))
    .map_err(text)?;
    let planted = Planted::of(&case, 0);
    let config = r#"{"routes": [{"name": "r", "match": {"prefix": "/"}, "respond": {}}]}"#;
    let gateway = serve(host, config.to_owned()).await?;
    get(&gateway, &format!("http://gw.test/{SECRET}")).await.map_err(text)?;
    let begun = Instant::now();
    while planted.in_log(&gateway.printed().await, false).is_empty() {
        if begun.elapsed() > PATIENCE {
            return Err("what it has printed was not read".to_owned());
        }
    }
    Ok(())
}
