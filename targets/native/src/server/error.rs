//! The reasons why the server can't start.

use std::fmt;
use std::io::ErrorKind;

use crate::platform::StoreError;
use crate::upstream::TlsError;

/// The setting with the addresses of the server.
pub(super) const LISTEN: &str = "server.listen";

/// The reason why the server can't start.
#[derive(Debug)]
pub enum StartError {
    /// The address can't be listened on.
    Listen {
        /// The address.
        address: String,
        /// The setting that names it.
        setting: &'static str,
        /// The reason.
        error: std::io::Error,
    },
    /// The address, in a new configuration, overlaps with that of a listener of the running server.
    Overlap {
        /// The address.
        address: String,
        /// The address of the open listener, as it is written.
        open: String,
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
            Self::Listen { setting, address, error } => {
                let other = if *setting == LISTEN { " or with `--listen`" } else { "" };
                write!(f, "can't listen on `{address}`: ")?;
                match error.kind() {
                    ErrorKind::AddrInUse => {
                        write!(f, "another program does; choose another port in `{setting}`{other}")
                    }
                    ErrorKind::AddrNotAvailable => {
                        write!(f, "this machine has no such address; choose another in `{setting}`{other}")
                    }
                    ErrorKind::PermissionDenied => {
                        write!(f, "the system does not allow it; choose a port from 1024 up in `{setting}`{other}")
                    }
                    _ => write!(f, "{error}; `{setting}`{other} names it"),
                }
            }
            Self::Overlap { address, open } => {
                write!(
                    f,
                    "can't listen on `{address}`: this server does, by `{open}`; write `{open}` as before in `{LISTEN}`, "
                )?;
                f.write_str("or restart")
            }
            Self::Tls(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "can't start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
