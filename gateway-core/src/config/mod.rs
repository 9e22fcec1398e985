//! The configuration as its author writes it: serde types whose shape alone is checked.
//!
//! [`plan`](crate::plan) checks the meaning and compiles the configuration for serving.

mod bounded;
mod compose;
mod de;
mod diagnostic;
mod entries;
mod error;
mod fixes;
mod homes;
mod lines;
mod listen;
mod mask;
mod model;
mod number;
mod object;
mod one_of;
mod parse;
mod path;
mod rates;
mod read;
mod references;
mod render;
mod rule;
mod scan;
#[cfg(feature = "schema")]
mod schema;
mod straight;
mod suggest;
mod tree;
mod units;
mod variables;
mod vocabulary;
mod walk;
mod words;

/// Set if this build tells the mistakes in a configuration. If not, it only finds that there are some.
///
/// As a constant it takes what it is asked before out of the build, down to the texts.
pub(crate) const THOROUGH: bool = cfg!(feature = "thorough");

pub use compose::{Composed, Source, includes};
pub use diagnostic::{ConfigError, Diagnostic, MOST_MISTAKES, Place, Severity};
pub(crate) use diagnostic::{lazily, told};
pub use entries::Entries;
pub use listen::{Certificates, ClientCertificates, Listen, ListenAt, Listener, ListenerTls, ServerTls};
pub use model::*;
pub use path::{JsonPath, Step};
pub use read::{Reading, explain, read, read_straight, read_with};
pub use references::References;
pub use render::Sources;
pub use rule::Rule;
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use straight::Unread;
pub use suggest::suggest;
pub use units::{ByteSize, Period, Span, Window};
pub use variables::Variable;
pub(crate) use walk::texts;
