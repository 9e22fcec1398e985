//! What a run measured.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The latencies of a run.
pub(crate) struct Report {
    started: Instant,
    latencies: Vec<Duration>,
}

impl Report {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { started: Instant::now(), latencies: Vec::with_capacity(capacity) }
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn done(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        self.latencies.push(latency);
    }

    pub(crate) fn finish(mut self, forwarded: usize) -> Value {
        let seconds = self.started.elapsed().as_secs_f64();
        self.latencies.sort_unstable();
        let at = |share: f64| {
            let index = (self.latencies.len() as f64 * share) as usize;
            let latency = self.latencies.get(index.min(self.latencies.len().saturating_sub(1)));
            latency.map(|latency| latency.as_secs_f64() * 1e6)
        };
        json!({
            "requests": self.latencies.len(),
            "forwarded": forwarded,
            "seconds": seconds,
            "perSecond": self.latencies.len() as f64 / seconds,
            "microseconds": { "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0) },
        })
    }
}
