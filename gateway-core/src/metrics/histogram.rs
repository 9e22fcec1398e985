//! Durations by how long they are, in the buckets that OpenTelemetry recommends for HTTP.

use core::sync::atomic::{AtomicU64, Ordering};

/// The upper bounds of all buckets but the last, in nanoseconds (OpenTelemetry semantic conventions for HTTP metrics 1.23:
/// `http.server.request.duration`, explicit bucket boundaries).
const BOUNDS: [u64; 14] = [
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];

/// The same in seconds, with that of the last bucket.
pub(crate) const SECONDS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, f64::INFINITY];

/// Durations that are still being recorded.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; 15],
    nanos: AtomicU64,
}

impl Histogram {
    /// Records a duration, in nanoseconds.
    pub(crate) fn observe(&self, nanos: u64) {
        // A bound belongs to its bucket (OpenMetrics 1.0, Histogram: `le`).
        let place = BOUNDS.partition_point(|bound| *bound < nanos);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
            self.nanos.fetch_add(nanos, Ordering::Relaxed);
        }
    }
}

/// Durations as they were at one moment, of any number of histograms together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distribution {
    buckets: [u64; 15],
    nanos: u64,
}

impl Distribution {
    /// Adds what `histogram` holds.
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum = sum.saturating_add(bucket.load(Ordering::Relaxed));
        }
        self.nanos = self.nanos.saturating_add(histogram.nanos.load(Ordering::Relaxed));
    }

    /// The number of durations.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// All durations together, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        core::time::Duration::from_nanos(self.nanos).as_secs_f64()
    }

    /// Each bucket's upper bound in seconds, and how many durations it has beyond those of the bucket before.
    pub(crate) fn buckets(&self) -> Vec<(f64, u64)> {
        SECONDS.into_iter().zip(self.buckets).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenMetrics 1.0: a bucket counts what is less than or equal to its bound.
    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::default();
        for nanos in [0, 5_000_000, 5_000_001, 10_000_000_000, 10_000_000_001, u64::from(u32::MAX) * 1_000] {
            histogram.observe(nanos);
        }
        let mut sum = Distribution::default();
        sum.add(&histogram);
        let counts: Vec<u64> = sum.buckets().into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(sum.count(), 6);
    }

    #[test]
    fn both_lists_of_bounds_are_the_same() {
        for (nanos, seconds) in BOUNDS.iter().zip(SECONDS) {
            assert_eq!(core::time::Duration::from_nanos(*nanos).as_secs_f64(), seconds);
        }
    }
}
