//! The fields by which a response tells browsers to be careful, as edits of responses.

use core::time::Duration;

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};

use super::PolicyError;
use super::header_edit::{FieldValue, HeaderEdit};
use crate::config::{self, lazily};
use crate::template::Template;

/// `Permissions-Policy` (Permissions Policy §5.2).
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// The name under which a field of the response waits until it is known that it is there.
const KEPT: HeaderName = HeaderName::from_static("x-edgeway-kept");

/// The usual time of `Strict-Transport-Security`, and the least one of the lists that browsers bring along
/// (<https://hstspreload.org>, "Submission Requirements").
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The words of `frame`, with their values. One without a value leaves the field alone.
const FRAMES: &[(&str, &str)] = &[("deny", "DENY"), ("same-origin", "SAMEORIGIN"), ("unset", "")];

/// The words of `referrer`: those of Referrer Policy §3.
const REFERRERS: &[(&str, &str)] = &[
    ("strict-origin-when-cross-origin", "strict-origin-when-cross-origin"),
    ("no-referrer", "no-referrer"),
    ("no-referrer-when-downgrade", "no-referrer-when-downgrade"),
    ("origin", "origin"),
    ("origin-when-cross-origin", "origin-when-cross-origin"),
    ("same-origin", "same-origin"),
    ("strict-origin", "strict-origin"),
    ("unsafe-url", "unsafe-url"),
    ("unset", ""),
];

/// Compiles `c` to edits.
///
/// # Errors
/// Every error in it.
pub fn compile(c: &config::Security) -> Result<Vec<HeaderEdit>, Vec<PolicyError>> {
    let mut errors = Vec::new();
    let mut edits = Vec::new();
    let keep = c.keep.unwrap_or_default();
    if let Some(hsts) = &c.hsts {
        let value = FieldValue::Template(transport(hsts, &mut errors));
        push(STRICT_TRANSPORT_SECURITY, value, keep, &mut edits);
    }
    let nosniff = if c.nosniff == Some(false) { "" } else { "nosniff" };
    let frame = word("frame", c.frame.as_deref(), FRAMES, &mut errors);
    let referrer = word("referrer", c.referrer.as_deref(), REFERRERS, &mut errors);
    let csp = text("csp", c.csp.as_deref(), &mut errors);
    let permissions = text("permissions", c.permissions.as_deref(), &mut errors);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, nosniff),
        (X_FRAME_OPTIONS, frame),
        (REFERRER_POLICY, referrer),
        (CONTENT_SECURITY_POLICY, csp),
        (PERMISSIONS_POLICY, permissions),
    ] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            push(name, FieldValue::Fixed(value), keep, &mut edits);
        }
    }
    if errors.is_empty() { Ok(edits) } else { Err(errors) }
}

/// The value for one of the `words`, the first of which is the default.
fn word(
    member: &'static str,
    stated: Option<&str>,
    words: &'static [(&str, &str)],
    errors: &mut Vec<PolicyError>,
) -> &'static str {
    let found = match stated {
        None => words.first(),
        Some(stated) => words.iter().find(|(word, _)| *word == stated),
    };
    if found.is_none() {
        let message = format_args!("`{}` is none of its words", stated.unwrap_or_default());
        let help = lazily(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            format!("use one of `{}`", words.join("`, `"))
        });
        errors.push(PolicyError::new(member, message, help));
    }
    found.map_or("", |(_, value)| value)
}

/// The text of a field's value; empty if there is none.
fn text<'t>(member: &'static str, stated: Option<&'t str>, errors: &mut Vec<PolicyError>) -> &'t str {
    let Some(text) = stated else { return "" };
    if text.trim().is_empty() || HeaderValue::from_str(text).is_err() {
        let help = "write it on one line, or leave it out";
        errors.push(PolicyError::new(member, "the value is no text for a header", help));
    }
    text
}

/// Adds the edits that set a field, unless the response has it and it is to `keep`: then its own waits under another name meanwhile.
fn push(name: HeaderName, value: FieldValue, keep: bool, edits: &mut Vec<HeaderEdit>) {
    if keep {
        edits.push(HeaderEdit::Remove(KEPT));
        edits.push(HeaderEdit::Rename(name.clone(), KEPT));
    }
    edits.push(HeaderEdit::Set(name.clone(), value));
    if keep {
        edits.push(HeaderEdit::Rename(KEPT, name));
    }
}

/// The value of `Strict-Transport-Security`; none for requests in the clear, as RFC 6797 §7.2 demands.
fn transport(hsts: &config::Hsts, errors: &mut Vec<PolicyError>) -> Template {
    let max_age = hsts.max_age.map_or(YEAR, |span| span.0);
    if hsts.preload && !(hsts.subdomains && max_age >= YEAR) {
        errors.push(PolicyError::new(
            "hsts",
            "`preload` needs `subdomains`, and a `maxAge` of `365d` or more",
            "add them, or take `preload` out",
        ));
    }
    let seconds = max_age.as_secs().to_string();
    let subdomains = if hsts.subdomains { "; includeSubDomains" } else { "" };
    let preload = if hsts.preload { "; preload" } else { "" };
    Template::over_https(&["max-age=", &seconds, subdomains, preload].concat())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::config::{Hsts, Security, Span};
    use crate::policy::header_edit::apply_to_response;

    fn applied(c: &Security, own: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.append(*name, HeaderValue::from_static(value));
        }
        apply_to_response(&compile(c).unwrap(), &mut [None].iter(), &mut headers);
        let mut lines: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        lines
    }

    const USUAL: [&str; 3] = [
        "referrer-policy: strict-origin-when-cross-origin",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ];

    /// docs/configuration.md, Security fields: the gateway's replace the response's own.
    #[test]
    fn the_fields_of_the_gateway_replace_those_of_the_response() {
        assert_eq!(applied(&Security::default(), &[]), USUAL);
        let own =
            [("x-frame-options", "ALLOWALL"), ("x-frame-options", "SAMEORIGIN"), ("referrer-policy", "unsafe-url")];
        assert_eq!(applied(&Security::default(), &own), USUAL);
    }

    /// docs/configuration.md, Security fields: `keep`.
    #[test]
    fn those_of_the_response_stay_where_they_are_kept() {
        let keep = Security { keep: Some(true), csp: Some("default-src 'self'".to_owned()), ..Security::default() };
        assert_eq!(applied(&keep, &[]), [&["content-security-policy: default-src 'self'"], &USUAL[..]].concat());
        let own = [
            ("content-security-policy", "a"),
            ("content-security-policy", "b"),
            ("x-edgeway-kept", "x"),
            ("x-other", "y"),
        ];
        let expected = [&["content-security-policy: a", "content-security-policy: b"], &USUAL[..], &["x-other: y"]];
        assert_eq!(applied(&keep, &own), expected.concat());
    }

    #[test]
    fn what_is_unset_is_left_alone() {
        let none = Security {
            nosniff: Some(false),
            frame: Some("unset".to_owned()),
            referrer: Some("unset".to_owned()),
            ..Security::default()
        };
        assert_eq!(applied(&none, &[("x-frame-options", "SAMEORIGIN")]), ["x-frame-options: SAMEORIGIN"]);
    }

    /// RFC 6797 §7.2: no such field over non-secure transport. What an upstream said goes, too.
    #[test]
    fn in_the_clear_there_is_no_strict_transport_security() {
        let c = Security { hsts: Some(Hsts::default()), ..Security::default() };
        assert_eq!(applied(&c, &[("strict-transport-security", "max-age=1")]), USUAL);
    }

    /// <https://hstspreload.org>, "Submission Requirements".
    #[test]
    fn preloading_has_conditions() {
        let with = |days: u64, subdomains| {
            let max_age = Some(Span(Duration::from_secs(days * 24 * 60 * 60)));
            compile(&Security { hsts: Some(Hsts { max_age, subdomains, preload: true }), ..Security::default() })
        };
        assert!(with(365, true).is_ok());
        assert!(with(364, true).is_err() && with(365, false).is_err());
    }
}
