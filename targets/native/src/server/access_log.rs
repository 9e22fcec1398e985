//! One line for each exchange, on standard output.
//!
//! Lines are gathered by thread and written by one thread of their own, so that a slow reader of the log never slows an
//! exchange down: what it can't take is left out, and the log says how much.

use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use gateway_core::config::AccessLog;
use gateway_core::time::Timestamp;

/// A buffer is handed to the writer when it is this full.
const FLUSH_AT: usize = 32 * 1024;

/// Lines are left out while a buffer that the writer can't take is this full.
const MAX_BUFFER: usize = 1024 * 1024;

/// How many buffers wait for the writer.
const QUEUE: usize = 16;

/// What the log says of an exchange.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// When it began.
    pub time: Timestamp,
    /// Its method.
    pub method: &'a str,
    /// Its path, without query.
    pub path: &'a str,
    /// The status of the response.
    pub status: u16,
    /// The route's name.
    pub route: Option<&'a str>,
    /// The upstream's name.
    pub upstream: Option<&'a str>,
    /// Bytes of the response's body that were sent.
    pub bytes: u64,
    /// From the request's head until the response's end.
    pub duration: Duration,
    /// The request's identifier.
    pub request_id: &'a str,
    /// The client's address.
    pub(super) client: &'a str,
    /// The code of the gateway's error.
    pub error: Option<&'a str>,
    /// Whether the response was sent to its end.
    pub complete: bool,
}

/// Gathers the lines of a thread.
#[derive(Debug)]
pub(super) struct AccessLogger {
    buffer: Vec<u8>,
    omitted: u64,
    writer: SyncSender<Vec<u8>>,
    clock: Clock,
}

/// The second that was written last, for there are many lines in one.
#[derive(Debug, Default)]
struct Clock {
    second: u64,
    text: Vec<u8>,
}

/// Starts the thread that writes; it ends when every logger is dropped.
pub(super) fn start_writer(mut out: impl std::io::Write + Send + 'static) -> (SyncSender<Vec<u8>>, JoinHandle<()>) {
    let (sender, receiver): (_, Receiver<Vec<u8>>) = sync_channel(QUEUE);
    let thread = std::thread::spawn(move || {
        for buffer in receiver {
            // Nobody is left to be told when standard output is closed.
            let _ = out.write_all(&buffer).and_then(|()| out.flush());
        }
    });
    (sender, thread)
}

impl AccessLogger {
    /// Hands lines to `writer`.
    pub(super) fn new(writer: SyncSender<Vec<u8>>) -> Self {
        Self { buffer: Vec::new(), omitted: 0, writer, clock: Clock::default() }
    }

    /// Logs `line`.
    pub(super) fn log(&mut self, form: AccessLog, line: &Line<'_>) {
        if self.buffer.len() >= MAX_BUFFER {
            self.omitted += 1;
            return;
        }
        match form {
            AccessLog::Json => write_json(&mut self.buffer, &mut self.clock, line),
            AccessLog::Text => write_text(&mut self.buffer, &mut self.clock, line),
            AccessLog::Off => {}
        }
        if self.buffer.len() >= FLUSH_AT {
            self.flush();
        }
    }

    /// Hands what was gathered to the writer.
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

    /// Hands what was gathered to the writer, waiting until it takes it.
    pub(super) fn finish(&mut self) {
        let _ = self.writer.send(std::mem::take(&mut self.buffer));
    }
}

fn write_json(out: &mut Vec<u8>, clock: &mut Clock, line: &Line<'_>) {
    out.extend_from_slice(b"{\"time\":\"");
    clock.write(out, line.time);
    out.extend_from_slice(b"\",\"method\":");
    write_string(out, line.method);
    out.extend_from_slice(b",\"path\":");
    write_string(out, line.path);
    out.extend_from_slice(b",\"status\":");
    write_number(out, u64::from(line.status));
    for (name, value) in
        [(&b",\"route\":"[..], line.route), (b",\"upstream\":", line.upstream), (b",\"error\":", line.error)]
    {
        if let Some(value) = value {
            out.extend_from_slice(name);
            write_string(out, value);
        }
    }
    out.extend_from_slice(b",\"bytes\":");
    write_number(out, line.bytes);
    let micros = u64::try_from(line.duration.as_micros()).unwrap_or(u64::MAX);
    out.extend_from_slice(b",\"ms\":");
    write_number(out, micros / 1000);
    out.push(b'.');
    write_padded(out, micros % 1000, 3);
    if !line.request_id.is_empty() {
        out.extend_from_slice(b",\"id\":");
        write_string(out, line.request_id);
    }
    if !line.client.is_empty() {
        out.extend_from_slice(b",\"client\":");
        write_string(out, line.client);
    }
    if !line.complete {
        out.extend_from_slice(b",\"complete\":false");
    }
    out.extend_from_slice(b"}\n");
}

fn write_text(out: &mut Vec<u8>, clock: &mut Clock, line: &Line<'_>) {
    clock.write(out, line.time);
    let _ = write!(
        out,
        " {:>3} {:<7} {:>9.3} ms {:>10} B  {}",
        line.status,
        line.method,
        line.duration.as_secs_f64() * 1000.0,
        line.bytes,
        line.path.escape_default(),
    );
    if let Some(route) = line.route {
        let _ = write!(out, "  {route}");
    }
    if let Some(upstream) = line.upstream {
        let _ = write!(out, " -> {upstream}");
    }
    if let Some(error) = line.error {
        let _ = write!(out, "  {error}");
    }
    if !line.complete {
        out.extend_from_slice(b"  (cut off)");
    }
    out.push(b'\n');
}

fn write_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_padded(out: &mut Vec<u8>, number: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = number / 10u64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

/// A string as JSON has it (RFC 8259 §7).
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0..0x20 | 0x7f => {
                    let _ = write!(out, "\\u{byte:04x}");
                }
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}

impl Clock {
    /// A time as RFC 3339 has it, in UTC.
    fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let (second, millis) = (time.unix_millis() / 1000, time.unix_millis() % 1000);
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text.clear();
            write_second(&mut self.text, second);
        }
        out.extend_from_slice(&self.text);
        write_padded(out, millis, 3);
        out.push(b'Z');
    }
}

fn write_second(out: &mut Vec<u8>, second: u64) {
    let (days, in_day) = (second / 86_400, second % 86_400);
    let (year, month, day) = civil(days);
    let parts =
        [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b'T'), (in_day / 3_600, 2, b':'), (in_day / 60 % 60, 2, b':')];
    for (number, width, separator) in parts {
        write_padded(out, number, width);
        out.push(separator);
    }
    write_padded(out, in_day % 60, 2);
    out.push(b'.');
}

/// Year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01: the year is counted from March, so
/// that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line<'static> {
        Line {
            time: Timestamp::from_unix_millis(1_709_210_096_789),
            method: "GET",
            path: "/a\"b\u{1}",
            status: 200,
            route: Some("users/list"),
            upstream: None,
            bytes: 42,
            duration: Duration::from_micros(12_345),
            request_id: "r1",
            client: "127.0.0.1",
            error: Some("x"),
            complete: false,
        }
    }

    #[test]
    fn a_line_is_one_json_object() {
        let mut out = Vec::new();
        write_json(&mut out, &mut Clock::default(), &line());
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({
            "time": "2024-02-29T12:34:56.789Z", "method": "GET", "path": "/a\"b\u{1}", "status": 200,
            "route": "users/list", "error": "x", "bytes": 42, "ms": 12.345, "id": "r1", "client": "127.0.0.1",
            "complete": false,
        });
        assert_eq!(value, expected);
        assert!(out.ends_with(b"\n"));
    }

    #[test]
    fn a_line_for_people_has_no_control_characters() {
        let mut out = Vec::new();
        write_text(&mut out, &mut Clock::default(), &line());
        let out = String::from_utf8(out).unwrap();
        assert!(!out.trim_end().contains(char::is_control), "{out:?}");
    }

    #[test]
    fn a_log_that_is_not_read_leaves_lines_out_and_says_so() {
        let (sender, receiver) = sync_channel(1);
        let mut logger = AccessLogger::new(sender);
        for _ in 0..20_000 {
            logger.log(AccessLog::Json, &line());
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
