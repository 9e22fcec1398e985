//! The check of keys by the library that signs by them.

use gateway_core::config::{self, ConfigError, Diagnostic, JsonPath};
use gateway_core::plan::{self, Plan, Secrets};
use gateway_core::policy::upstream_credentials::Credentials;
use gateway_core::ports::Capabilities;

/// Loads a configuration as [`plan::load`] does, and tries each key that signs requests, so that none fails only once there is a request.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn load(text: &str, capabilities: &Capabilities, secrets: &dyn Secrets) -> Result<Plan, Vec<Diagnostic>> {
    let plan = plan::load(text, capabilities, secrets)?;
    if capabilities.target != Capabilities::NATIVE.target {
        return Ok(plan);
    }
    let upstreams = plan.upstreams.iter().filter(|upstream| match &upstream.credentials {
        Some(Credentials::Message(signer)) => edgeway_verify_ring::sign(&signer.key, b"").is_err(),
        _ => false,
    });
    let faults: Vec<ConfigError> = upstreams
        .map(|upstream| {
            let path = ["upstreams", &upstream.name, "credentials", "signature", "key"];
            let path = path.into_iter().fold(JsonPath::default(), |path, name| path.member(name));
            ConfigError::new(path, "nothing can be signed by this key").with_help(
                "its public half is missing, or its numbers don't fit: `openssl pkey -in FILE` prints it whole",
            )
        })
        .collect();
    if faults.is_empty() { Ok(plan) } else { Err(config::explain(text, faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Keys;

    impl Secrets for Keys {
        fn secret(&self, name: &str) -> Option<String> {
            // RFC 5915 §3: without its point.
            let bare = "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCBSm4XzWX6Q7FuN/tPiY1K/\nSvm03rsaKbuud/oQWlxgOw==\n-----END PRIVATE KEY-----";
            let whole = include_str!("../../../tests/keys/p256-a.private.pem");
            Some(if name == "BARE" { bare } else { whole }.to_owned())
        }
    }

    /// docs/configuration.md, Signed requests: a key that the server can't sign by keeps it from starting.
    #[test]
    fn a_key_that_signs_nothing_is_a_mistake() {
        let text = |name: &str| {
            format!(
                r#"{{"upstreams": {{"u": {{"url": "http://u.test", "credentials": {{"signature":
                {{"keyId": "k", "algorithm": "ecdsa-p256-sha256", "key": {{"secret": "{name}"}}}}}}}}}},
                "routes": [{{"name": "r", "match": {{"prefix": "/"}}, "upstream": "u"}}]}}"#
            )
        };
        assert!(load(&text("WHOLE"), &Capabilities::NATIVE, &Keys).is_ok());
        let mistakes = load(&text("BARE"), &Capabilities::NATIVE, &Keys).err().unwrap_or_default();
        let paths: Vec<&str> = mistakes.iter().map(|mistake| &*mistake.path).collect();
        assert_eq!(paths, ["upstreams.u.credentials.signature.key"]);
    }
}
