//! `edgeway upstreams`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::ask::AdminArgs;
use super::output::{print, print_json, sayln};
use super::style::{Style, count, pad, widest};

/// Tell how the upstreams of a gateway that runs are: their places, breakers and latencies, and why a place is left out
#[derive(Debug, Args)]
#[command(after_help = "\
Calls are counted since the gateway has started.

Example:
  edgeway upstreams --admin http://localhost:9901 --upstream orders")]
pub(super) struct Upstreams {
    #[command(flatten)]
    gateway: AdminArgs,
    /// An upstream, by its name; may be given several times
    #[arg(long, value_name = "NAME")]
    upstream: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Upstreams {
    pub(super) fn run(self) -> ExitCode {
        let Self { gateway, upstream, json } = self;
        let answer = match gateway.ask(Method::GET, "/upstreams", None) {
            Ok(answer) => answer,
            Err(code) => return code,
        };
        let all = list(&answer, "upstreams");
        let names: Vec<&str> = all.iter().filter_map(|upstream| upstream.get("name")?.as_str()).collect();
        if let Some(unknown) = upstream.iter().find(|name| !names.contains(&name.as_str())) {
            let help = match gateway_core::config::suggest(unknown, names.iter().copied()) {
                Some(near) => format!(": did you mean `{near}`?"),
                None => String::new(),
            };
            sayln!("{}: there is no upstream `{}`{help}", Style::stderr().red("error"), shown(unknown));
            return ExitCode::FAILURE;
        }
        let is_asked =
            |of: &Value| upstream.is_empty() || upstream.iter().any(|name| of.get("name") == Some(&json!(name)));
        let told: Vec<Value> = all.iter().filter(|upstream| is_asked(upstream)).cloned().collect();
        if json {
            return print_json(&json!({ "upstreams": told }), ExitCode::SUCCESS);
        }
        if told.is_empty() {
            return print("There are no upstreams\n", ExitCode::SUCCESS);
        }
        print(&render(&told, Style::stdout()), ExitCode::SUCCESS)
    }
}

/// The upstreams, each with a line for each of its places, in columns.
fn render(upstreams: &[Value], style: Style) -> String {
    let rows: Vec<Vec<[String; 6]>> =
        upstreams.iter().map(|upstream| list(upstream, "endpoints").iter().map(cells).collect()).collect();
    let widths: [usize; 6] = core::array::from_fn(|column| {
        widest(rows.iter().flatten().filter_map(|row| row.get(column)).map(String::as_str))
    });
    let mut out = String::new();
    for (upstream, rows) in upstreams.iter().zip(&rows) {
        out.push_str(&heading(upstream, style));
        out.extend(upstream.get("load").map(told_of_load));
        for (row, endpoint) in rows.iter().zip(list(upstream, "endpoints")) {
            let mut line = String::from("  ");
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let cell = pad(cell, width);
                line.push_str(&match column {
                    1 if is_out(endpoint) => style.red(&cell),
                    1 if is_disabled(endpoint) => style.dim(&cell),
                    1 => style.green(&cell),
                    _ => cell,
                });
                line.push_str("  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
            if let Some(because) = endpoint.pointer("/health/because").and_then(Value::as_str) {
                let times = number(endpoint, "/health/ejected").unwrap_or_default();
                let is_now = number(endpoint, "/health/outForMs").is_some();
                let last = if is_now { "left out" } else { "was left out" };
                let often = if times > 1 { format!(", {times} times so far") } else { String::new() };
                out.push_str(&format!("    {}\n", style.dim(format!("{last} after {}{often}", shown(because)))));
            }
            if let Some(checks) = endpoint.pointer("/health/checks") {
                out.push_str(&format!("    {}\n", style.dim(told_of_checks(checks))));
            }
        }
    }
    out
}

/// The line of an adaptive limit.
fn told_of_load(load: &Value) -> String {
    let [limit, under_way, refused] =
        ["/limit", "/underWay", "/refused"].map(|of| number(load, of).unwrap_or_default());
    format!("  load  limit {limit}, {under_way} under way, {refused} refused\n")
}

/// What has become of the checks of a place.
fn told_of_checks(checks: &Value) -> String {
    let [passed, failed] = ["/passed", "/failed"].map(|of| number(checks, of).unwrap_or_default() as usize);
    let because = text(checks, "/because").map(|because| format!(", the last of these: {because}")).unwrap_or_default();
    let fails = if checks.get("failing") == Some(&json!(true)) { "left out for its checks: " } else { "" };
    format!("{fails}{} passed, {failed} failed{because}", count(passed, "check"))
}

/// The name of an upstream, and what holds for all of its places.
fn heading(upstream: &Value, style: Style) -> String {
    let text = |pointer: &str| text(upstream, pointer);
    let mut line = style.bold(text("/name").unwrap_or_default());
    let mut more: Vec<String> = text("/balance").into_iter().collect();
    more.extend(number(upstream, "/retries").map(|retries| count(retries as usize, "further attempt")));
    more.extend(text("/breaker/state").map(|state| {
        let word = format!("breaker {state}");
        let opened = number(upstream, "/breaker/opened").filter(|times| *times > 0);
        let often = opened.map(|times| format!(" (opened {})", count(times as usize, "time")));
        format!("{}{}", if state == "closed" { word } else { style.red(word) }, often.unwrap_or_default())
    }));
    if let Some(by) = text("/discovered/by") {
        let age = number(upstream, "/discovered/ageMs").map(|age| format!(" {} s ago", age / 1_000));
        let found = format!("by {by}{}", age.unwrap_or_else(|| ", no place so far".to_owned()));
        more.push(match upstream.pointer("/discovered/isFailing") {
            Some(Value::Bool(true)) => format!("{found}, {}", style.red("which fails now")),
            _ => found,
        });
    }
    if upstream.get("internal") == Some(&json!(true)) {
        more.push("of the gateway itself".to_owned());
    }
    if !more.is_empty() {
        line.push_str(&format!("  {}", more.join(", ")));
    }
    line.push('\n');
    line
}

/// The cells of the line of a place: its URL, state, calls, what is under way, latency, and zone.
fn cells(endpoint: &Value) -> [String; 6] {
    let url = endpoint.get("url").and_then(Value::as_str).map(shown).unwrap_or_default();
    let zone = text(endpoint, "/zone").map(|zone| format!("zone {zone}")).unwrap_or_default();
    let (sent, failed) = (number(endpoint, "/calls/sent").unwrap_or_default(), number(endpoint, "/calls/failed"));
    let failed = failed.filter(|failed| *failed > 0).map(|failed| format!(", {failed} failed")).unwrap_or_default();
    let calls = format!("{}{failed}", count(sent as usize, "call"));
    if endpoint.get("health").is_none() {
        return [url, String::new(), calls, String::new(), String::new(), zone];
    }
    let state = match number(endpoint, "/health/outForMs") {
        Some(left) => format!("out for {} s", left.div_ceil(1_000)),
        None => {
            let share = number(endpoint, "/health/sharePercent").map(|percent| format!(", at {percent} %"));
            format!("{}{}", text(endpoint, "/health/state").unwrap_or_default(), share.unwrap_or_default())
        }
    };
    let under_way = format!("{} under way", number(endpoint, "/health/underWay").unwrap_or_default());
    let latency = endpoint.pointer("/health/latencyMs").and_then(Value::as_f64).filter(|latency| *latency > 0.0);
    let latency = latency.map(|latency| format!("{latency:.1} ms")).unwrap_or_default();
    [url, state, calls, under_way, latency, zone]
}

fn is_disabled(endpoint: &Value) -> bool {
    endpoint.pointer("/health/state") == Some(&json!("disabled"))
}

fn is_out(endpoint: &Value) -> bool {
    endpoint.pointer("/health/state") == Some(&json!("out"))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(shown)
}

fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// Without what a terminal would obey.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/command-line.md, `edgeway upstreams`.
    #[test]
    fn places_stand_in_columns_with_the_reason_why_one_is_left_out() {
        let upstreams = [
            json!({ "name": "orders", "balance": "roundRobin", "retries": 1, "breaker": { "state": "open", "opened": 2 },
              "load": { "limit": 30, "underWay": 12, "latencyMs": 1.5, "refused": 5 }, "endpoints": [
                { "url": "http://a:1", "zone": "eu-1", "calls": { "sent": 1, "failed": 0 }, "health": { "state": "in", "sharePercent": 35, "underWay": 2, "latencyMs": 1.25, "ejected": 0 } },
                { "url": "http://bb:1", "calls": { "sent": 12, "failed": 5 }, "health": { "state": "out", "underWay": 0, "latencyMs": 0.0, "ejected": 2,
                  "outForMs": 1_001, "because": "5 failures in a row, the last of them 503" } },
                { "url": "http://c:1", "calls": { "sent": 0, "failed": 0 }, "health": { "state": "out", "underWay": 0, "latencyMs": 0.0, "ejected": 0,
                  "checks": { "failing": true, "passed": 1, "failed": 3, "because": "status 500" } } },
            ] }),
            json!({ "name": "id", "internal": true, "endpoints": [{ "url": "https://id", "calls": { "sent": 3, "failed": 0 } }] }),
        ];
        assert_eq!(
            render(&upstreams, Style::PLAIN),
            "\
orders  roundRobin, 1 further attempt, breaker open (opened 2 times)
  load  limit 30, 12 under way, 5 refused
  http://a:1   in, at 35 %  1 call              2 under way  1.2 ms  zone eu-1
  http://bb:1  out for 2 s  12 calls, 5 failed  0 under way
    left out after 5 failures in a row, the last of them 503, 2 times so far
  http://c:1   out          0 calls             0 under way
    left out for its checks: 1 check passed, 3 failed, the last of these: status 500
id  of the gateway itself
  https://id                3 calls
"
        );
    }
}
