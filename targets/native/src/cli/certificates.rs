//! Warnings about the certificates that a configuration names: their time, and authorities that can't be what they may be meant as.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::config::{ConfigError, JsonPath, Rule};
use gateway_core::plan::{Certificate, Plan, Upstream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// The days in which a certificate should have been renewed.
const SOON_DAYS: i64 = 14;
const DAY: i64 = 24 * 60 * 60;

/// Returns the warnings about the certificates that `plan` names. Files that can't be read are mistakes, told elsewhere.
pub(super) fn warnings(plan: &Plan) -> Vec<ConfigError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    // Several listeners may have the same certificate.
    let mut seen = BTreeSet::new();
    let own = plan.listeners.iter().flat_map(|listener| &listener.certificates);
    for Certificate { certificate, at, .. } in own.chain(plan.upstreams.iter().filter_map(|u| u.tls.identity.as_ref()))
    {
        if seen.insert(at.to_string())
            && let Some(first) = read(certificate).first()
        {
            found.extend(of_file(at.member("certificate"), certificate, first, |parsed| time(parsed, now)));
        }
    }
    for clients in plan.listeners.iter().filter_map(|listener| listener.clients.as_ref()) {
        if let [only] = &*read(&clients.authorities)
            && seen.insert(clients.at.to_string())
        {
            let at = clients.at.member("authorities");
            found.extend(of_file(at, &clients.authorities, only, |parsed| time(parsed, now)));
        }
    }
    for upstream in &plan.upstreams {
        let Some(file) = &upstream.tls.authorities else { continue };
        let at = JsonPath::root().member("upstreams").member(&upstream.name).member("tls").member("authorities");
        // Of several authorities, those of the past do no harm.
        if let [only] = &*read(file) {
            found.extend(of_file(at.clone(), file, only, |parsed| time(parsed, now)));
            found.extend(of_file(at, file, only, |parsed| own_authority(parsed, upstream)));
        }
    }
    found
}

/// The certificates in the PEM file at `path`; none if it can't be read.
fn read(path: &str) -> Vec<CertificateDer<'static>> {
    let Ok(pem) = std::fs::read(path) else { return Vec::new() };
    CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().unwrap_or_default()
}

/// The fault that `look` finds in a certificate, as a warning at `at`.
fn of_file(
    at: JsonPath,
    file: &str,
    der: &CertificateDer<'_>,
    look: impl FnOnce(&X509Certificate<'_>) -> Option<(String, &'static str)>,
) -> Option<ConfigError> {
    // What can't be parsed is for the one that uses it to refuse.
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    let (message, help) = look(&parsed)?;
    Some(ConfigError::new(at, format!("`{file}` {message}")).with_help(help).of_rule(Rule::File))
}

/// The fault of its time (RFC 5280 §4.1.2.5).
fn time(certificate: &X509Certificate<'_>, now: i64) -> Option<(String, &'static str)> {
    let validity = certificate.validity();
    let (from, until) = (validity.not_before, validity.not_after);
    let day = |time: x509_parser::time::ASN1Time| time.to_datetime().date();
    if now < from.timestamp() {
        return Some((format!("is not valid before {}", day(from)), "use one that is valid now, or look at the clock"));
    }
    let left = until.timestamp().saturating_sub(now);
    if left < 0 {
        return Some((format!("expired on {}", day(until)), "renew it: who checks it refuses the connection"));
    }
    (left < SOON_DAYS * DAY).then(|| {
        let days = match left / DAY {
            0 => "within a day".to_owned(),
            1 => "in a day".to_owned(),
            days => format!("in {days} days"),
        };
        (format!("expires on {}, {days}", day(until)), "renew it before")
    })
}

/// The fault of an authority that is likely the upstream's own certificate: one for signing others is refused as a server's.
///
/// A private authority is self-signed and for signing others as well, but states no name of a host.
fn own_authority(certificate: &X509Certificate<'_>, upstream: &Upstream) -> Option<(String, &'static str)> {
    if !certificate.is_ca() || certificate.subject() != certificate.issuer() {
        return None;
    }
    let names = certificate.subject_alternative_name().ok().flatten();
    let is_host = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_));
    let has_host = names.is_some_and(|names| names.value.general_names.iter().any(is_host));
    let asked = upstream.tls.server_name.iter().map(String::as_str);
    let asked: Vec<&str> = asked.chain(upstream.endpoints.iter().map(|endpoint| endpoint.host.as_str())).collect();
    let mut common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let is_named = common.any(|common| asked.iter().any(|asked| asked.eq_ignore_ascii_case(common)));
    (has_host || is_named).then(|| {
        let message = "is for signing others (`CA:TRUE`): if it is the server's own certificate, no connection comes about";
        (message.to_owned(), "make the server's with `-addext basicConstraints=critical,CA:FALSE`; an authority of its own needs no host's name")
    })
}
