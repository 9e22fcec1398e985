//! `edgeway rollouts`

use std::process::ExitCode;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::ask::{AdminArgs, part};
use super::output::{print, print_json, sayln};
use super::style::{Style, count};

/// Tell how the roll-outs of a gateway that runs are: their steps, the figures of both sides, and why a candidate was rolled back
#[derive(Debug, Args)]
#[command(after_help = "\
A roll-out is called as its route.

Examples:
  edgeway rollouts --admin http://localhost:9901
  edgeway rollouts --admin http://localhost:9901 --back shop/orders
  edgeway rollouts --admin http://localhost:9901 --anew shop/orders")]
pub(super) struct Rollouts {
    #[command(flatten)]
    gateway: AdminArgs,
    /// Roll this one's candidate back now
    #[arg(long, value_name = "ROUTE", conflicts_with = "anew")]
    back: Option<String>,
    /// Have this one begin anew with its first step
    #[arg(long, value_name = "ROUTE")]
    anew: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Rollouts {
    pub(super) fn run(self) -> ExitCode {
        let Self { gateway, back, anew, json } = self;
        // One that is not there is told with those that are.
        if let Some(wanted) = back.as_ref().or(anew.as_ref()) {
            let all = match gateway.ask(Method::GET, "/rollouts", None) {
                Ok(all) => all,
                Err(code) => return code,
            };
            let all = all.get("rollouts").and_then(Value::as_array).cloned().unwrap_or_default();
            let names: Vec<_> = all.iter().filter_map(|one| one.get("route").and_then(Value::as_str)).collect();
            if !names.contains(&wanted.as_str()) {
                let there = if names.is_empty() {
                    "there are none".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                };
                sayln!("error: no roll-out `{}`; {}", wanted.escape_debug(), there.escape_debug());
                return ExitCode::FAILURE;
            }
        }
        let changed = back.map(|route| (Method::PUT, route)).or_else(|| anew.map(|route| (Method::DELETE, route)));
        let answer = match changed {
            Some((method, route)) => gateway
                .ask(method, &format!("/rollouts/{}", part(&route)), None)
                .map(|one| json!({ "rollouts": [one] })),
            None => gateway.ask(Method::GET, "/rollouts", None),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(code) => return code,
        };
        if json {
            return print_json(&answer, ExitCode::SUCCESS);
        }
        let all = answer.get("rollouts").and_then(Value::as_array).cloned().unwrap_or_default();
        if all.is_empty() {
            return print("There are no roll-outs\n", ExitCode::SUCCESS);
        }
        print(&all.iter().map(|one| render(one, Style::stdout())).collect::<String>(), ExitCode::SUCCESS)
    }
}

/// A roll-out, with a line for each of its sides.
fn render(one: &Value, style: Style) -> String {
    let text =
        |pointer: &str| one.pointer(pointer).and_then(Value::as_str).unwrap_or_default().escape_debug().to_string();
    let number = |pointer: &str| one.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let steps = one.get("steps").and_then(Value::as_array).map_or(0, Vec::len);
    let (state, because) = (text("/state"), text("/because"));
    let word = match state.as_str() {
        "rolledBack" => style.red(format!("rolled back ({because})")),
        "done" => style.green("done"),
        "unknown" => "unknown: the store has not told yet".to_owned(),
        _ if because.is_empty() => format!("step {} of {steps}", number("/step")),
        _ => format!("step {} of {steps}: {because}", number("/step")),
    };
    let failed =
        if one.get("storeFailed") == Some(&json!(true)) { style.red(", the store fails") } else { String::new() };
    let since = text("/since");
    let since = if since.is_empty() { String::new() } else { format!(", since {since}") };
    let mut out = format!("{}  {} %, {word}{since}{failed}\n", style.bold(text("/route")), number("/percent"));
    for side in ["baseline", "candidate"] {
        let figure = |name: &str| number(&format!("/{side}/{name}"));
        let (requests, errors) = (figure("requests"), figure("errors"));
        let mean = one.pointer(&format!("/{side}/meanMs")).and_then(Value::as_f64).unwrap_or_default();
        let rate = errors as f64 * 100.0 / requests.max(1) as f64;
        let counted = count(requests as usize, "request");
        let name = text(&format!("/{side}/upstream"));
        out.push_str(&format!("  {side:<9}  {name}  {counted}, {errors} failed ({rate:.1} %), {mean:.1} ms\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/command-line.md, `edgeway rollouts`.
    #[test]
    fn a_roll_out_has_its_state_and_the_figures_of_both_sides() {
        let one = json!({
            "route": "shop/orders", "state": "rolledBack", "percent": 0, "step": 2, "steps": [5, 50, 100], "since": "2026-12-01T10:00:00Z",
            "because": "errors", "storeFailed": false,
            "baseline": { "upstream": "now", "requests": 1_000, "errors": 10, "meanMs": 40.25 },
            "candidate": { "upstream": "next", "requests": 1, "errors": 1, "meanMs": 0.0 },
        });
        assert_eq!(
            render(&one, Style::PLAIN),
            "\
shop/orders  0 %, rolled back (errors), since 2026-12-01T10:00:00Z
  baseline   now  1000 requests, 10 failed (1.0 %), 40.2 ms
  candidate  next  1 request, 1 failed (100.0 %), 0.0 ms
"
        );
    }
}
