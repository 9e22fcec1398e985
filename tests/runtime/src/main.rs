//! `corpus [--runtime native,native-h2,workerd,spin] [FILTER]`

use std::process::ExitCode;

use edgeway_corpus::Runtime;

fn main() -> ExitCode {
    let mut runtimes = vec![Runtime::Native, Runtime::NativeH2, Runtime::Workerd, Runtime::Spin];
    let mut filter = String::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument != "--runtime" {
            filter = argument;
            continue;
        }
        let names = arguments.next().unwrap_or_default();
        let chosen = names.split(',').map(|name| Runtime::ALL.into_iter().find(|runtime| runtime.name() == name));
        match chosen.collect() {
            Some(chosen) => runtimes = chosen,
            None => {
                eprintln!(
                    "`{names}` is no list of runtimes: use `native`, `native-h2`, `workerd` and `spin`, with commas"
                );
                return ExitCode::FAILURE;
            }
        }
    }
    edgeway_runtime_tests::run(&runtimes, &filter)
}
