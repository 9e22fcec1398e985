//! Batches of requests.

use core::time::Duration;

use super::Compiler;
use super::routes::RouteContext;
use crate::config;
use crate::policy::batch::Batch;

/// The most requests of a batch.
const MOST: u32 = 100;
const USUAL_MOST: u32 = 20;
/// As many as a Worker has under way at the same time.
const USUAL_AT_ONCE: u32 = 6;
const LONGEST: Duration = Duration::from_secs(10 * 60);
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);
const MOST_BYTES: u64 = 16 << 20;
const USUAL_BYTES: u64 = 4 << 20;
/// The least bound of the list itself, in bytes: what is read is held as a document.
const LEAST_LIST: u64 = 1 << 20;

impl Compiler<'_> {
    /// Compiles a batch.
    #[inline(never)]
    pub(super) fn batch(&mut self, context: &RouteContext<'_, '_>, batch: &config::Batch) -> Option<Batch> {
        let at = context.at.member("batch");
        let before = self.errors.len();
        let config::Batch { most, at_once, timeout, max_bytes } = batch;
        let most = most.unwrap_or(USUAL_MOST);
        if !(1..=MOST).contains(&most) {
            let help = format_args!("use 1 to {MOST}; without it, {USUAL_MOST} hold");
            self.error_with(&at.member("most"), format_args!("a batch has from 1 to {MOST} requests"), help);
        }
        let at_once = at_once.unwrap_or(USUAL_AT_ONCE);
        if !(1..=MOST).contains(&at_once) {
            self.error_with(
                &at.member("atOnce"),
                format_args!("from 1 to {MOST} requests can be under way at the same time"),
                format_args!("use 1 to {MOST}; without it, {USUAL_AT_ONCE} hold"),
            );
        }
        let timeout = timeout.map_or(USUAL_TIMEOUT, |span| span.0);
        if timeout.is_zero() || timeout > LONGEST {
            let help = "use `1ms` to `10m`; without it, `30s` hold";
            self.error_with(&at.member("timeout"), "the time is too short or too long", help);
        }
        let most_bytes = max_bytes.map_or(USUAL_BYTES, |size| size.0);
        if most_bytes == 0 || most_bytes > MOST_BYTES {
            let help = "write a size from `1B` to `16MiB`";
            self.error_with(&at.member("maxBytes"), "so much can't be put together", help);
        }
        let request_bytes = self.body_limit(context.route).min(most_bytes.max(LEAST_LIST));
        (self.errors.len() == before).then_some(Batch { most, at_once, timeout, most_bytes, request_bytes })
    }
}
