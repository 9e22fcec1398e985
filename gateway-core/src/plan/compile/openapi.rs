//! Descriptions of APIs, and their uses.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::routes::Group;
use super::validate::place_in;
use crate::config::{self, ConfigError, MockAnswers, RequestChecks, ResponseChecks, UndeclaredOperations};
use crate::document::schema::Mistake;
use crate::policy::openapi::{Checks, Description, Mock};
use crate::route::Place;

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

    /// The description of the API of `group`, if it has one: with its document, and the number of segments of paths before it.
    fn described(&mut self, group: Group<'c>) -> Option<(&'c config::OpenApi, Arc<Description>, usize)> {
        let (index, api) = group.api?;
        let used = api.openapi.as_deref()?;
        let config = self.config;
        let Some(known) = config.openapi.iter().position(|(name, _)| *name == *used.document) else {
            let apis = At::ROOT.member("apis");
            let at = apis.index(index);
            let at = at.member("openapi");
            let names = config.openapi.iter().map(|(name, _)| name);
            self.unknown(&at.member("document"), "document of OpenAPI", &used.document, names);
            return None;
        };
        let description = Arc::clone(self.descriptions.get(known)?.as_ref()?);
        let version = group.version.and_then(|index| self.versions.get(index));
        let is_versioned =
            version.is_some_and(|version| matches!(version.version.versions.place, Some(Place::Path(..))));
        let segments = group.prefix?.bytes().filter(|byte| *byte == b'/').count();
        Some((used, description, segments.saturating_add(usize::from(is_versioned))))
    }

    /// The checks by the description of the API of `group`, if it has one.
    #[inline(never)]
    pub(super) fn checks(&mut self, group: Group<'c>) -> Option<Arc<Checks>> {
        let (used, description, segments) = self.described(group)?;
        Some(Arc::new(Checks {
            description,
            document: used.document.as_str().into(),
            segments,
            request: used.request.unwrap_or_default(),
            has_responses: used.response.unwrap_or_default() == ResponseChecks::Report,
            has_strangers: used.undeclared.operations.unwrap_or_default() == UndeclaredOperations::Allow,
            query: used.undeclared.query.unwrap_or_default(),
        }))
        .filter(|checks| checks.request != RequestChecks::Off || checks.has_responses)
    }

    /// The answers that are made of the description of the API of `group`, if they are.
    pub(super) fn mock(&mut self, group: Group<'c>) -> Option<Arc<Mock>> {
        let (index, api) = group.api?;
        let mock = api.openapi.as_deref()?.mock.unwrap_or_default();
        if mock == MockAnswers::Off {
            return None;
        }
        if let Some((.., mock)) = self.mocks.iter().find(|(api, version, _)| (*api, *version) == (index, group.version))
        {
            return Some(Arc::clone(mock));
        }
        let (used, description, segments) = self.described(group)?;
        let (_, document) = self.config.openapi.iter().find(|(name, _)| **name == *used.document)?;
        let document = Arc::new(document.0.clone());
        let made = Arc::new(Mock { description, document, segments, has_choice: mock == MockAnswers::Prefer });
        self.mocks.push((index, group.version, Arc::clone(&made)));
        Some(made)
    }
}
