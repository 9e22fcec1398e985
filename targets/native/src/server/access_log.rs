//! The access log on standard output.
//!
//! Each thread gathers its lines, and one thread of its own writes them, so that a slow reader of the log never slows
//! an exchange down. Lines beyond the reader's pace are dropped, and the log reports their number.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// The size at which a buffer is handed to the writer.
const FLUSH_AT: usize = 32 * 1024;

/// The size from which lines are dropped while the writer can't take the buffer.
const MAX_BUFFER: usize = 1024 * 1024;

/// The number of buffers that wait for the writer.
const QUEUE: usize = 16;

/// Gathers the lines of a thread.
#[derive(Debug)]
pub(crate) struct AccessLogger {
    buffer: Vec<u8>,
    omitted: u64,
    writer: SyncSender<Vec<u8>>,
}

/// Starts the thread that writes; it ends when every logger is dropped.
pub(super) fn start_writer(mut out: impl std::io::Write + Send + 'static) -> (SyncSender<Vec<u8>>, JoinHandle<()>) {
    let (sender, receiver): (_, Receiver<Vec<u8>>) = sync_channel(QUEUE);
    let thread = std::thread::spawn(move || {
        for buffer in receiver {
            // If standard output is closed, there is nowhere to report that.
            let _ = out.write_all(&buffer).and_then(|()| out.flush());
        }
    });
    (sender, thread)
}

impl AccessLogger {
    /// Hands lines to `writer`.
    pub(crate) fn new(writer: SyncSender<Vec<u8>>) -> Self {
        Self { buffer: Vec::new(), omitted: 0, writer }
    }

    /// Lets `write` append whole lines.
    pub(crate) fn log(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.buffer.len() >= MAX_BUFFER {
            self.omitted += 1;
            return;
        }
        write(&mut self.buffer);
        if self.buffer.len() >= FLUSH_AT {
            self.flush();
        }
    }

    /// Hands the gathered lines to the writer.
    pub(super) fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if self.omitted > 0 {
            let _ = writeln!(self.buffer, r#"{{"omitted":{}}}"#, self.omitted);
        }
        match self.writer.try_send(std::mem::take(&mut self.buffer)) {
            Ok(()) => self.omitted = 0,
            Err(TrySendError::Full(buffer)) => self.buffer = buffer,
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Hands the gathered lines to the writer, and waits until it accepts them.
    pub(super) fn finish(&mut self) {
        let _ = self.writer.send(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_not_read_leaves_lines_out_and_says_so() {
        let (sender, receiver) = sync_channel(1);
        let mut logger = AccessLogger::new(sender);
        for _ in 0..20_000 {
            logger.log(|out| out.extend_from_slice(&[b'x'; 120]));
        }
        assert!(logger.buffer.len() <= MAX_BUFFER + 1024);
        assert!(logger.omitted > 0);
        let omitted = logger.omitted;
        receiver.recv().unwrap();
        logger.flush();
        let second = String::from_utf8(receiver.recv().unwrap()).unwrap();
        assert!(second.ends_with(&format!("{{\"omitted\":{omitted}}}\n")));
    }
}
