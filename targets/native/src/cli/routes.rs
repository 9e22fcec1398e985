//! `edgeway routes`: every route, in the order in which they are tried.

use std::time::Duration;

use gateway_core::plan::{Action, Plan, RequestStep, ResponseStep, WebSocketLimits};
use gateway_core::route::Spec;

use super::style::{Style, pad, widest};

/// One line of the table.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Row {
    route: String,
    host: String,
    methods: String,
    path: String,
    when: Vec<String>,
    action: String,
    policies: Vec<String>,
    at: String,
}

/// The routes of `plan`, highest rank first.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    plan.table.ranked().filter_map(|spec| row(plan, spec)).collect()
}

fn row(plan: &Plan, spec: &Spec) -> Option<Row> {
    let route = plan.routes.get(spec.route)?;
    Some(Row {
        route: route.name.clone(),
        host: spec.host.to_string(),
        methods: if spec.methods.is_empty() { "*".to_owned() } else { spec.methods.to_string() },
        path: spec.path.to_string(),
        when: spec.predicates().map(ToString::to_string).collect(),
        action: action(plan, &route.action),
        policies: policies(route),
        at: route.at.to_string(),
    })
}

fn action(plan: &Plan, action: &Action) -> String {
    let name = |index: usize| plan.upstreams.get(index).map_or("?", |u| u.name.as_str());
    match action {
        Action::Proxy(proxy) => match &*proxy.targets {
            [target] => format!("→ {}", name(target.upstream)),
            targets => {
                let shares: Vec<_> = targets.iter().map(|t| format!("{} {}", name(t.upstream), t.weight)).collect();
                format!("→ {}", shares.join(" / "))
            }
        },
        Action::Redirect(redirect) => format!("redirect {}", redirect.status.as_u16()),
        Action::Respond(respond) => format!("respond {}", respond.status.as_u16()),
        Action::KeyValue(_) => "key-value".to_owned(),
    }
}

fn policies(route: &gateway_core::plan::Route) -> Vec<String> {
    let cors = route.cors.iter().map(|_| "cors".to_owned());
    let request = route.request.iter().map(RequestStep::describe);
    let response = route.response.iter().map(ResponseStep::describe);
    cors.chain(request).chain(response).chain(sockets(&route.action)).collect()
}

/// Returns the unusual WebSocket settings of a route.
fn sockets(action: &Action) -> Option<String> {
    let Action::Proxy(proxy) = action else { return None };
    let span = |limit: Option<Duration>| limit.map_or("any".to_owned(), |limit| format!("{}s", limit.as_secs_f64()));
    match proxy.web_socket {
        None => Some("no WebSockets".to_owned()),
        Some(WebSocketLimits::DEFAULT) => None,
        Some(limits) => Some(format!("WebSockets idle {}, life {}", span(limits.idle), span(limits.life))),
    }
}

/// The aligned table.
pub(crate) fn render(rows: &[Row], style: Style) -> String {
    let column = |cell: fn(&Row) -> &str| widest(rows.iter().map(cell));
    let has_hosts = rows.iter().any(|row| row.host != "*");
    let (host, methods) = (column(|r| &r.host), column(|r| &r.methods));
    let (path, action) = (column(|r| &r.path), column(|r| &r.action));
    let name = column(|r| &r.route);
    let mut out = String::new();
    for row in rows {
        let mut line = String::from("  ");
        line.push_str(&style.green(pad(&row.methods, methods + 2)));
        if has_hosts {
            line.push_str(&style.dim(pad(&row.host, host + 2)));
        }
        line.push_str(&style.bold(pad(&row.path, path + 2)));
        line.push_str(&style.cyan(pad(&row.action, action + 2)));
        line.push_str(&pad(&row.route, name + 2));
        let notes: Vec<_> = row.when.iter().chain(&row.policies).map(String::as_str).collect();
        line.push_str(&style.dim(notes.join(", ")));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
