//! Warnings about versions of APIs: ends that nobody may mean, and versions that nobody gets.

use crate::config::{Api, ApiVersion, Config, ConfigError, JsonPath};
use crate::order;
use crate::policy::maintenance::parse_time;
use crate::route::{Versions, compare_names, is_day};
use crate::time::Timestamp;

/// Warns of the versions in `config`, as they are at `now`.
pub(super) fn warnings(config: &Config, now: Timestamp, found: &mut Vec<ConfigError>) {
    for (index, api) in config.apis.iter().enumerate() {
        let at = JsonPath::root().member("apis").index(index);
        if let Some(one) = OneApi::of(api) {
            one.ends(&at, now, found);
            one.order(&at, found);
            one.unserved(&at, api, found);
        }
    }
}

/// Places of lists of versions in routes that may be there, and empty: which would be one that is for all of them.
pub(super) fn empty_lists(config: &Config) -> Vec<ConfigError> {
    let mut all = Vec::new();
    for (index, api) in config.apis.iter().enumerate().filter(|(_, api)| api.versions.is_some()) {
        let at = JsonPath::root().member("apis").index(index).member("routes");
        for (index, _) in api.routes.iter().enumerate().filter(|(_, route)| route.versions.is_empty()) {
            let at = at.index(index).member("versions");
            let error = ConfigError::new(at, "an empty list is one of all versions");
            all.push(error.with_help("remove it, or name the versions that have the route"));
        }
    }
    all
}

/// The versions of an API, from the oldest to the newest by their names.
struct OneApi<'c> {
    known: Versions,
    list: Vec<(&'c str, &'c ApiVersion)>,
    default: Option<usize>,
}

impl<'c> OneApi<'c> {
    fn of(api: &'c Api) -> Option<Self> {
        let config = api.versions.as_ref()?;
        let mut list: Vec<(&str, &ApiVersion)> = config.list.iter().collect();
        order::sort_by(&mut list, |one, other| compare_names(one.0, other.0));
        let place = |name: &str| list.iter().position(|(known, _)| *known == name);
        let aliases: Vec<_> =
            config.aliases.iter().filter_map(|(alias, name)| Some((alias.into(), place(name)?))).collect();
        let known = Versions {
            api: 0,
            name: api.name.as_str().into(),
            names: list.iter().map(|(name, _)| (*name).into()).collect(),
            aliases: aliases.into(),
            sources: Box::default(),
            days: Box::default(),
            default: None,
            unknown_is_default: false,
            are_pinned: false,
            place: None,
            vary: None,
        };
        let default = config.default.as_ref().and_then(|name| known.find(name));
        Some(Self { known, list, default })
    }

    /// Ends that are over, or that nothing comes before.
    fn ends(&self, at: &JsonPath, now: Timestamp, found: &mut Vec<ConfigError>) {
        for (index, (name, version)) in self.list.iter().enumerate() {
            let at = at.member("versions").member("list").member(name);
            let sunset = version.sunset.as_deref().and_then(moment);
            if let Some(sunset) = sunset {
                let (message, help) = if sunset <= now {
                    ("this time is over: requests for the version get 410", "remove the version once nobody calls it")
                } else if self.default == Some(index) {
                    ("requests that state no version get 410 from then on", "state another `default` before")
                } else {
                    ("", "")
                };
                if !message.is_empty() {
                    found.push(ConfigError::new(at.member("sunset"), message).with_help(help));
                }
            }
            let since = day_of(name, version).and_then(moment);
            for (index, brown_out) in version.brown_outs.iter().enumerate() {
                let (Some(from), Some(until)) = (moment(&brown_out.from), moment(&brown_out.until)) else { continue };
                let at = at.member("brownOuts").index(index);
                let reason = if sunset.is_some_and(|sunset| sunset <= from) {
                    Some((at.member("from"), "the version is gone by then"))
                } else if since.is_some_and(|since| until <= since) {
                    Some((at.member("until"), "the version is not there yet"))
                } else if until <= now {
                    Some((at.member("until"), "this time is over"))
                } else {
                    None
                };
                found.extend(reason.map(|(at, reason)| {
                    ConfigError::new(at, reason).with_help("remove it, or plan it between `since` and `sunset`")
                }));
            }
        }
    }

    /// Versions that are newer by one thing and older by another.
    fn order(&self, at: &JsonPath, found: &mut Vec<ConfigError>) {
        let mut latest: Option<(&str, &str)> = None;
        for (index, (name, version)) in self.list.iter().enumerate() {
            let at = at.member("versions").member("list").member(name);
            let successor = version.successor.as_ref().and_then(|name| self.known.find(name));
            if successor.is_some_and(|successor| successor < index) {
                let message = "the successor is an older version, by its name";
                found.push(ConfigError::new(at.member("successor"), message).with_help("name a newer one"));
            }
            // Days of one form are in the order of their texts.
            if let Some(day) = day_of(name, version).filter(|day| is_day(day)) {
                match latest {
                    Some((other, last)) if day < last => {
                        let message = format!("`{name}` is newer than `{other}` by its name, and older by its day");
                        let at = if version.since.is_some() { at.member("since") } else { at };
                        found.push(ConfigError::new(at, message).with_help("put the days in the order of the names"));
                    }
                    _ => latest = Some((name, day)),
                }
            }
        }
    }

    /// Versions that no route has.
    fn unserved(&self, at: &JsonPath, api: &Api, found: &mut Vec<ConfigError>) {
        for (name, version) in &self.list {
            // A version that is made from others has their routes.
            let mut chain = vec![*name];
            let mut last = *version;
            while let Some((name, next)) =
                last.from.as_ref().and_then(|from| self.list.iter().find(|(known, _)| known == from))
                && !chain.contains(name)
            {
                chain.push(name);
                last = next;
            }
            let has = |range: &String| {
                let range = self.known.range(range);
                range.is_some_and(|range| {
                    chain.iter().filter_map(|name| self.known.find(name)).any(|one| range.contains(&one))
                })
            };
            if !api.routes.iter().any(|route| route.versions.is_empty() || route.versions.iter().any(has)) {
                let at = at.member("versions").member("list").member(name);
                let error = ConfigError::new(at, format!("no route is of version `{name}`"));
                found.push(error.with_help("name it in `versions` of a route, or remove it"));
            }
        }
    }
}

/// The day from which on a version is the newest.
fn day_of<'c>(name: &'c str, version: &'c ApiVersion) -> Option<&'c str> {
    version.since.as_deref().or(Some(name).filter(|name| is_day(name)))
}

/// A time, or the beginning of a day.
fn moment(text: &str) -> Option<Timestamp> {
    if is_day(text) { parse_time(&[text, "T00:00:00Z"].concat()) } else { parse_time(text) }
}
