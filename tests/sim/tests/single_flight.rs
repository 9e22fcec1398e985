//! One read of a flag for all the requests that need it before their answer, whatever happens to the one that reads. Each
//! property runs under 256 seeds, and in half of them no request can wake another.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::iter::once;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use edgeway_corpus::Request;
use edgeway_sim::{CAPABILITIES, Platform, Vault, World, client_request, for_every_seed, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;
use gateway_core::policy::flag::{FRESH_FOR, LOST_AFTER, READ_TIMEOUT};

/// The end of a request: its status, and how long it took.
type End = (u16, Duration);

type Task<'t> = Pin<Box<dyn Future<Output = Option<End>> + 't>>;

const CONFIG: &str = r#"{"routes": [
    {"name": "r", "match": {"prefix": "/"}, "respond": {}, "policies": [{"maintenance": {"flag": "f", "fail": "closed"}}]}]}"#;

/// A gateway that knows nothing yet, on a store where the flag is set.
fn cold(seed: u64) -> (Rc<World>, Gateway<Platform>) {
    let plan = plan::load(CONFIG, &CAPABILITIES, &Vault(&BTreeMap::new())).expect("a sound configuration");
    let world = Rc::new(World::new(seed));
    world.set_value("flag:f", Some("on"));
    let gateway = Gateway::new(Arc::new(plan), Platform(Rc::clone(&world)));
    (world, gateway)
}

/// A request that comes after `delay`.
fn request<'t>(world: &'t Rc<World>, gateway: &'t Gateway<Platform>, delay: Duration) -> Task<'t> {
    let asked: Request = serde_json::from_value(serde_json::json!({ "url": "http://gw.test/" })).expect("a request");
    let (asked, peer) = client_request(world, &asked);
    Box::pin(async move {
        world.sleep(delay).await;
        world.linger().await;
        let begun = world.now();
        let answer = receive(gateway, asked, peer).await;
        Some((answer.status, world.now().saturating_since(begun)))
    })
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

/// docs/configuration.md, Flags: at a cold start, one request reads the flag, and all go by it.
#[test]
fn a_hundred_requests_at_a_cold_start_ask_the_store_once() {
    for_every_seed(|seed| {
        let (world, gateway) = cold(seed);
        let ends = run_all(&world, (0..100).map(|_| request(&world, &gateway, Duration::ZERO)));
        assert_eq!(world.reads.get(), 1);
        assert_eq!(ends.iter().filter(|(status, _)| *status == 503).count(), 100);
    });
}

/// docs/configuration.md, Flags: a failure is the outcome for all that waited for it, and `fail` decides; so the store is asked once.
#[test]
fn a_store_that_fails_is_asked_once() {
    for_every_seed(|seed| {
        let (world, gateway) = cold(seed);
        world.stores_fail.set(true);
        let ends = run_all(&world, (0..100).map(|_| request(&world, &gateway, Duration::ZERO)));
        assert_eq!(world.reads.get(), 1);
        assert_eq!(ends.iter().filter(|(status, _)| *status == 503).count(), 100);
    });
}

/// The request that reads a store which does not answer is gone after a while, by `end`; then the store answers. One of the
/// others takes over, `within` this time.
fn one_takes_over(end: fn(Task<'_>), within: Duration) {
    for_every_seed(|seed| {
        let (world, gateway) = cold(seed);
        world.stores_hang.set(true);
        let first = leaves(&world, request(&world, &gateway, Duration::ZERO), Duration::from_millis(100), |task| {
            assert_eq!(world.reads.get(), 1);
            world.stores_hang.set(false);
            end(task);
        });
        let others = (0..40).map(|_| request(&world, &gateway, Duration::from_millis(1)));
        let ends = run_all(&world, once(first).chain(others));
        assert_eq!(ends.iter().filter(|(status, _)| *status == 503).count(), 40);
        assert!(ends.iter().all(|(_, took)| *took < within), "{ends:?}");
        assert_eq!(world.reads.get(), 2, "one takes over, and not all");
    });
}

/// docs/configuration.md, Flags: where the client of the request that reads leaves, another takes over, at once.
#[test]
fn a_follower_takes_over_from_a_reader_whose_client_left() {
    one_takes_over(|task| drop(task), LOST_AFTER);
}

/// ports/meeting.rs: on Workers a request may be gone without a trace, and its future is never dropped. It is taken for lost.
#[test]
fn a_follower_takes_over_from_a_reader_that_is_gone_without_a_trace() {
    one_takes_over(|task| std::mem::forget(task), READ_TIMEOUT);
}

/// docs/configuration.md, Flags: a store that never answers has failed after 2 s, for all that wait at once. That is remembered.
#[test]
fn a_store_that_never_answers_fails_for_all_at_one_deadline() {
    for_every_seed(|seed| {
        let (world, gateway) = cold(seed);
        world.stores_hang.set(true);
        let ends = run_all(&world, (0..100).map(|_| request(&world, &gateway, Duration::ZERO)));
        assert_eq!(ends, [(503, READ_TIMEOUT); 100]);
        assert_eq!(world.reads.get(), 2, "the first read, and one more when that has taken a second");
        assert_eq!(run_all(&world, [request(&world, &gateway, Duration::ZERO)]), [(503, Duration::ZERO)]);
        // It is read again once the store answers.
        world.stores_hang.set(false);
        world.set_value("flag:f", None);
        world.advance(FRESH_FOR);
        run_all(&world, [request(&world, &gateway, Duration::ZERO)]);
        assert_eq!(run_all(&world, [request(&world, &gateway, Duration::ZERO)]), [(200, Duration::ZERO)]);
    });
}

/// docs/configuration.md, Flags: the same 2 s hold for each request, whenever others come, read and leave.
#[test]
fn a_store_that_never_answers_delays_no_request_beyond_its_own_deadline() {
    for_every_seed(|seed| {
        let (world, gateway) = cold(seed);
        world.stores_hang.set(true);
        let tasks = (0..60).map(|n| {
            let delay = Duration::from_millis(world.chance.below(3_000) as u64);
            let task = request(&world, &gateway, delay);
            let patience = delay + Duration::from_millis(world.chance.below(2_000) as u64);
            if n % 3 == 0 { leaves(&world, task, patience, drop) } else { task }
        });
        let ends = run_all(&world, tasks.collect::<Vec<_>>());
        assert!(ends.len() >= 40, "a request that has not left has no answer");
        assert!(ends.iter().all(|(status, took)| *status == 503 && *took <= READ_TIMEOUT), "{ends:?}");
        assert!(world.reads.get() < 20, "{} reads", world.reads.get());
    });
}
