//! The keys that issuers publish: no caller with a good token is refused for what becomes of them, and the issuer is asked seldom.
//! Each property runs under 256 seeds, and in half of them no request can wake another.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use edgeway_corpus::{Call, Content, Fault, Reply, Request};
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::{After, Ended, Gateway};
use gateway_core::plan::{self, Plan};
use gateway_core::policy::key_cell::{LOST_AFTER, READ_TIMEOUT, WAIT};
use http::StatusCode;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// The end of a request: its status, and how long it took.
type End = (u16, Duration);

type Task<'t> = Pin<Box<dyn Future<Output = Option<End>> + 't>>;

const CONFIG: &str = r#"{
    "issuers": {"corp": {"issuer": "https://id.test", "jwks": "http://id.test/jwks", "upstream": "id"}},
    "upstreams": {"id": {"url": "http://id.test"}, "a": {"url": "http://a.test"}},
    "routes": [{"name": "r", "match": {"prefix": "/"}, "upstream": "a", "policies": [{"authenticate": {"jwt": {"audiences": ["api"]}}}]}]}"#;

/// The issuer: what it publishes, and how often it was asked.
#[derive(Default)]
struct Issuer {
    /// The numbers of the keys in its set. Tokens are signed by the last.
    keys: RefCell<Vec<u8>>,
    asked: Cell<usize>,
    delay: Cell<Duration>,
    fault: Cell<Option<Fault>>,
}

fn pair(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).expect("a seed of 32 bytes")
}

fn jwk(number: u8) -> String {
    let x = BASE64_URL_SAFE_NO_PAD.encode(pair(number).public_key().as_ref());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"k{number}"}}"#)
}

/// A token that is signed by the key of this number, and names the key `kid`.
fn token(number: u8, kid: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#));
    let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss":"https://id.test","aud":"api","exp":4000000000}"#);
    let signed = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair(number).sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

impl Issuer {
    fn with_key(number: u8) -> Rc<Self> {
        Rc::new(Self { keys: RefCell::new(vec![number]), ..Self::default() })
    }

    /// A good token of this moment.
    fn token(&self) -> String {
        let newest = *self.keys.borrow().last().expect("a key");
        token(newest, &format!("k{newest}"))
    }

    fn answer(&self, call: &Call) -> Option<Reply> {
        if call.to != "id.test" {
            return None;
        }
        self.asked.set(self.asked.get() + 1);
        let names: Vec<&str> = call.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["host", "accept", "user-agent", "cdn-loop", "via"], "nothing of a client goes to an issuer");
        let keys: Vec<String> = self.keys.borrow().iter().map(|number| jwk(*number)).collect();
        let body = Some(Content::Text(format!(r#"{{"keys": [{}]}}"#, keys.join(","))));
        Some(Reply { body, delay: Some(self.delay.get()), fail: self.fault.get(), ..Reply::default() })
    }
}

fn plan() -> Arc<Plan> {
    Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration"))
}

/// A gateway that knows nothing yet, in the world of `issuer`.
fn cold(seed: u64, issuer: &Rc<Issuer>) -> (Rc<World>, Gateway<Platform>) {
    let world = Rc::new(World::new(seed));
    let issuer = Rc::clone(issuer);
    world.set_script(move |call| issuer.answer(call).unwrap_or_default());
    let gateway = Gateway::new(plan(), Platform(Rc::clone(&world)));
    (world, gateway)
}

/// A request that comes after `delay`, with a token that is made then.
fn request<'t>(
    world: &'t Rc<World>,
    gateway: &'t Gateway<Platform>,
    delay: Duration,
    token: impl FnOnce() -> String + 't,
) -> Task<'t> {
    Box::pin(async move {
        world.sleep(delay).await;
        world.linger().await;
        let (asked, peer) = client_request(world, &asked(&token()));
        let begun = world.now();
        let answer = receive(gateway, asked, peer).await;
        Some((answer.status, world.now().saturating_since(begun)))
    })
}

fn asked(token: &str) -> Request {
    let headers = [["authorization", &format!("Bearer {token}")]];
    serde_json::from_value(serde_json::json!({ "url": "http://gw.test/", "headers": headers })).expect("a request")
}

/// The same request, whose client leaves after `patience`: `end` is what becomes of its future.
fn leaves<'t>(world: &'t World, mut task: Task<'t>, patience: Duration, end: impl FnOnce(Task<'t>) + 't) -> Task<'t> {
    Box::pin(async move {
        let mut patience = pin!(world.sleep(patience));
        let answered = poll_fn(|context| match task.as_mut().poll(context) {
            Poll::Ready(end) => Poll::Ready(end),
            Poll::Pending => patience.as_mut().poll(context).map(|()| None),
        });
        let answered = answered.await;
        if answered.is_none() {
            end(task);
        }
        answered
    })
}

fn run_all<'t>(world: &World, tasks: impl IntoIterator<Item = Task<'t>>) -> Vec<End> {
    let ends = run(world, tasks).unwrap_or_else(|hang| panic!("{hang}"));
    ends.into_iter().flatten().collect()
}

fn statuses(ends: &[End], status: u16) -> usize {
    ends.iter().filter(|(one, _)| *one == status).count()
}

/// docs/configuration.md, Keys that an issuer publishes: at a cold start one request asks, and all go by the answer.
#[test]
fn a_hundred_requests_at_a_cold_start_ask_the_issuer_once() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        issuer.delay.set(Duration::from_millis(700));
        let (world, gateway) = cold(seed, &issuer);
        let ends = run_all(&world, (0..100).map(|_| request(&world, &gateway, Duration::ZERO, || issuer.token())));
        assert_eq!((statuses(&ends, 200), issuer.asked.get()), (100, 1));
    });
}

/// docs/configuration.md, Keys that an issuer publishes: a new key counts as soon as a token names it.
#[test]
fn a_rotation_at_any_moment_refuses_no_good_token() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        issuer.delay.set(Duration::from_millis(seed % 400));
        let (world, gateway) = cold(seed, &issuer);
        let within = |minutes: u64| Duration::from_millis(world.chance.below(minutes as usize * 60_000) as u64);
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for number in 2..5 {
            let (moment, issuer, world) = (within(40), &issuer, &world);
            tasks.push(Box::pin(async move {
                world.sleep(moment).await;
                let mut keys = issuer.keys.borrow_mut();
                keys.push(number);
                // What was signed before is good for a while longer.
                if keys.len() > 3 {
                    keys.remove(0);
                }
                None
            }));
            // Some of them at the very moment.
            for _ in 0..10 {
                tasks.push(request(world, &gateway, moment, move || issuer.token()));
            }
        }
        tasks.extend((0..60).map(|_| request(&world, &gateway, within(40), || issuer.token())));
        let ends = run_all(&world, tasks);
        assert_eq!(statuses(&ends, 200), 90, "{ends:?}");
        assert!(issuer.asked.get() <= 12, "{} times asked", issuer.asked.get());
    });
}

/// docs/configuration.md, Keys that an issuer publishes: failures leave the keys that there are.
#[test]
fn an_issuer_that_is_down_for_a_minute_refuses_no_known_token() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        let (world, gateway) = cold(seed, &issuer);
        assert_eq!(run_all(&world, [request(&world, &gateway, Duration::ZERO, || issuer.token())])[0].0, 200);
        let within = |seconds: u64| Duration::from_millis(world.chance.below(seconds as usize * 1_000) as u64);
        // Around the time at which the keys are read again.
        let (begins, fault) =
            (within(600), *world.chance.pick(&[Fault::Reset, Fault::Hang, Fault::Garbage, Fault::Cut]));
        let mut tasks: Vec<Task<'_>> = vec![Box::pin(async {
            world.sleep(begins).await;
            issuer.fault.set(Some(fault));
            world.sleep(Duration::from_secs(60)).await;
            issuer.fault.set(None);
            None
        })];
        tasks.extend((0..60).map(|_| request(&world, &gateway, begins + within(60), || issuer.token())));
        tasks.extend((0..20).map(|_| request(&world, &gateway, within(1_200), || issuer.token())));
        let ends = run_all(&world, tasks);
        assert_eq!(statuses(&ends, 200), 80, "{ends:?}");
        // The time that a request takes includes the work behind its answer.
        assert!(ends.iter().filter(|(_, took)| !took.is_zero()).count() <= 10, "{ends:?}");
    });
}

/// The request that asks an issuer which does not answer is gone after a while, by `end`; then the issuer answers. One of the
/// others takes over.
fn one_takes_over(end: fn(Task<'_>), within: Duration) {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        issuer.fault.set(Some(Fault::Hang));
        let (world, gateway) = cold(seed, &issuer);
        let first = request(&world, &gateway, Duration::ZERO, || issuer.token());
        let first = leaves(&world, first, Duration::from_millis(100), |task| {
            issuer.fault.set(None);
            end(task);
        });
        let others = (0..40).map(|_| request(&world, &gateway, Duration::from_millis(1), || issuer.token()));
        let ends = run_all(&world, std::iter::once(first).chain(others));
        assert_eq!((statuses(&ends, 200), issuer.asked.get()), (40, 2), "{ends:?}");
        assert!(ends.iter().all(|(_, took)| *took < within), "{ends:?}");
    });
}

#[test]
fn a_follower_takes_over_from_a_reader_whose_client_left() {
    one_takes_over(|task| drop(task), LOST_AFTER);
}

/// ports/meeting.rs: on Workers a request may be gone without a trace, and its future is never dropped. It is taken for lost.
#[test]
fn a_follower_takes_over_from_a_reader_that_is_gone_without_a_trace() {
    one_takes_over(|task| std::mem::forget(task), WAIT);
}

/// docs/configuration.md, Keys that an issuer publishes: 503, never 401, and nobody waits for ever.
#[test]
fn an_issuer_that_never_answers_is_no_clients_fault() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        issuer.fault.set(Some(Fault::Hang));
        let (world, gateway) = cold(seed, &issuer);
        let delay = || Duration::from_millis(world.chance.below(4_000) as u64);
        let tasks: Vec<_> = (0..80).map(|_| request(&world, &gateway, delay(), || issuer.token())).collect();
        let ends = run_all(&world, tasks);
        assert_eq!(statuses(&ends, 503), 80);
        let bound = READ_TIMEOUT + Duration::from_millis(100);
        assert!(ends.iter().all(|(_, took)| *took <= bound), "{ends:?}");
        let (readers, waiters): (Vec<&End>, Vec<&End>) = ends.iter().partition(|(_, took)| *took > WAIT);
        assert!(readers.len() <= 8 && waiters.len() >= 72, "{ends:?}");
        assert!(issuer.asked.get() <= 8, "{} times asked", issuer.asked.get());
    });
}

/// docs/configuration.md, Keys that an issuer publishes: tokens with made-up names have it asked three times, then once in 15 s.
#[test]
fn made_up_names_of_keys_have_the_issuer_asked_in_bounds() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        let (world, gateway) = cold(seed, &issuer);
        run_all(&world, [request(&world, &gateway, Duration::ZERO, || issuer.token())]);
        let tasks = (0..60).map(|number| {
            let delay = Duration::from_millis(world.chance.below(14_000) as u64);
            let forged = move || token(9, &format!("made-up-{number}"));
            if number % 10 == 0 {
                request(&world, &gateway, delay, || issuer.token())
            } else {
                request(&world, &gateway, delay, forged)
            }
        });
        let ends = run_all(&world, tasks.collect::<Vec<_>>());
        assert_eq!((statuses(&ends, 401), statuses(&ends, 200)), (54, 6), "{ends:?}");
        assert_eq!(issuer.asked.get(), 4, "the first time, and three");
    });
}

/// docs/configuration.md, Keys that an issuer publishes: shared by the key-value store, and kept over reloads.
#[test]
fn who_comes_later_finds_the_keys_in_the_store() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        let (world, gateway) = cold(seed, &issuer);
        run_all(&world, [request(&world, &gateway, Duration::ZERO, || issuer.token())]);
        world.advance(Duration::from_secs(500));
        let late = Gateway::new(plan(), Platform(Rc::clone(&world)));
        let tasks = (0..20).map(|_| request(&world, &late, Duration::ZERO, || issuer.token()));
        let ends = run_all(&world, tasks);
        assert_eq!(statuses(&ends, 200), 20);
        let reloaded = late.reload(plan(), Platform(Rc::clone(&world)));
        issuer.delay.set(Duration::from_secs(3));
        let end = run_all(&world, [request(&world, &reloaded, Duration::ZERO, || issuer.token())]);
        assert_eq!(end[0].0, 200);
        assert!(issuer.asked.get() <= 2, "at most once more, behind an answer: the keys are old");
        issuer.delay.set(Duration::ZERO);
        // A store that is away is done without.
        for hangs in [false, true] {
            world.stores_fail.set(!hangs);
            world.stores_hang.set(hangs);
            let alone = Gateway::new(plan(), Platform(Rc::clone(&world)));
            let end = run_all(&world, [request(&world, &alone, Duration::ZERO, || issuer.token())]);
            assert_eq!(end[0].0, 200);
        }
    });
}

/// docs/configuration.md, Keys that an issuer publishes: what the store has may be older than a token, and says nothing of its key.
#[test]
fn keys_of_the_store_from_before_a_rotation_refuse_no_good_token() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        let (world, gateway) = cold(seed, &issuer);
        run_all(&world, [request(&world, &gateway, Duration::ZERO, || issuer.token())]);
        issuer.keys.borrow_mut().push(2);
        let late = Gateway::new(plan(), Platform(Rc::clone(&world)));
        let tasks = (0..20).map(|number| {
            let token = move || token(1 + number % 2, &format!("k{}", 1 + number % 2));
            request(&world, &late, Duration::ZERO, token)
        });
        let ends = run_all(&world, tasks);
        assert_eq!((statuses(&ends, 200), issuer.asked.get()), (20, 2), "{ends:?}");
    });
}

/// docs/platforms.md, Workers: where the head of an answer is relayed past the core, the work behind it is done all the same.
#[test]
fn keys_are_read_again_behind_an_answer_that_the_core_has_not_seen() {
    for_every_seed(|seed| {
        let issuer = Issuer::with_key(1);
        let (world, gateway) = cold(seed, &issuer);
        run_all(&world, [request(&world, &gateway, Duration::ZERO, || issuer.token())]);
        world.advance(Duration::from_secs(550));
        let relayed: Task<'_> = Box::pin(async {
            let (asked, peer) = client_request(&world, &asked(&issuer.token()));
            let mut record = gateway.begin(&asked, &peer);
            {
                world.take_calls();
                let mut answer = pin!(gateway.handle(asked, &peer, &mut record));
                poll_fn(|context| {
                    assert!(answer.as_mut().poll(context).is_pending());
                    if world.take_calls().is_empty() { Poll::Pending } else { Poll::Ready(()) }
                })
                .await;
            }
            record.relayed(StatusCode::OK, gateway.platform());
            let work = gateway.ended(record, &Ended::default());
            assert!(matches!(&*work, [After::RefreshKeys { .. }]), "{work:?}");
            for work in work {
                gateway.run_after(work).await;
            }
            None
        });
        world.set_script({
            let issuer = Rc::clone(&issuer);
            // A long time off, so that the core waits for the head.
            move |call| {
                let late = || Reply { delay: Some(Duration::from_secs(20)), ..Reply::default() };
                issuer.answer(call).unwrap_or_else(late)
            }
        });
        run_all(&world, [relayed]);
        assert_eq!(issuer.asked.get(), 2);
    });
}
