//! MidJourney's prompts: addresses of pictures, words, `--flags`, and `{a, b}` for several prompts at once.
//!
//! [`parse`] reads them, [`settings`] says what they mean here, [`translate`] does both; what has no
//! counterpart becomes a notice.

mod flags;
mod settings;

use std::fmt::Write;

pub use flags::Flags;
pub use settings::{Base, Settings, settings};

use super::braces;
use super::comfy::Span;
use super::dynamic;
use crate::error::Result;

/// Permutations that one prompt may stand for.
pub const MAX_PERMUTATIONS: usize = 1000;

/// One prompt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prompt {
    /// Addresses of pictures to start from.
    pub images: Vec<String>,
    /// The words, in parts that `::` tells apart, each with its weight.
    pub parts: Vec<Span>,
    /// What follows the words.
    pub flags: Flags,
}

/// Reads a prompt, or the several that its braces stand for; they may hold flags.
///
/// # Errors
///
/// A flag whose value makes no sense; more than [`MAX_PERMUTATIONS`] prompts.
pub fn parse(text: &str) -> Result<Vec<Prompt>> {
    let parts = braces::parse(text, ',')?;
    dynamic::all(&parts, MAX_PERMUTATIONS)?.iter().map(|text| one(text)).collect()
}

/// The settings of every prompt that a text stands for.
///
/// # Errors
///
/// As [`parse`] and [`settings`].
pub fn translate(text: &str, base: Base) -> Result<Vec<Settings>> {
    parse(text)?.iter().map(|prompt| settings(prompt, base)).collect()
}

fn one(text: &str) -> Result<Prompt> {
    let text = text.trim();
    let (words, flags) = text.split_at(flags::start(text).unwrap_or(text.len()));
    let flags = Flags::parse(flags, words.chars().count())?;
    let mut words = words.trim();
    let mut images = Vec::new();
    while let Some(address) = words.split_whitespace().next().filter(|word| is_address(word)) {
        images.push(address.to_owned());
        words = words[address.len()..].trim_start();
    }
    Ok(Prompt { images, parts: parts(words), flags })
}

fn is_address(word: &str) -> bool {
    word.starts_with("https://") || word.starts_with("http://")
}

/// Cuts at `::`; the number that follows without a space is the weight of what stands before.
fn parts(words: &str) -> Vec<Span> {
    let (mut parts, mut rest) = (Vec::new(), words);
    while let Some((text, after)) = rest.split_once("::") {
        let sign = usize::from(after.starts_with('-'));
        let number = after[sign..].find(|c: char| c != '.' && !c.is_ascii_digit());
        let (number, next) = after.split_at(number.map_or(after.len(), |end| end + sign));
        let weight = number.parse::<f64>().ok().filter(|weight| (*weight as f32).is_finite());
        rest = if weight.is_some() { next } else { after };
        parts.push(Span { text: tidy(text), weight: weight.unwrap_or(1.0) });
    }
    parts.push(Span { text: tidy(rest), weight: 1.0 });
    parts.retain(|part| !part.text.is_empty());
    parts
}

/// One space between words: choices leave more.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes a prompt so that [`parse`] gives it back.
pub fn print(prompt: &Prompt) -> String {
    let mut out = prompt.images.join(" ");
    for (i, Span { text, weight }) in prompt.parts.iter().enumerate() {
        let gap = if out.is_empty() { "" } else { " " };
        let text = text.replace('{', "\\{").replace('}', "\\}");
        let is_last = i + 1 == prompt.parts.len();
        let _ = if is_last && *weight == 1.0 {
            write!(out, "{gap}{text}")
        } else {
            write!(out, "{gap}{text}::{weight}")
        };
    }
    prompt.flags.print(&mut out);
    out.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn single(text: &str) -> Prompt {
        let mut prompts = parse(text).unwrap();
        assert_eq!(prompts.len(), 1, "{text}");
        prompts.remove(0)
    }

    fn spans(parts: &[(&str, f64)]) -> Vec<Span> {
        parts
            .iter()
            .map(|(text, weight)| Span { text: (*text).to_owned(), weight: *weight })
            .collect()
    }

    #[test]
    fn pictures_words_and_flags() {
        let prompt = single(
            "https://x.org/a.png http://x.org/b a red fox, https://not.first --ar 16:9 --no cats, dogs --tile",
        );
        assert_eq!(prompt.images, ["https://x.org/a.png", "http://x.org/b"]);
        assert_eq!(prompt.parts, spans(&[("a red fox, https://not.first", 1.0)]));
        assert_eq!(prompt.flags.aspect, Some((16, 9)));
        assert_eq!(prompt.flags.no, ["cats", "dogs"]);
        assert!(prompt.flags.tile);
        assert_eq!(single(""), Prompt::default());
        assert_eq!(single("well--known -- a - b").parts, spans(&[("well--known -- a - b", 1.0)]));
    }

    #[test]
    fn each_permutation_has_settings_of_its_own() {
        let base = Base { width: 64, height: 64, steps: 8 };
        let all = translate("a {red, green} cat --ar {1:1, 4:1} --no dog", base).unwrap();
        let short = |one: &Settings| (one.prompt.clone(), one.width, one.negative.clone());
        let expected = [("red", 64), ("red", 128), ("green", 64), ("green", 128)]
            .map(|(colour, width)| (format!("a {colour} cat"), width, "dog".to_owned()));
        assert_eq!(all.iter().map(short).collect::<Vec<_>>(), expected);
        assert!(translate("a --ar {1:1, wide}", base).is_err());
    }

    #[test]
    fn parts_with_weights() {
        let check = |text: &str, expected: &[(&str, f64)]| {
            assert_eq!(single(text).parts, spans(expected), "{text}");
        };
        check("a::2 b::-0.5", &[("a", 2.0), ("b", -0.5)]);
        check("hot:: dog", &[("hot", 1.0), ("dog", 1.0)]);
        check("hot:: 2 dogs", &[("hot", 1.0), ("2 dogs", 1.0)]);
        check("a::.5b::", &[("a", 0.5), ("b", 1.0)]);
        check("a::-b", &[("a", 1.0), ("-b", 1.0)]);
        check("a::1.2.3", &[("a", 1.0), ("1.2.3", 1.0)]);
        check("::2 a", &[("a", 1.0)]);
    }

    #[test]
    fn permutations_multiply_nest_and_hold_flags() {
        let texts =
            |text: &str| -> Vec<String> { parse(text).unwrap().iter().map(print).collect() };
        let four = ["a red cat", "a red dog", "a green cat", "a green dog"];
        assert_eq!(texts("a {red, green} {cat, dog}"), four);
        assert_eq!(
            texts("a {big {fat, thin}, small} cat"),
            ["a big fat cat", "a big thin cat", "a small cat"]
        );
        assert_eq!(texts("cat --ar {1:1, 16:9}"), ["cat --ar 1:1", "cat --ar 16:9"]);
        assert_eq!(texts("cat {--tile, --chaos 5}"), ["cat --tile", "cat --chaos 5"]);
        assert_eq!(texts(r"{red\, green, blue} cat"), ["red, green cat", "blue cat"]);
        assert_eq!(texts(r"a \{b, c\}"), [r"a \{b, c\}"]);
        assert!(parse(&"{a, b}".repeat(10)).is_err());
        assert_eq!(parse(&"{a, b}".repeat(9)).unwrap().len(), 512);
    }

    /// parse(print(x)) = x.
    #[test]
    fn what_is_printed_is_read_back() {
        let mut state = 1_u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        let texts = ["a fox", "{b, c}", "d--e", "x:y", "猫 🐈", "-5", "(a:1.2)", "2 dogs", "\\n"];
        let weights = [1.0, 2.0, -0.5, 0.25, 1e-3];
        for _ in 0..3000 {
            let mut some = |n: u64| Some(draw(n)).filter(|x| x % 2 == 0);
            let flags = Flags {
                aspect: some(50).map(|w| (w as u32 + 1, 9)),
                no: some(4)
                    .map(|_| vec!["cats".to_owned(), "old dogs".to_owned()])
                    .unwrap_or_default(),
                seed: some(1 << 32).map(|seed| seed as u32),
                chaos: some(101).map(|n| n as u32),
                stylize: some(1001).map(|n| n as u32),
                weird: some(3001).map(|n| n as u32),
                quality: some(4).map(|n| 0.25 * 2_f64.powi(n as i32)),
                stop: some(91).map(|n| n as u32 + 10),
                tile: some(3).is_some(),
                image_weight: some(7).map(|n| n as f64 / 2.0),
                repeat: some(40).map(|n| n as u32 + 1),
                others: some(4)
                    .map(|_| {
                        vec![
                            ("sref".to_owned(), "https://x.org/s.png 12".to_owned()),
                            ("raw".to_owned(), String::new()),
                        ]
                    })
                    .unwrap_or_default(),
            };
            let images =
                some(4).map(|_| vec!["https://x.org/a.png".to_owned()]).unwrap_or_default();
            let parts = (0..draw(4))
                .map(|_| Span {
                    text: texts[draw(9) as usize].to_owned(),
                    weight: weights[draw(5) as usize],
                })
                .collect();
            let prompt = Prompt { images, parts, flags };
            let printed = print(&prompt);
            assert_eq!(parse(&printed).unwrap(), [prompt], "{printed}");
        }
    }

    #[test]
    fn hostile_prompts_end_soon() {
        let many = 1 << 18;
        for text in ["::", "--", " --", "::-", ",", "http://a "] {
            assert!(parse(&text.repeat(many)).is_ok(), "{text}");
        }
        assert!(parse(&"{".repeat(many)).is_err());
        assert!(parse(&" --a".repeat(many)).is_ok());
        assert_eq!(single("猫 \u{0} \u{202e}👩‍🚀 — b").parts[0].text, "猫 \u{0} \u{202e}👩‍🚀 — b");
    }
}
