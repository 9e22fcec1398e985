//! Policies that count requests, and the keys by which they do.

use super::Compiler;
use super::at::At;
use super::edits::Parameters;
use crate::capabilities::OwnCounters;
use crate::config;
use crate::policy::accuracy::Store;
use crate::policy::allowance::Allowance;
use crate::policy::concurrency::Concurrency;
use crate::policy::cost::Source;
use crate::policy::counter_key::KeySource;
use crate::policy::rate_limit::RateLimit;

impl Compiler<'_> {
    #[inline(never)]
    pub(super) fn rate_limit(
        &mut self,
        at: &At<'_>,
        owner: &str,
        limit: &config::RateLimit,
        parameters: Parameters<'_>,
    ) -> Option<RateLimit> {
        let compiled = RateLimit::compile(limit, owner, parameters);
        let before = self.errors.len();
        let tiers = self.tiers(&at.member("tiers"), limit.name.as_deref().unwrap_or(owner), limit);
        let mut compiled = self.compiled(at, compiled)?;
        compiled.tiers = tiers;
        compiled.store = self.counter_store();
        if compiled.store == Store::DurableObject && limit.binding.is_some() {
            compiled.store = Store::RateLimiter;
            compiled.binding = limit.binding.as_deref().map(Box::from);
        }
        if let Some((message, help)) =
            limit.accuracy.and_then(|wanted| compiled.store.refusal(wanted, compiled.lease.is_some()))
        {
            self.error_with(&at.member("accuracy"), message, help);
        }
        self.check_key(&at.member("key"), limit.key.as_ref(), &compiled.key);
        match compiled.cost.source() {
            Source::Header(name) => self.check_is_there(&at.member("cost").member("header"), name.as_str()),
            Source::Expression(expression) => {
                let cost = at.member("cost");
                let at = cost.member("expression");
                let (country, asn) = expression.asks_geography();
                self.asks_geography(&at, country, asn);
                if expression.asks_caller() && !self.knows_caller {
                    self.nobody_is_known(&at);
                }
            }
            _ => {}
        }
        if self.errors.len() != before {
            return None;
        }
        let terms = (compiled.allowance.clone(), compiled.tiers.clone());
        let meaning = (terms, limit.key.clone().unwrap_or_default(), compiled.fail);
        if self.rate_limits.add(&compiled.name, meaning.clone()).is_err_and(|known| *known != meaning) {
            self.error_with(
                at,
                format_args!(
                    "two different rate limits are called `{}`, and would share their counters",
                    compiled.name
                ),
                "give each a `name` of its own, or define it once under `policies`",
            );
            return None;
        }
        Some(compiled)
    }

    /// The terms of a limit for consumers with a tier.
    fn tiers(&mut self, at: &At<'_>, name: &str, limit: &config::RateLimit) -> Box<[(Box<str>, Allowance)]> {
        if !limit.tiers.is_empty() && !self.knows_caller {
            self.nobody_is_known(at);
        }
        let mut tiers = Vec::new();
        for (tier, terms) in limit.tiers.iter() {
            let at = at.member(tier);
            if tier.is_empty() || tier.contains('"') {
                let help = "write it as `tier` of a consumer has it";
                self.error_with(&at, format_args!("`{tier}` can't be the name of a tier here"), help);
            }
            if let Some(allowance) = self.compiled(&at, RateLimit::compile_tier(limit, name, terms)) {
                tiers.push((tier.into(), allowance));
            }
        }
        tiers.into()
    }

    #[inline(never)]
    pub(super) fn concurrency(
        &mut self,
        at: &At<'_>,
        owner: &str,
        limit: &config::Concurrency,
        parameters: Parameters<'_>,
    ) -> Option<Concurrency> {
        let compiled = self.compiled(at, Concurrency::compile(limit, owner, parameters))?;
        let before = self.errors.len();
        self.check_key(&at.member("key"), limit.key.as_ref(), &compiled.key);
        if self.errors.len() != before {
            return None;
        }
        let meaning = (compiled.limit, limit.key.clone().unwrap_or_default(), compiled.fail);
        if self.concurrency.add(&compiled.name, meaning.clone()).is_err_and(|known| *known != meaning) {
            self.error_with(
                at,
                format_args!("two different limits are called `{}`, and would share their counters", compiled.name),
                "give each a `name` of its own, or define it once under `policies`",
            );
            return None;
        }
        Some(compiled)
    }

    /// Reports a counter's key that no request has, or that the platform can't tell.
    pub(super) fn check_key(&mut self, at: &At<'_>, stated: Option<&config::CounterKey>, key: &KeySource) {
        if let Some(config::CounterKey::All(stated)) = stated {
            let at = at.member("all");
            for (index, (stated, key)) in stated.iter().zip(key.each()).enumerate() {
                self.check_key(&at.index(index), Some(stated), key);
            }
            return;
        }
        match key {
            KeySource::Header(name) => self.check_is_there(at, name.as_str()),
            KeySource::Expression(expression) => {
                let (country, asn) = expression.asks_geography();
                self.asks_geography(&at.member("expression"), country, asn);
            }
            _ => {}
        }
        if key.asks_caller() && !self.knows_caller {
            self.nobody_is_known(at);
        }
    }

    /// Reports something about the caller, where nobody has to say who they are.
    #[cold]
    #[inline(never)]
    pub(super) fn nobody_is_known(&mut self, at: &At<'_>) {
        let message = "this needs a caller who is known, and nothing asks who calls here";
        match self.elsewhere(at) {
            None => self.error_with(at, message, "give the route `authenticate`, or leave this out"),
            Some(route) => {
                let message = "this needs a caller who is known, and not each route that has it asks who calls";
                let help =
                    format!("{route} does not: give it `authenticate`, or have this in a policy of those that do");
                self.error_with(at, message, help);
            }
        }
    }

    /// The store of the counters.
    const fn counter_store(&self) -> Store {
        match self.capabilities.counters {
            _ if self.config.counters.redis.is_some() => Store::Redis,
            OwnCounters::Memory => Store::Memory,
            OwnCounters::DurableObjects => Store::DurableObject,
            OwnCounters::Sqlite => Store::Sqlite,
        }
    }
}
