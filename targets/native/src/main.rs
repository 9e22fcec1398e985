//! The `edgeway` program.

use std::process::ExitCode;

/// Most of what a request allocates is small and freed by the thread that allocated it, at which it is much faster than
/// the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    edgeway::cli::main()
}
