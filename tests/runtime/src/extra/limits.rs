//! Limits under requests that come all at once.

use std::time::Instant;

use tokio::task::JoinSet;

use super::{serve, text};
use crate::client::get;
use crate::runtimes::Host;

const REQUESTS: usize = 400;

/// Nothing of the limit comes back during the test, so exactly 100 pass.
pub(super) async fn exact(host: &Host) -> Result<(), String> {
    let (admitted, _) = admitted(host, "1h").await?;
    if admitted == 100 { Ok(()) } else { Err(format!("{admitted} requests passed")) }
}

/// One request comes back every 600 ms.
pub(super) async fn per_minute(host: &Host) -> Result<(), String> {
    let (admitted, seconds) = admitted(host, "1m").await?;
    let returned = (seconds * 100.0 / 60.0) as usize;
    if (100..=100 + returned).contains(&admitted) {
        Ok(())
    } else {
        Err(format!("{admitted} requests passed in {seconds:.1} s"))
    }
}

/// How many requests pass a limit of 100 in `window`, and how long all took, in seconds.
async fn admitted(host: &Host, window: &str) -> Result<(usize, f64), String> {
    let config = format!(
        // On a busy machine the last of so many calls takes a store seconds.
        r#"{{"counters": {{"timeout": "30s"}}, "routes": [{{"name": "r", "match": {{"path": "/"}}, "respond": {{}},
            "policies": [{{"rateLimit": {{"limit": 100, "window": "{window}"}}}}]}},
            {{"name": "free", "match": {{"path": "/free"}}, "respond": {{}}}}]}}"#
    );
    let gateway = serve(host, config).await?;
    get(&gateway, "http://gw.test/free").await.map_err(text)?;
    let gateway = std::sync::Arc::new(gateway);
    let started = Instant::now();
    let mut requests = JoinSet::new();
    for _ in 0..REQUESTS {
        let gateway = std::sync::Arc::clone(&gateway);
        requests.spawn(async move { get(&gateway, "http://gw.test/").await });
    }
    let mut admitted = 0;
    while let Some(answer) = requests.join_next().await {
        match answer.map_err(text)?.map_err(text)?.status {
            200 => admitted += 1,
            429 => {}
            status => return Err(format!("a request was answered with {status}")),
        }
    }
    Ok((admitted, started.elapsed().as_secs_f64()))
}
