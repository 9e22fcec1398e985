//! Warnings about the certificates that a configuration names: their time, and authorities that can't be what they may be meant as.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::config::{ConfigError, JsonPath, Rule};
use gateway_core::plan::{Certificate, ClientAuthorities, Plan, Upstream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::X509Version;
use x509_parser::{parse_x509_certificate, parse_x509_crl};

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
        if seen.insert(clients.at.to_string()) {
            let (at, file) = (clients.at.member("authorities"), &clients.authorities);
            let authorities = read(file);
            if let [only] = &*authorities {
                found.extend(of_file(at.clone(), file, only, |parsed| time(parsed, now)));
            }
            found.extend(authorities.iter().filter_map(|one| of_file(at.clone(), file, one, no_authority)));
            found.extend(clients.revoked.iter().flat_map(|lists| of_lists(clients, lists, &authorities)));
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

/// The fault of an authority of clients that is a certificate for signing no others (RFC 5280 §4.2.1.9).
fn no_authority(certificate: &X509Certificate<'_>) -> Option<(String, &'static str)> {
    // Before version 3, none could say it.
    let is_one = certificate.is_ca() || certificate.version() != X509Version::V3;
    (!is_one).then(|| {
        let message = format!(
            "has the certificate of `{}`, which is no authority (`CA:TRUE`), but counts as one: whoever has its key can sign certificates of any name",
            certificate.subject()
        );
        (message, "name the file of the authority that signs the certificates of clients")
    })
}

/// The faults of the lists of revoked certificates in the file `lists`: each is of an authority (RFC 5280 §5), and whom it is not of is refused.
fn of_lists(clients: &ClientAuthorities, lists: &str, authorities: &[CertificateDer<'_>]) -> Vec<ConfigError> {
    let Ok(pem) = std::fs::read(lists) else { return Vec::new() };
    let ders: Vec<_> = CertificateRevocationListDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let parsed: Vec<_> = ders.iter().filter_map(|der| parse_x509_crl(der).ok()).map(|(_, list)| list).collect();
    let authorities: Vec<_> = authorities.iter().filter_map(|der| parse_x509_certificate(der).ok()).collect();
    let is_of = |list: &CertificateRevocationList<'_>, authority: &X509Certificate<'_>| {
        list.issuer().as_raw() == authority.subject().as_raw()
    };
    let at = clients.at.member("revoked");
    let fault = |message: String, help: &str| {
        ConfigError::new(at.clone(), message).with_help(help.to_owned()).of_rule(Rule::File)
    };
    let foreign = parsed.iter().filter(|list| !authorities.iter().any(|(_, authority)| is_of(list, authority)));
    let mut found: Vec<_> = foreign
        .map(|list| {
            let message =
                format!("`{lists}` has a list of `{}`, who is none of `{}`", list.issuer(), clients.authorities);
            fault(message, "take the lists of those; or add this one to them, if it is below one of them")
        })
        .collect();
    if found.is_empty() {
        let without = authorities.iter().filter(|(_, authority)| !parsed.iter().any(|list| is_of(list, authority)));
        found.extend(without.map(|(_, authority)| {
            let message = format!(
                "`{lists}` has no list of `{}`: the clients that it has signed are refused",
                authority.subject()
            );
            fault(message, "add one, which may be empty; an authority that signs other authorities alone needs none")
        }));
    }
    found
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
    let own = upstream.endpoints.iter().filter_map(|endpoint| endpoint.own.as_ref()?.server_name.as_deref());
    let asked = asked.chain(own);
    let asked: Vec<&str> = asked.chain(upstream.endpoints.iter().map(|endpoint| endpoint.host.as_str())).collect();
    let mut common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let is_named = common.any(|common| asked.iter().any(|asked| asked.eq_ignore_ascii_case(common)));
    (has_host || is_named).then(|| {
        let message = "is for signing others (`CA:TRUE`): if it is the server's own certificate, no connection comes about";
        (message.to_owned(), "make the server's with `-addext basicConstraints=critical,CA:FALSE`; an authority of its own needs no host's name")
    })
}
