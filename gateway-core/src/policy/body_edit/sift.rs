//! Keeping or removing many parts of a document at once, in one walk through it.

use crate::document::path::{Location, Path};
use crate::document::{TooMuch, Value};
use crate::order::sort_by;

/// The places that `paths` select in `document`, sorted, each once.
pub(super) fn places(paths: &[Path], document: &Value) -> Result<Vec<Location>, TooMuch> {
    let mut all = Vec::new();
    for path in paths {
        all.append(&mut path.locations(document)?);
    }
    Ok(sorted(all))
}

/// `places`, sorted, each once.
pub(super) fn sorted(mut places: Vec<Location>) -> Vec<Location> {
    sort_by(&mut places, |one, other| one.cmp(other));
    places.dedup();
    places
}

/// Keeps what is at `places`, which are sorted, and what that is in. An array or an object of which nothing is kept is empty; any other
/// document becomes `null`.
pub(super) fn keep(document: &mut Value, places: &[Location]) {
    if places.first().is_some_and(Vec::is_empty) {
        return;
    }
    if document.children() == 0 && !matches!(document, Value::Array(_) | Value::Object(_)) {
        *document = Value::Null;
    }
    walk(document, places, 0, &|is_there, is_end| {
        if is_end {
            Fate::Stays
        } else if is_there {
            Fate::Within
        } else {
            Fate::Goes
        }
    });
}

/// Removes what is at `places`, which are sorted. Of the whole `null` is left.
pub(super) fn remove(document: &mut Value, places: &[Location]) {
    if places.first().is_some_and(Vec::is_empty) {
        *document = Value::Null;
        return;
    }
    walk(document, places, 0, &|is_there, is_end| {
        if is_end {
            Fate::Goes
        } else if is_there {
            Fate::Within
        } else {
            Fate::Stays
        }
    });
}

/// What becomes of a child.
enum Fate {
    Stays,
    Goes,
    /// It stays, and some of it may go.
    Within,
}

/// Decides about each child of `value` by whether any place is there or within it, and whether one is the child itself.
fn walk(value: &mut Value, places: &[Location], depth: usize, fate: &dyn Fn(bool, bool) -> Fate) {
    let (mut rest, mut index) = (places, 0_usize);
    let mut stays = |child: &mut Value| {
        let of_it = rest.iter().take_while(|place| place.get(depth) == Some(&index)).count();
        let (here, others) = rest.split_at_checked(of_it).unwrap_or_default();
        (rest, index) = (others, index.saturating_add(1));
        // Sorted, the shortest comes first.
        let is_end = here.first().is_some_and(|place| place.len() == depth.saturating_add(1));
        match fate(!here.is_empty(), is_end) {
            Fate::Stays => true,
            Fate::Goes => false,
            Fate::Within => {
                walk(child, here, depth.saturating_add(1), fate);
                true
            }
        }
    };
    match value {
        Value::Array(items) => items.retain_mut(stays),
        Value::Object(object) => object.retain(|value| stays(value)),
        _ => {}
    }
}
