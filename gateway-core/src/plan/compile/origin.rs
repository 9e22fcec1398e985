//! The way back from a route of the plan to the configuration.

use super::Compiler;
use crate::config::{self, ConfigError, JsonPath, MOST_MISTAKES, Reading, THOROUGH};
use crate::route::{Conflict, Spec, Table};

/// The origin of a route of the plan.
struct Origin<'c> {
    api: Option<(usize, &'c config::Api)>,
    /// The index of the route in `api`, or in the configuration itself.
    index: usize,
    route: &'c config::Route,
}

impl Origin<'_> {
    fn api_path(&self) -> Option<JsonPath> {
        self.api.map(|(api, _)| JsonPath::root().member("apis").index(api))
    }

    fn path(&self) -> JsonPath {
        self.api_path().unwrap_or_default().member("routes").index(self.index)
    }
}

impl<'c> Compiler<'c> {
    /// The table of all routes; `None` if some of them can't be as they are. A host that is given only what a check has accepted does
    /// without the proof of that.
    pub(super) fn table(&mut self, mut specs: Vec<Spec>) -> Option<Table> {
        let methods = core::mem::take(&mut self.methods);
        if !(THOROUGH && self.proves) {
            return Some(Table::unproved(methods, specs));
        }
        if let Some(reading) = self.reading {
            let whole = whole_routes(reading, &self.origins);
            specs.retain(|spec| whole.get(spec.route).copied().unwrap_or_default());
        }
        let conflicts = match Table::with_methods(methods, specs) {
            Ok(table) => return Some(table),
            Err(conflicts) => conflicts,
        };
        conflicts.iter().take(MOST_MISTAKES).for_each(|conflict| self.conflict(conflict));
        None
    }

    #[cold]
    #[inline(never)]
    pub(super) fn conflict(&mut self, conflict: &Conflict) {
        let name = |index: usize| match self.origin(index) {
            Ok(origin) => Self::route_name(origin.api, origin.route),
            Err(own) => own.map(|(name, _)| name.clone()).unwrap_or_default(),
        };
        if let Some(other) = conflict.other()
            && name(other) == name(conflict.route())
        {
            // One route that is there twice is told as such.
            return;
        }
        let message = conflict.message(name);
        let path = |route| match self.origin(route) {
            Ok(origin) => Some(origin.path()),
            Err(own) => own.map(|(_, at)| at.clone()),
        };
        let mut error = ConfigError::new(path(conflict.route()).unwrap_or_default(), message);
        if let Some(other) = conflict.other().and_then(path) {
            error = error.with_other(other);
        }
        self.errors.push(error.with_help(conflict.help()));
    }

    /// The origin of the plan's route at `index`, or that of the gateway's own.
    fn origin(&self, of: usize) -> Result<Origin<'c>, Option<&(String, JsonPath)>> {
        let config = self.config;
        let found = self.origins.get(of).and_then(|(api, index)| {
            let api = match api {
                Some(api) => Some((*api, config.apis.get(*api)?)),
                None => None,
            };
            let route = api.map_or(&config.routes, |(_, api)| &api.routes).get(*index)?;
            Some(Origin { api, index: *index, route })
        });
        found.ok_or_else(|| self.own_routes.get(of.saturating_sub(self.origins.len())))
    }
}

/// Returns, for each route of the plan, whether nothing is missing from it, nor from its API.
#[cold]
#[inline(never)]
fn whole_routes(reading: &Reading<'_>, origins: &[(Option<usize>, usize)]) -> Vec<bool> {
    let apis = JsonPath::root().member("apis");
    let items = |path: &JsonPath| reading.intact_items(path, "");
    let whole_apis = reading.intact_items(&apis, "routes");
    let of_apis: Vec<_> = (0..whole_apis.len()).map(|index| items(&apis.index(index).member("routes"))).collect();
    let outside = items(&JsonPath::root().member("routes"));
    let is_whole = |(api, index): &(Option<usize>, usize)| match api {
        Some(api) => {
            whole_apis.get(*api) == Some(&true) && of_apis.get(*api).and_then(|of| of.get(*index)) == Some(&true)
        }
        None => outside.get(*index) == Some(&true),
    };
    origins.iter().map(is_whole).collect()
}
