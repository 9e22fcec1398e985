//! The deadlines and the largest content that hold for a route, wherever the configuration states them.

use std::time::Duration;

use gateway_core::config::{ByteSize, Span};
use gateway_core::plan::{Action, Plan, Route};
use gateway_core::ports::Deadlines;
use serde_json::{Value, json};

/// The deadlines under their names in the configuration.
fn named(deadlines: &Deadlines) -> [(&'static str, Option<Duration>); 4] {
    let Deadlines { connect, first_byte, total, idle } = *deadlines;
    [("connect", connect), ("firstByte", first_byte), ("total", total), ("idle", idle)]
}

fn shown((name, limit): (&str, Option<Duration>)) -> String {
    limit.map_or_else(|| format!("{name} none"), |limit| format!("{name} {}", Span(limit)))
}

/// The deadlines in words.
pub(super) fn deadlines_text(deadlines: &Deadlines) -> String {
    named(deadlines).map(shown).join(", ")
}

/// The deadlines as data; `null` without a limit.
pub(super) fn deadlines_json(deadlines: &Deadlines) -> Value {
    let Deadlines { connect, first_byte, total, idle } = deadlines;
    let seconds = |limit: &Option<Duration>| limit.as_ref().map(Duration::as_secs_f64);
    json!({
        "connectSeconds": seconds(connect),
        "firstByteSeconds": seconds(first_byte),
        "totalSeconds": seconds(total),
        "idleSeconds": seconds(idle),
    })
}

/// The largest content in words.
pub(super) fn body_text(route: &Route) -> String {
    format!("bodyBytes {}", ByteSize(route.body_limit))
}

/// What holds for `route` alone, in words: what differs from `limits` and from the deadlines of `defaults`.
pub(super) fn own(plan: &Plan, route: &Route) -> Vec<String> {
    let mut own = Vec::new();
    if route.body_limit != plan.limits.body_bytes {
        own.push(body_text(route));
    }
    let Action::Proxy(proxy) = &route.action else { return own };
    let common = named(&plan.deadlines);
    let first = proxy.targets.first().map(|target| target.deadlines);
    let is_one = proxy.targets.iter().all(|target| Some(target.deadlines) == first);
    for target in proxy.targets.iter().take(if is_one { 1 } else { usize::MAX }) {
        let differs = named(&target.deadlines).into_iter().zip(common).filter(|(own, common)| own != common);
        let name = plan.upstreams.get(target.upstream).map_or("?", |upstream| &upstream.name);
        own.extend(differs.map(|(limit, _)| shown(limit)).map(
            |limit| {
                if is_one { limit } else { format!("{name}: {limit}") }
            },
        ));
    }
    own
}
