//! The reasons why a route does not take a request.

use std::fmt;

use gateway_core::plan::Plan;
use gateway_core::route::{Field, Lookup, Mismatch, Rule, Spec, Stated};
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
    /// Set if little is missing: the route is probably the one that is meant.
    #[serde(skip)]
    pub(super) is_near: bool,
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
    Reason { part: "rank", name: None, rule: Some(rule), text: format!("it ranks lower: {text}"), is_near: false }
}

/// The reason that `mismatch` is.
pub(super) fn reason(mismatch: &Mismatch, spec: &Spec, (plan, lookup): (&Plan, &Lookup<'_, '_>)) -> Reason {
    let (mut name, mut is_near) = (None, false);
    let (part, text) = match mismatch {
        Mismatch::Scheme => ("scheme", format!("the scheme is `{}`", lookup.client.scheme.as_str())),
        Mismatch::Host => ("host", format!("the host is `{}`, not `{}`", lookup.host, spec.host)),
        Mismatch::Path => {
            let near = near(spec, lookup.path);
            is_near = !near.is_empty();
            ("path", format!("`{}` is not `{}`{near}", lookup.path, spec.path))
        }
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
        Mismatch::Field(Field::Version(versions)) => {
            let asked = match versions.stated(lookup) {
                Stated::Version(index) => format!("is for version `{}`", versions.at(index).unwrap_or_default()),
                Stated::Unknown(text) => format!("asks for version `{}`", text.escape_debug()),
                Stated::Nothing => "states no version".to_owned(),
            };
            let route = plan.routes.get(spec.route).and_then(|route| route.version.as_ref());
            let own = route.map_or_else(String::new, |version| version.name.to_string());
            is_near = true;
            ("version", format!("it is of version `{own}`, and the request {asked}"))
        }
        Mismatch::Field(field) => {
            let (part, own) = match field {
                Field::Header(name) => ("header", name.to_string()),
                Field::Query(name) => ("query", name.to_string()),
                Field::Cookie(name) => ("cookie", name.to_string()),
                Field::ClientAddress => ("clientAddress", String::new()),
                Field::Version(_) => ("version", String::new()),
            };
            name = Some(own);
            (part, unmet(field, spec, lookup))
        }
    };
    Reason { part, name, rule: None, text, is_near }
}

/// Returns what alone keeps `path` from being the route's, if that is easily overlooked.
fn near(spec: &Spec, path: &str) -> &'static str {
    let takes = |path: &str| spec.path.matches(path).is_some();
    let other_end = |path: &str| path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    let recased = recased(&spec.path.to_string(), path);
    if takes(&other_end(path)) {
        ": the final slash counts"
    } else if takes(&recased) {
        ": the case of letters counts"
    } else if takes(&other_end(&recased)) {
        ": the final slash and the case of letters count"
    } else {
        ""
    }
}

/// `path` with the letters of `pattern` where they differ in their case alone.
fn recased(pattern: &str, path: &str) -> String {
    let mut wanted = pattern.split('/');
    let segment = |sent: &'_ str| {
        let same = wanted.next().filter(|wanted| wanted.eq_ignore_ascii_case(sent));
        same.unwrap_or(sent).to_owned()
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// Returns what the route asks for of `field`, and what that is. A credential is not shown.
fn unmet(field: &Field, spec: &Spec, lookup: &Lookup<'_, '_>) -> String {
    let name = field.to_string();
    let conditions = spec.predicates().map(ToString::to_string);
    let asked: Vec<_> = conditions.filter(|one| one.strip_prefix(&name).is_some_and(|r| r.starts_with(' '))).collect();
    let asked = asked.join(", ");
    match field.text(lookup) {
        None => format!("it asks for {asked}, and there is none"),
        Some(_) if may_be_credential(field) => format!("it asks for {asked}, not for what was sent"),
        Some(sent) => format!("it asks for {asked}, not `{}`", sent.escape_debug()),
    }
}

/// Returns whether the value of `field` may be a credential: that of any cookie, and of what is called like one.
fn may_be_credential(field: &Field) -> bool {
    const WORDS: [&str; 10] =
        ["auth", "token", "secret", "passw", "key", "session", "signature", "credential", "jwt", "cookie"];
    let name = match field {
        Field::Header(name) => name.as_str(),
        Field::Query(name) => name,
        Field::Cookie(_) => return true,
        Field::ClientAddress | Field::Version(_) => return false,
    };
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}
