//! Compiles the settings of TLS to upstreams.

use std::net::IpAddr;

use super::Compiler;
use super::at::At;
use crate::capabilities::Feature;
use crate::config;
use crate::net::Scheme;
use crate::plan::{Certificate, Endpoint, UpstreamTls};

impl Compiler<'_> {
    /// Compiles the settings at `at` of TLS to an upstream with these endpoints.
    pub(super) fn upstream_tls(
        &mut self,
        at: &At<'_>,
        tls: &config::UpstreamTls,
        endpoints: &[Endpoint],
    ) -> UpstreamTls {
        let is_there = self.require(at, Feature::UpstreamTls);
        if is_there && !endpoints.is_empty() && endpoints.iter().all(|endpoint| endpoint.scheme == Scheme::Http) {
            let help = "write `https://…`, or remove `tls`";
            self.error_with(at, "no URL of the upstream says `https`", help);
        }
        let server_name = tls.server_name.as_ref().and_then(|name| self.certified(&at.member("serverName"), name));
        UpstreamTls {
            authorities: tls.authorities.clone(),
            server_name,
            names: tls.names.as_ref().map(|names| self.names(&at.member("names"), names)).unwrap_or_default(),
            identity: self.client_certificate(at, tls),
        }
    }

    fn names(&mut self, at: &At<'_>, list: &[String]) -> Vec<String> {
        if list.is_empty() {
            self.error_with(at, "there is no name", "list one, or leave `names` out to have `serverName` checked");
        }
        let mut names = Vec::with_capacity(list.len());
        for (i, written) in list.iter().enumerate() {
            let at = at.index(i);
            match self.certified(&at, written) {
                Some(name) if names.contains(&name) => {
                    self.error_with(&at, format_args!("`{written}` is there twice"), "remove one");
                }
                name => names.extend(name),
            }
        }
        names
    }

    /// Returns the name that is written at `at`, as it is compared.
    pub(super) fn certified(&mut self, at: &At<'_>, written: &str) -> Option<String> {
        let name = certified(written);
        if name.is_none() {
            self.error_with(
                at,
                format_args!("`{written}` is not a name that can be checked"),
                "write one host, such as `users.internal`, or an address: without a scheme, a port or `*`",
            );
        }
        name
    }

    fn client_certificate(&mut self, at: &At<'_>, tls: &config::UpstreamTls) -> Option<Certificate> {
        match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                Some(Certificate { certificate: certificate.clone(), key: key.clone(), at: at.to_path() })
            }
            (Some(_), None) => {
                let help = "add `\"key\": \"client.key\"`";
                self.error_with(&at.member("certificate"), "the certificate has no `key`", help);
                None
            }
            (None, Some(_)) => {
                let help = "add `\"certificate\": \"client.pem\"`";
                self.error_with(&at.member("key"), "the key has no `certificate`", help);
                None
            }
            (None, None) => None,
        }
    }
}

/// Returns the host name (RFC 1123 §2.1, with the underscores that some have) or address in `written`, in small letters and
/// without a final dot.
fn certified(written: &str) -> Option<String> {
    if let Ok(address) = written.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = written.strip_suffix('.').unwrap_or(written);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = name.len() <= 253 && name.split('.').all(is_label) && !name.rsplit('.').next().is_some_and(is_number);
    is_name.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1123 §2.1, RFC 9525 §2.
    #[test]
    fn what_is_checked_is_one_host_or_an_address() {
        for (written, name) in [
            ("users.internal", Some("users.internal")),
            ("Users.Internal.", Some("users.internal")),
            ("a_b", Some("a_b")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("2001:DB8::1", Some("2001:db8::1")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("-a", None),
            ("a.b-", None),
            ("10.0.0.256", None),
            ("*.users.internal", None),
            ("users.internal:443", None),
            ("https://users.internal", None),
            ("spiffe://a/b", None),
            ("müller.test", None),
        ] {
            assert_eq!(certified(written).as_deref(), name, "{written}");
        }
        assert!(certified(&"a".repeat(63)).is_some() && certified(&"a".repeat(64)).is_none());
    }
}
