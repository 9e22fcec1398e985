//! The way back of an upstream's own URLs: `Location` and `Set-Cookie` as the client can use them.
//!
//! An upstream knows the address at which the gateway calls it, and the path that it is sent. Where its answer names them, the
//! client is told those that it asked for itself. A reference to anybody else is left alone.

use super::path;

/// The difference between what the client asked for and what the upstream was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reverse<'r> {
    /// The beginning of the paths that the upstream is sent: empty, or begins with a slash and ends without. `None` if a path
    /// can't be led back.
    pub(crate) inner: Option<&'r str>,
    /// The beginning of the client's paths that stands for it, of the same form.
    pub(crate) outer: &'r str,
    /// The scheme and the authority that the client asked for: `https://shop.example:8443`; empty if it named no host.
    pub(crate) origin: &'r str,
}

/// The owner of an authority in an upstream's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The upstream, by an address of its own.
    Upstream,
    /// The gateway: the upstream was sent the client's own host.
    Client,
    /// Anybody else.
    Other,
}

/// Returns whether a reference that begins with a slash names a host by two of them (RFC 3986 §4.2). Browsers take `\\` for a slash,
/// and leave tabs and line breaks out (URL standard, basic URL parser).
fn names_host(reference: &str) -> bool {
    let mut characters = reference.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r'));
    let is_slash = |c: Option<char>| matches!(c, Some('/' | '\\'));
    is_slash(characters.next()) && is_slash(characters.next())
}

impl Reverse<'_> {
    /// Returns what `Location: value` has to be, if not what it is (RFC 9110 §10.2.2). `owner` tells whose a scheme and an
    /// authority are; an authority without a scheme has that of the upstream.
    pub(crate) fn location(&self, value: &str, owner: impl Fn(Option<&str>, &str) -> Owner) -> Option<String> {
        let (scheme, rest) = match value.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (Some(scheme), Some(rest)),
            _ => (None, value.strip_prefix("//")),
        };
        let Some(rest) = rest else {
            let path = value.starts_with('/').then(|| self.path(value)).flatten()?;
            return (path != value && !names_host(&path)).then_some(path);
        };
        let (authority, target) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
        let lead = match owner(scheme, authority) {
            Owner::Upstream => self.origin.to_owned(),
            Owner::Client => value.strip_suffix(target)?.to_owned(),
            Owner::Other => return None,
        };
        let target = self.path(target).unwrap_or_else(|| target.to_owned());
        let target = if target.is_empty() && lead.is_empty() { "/".to_owned() } else { target };
        let is_safe = !lead.is_empty() || !names_host(&target);
        let location = lead + &target;
        (location != value && is_safe).then_some(location)
    }

    /// Returns what `Set-Cookie: line` has to be, if not what it is (RFC 6265 §4.1.2). `is_own` tells whether a domain is the
    /// upstream's own.
    pub(crate) fn set_cookie(&self, line: &str, is_own: impl Fn(&str) -> bool) -> Option<String> {
        let mut parts = line.split(';');
        let pair = parts.next()?;
        // RFC 6265bis §4.1.3.2: such a cookie has the path `/` and no domain, or is none.
        if pair.trim_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("__Host-")) {
            return None;
        }
        let mut rewritten = pair.to_owned();
        let mut changed = false;
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            if name.eq_ignore_ascii_case("domain") && is_own(value.trim_start_matches('.')) {
                // Without a domain, the cookie is for the host that the client asked.
                changed = true;
                continue;
            }
            if name.eq_ignore_ascii_case("path")
                && let Some(path) = self.cookie_path(value)
                && path != value
            {
                changed = true;
                rewritten.push_str("; Path=");
                rewritten.push_str(&path);
                continue;
            }
            rewritten.push(';');
            rewritten.push_str(part);
        }
        changed.then_some(rewritten)
    }

    /// The client's path for the upstream's `target`, a path with or without query and fragment; `None` if there is none, or it
    /// is the client's already.
    fn path(&self, target: &str) -> Option<String> {
        let inner = self.inner?;
        if inner.is_empty() && !self.outer.is_empty() && below(target, self.outer).is_some() {
            // An upstream that knows of the prefix has put it there.
            return None;
        }
        let rest = below(target, inner)?;
        let slash = if self.outer.is_empty() && !rest.starts_with('/') { "/" } else { "" };
        Some([self.outer, slash, rest].concat())
    }

    fn cookie_path(&self, path: &str) -> Option<String> {
        let (inner, outer) = (self.inner?, if self.outer.is_empty() { "/" } else { self.outer });
        if inner.is_empty() && outer.len() > 1 && below(path, outer).is_some() {
            return None;
        }
        if below(path, inner).is_some_and(|rest| rest != "/" || !inner.is_empty()) {
            return self.path(path);
        }
        // A path above all that the gateway sends to the upstream.
        (path.starts_with('/') && below(inner, path.trim_end_matches('/')).is_some()).then(|| outer.to_owned())
    }
}

/// Returns the rest of `target` behind the segments of `prefix`: empty, or begins with a slash, a query or a fragment.
fn below<'t>(target: &'t str, prefix: &str) -> Option<&'t str> {
    target.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
}

/// Returns `text` without slashes at its end, if it is the beginning of a path in its normal form.
pub(crate) fn prefix(text: &str) -> Option<&str> {
    let prefix = text.trim_end_matches('/');
    (!prefix.is_empty() && path::is_normalised(prefix)).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTER: &str = "https://shop.example:8443";

    fn owner(scheme: Option<&str>, authority: &str) -> Owner {
        match (scheme, authority) {
            (None | Some("http"), "a.test:81") => Owner::Upstream,
            (_, "inner.example") => Owner::Client,
            _ => Owner::Other,
        }
    }

    fn location(inner: Option<&str>, outer: &str, value: &str) -> String {
        let reverse = Reverse { inner, outer, origin: OUTER };
        reverse.location(value, owner).unwrap_or_else(|| value.to_owned())
    }

    /// RFC 9110 §10.2.2; docs/configuration.md, Answers of upstreams.
    #[test]
    fn an_upstreams_own_address_becomes_what_the_client_asked_for() {
        for (inner, outer, value, expected) in [
            (Some(""), "", "http://a.test:81/x?y#z", "https://shop.example:8443/x?y#z"),
            (Some(""), "", "http://a.test:81", "https://shop.example:8443/"),
            (Some(""), "", "//a.test:81/x", "https://shop.example:8443/x"),
            (Some("/base"), "/v1", "http://a.test:81/base/x", "https://shop.example:8443/v1/x"),
            (Some("/base"), "/v1", "http://a.test:81/base?x", "https://shop.example:8443/v1?x"),
            (Some("/base"), "", "http://a.test:81/base?x", "https://shop.example:8443/?x"),
            // Not below the base path: the address must not show all the same.
            (Some("/base"), "/v1", "http://a.test:81/based", "https://shop.example:8443/based"),
            (None, "", "http://a.test:81/x", "https://shop.example:8443/x"),
            (Some("/base"), "/v1", "/base/x", "/v1/x"),
            (Some(""), "/v1", "/x", "/v1/x"),
            (Some(""), "/v1", "/", "/v1/"),
            // The host is the client's own, the path is not.
            (Some("/base"), "/v1", "http://inner.example/base/x", "http://inner.example/v1/x"),
        ] {
            assert_eq!(location(inner, outer, value), expected, "{value}");
        }
    }

    #[test]
    fn other_references_stay() {
        for (inner, outer, value) in [
            (Some("/base"), "/v1", "http://b.test/base/x"),
            (Some("/base"), "/v1", "https://a.test:81/base/x"),
            (Some("/base"), "/v1", "http://user@a.test:81/base/x"),
            (Some("/base"), "/v1", "mailto:a@a.test:81"),
            (Some("/base"), "/v1", "x"),
            (Some("/base"), "/v1", "?x=http://a.test:81/"),
            (Some("/base"), "/v1", "/based/x"),
            (Some("/base"), "/v1", ""),
            // It knows of the prefix.
            (Some(""), "/v1", "/v1/x"),
            (None, "/v1", "/x"),
            // It would become the name of another host.
            (Some("/base"), "", "/base//evil.example"),
            (Some("/base"), "", "/base/\\evil.example"),
            (Some("/base"), "", "/base/\t/evil.example"),
        ] {
            assert_eq!(location(inner, outer, value), value, "{value}");
        }
    }

    /// RFC 6265 §4.1.2.
    #[test]
    fn a_cookie_is_for_the_host_and_the_path_that_the_client_sees() {
        let cookie = |inner, outer, line: &str| {
            let reverse = Reverse { inner, outer, origin: OUTER };
            reverse.set_cookie(line, |domain| domain == "a.test").unwrap_or_else(|| line.to_owned())
        };
        for (inner, outer, line, expected) in [
            (Some("/base"), "/v1", "a=1; Domain=.a.test; Path=/base/x; Secure", "a=1; Path=/v1/x; Secure"),
            (Some("/base"), "/v1", "a=1; path=/; HttpOnly", "a=1; Path=/v1; HttpOnly"),
            (Some("/base/v2"), "", "a=1;Path=/base", "a=1; Path=/"),
            (Some(""), "/v1", "a=1; Path=/", "a=1; Path=/v1"),
            (Some(""), "/v1", "a=1; Path=/x", "a=1; Path=/v1/x"),
            (Some(""), "", "a=1; domain=a.test", "a=1"),
        ] {
            assert_eq!(cookie(inner, outer, line), expected, "{line}");
        }
        for (inner, outer, line) in [
            (Some(""), "", "a=1; Path=/x; Secure"),
            (Some("/base"), "/v1", "a=1; Path=/other"),
            (Some(""), "/v1", "a=1; Path=/v1/x"),
            (Some("/base"), "/v1", "a=1; Domain=b.test"),
            (Some("/base"), "/v1", "__Host-a=1; Path=/; Secure"),
            (None, "/v1", "a=1; Path=/x"),
            (Some("/base"), "/v1", "a=1"),
        ] {
            assert_eq!(cookie(inner, outer, line), line, "{line}");
        }
    }
}
