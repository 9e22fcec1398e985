//! What a host calls. A text goes in by `room`, which says where to put it, and `take`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Case;

static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static CASES: Mutex<Vec<Case>> = Mutex::new(Vec::new());

fn of<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes room for a text of so many bytes, and returns where it is.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn room(bytes: usize) -> *mut u8 {
    let mut text = of(&TEXT);
    *text = vec![0; bytes];
    text.as_mut_ptr()
}

/// Takes the text as one more case, and returns whether it is one.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn take() -> u32 {
    let case = Case::read(&of(&TEXT));
    let is_one = case.is_some();
    of(&CASES).extend(case);
    u32::from(is_one)
}

/// Checks the signature of a case so many `times`, and returns whether it was good each time.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn check(case: usize, times: u32) -> u32 {
    of(&CASES).get(case).map_or(0, |case| u32::from(case.check(times)))
}
