//! Versions of APIs that consumers get where they state none.
//!
//! A version is a part of the route, which is found before anybody knows who calls. So such a request is one for the default version until its caller is
//! known, and then finds the route of the version that is pinned. Both routes have to ask for the same proof: what has been proved to one of them
//! must be good for the other.

use super::Compiler;
use super::at::At;
use super::routes::Group;
use crate::config::{ConfigError, Entries, JsonPath, VersionSource};
use crate::order;
use crate::route::compare_names;

/// A version that some consumers get.
pub(super) struct Pin {
    /// The index of the API.
    pub(super) api: usize,
    /// The place of the first.
    at: JsonPath,
    /// The place of the proof that routes of the API ask for, once one is found.
    proof: Option<JsonPath>,
    /// Set once another one has been reported.
    is_told: bool,
}

impl Compiler<'_> {
    /// The versions in `versions` that a consumer gets, by the names of APIs.
    pub(super) fn pinned(&mut self, at: &At<'_>, versions: &Entries<String>) -> Box<[(u32, u32)]> {
        let mut pinned = Vec::new();
        for (api, name) in versions.iter() {
            let at = at.member(api);
            let apis = &self.config.apis;
            let Some(index) = apis.iter().position(|known| known.name == api) else {
                self.unknown(&at, "API", api, apis.iter().map(|known| known.name.as_str()));
                continue;
            };
            let Some(known) = apis.get(index).and_then(|api| api.versions.as_ref()) else {
                self.error_with(
                    &at,
                    format_args!("`{api}` has no versions"),
                    "give the API `versions`, or remove this",
                );
                continue;
            };
            let mut names: Vec<&str> = known.list.iter().map(|(name, _)| name).collect();
            order::sort_by(&mut names, |one, other| compare_names(one, other));
            let aliased = known.aliases.find(name).map_or(name.as_str(), String::as_str);
            let Some(version) = names.iter().position(|known| *known == aliased) else {
                self.unknown(&at, "version", name, names.into_iter());
                continue;
            };
            if known.default.is_none() {
                let help = "state `default` in its `versions`: until its caller is known, a request is one for that";
                self.error_with(&at, format_args!("`{api}` has no default version"), help);
            }
            let is_field = |source: &VersionSource| !matches!(source, VersionSource::Path(_) | VersionSource::Host(_));
            if !known.from.iter().any(is_field) {
                let help = "add a header field or a query parameter to `from` of its `versions`";
                let message = format_args!("in `{api}`, the path and the host alone say which version is asked for");
                self.error_with(&at, message, help);
            }
            if !self.pins.iter().any(|pin| pin.api == index) {
                self.pins.push(Pin { api: index, at: at.to_path(), proof: None, is_told: false });
            }
            if let (Ok(api), Ok(version)) = (u32::try_from(index), u32::try_from(version)) {
                pinned.push((api, version));
            }
        }
        pinned.into()
    }

    /// Takes note of the place of the proof that a route of `group` asks for, and reports it if other routes of the API ask for another one.
    pub(super) fn pin_proof(&mut self, group: Group<'_>, proof: Option<&JsonPath>) {
        let (Some((api, _)), Some(proof)) = (group.api, proof) else { return };
        let Some(pin) = self.pins.iter_mut().find(|pin| pin.api == api) else { return };
        match &pin.proof {
            None => pin.proof = Some(proof.clone()),
            Some(known) if known != proof && !pin.is_told => {
                let message = "consumers have versions of this API, and another route of it asks for another proof";
                let error = ConfigError::new(proof.clone(), message).with_other(known.clone());
                let help = "ask for one proof in the whole API: a caller is known by the default version's route, and then gets that of another";
                self.errors.push(error.with_help(help));
                pin.is_told = true;
            }
            Some(_) => {}
        }
    }

    /// Reports versions of APIs in which nothing asks who calls.
    pub(super) fn check_pins(&mut self) {
        for pin in core::mem::take(&mut self.pins) {
            if pin.proof.is_none() {
                let error = ConfigError::new(pin.at, "no route of the API asks who calls");
                self.errors.push(error.with_help("give the API `authenticate`, or remove this"));
            }
        }
    }
}
