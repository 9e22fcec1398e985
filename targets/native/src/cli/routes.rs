//! `edgeway routes`: every route, in the order in which they are tried.

use std::time::Duration;

use gateway_core::plan::{Action, PathRewrite, Plan, RequestStep, ResponseStep, WebSocketLimits};
use gateway_core::route::Spec;

use super::style::{Style, pad};

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    route: String,
    host: String,
    methods: String,
    path: String,
    when: Vec<String>,
    action: String,
    policies: Vec<String>,
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
        methods: if spec.methods.is_empty() { "*".to_owned() } else { plan.table.methods().list(spec.methods) },
        path: spec.path.to_string(),
        when: scheme(spec).into_iter().chain(spec.predicates().map(ToString::to_string)).collect(),
        action: action(plan, &route.action),
        policies: policies(route),
    })
}

fn scheme(spec: &Spec) -> Option<String> {
    spec.scheme.map(|scheme| format!("scheme = `{}`", scheme.as_str()))
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
    cors.chain(request).chain(response).chain(rewrite(&route.action)).chain(sockets(&route.action)).collect()
}

/// Returns the path that an upstream is sent, where that is another.
fn rewrite(action: &Action) -> Option<String> {
    let Action::Proxy(proxy) = action else { return None };
    match &proxy.path {
        PathRewrite::Keep => None,
        PathRewrite::Prefix { replacement, .. } => Some(format!("prefix becomes {replacement}/")),
        PathRewrite::Template(template) => Some(match template.as_text() {
            Some(path) => format!("path becomes {path}"),
            None => format!("path becomes {}…", template.leading_text()),
        }),
    }
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

/// The table, with a heading. Notes that have no room beside a route stand below it.
pub(crate) fn render(rows: &[Row], style: Style) -> String {
    let heading = Cells { methods: "method", host: "host", path: "path", action: "action", route: "route" };
    let cells: Vec<Cells<'_>> = std::iter::once(heading).chain(rows.iter().map(Cells::of)).collect();
    let column = |cell: fn(&Cells<'_>) -> usize| cells.iter().map(cell).max().unwrap_or(0) + GAP;
    let has_hosts = rows.iter().any(|row| row.host != "*");
    let widths = Widths {
        methods: column(|row| columns(row.methods)),
        host: if has_hosts { column(|row| columns(row.host)) } else { 0 },
        path: column(|row| columns(row.path)),
        action: column(|row| columns(row.action)),
        route: column(|row| columns(row.route)),
    };
    let mut out = String::new();
    for (index, cells) in cells.iter().enumerate() {
        let Some(row) = index.checked_sub(1).and_then(|index| rows.get(index)) else {
            out.push_str(&style.dim(cells.line(&widths, Style::PLAIN).trim_end()));
            out.push('\n');
            continue;
        };
        let line = cells.line(&widths, style);
        let notes: Vec<&str> = row.when.iter().chain(&row.policies).map(String::as_str).collect();
        let beside = widths.sum() + columns(&notes.join(", "));
        if beside <= style.width() || notes.is_empty() {
            out.push_str(format!("{line}{}", style.dim(notes.join(", "))).trim_end());
        } else {
            out.push_str(line.trim_end());
            for below in wrapped(&notes, style.width().saturating_sub(INDENT)) {
                out.push_str(&format!("\n{}{}", " ".repeat(INDENT), style.dim(below)));
            }
        }
        out.push('\n');
    }
    out
}

/// The columns between two cells, and before notes on a line of their own.
const GAP: usize = 2;
const INDENT: usize = 6;

/// The cells of a line.
struct Cells<'r> {
    methods: &'r str,
    host: &'r str,
    path: &'r str,
    action: &'r str,
    route: &'r str,
}

/// The width of each column, with the gap after it.
struct Widths {
    methods: usize,
    /// Zero if no route asks for a host.
    host: usize,
    path: usize,
    action: usize,
    route: usize,
}

impl Widths {
    const fn sum(&self) -> usize {
        GAP + self.methods + self.host + self.path + self.action + self.route
    }
}

impl<'r> Cells<'r> {
    fn of(row: &'r Row) -> Self {
        Self { methods: &row.methods, host: &row.host, path: &row.path, action: &row.action, route: &row.route }
    }

    fn line(&self, widths: &Widths, style: Style) -> String {
        let mut line = " ".repeat(GAP);
        line.push_str(&style.green(pad(self.methods, widths.methods)));
        if widths.host > 0 {
            line.push_str(&style.dim(pad(self.host, widths.host)));
        }
        line.push_str(&style.bold(pad(self.path, widths.path)));
        line.push_str(&style.cyan(pad(self.action, widths.action)));
        line.push_str(&pad(self.route, widths.route));
        line
    }
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

/// `notes` on as few lines of at most `width` columns as they fit on.
fn wrapped(notes: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for note in notes {
        match lines.last_mut().filter(|line| columns(line) + 2 + columns(note) <= width) {
            Some(line) => line.push_str(&format!(", {note}")),
            None => lines.push((*note).to_owned()),
        }
    }
    lines
}
