//! How much memory a process holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::processes::descendants;

/// Watches the resident memory of a gateway's process.
pub(super) struct Watch {
    process: u32,
    idle: u64,
    most: Arc<AtomicU64>,
    watcher: JoinHandle<()>,
}

impl Watch {
    /// Watches `process`, or the one below it that moves the bytes: a workerd, or what `spin up` serves with.
    pub(super) fn start(process: Option<u32>) -> Result<Self, String> {
        let process = process.ok_or("the gateway has no process")?;
        let mut movers = descendants(process).into_iter().filter(|child| child.runs("workerd") || child.runs("spin"));
        let process = movers.next_back().map_or(process, |child| child.id);
        let idle = resident(process)?;
        let most = Arc::new(AtomicU64::new(idle));
        let seen = Arc::clone(&most);
        let watcher = tokio::spawn(async move {
            while let Ok(now) = resident(process) {
                seen.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(Self { process, idle, most, watcher })
    }

    /// The bytes by which the process grew. Fails if those are more than `above_idle`.
    ///
    /// Workers allow an isolate 128 MB for V8's heap and its wasm memory. No process shows that number: what workerd holds
    /// at rest is mostly the runtime itself. What a body costs is in the growth, whoever holds it.
    pub(super) fn end(self, above_idle: u64) -> Result<u64, String> {
        self.watcher.abort();
        resident(self.process)?;
        let most = self.most.load(Ordering::Relaxed);
        let grown = most.saturating_sub(self.idle);
        if grown <= above_idle {
            return Ok(grown);
        }
        Err(format!("memory grew by {} MiB, from {} MiB", grown >> 20, self.idle >> 20))
    }
}

/// The resident memory of `process` in bytes.
fn resident(process: u32) -> Result<u64, String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().map_err(|_| "no number")?;
    Ok(kibibytes * 1024)
}
