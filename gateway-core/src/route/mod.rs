//! Routing: patterns, predicates, one total order, and the proof at load that it is unambiguous.
//!
//! A [`Table`] is built once from [`Spec`]s and then asked with a [`Lookup`]. Of all the routes that match a request, the
//! one that ranks highest takes it. The order is that of the Gateway API (`HTTPRouteMatch`, precedence), made total:
//!
//! 0. routes for one scheme, then those for any;
//! 1. host: exact, then wildcards by the length of their suffix, then any;
//! 2. path, segment by segment from the left: literal, then `{name}`, then the pattern's end, then `{*name}`, then the end
//!    of a prefix;
//! 3. routes that list methods, then those that take any;
//! 4. the number of header and cookie predicates and of those on the client's address, more before fewer;
//! 5. the number of query predicates, more before fewer;
//! 6. for HEAD alone: routes that list HEAD, then those that take it along with GET;
//! 7. where the configuration says so (`ties`): the order of the file.
//!
//! Two routes that are still equal and can take the same request are a [`Conflict`], as is a route that never gets one.

mod conflict;
mod crowd;
mod domain;
mod expression;
mod foreign;
mod foreign_expression;
mod foreign_value;
mod host;
mod lookup;
mod method;
mod params;
mod pattern;
mod predicate;
mod rank;
mod reach;
mod table;
mod trie;
mod value;
mod version;
mod witness;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod testing;

pub use conflict::{Conflict, Unreachable};
pub use expression::{Expression, ExpressionError};
pub use foreign::Foreign;
pub(crate) use host::is_canonical as is_canonical_host;
pub use host::{HostError, HostPattern, canonical as canonical_host};
pub use lookup::{Found, Lookup, Mismatch, Spec};
pub use method::{AddError, MethodError, MethodSet, Methods};
pub use params::Params;
pub use pattern::{PathPattern, PatternError, Segment, Tail};
pub use predicate::{Field, Predicate, PredicateError, Test};
pub use rank::Rule;
pub use table::{LONGEST_TESTED, Table};
pub(crate) use version::media_parameter;
pub use version::{Place, Source, Spelling, Stated, Versions, compare_names, is_day, vary};
pub use witness::Witness;
