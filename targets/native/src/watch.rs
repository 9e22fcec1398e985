//! The files behind a configuration, looked at for changes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::include::Pattern;

/// The state of a file, comparable without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Fingerprint {
    /// Returns the state of the file at `path`, if there is one; of a symbolic link, the state of its destination: a mounted
    /// ConfigMap or secret changes by a link.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), inode })
    }
}

/// The number of looks after which a file that is gone is missed: one that is replaced is gone for less.
const MISSED_AFTER: u32 = 4;

/// The files behind a configuration, with the state of each before it was read.
///
/// **Invariant:** a state is taken before the file is read. What is written in between is read once more, and never missed.
#[derive(Clone, Debug, Default)]
pub struct Files(Vec<File>);

#[derive(Clone, Debug)]
struct File {
    path: PathBuf,
    /// Set if it stands for the list of all files of a pattern.
    pattern: Option<Pattern>,
    /// The state before the file was read.
    read: Option<State>,
    /// The state at the last look.
    seen: Option<State>,
    /// The number of looks since which it is gone.
    gone: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    File(Fingerprint),
    List(Vec<PathBuf>),
}

impl File {
    fn new(path: PathBuf, pattern: Option<Pattern>) -> Self {
        let mut file = Self { path, pattern, read: None, seen: None, gone: 0 };
        file.read = file.state();
        file.seen.clone_from(&file.read);
        file
    }

    fn state(&self) -> Option<State> {
        match &self.pattern {
            Some(pattern) => pattern.files().ok().map(State::List),
            None => Fingerprint::of(&self.path).map(State::File),
        }
    }
}

impl Files {
    /// Adds `path` with its present state: it is about to be read. A file that is listed already keeps its state.
    pub fn add(&mut self, path: PathBuf) {
        if !self.0.iter().any(|file| file.path == path) {
            self.0.push(File::new(path, None));
        }
    }

    /// Adds the list of the files that have the form of `pattern`, as [`add`](Self::add) does a file.
    pub fn add_pattern(&mut self, pattern: Pattern) {
        let path = pattern.path();
        if !self.0.iter().any(|file| file.path == path) {
            self.0.push(File::new(path, Some(pattern)));
        }
    }

    /// Adds the files of `others` that are not listed.
    pub fn extend(&mut self, others: Self) {
        for file in others.0 {
            if !self.0.iter().any(|listed| listed.path == file.path) {
                self.0.push(file);
            }
        }
    }

    /// Looks at all files, and returns the first that has changed, once all were the same at two looks: then none is half
    /// written, nor one of a pair still to come. A file that is gone, as when it is replaced, has not changed.
    pub fn changed(&mut self) -> Option<&Path> {
        let mut settled = true;
        for file in &mut self.0 {
            let now = file.state();
            settled &= now == file.seen;
            file.gone = if now.is_none() && file.read.is_some() { file.gone.saturating_add(1) } else { 0 };
            file.seen = now;
        }
        if !settled {
            return None;
        }
        self.0.iter().find(|file| file.seen.is_some() && file.seen != file.read).map(|file| file.path.as_path())
    }

    /// The files that are missed since the last look.
    pub fn missed(&self) -> Vec<PathBuf> {
        self.0.iter().filter(|file| file.gone == MISSED_AFTER).map(|file| file.path.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("edgeway-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_that_is_replaced_after_it_was_read_has_changed_at_the_second_look() {
        let folder = folder("replaced");
        let (path, next) = (folder.join("a"), folder.join("b"));
        std::fs::write(&path, "one").unwrap();
        let mut files = Files::default();
        files.add(path.clone());
        std::fs::write(&next, "two").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(files.changed(), None, "it may be half written");
        assert_eq!(files.changed(), Some(&*path));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_gone_has_not_changed_and_one_that_comes_has() {
        let folder = folder("gone");
        let (gone, comes) = (folder.join("a"), folder.join("b"));
        std::fs::write(&gone, "one").unwrap();
        let mut files = Files::default();
        files.add(gone.clone());
        files.add(comes.clone());
        std::fs::remove_file(&gone).unwrap();
        let missed = [(); 6].map(|()| {
            assert_eq!(files.changed(), None);
            files.missed()
        });
        assert_eq!(missed.concat(), [gone], "it is missed once");
        std::fs::write(&comes, "two").unwrap();
        assert_eq!(files.changed(), None);
        assert_eq!(files.changed(), Some(&*comes));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
