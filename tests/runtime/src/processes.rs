//! Processes that others started.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncRead;
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

    /// The beginning of its command line.
    fn command(&self) -> String {
        let line = std::fs::read(folder(self.id).join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.trim_end().chars().take(120).collect()
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

/// An entry in the environment of a process, by which it is found again, with all that it has started: they inherit it, whichever
/// of them has ended meanwhile, and whatever group or session they have gone to.
#[derive(Debug)]
pub(crate) struct Mark(String);

impl Mark {
    const NAME: &str = "EDGEWAY_TEST_PROCESS";

    /// Makes a mark for `command`, and puts it on.
    pub(crate) fn put_on(command: &mut tokio::process::Command) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        command.env(Self::NAME, &mark);
        Self(mark)
    }

    /// The processes that have it and run.
    pub(crate) fn processes(&self) -> Vec<Process> {
        Self::processes_where(|mark| mark == self.0)
    }

    /// The processes that run and have a mark of this process.
    fn processes_of_all() -> Vec<Process> {
        let own = format!("{}.", std::process::id());
        Self::processes_where(|mark| mark.starts_with(&own))
    }

    fn processes_where(is_meant: impl Fn(&str) -> bool) -> Vec<Process> {
        let is_marked = |id: u32| {
            // proc(5): entries of the form `NAME=value`, each with a zero byte at its end.
            let environment = std::fs::read(folder(id).join("environ")).unwrap_or_default();
            let mut entries = environment.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
            entries.any(|entry| entry.split_once('=').is_some_and(|(name, mark)| name == Self::NAME && is_meant(mark)))
        };
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let all = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
        all.filter(|id| is_marked(*id)).filter_map(Process::of).collect()
    }
}

/// A process that ends when dropped, with all that it has started.
pub(crate) struct Tree {
    child: Child,
    mark: Mark,
    patience: Duration,
}

impl Tree {
    /// Starts `command`; its processes will have `patience` to end.
    ///
    /// # Errors
    /// When it can't be started.
    pub(crate) fn spawn(command: &mut tokio::process::Command, patience: Duration) -> io::Result<Self> {
        let mark = Mark::put_on(command);
        Ok(Self { child: command.kill_on_drop(true).spawn()?, mark, patience })
    }

    /// The number of the process itself.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it prints on its outputs, as far as they are pipes that nobody has taken.
    pub(crate) fn outputs(&mut self) -> impl Iterator<Item = Box<dyn AsyncRead + Send + Unpin>> {
        let output = self.child.stdout.take().map(|output| Box::new(output) as Box<dyn AsyncRead + Send + Unpin>);
        output.into_iter().chain(self.child.stderr.take().map(|output| Box::new(output) as _))
    }

    /// Whether the process itself has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Tree {
    /// Asks every process of the tree to end: one that is killed would leave its children running. Those that go on all the same
    /// are noted as [`orphans`].
    fn drop(&mut self) {
        let mut asked: Vec<Process> = Vec::new();
        let deadline = Instant::now() + self.patience;
        loop {
            // Without this, the child that has ended stays in the table.
            let _ = self.child.try_wait();
            let running = self.mark.processes();
            if running.is_empty() || Instant::now() > deadline {
                return orphans::note(&running);
            }
            // One that was about to start another may have done so since.
            for process in running {
                if !asked.contains(&process) {
                    signal("TERM", &process);
                    asked.push(process);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn signal(name: &str, process: &Process) {
    let _ = Command::new("kill").args(["-s", name, &process.id.to_string()]).stderr(Stdio::null()).status();
}

/// Processes that went on after what had started them.
pub(crate) mod orphans {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::{Mark, Process, signal};

    static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Remembers those of `processes` that still run, and ends them.
    pub(crate) fn note(processes: &[Process]) {
        for process in processes.iter().filter(|process| process.is_running()) {
            FOUND.lock().unwrap().push(process.command());
            signal("KILL", process);
        }
    }

    /// Notes whatever still runs of all that was started here, once that has had `patience` to end.
    pub(crate) fn find(patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let running = Mark::processes_of_all();
            if running.is_empty() || Instant::now() > deadline {
                return note(&running);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The commands of those that there were since this was asked last.
    pub(crate) fn take() -> Vec<String> {
        std::mem::take(&mut *FOUND.lock().unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The processes of a tree that `script` is the root of, once that has started a `sleep` and the tree was dropped.
    fn tree(script: &str) -> Vec<Process> {
        let tree =
            Tree::spawn(tokio::process::Command::new("sh").args(["-c", script]), Duration::from_secs(1)).unwrap();
        let started = loop {
            let started = tree.mark.processes();
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
        // Of a parent that has ended, and in a session of its own.
        let ended = tree("setsid sleep 300 & exit");
        assert!(ended.iter().all(|process| !process.is_running()), "{ended:?}");
        assert_eq!(orphans::take().len(), 0);
        tree("(trap '' TERM; exec sleep 300) & wait");
        assert_eq!(orphans::take().len(), 1);
    }
}
