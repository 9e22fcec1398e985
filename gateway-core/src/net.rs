//! The two ends of a connection, and the time that an exchange over it may take.

use core::time::Duration;

/// The scheme of a URL that the gateway serves or calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Cleartext HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The default port of this scheme in a URL.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The longest that each phase of an upstream exchange may take. `None` means without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the connection is open, TLS included.
    pub connect: Option<Duration>,
    /// From the call until the response head has arrived.
    pub first_byte: Option<Duration>,
    /// From the call until the response body has ended.
    pub total: Option<Duration>,
    /// The longest wait for the upstream between two pieces of content, either way. Only platforms with
    /// [`Feature::IdleDeadline`](crate::ports::Feature::IdleDeadline) are given one.
    pub idle: Option<Duration>,
}
