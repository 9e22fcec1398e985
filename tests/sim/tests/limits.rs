//! Rate limits and their round trips to the store: each property runs under 256 seeds.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::Request;
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;

type Task<'t> = Pin<Box<dyn Future<Output = u16> + 't>>;

/// Instances of a gateway whose only route has these limits.
fn instances(seed: u64, count: usize, policies: &str) -> (Rc<World>, Vec<Gateway<Platform>>) {
    let text = format!(r#"{{"routes": [{{"name": "r", "respond": {{}}, "policies": {policies}}}]}}"#);
    let plan = Arc::new(plan::load(&text, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"));
    let world = Rc::new(World::new(seed));
    let gateways = (0..count).map(|_| Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)))).collect();
    (world, gateways)
}

/// The status of a request to `gateway` with these fields.
fn get<'t>(world: &'t Rc<World>, gateway: &'t Gateway<Platform>, fields: &[(&str, &str)]) -> Task<'t> {
    let asked = serde_json::json!({ "url": "http://gw.test/", "headers": fields });
    let asked: Request = serde_json::from_value(asked).expect("a request");
    let (asked, peer) = client_request(world, &asked);
    Box::pin(async move {
        world.linger().await;
        receive(gateway, asked, peer).await.status
    })
}

fn run_all<'t>(world: &World, tasks: impl IntoIterator<Item = Task<'t>>) -> Vec<u16> {
    run(world, tasks).unwrap_or_else(|hang| panic!("{hang}"))
}

/// docs/configuration.md, Policies, `lease`: each batch is twice as large as the one before, so that the store is seldom asked.
#[test]
fn a_lease_saves_round_trips() {
    for_every_seed(|seed| {
        let limit = r#"{"rateLimit": {"limit": 1000000, "window": "1m", "lease": {"units": 50, "hold": "10s"}}}"#;
        let (world, gateways) = instances(seed, 1, &format!("[{limit}]"));
        for _ in 0..200 {
            assert_eq!(run_all(&world, [get(&world, &gateways[0], &[])]), [200]);
        }
        // 1, 2, 4, 8, 16, 32 and three times 50, unless time passes by chance.
        assert!(world.counts.get() <= 20, "{} round trips", world.counts.get());
    });
}

/// docs/configuration.md, Policies, `lease`: all instances together never admit more than the store has granted, and it grants what
/// the limit says.
#[test]
fn instances_with_leases_admit_no_more_than_the_limit() {
    for_every_seed(|seed| {
        let limit = r#"{"rateLimit": {"limit": 40, "window": "366d", "key": "everyone", "lease": {"units": 8}}}"#;
        let (world, gateways) = instances(seed, 3, &format!("[{limit}]"));
        let mut admitted = 0;
        for _ in 0..10 {
            let tasks = gateways.iter().flat_map(|gateway| (0..6).map(|_| get(&world, gateway, &[])));
            admitted += run_all(&world, tasks).into_iter().filter(|status| *status == 200).count();
            world.advance(Duration::from_millis(100));
        }
        // Each instance loses at most a batch in each second.
        assert!(admitted <= 40, "{admitted}");
        assert!(admitted >= 8, "{admitted}");
    });
}

/// docs/configuration.md, Policies, `fail`: a batch that can't be borrowed is a failure of the store, and what was borrowed before still counts.
#[test]
fn a_failed_store_grants_nothing() {
    for_every_seed(|seed| {
        let limit = r#"{"rateLimit": {"limit": 1000, "window": "366d", "lease": {"units": 8, "hold": "10s"}}}"#;
        let (world, gateways) = instances(seed, 1, &format!("[{limit}]"));
        // 1, 2, 4 and 8 are borrowed, and of the last one is spent.
        for _ in 0..8 {
            assert_eq!(run_all(&world, [get(&world, &gateways[0], &[])]), [200]);
        }
        world.stores_fail.set(true);
        let statuses: Vec<_> = (0..9).flat_map(|_| run_all(&world, [get(&world, &gateways[0], &[])])).collect();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 503, 503]);
        world.stores_fail.set(false);
        assert_eq!(run_all(&world, [get(&world, &gateways[0], &[])]), [200]);
    });
}
