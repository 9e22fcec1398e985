//! The system's limit on open files.

/// Raises the limit of the process as far as the system lets it, and returns it; `None` if there is none. The usual limit is for
/// programs that can't poll more (`select`), and this one is none of them.
#[cfg(unix)]
pub(super) fn raised() -> Option<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let highest = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, highest).is_ok() {
            limit = getrlimit(Resource::Nofile);
        }
    }
    limit.current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(super) fn raised() -> Option<usize> {
    None
}
