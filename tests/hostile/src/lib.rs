//! Properties that hold for whatever bytes a client sends. Each is a function of the bytes that panics where it does not hold: the
//! tests of this package call it with the committed corpus and what that becomes by chance, and `fuzz/` with what libFuzzer
//! finds.

mod credentials;
mod jwt;
mod path;
mod signature;

pub use credentials::{authorization, cookie};
pub use jwt::jwt;
pub use path::path;
pub use signature::signature;

/// A property of any bytes.
pub type Property = fn(&[u8]);

/// The properties, each by the name of its corpus.
pub const PROPERTIES: [(&str, Property); 5] =
    [("jwt", jwt), ("authorization", authorization), ("cookie", cookie), ("path", path), ("signature", signature)];
