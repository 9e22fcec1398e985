//! An upstream that bears less for a while: the limit follows what it bears, and what matters most is refused last.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use edgeway_corpus::{Reply, Request};
use edgeway_sim::{CAPABILITIES, Chance, Platform, Vault, World, client_request, receive, run};
use gateway_core::gateway::Gateway;
use gateway_core::plan;

/// The time that the upstream takes for each request.
const TAKES: Duration = Duration::from_millis(50);
/// The upstream bears less from here to there.
const TROUBLE: (Duration, Duration) = (Duration::from_secs(12), Duration::from_secs(24));
const END: Duration = Duration::from_secs(38);
/// What is counted has settled for so long.
const SETTLED: Duration = Duration::from_secs(7);
/// The clients of each priority, each of which asks again as soon as it is answered.
const CLIENTS: [(&str, usize); 3] = [("critical", 10), ("default", 25), ("sheddable", 25)];

const CONFIG: &str = r#"{
    "upstreams": {"u": {"url": "http://u.test", "load": {"most": 200}}},
    "routes": [
        {"name": "critical", "match": {"path": "/critical"}, "upstream": "u", "policies": [{"priority": "critical"}]},
        {"name": "default", "match": {"path": "/default"}, "upstream": "u"},
        {"name": "sheddable", "match": {"path": "/sheddable"}, "upstream": "u", "policies": [{"priority": "sheddable"}]}
    ]
}"#;

/// What has become of the requests of a priority.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answered: u32,
    refused: u32,
    took: Duration,
}

fn history(seed: u64) {
    let world = Rc::new(World::new(seed));
    let chance = Chance::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let bears = 6 + chance.below(5);
    let secrets = BTreeMap::new();
    let plan = Arc::new(plan::load(CONFIG, &CAPABILITIES, &Vault(&secrets)).expect("a sound configuration"));
    let gateway = Gateway::new(plan, Platform(Rc::clone(&world)));
    let begun = Duration::from_millis(world.now().unix_millis());
    let script = (Rc::downgrade(&world), RefCell::new(Vec::<Duration>::new()));
    world.set_script(move |_| {
        let Some(world) = script.0.upgrade() else { return Reply::default() };
        let now = Duration::from_millis(world.now().unix_millis()).saturating_sub(begun);
        let is_trouble = now >= TROUBLE.0 && now < TROUBLE.1;
        let places = if is_trouble { bears } else { 1_000 };
        // When each of its places is free again: a request takes the first one.
        let mut free = script.1.borrow_mut();
        free.retain(|at| *at > now);
        free.sort();
        let waits_for = free.len().checked_sub(places).and_then(|index| free.get(index).copied());
        let done = waits_for.unwrap_or(now) + TAKES;
        free.push(done);
        Reply { delay: Some(done.saturating_sub(now)), ..Reply::default() }
    });
    let elapsed = || Duration::from_millis(world.now().unix_millis()).saturating_sub(begun);
    // Before, in the trouble, and after it.
    let counts = Cell::new([[Counts::default(); CLIENTS.len()]; 3]);
    let client = async |priority: usize, number: u64| {
        let (name, _) = CLIENTS[priority];
        let asked = serde_json::json!({ "url": format!("http://gw.test/{name}") });
        let asked: Request = serde_json::from_value(asked).expect("a request");
        world.sleep(Duration::from_millis(number)).await;
        while elapsed() < END {
            let sent = elapsed();
            let (request, peer) = client_request(&world, &asked);
            let answer = receive(&gateway, request, peer).await;
            let took = elapsed() - sent;
            let phase = match sent {
                _ if sent < TROUBLE.0 => 0,
                _ if sent < TROUBLE.1 => 1,
                _ => 2,
            };
            let since = [Duration::ZERO, TROUBLE.0, TROUBLE.1][phase];
            let mut all = counts.get();
            let count = &mut all[phase][priority];
            let is_settled = sent >= since + SETTLED;
            match answer.status {
                200 if is_settled => {
                    count.answered += 1;
                    count.took += took;
                }
                503 if is_settled => count.refused += 1,
                200 | 503 => {}
                other => panic!("{other}"),
            }
            counts.set(all);
            if answer.status == 503 {
                assert_eq!(took, Duration::ZERO, "who is refused does not wait");
                world.sleep(Duration::from_millis(100)).await;
            }
        }
    };
    let all = CLIENTS.iter().enumerate().flat_map(|(priority, (_, count))| (0..*count).map(move |one| (priority, one)));
    let tasks = all.map(|(priority, one)| {
        let number = (one * CLIENTS.len() + priority) as u64;
        Box::pin(client(priority, number)) as Pin<Box<dyn Future<Output = ()> + '_>>
    });
    run(&world, tasks).unwrap_or_else(|hang| panic!("{hang}"));
    let [before, during, after] = counts.get();
    let told = format!("seed {seed}, which bears {bears}: {before:?} {during:?} {after:?}");
    // Nobody is refused where there is room.
    assert!(before.iter().chain(&after).all(|count| count.refused == 0 && count.answered > 0), "{told}");
    let [critical, default, sheddable] = during;
    assert!(critical.refused * 20 <= critical.answered, "{told}");
    assert!(sheddable.answered * 2 < default.answered && sheddable.refused > 0, "{told}");
    // All together would wait for 60 / `bears` times as long.
    let answered = during.iter().map(|count| count.answered).sum::<u32>();
    let mean = during.iter().map(|count| count.took).sum::<Duration>() / answered;
    assert!(mean < TAKES * 3, "{mean:?}: {told}");
    // And the upstream has enough to do.
    let most = (TROUBLE.1 - TROUBLE.0 - SETTLED).as_millis() / TAKES.as_millis() * bears as u128;
    assert!(u128::from(answered) * 10 >= most * 9, "{answered} of {most}: {told}");
}

/// docs/configuration.md, Load.
#[test]
fn the_limit_follows_what_the_upstream_bears_and_what_matters_most_is_refused_last() {
    for seed in 0..6 {
        history(seed);
    }
}
