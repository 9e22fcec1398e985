//! The reasons why the server can't start.

use std::fmt;
use std::io::ErrorKind;

use crate::platform::StoreError;
use crate::upstream::TlsError;

/// The setting with the addresses of the server.
pub(super) const LISTEN: &str = "server.listen";

/// The setting with the address of the admin endpoints.
pub(super) const ADMIN: &str = "server.admin";

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
    /// The address overlaps with that of a listener of this server.
    Overlap {
        /// The address.
        address: String,
        /// The setting that names it.
        setting: &'static str,
        /// The address of the open listener, as it is written.
        open: String,
        /// The setting that names that.
        by: &'static str,
        /// Set if the server runs, and the address is of a new configuration.
        is_running: bool,
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
                let is_path = address.starts_with("unix:");
                let (place, flag) = if is_path { ("path", "unix:PATH") } else { ("port", "127.0.0.1:PORT") };
                let other =
                    if *setting == LISTEN { format!("with `--listen {flag}`, or in ") } else { "in ".to_owned() };
                write!(f, "can't listen on `{address}`: ")?;
                match error.kind() {
                    ErrorKind::AddrInUse => {
                        write!(f, "another program does; choose another {place} {other}`{setting}`")
                    }
                    ErrorKind::AddrNotAvailable => {
                        write!(f, "this machine has no such address; choose another {other}`{setting}`")
                    }
                    ErrorKind::AlreadyExists => {
                        write!(f, "{error}; remove that, or choose another path {other}`{setting}`")
                    }
                    ErrorKind::PermissionDenied if is_path => {
                        write!(
                            f,
                            "the system does not allow it; choose a folder that may be written to {other}`{setting}`"
                        )
                    }
                    ErrorKind::PermissionDenied => {
                        write!(f, "the system does not allow it; choose a port from 1024 up {other}`{setting}`")
                    }
                    _ => write!(f, "{error}; choose another {other}`{setting}`"),
                }
            }
            Self::Overlap { address, setting, open, by, is_running } => {
                write!(f, "can't listen on `{address}`: this server does, by `{open}`")?;
                match (*is_running, *by == LISTEN) {
                    (true, true) => write!(f, "; write `{open}` as before in `{LISTEN}`, or restart"),
                    (true, false) => write!(f, " in `{by}`; choose another port in `{setting}`, or restart"),
                    (false, _) => write!(f, " in `{by}`; choose another port in `{setting}`, or keep one of them"),
                }
            }
            Self::Tls(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Runtime(error) => write!(f, "can't start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}
