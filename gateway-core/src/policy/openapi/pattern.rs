//! Texts that a regular expression matches, for the usual parts of expressions.

use super::generate::Generator;

/// The most characters of a text.
const MOST: usize = 2_000;

/// The deepest groups.
const DEEPEST: usize = 16;

/// A text that `expression` matches, of `least` characters or more where that is easily done; none if it has parts that are not known here.
pub(super) fn example(expression: &str, generator: &mut Generator<'_>, least: usize) -> Option<String> {
    let letters: Vec<char> = expression.chars().collect();
    let mut reader = Reader { letters: &letters, at: 0 };
    let parts = reader.alternatives(0)?;
    if reader.at < letters.len() {
        return None;
    }
    let mut out = String::new();
    write(&parts, generator, least, &mut out)?;
    Some(out)
}

/// A part of an expression.
enum Part {
    /// One of these characters.
    One(Vec<(char, char)>),
    /// One of these sequences.
    Group(Vec<Vec<Self>>),
    /// As often as this.
    Repeat(Box<Self>, usize, Option<usize>),
}

fn write(alternatives: &[Vec<Part>], generator: &mut Generator<'_>, least: usize, out: &mut String) -> Option<()> {
    let at = generator.below(alternatives.len());
    for part in alternatives.get(at)? {
        write_part(part, generator, least, out)?;
    }
    Some(())
}

fn write_part(part: &Part, generator: &mut Generator<'_>, least: usize, out: &mut String) -> Option<()> {
    if out.len() > MOST {
        return None;
    }
    match part {
        Part::One(ranges) => {
            let size =
                |(first, last): &(char, char)| (*last as usize).saturating_sub(*first as usize).saturating_add(1);
            let mut at = generator.below(ranges.iter().map(size).sum());
            for range in ranges {
                if at < size(range) {
                    let code = u32::try_from((range.0 as usize).saturating_add(at)).ok()?;
                    out.push(char::from_u32(code)?);
                    return Some(());
                }
                at = at.saturating_sub(size(range));
            }
            None
        }
        Part::Group(alternatives) => write(alternatives, generator, least, out),
        Part::Repeat(part, first, last) => {
            let wanted = least.saturating_sub(out.chars().count()).min(MOST);
            let most = last.unwrap_or(usize::MAX);
            let times = first.saturating_add(generator.below(3)).max(wanted).min(most).max(*first);
            for _ in 0..times {
                write_part(part, generator, 0, out)?;
            }
            Some(())
        }
    }
}

struct Reader<'l> {
    letters: &'l [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(letter)
    }

    fn skip(&mut self, letter: char) -> bool {
        let is_there = self.peek() == Some(letter);
        self.at = self.at.saturating_add(usize::from(is_there));
        is_there
    }

    fn alternatives(&mut self, depth: usize) -> Option<Vec<Vec<Part>>> {
        if depth > DEEPEST {
            return None;
        }
        let mut all = vec![Vec::new()];
        while let Some(letter) = self.peek() {
            if letter == ')' {
                break;
            }
            self.take();
            let part = match letter {
                '|' => {
                    all.push(Vec::new());
                    continue;
                }
                '^' | '$' => continue,
                '(' => {
                    if self.skip('?') && !self.skip(':') {
                        // A name in `<…>`; what looks around can't be written.
                        if !self.skip('<') || matches!(self.peek(), Some('=' | '!')) {
                            return None;
                        }
                        while self.take()? != '>' {}
                    }
                    let group = self.alternatives(depth.saturating_add(1))?;
                    self.skip(')').then_some(Part::Group(group))?
                }
                '[' => Part::One(self.class()?),
                '.' => Part::One(vec![('a', 'z')]),
                '\\' => {
                    let escaped = self.take()?;
                    if matches!(escaped, 'b' | 'B') {
                        continue;
                    }
                    Part::One(self.escaped(escaped)?)
                }
                '*' | '+' | '?' | '{' => return None,
                letter => Part::One(vec![(letter, letter)]),
            };
            let part = self.repeated(part)?;
            all.last_mut()?.push(part);
        }
        Some(all)
    }

    fn repeated(&mut self, part: Part) -> Option<Part> {
        let (first, last) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let rest = self.letters.get(self.at..)?;
                let end = rest.iter().position(|letter| *letter == '}')?;
                let text: String = rest.get(1..end)?.iter().collect();
                self.at = self.at.saturating_add(end);
                let (first, last) = match text.split_once(',') {
                    None => (text.parse().ok()?, Some(text.parse().ok()?)),
                    Some((first, "")) => (first.parse().ok()?, None),
                    Some((first, last)) => (first.parse().ok()?, Some(last.parse().ok()?)),
                };
                if first > MOST {
                    return None;
                }
                (first, last)
            }
            _ => return Some(part),
        };
        self.take();
        self.skip('?');
        Some(Part::Repeat(Box::new(part), first, last))
    }

    fn escaped(&mut self, letter: char) -> Option<Vec<(char, char)>> {
        Some(match letter {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            's' => vec![(' ', ' ')],
            'D' | 'S' => vec![('a', 'z')],
            'W' => vec![('-', '-')],
            't' => vec![('\t', '\t')],
            'n' => vec![('\n', '\n')],
            'r' => vec![('\r', '\r')],
            letter if letter.is_ascii_alphanumeric() => return None,
            letter => vec![(letter, letter)],
        })
    }

    fn class(&mut self) -> Option<Vec<(char, char)>> {
        let is_negated = self.skip('^');
        let mut ranges = Vec::new();
        while self.peek()? != ']' {
            let letter = self.take()?;
            let first = match letter {
                '\\' => {
                    let escaped = self.take()?;
                    let known = self.escaped(escaped)?;
                    match &*known {
                        [(first, last)] if first == last => *first,
                        _ => {
                            ranges.extend(known);
                            continue;
                        }
                    }
                }
                letter => letter,
            };
            let is_range = self.peek() == Some('-')
                && self.letters.get(self.at.saturating_add(1)).is_some_and(|next| *next != ']');
            if is_range {
                self.take();
                let mut last = self.take()?;
                if last == '\\' {
                    last = self.take()?;
                }
                ranges.push((first, last));
            } else {
                ranges.push((first, first));
            }
        }
        self.take();
        if !is_negated {
            return Some(ranges);
        }
        let is_in = |letter: char| ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter));
        let others: Vec<_> = (' '..='~').filter(|letter| !is_in(*letter)).map(|letter| (letter, letter)).collect();
        // Letters look best.
        let letters: Vec<_> = others.iter().copied().filter(|(letter, _)| letter.is_ascii_alphanumeric()).collect();
        Some(if letters.is_empty() { others } else { letters })
    }
}
