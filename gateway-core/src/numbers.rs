//! Names by number.
//!
//! A map from names to numbers alone is compiled once, whatever is kept by number; each further type of map costs a Worker some 5 kB.

use std::collections::BTreeMap;

/// Numbers for names, counted from 0 in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct Numbers(BTreeMap<String, usize>);

impl Numbers {
    /// The number of `name`; none if it has not come.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// Returns the number of `name`, which is the next one if it is new, and whether it is.
    #[inline(never)]
    pub(crate) fn find_or_add(&mut self, name: &str) -> (usize, bool) {
        if let Some(number) = self.find(name) {
            return (number, false);
        }
        let number = self.0.len();
        self.0.insert(name.to_owned(), number);
        (number, true)
    }
}

/// Values by name, in the order in which the names came.
#[derive(Debug)]
pub(crate) struct Numbered<T> {
    numbers: Numbers,
    list: Vec<(String, T)>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: Numbers::default(), list: Vec::new() }
    }
}

impl<T> Numbered<T> {
    /// Adds `value`, unless there is one of this name.
    ///
    /// # Errors
    /// The value that is there already.
    pub(crate) fn add(&mut self, name: &str, value: T) -> Result<(), &T> {
        let (number, is_new) = self.numbers.find_or_add(name);
        if is_new {
            self.list.push((name.to_owned(), value));
            return Ok(());
        }
        self.list.get(number).map_or(Ok(()), |(_, known)| Err(known))
    }

    /// Returns the value called `name`, which is the default where there was none.
    pub(crate) fn of(&mut self, name: &str) -> Option<&mut T>
    where
        T: Default,
    {
        let (number, is_new) = self.numbers.find_or_add(name);
        if is_new {
            self.list.push((name.to_owned(), T::default()));
        }
        self.list.get_mut(number).map(|(_, value)| value)
    }

    /// The value called `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&T> {
        self.list.get(self.numbers.find(name)?).map(|(_, value)| value)
    }

    /// The names and values, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.list.iter().map(|(name, value)| (name.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_first_value_and_its_place() {
        let mut numbered = Numbered::default();
        assert_eq!(numbered.add("b", 1), Ok(()));
        assert_eq!(numbered.add("a", 2), Ok(()));
        assert_eq!(numbered.add("b", 3), Err(&1));
        if let Some(sum) = numbered.of("c") {
            *sum += 5;
        }
        assert_eq!(numbered.of("a").copied(), Some(2));
        assert_eq!(numbered.iter().collect::<Vec<_>>(), [("b", &1), ("a", &2), ("c", &5)]);
    }
}
