//! AUTOMATIC1111's dialect, from the whole prompt to its smallest part: networks named in it
//! ([`networks`]), several prompts joined by `AND` ([`conjunction`]), what changes from step to step
//! ([`schedule`]), and weights ([`emphasis`]).

pub mod emphasis;
pub mod schedule;

use std::collections::BTreeSet;

pub use emphasis::Piece;
pub use schedule::Pass;

use super::Tokenizer;
use super::chunk::{Item, Word};
use super::comfy::Span;
use crate::error::Result;

/// A network that a prompt asks for, as in `<lora:name:0.8>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// `lora`, `hypernet`, or whatever stands there.
    pub kind: String,
    /// Name and strengths, as written.
    pub arguments: Vec<String>,
}

/// The prompt without the networks it names, and those, in order.
pub fn networks(text: &str) -> (String, Vec<Network>) {
    let (mut out, mut found, mut rest) = (String::with_capacity(text.len()), Vec::new(), text);
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let inside = tag[1..].find(['<', '>']).filter(|end| tag[1 + end..].starts_with('>'));
        let named = inside.and_then(|end| Some((end, tag[1..=end].split_once(':')?)));
        let is_kind = |kind: &str| !kind.is_empty() && kind.chars().all(is_word_char);
        match named.filter(|(_, (kind, rest))| is_kind(kind) && !rest.is_empty()) {
            Some((end, (kind, arguments))) => {
                let arguments = arguments.split(':').map(str::to_owned).collect();
                found.push(Network { kind: kind.to_owned(), arguments });
                rest = &tag[end + 2..];
            }
            None => {
                out.push('<');
                rest = &tag[1..];
            }
        }
    }
    out.push_str(rest);
    (out, found)
}

/// The prompts that `AND` joins, each with its weight, which is written `: 0.5` at its end.
pub fn conjunction(text: &str) -> Vec<Span> {
    let (mut prompts, mut start) = (Vec::new(), 0);
    for (at, and) in text.match_indices("AND") {
        if at >= start && is_word(text, at, at + and.len()) {
            prompts.push(weighed(&text[start..at]));
            start = at + and.len();
        }
    }
    prompts.push(weighed(&text[start..]));
    prompts
}

/// A prompt and the weight at its end.
fn weighed(text: &str) -> Span {
    let plain = || Span { text: text.to_owned(), weight: 1.0 };
    let Some((before, number)) = text.rsplit_once(':') else { return plain() };
    let number = number.trim();
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let is_number = !digits.is_empty() && digits.chars().all(|c| c == '.' || c.is_ascii_digit());
    match number.parse::<f64>() {
        Ok(weight) if is_number && (weight as f32).is_finite() => {
            Span { text: before.trim_end().to_owned(), weight }
        }
        _ => plain(),
    }
}

/// A text and the steps of a run it is for; the first step is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The words, weights not yet read.
    pub text: String,
    /// Its steps; all if it never changes.
    pub steps: Option<BTreeSet<usize>>,
}

/// The texts of a prompt that change from step to step, each once.
///
/// # Errors
///
/// As [`schedule::stretches`].
pub fn scheduled(text: &str, pass: Pass) -> Result<Vec<Scheduled>> {
    let stretches = schedule::stretches(text, pass)?;
    if let [only] = &stretches[..] {
        return Ok(vec![Scheduled { text: only.text.clone(), steps: None }]);
    }
    let mut texts: Vec<(String, BTreeSet<usize>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut start = 0;
    for stretch in stretches {
        let place = *places.entry(stretch.text.clone()).or_insert(texts.len());
        if place == texts.len() {
            texts.push((stretch.text, BTreeSet::new()));
        }
        texts[place].1.extend(start..stretch.until);
        start = stretch.until;
    }
    let is_one = texts.len() == 1;
    let scheduled = |(text, steps)| Scheduled { text, steps: (!is_one).then_some(steps) };
    Ok(texts.into_iter().map(scheduled).collect())
}

/// The tokens of a prompt's pieces.
pub fn items(tokenizer: &Tokenizer, pieces: &[Piece]) -> Vec<Item> {
    let item = |piece: &Piece| match piece {
        Piece::Words(Span { text, weight }) => {
            Item::Word(Word { ids: tokenizer.ids(text), weight: *weight as f32 })
        }
        Piece::Break => Item::Break,
    };
    pieces.iter().map(item).collect()
}

/// True if nothing joins `text[start..end]` to the letters around it.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    ![before, after].into_iter().flatten().any(is_word_char)
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_taken_out() {
        let check = |text: &str, expected: &str, networks_expected: &[&str]| {
            let (without, found) = networks(text);
            let found: Vec<String> =
                found.iter().map(|n| format!("{} {}", n.kind, n.arguments.join(","))).collect();
            assert_eq!(
                (without.as_str(), found),
                (expected, networks_expected.iter().map(|n| (*n).to_owned()).collect()),
                "{text}"
            );
        };
        check("a <lora:n:0.8> b", "a  b", &["lora n,0.8"]);
        check("<lora:n:te:unet><hypernet:m:1>", "", &["lora n,te,unet", "hypernet m,1"]);
        check("<3 a<b:c> <x> <:y> <z:>", "<3 a <x> <:y> <z:>", &["b c"]);
        check("a < b <lora:猫> >", "a < b  >", &["lora 猫"]);
        check("<lora:n", "<lora:n", &[]);
        let many = "<".repeat(1 << 18);
        check(&many, &many, &[]);
    }

    #[test]
    fn prompts_joined_by_and() {
        let check = |text: &str, expected: &[(&str, f64)]| {
            let spans = conjunction(text);
            let ours: Vec<(&str, f64)> =
                spans.iter().map(|span| (span.text.as_str(), span.weight)).collect();
            assert_eq!(ours, expected, "{text}");
        };
        check("a AND b :0.5", &[("a ", 1.0), (" b", 0.5)]);
        check("a:1.2 AND b:-1 AND c: .5 ", &[("a", 1.2), (" b", -1.0), (" c", 0.5)]);
        check("a\nAND\nb:2.", &[("a\n", 1.0), ("\nb", 2.0)]);
        check("(a:1.2) AND b:1.2.3", &[("(a:1.2) ", 1.0), (" b:1.2.3", 1.0)]);
        check("SAND AND_B and AND", &[("SAND AND_B and ", 1.0), ("", 1.0)]);
        check("a: AND b:x", &[("a: ", 1.0), (" b:x", 1.0)]);
        check("", &[("", 1.0)]);
    }

    #[test]
    fn texts_of_a_schedule_are_told_once() {
        let scheduled = |text: &str| -> Vec<(String, Option<Vec<usize>>)> {
            let all = scheduled(text, Pass::First { steps: 5 }).unwrap().into_iter();
            all.map(|one| (one.text, one.steps.map(|steps| steps.into_iter().collect()))).collect()
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(scheduled("a"), [(text("a"), None)]);
        assert_eq!(
            scheduled("[a|b]"),
            [(text("a"), Some(vec![0, 2, 4])), (text("b"), Some(vec![1, 3])),]
        );
        assert_eq!(
            scheduled("[a:b:2]"),
            [(text("a"), Some(vec![0, 1])), (text("b"), Some(vec![2, 3, 4])),]
        );
        assert_eq!(scheduled("[a|a]"), [(text("a"), None)]);
    }
}
