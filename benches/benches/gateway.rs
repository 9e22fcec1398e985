//! What the core costs without any I/O: `cargo bench -p edgeway-benches`.
//!
//! - `decision`: the whole of `Gateway::handle`, at three sizes of configuration.
//! - `load`: reading, checking and compiling a configuration.

use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Waker};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use edgeway_benches::configuration::{Sample, many_routes, samples};
use edgeway_benches::{PEER, Still, load};
use gateway_core::body::Body;
use gateway_core::gateway::Gateway;
use http::Request;

const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decision");
    for size in SIZES {
        let gateway = Gateway::new(Arc::new(load(&many_routes(size).to_string())), Still);
        let requests: Vec<_> = samples(size, 10).iter().map(Sample::request).collect();
        let mut next = requests.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched(
                || next.next().map(copy).unwrap_or_default(),
                |request| pollster::block_on(gateway.handle(black_box(request), PEER)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, decision);
criterion_main!(benches);
