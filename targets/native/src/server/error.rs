//! The reasons why the server can't start.

use std::fmt;

use crate::platform::StoreError;
use crate::upstream::TlsError;

/// The reason why the server can't start.
#[derive(Debug)]
pub enum StartError {
    /// The address can't be listened on.
    Listen {
        /// The address.
        address: String,
        /// The reason.
        reason: String,
    },
    /// A certificate, a key or an authority can't be used.
    Tls(TlsError),
    /// A store can't be opened.
    Store(StoreError),
    /// The system provides no thread or event queue.
    Runtime(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, reason } => write!(f, "can't listen on `{address}`: {reason}"),
            Self::Tls(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "can't start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
