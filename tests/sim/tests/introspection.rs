//! Tokens that their issuer is asked about: once for all that come with one, and in bounds for those who make tokens up. Each property
//! runs under 256 seeds, and in half of them no request can wake another.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::{Call, Content, Reply, Request};
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;
use gateway_core::policy::tries::ASKED;

type Task<'t> = Pin<Box<dyn Future<Output = u16> + 't>>;

const CONFIG: &str = r#"{
    "issuers": {"corp": {"introspection": {"endpoint": "http://id.test/i", "upstream": "id", "client": "gw", "secret": {"secret": "S"}}}},
    "upstreams": {"id": {"url": "http://id.test"}, "a": {"url": "http://a.test"}},
    "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a", "policies": [{"authenticate": {"introspect": {}}}]}]}"#;

/// The issuer: every token that begins with `good` is active.
#[derive(Default)]
struct Issuer {
    asked: Cell<usize>,
    delay: Cell<Duration>,
}

impl Issuer {
    fn answer(&self, call: &Call) -> Option<Reply> {
        if call.to != "id.test" {
            return None;
        }
        self.asked.set(self.asked.get() + 1);
        let is_active = call.body.starts_with(b"token=good");
        let body = Some(Content::Text(format!(r#"{{"active": {is_active}}}"#)));
        Some(Reply { body, delay: Some(self.delay.get()), ..Reply::default() })
    }
}

/// A gateway that knows nothing yet, and its issuer.
fn cold(seed: u64) -> (Rc<World>, Gateway<Platform>, Rc<Issuer>) {
    let (world, issuer) = (Rc::new(World::new(seed)), Rc::<Issuer>::default());
    let answering = Rc::clone(&issuer);
    world.set_script(move |call| answering.answer(call).unwrap_or_default());
    let secrets = BTreeMap::from([("S".to_owned(), "secret".to_owned())]);
    let plan = plan::load(CONFIG, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration");
    let gateway = Gateway::new(Arc::new(plan), Platform(Rc::clone(&world)));
    (world, gateway, issuer)
}

/// The status of a request with `token` of the client at the address `from`.
fn request<'t>(world: &'t Rc<World>, gateway: &'t Gateway<Platform>, token: &str, from: &str) -> Task<'t> {
    let headers = [["authorization", &format!("Bearer {token}")]];
    let asked = serde_json::json!({ "url": "http://gw.test/", "headers": headers, "from": from });
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

/// docs/configuration.md, Tokens that their issuer is asked about: one request asks, and all go by the answer.
#[test]
fn a_hundred_requests_with_one_token_ask_once() {
    for_every_seed(|seed| {
        for (token, status) in [("good", 200), ("made-up", 401)] {
            let (world, gateway, issuer) = cold(seed);
            issuer.delay.set(Duration::from_millis(200));
            let ends = run_all(&world, (0..100).map(|_| request(&world, &gateway, token, "192.0.2.1")));
            assert_eq!((ends, issuer.asked.get()), (vec![status; 100], 1));
        }
    });
}

/// docs/configuration.md, Tokens that their issuer is asked about: whoever makes tokens up has the issuer asked in bounds, and keeps
/// nobody else out.
#[test]
fn made_up_tokens_have_the_issuer_asked_in_bounds() {
    let most = usize::try_from(ASKED.burst).expect("a small number");
    for_every_seed(|seed| {
        let (world, gateway, issuer) = cold(seed);
        let made_up = (0..400).map(|number| request(&world, &gateway, &format!("made-up-{number}"), "192.0.2.1"));
        let others = (0..50).map(|number| request(&world, &gateway, &format!("good-{number}"), "192.0.2.2"));
        let ends = run_all(&world, made_up.chain(others));
        let with = |status: u16| ends.iter().filter(|end| **end == status).count();
        assert_eq!((with(401), with(429), with(200)), (most, 400 - most, 50));
        assert_eq!(issuer.asked.get(), most + 50);
    });
}

/// docs/configuration.md, Tokens that their issuer is asked about: only tokens that are not active count, so that those behind one
/// address may be as many as they are.
#[test]
fn good_tokens_count_nothing() {
    for_every_seed(|seed| {
        let (world, gateway, issuer) = cold(seed);
        for round in 0..10 {
            let good = (0..50).map(|number| request(&world, &gateway, &format!("good-{round}-{number}"), "192.0.2.1"));
            assert_eq!(run_all(&world, good), [200; 50]);
        }
        assert_eq!(issuer.asked.get(), 500);
    });
}
