//! Lines for the operator about what was asked of the gateway while it runs. The supervisor takes them from time to time, so that no request waits for
//! standard error.

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// The most lines that wait. Of more, the number alone is told.
const MOST: usize = 64;

/// The longest line, in bytes.
const LONGEST: usize = 1024;

/// Lines that the operator has not been told yet.
#[derive(Debug, Default)]
pub struct Notices(Mutex<(VecDeque<String>, usize)>);

impl Notices {
    /// Adds a line.
    pub fn add(&self, line: &dyn Display) {
        let mut line = line.to_string();
        if line.len() > LONGEST {
            line.truncate(line.floor_char_boundary(LONGEST));
            line.push('…');
        }
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.0.len() < MOST {
            waiting.0.push_back(line);
        } else {
            waiting.1 += 1;
        }
    }

    /// The lines since the last call.
    pub fn take(&self) -> Vec<String> {
        let (lines, more) = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines: Vec<String> = lines.into();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_once_and_bounded() {
        let notices = Notices::default();
        for number in 0..MOST + 2 {
            notices.add(&number);
        }
        notices.add(&"x");
        let told = notices.take();
        assert_eq!((told.len(), &*told[0], &*told[MOST]), (MOST + 1, "0", "and 3 more"));
        notices.add(&"ü".repeat(LONGEST));
        let told = notices.take();
        assert!(told[0].ends_with("ü…") && told[0].len() < LONGEST + 4);
        assert!(notices.take().is_empty());
    }
}
