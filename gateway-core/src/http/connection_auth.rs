//! Authentication that holds for a connection instead of a request: NTLM, and Negotiate (RFC 4559 §6).
//!
//! Who comes after the authenticated client on such a connection is served as that client. It must never be shared.

use http::header::{AUTHORIZATION, PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};

/// The schemes. The last three are those that Negotiate picks from, as servers of the past named them.
const SCHEMES: [&[u8]; 5] = [b"negotiate", b"ntlm", b"kerberos", b"nego2", b"pku2u"];

/// Returns whether a request's credentials authenticate its connection.
#[must_use]
pub fn has_credentials(headers: &HeaderMap) -> bool {
    is_any(headers, &AUTHORIZATION, names_scheme)
}

/// Returns whether a response asks for such credentials.
#[must_use]
pub fn has_challenge(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
        && (is_any(headers, &WWW_AUTHENTICATE, lists_scheme) || is_any(headers, &PROXY_AUTHENTICATE, lists_scheme))
}

/// Removes such credentials from a request, where the host shares connections among all clients.
pub(crate) fn strip_credentials(headers: &mut HeaderMap) {
    if has_credentials(headers) {
        headers.remove(AUTHORIZATION);
    }
}

/// Removes such challenges from a 401, where the host shares connections among all clients; false if no challenge is left, without
/// which there is no 401 (RFC 9110 §15.5.2).
pub(crate) fn strip_challenges(status: StatusCode, headers: &mut HeaderMap) -> bool {
    if !has_challenge(status, headers) {
        return true;
    }
    let others = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|line| others(line.as_bytes()));
    let others: Vec<HeaderValue> = others.collect();
    headers.remove(WWW_AUTHENTICATE);
    let is_left = !others.is_empty();
    for line in others {
        headers.append(WWW_AUTHENTICATE, line);
    }
    is_left
}

fn is_any(headers: &HeaderMap, name: &http::HeaderName, is: fn(&[u8]) -> bool) -> bool {
    headers.contains_key(name) && headers.get_all(name).iter().any(|line| is(line.as_bytes()))
}

/// Returns whether credentials or a challenge begin with one of the schemes.
fn names_scheme(value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    let end = value.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b',').unwrap_or(value.len());
    let scheme = value.get(..end).unwrap_or_default();
    SCHEMES.iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

/// Returns whether any member of a list of challenges begins with one of the schemes.
fn lists_scheme(line: &[u8]) -> bool {
    members(line).any(names_scheme)
}

/// Returns the other challenges in `line`, if there are any.
fn others(line: &[u8]) -> Option<HeaderValue> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut keeps = true;
    for member in members(line) {
        // What is no parameter of the challenge before begins a new one (RFC 9110 §11.6.1).
        if !is_parameter(member) {
            keeps = !names_scheme(member);
        }
        if keeps && !member.is_empty() {
            kept.push(member);
        }
    }
    if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept.join(&b", "[..])).ok() }
}

/// The members of a list, without the space around them. A comma between quotes is none of the list's (RFC 9110 §5.6.4).
fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let is_comma = move |byte: &u8| {
        let is_escaped = escaped;
        escaped = quoted && !is_escaped && *byte == b'\\';
        quoted ^= *byte == b'"' && !is_escaped;
        *byte == b',' && !quoted
    };
    line.split(is_comma).map(<[u8]>::trim_ascii)
}

/// Returns whether a member is a parameter, `token BWS "=" …`, which belongs to the challenge before it.
fn is_parameter(member: &[u8]) -> bool {
    let token = member.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=').unwrap_or(member.len());
    let rest = member.get(token..).unwrap_or_default().trim_ascii_start();
    token > 0 && rest.first() == Some(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, lines};

    /// RFC 9110 §11.1: the scheme is a token, and case does not matter.
    #[test]
    fn credentials_are_told_by_their_scheme() {
        for value in ["NTLM TlRMTVNTUAAB", "negotiate YII", "Negotiate", "  NTLM x", "Kerberos x", "nTLM\tx"] {
            assert!(has_credentials(&fields(&[("authorization", value)])), "{value}");
        }
        for value in ["Basic TlRM", "Bearer NTLM", "NTLMx y", "Digest username=\"ntlm\"", ""] {
            assert!(!has_credentials(&fields(&[("authorization", value)])), "{value}");
        }
    }

    /// RFC 9110 §11.6.1: challenges are a list, in one line or several.
    #[test]
    fn challenges_are_found_wherever_they_stand() {
        let challenged = |status: StatusCode, value| has_challenge(status, &fields(&[("www-authenticate", value)]));
        for value in ["NTLM", "Negotiate", "Basic realm=\"a\", NTLM", "negotiate oRQ=, Basic realm=\"a\""] {
            assert!(challenged(StatusCode::UNAUTHORIZED, value), "{value}");
        }
        for value in ["Basic realm=\"NTLM\"", "Bearer", "Digest realm=\"a b\""] {
            assert!(!challenged(StatusCode::UNAUTHORIZED, value), "{value}");
        }
        let proxy = fields(&[("proxy-authenticate", "NTLM")]);
        assert!(has_challenge(StatusCode::PROXY_AUTHENTICATION_REQUIRED, &proxy));
        assert!(!challenged(StatusCode::OK, "NTLM"));
    }

    #[test]
    fn other_credentials_and_challenges_stay() {
        let mut headers = fields(&[("authorization", "NTLM x"), ("x-a", "1")]);
        strip_credentials(&mut headers);
        assert_eq!(lines(&headers), ["x-a: 1"]);
        let mut headers = fields(&[("authorization", "Basic x")]);
        strip_credentials(&mut headers);
        assert_eq!(lines(&headers), ["authorization: Basic x"]);

        let mut headers = fields(&[("www-authenticate", "NTLM"), ("www-authenticate", "Basic realm=\"a\"")]);
        assert!(strip_challenges(StatusCode::UNAUTHORIZED, &mut headers));
        assert_eq!(lines(&headers), ["www-authenticate: Basic realm=\"a\""]);
        for (line, left) in [
            ("NTLM, Basic realm=\"a\"", "Basic realm=\"a\""),
            (
                "Digest realm=\"a, NTLM\", nonce=\"x\", Negotiate a==, Bearer",
                "Digest realm=\"a, NTLM\", nonce=\"x\", Bearer",
            ),
            ("Negotiate a=b, c=d, Basic realm=\"\\\"\"", "Basic realm=\"\\\"\""),
        ] {
            let mut headers = fields(&[("www-authenticate", line)]);
            assert!(strip_challenges(StatusCode::UNAUTHORIZED, &mut headers), "{line}");
            assert_eq!(lines(&headers), [format!("www-authenticate: {left}")]);
        }
        let mut headers = fields(&[("www-authenticate", "Negotiate"), ("www-authenticate", "NTLM")]);
        assert!(!strip_challenges(StatusCode::UNAUTHORIZED, &mut headers));
    }
}
