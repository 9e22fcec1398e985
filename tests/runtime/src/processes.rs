//! Processes that others started.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::process::Child;

/// A process, told from a later one of the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    /// When it was started, in ticks since the system was.
    started: u64,
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(folder(id).join("stat")).ok()?;
        // proc(5): the name in parentheses may hold anything; the state comes after it, and the start as the 20th.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let is_over = fields.next()? == "Z";
        let started = fields.nth(18)?.parse().ok()?;
        (!is_over).then_some(Self { id, started })
    }

    /// Whether it is still there.
    pub(crate) fn is_running(&self) -> bool {
        Self::of(self.id).as_ref() == Some(self)
    }

    /// Whether it runs `program`.
    pub(crate) fn runs(&self, program: &str) -> bool {
        std::fs::read_to_string(folder(self.id).join("comm")).is_ok_and(|name| name.trim() == program)
    }
}

fn folder(id: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{id}"))
}

/// All that process `id` has started and that is still running, and what that has started.
pub(crate) fn descendants(id: u32) -> Vec<Process> {
    let threads = std::fs::read_dir(folder(id).join("task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let mut found = Vec::new();
    for child in children.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
    {
        found.extend(Process::of(child));
        found.extend(descendants(child));
    }
    found
}

/// A process that ends when dropped, with all that it has started.
pub(crate) struct Tree {
    child: Child,
    patience: Duration,
}

impl Tree {
    /// Takes over `child`; its processes have `patience` to end.
    pub(crate) const fn new(child: Child, patience: Duration) -> Self {
        Self { child, patience }
    }
}

impl Drop for Tree {
    /// Asks every process of the tree to end: one that is killed would leave its children running. Those that go on all the same
    /// are noted as [`orphans`].
    fn drop(&mut self) {
        let Some(id) = self.child.id() else { return };
        let mut running = descendants(id);
        running.extend(Process::of(id));
        for process in &running {
            signal("TERM", process);
        }
        let deadline = Instant::now() + self.patience;
        loop {
            // Without this, the child that has ended stays in the table.
            let _ = self.child.try_wait();
            running.retain(Process::is_running);
            if running.is_empty() || Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        orphans::note(&running);
    }
}

fn signal(name: &str, process: &Process) {
    let _ = Command::new("kill").args(["-s", name, &process.id.to_string()]).stderr(Stdio::null()).status();
}

/// Processes that went on after what had started them.
pub(crate) mod orphans {
    use std::sync::Mutex;

    use super::{Process, signal};

    static FOUND: Mutex<Vec<Process>> = Mutex::new(Vec::new());

    /// Remembers those of `processes` that still run, and ends them.
    pub(crate) fn note(processes: &[Process]) {
        for process in processes.iter().filter(|process| process.is_running()) {
            FOUND.lock().unwrap().push(process.clone());
            signal("KILL", process);
        }
    }

    /// How many there were since this was asked last.
    pub(crate) fn take() -> usize {
        std::mem::take(&mut *FOUND.lock().unwrap()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(script: &str) -> Vec<Process> {
        let child = tokio::process::Command::new("sh").args(["-c", script]).kill_on_drop(true).spawn().unwrap();
        let id = child.id().unwrap();
        let tree = Tree::new(child, Duration::from_secs(1));
        let started = loop {
            let started = descendants(id);
            if started.iter().any(|process| process.runs("sleep")) {
                break started;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        drop(tree);
        started
    }

    /// As `spin up` has its `spin trigger http`: the child of a child ends, too, and one that does not is told of.
    #[tokio::test]
    async fn what_outlives_its_gateway_is_found() {
        let ended = tree("sleep 300 & wait");
        assert!(ended.iter().all(|process| !process.is_running()), "{ended:?}");
        assert_eq!(orphans::take(), 0);
        tree("(trap '' TERM; exec sleep 300) & wait");
        assert_eq!(orphans::take(), 1);
    }
}
