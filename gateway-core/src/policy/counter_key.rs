//! Names of counter cells: the choice of requests that are counted together.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::PolicyError;
use super::expression::{Expression, Mistake};
use crate::call::Call;
use crate::caller::Caller;
use crate::config::CounterKey;
use crate::http::address::AddressText;
use crate::http::digits::write_hex;
use crate::http::{cookie, percent, query};
use crate::time::Clock;

const LONGEST_NAME: usize = 128;

/// The most keys that requests may have in common.
const MOST_KEYS: usize = 8;

/// The usual lengths of prefixes: an address, and the part of one that its holder has no choice of.
const IPV4: u8 = 32;
const IPV6: u8 = 64;

/// The requests that are counted together.
#[derive(Debug)]
pub enum KeySource {
    /// Those of one network of client addresses, by the lengths of its prefix in IPv4 and IPv6.
    Address(u8, u8),
    /// Those with one value of this field.
    Header(HeaderName),
    /// Those with one value of this cookie.
    Cookie(Box<str>),
    /// Those with one value of this query parameter.
    Query(Box<str>),
    /// Those with one value of the path parameter with this index.
    Parameter(usize),
    /// Those of one consumer.
    Consumer,
    /// Those of one credential.
    Credential,
    /// Those with one value of this claim.
    Claim(Box<str>),
    /// Those of one route.
    Route,
    /// Those for which this has one value.
    Expression(Box<Expression>),
    /// Those that have all of these in common.
    All(Box<[Self]>),
    /// All.
    Everyone,
}

/// The limit and the terms whose cell is looked for.
#[derive(Clone, Copy, Debug)]
pub struct CellOf<'n> {
    /// The beginning of the name, which tells the kind of cell.
    pub prefix: &'static str,
    /// The name of the limit.
    pub name: &'n str,
    /// The tier that has terms of its own.
    pub tier: Option<&'n str>,
}

impl KeySource {
    /// Checks and compiles `key` for a route whose path has these `parameters`; any, if it is not known.
    ///
    /// # Errors
    /// The mistake in it.
    pub fn compile(key: Option<&CounterKey>, parameters: Option<&[&str]>) -> Result<Self, PolicyError> {
        let named = |name: &str, of: fn(Box<str>) -> Self, help| match name {
            "" => Err(PolicyError::new("key", "the key needs a name", help)),
            name => Ok(of(name.into())),
        };
        match key.unwrap_or(&CounterKey::ClientAddress) {
            CounterKey::ClientAddress => Ok(Self::Address(IPV4, IPV6)),
            CounterKey::Address(prefixes) => {
                let (ipv4, ipv6) = (prefixes.ipv4.unwrap_or(IPV4), prefixes.ipv6.unwrap_or(IPV6));
                if !(1..=32).contains(&ipv4) || !(1..=128).contains(&ipv6) {
                    let help = "use 1 to 32 for `ipv4`, and 1 to 128 for `ipv6`";
                    return Err(PolicyError::new("key.address", "no address has a prefix of this length", help));
                }
                Ok(Self::Address(ipv4, ipv6))
            }
            CounterKey::Everyone => Ok(Self::Everyone),
            CounterKey::Consumer => Ok(Self::Consumer),
            CounterKey::Credential => Ok(Self::Credential),
            CounterKey::Route => Ok(Self::Route),
            CounterKey::Claim(claim) if claim.is_empty() => {
                Err(PolicyError::new("key", "a claim needs a name", "for example `{\"claim\": \"tenant\"}`"))
            }
            CounterKey::Claim(claim) => Ok(Self::Claim(claim.as_str().into())),
            CounterKey::Header(header) => HeaderName::from_bytes(header.as_bytes()).map(Self::Header).map_err(|_| {
                PolicyError::new("key", format_args!("`{header}` is no header name"), "use letters, digits and `-`")
            }),
            CounterKey::Cookie(name) => named(name, Self::Cookie, "for example `{\"cookie\": \"device\"}`"),
            CounterKey::Query(name) => named(name, Self::Query, "for example `{\"query\": \"tenant\"}`"),
            CounterKey::Param(name) => {
                let index = match parameters {
                    None => Some(0),
                    Some(known) => known.iter().position(|known| known == name),
                };
                index.map(Self::Parameter).ok_or_else(|| {
                    let help = "name a parameter of the route's `path`, such as `id` of `/users/{id}`";
                    PolicyError::new("key", format_args!("the path has no parameter `{name}`"), help)
                })
            }
            CounterKey::Expression(text) => match Expression::compile_scalar(text, parameters) {
                Ok(expression) => Ok(Self::Expression(Box::new(expression))),
                Err(Mistake { at, message, help }) => {
                    let before = text.get(..at).unwrap_or(text).chars().count();
                    Err(PolicyError::new(
                        "key.expression",
                        format_args!("at character {}: {message}", before + 1),
                        help,
                    ))
                }
            },
            CounterKey::All(keys) => {
                if !(2..=MOST_KEYS).contains(&keys.len()) {
                    let help = "list two to eight keys; a single one stands for itself";
                    return Err(PolicyError::new("key.all", "there is nothing to have in common, or too much", help));
                }
                let each = keys.iter().enumerate().map(|(index, key)| match key {
                    CounterKey::All(_) => {
                        let help = "list all of the keys in one `all`";
                        Err(PolicyError::entry("key.all", index, "`all` can't be within `all`", help))
                    }
                    key => Self::compile(Some(key), parameters).map_err(|mistake| PolicyError {
                        member: "key.all",
                        index: Some(index),
                        ..mistake
                    }),
                });
                each.collect::<Result<_, _>>().map(Self::All)
            }
        }
    }

    /// This, or the keys that it is of.
    pub fn each(&self) -> &[Self] {
        match self {
            Self::All(keys) => keys,
            one => core::slice::from_ref(one),
        }
    }

    /// Returns whether it depends on the route's path parameters.
    #[must_use]
    pub fn is_bound_to_path(&self) -> bool {
        self.each().iter().any(|key| match key {
            Self::Parameter(_) => true,
            Self::Expression(expression) => expression.has_parameters(),
            _ => false,
        })
    }

    /// Returns whether it depends on who makes the request.
    #[must_use]
    pub fn asks_caller(&self) -> bool {
        self.each().iter().any(|key| match key {
            Self::Consumer | Self::Credential | Self::Claim(_) => true,
            Self::Expression(expression) => expression.asks_caller(),
            _ => false,
        })
    }

    /// A few words for a list of policies, where the route's path has these `parameters`: `header x-api-key`.
    #[must_use]
    pub fn describe(&self, parameters: &[&str]) -> String {
        let each = self.each().iter().map(|key| match key {
            Self::Address(IPV4, IPV6) => "client address".to_owned(),
            Self::Address(ipv4, ipv6) => format!("client network /{ipv4} or /{ipv6}"),
            Self::Header(name) => format!("header {name}"),
            Self::Cookie(name) => format!("cookie {name}"),
            Self::Query(name) => format!("query {name}"),
            Self::Parameter(index) => format!("param {}", parameters.get(*index).unwrap_or(&"?")),
            Self::Consumer => "consumer".to_owned(),
            Self::Credential => "credential".to_owned(),
            Self::Claim(name) => format!("claim {name}"),
            Self::Route => "route".to_owned(),
            Self::Expression(expression) => expression.as_str().to_owned(),
            Self::Everyone | Self::All(_) => "everyone together".to_owned(),
        });
        each.collect::<Vec<_>>().join(" and ")
    }

    /// The name of the cell that counts `call` on `route`: the prefix, the name, a colon, and the key. Keys of several have commas
    /// between; of a tier there is a quotation mark, which no name has, between it and the name.
    ///
    /// What a request states enters as a hash, the first 128 bits of its SHA-256: it may be a credential, which must not
    /// show in a store's names, and it may be long. Collisions can't be chosen, so nobody can use up another's quota.
    /// Clients without an address share a cell, and so do requests without the value. What a caller is known by enters as a hash,
    /// too, which the issuer is part of: who is `1` to one is somebody else to another (RFC 7519 §4.1.2).
    #[must_use]
    pub fn cell(&self, of: CellOf<'_>, call: &Call, route: &str, clock: &impl Clock) -> String {
        let CellOf { prefix, name, tier } = of;
        let mut cell = String::with_capacity(prefix.len() + name.len() + 33);
        cell.push_str(prefix);
        // A colon ends the name: one that has some stands between quotation marks, which no name has.
        let quote = if name.contains(':') { "\"" } else { "" };
        for part in [quote, name, quote] {
            cell.push_str(part);
        }
        if let Some(tier) = tier {
            cell.push('"');
            cell.push_str(tier);
            cell.push('"');
        }
        let mut between = ':';
        for key in self.each() {
            cell.push(between);
            key.push(&mut cell, call, route, clock);
            between = ',';
        }
        cell
    }

    fn push(&self, cell: &mut String, call: &Call, route: &str, clock: &impl Clock) {
        let client = call.client_address();
        match self {
            Self::Everyone | Self::All(_) => cell.push('*'),
            Self::Route if route.contains([',', ':', '"']) => push_hash(cell, [route.as_bytes()].into_iter(), b""),
            Self::Route => cell.push_str(route),
            Self::Address(ipv4, ipv6) => push_address(cell, client, *ipv4, *ipv6),
            Self::Header(name) => {
                let values = call.headers.get_all(name).iter().map(HeaderValue::as_bytes);
                // Several lines are one list (RFC 9110 §5.3).
                push_hash(cell, values, b",");
            }
            Self::Cookie(name) => push_hash(cell, cookie::first(&call.headers, name).into_iter(), b""),
            Self::Query(name) => {
                let value = call.query().and_then(|query| query::first(query, name)).map(percent::decode_form);
                push_hash(cell, value.iter().map(|value| value.as_bytes()), b"");
            }
            Self::Parameter(index) => {
                let value = call.parameter(*index).map(percent::decode);
                push_hash(cell, value.iter().map(|value| value.as_bytes()), b"");
            }
            Self::Expression(expression) => {
                let value = expression.text(call, clock.now());
                push_hash(cell, value.iter().map(|value| value.as_bytes()), b"");
            }
            Self::Consumer | Self::Credential | Self::Claim(_) => self.push_caller(cell, call),
        }
    }

    /// Writes what tells who makes `call` from others, for a key by the caller.
    pub(super) fn push_caller(&self, text: &mut String, call: &Call) {
        match call.caller.as_deref().and_then(|caller| self.known_by(caller)) {
            Some(parts) => push_hash(text, parts.iter().map(|part| part.as_bytes()), b"\0"),
            None => {
                text.push_str("anon:");
                push_address(text, call.client_address(), IPV4, IPV6);
            }
        }
    }

    /// What `caller` is counted by: the kind, the issuer and the value. None if nobody has proved anything: whoever states nothing shares no
    /// quota with others who do the same.
    fn known_by<'c>(&self, caller: &'c Caller) -> Option<[Cow<'c, str>; 3]> {
        if caller.is_anonymous() {
            return None;
        }
        let of = |kind: &'static str, issuer: &'c str, value| [Cow::Borrowed(kind), Cow::Borrowed(issuer), value];
        let issuer = caller.issuer.as_deref().unwrap_or_default();
        let own = match self {
            Self::Consumer => caller.consumer.as_ref().map(|known| of("consumer", "", Cow::Borrowed(&*known.name))),
            Self::Claim(path) => {
                caller.claims.as_ref().and_then(|claims| claims.value(path)).map(|value| of("claim", issuer, value))
            }
            _ => None,
        };
        let credential = caller.credential.as_deref().or_else(|| caller.subject());
        // The identifiers of keys are of their consumer alone.
        let (kind, whose) = match (&caller.claims, &caller.consumer) {
            (None, Some(consumer)) => ("key", &*consumer.name),
            _ => ("credential", issuer),
        };
        own.or_else(|| credential.map(|value| of(kind, whose, Cow::Borrowed(value))))
    }
}

/// Returns the mistake in the name of a limit, if any: names are sent in fields and problems, and are part of cells'
/// names.
pub(super) fn check_name(name: &str) -> Option<PolicyError> {
    let sound = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_name_byte);
    (!sound).then(|| {
        PolicyError::new(
            "name",
            format_args!("`{name}` can't be the name of a limit"),
            "use 1 to 128 printable ASCII characters without quotes and backslashes",
        )
    })
}

/// Returns whether a structured field's string holds `byte` without an escape, as printable ASCII (RFC 9651 §3.3.3).
const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn push_address(cell: &mut String, client: Option<IpAddr>, ipv4: u8, ipv6: u8) {
    match client.map(|address| address.to_canonical()) {
        None => cell.push_str("unknown"),
        Some(address @ IpAddr::V4(_)) if ipv4 == IPV4 => cell.push_str(AddressText::of(address).as_str()),
        Some(IpAddr::V4(address)) => {
            let network = u32::from(address) & u32::MAX.checked_shl(32 - u32::from(ipv4)).unwrap_or_default();
            cell.push_str(AddressText::of(Ipv4Addr::from(network).into()).as_str());
            push_length(cell, ipv4);
        }
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) & u128::MAX.checked_shl(128 - u32::from(ipv6)).unwrap_or_default();
            push_hex(cell, (network >> 64) as u64);
            if ipv6 > 64 {
                push_hex(cell, network as u64);
            }
            push_length(cell, ipv6);
        }
    }
}

fn push_length(cell: &mut String, length: u8) {
    cell.push('/');
    cell.push_str(itoa::Buffer::new().format(length));
}

/// Writes the first 128 bits of the SHA-256 of `parts`, with `between` them; `none` if there are none.
fn push_hash<'p>(cell: &mut String, parts: impl Iterator<Item = &'p [u8]>, between: &[u8]) {
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        cell.push_str("none");
        return;
    }
    let mut hash = Sha256::new();
    for (i, part) in parts.enumerate() {
        if i > 0 {
            hash.update(between);
        }
        hash.update(part);
    }
    for word in hash.finalize().chunks_exact(8).take(2) {
        push_hex(cell, word.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
}

fn push_hex(cell: &mut String, value: u64) {
    let mut text = [0; 16];
    write_hex(value, &mut text);
    cell.push_str(core::str::from_utf8(&text).unwrap_or_default());
}

#[cfg(test)]
pub(super) use self::tests::Still;

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::sync::Arc;

    use http::{HeaderMap, Method};

    use super::*;
    use crate::caller::claims::ClaimSet;
    use crate::caller::consumer::Consumer;
    use crate::config::AddressPrefixes;
    use crate::http::testing::fields;
    use crate::time::Timestamp;

    /// A clock that stands still.
    pub(crate) struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_millis(1_800_000_000_000)
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, _: Duration) {}
    }

    const API: CellOf<'_> = CellOf { prefix: "rl:", name: "api", tier: None };

    fn call(uri: &str, client: Option<&str>, headers: HeaderMap) -> Call {
        let mut call = Call::new(Method::GET, uri.parse().unwrap(), headers);
        call.client.address = client.map(|address| address.parse().unwrap());
        call
    }

    fn cell(key: &KeySource, call: &Call) -> String {
        key.cell(API, call, "r", &Still)
    }

    fn compiled(json: &str) -> KeySource {
        KeySource::compile(Some(&serde_json::from_str(json).unwrap()), Some(&["id"])).unwrap()
    }

    #[test]
    fn addresses_make_cells() {
        let key = KeySource::compile(None, None).unwrap();
        for (address, cell) in [
            ("203.0.113.7", "rl:api:203.0.113.7"),
            ("::ffff:203.0.113.7", "rl:api:203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "rl:api:20010db800010002/64"),
            ("2001:db8:1:2:ffff::", "rl:api:20010db800010002/64"),
        ] {
            assert_eq!(self::cell(&key, &call("/", Some(address), HeaderMap::new())), cell);
        }
        assert_eq!(cell(&key, &call("/", None, HeaderMap::new())), "rl:api:unknown");
    }

    /// docs/configuration.md, Policies: a network, by the length of its prefix.
    #[test]
    fn networks_make_cells() {
        let of = |ipv4: u8, ipv6: u8, address: &str| {
            let prefixes = AddressPrefixes { ipv4: Some(ipv4), ipv6: Some(ipv6) };
            let key = KeySource::compile(Some(&CounterKey::Address(prefixes)), None).unwrap();
            cell(&key, &call("/", Some(address), HeaderMap::new())).split_off("rl:api:".len())
        };
        assert_eq!(of(24, 56, "203.0.113.7"), "203.0.113.0/24");
        assert_eq!(of(1, 56, "203.0.113.7"), "128.0.0.0/1");
        assert_eq!(of(32, 56, "203.0.113.7"), "203.0.113.7");
        assert_eq!(of(24, 56, "2001:db8:1:2ff:3::"), "20010db800010200/56");
        assert_eq!(of(24, 128, "2001:db8::1"), "20010db8000000000000000000000001/128");
        assert_eq!(of(24, 1, "8001::"), "8000000000000000/1");
        for (ipv4, ipv6) in [(0, 64), (33, 64), (24, 0), (24, 129)] {
            let prefixes = AddressPrefixes { ipv4: Some(ipv4), ipv6: Some(ipv6) };
            assert!(KeySource::compile(Some(&CounterKey::Address(prefixes)), None).is_err());
        }
    }

    /// docs/configuration.md, Policies: what a request states enters as a hash, by what it means.
    #[test]
    fn what_a_request_states_makes_cells() {
        let hash = "ba7816bf8f01cfea414140de5dae2223";
        let cookies = || fields(&[("cookie", "a=1; device=abc")]);
        for (key, with, without) in [
            (r#"{"cookie": "device"}"#, call("/", None, cookies()), call("/", None, fields(&[("cookie", "a=1")]))),
            (
                r#"{"query": "tenant"}"#,
                call("/?a&tenant=a%62c&tenant=2", None, HeaderMap::new()),
                call("/?a", None, HeaderMap::new()),
            ),
            (
                r#"{"expression": "request.query.tenant"}"#,
                call("/?tenant=abc", None, HeaderMap::new()),
                call("/?tenant=abc&tenant=2", None, HeaderMap::new()),
            ),
        ] {
            assert_eq!(cell(&compiled(key), &with), format!("rl:api:{hash}"), "{key}");
            assert_eq!(cell(&compiled(key), &without), "rl:api:none", "{key}");
        }
        let plain = call("/", None, HeaderMap::new());
        // SHA-256 of `true`, and of `6`.
        let truth = compiled(r#"{"expression": "request.method == 'GET'"}"#);
        assert_eq!(cell(&truth, &plain), "rl:api:b5bea41b6c623f7c09f1bf24dcae58eb");
        let number = compiled(r#"{"expression": "size(request.host) + 6"}"#);
        assert_eq!(cell(&number, &plain), "rl:api:e7f6c011776e8db7cd330b54174fd76f");
        assert_eq!(cell(&compiled("\"route\""), &plain), "rl:api:r");
        let both = compiled(r#"{"all": ["route", "everyone", {"header": "x-a"}]}"#);
        assert_eq!(cell(&both, &plain), "rl:api:r,*,none");
        let gold = CellOf { tier: Some("gold"), ..API };
        assert_eq!(both.cell(gold, &plain, "s", &Still), "rl:api\"gold\":s,*,none");
    }

    #[test]
    fn mistakes_are_found() {
        for (key, member, index) in [
            (r#"{"header": "not a name"}"#, "key", None),
            (r#"{"cookie": ""}"#, "key", None),
            (r#"{"query": ""}"#, "key", None),
            (r#"{"claim": ""}"#, "key", None),
            (r#"{"param": "name"}"#, "key", None),
            (r#"{"expression": "request.headers"}"#, "key.expression", None),
            (r#"{"expression": "params.name"}"#, "key.expression", None),
            (r#"{"all": ["route"]}"#, "key.all", None),
            (r#"{"all": ["route", {"all": ["route", "everyone"]}]}"#, "key.all", Some(1)),
            (r#"{"all": ["route", {"param": "name"}]}"#, "key.all", Some(1)),
        ] {
            let key = serde_json::from_str(key).unwrap();
            let mistake = KeySource::compile(Some(&key), Some(&["id"])).unwrap_err();
            assert_eq!((mistake.member, mistake.index), (member, index), "{key:?}");
        }
        assert!(compiled(r#"{"param": "id"}"#).is_bound_to_path());
        assert!(compiled(r#"{"all": ["route", {"expression": "params.id"}]}"#).is_bound_to_path());
        assert!(!compiled(r#"{"all": ["route", "consumer"]}"#).is_bound_to_path());
        assert!(compiled(r#"{"all": ["route", "consumer"]}"#).asks_caller());
        assert!(compiled(r#"{"expression": "has(claims.a)"}"#).asks_caller());
        assert!(!compiled(r#"{"expression": "request.path"}"#).asks_caller());
    }

    /// FIPS 180-4: SHA-256 of `abc` begins with ba7816bf…
    #[test]
    fn header_values_make_cells_without_showing() {
        let key = compiled(r#"{"header": "X-Api-Key"}"#);
        let cell = |list: &[(&str, &str)]| cell(&key, &call("/", None, fields(list)));
        assert_eq!(cell(&[("x-api-key", "abc")]), "rl:api:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(cell(&[("x-api-key", "a"), ("x-api-key", "b")]), cell(&[("x-api-key", "a,b")]));
        assert_eq!(cell(&[("x-api-key", &"x".repeat(100_000))]).len(), "rl:api:".len() + 32);
        assert_eq!(cell(&[("other", "abc")]), "rl:api:none");
    }

    #[test]
    fn everyone_shares_one_cell() {
        let key = KeySource::Everyone;
        assert_eq!(cell(&key, &call("/", Some("203.0.113.7"), HeaderMap::new())), "rl:api:*");
    }

    /// docs/configuration.md, Policies: by consumer, credential or claim; each falls back to what else tells a caller from others.
    #[test]
    fn callers_are_counted_by_what_they_have_proved() {
        let caller = |issuer: &str, sub: &str, consumer: Option<&str>| {
            let claims = serde_json::from_str(&format!(r#"{{"sub": "{sub}", "tenant": 7}}"#)).unwrap();
            let known = consumer.map(|name| Consumer { name: name.into(), ..Consumer::default() });
            Caller {
                consumer: known.map(Into::into),
                issuer: Some(issuer.into()),
                claims: Some(ClaimSet::new(None, None, None, claims).into()),
                credential: Some(sub.into()),
                ..Caller::default()
            }
        };
        let cell = |key: &KeySource, caller: Option<&Caller>| {
            let mut call = call("/", Some("203.0.113.7"), HeaderMap::new());
            call.caller = caller.cloned().map(Arc::new);
            cell(key, &call)
        };
        let [consumer, credential] = [KeySource::Consumer, KeySource::Credential];
        let [tenant, other] = ["tenant", "other"].map(|claim| KeySource::Claim(claim.into()));
        let (a, b, c) = (caller("i", "a", Some("x")), caller("i", "b", Some("x")), caller("j", "a", None));
        assert_eq!(cell(&consumer, Some(&a)), cell(&consumer, Some(&b)));
        assert_ne!(cell(&credential, Some(&a)), cell(&credential, Some(&b)));
        assert_ne!(cell(&credential, Some(&a)), cell(&credential, Some(&c)), "`sub` is of its issuer");
        assert_eq!(cell(&tenant, Some(&a)), cell(&tenant, Some(&b)));
        assert_ne!(cell(&tenant, Some(&a)), cell(&tenant, Some(&c)), "a claim is of its issuer");
        for without in [&consumer, &other] {
            assert_eq!(cell(without, Some(&c)), cell(&credential, Some(&c)));
        }
        let of_key = |consumer: &str| Caller { claims: None, issuer: None, ..caller("", "1", Some(consumer)) };
        assert_ne!(
            cell(&credential, Some(&of_key("x"))),
            cell(&credential, Some(&of_key("y"))),
            "a key's name is its consumer's"
        );
        let known = Some(Consumer { name: "guest".into(), ..Consumer::default() }.into());
        let nobody = Caller { consumer: known, ..Caller::default() };
        for key in [&consumer, &credential, &tenant] {
            assert_eq!(cell(key, Some(&nobody)), "rl:api:anon:203.0.113.7");
            assert_eq!(cell(key, None), "rl:api:anon:203.0.113.7");
            let cell = cell(key, Some(&a));
            assert_eq!(cell.len(), "rl:api:".len() + 32, "{cell}");
        }
    }
}
