//! The places of a pattern's parameters.

use super::{PathPattern, Segment, Tail, split_segment};
use crate::route::params::Params;

/// The positions of a pattern's parameters: enough to find their values in a path that the pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::route) struct Shape {
    /// One bit for each segment, the lowest for the first.
    parameters: u64,
    segments: u8,
    catch_all: bool,
    prefix: bool,
    /// Set if the values are those of an expression, which the shape does not know.
    pub(in crate::route) regex: bool,
}

impl Shape {
    /// The parameters' values in `path`, which the pattern takes.
    pub(in crate::route) fn params(self, path: &str) -> Params {
        let mut params = Params::default();
        // Without a tail, what follows the last parameter need not be looked at.
        let segments = if self.catch_all || self.prefix {
            u32::from(self.segments)
        } else {
            u64::BITS - self.parameters.leading_zeros()
        };
        let mut rest = path.strip_prefix('/');
        for at in 0..segments {
            let Some(text) = rest else { break };
            let (segment, after) = split_segment(text);
            if self.parameters >> at & 1 != 0 {
                params.push(segment, path);
            }
            rest = after;
        }
        match rest {
            Some(value) if self.catch_all => params.push(value, path),
            rest if self.prefix => params.set_rest(rest, path),
            _ => {}
        }
        params
    }
}

impl PathPattern {
    /// The positions of the parameters.
    pub(in crate::route) fn shape(&self) -> Shape {
        let bit = |(at, segment): (usize, &Segment)| match segment {
            Segment::Parameter(_) => 1_u64 << at,
            Segment::Literal(_) => 0,
        };
        // INVARIANT: a pattern has at most as many segments as a `u64` has bits.
        let parameters = self.segments.iter().enumerate().map(bit).fold(0, |all, bit| all | bit);
        Shape {
            parameters,
            segments: u8::try_from(self.segments.len()).unwrap_or(u8::MAX),
            catch_all: matches!(self.tail, Tail::CatchAll(_)),
            prefix: self.tail == Tail::Prefix,
            regex: matches!(self.tail, Tail::Regex(_)),
        }
    }
}
