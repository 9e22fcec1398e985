//! The statuses that responses get in place of their own.

use http::StatusCode;

/// The new status of each of some responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusMap(Box<[Entry]>);

/// The statuses from the first to the second, and the one that they become.
type Entry = ((u16, u16), StatusCode);

impl StatusMap {
    /// The map with these `entries`.
    #[must_use]
    pub fn of(entries: Vec<Entry>) -> Self {
        Self(entries.into())
    }

    /// The status that a response with `status` gets: that of the entry for it alone, else that of its class.
    ///
    /// A 206 and a 304 are about what the client has asked for or has (RFC 9110 §15.3.7, §15.4.5): no class has them.
    #[must_use]
    pub fn status(&self, status: StatusCode) -> Option<StatusCode> {
        let number = status.as_u16();
        let find = |is_alone: bool| {
            let fits = |((first, last), _): &&Entry| (first == last) == is_alone && (*first..=*last).contains(&number);
            self.0.iter().find(fits).map(|(_, to)| *to)
        };
        let of_class = || find(false).filter(|_| !matches!(number, 206 | 304));
        find(true).or_else(of_class)
    }

    /// The number of its entries.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/configuration.md, Statuses.
    #[test]
    fn a_status_goes_before_its_class() {
        let code = |status: u16| StatusCode::from_u16(status).unwrap();
        let map = StatusMap::of(vec![((400, 499), code(400)), ((404, 404), code(410)), ((200, 399), code(200))]);
        let of = |status: u16| map.status(code(status)).map(|status| status.as_u16());
        assert_eq!([of(404), of(403), of(500), of(201)], [Some(410), Some(400), None, Some(200)]);
        assert_eq!([of(206), of(304)], [None, None]);
    }
}
