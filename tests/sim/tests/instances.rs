//! The cache of instances that have no memory in common, but a store of responses: each property runs under 256 seeds.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_corpus::{Reply, Request};
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::admin::Way;
use gateway_core::gateway::Gateway;
use gateway_core::plan;

type Task<'t, T> = Pin<Box<dyn Future<Output = T> + 't>>;

const CONFIG: &str = r#"{"upstreams": {"u": {"url": "http://u.test"}}, "server": {"admin": "127.0.0.1:9901"}, "routes": [
    {"name": "r", "match": {"prefix": "/"}, "upstream": "u", "policies": [{"cache": {}}]}]}"#;

/// Instances of a gateway in a world whose upstream is `answered` so.
fn instances(seed: u64, count: usize, answer: serde_json::Value) -> (Rc<World>, Vec<Gateway<Platform>>) {
    let plan = Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"));
    let world = Rc::new(World::new(seed));
    world.collects_responses.set(true);
    let answer: Reply = serde_json::from_value(answer).expect("an answer");
    world.set_script(move |_| answer.clone());
    let gateways = (0..count).map(|_| Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)))).collect();
    (world, gateways)
}

/// A request to `gateway`, and what the cache did.
fn get<'t>(world: &'t Rc<World>, gateway: &'t Gateway<Platform>, url: &str) -> Task<'t, (u16, String)> {
    let asked: Request = serde_json::from_value(serde_json::json!({ "url": url })).expect("a request");
    let (asked, peer) = client_request(world, &asked);
    Box::pin(async move {
        world.linger().await;
        let answer = receive(gateway, asked, peer).await;
        let status = answer.headers.iter().find(|(name, _)| name == "cache-status");
        (answer.status, status.map(|(_, value)| value.clone()).unwrap_or_default())
    })
}

fn run_all<'t, T: 't>(world: &World, tasks: impl IntoIterator<Item = Task<'t, T>>) -> Vec<T> {
    run(world, tasks).unwrap_or_else(|hang| panic!("{hang}"))
}

fn one<T>(world: &World, task: Task<'_, T>) -> T {
    run_all(world, [task]).remove(0)
}

/// A purge that `gateway` is asked for.
fn purge<'t>(gateway: &'t Gateway<Platform>, what: &'static str) -> Task<'t, u16> {
    let request = http::Request::put("/purges").header("host", "localhost:9901").body(Bytes::from(what));
    let request = request.expect("a request");
    Box::pin(async move { gateway.admin(&request, Way::Local).await.status().as_u16() })
}

fn fresh() -> serde_json::Value {
    serde_json::json!({ "headers": [["cache-control", "max-age=3600"], ["cache-tag", "t"]], "body": "x" })
}

/// docs/configuration.md, Purges: where instances have no memory in common, a purge counts everywhere after 10 s at the latest.
#[test]
fn a_purge_counts_in_every_instance_within_ten_seconds() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 2, fresh());
        world.purges_in_store.set(true);
        assert_eq!(one(&world, get(&world, &gateways[0], "http://gw.test/a")).0, 200);
        for gateway in &gateways {
            assert_eq!(one(&world, get(&world, gateway, "http://gw.test/a")).1, "edgeway; hit; ttl=3600");
        }
        world.advance(Duration::from_secs(1));
        assert_eq!(one(&world, purge(&gateways[0], r#"{"tags": ["t"]}"#)), 204);
        world.advance(Duration::from_secs(10));
        world.take_calls();
        let (_, told) = one(&world, get(&world, &gateways[1], "http://gw.test/a"));
        assert_eq!((told.contains("fwd=stale"), world.take_calls().len()), (true, 1), "{told}");
        // What was asked for since is good, for all.
        for gateway in &gateways {
            let (_, told) = one(&world, get(&world, gateway, "http://gw.test/a"));
            assert!(told.contains("hit"), "{told}");
        }
    });
}

/// docs/configuration.md, Purges: of purges that come together, none is lost.
#[test]
fn of_purges_at_once_none_is_lost() {
    const PURGES: [&str; 6] = [
        r#"{"urls": ["http://gw.test/0"]}"#,
        r#"{"urls": ["http://gw.test/1"]}"#,
        r#"{"urls": ["http://gw.test/2"]}"#,
        r#"{"urls": ["http://gw.test/3"]}"#,
        r#"{"urls": ["http://gw.test/4"]}"#,
        r#"{"urls": ["http://gw.test/5"]}"#,
    ];
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, PURGES.len() + 1, fresh());
        world.purges_in_store.set(true);
        for n in 0..PURGES.len() {
            one(&world, get(&world, &gateways[0], &format!("http://gw.test/{n}")));
        }
        world.advance(Duration::from_secs(1));
        let purges = PURGES.iter().zip(&gateways[1..]).map(|(what, gateway)| purge(gateway, what));
        assert_eq!(run_all(&world, purges), [204; PURGES.len()]);
        world.advance(Duration::from_secs(10));
        for n in 0..PURGES.len() {
            let (_, told) = one(&world, get(&world, &gateways[0], &format!("http://gw.test/{n}")));
            assert!(told.contains("fwd="), "{n}: {told}");
        }
    });
}

/// docs/configuration.md, Purges: a purge that could not be written is refused; where the purges can't be read, nothing that is stored is used.
#[test]
fn without_the_store_nothing_is_purged_and_nothing_is_used() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 1, fresh());
        world.purges_in_store.set(true);
        one(&world, get(&world, &gateways[0], "http://gw.test/a"));
        world.is_unwritable.set(true);
        assert_eq!(one(&world, purge(&gateways[0], r#"{"all": true}"#)), 503);
        world.is_unwritable.set(false);
        let (_, told) = one(&world, get(&world, &gateways[0], "http://gw.test/a"));
        assert!(told.contains("hit"), "{told}");
        // Another version of the gateway has written them.
        world.set_value("cache:purges", Some("\u{2}what is this"));
        world.advance(Duration::from_secs(10));
        let (_, told) = one(&world, get(&world, &gateways[0], "http://gw.test/a"));
        assert!(told.contains("fwd="), "{told}");
    });
}
