//! Secrets from the environment or from files.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use gateway_core::config::Variable;
use gateway_core::plan::Secrets;

use crate::watch::Files;

/// The folder where container platforms mount secrets.
const DEFAULT_FOLDER: &str = "/run/secrets";

/// Secrets from environment variables, or else from files, of the same name.
#[derive(Debug)]
pub struct NativeSecrets {
    folder: PathBuf,
    /// The files that were looked for.
    files: Mutex<Files>,
}

impl NativeSecrets {
    /// Looks for files in `folder`, by default in `/run/secrets`.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder: folder.unwrap_or_else(|| PathBuf::from(DEFAULT_FOLDER)), files: Mutex::default() }
    }

    /// Returns the files that were looked for since the last call, those that were not there included.
    pub fn files(&self) -> Files {
        std::mem::take(&mut *self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Secrets for NativeSecrets {
    fn secret(&self, name: &str) -> Option<String> {
        // A name never leaves the folder, whatever the configuration says.
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !plain {
            return None;
        }
        std::env::var(name).ok().or_else(|| {
            let path = self.folder.join(name);
            self.files.lock().unwrap_or_else(PoisonError::into_inner).add(path.clone());
            let text = std::fs::read_to_string(path).ok()?;
            // Editors and `echo` end a file with a line break that is not part of the secret.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
        })
    }

    fn variable(&self, name: &str) -> Variable {
        std::env::var(name).map_or(Variable::Unset, Variable::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_file_without_its_last_line_break() {
        let folder = std::env::temp_dir().join(format!("edgeway-secrets-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("TOKEN"), "s3cret \n").unwrap();
        let secrets = NativeSecrets::new(Some(folder.clone()));
        assert_eq!(secrets.secret("TOKEN").as_deref(), Some("s3cret "));
        assert_eq!(secrets.secret("ABSENT"), None);
        assert_eq!(secrets.secret("../TOKEN"), None);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
