//! Guesses the name that the author meant.

/// Returns the candidate nearest to `name` that could be a slip of the pen: another case or other separators, or about
/// one edit (insertion, deletion, replacement, swap of neighbours) for every three characters.
pub fn suggest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let folded = fold(name);
    let allowed = (folded.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST && *candidate != name) {
        let other = fold(candidate);
        let distance = if other == folded { 0 } else { strsim::osa_distance(&folded, &other) };
        // A distance as long as the word itself would make any two short words alike.
        let near = distance <= allowed && distance < other.chars().count();
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Removes case and separators: `rate_limit`, `rate-limit` and `RateLimit` are `rateLimit`.
fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 5] = ["methods", "rateLimit", "match", "path", "url"];

    #[test]
    fn finds_slips() {
        for (name, meant) in [
            ("methds", "methods"),
            ("mehtods", "methods"),
            ("method", "methods"),
            ("rate_limit", "rateLimit"),
            ("RATE-LIMIT", "rateLimit"),
            ("matches", "match"),
            ("ptah", "path"),
            ("uri", "url"),
        ] {
            assert_eq!(suggest(name, FIELDS), Some(meant), "{name}");
        }
    }

    #[test]
    fn does_not_guess() {
        for name in ["", "x", "plugins", "upstream", "retry", &"m".repeat(100)] {
            assert_eq!(suggest(name, FIELDS), None, "{name}");
        }
    }

    #[test]
    fn a_tie_goes_to_the_first() {
        assert_eq!(suggest("user", ["users", "usera"]), Some("users"));
    }
}
