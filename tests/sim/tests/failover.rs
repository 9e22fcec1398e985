//! Upstreams in several places, some of which crash, are slow, flap, are half dead, or lie: histories, each by a seed of its own.
//! `EDGEWAY_SEED` replays one, and `EDGEWAY_HISTORIES=10000` has four times as many as usual.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_corpus::{Call, Content, Fault, Reply, Request, Response};
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, receive, run};
use gateway_core::admin::Way;
use gateway_core::gateway::Gateway;
use gateway_core::plan::{self, Plan};

/// What a place does, until the end of the trouble.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    /// It resets connections.
    Crashed,
    /// It answers after longer than an attempt may take, or not at all.
    Slow,
    Frozen,
    /// It is well and crashed in turn, for a second each.
    Flapping,
    /// Half of its answers are errors.
    HalfDead,
    /// It says that all is well, and breaks its content off.
    Lying,
    Failing,
}

const MOODS: [Mood; 8] =
    [Mood::Well, Mood::Crashed, Mood::Slow, Mood::Frozen, Mood::Flapping, Mood::HalfDead, Mood::Lying, Mood::Failing];

const TOTAL: Duration = Duration::from_secs(4);
const PER_TRY: Duration = Duration::from_millis(500);
const EJECTION: Duration = Duration::from_secs(2);
/// The trouble lasts so long.
const TROUBLE: Duration = Duration::from_secs(10);

/// The configuration of a history.
struct Setting {
    places: usize,
    attempts: u32,
    has_breaker: bool,
    text: String,
}

impl Setting {
    fn of(chance: &Chance) -> Self {
        let places = 2 + chance.below(4);
        let attempts = u32::try_from(chance.below(4)).expect("a small number");
        let balance = *chance.pick(&[
            r#""roundRobin""#,
            r#""random""#,
            r#""leastRequest""#,
            r#""peakEwma""#,
            r#"{"hash": {"key": "{header.x-user}"}}"#,
            r#"{"hash": {"key": "{header.x-user}", "mostPercent": 150}}"#,
        ]);
        let has_breaker = chance.below(3) == 0;
        let breaker = if has_breaker { r#""breaker": {"failurePercent": 90, "open": "1s"},"# } else { "" };
        let failures = 1 + chance.below(3);
        let priority = chance.below(2);
        let targets: Vec<String> = (0..places)
            .map(|place| {
                let level = if place + 1 == places { priority } else { 0 };
                format!(r#"{{"url": "http://p{place}.test", "weight": {}, "priority": {level}}}"#, 1 + chance.below(3))
            })
            .collect();
        let text = format!(
            r#"{{"admin": {{"path": "/.gw", "token": {{"secret": "T"}}}},
                "upstreams": {{"u": {{"targets": [{}], "balance": {balance}, {breaker}
                    "timeouts": {{"total": "4s"}},
                    "retry": {{"attempts": {attempts}, "perTry": "500ms", "backoff": {{"base": "10ms"}}}},
                    "health": {{"passive": {{"failures": {failures}, "ejection": "2s", "longest": "2s"}}}}}}}},
                "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#,
            targets.join(", ")
        );
        Self { places, attempts, has_breaker, text }
    }

    fn load(&self) -> Arc<Plan> {
        let secrets = BTreeMap::from([("T".to_owned(), "a-token-that-nobody-guesses".to_owned())]);
        Arc::new(plan::load(&self.text, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration"))
    }
}

fn reply(mood: Mood, now: Duration, chance: &Chance) -> Reply {
    let failed = |fault| Reply { fail: Some(fault), ..Reply::default() };
    let error = || Reply { status: Some(*chance.pick(&[500, 502, 503])), ..Reply::default() };
    match mood {
        Mood::Well => Reply { delay: Some(Duration::from_millis(chance.below(20) as u64)), ..Reply::default() },
        Mood::Crashed => failed(Fault::Reset),
        Mood::Slow => Reply { delay: Some(Duration::from_secs(3)), ..Reply::default() },
        Mood::Frozen => failed(Fault::Hang),
        Mood::Flapping if now.as_secs().is_multiple_of(2) => failed(Fault::Reset),
        Mood::HalfDead if chance.below(2) == 0 => error(),
        Mood::Flapping | Mood::HalfDead => Reply::default(),
        Mood::Lying => Reply {
            body: Some(Content::Chunks(vec!["half".to_owned(), "of it".to_owned()])),
            fail: Some(Fault::Cut),
            ..Reply::default()
        },
        Mood::Failing => error(),
    }
}

/// One request of a history.
struct Asked {
    at: Duration,
    is_safe: bool,
    request: Request,
}

fn requests(chance: &Chance) -> Vec<Asked> {
    (0..40)
        .map(|number| {
            let is_safe = chance.below(3) > 0;
            let method = if is_safe { *chance.pick(&["GET", "PUT"]) } else { "POST" };
            let user = chance.below(6).to_string();
            let mut asked = serde_json::json!({
                "method": method, "url": format!("http://gw.test/{number}"), "headers": [["x-user", user]],
            });
            if method != "GET" {
                asked["body"] = "content".into();
            }
            let at = Duration::from_millis(chance.below(usize::try_from(TROUBLE.as_millis()).expect("small")) as u64);
            Asked { at, is_safe, request: serde_json::from_value(asked).expect("a request") }
        })
        .collect()
}

fn elapsed(world: &World, since: Duration) -> Duration {
    Duration::from_millis(world.now().unix_millis()).saturating_sub(since)
}

type Task<'t> = Pin<Box<dyn Future<Output = (Response, Duration)> + 't>>;

/// The places that are left out.
fn out(gateway: &Gateway<Platform>, world: &Rc<World>) -> usize {
    let request = http::Request::get("/upstreams").header("host", "localhost").body(Bytes::new()).expect("a request");
    let task: Pin<Box<dyn Future<Output = usize> + '_>> = Box::pin(async move {
        let answer = gateway.admin(&request, Way::Local).await;
        let gateway_core::body::Body::Full(content) = answer.into_body() else { panic!("no content") };
        let told: serde_json::Value = serde_json::from_slice(&content).expect("JSON");
        let endpoints = told.pointer("/upstreams/0/endpoints").and_then(|list| list.as_array()).expect("a list");
        endpoints.iter().filter(|endpoint| endpoint.pointer("/health/state") == Some(&"out".into())).count()
    });
    run(world, [task]).unwrap_or_else(|hang| panic!("{hang}")).remove(0)
}

fn history(seed: u64) {
    let world = Rc::new(World::new(seed));
    let chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let setting = Setting::of(&chance);
    let moods: Vec<Mood> = (0..setting.places).map(|_| *chance.pick(&MOODS)).collect();
    let gateway = Gateway::new(setting.load(), Platform(Rc::clone(&world)));
    let begun = Duration::from_millis(world.now().unix_millis());
    let script = (Rc::downgrade(&world), moods.clone());
    world.set_script(move |call: &Call| {
        let Some(world) = script.0.upgrade() else { return Reply::default() };
        let now = elapsed(&world, begun);
        let place: usize = call.to[1..call.to.len() - ".test".len()].parse().expect("a place");
        if now >= TROUBLE { Reply::default() } else { reply(script.1[place], now, &world.chance) }
    });
    world.collects_responses.set(true);

    let asked = requests(&chance);
    let tasks = asked.iter().map(|one| {
        let (request, peer) = client_request(&world, &one.request);
        let (world, gateway) = (&world, &gateway);
        Box::pin(async move {
            world.sleep(one.at).await;
            let sent = elapsed(world, begun);
            let answer = receive(gateway, request, peer).await;
            (answer, elapsed(world, begun) - sent)
        }) as Task<'_>
    });
    let answers = run(&world, tasks).unwrap_or_else(|hang| panic!("{hang}"));
    assert_eq!(answers.len(), asked.len(), "each request has one answer");
    let calls = world.take_calls();
    let to = |number: usize| calls.iter().filter(move |call| call.path == format!("/{number}")).count();
    for (number, (asked, (answer, took))) in asked.iter().zip(&answers).enumerate() {
        // docs/configuration.md, Retries: `attempts` further ones, and none of a request that may have been carried out and must not be repeated (RFC 9110 §9.2.2).
        let most = if asked.is_safe { setting.attempts as usize + 1 } else { 1 };
        assert!(to(number) <= most, "{} attempts of {:?}, {moods:?}, {}", to(number), asked.request, setting.text);
        // Always one, but for a breaker that is open.
        let is_refused = answer.status == 503 && to(number) == 0;
        assert!(to(number) > 0 || (is_refused && setting.has_breaker), "{}: {}", answer.status, setting.text);
        // `timeouts.total` is over all attempts. A content that is broken off has no end of its own.
        assert!(*took <= TOTAL + PER_TRY, "{took:?}: {}", setting.text);
    }
    // A fifth more than what is offered, beside the reserve.
    let (offered, further) = (asked.len(), calls.len().saturating_sub(asked.len()));
    assert!(further <= offered / 5 + 10, "{further} of {offered}: {moods:?}, {}", setting.text);

    // All are well again: once each may be called, and a breaker has tried, nothing fails.
    world.advance(TROUBLE.saturating_sub(elapsed(&world, begun)));
    assert!(out(&gateway, &world) < setting.places, "never all: {moods:?}, {}", setting.text);
    world.advance(EJECTION.max(Duration::from_secs(1)));
    assert_eq!(out(&gateway, &world), 0);
    for number in 0..setting.places * 2 {
        let asked = serde_json::json!({ "url": format!("http://gw.test/well/{number}"), "headers": [["x-user", number.to_string()]] });
        let (request, peer) = client_request(&world, &serde_json::from_value(asked).expect("a request"));
        let task: Pin<Box<dyn Future<Output = Response> + '_>> = Box::pin(receive(&gateway, request, peer));
        let answer = run(&world, [task]).unwrap_or_else(|hang| panic!("{hang}")).remove(0);
        let told = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{number} after the trouble: {told}, {moods:?}, {}", setting.text);
    }
}

/// docs/configuration.md, Balancing, Retries, Health and Circuit breaker.
#[test]
fn histories_of_upstreams_that_fail() {
    let seeds: Vec<u64> = match std::env::var("EDGEWAY_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => {
            let count = std::env::var("EDGEWAY_HISTORIES").map_or(2_500, |count| count.parse().expect("a number"));
            (0..count).collect()
        }
    };
    // Each has a world of its own, so that every processor can have some.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for part in 0..threads {
            let seeds = &seeds;
            scope.spawn(move || {
                for seed in seeds.iter().skip(part).step_by(threads) {
                    let outcome = std::panic::catch_unwind(|| history(*seed));
                    if let Err(cause) = outcome {
                        eprintln!("EDGEWAY_SEED={seed} replays this");
                        std::panic::resume_unwind(cause);
                    }
                }
            });
        }
    });
}
