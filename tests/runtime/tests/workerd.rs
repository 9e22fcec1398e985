//! The shared cases and the runtime tests on workerd.

use std::process::ExitCode;

use edgeway_corpus::Runtime;

fn main() -> ExitCode {
    edgeway_runtime_tests::run_test(&[Runtime::Workerd])
}
