//! Answers that are made of several calls: their texts, and which call waits for which.

use core::time::Duration;

use http::{HeaderName, Method, StatusCode};

use super::Compiler;
use super::at::At;
use super::bodies::form;
use super::edits::Parameters;
use super::foreign::Place;
use super::routes::RouteContext;
use crate::config::{self, AggregateCall, Literal};
use crate::document::Value;
use crate::document::path::{Location, Path};
use crate::plan::{Calls, Target};
use crate::policy::aggregate::{
    Aggregate, Asked, Condition, Content, Each, Part, Piece, REQUEST, Reference, Sent, Text,
};
use crate::policy::body_edit::{BodyEdit, MOST_BYTES, Statuses};
use crate::policy::header_edit::is_editable;
use crate::template::{self, Part as TemplatePart};

/// The most calls of one answer.
const MOST_CALLS: usize = 32;
/// The most values that a call is made for, at the most and where nothing else is said.
const MOST_VALUES: u32 = 1000;
const USUAL_VALUES: u32 = 100;
/// The most of them that are asked for at once, where nothing else is said.
const USUAL_AT_ONCE: u32 = 10;
/// The most tries of a call.
const MOST_TRIES: u32 = 5;
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);
const USUAL_BYTES: u64 = 4 << 20;
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The place of a call, and the names that its texts may use.
#[derive(Clone, Copy)]
struct Scope<'s> {
    parameters: Parameters<'s>,
    /// Set if it is made for each of several values.
    has_item: bool,
    calls: &'s config::Entries<AggregateCall>,
    /// Its own name; nothing in it can come from its own result.
    own: Option<&'s str>,
}

impl<'c> Compiler<'c> {
    /// Compiles an answer that is made of several calls.
    #[inline(never)]
    pub(super) fn aggregate(
        &mut self,
        context: &RouteContext<'_, 'c>,
        aggregate: &'c config::Aggregate,
    ) -> Option<Calls> {
        let at = context.at.member("aggregate");
        let before = self.errors.len();
        let config::Aggregate { calls, json, partial, timeout, max_bytes, server_timing } = aggregate;
        if calls.is_empty() || calls.0.len() > MOST_CALLS {
            let message = if calls.is_empty() { "there are no calls" } else { "there are too many calls" };
            self.error_with(&at.member("calls"), message, format_args!("write 1 to {MOST_CALLS}, by their names"));
        }
        let most_bytes = max_bytes.map_or(USUAL_BYTES, |size| size.0);
        if most_bytes == 0 || most_bytes > MOST_BYTES {
            self.error_with(
                &at.member("maxBytes"),
                "so much can't be put together",
                "write a size from `1B` to `16MiB`",
            );
        }
        let timeout = self.call_timeout(&at, *timeout).unwrap_or(USUAL_TIMEOUT);
        let partial_status = partial.status.unwrap_or(200);
        if !(200..=299).contains(&partial_status) || matches!(partial_status, 204..=206) {
            self.error_with(
                &at.member("partial").member("status"),
                format_args!("{partial_status} is no status of an answer with content"),
                "use 200 to 299, as 203 or 207; what is required makes the whole fail",
            );
        }
        let edit = (!json.is_empty()).then(|| {
            let usual = (&config::XmlForm::default(), &config::FormFields::default());
            self.body(
                &at,
                (json, &[]),
                (&[], None, usual),
                (*max_bytes, Statuses::default(), config::OtherContent::Refuse),
                context.parameters,
            )
        });
        let mut reads_request = false;
        let mut asked = Vec::new();
        let mut needs_of = Vec::new();
        for (name, call) in calls.iter() {
            let at = at.member("calls");
            let at = at.member(name);
            let mut needs = Needs { calls, found: Vec::new(), reads_request: false };
            asked.push(self.asked(&at, (name, call), context, calls, (timeout, most_bytes), &mut needs));
            reads_request |= needs.reads_request;
            needs_of.push(needs.found);
        }
        let ranks = self.ranks(&at.member("calls"), calls, &needs_of);
        self.check_subrequests(&at.member("calls"), calls);
        let partial_member = match partial.member.as_deref() {
            Some("") => None,
            Some(member) => Some(member.into()),
            None => Some("errors".into()),
        };
        let both: Option<Vec<(Asked, Target)>> = asked.into_iter().collect();
        if self.errors.len() > before {
            return None;
        }
        let (calls, targets): (Vec<_>, Vec<_>) = both?.into_iter().unzip();
        let aggregate = Aggregate {
            calls: calls.into(),
            ranks: ranks?,
            edit: match edit {
                Some(edit) => Some(edit?),
                None => None,
            },
            partial_status: StatusCode::from_u16(partial_status).ok()?,
            partial_member,
            timeout,
            most_bytes,
            request: reads_request.then(|| self.body_limit(context.route).min(MOST_BYTES)),
            tells_timing: server_timing.unwrap_or(false),
        };
        Some(Calls { aggregate, targets: targets.into() })
    }

    fn asked(
        &mut self,
        at: &At<'_>,
        (name, call): (&'c str, &'c AggregateCall),
        context: &RouteContext<'_, 'c>,
        calls: &'c config::Entries<AggregateCall>,
        (longest, most_bytes): (Duration, u64),
        needs: &mut Needs<'_>,
    ) -> Option<(Asked, Target)> {
        if name == REQUEST || !is_name(name) {
            self.error_with(
                at,
                format_args!("no call can be called `{name}`"),
                "use letters, digits and `_`, a letter first; `request` is the request itself",
            );
        }
        let target = self.target(context, &at.member("upstream"), &call.upstream, 1);
        let scope = Scope { parameters: context.parameters, has_item: call.each.is_some(), calls, own: Some(name) };
        let method = self.call_method(at, call.method.as_deref(), Method::GET);
        let sent = self.sent(at, call, method.clone(), scope);
        let when = call.when.as_ref().map(|when| self.call_condition(&at.member("when"), when, scope));
        let each = self.each(at, call, Scope { has_item: false, ..scope });
        let undo = call.undo.as_ref().map(|undo| {
            let at = at.member("undo");
            if call.each.is_some() {
                self.error_with(&at, "what is made for several values can't be undone", "remove `undo`, or `each`");
            }
            if call.fallback.is_some() {
                self.error_with(
                    &at,
                    "what has a fallback is taken for done, and would be undone where it was not",
                    "remove `undo`, or `fallback`",
                );
            }
            let method = self.call_method(&at, undo.method.as_deref(), Method::DELETE);
            let scope = Scope { has_item: false, own: None, ..scope };
            let path = self.call_path(&at, &undo.path, scope);
            let content = self.call_content(&at.member("body"), undo.body.as_ref(), scope);
            Some(Sent { method: method?, path: path?, query: [].into(), headers: [].into(), content: content? })
        });
        let mut forward = Vec::new();
        for (index, name) in call.forward.iter().enumerate() {
            match HeaderName::try_from(name).ok().filter(is_editable) {
                Some(name) => forward.push(name),
                None => self.error_with(
                    &at.member("forward").index(index),
                    format_args!("`{name}` can't be sent on as it is"),
                    "name a header field of requests: `authorization`, `accept-language`",
                ),
            }
        }
        let statuses = self.statuses_in(&at.member("statuses"), &call.statuses);
        let pass = self.statuses_in(&at.member("pass"), &call.pass);
        let is_required = call.required.unwrap_or(true);
        if !call.pass.is_empty() && (!is_required || call.fallback.is_some()) {
            self.error_with(
                &at.member("pass"),
                "an answer passes for the whole only where there is none without it",
                "remove `pass`, or have the call required, without a fallback",
            );
        }
        let tries = call.tries.unwrap_or(1);
        if !(1..=MOST_TRIES).contains(&tries) {
            self.error_with(
                &at.member("tries"),
                format_args!("{tries} is no number of tries"),
                format_args!("write 1 to {MOST_TRIES}"),
            );
        }
        if let (true, Some(method)) = (tries > 1, &method)
            && !method.is_idempotent()
        {
            self.error_with(
                &at.member("tries"),
                format_args!("`{method}` is not idempotent: it may be done twice"),
                "remove `tries` (RFC 9110 §9.2.2)",
            );
        }
        let timeout = self.call_timeout(at, call.timeout);
        let edit = self.call_edit(&at.member("response"), call.response.as_deref(), most_bytes, context.parameters);
        let sent = sent?;
        let (when, undo, each) = (all(when)?, all(undo)?, each?);
        sent.each_reference(|reference| needs.add(reference));
        if let Some(when) = &when {
            when.value.references().for_each(|reference| needs.add(reference));
        }
        if let Some(each) = &each {
            needs.add_path(&each.path);
        }
        if let Some(undo) = &undo {
            // What it takes is there by then, or nothing can be undone: it waits for nothing.
            undo.each_reference(|reference| needs.reads_request |= reference.path.root_name() == Some(REQUEST));
        }
        let mut target = target?;
        bound(&mut target, timeout.map_or(longest, |timeout| timeout.min(longest)));
        let asked = Asked {
            name: name.into(),
            sent,
            forward: forward.into(),
            when,
            each,
            needs: needs.found.clone().into(),
            is_required,
            fallback: call.fallback.as_ref().map(|fallback| fallback.0.clone()),
            statuses: statuses.unwrap_or_else(|| Statuses::of(vec![(200, 299)])),
            pass: if is_required { pass } else { None },
            timeout,
            tries,
            edit: edit?,
            undo,
        };
        Some((asked, target))
    }

    fn sent(&mut self, at: &At<'_>, call: &AggregateCall, method: Option<Method>, scope: Scope<'_>) -> Option<Sent> {
        let path = self.call_path(at, &call.path, scope);
        let mut query = Vec::new();
        for (name, text) in call.query.iter() {
            let at = at.member("query");
            query.push(self.call_text(&at.member(name), text, scope, Place::Value).map(|text| (name.into(), text)));
        }
        let mut headers = Vec::new();
        for (name, text) in call.headers.iter() {
            let at = at.member("headers");
            let at = at.member(name);
            let text = self.call_text(&at, text, scope, Place::Value);
            match HeaderName::try_from(name).ok().filter(is_editable) {
                Some(name) => headers.push(text.map(|text| (name, text))),
                None => self.error_with(
                    &at,
                    format_args!("`{name}` can't be set"),
                    "the gateway sets it, or it is no name of a field",
                ),
            }
        }
        if call.body.is_some() && method == Some(Method::GET) {
            self.error_with(&at.member("body"), "a GET has no content", "set `method`, or use `query`");
        }
        let content = self.call_content(&at.member("body"), call.body.as_ref(), scope);
        let query: Option<Box<_>> = query.into_iter().collect();
        let headers: Option<Box<_>> = headers.into_iter().collect();
        Some(Sent { method: method?, path: path?, query: query?, headers: headers?, content: content? })
    }

    fn call_method(&mut self, at: &At<'_>, method: Option<&str>, usual: Method) -> Option<Method> {
        let Some(name) = method else { return Some(usual) };
        let method = METHODS.into_iter().find(|method| method.as_str() == name);
        if method.is_none() {
            self.error_with(
                &at.member("method"),
                format_args!("`{name}` is no method of a call"),
                "use GET, POST, PUT, PATCH or DELETE",
            );
        }
        method
    }

    fn call_path(&mut self, at: &At<'_>, path: &str, scope: Scope<'_>) -> Option<Text> {
        let at = at.member("path");
        if !path.starts_with('/') {
            self.error_with(&at, format_args!("`{path}` does not begin with `/`"), format_args!("write `/{path}`"));
        }
        if path.contains(['?', '#']) {
            self.error_with(&at, "a path has no query", "use `query`");
        }
        self.call_text(&at, path, scope, Place::Url)
    }

    fn call_timeout(&mut self, at: &At<'_>, timeout: Option<config::Span>) -> Option<Duration> {
        let timeout = timeout?.0;
        if timeout.is_zero() {
            self.error_with(&at.member("timeout"), "there is no time", "write it as `2s`");
        }
        Some(timeout)
    }

    fn call_condition(&mut self, at: &At<'_>, when: &config::CallCondition, scope: Scope<'_>) -> Option<Condition> {
        let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
        let value = self.call_text(&at.member("value"), &when.value, scope, Place::Value)?;
        if value.0.iter().all(|piece| matches!(piece, Piece::Template(template) if !template.has_variables())) {
            self.error_with(&at.member("value"), "the value is always the same", "write a variable: `{query.expand}`");
        }
        Some(Condition { value, is_in: texts(&when.r#in), not_in: texts(&when.not_in) })
    }

    fn each(&mut self, at: &At<'_>, call: &AggregateCall, scope: Scope<'_>) -> Option<Option<Each>> {
        let Some(text) = &call.each else {
            for (member, is_there) in [("most", call.most.is_some()), ("atOnce", call.at_once.is_some())] {
                if is_there {
                    self.error_with(&at.member(member), "the call is made once", "add `each`, or remove this");
                }
            }
            return Some(None);
        };
        let path = self.reference(&at.member("each"), text, scope);
        let most = call.most.unwrap_or(USUAL_VALUES);
        let at_once = call.at_once.unwrap_or(USUAL_AT_ONCE);
        for (member, value) in [("most", most), ("atOnce", at_once)] {
            if !(1..=MOST_VALUES).contains(&value) {
                let help = format_args!("write 1 to {MOST_VALUES}");
                self.error_with(&at.member(member), format_args!("{value} is no number of requests"), help);
            }
        }
        let (most, at_once) = (usize::try_from(most).ok()?, usize::try_from(at_once).ok()?);
        Some(Some(Each { path: path?.path, most, at_once }))
    }

    /// The statuses in `texts`: `404` or `4xx`. None for an empty list.
    pub(super) fn statuses_in(&mut self, at: &At<'_>, texts: &[String]) -> Option<Statuses> {
        let mut ranges = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let class = text.strip_suffix("xx").filter(|class| class.len() == 1);
            let range = match class {
                Some(class) => class.parse().ok().map(|class: u16| (class * 100, class * 100 + 99)),
                None => text.parse().ok().filter(|_| text.len() == 3).map(|status: u16| (status, status)),
            };
            match range.filter(|(first, _)| (200..600).contains(first)) {
                Some(range) => ranges.push(range),
                None => self.error_with(
                    &at.index(index),
                    format_args!("`{text}` is no status"),
                    "write `404`, or `4xx` for all from 400 to 499",
                ),
            }
        }
        (!ranges.is_empty()).then(|| Statuses::of(ranges))
    }

    fn call_edit(
        &mut self,
        at: &At<'_>,
        edits: Option<&config::CallContent>,
        most_bytes: u64,
        parameters: Parameters<'_>,
    ) -> Option<BodyEdit> {
        let usual = config::CallContent::default();
        let edits = edits.unwrap_or(&usual);
        for (index, one) in edits
            .from
            .iter()
            .enumerate()
            .filter(|(_, one)| form(**one).is_stream() || **one == config::ContentForm::Text)
        {
            self.error_with(
                &at.member("from").index(index),
                format_args!("no result is {}", form(*one).name()),
                "a result is one document: use `json`, `form`, `multipart` or `xml`",
            );
        }
        let config::CallContent { json, from, xml, form, max_bytes } = edits;
        let max_bytes = max_bytes.or(Some(config::ByteSize(most_bytes.clamp(1, MOST_BYTES))));
        self.body(
            at,
            (json, &[]),
            (from, None, (xml, form)),
            (max_bytes, Statuses::default(), config::OtherContent::Refuse),
            parameters,
        )
    }

    /// A content in JSON; `Some(None)` if there is none.
    #[expect(clippy::option_option, reason = "the outer one is for mistakes")]
    fn call_content(&mut self, at: &At<'_>, content: Option<&Literal>, scope: Scope<'_>) -> Option<Option<Content>> {
        let Some(Literal(value)) = content else { return Some(None) };
        let before = self.errors.len();
        let mut content = Content { value: value.clone(), parts: Box::default() };
        let mut parts = Vec::new();
        self.content_parts(at, &mut content.value, (&mut Vec::new(), &mut parts), scope);
        content.parts = parts.into();
        (self.errors.len() == before).then_some(Some(content))
    }

    fn content_parts(
        &mut self,
        at: &At<'_>,
        value: &mut Value,
        (place, found): (&mut Location, &mut Vec<(Location, Part)>),
        scope: Scope<'_>,
    ) {
        if let Value::String(text) = value {
            let Some(mut filled) = self.call_text(at, text, scope, Place::Value) else { return };
            match &mut *filled.0 {
                [] => {}
                [Piece::Template(template)] if !template.has_variables() => {
                    *text = template.as_text().unwrap_or_default().into();
                }
                [Piece::Value(_)] => {
                    if let Some(Piece::Value(reference)) = filled.0.into_iter().next() {
                        found.push((place.clone(), Part::Value(reference)));
                    }
                }
                _ => found.push((place.clone(), Part::Text(filled))),
            }
            return;
        }
        for index in 0..value.children() {
            let name = match &*value {
                Value::Object(object) => object.members().get(index).map(|(name, _)| name.clone()),
                _ => None,
            };
            let at = name.as_deref().map_or_else(|| at.index(index), |name| at.member(name));
            place.push(index);
            if let Some(child) = value.child_mut(index) {
                self.content_parts(&at, child, (place, found), scope);
            }
            place.pop();
        }
    }

    /// A text whose variables are those of a request, and JSONPaths into results.
    fn call_text(&mut self, at: &At<'_>, text: &str, scope: Scope<'_>, place: Place) -> Option<Text> {
        if self.has_foreign_variables(at, text, place) {
            return None;
        }
        let parts = match template::parts(text, |name| Ok(name.to_owned())) {
            Ok(parts) => parts,
            Err(error) => {
                self.error_with(at, error.message, error.help.unwrap_or_default());
                return None;
            }
        };
        let mut pieces = Vec::new();
        // Everything between two values is one template, as its author would write it.
        let mut run = String::new();
        for part in parts {
            match part {
                TemplatePart::Text(text) => run.push_str(&text.replace('{', "{{").replace('}', "}}")),
                TemplatePart::Variable(name) if name.starts_with(['$', '@']) => {
                    if !run.is_empty() {
                        pieces.push(Piece::Template(self.template(at, &run, scope.parameters)?));
                        run.clear();
                    }
                    pieces.push(Piece::Value(self.reference(at, &name, scope)?));
                }
                TemplatePart::Variable(name) => run.extend(["{", &name, "}"]),
            }
        }
        if !run.is_empty() {
            pieces.push(Piece::Template(self.template(at, &run, scope.parameters)?));
        }
        Some(Text(pieces.into()))
    }

    /// A JSONPath into the result of another call (`$`), or into the value that a call is made for (`@`).
    fn reference(&mut self, at: &At<'_>, text: &str, scope: Scope<'_>) -> Option<Reference> {
        let of_item = text.strip_prefix('@');
        let path = match of_item {
            Some(rest) => Path::parse(&["$", rest].concat()),
            None => Path::parse(text),
        };
        let path = match path {
            Ok(path) => path,
            Err(mistake) => {
                let help = "write it as RFC 9535 has it: `$.user.id`, `$.orders[*].id`";
                self.error_with(at, format_args!("`{text}` is no JSONPath: {mistake}"), help);
                return None;
            }
        };
        if of_item.is_some() {
            if !scope.has_item {
                self.error_with(
                    at,
                    format_args!("there is no `{text}`: the call is made once"),
                    "add `each` to the call",
                );
                return None;
            }
            return Some(Reference { path, is_of_item: true });
        }
        match path.root_name() {
            Some(REQUEST) => {}
            Some(name) if scope.own == Some(name) => {
                self.error_with(at, "the call needs its own result", "name another call");
                return None;
            }
            Some(name) if scope.calls.find(name).is_none() => {
                let names = scope.calls.iter().map(|(name, _)| name).chain([REQUEST]);
                self.unknown(at, "call", name, names);
                return None;
            }
            Some(_) => {}
            None => {
                self.error_with(
                    at,
                    format_args!("`{text}` does not say whose result it is about"),
                    "begin it with the name of a call: `$.user.id`",
                );
                return None;
            }
        }
        Some(Reference { path, is_of_item: false })
    }

    /// The indices of the calls, each behind those that it needs, and else in their order; reports those that need one another.
    fn ranks(
        &mut self,
        at: &At<'_>,
        calls: &config::Entries<AggregateCall>,
        needs: &[Vec<usize>],
    ) -> Option<Box<[usize]>> {
        let mut ranks: Vec<usize> = Vec::with_capacity(needs.len());
        loop {
            let next = needs
                .iter()
                .enumerate()
                .find(|(index, needs)| !ranks.contains(index) && needs.iter().all(|needed| ranks.contains(needed)));
            match next {
                Some((index, _)) => ranks.push(index),
                None => break,
            }
        }
        if ranks.len() == needs.len() {
            return Some(ranks.into());
        }
        // Each of those that are left waits for another one of them: whoever goes on comes back.
        let is_left = |index: &usize| !ranks.contains(index);
        let mut way: Vec<usize> = (0..needs.len()).find(is_left).into_iter().collect();
        while let Some(next) = way.last().and_then(|last| needs.get(*last)?.iter().copied().find(|one| is_left(one))) {
            if let Some(first) = way.iter().position(|one| *one == next) {
                way.drain(..first);
                way.push(next);
                break;
            }
            way.push(next);
        }
        let name = |index: &usize| calls.0.get(*index).map_or("", |(name, _)| name);
        let names: Vec<_> = way.iter().map(|index| ["`", name(index), "`"].concat()).collect();
        self.error_with(
            &at.member(way.first().map_or("", name)),
            format_args!("the calls wait for one another: {}", names.join(" needs ")),
            "have one of them need no other",
        );
        None
    }

    /// Reports calls that come to more requests than the platform makes for one.
    fn check_subrequests(&mut self, at: &At<'_>, calls: &config::Entries<AggregateCall>) {
        let Some(most) = self.capabilities.most_subrequests else { return };
        let of_call = |call: &AggregateCall| {
            let values = if call.each.is_some() { call.most.unwrap_or(USUAL_VALUES) } else { 1 };
            values.saturating_mul(call.tries.unwrap_or(1)).saturating_add(u32::from(call.undo.is_some()))
        };
        let count = calls.iter().map(|(_, call)| of_call(call)).fold(0, u32::saturating_add);
        if count > most {
            let name = self.capabilities.name;
            self.error_with(
                at,
                format_args!("the calls may come to {count} requests, and {name} makes {most} for one at the most"),
                "lower `most` or `tries` of calls with `each`",
            );
        }
    }
}

/// The calls that one needs.
struct Needs<'n> {
    calls: &'n config::Entries<AggregateCall>,
    found: Vec<usize>,
    reads_request: bool,
}

impl Needs<'_> {
    fn add(&mut self, reference: &Reference) {
        if !reference.is_of_item {
            self.add_path(&reference.path);
        }
    }

    fn add_path(&mut self, path: &Path) {
        let Some(name) = path.root_name() else { return };
        if name == REQUEST {
            self.reads_request = true;
        } else if let Some(index) = self.calls.iter().position(|(one, _)| one == name)
            && !self.found.contains(&index)
        {
            self.found.push(index);
        }
    }
}

/// Has an exchange with `target` take no longer than `longest`.
fn bound(target: &mut Target, longest: Duration) {
    let shorter = |limit: Option<Duration>| Some(limit.map_or(longest, |limit| limit.min(longest)));
    target.deadlines.first_byte = shorter(target.deadlines.first_byte);
    target.deadlines.total = shorter(target.deadlines.total);
}

/// What there is, if there is no mistake in it.
#[expect(clippy::option_option, reason = "the outer one is for mistakes")]
fn all<T>(compiled: Option<Option<T>>) -> Option<Option<T>> {
    match compiled {
        Some(compiled) => compiled.map(Some),
        None => Some(None),
    }
}

/// Returns whether `name` is one that a JSONPath can name without quotes (RFC 9535 §2.5.1).
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
