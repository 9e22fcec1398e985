//! W3C Trace Context, level 2: the gateway as one more span of the caller's trace, or the first of a new one.

use http::header::{Entry, OccupiedEntry};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::digits::{hex_digit, read_hex, write_hex};
use super::value::printable;
use crate::random::Random;

/// `traceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate`.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `sampled` and `random-trace-id`, the flags that level 2 defines (§3.2.2.5); the others are sent as zero.
const KNOWN_FLAGS: u8 = 0b11;

/// The list members that `tracestate` may have (§3.3.1.1).
const MAX_STATE_MEMBERS: usize = 32;

/// The place of a request in its trace, as the upstream is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never zero.
    pub trace_id: u128,
    /// The gateway's own span, the parent of the upstream's; never zero.
    pub parent_id: u64,
    /// The span of the caller, if it sent a valid one.
    pub caller_id: Option<u64>,
    /// Bit 0: sampled; bit 1: the trace identifier is random.
    pub flags: u8,
}

/// Sets `traceparent` for the upstream: the caller's trace with the gateway as parent, or a new trace.
///
/// Anything invalid starts a new trace and drops `tracestate` (§3.2.1, §4.3). A new trace is marked as sampled, because with
/// the flag unset an upstream that follows its parent's decision would record nothing at all.
pub fn continue_or_start(headers: &mut HeaderMap, random: &impl Random) -> TraceContext {
    let parent_id = non_zero(random);
    let context = match headers.entry(TRACEPARENT) {
        Entry::Vacant(entry) => {
            let context = TraceContext::start(parent_id, random);
            entry.insert(context.value());
            context
        }
        Entry::Occupied(mut entry) => {
            let context = match caller(&entry) {
                Some((trace_id, caller_id, flags)) => {
                    TraceContext { trace_id, parent_id, caller_id: Some(caller_id), flags }
                }
                None => TraceContext::start(parent_id, random),
            };
            entry.insert(context.value());
            context
        }
    };
    if context.caller_id.is_some() {
        tidy_state(headers);
    } else {
        headers.remove(TRACESTATE);
    }
    context
}

/// As [`continue_or_start`], for a request that has neither field.
pub fn start(headers: &mut HeaderMap, random: &impl Random) -> TraceContext {
    let parent_id = non_zero(random);
    let context = TraceContext::start(parent_id, random);
    headers.insert(TRACEPARENT, context.value());
    context
}

impl TraceContext {
    fn start(parent_id: u64, random: &impl Random) -> Self {
        let trace_id = u128::from(non_zero(random)) << 64 | u128::from(random.next_u64());
        Self { trace_id, parent_id, caller_id: None, flags: KNOWN_FLAGS }
    }

    /// The `traceparent` field's value, in version 00.
    fn value(&self) -> HeaderValue {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let [_, _, _, ids @ .., _, _] = &mut text;
        let (trace, parent) = ids.split_at_mut(33);
        let (high, low) = trace.split_at_mut(16);
        write_hex((self.trace_id >> 64) as u64, high);
        write_hex(self.trace_id as u64, low);
        write_hex(self.parent_id, parent);
        let [.., tens, ones] = &mut text;
        *tens = hex_digit(u16::from(self.flags >> 4));
        *ones = hex_digit(u16::from(self.flags));
        // Digits and dashes are printable; the fallback is never taken.
        printable(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// A random number that is no invalid identifier (§3.2.2.3, §3.2.2.4).
fn non_zero(random: &impl Random) -> u64 {
    random.next_u64().max(1)
}

/// Trace, span and flags of the caller, if it sent exactly one valid `traceparent`.
fn caller(entry: &OccupiedEntry<'_, HeaderValue>) -> Option<(u128, u64, u8)> {
    let mut values = entry.iter();
    match (values.next(), values.next()) {
        (Some(value), None) => parse(value.as_bytes()),
        _ => None,
    }
}

/// Reads `version-traceid-parentid-flags`; of a version after 00 only these four parts (§4.3).
fn parse(text: &[u8]) -> Option<(u128, u64, u8)> {
    let (head, rest) = text.split_at_checked(55)?;
    let [v1, v0, b'-', ids @ ..] = head else { return None };
    let (trace, ids) = ids.split_at_checked(32)?;
    let [b'-', ids @ ..] = ids else { return None };
    let (parent, flags) = ids.split_at_checked(16)?;
    let [b'-', flags @ ..] = flags else { return None };

    match read_hex(&[*v1, *v0])? {
        0xff => return None,
        0 if !rest.is_empty() => return None,
        _ if !matches!(rest.first(), None | Some(b'-')) => return None,
        _ => {}
    }
    let (high, low) = trace.split_at_checked(16)?;
    let trace = u128::from(read_hex(high)?) << 64 | u128::from(read_hex(low)?);
    let parent = read_hex(parent)?;
    let flags = read_hex(flags)? as u8 & KNOWN_FLAGS;
    (trace != 0 && parent != 0).then_some((trace, parent, flags))
}

/// Joins `tracestate` fields into one (§3.3.1), or drops them if they are too many members or no text.
fn tidy_state(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(TRACESTATE).iter();
    if lines.next().is_none() {
        return;
    }
    let several = lines.next().is_some();
    let members: usize = headers.get_all(TRACESTATE).iter().map(members).sum();
    let valid = headers.get_all(TRACESTATE).iter().all(|line| line.to_str().is_ok());
    if members == 0 || members > MAX_STATE_MEMBERS || !valid {
        headers.remove(TRACESTATE);
    } else if several {
        let lines: Vec<_> = headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
        match HeaderValue::from_bytes(&lines.join(&b","[..])) {
            Ok(joined) => headers.insert(TRACESTATE, joined),
            Err(_) => headers.remove(TRACESTATE),
        };
    }
}

/// The members of a line; empty ones don't count (§3.3.1.1).
fn members(line: &HeaderValue) -> usize {
    line.as_bytes().split(|b| *b == b',').filter(|member| !member.trim_ascii().is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{Sequence, fields, lines};

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const WITHOUT_FLAGS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

    fn run(list: &[(&str, &str)]) -> (TraceContext, Vec<String>) {
        let mut headers = fields(list);
        let context = continue_or_start(&mut headers, &Sequence::new([0xa, 0xb, 0xc]));
        (context, lines(&headers))
    }

    /// §3.2.2 and §3.4: the trace stays, the parent is the gateway's own span.
    #[test]
    fn a_valid_context_is_continued() {
        let (context, lines) = run(&[("traceparent", VALID), ("tracestate", "a=1")]);
        assert_eq!(context.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.caller_id, Some(0xb7ad_6b71_6920_3331));
        assert_eq!(lines, ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-000000000000000a-01", "tracestate: a=1"]);
    }

    /// §3.2.2.5: sampled and random are passed on, unknown flags are set to zero.
    #[test]
    fn known_flags_are_kept() {
        for (sent, kept) in [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("fc", 0)] {
            let (context, _) = run(&[("traceparent", &format!("{WITHOUT_FLAGS}{sent}"))]);
            assert_eq!((context.flags, context.caller_id.is_some()), (kept, true), "{sent}");
        }
    }

    /// §4.3: a later version is read as far as version 00 goes, and answered in version 00.
    #[test]
    fn later_versions_are_read() {
        for later in
            [VALID.replacen("00", "01", 1), format!("{}-what-the-future-will-be", VALID.replacen("00", "cc", 1))]
        {
            let (context, lines) = run(&[("traceparent", &later)]);
            assert!(context.caller_id.is_some(), "{later}");
            assert!(lines[0].starts_with("traceparent: 00-0af7"), "{later}");
        }
    }

    /// §3.2.2 and §4.3: what is invalid starts a new trace, and its `tracestate` goes.
    #[test]
    fn an_invalid_context_starts_anew() {
        let later = VALID.replacen("00", "01", 1);
        for invalid in [
            "",
            "00",
            &format!("{WITHOUT_FLAGS}0"),
            &format!("{VALID}-"),
            &format!("{VALID}x"),
            &format!("{later}x"),
            &format!("{later}.x"),
            &VALID.replacen("00", "ff", 1),
            &VALID.replacen("00", "0g", 1),
            &VALID.to_uppercase(),
            &VALID.replace("b7ad6b7169203331", "0000000000000000"),
            &VALID.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &VALID.replace('-', "_"),
            &VALID.replace("c80319c", "c8031 c"),
            &format!("{WITHOUT_FLAGS}0x"),
        ] {
            let (context, lines) = run(&[("traceparent", invalid), ("tracestate", "a=1")]);
            assert_eq!(context.caller_id, None, "{invalid}");
            assert_eq!(lines, ["traceparent: 00-000000000000000b000000000000000c-000000000000000a-03"], "{invalid}");
        }
    }

    /// §3.2.1: more than one field is invalid.
    #[test]
    fn two_contexts_start_anew() {
        let (context, lines) = run(&[("traceparent", VALID), ("traceparent", VALID)]);
        assert_eq!((context.caller_id, lines.len()), (None, 1));
    }

    /// §3.2.2.3 and §3.2.2.4: identifiers of zeros are invalid, whatever is drawn.
    #[test]
    fn identifiers_are_never_zero() {
        let context = continue_or_start(&mut HeaderMap::new(), &Sequence::new([0, 0, 0]));
        assert_ne!((context.trace_id, context.parent_id), (0, 0));
        assert_ne!(context.trace_id, 0);
        assert_ne!(context.parent_id, 0);
    }

    /// §3.3.1: lines are joined in order; §3.3.1.1: up to 32 members, empty ones allowed.
    #[test]
    fn trace_state_is_joined_and_bounded() {
        let with_state = |states: &[&str]| {
            let mut list = vec![("traceparent", VALID)];
            list.extend(states.iter().map(|state| ("tracestate", *state)));
            run(&list).1.into_iter().filter(|line| line.starts_with("tracestate")).collect::<Vec<_>>()
        };
        let list = |count: usize| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(with_state(&["a=1,b=2", "c=3"]), ["tracestate: a=1,b=2,c=3"]);
        assert_eq!(with_state(&["a=1, ,"]), ["tracestate: a=1, ,"]);
        assert_eq!(with_state(&[&list(32)]).len(), 1);
        assert_eq!(with_state(&[&list(33)]), [""; 0]);
        assert_eq!(with_state(&[&list(32), "z=1"]), [""; 0]);
        assert_eq!(with_state(&["a=é"]), [""; 0]);
        assert_eq!(with_state(&["", ""]), [""; 0]);
    }

    #[test]
    fn a_request_without_either_field_is_started_as_by_the_general_way() {
        let (mut general, mut short) = (HeaderMap::new(), HeaderMap::new());
        let context = continue_or_start(&mut general, &Sequence::new([1, 2, 3]));
        assert_eq!(start(&mut short, &Sequence::new([1, 2, 3])), context);
        assert_eq!(short, general);
    }
}
