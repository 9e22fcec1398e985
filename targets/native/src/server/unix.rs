//! Unix sockets to listen on.

#[cfg(unix)]
mod sockets {
    use std::io;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    use std::path::PathBuf;

    use crate::text_file;

    pub(in crate::server) use std::os::unix::net::UnixListener;

    /// The file of a Unix socket; dropped, it is removed, unless it is another's by then.
    #[derive(Debug)]
    pub(in crate::server) struct SocketFile {
        path: PathBuf,
        /// The number of the file.
        inode: u64,
    }

    impl Drop for SocketFile {
        fn drop(&mut self) {
            if std::fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
                let _ = std::fs::remove_file(&self.path);
            }
        }
    }

    /// Listens on `path`; `count` threads accept on the same socket. A socket that nobody listens on any more is replaced.
    pub(in crate::server) fn listen(path: &str, count: usize) -> io::Result<(Vec<UnixListener>, SocketFile)> {
        let first = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(in_the_way(path).unwrap_or(error)),
            bound => bound?,
        };
        let file = SocketFile { path: path.into(), inode: std::fs::symlink_metadata(path)?.ino() };
        first.set_nonblocking(true)?;
        let mut sockets = Vec::with_capacity(count);
        for _ in 1..count {
            sockets.push(first.try_clone()?);
        }
        sockets.push(first);
        Ok((sockets, file))
    }

    /// What is at `path`, if it is no socket.
    fn in_the_way(path: &str) -> Option<io::Error> {
        let kind = std::fs::symlink_metadata(path).ok()?.file_type();
        let what = if kind.is_symlink() { "a link" } else { text_file::name(kind) };
        (!kind.is_socket())
            .then(|| io::Error::new(io::ErrorKind::AlreadyExists, format!("{what} is there, not a socket")))
    }

    /// Returns whether there is a socket at `path` without anybody who listens.
    fn is_left(path: &str) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
            && std::os::unix::net::UnixStream::connect(path)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

#[cfg(not(unix))]
mod sockets {
    use std::convert::Infallible;
    use std::io;

    /// There are none here.
    pub(in crate::server) type UnixListener = Infallible;

    /// There is none here.
    pub(in crate::server) type SocketFile = Infallible;

    /// Refuses every path: the platform has no such sockets.
    pub(in crate::server) fn listen(_: &str, _: usize) -> io::Result<(Vec<UnixListener>, SocketFile)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) use sockets::{SocketFile, UnixListener, listen};
