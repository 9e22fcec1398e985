//! `edgeway registry`

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use gateway_core::config::Span;
use http::Method;
use serde_json::{Map, Value, json};

use super::ask::{AdminArgs, part};
use super::output::{print, print_json, sayln};
use super::style::{Style, count};

/// The time for which a place says that it is there, if nothing else is said.
const USUAL_TTL: &str = "30s";

/// Places that say of themselves that they are there, at the admin endpoints of a gateway that runs
#[derive(Debug, Subcommand)]
pub(super) enum Registry {
    List(List),
    Add(Add),
    Remove(Remove),
}

/// List the services of the registry, and their places
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway registry list orders --admin http://localhost:9901")]
pub(super) struct List {
    /// One service; without it, all that upstreams of the gateway are found by
    service: Option<String>,
    #[command(flatten)]
    gateway: AdminArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Say that a place is there, once or for as long as this program runs
#[derive(Debug, Args)]
#[command(after_help = "\
A service is one that an upstream of the gateway names: `\"discover\": {\"registry\": \"orders\"}`.
With --keep the place is renewed three times in its life, and taken out as this program is
stopped (SIGTERM, SIGINT): run it beside the service.

Examples:
  edgeway registry add orders a --url http://10.0.0.1:8080 --admin http://localhost:9901
  edgeway registry add orders a --url http://10.0.0.1:8080 --keep --admin http://localhost:9901
  edgeway registry add orders a --url http://10.0.0.1:8080 --zone eu-1 --keep \\
    --token-env REGISTRY_TOKEN --admin https://gw.example.com/.edgeway")]
pub(super) struct Add {
    /// The service
    service: String,
    /// The name of the place among those of its service
    id: String,
    /// Where it is: `http://10.0.0.1:8080`
    #[arg(long)]
    url: String,
    /// How long that holds
    #[arg(long, default_value = USUAL_TTL, value_parser = span)]
    ttl: Duration,
    /// Its share, from 1 to 1000
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    weight: Option<u32>,
    /// Its priority, from 0 to 15: lower ones come first
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=15))]
    priority: Option<u32>,
    /// The zone that it is in
    #[arg(long)]
    zone: Option<String>,
    /// Say so again and again until this program is stopped, and then take it out
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    gateway: AdminArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Take a place out
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway registry remove orders a --admin http://localhost:9901")]
pub(super) struct Remove {
    /// The service
    service: String,
    /// The name of the place
    id: String,
    #[command(flatten)]
    gateway: AdminArgs,
}

fn span(text: &str) -> Result<Duration, &'static str> {
    let life = Span::parse(text).map(|span| span.0);
    life.filter(|life| (1..=86_400).contains(&life.as_secs())).ok_or("write a time from 1s to 1d, such as 30s")
}

impl Registry {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::List(list) => list.run(),
            Self::Add(add) => add.run(),
            Self::Remove(remove) => remove.run(),
        }
    }
}

impl List {
    fn run(self) -> ExitCode {
        let Self { service, gateway, json } = self;
        let path = service.map_or_else(|| "/registry".to_owned(), |service| format!("/registry/{}", part(&service)));
        let answer = match gateway.ask(Method::GET, &path, None) {
            Ok(answer) => answer,
            Err(code) => return code,
        };
        if json {
            return print_json(&answer, ExitCode::SUCCESS);
        }
        let services = match answer.get("services").and_then(Value::as_array) {
            Some(services) => services.clone(),
            None => vec![answer],
        };
        if services.is_empty() {
            return print("No upstream is found by the registry\n", ExitCode::SUCCESS);
        }
        print(&services.iter().map(|service| render(service, Style::stdout())).collect::<String>(), ExitCode::SUCCESS)
    }
}

impl Add {
    fn run(self) -> ExitCode {
        let ttl = Span(self.ttl).to_string();
        let mut content = Map::new();
        content.insert("url".to_owned(), json!(self.url));
        content.insert("ttl".to_owned(), json!(ttl));
        for (name, number) in [("weight", self.weight), ("priority", self.priority)] {
            if let Some(number) = number {
                content.insert(name.to_owned(), json!(number));
            }
        }
        if let Some(zone) = &self.zone {
            content.insert("zone".to_owned(), json!(zone));
        }
        let content = Value::Object(content);
        let path = place(&self.service, &self.id);
        let said = match self.gateway.ask(Method::PUT, &path, Some(&content)) {
            Ok(said) => said,
            Err(code) => return code,
        };
        let told = if self.json {
            print_json(&said, ExitCode::SUCCESS)
        } else {
            let until = said.get("until").and_then(Value::as_str).unwrap_or_default();
            let held =
                if self.keep { "renewed until this program is stopped".to_owned() } else { format!("until {until}") };
            print(&format!("{} is there for {}, {held}\n", self.url, self.service), ExitCode::SUCCESS)
        };
        if !self.keep {
            return told;
        }
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return ExitCode::FAILURE;
        };
        // A gateway that is away for a while is told again, and the next time in any case.
        let mut stop = Box::pin(stopped());
        let mut goes_on = || runtime.block_on(async { tokio::time::timeout(self.ttl / 3, &mut stop).await.is_err() });
        while goes_on() {
            let _ = self.gateway.ask(Method::PUT, &path, Some(&content));
        }
        self.gateway.ask(Method::DELETE, &path, None).map_or_else(|code| code, |_| ExitCode::SUCCESS)
    }
}

impl Remove {
    fn run(self) -> ExitCode {
        let Self { service, id, gateway } = self;
        match gateway.ask(Method::DELETE, &place(&service, &id), None) {
            Ok(_) => print(&format!("{id} is no longer there for {service}\n"), ExitCode::SUCCESS),
            Err(code) => code,
        }
    }
}

/// Waits until the program is to stop.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            },
            Err(error) => sayln!("SIGTERM can't be waited for: {error}"),
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn place(service: &str, id: &str) -> String {
    format!("/registry/{}/{}", part(service), part(id))
}

/// A service, with a line for each of its places.
fn render(service: &Value, style: Style) -> String {
    let text =
        |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().escape_debug().to_string();
    let list = |name: &str| service.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (places, upstreams) = (list("places"), list("upstreams"));
    let names: Vec<&str> = upstreams.iter().filter_map(Value::as_str).collect();
    let mut out = format!(
        "{}  {}, for {}\n",
        style.bold(text(service, "name")),
        count(places.len(), "place"),
        names.join(", ").escape_debug()
    );
    let ids = || places.iter().map(|place| text(place, "id"));
    let width = ids().map(|id| id.chars().count()).max().unwrap_or_default();
    for (place, id) in places.iter().zip(ids()) {
        let at = match place.get("url") {
            Some(_) => text(place, "url"),
            None => {
                let port =
                    place.get("port").and_then(Value::as_u64).map_or_else(String::new, |port| format!(":{port}"));
                format!("{}{port}", text(place, "host"))
            }
        };
        let number = |name: &str| place.get(name).and_then(Value::as_u64).map(|number| format!("  {name} {number}"));
        let zone = place.get("zone").map(|_| format!("  zone {}", text(place, "zone")));
        let more = [number("weight"), number("priority"), zone].into_iter().flatten().collect::<String>();
        out.push_str(&format!("  {id:<width$}  {at}  until {}{more}\n", text(place, "until")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/command-line.md, `edgeway registry`.
    #[test]
    fn a_service_has_a_line_for_each_place() {
        let service = json!({"name": "orders", "upstreams": ["orders"], "places": [
            {"id": "a", "url": "http://10.0.0.1:8080", "until": "2026-12-01T10:00:00Z"},
            {"id": "long", "host": "10.0.0.2", "port": 81, "weight": 5, "zone": "eu-1", "until": "2026-12-01T10:00:01Z"},
        ]});
        assert_eq!(
            render(&service, Style::PLAIN),
            "\
orders  2 places, for orders
  a     http://10.0.0.1:8080  until 2026-12-01T10:00:00Z
  long  10.0.0.2:81  until 2026-12-01T10:00:01Z  weight 5  zone eu-1
"
        );
    }
}
