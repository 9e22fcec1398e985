//! Operations, verdicts and states as bytes, for a store at the other end of a wire: a tag, then little-endian numbers.
//!
//! A tag is never reused: states outlive the program that wrote them.

use core::time::Duration;

use super::super::claim::{self, Claim, Wish};
use super::super::fixed_window::{Count, Span};
use super::super::lease::{self, Lease};
use super::super::quota::{Quota, Verdict};
use super::super::sliding_window::Window;
use super::{CounterOp, CounterVerdict, Limiter, State};
use crate::time::Timestamp;

/// The length of an operation or a verdict in bytes; unused ones are zero.
pub const PACKED: usize = 32;

const GCRA: u8 = 1;
const SLIDING_WINDOW: u8 = 2;
/// The tag of [`CounterOp::Acquire`], and of the state that it leaves.
const LEASE: u8 = 3;
const RELEASE: u8 = 4;
/// The tag of [`CounterOp::Once`], and of the state that it leaves.
const ONCE: u8 = 5;
const FIXED_WINDOW: u8 = 6;
const SETTLE_GCRA: u8 = 7;
const SETTLE_SLIDING_WINDOW: u8 = 8;
const SETTLE_FIXED_WINDOW: u8 = 9;
/// The tag of [`CounterOp::Claim`], and of the state that it leaves.
const CLAIM: u8 = 10;
const CONCLUDE: u8 = 11;

/// The tags of verdicts.
const QUOTA: u8 = 1;
const LEASED: u8 = 2;
const RELEASED: u8 = 3;
const GIVEN: u8 = 4;
const SETTLED: u8 = 5;
const CLAIMED: u8 = 6;
const CONCLUDED: u8 = 7;

/// The verdicts on a claim, by their numbers.
const CLAIMS: [claim::Verdict; 5] =
    [claim::Verdict::Given, claim::Verdict::Held, claim::Verdict::Ended, claim::Verdict::Lost, claim::Verdict::Other];

impl CounterOp {
    /// The operation as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; PACKED] {
        match self {
            Self::Gcra { quota, cost } => Packer::new(GCRA).quota(quota, cost),
            Self::SlidingWindow { quota, cost } => Packer::new(SLIDING_WINDOW).quota(quota, cost),
            Self::FixedWindow { span, limit, cost } => {
                Packer::new(FIXED_WINDOW).time(span.end).time(span.latest).u32(limit).u32(cost).done()
            }
            Self::Settle { limiter, change } => {
                let change = change.cast_unsigned();
                match limiter {
                    Limiter::Gcra(quota) => Packer::new(SETTLE_GCRA).quota(quota, change),
                    Limiter::SlidingWindow { quota, at } => {
                        Packer::new(SETTLE_SLIDING_WINDOW).u64(at).quota(quota, change)
                    }
                    Limiter::FixedWindow { span, at } => {
                        let packer = Packer::new(SETTLE_FIXED_WINDOW).time(span.end).time(span.latest);
                        packer.time(at).u32(change).done()
                    }
                }
            }
            Self::Acquire { holder, limit, lease } => Packer::new(LEASE).u64(holder).u32(limit).duration(lease).done(),
            Self::Release { holder } => Packer::new(RELEASE).u64(holder).done(),
            Self::Once { keep } => Packer::new(ONCE).duration(keep).done(),
            // The cell is kept for whole seconds, so that all of it has room.
            Self::Claim(Wish { holder, print, lease, keep }) => {
                let seconds = u32::try_from(keep.as_secs()).unwrap_or(u32::MAX);
                Packer::new(CLAIM).u64(holder).u64(print).duration(lease).u32(seconds).done()
            }
            Self::Conclude { holder, keep } => Packer::new(CONCLUDE).u64(holder).duration(keep).done(),
        }
    }

    /// Reads the operation that [`to_bytes`](Self::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        match reader.tag()? {
            GCRA => reader.quota().map(|(quota, cost)| Self::Gcra { quota, cost }),
            SLIDING_WINDOW => reader.quota().map(|(quota, cost)| Self::SlidingWindow { quota, cost }),
            FIXED_WINDOW => {
                let span = Span { end: reader.time()?, latest: reader.time()? };
                Some(Self::FixedWindow { span, limit: reader.u32()?, cost: reader.u32()? })
            }
            SETTLE_GCRA => {
                let (quota, change) = reader.quota()?;
                Some(Self::Settle { limiter: Limiter::Gcra(quota), change: change.cast_signed() })
            }
            SETTLE_SLIDING_WINDOW => {
                let at = reader.u64()?;
                let (quota, change) = reader.quota()?;
                Some(Self::Settle { limiter: Limiter::SlidingWindow { quota, at }, change: change.cast_signed() })
            }
            SETTLE_FIXED_WINDOW => {
                let span = Span { end: reader.time()?, latest: reader.time()? };
                let at = reader.time()?;
                let change = reader.u32()?.cast_signed();
                Some(Self::Settle { limiter: Limiter::FixedWindow { span, at }, change })
            }
            LEASE => {
                let (holder, limit, lease) = (reader.u64()?, reader.u32()?, reader.duration()?);
                Some(Self::Acquire { holder, limit, lease })
            }
            RELEASE => Some(Self::Release { holder: reader.u64()? }),
            ONCE => Some(Self::Once { keep: reader.duration()? }),
            CLAIM => {
                let (holder, print, lease) = (reader.u64()?, reader.u64()?, reader.duration()?);
                let keep = Duration::from_secs(reader.u32()?.into());
                Some(Self::Claim(Wish { holder, print, lease, keep }))
            }
            CONCLUDE => Some(Self::Conclude { holder: reader.u64()?, keep: reader.duration()? }),
            _ => None,
        }
    }
}

impl CounterVerdict {
    /// The verdict as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; PACKED] {
        match self {
            Self::Quota(verdict) => Packer::new(QUOTA)
                .u32(verdict.admitted.into())
                .u32(verdict.remaining)
                .duration(verdict.retry_after)
                .duration(verdict.reset_after)
                .done(),
            Self::Lease(verdict) => Packer::new(LEASED).u32(verdict.acquired.into()).u32(verdict.held).done(),
            Self::Settled => Packer::new(SETTLED).done(),
            Self::Released => Packer::new(RELEASED).done(),
            Self::Once { first } => Packer::new(GIVEN).u32(first.into()).done(),
            Self::Claim(verdict) => {
                let number = CLAIMS.iter().position(|known| *known == verdict).unwrap_or_default();
                Packer::new(CLAIMED).u32(u32::try_from(number).unwrap_or_default()).done()
            }
            Self::Concluded => Packer::new(CONCLUDED).done(),
        }
    }

    /// Reads the verdict that [`to_bytes`](Self::to_bytes) wrote.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        match reader.tag()? {
            QUOTA => Some(Self::Quota(Verdict {
                admitted: reader.u32()? != 0,
                remaining: reader.u32()?,
                retry_after: reader.duration()?,
                reset_after: reader.duration()?,
            })),
            LEASED => Some(Self::Lease(lease::Verdict { acquired: reader.u32()? != 0, held: reader.u32()? })),
            SETTLED => Some(Self::Settled),
            RELEASED => Some(Self::Released),
            GIVEN => Some(Self::Once { first: reader.u32()? != 0 }),
            CLAIMED => CLAIMS.get(usize::try_from(reader.u32()?).ok()?).copied().map(Self::Claim),
            CONCLUDED => Some(Self::Concluded),
            _ => None,
        }
    }
}

impl State {
    /// The state as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Gcra(arrival) => numbers(GCRA, [*arrival]),
            Self::SlidingWindow(Window { number, current, previous }) => {
                numbers(SLIDING_WINDOW, [*number, u64::from(*current), u64::from(*previous)])
            }
            Self::FixedWindow(Count { end, taken }) => numbers(FIXED_WINDOW, [end.unix_millis(), u64::from(*taken)]),
            Self::Leases(leases) => {
                numbers(LEASE, leases.iter().flat_map(|lease| [lease.holder, lease.expires.unix_millis()]))
            }
            Self::Once(until) => numbers(ONCE, [until.unix_millis()]),
            Self::Claim(claim) => {
                let Claim { holder, print, until, expires, has_ended } = **claim;
                numbers(CLAIM, [holder, print, until.unix_millis(), expires.unix_millis(), has_ended.into()])
            }
        }
    }

    /// Reads the state that [`to_bytes`](Self::to_bytes) wrote; `None` for bytes of an unknown kind.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        match reader.tag()? {
            GCRA => Some(Self::Gcra(reader.u64()?)),
            SLIDING_WINDOW => Some(Self::SlidingWindow(Window {
                number: reader.u64()?,
                current: u32::try_from(reader.u64()?).ok()?,
                previous: u32::try_from(reader.u64()?).ok()?,
            })),
            FIXED_WINDOW => {
                let (end, taken) = (reader.time()?, u32::try_from(reader.u64()?).ok()?);
                Some(Self::FixedWindow(Count { end, taken }))
            }
            LEASE => {
                let (leases, rest) = reader.0.as_chunks::<16>();
                let lease = |bytes: &[u8; 16]| {
                    let mut reader = Reader(bytes);
                    Some(Lease { holder: reader.u64()?, expires: reader.time()? })
                };
                rest.is_empty().then(|| leases.iter().filter_map(lease).collect()).map(Self::Leases)
            }
            ONCE => Some(Self::Once(reader.time()?)),
            CLAIM => {
                let (holder, print, until, expires) = (reader.u64()?, reader.u64()?, reader.time()?, reader.time()?);
                let has_ended = reader.u64()? != 0;
                Some(Self::Claim(Box::new(Claim { holder, print, until, expires, has_ended })))
            }
            _ => None,
        }
    }
}

fn numbers(tag: u8, numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
    bytes
}

/// Fills [`PACKED`] bytes from the front.
struct Packer {
    bytes: [u8; PACKED],
    len: usize,
}

impl Packer {
    fn new(tag: u8) -> Self {
        Self { bytes: [0; PACKED], len: 0 }.put(&[tag])
    }

    fn put(mut self, bytes: &[u8]) -> Self {
        for (slot, byte) in self.bytes.iter_mut().skip(self.len).zip(bytes) {
            *slot = *byte;
        }
        self.len += bytes.len();
        self
    }

    fn u32(self, number: u32) -> Self {
        self.put(&number.to_le_bytes())
    }

    fn u64(self, number: u64) -> Self {
        self.put(&number.to_le_bytes())
    }

    fn time(self, time: Timestamp) -> Self {
        self.u64(time.unix_millis())
    }

    /// Whole milliseconds, rounded up: a client must not come back too early.
    fn duration(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        self.u64(millis)
    }

    /// A quota and a cost, to the end.
    fn quota(self, quota: Quota, cost: u32) -> [u8; PACKED] {
        self.u32(quota.limit).duration(quota.window).u32(quota.burst).u32(cost).done()
    }

    fn done(self) -> [u8; PACKED] {
        debug_assert!(self.len <= PACKED, "{} bytes", self.len);
        self.bytes
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn tag(&mut self) -> Option<u8> {
        self.take().map(|[tag]| tag)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.u64().map(Timestamp::from_unix_millis)
    }

    fn duration(&mut self) -> Option<Duration> {
        self.u64().map(Duration::from_millis)
    }

    fn quota(&mut self) -> Option<(Quota, u32)> {
        let (limit, window, burst) = (self.u32()?, self.duration()?, self.u32()?);
        Some((Quota { limit, window, burst }, self.u32()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA_OF_ALL: Quota = Quota { limit: 1_000_000_000, window: Duration::from_millis(31_622_400_000), burst: 7 };

    const SPAN: Span =
        Span { end: Timestamp::from_unix_millis(u64::MAX - 1), latest: Timestamp::from_unix_millis(u64::MAX) };

    const OPS: [CounterOp; 11] = [
        CounterOp::Settle { limiter: Limiter::Gcra(QUOTA_OF_ALL), change: i32::MIN },
        CounterOp::Settle { limiter: Limiter::SlidingWindow { quota: QUOTA_OF_ALL, at: u64::MAX }, change: i32::MAX },
        CounterOp::Settle { limiter: Limiter::FixedWindow { span: SPAN, at: SPAN.end }, change: -1 },
        CounterOp::FixedWindow { span: SPAN, limit: 1_000_000_000, cost: u32::MAX },
        CounterOp::Gcra { quota: QUOTA_OF_ALL, cost: u32::MAX },
        CounterOp::SlidingWindow { quota: QUOTA_OF_ALL, cost: 2 },
        CounterOp::Acquire { holder: u64::MAX, limit: 10_000, lease: Duration::from_millis(86_400_000) },
        CounterOp::Release { holder: u64::MAX - 1 },
        CounterOp::Once { keep: Duration::from_millis(86_400_000) },
        CounterOp::Claim(Wish {
            holder: u64::MAX,
            print: u64::MAX - 1,
            lease: Duration::from_millis(86_400_001),
            keep: Duration::from_secs(31_622_400),
        }),
        CounterOp::Conclude { holder: u64::MAX, keep: Duration::from_millis(31_622_400_001) },
    ];

    const VERDICTS: [CounterVerdict; 12] = [
        CounterVerdict::Settled,
        CounterVerdict::Quota(Verdict {
            admitted: true,
            remaining: u32::MAX,
            retry_after: Duration::from_millis(1),
            reset_after: Duration::from_millis(31_622_400_000),
        }),
        CounterVerdict::Lease(lease::Verdict { acquired: true, held: u32::MAX }),
        CounterVerdict::Released,
        CounterVerdict::Once { first: true },
        CounterVerdict::Once { first: false },
        CounterVerdict::Claim(CLAIMS[0]),
        CounterVerdict::Claim(CLAIMS[1]),
        CounterVerdict::Claim(CLAIMS[2]),
        CounterVerdict::Claim(CLAIMS[3]),
        CounterVerdict::Claim(CLAIMS[4]),
        CounterVerdict::Concluded,
    ];

    fn states() -> [State; 7] {
        let lease = |holder| Lease { holder, expires: Timestamp::from_unix_millis(1_800_000_000_000) };
        [
            State::Gcra(u64::MAX),
            State::SlidingWindow(Window { number: u64::MAX, current: u32::MAX, previous: 1 }),
            State::FixedWindow(Count { end: SPAN.end, taken: u32::MAX }),
            State::Leases(Vec::new()),
            State::Leases(vec![lease(u64::MAX), lease(0)]),
            State::Once(Timestamp::from_unix_millis(u64::MAX)),
            State::Claim(Box::new(Claim {
                holder: u64::MAX,
                print: 1,
                until: SPAN.end,
                expires: SPAN.latest,
                has_ended: true,
            })),
        ]
    }

    #[test]
    fn all_come_back_as_they_were() {
        for op in OPS {
            assert_eq!(CounterOp::from_bytes(&op.to_bytes()), Some(op));
        }
        for verdict in VERDICTS {
            assert_eq!(CounterVerdict::from_bytes(&verdict.to_bytes()), Some(verdict));
        }
        for state in states() {
            assert_eq!(State::from_bytes(&state.to_bytes()), Some(state));
        }
    }

    /// A store may hold the bytes of a later or earlier version, and a wire may cut them off.
    #[test]
    fn other_bytes_are_nothing() {
        for bytes in [&[][..], &[0], &[0xff; PACKED]] {
            assert_eq!(CounterOp::from_bytes(bytes), None, "{bytes:?}");
            assert_eq!(CounterVerdict::from_bytes(bytes), None, "{bytes:?}");
            assert_eq!(State::from_bytes(bytes), None, "{bytes:?}");
        }
        for bytes in [&[GCRA][..], &[SLIDING_WINDOW; 20], &[LEASE; 20], &[RELEASE; 8], &[ONCE; 8], &[FIXED_WINDOW; 24]]
        {
            assert_eq!(CounterOp::from_bytes(bytes), None, "{bytes:?}");
        }
        for bytes in [&[QUOTA; 24][..], &[LEASED; 8], &[GIVEN; 4]] {
            assert_eq!(CounterVerdict::from_bytes(bytes), None, "{bytes:?}");
        }
        for bytes in [&[GCRA; 8][..], &[SLIDING_WINDOW; 24], &[LEASE; 16], &[ONCE; 8], &[FIXED_WINDOW; 16]] {
            assert_eq!(State::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    /// A wait of a fraction of a millisecond is rounded up.
    #[test]
    fn durations_are_rounded_up() {
        let verdict =
            Verdict { admitted: false, remaining: 0, retry_after: Duration::from_nanos(1), reset_after: Duration::MAX };
        let back =
            CounterVerdict::from_bytes(&CounterVerdict::Quota(verdict).to_bytes()).and_then(CounterVerdict::quota);
        let back = back.map(|verdict| (verdict.retry_after, verdict.reset_after));
        assert_eq!(back, Some((Duration::from_millis(1), Duration::from_millis(u64::MAX))));
    }
}
