//! The edits that a document gets: those of a route, or one that the command line states.

use std::path::Path;
use std::sync::Arc;

use gateway_core::call::{ApiVersion, Call};
use gateway_core::config::{self, Composed, Diagnostic, Rule};
use gateway_core::plan::{self, Plan, RequestStep, ResponseStep, Route};
use gateway_core::policy::body_edit::{BodyEdit, Form};
use gateway_core::ports::Capabilities;
use gateway_core::trace::Direction;
use http::header::HOST;
use http::{HeaderMap, StatusCode};

use super::Transform;
use crate::cli::explain::Question;
use crate::cli::findings::Findings;
use crate::cli::target::Target;

/// The edits of content of a route.
pub(super) struct Edits {
    plan: Arc<Plan>,
    route: usize,
    direction: Direction,
}

impl Edits {
    /// The edits that `command` asks for.
    pub(super) fn of(command: &Transform) -> Result<Self, Box<Findings>> {
        if let Some(edit) = &command.edit {
            return Self::stated(edit, command);
        }
        let plan = command.source.load(Target::Native)?;
        let found = chosen(&plan, command.route.as_deref().unwrap_or_default(), command.api_version.as_deref());
        let route = found.map_err(|message| command.failure(message))?;
        let edits = Self { plan, route, direction: Direction::Request };
        let direction = match (command.direction(), edits.has(Direction::Request), edits.has(Direction::Response)) {
            (Some(stated), ..) => stated,
            (None, true, true) => {
                let message = "the route edits content of requests and of responses: say `--request` or `--response`";
                return Err(command.failure(message.to_owned()));
            }
            (None, _, true) => Direction::Response,
            (None, ..) => Direction::Request,
        };
        let edits = Self { direction, ..edits };
        if !edits.has(direction) {
            let of = |direction| if direction == Direction::Request { "requests" } else { "responses" };
            let name = edits.route().map_or("", |route| &*route.name);
            let other = if direction == Direction::Request { Direction::Response } else { Direction::Request };
            let help = if edits.has(other) { format!(", but that of {}", of(other)) } else { String::new() };
            return Err(command.failure(format!("`{name}` edits no content of {}{help}", of(direction))));
        }
        Ok(edits)
    }

    /// The edit that is `stated`, or is in the file of this name.
    fn stated(stated: &str, command: &Transform) -> Result<Self, Box<Findings>> {
        let is_inline =
            stated.trim_start().starts_with(['{', '[']) || stated.starts_with("//") || stated.starts_with("/*");
        let (name, text) = if is_inline {
            ("--edit", stated.to_owned())
        } else {
            let path = stated.strip_prefix('@').unwrap_or(stated);
            let text = std::fs::read_to_string(path);
            (path, text.map_err(|error| command.failure(format!("can't read {path}: {error}")))?)
        };
        let direction = command.direction().unwrap_or(Direction::Request);
        match load(&text, direction, &command.source.secrets()) {
            Ok(plan) => Ok(Self { plan: Arc::new(plan), route: 0, direction }),
            Err(mistakes) => Err(Box::new(Findings::found(Path::new(name), Composed::alone(text), mistakes))),
        }
    }

    fn route(&self) -> Option<&Route> {
        self.plan.routes.get(self.route)
    }

    fn all(&self, direction: Direction) -> impl Iterator<Item = &Arc<BodyEdit>> {
        let of_requests = self.route().into_iter().flat_map(|route| &*route.request).filter_map(|step| match step {
            RequestStep::EditBody(edit) => Some(edit),
            _ => None,
        });
        let of_responses = self.route().into_iter().flat_map(|route| &*route.response).filter_map(ResponseStep::body);
        let is_request = direction == Direction::Request;
        of_requests.filter(move |_| is_request).chain(of_responses.filter(move |_| !is_request))
    }

    fn has(&self, direction: Direction) -> bool {
        self.all(direction).next().is_some()
    }

    /// Those for a response with this `status`, or for a request.
    pub(super) fn chosen(&self, status: StatusCode) -> Vec<Arc<BodyEdit>> {
        let is_for = |edit: &&Arc<BodyEdit>| self.direction == Direction::Request || edit.statuses.has(status);
        self.all(self.direction).filter(is_for).cloned().collect()
    }

    /// The form that the first is for.
    pub(super) fn first_form(&self) -> Option<Form> {
        self.all(self.direction).next().and_then(|edit| edit.from.first().copied())
    }

    /// The most content that the route takes, in bytes.
    pub(super) fn limit(&self) -> u64 {
        let of_requests = self.route().filter(|_| self.direction == Direction::Request);
        of_requests.map_or(u64::MAX, |route| route.body_limit)
    }

    /// The status that a response with this one gets, if that is another one.
    pub(super) fn mapped(&self, status: StatusCode) -> Option<StatusCode> {
        let steps = self.route().filter(|_| self.direction == Direction::Response)?.response.iter();
        let maps = steps.filter_map(|step| match step {
            ResponseStep::MapStatus(map) => Some(map),
            _ => None,
        });
        maps.fold(None, |now, map| map.status(now.unwrap_or(status)).or(now))
    }

    /// The names of the parameters of the route's path.
    pub(super) fn parameters(&self) -> Vec<&str> {
        let mut specs = self.plan.table.ranked().filter(|spec| spec.route == self.route);
        specs.next().map_or_else(Vec::new, |spec| spec.path.parameters().collect())
    }

    /// The request that texts depend on.
    pub(super) fn call(&self, url: Option<&str>, fields: &[String]) -> Result<Call, String> {
        let question = Question::parse("POST", url.unwrap_or("/"), fields, None)?;
        let (head, _) = question.request().into_parts();
        let mut headers = head.headers;
        let host = headers.remove(HOST);
        let normal = self.plan.paths.normalise(head.uri.path()).map(std::borrow::Cow::into_owned);
        let normal = normal.map_err(|error| format!("the path is none that is served: {error}"))?;
        let client = self.plan.proxies.client(&headers, &question.peer());
        let mut call = Call::new(head.method, head.uri, headers);
        call.client = client;
        if let Some(host) = host {
            call.set_host(host).map_err(|_| "the URL has no host that is served".to_owned())?;
        }
        if normal != call.path() {
            call.set_path(&normal);
        }
        let Some(route) = self.route() else { return Ok(call) };
        call.version =
            route.version.as_ref().map(|version| Box::new(ApiVersion { name: Arc::clone(&version.name), cut: None }));
        if url.is_none() {
            return Ok(call);
        }
        // Its path alone is looked at: what else the route asks for says nothing of content.
        let path = self.plan.paths.key(call.path()).into_owned();
        let mut of_route = self.plan.table.ranked().filter(|spec| spec.route == self.route);
        call.params = of_route
            .find_map(|spec| spec.path.matches(&path))
            .ok_or_else(|| format!("`{}` takes no such path: `edgeway explain` says why", route.name))?;
        Ok(call)
    }
}

/// The index of the route called `name`, which may leave its API out where one alone is called so.
fn chosen(plan: &Plan, name: &str, version: Option<&str>) -> Result<usize, String> {
    let named = |route: &Route| route.name == name || route.name.rsplit_once('/').is_some_and(|(_, own)| own == name);
    let mut found: Vec<(usize, &Route)> = plan.routes.iter().enumerate().filter(|(_, route)| named(route)).collect();
    if found.iter().any(|(_, route)| route.name == name) {
        found.retain(|(_, route)| route.name == name);
    }
    let Some((_, first)) = found.first().copied() else {
        let names = plan.routes.iter().map(|route| &*route.name);
        let own = names.clone().filter_map(|name| Some(name.rsplit_once('/')?.1));
        let names = names.chain(own);
        let help = match config::suggest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`edgeway routes` lists them".to_owned(),
        };
        return Err(format!("there is no route `{name}` ({help})"));
    };
    if let Some((_, other)) = found.iter().find(|(_, route)| route.name != first.name) {
        return Err(format!("`{name}` is `{}` or `{}`: say which", first.name, other.name));
    }
    match version {
        None => Ok(found.first().map_or(0, |(index, _)| *index)),
        Some(version) => {
            let has = found.iter().find(|(_, route)| version_of(route) == Some(version));
            let known: Vec<&str> = found.iter().filter_map(|(_, route)| version_of(route)).collect();
            has.map(|(index, _)| *index).ok_or_else(|| match known.as_slice() {
                [] => format!("the API of `{}` has no versions", first.name),
                known => format!("`{}` has no version `{version}`: there are `{}`", first.name, known.join("`, `")),
            })
        }
    }
}

fn version_of(route: &Route) -> Option<&str> {
    route.version.as_ref().map(|version| &*version.name)
}

/// What stands before and behind an edit in a configuration with nothing else. The edit has lines of its own.
const AFTER: &str = "\n}}]}]}";
const BEFORE: &str = r#"{"upstreams": {"upstream": {"url": "http://upstream.test"}}, "routes": [{"name": "edit", "match": {"prefix": "/"},
    "upstream": "upstream", "policies": [{"#;

/// The help for an edit of requests that speaks of statuses.
const OF_RESPONSES: &str = "responses alone have a status: `--response` says that it is an edit of one";

/// A plan with the edit `text`, which may be the list of its steps alone.
fn load(text: &str, direction: Direction, secrets: &dyn plan::Secrets) -> Result<Plan, Vec<Diagnostic>> {
    // Its form by itself, so that nothing of what is put around it is told of.
    let alone = config::read_with(text, &|name| secrets.variable(name)).err();
    let list = list_start(text);
    let malformed: Vec<Diagnostic> = alone
        .into_iter()
        .flat_map(|reading| reading.diagnostics)
        .filter(|mistake| matches!(mistake.rule, Rule::Syntax | Rule::DuplicateMember))
        .filter(|mistake| list.is_none() || mistake.position != list)
        .collect();
    if !malformed.is_empty() {
        return Err(malformed);
    }
    let member = if direction == Direction::Request { "request" } else { "response" };
    let (list, end) = if list.is_some() { (r#"{"json": "#, "}") } else { ("", "") };
    let whole = format!("{BEFORE}\"{member}\": {{\"body\": {list}\n{text}\n{end}{AFTER}");
    let lines = 2;
    plan::load(&whole, &Capabilities::NATIVE, secrets).map_err(|mistakes| {
        let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1);
        let moved = |(line, column): (u32, u32)| (line.saturating_sub(lines).clamp(1, last), column);
        let around = format!("routes[0].policies[0].{member}.body");
        let inner = |path: &str| {
            let path = path.strip_prefix(&*around).unwrap_or_default();
            let path = if list.is_empty() { path } else { path.strip_prefix(".json").unwrap_or(path) };
            path.strip_prefix('.').unwrap_or(path).to_owned()
        };
        let placed = |mistake: Diagnostic| {
            let path = inner(&mistake.path);
            let is_of_responses = direction == Direction::Request && path == "statuses";
            Diagnostic {
                path,
                position: mistake.position.map(moved),
                end: mistake.end.map(moved),
                help: if is_of_responses { Some(OF_RESPONSES.to_owned()) } else { mistake.help },
                ..mistake
            }
        };
        mistakes.into_iter().map(placed).collect()
    })
}

/// The place of the `[` with which the whole of `text` begins, if it is a list: its line and column.
fn list_start(text: &str) -> Option<(u32, u32)> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let behind = match (rest.strip_prefix("//"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n')?.1,
            (_, Some(comment)) => comment.split_once("*/")?.1,
            _ if rest.starts_with('[') => break,
            _ => return None,
        };
        rest = behind.trim_start();
    }
    let before = text.get(..text.len() - rest.len())?.trim_start_matches('\u{feff}');
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Some((u32::try_from(before.matches('\n').count() + 1).ok()?, u32::try_from(column + 1).ok()?))
}

/// The media type in `headers`.
pub(super) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}
