//! Issuers of tokens, and their keys.

use super::Compiler;
use super::at::At;
use crate::base64;
use crate::config::{self, SecretEncoding, Span, Step, THOROUGH};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, JwkError};
use crate::jose::key::{KeyError, VerifyingKey};
use crate::jose::numbers::Numbers;
use crate::jose::pem;
use crate::jose::set::KeySet;
use crate::plan::Upstream;
use crate::policy::jwt::{DEFAULT_LEEWAY, Issuer, MOST_LEEWAY};
use crate::policy::key_source::Keys;
use crate::policy::revocation::WITHIN;
use crate::policy::signature::algorithm_name;

const SHARED_SECRET: &str =
    "write it as `{\"algorithm\": \"HS256\", \"secret\": {\"secret\": \"NAME\"}}`, and the secret elsewhere";

impl Compiler<'_> {
    /// The issuers, in the order of the configuration.
    ///
    /// Those who publish their keys are called through upstreams, which are added to `upstreams`.
    pub(super) fn issuers(&mut self, at: &At<'_>, upstreams: &mut Vec<Upstream>) -> Vec<Issuer> {
        let config = self.config;
        let mut issuers: Vec<Issuer> = Vec::new();
        for (name, issuer) in config.issuers.iter() {
            let sources = issuers.iter().filter_map(Issuer::source).count();
            let issuer = self.issuer(&at.member(name), name, issuer, (sources, upstreams));
            issuers.push(issuer);
        }
        issuers
    }

    #[inline(never)]
    fn issuer(
        &mut self,
        at: &At<'_>,
        name: &str,
        issuer: &config::Issuer,
        (sources, upstreams): (usize, &mut Vec<Upstream>),
    ) -> Issuer {
        self.plain_name(at, name);
        if issuer.issuer.as_deref() == Some("") {
            self.error_with(&at.member("issuer"), "no token has an empty `iss`", "write it as the tokens have it");
        }
        let algorithms = self.algorithms(&at.member("algorithms"), &issuer.algorithms);
        let keys = match self.publishes_keys(at, issuer) {
            Some(true) => {
                self.key_source(at, issuer, &algorithms, (sources, name, upstreams)).map(Box::new).map(Keys::Published)
            }
            Some(false) => Some(Keys::Stated(self.stated_keys(at, issuer, &algorithms))),
            None => None,
        };
        Issuer {
            name: name.into(),
            issuer: issuer.issuer.as_deref().map(Into::into),
            keys: keys.unwrap_or_else(|| Keys::Stated(KeySet::default())),
            types: self.token_types(&at.member("types"), &issuer.types),
            holders: self.holders(at, name, issuer).into(),
            introspection: issuer
                .introspection
                .as_deref()
                .and_then(|stated| self.introspection(&at.member("introspection"), stated, (name, upstreams)))
                .map(Box::new),
            leeway: self.leeway(&at.member("leeway"), issuer.leeway),
            lifetime: issuer.lifetime.map(|Span(lifetime)| {
                if lifetime.is_zero() {
                    self.error_with(&at.member("lifetime"), "no token lives so short", "for example `24h`");
                }
                lifetime
            }),
            revocation: issuer.revocation.map(|Span(within)| {
                if !WITHIN.contains(&within) {
                    let help = "between `10s` and `10m`: the list is read twice in that time, and each read costs";
                    self.error_with(&at.member("revocation"), "no list is honoured within such a time", help);
                }
                within
            }),
        }
    }

    /// Returns whether the issuer publishes its keys, and does not state them; `None` if it is not known.
    fn publishes_keys(&mut self, at: &At<'_>, issuer: &config::Issuer) -> Option<bool> {
        let is_discovered = issuer.discovery == Some(true);
        let ways =
            [!issuer.keys.is_empty(), issuer.jwks.is_some(), is_discovered].into_iter().filter(|way| *way).count();
        if ways == 0 && issuer.introspection.is_some() {
            self.of_keys_alone(at, issuer);
            return None;
        }
        if ways != 1 {
            let (message, help) = if ways == 0 {
                (
                    "the issuer has no keys, so that no token could be verified",
                    "list its `keys`, or say where it publishes them: `\"discovery\": true` or `\"jwks\": \"https://…\"`",
                )
            } else {
                ("the issuer has its keys from several places", "keep one of `keys`, `jwks` and `discovery`")
            };
            self.error_with(at, message, help);
            return None;
        }
        let publishes = issuer.keys.is_empty();
        if !publishes {
            for (member, is_there) in [("origins", !issuer.origins.is_empty()), ("upstream", issuer.upstream.is_some())]
            {
                if is_there {
                    let help = "leave it out, or the `keys`";
                    self.error_with(&at.member(member), "nobody is asked for the keys, which stand here", help);
                }
            }
        }
        Some(publishes)
    }

    /// Refuses what only says something of tokens that are verified.
    fn of_keys_alone(&mut self, at: &At<'_>, issuer: &config::Issuer) {
        for (member, is_there) in [
            ("origins", !issuer.origins.is_empty()),
            ("upstream", issuer.upstream.is_some()),
            ("algorithms", !issuer.algorithms.is_empty()),
            ("types", !issuer.types.is_empty()),
            ("revocation", issuer.revocation.is_some()),
        ] {
            if is_there {
                let help = "leave it out; `introspection` has members of its own";
                self.error_with(
                    &at.member(member),
                    "it is for tokens that are verified, and the issuer has no keys",
                    help,
                );
            }
        }
    }

    /// The keys that the configuration states.
    fn stated_keys(&mut self, at: &At<'_>, issuer: &config::Issuer, algorithms: &[Algorithm]) -> KeySet {
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for (i, key) in issuer.keys.iter().enumerate() {
            let list = at.member("keys");
            let at = list.index(i);
            for key in self.issuer_key(&at, key, algorithms).unwrap_or_default() {
                let is_same = |known: &VerifyingKey| known.algorithm() == key.algorithm() && known.kid() == key.kid();
                if key.kid().is_some() && keys.iter().any(is_same) {
                    let message = format_args!(
                        "two keys for {} are called `{}`, so that nothing tells which of them a token means",
                        key.algorithm(),
                        key.kid().unwrap_or_default()
                    );
                    self.error_with(&at, message, "give each a `kid` of its own, as the issuer does");
                    break;
                }
                keys.push(key);
            }
        }
        KeySet::new(keys)
    }

    fn leeway(&mut self, at: &At<'_>, leeway: Option<Span>) -> core::time::Duration {
        let leeway = leeway.map_or(DEFAULT_LEEWAY, |Span(leeway)| leeway);
        if leeway > MOST_LEEWAY {
            self.error_with(
                at,
                "so much makes expired tokens good for long",
                "at most `10m`; clocks differ by seconds",
            );
        }
        leeway
    }

    fn token_types(&mut self, at: &At<'_>, types: &[String]) -> Box<[Box<str>]> {
        for (i, text) in types.iter().enumerate() {
            let name = text.strip_prefix("application/");
            if let Some(name) = name {
                let help = format_args!(
                    "write `{name}`: `application/` is left out (RFC 7515 §4.1.9), and taken in tokens anyway"
                );
                self.error_with(&at.index(i), "the type begins with `application/`", help);
            } else if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                self.error_with(&at.index(i), "no token has such a type", "for example `at+jwt`");
            }
        }
        types.iter().map(|text| text.to_ascii_lowercase().into()).collect()
    }

    fn algorithms(&mut self, at: &At<'_>, names: &[String]) -> Vec<Algorithm> {
        let each = names.iter().enumerate();
        each.filter_map(|(i, name)| self.algorithm(&at.index(i), name)).collect()
    }

    fn algorithm(&mut self, at: &At<'_>, name: &str) -> Option<Algorithm> {
        let found = Algorithm::named(name);
        if found.is_none() {
            if name.eq_ignore_ascii_case("none") {
                let help =
                    "whoever writes a token of the algorithm `none` is believed (RFC 8725 §3.2): it can't be allowed";
                self.error_with(at, "tokens without a signature are never taken", help);
            } else {
                self.unknown(at, "algorithm", name, Algorithm::ALL.iter().map(|algorithm| algorithm.name()));
            }
        }
        found.map(|(algorithm, _)| algorithm)
    }

    #[inline(never)]
    pub(super) fn issuer_key(
        &mut self,
        at: &At<'_>,
        key: &config::IssuerKey,
        allowed: &[Algorithm],
    ) -> Option<Vec<VerifyingKey>> {
        let config::IssuerKey { kid, algorithm, pem, jwk, secret, encoding } = key;
        let algorithm = match algorithm {
            Some(name) => Some(self.algorithm(&at.member("algorithm"), name)?),
            None => None,
        };
        if encoding.is_some() && secret.is_none() {
            self.error_with(&at.member("encoding"), "only a `secret` has an encoding", "leave it out");
        }
        match (pem, jwk, secret) {
            (Some(pem), None, None) => {
                let text = match pem {
                    config::Value::Template(text) => text.clone(),
                    config::Value::Secret(secret) => self.key_text(&at.member("pem"), secret)?,
                };
                match pem::read(&text) {
                    Ok(numbers) => self.key_of(&at.member("pem"), &numbers, algorithm, allowed, kid.as_deref()),
                    Err(error) => {
                        self.error_with(&at.member("pem"), &error, error.help());
                        None
                    }
                }
            }
            (None, Some(jwk), None) => {
                if kid.is_some() {
                    let help = "move it into `jwk`";
                    self.error_with(&at.member("kid"), "the name of a JWK stands in the JWK", help);
                }
                self.jwk(&at.member("jwk"), jwk, algorithm, allowed)
            }
            (None, None, Some(secret)) => {
                let Some(text) = self.key_text(&at.member("secret"), secret) else {
                    // What is wrong whatever it is: so many bytes are enough for every algorithm.
                    let any = Numbers::secret(vec![0; 64]);
                    self.key_of(&at.member("secret"), &any, algorithm, allowed, kid.as_deref());
                    return None;
                };
                let Some(bytes) = decoded(&text, encoding.unwrap_or_default()) else {
                    let help = "say in `encoding` how its text is written: `text`, `base64`, `base64url` or `hex`";
                    self.error_with(&at.member("secret"), "the secret is not written in its `encoding`", help);
                    return None;
                };
                self.key_of(&at.member("secret"), &Numbers::secret(bytes), algorithm, allowed, kid.as_deref())
            }
            _ => {
                let help = "give it exactly one of `pem`, `jwk` and `secret`";
                self.error_with(at, "nothing says which key it is, or too much does", help);
                None
            }
        }
    }

    /// The text of a secret that is a key; none where it is not known here.
    pub(super) fn key_text(&mut self, at: &At<'_>, secret: &config::SecretRef) -> Option<String> {
        self.secret(at, secret).filter(|_| !self.secrets.is_made_up(&secret.secret))
    }

    fn jwk(
        &mut self,
        at: &At<'_>,
        jwk: &config::Jwk,
        algorithm: Option<Algorithm>,
        allowed: &[Algorithm],
    ) -> Option<Vec<VerifyingKey>> {
        if jwk.kty == "oct" {
            self.error_with(at, "a shared secret must not stand in the configuration", SHARED_SECRET);
            return None;
        }
        let read = Jwk {
            kty: &jwk.kty,
            usage: jwk.usage.as_deref(),
            key_ops: jwk.key_ops.as_ref().map(|ops| ops.iter().map(String::as_str).collect()),
            alg: jwk.alg.as_deref().or_else(|| algorithm.map(Algorithm::name)),
            kid: jwk.kid.as_deref(),
            crv: jwk.crv.as_deref(),
            x: jwk.x.as_deref(),
            y: jwk.y.as_deref(),
            n: jwk.n.as_deref(),
            e: jwk.e.as_deref(),
            k: None,
        };
        let keys = read.keys(allowed).map_err(|error| match error {
            JwkError::Key(error) => self.key_error(at, &error),
            error => self.error_with(at, error, "copy it as the issuer publishes it"),
        });
        let keys = keys.ok()?;
        if let (Some(algorithm), Some(key)) = (algorithm, keys.first())
            && key.algorithm() != algorithm
        {
            let message = format_args!("the JWK is for {}, and `algorithm` says {algorithm}", key.algorithm());
            let help = "leave out `alg` of the JWK, or `algorithm` where it need not be";
            self.error_with(at, message, help);
            return None;
        }
        Some(keys)
    }

    fn key_of(
        &mut self,
        at: &At<'_>,
        numbers: &Numbers,
        algorithm: Option<Algorithm>,
        allowed: &[Algorithm],
        kid: Option<&str>,
    ) -> Option<Vec<VerifyingKey>> {
        numbers.keys(algorithm, allowed, kid).map_err(|error| self.key_error(at, &error)).ok()
    }

    pub(super) fn key_error(&mut self, at: &At<'_>, error: &KeyError) {
        // It may be said by a member that could not be read.
        if *error == KeyError::NoAlgorithm && self.reading.is_some() {
            return;
        }
        let help = match error {
            KeyError::Family(..) => {
                "RS… and PS… take RSA keys, ES256 takes P-256, ES384 P-384, EdDSA Ed25519, HS… secrets"
            }
            KeyError::ShortSecret(..) => {
                "make a longer one, for example by `openssl rand -base64 64`; `encoding` says how its text is written"
            }
            KeyError::LongSecret => "one of 64 bytes is as good",
            KeyError::RsaBits(_) => "make a key of 2,048 to 4,096 bits, or of P-256, which is faster",
            KeyError::RsaExponent => "the usual exponent is 65537 (`AQAB`)",
            KeyError::RsaModulus | KeyError::Point(_) => "copy the key as the issuer publishes it",
            KeyError::NoAlgorithm => "say it: `\"algorithm\": \"HS256\"`",
            KeyError::NotAllowed(_) | KeyError::NoneAllowed(_) => "add it to `algorithms`, or leave the key out",
        };
        // Signatures of requests have names of their own for the same algorithms.
        let is_of_signature = |step: &&Step| matches!(step, Step::Member(name) if **name == *"signature");
        match error {
            KeyError::Family(algorithm, _) | KeyError::ShortSecret(algorithm, _)
                if THOROUGH && at.to_path().steps().iter().any(is_of_signature) =>
            {
                let message = error.to_string().replace(algorithm.name(), algorithm_name(*algorithm));
                // That section is of tokens.
                let message = message.replace("RFC 7518 §3.2", "RFC 2104 §3");
                let help = if matches!(error, KeyError::Family(..)) {
                    "`rsa-pss-sha512` and `rsa-v1_5-sha256` take RSA keys, `ecdsa-p256-sha256` and `ecdsa-p384-sha384` those of their curve, \
                     `ed25519` Ed25519 keys, `hmac-sha256` a `secret`"
                } else {
                    help
                };
                self.error_with(at, message, help);
            }
            _ => self.error_with(at, error, help),
        }
    }
}

/// The bytes that `text` stands for; `None` if it is not written so.
pub(super) fn decoded(text: &str, encoding: SecretEncoding) -> Option<Vec<u8>> {
    match encoding {
        SecretEncoding::Text => Some(text.as_bytes().to_vec()),
        SecretEncoding::Base64 => base64::decode(text.trim()),
        SecretEncoding::Base64url => base64::decode_url(text.trim()),
        SecretEncoding::Hex => {
            let digits = text.trim().as_bytes();
            let byte = |pair: &[u8]| match pair {
                [high, low] => {
                    Some(crate::http::percent::hex_digit(*high)? << 4 | crate::http::percent::hex_digit(*low)?)
                }
                _ => None,
            };
            digits.chunks(2).map(byte).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §3.2, §3.5, §5: padding may be left out where the length is known otherwise; bits left over are zero.
    #[test]
    fn base64_is_read_with_its_padding_or_without_any() {
        let (plain, url) = (SecretEncoding::Base64, SecretEncoding::Base64url);
        for (text, encoding, bytes) in [
            ("AQI=", plain, Some(&[1, 2][..])),
            (" AQI\n", plain, Some(&[1, 2])),
            ("AQ==", url, Some(&[1])),
            ("AQ", url, Some(&[1])),
            ("+/A=", plain, Some(&[0xfb, 0xf0])),
            ("-_A", url, Some(&[0xfb, 0xf0])),
            ("", plain, Some(&[])),
            ("+/A", url, None),
            ("-_A=", plain, None),
            ("AQ=", plain, None),
            ("AQI==", url, None),
            ("A", plain, None),
            ("AQJ", plain, None),
            ("AQJ=", plain, None),
            ("AQ I", plain, None),
        ] {
            assert_eq!(decoded(text, encoding).as_deref(), bytes, "{text}");
        }
    }
}
