//! The certificate that a client has shown (RFC 5280), and the field in which a proxy tells of it (RFC 9440).

use core::fmt::Write as _;

use crate::base64;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};

/// `Client-Cert` (RFC 9440 §2.2).
pub const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
/// `Client-Cert-Chain` (RFC 9440 §2.3).
pub const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// The most bytes of a field of these: a certificate has one or two thousand.
const MOST_BYTES: usize = 32 * 1024;

/// The most certificates of a chain.
const MOST_CHAIN: usize = 16;

/// The certificate of a client. Somebody else has verified it: the listener, the platform or a trusted proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The SHA-256 of its DER, in small hexadecimal digits.
    pub sha256: Box<str>,
    /// Its subject (RFC 4514), if that is known and not empty.
    pub subject: Option<Box<str>>,
    /// The subject of its issuer (RFC 4514), if that is known and not empty.
    pub issuer: Option<Box<str>>,
    /// Its alternative names of the kinds DNS, URI, email and address (RFC 5280 §4.2.1.6). No text can be of two kinds.
    pub names: Box<[Box<str>]>,
    /// Its serial number, in small hexadecimal digits.
    pub serial: Option<Box<str>>,
    /// The end of its validity, in seconds since 1970.
    pub expires: Option<i64>,
    /// The value of `Client-Cert` that tells of it, if its DER is known.
    pub field: Option<HeaderValue>,
    /// The thumbprint that tokens name (RFC 8705 §3.1), made of the digest once.
    thumbprint: Box<str>,
}

/// What Cloudflare's edge says of the certificate that a client has shown to it, in its own words (`request.cf.tlsClientAuth`). What it
/// does not say is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct EdgeCertificate<'t> {
    /// `1` if there is one.
    pub presented: &'t [u8],
    /// `SUCCESS` if it is trusted: also of one that has been revoked.
    pub verified: &'t [u8],
    /// `0` unless it has been revoked.
    pub revoked: &'t [u8],
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: &'t [u8],
    /// Its subject (RFC 2253).
    pub subject: &'t [u8],
    /// The subject of its issuer (RFC 2253).
    pub issuer: &'t [u8],
    /// Its serial number, in hexadecimal digits.
    pub serial: &'t [u8],
    /// The end of its validity, in seconds since 1970.
    pub expires: &'t [u8],
    /// The value of `Client-Cert` that tells of it. The edge leaves out large ones.
    pub field: &'t [u8],
}

impl EdgeCertificate<'_> {
    /// The certificate, if the edge has verified it.
    #[must_use]
    pub fn read(&self) -> Option<Certificate> {
        if (self.presented, self.verified, self.revoked) != (b"1", b"SUCCESS", b"0") {
            return None;
        }
        let text = |text: &[u8]| core::str::from_utf8(text).ok().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Certificate {
            subject: text(self.subject).map(String::into_boxed_str),
            issuer: text(self.issuer).map(String::into_boxed_str),
            serial: text(self.serial).map(|digits| digits.to_ascii_lowercase().into()),
            expires: text(self.expires).and_then(|seconds| seconds.parse().ok()),
            field: HeaderValue::from_bytes(self.field).ok().filter(|field| !field.is_empty()),
            ..Certificate::of_digest(&digest(self.sha256)?)
        })
    }
}

/// The digest with these hexadecimal digits.
fn digest(digits: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    if pairs.len() != digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        for digit in pair {
            *byte = *byte << 4 | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
        }
    }
    Some(digest)
}

/// The fields of a proxy are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Certificate {
    /// The certificate with this DER.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        let field = HeaderValue::try_from(format!(":{}:", Base64::encode_string(der))).ok();
        Self::with_field(der, field)
    }

    /// The certificate of which no more is known than this digest of its DER.
    #[must_use]
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let mut sha256 = String::with_capacity(64);
        for byte in digest {
            let _ = write!(sha256, "{byte:02x}");
        }
        Self {
            sha256: sha256.into(),
            subject: None,
            issuer: None,
            names: Box::default(),
            serial: None,
            expires: None,
            field: None,
            thumbprint: Base64UrlUnpadded::encode_string(digest).into(),
        }
    }

    fn with_field(der: &[u8], field: Option<HeaderValue>) -> Self {
        let mut certificate = Self { field, ..Self::of_digest(&Sha256::digest(der).into()) };
        // Whoever verified it has read it. A build that can't, or a form that is read there alone, leaves the digest.
        read::names(der, &mut certificate);
        certificate
    }

    /// Returns whether a token that is bound to the certificate with this `x5t#S256` is bound to this one (RFC 8705 §3.1).
    #[must_use]
    pub fn has_thumbprint(&self, thumbprint: &str) -> bool {
        *self.thumbprint == *thumbprint
    }
}

/// The certificate that `headers` of a trusted proxy state, if they do.
///
/// # Errors
/// The fields are no byte sequences of certificates (RFC 9440 §2.1).
pub fn stated(headers: &HeaderMap) -> Result<Option<Certificate>, Malformed> {
    let mut fields = headers.get_all(CLIENT_CERT).iter();
    let chain: usize = headers.get_all(CLIENT_CERT_CHAIN).iter().map(|line| line.len()).sum();
    let Some(field) = fields.next() else {
        // RFC 9440 §2.3: no chain without a certificate.
        return if headers.contains_key(CLIENT_CERT_CHAIN) { Err(Malformed) } else { Ok(None) };
    };
    if fields.next().is_some() || field.len() > MOST_BYTES || chain > MOST_BYTES {
        return Err(Malformed);
    }
    let der = sequence(field.as_bytes())?;
    if !is_certificate(&der) {
        return Err(Malformed);
    }
    let chain = headers.get_all(CLIENT_CERT_CHAIN).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    for (index, member) in chain.enumerate() {
        if index >= MOST_CHAIN {
            return Err(Malformed);
        }
        sequence(member)?;
    }
    Ok(Some(Certificate::with_field(&der, Some(field.clone()))))
}

/// The DER of a certificate in a byte sequence (RFC 9651 §4.2.7). No parameters are defined, and none are taken.
fn sequence(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let text = core::str::from_utf8(text.trim_ascii()).map_err(|_| Malformed)?;
    let inner = text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).ok_or(Malformed)?;
    // RFC 9651 §4.2.7: without padding as well.
    let der = base64::decode(inner).ok_or(Malformed)?;
    if is_sequence(&der) { Ok(der) } else { Err(Malformed) }
}

/// Returns whether `der` is one SEQUENCE (X.690 §8.1.3).
fn is_sequence(der: &[u8]) -> bool {
    matches!(element(der), Some((0x30, [_, ..], [])))
}

/// Returns whether `der` has the outer form of a certificate, a SEQUENCE of two others and a BIT STRING (RFC 5280 §4.1): all that is asked
/// where nothing reads certificates.
fn is_certificate(der: &[u8]) -> bool {
    let Some((0x30, mut rest, [])) = element(der) else { return false };
    for tag in [0x30, 0x30, 0x03] {
        match element(rest) {
            Some((own, [_, ..], after)) if own == tag => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// The tag and the content of the element at the beginning of `der`, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

#[cfg(not(feature = "certificates"))]
mod read {
    //! Builds without a reader of X.509.

    pub(super) const fn names(_: &[u8], _: &mut super::Certificate) {}
}

#[cfg(feature = "certificates")]
mod read {
    //! The names in a certificate.

    use core::net::IpAddr;

    use x509_cert::der::Decode as _;
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;
    use x509_cert::name::Name;

    use super::Certificate;

    /// Fills in what `der` says of `certificate`; nothing if it is of another form (RFC 5280 §4.1).
    pub(super) fn names(der: &[u8], certificate: &mut Certificate) {
        let Ok(parsed) = x509_cert::Certificate::from_der(der) else { return };
        let stated = parsed.tbs_certificate();
        let whole = |name: &Name| (!name.is_empty()).then(|| name.to_string().into());
        certificate.subject = whole(stated.subject());
        certificate.issuer = whole(stated.issuer());
        let digits = stated.serial_number().as_bytes().iter().map(|byte| format!("{byte:02x}"));
        certificate.serial = Some(digits.collect::<String>().into());
        let until = stated.validity().not_after.to_unix_duration().as_secs();
        certificate.expires = Some(i64::try_from(until).unwrap_or(i64::MAX));
        if let Ok(Some((_, SubjectAltName(names)))) = stated.get_extension::<SubjectAltName>() {
            certificate.names = names.iter().filter_map(text).collect();
        }
    }

    /// The text of a name. Each kind has a form that no other has, so that no name passes for another kind's.
    fn text(name: &GeneralName) -> Option<Box<str>> {
        let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
        match name {
            GeneralName::DnsName(name) => {
                let name = name.as_str();
                let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte));
                (is_name && !name.is_empty() && !is_address(name)).then(|| name.to_ascii_lowercase().into())
            }
            GeneralName::UniformResourceIdentifier(uri) => {
                let uri = uri.as_str();
                let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
                let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
                (is_scheme && !is_address(uri)).then(|| uri.into())
            }
            GeneralName::Rfc822Name(name) => {
                let name = name.as_str();
                (name.contains('@') && !name.contains(':')).then(|| name.into())
            }
            GeneralName::IpAddress(bytes) => {
                let bytes = bytes.as_bytes();
                let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()?;
                Some(address.to_string().into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{Generator, fields};

    /// RFC 9440 Appendix A, Figure 2: the certificate of the example, as `Client-Cert` has it.
    const EXAMPLE: &str = ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:";

    fn read(lines: &[(&'static str, &str)]) -> Result<Option<Certificate>, Malformed> {
        stated(&fields(lines))
    }

    /// RFC 9440 Appendix A: subject, issuer, alternative name, serial number and validity of the example.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let certificate = read(&[("client-cert", EXAMPLE)]).unwrap().unwrap();
        assert_eq!(&*certificate.sha256, "bfaf1f7e070f9fa8dd62905f158da73f84a1136624fbafcc9393c8f7287a69eb");
        assert_eq!(certificate.field.as_ref().unwrap(), EXAMPLE);
        assert!(certificate.has_thumbprint("v68ffgcPn6jdYpBfFY2nP4ShE2Yk-6_Mk5PI9yh6aes"));
        assert!(
            !certificate.has_thumbprint("v68ffgcPn6jdYpBfFY2nP4ShE2Yk-6_Mk5PI9yh6aes=")
                && !certificate.has_thumbprint("")
        );
        #[cfg(feature = "certificates")]
        {
            assert_eq!(certificate.subject.as_deref(), Some("CN=BC"));
            assert_eq!(certificate.issuer.as_deref(), Some("CN=LA Intermediate CA,O=Let's Authenticate"));
            assert_eq!(*certificate.names, ["bdc@example.com".into()]);
            assert_eq!((certificate.serial.as_deref(), certificate.expires), (Some("07"), Some(1_611_442_533)));
        }
        let der = sequence(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(Certificate::of_der(&der), certificate);
    }

    /// Cloudflare's documentation, Client certificate variables: the words for one that is good, and that one which has been revoked
    /// counts as verified.
    #[test]
    fn a_certificate_counts_only_if_the_edge_has_verified_it() {
        let sha256 = [b"AB".repeat(31), b"0f".to_vec()].concat();
        let shown = EdgeCertificate {
            presented: b"1",
            verified: b"SUCCESS",
            revoked: b"0",
            sha256: &sha256,
            subject: "CN=Jos\u{e9},O=Access".as_bytes(),
            issuer: b"CN=Clients,O=Access",
            serial: b"00936EACBE07F201DF",
            expires: b"1545507540",
            field: EXAMPLE.as_bytes(),
        };
        let read = shown.read().unwrap();
        assert_eq!(*read.sha256, ["ab".repeat(31), "0f".to_owned()].concat());
        assert_eq!(read.subject.as_deref(), Some("CN=Jos\u{e9},O=Access"));
        assert_eq!(read.issuer.as_deref(), Some("CN=Clients,O=Access"));
        assert_eq!((read.serial.as_deref(), read.expires), (Some("00936eacbe07f201df"), Some(1_545_507_540)));
        assert_eq!(read.field.as_ref().unwrap(), EXAMPLE);
        assert!(read.names.is_empty());

        let bare = EdgeCertificate { subject: b"", issuer: b"", serial: b"", expires: b"NaN", field: b"", ..shown };
        let known = bare.read().unwrap();
        assert_eq!((known.subject, known.issuer, known.serial), (None, None, None));
        assert_eq!((known.expires, known.field), (None, None));

        for void in [
            EdgeCertificate { presented: b"0", ..shown },
            EdgeCertificate { verified: b"NONE", ..shown },
            EdgeCertificate { verified: b"FAILED:certificate has expired", ..shown },
            EdgeCertificate { verified: b"", ..shown },
            EdgeCertificate { revoked: b"1", ..shown },
            EdgeCertificate { revoked: b"", ..shown },
            EdgeCertificate { sha256: b"", ..shown },
            EdgeCertificate { sha256: &sha256[1..], ..shown },
            EdgeCertificate { sha256: &[b'x'; 64], ..shown },
            EdgeCertificate { sha256: &[b'a'; 66], ..shown },
            EdgeCertificate::default(),
        ] {
            assert_eq!(void.read(), None, "{void:?}");
        }
    }

    /// RFC 9651 §4.2.7, RFC 9440 §2.2: an item, a byte sequence, one certificate.
    #[test]
    fn what_is_no_byte_sequence_of_a_certificate_is_refused() {
        let unpadded = EXAMPLE.replace('=', "");
        assert!(read(&[("client-cert", &unpadded)]).is_ok());
        assert!(read(&[("client-cert", &format!(" {EXAMPLE} "))]).is_ok());
        assert_eq!(read(&[]), Ok(None));
        let inner = EXAMPLE.trim_matches(':');
        for wrong in [
            "",
            ":",
            "::",
            inner,
            &format!(":{inner}"),
            &format!("{inner}:"),
            &format!("\"{inner}\""),
            &format!("{EXAMPLE};a=1"),
            &format!("{EXAMPLE},{EXAMPLE}"),
            ":MIIBqDCCAU6g:",
            ":MAA=:",
            ":MAIF:",
            // SEQUENCE { 0 }, and one without a signature.
            ":MAEA:",
            ":MAQwADAA:",
            ":MAA!:",
            ":bm90IGEgY2VydGlmaWNhdGU=:",
            "-----BEGIN%20CERTIFICATE-----",
            &format!(":{}:", "A".repeat(MOST_BYTES)),
        ] {
            assert_eq!(read(&[("client-cert", wrong)]), Err(Malformed), "{wrong}");
        }
        assert_eq!(read(&[("client-cert", EXAMPLE), ("client-cert", EXAMPLE)]), Err(Malformed));
    }

    /// RFC 9440 §2.3: a list of byte sequences beside a certificate, and never without.
    #[test]
    fn a_chain_is_a_list_beside_a_certificate() {
        let chain = format!("{EXAMPLE}, {EXAMPLE}");
        assert!(read(&[("client-cert", EXAMPLE), ("client-cert-chain", &chain)]).is_ok());
        assert!(
            read(&[("client-cert", EXAMPLE), ("client-cert-chain", EXAMPLE), ("client-cert-chain", EXAMPLE)]).is_ok()
        );
        assert_eq!(read(&[("client-cert-chain", EXAMPLE)]), Err(Malformed));
        for wrong in ["", "a", &format!("{EXAMPLE},"), &vec![":MAMCAQE=:"; MOST_CHAIN + 1].join(",")] {
            assert_eq!(read(&[("client-cert", EXAMPLE), ("client-cert-chain", wrong)]), Err(Malformed), "{wrong}");
        }
        let longest = vec![":MAMCAQE=:"; MOST_CHAIN].join(",");
        assert!(read(&[("client-cert", EXAMPLE), ("client-cert-chain", &longest)]).is_ok());
    }

    /// Whatever bytes a certificate has, its digest is known.
    #[test]
    fn no_altered_certificate_does_harm() {
        let whole = sequence(EXAMPLE.as_bytes()).unwrap();
        let mut generator = Generator::new(7);
        for _ in 0..2_000 {
            let mut der = whole.clone();
            for _ in 0..3 {
                let at = generator.below(der.len());
                der[at] = u8::try_from(generator.below(256)).unwrap();
            }
            assert_eq!(Certificate::of_der(&der).sha256.len(), 64);
            der.truncate(generator.below(der.len()));
            assert_eq!(Certificate::of_der(&der).sha256.len(), 64);
        }
    }
}
