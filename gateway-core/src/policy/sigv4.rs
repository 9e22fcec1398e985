//! Signatures of AWS, version 4 ("AWS Signature Version 4 for API requests", IAM User Guide).

use core::fmt;
use core::fmt::Write as _;
use core::time::Duration;
use std::time::UNIX_EPOCH;

use hmac::{Hmac, Mac};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::http::names::{after, are_aliases};
use crate::http::percent;
use crate::order;
use crate::time::Timestamp;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// The fields of this prefix have to be signed, all of them.
pub const PREFIX: &str = "x-amz-";

/// The hash of content that is not signed; TLS guards it.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The largest content that is signed.
pub const MOST_CONTENT: u64 = 1024 * 1024;

/// The credentials for a service of AWS.
pub struct Sigv4 {
    /// The region: `eu-central-1`.
    pub region: Box<str>,
    /// The service: `execute-api`.
    pub service: Box<str>,
    /// The identifier of the key, which is no secret.
    pub access_key: Box<str>,
    /// The key.
    pub secret_key: Box<str>,
    /// The token of temporary credentials.
    pub session_token: Option<HeaderValue>,
    /// Set if content is signed, too: all of it has to be there first.
    pub signs_content: bool,
    /// The fields of AWS that may come along, in small letters; with a trailing `*`, those that begin so.
    pub fields: Box<[Box<str>]>,
}

impl fmt::Debug for Sigv4 {
    /// Shows nothing of the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sigv4").field("region", &self.region).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Sigv4 {
    /// Signs a request to `target`, the path and the query as they are sent, at `now`. Without the `content`, that is left unsigned.
    /// `None` if a field has a value that could not be signed.
    #[must_use]
    pub fn sign(
        &self,
        method: &Method,
        target: (&str, &str),
        headers: &mut HeaderMap,
        content: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<()> {
        let (date, hash) =
            (date(now), content.map_or_else(|| UNSIGNED.to_owned(), |content| hex(&Sha256::digest(content))));
        self.remove_foreign(headers);
        headers.insert(DATE, HeaderValue::from_str(&date).ok()?);
        headers.insert(CONTENT, HeaderValue::from_str(&hash).ok()?);
        if let Some(token) = &self.session_token {
            headers.insert(TOKEN, token.clone());
        }
        let mut value = HeaderValue::from_str(&self.authorization(method, target, headers, &hash, &date)?).ok()?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
        Some(())
    }

    /// Removes the credentials of others, and the fields of AWS that nobody has let in, both in any spelling that a server may fold: signed with
    /// the gateway's key, such fields would say what is done, for example which object is copied.
    fn remove_foreign(&self, headers: &mut HeaderMap) {
        let is_foreign = |name: &str| {
            let is_let_in = |field: &str| match field.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == field,
            };
            let is_of_aws = after(name.as_bytes(), PREFIX.as_bytes()).is_some();
            let is_own = |own: &HeaderName| are_aliases(name.as_bytes(), own.as_str().as_bytes());
            [AUTHORIZATION, DATE, CONTENT, TOKEN].iter().any(is_own)
                || is_of_aws && !self.fields.iter().any(|field| is_let_in(field))
        };
        let foreign: Vec<HeaderName> = headers.keys().filter(|name| is_foreign(name.as_str())).cloned().collect();
        for name in foreign {
            headers.remove(name);
        }
    }

    /// The value of `Authorization`.
    fn authorization(
        &self,
        method: &Method,
        (path, query): (&str, &str),
        headers: &HeaderMap,
        hash: &str,
        date: &str,
    ) -> Option<String> {
        let mut request = format!("{method}\n");
        self.path(path, &mut request);
        request.push('\n');
        canonical_query(query, &mut request);
        request.push('\n');
        let names = canonical_headers(headers, &mut request)?;
        request.push('\n');
        request.push_str(&names);
        request.push('\n');
        request.push_str(hash);

        let day = date.get(..8)?;
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let first = ["AWS4", &self.secret_key].concat();
        let mut key = hmac(first.as_bytes(), day)?;
        for part in [&*self.region, &self.service, "aws4_request", &text] {
            key = hmac(&key, part)?;
        }
        let (id, signature) = (&self.access_key, hex(&key));
        Some(format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"))
    }

    /// Writes the canonical path: S3 takes it as it is, every other service encodes it once more.
    fn path(&self, path: &str, out: &mut String) {
        let is_s3 = &*self.service == "s3";
        for (i, segment) in path.split('/').enumerate() {
            if i > 0 {
                out.push('/');
            }
            if is_s3 {
                encode(percent::octets(segment), out);
            } else {
                encode(segment.bytes(), out);
            }
        }
    }
}

/// Writes the canonical query: each name and value encoded anew, sorted.
fn canonical_query(query: &str, out: &mut String) {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let encoded = |text: &str| {
                let mut encoded = String::new();
                encode(percent::octets(text), &mut encoded);
                encoded
            };
            (encoded(name), encoded(value))
        })
        .collect();
    order::sort_by(&mut pairs, Ord::cmp);
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

/// Writes the fields that are signed, and returns their names: `Host`, and all that are of AWS.
fn canonical_headers(headers: &HeaderMap, out: &mut String) -> Option<String> {
    let mut names: Vec<&HeaderName> =
        headers.keys().filter(|name| **name == HOST || name.as_str().starts_with(PREFIX)).collect();
    order::sort_by(&mut names, |one, other| one.as_str().cmp(other.as_str()));
    for name in &names {
        out.push_str(name.as_str());
        let mut separator = ':';
        for value in headers.get_all(*name) {
            out.push(separator);
            separator = ',';
            // Spaces in a row count as one.
            let mut words = value.to_str().ok()?.split([' ', '\t']).filter(|word| !word.is_empty());
            out.push_str(words.next().unwrap_or_default());
            for word in words {
                out.push(' ');
                out.push_str(word);
            }
        }
        out.push('\n');
    }
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    Some(names.join(";"))
}

/// The time as `20150830T123600Z`.
fn date(now: Timestamp) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(now.unix_millis() / 1_000);
    humantime::format_rfc3339_seconds(time).to_string().replace(['-', ':'], "")
}

fn encode(bytes: impl Iterator<Item = u8>, out: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            percent::push_encoded(out, byte);
        }
    }
}

fn hmac(key: &[u8], text: &str) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().into())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn example(service: &str, region: &str, keys: (&str, &str)) -> Sigv4 {
        let (access_key, secret_key) = (keys.0.into(), keys.1.into());
        let (region, service) = (region.into(), service.into());
        Sigv4 {
            region,
            service,
            access_key,
            secret_key,
            session_token: None,
            signs_content: false,
            fields: Box::default(),
        }
    }

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    /// AWS, "Signature Version 4 Test Suite" (aws-sig-v4-test-suite): get-vanilla, post-vanilla, get-vanilla-empty-query-key,
    /// get-vanilla-query-order-key-case.
    #[test]
    fn signatures_are_those_of_the_test_suite() {
        let keys = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let service = example("service", "us-east-1", keys);
        let date = "20150830T123600Z";
        let headers = headers(&[("host", "example.amazonaws.com"), ("x-amz-date", date), ("my-header", "unsigned")]);
        for (method, query, signature) in [
            (Method::GET, "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (Method::POST, "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (Method::GET, "Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
            (
                Method::GET,
                "Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={signature}"
            );
            let signed = service.authorization(&method, ("/", query), &headers, EMPTY, date);
            assert_eq!(signed, Some(expected), "{method} {query}");
        }
    }

    /// Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", examples "GET Bucket Lifecycle" and "Get
    /// Bucket (List Objects)". What a client states of these fields is replaced.
    #[test]
    fn requests_are_signed_as_in_the_examples_of_s3() {
        let keys = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        let s3 = example("s3", "us-east-1", keys);
        let now = Timestamp::from_unix_millis(1_369_353_600_999);
        for (query, signature) in [
            ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            ("prefix=J&max-keys=2", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ] {
            let mut fields = headers(&[
                ("host", "examplebucket.s3.amazonaws.com"),
                ("authorization", "Bearer of-the-client"),
                ("x-amz-security-token", "of-the-client"),
                ("x-amz-date", "20010101T000000Z"),
            ]);
            s3.sign(&Method::GET, ("/", query), &mut fields, Some(b""), now).unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}"
            );
            assert_eq!(fields[AUTHORIZATION], *expected);
            assert!(fields[AUTHORIZATION].is_sensitive());
            assert_eq!(
                (&fields[DATE], &fields[CONTENT]),
                (&HeaderValue::from_static("20130524T000000Z"), &HeaderValue::from_static(EMPTY))
            );
            assert!(!fields.contains_key(TOKEN));
        }
        // What would be done in the gateway's name, in any spelling.
        let mut fields = headers(&[
            ("x-amz-copy-source", "/b/c"),
            ("x_amz_acl", "public-read"),
            ("xamz~date", "20010101T000000Z"),
            ("x-amz-date.", "20010101T000000Z"),
            ("x.amz.security.token", "of-the-client"),
            ("x-amz-meta-a", "1"),
            ("authorization_", "of-the-client"),
        ]);
        let lenient =
            Sigv4 { fields: Box::new(["x-amz-meta-*".into(), "x-amz-d*".into()]), ..example("s3", "us-east-1", keys) };
        lenient.sign(&Method::PUT, ("/a", ""), &mut fields, None, now).unwrap();
        let mut names: Vec<&str> = fields.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-meta-a"]);
        let mut fields = headers(&[("host", "h")]);
        s3.sign(&Method::PUT, ("/a", ""), &mut fields, None, now).unwrap();
        assert_eq!(fields[CONTENT], "UNSIGNED-PAYLOAD");
    }

    /// IAM User Guide, "Create a signed API request": each segment is encoded twice, but for S3; names and values of the query are sorted
    /// once they are encoded; spaces in a row are one.
    #[test]
    fn paths_queries_and_fields_have_a_canonical_form() {
        let path = |service, path| {
            let mut out = String::new();
            example(service, "r", ("", "")).path(path, &mut out);
            out
        };
        assert_eq!(path("execute-api", "/a%20b/c:d/~"), "/a%2520b/c%3Ad/~");
        assert_eq!(path("s3", "/a%20b/c:d/x%2Fy"), "/a%20b/c%3Ad/x%2Fy");
        let mut query = String::new();
        canonical_query("b=2&a&a=%7e%2f&A=%C3%A4+", &mut query);
        assert_eq!(query, "A=%C3%A4%2B&a=&a=~%2F&b=2");
        let mut out = String::new();
        let fields = headers(&[("x-amz-b", " a   b "), ("host", "h"), ("x-other", "1")]);
        assert_eq!(canonical_headers(&fields, &mut out).unwrap(), "host;x-amz-b");
        assert_eq!(out, "host:h\nx-amz-b:a b\n");
    }
}
