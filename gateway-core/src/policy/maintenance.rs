//! Maintenance: a time in which requests are refused with 503 (RFC 9110 §15.6.4) and told when to come back.

use core::fmt::Arguments;
use core::time::Duration;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use ipnet::IpNet;

use super::PolicyError;
use super::flag::{self, Flag, Flags};
use crate::config::{self, FailMode, Span, told};
use crate::error::Reject;
use crate::http::address::parse_network;
use crate::time::Timestamp;

const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(60);
const SHORTEST_RETRY_AFTER: Duration = Duration::from_secs(1);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(366 * 86_400);

/// A compiled maintenance.
#[derive(Debug)]
pub struct Maintenance {
    /// The planned time, if there is one.
    window: Option<Window>,
    /// The flag that turns it on.
    pub flag: Option<Flag>,
    /// The decision while the flag is unknown.
    fail: FailMode,
    bypass: Box<[IpNet]>,
    /// The wait to ask for if no end is known.
    retry_after: Duration,
}

/// A planned time: from its beginning until just before its end.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Maintenance {
    /// Checks and compiles `c`, whose flag becomes one of `flags`.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn compile(c: &config::Maintenance, flags: &mut Flags) -> Result<Self, Vec<PolicyError>> {
        let mut errors: Vec<PolicyError> = Vec::new();
        let mut error = |member, index, message: Arguments<'_>, help: &str| {
            let help = Some(told(help)).filter(|help| !help.is_empty());
            errors.push(PolicyError { member, index, message: told(message), help });
        };

        let mut time = |member, text: &Option<String>| {
            let text = text.as_deref()?;
            let time = parse_time(text);
            if time.is_none() {
                let help = "write it in UTC as RFC 3339 has it: `2026-12-01T22:00:00Z`";
                error(member, None, format_args!("`{text}` is no time"), help);
            }
            time
        };
        let window = Window { from: time("from", &c.from), until: time("until", &c.until) };
        if let Window { from: Some(from), until: Some(until) } = window
            && until <= from
        {
            error("until", None, format_args!("the maintenance ends before it begins"), "put `until` after `from`");
        }
        let has_window = c.from.is_some() || c.until.is_some();
        if !has_window && c.flag.is_none() {
            let help = "give it `from`, `until` or `flag`";
            error("", None, format_args!("the maintenance never begins"), help);
        }
        let flag = c.flag.as_deref().and_then(|name| {
            let flag = flags.find(name);
            if flag.is_none() {
                error("flag", None, format_args!("`{name}` can't be the name of a flag"), "use 1 to 250 bytes of text");
            } else if !flag::is_reachable(name) {
                error(
                    "flag",
                    None,
                    format_args!("no URL reaches a flag called `{name}`, so nobody could set it"),
                    "leave out `\\`, and parts between slashes that are empty, `.` or `..`",
                );
            }
            flag
        });
        if c.fail.is_some() && c.flag.is_none() {
            error(
                "fail",
                None,
                format_args!("there is no flag that could fail to be read"),
                "leave it out, or add `flag`",
            );
        }
        let bypass = c.bypass.iter().enumerate().filter_map(|(index, text)| match parse_network(text) {
            Ok(network) => Some(network),
            Err(message) => {
                error(
                    "bypass",
                    Some(index),
                    format_args!("{message}"),
                    "write an address, or a network as `10.0.0.0/8`",
                );
                None
            }
        });
        let bypass = bypass.collect();
        let retry_after = c.retry_after.map_or(DEFAULT_RETRY_AFTER, |Span(wait)| wait);
        if retry_after < SHORTEST_RETRY_AFTER || retry_after > LONGEST_RETRY_AFTER {
            error("retryAfter", None, format_args!("the wait is too short or too long"), "use `1s` to `366d`");
        }

        if errors.is_empty() {
            let window = has_window.then_some(window);
            Ok(Self { window, flag, fail: c.fail.unwrap_or(FailMode::Open), bypass, retry_after })
        } else {
            Err(errors)
        }
    }

    /// Returns whether the client at this address is served anyway. A client without an address is not.
    #[must_use]
    pub fn lets_by(&self, client: Option<IpAddr>) -> bool {
        client.is_some_and(|address| {
            let address = address.to_canonical();
            self.bypass.iter().any(|network| network.contains(&address))
        })
    }

    /// Refuses a request at `now` if that is in the planned time.
    ///
    /// # Errors
    /// The refusal: until the end of the time, if it has one.
    pub fn check_window(&self, now: Timestamp) -> Result<(), Reject> {
        match &self.window {
            Some(Window { from, until })
                if from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until) =>
            {
                Err(refuse(until.map_or(self.retry_after, |until| until.saturating_since(now))))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a request if the flag is `set`; `None` if its value is unknown.
    ///
    /// # Errors
    /// The refusal.
    pub fn check_flag(&self, set: Option<bool>) -> Result<(), Reject> {
        if set.unwrap_or(self.fail == FailMode::Closed) { Err(refuse(self.retry_after)) } else { Ok(()) }
    }

    /// The beginning and the end of the planned time, as RFC 3339 writes them.
    #[must_use]
    pub fn planned(&self) -> [Option<String>; 2] {
        let Window { from, until } = self.window.as_ref().unwrap_or(&Window { from: None, until: None });
        [from.map(show_time), until.map(show_time)]
    }

    /// A few words for a list of policies.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut words = "maintenance".to_owned();
        for (word, time) in ["from", "until"].into_iter().zip(self.planned()) {
            words.extend(time.map(|time| format!(" {word} {time}")));
        }
        if let Some(flag) = &self.flag {
            words.push_str(if self.window.is_some() { ", or by flag " } else { " by flag " });
            words.push_str(&flag.name);
        }
        words
    }
}

/// The refusal: 503 with whole seconds to wait (RFC 9110 §10.2.3), at least one.
fn refuse(wait: Duration) -> Reject {
    let seconds = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
    Reject::maintenance().with_header(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Reads a time of RFC 3339 in UTC.
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let since = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Timestamp::from_unix_millis)
}

/// `time` in the form that is read.
#[must_use]
pub fn show_time(time: Timestamp) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(time.unix_millis()));
    time.map_or_else(String::new, |time| humantime::format_rfc3339(time).to_string())
}

/// `time` in that form, in whole seconds.
#[must_use]
pub fn show_seconds(time: Timestamp) -> String {
    show_time(Timestamp::from_unix_millis(time.unix_millis() / 1_000 * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> config::Maintenance {
        serde_json::from_str(json).unwrap()
    }

    fn compiled(json: &str) -> Maintenance {
        Maintenance::compile(&config(json), &mut Flags::default()).unwrap()
    }

    fn waits(refused: Result<(), Reject>) -> Option<String> {
        let reject = refused.err()?;
        assert_eq!((reject.status.as_u16(), reject.code), (503, "maintenance"));
        let [(RETRY_AFTER, wait)] = &*reject.headers else { panic!("{:?}", reject.headers) };
        Some(wait.to_str().unwrap().to_owned())
    }

    const WINDOW: &str = r#"{"from": "2026-12-01T22:00:00Z", "until": "2026-12-02T02:00:00Z"}"#;

    /// RFC 3339 §5.6, and 2026-12-01T22:00:00Z is 1,796,162,400 s after the epoch.
    #[test]
    fn times_are_those_of_rfc_3339_in_utc() {
        let millis = |text| parse_time(text).map(Timestamp::unix_millis);
        assert_eq!(millis("2026-12-01T22:00:00Z"), Some(1_796_162_400_000));
        assert_eq!(millis("2026-12-01T22:00:00.5Z"), Some(1_796_162_400_500));
        for no in
            ["", "tomorrow", "2026-12-01", "2026-12-01 22:00", "2026-13-01T22:00:00Z", "2026-12-01T22:00:00+01:00"]
        {
            assert_eq!(millis(no), None, "{no}");
        }
    }

    /// RFC 9110 §10.2.3: whole seconds from now; docs/configuration.md: `until` itself is served again.
    #[test]
    fn it_holds_from_its_beginning_until_just_before_its_end() {
        let maintenance = compiled(WINDOW);
        let at = |text| waits(maintenance.check_window(parse_time(text).unwrap()));
        assert_eq!(at("2026-12-01T21:59:59.999Z"), None);
        assert_eq!(at("2026-12-01T22:00:00Z").as_deref(), Some("14400"));
        assert_eq!(at("2026-12-02T01:59:58.500Z").as_deref(), Some("2"));
        assert_eq!(at("2026-12-02T01:59:59.999Z").as_deref(), Some("1"));
        assert_eq!(at("2026-12-02T02:00:00Z"), None);
    }

    /// docs/configuration.md, Maintenance: either end may be absent; without an end, `retryAfter` says when to come back.
    #[test]
    fn a_time_may_be_open_at_either_end() {
        let ends = compiled(r#"{"until": "2026-12-02T02:00:00Z"}"#);
        assert_eq!(waits(ends.check_window(Timestamp::from_unix_millis(0))).as_deref(), Some("1796176800"));
        let begins = |more: &str| compiled(&format!(r#"{{"from": "2026-12-01T22:00:00Z"{more}}}"#));
        let later = parse_time("2030-01-01T00:00:00Z").unwrap();
        assert_eq!(waits(begins("").check_window(later)).as_deref(), Some("60"));
        assert_eq!(waits(begins(r#", "retryAfter": "5m""#).check_window(later)).as_deref(), Some("300"));
        assert_eq!(waits(begins("").check_window(Timestamp::from_unix_millis(0))), None);
    }

    /// docs/configuration.md, Maintenance: an unreadable flag serves, unless `fail` is `closed`.
    #[test]
    fn a_flag_refuses_while_it_is_set() {
        let open = compiled(r#"{"flag": "users"}"#);
        assert_eq!(waits(open.check_window(Timestamp::from_unix_millis(0))), None);
        assert_eq!(waits(open.check_flag(Some(true))).as_deref(), Some("60"));
        assert_eq!((waits(open.check_flag(Some(false))), waits(open.check_flag(None))), (None, None));
        let closed = compiled(r#"{"flag": "users", "fail": "closed", "retryAfter": "1500ms"}"#);
        assert_eq!(waits(closed.check_flag(None)).as_deref(), Some("2"));
        assert_eq!(waits(closed.check_flag(Some(false))), None);
    }

    /// docs/configuration.md, Maintenance: v4-mapped IPv6 counts as IPv4, and a client without an address as none of them.
    #[test]
    fn clients_of_a_network_are_let_by() {
        let maintenance = compiled(r#"{"flag": "f", "bypass": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]}"#);
        let lets_by = |address: &str| maintenance.lets_by(Some(address.parse().unwrap()));
        assert!(["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7", "192.0.2.1"].into_iter().all(lets_by));
        assert!(!["11.1.2.3", "192.0.2.2", "2001:db9::7"].into_iter().any(lets_by));
        assert!(!maintenance.lets_by(None));
    }

    #[test]
    fn every_error_is_reported_at_its_member() {
        let errors = |json: &str| {
            let errors = Maintenance::compile(&config(json), &mut Flags::default()).err().unwrap_or_default();
            errors.into_iter().map(|error| (error.member, error.index)).collect::<Vec<_>>()
        };
        assert_eq!(errors("{}"), [("", None)]);
        assert_eq!(errors(r#"{"from": "now", "until": "2026-02-30T00:00:00Z"}"#), [("from", None), ("until", None)]);
        assert_eq!(errors(r#"{"from": "2026-01-02T00:00:00Z", "until": "2026-01-02T00:00:00Z"}"#), [("until", None)]);
        assert_eq!(
            errors(r#"{"flag": "", "bypass": ["10.0.0.0/8", "10.0.0.1/8", "x"], "retryAfter": "0s"}"#),
            [("flag", None), ("bypass", Some(1)), ("bypass", Some(2)), ("retryAfter", None)]
        );
        assert_eq!(errors(r#"{"until": "2026-01-02T00:00:00Z", "fail": "open"}"#), [("fail", None)]);
    }

    #[test]
    fn it_is_described_by_its_times_and_its_flag() {
        assert_eq!(compiled(WINDOW).describe(), "maintenance from 2026-12-01T22:00:00Z until 2026-12-02T02:00:00Z");
        assert_eq!(compiled(r#"{"flag": "f"}"#).describe(), "maintenance by flag f");
        assert_eq!(
            compiled(r#"{"until": "2026-12-02T02:00:00Z", "flag": "f"}"#).describe(),
            "maintenance until 2026-12-02T02:00:00Z, or by flag f"
        );
    }
}
