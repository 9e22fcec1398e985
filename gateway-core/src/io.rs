//! Failures of exchanges with the outside, and of stores.

/// Why an exchange with the outside failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoError {
    /// What failed.
    pub kind: IoErrorKind,
    /// Whether the same call may be sent again without harm: nothing of it can have been processed.
    pub retry: bool,
}

impl IoError {
    /// An error of this kind after which the call may have been processed.
    #[must_use]
    pub const fn new(kind: IoErrorKind) -> Self {
        Self { kind, retry: false }
    }

    /// An error of this kind before anything was sent.
    #[must_use]
    pub const fn before_send(kind: IoErrorKind) -> Self {
        Self { kind, retry: true }
    }
}

/// How an exchange failed; each has its own status and Proxy-Status error type (RFC 9209 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    /// The upstream's name has no address.
    Dns,
    /// Nobody said in time which address the upstream's name has.
    DnsTimeout,
    /// The upstream refused the connection.
    Connect,
    /// There is no way to the upstream's address.
    Unroutable,
    /// The machine or its host lets nobody connect to the upstream's address.
    Prohibited,
    /// The host has as many connections as it is allowed.
    ConnectionLimit,
    /// The connection did not stand in time.
    ConnectTimeout,
    /// The TLS handshake failed for a reason that has no kind of its own.
    Tls,
    /// The upstream's certificate is not trusted, or is for another name or time.
    TlsCertificate,
    /// The upstream refused the TLS handshake.
    TlsAlert,
    /// No response head in time.
    FirstByteTimeout,
    /// The exchange took longer than its total deadline.
    TotalTimeout,
    /// The upstream closed or reset the connection before a complete head.
    Closed,
    /// What the upstream sent is not HTTP.
    Protocol,
    /// The response's head is larger than the platform takes.
    HeadTooLarge,
    /// A body is larger than its limit.
    BodyTooLarge,
    /// The client's side failed: it left, or its body was cut off.
    Client,
    /// The platform can't send this content without knowing its length.
    LengthRequired,
    /// The upstream can't be reached, and nobody says why.
    Other,
}

/// The reason why a counter or key-value store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// It can't be reached, or it refuses.
    Unreachable,
    /// It did not answer within its deadline.
    Slow,
    /// It has no room.
    Full,
    /// Its answer means nothing.
    Malformed,
}

impl StoreFailure {
    /// The reason, as the access log has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::Malformed => "malformed",
        }
    }
}
