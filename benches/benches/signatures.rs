//! A signature of each algorithm, checked natively by what the native server, and by what the component has.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use edgeway_signatures::each_good;

fn signatures(criterion: &mut Criterion) {
    each_good(|name, key, signed, signature| {
        let mut group = criterion.benchmark_group(name);
        group.bench_function("ring", |bencher| {
            bencher.iter(|| edgeway_verify_ring::verify(black_box(key), black_box(signed), black_box(signature)));
        });
        group.bench_function("RustCrypto", |bencher| {
            bencher.iter(|| edgeway_verify_rust::verify(black_box(key), black_box(signed), black_box(signature)));
        });
        group.finish();
    });
}

criterion_group!(benches, signatures);
criterion_main!(benches);
