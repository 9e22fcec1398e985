//! The reasons why a route does not take a request.

use std::fmt;

use gateway_core::plan::Plan;
use gateway_core::route::{Field, Lookup, Mismatch, Rule, Spec};
use http::Method;

/// A reason.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Reason {
    /// The part of the request that the route does not take, or `rank`.
    part: &'static str,
    /// The name of the header field, query parameter or cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The rule by which it ranks lower.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// The reason in words.
    text: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The rule by which `taker` goes first.
pub(super) fn outranked(spec: &Spec, taker: &Spec, lookup: &Lookup<'_, '_>) -> Reason {
    let (rule, text) = match Rule::between(taker, spec, lookup.method == Method::HEAD) {
        Rule::Scheme => ("scheme", "it is for any scheme".to_owned()),
        Rule::Host => ("host", format!("its host `{}` is less specific than `{}`", spec.host, taker.host)),
        Rule::Path => ("path", format!("its path `{}` is less specific than `{}`", spec.path, taker.path)),
        Rule::Methods => ("methods", "it lists no methods".to_owned()),
        Rule::Conditions => {
            ("conditions", "it has fewer conditions on headers, cookies and the client's address".to_owned())
        }
        Rule::Query => ("query", "it has fewer conditions on the query".to_owned()),
        Rule::Head => ("head", "it does not list HEAD".to_owned()),
        Rule::Order => ("order", "it comes later in the file".to_owned()),
    };
    Reason { part: "rank", name: None, rule: Some(rule), text: format!("it ranks lower: {text}") }
}

/// The reason that `mismatch` is.
pub(super) fn reason(mismatch: &Mismatch, spec: &Spec, (plan, lookup): (&Plan, &Lookup<'_, '_>)) -> Reason {
    let mut name = None;
    let (part, text) = match mismatch {
        Mismatch::Scheme => ("scheme", format!("the scheme is `{}`", lookup.client.scheme.as_str())),
        Mismatch::Host => ("host", format!("the host is `{}`, not `{}`", lookup.host, spec.host)),
        Mismatch::Path => ("path", format!("`{}` is not `{}`{}", lookup.path, spec.path, near(spec, lookup.path))),
        Mismatch::Method if spec.methods.is_empty() => ("method", format!("the gateway takes no {}", lookup.method)),
        Mismatch::Method => {
            ("method", format!("{} is not among {}", lookup.method, plan.table.methods().list(spec.methods)))
        }
        Mismatch::Field(Field::ClientAddress) => (
            "clientAddress",
            match lookup.client.address {
                Some(address) => format!("the client's address is {address}"),
                None => "the client's address is not known".to_owned(),
            },
        ),
        Mismatch::Field(field) => {
            let (part, own) = match field {
                Field::Header(name) => ("header", name.to_string()),
                Field::Query(name) => ("query", name.to_string()),
                Field::Cookie(name) => ("cookie", name.to_string()),
                Field::ClientAddress => ("clientAddress", String::new()),
            };
            name = Some(own);
            (part, unmet(field, spec, lookup))
        }
    };
    Reason { part, name, rule: None, text }
}

/// Returns what alone keeps `path` from being the route's, if that is easily overlooked.
fn near(spec: &Spec, path: &str) -> &'static str {
    let other = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    if spec.path.matches(&other).is_some() {
        ": the final slash counts"
    } else if spec.path.matches(&path.to_ascii_lowercase()).is_some() {
        ": the case of letters counts"
    } else {
        ""
    }
}

/// Returns what the route asks for of `field`, and of a header field what it is.
fn unmet(field: &Field, spec: &Spec, lookup: &Lookup<'_, '_>) -> String {
    let name = field.to_string();
    let conditions = spec.predicates().map(ToString::to_string);
    let asked: Vec<_> = conditions.filter(|one| one.strip_prefix(&name).is_some_and(|r| r.starts_with(' '))).collect();
    let asked = asked.join(", ");
    let Field::Header(name) = field else { return format!("it asks for {asked}") };
    let sent: Vec<_> =
        lookup.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    match &*sent {
        [] => format!("it asks for {asked}, and there is none"),
        sent => format!("it asks for {asked}, not `{}`", sent.join(", ")),
    }
}
