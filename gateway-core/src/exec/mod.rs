//! The only asynchronous code: it runs a route's plan and calls the ports.
//!
//! The phases, in their fixed order: bound the head → strip identity → normalise → preflight → match → maintenance → origin of
//! pages → authenticate → rate limits → edit the request → upstream (or an answer of our own) → edit the response → cross-origin and signalling fields.

mod access_token;
mod admin;
mod aggregate;
mod api_key;
mod attempts;
mod authenticate;
mod back;
mod basic;
mod batch;
mod body;
mod bounds;
mod cache;
mod call_out;
mod checks;
mod compress;
mod content;
mod discover;
mod ending;
mod etag;
mod exchange;
mod external;
mod fallback;
mod finish;
mod flag;
mod idempotency;
mod introspect;
mod jwt;
mod key_value;
mod keys;
mod limits;
mod local;
mod login;
mod maintenance;
mod once;
mod openapi;
mod options;
mod proxy;
mod request;
mod reverse;
mod revocation;
mod room;
mod signature;
mod socket;
mod steps;
mod target_uri;
mod time_left;
mod upstream_credentials;
mod version;
mod watch;
mod webhook;
mod within;

pub(crate) use access_token::refresh as refresh_token;
pub(crate) use admin::{MOST_CONTENT as MOST_ADMIN_CONTENT, answer as answer_admin};
pub(crate) use cache::{refresh_purges, revalidate};
pub use checks::DueCheck;
pub(crate) use checks::{check, due as due_checks};
pub(crate) use discover::{follow as follow_places, refresh as refresh_places};
pub(crate) use ending::{begin, end};
pub(crate) use flag::{refresh as refresh_flag, refresh_all as refresh_flags};
pub(crate) use keys::{keep as keep_keys, refresh as refresh_keys};
pub(crate) use request::run;
pub(crate) use watch::refresh as refresh_entries;
pub(crate) use within::within;
