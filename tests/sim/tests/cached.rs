//! The cache against a plain model of RFC 9111: an origin that follows a script, random requests one after another, and for each answer
//! whether the standard lets it be given. `EDGEWAY_SEEDS` says how many seeds are run.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::{Call, Reply, Request, Response};
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan::{self, Plan};
use serde_json::json;

/// The seeds of the model where `EDGEWAY_SEEDS` says no other number: some seconds' worth.
const SEEDS: u64 = 500;

/// The requests of one seed.
const STEPS: usize = 14;

const CONFIG: &str = r#"{"upstreams": {"u": {"url": "http://u.test"}}, "routes": [
    {"name": "r", "match": {"prefix": "/"}, "upstream": "u", "policies": [{"cache": {}}]}]}"#;

/// What the origin says of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    cache_control: &'static str,
    /// The time for which it is fresh, in seconds; none if it does not say.
    fresh: Option<u64>,
    /// How long it may be used stale while it is asked for again, and in place of an error.
    while_revalidated: u64,
    if_error: u64,
    /// Set if it is for whoever asked alone.
    own: bool,
    /// Set if it is for everybody even if who asked has credentials.
    open: bool,
    /// Set if it may be used only once the origin has confirmed it.
    confirmed: bool,
}

const PLAIN: Terms = Terms {
    cache_control: "",
    fresh: None,
    while_revalidated: 0,
    if_error: 0,
    own: false,
    open: false,
    confirmed: false,
};

const TERMS: [Terms; 9] = [
    PLAIN,
    Terms { cache_control: "max-age=10", fresh: Some(10), ..PLAIN },
    Terms { cache_control: "max-age=10, public", fresh: Some(10), open: true, ..PLAIN },
    Terms { cache_control: "max-age=5, s-maxage=20", fresh: Some(20), open: true, ..PLAIN },
    Terms { cache_control: "max-age=10, stale-while-revalidate=10", fresh: Some(10), while_revalidated: 10, ..PLAIN },
    Terms { cache_control: "max-age=10, stale-if-error=30", fresh: Some(10), if_error: 30, ..PLAIN },
    Terms { cache_control: "no-cache", fresh: None, confirmed: true, ..PLAIN },
    Terms { cache_control: "no-store", own: true, ..PLAIN },
    Terms { cache_control: "private, max-age=10", fresh: Some(10), own: true, ..PLAIN },
];

/// A response that the origin has made.
#[derive(Clone, Debug)]
struct Made {
    path: usize,
    language: usize,
    varies: bool,
    authorized: bool,
    terms: Terms,
    /// The step whose request it answers.
    step: usize,
    /// The state of the path that it shows.
    state: u64,
    /// The time, in milliseconds, and the step at which it was made or last confirmed.
    confirmed: (u64, usize),
    /// The step at which the origin last said that it is good, to whomever.
    shown: usize,
}

impl Made {
    /// Returns whether it may answer requests for this path in this language (RFC 9111 §4.1).
    fn is_for(&self, path: usize, language: usize) -> bool {
        self.path == path && (!self.varies || self.language == language)
    }

    /// Returns whether a shared cache may store it (RFC 9111 §3, §3.5).
    fn is_shared(&self) -> bool {
        !self.terms.own && (!self.authorized || self.terms.open)
    }

    /// Its age at `now`, in milliseconds beyond the time for which it is fresh.
    fn staleness(&self, now: u64) -> i64 {
        now as i64 - self.confirmed.0 as i64 - self.terms.fresh.unwrap_or(0) as i64 * 1_000
    }
}

/// The paths, and the languages that requests ask for.
const PATHS: usize = 2;
const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

/// The origin, and what it has made.
#[derive(Default)]
struct Origin {
    made: RefCell<Vec<Made>>,
    states: [Cell<u64>; PATHS],
    /// The number of requests that have come.
    asked: Cell<usize>,
    step: Cell<usize>,
    fails: Cell<bool>,
}

impl Origin {
    fn answer(&self, world: &World, call: &Call) -> Reply {
        self.asked.set(self.asked.get() + 1);
        let reply = |value| serde_json::from_value(value).expect("an answer");
        if self.fails.get() {
            return reply(if world.chance.below(2) == 0 { json!({"status": 503}) } else { json!({"fail": "reset"}) });
        }
        let field = |name: &str| call.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let path: usize = call.path.strip_prefix("/p").and_then(|path| path.parse().ok()).expect("one of the paths");
        if call.method == "POST" {
            self.states[path].set(self.states[path].get() + 1);
            return reply(json!({"status": 204}));
        }
        let language = LANGUAGES.iter().position(|known| Some(*known) == field("accept-language")).expect("a language");
        let confirmed = (world.now().unix_millis(), self.step.get());
        let state = self.states[path].get();
        let mut made = self.made.borrow_mut();
        if let Some(number) = field("if-none-match").and_then(|tag| tag.trim_matches('"').parse::<usize>().ok()) {
            // The version that the tag names is the present one for the language, as long as nothing has changed the path.
            let known = &mut made[number];
            if known.state == state && known.is_for(path, language) {
                known.shown = self.step.get();
                // What is said to somebody with credentials is for them (RFC 9111 §3.5).
                if field("authorization").is_none() || known.terms.open {
                    known.confirmed = confirmed;
                }
                let headers = [["etag", &format!("\"{number}\"")], ["cache-control", known.terms.cache_control]];
                return reply(json!({"status": 304, "headers": headers}));
            }
        }
        let terms = *world.chance.pick(&TERMS);
        let varies = world.chance.below(2) == 0;
        let number = made.len().to_string();
        let authorized = field("authorization").is_some();
        made.push(Made {
            path,
            language,
            varies,
            authorized,
            terms,
            step: self.step.get(),
            state,
            confirmed,
            shown: self.step.get(),
        });
        let mut headers = vec![["cache-control", terms.cache_control]];
        if varies {
            headers.push(["vary", "Accept-Language"]);
        }
        let tag = format!("\"{number}\"");
        if world.chance.below(2) == 0 {
            headers.push(["etag", &tag]);
        }
        reply(json!({"headers": headers, "body": number}))
    }
}

/// A request of a client.
#[derive(Clone, Copy, Debug)]
struct Asked {
    path: usize,
    language: usize,
    authorized: bool,
    no_cache: bool,
    only_stored: bool,
}

fn ask(world: &Rc<World>, gateway: &Gateway<Platform>, request: serde_json::Value) -> Response {
    let request: Request = serde_json::from_value(request).expect("a request");
    let (request, peer) = client_request(world, &request);
    let received = Box::pin(receive(gateway, request, peer)) as Pin<Box<dyn Future<Output = Response>>>;
    run(world, [received]).unwrap_or_else(|hang| panic!("{hang}")).remove(0)
}

fn plan() -> Arc<Plan> {
    Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"))
}

/// RFC 9111 §3, §4, §4.1 to §4.4, §5.2, RFC 5861: no answer is given that the standard does not allow, and none is asked for that is there.
#[test]
fn every_answer_is_one_that_the_standard_allows() {
    let plan = plan();
    let seeds = match std::env::var("EDGEWAY_SEED") {
        Ok(seed) => seed.parse().map(|seed: u64| seed..seed + 1).expect("EDGEWAY_SEED is a number"),
        Err(_) => {
            0..std::env::var("EDGEWAY_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("EDGEWAY_SEEDS is a number"))
        }
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| follow(&plan, seed)));
        if let Err(cause) = outcome {
            eprintln!("EDGEWAY_SEED={seed} replays this");
            std::panic::resume_unwind(cause);
        }
    }
}

fn follow(plan: &Arc<Plan>, seed: u64) {
    let world = Rc::new(World::new(seed));
    world.collects_responses.set(true);
    let origin = Rc::new(Origin::default());
    let (script, of) = (Rc::clone(&origin), Rc::downgrade(&world));
    world.set_script(move |call| script.answer(&of.upgrade().expect("a world"), call));
    let gateway = Gateway::new(Arc::clone(plan), Platform(Rc::clone(&world)));
    for step in 0..STEPS {
        let chance = &world.chance;
        world.advance(Duration::from_millis(chance.below(12_000) as u64));
        origin.step.set(step);
        origin.fails.set(chance.below(6) == 0);
        let path = chance.below(PATHS);
        let url = format!("http://gw.test/p{path}");
        if chance.below(8) == 0 {
            ask(&world, &gateway, json!({"method": "POST", "url": url, "body": "x"}));
            continue;
        }
        let asked = Asked {
            path,
            language: chance.below(LANGUAGES.len()),
            authorized: chance.below(4) == 0,
            no_cache: chance.below(8) == 0,
            only_stored: chance.below(12) == 0,
        };
        let mut headers = vec![["accept-language", LANGUAGES[asked.language]]];
        if asked.authorized {
            headers.push(["authorization", "Basic YTpi"]);
        }
        match (asked.no_cache, asked.only_stored) {
            (true, _) => headers.push(["cache-control", "no-cache"]),
            (false, true) => headers.push(["cache-control", "only-if-cached"]),
            (false, false) => {}
        }
        let before = origin.asked.get();
        let wanted = hit_at(&origin.made.borrow(), asked, &origin, world.now().unix_millis());
        let now = world.now().unix_millis();
        let answer = ask(&world, &gateway, json!({"url": url, "headers": headers}));
        let calls = origin.asked.get() - before;
        let made = origin.made.borrow();
        let told = || format!("step {step}, {asked:?}, fails {}: {answer:?}\n{made:#?}", origin.fails.get());
        if asked.only_stored && !asked.no_cache && answer.status == 504 {
            assert_eq!(calls, 0, "{}", told());
        } else if answer.status == 200 {
            let number: usize = String::from_utf8_lossy(&answer.body).parse().expect("a number");
            check(&made[number], asked, (&origin, step), now, &told);
        } else {
            assert!(origin.fails.get(), "{}", told());
        }
        if wanted {
            assert!(calls == 0 && answer.status == 200, "it is stored, and fresh: {}", told());
        }
    }
}

/// Asserts that `made` may be the answer (RFC 9111 §4).
fn check(made: &Made, asked: Asked, (origin, step): (&Origin, usize), now: u64, told: &dyn Fn() -> String) {
    assert!(made.is_for(asked.path, asked.language), "it answers other requests: {}", told());
    if made.step == step {
        return;
    }
    assert!(made.is_shared(), "it may not be stored: {}", told());
    if made.shown == step {
        return;
    }
    assert_eq!(made.state, origin.states[asked.path].get(), "it was invalidated: {}", told());
    assert!(!made.terms.confirmed && !asked.no_cache, "nobody has confirmed it: {}", told());
    let staleness = made.staleness(now);
    let error = if origin.fails.get() { made.terms.if_error } else { 0 };
    let most = made.terms.while_revalidated.max(error) as i64 * 1_000;
    assert!(staleness < most.max(1), "it is stale for {staleness} ms: {}", told());
}

/// Returns whether a cache that stores all that it may has a fresh answer: the one that was made or confirmed last.
fn hit_at(made: &[Made], asked: Asked, origin: &Origin, now: u64) -> bool {
    let fitting = made.iter().filter(|made| made.is_for(asked.path, asked.language));
    let Some(last) = fitting.clone().max_by_key(|made| made.confirmed) else { return false };
    let is_only = fitting.filter(|made| made.confirmed == last.confirmed).count() == 1;
    // What was asked for again, and may not be stored, has taken the place of what was stored.
    let is_replaced = made.iter().any(|other| {
        let is_stored = other.is_shared() && other.terms.fresh.is_some();
        other.path == asked.path && !is_stored && other.confirmed.0 >= last.confirmed.0
    });
    is_only
        && !is_replaced
        && last.is_shared()
        && !last.terms.confirmed
        && !asked.no_cache
        && last.state == origin.states[asked.path].get()
        && last.staleness(now) < 0
}

/// docs/configuration.md, Cache: requests that come together are one to the upstream, and one that fails has one other ask.
#[test]
fn requests_that_come_together_are_one() {
    let plan = plan();
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        world.collects_responses.set(true);
        let (asked, dies) = (Rc::new(Cell::new(0)), seed % 3 == 0);
        let counter = Rc::clone(&asked);
        world.set_script(move |_| {
            counter.set(counter.get() + 1);
            let fails = dies && counter.get() == 1;
            let headers = [["cache-control", "max-age=60"]];
            let value = if fails {
                json!({"fail": "cut", "headers": headers, "body": "four"})
            } else {
                json!({"headers": headers, "body": "four"})
            };
            serde_json::from_value(value).expect("an answer")
        });
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        let clients = (0..64).map(|_| {
            let request = serde_json::from_value(json!({"url": "http://gw.test/p0"})).expect("a request");
            let (request, peer) = client_request(&world, &request);
            Box::pin(receive(&gateway, request, peer)) as Pin<Box<dyn Future<Output = Response>>>
        });
        let answers = run(&world, clients).unwrap_or_else(|hang| panic!("{hang}"));
        let whole =
            answers.iter().filter(|answer| answer.status == 200 && !answer.cut && *answer.body == *b"four").count();
        assert_eq!((whole, asked.get()), if dies { (63, 2) } else { (64, 1) });
    });
}

/// RFC 9111 §4.1; docs/configuration.md, Cache: requests wait for those alone that ask for the same response of a URL.
#[test]
fn requests_for_other_variants_do_not_wait_for_one_another() {
    const TAKES: Duration = Duration::from_millis(500);
    const OF_EACH: usize = 6;
    let languages = ["en", "de", "fr", "it", "es", "pt", "nl", "sv", "da", "fi"];
    let plan = plan();
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        world.collects_responses.set(true);
        let asked = Rc::new(Cell::new(0));
        let counter = Rc::clone(&asked);
        world.set_script(move |call| {
            counter.set(counter.get() + 1);
            let language = call.headers.iter().find(|(name, _)| name == "accept-language").expect("a language");
            let headers = [["cache-control", "max-age=60"], ["vary", "accept-language"]];
            let value = json!({"headers": headers, "body": language.1, "delay": "500ms"});
            serde_json::from_value(value).expect("an answer")
        });
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        let request = |language: &str| {
            let headers = [["accept-language", language]];
            let request = json!({"url": "http://gw.test/p0", "headers": headers});
            let request = serde_json::from_value(request).expect("a request");
            let (request, peer) = client_request(&world, &request);
            let (gateway, world, language) = (&gateway, Rc::clone(&world), language.to_owned());
            Box::pin(async move {
                let begun = world.now();
                let answer = receive(gateway, request, peer).await;
                assert_eq!(String::from_utf8_lossy(&answer.body), language);
                world.now().saturating_since(begun)
            }) as Pin<Box<dyn Future<Output = Duration>>>
        };
        let took = |languages: &[&str], times| {
            let tasks = languages.iter().flat_map(|language| (0..times).map(|_| request(language)));
            run(&world, tasks.collect::<Vec<_>>()).unwrap_or_else(|hang| panic!("{hang}"))
        };
        // Now it is known by what they are chosen.
        took(&["xx"], 1);
        asked.set(0);
        let took = took(&languages, OF_EACH);
        // In a store that knows of no changes at the same time, some of the answers get lost, and are asked for again.
        let most = if world.stores_apart { 3 } else { 1 };
        assert!((languages.len()..=languages.len() * most).contains(&asked.get()), "{}", asked.get());
        assert!(took.iter().all(|took| *took < TAKES * 2 * most as u32), "{took:?}");
    });
}

/// docs/configuration.md, Cache: what was answered before a route had another upstream or other rules is not found, and a change of the
/// resource ends all of it.
#[test]
fn another_configuration_finds_nothing_of_the_old_one() {
    let plan = |url: &str, policy: &str| {
        let text = CONFIG.replace("http://u.test", url).replace(r#""cache": {}"#, policy);
        Arc::new(plan::load(&text, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"))
    };
    let world = Rc::new(World::new(7));
    world.collects_responses.set(true);
    world.set_script(|call| {
        let value = json!({"headers": [["cache-control", "max-age=60"], ["etag", "\"a\""]], "body": call.to});
        serde_json::from_value(value).expect("an answer")
    });
    let gateway = |url, policy| Gateway::new(plan(url, policy), Platform(Rc::clone(&world)));
    let get = |gateway: &Gateway<Platform>| {
        let answer = ask(&world, gateway, json!({"url": "http://gw.test/p0"}));
        let status = answer.headers.iter().find(|(name, _)| name == "cache-status").expect("a field").1.clone();
        (String::from_utf8_lossy(&answer.body).into_owned(), status.contains("; hit"))
    };
    let told = |body: &str, is_hit| (body.to_owned(), is_hit);
    let old = gateway("http://u.test", r#""cache": {}"#);
    assert_eq!(get(&old), told("u.test", false));
    assert_eq!(get(&old), told("u.test", true));
    // Another gateway with the same rules, as far as they matter.
    assert_eq!(get(&gateway("http://u.test", r#""cache": {"collapse": "1s"}"#)), told("u.test", true));
    let new = gateway("http://v.test", r#""cache": {}"#);
    assert_eq!(get(&new), told("v.test", false));
    assert_eq!(get(&new), told("v.test", true));
    assert_eq!(
        get(&gateway("http://u.test", r#""cache": {"key": {"headers": []}, "maxTtl": "1s"}"#)),
        told("u.test", false)
    );
    assert_eq!(get(&old), told("u.test", true));
    ask(&world, &new, json!({"method": "POST", "url": "http://gw.test/p0", "body": "x"}));
    assert_eq!((get(&old), get(&new)), (told("u.test", false), told("v.test", false)));
}
