//! The edits of bodies on their way. They outlive their exchanges: the glue shows them each piece, by their numbers.

use core::cell::RefCell;

use bytes::Bytes;
use gateway_core::ports::{BreaksOff, Filter, IoError, IoErrorKind};

thread_local! {
    /// The edits under way, each with the number that it has.
    static FILTERS: RefCell<Vec<(u32, Box<Filter>)>> = const { RefCell::new(Vec::new()) };
    /// The last number that was given.
    static LAST: RefCell<u32> = const { RefCell::new(0) };
    /// What has come of the last piece.
    static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The most memory that is kept for what comes of a piece, in bytes.
const KEPT: usize = 256 * 1024;

/// Adds `filter`, behind that with the number `before` if that is not 0, and returns the number of both.
pub(crate) fn add(before: u32, filter: Box<Filter>) -> u32 {
    let filter = match take(before) {
        Some(first) => first.then(filter),
        None => filter,
    };
    let number = LAST.with_borrow_mut(|last| {
        *last = last.wrapping_add(1).max(1);
        *last
    });
    FILTERS.with_borrow_mut(|filters| filters.push((number, filter)));
    number
}

/// Takes the edits with this number out, if they are there.
pub(crate) fn take(number: u32) -> Option<Box<Filter>> {
    // An instance that ends drops its bodies after its thread-local state.
    let taken = FILTERS.try_with(|filters| {
        let mut filters = filters.try_borrow_mut().ok()?;
        let at = filters.iter().position(|(of, _)| *of == number)?;
        Some(filters.swap_remove(at).1)
    });
    taken.ok().flatten()
}

/// Gives the edits with this number up.
pub(crate) fn forget(number: u32) {
    if number != 0 {
        drop(take(number));
    }
}

/// Edits the next `piece`, or the end if there is none, and returns the number of bytes that come of it; -1 if the body has to break off.
pub(crate) fn push(number: u32, piece: Option<&[u8]>) -> i32 {
    let Some(mut filter) = take(number) else { return -1 };
    OUT.with_borrow_mut(|out| {
        out.clear();
        out.shrink_to(KEPT);
        let filtered = match piece {
            Some(piece) => filter.push(piece, out),
            None => filter.finish(out),
        };
        if filtered == Err(BreaksOff) {
            return -1;
        }
        if piece.is_some() {
            FILTERS.with_borrow_mut(|filters| filters.push((number, filter)));
        }
        i32::try_from(out.len()).unwrap_or(-1)
    })
}

/// The address of what has come of the last piece.
pub(crate) fn out() -> *const u8 {
    OUT.with_borrow(|out| out.as_ptr())
}

/// Edits all of a body.
pub(crate) fn whole(filter: &mut Filter, content: &[u8]) -> Result<Bytes, IoError> {
    let mut out = Vec::new();
    let filtered = filter.push(content, &mut out).and_then(|()| filter.finish(&mut out));
    filtered.map(|()| out.into()).map_err(|BreaksOff| IoError::new(IoErrorKind::Content))
}
