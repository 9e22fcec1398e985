//! The methods that a configuration adds to the usual ones, those that upstreams are asked with, and the media types of content.

use http::Method;

use super::Compiler;
use super::at::At;
use super::matching::method_help;
use super::routes::RouteContext;
use crate::config::{Entries, lazily};
use crate::http::method_override::MethodOverride;
use crate::plan::{Proxy, RequestStep};
use crate::policy::cache::Cache;
use crate::policy::content_type::{ContentTypes, Mistake};
use crate::policy::method_map::{MethodMap, is_safe};
use crate::route::{AddError, MethodSet, Methods};

impl Compiler<'_> {
    /// Adds the methods of `network.methods`.
    pub(super) fn add_methods(&mut self, at: &At<'_>) {
        let config = self.config;
        for (index, name) in config.network.methods.iter().enumerate() {
            let at = at.index(index);
            match self.methods.add(name) {
                Ok(()) => self.check_method(&at, name),
                Err(error) => {
                    self.error_with(&at, format_args!("`{name}`: {error}"), lazily(|| help(error)));
                    if error == AddError::TooMany {
                        break;
                    }
                }
            }
        }
    }

    /// Compiles `network.methodOverride`.
    pub(super) fn method_override(&mut self, at: &At<'_>) -> MethodOverride {
        let stated = &self.config.network.method_override;
        let (list, mut methods) = (at.member("methods"), Vec::new());
        for (index, name) in stated.methods.iter().enumerate() {
            let at = list.index(index);
            let Some(method) = self.method_named(&at, name) else { continue };
            if is_safe(&method) || matches!(method, Method::OPTIONS | Method::POST) {
                let help = "write methods that change something: `PUT`, `PATCH`, `DELETE`";
                self.error_with(
                    &at,
                    format_args!("no POST may become a {method}: it would pass what looks for changes"),
                    help,
                );
            } else if methods.contains(&method) {
                self.error_with(&at, format_args!("`{name}` is there twice"), "remove one");
            } else {
                methods.push(method);
            }
        }
        if stated.pass && !stated.methods.is_empty() {
            self.error_with(&at.member("pass"), "the fields are heeded here, and go no further", "keep one of both");
        }
        MethodOverride { methods: methods.into(), passes: stated.pass }
    }

    /// Reports a method that the platform does not let in.
    fn check_method(&mut self, at: &At<'_>, name: &str) {
        let Some(known) = self.capabilities.further_methods else { return };
        if !known.contains(&name) {
            let platform = self.capabilities.name;
            let help = lazily(|| format!("remove it; what can be added there is {}", known.join(", ")));
            self.error_with(at, format_args!("{platform} does not know `{name}`"), help);
        }
    }
}

impl<'c> Compiler<'c> {
    /// The methods that upstreams are asked with by `map`; none if each keeps its own.
    pub(super) fn method_map(&mut self, at: &At<'_>, map: &Entries<String>) -> Option<MethodMap> {
        let (mut named, mut others) = (Vec::new(), None);
        for (from, to) in map.iter() {
            let at = at.member(from);
            let to = self.method_named(&at, to);
            let from = if from == "*" { Some(None) } else { self.method_named(&at, from).map(Some) };
            let (Some(from), Some(to)) = (from, to) else { continue };
            if to == Method::HEAD && from != Some(Method::HEAD) {
                self.error_with(&at, "the answer to a HEAD has no content to pass on", "write `GET`");
            }
            match from {
                Some(from) => named.push((from, to)),
                None => others = Some(to),
            }
        }
        let all = self.methods.iter(MethodSet::ALL).map(|method| {
            let to = named.iter().find(|(from, _)| from == method).map(|(_, to)| to).or(others.as_ref());
            (method.clone(), to.unwrap_or(method).clone())
        });
        Some(MethodMap::of(all)).filter(|map| !map.is_empty())
    }

    /// The method called `name`; reports that there is none.
    pub(super) fn method_named(&mut self, at: &At<'_>, name: &str) -> Option<Method> {
        match self.methods.named(name) {
            Ok(set) => self.methods.iter(set).next().cloned(),
            Err(error) => {
                let help = method_help(name, &error, &self.methods);
                self.error_with(at, format_args!("`{name}`: {error}"), help);
                None
            }
        }
    }

    /// The media types that content gets by `map`; none if each keeps its own.
    pub(super) fn content_types(&mut self, at: &At<'_>, map: &Entries<String>) -> Option<ContentTypes> {
        if map.is_empty() {
            return None;
        }
        match ContentTypes::compile(map.iter().map(|(from, to)| (from, to.as_str()))) {
            Ok(types) => Some(types),
            Err(mistakes) => {
                for (index, mistake) in mistakes {
                    let Some((from, to)) = map.iter().nth(index) else { continue };
                    let at = at.member(from);
                    match mistake {
                        Mistake::From => self.error_with(
                            &at,
                            format_args!("`{from}` is no media type"),
                            "write it in small letters and without parameters: `text/plain`; `*` is any other",
                        ),
                        Mistake::To => self.error_with(
                            &at,
                            format_args!("`{to}` is no media type"),
                            "write it in small letters: `application/json`",
                        ),
                        Mistake::Parts => self.error_with(
                            &at,
                            "no content becomes one of several parts by being called so",
                            "use `request.body`, which converts content",
                        ),
                    }
                }
                None
            }
        }
    }

    /// Gives each upstream of a route the methods that it is asked with, of those that the route takes.
    pub(super) fn target_methods(&mut self, context: &RouteContext<'_, 'c>, steps: &[RequestStep], proxy: &mut Proxy) {
        fn maps(steps: &[RequestStep]) -> impl Iterator<Item = &MethodMap> {
            steps.iter().filter_map(|step| if let RequestStep::Method(map) = step { Some(map) } else { None })
        }
        let taken = context.matching.map(|matching| matching.methods).filter(|methods| !methods.is_empty());
        let taken: Vec<Method> = self.methods.iter(taken.unwrap_or(MethodSet::ALL)).cloned().collect();
        let mut changes_get = false;
        for target in proxy.all_targets() {
            let all = maps(steps).chain(maps(&target.request));
            target.method = all.fold(MethodMap::default(), |before, next| before.then(next, &taken));
            changes_get |= target.method.other(&Method::GET).is_some();
        }
        if changes_get {
            // RFC 6455 §4.1: a handshake is a GET.
            if context.route.web_socket.is_some_and(|stated| stated != crate::config::WebSocket::Taken(false)) {
                self.error_with(
                    &context.at.member("webSocket"),
                    "a WebSocket begins with a GET, and the upstream is asked with another method",
                    "remove it, or leave GET out of `request.method`",
                );
            }
            proxy.web_socket = None;
        }
    }

    /// Reports methods of an upstream by which a route's other policies would be passed.
    pub(super) fn check_target_methods(
        &mut self,
        at: &At<'_>,
        proxy: &Proxy,
        steps: &[RequestStep],
        cache: Option<&Cache>,
    ) {
        let has_csrf = steps.iter().any(|step| matches!(step, RequestStep::Csrf(_)));
        let changed = proxy.targets.iter().flat_map(|target| target.method.iter());
        let (mut stored, mut unchecked) = (None, None);
        for (from, to) in changed {
            let is_stored = match *from {
                Method::GET => true,
                Method::HEAD => *to != Method::GET,
                Method::POST => cache.is_some_and(Cache::stores_answers_to_post),
                _ => false,
            };
            stored = stored.or((cache.is_some() && is_stored).then_some((from, to)));
            unchecked = unchecked.or((has_csrf && is_safe(from) && !is_safe(to)).then_some((from, to)));
        }
        if let Some((from, to)) = stored {
            self.error_with(
                at,
                format_args!("`cache` stores answers to {from}, and the upstream is asked with {to} instead"),
                format_args!(
                    "leave {from} out of `request.method`, or turn the cache off: `\"cache\": {{\"enabled\": false}}`"
                ),
            );
        }
        if let Some((from, to)) = unchecked {
            self.error_with(
                at,
                format_args!("`csrf` lets {from} pass, and the upstream is asked with {to} instead"),
                format_args!("leave {from} out of `request.method`: pages of others can send it"),
            );
        }
    }
}

fn help(error: AddError) -> String {
    match error {
        AddError::NoMethod => "name one method, such as `PROPFIND`".to_owned(),
        AddError::Tunnel | AddError::Usual => "remove it".to_owned(),
        AddError::Twice => "remove one".to_owned(),
        AddError::TooMany => format!("keep at most {}", Methods::MOST),
    }
}
