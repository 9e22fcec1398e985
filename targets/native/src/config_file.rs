//! The configuration on disk.

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
    replaced: Option<(String, String)>,
}

/// The reason why a configuration can't be used.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can't be read.
    Read(io::Error),
    /// Its text has these mistakes.
    Mistakes {
        /// The mistakes.
        list: Vec<Diagnostic>,
        /// The text.
        text: String,
    },
}

/// The state of a file, comparable without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl ConfigFile {
    /// The file at `path`, with its secrets in `secrets`.
    pub fn new(path: PathBuf, secrets: NativeSecrets) -> Self {
        Self { path, secrets, replaced: None }
    }

    /// Replaces `from` in its text by `to`.
    #[must_use]
    pub fn replacing(mut self, from: String, to: String) -> Self {
        self.replaced = Some((from, to));
        self
    }

    /// Returns `text` with all replacements.
    pub fn replace(&self, text: String) -> String {
        match &self.replaced {
            Some((from, to)) => text.replace(from, to),
            None => text,
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its text.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(&self) -> Result<String, ConfigError> {
        let text = std::fs::read_to_string(&self.path).map_err(ConfigError::Read)?;
        Ok(self.replace(text))
    }

    /// Checks and compiles `text`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(&self, text: &str) -> Result<Plan, ConfigError> {
        plan::load(text, &CAPABILITIES, &self.secrets)
            .map_err(|list| ConfigError::Mistakes { list, text: text.to_owned() })
    }

    /// Returns its state; of a symbolic link, the state of its destination: a mounted ConfigMap changes by a link.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Fingerprint { modified: metadata.modified().ok(), length: metadata.len(), inode })
    }
}
