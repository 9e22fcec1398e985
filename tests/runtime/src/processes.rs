//! Processes that others started.

use std::path::PathBuf;

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

/// Processes that went on after what had started them.
pub(crate) mod orphans {
    use std::process::Command;
    use std::sync::Mutex;

    use super::Process;

    static FOUND: Mutex<Vec<Process>> = Mutex::new(Vec::new());

    /// Remembers those of `processes` that still run, and ends them.
    pub(crate) fn note(processes: &[Process]) {
        for process in processes.iter().filter(|process| Process::of(process.id).as_ref() == Some(process)) {
            FOUND.lock().unwrap().push(process.clone());
            let _ = Command::new("kill").arg(process.id.to_string()).status();
        }
    }

    /// How many there were since this was asked last.
    pub(crate) fn take() -> usize {
        std::mem::take(&mut *FOUND.lock().unwrap()).len()
    }
}
