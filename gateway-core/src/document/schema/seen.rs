//! The elements or members of a value that schemas have been applied to (JSON Schema Core §11), by their indexes.

/// A set of children.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    is_all: bool,
    marks: Vec<bool>,
}

impl Seen {
    pub(super) const fn add_all(&mut self) {
        self.is_all = true;
    }

    pub(super) fn add(&mut self, index: usize) {
        if self.marks.len() <= index {
            self.marks.resize(index.saturating_add(1), false);
        }
        if let Some(mark) = self.marks.get_mut(index) {
            *mark = true;
        }
    }

    pub(super) fn has(&self, index: usize) -> bool {
        self.is_all || self.marks.get(index).copied().unwrap_or(false)
    }

    /// Adds those of `other`.
    pub(super) fn join(&mut self, other: Self) {
        self.is_all |= other.is_all;
        if self.marks.is_empty() {
            self.marks = other.marks;
            return;
        }
        for (index, _) in other.marks.into_iter().enumerate().filter(|(_, mark)| *mark) {
            self.add(index);
        }
    }
}
