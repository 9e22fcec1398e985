//! Failures of outside exchanges, and of stores.

/// A failed exchange with the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoError {
    /// The kind of failure.
    pub kind: IoErrorKind,
    /// Set if sending the same call again does no harm: nothing of it can have been processed.
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

/// The kind of failure of an exchange; each has its own status and Proxy-Status error type (RFC 9209 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoErrorKind {
    /// The upstream's name has no address.
    Dns,
    /// The look-up of the upstream's name took too long.
    DnsTimeout,
    /// The upstream refused the connection.
    Connect,
    /// There is no route to the upstream's address.
    Unroutable,
    /// The machine or its host prohibits connections to the upstream's address.
    Prohibited,
    /// The host has all the connections that it is allowed.
    ConnectionLimit,
    /// The connection took too long.
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
    /// The upstream's answer is not HTTP.
    Protocol,
    /// The response's head is larger than the platform takes.
    HeadTooLarge,
    /// A body is larger than its limit.
    BodyTooLarge,
    /// A content can't be edited on its way; its [`Fault`](crate::policy::body_edit::lines::Fault) says why.
    Content,
    /// The client's side failed: the client left, or its body was cut off.
    Client,
    /// The client sent no more of its body in time.
    ClientTimeout,
    /// The platform can't send this content without a known length.
    LengthRequired,
    /// The upstream can't be reached, for an unknown reason.
    Other,
}

impl IoErrorKind {
    /// Returns whether the client's side failed, so that nothing is held against the upstream.
    #[must_use]
    pub const fn is_of_client(self) -> bool {
        matches!(self, Self::BodyTooLarge | Self::Content | Self::Client | Self::ClientTimeout | Self::LengthRequired)
    }

    /// Returns whether there was no connection yet, so that nothing was sent.
    #[must_use]
    pub const fn is_of_connection(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::DnsTimeout
                | Self::Connect
                | Self::Unroutable
                | Self::Prohibited
                | Self::ConnectionLimit
                | Self::ConnectTimeout
                | Self::Tls
                | Self::TlsCertificate
                | Self::TlsAlert
        )
    }
}

/// The failure of a counter store or key-value store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// It can't be reached, or can't work.
    Unreachable,
    /// It does not take the credentials, or does not let their holder do it.
    Refused,
    /// It did not answer within its deadline.
    Slow,
    /// It has no room.
    Full,
    /// Its answer is malformed.
    Malformed,
}

impl StoreFailure {
    /// The reason, in the access log's words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Slow => "slow",
            Self::Full => "full",
            Self::Malformed => "malformed",
        }
    }
}
