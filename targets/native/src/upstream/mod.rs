//! Connections to upstreams: one pool for each upstream of a worker.

mod addresses;
mod any_name;
mod bound;
mod connect;
mod deadline;
mod exchange;
mod found;
mod guard;
mod handshakes;
mod lease;
mod line;
mod names;
mod pool;
mod records;
mod repeat;
mod shared;
mod socket;
mod tls;
mod watch;

pub use bound::{Bound, Bounds, Room};
pub use exchange::{fetch, reach};
pub use guard::Guard;
pub use handshakes::Handshakes;
pub use names::{LookUp, Names, Resolve, SystemResolver};
pub use pool::{Pool, PoolKey};
pub use socket::{Socket, open_socket};
pub use tls::TlsError;

pub(crate) use found::FoundPools;
pub(crate) use pool::is_guarded;
pub(crate) use records::records;
pub(crate) use tls::{Identity, read, read_authorities, revoked, trusted};

pub(crate) use lease::Lease;
