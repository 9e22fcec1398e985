//! HTTP message signatures of requests (RFC 9421): what a request states of them, and what is signed.

use core::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use http::{HeaderMap, HeaderName, Method};

use super::structured::{Bare, Item, Member, Parameters, dictionary, item, write_dictionary};
use super::{percent, query};

/// `Signature-Input` (§4.1).
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// `Signature` (§4.2).
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The longest of the fields, in all its lines, and the most signatures of a request.
const MOST_BYTES: usize = 8_192;
const MOST_SIGNATURES: usize = 8;
/// The most components of a signature.
const MOST_COMPONENTS: usize = 32;

/// Fields that are known to be dictionaries: those that `sf` can be said of (§2.1.1).
const DICTIONARIES: [&str; 6] =
    ["content-digest", "priority", "repr-digest", "signature", "signature-input", "want-content-digest"];

/// A part of a request that is signed (§2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its name: `@method`, or that of a field.
    name: String,
    /// The rest of its identifier.
    parameters: Parameters,
    /// Its identifier in its one form: `"@query-param";name="id"`.
    pub identifier: String,
}

/// A signature as a request states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The name that it has in this request.
    pub label: String,
    /// What it covers, in order.
    pub components: Vec<Component>,
    /// `created`, in seconds since 1970.
    pub created: Option<i64>,
    /// `expires`, in seconds since 1970.
    pub expires: Option<i64>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `alg`.
    pub algorithm: Option<String>,
    /// `keyid`.
    pub key: Option<String>,
    /// `tag`.
    pub tag: Option<String>,
    /// The signature itself.
    pub signature: Vec<u8>,
    /// The value of `@signature-params` (§2.3).
    parameters: String,
}

/// The parts of a request that the derived components are of (§2.2), as its client asked for them.
#[derive(Clone, Debug)]
pub struct Parts<'r> {
    /// The method.
    pub method: &'r Method,
    /// The scheme, in small letters.
    pub scheme: &'r str,
    /// The host and the port, in small letters, without the port that is usual for the scheme.
    pub authority: String,
    /// The path, with its escapes.
    pub path: String,
    /// The query, without its `?`.
    pub query: Option<&'r str>,
}

/// A reason for which a signature is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It, or what is stated with it, can't be read.
    Malformed,
    /// It covers what a request has not, or what is not supported.
    Unsupported,
    /// It covers what this request has not.
    Missing,
}

/// The signatures that `headers` state, in their order; none if there are none.
///
/// # Errors
/// [`Fault::Malformed`], whichever of them it is about.
pub fn stated(headers: &HeaderMap) -> Result<Vec<Stated>, Fault> {
    if !headers.contains_key(SIGNATURE_INPUT) && !headers.contains_key(SIGNATURE) {
        return Ok(Vec::new());
    }
    let read = |name| combined(headers, name).and_then(|text| dictionary(&text)).ok_or(Fault::Malformed);
    let (inputs, signatures) = (read(&SIGNATURE_INPUT)?, read(&SIGNATURE)?);
    // §4.1, §4.2: each is in both.
    if inputs.is_empty() || inputs.len() > MOST_SIGNATURES || inputs.len() != signatures.len() {
        return Err(Fault::Malformed);
    }
    let mut all = Vec::new();
    for (label, input) in inputs {
        let signature = signatures.iter().find(|(known, _)| *known == label).map(|(_, member)| member);
        let Some(Member::Item(Item { bare: Bare::Bytes(signature), .. })) = signature else {
            return Err(Fault::Malformed);
        };
        all.push(Stated::read(label, input, signature.clone()).ok_or(Fault::Malformed)?);
    }
    Ok(all)
}

impl Stated {
    fn read(label: String, input: Member, signature: Vec<u8>) -> Option<Self> {
        let mut parameters = String::new();
        input.write(&mut parameters);
        let Member::List(items, list) = input else { return None };
        if items.len() > MOST_COMPONENTS {
            return None;
        }
        let mut components: Vec<Component> = Vec::new();
        for item in items {
            let component = Component::of(item)?;
            // §2: each at most once.
            if components.iter().any(|known| known.identifier == component.identifier) {
                return None;
            }
            components.push(component);
        }
        let mut stated = Self {
            label,
            components,
            created: None,
            expires: None,
            nonce: None,
            algorithm: None,
            key: None,
            tag: None,
            signature,
            parameters,
        };
        for (name, bare) in list {
            match (&*name, bare) {
                ("created", Bare::Integer(time)) => stated.created = Some(time),
                ("expires", Bare::Integer(time)) => stated.expires = Some(time),
                ("nonce", Bare::Text(text)) => stated.nonce = Some(text),
                ("alg", Bare::Text(text)) => stated.algorithm = Some(text),
                ("keyid", Bare::Text(text)) => stated.key = Some(text),
                ("tag", Bare::Text(text)) => stated.tag = Some(text),
                ("created" | "expires" | "nonce" | "alg" | "keyid" | "tag", _) => return None,
                // §2.3: others may be registered. They are signed all the same.
                _ => {}
            }
        }
        Some(stated)
    }

    /// Returns whether it covers the component with this identifier.
    #[must_use]
    pub fn covers(&self, identifier: &str) -> bool {
        self.components.iter().any(|component| component.identifier == identifier)
    }

    /// The fields that it covers.
    pub fn fields(&self) -> impl Iterator<Item = HeaderName> {
        let names = self.components.iter().map(|component| &*component.name);
        names.filter(|name| !name.starts_with('@')).filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
    }

    /// Returns whether it covers the digest of the content that counts (RFC 9530 §5).
    #[must_use]
    pub fn covers_content(&self) -> bool {
        let is_digest = |component: &Component| match &*component.parameters {
            [(kind, Bare::Text(key))] => kind == "key" && matches!(&**key, "sha-256" | "sha-512"),
            parameters => parameters.len() < 2,
        };
        self.components.iter().any(|component| component.name == "content-digest" && is_digest(component))
    }

    /// What is signed (§2.5).
    ///
    /// # Errors
    /// A component can't be had.
    pub fn base(&self, parts: &Parts<'_>, headers: &HeaderMap) -> Result<String, Fault> {
        base(&self.components, &self.parameters, parts, headers)
    }
}

/// What is signed of a request: the `components`, and the value of `@signature-params` (§2.5).
///
/// # Errors
/// A component can't be had.
pub fn base(
    components: &[Component],
    parameters: &str,
    parts: &Parts<'_>,
    headers: &HeaderMap,
) -> Result<String, Fault> {
    let mut base = String::new();
    for component in components {
        base.push_str(&component.identifier);
        base.push_str(": ");
        component.write(parts, headers, &mut base)?;
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(parameters);
    Ok(base)
}

/// The beginning of what is signed of a request, and the list of what it covers (§2.5): those of the `components` that the request has.
///
/// # Errors
/// [`Fault::Malformed`] and [`Fault::Unsupported`], if one is there and has no value that could be signed.
pub fn covered(components: &[Component], parts: &Parts<'_>, headers: &HeaderMap) -> Result<(String, String), Fault> {
    let (mut base, mut list) = (String::new(), String::from("("));
    for component in components {
        let mut value = String::new();
        match component.write(parts, headers, &mut value) {
            Err(Fault::Missing) => continue,
            written => written?,
        }
        if list.len() > 1 {
            list.push(' ');
        }
        list.push_str(&component.identifier);
        for part in [&component.identifier, ": ", &value, "\n"] {
            base.push_str(part);
        }
    }
    list.push(')');
    Ok((base, list))
}

impl Component {
    /// The component that a configuration names: `@method`, `content-type`, `@query-param;name="id"`. None if it is none of a request.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let (name, parameters) = text.split_at(text.find(';').unwrap_or(text.len()));
        if name.contains(['"', '\\']) {
            return None;
        }
        let component = Self::of(item(&["\"", name, "\"", parameters].concat())?)?;
        component.is_supported().then_some(component)
    }

    fn of(item: Item) -> Option<Self> {
        let mut identifier = String::new();
        item.write(&mut identifier);
        let Item { bare: Bare::Text(name), parameters } = item else { return None };
        let own = name.strip_prefix('@').unwrap_or(&name);
        // §2.1: in small letters. `@signature-params` is none that can be listed (§2.5).
        let is_name = !own.is_empty()
            && own.bytes().all(|byte| super::proxy_status::is_tchar(byte) && !byte.is_ascii_uppercase())
            && name != "@signature-params";
        is_name.then_some(Self { name, parameters, identifier })
    }

    /// Its name, without its parameters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parameter(&self, name: &str) -> Option<&Bare> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, bare)| bare)
    }

    /// Returns whether it is a component of requests, and one that can be had here.
    fn is_supported(&self) -> bool {
        match &*self.name {
            "@method" | "@target-uri" | "@authority" | "@scheme" | "@request-target" | "@path" | "@query" => {
                self.parameters.is_empty()
            }
            "@query-param" => matches!(&*self.parameters, [(name, Bare::Text(_))] if name == "name"),
            // §2.2.9: of responses; and those to come.
            name if name.starts_with('@') => false,
            name => match &*self.parameters {
                [] => true,
                [(kind, Bare::Boolean(true))] if kind == "sf" => DICTIONARIES.contains(&name),
                [(kind, Bare::Boolean(true))] if kind == "bs" => true,
                [(kind, Bare::Text(_))] if kind == "key" => true,
                // `req` is of responses, `tr` of trailers (§2.1.4), which are still to come.
                _ => false,
            },
        }
    }

    /// Writes its value.
    fn write(&self, parts: &Parts<'_>, headers: &HeaderMap, out: &mut String) -> Result<(), Fault> {
        if !self.is_supported() {
            return Err(Fault::Unsupported);
        }
        // §2.5: a base is of ASCII.
        let is_of_target = matches!(&*self.name, "@target-uri" | "@request-target" | "@path" | "@query");
        if is_of_target && !(parts.path.is_ascii() && parts.query.is_none_or(str::is_ascii)) {
            return Err(Fault::Malformed);
        }
        let target = |out: &mut String| {
            out.push_str(&parts.path);
            if let Some(query) = parts.query {
                out.push('?');
                out.push_str(query);
            }
        };
        match &*self.name {
            "@method" => out.push_str(parts.method.as_str()),
            "@target-uri" => {
                // Writing to a text does not fail.
                let _ = write!(out, "{}://{}", parts.scheme, parts.authority);
                target(out);
            }
            "@authority" => out.push_str(&parts.authority),
            "@scheme" => out.push_str(parts.scheme),
            "@request-target" => target(out),
            "@path" => out.push_str(&parts.path),
            // §2.2.7: the `?` alone where there is none.
            "@query" => {
                out.push('?');
                out.push_str(parts.query.unwrap_or_default());
            }
            "@query-param" => {
                let Some(Bare::Text(name)) = self.parameter("name") else { return Err(Fault::Unsupported) };
                out.push_str(&query_parameter(parts.query.unwrap_or_default(), name)?);
            }
            name => {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Fault::Malformed)?;
                self.write_field(&name, headers, out)?;
            }
        }
        Ok(())
    }

    fn write_field(&self, name: &HeaderName, headers: &HeaderMap, out: &mut String) -> Result<(), Fault> {
        // §2.1.3: each line by itself, in Base 64.
        if self.parameter("bs").is_some() {
            for (i, line) in headers.get_all(name).iter().enumerate() {
                out.push_str(if i == 0 { ":" } else { ", :" });
                out.push_str(&Base64::encode_string(line.as_bytes().trim_ascii()));
                out.push(':');
            }
            return if headers.contains_key(name) { Ok(()) } else { Err(Fault::Missing) };
        }
        let text = combined(headers, name).ok_or(match headers.contains_key(name) {
            true => Fault::Malformed,
            false => Fault::Missing,
        })?;
        if self.parameters.is_empty() {
            out.push_str(&text);
            return Ok(());
        }
        let members = dictionary(&text).ok_or(Fault::Malformed)?;
        match self.parameter("key") {
            Some(Bare::Text(key)) => {
                let member = members.iter().find(|(known, _)| known == key).ok_or(Fault::Missing)?;
                member.1.write(out);
            }
            _ => write_dictionary(&members, out),
        }
        Ok(())
    }
}

/// The lines of the field called `name`, without blanks around them, joined by commas (§2.1). `None` if there is none, or not all of it is
/// ASCII, or too much.
pub(super) fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut combined: Option<String> = None;
    for line in headers.get_all(name) {
        let line = line.to_str().ok()?.trim_matches([' ', '\t']);
        match &mut combined {
            None => combined = Some(line.to_owned()),
            Some(text) => {
                text.push_str(", ");
                text.push_str(line);
            }
        }
        if combined.as_ref().is_some_and(|text| text.len() > MOST_BYTES) {
            return None;
        }
    }
    combined
}

/// The value of the only query parameter whose encoded name is `name`, encoded anew (§2.2.8).
fn query_parameter(query: &str, name: &str) -> Result<String, Fault> {
    let mut named = query::parameters(query)
        .map(query::split)
        .filter(|(own, _)| !own.is_empty() && encoded(own) == name)
        .map(|(_, value)| value);
    // "If a parameter name occurs multiple times in a request, the named query parameter MUST NOT be included."
    // Nor may another be there that a server takes for it (§7.2.1).
    let spellings = query::spellings(query, &percent::decode(name));
    match (named.next(), named.next()) {
        (Some(value), None) if spellings == 1 => Ok(encoded(value)),
        (None, _) => Err(Fault::Missing),
        (Some(_), _) => Err(Fault::Unsupported),
    }
}

/// A name or value of a query, decoded, and encoded by the set of the URL standard §1.3 for forms, with `%20` for a space.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in percent::decode_form(text).bytes() {
        if byte.is_ascii_alphanumeric() || b"*-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            percent::push_encoded(&mut out, byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn parts(query: Option<&str>) -> Parts<'_> {
        let (authority, path) = ("www.example.com".to_owned(), "/path".to_owned());
        Parts { method: &Method::POST, scheme: "https", authority, path, query }
    }

    /// The value of a component, as a configuration names it.
    fn value(component: &str, query: Option<&str>, fields: &[(&'static str, &str)]) -> Result<String, Fault> {
        let mut out = String::new();
        Component::named(component).unwrap().write(&parts(query), &headers(fields), &mut out).map(|()| out)
    }

    /// RFC 9421 §2.2: the examples of each section.
    #[test]
    fn derived_components_are_those_of_the_standard() {
        let query = Some("param=value");
        for (component, text) in [
            ("@method", "POST"),
            ("@target-uri", "https://www.example.com/path?param=value"),
            ("@authority", "www.example.com"),
            ("@scheme", "https"),
            ("@request-target", "/path?param=value"),
            ("@path", "/path"),
            ("@query", "?param=value"),
        ] {
            assert_eq!(value(component, query, &[]).as_deref(), Ok(text));
        }
        assert_eq!(value("@query", None, &[]).as_deref(), Ok("?"));
    }

    /// RFC 9421 §2.2.8: decoded, and encoded anew; and never one of several.
    #[test]
    fn a_query_parameter_is_the_only_one_of_its_name() {
        let query = Some("param=value&foo=bar&baz=batman&qux=");
        let of = |name: &str, query| value(&format!("@query-param;name=\"{name}\""), query, &[]);
        for (name, text) in [("baz", "batman"), ("qux", ""), ("param", "value")] {
            assert_eq!(of(name, query).as_deref(), Ok(text));
        }
        let query =
            Some("var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something");
        assert_eq!(of("var", query).as_deref(), Ok("this%20is%20a%20big%0Amultiline%20value"));
        assert_eq!(of("bar", query).as_deref(), Ok("with%20plus%20whitespace"));
        assert_eq!(of("fa%C3%A7ade%22%3A%20", query).as_deref(), Ok("something"));
        assert_eq!(of("a", Some("a=1&%61=2")), Err(Fault::Unsupported));
        assert_eq!(of("b", Some("a=1")), Err(Fault::Missing));
    }

    /// RFC 9421 §2.1 to §2.1.3: the examples of each section.
    #[test]
    fn fields_are_those_of_the_standard() {
        let fields = [
            ("x-ows-header", "Leading and trailing whitespace.  "),
            ("cache-control", "max-age=60"),
            ("cache-control", "   must-revalidate"),
            ("example-dict", " a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
            ("priority", "u=1,   i=?1"),
            ("x-empty-header", ""),
            ("example-header", "value, with, lots"),
            ("example-header", "of, commas"),
        ];
        for (component, text) in [
            ("x-ows-header", "Leading and trailing whitespace."),
            ("cache-control", "max-age=60, must-revalidate"),
            ("example-dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
            ("x-empty-header", ""),
            ("priority;sf", "u=1, i"),
            ("example-dict;key=\"a\"", "1"),
            ("example-dict;key=\"d\"", "?1"),
            ("example-dict;key=\"b\"", "2;x=1;y=2"),
            ("example-dict;key=\"c\"", "(a b c)"),
            ("example-header;bs", ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
        ] {
            assert_eq!(value(component, None, &fields).as_deref(), Ok(text), "{component}");
        }
        for component in ["date", "example-dict;key=\"e\"", "date;bs"] {
            assert_eq!(value(component, None, &fields), Err(Fault::Missing), "{component}");
        }
        assert_eq!(value("x-ows-header;key=\"a\"", None, &fields), Err(Fault::Malformed));
    }

    /// RFC 9421 §2: identifiers of responses, of trailers and of neither are none of a request.
    #[test]
    fn a_configuration_names_components_of_requests_alone() {
        for text in [
            "@status",
            "@signature-params",
            "@path;req",
            "date;tr",
            "date;sf",
            "date;sf;bs",
            "Date",
            "",
            "@",
            "a b",
            "date;",
            "@method;x",
            "@query-param",
            "@query-param;name=x",
            "\"date\"",
            "date;key",
            "date;key=1",
            "@unknown",
        ] {
            assert_eq!(Component::named(text), None, "{text}");
        }
    }

    /// RFC 9421 §2.5, §4.1: what is signed has one form, however the field is spelled.
    #[test]
    fn the_parameters_are_signed_in_their_one_form() {
        let input = "sig1=( \"@method\"   \"@path\" ) ;created=1";
        assert!(stated(&headers(&[("signature-input", input), ("signature", "sig1=:AA==:")])).is_err());
        let input = "sig1=( \"@method\"   \"@path\" );created=0001;  x=?1;keyid=\"a\\\"b\"";
        let all = stated(&headers(&[("signature-input", input), ("signature", "sig1=:AA==:")])).unwrap();
        let base = all[0].base(&parts(None), &HeaderMap::new()).unwrap();
        let params = "(\"@method\" \"@path\");created=1;x;keyid=\"a\\\"b\"";
        assert_eq!(base, format!("\"@method\": POST\n\"@path\": /path\n\"@signature-params\": {params}"));
        assert_eq!((all[0].created, all[0].key.as_deref()), (Some(1), Some("a\"b")));
    }

    /// RFC 9530 §5: only of these can the content be checked.
    #[test]
    fn content_is_covered_by_a_digest_that_counts() {
        for (component, is_covered) in [
            ("content-digest", true),
            ("content-digest;sf", true),
            ("content-digest;bs", true),
            ("content-digest;key=\"sha-512\"", true),
            ("content-digest;key=\"md5\"", false),
            ("content-length", false),
        ] {
            let identifier = Component::named(component).unwrap().identifier;
            let fields = [("signature-input", format!("s=({identifier})")), ("signature", "s=:AA==:".to_owned())];
            let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert_eq!(stated(&headers(&fields)).unwrap()[0].covers_content(), is_covered, "{component}");
        }
    }
}
