//! Certificates of clients: whom they are of.

use std::sync::Arc;

use crate::caller::Caller;
use crate::caller::consumer::Consumer;
use crate::caller::refusal::Refusal;
use crate::http::certificate::Certificate;
use crate::order;
use crate::time::Timestamp;

/// What a certificate is known by. The nearer to the one certificate, the earlier it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// The digest of the whole.
    Sha256,
    /// An alternative name.
    San,
    /// The subject.
    Subject,
}

/// The consumers that certificates are of, in the order of their marks.
#[derive(Clone, Debug, Default)]
pub struct CertificateHolders(Box<[Holder]>);

/// A consumer, by what its certificates are known by.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The kind of the text.
    pub mark: Mark,
    /// The text that a certificate has.
    pub text: Box<str>,
    /// The subject that the issuer of the certificate has; `None` for any.
    pub issuer: Option<Box<str>>,
    /// The consumer.
    pub consumer: Arc<Consumer>,
}

impl CertificateHolders {
    /// Those of this list.
    #[must_use]
    pub fn new(mut list: Vec<Holder>) -> Self {
        order::sort_by(&mut list, |one, other| one.key().cmp(&other.key()));
        Self(list.into())
    }

    /// The caller that has shown `certificate`.
    ///
    /// # Errors
    /// It is void at `now`, though its connection may stand; or its names are those of two consumers.
    pub fn caller(&self, certificate: &Certificate, now: Timestamp) -> Result<Caller, Refusal> {
        let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
        if certificate.expires.is_some_and(|expires| now > expires.saturating_mul(1_000)) {
            return Err(Refusal::CertificateExpired);
        }
        let issuer = certificate.issuer.as_deref();
        let mut consumer = self.find((Mark::Sha256, &certificate.sha256, None));
        if consumer.is_none() {
            for name in &certificate.names {
                match (consumer, self.named(Mark::San, name, issuer)) {
                    (Some(one), Some(other)) if one.name != other.name => return Err(Refusal::OtherConsumer),
                    (None, found) => consumer = found,
                    _ => {}
                }
            }
        }
        let subject = certificate.subject.as_deref();
        let consumer = consumer.or_else(|| self.named(Mark::Subject, subject?, issuer));
        let credential = Some(Arc::from(&*certificate.sha256));
        Ok(Caller { consumer: consumer.cloned(), credential, ..Caller::default() })
    }

    /// The consumer that is known by a name: the one that says by whom it is issued before the one that does not.
    fn named(&self, mark: Mark, text: &str, issuer: Option<&str>) -> Option<&Arc<Consumer>> {
        let of_issuer = issuer.and_then(|issuer| self.find((mark, text, Some(issuer))));
        of_issuer.or_else(|| self.find((mark, text, None)))
    }

    fn find(&self, key: (Mark, &str, Option<&str>)) -> Option<&Arc<Consumer>> {
        let at = self.0.binary_search_by(|holder| holder.key().cmp(&key)).ok()?;
        self.0.get(at).map(|holder| &holder.consumer)
    }
}

impl Holder {
    fn key(&self) -> (Mark, &str, Option<&str>) {
        (self.mark, &self.text, self.issuer.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(byte: u8, names: &[&str], subject: &str) -> Certificate {
        let mut certificate = Certificate::of_digest(&[byte; 32]);
        certificate.names = names.iter().map(|name| (*name).into()).collect();
        certificate.subject = Some(subject.into());
        certificate.expires = Some(100);
        certificate
    }

    /// docs/configuration.md, Certificates of clients: the digest counts before alternative names, and they before the subject.
    #[test]
    fn a_certificate_is_of_the_consumer_of_its_nearest_mark() {
        let holder = |mark, text: &str, name: &str| {
            let consumer = Arc::new(Consumer { name: name.into(), ..Consumer::default() });
            Holder { mark, text: text.into(), issuer: None, consumer }
        };
        let holders = CertificateHolders::new(vec![
            holder(Mark::Subject, "CN=a", "subject"),
            holder(Mark::San, "a.test", "name"),
            holder(Mark::San, "b.test", "other"),
            holder(Mark::Sha256, &"07".repeat(32), "digest"),
        ]);
        let found = |certificate: &Certificate| {
            let caller = holders.caller(certificate, Timestamp::from_unix_millis(100_000))?;
            assert_eq!(caller.credential.as_deref(), Some(&*certificate.sha256));
            Ok(caller.consumer.map(|consumer| consumer.name.to_string()))
        };
        let is = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(found(&certificate(7, &["a.test"], "CN=a")), is("digest"));
        assert_eq!(found(&certificate(8, &["x.test", "a.test"], "CN=a")), is("name"));
        assert_eq!(found(&certificate(8, &[], "CN=a")), is("subject"));
        assert_eq!(found(&certificate(8, &["CN=a"], "a.test")), Ok(None));
        assert_eq!(found(&certificate(8, &["a.test", "b.test"], "")), Err(Refusal::OtherConsumer));
    }

    /// docs/configuration.md, Certificates of clients: a name with `issuer` is that of certificates of this issuer, before one without.
    #[test]
    fn a_name_counts_of_its_issuer_alone() {
        let holder = |mark, text: &str, issuer: Option<&str>, name: &str| {
            let consumer = Arc::new(Consumer { name: name.into(), ..Consumer::default() });
            Holder { mark, text: text.into(), issuer: issuer.map(Into::into), consumer }
        };
        let holders = CertificateHolders::new(vec![
            holder(Mark::San, "a.test", Some("CN=one"), "name"),
            holder(Mark::Subject, "CN=a", Some("CN=one"), "one"),
            holder(Mark::Subject, "CN=a", Some("CN=two"), "two"),
            holder(Mark::Subject, "CN=b", None, "any"),
            holder(Mark::Subject, "CN=b", Some("CN=two"), "of two"),
        ]);
        let found = |names: &[&str], subject: &str, issuer: Option<&str>| {
            let mut certificate = certificate(1, names, subject);
            certificate.issuer = issuer.map(Into::into);
            let caller = holders.caller(&certificate, Timestamp::from_unix_millis(0)).unwrap();
            caller.consumer.map(|consumer| consumer.name.to_string())
        };
        let is = |name: &str| Some(name.to_owned());
        assert_eq!(found(&["a.test"], "", Some("CN=one")), is("name"));
        assert_eq!(found(&["a.test"], "", Some("CN=two")), None);
        assert_eq!(found(&["a.test"], "", None), None);
        assert_eq!(found(&[], "CN=a", Some("CN=one")), is("one"));
        assert_eq!(found(&[], "CN=a", Some("CN=two")), is("two"));
        assert_eq!(found(&[], "CN=a", Some("CN=One")), None);
        assert_eq!(found(&[], "CN=b", Some("CN=one")), is("any"));
        assert_eq!(found(&[], "CN=b", Some("CN=two")), is("of two"));
        assert_eq!(found(&[], "CN=b", None), is("any"));
    }

    /// RFC 5280 §4.1.2.5: through its last second, and not after; a connection may stand for longer.
    #[test]
    fn a_certificate_ends_while_its_connection_stands() {
        let at = |millis| {
            CertificateHolders::default().caller(&certificate(1, &[], ""), Timestamp::from_unix_millis(millis)).err()
        };
        assert_eq!((at(100_000), at(100_001)), (None, Some(Refusal::CertificateExpired)));
    }
}
