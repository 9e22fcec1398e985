//! Matches that no request gets to, though one gets to their route: members of lists, and alternatives of expressions.
//!
//! Apart from the compiling of a plan: it looks at each member as at a route of its own.

use super::Compiler;
use super::at::At;
use super::routes::Group;
use crate::capabilities::Capabilities;
use crate::config::{self, Config, ConfigError, JsonPath, Match, Matches, PathMatch, Ties};
use crate::plan::Secrets;
use crate::route::{Conflict, Spec, Table, Unreachable};

/// A match, as a route of its own.
struct Member {
    at: JsonPath,
    /// The index of its route.
    route: usize,
    is_of_list: bool,
}

/// A source without secrets: no match has any.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

/// Warns of the parts of matches in `config` that no request gets to; of nothing where a match is wrong.
pub(in crate::plan) fn dead_matches(config: &Config, found: &mut Vec<ConfigError>) {
    let routes = config.apis.iter().flat_map(|api| &api.routes).chain(&config.routes);
    let is_list = |route: &config::Route| matches!(&route.matches, Matches::Any(all) if all.len() > 1);
    dead_alternatives(config, found);
    if !routes.clone().any(is_list) {
        return;
    }
    let mut compiler = Compiler::new(config, &Capabilities::NATIVE, &NoSecrets, None);
    compiler.identity_names = compiler.identity(&At::ROOT);
    compiler.add_methods(&At::ROOT.member("network").member("methods"));
    let (mut members, mut specs) = (Vec::new(), Vec::new());
    for (index, api) in config.apis.iter().enumerate() {
        let at = At::ROOT.member("apis");
        let at = at.index(index);
        if api.versions.is_some() {
            // Which of its routes meet depends on the versions that have them.
            continue;
        }
        let prefix = compiler.api_prefix(&at.member("prefix"), api);
        let group = Group { api: Some((index, api)), prefix, version: None };
        compiler.members(&at.member("routes"), group, &api.routes, &mut members, &mut specs);
    }
    let group = Group { api: None, prefix: Some(""), version: None };
    compiler.members(&At::ROOT.member("routes"), group, &config.routes, &mut members, &mut specs);
    if compiler.errors.is_empty() {
        let methods = core::mem::take(&mut compiler.methods);
        let conflicts = Table::with_methods(methods.clone(), specs.clone()).err().unwrap_or_default();
        let dead = conflicts.iter().filter_map(|conflict| dead(conflict, &members, &specs, &methods));
        found.extend(dead.filter(|(member, _)| member.is_of_list).map(|(_, warning)| warning));
    }
}

/// The member that `conflict` shows to be dead, with the warning.
fn dead<'m>(
    conflict: &Conflict,
    members: &'m [Member],
    specs: &[Spec],
    methods: &crate::route::Methods,
) -> Option<(&'m Member, ConfigError)> {
    let (member, reason, by) = match conflict {
        Conflict::Unreachable { route, by, reason } => (*route, reason.clone(), by.first().copied()),
        // Two members of one route may take the same request. One that takes nothing else is still too much.
        Conflict::Ambiguous { a, b, .. } => {
            if members.get(*a)?.route != members.get(*b)?.route {
                return None;
            }
            let (dead, by) =
                [(*b, *a), (*a, *b)].into_iter().find(|(dead, by)| is_covered(*dead, *by, specs, methods))?;
            (dead, Unreachable::Covered, Some(by))
        }
    };
    let member = members.get(member)?;
    let mut warning = ConfigError::new(member.at.clone(), format!("no request gets to this match: {}", words(&reason)));
    if let Some(by) = by.and_then(|by| members.get(by)) {
        warning = warning.with_other(by.at.clone());
    }
    Some((member, warning.with_help("remove it, or make it take something that no other does")))
}

fn words(reason: &Unreachable) -> String {
    match reason {
        Unreachable::Covered => "others take all of them".to_owned(),
        Unreachable::Contradiction(_) => reason.to_string(),
    }
}

/// Returns whether the member `by` takes all requests of the member `dead`, which ranks the same.
fn is_covered(dead: usize, by: usize, specs: &[Spec], methods: &crate::route::Methods) -> bool {
    let of = |member: usize| specs.iter().filter(move |spec| spec.route == member).cloned();
    // In this order, the first takes what both do.
    let both = of(by).chain(of(dead)).map(|spec| Spec { ties: Ties::First, ..spec });
    let conflicts = Table::with_methods(methods.clone(), both.collect()).err().unwrap_or_default();
    conflicts.iter().any(|conflict| matches!(conflict, Conflict::Unreachable { route, .. } if *route == dead))
}

impl<'c> Compiler<'c> {
    /// Adds the members of the matches of `routes`, and what they compile to: a spec's route is its member.
    fn members(
        &mut self,
        at: &At<'_>,
        group: Group<'c>,
        routes: &'c [config::Route],
        members: &mut Vec<Member>,
        specs: &mut Vec<Spec>,
    ) {
        for (index, route) in routes.iter().enumerate() {
            let at = at.index(index);
            let at = at.member("match");
            let number = members.last().map_or(0, |member: &Member| member.route + 1);
            for (index, one) in super::matching::alternatives(&route.matches).iter().enumerate() {
                let is_of_list = matches!(&route.matches, Matches::Any(all) if all.len() > 1);
                let at = if matches!(&route.matches, Matches::Any(_)) { at.index(index) } else { at };
                let compiled = self.alternative(&at, group, one, (route.key_value.is_some(), None));
                specs.extend(compiled.into_iter().flat_map(|compiled| compiled.into_specs(members.len())));
                members.push(Member { at: at.to_path(), route: number, is_of_list });
            }
        }
    }
}

/// Warns of expressions behind the prefix of an API in which an alternative asks for the beginning of the path.
fn dead_alternatives(config: &Config, found: &mut Vec<ConfigError>) {
    for (api_index, api) in config.apis.iter().enumerate() {
        let has_prefix = api.prefix.as_deref().is_some_and(|prefix| !prefix.trim_end_matches('/').is_empty());
        let api_at = JsonPath::root().member("apis").index(api_index).member("routes");
        for (index, route) in api.routes.iter().enumerate().filter(|_| has_prefix) {
            let at = api_at.index(index).member("match");
            for (index, one) in super::matching::alternatives(&route.matches).iter().enumerate() {
                let Match { path: Some(PathMatch::Test(test)), .. } = one else { continue };
                if asks_for_beginning(test.regex.strip_prefix('^').unwrap_or(&test.regex)) {
                    let at = if matches!(&route.matches, Matches::Any(_)) { at.index(index) } else { at.clone() };
                    let error = ConfigError::new(
                        at.member("path").member("regex"),
                        "what follows `^` is never matched: the API's prefix goes before it",
                    );
                    found.push(error.with_help("leave `^` out: an expression is matched from its beginning anyway"));
                }
            }
        }
    }
}

/// Returns whether there is a `^` that stands for the beginning in `expression`: neither escaped nor in a class.
fn asks_for_beginning(expression: &str) -> bool {
    let mut is_class = false;
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => is_class = true,
            ']' => is_class = false,
            '^' if !is_class => return true,
            _ => {}
        }
    }
    false
}
