//! API keys of the key-value store: those that nobody has cost reads in bounds. The property runs under 256 seeds.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::Request;
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;
use gateway_core::policy::api_key::Digester;

const CONFIG: &str =
    r#"{"routes": [{"name": "r", "respond": {}, "policies": [{"authenticate": {"apiKey": {"store": "keyValue"}}}]}]}"#;

fn gateway(seed: u64) -> (Rc<World>, Gateway<Platform>) {
    let plan = plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration");
    let world = Rc::new(World::new(seed));
    let gateway = Gateway::new(Arc::new(plan), Platform(Rc::clone(&world)));
    (world, gateway)
}

/// The statuses of requests with these `keys` from the address `from`, which come together.
fn statuses(
    world: &Rc<World>,
    gateway: &Gateway<Platform>,
    from: &str,
    keys: impl Iterator<Item = String>,
) -> Vec<u16> {
    let tasks = keys.map(|key| {
        let asked = serde_json::json!({ "url": "http://gw.test/", "headers": [["x-api-key", key]], "from": from });
        let asked: Request = serde_json::from_value(asked).expect("a request");
        let (asked, peer) = client_request(world, &asked);
        Box::pin(async move {
            world.linger().await;
            receive(gateway, asked, peer).await.status
        }) as Pin<Box<dyn Future<Output = u16>>>
    });
    run(world, tasks).unwrap_or_else(|hang| panic!("{hang}"))
}

/// docs/configuration.md, API keys: a hundred made-up keys of one address are looked up, then one a second; those that are there do not
/// count, and those that are remembered go on.
#[test]
fn made_up_keys_cost_reads_in_bounds() {
    for_every_seed(|seed| {
        let (world, gateway) = gateway(seed);
        let good = |from: usize, count: usize| (from..from + count).map(|number| format!("good {number}"));
        let made_up = |from: usize, count: usize| (from..from + count).map(|number| format!("made up {number}"));
        for key in good(0, 130) {
            let digest = Digester::default().digest(&key);
            world.set_value(digest.store_key().as_str(), Some(r#"{"consumer": "acme", "id": "k"}"#));
        }
        let (busy, other) = ("192.0.2.1", "192.0.2.2");
        assert_eq!(statuses(&world, &gateway, busy, good(0, 20)), [200; 20]);
        let refused = statuses(&world, &gateway, busy, made_up(0, 120));
        assert_eq!(refused.iter().filter(|status| **status == 401).count(), 100);
        assert_eq!(refused.iter().filter(|status| **status == 429).count(), 20);
        assert_eq!(world.reads.get(), 120);
        assert_eq!(statuses(&world, &gateway, busy, good(0, 20)), [200; 20], "they are remembered");
        assert_eq!(statuses(&world, &gateway, busy, good(100, 1)), [429]);
        assert_eq!(statuses(&world, &gateway, other, good(100, 5)), [200; 5]);
        world.advance(Duration::from_secs(59));
        assert_eq!(statuses(&world, &gateway, busy, made_up(1_000, 70)).iter().filter(|one| **one == 401).count(), 59);
        world.advance(Duration::from_secs(1));
        assert_eq!(statuses(&world, &gateway, busy, made_up(2_000, 1)), [401]);
        assert_eq!(statuses(&world, &gateway, busy, good(0, 20)), [200; 20], "read again, they were known");
    });
}
