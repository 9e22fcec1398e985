//! The rest of a request's body that nobody reads, because the request was answered before its end.
//!
//! A client that writes first and reads later never sees the answer if its connection is closed meanwhile: what it goes on to send
//! makes the kernel reset the connection, answer included (RFC 9112 §9.6). So the rest is read and thrown away, for a while.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body::Body as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::activity::Activity;

/// The most that is read for the connection to go on. Beyond that it is closed, since another costs the client less.
const SMALL: u64 = 64 * 1024;

/// The longest that is read on.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest pause meanwhile.
const PAUSE: Duration = Duration::from_secs(5);

/// Returns whether the connection can go on behind the rest of `body`.
pub(super) fn is_small(body: &Incoming) -> bool {
    body.size_hint().exact().is_some_and(|left| left <= SMALL)
}

/// The time before the body of a client is read that was not asked for it. To read asks for it, until the answer has begun (RFC 9110
/// §10.1.1).
const UNASKED: Duration = Duration::from_millis(50);

/// The longest that such a client is waited for: it sends at once, or not at all.
const UNASKED_PAUSE: Duration = Duration::from_secs(1);

/// Reads the rest of `body` in a task of its own, as part of an exchange of `activity` that ends with it. The client was `asked` for
/// it, or needs not be.
pub(super) fn drain(mut body: Incoming, asked: bool, activity: Arc<Activity>) {
    // There is no runtime once it shuts down.
    let Ok(runtime) = Handle::try_current() else { return activity.end() };
    runtime.spawn(async move {
        let mut pause = PAUSE;
        if !asked {
            sleep(UNASKED).await;
            pause = UNASKED_PAUSE;
        }
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            match timeout(pause, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await {
                Ok(Some(Ok(_))) => {
                    activity.progressed();
                    pause = PAUSE;
                }
                Ok(Some(Err(_)) | None) | Err(_) => break,
            }
        }
        // hyper closes a connection whose body is not read to its end.
        drop(body);
        activity.end();
    });
}
