//! Resolves names in the configuration.

use super::Compiler;
use super::at::At;
use crate::config::Entries;
use crate::numbers::Numbers;

impl Compiler<'_> {
    /// Refuses a `name` that logs and terminals could not show as it is.
    pub(super) fn printable(&mut self, at: &At<'_>, name: &str) {
        if let Some(character) = name.chars().find(|c| is_unprintable(*c)) {
            let message =
                format_args!("the name has the character U+{:04X}, which can't be seen", u32::from(character));
            self.error_with(at, message, "leave it out: names stand in logs and messages");
        }
    }
}

/// Returns whether a terminal would act on a character: control characters, line and paragraph separators, and those that change
/// the direction of a text (UAX #9).
fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The indexes of entries, by name.
pub(super) struct Names(Numbers);

impl Names {
    pub(super) fn of<T>(entries: &Entries<T>) -> Self {
        let mut numbers = Numbers::default();
        for (name, _) in entries.iter() {
            numbers.find_or_add(name);
        }
        Self(numbers)
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.0.find(name)
    }
}
