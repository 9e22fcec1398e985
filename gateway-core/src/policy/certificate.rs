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
    /// The consumer.
    pub consumer: Arc<Consumer>,
}

impl CertificateHolders {
    /// Those of this list.
    #[must_use]
    pub fn new(mut list: Vec<Holder>) -> Self {
        order::sort_by(&mut list, |one, other| (one.mark, &one.text).cmp(&(other.mark, &other.text)));
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
        let mut consumer = self.find(Mark::Sha256, &certificate.sha256);
        if consumer.is_none() {
            for name in &certificate.names {
                match (consumer, self.find(Mark::San, name)) {
                    (Some(one), Some(other)) if one.name != other.name => return Err(Refusal::OtherConsumer),
                    (None, found) => consumer = found,
                    _ => {}
                }
            }
        }
        let subject = certificate.subject.as_deref();
        let consumer = consumer.or_else(|| self.find(Mark::Subject, subject?));
        let credential = Some(Arc::from(&*certificate.sha256));
        Ok(Caller { consumer: consumer.cloned(), credential, ..Caller::default() })
    }

    fn find(&self, mark: Mark, text: &str) -> Option<&Arc<Consumer>> {
        let at = self.0.binary_search_by(|holder| (holder.mark, &*holder.text).cmp(&(mark, text))).ok()?;
        self.0.get(at).map(|holder| &holder.consumer)
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
            Holder { mark, text: text.into(), consumer }
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

    /// RFC 5280 §4.1.2.5: through its last second, and not after; a connection may stand for longer.
    #[test]
    fn a_certificate_ends_while_its_connection_stands() {
        let at = |millis| {
            CertificateHolders::default().caller(&certificate(1, &[], ""), Timestamp::from_unix_millis(millis)).err()
        };
        assert_eq!((at(100_000), at(100_001)), (None, Some(Refusal::CertificateExpired)));
    }
}
