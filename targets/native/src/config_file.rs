//! The configuration on disk.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use gateway_core::config::Diagnostic;
use gateway_core::plan::{self, Plan};

use crate::platform::CAPABILITIES;
use crate::platform::secrets::NativeSecrets;

/// A configuration on disk.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    secrets: NativeSecrets,
}

/// Why a configuration can't be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can't be read.
    Read(io::Error),
    /// It has these mistakes.
    Mistakes(Vec<Diagnostic>),
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl ConfigFile {
    /// The file at `path`, whose secrets are found in `secrets`.
    pub fn new(path: PathBuf, secrets: NativeSecrets) -> Self {
        Self { path, secrets }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its text.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&self) -> Result<String, ConfigError> {
        std::fs::read_to_string(&self.path).map_err(ConfigError::Read)
    }

    /// Checks and compiles `text`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(&self, text: &str) -> Result<Plan, ConfigError> {
        plan::load(text, &CAPABILITIES, &self.secrets).map_err(ConfigError::Mistakes)
    }

    /// Its state; of a symbolic link, what it leads to: a mounted ConfigMap changes by a link.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Fingerprint { modified: metadata.modified().ok(), length: metadata.len(), inode })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "can't be read: {error}"),
            Self::Mistakes(list) => {
                for (place, diagnostic) in list.iter().enumerate() {
                    if place > 0 {
                        f.write_str("\n")?;
                    }
                    if let Some((line, column)) = diagnostic.position {
                        write!(f, "{line}:{column}: ")?;
                    }
                    if !diagnostic.path.is_empty() {
                        write!(f, "{}: ", diagnostic.path)?;
                    }
                    f.write_str(&diagnostic.message)?;
                    if let Some(help) = &diagnostic.help {
                        write!(f, "; {help}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}
