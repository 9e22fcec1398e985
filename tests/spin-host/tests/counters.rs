//! Counter operations in the languages of their stores: the same as the kernels, and exact when hundreds ask at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::store::Store;
use common::{Gateway, Redis, status};
use edgeway_spin_host::ServeOptions;
use gateway_core::policy::claim::Wish;
use gateway_core::policy::counter::{
    CounterOp, Limiter, Program, SQL_SCHEMA, SQL_SWEEP, State, program, step, verdict,
};
use gateway_core::policy::fixed_window::{Count, Span};
use gateway_core::policy::lease::Lease;
use gateway_core::policy::quota::Quota;
use gateway_core::policy::sliding_window::{self, Window};
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

/// Runs random sequences of operations as programs through `run`, which is told the state that the cell should hold, and
/// compares reply and state with the kernel's. `state` makes a state of a reply.
async fn compare(
    operation: impl Fn(&mut Random, Quota, Timestamp) -> CounterOp,
    state: impl Fn(&[Option<i64>]) -> State,
    mut run: impl AsyncFnMut(&str, Option<&State>, Program) -> Vec<Option<i64>>,
) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let mut quota = random.quota();
        let mut now = 1_800_000_000_000;
        let mut expected = None;
        for request in 0..REQUESTS {
            if random.below(20) == 0 {
                // A new configuration: the cell holds another quota's state, in other units.
                quota = random.quota();
            }
            now = random.advance(now, quota);
            let time = Timestamp::from_unix_millis(now);
            let op = operation(&mut random, quota, time);
            let reply = run(&format!("cell-{seed}"), expected.as_ref(), program(op, time)).await;
            let kernel = step(op, expected, time);
            let place = format!("seed {seed}, request {request}, {op:?}, reply {reply:?}");
            assert_eq!(verdict(op, time, &reply), Some(kernel.verdict), "{place}");
            assert_eq!(state(&reply), kernel.state, "{place}");
            expected = Some(kernel.state);
        }
    }
}

/// At times, a request that was admitted takes more or fewer units than it had; it may have been in an earlier window.
fn settles(
    random: &mut Random,
    quota: Quota,
    limiter: impl Fn(Timestamp) -> Limiter,
    now: Timestamp,
) -> Option<CounterOp> {
    let back = random.below(2 * u64::try_from(quota.window.as_millis()).unwrap()) * random.below(2);
    let bound = u64::from(quota.limit) + 1;
    let change = i32::try_from(random.below(2 * bound)).unwrap() - i32::try_from(bound).unwrap();
    let limiter = limiter(Timestamp::from_unix_millis(now.unix_millis() - back));
    (random.below(4) == 0).then_some(CounterOp::Settle { limiter, change })
}

fn gcra(random: &mut Random, quota: Quota, now: Timestamp) -> CounterOp {
    if let Some(settle) = settles(random, quota, |_| Limiter::Gcra(quota), now) {
        return settle;
    }
    let cost = if random.below(5) == 0 { 1 + u32::try_from(random.below(5)).unwrap() } else { 1 };
    CounterOp::Gcra { quota, cost }
}

/// The state after: the second number of the reply.
fn gcra_state(reply: &[Option<i64>]) -> State {
    State::Gcra(reply[1].unwrap().cast_unsigned())
}

/// Counts that a limit may have been lowered below, too.
fn sliding_window(random: &mut Random, quota: Quota, now: Timestamp) -> CounterOp {
    let limiter = |at| Limiter::SlidingWindow { quota, at: sliding_window::number(at, quota) };
    if let Some(settle) = settles(random, quota, limiter, now) {
        return settle;
    }
    let cost = 1 + u32::try_from(random.below(1 + u64::from(quota.limit / 3))).unwrap();
    let limit = if random.below(10) == 0 { 1 + quota.limit / 2 } else { quota.limit };
    CounterOp::SlidingWindow { quota: Quota { limit, ..quota }, cost }
}

/// The state after: the first three numbers of the reply.
fn sliding_window_state(reply: &[Option<i64>]) -> State {
    let count = |at: usize| u32::try_from(reply[at].unwrap()).unwrap();
    let number = u64::try_from(reply[0].unwrap()).unwrap();
    State::SlidingWindow(Window { number, current: count(1), previous: count(2) })
}

fn fixed_window(random: &mut Random, quota: Quota, now: Timestamp) -> CounterOp {
    let span = |time| Span::of(quota.window, time);
    let limiter = |at| Limiter::FixedWindow { span: span(now), at: span(at).end };
    if let Some(settle) = settles(random, quota, limiter, now) {
        return settle;
    }
    let cost = 1 + u32::try_from(random.below(1 + u64::from(quota.limit / 3))).unwrap();
    // At times a lower limit, as after a new configuration.
    let limit = if random.below(10) == 0 { 1 + quota.limit / 2 } else { quota.limit };
    CounterOp::FixedWindow { span: Span::of(quota.window, now), limit, cost }
}

/// The state after: the first two numbers of the reply.
fn fixed_window_state(reply: &[Option<i64>]) -> State {
    let end = Timestamp::from_unix_millis(u64::try_from(reply[0].unwrap()).unwrap());
    State::FixedWindow(Count { end, taken: u32::try_from(reply[1].unwrap()).unwrap() })
}

fn database() -> rusqlite::Connection {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    for statement in SQL_SCHEMA {
        database.execute(statement, []).unwrap();
    }
    database
}

/// The numbers of the row that `program` yields, if any.
fn run_sql(database: &rusqlite::Connection, cell: &str, program: &Program) -> Vec<Option<i64>> {
    let mut statement = database.prepare(program.sql).unwrap();
    statement.raw_bind_parameter(1, cell).unwrap();
    for (at, arg) in program.args.iter().enumerate() {
        statement.raw_bind_parameter(at + 2, arg).unwrap();
    }
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let reply = rows.next().unwrap().map(|row| (0..columns).map(|column| row.get(column).unwrap()).collect());
    // A statement has to come to its end to be done.
    assert!(rows.next().unwrap().is_none());
    reply.unwrap_or_default()
}

async fn connect(redis: &Redis) -> redis::aio::MultiplexedConnection {
    redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn run_redis(connection: &redis::aio::MultiplexedConnection, cell: &str, program: &Program) -> Vec<Option<i64>> {
    let mut command = redis::cmd("EVAL");
    command.arg(program.lua).arg(1).arg(cell).arg(&program.args);
    let reply: Vec<redis::Value> = command.query_async(&mut connection.clone()).await.unwrap();
    let number = |value| match value {
        redis::Value::BulkString(text) if text.is_empty() => None,
        value => Some(redis::from_redis_value(value).unwrap()),
    };
    reply.into_iter().map(number).collect()
}

#[tokio::test]
async fn sql_decides_by_gcra_as_the_kernel_does() {
    let database = database();
    compare(gcra, gcra_state, async |cell, _, program| run_sql(&database, cell, &program)).await;
}

#[tokio::test]
async fn sql_decides_by_sliding_window_as_the_kernel_does() {
    let database = database();
    compare(sliding_window, sliding_window_state, async |cell, _, program| run_sql(&database, cell, &program)).await;
}

#[tokio::test]
async fn sql_decides_by_fixed_window_as_the_kernel_does() {
    let database = database();
    compare(fixed_window, fixed_window_state, async |cell, _, program| run_sql(&database, cell, &program)).await;
}

#[tokio::test]
async fn redis_decides_by_fixed_window_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    compare(fixed_window, fixed_window_state, async |cell, state, program| {
        if let Some(State::FixedWindow(Count { end, taken })) = state {
            // The key may have expired, by the real clock, which the test does not follow.
            let fields = [("ends", end.unix_millis()), ("taken", u64::from(*taken))];
            let _: () = redis::cmd("HSET").arg(cell).arg(&fields).query_async(&mut connection.clone()).await.unwrap();
        }
        let reply = run_redis(&connection, cell, &program).await;
        let left: i64 = redis::cmd("PTTL").arg(cell).query_async(&mut connection.clone()).await.unwrap();
        // To the end of the window, and as much longer as clocks may differ.
        let wanted = reply[0].unwrap() - program.args.last().unwrap() + 5_000;
        assert!(left > wanted - 1_000 && left <= wanted, "{left} of {wanted}");
        reply
    })
    .await;
}

#[tokio::test]
async fn redis_decides_by_sliding_window_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    compare(sliding_window, sliding_window_state, async |cell, state, program| {
        if let Some(State::SlidingWindow(Window { number, current, previous })) = state {
            let fields = [("number", *number), ("current", u64::from(*current)), ("previous", u64::from(*previous))];
            let _: () = redis::cmd("HSET").arg(cell).arg(&fields).query_async(&mut connection.clone()).await.unwrap();
        }
        let reply = run_redis(&connection, cell, &program).await;
        let left: i64 = redis::cmd("PTTL").arg(cell).query_async(&mut connection.clone()).await.unwrap();
        // Two windows and those that a clock went back by: what is forgotten earlier would be admitted again.
        let window = program.args.last().copied().unwrap();
        assert!(left > 2 * window - 1_000, "{left} of {window}");
        reply
    })
    .await;
}

/// Runs random acquiring and releasing as programs through `run`, and compares each verdict with the kernel's, and after each
/// operation the leases that `held` finds with those that the kernel holds. The clock goes back by up to `back` ms at times.
async fn compare_leases(
    back: u64,
    mut run: impl AsyncFnMut(&str, Program) -> Vec<Option<i64>>,
    mut held: impl AsyncFnMut(&str) -> Vec<Lease>,
) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let cell = format!("cell-{seed}");
        let mut now = 1_800_000_000_000;
        let mut state = None;
        // Any number: half of them are negative to a store.
        let holders: Vec<u64> = (0..8).map(|_| random.below(u64::MAX)).collect();
        for request in 0..REQUESTS {
            now = if random.below(10) == 0 { now - random.below(back + 1) } else { now + random.below(20_000) };
            let holder = holders[usize::try_from(random.below(8)).unwrap()];
            let op = match random.below(3) {
                0 => CounterOp::Release { holder },
                _ => CounterOp::Acquire {
                    holder,
                    // At times another limit, as after a new configuration.
                    limit: u32::try_from(3 + random.below(10) / 9 * random.below(5)).unwrap(),
                    lease: Duration::from_millis(60_000 + random.below(60_000)),
                },
            };
            let time = Timestamp::from_unix_millis(now);
            let reply = run(&cell, program(op, time)).await;
            let kernel = step(op, state, time);
            let place = format!("seed {seed}, request {request}, {op:?}, reply {reply:?}");
            assert_eq!(verdict(op, time, &reply), Some(kernel.verdict), "{place}");
            let expected = if let State::Leases(leases) = &kernel.state { leases.as_slice() } else { &[] };
            assert!(matches!(kernel.state, State::Leases(_)), "{place}");
            let live = |leases: &[Lease]| {
                let mut live: Vec<_> = leases.iter().filter(|lease| lease.expires > time).copied().collect();
                live.sort_by_key(|lease| lease.holder);
                live
            };
            assert_eq!(live(&held(&cell).await), live(expected), "{place}");
            state = Some(kernel.state);
        }
    }
}

#[tokio::test]
async fn sql_leases_places_as_the_kernel_does() {
    let database = database();
    // An expired lease is there until it is swept, and would count again if the clock went back.
    compare_leases(
        0,
        async |cell, program| run_sql(&database, cell, &program),
        async |cell| {
            let mut statement = database.prepare("SELECT holder, expires FROM leases WHERE name = ?1").unwrap();
            let lease = |row: &rusqlite::Row<'_>| {
                let (holder, expires): (i64, i64) = (row.get(0)?, row.get(1)?);
                let expires = Timestamp::from_unix_millis(expires.cast_unsigned());
                Ok(Lease { holder: holder.cast_unsigned(), expires })
            };
            statement.query_map([cell], lease).unwrap().map(Result::unwrap).collect()
        },
    )
    .await;
}

#[tokio::test]
async fn redis_leases_places_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    compare_leases(
        5_000,
        async |cell, program| run_redis(&connection, cell, &program).await,
        async |cell| {
            let mut connection = connection.clone();
            let mut all = redis::cmd("ZRANGE");
            all.arg(cell).arg(0).arg(-1).arg("WITHSCORES");
            let scores: Vec<(i64, u64)> = all.query_async(&mut connection).await.unwrap();
            let left: i64 = redis::cmd("PTTL").arg(cell).query_async(&mut connection).await.unwrap();
            // As long as the last lease that was given: what is forgotten earlier would be given to another.
            assert!(scores.is_empty() || left > 60_000 - 10_000, "{left}");
            let lease = |(holder, expires): (i64, u64)| Lease {
                holder: holder.cast_unsigned(),
                expires: Timestamp::from_unix_millis(expires),
            };
            scores.into_iter().map(lease).collect()
        },
    )
    .await;
}

/// Does histories of operations by SQL and by the kernel, on a clock that goes back at times.
fn sql_is_as_the_kernel(database: &rusqlite::Connection, next: impl Fn(&mut Random) -> CounterOp) {
    for seed in 0..CASES {
        let mut random = Random(seed);
        let (mut now, mut state) = (1_800_000_000_000, None);
        for request in 0..REQUESTS {
            now = if random.below(10) == 0 { now - random.below(5_000) } else { now + random.below(4_000) };
            let op = next(&mut random);
            let time = Timestamp::from_unix_millis(now);
            let reply = run_sql(database, &format!("cell-{seed}"), &program(op, time));
            let kernel = step(op, state, time);
            assert_eq!(verdict(op, time, &reply), Some(kernel.verdict), "seed {seed}, request {request}, {reply:?}");
            state = Some(kernel.state);
        }
    }
}

/// docs/configuration.md, Webhooks: the first of those who come at a time, and nobody else until it is over; whatever the clock does.
#[test]
fn sql_gives_a_cell_once_as_the_kernel_does() {
    let database = database();
    sql_is_as_the_kernel(&database, |random| CounterOp::Once {
        keep: Duration::from_millis(5_000 + random.below(5_000)),
    });
    let (cells, op) = (Random(1).below(3) + 3, CounterOp::Once { keep: Duration::from_secs(10) });
    let now = Timestamp::from_unix_millis(1_900_000_000_000);
    for cell in 0..cells {
        run_sql(&database, &format!("swept-{cell}"), &program(op, now));
    }
    let sweep = |millis: i64| -> usize {
        SQL_SWEEP.iter().map(|sweep| database.execute(sweep, [1_900_000_000_000 + millis]).unwrap()).sum()
    };
    sweep(0);
    assert_eq!((sweep(10_000), sweep(10_001)), (0, usize::try_from(cells).unwrap()));
}

#[tokio::test]
async fn redis_gives_a_cell_once_until_its_time_is_over() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    let ask = async |cell: &str, keep: u64| {
        let op = CounterOp::Once { keep: Duration::from_millis(keep) };
        verdict(op, now, &run_redis(&connection, cell, &program(op, now)).await).unwrap().once().unwrap()
    };
    let asked = futures_util::future::join_all((0..50).map(|_| ask("many", 60_000))).await;
    assert_eq!(asked.into_iter().filter(|first| *first).count(), 1);
    let left: i64 = redis::cmd("PTTL").arg("many").query_async(&mut connection.clone()).await.unwrap();
    assert!((50_000..=60_000).contains(&left), "{left}");
    // Redis forgets by its own clock.
    assert!(ask("short", 1).await);
    let mut tries = 0;
    while !ask("short", 60_000).await {
        tries += 1;
        assert!(tries < 100, "it is never forgotten");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// docs/configuration.md, Idempotency keys: what is claimed by one stays so, and ends when that one says so; whatever the clock does.
#[test]
fn sql_keeps_claims_as_the_kernel_does() {
    let database = database();
    sql_is_as_the_kernel(&database, claiming);
}

/// Redis forgets by its own clock, which stands still for so short a test: the times are hours.
#[tokio::test]
async fn redis_keeps_claims_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    let time = Timestamp::from_unix_millis(1_800_000_000_000);
    for seed in 0..20 {
        let (mut random, mut state) = (Random(seed), None);
        for request in 0..20 {
            let op = claiming(&mut random);
            let reply = run_redis(&connection, &format!("claim-{seed}"), &program(op, time)).await;
            let kernel = step(op, state, time);
            assert_eq!(verdict(op, time, &reply), Some(kernel.verdict), "seed {seed}, request {request}, {reply:?}");
            state = Some(kernel.state);
        }
    }
}

/// A claim by one of three for one of two things, or its end, kept or given back. The numbers have all of their bits.
fn claiming(random: &mut Random) -> CounterOp {
    let holder = u64::MAX - random.below(3);
    match random.below(4) {
        0 => CounterOp::Conclude { holder, keep: Duration::from_secs(3_600 * random.below(2)) },
        _ => CounterOp::Claim(Wish {
            holder,
            print: (1 << 63) + random.below(2),
            lease: Duration::from_secs(3_600),
            keep: Duration::from_secs(3_600 * (1 + random.below(2))),
        }),
    }
}

#[test]
fn sql_sweeps_the_leases_of_holders_that_died() {
    let database = database();
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    for holder in 0..3 {
        let lease = Duration::from_secs(60 + holder);
        run_sql(&database, "cell", &program(CounterOp::Acquire { holder, limit: 3, lease }, now));
    }
    let sweep = |millis: i64| -> usize {
        SQL_SWEEP.iter().map(|sweep| database.execute(sweep, [1_800_000_000_000 + millis]).unwrap()).sum()
    };
    assert_eq!((sweep(60_000), sweep(60_001), sweep(62_001)), (0, 1, 2));
}

#[test]
fn sql_keeps_a_cell_for_as_long_as_it_says_anything() {
    let database = database();
    let quota = Quota { limit: 7, window: Duration::from_secs(10), burst: 7 };
    let now = Timestamp::from_unix_millis(1_800_000_000_000);
    run_sql(&database, "cell", &program(CounterOp::Gcra { quota, cost: 3 }, now));
    // Three of seven requests in ten seconds are worked off after 30/7 s.
    let sweep = |millis: i64| -> usize {
        SQL_SWEEP.iter().map(|sweep| database.execute(sweep, [1_800_000_000_000 + millis]).unwrap()).sum()
    };
    assert_eq!(sweep(4_285), 0);
    assert_eq!(sweep(4_288), 1);
    // The present window and the next.
    run_sql(&database, "cell", &program(CounterOp::SlidingWindow { quota, cost: 3 }, now));
    assert_eq!(sweep(20_000), 0);
    assert_eq!(sweep(20_001), 1);
    // The present window, and as much longer as clocks may differ.
    let span = Span::of(Duration::from_secs(10), now);
    run_sql(&database, "cell", &program(CounterOp::FixedWindow { span, limit: 7, cost: 3 }, now));
    assert_eq!(sweep(15_000), 0);
    assert_eq!(sweep(15_001), 1);
}

#[tokio::test]
async fn redis_decides_by_gcra_as_the_kernel_does() {
    let Some(redis) = Redis::start().await else { return };
    let connection = connect(&redis).await;
    compare(gcra, gcra_state, async |cell, state, program| {
        if let Some(State::Gcra(state)) = state {
            // The key may have expired, by the real clock, which the test does not follow.
            let _: () = redis::cmd("SET").arg(cell).arg(state).query_async(&mut connection.clone()).await.unwrap();
        }
        run_redis(&connection, cell, &program).await
    })
    .await;
}

/// Each way to count, and a window in which nothing comes back while a test runs.
fn ways_to_count() -> [String; 4] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // Where it is noon or so: the day does not end within the test.
    let offset = 12 - i64::try_from(now / 3600 % 24).unwrap();
    let zone = format!("{}{:02}:00", if offset < 0 { '-' } else { '+' }, offset.abs());
    [
        r#""window": "366d""#.to_owned(),
        r#""window": "366d", "algorithm": "slidingWindow""#.to_owned(),
        r#""window": "366d", "algorithm": "fixedWindow""#.to_owned(),
        format!(r#""window": "day", "timeZone": "{zone}""#),
    ]
}

/// Of 1,000 requests at once to a limit of 100, how many are admitted by two applications with one store, each with many instances.
async fn admitted_of_1000(store: &Store, counts: &str) -> usize {
    let counters = store.counters();
    let configuration = format!(
        r#"{{"accessLog": {{"format": "off"}}, "counters": {{{counters}}}, "routes": [{{"name": "limited",
            "match": {{"path": "/limited"}}, "respond": {{"body": "ok"}},
            "policies": [{{"rateLimit": {{"limit": 100, {counts}}}}}]}}]}}"#
    );
    let directory = tempfile::tempdir().unwrap();
    let options = ServeOptions { database_folder: Some(directory.path().to_owned()), ..ServeOptions::default() };
    let gateways = [
        Gateway::start_with(&configuration, options.clone()).await,
        Gateway::start_with(&configuration, options).await,
    ];
    let answers =
        futures_util::future::join_all(gateways.iter().cycle().take(1_000).map(|gateway| gateway.get("/limited")))
            .await;
    let count = |wanted| answers.iter().filter(|answer| status(answer) == wanted).count();
    // Nothing else than admitted or refused: a store that gives up would hide a miscount.
    let neither = answers.iter().find(|answer| ![200, 429].contains(&status(answer)));
    assert_eq!((count(200) + count(429), neither), (1_000, None), "{counts}");
    assert!(gateways.iter().all(|gateway| gateway.instances() > 1));
    count(200)
}

/// docs/configuration.md, Accuracy: exact for all instances on one database.
#[tokio::test(flavor = "multi_thread")]
async fn of_1000_requests_at_once_sqlite_admits_the_100_of_the_limit() {
    for counts in ways_to_count() {
        assert_eq!(admitted_of_1000(&Store::Sqlite, &counts).await, 100, "{counts}");
    }
}

/// The same: exact for all gateways that share it.
#[tokio::test(flavor = "multi_thread")]
async fn of_1000_requests_at_once_redis_admits_the_100_of_the_limit() {
    for counts in ways_to_count() {
        // One that has counted nothing.
        let Some(redis) = Redis::start().await else { return };
        assert_eq!(admitted_of_1000(&Store::Redis(redis), &counts).await, 100, "{counts}");
    }
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

/// docs/configuration.md, Policies: a place is taken until the answer has ended, and then it is free.
#[tokio::test(flavor = "multi_thread")]
async fn places_in_both_stores_come_back_once_answers_have_ended() {
    for store in Store::all().await {
        let counters = store.counters();
        let gateway = Gateway::start(&format!(
            r#"{{"counters": {{{counters}}}, "routes": [{{"name": "limited", "match": {{"path": "/limited"}},
                "respond": {{"body": "ok"}}, "policies": [{{"concurrency": {{"limit": 2}}}}]}}]}}"#
        ))
        .await;
        let answers = futures_util::future::join_all((0..50).map(|_| gateway.get("/limited"))).await;
        let count = |wanted| answers.iter().filter(|answer| status(answer) == wanted).count();
        assert!(count(200) >= 2 && count(200) + count(429) == 50, "{answers:?}");
        let mut tries = 0;
        while status(&gateway.get("/limited").await) != 200 {
            tries += 1;
            assert!(tries < 100, "no place comes back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
