//! `edgeway man`: manual pages of what `--help` says.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};

use super::inspect::without_hidden;
use super::output::sayln;

/// Write the manual pages, one for each command, into a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edgeway man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// The folder, which is made if it is not there
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> ExitCode {
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(without_hidden(&super::Cli::command()), &self.folder));
        match written {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                sayln!("error: no page can be written into `{}`: {error}", self.folder.display());
                ExitCode::FAILURE
            }
        }
    }
}
