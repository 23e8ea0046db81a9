//! AUTOMATIC1111's prompt editing: `[from:to:when]` and `[a|b]`.
//!
//! A prompt is read into parts once, and written out for each step. Brackets that are neither an edit nor
//! an alternation stay as they are: they may be weights, which are read afterwards.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::prompt::{MAX_DEPTH, too_deep};

/// The words of a prompt from the end of the previous stretch up to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The last step it is for; the first of a run is 1.
    pub until: usize,
    /// The words.
    pub text: String,
}

/// How many steps a prompt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The only pass, or the first of two.
    First {
        /// Its steps.
        steps: usize,
    },
    /// The second, after enlarging: its step numbers go on after the first's, and its fractions after 1.
    Hires {
        /// Steps of the first pass.
        first: usize,
        /// Its own steps.
        steps: usize,
    },
}

impl Pass {
    fn steps(self) -> usize {
        match self {
            Self::First { steps } | Self::Hires { steps, .. } => steps,
        }
    }
}

/// What a prompt says at each step, in as few stretches as its edits ask for.
///
/// `[from:to:when]` is `from` up to a step, or, with a dot in the number, a part of all steps, and `to` after
/// it; `[to:when]` and `[from::when]` leave one out. `[a|b]` takes turns, step by step. They nest. A `|`
/// outside brackets is text; AUTOMATIC1111 then reads no edits at all.
///
/// # Errors
///
/// Brackets nested deeper than [`MAX_DEPTH`], and texts times steps beyond what is worth keeping.
pub fn stretches(text: &str, pass: Pass) -> Result<Vec<Stretch>> {
    let parts = parse(text, pass)?;
    let steps = pass.steps();
    let mut ends = BTreeSet::from([steps]);
    collect_ends(&parts, steps, &mut ends);
    let needs = text.len() as u64 * ends.len() as u64;
    if needs > MAX_BYTES {
        let what = "a prompt that changes this often".to_owned();
        return Err(Error::new(ErrorKind::TooLarge { what, needs, limit: MAX_BYTES })
            .hint("use a shorter prompt"));
    }
    let at = |step| {
        let mut out = String::new();
        write(&parts, step, &mut out);
        Stretch { until: step, text: out }
    };
    Ok(ends.into_iter().map(at).collect())
}

/// Bytes of all stretches together.
const MAX_BYTES: u64 = 1 << 24;

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    /// `from` up to the step `when`, then `to`.
    Edit {
        from: Vec<Self>,
        to: Vec<Self>,
        when: i64,
    },
    /// One after the other.
    Turns(Vec<Vec<Self>>),
}

/// A bracket that is open: what it holds, and the `:` or `|` between.
struct Open {
    bracket: char,
    pieces: Vec<Vec<Part>>,
    separators: Vec<char>,
}

impl Open {
    fn new(bracket: char) -> Self {
        Self { bracket, pieces: vec![Vec::new()], separators: Vec::new() }
    }
}

fn parse(text: &str, pass: Pass) -> Result<Vec<Part>> {
    let mut open: Vec<Open> = Vec::new();
    let mut out = Vec::new();
    let mut chars = text.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '[' if open.len() >= MAX_DEPTH => return Err(too_deep(at + 1)),
            '(' | '[' => open.push(Open::new(c)),
            ')' | ']' => close(c, &mut open, &mut out, pass),
            ':' | '|' if !open.is_empty() => {
                if let Some(top) = open.last_mut() {
                    top.separators.push(c);
                    top.pieces.push(Vec::new());
                }
            }
            _ => {
                let into = growing(&mut open, &mut out);
                push(into, c);
                if c == '\\'
                    && let Some((_, escaped)) = chars.next()
                {
                    push(into, escaped);
                }
            }
        }
    }
    spill(&mut open, &mut out);
    Ok(out)
}

/// Where text goes: into the innermost bracket, or the prompt itself.
fn growing<'a>(open: &'a mut [Open], out: &'a mut Vec<Part>) -> &'a mut Vec<Part> {
    match open.last_mut().and_then(|top| top.pieces.last_mut()) {
        Some(piece) => piece,
        None => out,
    }
}

fn push(into: &mut Vec<Part>, c: char) {
    match into.last_mut() {
        Some(Part::Text(text)) => text.push(c),
        _ => into.push(Part::Text(c.to_string())),
    }
}

fn append(into: &mut Vec<Part>, parts: Vec<Part>) {
    for part in parts {
        match (into.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more)) => text.push_str(&more),
            (_, part) => into.push(part),
        }
    }
}

/// Ends the innermost bracket, if `c` is its partner and what it holds makes sense; else nothing that is
/// open makes sense any more.
fn close(c: char, open: &mut Vec<Open>, out: &mut Vec<Part>, pass: Pass) {
    let partner = if c == ')' { '(' } else { '[' };
    let top = open.pop_if(|top| top.bracket == partner);
    match top.map(|top| meaning(top, pass)) {
        Some(Ok(parts)) => append(growing(open, out), parts),
        other => {
            if let Some(Err(top)) = other {
                open.push(top);
            }
            spill(open, out);
            push(out, c);
        }
    }
}

/// What a closed bracket stands for: an edit, turns, or itself.
fn meaning(mut open: Open, pass: Pass) -> Result<Vec<Part>, Open> {
    let colons = open.separators.iter().filter(|c| **c == ':').count();
    let bars = open.separators.len() - colons;
    match (open.bracket, colons, bars) {
        ('(', 0 | 1, 0) | ('[', 0, 0) => Ok(written(open, true)),
        ('[', 0, _) => Ok(vec![Part::Turns(open.pieces)]),
        ('[', 1 | 2, 0) => {
            let Some(when) = open.pieces.last().and_then(|piece| when(piece, pass)) else {
                return Err(open);
            };
            open.pieces.pop();
            let to = open.pieces.pop().unwrap_or_default();
            let from = open.pieces.pop().unwrap_or_default();
            Ok(vec![Part::Edit { from, to, when }])
        }
        _ => Err(open),
    }
}

/// The last step before an edit.
fn when(piece: &[Part], pass: Pass) -> Option<i64> {
    let [Part::Text(text)] = piece else { return None };
    let text = text.trim();
    let is_number = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    let (first, steps) = match pass {
        Pass::First { steps } => (None, steps),
        Pass::Hires { first, steps } => (Some(first), steps),
    };
    let step = if text.contains('.') {
        (number - f64::from(u8::from(first.is_some()))) * steps as f64
    } else {
        number - first.unwrap_or(0) as f64
    };
    // A cast rounds towards nought and stays within the type.
    Some((step as i64).min(steps as i64))
}

/// A bracket as it was written.
fn written(open: Open, is_closed: bool) -> Vec<Part> {
    let mut parts = vec![Part::Text(open.bracket.to_string())];
    for (i, piece) in open.pieces.into_iter().enumerate() {
        if i > 0 {
            push(&mut parts, open.separators[i - 1]);
        }
        append(&mut parts, piece);
    }
    if is_closed {
        push(&mut parts, if open.bracket == '(' { ')' } else { ']' });
    }
    parts
}

/// Makes text of all brackets that are open.
fn spill(open: &mut Vec<Open>, out: &mut Vec<Part>) {
    for bracket in open.drain(..) {
        append(out, written(bracket, false));
    }
}

/// The steps after which something changes.
fn collect_ends(parts: &[Part], steps: usize, ends: &mut BTreeSet<usize>) {
    for part in parts {
        match part {
            Part::Text(_) => {}
            // Turns have ended every step already.
            _ if ends.len() >= steps => return,
            Part::Edit { from, to, when } => {
                ends.extend(usize::try_from(*when).ok().filter(|when| *when >= 1));
                collect_ends(from, steps, ends);
                collect_ends(to, steps, ends);
            }
            Part::Turns(options) => {
                ends.extend(1..=steps);
                options.iter().for_each(|option| collect_ends(option, steps, ends));
            }
        }
    }
}

fn write(parts: &[Part], step: usize, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Edit { from, to, when } => {
                write(if step as i64 <= *when { from } else { to }, step, out);
            }
            Part::Turns(options) => {
                let turn = step.saturating_sub(1) % options.len().max(1);
                options.get(turn).into_iter().for_each(|option| write(option, step, out));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pass(text: &str, pass: Pass, expected: &[(usize, &str)]) {
        let stretches = stretches(text, pass).unwrap();
        let ours: Vec<(usize, &str)> =
            stretches.iter().map(|stretch| (stretch.until, stretch.text.as_str())).collect();
        assert_eq!(ours, expected, "{text}");
    }

    #[track_caller]
    fn check(text: &str, expected: &[(usize, &str)]) {
        check_pass(text, Pass::First { steps: 10 }, expected);
    }

    #[test]
    fn edits() {
        check("a cat", &[(10, "a cat")]);
        check("a [cat:dog:3] b", &[(3, "a cat b"), (10, "a dog b")]);
        check("a [cat:dog:0.5] b", &[(5, "a cat b"), (10, "a dog b")]);
        check("a [cat:dog:.25]", &[(2, "a cat"), (10, "a dog")]);
        check("a [dog:4]", &[(4, "a "), (10, "a dog")]);
        check("a [cat::4]", &[(4, "a cat"), (10, "a ")]);
        check("a [:dog: 4 ]", &[(4, "a "), (10, "a dog")]);
        check("[a:1:2]", &[(2, "a"), (10, "1")]);
        // Never, and from the start.
        check("[a:b:20]", &[(10, "a")]);
        check("[a:b:1.5]", &[(10, "a")]);
        check("[a:b:0]", &[(10, "b")]);
        check("[a:b:-3]", &[(10, "b")]);
        check("[a:b:0.05]", &[(10, "b")]);
        check("[a:b:10]", &[(10, "a")]);
        // A whole number with a dot is a part, one with an exponent is a step.
        check("[a:b:1.0]", &[(10, "a")]);
        check("[a:b:3e0]", &[(3, "a"), (10, "b")]);
    }

    #[test]
    fn edits_nest_and_follow_one_another() {
        check("[a:[b:c:6]:3]", &[(3, "a"), (6, "b"), (10, "c")]);
        check("[[a:b:3]:c:6]", &[(3, "a"), (6, "b"), (10, "c")]);
        check("[a:b:3][c:d:3]", &[(3, "ac"), (10, "bd")]);
        check("[a[: b:2]:8] [c]", &[(2, " [c]"), (8, " [c]"), (10, "a b [c]")]);
        // The example of AUTOMATIC1111's documentation, at its 100 steps.
        check_pass(
            "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75][ in foreground::0.6][ in background:0.25] [shoddy:masterful:0.5]",
            Pass::First { steps: 100 },
            &[
                (25, "fantasy landscape with a mountain and an oak in foreground shoddy"),
                (50, "fantasy landscape with a lake and an oak in foreground in background shoddy"),
                (
                    60,
                    "fantasy landscape with a lake and an oak in foreground in background masterful",
                ),
                (75, "fantasy landscape with a lake and an oak in background masterful"),
                (100, "fantasy landscape with a lake and a christmas tree in background masterful"),
            ],
        );
        check_pass(
            "a [fantasy:cyberpunk:16] landscape",
            Pass::First { steps: 20 },
            &[(16, "a fantasy landscape"), (20, "a cyberpunk landscape")],
        );
    }

    #[test]
    fn turns() {
        let three = Pass::First { steps: 3 };
        check_pass(
            "[cow|horse] in a field",
            three,
            &[(1, "cow in a field"), (2, "horse in a field"), (3, "cow in a field")],
        );
        check_pass("[a|b|]", three, &[(1, "a"), (2, "b"), (3, "")]);
        check_pass("[a|[b|c]]", three, &[(1, "a"), (2, "c"), (3, "a")]);
        check_pass("[a|b[c:d:2]]", three, &[(1, "a"), (2, "bc"), (3, "a")]);
        check_pass("([a|b]:1.2)", three, &[(1, "(a:1.2)"), (2, "(b:1.2)"), (3, "(a:1.2)")]);
    }

    #[test]
    fn weights_stay_for_later() {
        for text in
            ["(a:1.2)", "[a]", "((a) [b])", "(a", "a]", "(a:b:c)", "[a:b]", "[a:1.2.3]", "[a:inf]"]
        {
            check(text, &[(10, text)]);
        }
        check("[(a:1.2):(b:0.8):3]", &[(3, "(a:1.2)"), (10, "(b:0.8)")]);
        check("([a:b:3]:1.2)", &[(3, "(a:1.2)"), (10, "(b:1.2)")]);
        check("[[a:b:3]]", &[(3, "[a]"), (10, "[b]")]);
    }

    #[test]
    fn what_does_not_match_is_text_and_what_follows_is_read() {
        check("( [a:b:3]", &[(3, "( a"), (10, "( b")]);
        check("[a:b [c:d:3]", &[(3, "[a:b c"), (10, "[a:b d")]);
        check("[a(b:c:3]", &[(10, "[a(b:c:3]")]);
        check("(a] [c:d:3]", &[(3, "(a] c"), (10, "(a] d")]);
        check("(a:b:c [d:e:3])", &[(3, "(a:b:c d)"), (10, "(a:b:c e)")]);
        check("a|b [c:d:3]", &[(3, "a|b c"), (10, "a|b d")]);
        check("(a|b:1.2)", &[(10, "(a|b:1.2)")]);
        check("[a|b:3]", &[(10, "[a|b:3]")]);
    }

    #[test]
    fn escaped_brackets_are_no_edits() {
        check(r"\[a:b:3\]", &[(10, r"\[a:b:3\]")]);
        check(r"[\[a:b\|:3]", &[(3, r"\[a"), (10, r"b\|")]);
        check(r"[a\|b]", &[(10, r"[a\|b]")]);
        check("a\\", &[(10, "a\\")]);
    }

    /// Step numbers go on after the first pass's, and parts after 1.
    #[test]
    fn second_pass() {
        let hires = Pass::Hires { first: 20, steps: 10 };
        check_pass("[a:b:5]", hires, &[(10, "b")]);
        check_pass("[a:b:0.5]", hires, &[(10, "b")]);
        check_pass("[a:b:25]", hires, &[(5, "a"), (10, "b")]);
        check_pass("[b:1.5]", hires, &[(5, ""), (10, "b")]);
        check_pass("[a:b:30]", hires, &[(10, "a")]);
        check_pass("[a|b]", Pass::Hires { first: 21, steps: 2 }, &[(1, "a"), (2, "b")]);
    }

    #[test]
    fn hostile_prompts_end_soon() {
        let pass = Pass::First { steps: 10_000 };
        for text in ["(", "[", "[(", "[a|"] {
            let error = stretches(&text.repeat(1 << 20), pass).unwrap_err().to_string();
            assert!(error.contains("nest deeper"), "{error}");
        }
        for text in [")", "]", ":", "|", "\\", "(a:b:c)", "(]"] {
            let long = text.repeat(1 << 16);
            let stretches = stretches(&long, pass).unwrap();
            assert_eq!((stretches.len(), stretches[0].text.as_str()), (1, long.as_str()), "{text}");
        }
        let error = stretches(&"[a|b]".repeat(1 << 16), pass).unwrap_err().to_string();
        assert!(error.contains("changes this often"), "{error}");
        let text = "猫 \u{0} قطة \u{202e}👩‍🚀";
        check(text, &[(10, text)]);
    }
}
