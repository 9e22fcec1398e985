//! Copies for another upstream, whatever becomes of them: no client notices, and there are never too many.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_corpus::{Content, Fault, Reply, Request};
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, run};
use gateway_core::admin::Way;
use gateway_core::body::Body;
use gateway_core::gateway::{Ended, Gateway, Outcome, Reply as Answer};
use gateway_core::plan;
use http::StatusCode;

const REQUESTS: usize = 8;
const AT_ONCE: usize = 3;
/// The time that the upstream of the route takes.
const TAKES: Duration = Duration::from_millis(10);
const TIMEOUT: Duration = Duration::from_secs(1);

const CONFIG: &str = r#"{
    "admin": {"path": "/.gw", "token": {"secret": "T"}},
    "upstreams": {"a": {"url": "http://a.test"}, "next": {"url": "http://next.test"}},
    "routes": [{"name": "r", "upstream": "a", "mirror": [{"upstream": "next", "methods": ["GET", "POST"], "atOnce": 3, "timeout": "1s"}]}]
}"#;

fn copy(chance: &Chance) -> Reply {
    let failed = |fault| Reply { fail: Some(fault), ..Reply::default() };
    match chance.below(6) {
        0 => failed(Fault::Hang),
        1 => failed(Fault::Garbage),
        2 => Reply {
            body: Some(Content::Chunks(vec!["half".to_owned(), "of it".to_owned()])),
            fail: Some(Fault::Cut),
            ..Reply::default()
        },
        3 => Reply { status: Some(500), ..Reply::default() },
        4 => Reply { delay: Some(Duration::from_millis(chance.below(3_000) as u64)), ..Reply::default() },
        _ => Reply::default(),
    }
}

/// What has become of copies, as the metrics have it: answered, failed, left out.
fn counts(gateway: &Gateway<Platform>, world: &Rc<World>) -> [usize; 3] {
    let request = http::Request::get("/metrics").header("host", "localhost").body(Bytes::new()).expect("a request");
    let task: Pin<Box<dyn Future<Output = Bytes> + '_>> = Box::pin(async move {
        let Body::Full(content) = gateway.admin(&request, Way::Local).await.into_body() else { panic!("no content") };
        content
    });
    let text = run(world, [task]).unwrap_or_else(|hang| panic!("{hang}")).remove(0);
    let text = String::from_utf8(text.to_vec()).expect("text");
    ["answered", "failed", "left_out"].map(|outcome| {
        let name = format!(r#"edgeway_mirrored_requests_total{{upstream="next",outcome="{outcome}"}} "#);
        let count = text.lines().find_map(|line| line.strip_prefix(&name));
        count.unwrap_or_else(|| panic!("no {name}in {text}")).parse().expect("a number")
    })
}

fn history(seed: u64) {
    let world = Rc::new(World::new(seed));
    let chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let secrets = BTreeMap::from([("T".to_owned(), "a-token-that-nobody-guesses".to_owned())]);
    let plan = Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration"));
    world.collects_responses.set(true);
    let gateway = Gateway::new(plan, Platform(Rc::clone(&world)));
    let all_hang = seed.is_multiple_of(4);
    world.set_script(move |call| {
        if call.to == "a.test" {
            return Reply { delay: Some(TAKES), ..Reply::default() };
        }
        assert!(call.headers.iter().any(|(name, value)| name == "x-edgeway-mirrored" && value == "?1"));
        if all_hang { Reply { fail: Some(Fault::Hang), ..Reply::default() } } else { copy(&chance) }
    });
    let now = || Duration::from_millis(world.now().unix_millis());
    let begun = now();
    let one = async |number: usize| {
        let asked = match number % 2 {
            0 => serde_json::json!({"url": "http://gw.test/x"}),
            _ => serde_json::json!({"method": "POST", "url": "http://gw.test/x", "body": "content"}),
        };
        let (request, peer) = client_request(&world, &serde_json::from_value::<Request>(asked).expect("a request"));
        let mut record = gateway.begin(&request, &peer);
        let Outcome { reply, after } = gateway.handle(request, &peer, &mut record).await;
        let Answer::Http(response) = reply else { panic!("no response") };
        assert_eq!((response.status(), now() - begun), (StatusCode::OK, TAKES));
        for work in after.into_iter().chain(gateway.ended(record, &Ended::default())) {
            gateway.run_after(work).await;
        }
        assert!(now() - begun <= TAKES + TIMEOUT);
    };
    let tasks = (0..REQUESTS).map(|number| Box::pin(one(number)) as Pin<Box<dyn Future<Output = ()> + '_>>);
    run(&world, tasks).unwrap_or_else(|hang| panic!("{hang}"));
    let [answered, failed, left_out] = counts(&gateway, &world);
    assert_eq!(answered + failed + left_out, REQUESTS);
    assert_eq!(world.take_calls().len(), REQUESTS + answered + failed);
    if all_hang {
        assert_eq!([answered, failed, left_out], [0, AT_ONCE, REQUESTS - AT_ONCE]);
    }
}

/// docs/configuration.md, Copies for another upstream: nothing of it reaches the client, and `atOnce`.
#[test]
fn no_client_notices_copies_and_there_are_never_too_many() {
    for seed in 0..400 {
        let told = std::panic::catch_unwind(|| history(seed));
        assert!(told.is_ok(), "seed {seed}");
    }
}
