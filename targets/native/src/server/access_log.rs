//! The access log on standard output.
//!
//! Each thread gathers its lines, and one thread of its own writes them, so that a slow reader of the log never slows
//! an exchange down. Lines beyond the reader's pace are left out, as are those that a full disk doesn't take; the log and
//! its [`Health`] have their number.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::health::Health;

/// The size at which a buffer is handed to the writer.
const FLUSH_AT: usize = 32 * 1024;

/// The size from which lines are dropped while the writer can't take the buffer.
const MAX_BUFFER: usize = 1024 * 1024;

/// The number of buffers that wait for the writer.
const QUEUE: usize = 16;

/// The wait between two attempts to hand over the last lines.
const RETRY: Duration = Duration::from_millis(10);

/// The state of the log that its threads share.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// Its failures are the lines that were lost.
    pub(crate) health: Health,
    /// The lines that are handed over and not yet written.
    pending: AtomicU64,
}

/// Lines on their way to the writer.
#[derive(Debug)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    count: u64,
}

/// Gathers the lines of a thread.
#[derive(Debug)]
pub(crate) struct AccessLogger {
    buffer: Vec<u8>,
    /// The number of lines in the buffer.
    count: u64,
    omitted: u64,
    writer: SyncSender<Lines>,
    state: Arc<LogState>,
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    thread: JoinHandle<()>,
    state: Arc<LogState>,
}

impl Writer {
    /// Starts a thread that writes to `out`; it ends when every logger is dropped.
    pub(super) fn start(mut out: impl Write + Send + 'static, state: &Arc<LogState>) -> (SyncSender<Lines>, Self) {
        let (sender, receiver): (_, Receiver<Lines>) = sync_channel(QUEUE);
        let shared = Arc::clone(state);
        let thread = std::thread::spawn(move || {
            let mut lost = 0;
            for lines in receiver {
                match write_lines(&mut out, &lines, lost) {
                    Ok(()) => {
                        lost = 0;
                        shared.health.succeeded();
                    }
                    Err((now, error)) => {
                        lost += now;
                        shared.health.failed(now, &error);
                    }
                }
                shared.pending.fetch_sub(lines.count, Ordering::AcqRel);
            }
        });
        (sender, Self { thread, state: Arc::clone(state) })
    }

    /// Waits until all is written, at most until `deadline`. Returns the number of lines that are not, of the whole log.
    pub(super) fn finish(self, deadline: Instant) -> u64 {
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(RETRY);
        }
        self.state.health.failures() + self.state.pending.load(Ordering::Acquire)
    }
}

/// Standard output without a buffer, in which lines could stay that nobody counts as lost.
#[cfg(unix)]
pub(super) fn standard_output() -> Box<dyn Write + Send> {
    use std::os::fd::AsFd as _;
    match io::stdout().as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(std::fs::File::from(descriptor)),
        Err(_) => Box::new(io::stdout()),
    }
}

/// Standard output.
#[cfg(not(unix))]
pub(super) fn standard_output() -> Box<dyn Write + Send> {
    Box::new(io::stdout())
}

/// Writes `lines`, after a note on those that were `lost` before; an error comes with the number of lines that are not
/// written as a whole.
fn write_lines(out: &mut impl Write, lines: &Lines, lost: u64) -> Result<(), (u64, io::Error)> {
    if lost > 0 {
        // The line break ends a line that was cut off.
        let note = format!("\n{{\"omitted\":{lost}}}\n");
        write_all(out, note.as_bytes()).map_err(|(_, error)| (lines.count, error))?;
    }
    write_all(out, &lines.bytes).map_err(|(written, error)| {
        let rest = lines.bytes.get(written..).unwrap_or_default();
        (rest.iter().filter(|byte| **byte == b'\n').count() as u64, error)
    })
}

/// Writes `bytes`; an error comes with the number of those that are written.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    out.flush().map_err(|error| (written, error))
}

impl AccessLogger {
    /// Hands lines to `writer`.
    pub(super) fn new(writer: SyncSender<Lines>, state: Arc<LogState>) -> Self {
        Self { buffer: Vec::new(), count: 0, omitted: 0, writer, state }
    }

    /// Lets `write` append a whole line.
    pub(crate) fn log(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.buffer.len() >= MAX_BUFFER {
            self.omitted += 1;
            self.state.health.failed(1, &"its reader is too slow");
            return;
        }
        write(&mut self.buffer);
        self.count += 1;
        if self.buffer.len() >= FLUSH_AT {
            self.flush();
        }
    }

    /// Hands the gathered lines to the writer; false if it can't take them yet.
    pub(super) fn flush(&mut self) -> bool {
        if self.buffer.is_empty() {
            return true;
        }
        let bytes = self.buffer.len();
        if self.omitted > 0 {
            let _ = writeln!(self.buffer, r#"{{"omitted":{}}}"#, self.omitted);
        }
        self.state.pending.fetch_add(self.count, Ordering::AcqRel);
        let lines = Lines { bytes: std::mem::take(&mut self.buffer), count: self.count };
        match self.writer.try_send(lines) {
            Ok(()) => (self.omitted, self.count) = (0, 0),
            Err(TrySendError::Full(lines)) => {
                self.state.pending.fetch_sub(self.count, Ordering::AcqRel);
                self.buffer = lines.bytes;
                // The note is made anew, with the number of then.
                self.buffer.truncate(bytes);
                return false;
            }
            Err(TrySendError::Disconnected(_)) => self.count = 0,
        }
        true
    }

    /// Hands the gathered lines to the writer, and waits until it takes them, at most until `deadline`.
    pub(super) fn finish(&mut self, deadline: Instant) {
        while !self.flush() {
            if Instant::now() >= deadline {
                self.state.health.failed(self.count, &"nobody reads it");
                return;
            }
            std::thread::sleep(RETRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_not_read_leaves_lines_out_and_says_so() {
        let (sender, receiver) = sync_channel(1);
        let state = Arc::new(LogState::default());
        let mut logger = AccessLogger::new(sender, Arc::clone(&state));
        for _ in 0..20_000 {
            logger.log(|out| out.extend_from_slice(&[b'x'; 120]));
        }
        assert!(logger.buffer.len() <= MAX_BUFFER + 1024);
        assert!(logger.omitted > 0);
        let omitted = logger.omitted;
        assert_eq!(state.health.failures(), omitted);
        receiver.recv().unwrap();
        assert!(logger.flush());
        let second = String::from_utf8(receiver.recv().unwrap().bytes).unwrap();
        assert!(second.ends_with(&format!("{{\"omitted\":{omitted}}}\n")));
        assert_eq!(second.matches("omitted").count(), 1);
    }

    /// A disk that takes a number of bytes, then none, then all.
    struct Disk {
        room: usize,
        content: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                self.room = usize::MAX;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.content.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_full_disk_does_not_take_are_counted_and_the_next_line_is_whole() {
        let mut disk = Disk { room: 6, content: Vec::new() };
        let lines = |text: &str| Lines { bytes: text.into(), count: 3 };
        let lost = write_lines(&mut disk, &lines("one\ntwo\nthree\n"), 0).unwrap_err().0;
        assert_eq!(lost, 2, "a line that is cut off is none");
        assert!(write_lines(&mut disk, &lines("four\n"), lost).is_ok());
        assert_eq!(String::from_utf8(disk.content).unwrap(), "one\ntw\n{\"omitted\":2}\nfour\n");
    }
}
