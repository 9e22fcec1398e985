//! `edgeway routes`: every route, in the order in which they are tried.

use std::time::Duration;

use gateway_core::plan::{Action, Mirror, Next, PathRewrite, Plan, Proxy, ResponseStep, Target, WebSocketLimits};
use gateway_core::policy::etag::Etag;
use gateway_core::route::Spec;

use super::limits;
use super::listing::acts;
use super::style::{Style, pad};
use super::wrap::Wrap;

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
        methods: match &route.action {
            // It refuses any other, whatever its match takes.
            Action::Batch(_) => "POST".to_owned(),
            _ if spec.methods.is_empty() => "*".to_owned(),
            _ => plan.table.methods().list(spec.methods),
        },
        path: spec.path.to_string(),
        when: scheme(spec).into_iter().chain(spec.predicates().map(ToString::to_string)).collect(),
        action: action(plan, &route.action),
        policies: policies(plan, route, &parameters(spec)),
    })
}

fn scheme(spec: &Spec) -> Option<String> {
    spec.scheme.map(|scheme| format!("scheme = `{}`", scheme.as_str()))
}

fn action(plan: &Plan, action: &Action) -> String {
    let name = |index: usize| plan.upstreams.get(index).map_or("?", |u| u.name.as_str());
    match action {
        Action::Proxy(proxy) => match &*proxy.targets.iter().filter(|target| !target.is_steered).collect::<Vec<_>>() {
            [target] => format!("→ {}", name(target.upstream)),
            targets => {
                let shares: Vec<_> = targets.iter().map(|t| format!("{} {}", name(t.upstream), t.weight)).collect();
                format!("→ {}", shares.join(" / "))
            }
        },
        Action::Redirect(redirect) => format!("redirect {}", redirect.status.as_u16()),
        Action::Respond(respond) => format!("respond {}", respond.status.as_u16()),
        Action::Mock(_) => "mock".to_owned(),
        Action::KeyValue(_) => "key-value".to_owned(),
        Action::Batch(batch) => format!("batch of up to {}", batch.most),
        Action::Aggregate(calls) => {
            let calls = calls.aggregate.calls.iter().zip(&calls.targets);
            let calls = calls.map(|(asked, target)| format!("{} → {}", asked.name, name(target.upstream)));
            format!("aggregate {}", calls.collect::<Vec<_>>().join(", "))
        }
        Action::Login(_, endpoint) => endpoint.name().to_owned(),
    }
}

/// The names of the parameters of the route's path.
pub(super) fn parameters(spec: &Spec) -> Vec<&str> {
    spec.path.parameters().collect()
}

fn policies(plan: &Plan, route: &gateway_core::plan::Route, parameters: &[&str]) -> Vec<String> {
    let cors = route.cors.iter().map(|_| "cors".to_owned());
    let request = route.request.iter().filter(|step| acts(step, &route.action));
    let request = request.map(|step| step.describe(parameters));
    let is_proxied = matches!(route.action, Action::Proxy(_));
    let cache = route.cache.iter().filter(|_| is_proxied).map(|cache| cache.describe());
    let response = route.response.iter().map(ResponseStep::describe);
    let compress = route.compress.iter().map(|compress| compress.describe());
    let of_route = cors
        .chain(request)
        .chain(cache)
        .chain(response)
        .chain(route.etag.iter().map(Etag::describe))
        .chain(compress)
        .chain(rewrite(&route.action))
        .chain(fallback(plan, &route.action))
        .chain(mirrors(plan, &route.action))
        .chain(sockets(&route.action));
    of_route.chain(edits(plan, &route.action)).chain(limits::own(plan, route)).collect()
}

/// The roll-out of one of the upstreams, and those that are sent copies.
fn mirrors(plan: &Plan, action: &Action) -> Vec<String> {
    let Action::Proxy(proxy) = action else { return Vec::new() };
    let name = |mirror: &Mirror| plan.upstreams.get(mirror.target.upstream).map_or("?", |upstream| &upstream.name);
    let rollout = proxy.rollout.iter().map(|rollout| rollout.describe());
    rollout.chain(proxy.mirrors.iter().map(|mirror| mirror.rules.describe(name(mirror)))).collect()
}

/// Returns the edits for one upstream of a split alone.
fn edits(plan: &Plan, action: &Action) -> Vec<String> {
    let Action::Proxy(proxy) = action else { return Vec::new() };
    let of = |target: &Target| {
        let name = plan.upstreams.get(target.upstream).map_or("?", |upstream| &upstream.name);
        described(target).into_iter().map(move |edits| format!("{name}: {edits}")).collect::<Vec<_>>()
    };
    proxy.targets.iter().flat_map(of).collect()
}

/// The policies of one upstream of a route, in a few words.
pub(super) fn described(target: &Target) -> Vec<String> {
    // They edit alone, which no parameter tells from others.
    let request = target.request.iter().map(|step| step.describe(&[]));
    request.chain(target.response.iter().map(ResponseStep::describe)).collect()
}

/// Returns what comes next where the upstream fails, if anything does.
fn fallback(plan: &Plan, action: &Action) -> Option<String> {
    let Action::Proxy(Proxy { fallback: Some(fallback), .. }) = action else { return None };
    let steps = fallback.steps.iter().map(|step| match &step.next {
        Next::Upstream { proxy, .. } => {
            let names = proxy.targets.iter().filter_map(|target| plan.upstreams.get(target.upstream));
            names.map(|upstream| upstream.name.as_str()).collect()
        }
        Next::Stale => "stale".to_owned(),
        Next::Respond(respond) => format!("respond {}", respond.status.as_u16()),
    });
    Some(format!("else {}", steps.collect::<Vec<_>>().join(", else ")))
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

/// The table, with a heading. Notes that have no room beside a route stand below it. A route that is too wide for the terminal
/// stands on several lines, and does not count for the columns.
pub(crate) fn render(rows: &[Row], style: Style) -> String {
    let heading = Cells { methods: "method", host: "host", path: "path", action: "action", route: "route" };
    let has_hosts = rows.iter().any(|row| row.host != "*");
    let widths = fitting(&heading, rows, has_hosts, style);
    let mut out = style.dim(heading.line(&widths, Style::PLAIN).trim_end());
    let fits_beside = |row: &Row| {
        let notes = notes(row).join(", ");
        let is_wide = !Cells::of(row).widths(has_hosts).is_within(&widths);
        !notes.is_empty() && !is_wide && widths.sum() + columns(&notes) <= style.width()
    };
    if rows.iter().any(fits_beside) && widths.sum() + columns(NOTES) <= style.width() {
        out.push_str(&" ".repeat(widths.sum() - heading.columns(&widths)));
        out.push_str(&style.dim(NOTES));
    }
    out.push('\n');
    for row in rows {
        let cells = Cells::of(row);
        let is_wide = !cells.widths(has_hosts).is_within(&widths);
        let line = if is_wide { cells.lines(style) } else { cells.line(&widths, style) };
        let notes = notes(row);
        if notes.is_empty() {
            out.push_str(&line);
        } else if fits_beside(row) {
            out.push_str(&line);
            out.push_str(&" ".repeat(widths.sum() - cells.columns(&widths)));
            out.push_str(&style.dim(notes.join(", ")));
        } else {
            out.push_str(&line);
            for below in wrapped(&notes, style.width().saturating_sub(INDENT)) {
                let below = format!("{}{}", " ".repeat(INDENT), style.dim(below));
                out.push_str(&format!("\n{}", style.wrapped(&below, INDENT + GAP)));
            }
        }
        out.push('\n');
    }
    out
}

/// What else is told of a route: its conditions, and its policies.
fn notes(row: &Row) -> Vec<&str> {
    row.when.iter().chain(&row.policies).map(String::as_str).collect()
}

/// The columns of the table: those of all rows, or on a terminal of as many as it takes, from the narrowest on.
fn fitting(heading: &Cells<'_>, rows: &[Row], has_hosts: bool, style: Style) -> Widths {
    let mut widths: Vec<Widths> = rows.iter().map(|row| Cells::of(row).widths(has_hosts)).collect();
    widths.sort_by_key(Widths::sum);
    widths.into_iter().fold(heading.widths(has_hosts), |all, row| {
        let more = all.or(&row);
        if style.breaks(more.sum()) { all } else { more }
    })
}

/// The heading of the notes.
const NOTES: &str = "conditions, policies";

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

/// The width of each column.
#[derive(Clone, Copy)]
struct Widths {
    methods: usize,
    /// `None` if no route asks for a host.
    host: Option<usize>,
    path: usize,
    action: usize,
    route: usize,
}

impl Widths {
    /// The columns of a line, up to its notes.
    fn sum(&self) -> usize {
        let host = self.host.map_or(0, |host| host + GAP);
        GAP + self.methods + GAP + host + self.path + GAP + self.action + GAP + self.route + GAP
    }

    /// The columns that hold those of `other`, too.
    fn or(&self, other: &Self) -> Self {
        Self {
            methods: self.methods.max(other.methods),
            host: self.host.max(other.host),
            path: self.path.max(other.path),
            action: self.action.max(other.action),
            route: self.route.max(other.route),
        }
    }

    fn is_within(&self, other: &Self) -> bool {
        self.or(other).sum() == other.sum()
    }
}

impl<'r> Cells<'r> {
    fn of(row: &'r Row) -> Self {
        Self { methods: &row.methods, host: &row.host, path: &row.path, action: &row.action, route: &row.route }
    }

    fn widths(&self, has_hosts: bool) -> Widths {
        Widths {
            methods: columns(self.methods),
            host: has_hosts.then(|| columns(self.host)),
            path: columns(self.path),
            action: columns(self.action),
            route: columns(self.route),
        }
    }

    /// The columns of [`Self::line`].
    fn columns(&self, widths: &Widths) -> usize {
        widths.sum() - GAP - widths.route + columns(self.route)
    }

    /// The cells in columns.
    fn line(&self, widths: &Widths, style: Style) -> String {
        let mut line = " ".repeat(GAP);
        line.push_str(&style.green(pad(self.methods, widths.methods + GAP)));
        if let Some(host) = widths.host {
            line.push_str(&style.dim(pad(self.host, host + GAP)));
        }
        line.push_str(&style.bold(pad(self.path, widths.path + GAP)));
        line.push_str(&style.cyan(pad(self.action, widths.action + GAP)));
        line.push_str(self.route);
        line
    }

    /// The cells one after another, on as many lines as they take.
    fn lines(&self, style: Style) -> String {
        let mut wrap = Wrap::new(style.width(), INDENT);
        wrap.add(&format!("{}{}", " ".repeat(GAP), style.green(self.methods)), 0);
        if self.host != "*" {
            wrap.add(&style.dim(self.host), GAP);
        }
        wrap.add(&style.bold(self.path), GAP);
        wrap.add(&style.cyan(self.action), GAP);
        wrap.add(self.route, GAP);
        wrap.finish()
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
