//! AUTOMATIC1111's weights: `(word)` × 1.1, `[word]` ÷ 1.1, `(word:1.3)` × 1.3, all of them multiplying.

use std::fmt::Write;

use crate::error::{Error, ErrorKind, Result};
use crate::prompt::comfy::Span;
use crate::prompt::{MAX_DEPTH, too_deep};

/// A stretch of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Words of one weight.
    Words(Span),
    /// The word `BREAK`: what follows goes into the next window.
    Break,
}

/// The word that ends a window. It carries the weight −1 until all brackets are read, and is a break only
/// if it still does: in a bracket with a weight it is a word after all.
const BREAK: &str = "BREAK";

/// Reads the weights of a prompt.
///
/// `\(`, `\)`, `\[`, `\]` and `\\` are characters, another backslash vanishes. A bracket that is never
/// closed counts to the end, one that was never opened is text.
///
/// # Errors
///
/// What stands for a weight and is no number, as in `(word:1.2.3)`; brackets nested deeper than
/// [`MAX_DEPTH`]; weights beyond what a tensor holds.
pub fn parse(text: &str) -> Result<Vec<Piece>> {
    let chars: Vec<char> = text.chars().collect();
    let mut spans: Vec<Span> = Vec::new();
    // Where the brackets that are open began.
    let (mut round, mut square): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        i += 1;
        match chars[start] {
            '\\' => {
                let next = chars.get(i).copied().filter(|c| r"()[]\".contains(*c));
                i += usize::from(next.is_some());
                spans.push(Span { text: next.map(String::from).unwrap_or_default(), weight: 1.0 });
            }
            '(' | '[' if round.len() + square.len() >= MAX_DEPTH => {
                return Err(too_deep(start + 1));
            }
            '(' => round.push(spans.len()),
            '[' => square.push(spans.len()),
            ')' if !round.is_empty() => multiply(&mut spans, round.pop(), 1.1),
            ']' if !square.is_empty() => multiply(&mut spans, square.pop(), 1.0 / 1.1),
            ':' if !round.is_empty() && number_before_bracket(&chars[i..]).is_some() => {
                let (digits, length) = number_before_bracket(&chars[i..]).unwrap_or_default();
                let weight = digits.parse().map_err(|_| no_number(&digits, i))?;
                multiply(&mut spans, round.pop(), weight);
                i += length;
            }
            c => {
                if !r"()[]:".contains(c) {
                    let rest = &chars[i..];
                    let end = rest.iter().position(|c| r"\()[]:".contains(*c));
                    i += end.unwrap_or(rest.len());
                }
                words(&chars[start..i].iter().collect::<String>(), &mut spans);
            }
        }
    }
    for start in round {
        multiply(&mut spans, Some(start), 1.1);
    }
    for start in square {
        multiply(&mut spans, Some(start), 1.0 / 1.1);
    }
    pieces(spans)
}

fn multiply(spans: &mut [Span], start: Option<usize>, by: f64) {
    for span in spans.iter_mut().skip(start.unwrap_or(usize::MAX)) {
        span.weight *= by;
    }
}

/// The number in ` 1.2 )`, and how many characters all of it takes.
fn number_before_bracket(chars: &[char]) -> Option<(String, usize)> {
    let count = |from: usize, is: fn(char) -> bool| {
        chars[from..].iter().take_while(|c| is(**c)).count() + from
    };
    let start = count(0, char::is_whitespace);
    let sign = usize::from(chars.get(start).is_some_and(|c| matches!(c, '+' | '-')));
    let end = count(start + sign, |c| c == '.' || c.is_ascii_digit());
    let close = count(end, char::is_whitespace);
    let is_number = end > start + sign && chars.get(close) == Some(&')');
    is_number.then(|| (chars[start..end].iter().collect(), close + 1))
}

fn no_number(digits: &str, at: usize) -> Error {
    let why = format!("expected a weight, got `{digits}`");
    Error::new(ErrorKind::BadPrompt { at: at + 1, why })
        .hint("write a weight as in `(word:1.2)`, or `\\(` for a bracket")
}

/// Cuts at the word `BREAK` and adds what lies between.
fn words(text: &str, spans: &mut Vec<Span>) {
    let mut start = 0;
    for (at, _) in text.match_indices(BREAK) {
        let end = at + BREAK.len();
        if at >= start && super::is_word(text, at, end) {
            spans.push(Span { text: text[start..at].trim_end().to_owned(), weight: 1.0 });
            spans.push(Span { text: BREAK.to_owned(), weight: -1.0 });
            start = end + (text[end..].len() - text[end..].trim_start().len());
        }
    }
    spans.push(Span { text: text[start..].to_owned(), weight: 1.0 });
}

/// Joins what weighs the same, and tells breaks from words.
fn pieces(spans: Vec<Span>) -> Result<Vec<Piece>> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.weight == span.weight => last.text.push_str(&span.text),
            _ => joined.push(span),
        }
    }
    joined.retain(|span| !span.text.is_empty());
    if joined.iter().any(|span| !(span.weight as f32).is_finite()) {
        let why = "a weight is too large".to_owned();
        return Err(Error::new(ErrorKind::BadPrompt { at: 1, why }).hint("use smaller weights"));
    }
    let piece = |span: Span| {
        if span.text == BREAK && span.weight == -1.0 { Piece::Break } else { Piece::Words(span) }
    };
    Ok(joined.into_iter().map(piece).collect())
}

/// Writes pieces so that [`parse`] gives them back, if no two neighbours weigh the same and no words beside
/// a break begin or end with a space there.
pub fn print(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        let Piece::Words(Span { text, weight }) = piece else {
            out.push_str(" BREAK ");
            continue;
        };
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if r"()[]\".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        if *weight == 1.0 {
            out.push_str(&escaped);
        } else {
            let _ = write!(out, "({escaped}:{weight})");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(text: &str) -> Vec<(String, f64)> {
        let round = |weight: f64| (weight * 1e4).round() / 1e4;
        let pieces = parse(text).unwrap().into_iter();
        pieces
            .map(|piece| match piece {
                Piece::Words(span) => (span.text, round(span.weight)),
                Piece::Break => ("<break>".to_owned(), 0.0),
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, f64)]) {
        let expected: Vec<_> =
            expected.iter().map(|(text, weight)| ((*text).to_owned(), *weight)).collect();
        assert_eq!(weights(text), expected, "{text}");
    }

    #[test]
    fn weights_of_each_way_to_write_them() {
        check("a (word:1.2) b", &[("a ", 1.0), ("word", 1.2), (" b", 1.0)]);
        check("((word))", &[("word", 1.21)]);
        check("(a (b:1.3) c)", &[("a ", 1.1), ("b", 1.43), (" c", 1.1)]);
        check("(a (b:1.3) c:0.5)", &[("a ", 0.5), ("b", 0.65), (" c", 0.5)]);
        check("((a:1.2):1.5)", &[("a", 1.8)]);
        check("[word]", &[("word", 0.9091)]);
        check("[[word]]", &[("word", 0.8264)]);
        check("[(word)]", &[("word", 1.0)]);
        check("(word: 1.2 )", &[("word", 1.2)]);
        check("(word:0)", &[("word", 0.0)]);
        check("(word:-1)", &[("word", -1.0)]);
        check("(word:+.5)", &[("word", 0.5)]);
        check("(a:b:1.2)", &[("a:b", 1.2)]);
        check("a:1.2", &[("a:1.2", 1.0)]);
        check("a:1.2)", &[("a:1.2)", 1.0)]);
        check("(a:red)", &[("a:red", 1.1)]);
        check("", &[]);
        check("()", &[]);
    }

    #[test]
    fn brackets_that_do_not_match() {
        check("(unbalanced", &[("unbalanced", 1.1)]);
        check("a [unbalanced", &[("a ", 1.0), ("unbalanced", 0.9091)]);
        check("((a", &[("a", 1.21)]);
        check("a) b]", &[("a) b]", 1.0)]);
        check("(a] b)", &[("a] b", 1.1)]);
        check("(a [b) c]", &[("a ", 1.1), ("b", 1.0), (" c", 0.9091)]);
    }

    #[test]
    fn escapes() {
        check(r"\(b\) \[c\] \\", &[(r"(b) [c] \", 1.0)]);
        check(r"(\(b\):1.3)", &[("(b)", 1.3)]);
        check(r"a\b", &[("ab", 1.0)]);
        check(r"a\", &[("a", 1.0)]);
    }

    #[test]
    fn break_ends_a_window() {
        let end = ("<break>", 0.0);
        check("red BREAK blue", &[("red", 1.0), end, ("blue", 1.0)]);
        check("red\nBREAK\nblue BREAK", &[("red", 1.0), end, ("blue", 1.0), end]);
        check("BREAK BREAK", &[end, end]);
        check("BREAKFAST xBREAK break", &[("BREAKFAST xBREAK break", 1.0)]);
        check("(red BREAK blue:1.2)", &[("red", 1.2), ("BREAK", -1.2), ("blue", 1.2)]);
        check("(red) BREAK, (blue:2)", &[("red", 1.1), end, (", ", 1.0), ("blue", 2.0)]);
    }

    #[test]
    fn what_is_no_number_is_refused_where_it_stands() {
        for (text, at, digits) in
            [("(word:1.2.3)", 7, "1.2.3"), ("猫 (a (b:.) c", 9, "."), ("(a: 1..2 )", 4, "1..2")]
        {
            let error = parse(text).unwrap_err().to_string();
            let expected = format!(
                "the prompt cannot be read at character {at}: expected a weight, got `{digits}`"
            );
            assert!(error.starts_with(&expected), "{error}");
        }
        check("a:1.2.3)", &[("a:1.2.3)", 1.0)]);
    }

    #[test]
    fn hostile_prompts_end_soon() {
        let many = 1 << 20;
        for text in ["(", "[", "([", "(a", "[a"] {
            let error = parse(&text.repeat(many)).unwrap_err().to_string();
            assert!(error.contains("nest deeper"), "{error}");
        }
        for text in [")", "]", ":", "\\", ":1.2)"] {
            assert!(parse(&text.repeat(many / 4)).unwrap().len() < 2, "{text}");
        }
        assert_eq!(parse(&"(a) ".repeat(many / 16)).unwrap().len(), many / 8);
        check("猫 \u{0} قطة \u{202e}👩‍🚀", &[("猫 \u{0} قطة \u{202e}👩‍🚀", 1.0)]);
        let large = format!("(a:{})", "9".repeat(400));
        assert!(parse(&large).unwrap_err().to_string().contains("too large"));
    }

    /// parse(print(x)) = x.
    #[test]
    fn what_is_printed_is_read_back() {
        let texts = ["a", "b c", "(", ")", "[", "]", "\\", ":", "1.2", "a:2)", "é猫", "\\(", "{|}"];
        let weights = [1.0, 1.1, 0.0, -0.5, 1.2345678901234567, 1e-9, 3e30];
        let mut state = 1_u64;
        let mut draw = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % n
        };
        for _ in 0..5000 {
            let mut pieces: Vec<Piece> = Vec::new();
            for _ in 0..draw(6) {
                let text = (0..=draw(3)).map(|_| texts[draw(texts.len())]).collect();
                let weight = weights[draw(weights.len())];
                match pieces.last() {
                    Some(Piece::Words(last)) if last.weight == weight => {}
                    Some(Piece::Words(_)) if draw(3) == 0 => pieces.push(Piece::Break),
                    _ => pieces.push(Piece::Words(Span { text, weight })),
                }
            }
            let printed = print(&pieces);
            assert_eq!(parse(&printed).unwrap(), pieces, "{printed}");
        }
    }
}
