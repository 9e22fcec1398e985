//! The members of a case file. Every member that is not known is refused.

use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;

use gateway_core::config::{Entries, Span};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::body::{Content, fields, text};
use crate::kept::Keep;
use crate::matchers::{BodyMatch, HeaderMatch, TextMatch};
use crate::services::Services;
use crate::signed::Signed;
use crate::tokens::{self, Signature, Token};

/// A whole case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// What its cases are about; the file's name without `.json`.
    pub topic: String,
    /// The configuration of every case that has none of its own.
    pub config: Option<Box<RawValue>>,
    /// What the configurations' `{"secret": "NAME"}` and `${NAME}` resolve to, unless a case says otherwise.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The tokens that its cases may send.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
    /// The signatures that its cases may send.
    #[serde(default)]
    pub signatures: BTreeMap<String, Signature>,
    /// The services that the gateway itself asks.
    #[serde(default)]
    pub services: Services,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case: requests and their answers, or a configuration that is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What it shows; unique in its file.
    pub name: String,
    /// Which standard or promise says so: `RFC 9110 §15.5.6`.
    pub cite: String,
    /// Its own configuration, instead of the file's.
    pub config: Option<Box<RawValue>>,
    /// What the configuration's `{"secret": "NAME"}` and `${NAME}` resolve to.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The tokens that it sends, beside those of its file.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
    /// The signatures that it sends, beside those of its file.
    #[serde(default)]
    pub signatures: BTreeMap<String, Signature>,
    /// The services that the gateway itself asks, beside those of its file.
    #[serde(default)]
    pub services: Services,
    /// Has the client keep cookies as a browser does, and send them again to the same authority, but where a step has its own.
    #[serde(default)]
    pub browser: bool,
    /// Requests, one after another.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Instead of steps: the configuration is refused with at least these messages.
    #[serde(default)]
    pub refused: Vec<Refusal>,
    /// Run it there alone. Empty: everywhere.
    #[serde(default)]
    pub only_on: Vec<Runtime>,
    /// Where it is not run, and why.
    #[serde(default)]
    pub skip: BTreeMap<Runtime, String>,
}

impl Case {
    /// The tokens that its requests have, by name.
    pub(crate) fn sent_tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        let names = self.steps.iter().flat_map(|step| tokens::named_in(&step.request));
        names.filter_map(|name| self.tokens.get(name).map(|token| (name, token)))
    }

    /// The signatures that its requests have, by name.
    pub(crate) fn sent_signatures(&self) -> impl Iterator<Item = (&str, &Signature)> {
        let names = self.steps.iter().flat_map(|step| tokens::signatures_in(&step.request));
        names.filter_map(|name| self.signatures.get(name).map(|signature| (name, signature)))
    }
}

/// What runs cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Runtime {
    /// The simulator.
    Sim,
    /// The native program, over HTTP/1.1.
    Native,
    /// The native program, over HTTP/2 and TLS.
    #[serde(rename = "native-h2")]
    NativeH2,
    /// The Worker on workerd.
    Workerd,
    /// The Spin component.
    Spin,
}

impl Runtime {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Sim, Self::Native, Self::NativeH2, Self::Workerd, Self::Spin];

    /// Its name in case files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Native => "native",
            Self::NativeH2 => "native-h2",
            Self::Workerd => "workerd",
            Self::Spin => "spin",
        }
    }

    /// The command that runs cases on it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Sim => "cargo test -p edgeway-sim --test corpus",
            Self::Native | Self::NativeH2 => "cargo test -p edgeway-runtime-tests --test native",
            Self::Workerd => "cargo test -p edgeway-runtime-tests --test workerd",
            Self::Spin => "cargo test -p edgeway-runtime-tests --test spin",
        }
    }

    /// Its name in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NativeH2 => "native over h2+tls",
            Self::Sim | Self::Native | Self::Workerd | Self::Spin => self.name(),
        }
    }
}

/// One message about a refused configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Where: `routes[3].match.path`; empty for the whole file.
    pub path: String,
    /// What the message says.
    #[serde(default)]
    pub message: Option<TextMatch>,
    /// What the help says.
    #[serde(default)]
    pub help: Option<TextMatch>,
}

/// One request and what comes of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How long after the step before.
    #[serde(default, deserialize_with = "span")]
    pub after: Option<Duration>,
    /// How many times in a row the step is done, each time with the same outcome.
    #[serde(default = "one")]
    pub times: usize,
    /// What the services answer from this step on, where that changes.
    #[serde(default)]
    pub services: Services,
    /// Whether nothing can be written to the key-value store meanwhile; in the simulator alone.
    #[serde(default)]
    pub unwritable: bool,
    /// What the client sends.
    pub request: Request,
    /// What the upstream does, if it is called.
    #[serde(default)]
    pub upstream: Reply,
    /// What it does with each further call for the same request; the last of them goes on.
    #[serde(default)]
    pub then: Vec<Reply>,
    /// What those at these authorities do, in place of all that.
    #[serde(default)]
    pub at: BTreeMap<String, Reply>,
    /// What has to come of it.
    pub expect: Expectation,
    /// Parts of the answer that later steps have as `${kept:NAME}`.
    #[serde(default)]
    pub keep: BTreeMap<String, Keep>,
}

/// What the client sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// An absolute URL: its authority is sent as `Host` (unless `headers` has one), the rest as the request target, byte for byte.
    #[serde(deserialize_with = "text")]
    pub url: String,
    /// The request target, where it is not the URL's: `*`.
    #[serde(default)]
    pub target: Option<String>,
    /// Header fields, in order, byte for byte.
    #[serde(default, deserialize_with = "fields")]
    pub headers: Vec<(String, String)>,
    /// The content.
    #[serde(default)]
    pub body: Option<Content>,
    /// The client's address. Default: `127.0.0.1`.
    #[serde(default)]
    pub from: Option<std::net::IpAddr>,
    /// What Cloudflare's edge says of the client: `request.cf`. Other platforms have none.
    #[serde(default)]
    pub cf: Option<Edge>,
    /// The version of HTTP that it is sent as.
    #[serde(default)]
    pub version: Version,
}

impl Request {
    /// The same, where its content [names places](Content::place).
    #[must_use]
    pub fn placed<'r>(mut request: Cow<'r, Self>, place: impl Fn(&str) -> (String, u16)) -> Cow<'r, Self> {
        if matches!(&request.body, Some(Content::Text(text)) if text.contains("%HOST(") || text.contains("%PORT("))
            && let Some(body) = &mut request.to_mut().body
        {
            body.place(place);
        }
        request
    }
}

/// What Cloudflare's edge says of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The code of its country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The number of its autonomous system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// What it says of the certificate that the client has shown.
    #[serde(default, rename = "tlsClientAuth", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<BTreeMap<String, String>>,
}

impl Edge {
    /// What it says of the certificate under this name; nothing if it does not.
    #[must_use]
    pub fn of_certificate(&self, name: &str) -> &str {
        self.certificate.as_ref().and_then(|said| said.get(name)).map_or("", String::as_str)
    }

    /// The end of the certificate's validity, which is `Dec 22 19:39:00 2018 GMT`, in seconds since 1970.
    #[must_use]
    pub fn expires(&self) -> Option<i64> {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let words: Vec<&str> = self.of_certificate("certNotAfter").split_whitespace().collect();
        let [month, day, time, year, "GMT"] = *words else { return None };
        let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
        let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
        let time = time.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<i64>().ok()?))?;
        // Of a year that begins in March, so that the day of a leap year is its last.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
        Some(days * 86_400 + time)
    }
}

/// A version of HTTP. Default: 1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Version {
    /// HTTP/1.0.
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "1.1")]
    Http11,
}

impl Version {
    /// As it is written in the first line of a message.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

impl Request {
    /// The URL's scheme, authority and the target to send.
    ///
    /// # Panics
    /// If the URL is not absolute; loading has checked that.
    #[must_use]
    pub fn parts(&self) -> (&str, &str, &str) {
        let (scheme, rest) = self.url.split_once("://").expect("an absolute URL");
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = if path.is_empty() { "/" } else { path };
        (scheme, authority, self.target.as_deref().unwrap_or(path))
    }
}

/// What an upstream does when it is called. Default: 200 with the content `ok`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The version of HTTP that it answers as.
    #[serde(default)]
    pub version: Version,
    /// Its status. Default: 200.
    #[serde(default)]
    pub status: Option<u16>,
    /// Its header fields, in order. Content-Length and Transfer-Encoding are added as the content needs them.
    #[serde(default, deserialize_with = "fields")]
    pub headers: Vec<(String, String)>,
    /// Its content. Default: `ok`, if there is no `status`; otherwise none.
    #[serde(default)]
    pub body: Option<Content>,
    /// How long it waits before it answers.
    #[serde(default, deserialize_with = "span")]
    pub delay: Option<Duration>,
    /// How long it waits in the middle of its content.
    #[serde(default, deserialize_with = "span")]
    pub pause: Option<Duration>,
    /// What it does instead.
    #[serde(default)]
    pub fail: Option<Fault>,
}

impl Reply {
    /// The same, where its content [names places](Content::place).
    #[must_use]
    pub fn placed(mut self, place: impl Fn(&str) -> (String, u16)) -> Self {
        if let Some(body) = &mut self.body {
            body.place(place);
        }
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(200)
    }

    /// Its content.
    #[must_use]
    pub fn content(&self) -> Content {
        match (&self.body, self.status) {
            (Some(body), _) => body.clone(),
            (None, None) => Content::Text("ok".to_owned()),
            (None, Some(_)) => Content::Text(String::new()),
        }
    }
}

/// What an upstream does instead of an answer. (One that refuses connections is written `http://refused.test`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// Resets the connection when it has read the request.
    Reset,
    /// Never answers.
    Hang,
    /// Answers what is not HTTP.
    Garbage,
    /// Closes the connection in the middle of its content.
    Cut,
}

/// What has to come of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status.
    pub status: u16,
    /// Header fields.
    #[serde(default)]
    pub headers: Entries<HeaderMatch>,
    /// The content.
    #[serde(default)]
    pub body: Option<BodyMatch>,
    /// What reached an upstream: `null` for nothing; left out, that is not looked at.
    #[serde(default)]
    pub upstream: ExpectedCalls,
    /// How many calls reached upstreams; `upstream` is then about the last one. Left out, one is looked at.
    #[serde(default)]
    pub calls: Option<usize>,
    /// How often each URL of a service was asked, for this request and behind its answer; in the simulator alone, since the others
    /// have several threads or processes with a memory of their own. Left out, that is not looked at.
    #[serde(default)]
    pub fetched: Option<BTreeMap<String, usize>>,
}

/// What has to reach an upstream.
#[derive(Debug, Default)]
pub enum ExpectedCalls {
    /// Anything.
    #[default]
    Any,
    /// Nothing.
    None,
    /// One request.
    One(Box<ExpectedCall>),
}

impl<'de> Deserialize<'de> for ExpectedCalls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<ExpectedCall>::deserialize(deserializer)?.map_or(Self::None, |call| Self::One(Box::new(call))))
    }
}

/// A request that has to reach an upstream.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCall {
    /// Which: the authority in the upstream's URL.
    #[serde(default)]
    pub to: Option<String>,
    /// The method.
    #[serde(default)]
    pub method: Option<String>,
    /// Path and query.
    #[serde(default)]
    pub path: Option<TextMatch>,
    /// Header fields.
    #[serde(default)]
    pub headers: Entries<HeaderMatch>,
    /// The content.
    #[serde(default)]
    pub body: Option<BodyMatch>,
    /// A signature that it has to have.
    #[serde(default)]
    pub signed: Option<Signed>,
}

const fn one() -> usize {
    1
}

fn get() -> String {
    "GET".to_owned()
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Span::deserialize(deserializer).map(|span| Some(span.0))
}
