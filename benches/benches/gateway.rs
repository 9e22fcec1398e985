//! What the core costs without any I/O: `cargo bench -p edgeway-benches`.
//!
//! - `match`: finding the route of a request, at three sizes of configuration.
//! - `decision`: the whole of `Gateway::handle`, at the same sizes.
//! - `load`: reading, checking and compiling a configuration of 1,000 routes.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use edgeway_benches::configuration::{Sample, many_routes, samples};
use edgeway_benches::{PEER, Still, load};
use gateway_core::gateway::Gateway;
use gateway_core::http::forwarded::ClientInfo;
use gateway_core::ports::Scheme;
use gateway_core::route::Lookup;

const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match");
    let client = ClientInfo { address: None, scheme: Scheme::Http, host: None, port: None, prefix: None };
    for size in SIZES {
        let plan = load(&many_routes(size).to_string());
        let requests: Vec<_> =
            samples(size, 10).iter().map(|sample| (sample.clone(), sample.request::<()>())).collect();
        let mut requests = requests.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let (sample, request) = requests.next()?;
                let lookup = Lookup {
                    host: &sample.host,
                    path: &sample.path,
                    query: request.uri().query(),
                    method: &sample.method,
                    headers: request.headers(),
                    client: &client,
                };
                Some(plan.table.find(black_box(&lookup)))
            });
        });
    }
}

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    for size in SIZES {
        let gateway = Gateway::new(Arc::new(load(&many_routes(size).to_string())), Still);
        let samples = samples(size, 10);
        let mut samples = samples.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || samples.next().map(Sample::request).unwrap_or_default(),
                |request| {
                    let mut record = gateway.begin(&request, &PEER);
                    let outcome = pollster::block_on(gateway.handle(request, &PEER, &mut record));
                    (outcome, record)
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn loading(criterion: &mut Criterion) {
    // Laid out as people write it.
    let text = format!("{:#}", many_routes(1_000));
    criterion.bench_function("load/1000", |bencher| bencher.iter(|| load(black_box(&text))));
}

criterion_group!(benches, matching, decision, loading);
criterion_main!(benches);
