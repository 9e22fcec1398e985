//! Lines that a terminal need not break: they are broken between words, and within a word that no line takes.

/// Text that is laid out in lines of so many columns, with an indent before each line but the first.
#[derive(Debug)]
pub(super) struct Wrap {
    out: String,
    used: usize,
    width: usize,
    indent: usize,
    /// Set if the line has its indent alone.
    is_fresh: bool,
}

impl Wrap {
    /// Lines of `width` columns. An indent leaves half of a line at least.
    pub(super) fn new(width: usize, indent: usize) -> Self {
        Self { out: String::new(), used: 0, width, indent: indent.min(width / 2), is_fresh: false }
    }

    /// Adds `words`, with `gap` columns before it unless it begins a line.
    pub(super) fn add(&mut self, words: &str, gap: usize) {
        let columns = shown(words);
        let gap = if self.out.is_empty() || self.is_fresh { 0 } else { gap };
        if self.used + gap + columns <= self.width {
            self.push(&" ".repeat(gap), gap);
            return self.push(words, columns);
        }
        let (room, start) = (self.width - self.indent, self.used + gap);
        if start > self.indent && (columns <= room || start + room / 2 > self.width) {
            self.next_line();
        } else {
            self.push(&" ".repeat(gap), gap);
        }
        let mut rest = words;
        while self.used + shown(rest) > self.width {
            let (now, then) = split(rest, self.width - self.used);
            self.push(now, 0);
            self.next_line();
            rest = then;
        }
        self.push(rest, shown(rest));
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn push(&mut self, text: &str, columns: usize) {
        self.out.push_str(text);
        self.used += columns;
        self.is_fresh = false;
    }

    fn next_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
        self.out.push_str(&" ".repeat(self.indent));
        self.used = self.indent;
        self.is_fresh = true;
    }
}

/// Splits `text` so that the first part has at most `room` columns, and one at least; behind a character that ends a part of a
/// path, a URL or a list, if there is one in the second half.
fn split(text: &str, room: usize) -> (&str, &str) {
    let (mut columns, mut is_colour) = (0, false);
    let (mut at, mut behind_part) = (text.len(), None);
    for (index, character) in text.char_indices() {
        if character == '\x1b' {
            is_colour = true;
        } else if is_colour {
            is_colour = character != 'm';
        } else if columns >= room.max(1) {
            at = index;
            break;
        } else {
            columns += 1;
            if columns > room / 2 && matches!(character, '/' | ',' | ';' | '&' | '?' | '.' | ')' | '}') {
                behind_part = Some(index + character.len_utf8());
            }
        }
    }
    text.split_at_checked(behind_part.unwrap_or(at)).unwrap_or((text, ""))
}

/// The columns of `text`, without those of colours (ECMA-48 §8.3.117, SGR).
pub(super) fn shown(text: &str) -> usize {
    let mut is_colour = false;
    let is_shown = |c: &char| {
        let was_colour = is_colour;
        is_colour = if is_colour { *c != 'm' } else { *c == '\x1b' };
        !was_colour && !is_colour
    };
    text.chars().filter(is_shown).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(words: &[&str], width: usize, indent: usize) -> String {
        let mut wrap = Wrap::new(width, indent);
        words.iter().for_each(|word| wrap.add(word, 1));
        wrap.finish()
    }

    #[test]
    fn words_go_to_the_next_line_as_a_whole() {
        assert_eq!(wrapped(&["one", "two", "three"], 8, 2), "one two\n  three");
    }

    #[test]
    fn a_word_that_no_line_takes_is_broken_behind_a_part_of_it() {
        assert_eq!(wrapped(&["at", "/aaaa/bbbb/cccc/dddd"], 12, 2), "at /aaaa/\n  bbbb/cccc/\n  dddd");
        assert_eq!(wrapped(&["aaaaaaaaaaaaaaaaaaaa"], 12, 2), "aaaaaaaaaaaa\n  aaaaaaaa");
    }

    #[test]
    fn a_word_that_is_broken_keeps_its_place_in_a_column() {
        let mut wrap = Wrap::new(20, 8);
        wrap.add("name", 0);
        wrap.add("/aaaa/bbbb/cccc/dddd", 4);
        assert_eq!(wrap.finish(), "name    /aaaa/bbbb/\n        cccc/dddd");
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(wrapped(&["\x1b[1mone\x1b[0m", "two"], 7, 2), "\x1b[1mone\x1b[0m two");
        assert_eq!(wrapped(&["\x1b[1maaaaaaaaaa\x1b[0m"], 8, 2), "\x1b[1maaaaaaaa\n  aa\x1b[0m");
    }

    #[test]
    fn no_line_is_wider_than_it_may_be() {
        let words = ["/a/b", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", "x", "1,2,3,4,5,6,7,8,9,10,11", "", "y"];
        for (width, indent) in [(10, 0), (10, 9), (11, 4), (40, 60), (1, 1)] {
            let text = wrapped(&words, width, indent);
            assert!(text.lines().all(|line| shown(line) <= width), "{width} {indent}: {text}");
            let bare = |text: &str| text.replace([' ', '\n'], "");
            assert_eq!(bare(&text), bare(&words.concat()), "nothing is lost");
        }
    }
}
