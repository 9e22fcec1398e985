//! Descriptions of APIs, and their uses.

use std::sync::Arc;

use super::Compiler;
use super::at::At;
use super::routes::Group;
use super::validate::place_in;
use crate::config::{self, ConfigError, RequestChecks, ResponseChecks, UndeclaredOperations};
use crate::document::schema::Mistake;
use crate::policy::openapi::{Checks, Description};
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

    /// The checks by the description of the API of `group`, if it has one.
    #[inline(never)]
    pub(super) fn checks(&mut self, group: Group<'c>) -> Option<Arc<Checks>> {
        let (index, api) = group.api?;
        let config::OpenApi { document, request, response, undeclared } = api.openapi.as_deref()?;
        let known = self.config.openapi.iter().position(|(name, _)| *name == **document);
        let Some(known) = known else {
            let (apis, config) = (At::ROOT.member("apis"), self.config);
            let at = apis.index(index);
            let at = at.member("openapi");
            self.unknown(
                &at.member("document"),
                "document of OpenAPI",
                document,
                config.openapi.iter().map(|(name, _)| name),
            );
            return None;
        };
        let description = Arc::clone(self.descriptions.get(known)?.as_ref()?);
        let version = group.version.and_then(|index| self.versions.get(index));
        let is_versioned =
            version.is_some_and(|version| matches!(version.version.versions.place, Some(Place::Path(..))));
        let segments = group.prefix?.bytes().filter(|byte| *byte == b'/').count();
        Some(Arc::new(Checks {
            description,
            document: document.as_str().into(),
            segments: segments.saturating_add(usize::from(is_versioned)),
            request: request.unwrap_or_default(),
            has_responses: response.unwrap_or_default() == ResponseChecks::Report,
            has_strangers: undeclared.operations.unwrap_or_default() == UndeclaredOperations::Allow,
            query: undeclared.query.unwrap_or_default(),
        }))
        .filter(|checks| checks.request != RequestChecks::Off || checks.has_responses)
    }
}
