//! The rate limit in the languages of its stores: the same as the kernel, and exact when hundreds ask at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::time::Duration;

use common::{Gateway, Redis, status};
use gateway_core::policy::gcra::{self, Quota};
use gateway_core::policy::gcra_store::{REDIS_DECIDE, SQL_CREATE, SQL_CREATE_INDEX, SQL_DECIDE, SQL_SWEEP, Terms};
use gateway_core::time::Timestamp;

const CASES: u64 = 200;
const REQUESTS: u64 = 40;

/// SplitMix64: a failure comes back with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Anything a configuration can state, small numbers more often than large ones.
    fn quota(&mut self) -> Quota {
        let limit = match self.below(4) {
            0 => 1 + self.below(1_000_000_000),
            1 => 1 + self.below(1_000),
            _ => 1 + self.below(20),
        };
        let window = match self.below(3) {
            0 => 1_000 + self.below(366 * 86_400_000),
            1 => 1_000 * (1 + self.below(86_400)),
            _ => 1_000 * (1 + self.below(60)),
        };
        let burst = 1 + self.below(limit);
        let number = |number: u64| u32::try_from(number).unwrap();
        Quota { limit: number(limit), window: Duration::from_millis(window), burst: number(burst) }
    }

    /// Usually a little later; at times much later, or earlier, as after a clock that was set back.
    fn advance(&mut self, now: u64, quota: Quota) -> u64 {
        let interval = u64::try_from(quota.window.as_millis()).unwrap() / u64::from(quota.limit);
        match self.below(10) {
            0 => now - self.below(5_000),
            1 => now + self.below(2 * u64::try_from(quota.window.as_millis()).unwrap()),
            _ => now + self.below(2 * interval + 2),
        }
    }
}

/// Runs random sequences through `decide`, which is told the state and returns it from before and after, and compares with
/// the kernel.
async fn compare(mut decide: impl AsyncFnMut(&str, Option<u64>, Terms) -> (Option<u64>, u64)) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let mut quota = random.quota();
        let mut now = 1_800_000_000_000;
        let mut state = None;
        for request in 0..REQUESTS {
            if random.below(20) == 0 {
                // A new configuration: the cell holds another quota's state, in other units.
                quota = random.quota();
            }
            now = random.advance(now, quota);
            let cost = if random.below(5) == 0 { 1 + u32::try_from(random.below(5)).unwrap() } else { 1 };
            let now = Timestamp::from_unix_millis(now);
            let (expected, _) = gcra::decide(state, now, quota, cost);
            let (before, after) = decide(&format!("cell-{seed}"), state, Terms::new(now, quota, cost)).await;
            let place = format!("seed {seed}, request {request}, {quota:?}, cost {cost}");
            assert_eq!((before, after), (state, expected), "{place}");
            state = Some(expected);
        }
    }
}

#[tokio::test]
async fn sql_decides_as_the_kernel_does() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute(SQL_CREATE, []).unwrap();
    database.execute(SQL_CREATE_INDEX, []).unwrap();
    compare(async |cell, _, terms| {
        let Terms { now, cost, horizon, foreign, units_per_milli } = terms;
        let parameters = rusqlite::params![cell, now, cost, horizon, foreign, units_per_milli];
        database
            .query_row(SQL_DECIDE, parameters, |row| {
                let before: Option<i64> = row.get(0)?;
                let after: i64 = row.get(1)?;
                Ok((before.map(i64::cast_unsigned), after.cast_unsigned()))
            })
            .unwrap()
    })
    .await;
}

#[test]
fn sql_keeps_a_cell_for_as_long_as_it_says_anything() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute(SQL_CREATE, []).unwrap();
    let quota = Quota { limit: 7, window: Duration::from_secs(10), burst: 7 };
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let Terms { now: units, cost, horizon, foreign, units_per_milli } = Terms::new(now, quota, 3);
    let parameters = rusqlite::params!["cell", units, cost, horizon, foreign, units_per_milli];
    database.query_row(SQL_DECIDE, parameters, |_| Ok(())).unwrap();
    // Three of seven requests in ten seconds are worked off after 30/7 s.
    let sweep = |millis: i64| database.execute(SQL_SWEEP, [1_800_000_000_000 + millis]).unwrap();
    assert_eq!(sweep(4_285), 0);
    assert_eq!(sweep(4_288), 1);
}

#[tokio::test]
async fn redis_decides_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let client = redis::Client::open(redis.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    compare(async |cell, state, terms| {
        if let Some(state) = state {
            // The key may have expired, by the real clock, which the test does not follow.
            let _: () = redis::cmd("SET").arg(cell).arg(state).query_async(&mut connection.clone()).await.unwrap();
        }
        let Terms { now, cost, horizon, foreign, units_per_milli } = terms;
        let mut command = redis::cmd("EVAL");
        command.arg(REDIS_DECIDE).arg(1).arg(cell).arg(now).arg(cost).arg(horizon).arg(foreign).arg(units_per_milli);
        let (before, after): (String, String) = command.query_async(&mut connection.clone()).await.unwrap();
        (before.parse().ok(), after.parse().unwrap())
    })
    .await;
}

async fn admitted_of_400(counters: &str) -> usize {
    let configuration = format!(
        r#"{{"counters": {{{counters}}}, "routes": [{{"name": "limited", "match": {{"path": "/limited"}},
            "respond": {{"body": "ok"}}, "policies": [{{"rateLimit": {{"limit": 100, "window": "1d"}}}}]}}]}}"#
    );
    let gateway = Gateway::start(&configuration).await;
    let answers = futures_util::future::join_all((0..400).map(|_| gateway.get("/limited"))).await;
    let count = |wanted| answers.iter().filter(|answer| status(answer) == wanted).count();
    // Nothing else than admitted or refused: a store that gives up would hide a miscount.
    assert_eq!(count(200) + count(429), 400, "{answers:?}");
    count(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_400_requests_at_once_sqlite_admits_the_100_of_the_limit() {
    assert_eq!(admitted_of_400("").await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_400_requests_at_once_redis_admits_the_100_of_the_limit() {
    let Some(redis) = Redis::start().await else { return };
    assert_eq!(admitted_of_400(&format!(r#""redis": "{}""#, redis.url())).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_redis_a_limit_refuses_with_503() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    for redis in [closed, silent.local_addr().unwrap()] {
        let gateway = Gateway::start(&format!(
            r#"{{"counters": {{"redis": "redis://{redis}"}}, "routes": [{{"name": "limited", "match": {{"path": "/limited"}},
                "respond": {{"body": "ok"}}, "policies": [{{"rateLimit": {{"limit": 100, "window": "1m"}}}}]}}]}}"#
        ))
        .await;
        assert_eq!(status(&gateway.get("/limited").await), 503);
    }
}
