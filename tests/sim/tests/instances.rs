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
        assert_eq!(one(&world, purge(&gateways[0], r#"{"tags": ["t"]}"#)), 200);
        world.advance(Duration::from_secs(10));
        world.take_calls();
        let (_, told) = one(&world, get(&world, &gateways[1], "http://gw.test/a"));
        assert_eq!((told.contains("fwd=uri-miss"), world.take_calls().len()), (true, 1), "{told}");
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
        assert_eq!(run_all(&world, purges), [200; PURGES.len()]);
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

/// Requests for one URL to `count` instances in turn, `each` of them.
fn together<'t>(world: &'t Rc<World>, gateways: &'t [Gateway<Platform>], each: usize) -> Vec<Task<'t, (u16, String)>> {
    gateways.iter().cycle().take(gateways.len() * each).map(|gateway| get(world, gateway, "http://gw.test/a")).collect()
}

fn slow(cache_control: &str) -> serde_json::Value {
    serde_json::json!({ "delay": "300ms", "headers": [["cache-control", cache_control]], "body": "x" })
}

/// docs/configuration.md, Cache: requests that come together for what is not stored become one request to the upstream, in all instances together.
#[test]
fn sixty_four_requests_to_eight_instances_ask_the_upstream_once() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 8, slow("max-age=3600"));
        world.flights_in_store.set(true);
        let answers = run_all(&world, together(&world, &gateways, 8));
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
        assert_eq!(world.take_calls().len(), 1);
        // Within a fraction of the time for which they would wait at most.
        let began = 1_767_225_600_000;
        let took = world.now().unix_millis() - began;
        assert!(took < 1_000, "{took} ms");
    });
}

/// docs/configuration.md, Cache: if the answer is not stored, they go on by themselves, and for two minutes nobody waits for it.
#[test]
fn nobody_waits_for_what_another_instance_did_not_store() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 8, slow("no-store"));
        world.flights_in_store.set(true);
        run_all(&world, together(&world, &gateways, 2));
        assert_eq!(world.take_calls().len(), 16);
        let took = world.now().unix_millis() - 1_767_225_600_000;
        assert!(took < 1_000, "all at once, not one by one: {took} ms");
        world.advance(Duration::from_secs(60));
        let begun = world.now();
        run_all(&world, together(&world, &gateways, 2));
        let took = world.now().saturating_since(begun);
        // But for the one that looks for all of its instance.
        assert!(took < Duration::from_millis(330), "nobody waits: {took:?}");
    });
}

/// docs/configuration.md, Cache: if that fails, the next one asks.
#[test]
fn if_the_request_of_one_instance_fails_the_next_one_asks() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 8, slow("max-age=3600"));
        world.flights_in_store.set(true);
        let (refused, good): (Reply, Reply) = (
            serde_json::from_value(serde_json::json!({ "delay": "50ms", "fail": "reset" })).expect("an answer"),
            serde_json::from_value(slow("max-age=3600")).expect("an answer"),
        );
        let mut calls = 0;
        world.set_script(move |_| {
            calls += 1;
            if calls == 1 { refused.clone() } else { good.clone() }
        });
        let answers = run_all(&world, together(&world, &gateways, 2));
        assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 15, "{answers:?}");
        assert_eq!(world.take_calls().len(), 2);
    });
}

/// docs/platforms.md, Spin: an instance that ends in the middle of a request takes nobody along. The next one asks once `collapse` is over.
#[test]
fn of_an_instance_that_is_gone_another_takes_over() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 9, slow("max-age=3600"));
        world.flights_in_store.set(true);
        let (first, others) = gateways.split_at(1);
        let gone: Task<'_, ()> = Box::pin(async {
            let mut task = get(&world, &first[0], "http://gw.test/a");
            let mut patience = std::pin::pin!(world.sleep(Duration::from_millis(200)));
            std::future::poll_fn(|context| {
                let _ = task.as_mut().poll(context);
                patience.as_mut().poll(context)
            })
            .await;
            // Nothing of it is dropped: it has no last words.
            std::mem::forget(task);
        });
        let later = others.iter().map(|gateway| -> Task<'_, ()> {
            Box::pin(async {
                world.sleep(Duration::from_secs(2)).await;
                assert_eq!(get(&world, gateway, "http://gw.test/a").await.0, 200);
            })
        });
        run_all(&world, std::iter::once(gone).chain(later));
        assert_eq!(world.take_calls().len(), 2);
    });
}

/// docs/configuration.md, Cache: a stale response is asked for again once, in all instances together.
#[test]
fn a_stale_response_is_asked_for_again_by_one_instance() {
    for_every_seed(|seed| {
        let (world, gateways) = instances(seed, 8, slow("max-age=10, stale-while-revalidate=600"));
        world.flights_in_store.set(true);
        one(&world, get(&world, &gateways[0], "http://gw.test/a"));
        world.advance(Duration::from_secs(20));
        world.take_calls();
        let answers = run_all(&world, together(&world, &gateways, 4));
        assert!(answers.iter().all(|(_, told)| told.contains("hit")), "{answers:?}");
        assert_eq!(world.take_calls().len(), 1);
    });
}
