//! Upstreams whose places the gateway checks by itself: some crash, are frozen, flap, or lie to checks or to calls. Histories, each by a seed of its own, which `EDGEWAY_SEED` replays.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_corpus::{Call, Content, Fault, Reply, Response};
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, receive, run};
use gateway_core::admin::Way;
use gateway_core::gateway::Gateway;
use gateway_core::plan::{self, Plan};

/// What a place does, until the end of the trouble.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Well,
    Crashed,
    Frozen,
    /// It is well and crashed in turn, for four seconds each.
    Flapping,
    /// Its checks fail, by their status or their content, and its calls do not.
    Unwell,
    Mute,
    /// Its checks succeed, and its calls do not.
    Lying,
}

const MOODS: [Mood; 7] =
    [Mood::Well, Mood::Crashed, Mood::Frozen, Mood::Flapping, Mood::Unwell, Mood::Mute, Mood::Lying];

impl Mood {
    /// Returns whether each check of such a place fails.
    const fn fails(self) -> bool {
        matches!(self, Self::Crashed | Self::Frozen | Self::Unwell | Self::Mute)
    }
}

const EVERY: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_millis(500);
/// The trouble lasts so long.
const TROUBLE: Duration = Duration::from_secs(20);
/// By then the first check of each place has ended, which decides alone.
const KNOWN: Duration = Duration::from_secs(2);
/// By then all are in again, after the trouble.
const END: Duration = Duration::from_secs(30);

struct Setting {
    places: usize,
    has_passive: bool,
    text: String,
}

impl Setting {
    fn of(chance: &Chance) -> Self {
        let places = 2 + chance.below(4);
        let has_passive = chance.below(2) == 0;
        let balance = *chance.pick(&[
            r#""roundRobin""#,
            r#""random""#,
            r#""leastRequest""#,
            r#""peakEwma""#,
            r#"{"hash": {"key": "{header.x-user}"}}"#,
        ]);
        let (healthy, unhealthy) = (1 + chance.below(2), 1 + chance.below(3));
        let priority = chance.below(2);
        let targets: Vec<String> = (0..places)
            .map(|place| {
                let level = if place + 1 == places { priority } else { 0 };
                format!(r#"{{"url": "http://p{place}.test/base", "priority": {level}}}"#)
            })
            .collect();
        let text = format!(
            r#"{{"admin": {{"path": "/.gw", "token": {{"secret": "T"}}}},
                "upstreams": {{"u": {{"targets": [{}], "balance": {balance},
                    "timeouts": {{"total": "1s"}},
                    "retry": {{"attempts": 0}},
                    "credentials": {{"bearer": {{"secret": "T"}}}},
                    "health": {{
                        "passive": {{"enabled": {has_passive}, "ejection": "1s", "longest": "1s"}},
                        "active": {{"path": "/healthz", "every": "2s", "timeout": "500ms", "contains": "ok",
                                    "healthy": {healthy}, "unhealthy": {unhealthy}, "headers": {{"x-check": "1"}}}}}}}}}},
                "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#,
            targets.join(", ")
        );
        Self { places, has_passive, text }
    }

    fn load(&self) -> Arc<Plan> {
        let secrets = BTreeMap::from([("T".to_owned(), "a-token-that-nobody-guesses".to_owned())]);
        Arc::new(plan::load(&self.text, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration"))
    }
}

fn reply(mood: Mood, is_check: bool, now: Duration) -> Reply {
    let well = || Reply { body: Some(Content::Chunks(vec!["all ".to_owned(), "ok".to_owned()])), ..Reply::default() };
    let status = |status| Reply { status: Some(status), ..well() };
    let failed = |fault| Reply { fail: Some(fault), ..Reply::default() };
    match mood {
        Mood::Crashed => failed(Fault::Reset),
        Mood::Frozen => failed(Fault::Hang),
        Mood::Flapping if now.as_secs() / 4 % 2 == 1 => failed(Fault::Reset),
        Mood::Unwell if is_check => status(404),
        Mood::Mute if is_check => Reply { body: Some(Content::Chunks(vec!["down".to_owned()])), ..Reply::default() },
        Mood::Lying if !is_check => status(500),
        _ => well(),
    }
}

fn elapsed(world: &World, since: Duration) -> Duration {
    Duration::from_millis(world.now().unix_millis()).saturating_sub(since)
}

fn place_of(call: &Call) -> usize {
    call.to[1..call.to.len() - ".test".len()].parse().expect("a place")
}

fn is_check(call: &Call) -> bool {
    call.path == "/healthz"
}

/// What `/upstreams` tells.
fn told(gateway: &Gateway<Platform>, world: &Rc<World>) -> serde_json::Value {
    let request = http::Request::get("/upstreams").header("host", "localhost").body(Bytes::new()).expect("a request");
    let task: Pin<Box<dyn Future<Output = serde_json::Value> + '_>> = Box::pin(async move {
        let answer = gateway.admin(&request, Way::Local).await;
        let gateway_core::body::Body::Full(content) = answer.into_body() else { panic!("no content") };
        serde_json::from_slice(&content).expect("JSON")
    });
    run(world, [task]).unwrap_or_else(|hang| panic!("{hang}")).remove(0)
}

fn history(seed: u64) {
    let world = Rc::new(World::new(seed));
    let chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let setting = Setting::of(&chance);
    let moods: Vec<Mood> = (0..setting.places).map(|_| *chance.pick(&MOODS)).collect();
    let about = format!("{moods:?}, {}", setting.text);
    let gateway = Gateway::new(setting.load(), Platform(Rc::clone(&world)));
    let begun = Duration::from_millis(world.now().unix_millis());
    let arrivals: Rc<std::cell::RefCell<Vec<(Duration, usize, bool)>>> = Rc::default();
    let script = (Rc::downgrade(&world), moods.clone(), Rc::clone(&arrivals));
    world.set_script(move |call: &Call| {
        let Some(world) = script.0.upgrade() else { return Reply::default() };
        let (now, place, is_check) = (elapsed(&world, begun), place_of(call), is_check(call));
        script.2.borrow_mut().push((now, place, is_check));
        let mood = if now >= TROUBLE { Mood::Well } else { script.1[place] };
        reply(mood, is_check, now)
    });
    world.collects_responses.set(true);

    // Several that check, as the tasks of a server would: none checks what another one does.
    let checkers = (0..setting.places).map(|_| {
        let (world, gateway) = (&world, &gateway);
        Box::pin(async move {
            while elapsed(world, begun) < END {
                let (due, next) = gateway.due_checks();
                for check in due {
                    gateway.check(check).await;
                }
                world.sleep(next.expect("an upstream is checked").min(Duration::from_millis(500))).await;
            }
            None
        }) as Pin<Box<dyn Future<Output = Option<(Duration, Response)>> + '_>>
    });
    let clients = (0..60_usize).map(|number| {
        let at = Duration::from_millis(chance.below(usize::try_from(END.as_millis()).expect("small")) as u64);
        let asked = serde_json::json!({ "url": format!("http://gw.test/{number}"), "headers": [["x-user", (number % 6).to_string()], ["authorization", "Bearer client"]] });
        let (request, peer) = client_request(&world, &serde_json::from_value(asked).expect("a request"));
        let (world, gateway) = (&world, &gateway);
        Box::pin(async move {
            world.sleep(at).await;
            let answer = receive(gateway, request, peer).await;
            Some((at, answer))
        }) as Pin<Box<dyn Future<Output = _> + '_>>
    });
    let answers = run(&world, checkers.chain(clients)).unwrap_or_else(|hang| panic!("{hang}"));
    let calls = world.take_calls();
    assert_eq!(calls.iter().filter(|call| !is_check(call)).count(), 60, "each request is sent once: {about}");
    for call in calls.iter().filter(|call| is_check(call)) {
        let field = |name: &str| call.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!((&*call.method, field("host"), field("x-check")), ("GET", Some(&*call.to), Some("1")));
        assert_eq!(field("authorization"), Some("Bearer a-token-that-nobody-guesses"), "the gateway's own");
    }
    let arrivals = arrivals.borrow();
    for place in 0..setting.places {
        let checks = arrivals.iter().filter(|(_, of, is_check)| *of == place && *is_check).count();
        // Up to a tenth sooner, and later where whoever checks waits for another place.
        assert!((11..=17).contains(&checks), "{checks}: {about}");
    }
    if moods.iter().any(|mood| matches!(mood, Mood::Well | Mood::Lying)) {
        let wrong = arrivals
            .iter()
            .find(|(at, place, is_check)| !is_check && moods[*place].fails() && *at > KNOWN && *at < TROUBLE);
        assert_eq!(wrong, None, "it fails its checks: {about}");
    }
    let late = answers.iter().flatten().filter(|(at, _)| *at >= TROUBLE + (EVERY + TIMEOUT) * 3);
    for (at, answer) in late {
        assert_eq!(answer.status, 200, "all are well again: {at:?}, {about}");
    }
    let told = told(&gateway, &world);
    for (place, mood) in moods.iter().enumerate() {
        let of = |pointer: &str| told.pointer(&format!("/upstreams/0/endpoints/{place}{pointer}")).cloned();
        assert_eq!(of("/health/checks/failing"), Some(false.into()), "{told}");
        let failed = of("/health/checks/failed").and_then(|failed| failed.as_u64()).expect("a number");
        assert_eq!(failed > 0, mood.fails() || *mood == Mood::Flapping, "{told}, {about}");
        let sent = of("/calls/sent").and_then(|sent| sent.as_u64()).expect("a number");
        let calls = arrivals.iter().filter(|(_, of, is_check)| *of == place && !is_check).count();
        assert_eq!(sent, calls as u64, "a check is no call: {told}");
        if !setting.has_passive {
            assert_eq!(of("/health/state"), Some("in".into()), "{told}");
        }
    }
}

/// docs/configuration.md, Checks.
#[test]
fn histories_of_places_that_are_checked() {
    let seeds: Vec<u64> = match std::env::var("EDGEWAY_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (0..400).collect(),
    };
    for seed in seeds {
        if let Err(cause) = std::panic::catch_unwind(|| history(seed)) {
            eprintln!("EDGEWAY_SEED={seed} replays this");
            std::panic::resume_unwind(cause);
        }
    }
}

/// docs/platforms.md, Checks of places: one instance checks from time to time, and another learns of it by the store, behind an answer.
#[test]
fn instances_learn_by_the_store_which_places_fail() {
    for seed in 0..40 {
        let world = Rc::new(World::new(seed));
        world.checks_in_store.set(true);
        let text = r#"{"upstreams": {"u": {"urls": ["http://p0.test", "http://p1.test"],
                "health": {"active": {"path": "/healthz", "every": "1s", "timeout": "500ms", "unhealthy": 2}, "passive": {"enabled": false}}}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "u"}]}"#;
        let plan = Arc::new(plan::load(text, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"));
        let [cron, first] = [(); 2].map(|()| Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world))));
        let check = || {
            // Each run in an instance of its own, as it may be.
            let fresh = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
            let instance = if seed % 2 == 0 { &fresh } else { &cron };
            let task: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(instance.check_all());
            run(&world, [task]).unwrap_or_else(|hang| panic!("{hang}"));
            world.take_calls().iter().filter(|call| place_of(call) == 0).count()
        };
        let ask = |times: usize| -> Vec<usize> {
            (0..times)
                .map(|_| {
                    let asked = serde_json::json!({ "url": "http://gw.test/" });
                    let (request, peer) = client_request(&world, &serde_json::from_value(asked).expect("a request"));
                    let task: Pin<Box<dyn Future<Output = Response> + '_>> = Box::pin(receive(&first, request, peer));
                    run(&world, [task]).unwrap_or_else(|hang| panic!("{hang}"));
                    place_of(&world.take_calls()[0])
                })
                .collect()
        };
        world.set_script(|call: &Call| reply(Mood::Well, is_check(call), Duration::ZERO));
        assert_eq!(check(), 1, "nothing speaks against it");
        assert_eq!(ask(4).iter().sum::<usize>(), 2, "both are called");
        world.set_script(|call: &Call| {
            reply(if place_of(call) == 0 { Mood::Unwell } else { Mood::Well }, is_check(call), Duration::ZERO)
        });
        assert_eq!(check(), 2, "one failure alone is none");
        world.advance(Duration::from_secs(6));
        ask(1);
        assert_eq!(ask(4), [1; 4], "it is known from the second request on");
        assert_eq!(check(), 1);
        // Nobody checks any more: after some time all are called.
        world.advance(Duration::from_secs(310));
        ask(1);
        assert_eq!(ask(4).iter().sum::<usize>(), 2);
        assert_eq!(check(), 2);
        world.set_script(|call: &Call| reply(Mood::Well, is_check(call), Duration::ZERO));
        assert_eq!(check(), 1);
        world.advance(Duration::from_secs(6));
        ask(1);
        assert_eq!(ask(4).iter().sum::<usize>(), 2, "it is back");
    }
}
