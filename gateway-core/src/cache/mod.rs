//! A shared cache's decisions (RFC 9111): what is stored, for how long it is fresh, and what a request is answered from it.
//!
//! - [`rules`] is the policy, [`asked`] what a request says of caches, [`directives`] the directives of both sides.
//! - [`storing`] makes an [`entry`] of a response; [`freshness`] works out its lifetime and age once.
//! - [`choosing`] says what a stored response may be used for, [`vary`] which requests it answers.
//! - [`validation`] asks the origin whether it is still good; [`invalidation`] says what an unsafe request ends.
//! - [`resource`] are the stored responses of one URI, [`flights`] the requests under way for some.
//! - [`answering`] makes the client's answer of it, [`range`] has the parts that are asked for and stored; [`status`] tells what was done (RFC 9211).

pub mod answering;
pub mod asked;
mod bytes;
pub mod choosing;
pub mod directives;
pub mod entry;
pub mod flights;
pub mod freshness;
pub mod invalidation;
pub mod purges;
pub mod range;
pub mod resource;
pub mod rules;
pub mod status;
pub mod storing;
pub mod validation;
pub mod vary;

#[cfg(test)]
mod oracle_tests;
