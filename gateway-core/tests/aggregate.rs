//! Answers of several calls do not depend on the order in which these are answered.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "they are the asserts of a test")]

use gateway_core::call::Call;
use gateway_core::document::Value;
use gateway_core::plan::{self, Action, Calls, Plan, Secrets};
use gateway_core::policy::aggregate::{Fault, Job, Progress};
use gateway_core::ports::Capabilities;
use http::{HeaderMap, Method, StatusCode};

struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// Two levels that depend on one another, and one call for each of 50 values.
const CONFIG: &str = r#"{
    "upstreams": {"a": {"url": "http://a.test"}},
    "routes": [{"name": "r", "match": {"path": "/x"}, "aggregate": {"calls": {
        "late": {"upstream": "a", "path": "/late/{$.first.id}", "required": false},
        "first": {"upstream": "a", "path": "/first"},
        "second": {"upstream": "a", "path": "/second", "fallback": "none"},
        "list": {"upstream": "a", "path": "/list", "pass": ["404"]},
        "each": {"upstream": "a", "path": "/each/{@}", "each": "$.list[*]", "atOnce": 7, "required": false},
        "last": {"upstream": "a", "path": "/last", "query": {"ids": "{$.each[*].id}", "of": "{$.late.id}"}}
    }}}]
}"#;

/// A small generator of numbers (xorshift64*): the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
    }
}

fn calls(plan: &Plan) -> &Calls {
    match &plan.routes.first().unwrap().action {
        Action::Aggregate(calls) => calls,
        other => panic!("{other:?}"),
    }
}

/// The outcome of the request to `target`, which is the same whenever it is made; about one in `often` fails.
fn outcome(target: &str, seed: u64, often: usize) -> Result<Value, Fault> {
    let hash = target.bytes().fold(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let mut numbers = Numbers(hash | 1);
    match numbers.below(often) {
        0 if numbers.below(2) == 0 => return Err(Fault::Timeout),
        0 => return Err(Fault::Status(StatusCode::INTERNAL_SERVER_ERROR)),
        _ => {}
    }
    if target == "/list" {
        let items: Vec<_> = (0..50).map(|index| index.to_string()).collect();
        return Ok(Value::read(format!("[{}]", items.join(",")).as_bytes()).unwrap());
    }
    Ok(Value::read(format!("{{\"id\": {}, \"of\": {:?}}}", numbers.below(1000), target).as_bytes()).unwrap())
}

/// The answer where requests end in an order by `order`.
fn answer(calls: &Calls, call: &Call, scenario: u64, order: u64) -> String {
    let mut progress = Progress::new(&calls.aggregate, call, None);
    let mut numbers = Numbers(order.wrapping_mul(0x9E37_79B9) | 1);
    let mut under_way: Vec<Job> = Vec::new();
    loop {
        while let Some(job) = progress.next_job() {
            under_way.push(job);
        }
        // As the executor does: what is not wanted is given up.
        while let Some(index) = under_way.iter().position(|job| !progress.is_wanted(job.call, job.item)) {
            let job = under_way.swap_remove(index);
            progress.ended(job.call, job.item, Err(Fault::Timeout));
        }
        if under_way.is_empty() {
            break;
        }
        let job = under_way.swap_remove(numbers.below(under_way.len()));
        let often = [3, 12, 200][usize::try_from(scenario % 3).unwrap()];
        progress.ended(job.call, job.item, outcome(&job.filled.target, scenario, often));
    }
    match progress.answer() {
        Ok(answer) => calls.aggregate.finish(answer, &[]).unwrap(),
        Err(failure) => format!("{}: {}", failure.call, failure.fault),
    }
}

/// docs/configuration.md, Answers of several calls: what a client gets depends on what the upstreams answer, and not on the order in which
/// that arrives.
#[test]
fn the_order_of_arrival_never_changes_the_answer() {
    let plan = plan::load(CONFIG, &Capabilities::NATIVE, &NoSecrets).unwrap();
    let call = Call::new(Method::GET, "/x".parse().unwrap(), HeaderMap::new());
    let mut kinds = [0; 3];
    for scenario in 1..=60 {
        let first = answer(calls(&plan), &call, scenario, 1);
        kinds[if !first.starts_with('{') { 0 } else { 1 + usize::from(first.contains("\"errors\"")) }] += 1;
        for order in 2..=100 {
            assert_eq!(answer(calls(&plan), &call, scenario, order), first, "scenario {scenario}, order {order}");
        }
    }
    // The scenarios have answers of each kind, or the test shows nothing.
    assert!(kinds.iter().all(|count| *count > 2), "{kinds:?}");
}

/// docs/configuration.md, Answers of several calls: at most `atOnce` at the same time, and what needs nothing does not wait.
#[test]
fn calls_are_under_way_at_the_same_time_up_to_their_bound() {
    let plan = plan::load(CONFIG, &Capabilities::NATIVE, &NoSecrets).unwrap();
    let call = Call::new(Method::GET, "/x".parse().unwrap(), HeaderMap::new());
    let mut progress = Progress::new(&calls(&plan).aggregate, &call, None);
    let begin = |progress: &mut Progress<'_>| {
        let jobs = core::iter::from_fn(|| progress.next_job());
        jobs.map(|job| (job.filled.target.clone(), job)).unzip::<_, _, Vec<_>, Vec<_>>()
    };
    let (targets, jobs) = begin(&mut progress);
    assert_eq!(targets, ["/first", "/second", "/list"]);
    let list = jobs.iter().find(|job| job.filled.target == "/list").unwrap();
    progress.ended(list.call, list.item, outcome("/list", 1, usize::MAX));
    let (targets, jobs) = begin(&mut progress);
    assert_eq!(targets, ["/each/0", "/each/1", "/each/2", "/each/3", "/each/4", "/each/5", "/each/6"]);
    progress.ended(jobs[3].call, jobs[3].item, Ok(Value::Null));
    assert_eq!(begin(&mut progress).0, ["/each/7"]);
}
