//! The requests to each version of an API, by the consumer who makes them.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::adopted::Adopted;
use crate::numbers::Numbers;
use crate::plan::Plan;

/// What is counted: the name of an API, that of its version, and that of a consumer, which is empty for all others.
type Of = [Box<str>; 3];

/// The requests to each version of an API.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// For each route of the plan, the place of its version, counted from 1; 0 for none.
    of_routes: Box<[usize]>,
    consumers: Numbers,
    /// The number of counts for one version.
    width: usize,
    /// For each version, those of nobody known, and then those of each consumer.
    counts: Adopted<Of, AtomicU64>,
}

impl Versions {
    /// Those for `plan`: the counts of `previous` as far as the plan still names what they are of.
    pub(crate) fn adopt(plan: &Plan, previous: Option<&Self>) -> Self {
        if !plan.has_versions {
            return Self::default();
        }
        let mut known = Numbers::default();
        let mut versions = Vec::new();
        let of_routes = plan.routes.iter().map(|route| {
            let Some(version) = &route.version else { return 0 };
            let name = [&version.versions.name, "/", &version.name].concat();
            let (place, is_new) = known.find_or_add(&name);
            if is_new {
                versions.push((version.versions.name.clone(), Box::<str>::from(&*version.name)));
            }
            place + 1
        });
        let of_routes = of_routes.collect();
        let mut consumers = Numbers::default();
        for consumer in &plan.consumers {
            consumers.find_or_add(&consumer.name);
        }
        let names = || core::iter::once("").chain(plan.consumers.iter().map(|consumer| &*consumer.name));
        let keys = versions
            .iter()
            .flat_map(|(api, version)| names().map(move |consumer| [api.clone(), version.clone(), consumer.into()]));
        let counts = Adopted::adopt(keys, previous.map(|previous| &previous.counts));
        Self { of_routes, consumers, width: plan.consumers.len() + 1, counts }
    }

    /// The number of the consumer of this name, counted from 1.
    pub(crate) fn consumer(&self, name: &str) -> u32 {
        self.consumers.find(name).and_then(|number| u32::try_from(number + 1).ok()).unwrap_or_default()
    }

    /// Counts a request to the route with this index by the consumer with this number, which is 0 for all others.
    pub(super) fn count(&self, route: usize, consumer: u32) {
        let place = self.of_routes.get(route).and_then(|place| place.checked_sub(1));
        if let Some(count) = place.and_then(|place| self.counts.at(place * self.width + consumer as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts that there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Of, u64)> {
        let counts = self.counts.iter().map(|(of, count)| (of, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0)
    }
}
