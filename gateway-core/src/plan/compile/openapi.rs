//! Descriptions of APIs, and their uses.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::routes::Group;
use super::validate::place_in;
use crate::config::{
    ApiVersion, ConfigError, MockAnswers, OpenApi, RequestChecks, ResponseChecks, UndeclaredOperations,
};
use crate::document::schema::Mistake;
use crate::policy::openapi::{Checks, Description, Mock};
use crate::route::Place;

/// The use of a description.
#[derive(Clone, Copy)]
struct Use<'c> {
    /// The index of the API.
    api: usize,
    /// The version that states it; none if that is the API itself.
    version: Option<&'c str>,
    used: &'c OpenApi,
}

impl<'c> Compiler<'c> {
    /// The descriptions, in their order; none for one that is wrong.
    #[inline(never)]
    pub(super) fn descriptions(&mut self, at: &At<'_>) -> Vec<Option<Arc<Description>>> {
        let config = self.config;
        let mut list = Vec::new();
        for (name, document) in config.openapi.iter() {
            let at = at.member(name);
            self.plain_name(&at, name);
            list.push(match Description::load(&document.0, true) {
                Ok(description) => Some(Arc::new(description)),
                Err(mistakes) => {
                    let at = at.to_path();
                    for Mistake { place, message, help } in mistakes {
                        let place = place_in(&at, &document.0, &place);
                        self.errors.push(ConfigError::new(place, message).with_help(help));
                    }
                    None
                }
            });
        }
        list
    }

    /// The description by which requests of `group` are, and that by which they are answered: those of its version and of the one that that is
    /// made from in the end, or else that of its API.
    fn uses(&self, group: Group<'c>) -> Option<[Option<Use<'c>>; 2]> {
        let (api, described) = group.api?;
        let chain = group.version.and_then(|index| self.versions.get(index)).map(|version| &*version.chain);
        let of = |version: Option<&(&'c str, &'c ApiVersion)>| {
            let own = version.and_then(|(name, version)| Some((Some(*name), version.openapi.as_deref()?)));
            let (version, used) = own.or_else(|| Some((None, described.openapi.as_deref()?)))?;
            Some(Use { api, version, used })
        };
        Some([of(chain.and_then(<[_]>::first)), of(chain.and_then(<[_]>::last))])
    }

    /// The description that is used.
    fn description(&mut self, Use { api, version, used }: Use<'c>) -> Option<Arc<Description>> {
        let config = self.config;
        let Some(known) = config.openapi.iter().position(|(name, _)| *name == *used.document) else {
            let names = || config.openapi.iter().map(|(name, _)| name);
            let apis = At::ROOT.member("apis");
            let at = apis.index(api);
            if let Some(version) = version {
                let at = at.member("versions");
                let at = at.member("list");
                let at = at.member(version);
                let at = at.member("openapi");
                self.unknown(&at.member("document"), "document of OpenAPI", &used.document, names());
            } else {
                let at = at.member("openapi");
                self.unknown(&at.member("document"), "document of OpenAPI", &used.document, names());
            }
            return None;
        };
        self.descriptions.get(known)?.clone()
    }

    /// The number of segments of paths before those that a description of `group` is about.
    fn described_after(&self, group: Group<'c>) -> Option<usize> {
        let version = group.version.and_then(|index| self.versions.get(index));
        let is_versioned =
            version.is_some_and(|version| matches!(version.version.versions.place, Some(Place::Path(..))));
        let segments = group.prefix?.bytes().filter(|byte| *byte == b'/').count();
        Some(segments.saturating_add(usize::from(is_versioned)))
    }

    /// The checks by the descriptions of `group`, if it has any.
    #[inline(never)]
    pub(super) fn checks(&mut self, group: Group<'c>) -> Option<Arc<Checks>> {
        let [asked, answered] = self.uses(group)?;
        let segments = self.described_after(group)?;
        let (first, last) = (asked.or(answered)?, answered.or(asked)?);
        let (description, answers) = (self.description(first)?, self.description(last)?);
        let used = first.used;
        Some(Arc::new(Checks {
            description,
            answers,
            document: used.document.as_str().into(),
            segments,
            request: asked.map_or(RequestChecks::Off, |asked| asked.used.request.unwrap_or_default()),
            has_responses: answered.is_some_and(|last| last.used.response == Some(ResponseChecks::Report)),
            has_strangers: used.undeclared.operations.unwrap_or_default() == UndeclaredOperations::Allow,
            query: used.undeclared.query.unwrap_or_default(),
        }))
        .filter(|checks| checks.request != RequestChecks::Off || checks.has_responses)
    }

    /// The answers that are made of the description of `group`, if they are.
    pub(super) fn mock(&mut self, group: Group<'c>) -> Option<Arc<Mock>> {
        let [_, answered] = self.uses(group)?;
        let Use { api, used, .. } = answered?;
        let mock = used.mock.unwrap_or_default();
        if mock == MockAnswers::Off {
            return None;
        }
        if let Some((.., mock)) =
            self.mocks.iter().find(|(known, version, _)| (*known, *version) == (api, group.version))
        {
            return Some(Arc::clone(mock));
        }
        let description = self.description(answered?)?;
        let segments = self.described_after(group)?;
        let (_, document) = self.config.openapi.iter().find(|(name, _)| **name == *used.document)?;
        let document = Arc::new(document.0.clone());
        let made = Arc::new(Mock { description, document, segments, has_choice: mock == MockAnswers::Prefer });
        self.mocks.push((api, group.version, Arc::clone(&made)));
        Some(made)
    }
}
