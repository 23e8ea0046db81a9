//! ComfyUI's dialect: `(word)` weighs 1.1 times as much, `(word:1.3)` weighs 1.3, `\(` is a bracket.
//!
//! Inside another group an explicit weight *replaces* what is around it, a bare bracket multiplies. Square
//! brackets, `BREAK` and `AND` are words. `embedding:name` at the start of a word stands for vectors
//! learned by textual inversion.

use std::fmt::Write;

use super::chunk::Word;
use super::{MAX_DEPTH, Tokenizer, too_deep};
use crate::error::Result;

/// Words of one weight.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The words, brackets no longer escaped.
    pub text: String,
    /// How much they weigh; 1 is as they are.
    pub weight: f64,
}

/// A character, and whether it is a bracket that opens or closes a group.
#[derive(Debug, Clone, Copy)]
struct Char {
    c: char,
    groups: bool,
}

/// Reads the weights of a prompt.
///
/// What is not balanced is text, as is what looks like a weight but is no number.
///
/// ```
/// let spans = tintype::prompt::comfy::parse("a (red (fox:1.3))").unwrap();
/// let spans: Vec<_> = spans.iter().map(|span| (span.text.as_str(), span.weight)).collect();
/// assert_eq!(spans, [("a ", 1.0), ("red ", 1.1), ("fox", 1.3)]);
/// ```
///
/// # Errors
///
/// Groups nested deeper than [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Vec<Span>> {
    let mut chars = Vec::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let escaped = if c == '\\' { rest.next_if(|next| matches!(next, '(' | ')')) } else { None };
        let groups = escaped.is_none() && matches!(c, '(' | ')');
        chars.push(Char { c: escaped.unwrap_or(c), groups });
    }
    let mut spans = Vec::new();
    read(&chars, 1.0, 0, &mut spans)?;
    Ok(spans)
}

fn read(chars: &[Char], weight: f64, depth: usize, spans: &mut Vec<Span>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep(1));
    }
    for item in items(chars) {
        match item {
            [Char { c: '(', groups: true }, inner @ .., Char { c: ')', groups: true }] => {
                let (inner, weight) = explicit(inner).unwrap_or((inner, weight * 1.1));
                read(inner, weight, depth + 1, spans)?;
            }
            _ => spans.push(Span { text: item.iter().map(|char| char.c).collect(), weight }),
        }
    }
    Ok(())
}

/// Cuts into outermost groups and what lies between them. A closing bracket too many keeps everything
/// after it from being a group until the count is even again.
fn items(chars: &[Char]) -> Vec<&[Char]> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0_i64);
    for (i, char) in chars.iter().enumerate().filter(|(_, char)| char.groups) {
        if char.c == '(' {
            if depth == 0 {
                items.push(&chars[start..i]);
                start = i;
            }
            depth += 1;
        } else {
            depth -= 1;
            if depth == 0 {
                items.push(&chars[start..=i]);
                start = i + 1;
            }
        }
    }
    items.push(&chars[start..]);
    items.retain(|item| !item.is_empty());
    items
}

/// What stands before the last colon, if a number that a tensor can hold stands behind it.
fn explicit(inner: &[Char]) -> Option<(&[Char], f64)> {
    let colon = inner.iter().rposition(|char| char.c == ':').filter(|colon| *colon > 0)?;
    let number: String = inner[colon + 1..].iter().map(|char| char.c).collect();
    let weight: f64 = number.trim().parse().ok()?;
    (weight as f32).is_finite().then_some((&inner[..colon], weight))
}

/// Writes spans so that [`parse`] gives them back.
pub fn print(spans: &[Span]) -> String {
    let mut out = String::new();
    let mut after_plain = false;
    for (i, span) in spans.iter().enumerate() {
        let text = span.text.replace('(', "\\(").replace(')', "\\)");
        // A backslash in front of a group would take its bracket away.
        let joins = text.ends_with('\\') && i + 1 < spans.len();
        after_plain = span.weight == 1.0 && !after_plain && !joins;
        if after_plain {
            out.push_str(&text);
        } else {
            let _ = write!(out, "({text}:{})", span.weight);
        }
    }
    out
}

/// The tokens of spans; `learned` gives those of an embedding by its name. One that it does not know is left out.
///
/// A word in ComfyUI's sense is all text of one weight up to the next embedding.
pub fn words(
    tokenizer: &Tokenizer,
    spans: &[Span],
    learned: &dyn Fn(&str) -> Option<Vec<u32>>,
) -> Vec<Word> {
    let mut words = Vec::new();
    for span in spans {
        let weight = span.weight as f32;
        for piece in pieces(&span.text) {
            let text = match embedding(piece) {
                Some((name, rest)) => {
                    words.extend(learned(name).map(|ids| Word { ids, weight }));
                    rest
                }
                None => piece,
            };
            words.push(Word { ids: tokenizer.ids(text), weight });
        }
    }
    words
}

/// Names of the embeddings in spans.
pub fn embeddings(spans: &[Span]) -> impl Iterator<Item = &str> {
    let all = spans.iter().flat_map(|span| pieces(&span.text));
    all.filter_map(|piece| embedding(piece).map(|(name, _)| name))
}

/// The name of the embedding that a piece begins with, and what follows it.
fn embedding(piece: &str) -> Option<(&str, &str)> {
    let named = piece.strip_prefix(EMBEDDING)?;
    let end = named.find(char::is_whitespace).unwrap_or(named.len());
    let name = named[..end].trim_end_matches(',');
    Some((name, &named[name.len()..]))
}

/// What the name of an embedding follows.
const EMBEDDING: &str = "embedding:";

/// Cuts in front of every embedding that starts a word.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (i, _) in text.match_indices(EMBEDDING) {
        if text[..i].ends_with([' ', '\n']) {
            pieces.push(&text[start..i - 1]);
            start = i;
        }
    }
    pieces.push(&text[start..]);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(text: &str) -> Vec<(String, f64)> {
        let spans = parse(text).unwrap();
        // Powers of 1.1 are told by four digits.
        let round = |weight: f64| (weight * 1e4).round() / 1e4;
        spans.into_iter().map(|span| (span.text, round(span.weight))).collect()
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
        check("(a (b:1.3) c)", &[("a ", 1.1), ("b", 1.3), (" c", 1.1)]);
        check("(a (b:1.3) c:0.5)", &[("a ", 0.5), ("b", 1.3), (" c", 0.5)]);
        check("((a:1.2):1.5)", &[("a", 1.2)]);
        check("((a) b:1.5)", &[("a", 1.65), (" b", 1.5)]);
        check("(unbalanced", &[("(unbalanced", 1.0)]);
        check("(word:1.2.3)", &[("word:1.2.3", 1.1)]);
        check("(word: 1.2 )", &[("word", 1.2)]);
        check("(word:0)", &[("word", 0.0)]);
        check("(word:-1)", &[("word", -1.0)]);
        check("(a:b:1.2)", &[("a:b", 1.2)]);
        check("(:1.2)", &[(":1.2", 1.1)]);
        check("(a:)", &[("a:", 1.1)]);
        check("()", &[]);
        check("", &[]);
        check("(a:1.2)(b:1.2)", &[("a", 1.2), ("b", 1.2)]);
    }

    #[test]
    fn what_other_dialects_mean_something_by_is_text() {
        for text in [
            "[word]",
            "[a|b]",
            "[a:b:0.5]",
            "red BREAK blue",
            "a AND b :0.5",
            "{a|b}",
            "<lora:n:0.8>",
            "# c",
        ] {
            check(text, &[(text, 1.0)]);
        }
        check("(red BREAK blue:1.2)", &[("red BREAK blue", 1.2)]);
    }

    #[test]
    fn escaped_brackets_are_text() {
        check(r"\(b\)", &[("(b)", 1.0)]);
        check(r"(a \(b\):1.3)", &[("a (b)", 1.3)]);
        check(r"\\(b)", &[(r"\(b)", 1.0)]);
        check(r"a\b \[c\]", &[(r"a\b \[c\]", 1.0)]);
        check(r"(a\)", &[("(a)", 1.0)]);
    }

    #[test]
    fn brackets_that_do_not_match() {
        check("a) b", &[("a) b", 1.0)]);
        check("a) (b:1.2)", &[("a) (b:1.2)", 1.0)]);
        check("(a (b:1.2)", &[("a ", 1.2), ("(b", 1.2)]);
        check("(a)) (b", &[("a", 1.1), (") (b", 1.0)]);
    }

    #[test]
    fn weight_is_a_number_that_a_tensor_can_hold() {
        for number in ["inf", "nan", "1e39", "0x2", "1,5", "one"] {
            check(&format!("(a:{number})"), &[(&format!("a:{number}"), 1.1)]);
        }
        check("(a:+1e-1)", &[("a", 0.1)]);
        check("(a:.5)", &[("a", 0.5)]);
    }

    #[test]
    fn every_script_passes() {
        let text = "猫 \u{0} قطة \u{202e}👩‍🚀 (é:1.5)";
        check(text, &[("猫 \u{0} قطة \u{202e}👩‍🚀 ", 1.0), ("é", 1.5)]);
    }

    #[test]
    fn hostile_prompts_end_soon() {
        let many = 1 << 20;
        assert_eq!(parse(&"(".repeat(many)).unwrap().len(), 1);
        assert_eq!(parse(&")".repeat(many)).unwrap().len(), 1);
        assert_eq!(parse(&"(a)".repeat(many / 4)).unwrap().len(), many / 4);
        let deep = |depth| "(".repeat(depth) + "a" + &")".repeat(depth);
        assert_eq!(parse(&deep(MAX_DEPTH)).unwrap().len(), 1);
        let error = parse(&deep(many / 32)).unwrap_err().to_string();
        assert!(error.contains("brackets nest deeper than 100"), "{error}");
    }

    /// parse(print(x)) = x for spans of every kind of text and weight.
    #[test]
    fn what_is_printed_is_read_back() {
        let texts =
            ["a", " b c", "(", ")", "\\", "x\\", ":", "1.2", "a:2", "[", "é 猫", "\\(", "\n"];
        let weights = [1.0, 1.1, 0.0, -0.5, 1.2345678901234567, 1e-9, 3e30];
        let mut state = 1_u64;
        let mut draw = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % n
        };
        for _ in 0..5000 {
            let spans: Vec<Span> = (0..draw(5))
                .map(|_| {
                    let text = (0..=draw(3)).map(|_| texts[draw(texts.len())]).collect();
                    Span { text, weight: weights[draw(weights.len())] }
                })
                .collect();
            let printed = print(&spans);
            assert_eq!(parse(&printed).unwrap(), spans, "{printed}");
        }
    }

    #[test]
    fn embedding_starts_a_word() {
        assert_eq!(pieces("embedding:a, b"), ["embedding:a, b"]);
        assert_eq!(pieces("x embedding:a y\nembedding:b"), ["x", "embedding:a y", "embedding:b"]);
        assert_eq!(pieces("myembedding:a"), ["myembedding:a"]);
        assert_eq!(pieces(""), [""; 0]);
    }
}
