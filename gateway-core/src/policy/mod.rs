//! One policy a file: pure, synchronous, told the time; each returns a verdict.

pub mod access_token;
pub mod accuracy;
pub mod aggregate;
pub mod allowance;
pub mod answers;
pub mod api_key;
pub mod authenticate;
pub mod authorize;
pub mod basic;
pub mod batch;
pub mod body_edit;
pub mod borrowed;
pub mod cache;
pub mod calendar;
pub mod certificate;
pub mod claim;
mod claim_store;
pub mod clients;
pub mod compress;
pub mod concurrency;
pub mod condition;
pub mod content;
pub mod content_type;
pub mod cors;
mod cors_origin;
pub mod cost;
pub mod counter;
pub mod counter_key;
pub mod credential;
pub mod csrf;
mod date;
pub mod etag;
pub mod expression;
pub mod external;
pub mod fault;
pub mod fixed_window;
mod fixed_window_store;
pub mod flag;
pub mod gcra;
mod gcra_store;
pub mod header_edit;
pub mod idempotency;
pub mod introspection;
pub mod json_caps;
pub mod json_field;
pub mod jwt;
pub mod key_cell;
pub mod key_source;
pub mod lease;
mod lease_store;
#[cfg(test)]
mod limit_models;
pub mod login;
pub mod maintenance;
pub mod message_signer;
pub mod method_map;
pub mod mirror;
pub mod once;
mod once_store;
pub mod openapi;
pub mod password;
pub mod passwords;
pub mod proof;
pub mod purge_reads;
pub mod query_edit;
pub mod quota;
pub mod rate_limit;
pub mod remembered;
pub mod response_cost;
pub mod revocation;
pub mod rollout;
pub mod seal;
pub mod security;
pub mod signature;
pub mod sigv4;
pub mod sliding_window;
mod sliding_window_store;
pub mod status_map;
pub mod steer;
pub mod time_zone;
pub mod tokens;
pub mod tries;
pub mod upstream_credentials;
pub mod validate;
pub mod version;
pub mod version_restated;
pub mod watch;
pub mod webhook;
pub mod xml_caps;

use std::fmt::Display;

use crate::config::told;

/// An error in the configuration of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The member of the policy that is wrong, with a point before each member within; empty for the policy itself.
    pub member: &'static str,
    /// The index of the wrong entry, where the member is a list.
    pub index: Option<usize>,
    /// The message.
    pub message: String,
    /// The way to mend it.
    pub help: Option<String>,
}

impl PolicyError {
    /// The error `message` about all of `member`, with the way to mend it.
    fn new(member: &'static str, message: impl Display, help: impl Display) -> Self {
        Self { member, index: None, message: told(message), help: Some(told(help)) }
    }

    /// The error about the entry at `index` of `member`; without help if that is empty.
    fn entry(member: &'static str, index: usize, message: impl Display, help: impl Display) -> Self {
        let help = Some(told(help)).filter(|help| !help.is_empty());
        Self { member, index: Some(index), message: told(message), help }
    }
}
