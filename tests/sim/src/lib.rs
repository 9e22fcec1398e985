//! The simulator: the gateway on a platform where chance is a seed, time is a number and upstreams follow a script.
//!
//! ```text
//! World      what exists: the seed's chance, the clock, counters, the key-value store, the upstreams
//! Platform   the gateway's ports on a World
//! run        drives any number of requests at once, in an order that the seed chooses, until all are answered
//! play       one case of the shared corpus under one seed
//! ```
//!
//! The same seed gives the same run: `EDGEWAY_SEED=n` replays one.

mod chance;
mod executor;
mod meetings;
mod platform;
mod play;
mod stream;
mod upstream;
mod world;

pub use chance::Chance;
pub use executor::{Hang, run};
pub use platform::{CAPABILITIES, Platform};
pub use play::{Vault, client_request, load, play, receive, violations};
pub use stream::{End, Stream};
pub use world::World;

/// The seeds to run: `EDGEWAY_SEED` alone if it is set, else 0 to 255.
///
/// # Panics
/// If `EDGEWAY_SEED` is not a number.
#[must_use]
pub fn seeds() -> Vec<u64> {
    match std::env::var("EDGEWAY_SEED") {
        Ok(seed) => vec![seed.parse().expect("EDGEWAY_SEED is a number")],
        Err(_) => (0..256).collect(),
    }
}

/// Runs `check` under every seed of [`seeds`], and says which one failed.
///
/// # Panics
/// If `check` does.
pub fn for_every_seed(check: impl Fn(u64)) {
    for seed in seeds() {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(seed)));
        if let Err(cause) = outcome {
            eprintln!("EDGEWAY_SEED={seed} replays this");
            std::panic::resume_unwind(cause);
        }
    }
}
