//! What the gateway asks of the machine that it runs on: one small trait a need, implemented by each adapter.
//!
//! The futures carry no `Send` bound: a Worker's are not `Send`, and a native adapter's are inferred to be.
//!
//! **Invariant:** nothing else in this crate does I/O, reads a clock or draws a random number.

mod meeting;

use core::num::NonZeroU64;
use core::time::Duration;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};

pub use self::meeting::{Generations, Meeting, PLACES, place};
use crate::body::Body;
pub use crate::capabilities::{Capabilities, Feature, FeatureSet};
pub use crate::io::{IoError, IoErrorKind, StoreFailure};
pub use crate::known_edits::KnownEdits;
pub use crate::net::{Deadlines, Peer, Scheme};
use crate::plan::{Endpoint, Upstream};
use crate::policy::counter::{CounterOp, CounterVerdict};
pub use crate::random::Random;
use crate::state::State;
pub use crate::time::Clock;

/// Everything an adapter provides.
pub trait Platform: Fetch + KeyValue + Counters + Clock + Random + Log + Instance + Meeting {
    /// The abilities of this platform; a configuration that asks for more is refused at load.
    const CAPABILITIES: Capabilities;

    /// One of so many requests, by chance, is followed by a [`sweep`](Self::sweep); none where stores expire by themselves.
    const SWEEP_ONE_IN: Option<NonZeroU64> = None;

    /// Removes some of what has expired in the platform's stores.
    fn sweep(&self) -> impl Future<Output = ()> {
        core::future::ready(())
    }

    /// Takes note that the end of the exchange under way will be waited for, also should its client leave at once; for platforms
    /// that watch no exchange unless they are told to.
    fn watch(&self) {}
}

/// Sends one request to one upstream.
pub trait Fetch {
    /// The host's own handle on a body in transit; the core moves it and never polls it.
    ///
    /// **Invariant:** a request's stream whose head has `Content-Length`, one number, yields that many bytes or fails: it never
    /// goes on after them, and never ends cleanly before (RFC 9112 §6.3 and §8, RFC 9113 §8.1.1). The core checks such a length
    /// against its limits and then leaves the stream alone; with [`limit`](Self::limit) it wraps only those of unknown length.
    type Stream;

    /// The host's own handle on an upstream's end of an open tunnel; dropping it closes the tunnel.
    type Socket;

    /// Sends `call` and returns the response as soon as its head has arrived.
    ///
    /// The adapter enforces [`Deadlines`], frames the body (Transfer-Encoding, Content-Length of a [`Body::Full`]), and
    /// cancels the exchange when the returned future or body is dropped. It neither follows redirects nor decodes content.
    ///
    /// # Errors
    /// An [`IoError`] that says which phase failed; see [`IoErrorKind`].
    fn fetch(
        &self,
        call: UpstreamCall<'_, Self::Stream>,
    ) -> impl Future<Output = Result<Response<Body<Self::Stream>>, IoError>>;

    /// Sends `call`, which carries a WebSocket handshake (RFC 6455 §4.1), over a connection of its own.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch); a 101 that does not fit the handshake is [`IoErrorKind::Protocol`].
    fn open_socket(
        &self,
        call: UpstreamCall<'_, Self::Stream>,
    ) -> impl Future<Output = Result<Handshake<Self::Stream, Self::Socket>, IoError>>;

    /// Wraps `stream` so that reading more than `limit` bytes of it fails with [`IoErrorKind::BodyTooLarge`].
    fn limit(&self, stream: Self::Stream, limit: u64) -> Self::Stream;

    /// Reads `stream` to its end, at most `limit` bytes.
    ///
    /// # Errors
    /// [`IoErrorKind::BodyTooLarge`] above `limit`, [`IoErrorKind::Client`] when the sender failed.
    fn collect(&self, stream: Self::Stream, limit: u64) -> impl Future<Output = Result<Bytes, IoError>>;
}

/// One request as it leaves for an upstream.
#[derive(Debug)]
pub struct UpstreamCall<'p, S> {
    /// The upstream, with the settings that all of its endpoints share.
    pub upstream: &'p Upstream,
    /// The endpoint of it that the call goes to.
    pub endpoint: &'p Endpoint,
    /// Its URI is in origin form (path and query, upstream's base path included); `Host` is set.
    pub request: Request<Body<S>>,
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// The edits of the response's head, if they are known by now. An adapter may do them itself, answer the client, and
    /// drop the future of the whole exchange; see [`KnownEdits`] for the responses that it must not do so with.
    pub known_edits: Option<KnownEdits<'p>>,
}

/// An upstream's answer to a WebSocket handshake.
#[derive(Debug)]
pub enum Handshake<S, K> {
    /// It answers as to any request.
    Declined(Response<Body<S>>),
    /// It agrees: a 101 whose `Sec-WebSocket-Accept` fits the key (RFC 6455 §4.1), and its end of the tunnel.
    Opened(Response<()>, K),
}

/// A store of small values by key, eventually consistent on some platforms.
pub trait KeyValue {
    /// The name of the store, for the log.
    fn key_value_store(&self) -> &'static str;

    /// The value under `key`, unless it is absent or has expired.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreFailure>>;

    /// Stores `value` under `key`, for `ttl` if one is given.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn put(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> impl Future<Output = Result<(), StoreFailure>>;

    /// Removes `key`; removing an absent key is no error.
    ///
    /// # Errors
    /// A [`StoreFailure`].
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreFailure>>;
}

/// Named cells, on each of which operations are applied atomically, one after another.
pub trait Counters {
    /// The name of the store that the cells are in, for the log.
    fn counter_store(&self) -> &'static str;

    /// Applies `op` to `cell` where the cell lives: at the time of that place where it has a clock (a Durable Object, this
    /// process), else at the gateway's.
    ///
    /// # Errors
    /// A [`StoreFailure`]; the policy says whether that admits or refuses the request.
    fn apply(&self, cell: &str, op: CounterOp) -> impl Future<Output = Result<CounterVerdict, StoreFailure>>;
}

/// The access log.
pub trait Log {
    /// Has `write` append whole lines to the buffer of the log, and sees to it that they are written.
    fn log(&self, write: impl FnOnce(&mut Vec<u8>));
}

/// This instance of the gateway, as far as its admin endpoints tell of it. Most platforms have nothing to tell.
pub trait Instance {
    /// Shows the state of each part of this instance, of which `own` is one.
    fn each_state(&self, own: &State, mut show: impl FnMut(&State)) {
        show(own);
    }

    /// Whether a shutdown has begun.
    fn is_draining(&self) -> bool {
        false
    }

    /// The connections to `endpoint`; none where the platform hides them.
    fn connections(&self, _endpoint: &Endpoint) -> Option<Connections> {
        None
    }

    /// The addresses of `endpoint`'s name, as far as they are known; none where the platform hides them.
    fn addresses(&self, _endpoint: &Endpoint) -> Option<Vec<Address>> {
        None
    }
}

/// The connections to an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Connections {
    /// Those that stand, idle ones among them.
    pub open: usize,
    /// Those that no exchange uses.
    pub idle: usize,
}

/// An address of an endpoint's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Address {
    /// The address, with the port.
    pub address: SocketAddr,
    /// Whether it is left out at the moment, because it could not be connected to.
    pub down: bool,
}
