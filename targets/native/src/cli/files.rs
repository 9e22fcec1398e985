//! The files that a configuration names for the native server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gateway_core::config::{ConfigError, JsonPath, Rule};
use gateway_core::plan::{Certificate, ClientAuthorities, Plan};

use crate::server::verifier;
use crate::upstream::{Identity, TlsError, read, revoked, trusted};

/// Returns the errors in the certificates, keys and authorities that `plan` names.
pub(super) fn faults(plan: &Plan) -> Vec<ConfigError> {
    let mut faults = Vec::new();
    // Several listeners may have the same certificate.
    let certificates: BTreeMap<String, &Certificate> = plan
        .listeners
        .iter()
        .flat_map(|listener| &listener.certificates)
        .chain(plan.upstreams.iter().filter_map(|upstream| upstream.tls.identity.as_ref()))
        .map(|certificate| (certificate.at.to_string(), certificate))
        .collect();
    for tls in certificates.into_values() {
        let unreadable = [("certificate", &tls.certificate), ("key", &tls.key)];
        let found: Vec<_> =
            unreadable.iter().filter_map(|(name, path)| fault(tls.at.member(name), path, read(path))).collect();
        if found.is_empty() {
            let made = Identity::read(tls).and_then(|identity| identity.certified());
            let is_key = matches!(&made, Err(TlsError::Invalid { path, .. }) if *path == tls.key);
            let (name, path) = if is_key { ("key", &tls.key) } else { ("certificate", &tls.certificate) };
            faults.extend(fault(tls.at.member(name), path, made));
        }
        faults.extend(found);
    }
    // Several listeners may have the same authorities.
    let clients = plan.listeners.iter().filter_map(|listener| listener.clients.as_ref());
    let clients: BTreeMap<String, &ClientAuthorities> = clients.map(|one| (one.at.to_string(), one)).collect();
    for clients in clients.into_values() {
        let path = &clients.authorities;
        let authorities = fault(clients.at.member("authorities"), path, read(path).and_then(|pem| trusted(path, &pem)));
        let lists = clients.revoked.as_ref();
        let lists = lists
            .and_then(|path| fault(clients.at.member("revoked"), path, read(path).and_then(|pem| revoked(path, &pem))));
        if authorities.is_none() && lists.is_none() {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let (name, path) = match &clients.revoked {
                Some(path) => ("revoked", path),
                None => ("authorities", path),
            };
            faults.extend(fault(clients.at.member(name), path, verifier(clients, provider)));
        }
        faults.extend(authorities.into_iter().chain(lists));
    }
    for upstream in &plan.upstreams {
        let Some(path) = &upstream.tls.authorities else { continue };
        let at = JsonPath::root().member("upstreams").member(&upstream.name).member("tls").member("authorities");
        faults.extend(fault(at, path, read(path).and_then(|pem| trusted(path, &pem))));
    }
    faults
}

/// Returns the error at `at`, if `read` failed on the file at `path`.
fn fault<T>(at: JsonPath, path: &str, read: Result<T, TlsError>) -> Option<ConfigError> {
    let error = read.err()?;
    let is_unread = matches!(error, TlsError::Read { .. });
    let fault = ConfigError::new(at, error.to_string()).of_rule(Rule::File);
    Some(if is_unread && Path::new(path).is_relative() {
        fault.with_help("paths count from the folder of the configuration; `check --no-files` leaves such files out")
    } else if is_unread {
        fault.with_help("`check --no-files` leaves such files out, where they are elsewhere")
    } else {
        fault
    })
}
