//! What holds for every interleaving and every fault, not for one request at a time. Each property runs under 256 seeds.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::{Content, Fault, Reply, Request, Response};
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run, violations};
use gateway_core::gateway::{Ended, Gateway};
use gateway_core::plan::{self, Plan};

fn plan(config: &str) -> Arc<Plan> {
    Arc::new(plan::load(config, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"))
}

fn request(json: serde_json::Value) -> Request {
    serde_json::from_value(json).expect("a request")
}

fn get(url: &str) -> Request {
    request(serde_json::json!({ "url": url }))
}

/// The answers to `requests`, all sent at once under `seed`.
fn all_at_once(plan: &Arc<Plan>, world: &Rc<World>, requests: &[Request]) -> Vec<Response> {
    all_at_once_on(&Gateway::new(Arc::clone(plan), Platform(Rc::clone(world))), world, requests)
}

/// The answers of `gateway` to `requests`, all sent at once.
fn all_at_once_on(gateway: &Gateway<Platform>, world: &Rc<World>, requests: &[Request]) -> Vec<Response> {
    run(
        world,
        requests.iter().map(|asked| {
            let (asked, peer) = client_request(world, asked);
            Box::pin(async move {
                world.linger().await;
                receive(gateway, asked, peer).await
            }) as Pin<Box<dyn Future<Output = Response>>>
        }),
    )
    .unwrap_or_else(|hang| panic!("{hang}"))
}

/// docs/configuration.md, Policies: a limit of 10, hit by 40 requests at once, admits exactly 10, in whatever order they run.
#[test]
fn parallel_requests_get_exactly_the_quota() {
    for algorithm in ["gcra", "slidingWindow"] {
        let plan = plan(&format!(
            r#"{{"upstreams": {{"a": {{"url": "http://a.test"}}}}, "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "a",
                "policies": [{{"rateLimit": {{"algorithm": "{algorithm}", "limit": 10, "window": "1h", "key": "everyone"}}}}]}}]}}"#
        ));
        let requests: Vec<Request> = (0..40).map(|_| get("http://gw.test/x")).collect();
        for_every_seed(|seed| {
            let world = Rc::new(World::new(seed));
            let answers = all_at_once(&plan, &world, &requests);
            let admitted = answers.iter().filter(|answer| answer.status == 200).count();
            let refused = answers.iter().filter(|answer| answer.status == 429).count();
            assert_eq!((admitted, refused), (10, 30), "{algorithm}");
            assert_eq!(world.take_calls().len(), 10);
        });
    }
}

/// docs/configuration.md, Policies: of two limits on one route, neither lets more through than it admits.
#[test]
fn parallel_requests_under_two_limits_pass_neither() {
    let plan = plan(
        r#"{"routes": [{"name": "r", "match": {"prefix": "/"}, "respond": {}, "policies": [
            {"rateLimit": {"name": "wide", "limit": 20, "window": "1h", "key": "everyone"}},
            {"rateLimit": {"name": "narrow", "limit": 5, "window": "1h", "key": {"header": "x-client"}}}]}]}"#,
    );
    let requests: Vec<Request> = (0..48)
        .map(|n| {
            request(serde_json::json!({ "url": "http://gw.test/", "headers": [["x-client", (n % 6).to_string()]] }))
        })
        .collect();
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let answers = all_at_once(&plan, &world, &requests);
        let admitted = |client: usize| {
            answers.iter().enumerate().filter(|(n, answer)| n % 6 == client && answer.status == 200).count()
        };
        assert!((0..6).all(|client| admitted(client) <= 5));
        assert!((0..6).map(admitted).sum::<usize>() <= 20);
    });
}

/// docs/configuration.md, Policies: of 40 requests at once, exactly as many as there are places are in flight, and once their
/// answers have ended, however they did, all places are free again.
#[test]
fn parallel_requests_get_exactly_the_places_and_give_them_back() {
    let plan = plan(
        r#"{"defaults": {"timeouts": {"total": "10m"}}, "upstreams": {"a": {"url": "http://a.test"}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a",
                        "policies": [{"concurrency": {"limit": 3, "key": "everyone"}}]}]}"#,
    );
    let requests: Vec<Request> = (0..40).map(|_| get("http://gw.test/x")).collect();
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        let faults = [None, None, Some(Fault::Reset), Some(Fault::Garbage), Some(Fault::Cut)];
        let script = Rc::downgrade(&world);
        world.set_script(move |_| Reply {
            fail: script.upgrade().and_then(|world| *world.chance.pick(&faults)),
            delay: Some(Duration::from_secs(20)),
            pause: Some(Duration::from_secs(20)),
            ..Reply::default()
        });
        for round in 0..3 {
            let answers = all_at_once_on(&gateway, &world, &requests);
            let refused = answers.iter().filter(|answer| answer.status == 429).count();
            assert_eq!((refused, world.take_calls().len()), (37, 3), "round {round}");
        }
    });
}

/// docs/adr/0007: a client that leaves before it has its answer keeps no place.
#[test]
fn a_place_comes_back_from_a_client_that_left() {
    let plan = plan(
        r#"{"defaults": {"timeouts": {"total": "10m"}}, "upstreams": {"a": {"url": "http://a.test"}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a",
                        "policies": [{"concurrency": {"limit": 1, "key": "everyone"}}]}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        world.set_script(|_| Reply { delay: Some(Duration::from_secs(20)), ..Reply::default() });
        let (asked, peer) = client_request(&world, &get("http://gw.test/x"));
        let leaving: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
            let mut record = gateway.begin(&asked, &peer);
            {
                let mut answer = std::pin::pin!(gateway.handle(asked, &peer, &mut record));
                // Up to the call of the upstream, whose answer is a long time off.
                for _ in 0..world.chance.below(12) {
                    let step = std::future::poll_fn(|cx| std::task::Poll::Ready(answer.as_mut().poll(cx)));
                    assert!(step.await.is_pending());
                    world.linger().await;
                }
            }
            for work in gateway.ended(record, &Ended::default()) {
                gateway.run_after(work).await;
            }
        });
        run(&world, [leaving]).unwrap_or_else(|hang| panic!("{hang}"));
        let answers = all_at_once_on(&gateway, &world, &[get("http://gw.test/x")]);
        assert_eq!(answers[0].status, 200);
    });
}

/// ARCHITECTURE.md: whatever an upstream does, each request gets one whole answer, with an identifier, and nothing hangs.
#[test]
fn faults_never_hang_and_every_answer_is_sound() {
    let plan = plan(
        r#"{"defaults": {"timeouts": {"connect": "1s", "firstByte": "2s", "total": "5s"}},
            "upstreams": {"a": {"url": "http://a.test"}, "gone": {"url": "http://refused.test"},
                          "far": {"url": "http://unreachable.test"}, "nowhere": {"url": "http://unresolved.test"}},
            "limits": {"bodyBytes": "100B"},
            "routes": [{"name": "a", "match": {"prefix": "/a"}, "upstream": "a"},
                       {"name": "gone", "match": {"prefix": "/gone"}, "upstream": "gone"},
                       {"name": "far", "match": {"prefix": "/far"}, "upstream": "far"},
                       {"name": "nowhere", "match": {"prefix": "/nowhere"}, "upstream": "nowhere"},
                       {"name": "kv", "match": {"path": "/kv/{k}", "methods": ["GET", "PUT"]}, "keyValue": {"key": "{path.k}", "valueBytes": "50B"}},
                       {"name": "limited", "match": {"path": "/limited"}, "upstream": "a",
                        "policies": [{"rateLimit": {"limit": 2, "window": "1s", "key": "everyone", "fail": "open"}}]},
                       {"name": "closed", "match": {"path": "/closed"}, "respond": {},
                        "policies": [{"rateLimit": {"limit": 2, "window": "1s", "key": "everyone"}}]}]}"#,
    );
    const STATUSES: [u16; 9] = [200, 204, 404, 413, 429, 502, 503, 504, 201];
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        world.stores_fail.set(world.chance.below(4) == 0);
        let paths = ["/a/1", "/gone", "/far", "/nowhere", "/kv/x", "/limited", "/closed", "/none"];
        let requests: Vec<Request> = (0..12)
            .map(|_| {
                let url = format!("http://gw.test{}", world.chance.pick(&paths));
                let length = world.chance.below(200);
                match (url.contains("/kv/"), world.chance.below(3)) {
                    (_, 0) => get(&url),
                    (true, _) => {
                        request(serde_json::json!({ "method": "PUT", "url": url, "body": "x".repeat(length) }))
                    }
                    (false, _) => request(serde_json::json!({ "method": "POST", "url": url,
                        "body": { "chunks": ["x".repeat(length / 2), "y".repeat(length / 2)] } })),
                }
            })
            .collect();
        let faults = [None, None, Some(Fault::Reset), Some(Fault::Hang), Some(Fault::Garbage), Some(Fault::Cut)];
        let script = Rc::downgrade(&world);
        world.set_script(move |_| {
            let Some(world) = script.upgrade() else { return Reply::default() };
            Reply {
                fail: *world.chance.pick(&faults),
                delay: Some(Duration::from_millis(world.chance.below(4_000) as u64)),
                pause: Some(Duration::from_millis(world.chance.below(4_000) as u64)),
                body: Some(Content::Chunks(vec!["one".to_owned(), "two".to_owned()])),
                ..Reply::default()
            }
        });
        let started = world.now();
        let answers = all_at_once(&plan, &world, &requests);
        for answer in &answers {
            assert!(STATUSES.contains(&answer.status) || answer.status == 405, "status {}", answer.status);
            assert_eq!(violations(answer), [""; 0]);
            if answer.status >= 400 {
                let problem: serde_json::Value = serde_json::from_slice(&answer.body).expect("a problem");
                assert_eq!(problem["status"], answer.status);
            }
        }
        // `total` bounds every exchange.
        assert!(world.now().saturating_since(started) <= Duration::from_secs(5), "the deadline was not kept");
        let identifiers: BTreeSet<&String> = answers
            .iter()
            .flat_map(|a| a.headers.iter().filter(|(n, _)| n == "x-request-id").map(|(_, v)| v))
            .collect();
        assert_eq!(identifiers.len(), answers.len(), "identifiers are unique");
    });
}

/// docs/configuration.md, Policies: `fail` says what happens while the counter can't be reached.
#[test]
fn a_failing_counter_refuses_or_admits_as_the_policy_says() {
    let plan = plan(
        r#"{"routes": [
            {"name": "closed", "match": {"path": "/closed"}, "respond": {}, "policies": [{"rateLimit": {"limit": 1, "window": "1s"}}]},
            {"name": "open", "match": {"path": "/open"}, "respond": {}, "policies": [{"rateLimit": {"limit": 1, "window": "1s", "fail": "open"}}]}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        world.stores_fail.set(true);
        let answers = all_at_once(&plan, &world, &[get("http://gw.test/closed"), get("http://gw.test/open")]);
        assert_eq!([answers[0].status, answers[1].status], [503, 200]);
        let problem: serde_json::Value = serde_json::from_slice(&answers[0].body).unwrap();
        assert_eq!(problem["code"], "counter_unavailable");
    });
}

/// docs/configuration.md, Actions: a key-value store that fails is a 503 and no 404.
#[test]
fn a_failing_store_is_no_missing_value() {
    let plan = plan(
        r#"{"routes": [{"name": "kv", "match": {"path": "/kv/{k}", "methods": ["GET", "PUT", "DELETE"]}, "keyValue": {"key": "{path.k}"}}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        world.stores_fail.set(true);
        let methods = ["GET", "PUT", "DELETE"];
        let requests =
            methods.map(|method| request(serde_json::json!({ "method": method, "url": "http://gw.test/kv/x" })));
        for answer in all_at_once(&plan, &world, &requests) {
            assert_eq!(answer.status, 503);
        }
    });
}

/// docs/configuration.md, Actions: targets get their share by weight.
#[test]
fn a_split_follows_its_weights() {
    let plan = plan(
        r#"{"upstreams": {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}, "c": {"url": "http://c.test"}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "split": [
                {"upstream": "a", "weight": 90}, {"upstream": "b", "weight": 10}, {"upstream": "c", "weight": 0}]}]}"#,
    );
    let requests: Vec<Request> = (0..20).map(|_| get("http://gw.test/x")).collect();
    let shares: Cell<[usize; 3]> = Cell::default();
    for seed in 0..256 {
        let world = Rc::new(World::new(seed));
        all_at_once(&plan, &world, &requests);
        for call in world.take_calls() {
            let mut now = shares.get();
            now[usize::from(call.to.as_bytes()[0] - b'a')] += 1;
            shares.set(now);
        }
    }
    // 5,120 requests: 512 for `b` on average, with a standard deviation of 21.
    let [a, b, c] = shares.get();
    assert_eq!((a + b, c), (5_120, 0));
    assert!((400..=624).contains(&b), "{b} of 5,120 went to the target with a tenth of the weight");
}

/// ARCHITECTURE.md: a client that breaks off its request gets nothing through as a whole one.
#[test]
fn a_request_that_breaks_off_never_reaches_an_upstream_whole() {
    let plan = plan(
        r#"{"upstreams": {"a": {"url": "http://a.test"}}, "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a"}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        let content = Content::Chunks(vec!["half".to_owned(), "half".to_owned()]);
        let (asked, peer) =
            client_request(&world, &request(serde_json::json!({ "method": "POST", "url": "http://gw.test/" })));
        let body = edgeway_sim::Stream::from_client(&world, &content, edgeway_sim::End::Cut);
        let asked = asked.map(|_| gateway_core::body::Body::Stream(body));
        let receive = receive(&gateway, asked, peer);
        let answers = run(&world, [Box::pin(receive) as Pin<Box<dyn Future<Output = Response>>>]).unwrap();
        assert!(answers[0].status >= 400, "it was answered with {}", answers[0].status);
        assert_eq!(world.take_calls(), []);
    });
}

/// The same seed gives the same run, byte for byte: that is what makes a failure replay.
#[test]
fn a_seed_replays() {
    let plan = plan(
        r#"{"upstreams": {"a": {"url": "http://a.test"}, "b": {"url": "http://b.test"}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "split": [{"upstream": "a", "weight": 1}, {"upstream": "b", "weight": 1}],
            "policies": [{"rateLimit": {"limit": 5, "window": "1m"}}]}]}"#,
    );
    let requests: Vec<Request> = (0..10).map(|n| get(&format!("http://gw.test/{n}"))).collect();
    let replay = |seed| {
        let world = Rc::new(World::new(seed));
        (all_at_once(&plan, &world, &requests), world.take_calls())
    };
    for_every_seed(|seed| assert_eq!(replay(seed), replay(seed)));
}

/// docs/configuration.md, Access log: each exchange has one line, which says what the client got, and which side cut it off.
#[test]
fn the_access_log_has_one_true_line_for_each_exchange() {
    let plan = plan(
        r#"{"upstreams": {"a": {"url": "http://a.test", "timeouts": {"firstByte": "1s", "total": "3s"}}},
            "routes": [{"name": "a", "match": {"prefix": "/"}, "upstream": "a"},
                       {"name": "quiet", "match": {"prefix": "/quiet"}, "respond": {}, "accessLog": false}]}"#,
    );
    let faults = [None, Some(Fault::Reset), Some(Fault::Cut)];
    let urls = ["http://gw.test/x", "http://gw.test/quiet", "http://gw.test/y"];
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let requests: Vec<Request> = (0..8)
            .map(|n| {
                let id = format!("r{n}");
                request(serde_json::json!({ "url": *world.chance.pick(&urls), "headers": [["x-request-id", id]] }))
            })
            .collect();
        let script = Rc::downgrade(&world);
        world.set_script(move |_| {
            let Some(world) = script.upgrade() else { return Reply::default() };
            Reply {
                fail: *world.chance.pick(&faults),
                pause: Some(Duration::from_millis(world.chance.below(5_000) as u64)),
                body: Some(Content::Chunks(vec!["one".to_owned(), "two".to_owned()])),
                ..Reply::default()
            }
        });
        let answers = all_at_once(&plan, &world, &requests);
        let lines: Vec<serde_json::Value> =
            world.take_log().iter().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect();
        for (n, (asked, answer)) in requests.iter().zip(&answers).enumerate() {
            let own: Vec<_> = lines.iter().filter(|line| line["id"] == format!("r{n}")).collect();
            if asked.url.ends_with("quiet") {
                assert!(own.is_empty());
                continue;
            }
            let [line] = own[..] else { panic!("{} lines for one exchange", own.len()) };
            assert_eq!((&line["status"], &line["bytes"]), (&answer.status.into(), &answer.body.len().into()));
            assert_eq!(line.get("cut").is_some(), answer.cut);
            if answer.cut {
                assert!(line["cut"] == "upstream" || line["cut"] == "deadline", "{line}");
            }
        }
        assert_eq!(lines.len(), requests.iter().filter(|asked| !asked.url.ends_with("quiet")).count());
    });
}

/// docs/configuration.md, Upstreams: endpoints are called in turn, so that each gets its even share however requests overlap.
#[test]
fn endpoints_get_even_shares_of_requests_at_once() {
    let plan = plan(
        r#"{"upstreams": {"u": {"urls": ["http://a.test", "http://b.test", "http://c.test"]}},
            "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "u"}]}"#,
    );
    let requests: Vec<Request> = (0..30).map(|_| get("http://gw.test/x")).collect();
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        all_at_once(&plan, &world, &requests);
        let calls = world.take_calls();
        for host in ["a.test", "b.test", "c.test"] {
            assert_eq!(calls.iter().filter(|call| call.to == host).count(), 10);
        }
    });
}

/// ARCHITECTURE.md, State: a reload in the middle of everything loses nothing that the new plan still names.
#[test]
fn a_reload_in_the_middle_of_everything_loses_no_state() {
    let upstreams = [
        r#"{"u": {"urls": ["http://a.test", "http://b.test"]}}"#,
        r#"{"other": {"url": "http://c.test"}, "u": {"urls": ["http://b.test", "http://a.test"]}}"#,
    ];
    let plans = upstreams.map(|upstreams| {
        plan(&format!(
            r#"{{"upstreams": {upstreams}, "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#
        ))
    });
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let platform = || Platform(Rc::clone(&world));
        // Each request goes to the gateway that is newest when it comes, and reloads come at any time.
        let newest = RefCell::new(Rc::new(Gateway::new(Arc::clone(&plans[0]), platform())));
        let (world, newest, plans) = (&world, &newest, &plans);
        let exchanges = (0..24).map(|n| {
            let (asked, peer) = client_request(world, &get("http://gw.test/x"));
            Box::pin(async move {
                world.sleep(Duration::from_millis(world.chance.below(50) as u64)).await;
                if n % 4 == 0 {
                    let next = newest.borrow().reload(Arc::clone(world.chance.pick(plans)), platform());
                    *newest.borrow_mut() = Rc::new(next);
                }
                let gateway = Rc::clone(&newest.borrow());
                receive(&gateway, asked, peer).await
            }) as Pin<Box<dyn Future<Output = Response>>>
        });
        run(world, exchanges).unwrap_or_else(|hang| panic!("{hang}"));
        let gateway = Rc::clone(&newest.borrow());
        let upstream = gateway.plan().upstreams.iter().find(|upstream| upstream.name == "u").expect("it is there");
        let sent: u64 = upstream.endpoints.iter().map(|endpoint| gateway.state().calls(endpoint).sent).sum();
        assert_eq!(sent, 24, "calls that were counted on earlier plans are forgotten");
    });
}

/// docs/configuration.md, Policies: a counter that does not answer in time has failed, and `fail` decides; a store of values
/// that does not is a 503. Neither delays a request beyond its deadline.
#[test]
fn a_store_that_never_answers_delays_a_request_by_its_deadline_and_no_longer() {
    let plan = plan(
        r#"{"counters": {"timeout": "700ms"}, "routes": [
            {"name": "closed", "match": {"path": "/closed"}, "respond": {}, "policies": [{"rateLimit": {"limit": 1, "window": "1s"}}]},
            {"name": "open", "match": {"path": "/open"}, "respond": {}, "policies": [{"rateLimit": {"limit": 1, "window": "1s", "fail": "open"}}]},
            {"name": "flag", "match": {"path": "/flag"}, "respond": {}, "policies": [{"maintenance": {"flag": "f"}}]},
            {"name": "value", "match": {"path": "/value"}, "keyValue": {"key": "k"}}]}"#,
    );
    for_every_seed(|seed| {
        for (path, status, millis) in
            [("closed", 503, 700), ("open", 200, 700), ("flag", 200, 2_000), ("value", 503, 10_000)]
        {
            let world = Rc::new(World::new(seed));
            world.stores_hang.set(true);
            let started = world.now();
            let answers = all_at_once(&plan, &world, &[get(&format!("http://gw.test/{path}"))]);
            assert_eq!(answers[0].status, status, "{path}");
            assert_eq!(world.now().saturating_since(started), Duration::from_millis(millis), "{path}");
        }
    });
}

/// The statuses of 40 answers to GETs at once, without repeats, and how often the key-value store was read for them.
fn statuses(gateway: &Gateway<Platform>, world: &Rc<World>, path: &str) -> (BTreeSet<u16>, usize) {
    world.reads.set(0);
    let requests: Vec<Request> = (0..40).map(|_| get(&format!("http://gw.test{path}"))).collect();
    let answers = all_at_once_on(gateway, world, &requests);
    (answers.iter().map(|answer| answer.status).collect(), world.reads.get())
}

/// docs/configuration.md, Maintenance: once a flag is known, it is read once in 5 s, after the answer to the request that finds
/// it old; after 30 s it is read before. A reload knows it, too.
#[test]
fn a_flag_is_read_once_in_five_seconds_however_many_ask() {
    let plan = plan(
        r#"{"routes": [{"name": "r", "match": {"prefix": "/"}, "respond": {}, "policies": [{"maintenance": {"flag": "f"}}]}]}"#,
    );
    let next = self::plan(
        r#"{"routes": [{"name": "s", "match": {"prefix": "/s"}, "respond": {}, "policies": [{"maintenance": {"flag": "g"}}]},
                       {"name": "r", "match": {"prefix": "/"}, "respond": {}, "policies": [{"maintenance": {"flag": "f"}}]}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        assert_eq!(all_at_once_on(&gateway, &world, &[get("http://gw.test/")])[0].status, 200);
        assert_eq!(world.reads.get(), 1, "the first request reads it");
        world.set_value("flag:f", Some("on"));
        world.advance(Duration::from_secs(4));
        assert_eq!(statuses(&gateway, &world, "/"), (BTreeSet::from([200]), 0), "it is fresh");
        world.advance(Duration::from_secs(1));
        assert_eq!(statuses(&gateway, &world, "/").1, 1, "one request has it read again");
        assert_eq!(statuses(&gateway, &world, "/"), (BTreeSet::from([503]), 0), "what was read holds for the next");
        let gateway = gateway.reload(Arc::clone(&next), Platform(Rc::clone(&world)));
        assert_eq!(statuses(&gateway, &world, "/"), (BTreeSet::from([503]), 0), "a reload knows it");
        world.set_value("flag:f", None);
        world.advance(Duration::from_secs(30));
        assert_eq!(
            all_at_once_on(&gateway, &world, &[get("http://gw.test/")])[0].status,
            200,
            "too old a value is not gone by"
        );
    });
}

/// docs/configuration.md, Maintenance: while the store can't answer, the last value holds; where there is none, `fail` decides,
/// and `open` serves.
#[test]
fn a_flag_outlives_the_failure_of_its_store() {
    let plan = plan(
        r#"{"routes": [{"name": "open", "match": {"path": "/open"}, "respond": {}, "policies": [{"maintenance": {"flag": "f"}}]},
                       {"name": "closed", "match": {"path": "/closed"}, "respond": {},
                        "policies": [{"maintenance": {"flag": "f", "fail": "closed"}}]}]}"#,
    );
    for_every_seed(|seed| {
        let world = Rc::new(World::new(seed));
        let gateway = Gateway::new(Arc::clone(&plan), Platform(Rc::clone(&world)));
        world.set_value("flag:f", Some("on"));
        world.stores_fail.set(true);
        assert_eq!(statuses(&gateway, &world, "/open").0, BTreeSet::from([200]));
        let named = r#""store":{"name":"simulated values","failure":"unreachable"}"#;
        assert!(world.take_log().iter().any(|line| line.contains(named)), "the request that read it names its store");
        assert_eq!(
            statuses(&gateway, &world, "/closed"),
            (BTreeSet::from([503]), 0),
            "a failure is remembered as long"
        );
        world.stores_fail.set(false);
        world.advance(Duration::from_secs(5));
        assert_eq!(statuses(&gateway, &world, "/open").1, 1);
        assert_eq!(statuses(&gateway, &world, "/open").0, BTreeSet::from([503]));
        world.stores_fail.set(true);
        world.advance(Duration::from_secs(3_600));
        assert_eq!(statuses(&gateway, &world, "/open").0, BTreeSet::from([503]), "the last value holds");
    });
}
