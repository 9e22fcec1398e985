//! Webhooks: what their senders state, and whether the content is signed by a secret that is known here (HMAC-SHA-256, RFC 2104).
//!
//! The schemes are those of Standard Webhooks 1.0.0 ("Signature scheme"), of GitHub ("Validating webhook deliveries"), of Stripe ("Verify
//! webhook signatures manually") and of Slack ("Verifying requests from Slack").

use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

use super::credential::Place;
use crate::base64;
use crate::caller::Caller;
use crate::caller::refusal::Refusal;
use crate::http::percent::hex_digit;
use crate::jose::hmac::HmacKey;
use crate::order;
use crate::time::Timestamp;

/// The longest field with signatures, and the most signatures that are compared.
const MOST_BYTES: usize = 4_096;
const MOST_TAGS: usize = 16;

/// A way of signing webhooks.
#[derive(Debug)]
pub struct Scheme {
    /// Its sender, for a list of policies.
    pub name: &'static str,
    /// The field with the signatures.
    pub signatures: HeaderName,
    /// The field with the time; none if it stands among the signatures, or nowhere.
    time: Option<HeaderName>,
    /// The field with the identifier, if it is signed.
    id: Option<HeaderName>,
    /// What separates signatures.
    separator: char,
    /// What is before a signature.
    prefix: &'static str,
    /// What is before a time among the signatures.
    time_prefix: Option<&'static str>,
    /// Set if signatures are in Base 64, and not in hexadecimal digits.
    is_base64: bool,
    /// What is signed first, and what after each part.
    start: &'static str,
    after: &'static str,
}

/// Standard Webhooks: `webhook-signature: v1,BASE64 v1,BASE64`, of `ID.TIME.CONTENT`.
pub static STANDARD: Scheme = Scheme {
    name: "Standard Webhooks",
    signatures: HeaderName::from_static("webhook-signature"),
    time: Some(HeaderName::from_static("webhook-timestamp")),
    id: Some(HeaderName::from_static("webhook-id")),
    separator: ' ',
    prefix: "v1,",
    time_prefix: None,
    is_base64: true,
    start: "",
    after: ".",
};

/// GitHub: `X-Hub-Signature-256: sha256=HEX`, of the content alone.
pub static GITHUB: Scheme = Scheme {
    name: "GitHub",
    signatures: HeaderName::from_static("x-hub-signature-256"),
    time: None,
    id: None,
    separator: ',',
    prefix: "sha256=",
    time_prefix: None,
    is_base64: false,
    start: "",
    after: "",
};

/// Stripe: `Stripe-Signature: t=TIME,v1=HEX,v1=HEX`, of `TIME.CONTENT`.
pub static STRIPE: Scheme = Scheme {
    name: "Stripe",
    signatures: HeaderName::from_static("stripe-signature"),
    time: None,
    id: None,
    separator: ',',
    prefix: "v1=",
    time_prefix: Some("t="),
    is_base64: false,
    start: "",
    after: ".",
};

/// Slack: `X-Slack-Signature: v0=HEX`, of `v0:TIME:CONTENT`.
pub static SLACK: Scheme = Scheme {
    name: "Slack",
    signatures: HeaderName::from_static("x-slack-signature"),
    time: Some(HeaderName::from_static("x-slack-request-timestamp")),
    id: None,
    separator: ',',
    prefix: "v0=",
    time_prefix: None,
    is_base64: false,
    start: "v0:",
    after: ":",
};

impl Scheme {
    /// The fields that are signed with the content.
    pub fn signed_fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.id.iter().chain(&self.time)
    }

    /// Returns whether a time is signed.
    #[must_use]
    pub const fn has_time(&self) -> bool {
        self.time.is_some() || self.time_prefix.is_some()
    }
}

/// A compiled proof by the signature of a webhook.
#[derive(Debug)]
pub struct Webhook {
    /// The way of signing.
    pub scheme: &'static Scheme,
    /// The secrets.
    pub keys: Box<[HmacKey]>,
    /// The most by which a signed time may differ from now.
    pub tolerance: Duration,
    /// The time for which a delivery is let in once; zero for no bound.
    pub replay: Duration,
    /// The most bytes of content.
    pub limit: u64,
    /// The field with the signatures, which is shown to nobody.
    pub places: [Place; 1],
    /// Whom the sender counts as.
    pub caller: Arc<Caller>,
}

/// What a sender states of a delivery.
#[derive(Debug)]
pub struct Delivery {
    /// What is signed before the content.
    before: String,
    /// The signatures.
    tags: Vec<[u8; 32]>,
}

impl Webhook {
    /// What is stated in `headers`, at `now`.
    ///
    /// # Errors
    /// Nothing is stated, it can't be read, or its time is far away.
    pub fn stated(&self, headers: &HeaderMap, now: Timestamp) -> Result<Delivery, Refusal> {
        let scheme = self.scheme;
        let stated = field(headers, &scheme.signatures)?.ok_or(Refusal::Absent)?;
        let other = |name: &Option<HeaderName>| match name {
            Some(name) => field(headers, name)?.ok_or(Refusal::SignatureMalformed).map(Some),
            None => Ok(None),
        };
        let (id, mut time) = (other(&scheme.id)?, other(&scheme.time)?);
        let mut tags = Vec::new();
        for part in stated.split(scheme.separator).map(str::trim).take(MOST_TAGS) {
            if let Some(stated) = scheme.time_prefix.and_then(|prefix| part.strip_prefix(prefix)) {
                if time.replace(stated).is_some() {
                    return Err(Refusal::SignatureMalformed);
                }
            } else if let Some(tag) = part.strip_prefix(scheme.prefix) {
                // Those of other versions, and what is none, count for nothing.
                tags.extend(if scheme.is_base64 { base64(tag) } else { hex(tag) });
            }
        }
        // "must not be allowed to include any `.`": it would tell the parts of what is signed apart no more.
        // Without any text it would tell no two deliveries of one time apart.
        if tags.is_empty() || id.is_some_and(|id| id.is_empty() || id.contains('.')) {
            return Err(Refusal::SignatureMalformed);
        }
        if scheme.has_time() {
            let seconds = time.and_then(seconds).ok_or(Refusal::SignatureMalformed)?;
            let stated = Timestamp::from_unix_millis(seconds.saturating_mul(1_000));
            if now.saturating_since(stated) > self.tolerance {
                return Err(Refusal::SignatureExpired);
            }
            if stated.saturating_since(now) > self.tolerance {
                return Err(Refusal::SignatureEarly);
            }
        }
        let mut before = String::from(scheme.start);
        for part in [id, time].into_iter().flatten() {
            before.push_str(part);
            before.push_str(scheme.after);
        }
        Ok(Delivery { before, tags })
    }

    /// Checks that one of the signatures is that of `content` by one of the secrets. Returns the counter cells of the delivery, and the number
    /// of the secret. There is a cell for each secret, whichever has signed: a delivery with two signatures would be another one by each, and
    /// another policy may know one of them alone.
    ///
    /// # Errors
    /// None is.
    pub fn check(&self, delivery: &Delivery, content: &[u8]) -> Result<(Vec<String>, usize), Refusal> {
        let (mut cells, mut by) = (Vec::new(), None);
        for (index, key) in self.keys.iter().enumerate() {
            let tag = key.sha256(&[delivery.before.as_bytes(), content]).ok_or(Refusal::KeyUnusable)?;
            cells.push(name(&tag));
            if by.is_none() && delivery.tags.iter().any(|stated| bool::from(stated.ct_eq(&tag))) {
                by = Some(index);
            }
        }
        // In one order, so that of two requests one comes first in all.
        order::sort_by(&mut cells, Ord::cmp);
        by.map(|index| (cells, index)).ok_or(Refusal::SignatureWrong)
    }
}

/// The name of the cell of the delivery with this tag. The tag itself is as good as the delivery.
fn name(tag: &[u8; 32]) -> String {
    super::once::cell("wh:", &[tag])
}

/// The only line of the field called `name`.
fn field<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Refusal::Ambiguous);
    }
    let text = line.to_str().ok().filter(|text| text.len() <= MOST_BYTES);
    text.map(Some).ok_or(Refusal::SignatureMalformed)
}

fn seconds(text: &str) -> Option<u64> {
    let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn base64(text: &str) -> Option<[u8; 32]> {
    base64::decode(text)?.try_into().ok()
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != 32 {
        return None;
    }
    let mut tag = [0; 32];
    for (byte, [high, low]) in tag.iter_mut().zip(pairs) {
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Some(tag)
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding as _};

    use super::*;
    use crate::jose::algorithm::Algorithm;

    fn webhook(scheme: &'static Scheme, secrets: &[&[u8]]) -> Webhook {
        Webhook {
            scheme,
            keys: secrets.iter().map(|secret| HmacKey::new(Algorithm::Hs256, secret).unwrap()).collect(),
            tolerance: Duration::from_secs(300),
            replay: Duration::from_secs(600),
            limit: 1,
            places: [Place::Header(scheme.signatures.clone())],
            caller: Arc::default(),
        }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1_000)
    }

    fn run(
        webhook: &Webhook,
        fields: &[(&'static str, &str)],
        seconds: u64,
        content: &str,
    ) -> Result<(Vec<String>, usize), Refusal> {
        webhook.check(&webhook.stated(&headers(fields), at(seconds))?, content.as_bytes())
    }

    /// The secret, delivery and signature in the tests that Standard Webhooks publishes for its libraries.
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const CONTENT: &str = r#"{"test": 2432232314}"#;
    const TIME: u64 = 1_614_265_330;
    const FIELDS: [(&str, &str); 3] = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];

    fn standard() -> Webhook {
        webhook(&STANDARD, &[&Base64::decode_vec(SECRET).unwrap()])
    }

    #[test]
    fn the_published_delivery_of_standard_webhooks_is_good() {
        assert!(run(&standard(), &FIELDS, TIME, CONTENT).is_ok());
        for (content, id, time) in [
            (r#"{"test": 2432232315}"#, FIELDS[0].1, "1614265330"),
            (CONTENT, "msg_p5jXN8AQM9LWM0D4loKWxJel", "1614265330"),
            (CONTENT, FIELDS[0].1, "1614265331"),
        ] {
            let fields = [("webhook-id", id), ("webhook-timestamp", time), FIELDS[2]];
            assert_eq!(run(&standard(), &fields, TIME, content), Err(Refusal::SignatureWrong));
        }
    }

    /// Standard Webhooks, "Webhook headers": a list, of which one is enough; other versions are not read.
    #[test]
    fn one_good_signature_of_several_is_enough() {
        let good = FIELDS[2].1;
        for list in [
            format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {good}"),
            format!(
                "v2,AAAA {good} v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
            ),
        ] {
            let fields = [FIELDS[0], FIELDS[1], ("webhook-signature", list.as_str())];
            assert!(run(&standard(), &fields, TIME, CONTENT).is_ok(), "{list}");
        }
        for list in [
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            "v1,",
            "v1,g0hM9SsE",
            "",
        ] {
            let fields = [FIELDS[0], FIELDS[1], ("webhook-signature", list)];
            assert_eq!(run(&standard(), &fields, TIME, CONTENT), Err(Refusal::SignatureMalformed), "{list}");
        }
    }

    /// docs/configuration.md, Webhooks: the tolerance holds in both directions, its edges included.
    #[test]
    fn a_time_far_away_is_refused() {
        for (now, outcome) in [
            (TIME - 301, Some(Refusal::SignatureEarly)),
            (TIME - 300, None),
            (TIME + 300, None),
            (TIME + 301, Some(Refusal::SignatureExpired)),
        ] {
            assert_eq!(run(&standard(), &FIELDS, now, CONTENT).err(), outcome, "{now}");
        }
        for time in ["", "+1614265330", "1614265330.0", "16142653300000", "abc", "-1"] {
            let fields = [FIELDS[0], ("webhook-timestamp", time), FIELDS[2]];
            assert_eq!(run(&standard(), &fields, TIME, CONTENT), Err(Refusal::SignatureMalformed), "{time}");
        }
    }

    /// Standard Webhooks, "Signature scheme": no identifier has a full stop, so that what is signed has one reading.
    #[test]
    fn what_is_signed_has_one_reading() {
        let key = HmacKey::new(Algorithm::Hs256, &Base64::decode_vec(SECRET).unwrap()).unwrap();
        let tag = key.sha256(&[b"a.1614265330.1614265330.x"]).unwrap();
        let signature = format!("v1,{}", Base64::encode_string(&tag));
        let fields = |id| [("webhook-id", id), FIELDS[1], ("webhook-signature", signature.as_str())];
        assert!(run(&standard(), &fields("a"), TIME, "1614265330.x").is_ok());
        assert_eq!(run(&standard(), &fields("a.1614265330"), TIME, "x"), Err(Refusal::SignatureMalformed));
        assert_eq!(run(&standard(), &fields(""), TIME, "x"), Err(Refusal::SignatureMalformed));
    }

    /// GitHub, "Validating webhook deliveries", "Testing the webhook payload validation".
    #[test]
    fn the_published_delivery_of_github_is_good() {
        let github = webhook(&GITHUB, &[b"It's a Secret to Everybody"]);
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(run(&github, &[("x-hub-signature-256", signature)], 0, "Hello, World!").is_ok());
        assert_eq!(
            run(&github, &[("x-hub-signature-256", signature)], 0, "Hello, World"),
            Err(Refusal::SignatureWrong)
        );
        let bare = signature.trim_start_matches("sha256=");
        let cut = signature.trim_end_matches("17");
        for wrong in [cut, bare, "sha1=757107ea0eb2509fc211221cce984b8a37570b6d", "sha256="] {
            let fields = [("x-hub-signature-256", wrong)];
            assert_eq!(run(&github, &fields, 0, "Hello, World!"), Err(Refusal::SignatureMalformed), "{wrong}");
        }
    }

    /// Slack, "Verifying requests from Slack", the example of its steps.
    #[test]
    fn the_published_request_of_slack_is_good() {
        let slack = webhook(&SLACK, &[b"8f742231b10e8888abcd99yyyzzz85a5"]);
        let content = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let fields = [
            ("x-slack-request-timestamp", "1531420618"),
            ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ];
        assert!(run(&slack, &fields, 1_531_420_618, content).is_ok());
        assert_eq!(run(&slack, &fields[1..], 1_531_420_618, content), Err(Refusal::SignatureMalformed));
    }

    /// Stripe, "Verify webhook signatures manually": `t=…,v1=…,v0=…`, of the time, a full stop and the content; the secret is text.
    #[test]
    fn the_form_of_stripe_is_read() {
        let key = HmacKey::new(Algorithm::Hs256, b"whsec_test_secret").unwrap();
        let tag: String = key.sha256(&[b"1492774577.{}"]).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let stripe = webhook(&STRIPE, &[b"another secret", b"whsec_test_secret"]);
        let run = |field: &str| run(&stripe, &[("stripe-signature", field)], 1_492_774_577, "{}");
        let other = "6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39";
        assert_eq!(run(&format!("t=1492774577,v1={other},v1={tag},v0={other}")).unwrap().1, 1);
        assert_eq!(run(&format!("t=1492774577,v1={other}")), Err(Refusal::SignatureWrong));
        for wrong in [format!("v1={tag}"), format!("t=1492774577,t=1,v1={tag}"), format!("t=1492774577,v0={tag}")] {
            assert_eq!(run(&wrong), Err(Refusal::SignatureMalformed), "{wrong}");
        }
    }

    #[test]
    fn a_delivery_has_the_same_cells_whichever_of_its_signatures_is_shown() {
        let webhook = webhook(&GITHUB, &[b"one secret of them", b"another secret of them"]);
        let sign = |key: &HmacKey, content: &[u8]| {
            let tag: String = key.sha256(&[content]).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256={tag}")
        };
        let cell = |key: usize, content: &str| {
            let signature = sign(&webhook.keys[key], content.as_bytes());
            run(&webhook, &[("x-hub-signature-256", &signature)], 0, content).unwrap()
        };
        let ((one, first), (other, second)) = (cell(0, "a"), cell(1, "a"));
        assert_eq!((one.clone(), first, second), (other, 0, 1));
        assert_ne!(one, cell(0, "b").0);
        assert!(one.len() == 2 && one.iter().all(|cell| cell.starts_with("wh:") && cell.len() == 35));
    }

    /// docs/configuration.md, Webhooks: a delivery counts once by whichever policy it comes.
    #[test]
    fn a_secret_makes_the_same_cell_in_every_policy_that_has_it() {
        let key = HmacKey::new(Algorithm::Hs256, b"a secret of both of them").unwrap();
        let tag: String = key.sha256(&[b"a"]).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        let cells = |secrets: &[&[u8]]| {
            let field = format!("sha256={tag}");
            run(&webhook(&GITHUB, secrets), &[("x-hub-signature-256", &field)], 0, "a").unwrap().0
        };
        let alone = cells(&[b"a secret of both of them"]);
        for secrets in [
            [&b"another secret of one"[..], b"a secret of both of them"],
            [b"a secret of both of them", b"another secret of one"],
        ] {
            assert!(cells(&secrets).contains(&alone[0]));
        }
    }

    #[test]
    fn a_field_that_comes_twice_or_is_huge_is_refused() {
        let twice = [FIELDS[2], FIELDS[2], FIELDS[0], FIELDS[1]];
        assert_eq!(run(&standard(), &twice, TIME, CONTENT), Err(Refusal::Ambiguous));
        let long = format!("{} {}", FIELDS[2].1, "v1,a ".repeat(1_000));
        let long = [FIELDS[0], FIELDS[1], ("webhook-signature", long.as_str())];
        assert_eq!(run(&standard(), &long, TIME, CONTENT), Err(Refusal::SignatureMalformed));
        assert_eq!(run(&standard(), &FIELDS[..2], TIME, CONTENT), Err(Refusal::Absent));
    }
}
