//! Roll-outs: histories of candidates that are as good as the baseline, and of ones that are not, each by a seed of its own. `EDGEWAY_HISTORIES`
//! has more or fewer of them.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_corpus::{Content, Fault, Reply, Request};
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, receive, run};
use gateway_core::admin::Way;
use gateway_core::body::Body;
use gateway_core::gateway::Gateway;
use gateway_core::plan;
use serde_json::Value;

const CONFIG: &str = r#"{
    "admin": {"path": "/.gw", "token": {"secret": "T"}},
    "upstreams": {"now": {"url": "http://now.test"}, "next": {"url": "http://next.test"}},
    "routes": [{"name": "r", "split": [{"upstream": "now", "weight": 1}, {"upstream": "next", "weight": 0}],
        "rollout": {"candidate": "next", "steps": [10, 50, 100], "hold": "20s", "leastRequests": 100, "slowPercent": 150, "key": "{header.x-user}"}}]
}"#;

/// The errors of an upstream in thousandths, and its mean duration in milliseconds.
type Quality = (usize, usize);

const GOOD: Quality = (10, 40);

struct Site {
    world: Rc<World>,
    gateway: Gateway<Platform>,
    chance: Chance,
}

impl Site {
    fn new(seed: u64, candidate: Quality) -> Self {
        let world = Rc::new(World::new(seed));
        let secrets = BTreeMap::from([("T".to_owned(), "a-token-that-nobody-guesses".to_owned())]);
        let plan = Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration"));
        let gateway = Gateway::new(plan, Platform(Rc::clone(&world)));
        let chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        world.set_script(move |call| {
            let (errors, mean) = if call.to == "next.test" { candidate } else { GOOD };
            let status = if chance.below(1_000) < errors { 500 } else { 200 };
            let delay = Some(Duration::from_millis((mean / 2 + chance.below(mean)) as u64));
            Reply { status: Some(status), delay, ..Reply::default() }
        });
        Self { world, gateway, chance: Chance::new(seed ^ 0x5555) }
    }

    /// Sends `number` requests at once, and returns how many of them went to the candidate.
    fn ask(&self, number: usize) -> usize {
        let one = |_| {
            let user = self.chance.below(10_000).to_string();
            let asked = serde_json::json!({"url": "http://gw.test/x", "headers": [["x-user", user]]});
            let (request, peer) =
                client_request(&self.world, &serde_json::from_value::<Request>(asked).expect("a request"));
            Box::pin(async move {
                let response = receive(&self.gateway, request, peer).await;
                assert!(matches!(response.status, 200 | 500 | 502), "{}", response.status);
            }) as Pin<Box<dyn Future<Output = ()> + '_>>
        };
        run(&self.world, (0..number).map(one)).unwrap_or_else(|hang| panic!("{hang}"));
        self.world.take_calls().iter().filter(|call| call.to == "next.test").count()
    }

    fn told(&self, method: &str, path: &str) -> Value {
        let request = http::Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.body(Bytes::new()).expect("a request");
        let task: Pin<Box<dyn Future<Output = Value> + '_>> = Box::pin(async move {
            let answer = self.gateway.admin(&request, Way::Local).await;
            let Body::Full(content) = answer.into_body() else { panic!("no content") };
            serde_json::from_slice(&content).expect("JSON")
        });
        run(&self.world, [task]).unwrap_or_else(|hang| panic!("{hang}")).remove(0)
    }

    /// Goes on until the roll-out is over, or for long; returns what it is then.
    fn play(&self) -> Value {
        for _ in 0..400 {
            self.ask(40);
            self.world.advance(Duration::from_secs(1));
            let told = self.told("GET", "/rollouts/r");
            if told["state"] != "running" && told["state"] != "unknown" {
                return told;
            }
        }
        self.told("GET", "/rollouts/r")
    }
}

fn histories() -> u64 {
    std::env::var("EDGEWAY_HISTORIES").ok().and_then(|number| number.parse().ok()).unwrap_or(100)
}

/// How many of the histories with this candidate come to `state`.
fn come_to(candidate: Quality, state: &str) -> u64 {
    let is_so = |seed: &u64| Site::new(*seed, candidate).play()["state"] == state;
    (0..histories()).filter(is_so).count() as u64
}

/// docs/configuration.md, A canary that looks after itself.
#[test]
fn a_candidate_with_five_points_more_errors_is_rolled_back() {
    assert!(come_to((60, 40), "rolledBack") * 100 >= histories() * 99);
}

#[test]
fn an_equal_candidate_gets_all_requests_in_the_end() {
    assert!(come_to(GOOD, "done") * 100 >= histories() * 99);
}

#[test]
fn a_slow_candidate_is_rolled_back() {
    assert!(come_to((10, 100), "rolledBack") * 100 >= histories() * 99);
}

/// A candidate of which nobody gets an answer is no good one, whatever its status says: its contents break off, or what it sends is no HTTP.
#[test]
fn a_candidate_without_whole_answers_is_rolled_back() {
    for fault in [Fault::Cut, Fault::Garbage] {
        let site = Site::new(11, GOOD);
        site.world.set_script(move |call| Reply {
            status: Some(200),
            body: Some(Content::Text("0123456789".to_owned())),
            fail: (call.to == "next.test").then_some(fault),
            ..Reply::default()
        });
        let told = site.play();
        assert_eq!((&told["state"], &told["because"]), (&"rolledBack".into(), &"errors".into()), "{told}");
    }
}

/// What was rolled back gets nothing, also of an instance that has just begun, until an operator says so.
#[test]
fn a_candidate_that_was_rolled_back_gets_nothing() {
    let mut site = Site::new(7, (300, 40));
    let told = site.play();
    assert_eq!(
        (&told["state"], &told["because"], &told["percent"]),
        (&"rolledBack".into(), &"errors".into(), &0.into())
    );
    let figures = told["candidate"].clone();
    assert!(figures["requests"].as_u64().is_some_and(|number| number >= 100), "{told}");
    assert_eq!(site.ask(300), 0);
    site.world.advance(Duration::from_secs(3 * 86_400));
    site.gateway = Gateway::new(Arc::clone(site.gateway.plan()), Platform(Rc::clone(&site.world)));
    assert_eq!(site.ask(300), 0);
    let told = site.told("GET", "/rollouts/r");
    assert_eq!((&told["state"], &told["candidate"]), (&"rolledBack".into(), &figures));
    let anew = site.told("DELETE", "/rollouts/r");
    assert_eq!((&anew["state"], &anew["percent"], &anew["step"]), (&"running".into(), &10.into(), &1.into()), "{anew}");
    assert!(site.ask(300) > 0);
    let stopped = site.told("PUT", "/rollouts/r");
    assert_eq!((&stopped["state"], &stopped["because"]), (&"rolledBack".into(), &"operator".into()));
    assert_eq!(site.ask(300), 0);
}

/// Whatever the store does, requests are answered, and the last known share goes on.
#[test]
fn a_store_that_fails_breaks_no_request() {
    for seed in 0..100 {
        let site = Site::new(seed, GOOD);
        site.world.stores_fail.set(seed % 2 == 0);
        site.world.stores_hang.set(seed % 2 == 1);
        assert_eq!(site.ask(100), 0);
        site.world.stores_fail.set(false);
        site.world.stores_hang.set(false);
        site.world.advance(Duration::from_secs(6));
        site.ask(100);
        assert!(site.ask(300) > 0);
        site.world.stores_fail.set(true);
        site.world.advance(Duration::from_secs(6));
        site.ask(100);
        assert!(site.ask(300) > 0);
    }
}

/// More for the candidate takes callers from the baseline, and gives none back.
#[test]
fn a_caller_who_has_the_candidate_keeps_it() {
    let site = Site::new(3, GOOD);
    let side = |user: usize| {
        let asked = serde_json::json!({"url": "http://gw.test/x", "headers": [["x-user", user.to_string()]]});
        let (request, peer) =
            client_request(&site.world, &serde_json::from_value::<Request>(asked).expect("a request"));
        let task: Pin<Box<dyn Future<Output = ()> + '_>> =
            Box::pin(async { drop(receive(&site.gateway, request, peer).await) });
        run(&site.world, [task]).unwrap_or_else(|hang| panic!("{hang}"));
        site.world.take_calls().last().is_some_and(|call| call.to == "next.test")
    };
    let mut before: Vec<bool> = (0..200).map(side).collect();
    let mut last = 0;
    for _ in 0..200 {
        site.ask(40);
        site.world.advance(Duration::from_secs(1));
        let percent = site.told("GET", "/rollouts/r")["percent"].as_u64().expect("a number");
        if percent != last {
            last = percent;
            let after: Vec<bool> = (0..200).map(side).collect();
            assert!(before.iter().zip(&after).all(|(before, after)| !before || *after));
            before = after;
        }
    }
    assert_eq!(last, 100);
    assert!(before.iter().all(|is_candidate| *is_candidate));
}
