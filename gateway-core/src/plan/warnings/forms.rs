//! Warnings about identities in a form that nobody's has, so that nobody is ever known by them.

use core::slice;

use crate::config::{
    CertificateCredential, Certificates, Config, ConfigError, JsonPath, Listen, ListenAt, ListenerTls, Policy,
    ServerTls,
};
use crate::policy::maintenance::parse_time;
use crate::time::Timestamp;

/// Warns of what `config` says at `now` of credentials and claims.
pub(super) fn warnings(config: &Config, now: Timestamp, found: &mut Vec<ConfigError>) {
    let root = JsonPath::root();
    for (name, issuer) in config.issuers.iter() {
        let at = root.member("issuers").member(name);
        for (member, claim) in [("groups", &issuer.groups), ("consumer", &issuer.consumer)] {
            if let Some(claim) = claim.as_deref().filter(|claim| is_dotted(claim)) {
                let message = format!("this is a claim of the name `{claim}`, with its points");
                let help = format!("for one within another, write `/{}` (RFC 6901)", claim.replace('.', "/"));
                found.push(ConfigError::new(at.member(member), message).with_help(help));
            }
        }
    }
    let authorities = authorities(config);
    for (name, consumer) in config.consumers.iter() {
        let list = root.member("consumers").member(name).member("credentials");
        for (index, credential) in consumer.credentials.iter().enumerate() {
            let at = list.index(index);
            if let Some(certificate) = &credential.certificate {
                certificate_names(&at.member("certificate"), certificate, &authorities, found);
            }
            let expires = credential.api_key.as_ref().and_then(|key| key.expires.as_deref());
            if expires.and_then(parse_time).is_some_and(|end| end <= now) {
                let at = at.member("apiKey").member("expires");
                found.push(ConfigError::new(at, "this time is over").with_help("take the key out, or make another"));
            }
        }
    }
}

/// Returns whether `claim` looks like a path of claims: URLs are names.
fn is_dotted(claim: &str) -> bool {
    claim.contains('.') && !claim.contains(['/', ':'])
}

/// Warns of names as other programs write them.
fn certificate_names(
    at: &JsonPath,
    certificate: &CertificateCredential,
    authorities: &[&str],
    found: &mut Vec<ConfigError>,
) {
    for (member, name) in [("subject", &certificate.subject), ("issuer", &certificate.issuer)] {
        if name.as_deref().is_some_and(is_of_other_form) {
            let message = format!(
                "no certificate has this {member} as RFC 4514 writes it: `CN=device-7,O=Example`, the last part first"
            );
            let help = format!("`openssl x509 -in FILE -noout -{member} -nameopt RFC2253` prints it so");
            found.push(ConfigError::new(at.member(member), message).with_help(help));
        }
    }
    if let Some(san) = certificate.san.as_deref()
        && let Some((kind, name)) = san.split_once(':')
        && ["uri", "dns", "email", "ip address", "ip"].contains(&&*kind.to_ascii_lowercase())
    {
        let message = format!("`{kind}:` is before the name where programs print it, and no part of it");
        found.push(ConfigError::new(at.member("san"), message).with_help(format!("write `{name}`")));
    }
    if certificate.sha256.is_none() && certificate.issuer.is_none() && authorities.len() > 1 {
        let message = "the name counts whichever authority has signed it, and listeners have several";
        let help = "say which: `\"issuer\": \"CN=Clients,O=Example\"`, the whole subject of the authority as `openssl x509 -in FILE -noout -issuer -nameopt RFC2253` prints it of the certificate";
        found.push(ConfigError::new(at.clone(), message).with_help(help));
    }
}

/// Returns whether `name` is a subject as other programs write it: `/O=Example/CN=device-7`, `O = Example`, `CN=device-7, O=Example`.
fn is_of_other_form(name: &str) -> bool {
    name.starts_with('/')
        || name.split_once('=').is_some_and(|(kind, _)| kind.ends_with(' '))
        || name.match_indices(", ").any(|(at, _)| !name.get(..at).unwrap_or_default().ends_with('\\'))
}

/// Returns whether anybody can have shown a certificate: to a listener, or to a proxy that is believed.
pub(super) fn certificates_are_asked_for(config: &Config) -> bool {
    let is_of_proxy = |name: &String| name.to_ascii_lowercase().starts_with("client-cert");
    !authorities(config).is_empty() || config.network.trusted_identity.iter().any(is_of_proxy)
}

/// The files with authorities of clients, each once.
fn authorities<'c>(config: &'c Config) -> Vec<&'c str> {
    let mut files: Vec<&'c str> = Vec::new();
    let mut add = |certificates: &'c [ServerTls]| {
        for clients in certificates.iter().filter_map(|certificate| certificate.clients.as_ref()) {
            if !files.contains(&&*clients.authorities) {
                files.push(&clients.authorities);
            }
        }
    };
    match &config.server.tls {
        None => {}
        Some(Certificates::One(one)) => add(slice::from_ref(one)),
        Some(Certificates::Several(several)) => add(several),
    }
    for listener in config.server.listen.iter().flat_map(Listen::list) {
        let ListenAt::With(listener) = listener else { continue };
        match &listener.tls {
            None | Some(ListenerTls::Switch(_)) => {}
            Some(ListenerTls::One(one)) => add(slice::from_ref(one)),
            Some(ListenerTls::Several(several)) => add(several),
        }
    }
    files
}

/// Warns of a policy for browsers that none of them reads as it is meant.
pub(super) fn security(at: &JsonPath, policy: &Policy, found: &mut Vec<ConfigError>) {
    let Some(csp) = policy.security.as_ref().and_then(|security| security.csp.as_deref()) else { return };
    let is_keyword = |word: &&str| ["self", "none", "unsafe-inline", "unsafe-eval", "strict-dynamic"].contains(word);
    if let Some(word) = csp.split([' ', ';']).find(is_keyword) {
        let message = format!("`{word}` without quotes is the name of a host (CSP3 §2.3.1)");
        let at = at.member("security").member("csp");
        found.push(ConfigError::new(at, message).with_help(format!("write `'{word}'`")));
    }
}
