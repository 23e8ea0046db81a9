//! Python's regular expressions in the notation of `fancy_regex`.
//!
//! The two differ in what a symbol means (`$`, `\Z`, a `[` within a class), in what they know besides, and
//! fancy_regex refuses groups by number once one has a name. So a pattern is read symbol by symbol and
//! written anew; what Python does not know is refused, as there.

use std::fmt::Write as _;

/// A pattern in the other notation, and what its groups are called.
#[derive(Debug, Default)]
pub(super) struct Translated {
    /// For `fancy_regex`, all groups by number.
    pub(super) pattern: String,
    /// Names of groups and their numbers.
    pub(super) names: Vec<(String, usize)>,
}

/// What holds for a part of a pattern.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    /// Letters match both ways.
    pub(super) ignore_case: bool,
    /// `^` and `$` match at every line.
    pub(super) multiline: bool,
    /// `.` matches the end of a line.
    pub(super) dot_all: bool,
    /// Blanks and comments in the pattern mean nothing.
    pub(super) verbose: bool,
}

/// Writes a pattern anew, or says what is wrong with it and at which character.
pub(super) fn translate(pattern: &str, flags: Flags) -> Result<Translated, String> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut reader =
        Reader { chars: &chars, at: 0, out: Translated::default(), groups: 0, open: vec![] };
    let fail = |why, at: usize| Err(format!("{why} at character {}", at + 1));
    match reader.read(flags) {
        Ok(()) if reader.open.is_empty() => Ok(reader.out),
        Ok(()) => fail("an open parenthesis".to_owned(), chars.len()),
        Err(why) => fail(why, reader.at.min(chars.len())),
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    out: Translated,
    groups: usize,
    /// Flags to go back to at the end of each open group.
    open: Vec<Flags>,
}

type Step = Result<(), String>;

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += 1;
        c
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// The characters up to `end`, which is passed.
    fn until(&mut self, end: char) -> Result<String, String> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|c| *c == end).ok_or(format!("a missing `{end}`"))?;
        self.at += length + 1;
        Ok(rest[..length].iter().collect())
    }

    fn push(&mut self, text: &str) {
        self.out.pattern.push_str(text);
    }

    /// A character that stands for itself.
    fn literal(&mut self, c: char) {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            self.out.pattern.push('\\');
        }
        self.out.pattern.push(c);
    }

    fn read(&mut self, mut flags: Flags) -> Step {
        self.push(match (flags.ignore_case, flags.dot_all) {
            (true, true) => "(?is)",
            (true, false) => "(?i)",
            (false, true) => "(?s)",
            (false, false) => "",
        });
        while let Some(c) = self.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group(&mut flags)?,
                ')' => {
                    flags = self.open.pop().ok_or("a `)` without its `(`")?;
                    self.push(")");
                }
                '^' => self.push(if flags.multiline { "(?m:^)" } else { r"\A" }),
                // Also before a line's end that is the text's.
                '$' => self.push(if flags.multiline { "(?m:$)" } else { r"(?=\n?\z)" }),
                '{' => self.count(),
                '.' | '*' | '+' | '?' | '|' => self.out.pattern.push(c),
                '#' if flags.verbose => while self.next().is_some_and(|c| c != '\n') {},
                c if flags.verbose && c.is_ascii_whitespace() => {}
                c => self.literal(c),
            }
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{,5}`, `{2,5}`; any other brace stands for itself.
    fn count(&mut self) {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|c| *c == '}').unwrap_or(0);
        let inside: String = rest[..length].iter().collect();
        let (low, high) = inside.split_once(',').unwrap_or((&inside, &inside));
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        if inside.is_empty() || !digits(low) || !digits(high) {
            return self.literal('{');
        }
        self.at += length + 1;
        let low = if low.is_empty() { "0" } else { low };
        let _ = match inside.contains(',') {
            true => write!(self.out.pattern, "{{{low},{high}}}"),
            false => write!(self.out.pattern, "{{{low}}}"),
        };
    }

    fn group(&mut self, flags: &mut Flags) -> Step {
        let old = *flags;
        if !self.skip('?') {
            self.groups += 1;
            self.push("(");
            self.open.push(old);
            return Ok(());
        }
        match self.next() {
            Some('P') if self.skip('<') => {
                let name = self.until('>')?;
                let starts_well = name.starts_with(|c: char| c == '_' || c.is_alphabetic());
                if !starts_well || !name.chars().all(|c| c == '_' || c.is_alphanumeric()) {
                    return Err(format!("a bad group name `{name}`"));
                }
                if self.number(&name).is_some() {
                    return Err(format!("a second group `{name}`"));
                }
                self.groups += 1;
                self.out.names.push((name, self.groups));
                self.push("(");
            }
            Some('P') if self.skip('=') => {
                let name = self.until(')')?;
                let number = self.number(&name).ok_or(format!("an unknown group `{name}`"))?;
                let _ = write!(self.out.pattern, r"(?:\{number})");
                return Ok(());
            }
            Some('#') => return self.until(')').map(|_| ()),
            Some('(') => {
                let name = self.until(')')?;
                let number = name.parse().ok().or_else(|| self.number(&name));
                let number = number.ok_or(format!("an unknown group `{name}`"))?;
                let _ = write!(self.out.pattern, "(?({number})");
            }
            Some(c @ (':' | '=' | '!' | '>')) => {
                let _ = write!(self.out.pattern, "(?{c}");
            }
            Some('<') if self.skip('=') => self.push("(?<="),
            Some('<') if self.skip('!') => self.push("(?<!"),
            Some(c) if c.is_ascii_alphabetic() || c == '-' => {
                self.at -= 1;
                return self.set(flags, old);
            }
            Some(c) => return Err(format!("an unknown kind of group `(?{c}`")),
            None => return Err("an open parenthesis".to_owned()),
        }
        self.open.push(old);
        Ok(())
    }

    /// `(?im)` or `(?i-s:…)`.
    fn set(&mut self, flags: &mut Flags, old: Flags) -> Step {
        let start = self.at;
        let mut on = true;
        loop {
            match self.next() {
                Some('i') => flags.ignore_case = on,
                Some('m') => flags.multiline = on,
                Some('s') => flags.dot_all = on,
                Some('x') => flags.verbose = on,
                Some('u') if on => {}
                Some('-') if on => on = false,
                Some(end @ (':' | ')')) => {
                    // fancy_regex is told of letters and dots; the rest is done here.
                    let sign = |on| if on { "" } else { "-" };
                    let (i, s) = (sign(flags.ignore_case), sign(flags.dot_all));
                    let _ = match end {
                        ':' => write!(self.out.pattern, "(?:(?{i}i)(?{s}s)"),
                        // Flags of the whole pattern stand at its start.
                        _ if start != 2 => return Err("flags that are not at the start".into()),
                        _ => write!(self.out.pattern, "(?{i}i)(?{s}s)"),
                    };
                    if end == ':' {
                        self.open.push(old);
                    }
                    return Ok(());
                }
                Some(c) => return Err(format!("an unsupported flag `{c}`")),
                None => return Err("an open parenthesis".to_owned()),
            }
        }
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.out.names.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }

    fn escape(&mut self) -> Step {
        match self.peek() {
            Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' | 'A')) => {
                self.at += 1;
                let _ = write!(self.out.pattern, r"\{c}");
            }
            Some('Z') => {
                self.at += 1;
                self.push(r"\z");
            }
            Some('1'..='9') if !self.is_octal() => {
                let mut number = 0;
                while let (Some(digit), true) =
                    (self.peek().and_then(|c| c.to_digit(10)), number < 10)
                {
                    number = number * 10 + digit as usize;
                    self.at += 1;
                }
                if number > self.groups {
                    return Err(format!("an unknown group `{number}`"));
                }
                let _ = write!(self.out.pattern, r"(?:\{number})");
            }
            _ => {
                let c = self.character()?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// True for three octal digits, which are a character rather than a group.
    fn is_octal(&self) -> bool {
        let digits = self.chars.get(self.at..self.at + 3).unwrap_or_default();
        digits.len() == 3 && digits[0] < '4' && digits.iter().all(|c| ('0'..='7').contains(c))
    }

    /// The one character that is written as `\…`, in a class or outside.
    fn character(&mut self) -> Result<char, String> {
        let c = self.next().ok_or("a backslash with nothing after it")?;
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'f' => return Ok('\x0c'),
            'v' => return Ok('\x0b'),
            'a' => return Ok('\x07'),
            '0'..='7' => {
                self.at -= 1;
                return self.code(8, if self.is_octal() { 3 } else { 2 }, 1);
            }
            c if c.is_ascii_alphanumeric() => return Err(format!(r"an unknown escape `\{c}`")),
            c => return Ok(c),
        };
        self.code(16, digits, digits)
    }

    /// A character by its number, of `least` to `most` digits.
    fn code(&mut self, radix: u32, most: usize, least: usize) -> Result<char, String> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let digits: Vec<u32> = rest.iter().take(most).map_while(|c| c.to_digit(radix)).collect();
        let number = digits
            .iter()
            .try_fold(0_u32, |n, digit| n.checked_mul(radix).and_then(|n| n.checked_add(*digit)));
        let known = number.filter(|_| digits.len() >= least).and_then(char::from_u32);
        self.at += digits.len();
        known.ok_or_else(|| "a bad character number".to_owned())
    }

    fn class(&mut self) -> Step {
        self.push("[");
        if self.skip('^') {
            self.push("^");
        }
        let start = self.at;
        loop {
            match self.next().ok_or("an open `[`")? {
                ']' if self.at > start + 1 => break,
                // A range, or itself at either end.
                '-' if self.at > start + 1 && self.peek() != Some(']') => self.push("-"),
                '\\' => match self.peek() {
                    Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                        self.at += 1;
                        let _ = write!(self.out.pattern, r"\{c}");
                    }
                    Some('b') => {
                        self.at += 1;
                        self.literal('\x08');
                    }
                    _ => {
                        let c = self.character()?;
                        self.literal(c);
                    }
                },
                c => self.literal(c),
            }
        }
        self.push("]");
        Ok(())
    }
}
