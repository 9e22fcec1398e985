//! What no case can say: many requests at once, bodies larger than memory, clients that leave.

mod connections;
mod continuing;
mod leaving;
mod limits;
mod lines;
mod memory;
mod once;
mod printed;
mod streams;
mod uploads;

use std::pin::Pin;

use edgeway_corpus::{Report, Runtime, Verdict};

use crate::runtimes::{Gateway, Host, NoGateway, Start};

type Outcome<'h> = Pin<Box<dyn Future<Output = Result<(), String>> + 'h>>;

/// A test, and why it can't be run somewhere.
struct Test {
    name: &'static str,
    skip: &'static [(Runtime, &'static str)],
    run: for<'h> fn(&'h Host) -> Outcome<'h>,
}

/// Why a test with a client of its own does not run there.
const SPEAKS_HTTP1: (Runtime, &str) = (Runtime::NativeH2, "its client speaks HTTP/1.1 in the clear");

const TESTS: [Test; 18] = [
    Test {
        name: "secrets are searched for in what the gateway prints",
        skip: &[],
        run: |host| Box::pin(printed::is_searched(host)),
    },
    Test {
        name: "400 parallel requests against a limit of 100 an hour: exactly 100 pass",
        skip: &[],
        run: |host| Box::pin(limits::exact(host)),
    },
    Test {
        name: "400 parallel requests against a limit of 100 a minute: 100 pass, and what comes back meanwhile",
        skip: &[],
        run: |host| Box::pin(limits::per_minute(host)),
    },
    Test {
        name: "1 GiB streams down in flat memory",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(streams::down(host)),
    },
    Test {
        name: "1 GiB is compressed on its way down in flat memory",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(streams::compressed(host)),
    },
    Test {
        name: "500 MB of lines are edited on their way down in flat memory",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(lines::down(host)),
    },
    Test {
        name: "500 MB of lines are edited on their way up in flat memory",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(lines::up(host)),
    },
    Test { name: "1 GiB streams up in flat memory", skip: &[SPEAKS_HTTP1], run: |host| Box::pin(streams::up(host)) },
    Test {
        name: "an upload may last longer than `firstByte`",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(uploads::slow(host)),
    },
    Test {
        name: "an upload goes on after the head of its answer",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(uploads::answered_early(host)),
    },
    Test {
        name: "an upstream that has all of an upload is waited for as long as `firstByte`",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(uploads::unanswered(host)),
    },
    Test {
        name: "a client that leaves before the answer ends the upstream's work",
        skip: &[
            SPEAKS_HTTP1,
            (Runtime::Spin, "Spin does not cancel a handler whose client left before the response began"),
        ],
        run: |host| Box::pin(leaving::before_the_answer(host)),
    },
    Test {
        name: "a client that leaves within the answer ends the upstream's work",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(leaving::within_the_answer(host)),
    },
    Test {
        name: "of requests with one idempotency key at the same time, one is made",
        skip: &[],
        run: |host| Box::pin(once::at_the_same_time(host)),
    },
    Test {
        name: "a request with an idempotency key goes on without its client",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(once::without_its_client(host)),
    },
    Test {
        name: "a client that waits for 100 (Continue) gets it",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(continuing::waits_for_it(host)),
    },
    Test {
        name: "requests on one connection are answered in order",
        skip: &[SPEAKS_HTTP1],
        run: |host| Box::pin(connections::pipelined(host)),
    },
    Test {
        name: "trailers pass in both directions",
        skip: &[SPEAKS_HTTP1, (Runtime::Workerd, "fetch on Workers shows no trailers")],
        run: |host| Box::pin(connections::trailers(host)),
    },
];

/// Runs the tests whose title contains `filter`.
pub(crate) async fn run(runtime: Runtime, host: &Host, filter: &str, report: &mut Report) {
    for test in TESTS {
        if !format!("runtime/{}", test.name).contains(filter) {
            continue;
        }
        let verdict = match test.skip.iter().find(|(skipped, _)| *skipped == runtime) {
            Some((_, reason)) => Verdict::Skipped((*reason).to_owned()),
            None => match (test.run)(host).await {
                Ok(()) => Verdict::Passed,
                Err(why) => Verdict::Failed(why),
            },
        };
        report.add_test(runtime, "runtime", test.name, verdict);
    }
}

/// A gateway in a process of its own.
async fn serve(host: &Host, config: String) -> Result<Gateway, String> {
    host.serve_alone(&Start { config, ..Start::default() }).await.map_err(|error| match error {
        NoGateway::Refused(said) => format!("the configuration was refused: {said:?}"),
        NoGateway::Failed(why) => why,
    })
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
