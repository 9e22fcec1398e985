//! Rate limits and their round trips to the store: each property runs under 256 seeds.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use edgeway_corpus::Request;
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, for_every_seed, receive, run};
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

/// The status of the same, and what is told of limits: of each its name, and what is left.
fn told<'t>(
    world: &'t Rc<World>,
    gateway: &'t Gateway<Platform>,
    fields: &[(&str, &str)],
) -> Pin<Box<dyn Future<Output = (u16, Vec<String>)> + 't>> {
    let asked = serde_json::json!({ "url": "http://gw.test/", "headers": fields });
    let asked: Request = serde_json::from_value(asked).expect("a request");
    let (asked, peer) = client_request(world, &asked);
    Box::pin(async move {
        let answer = receive(gateway, asked, peer).await;
        let told = answer.headers.iter().filter(|(name, _)| name == "ratelimit");
        (answer.status, told.filter_map(|(_, value)| Some(value.rsplit_once(';')?.0.to_owned())).collect())
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

/// docs/configuration.md, Policies, `rateLimit`: of several limits those before the refusal count, and those after it do not, whether they
/// are asked in one round trip or one after another.
#[test]
fn several_limits_in_one_round_trip_are_as_one_after_another() {
    for_every_seed(|seed| {
        let chance = Chance::new(seed);
        let limits: Vec<_> = (0..2 + chance.below(4))
            .map(|number| {
                let algorithm = ["fixedWindow", "slidingWindow", "gcra"][chance.below(3)];
                let limit = serde_json::json!({
                    "name": format!("l{number}"), "limit": 2 + chance.below(12), "window": "366d", "algorithm": algorithm,
                    "shadow": chance.below(4) == 0, "cost": { "header": "x-cost" },
                    "key": if chance.below(2) == 0 { serde_json::json!("everyone") } else { serde_json::json!({ "header": "x-client" }) },
                });
                serde_json::json!({ "rateLimit": limit })
            })
            .collect();
        let requests: Vec<_> =
            (0..25).map(|_| (format!("{}", chance.below(2)), format!("{}", 1 + chance.below(3)))).collect();
        let outcome = |at_once: bool| {
            let (world, gateways) = instances(seed, 1, &serde_json::Value::from(limits.clone()).to_string());
            world.asks_at_once.set(at_once);
            let answers = requests.iter().map(|(client, cost)| {
                let before = world.counts.get();
                let fields = [("x-client", client.as_str()), ("x-cost", cost.as_str())];
                let answer = run(&world, [told(&world, &gateways[0], &fields)]).unwrap_or_else(|hang| panic!("{hang}"));
                // What a refusal has others give back takes round trips after the answer.
                let trips = world.counts.get() - before;
                assert!(!at_once || trips == 1 || answer[0].0 == 429, "{trips} round trips");
                answer
            });
            answers.collect::<Vec<_>>()
        };
        assert_eq!(outcome(true), outcome(false));
    });
}

/// docs/configuration.md, Policies, `fail`: each limit has its own way where the store can't be reached.
#[test]
fn a_failed_round_trip_fails_each_limit_in_its_own_way() {
    for_every_seed(|seed| {
        let limit = |name: &str, fail: &str| {
            format!(r#"{{"rateLimit": {{"name": "{name}", "limit": 5, "window": "1m", "fail": "{fail}"}}}}"#)
        };
        for (first, second, status) in [("open", "open", 200), ("open", "closed", 503), ("closed", "open", 503)] {
            let limits = format!("[{}, {}]", limit("a", first), limit("b", second));
            for hangs in [false, true] {
                let (world, gateways) = instances(seed, 1, &limits);
                world.stores_hang.set(hangs);
                world.stores_fail.set(!hangs);
                assert_eq!(run_all(&world, [get(&world, &gateways[0], &[])]), [status], "{first} {second} {hangs}");
            }
        }
    });
}

/// docs/configuration.md, The cost of a request: a client that leaves before the answer that states the cost has taken `default` all the same.
#[test]
fn a_client_that_leaves_early_gets_nothing_back() {
    const CONFIG: &str = r#"{"upstreams": {"u": {"url": "http://u.test"}}, "routes": [{"name": "r", "upstream": "u", "policies": [
        {"rateLimit": {"limit": 10, "window": "366d", "algorithm": "fixedWindow", "cost": {"responseHeader": "x-cost", "default": 4}}}]}]}"#;
    for_every_seed(|seed| {
        let plan = plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration");
        let world = Rc::new(World::new(seed));
        world.set_script(|_| {
            let answer = serde_json::json!({"headers": [["x-cost", "1"]], "delay": "20s"});
            serde_json::from_value(answer).expect("an answer")
        });
        let gateway = Gateway::new(Arc::new(plan), Platform(Rc::clone(&world)));
        let mut task = get(&world, &gateway, &[]);
        let leaves = Box::pin(async {
            let mut patience = pin!(world.sleep(Duration::from_secs(10)));
            poll_fn(|context| match task.as_mut().poll(context) {
                Poll::Ready(status) => Poll::Ready(status),
                Poll::Pending => patience.as_mut().poll(context).map(|()| 0),
            })
            .await
        }) as Task<'_>;
        assert_eq!(run_all(&world, [leaves]), [0]);
        drop(task);
        let answer = run(&world, [told(&world, &gateway, &[])]).unwrap_or_else(|hang| panic!("{hang}")).remove(0);
        assert_eq!(answer, (200, vec![r#""r";r=2"#.to_owned()]));
    });
}
