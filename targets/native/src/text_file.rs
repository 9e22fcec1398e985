//! The reading of a text file that may be something else, or never answer.

use std::fmt;
use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// The largest file that is read, in bytes: the largest configuration that is understood.
pub const LARGEST: u64 = 32 << 20;

/// The longest that a file is waited for: one on a network may never answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The reason why a text can't be read from a file.
#[derive(Debug)]
pub enum ReadError {
    /// The system's reason.
    Io(io::Error),
    /// It is no file.
    NotAFile(&'static str),
    /// It is too large.
    TooLarge,
    /// It is no UTF-8.
    NotText,
    /// It did not come in time.
    Silent,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => f.write_str("there is no such file"),
            Self::Io(error) => error.fmt(f),
            Self::NotAFile(kind) => write!(f, "it is {kind}, not a file"),
            Self::TooLarge => write!(f, "it is larger than {} MiB", LARGEST >> 20),
            Self::NotText => f.write_str("it is not UTF-8 text"),
            Self::Silent => write!(f, "it could not be read within {} s", PATIENCE.as_secs()),
        }
    }
}

impl std::error::Error for ReadError {}

/// Returns the text of the file at `path`. One that does not answer is left to a thread that may wait for it forever.
///
/// # Errors
/// When it is no file, too large, no text, or can't be read in time.
pub fn read_text(path: &Path) -> Result<String, ReadError> {
    let path = path.to_owned();
    within(move || read_now(&path))
}

/// Returns the outcome of `read`, unless it takes too long; then it is left to a thread that may wait for ever.
///
/// # Errors
/// Those of `read`, and [`ReadError::Silent`].
pub fn within<T: Send + 'static>(read: impl FnOnce() -> Result<T, ReadError> + Send + 'static) -> Result<T, ReadError> {
    within_time(PATIENCE, read)
}

fn within_time<T: Send + 'static>(
    patience: Duration,
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let (sender, receiver) = sync_channel(1);
    let spawned = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
        // Whoever waited may have given up.
        let _ = sender.send(read());
    });
    spawned.map_err(ReadError::Io)?;
    receiver.recv_timeout(patience).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => ReadError::Silent,
            RecvTimeoutError::Disconnected => ReadError::Io(io::Error::other("its reader has failed")),
        })
    })
}

fn read_now(path: &Path) -> Result<String, ReadError> {
    read(open(path)?)
}

/// Opens the file at `path`, and nothing else.
///
/// # Errors
/// When there is none, or it can't be opened.
pub(crate) fn open(path: &Path) -> Result<File, ReadError> {
    let check = |kind: FileType| if kind.is_file() { Ok(()) } else { Err(ReadError::NotAFile(name(kind))) };
    // Opening a pipe would wait for its writer, so the kind is looked at first, and again once it can't change any more.
    check(std::fs::metadata(path).map_err(ReadError::Io)?.file_type())?;
    let file = File::open(path).map_err(ReadError::Io)?;
    check(file.metadata().map_err(ReadError::Io)?.file_type())?;
    Ok(file)
}

/// Returns the text of `file`.
///
/// # Errors
/// When it is too large, no text, or can't be read.
pub(crate) fn read(file: File) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    if read.map_err(ReadError::Io)? as u64 > LARGEST {
        return Err(ReadError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| ReadError::NotText)
}

/// The name of a kind of file.
pub(crate) fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        } else if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "something else"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The supervisor must not wait for a network's file system that has gone.
    #[test]
    fn a_file_that_never_answers_is_given_up() {
        let (_open, silent) = std::sync::mpsc::channel::<()>();
        let read = within_time(Duration::from_millis(10), move || {
            let _ = silent.recv();
            Ok(())
        });
        assert!(matches!(read, Err(ReadError::Silent)));
    }

    #[test]
    fn what_is_no_text_file_is_refused_by_its_kind() {
        let said = |path: &str| read_text(Path::new(path)).unwrap_err().to_string();
        assert_eq!(said("/nowhere/at/all"), "there is no such file");
        assert_eq!(said("/"), "it is a folder, not a file");
        #[cfg(unix)]
        assert_eq!(said("/dev/zero"), "it is a device, not a file");
    }
}
