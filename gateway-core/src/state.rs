//! The state that outlives requests and reloads.
//!
//! A new plan adopts the state of the one before it by what it is of, never by where it stands: an upstream keeps its own by
//! its name, an endpoint by its scheme, host and port, a flag by its key, published keys and tokens for upstreams by where they
//! come from, verified tokens by their issuer, wherever the configuration lists them now.

use core::sync::atomic::AtomicUsize;
use core::time::Duration;
use std::sync::Arc;

use crate::adopted::Adopted;
use crate::balance::Cluster;
use crate::balance::active::CheckReads;
use crate::balance::choose::{Choice, Chooser};
use crate::balance::endpoint::Chosen;
use crate::balance::fleet::{Fleet, Fleets};
use crate::balance::found::Found;
pub use crate::balance::traffic::Calls;
use crate::balance::traffic::Traffic;
use crate::balance::trial::Trial;
use crate::balance::vitals::{self, Vitals};
use crate::cache::flights::Flights;
use crate::cache::purges::PurgeBook;
use crate::call::Call;
use crate::metrics::Metrics;
use crate::net::Scheme;
use crate::plan::{Action, Endpoint, Plan, Upstream};
use crate::policy::access_token::TokenCell;
use crate::policy::answers::Answers;
use crate::policy::borrowed::Borrowed;
use crate::policy::flag::FlagCell;
use crate::policy::jwt::{Issuer, IssuerId};
use crate::policy::key_cell::KeyCell;
use crate::policy::login::renewed::Renewed;
use crate::policy::passwords::Passwords;
use crate::policy::purge_reads::PurgeReads;
use crate::policy::revocation::List;
use crate::policy::rollout::Rollout;
use crate::policy::tokens::Tokens;
use crate::policy::watch::{Kind, Watch};
use crate::random::Random;
use crate::store_key::StoreKey;

/// The state of a gateway that outlives its requests, and its plan.
#[derive(Debug, Default)]
pub struct State {
    upstreams: Adopted<String, Round>,
    /// What is known of the places of upstreams, by the index of each; none for those of which nothing is asked.
    groups: Box<[Option<Group>]>,
    /// What is known of the upstreams that are sent copies, by the index of each.
    mirrors: Box<[Option<Arc<Fleet>>]>,
    /// What is known of roll-outs, by their fingerprints.
    trials: Box<[(Box<str>, Arc<Trial>)]>,
    fleets: Arc<Fleets>,
    endpoints: Adopted<Place, Traffic>,
    flags: Adopted<StoreKey, FlagCell>,
    keys: Adopted<StoreKey, KeyCell>,
    tokens: Adopted<IssuerId, Tokens>,
    revocations: Box<[Option<Arc<Watch>>]>,
    access_tokens: Adopted<Box<str>, TokenCell>,
    api_keys: Arc<Answers>,
    passwords: Arc<Passwords>,
    flights: Arc<Flights>,
    borrowed: Arc<Borrowed>,
    purges: Arc<PurgeBook>,
    purge_reads: Arc<PurgeReads>,
    check_reads: CheckReads,
    sessions: Arc<Answers>,
    renewed: Arc<Renewed>,
    /// What services have decided. It is of one plan: callers are among it.
    decisions: Answers,
    metrics: Option<Metrics>,
}

/// The identity of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// The turn of an upstream's endpoints.
#[derive(Debug, Default)]
struct Round(AtomicUsize);

/// What is known of an upstream with a choice.
#[derive(Debug)]
pub(crate) struct Group {
    /// What is known of it as a whole.
    pub(crate) fleet: Arc<Fleet>,
    /// What is known of the places that the plan has of it, in the order of its endpoints.
    pub(crate) vitals: Box<[Arc<Vitals>]>,
}

impl Group {
    /// The places of `upstream` that were discovered, as they are known at `now`; none if those of the plan hold.
    pub(crate) fn found(&self, upstream: &Upstream, now: Duration) -> Option<Arc<Found>> {
        upstream.discovery.as_ref()?;
        self.fleet.found.last(now)
    }

    /// The places of `upstream` at `now`, with what is known of each.
    pub(crate) fn places<'p>(&self, upstream: &'p Upstream, now: Duration) -> Vec<(Chosen<'p>, Arc<Vitals>)> {
        match self.found(upstream, now) {
            Some(found) => {
                let place = |(index, vitals): (usize, &Arc<Vitals>)| {
                    Some((Chosen::of_found(index, &found)?, Arc::clone(vitals)))
                };
                found.vitals.iter().enumerate().filter_map(place).collect()
            }
            None => {
                let place = |((index, endpoint), vitals): ((usize, &'p Endpoint), &Arc<Vitals>)| {
                    (Chosen::of_plan(index, endpoint), Arc::clone(vitals))
                };
                upstream.endpoints.iter().enumerate().zip(&self.vitals).map(place).collect()
            }
        }
    }
}

impl State {
    /// The state for `plan`: that of `previous` as far as the plan still names what it is of, and new otherwise. What is known of the places of upstreams
    /// is in `fleets`, where a platform has that for all of its instances.
    #[must_use]
    pub fn adopt(plan: &Plan, previous: Option<&Self>, fleets: Option<&Arc<Fleets>>) -> Self {
        let fleets = fleets.or(previous.map(|previous| &previous.fleets)).map(Arc::clone).unwrap_or_default();
        // Those of the plan before last; those of the one before are still used by its requests.
        fleets.forget_unused();
        let group = |upstream: &Upstream| {
            upstream.cluster.as_ref()?;
            let fleet = fleets.of(&upstream.name);
            let vitals = fleet.vitals(upstream.endpoints.iter().map(Endpoint::url));
            upstream.endpoints.iter().zip(&vitals).for_each(|(place, vitals)| vitals.disable(place.is_disabled()));
            Some(Group { fleet, vitals })
        };
        let endpoints = plan.upstreams.iter().flat_map(|upstream| &upstream.endpoints).map(Place::of);
        Self {
            upstreams: Adopted::adopt(
                plan.upstreams.iter().map(|upstream| upstream.name.clone()),
                previous.map(|previous| &previous.upstreams),
            ),
            groups: plan.upstreams.iter().map(group).collect(),
            mirrors: adopt_mirrors(plan, &fleets),
            trials: plan.rollouts().map(|(_, one)| (one.id.clone(), fleets.trial(&one.id))).collect(),
            endpoints: Adopted::adopt(endpoints, previous.map(|previous| &previous.endpoints)),
            flags: Adopted::adopt(plan.flags.iter().cloned(), previous.map(|previous| &previous.flags)),
            keys: Adopted::adopt(
                plan.key_sources().map(|source| source.id.clone()),
                previous.map(|previous| &previous.keys),
            ),
            tokens: Adopted::adopt(plan.issuers.iter().map(Issuer::id), previous.map(|previous| &previous.tokens)),
            revocations: adopt_watches(plan, previous.map_or(&[], |previous| &previous.revocations)),
            access_tokens: Adopted::adopt(
                plan.token_sources().map(|source| source.id.clone()),
                previous.map(|previous| &previous.access_tokens),
            ),
            // By their digests, whatever the plan says.
            api_keys: previous.map(|previous| Arc::clone(&previous.api_keys)).unwrap_or_default(),
            passwords: previous.map(|previous| Arc::clone(&previous.passwords)).unwrap_or_default(),
            // By the cells, whatever the plan says.
            borrowed: previous.map(|previous| Arc::clone(&previous.borrowed)).unwrap_or_default(),
            flights: previous.map(|previous| Arc::clone(&previous.flights)).unwrap_or_default(),
            purges: previous.map(|previous| Arc::clone(&previous.purges)).unwrap_or_default(),
            purge_reads: previous.map(|previous| Arc::clone(&previous.purge_reads)).unwrap_or_default(),
            check_reads: CheckReads::default(),
            sessions: previous.map(|previous| Arc::clone(&previous.sessions)).unwrap_or_default(),
            renewed: previous.map(|previous| Arc::clone(&previous.renewed)).unwrap_or_default(),
            decisions: Answers::default(),
            fleets,
            metrics: Metrics::adopt(plan, previous.and_then(Self::metrics)),
        }
    }

    /// The memory of the flag with this index in [`Plan::flags`].
    pub(crate) fn flag(&self, index: usize) -> Option<&FlagCell> {
        self.flags.at(index)
    }

    /// The memory of the keys of the source with this index.
    pub(crate) fn keys(&self, source: usize) -> Option<&KeyCell> {
        self.keys.at(source)
    }

    /// The memory of the token that the source with this index gives.
    pub(crate) fn token(&self, source: usize) -> Option<&TokenCell> {
        self.access_tokens.at(source)
    }

    /// The tokens of the issuer with this index in [`Plan::issuers`] that were verified.
    pub(crate) fn tokens(&self, issuer: usize) -> Option<&Tokens> {
        self.tokens.at(issuer)
    }

    /// The memory of the list of revoked tokens of the issuer with this index; none if that is not looked at.
    pub(crate) fn revocations(&self, issuer: usize) -> Option<&Arc<Watch>> {
        self.revocations.get(issuer)?.as_ref()
    }

    /// The sessions that have new tokens.
    pub(crate) fn renewed(&self) -> &Renewed {
        &self.renewed
    }

    /// The sessions of which it was asked whether they have ended.
    pub(crate) fn sessions(&self) -> &Answers {
        &self.sessions
    }

    /// The API keys that were asked for.
    pub(crate) fn api_keys(&self) -> &Answers {
        &self.api_keys
    }

    /// The passwords that were right lately, by their digests with the hashes.
    pub(crate) fn passwords(&self) -> &Arc<Passwords> {
        &self.passwords
    }

    /// The units of rate limits that were borrowed.
    pub(crate) fn borrowed(&self) -> &Arc<Borrowed> {
        &self.borrowed
    }

    /// The requests under way for responses that others wait for.
    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.flights
    }

    /// The purges of stored responses.
    pub(crate) fn purges(&self) -> &Arc<PurgeBook> {
        &self.purges
    }

    /// The reads of the purges, where they live in a store.
    pub(crate) fn purge_reads(&self) -> &PurgeReads {
        &self.purge_reads
    }

    /// The reads of the places that fail their checks, where those stand in a store.
    pub(crate) fn check_reads(&self) -> &CheckReads {
        &self.check_reads
    }

    /// The requests that services have let in.
    pub(crate) fn decisions(&self) -> &Answers {
        &self.decisions
    }

    /// Takes note that this list of revoked tokens has just been changed.
    pub(crate) fn list_changed(&self, list: &List) {
        for (watch, (_, tokens)) in self.revocations.iter().zip(self.tokens.iter()) {
            if let Some(watch) = watch.as_deref().filter(|watch| list.is_watched_by(watch)) {
                watch.forget();
                tokens.clear();
                self.sessions.changed();
            }
        }
    }

    /// Takes note, at `now`, that the flag with this key has just been set or removed.
    pub(crate) fn flag_changed(&self, key: &StoreKey, set: bool, now: Duration) {
        if let Some((_, cell)) = self.flags.iter().find(|(known, _)| known == key) {
            cell.learn(Some(set), now);
        }
    }

    /// The metrics; none where nobody could read them.
    #[must_use]
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// What is known of `upstream`, if it has a choice.
    pub(crate) fn group(&self, upstream: &Upstream) -> Option<&Group> {
        self.groups.get(upstream.index)?.as_ref()
    }

    /// What is known of the upstream with this index, if it is sent copies.
    pub(crate) fn mirror(&self, upstream: usize) -> Option<&Arc<Fleet>> {
        self.mirrors.get(upstream)?.as_ref()
    }

    /// What is known of `rollout`.
    pub(crate) fn trial(&self, rollout: &Rollout) -> Option<&Arc<Trial>> {
        self.trials.iter().find(|(id, _)| *id == rollout.id).map(|(_, trial)| trial)
    }

    /// Chooses an endpoint of `upstream`, whose rules are those of `cluster`, for `call`; as [`Chooser::choose`]. After those that were
    /// `tried`, one of the same list as they were of.
    pub(crate) fn choose<'p>(
        &self,
        (upstream, cluster): (&'p Upstream, &Cluster),
        call: Option<&Call>,
        tried: Option<(&[usize], &Chosen<'_>)>,
        (random, now): (&impl Random, Duration),
    ) -> Option<(Chosen<'p>, Option<vitals::Trial>)> {
        let (group, Round(turn)) = (self.group(upstream)?, self.upstreams.at(upstream.index)?);
        let found = match tried {
            Some((_, last)) => last.found().map(Arc::clone),
            None => group.found(upstream, now),
        };
        let (levels, vitals) = match &found {
            Some(found) => (&*found.levels, &*found.vitals),
            None => (&*cluster.levels, &*group.vitals),
        };
        let tried = tried.map_or(&[][..], |(tried, _)| tried);
        let Choice { endpoint, trial } = Chooser { cluster, levels, vitals, turn, now }.choose(call, tried, random)?;
        let chosen = match &found {
            Some(found) => Chosen::of_found(endpoint, found)?,
            None => Chosen::of_plan(endpoint, upstream.endpoints.get(endpoint)?),
        };
        Some((chosen, trial))
    }

    /// Counts a call to `endpoint`.
    pub(crate) fn sent(&self, endpoint: &Chosen<'_>) {
        if let Some(vitals) = endpoint.found().and_then(|found| found.vitals.get(endpoint.place)) {
            vitals.traffic.sent();
        }
        if let Some(traffic) = self.endpoints.at(endpoint.index) {
            traffic.sent();
        }
    }

    /// Counts a call to `endpoint` that got no response.
    pub(crate) fn failed(&self, endpoint: &Chosen<'_>) {
        if let Some(vitals) = endpoint.found().and_then(|found| found.vitals.get(endpoint.place)) {
            vitals.traffic.failed();
        }
        if let Some(traffic) = self.endpoints.at(endpoint.index) {
            traffic.failed();
        }
    }

    /// The calls that `endpoint`, of whatever plan, was sent.
    #[must_use]
    pub fn calls(&self, endpoint: &Endpoint) -> Calls {
        let traffic = self.endpoints.iter().find(|(place, _)| place.is_of(endpoint)).map(|(_, traffic)| traffic);
        traffic.map_or_else(Calls::default, |traffic| traffic.calls())
    }
}

/// What is known of the upstreams that are sent copies: empty if there are none.
fn adopt_mirrors(plan: &Plan, fleets: &Fleets) -> Box<[Option<Arc<Fleet>>]> {
    let mirrors = plan.routes.iter().flat_map(|route| match &route.action {
        Action::Proxy(proxy) => &*proxy.mirrors,
        _ => &[],
    });
    let mut known: Vec<Option<Arc<Fleet>>> = Vec::new();
    for index in mirrors.map(|mirror| mirror.target.upstream) {
        known.resize(plan.upstreams.len(), None);
        if let (Some(place), Some(upstream)) = (known.get_mut(index), plan.upstreams.get(index)) {
            place.get_or_insert_with(|| fleets.of(&upstream.name));
        }
    }
    known.into()
}

/// The memory of each issuer's list of revoked tokens: one of `previous`, if it is the same.
fn adopt_watches(plan: &Plan, previous: &[Option<Arc<Watch>>]) -> Box<[Option<Arc<Watch>>]> {
    let watch = |issuer: &Issuer| {
        let (list, within) = (issuer.revocations()?, issuer.revocation?);
        let known =
            previous.iter().flatten().find(|known| list.is_watched_by(known) && known.kind() == Kind::List(within));
        Some(known.map_or_else(|| Arc::new(list.watch(within)), Arc::clone))
    };
    plan.issuers.iter().map(watch).collect()
}

impl Place {
    fn of(endpoint: &Endpoint) -> Self {
        Self { scheme: endpoint.scheme, host: endpoint.host.clone(), port: endpoint.port }
    }

    fn is_of(&self, endpoint: &Endpoint) -> bool {
        self.scheme == endpoint.scheme && self.host == endpoint.host && self.port == endpoint.port
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::capabilities::Capabilities;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::key::{Stated, VerifyingKey};
    use crate::plan::load;
    use crate::plan::testing::NoSecrets;
    use crate::policy::tokens::Verified;

    fn plan(upstreams: &str) -> Plan {
        let text = format!(r#"{{"upstreams": {upstreams}, "routes": [{{"name": "r", "respond": {{}}}}]}}"#);
        load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap()
    }

    /// docs/configuration.md, Consumers: a reload that changes consumers forgets the tokens that were verified, and keeps the keys.
    #[test]
    fn other_consumers_are_other_callers_with_the_same_keys() {
        let plan = |consumer: &str, claim: &str| {
            let text = format!(
                r#"{{"issuers": {{"corp": {{"issuer": "https://id", "jwks": "https://id/jwks"{claim}}}}},
                "consumers": {{"acme": {{{consumer}"credentials": [{{"token": {{"issuer": "corp", "value": "a"}}}}]}}}},
                "routes": [{{"name": "r", "respond": {{}}}}]}}"#
            );
            load(&text, &Capabilities::NATIVE, &NoSecrets).unwrap()
        };
        let remembers = |state: &State| state.tokens(0).unwrap().find("token").is_some();
        let before = State::adopt(&plan("", ""), None, None);
        let key = VerifyingKey::new(Algorithm::Hs256, &Stated::Secret(&[1; 32]), None).unwrap().id();
        before.tokens(0).unwrap().keep("token", Verified { caller: Arc::default(), key, watch: None }, 0);
        assert!(remembers(&State::adopt(&plan("", ""), Some(&before), None)));
        for changed in
            [plan(r#""tier": "gold", "#, ""), plan("", r#", "consumer": "azp""#), plan("", r#", "groups": "g""#)]
        {
            let after = State::adopt(&changed, Some(&before), None);
            assert!(!remembers(&after));
            assert!(core::ptr::eq(after.keys(0).unwrap(), before.keys(0).unwrap()));
        }
    }

    /// Where nothing is left to chance.
    struct NoChance;

    impl Random for NoChance {
        fn next_u64(&self) -> u64 {
            unreachable!("a turn is no chance")
        }

        fn fill_secret(&self, _: &mut [u8]) -> Result<(), crate::random::NoRandom> {
            Err(crate::random::NoRandom)
        }
    }

    fn hosts(state: &State, upstream: &Upstream, times: usize) -> String {
        let cluster = upstream.cluster.as_ref().unwrap();
        let next = |_| state.choose((upstream, cluster), None, None, (&NoChance, Duration::ZERO));
        (0..times).filter_map(next).map(|(chosen, _)| chosen.host.clone()).collect()
    }

    #[test]
    fn endpoints_take_turns() {
        let plan = plan(r#"{"u": {"urls": ["http://a", "http://b", "http://c"]}, "one": {"url": "http://d"}}"#);
        let state = State::adopt(&plan, None, None);
        assert_eq!(hosts(&state, &plan.upstreams[0], 7), "abcabca");
        assert!(plan.upstreams[1].cluster.is_none() && state.group(&plan.upstreams[1]).is_none());
    }

    /// ARCHITECTURE.md, State: a reload loses nothing that the new plan still names, and gives nothing to another.
    #[test]
    fn state_follows_its_identity_and_not_its_place() {
        let before = plan(r#"{"u": {"urls": ["http://a", "http://b"]}, "v": {"url": "http://c"}}"#);
        let state = State::adopt(&before, None, None);
        assert_eq!(hosts(&state, &before.upstreams[0], 1), "a");
        state.sent(&Chosen::of_plan(1, &before.upstreams[0].endpoints[1]));
        state.failed(&Chosen::of_plan(0, &before.upstreams[1].endpoints[0]));
        let after = plan(
            r#"{"new": {"url": "http://new"}, "v": {"url": "http://elsewhere"}, "u": {"urls": ["http://b", "http://c", "http://a"]}}"#,
        );
        let adopted = State::adopt(&after, Some(&state), None);
        let calls = |upstream: usize, endpoint: usize| adopted.calls(&after.upstreams[upstream].endpoints[endpoint]);
        assert_eq!(hosts(&adopted, &after.upstreams[2], 1), "c");
        assert_eq!(calls(2, 0), Calls { sent: 1, failed: 0 });
        assert_eq!(calls(2, 1), Calls { sent: 0, failed: 1 });
        assert_eq!([calls(0, 0), calls(1, 0), calls(2, 2)], [Calls::default(); 3]);
        // What is under way on the old plan counts on for the new one.
        state.sent(&Chosen::of_plan(1, &before.upstreams[0].endpoints[1]));
        assert_eq!(calls(2, 0), Calls { sent: 2, failed: 0 });
    }
}
