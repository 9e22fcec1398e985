//! What a process prints.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Lines come some time after the answers that they are about.
const LATER: Duration = Duration::from_millis(200);

/// The lines that a process prints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Printed(Arc<Mutex<Vec<String>>>);

impl Printed {
    /// Adds what comes from `source`, as it comes, but for the lines that are `taken`.
    pub(crate) fn read(
        &self,
        source: impl AsyncRead + Send + Unpin + 'static,
        taken: impl Fn(&str) -> bool + Send + 'static,
    ) {
        let lines = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            // A line that is no UTF-8 must not end the reading.
            while source.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if !taken(&text) {
                    lines.lock().unwrap().push(text);
                }
            }
        });
    }

    /// Adds `line`.
    pub(crate) fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    /// All of it, once what is on its way has come.
    pub(crate) async fn text(&self) -> String {
        tokio::time::sleep(LATER).await;
        self.0.lock().unwrap().join("\n")
    }
}
