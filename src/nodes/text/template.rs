//! What a match is replaced with: text, and groups as `\1` and `\g<name>`.

use fancy_regex::Captures;

use super::pattern::{Pattern, group};

/// A replacement, read.
#[derive(Debug)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(char),
    Group(usize),
}

impl Template {
    /// Reads a replacement as Python's `re.sub` does, or says what is wrong with it.
    pub(super) fn new(replace: &str, pattern: &Pattern) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = replace;
        while let Some(c) = take(&mut rest) {
            if c == '\\' {
                escape(&mut rest, pattern, &mut pieces)?;
            } else {
                pieces.push(Piece::Text(c));
            }
        }
        Ok(Self(pieces))
    }

    /// Writes the replacement of one match.
    pub(super) fn expand(&self, found: &Captures<'_>, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(c) => out.push(*c),
                Piece::Group(number) => out.push_str(group(found, *number)),
            }
        }
    }
}

fn take(rest: &mut &str) -> Option<char> {
    let c = rest.chars().next()?;
    *rest = &rest[c.len_utf8()..];
    Some(c)
}

fn escape(rest: &mut &str, pattern: &Pattern, pieces: &mut Vec<Piece>) -> Result<(), String> {
    let c = take(rest).ok_or("a backslash with nothing after it")?;
    let text = match c {
        'g' => {
            let inside = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (name, after) = inside.ok_or(r"a `\g` without `<group>`")?;
            *rest = after;
            let known = pattern.names.iter().find(|(known, _)| known == name);
            let number = known.map(|(_, number)| *number).or_else(|| name.parse().ok());
            pieces.push(existing(number, name, pattern)?);
            return Ok(());
        }
        '0'..='9' => {
            let octal = |length: usize| {
                let digits = rest.get(..length)?;
                digits.bytes().all(|b| (b'0'..b'8').contains(&b)).then_some(length)
            };
            let more = match c {
                '0' => octal(2).or_else(|| octal(1)).or(Some(0)),
                '8' | '9' => None,
                _ => octal(2),
            };
            if let Some(length) = more {
                let digits = format!("{c}{}", &rest[..length]);
                *rest = &rest[length..];
                // Three octal digits are below 512, and each of these is a character.
                let number = u32::from_str_radix(&digits, 8).ok().filter(|number| *number < 256);
                number.and_then(char::from_u32).ok_or("an octal number above 377")?
            } else {
                let second = rest.chars().next().filter(char::is_ascii_digit);
                let name: String = [Some(c), second].into_iter().flatten().collect();
                *rest = &rest[name.len() - 1..];
                pieces.push(existing(name.parse().ok(), &name, pattern)?);
                return Ok(());
            }
        }
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        '\\' => '\\',
        c if c.is_ascii_alphabetic() => return Err(format!(r"an unknown escape `\{c}`")),
        c => {
            // As in Python, the backslash stays.
            pieces.push(Piece::Text('\\'));
            c
        }
    };
    pieces.push(Piece::Text(text));
    Ok(())
}

fn existing(number: Option<usize>, name: &str, pattern: &Pattern) -> Result<Piece, String> {
    let number = number.filter(|number| *number <= pattern.groups());
    number.map(Piece::Group).ok_or_else(|| format!("an unknown group `{name}`"))
}
