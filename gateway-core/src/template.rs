//! Text with variables for parts of the request: `/internal/{path.id}`, `{header.x-tenant}`.
//!
//! `{{` and `}}` stand for braces, and `{'…'}` for the text in it. A value can't break out of its context. In a URL, parts of the request's URL keep
//! their encoding, and everything else is percent-encoded, so that no value adds a segment or a parameter. In text,
//! values are decoded; in JSON or HTML, they are escaped as well.

mod encode;

use core::fmt::Display;

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

pub(crate) use self::encode::write_text;
use self::encode::{header_text, write_known, write_url_part};
use crate::call::Call;
use crate::caller::Caller;
use crate::config::{THOROUGH, told};
use crate::http::certificate::Certificate;
use crate::http::cookie;
use crate::http::percent;
use crate::http::query;
use crate::net::Scheme;

/// Parsed text with variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Box<[Part]>,
}

/// A piece of parsed text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Part<V = Variable> {
    /// Text that stands for itself.
    Text(Box<str>),
    /// A variable.
    Variable(V),
}

/// A part of the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// A path parameter, by its index in the route's pattern; raw.
    PathParameter(usize),
    /// The first query parameter of this name; raw.
    Query(Box<str>),
    /// The first header field of this name.
    Header(HeaderName),
    /// The first cookie of this name.
    Cookie(Box<str>),
    /// The client's address.
    ClientAddress,
    /// The method.
    Method,
    /// The host that the client asked for, without port.
    Host,
    /// The port that the client asked for.
    Port,
    /// The normalised path.
    Path,
    /// `http` or `https`, as in the client's URL.
    Scheme,
    /// The request's identifier.
    RequestId,
    /// The version of the API that the request is for.
    ApiVersion,
    /// Nothing, which requests in the clear do not have. No text names it.
    Https,
    /// What is known of the caller.
    Caller(OfCaller),
    /// What is known of the client's certificate.
    Certificate(OfCertificate),
}

/// What is known of a client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfCertificate {
    /// The SHA-256 of its DER, in hexadecimal digits.
    Sha256,
    /// Its subject (RFC 4514).
    Subject,
    /// Its alternative names, as a list in JSON.
    San,
    /// Its serial number, in hexadecimal digits.
    Serial,
}

/// What is known of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OfCaller {
    /// A claim of the token, by its name or a JSON Pointer.
    Claim(Box<str>),
    /// The name of the consumer.
    Name,
    /// The tier of the consumer.
    Tier,
    /// The groups of the consumer and of the token, as a list in JSON.
    Groups,
    /// The consumer's metadata of this name.
    Metadata(Box<str>),
    /// The identifier of the credential.
    Credential,
}

/// The destination of a filled template, which decides the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A header value or text content: decoded.
    Text,
    /// Content in JSON, inside the quotes of a string: decoded, then escaped (RFC 8259 §7).
    Json,
    /// Content in HTML: decoded, then escaped for text and for quoted attributes (WHATWG HTML §13.3).
    Html,
    /// A path: values from outside the URL are encoded as data of a segment.
    Path,
    /// A URL: as [`Target::Path`], and after a `?` in the template's text as [`Target::Query`], but for that text.
    Location,
    /// A query value: values from outside the URL are encoded, and so are separators from the path.
    Query,
}

/// The variable that other programs call `name`.
fn other_name(name: &str) -> Option<String> {
    let group = |group: &str| match group {
        "headers" | "request.header" | "request.headers" => Some("header"),
        "cookies" | "request.cookie" | "request.cookies" => Some("cookie"),
        "params" | "param" | "request.params" => Some("path"),
        "request.query" | "args" => Some("query"),
        "claims" | "jwt.claims" | "jwt" | "token" | "caller.claims" => Some("claim"),
        "metadata" | "caller.metadata" => Some("consumer.metadata"),
        _ => None,
    };
    let of_group = name.rsplit_once('.').and_then(|(first, last)| Some(format!("{}.{last}", group(first)?)));
    let whole = match name {
        "ip" | "client" | "client.ip" | "client_ip" | "clientIp" | "remote_addr" | "remoteAddress" => "client.address",
        "host" | "hostname" => "request.host",
        "method" => "request.method",
        "uri" | "request.uri" | "request_uri" => "request.path",
        "scheme" | "proto" => "request.scheme",
        "request_id" | "requestId" => "request.id",
        "consumer" | "consumer.username" | "consumer.id" => "consumer.name",
        "subject" | "sub" | "user" => "claim.sub",
        "credential" => "credential.id",
        "certificate" | "certificate.fingerprint" | "client.certificate" => "certificate.sha256",
        _ => return of_group,
    };
    Some(whole.to_owned())
}

/// The reason why a template can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The message.
    pub message: String,
    /// The way to mend it.
    pub help: Option<String>,
}

impl TemplateError {
    pub(crate) fn new(message: impl Display, help: impl Display) -> Self {
        let help = Some(told(help)).filter(|help| !help.is_empty());
        Self { message: told(message), help }
    }
}

const VARIABLES: &str = "`path.NAME`, `query.NAME`, `header.NAME`, `cookie.NAME`, `client.address`, `request.method`, \
    `request.host`, `request.port`, `request.path`, `request.scheme`, `request.id`, `api.version`, and where callers are known \
    `claim.NAME`, `consumer.name`, `consumer.tier`, `consumer.groups`, `consumer.metadata.NAME`, `credential.id`, \
    and of the client's certificate `certificate.sha256`, `certificate.subject`, `certificate.san`, `certificate.serial`";

impl Template {
    /// A template without variables: `text`, with its braces as they are.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        if text.is_empty() { Self { parts: Box::default() } } else { Self { parts: [Part::Text(text.into())].into() } }
    }

    /// `text` as it is, without a value for requests in the clear.
    #[must_use]
    pub fn over_https(text: &str) -> Self {
        Self { parts: [Part::Variable(Variable::Https), Part::Text(text.into())].into() }
    }

    /// Parses `text`; `parameters` are the names in the route's path pattern, in order, or `None` if any name is
    /// allowed.
    ///
    /// # Errors
    /// A brace without partner, or a variable that does not exist (on this route).
    pub fn parse(text: &str, parameters: Option<&[&str]>) -> Result<Self, TemplateError> {
        if text.bytes().any(|byte| matches!(byte, b'{' | b'}')) {
            parts(text, |name| Variable::parse(name, parameters)).map(|parts| Self { parts: parts.into() })
        } else {
            Ok(Self::literal(text))
        }
    }

    /// The whole text, if it has no variable.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first variable.
    #[must_use]
    pub fn leading_text(&self) -> &str {
        match &*self.parts {
            [Part::Text(text), ..] => text,
            _ => "",
        }
    }

    /// The text with a plain value for every variable.
    #[must_use]
    pub fn sample(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Variable(Variable::Path) => "/x",
            Part::Variable(Variable::Scheme) => "http",
            Part::Variable(Variable::Port) => "80",
            Part::Variable(_) => "x",
        });
        parts.collect()
    }

    /// Returns whether it begins with `{request.scheme}://`.
    #[must_use]
    pub fn begins_with_scheme(&self) -> bool {
        matches!(&*self.parts, [Part::Variable(Variable::Scheme), Part::Text(text), ..] if text.starts_with("://"))
    }

    /// Returns whether no value can extend the authority of an absolute URL. The authority ends with a slash before any
    /// variable but the request's scheme, host and port, or a variable that begins with a slash follows it.
    #[must_use]
    pub fn has_closed_authority(&self) -> bool {
        let mut authority = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => authority.push_str(text),
                Part::Variable(Variable::Host) => authority.push('h'),
                Part::Variable(Variable::Scheme) => authority.push_str("http"),
                Part::Variable(Variable::Port) => authority.push_str("80"),
                Part::Variable(Variable::Path) => return true,
                Part::Variable(_) => {
                    let rest = authority.split_once("://").map_or("/", |(_, rest)| rest);
                    return rest.contains(['/', '?', '#']);
                }
            }
        }
        true
    }

    /// The names of the header fields that it reads.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(Variable::Header(name)) => Some(name),
            _ => None,
        })
    }

    /// Returns whether it has a variable.
    #[must_use]
    pub fn has_variables(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(_)))
    }

    /// Returns whether it says what differs from client to client for one URL.
    #[must_use]
    pub fn is_of_client(&self) -> bool {
        self.parts.iter().any(|part| {
            use Variable::{Caller, Certificate, ClientAddress, Cookie, Header};
            matches!(part, Part::Variable(Header(_) | Cookie(_) | ClientAddress | Caller(_) | Certificate(_)))
        })
    }

    /// Returns whether it says something of the caller.
    #[must_use]
    pub fn names_caller(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(Variable::Caller(_))))
    }

    /// What it says of the client's certificate.
    pub(crate) fn of_certificate(&self) -> impl Iterator<Item = OfCertificate> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(Variable::Certificate(part)) => Some(*part),
            _ => None,
        })
    }

    /// Returns whether it names a parameter of the route's path.
    #[must_use]
    pub fn has_path_parameters(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(Variable::PathParameter(_))))
    }

    /// The variables that have no value for `call`, as a configuration has them, where the path has parameters of these names.
    #[must_use]
    pub fn lacking(&self, call: &Call, parameters: &[&str]) -> Vec<String> {
        let lacks = |part: &Part| match part {
            Part::Variable(variable) if !variable.write(call, Target::Text, &mut String::new()) => {
                Some(["{", &variable.name(parameters), "}"].concat())
            }
            _ => None,
        };
        self.parts.iter().filter_map(lacks).collect()
    }

    /// Writes the filled template to `out`, without variables that have no value. Returns whether every variable had
    /// one.
    pub fn fill(&self, call: &Call, target: Target, out: &mut String) -> bool {
        let mut complete = true;
        let mut target = target;
        let is_location = target == Target::Location;
        for part in &self.parts {
            if let (true, Part::Text(text)) = (is_location, part) {
                out.push_str(text);
                if text.contains('?') {
                    target = Target::Query;
                }
                continue;
            }
            match part {
                Part::Text(text) if target == Target::Query => percent::encode_query_value(text, out),
                Part::Text(text) => out.push_str(text),
                Part::Variable(variable) => complete &= variable.write(call, target, out),
            }
        }
        complete
    }

    /// Writes the filled template to `out` as the end of a path, and says whether every variable had a value that leaves its segment one:
    /// neither empty, unless the path of the request is, nor of dots (RFC 3986 §5.2.4), together with whatever else is in it.
    pub fn fill_segments(&self, call: &Call, out: &mut String) -> bool {
        let mut complete = true;
        let mut begin = out.len();
        // Set if the segment at `begin` has a value, and if that may not be empty.
        let (mut is_filled, mut is_needed) = (false, false);
        for part in &self.parts {
            let written = out.len();
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(variable) => {
                    complete &= variable.write(call, Target::Path, out);
                    is_filled = true;
                    is_needed |= !matches!(variable, Variable::PathParameter(_) | Variable::Path);
                }
            }
            while let Some(slash) = out.get(begin.max(written)..).and_then(|new| new.find('/')) {
                let end = begin.max(written).saturating_add(slash);
                complete &= is_segment(out.get(begin..end).unwrap_or_default(), is_filled, is_needed);
                begin = end.saturating_add(1);
                // What follows in the same part is of the same kind.
                (is_filled, is_needed) = (matches!(part, Part::Variable(_)), false);
            }
        }
        complete && is_segment(out.get(begin..).unwrap_or_default(), is_filled, is_needed)
    }

    /// The filled template as a header value: `None` if a variable has no value, or the result is no valid one.
    #[must_use]
    pub fn header_value(&self, call: &Call) -> Option<HeaderValue> {
        if let [Part::Variable(Variable::Header(name))] = &*self.parts {
            return call.headers.get(name).cloned();
        }
        let mut text = String::new();
        if !self.fill(call, Target::Text, &mut text) {
            return None;
        }
        HeaderValue::try_from(text).ok()
    }
}

/// Returns whether `segment` is one, if it `is_filled` with values: not of dots, be they with a parameter or beside a slash that is data, and
/// not empty if one `is_needed`.
fn is_segment(segment: &str, is_filled: bool, is_needed: bool) -> bool {
    let are_dots = |name: &str| matches!(name.split(';').next(), Some("." | ".."));
    !(is_filled && segment.split("%2F").any(are_dots) || is_needed && segment.is_empty())
}

/// Splits `text` into its parts; `variable` reads a name between braces.
///
/// # Errors
/// A brace without partner, or a name that `variable` does not know.
#[inline(never)]
pub(crate) fn parts<V>(
    text: &str,
    mut variable: impl FnMut(&str) -> Result<V, TemplateError>,
) -> Result<Vec<Part<V>>, TemplateError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some((before, after)) = split_at_brace(rest) {
        literal.push_str(before.0);
        match (before.1, after.chars().next()) {
            (brace, Some(next)) if brace == next => {
                literal.push(brace);
                rest = after.get(1..).unwrap_or_default();
            }
            ('{', Some('\'')) => {
                let Some((text, following)) = after.get(1..).and_then(|quoted| quoted.split_once("'}")) else {
                    return Err(TemplateError::new(
                        "`{'` without `'}`",
                        "text that stands for itself is written `{'…'}`",
                    ));
                };
                literal.push_str(text);
                rest = following;
            }
            ('{', _) => {
                let Some((name, following)) = after.split_once('}') else {
                    return Err(TemplateError::new("`{` without `}`", "write `{{` for a literal brace"));
                };
                if !literal.is_empty() {
                    parts.push(Part::Text(core::mem::take(&mut literal).into()));
                }
                parts.push(Part::Variable(variable(name)?));
                rest = following;
            }
            _ => {
                return Err(TemplateError::new("`}` without `{`", "write `}}` for a literal brace"));
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal.into()));
    }
    Ok(parts)
}

/// Splits at the first brace: the text before it, the brace, and the text behind it.
fn split_at_brace(text: &str) -> Option<((&str, char), &str)> {
    let at = text.find(['{', '}'])?;
    let (before, from_brace) = text.split_at_checked(at)?;
    let brace = from_brace.chars().next()?;
    Some(((before, brace), from_brace.get(1..)?))
}

impl Variable {
    fn parse(name: &str, parameters: Option<&[&str]>) -> Result<Self, TemplateError> {
        match name {
            "client.address" => return Ok(Self::ClientAddress),
            "request.method" => return Ok(Self::Method),
            "request.host" => return Ok(Self::Host),
            "request.port" => return Ok(Self::Port),
            "request.path" => return Ok(Self::Path),
            "request.scheme" => return Ok(Self::Scheme),
            "request.id" => return Ok(Self::RequestId),
            "api.version" => return Ok(Self::ApiVersion),
            "consumer.name" => return Ok(Self::Caller(OfCaller::Name)),
            "consumer.tier" => return Ok(Self::Caller(OfCaller::Tier)),
            "consumer.groups" => return Ok(Self::Caller(OfCaller::Groups)),
            "credential.id" => return Ok(Self::Caller(OfCaller::Credential)),
            "certificate.sha256" => return Ok(Self::Certificate(OfCertificate::Sha256)),
            "certificate.subject" => return Ok(Self::Certificate(OfCertificate::Subject)),
            "certificate.san" => return Ok(Self::Certificate(OfCertificate::San)),
            "certificate.serial" => return Ok(Self::Certificate(OfCertificate::Serial)),
            _ => {}
        }
        match name.split_once('.') {
            Some(("path", parameter)) => {
                let Some(parameters) = parameters else { return Ok(Self::PathParameter(0)) };
                parameters.iter().position(|p| !p.is_empty() && *p == parameter).map(Self::PathParameter).ok_or_else(
                    || {
                        // Those without a name differ between a route's matches.
                        let mut named = parameters.iter().filter(|name| !name.is_empty()).peekable();
                        let help = if !THOROUGH {
                            String::new()
                        } else if named.peek().is_none() {
                            "the route's path has no parameters: they are `{NAME}` in `path` and `prefix`, and groups \
                             `(?<NAME>…)` in `regex`; `rewrite.prefix` keeps the rest after a `prefix`"
                                .to_owned()
                        } else {
                            let names: Vec<_> = named.map(|p| format!("`{{path.{p}}}`")).collect();
                            format!("the route's path has {}", names.join(", "))
                        };
                        TemplateError::new(format_args!("no path parameter `{parameter}`"), help)
                    },
                )
            }
            Some(("query", parameter)) if !parameter.is_empty() => Ok(Self::Query(parameter.into())),
            Some(("cookie", cookie)) if !cookie.is_empty() => Ok(Self::Cookie(cookie.into())),
            Some(("header", header)) => HeaderName::try_from(header)
                .map(Self::Header)
                .map_err(|_| TemplateError::new(format_args!("`{header}` is not a header name"), "")),
            // All that follows is the name, dots and all: claims have them (`https://example.com/tenant`).
            Some(("claim", claim)) if !claim.is_empty() => Ok(Self::Caller(OfCaller::Claim(claim.into()))),
            Some(("consumer", rest)) if rest.strip_prefix("metadata.").is_some_and(|key| !key.is_empty()) => {
                let key = rest.strip_prefix("metadata.").unwrap_or_default();
                Ok(Self::Caller(OfCaller::Metadata(key.into())))
            }
            Some(("secret" | "secrets", _)) => Err(TemplateError::new(
                format_args!("a text can't hold a part of a secret, as `{name}` would be"),
                "write `{\"secret\": \"NAME\"}` for the whole text; the secret itself has `Bearer` in it, too",
            )),
            _ if !THOROUGH => Err(TemplateError::new("", "")),
            _ => {
                let plain = name.trim_start_matches('*');
                let is_parameter = parameters.is_some_and(|p| p.contains(&plain));
                let other = if is_parameter { Some(format!("path.{plain}")) } else { other_name(name) };
                let help = match other {
                    Some(other) => format!("write `{{{other}}}`"),
                    None => format!("there are {VARIABLES}; write `{{{{` for a literal brace"),
                };
                Err(TemplateError::new(format_args!("unknown variable `{name}`"), help))
            }
        }
    }

    /// The name by which a configuration has it, where the path has parameters of these names.
    fn name(&self, parameters: &[&str]) -> Cow<'static, str> {
        let whole = match self {
            Self::PathParameter(index) => {
                return ["path.", parameters.get(*index).copied().unwrap_or_default()].concat().into();
            }
            Self::Query(name) => return ["query.", name].concat().into(),
            Self::Header(name) => return ["header.", name.as_str()].concat().into(),
            Self::Cookie(name) => return ["cookie.", name].concat().into(),
            Self::Caller(OfCaller::Claim(path)) => return ["claim.", path].concat().into(),
            Self::Caller(OfCaller::Metadata(key)) => return ["consumer.metadata.", key].concat().into(),
            Self::ClientAddress => "client.address",
            Self::Method => "request.method",
            Self::Host => "request.host",
            Self::Port => "request.port",
            Self::Path => "request.path",
            Self::Scheme | Self::Https => "request.scheme",
            Self::RequestId => "request.id",
            Self::ApiVersion => "api.version",
            Self::Caller(OfCaller::Name) => "consumer.name",
            Self::Caller(OfCaller::Tier) => "consumer.tier",
            Self::Caller(OfCaller::Groups) => "consumer.groups",
            Self::Caller(OfCaller::Credential) => "credential.id",
            Self::Certificate(OfCertificate::Sha256) => "certificate.sha256",
            Self::Certificate(OfCertificate::Subject) => "certificate.subject",
            Self::Certificate(OfCertificate::San) => "certificate.san",
            Self::Certificate(OfCertificate::Serial) => "certificate.serial",
        };
        Cow::Borrowed(whole)
    }

    fn write(&self, call: &Call, target: Target, out: &mut String) -> bool {
        match self {
            Self::PathParameter(index) => call.parameter(*index).is_some_and(|v| write_url_part(v, target, out)),
            Self::Query(name) => {
                call.query().and_then(|query| query::first(query, name)).is_some_and(|v| match target {
                    Target::Query => write_url_part(v, target, out),
                    _ => write_text(&percent::decode_form(v), target, out),
                })
            }
            Self::Header(name) => call
                .headers
                .get(name)
                .and_then(|v| header_text(v.as_bytes()))
                .is_some_and(|v| write_text(v, target, out)),
            Self::Cookie(name) => {
                cookie::first(&call.headers, name).and_then(header_text).is_some_and(|v| write_text(v, target, out))
            }
            Self::ClientAddress => {
                call.client_address().is_some_and(|address| write_text(&address.to_string(), target, out))
            }
            Self::Method => write_text(call.method.as_str(), target, out),
            // A URL would encode nothing in a host but the brackets of an IPv6 address, which stay.
            Self::Host => {
                let host = call.outer_host();
                if host.is_empty() {
                    return false;
                }
                let target = if matches!(target, Target::Path | Target::Location) { Target::Text } else { target };
                write_text(&host, target, out)
            }
            Self::Port => write_text(&call.outer_port().to_string(), target, out),
            Self::Path => match target {
                Target::Path | Target::Location | Target::Query => write_url_part(call.path(), target, out),
                // A path is kept encoded as a whole: decoded, its segments could not be told apart.
                Target::Text | Target::Json | Target::Html => write_text(call.path(), target, out),
            },
            Self::Scheme => write_text(call.client.scheme.as_str(), target, out),
            Self::ApiVersion => call.version.as_ref().is_some_and(|version| write_text(&version.name, target, out)),
            Self::Https => call.client.scheme == Scheme::Https,
            Self::RequestId => call.id.to_str().is_ok_and(|v| write_text(v, target, out)),
            Self::Caller(part) => call.caller.as_deref().is_some_and(|caller| part.write(caller, target, out)),
            Self::Certificate(part) => {
                call.certificate.as_deref().is_some_and(|certificate| part.write(certificate, target, out))
            }
        }
    }
}

impl OfCaller {
    /// Out of the way of the other variables.
    #[inline(never)]
    fn write(&self, caller: &Caller, target: Target, out: &mut String) -> bool {
        let consumer = caller.consumer.as_deref();
        let value = match self {
            Self::Claim(path) => caller.claims.as_deref().and_then(|claims| claims.value(path)),
            Self::Name => consumer.map(|consumer| Cow::Borrowed(&*consumer.name)),
            Self::Tier => caller.tier().map(Cow::Borrowed),
            Self::Groups => Some(Cow::Owned(Value::from_iter(caller.groups()).to_string())),
            Self::Metadata(key) => consumer.and_then(|consumer| consumer.said(key)).map(Cow::Borrowed),
            Self::Credential => caller.credential.as_deref().map(Cow::Borrowed),
        };
        write_known(value, target, out)
    }
}

impl OfCertificate {
    #[inline(never)]
    fn write(self, certificate: &Certificate, target: Target, out: &mut String) -> bool {
        let value = match self {
            Self::Sha256 => Some(Cow::Borrowed(&*certificate.sha256)),
            Self::Subject => certificate.subject.as_deref().map(Cow::Borrowed),
            Self::San if certificate.names.is_empty() => None,
            Self::San => Some(Cow::Owned(Value::from_iter(certificate.names.iter().map(|name| &**name)).to_string())),
            Self::Serial => certificate.serial.as_deref().map(Cow::Borrowed),
        };
        write_known(value, target, out)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use http::{HeaderMap, Method};

    use super::*;

    fn fill(text: &str, target: Target) -> (bool, String) {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static("a/b&c=d e"));
        headers.insert("cookie", HeaderValue::from_static("a=1; sid=xyz"));
        let uri = "/a%2Fb?q=1%262&page=3&x=%3Ca+href='b'%3E%22c%0A".parse().unwrap();
        let mut call = Call::new(Method::GET, uri, headers);
        call.id = HeaderValue::from_static("id-1");
        call.client.address = Some(IpAddr::from([192, 0, 2, 1]));
        let mut out = String::new();
        let complete = Template::parse(text, Some(&[])).unwrap().fill(&call, target, &mut out);
        (complete, out)
    }

    #[test]
    fn fills_variables() {
        assert_eq!(
            fill("{request.method} {client.address} {{{cookie.sid}}} {query.page}", Target::Text),
            (true, "GET 192.0.2.1 {xyz} 3".to_owned())
        );
    }

    /// Each variable is told by the name that it was read by.
    #[test]
    fn variables_without_a_value_are_named() {
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        call.id = HeaderValue::from_static("id-1");
        let absent = [
            "path.id",
            "query.q",
            "header.x-a",
            "cookie.c",
            "client.address",
            "request.host",
            "api.version",
            "consumer.name",
            "consumer.tier",
            "consumer.groups",
            "consumer.metadata.m",
            "credential.id",
            "claim.https://a.test/b",
            "certificate.sha256",
            "certificate.subject",
            "certificate.san",
            "certificate.serial",
        ];
        for name in absent.into_iter().chain(["request.method", "request.path", "request.scheme", "request.id"]) {
            let text = ["a{", name, "}"].concat();
            let template = Template::parse(&text, Some(&["other", "id"])).unwrap();
            let expected = if absent.contains(&name) { vec![["{", name, "}"].concat()] } else { Vec::new() };
            assert_eq!(template.lacking(&call, &["other", "id"]), expected);
        }
    }

    #[test]
    fn a_header_cannot_add_a_segment_or_a_parameter() {
        assert_eq!(fill("/t/{header.x-tenant}", Target::Path).1, "/t/a%2Fb&c=d%20e");
        assert_eq!(fill("{header.x-tenant}", Target::Query).1, "a%2Fb%26c%3Dd%20e");
        assert_eq!(fill("{query.q}", Target::Query).1, "1%262");
    }

    #[test]
    fn a_value_stays_a_value_in_json_and_html() {
        assert_eq!(fill("{query.x}", Target::Json).1, r#"<a href='b'>\"c\u000a"#);
        assert_eq!(fill("{query.x}", Target::Html).1, "&lt;a href=&#39;b&#39;&gt;&quot;c\n");
        assert_eq!(fill("{query.x}", Target::Text).1, "<a href='b'>\"c\n");
    }

    #[test]
    fn a_sample_has_plain_values() {
        let template = Template::parse("https://{request.host}{request.path}/{query.a}{{b}}", Some(&[])).unwrap();
        assert_eq!(template.sample(), "https://x/x/x{b}");
    }

    /// docs/configuration.md, Templates: a value that would empty or leave its segment is none.
    #[test]
    fn a_value_leaves_its_segment_one() {
        let filled = |text: &str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("v"), HeaderValue::from_static(value))]);
            let call = Call::new(Method::GET, "/".parse().unwrap(), headers);
            let mut out = "kv:".to_owned();
            Template::parse(text, Some(&[])).unwrap().fill_segments(&call, &mut out).then_some(out)
        };
        for text in ["{header.v}", "/{header.v}", "a/{header.v}", "a/{header.v}/b", "{header.v}/{header.v}"] {
            for value in ["", ".", "..", "..;a", "a/..", "./a"] {
                assert_eq!(filled(text, value), None, "{text} {value}");
            }
            assert!(filled(text, "...").is_some());
        }
        assert_eq!(filled("a/{header.v}{header.v}", "."), None, "two that neither is");
        assert_eq!(filled("a{header.v}", "").unwrap(), "kv:a");
        assert_eq!(filled("a/../{header.v}//", "b").unwrap(), "kv:a/../b//", "what its author wrote stands");
        assert_eq!(filled("{request.path}", "").unwrap(), "kv:/");
    }

    #[test]
    fn a_missing_value_is_told() {
        assert_eq!(fill("a{header.x-none}b", Target::Text), (false, "ab".to_owned()));
    }

    /// docs/configuration.md, Templates: text as it is, numbers, lists and objects as JSON; no value with a control character.
    #[test]
    fn what_is_known_of_a_caller_is_text() {
        let claims = serde_json::from_str(
            r#"{"sub": "a/b é", "n": 1.5, "yes": true, "none": null, "list": ["a", "b,\n"], "https://x/t.u": "dots",
            "nested": {"a/b": ["x"]}, "line": "a\nb", "nel": "a\u0085b", "empty": ""}"#,
        );
        let claims = crate::caller::claims::ClaimSet::new(Some(9), None, None, claims.unwrap());
        let consumer = crate::caller::consumer::Consumer {
            name: "acme".into(),
            groups: Box::new(["g\"h".into()]),
            metadata: [("plan.x".into(), "b2b".into()), ("bad".into(), "a\rb".into())].into(),
            ..Default::default()
        };
        let caller = Caller {
            consumer: Some(consumer.into()),
            claims: Some(claims.into()),
            groups: Box::new(["t".into()]),
            credential: Some("k1".into()),
            ..Caller::default()
        };
        let mut call = Call::new(Method::GET, "/".parse().unwrap(), HeaderMap::new());
        let mut filled = |caller: Option<Caller>, text: &str, target| {
            call.caller = caller.map(Into::into);
            let mut out = String::new();
            Template::parse(text, Some(&[])).unwrap().fill(&call, target, &mut out).then_some(out)
        };
        for (text, value) in [
            ("{claim.sub}", Some("a/b é")),
            ("{claim.n} {claim.yes} {claim.exp}", Some("1.5 true 9")),
            ("{claim.list}", Some(r#"["a","b,\n"]"#)),
            ("{claim.https://x/t.u}", Some("dots")),
            ("{claim./nested/a~1b/0}", Some("x")),
            ("{claim./nested}", Some(r#"{"a/b":["x"]}"#)),
            ("{claim.empty}", Some("")),
            ("{claim.none}", None),
            ("{claim.missing}", None),
            ("{claim.iat}", None),
            ("{claim.line}", None),
            ("{claim.nel}", None),
            ("{consumer.name} {consumer.groups} {credential.id}", Some(r#"acme ["g\"h","t"] k1"#)),
            ("{consumer.metadata.plan.x}", Some("b2b")),
            ("{consumer.metadata.bad}", None),
            ("{consumer.metadata.other}", None),
            ("{consumer.tier}", None),
        ] {
            assert_eq!(filled(Some(caller.clone()), text, Target::Text).as_deref(), value, "{text}");
            assert_eq!(filled(None, text, Target::Text), None, "{text}");
        }
        assert_eq!(filled(Some(caller), "/{claim.sub}", Target::Path).unwrap(), "/a%2Fb%20%C3%A9");
    }

    #[test]
    fn bad_templates_say_why() {
        for (text, message) in [
            ("{id", "`{` without `}`"),
            ("id}", "`}` without `{`"),
            ("{nope}", "unknown variable `nope`"),
            ("{path.x}", "no path parameter `x`"),
            ("{claims.sub}", "unknown variable `claims.sub`"),
            ("{claim.}", "unknown variable `claim.`"),
            ("{consumer.metadata.}", "unknown variable `consumer.metadata.`"),
        ] {
            assert_eq!(Template::parse(text, Some(&[])).unwrap_err().message, message, "{text}");
        }
    }
}
