//! The files that a configuration names for the native server.

use std::path::Path;

use gateway_core::config::{ConfigError, JsonPath};
use gateway_core::plan::Plan;

use crate::server::{TlsFiles, server_config};
use crate::upstream::{TlsError, client_config, read};

/// Returns the errors in the certificates, keys and authorities that `plan` names.
pub(super) fn faults(plan: &Plan) -> Vec<ConfigError> {
    let mut faults = Vec::new();
    if let Some(tls) = &plan.server.tls {
        let at = JsonPath::root().member("server").member("tls");
        let unreadable = [("certificate", &tls.certificate), ("key", &tls.key)];
        faults.extend(unreadable.iter().filter_map(|(name, path)| fault(at.member(name), path, read(path))));
        if faults.is_empty() {
            let files = TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() };
            let made = server_config(&files);
            let is_key = matches!(&made, Err(TlsError::Invalid { path, .. }) if *path == tls.key);
            let (name, path) = if is_key { ("key", &tls.key) } else { ("certificate", &tls.certificate) };
            faults.extend(fault(at.member(name), path, made));
        }
    }
    for upstream in &plan.upstreams {
        let Some(path) = &upstream.authorities else { continue };
        let at = JsonPath::root().member("upstreams").member(&upstream.name).member("tls").member("authorities");
        faults.extend(fault(at, path, read(path).and_then(|pem| client_config(Some((path, &pem))))));
    }
    faults
}

/// Returns the error at `at`, if `read` failed on the file at `path`.
fn fault<T>(at: JsonPath, path: &str, read: Result<T, TlsError>) -> Option<ConfigError> {
    let error = read.err()?;
    let is_unread = matches!(error, TlsError::Read { .. });
    let fault = ConfigError::new(at, error.to_string());
    Some(if is_unread && Path::new(path).is_relative() {
        fault.with_help("paths count from the folder of the configuration; `check --no-files` leaves such files out")
    } else if is_unread {
        fault.with_help("`check --no-files` leaves such files out, where they are elsewhere")
    } else {
        fault
    })
}
