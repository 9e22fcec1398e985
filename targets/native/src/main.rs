//! The `edgeway` program.

mod allocator;

use std::process::ExitCode;

/// Most of what a request allocates is small and freed by the thread that allocated it, at which it is much faster than
/// the system's.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    edgeway::cli::main()
}
