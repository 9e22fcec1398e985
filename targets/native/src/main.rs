//! The `edgeway` program.

mod allocator;

use std::process::ExitCode;

/// Most allocations of a request are small and freed by the same thread; for these, mimalloc is much faster than the
/// system's allocator.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

fn main() -> ExitCode {
    edgeway::cli::main()
}
