//! Warnings about what is dangerous though valid: callers that nobody asks, and credentials that go too far.

use core::time::Duration;
use std::net::IpAddr;

use http::Uri;

use super::exposure::is_public;
use super::forms;
use crate::config::{
    Authenticate, Config, ConfigError, Credential, CredentialPlace, Entries, Issuer, JsonPath, JwtProof, Listen,
    ListenAt, LoginProof, PasswordCredential, Policy, PolicyUse, Proof, Route, Step, Value, When,
};
use crate::policy::login::{KEPT, top};
use crate::policy::password::PasswordHash;

/// The longest difference of clocks that is not worth a word: a token that somebody has lost is good for as long.
const MOST_LEEWAY: Duration = Duration::from_secs(5 * 60);

/// Warns of what `config` says of issuers and proofs, whichever routes use them.
pub(super) fn warnings(config: &Config, found: &mut Vec<ConfigError>) {
    let root = JsonPath::root();
    for (name, issuer) in config.issuers.iter() {
        leeway(&root.member("issuers").member(name), issuer, found);
    }
    for (name, consumer) in config.consumers.iter() {
        let at = root.member("consumers").member(name).member("credentials");
        weak_hashes(&at, &consumer.credentials, found);
    }
    each_policy(config, |at, policy| proof(at, config, policy, found));
}

/// Warns of passwords that whoever steals their hashes has at once. Those in secrets are not looked at: `check` may not have them.
fn weak_hashes(at: &JsonPath, credentials: &[Credential], found: &mut Vec<ConfigError>) {
    for (index, credential) in credentials.iter().enumerate() {
        if let Some(PasswordCredential { user, hash: Value::Template(text) }) = &credential.password
            && PasswordHash::parse(text).is_ok_and(|hash| hash.is_weak())
        {
            let message = format!(
                "whoever sees this hash finds out most passwords that `{user}` could have: it takes too little work"
            );
            let help = "19 MiB in two passes for Argon2, a cost of 10 for bcrypt, and more: `edgeway password hash`, or `htpasswd -B -C 10`";
            found.push(ConfigError::new(at.index(index).member("password").member("hash"), message).with_help(help));
        }
    }
}

/// Warns of each login of `config` that nobody can use where the native server has no listener but the one that it has anyway.
pub(super) fn unlistened(config: &Config, found: &mut Vec<ConfigError>) {
    if config.server.listen.is_none() {
        each_policy(config, |at, policy| {
            if let Some(Authenticate::By(proof)) = &policy.authenticate {
                each_login(at.member("authenticate"), proof, &mut |at, login| unsafe_way(&at, config, login, found));
            }
        });
    }
}

/// Shows each policy of `config`, with its place.
pub(super) fn each_policy(config: &Config, mut show: impl FnMut(&JsonPath, &Policy)) {
    let root = JsonPath::root();
    for (name, policy) in config.policies.iter() {
        show(&root.member("policies").member(name), policy);
    }
    let mut inline = |at: &JsonPath, uses: &[PolicyUse]| {
        for (index, one) in uses.iter().enumerate() {
            if let PolicyUse::Inline(policy) = one {
                show(&at.member("policies").index(index), policy);
            }
        }
    };
    inline(&root.member("defaults"), &config.defaults.policies);
    for (index, api) in config.apis.iter().enumerate() {
        let at = root.member("apis").index(index);
        inline(&at, &api.policies);
        for (name, version) in api.versions.iter().flat_map(|versions| versions.list.iter()) {
            inline(&at.member("versions").member("list").member(name), &version.policies);
        }
    }
    for (at, _, route) in routes(config) {
        inline(&at, &route.policies);
    }
}

/// Warns of `claims` that the rules of the route at this place ask for, and that no session after a login in `proof` has.
fn unkept<'c>(
    at: &JsonPath,
    config: &Config,
    proof: &Proof,
    claims: impl Iterator<Item = &'c str>,
    found: &mut Vec<ConfigError>,
) {
    for claim in claims {
        let name = top(claim);
        each_login(JsonPath::root(), proof, &mut |_, login| {
            let provider = match &login.issuer {
                Some(name) => config.issuers.find(name),
                None => config.issuers.iter().next().map(|(_, issuer)| issuer),
            };
            let of_issuer = provider.into_iter().flat_map(|issuer| [&issuer.consumer, &issuer.groups]).flatten();
            let is_kept = KEPT.contains(&&*name)
                || login.claims.contains(&name)
                || of_issuer.map(|claim| top(claim)).any(|kept| kept == name);
            if !is_kept {
                let message = format!("nobody who logs in is let in: the session does not keep the claim `{name}`");
                let help = format!("list it in the login: `\"claims\": [\"{name}\"]`");
                found.push(ConfigError::new(at.clone(), message).with_help(help));
            }
        });
    }
}

/// The most routes that are warned of one by one.
const MOST_UNASKED: usize = 4;

/// Warns of each route of `config` that anybody may call without its saying so, where other routes ask who calls. A route with `clients` is
/// not for anybody.
pub(super) fn unasked(config: &Config, found: &mut Vec<ConfigError>) {
    let asked: Vec<_> = routes(config)
        .map(|(at, uses, route)| {
            let uses = config.defaults.policies.iter().chain(uses).chain(&route.policies);
            let policies: Vec<&Policy> = uses.filter_map(|one| policy(&config.policies, one)).collect();
            // The last holds: see `Policy::authenticate`.
            let proof = policies.iter().rev().find_map(|policy| policy.authenticate.as_ref());
            if let Some(Authenticate::By(proof)) = proof {
                let rules = policies.iter().filter_map(|policy| policy.authorize.as_ref());
                unkept(&at, config, proof, rules.flat_map(|rule| rule.claims.iter().map(|(claim, _)| claim)), found);
            }
            (at, route, proof, policies.iter().any(|policy| policy.clients.is_some()))
        })
        .collect();
    if !asked.iter().any(|(_, _, proof, _)| matches!(proof, Some(Authenticate::By(_)))) {
        return;
    }
    let mut open = asked.into_iter().filter(|(_, route, proof, is_for_some)| {
        // What the gateway answers by itself is in the file, and shows nothing of a service.
        // Each request of a batch is for a route of its own.
        let shows_something = route.redirect.is_none() && route.respond.is_none() && route.batch.is_none();
        proof.is_none() && shows_something && !is_for_some
    });
    let mut shown: Vec<_> = open.by_ref().take(MOST_UNASKED).collect();
    let more = open.count();
    if more > 0 {
        // One warning each would bury what else is found.
        let first = shown.first().map_or_else(JsonPath::root, |(at, ..)| at.clone());
        let names: Vec<_> = shown.drain(..).map(|(_, route, ..)| format!("`{}`", route.name)).collect();
        let message = format!(
            "anybody may call {} and {more} more: they have no `authenticate`, as other routes have",
            names.join(", ")
        );
        let help =
            "give them one, in `defaults` or their API; or `\"authenticate\": false`, which says that they are public";
        found.push(ConfigError::new(first, message).with_help(help));
    }
    for (at, route, ..) in shown {
        let message = format!("anybody may call `{}`: it has no `authenticate`, as other routes have", route.name);
        let help = "give it one; or `\"authenticate\": false`, which says that it is public";
        found.push(ConfigError::new(at, message).with_help(help));
    }
}

/// Warns of the upstreams of `config` that are called in the clear through the Internet.
pub(super) fn cleartext(config: &Config, found: &mut Vec<ConfigError>) {
    for (name, upstream) in config.upstreams.iter() {
        let at = JsonPath::root().member("upstreams").member(name);
        let one = upstream.url.iter().map(|url| (at.member("url"), url));
        let several = upstream.urls.iter().enumerate().map(|(index, url)| (at.member("urls").index(index), url));
        for (at, _) in one.chain(several).filter(|(_, url)| is_clear_and_public(url)) {
            let message = "requests go to a public address in the clear, with all that they carry";
            found.push(ConfigError::new(at, message).with_help("take `https`, or an address of an inside network"));
        }
    }
}

fn is_clear_and_public(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    // A name may stand for any address.
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    uri.scheme_str() == Some("http")
        && host.parse::<IpAddr>().is_ok_and(|address| !address.is_unspecified() && is_public(address))
}

/// Warns of what the native server would call by itself at a name that looks like one of an inside network: there it goes to public addresses
/// alone (`docs/adr/0019`).
pub(super) fn inside(config: &Config, found: &mut Vec<ConfigError>) {
    let mut look = |at: JsonPath, url: Option<&str>, upstream: Option<&String>| {
        let Some(url) = url.filter(|_| upstream.is_none()) else { return };
        let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_ascii_lowercase));
        if let Some(host) = host.filter(|host| is_inside(host)) {
            let message = format!(
                "`{host}` looks like a name of an inside network, and the gateway goes to public addresses alone by itself"
            );
            // An upstream is for the issuer's own origin alone.
            let help = match at.steps().last() {
                Some(Step::Index(_)) => {
                    "if it is inside, write `jwks` and an `upstream` in place of `discovery` and `origins`"
                }
                _ => {
                    "if it is inside, name an upstream with its URL through which it is called: `\"upstream\": \"id\"`"
                }
            };
            found.push(ConfigError::new(at, message).with_help(help));
        }
    };
    let root = JsonPath::root();
    for (name, issuer) in config.issuers.iter() {
        let at = root.member("issuers").member(name);
        look(at.member("jwks"), issuer.jwks.as_deref(), issuer.upstream.as_ref());
        if issuer.discovery == Some(true) {
            look(at.member("issuer"), issuer.issuer.as_deref(), issuer.upstream.as_ref());
            for (index, origin) in issuer.origins.iter().enumerate() {
                look(at.member("origins").index(index), Some(origin), None);
            }
        }
        if let Some(asked) = issuer.introspection.as_deref() {
            let at = at.member("introspection").member("endpoint");
            look(at, Some(&asked.endpoint), asked.upstream.as_ref());
        }
    }
    for (name, upstream) in config.upstreams.iter() {
        let credentials = upstream.credentials.as_ref();
        if let Some(grant) = credentials.and_then(|credentials| credentials.client_credentials.as_ref()) {
            let at = root.member("upstreams").member(name).member("credentials");
            let at = at.member("clientCredentials").member("tokenUrl");
            look(at, Some(&grant.token_url), grant.upstream.as_ref());
        }
    }
}

/// Returns whether `host` is a name that no public name server knows: one without a dot, or below a domain that is kept, or customary, for
/// inside networks (RFC 6762 §3 and Appendix G, RFC 8375, and `.internal`, which ICANN never delegates).
fn is_inside(host: &str) -> bool {
    const DOMAINS: [&str; 6] = [".internal", ".local", ".svc", ".home.arpa", ".lan", ".corp"];
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    // `localhost` is free.
    let is_bare = !name.contains('.') && name != "localhost";
    !is_address && (is_bare || DOMAINS.iter().any(|domain| name.ends_with(domain)))
}

/// The routes of `config`, each with its place and the policies of its API and of all versions of that.
pub(super) fn routes(config: &Config) -> impl Iterator<Item = (JsonPath, Vec<&PolicyUse>, &Route)> {
    let of = |at: JsonPath| move |index: usize| at.member("routes").index(index);
    let grouped = config.apis.iter().enumerate().flat_map(move |(index, api)| {
        let at = of(JsonPath::root().member("apis").index(index));
        api.routes.iter().enumerate().map(move |(number, route)| {
            let versions = api.versions.iter().flat_map(|versions| versions.list.iter());
            let of_versions = versions.flat_map(|(_, version)| &version.policies);
            (at(number), api.policies.iter().chain(of_versions).collect(), route)
        })
    });
    let at = of(JsonPath::root());
    let single = config.routes.iter().enumerate().map(move |(number, route)| (at(number), Vec::new(), route));
    grouped.chain(single)
}

pub(super) fn policy<'c>(policies: &'c Entries<Policy>, one: &'c PolicyUse) -> Option<&'c Policy> {
    match one {
        PolicyUse::Named(name) => policies.find(name),
        PolicyUse::Inline(policy) => Some(policy),
    }
}

fn leeway(at: &JsonPath, issuer: &Issuer, found: &mut Vec<ConfigError>) {
    if issuer.leeway.is_some_and(|leeway| leeway.0 > MOST_LEEWAY) {
        let message = "tokens are good for this long after they have expired";
        let help = "a minute is enough for clocks that are set by a server; take `5m` at most";
        found.push(ConfigError::new(at.member("leeway"), message).with_help(help));
    }
}

/// Warns of what `policy` takes as a proof, and of whom its cross-origin rules let use the credentials of others.
fn proof(at: &JsonPath, config: &Config, policy: &Policy, found: &mut Vec<ConfigError>) {
    if let Some(Authenticate::By(proof)) = &policy.authenticate {
        stated(at.member("authenticate"), config, proof, found);
        anonymous(&at.member("authenticate").member("anonymous"), config, proof, found);
    }
    if let Some(rule) = &policy.authorize {
        nobodys(&at.member("authorize"), config, (&rule.groups, &rule.tiers), found);
    }
    if let Some(limit) = &policy.rate_limit {
        let at = at.member("rateLimit").member("tiers");
        for (tier, _) in limit.tiers.iter() {
            nobodys_tier(at.member(tier), config, tier, found);
        }
    }
    for (index, way) in policy.steer.iter().flatten().enumerate() {
        if let When::Condition(when) = &way.when {
            let at = at.member("steer").index(index).member("when");
            nobodys(&at, config, (&when.groups, &when.tiers), found);
        }
    }
    if let Some(cors) = &policy.cors
        && cors.credentials
    {
        let wide = cors.origins.iter().enumerate().filter(|(_, origin)| origin.contains("://*."));
        for (index, origin) in wide {
            let at = at.member("cors").member("origins").index(index);
            let message = format!("every site at `{origin}` may act with its visitors' credentials");
            let help = "list the sites that do; a forgotten name that somebody else takes over is among them, too";
            found.push(ConfigError::new(at, message).with_help(help));
        }
    }
}

/// Warns of a consumer with credentials whom everybody counts as that states none.
fn anonymous(at: &JsonPath, config: &Config, proof: &Proof, found: &mut Vec<ConfigError>) {
    let Some(name) = &proof.anonymous else { return };
    let Some(consumer) = config.consumers.find(name).filter(|consumer| !consumer.credentials.is_empty()) else {
        return;
    };
    let groups: Vec<String> = consumer.groups.iter().map(|group| format!("`{group}`")).collect();
    let of_groups = if groups.is_empty() { String::new() } else { format!(", and is in {}", groups.join(", ")) };
    let message =
        format!("whoever states no credential counts as `{name}`, which has credentials of its own{of_groups}");
    let help = "take a consumer without credentials and groups, such as `guest`";
    found.push(ConfigError::new(at.clone(), message).with_help(help));
}

/// Warns of groups and tiers that no caller can have.
fn nobodys(
    at: &JsonPath,
    config: &Config,
    (groups, tiers): (&Option<Vec<String>>, &Option<Vec<String>>),
    found: &mut Vec<ConfigError>,
) {
    let consumers = || config.consumers.iter().map(|(_, consumer)| consumer);
    // Tokens may bring any.
    let is_open = config.issuers.iter().any(|(_, issuer)| issuer.groups.is_some());
    for (index, group) in groups.iter().flatten().enumerate().filter(|_| !is_open) {
        if !consumers().any(|consumer| consumer.groups.contains(group)) {
            let message = format!("nobody is in the group `{group}`");
            let help = "give it to a consumer; or say in `groups` of an issuer which claim of its tokens has them";
            found.push(ConfigError::new(at.member("groups").index(index), message).with_help(help));
        }
    }
    for (index, tier) in tiers.iter().flatten().enumerate() {
        nobodys_tier(at.member("tiers").index(index), config, tier, found);
    }
}

/// Warns of a tier that no caller can have.
fn nobodys_tier(at: JsonPath, config: &Config, tier: &str, found: &mut Vec<ConfigError>) {
    if !config.consumers.iter().any(|(_, consumer)| consumer.tier.as_deref() == Some(tier)) {
        let message = format!("nobody has the tier `{tier}`");
        found.push(ConfigError::new(at, message).with_help("give it to a consumer"));
    }
}

/// Warns of `proof`, and of those that it is of.
fn stated(at: JsonPath, config: &Config, proof: &Proof, found: &mut Vec<ConfigError>) {
    let issuers = &config.issuers;
    if let Some(proof) = &proof.jwt {
        jwt(&at.member("jwt"), issuers, proof, found);
    }
    if let Some(proof) = &proof.introspect {
        let at = at.member("introspect");
        if proof.audiences.is_empty() {
            let message = "a token that its issuer has made for any other service is good here, too";
            let help = "name this service as the answers do in `aud`: `\"audiences\": [\"https://api.example.com\"]`; an issuer may also say of them only to this gateway that they are active";
            found.push(ConfigError::new(at.clone(), message).with_help(help));
        }
        in_query(&at, &proof.from, "take a header; or make its tokens last minutes at most", found);
    }
    if let Some(key) = &proof.api_key {
        in_query(
            &at.member("apiKey"),
            &key.from,
            "take a header: a key is good for as long as nobody revokes it",
            found,
        );
    }
    if let Some(proof) = &proof.login {
        login(&at.member("login"), config, proof, found);
    }
    if let Some(signature) = &proof.signature
        && !signature.components.is_empty()
        && !signature.components.iter().any(|component| component.starts_with("content-digest"))
    {
        let message = "content is not signed: whoever is on the way can change it";
        let help = "add `content-digest`, which requests without content need not have (RFC 9421 §7.2.8)";
        found.push(ConfigError::new(at.member("signature").member("components"), message).with_help(help));
    }
    if proof.certificate.is_some() && !forms::certificates_are_asked_for(config) {
        let message =
            "nobody can show a certificate: no listener asks for one, and no proxy is believed to tell of one";
        let help = "give a listener's `tls` its `clients`; or list `client-cert` in `network.trustedIdentity`";
        found.push(ConfigError::new(at.member("certificate"), message).with_help(help));
    }
    for (name, several) in [("any", &proof.any), ("all", &proof.all)] {
        for (index, one) in several.iter().flatten().enumerate() {
            stated(at.member(name).index(index), config, one, found);
        }
    }
}

/// Warns of sessions without an end, and of logins that nobody can use, or that others can read.
fn login(at: &JsonPath, config: &Config, login: &LoginProof, found: &mut Vec<ConfigError>) {
    if login.life.is_none() {
        let message = "a session that is used never ends, and a stolen one is used";
        found
            .push(ConfigError::new(at.clone(), message).with_help("say how long it lasts in all: `\"life\": \"12h\"`"));
    }
    if let (Some(path), None) = (&login.logout, &login.back_channel_logout) {
        let message = format!("a copy of a cookie is good after `{path}`, too: nothing is noted elsewhere");
        let help = "add `backChannelLogout`: then logouts are in the key-value store, and every instance goes by them";
        found.push(ConfigError::new(at.member("logout"), message).with_help(help));
    }
    if login.insecure == Some(true) {
        let message = "browsers send the cookies of these sessions in the clear, too";
        let help = "leave `insecure` out where it is not for development on `http://localhost`";
        found.push(ConfigError::new(at.member("insecure"), message).with_help(help));
    } else if config.server.listen.is_some() {
        unsafe_way(at, config, login, found);
    }
}

/// Shows each login in `proof`, with its place.
fn each_login(at: JsonPath, proof: &Proof, show: &mut dyn FnMut(JsonPath, &LoginProof)) {
    if let Some(login) = &proof.login {
        show(at.member("login"), login);
    }
    for (name, several) in [("any", &proof.any), ("all", &proof.all)] {
        for (index, one) in several.iter().flatten().enumerate() {
            each_login(at.member(name).index(index), one, show);
        }
    }
}

/// Warns of a login to which all ways can be read by others.
fn unsafe_way(at: &JsonPath, config: &Config, login: &LoginProof, found: &mut Vec<ConfigError>) {
    let server = &config.server;
    let has_own_tls = |one: &ListenAt| matches!(one, ListenAt::With(listener) if listener.tls.is_some());
    let has_tls = server.tls.is_some() || server.listen.iter().flat_map(Listen::list).any(has_own_tls);
    if login.insecure != Some(true) && !has_tls && config.network.trusted_proxies.is_empty() {
        let message =
            "nobody logs in but at `localhost`: no listener has TLS, and no proxy is trusted to say that it has";
        let help = "add `server.tls`, or list the proxy that ends TLS in `network.trustedProxies`";
        found.push(ConfigError::new(at.clone(), message).with_help(help));
    }
}

fn jwt(at: &JsonPath, issuers: &Entries<Issuer>, proof: &JwtProof, found: &mut Vec<ConfigError>) {
    // Who shares a secret with the gateway makes tokens for it alone.
    let is_shared = |issuer: &Issuer| {
        issuer.jwks.is_some() || issuer.discovery == Some(true) || issuer.keys.iter().any(|key| key.secret.is_none())
    };
    let mut named =
        issuers.iter().filter(|(name, _)| proof.issuers.is_empty() || proof.issuers.iter().any(|one| one == name));
    if proof.audiences.is_empty()
        && let Some((name, _)) = named.find(|(_, issuer)| is_shared(issuer))
    {
        let message = format!("a token that `{name}` has made for any other service is good here, too");
        let help = "name this service as its tokens do in `aud`: `\"audiences\": [\"https://api.example.com\"]` (RFC 8725 §3.9)";
        found.push(ConfigError::new(at.clone(), message).with_help(help));
    }
    let mut named =
        issuers.iter().filter(|(name, _)| proof.issuers.is_empty() || proof.issuers.iter().any(|one| one == name));
    if proof.resource.is_some() && named.all(|(_, issuer)| issuer.issuer.is_none()) {
        let message = "the metadata of this resource names nobody from whom clients get tokens";
        let help = "state the `issuer` of its issuers: it is their `authorization_servers` (RFC 9728 §2)";
        found.push(ConfigError::new(at.member("resource"), message).with_help(help));
    }
    in_query(at, &proof.from, "take a header; or make its tokens last minutes at most", found);
}

/// Warns of places in the URL among those of `from`.
fn in_query(at: &JsonPath, from: &[CredentialPlace], help: &str, found: &mut Vec<ConfigError>) {
    for (index, place) in from.iter().enumerate() {
        if let CredentialPlace::Query(name) = place {
            let at = at.member("from").index(index).member("query");
            let message = format!("`{name}` is in the URL, which browsers, proxies and logs keep (RFC 6750 §5.3)");
            found.push(ConfigError::new(at, message).with_help(help.to_owned()));
        }
    }
}
