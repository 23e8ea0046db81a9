//! What a page does with a prompt before it is queued: comments go, choices are drawn, wildcards filled.
//!
//! ComfyUI does this in its front end, so that the graph that is run, and kept in the picture, holds the
//! words that were drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::braces::{self, Part};
use super::{MAX_DEPTH, too_deep};
use crate::error::{Error, ErrorKind, Result};

/// Lines to draw from, by name: `__name__` stands for one of them.
pub type Wildcards = BTreeMap<String, Vec<String>>;

/// A prompt of which nothing is left to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expanded {
    /// The words.
    pub text: String,
    /// Wildcards that nobody handed in; their names stay in the text.
    pub unknown: BTreeSet<String>,
}

/// Bytes that a prompt, or all combinations of one, may grow to.
const MAX_BYTES: usize = 1 << 22;

/// Removes comments, draws one of each `{a|b}` and one line of each `__wildcard__`.
///
/// Choices nest, a line of a wildcard may hold choices and wildcards, `\{` and `\}` are braces. The same
/// seed draws the same words.
///
/// # Errors
///
/// Choices nested too deep, a wildcard that comes to itself, a text that grows beyond 4 MiB.
pub fn expand(text: &str, seed: u64, wildcards: &Wildcards) -> Result<Expanded> {
    let (random, unknown) = (SplitMix(seed), BTreeSet::new());
    let mut draw = Draw { random, wildcards, unknown, steps: Steps(0) };
    let mut out = String::new();
    draw.text(&strip_comments(text), 0, &mut out)?;
    Ok(Expanded { text: out, unknown: draw.unknown })
}

struct Draw<'a> {
    random: SplitMix,
    wildcards: &'a Wildcards,
    unknown: BTreeSet<String>,
    steps: Steps,
}

impl Draw<'_> {
    fn text(&mut self, text: &str, depth: usize, out: &mut String) -> Result<()> {
        let parts = braces::parse(text, '|')?;
        self.parts(&parts, depth, out)
    }

    fn parts(&mut self, parts: &[Part], depth: usize, out: &mut String) -> Result<()> {
        self.steps.take(depth)?;
        for part in parts {
            match part {
                Part::Choice(options) => {
                    let option = &options[self.random.below(options.len())];
                    self.parts(option, depth + 1, out)?;
                }
                Part::Text(text) => {
                    for piece in pieces(text, self.wildcards) {
                        match piece {
                            Piece::Text(text) => out.push_str(text),
                            Piece::Unknown(name) => {
                                self.unknown.insert(name.to_owned());
                            }
                            Piece::Lines(lines) => {
                                let line = &lines[self.random.below(lines.len())];
                                self.text(line, depth + 1, out)?;
                            }
                        }
                    }
                }
            }
            check_bytes(out.len())?;
        }
        Ok(())
    }
}

/// Every text that [`expand`] might draw, the last choice changing fastest; at most `limit`.
///
/// # Errors
///
/// As [`expand`], and more than `limit` texts.
pub fn combinations(text: &str, wildcards: &Wildcards, limit: usize) -> Result<Vec<String>> {
    let parts = braces::parse(&strip_comments(text), '|')?;
    All { wildcards, limit, steps: Steps(0) }.texts(&parts, 0)
}

/// Every text of these parts, without wildcards and comments.
pub(super) fn all(parts: &[Part], limit: usize) -> Result<Vec<String>> {
    All { wildcards: &Wildcards::new(), limit, steps: Steps(0) }.texts(parts, 0)
}

struct All<'a> {
    wildcards: &'a Wildcards,
    limit: usize,
    steps: Steps,
}

impl All<'_> {
    fn texts(&mut self, parts: &[Part], depth: usize) -> Result<Vec<String>> {
        self.steps.take(depth)?;
        let mut texts = vec![String::new()];
        for part in parts {
            match part {
                Part::Choice(options) => {
                    let mut ends = Vec::new();
                    for option in options {
                        ends.extend(self.texts(option, depth + 1)?);
                        check_count(ends.len(), self.limit)?;
                    }
                    texts = product(&texts, &ends, self.limit)?;
                }
                Part::Text(text) => {
                    for piece in pieces(text, self.wildcards) {
                        let ends = match piece {
                            Piece::Text(text) => vec![text.to_owned()],
                            Piece::Unknown(_) => continue,
                            Piece::Lines(lines) => {
                                let mut ends = Vec::new();
                                for line in lines {
                                    let parts = braces::parse(line, '|')?;
                                    ends.extend(self.texts(&parts, depth + 1)?);
                                    check_count(ends.len(), self.limit)?;
                                }
                                ends
                            }
                        };
                        texts = product(&texts, &ends, self.limit)?;
                    }
                }
            }
        }
        Ok(texts)
    }
}

fn product(starts: &[String], ends: &[String], limit: usize) -> Result<Vec<String>> {
    check_count(starts.len().saturating_mul(ends.len()), limit)?;
    let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let total = bytes(starts)
        .saturating_mul(ends.len())
        .saturating_add(bytes(ends).saturating_mul(starts.len()));
    check_bytes(total)?;
    Ok(starts
        .iter()
        .flat_map(|start| ends.iter().map(move |end| format!("{start}{end}")))
        .collect())
}

/// Counts choices and wildcards taken: lines that hold two wildcards each double the work at every level,
/// even if nothing comes of it.
struct Steps(u32);

impl Steps {
    fn take(&mut self, depth: usize) -> Result<()> {
        self.0 += 1;
        if depth <= MAX_DEPTH && self.0 < 1 << 16 {
            return Ok(());
        }
        Err(too_deep(1).hint("a wildcard must not lead back to itself"))
    }
}

fn check_bytes(bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let (what, needs, limit) = ("the expanded prompt".to_owned(), bytes as u64, MAX_BYTES as u64);
    Err(Error::new(ErrorKind::TooLarge { what, needs, limit }))
}

fn check_count(count: usize, limit: usize) -> Result<()> {
    if count <= limit {
        return Ok(());
    }
    let why = format!("it stands for more than {limit} prompts");
    Err(Error::new(ErrorKind::BadPrompt { at: 1, why }).hint("take some of the choices out"))
}

enum Piece<'a> {
    Text(&'a str),
    /// A name without lines; its text follows.
    Unknown(&'a str),
    Lines(&'a [String]),
}

/// Finds the wildcards of a text.
fn pieces<'a>(text: &'a str, wildcards: &'a Wildcards) -> Vec<Piece<'a>> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once("__") {
        let name = after.split_once("__").map(|(name, _)| name).filter(|name| is_name(name));
        let Some(name) = name else {
            // An underscore may still start the name of a later wildcard.
            let end = before.len() + 1;
            pieces.push(Piece::Text(&rest[..end]));
            rest = &rest[end..];
            continue;
        };
        let end = before.len() + name.len() + 4;
        match wildcards.get(name).filter(|lines| !lines.is_empty()) {
            Some(lines) => {
                pieces.push(Piece::Text(before));
                pieces.push(Piece::Lines(lines));
            }
            None => {
                pieces.push(Piece::Unknown(name));
                pieces.push(Piece::Text(&rest[..end]));
            }
        }
        rest = &rest[end..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// A name as of a file in a folder: letters, digits and `-_/.`.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_/.".contains(c))
}

/// Removes `/* … */`, and `// …` up to the end of the line.
///
/// Kinder than ComfyUI: the `//` of an address, which follows a colon, is none.
pub fn strip_comments(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(slash) = rest.find('/') {
        let (before, comment) = rest.split_at(slash);
        out.push_str(before);
        let block = comment.strip_prefix("/*").and_then(|inside| inside.find("*/"));
        let skipped = match block {
            Some(end) => end + 4,
            None if comment.starts_with("//") && !out.ends_with(':') => {
                comment.find('\n').unwrap_or(comment.len())
            }
            None => {
                // Both slashes of an address at once: the second starts no comment.
                let kept = if comment.starts_with("//") { 2 } else { 1 };
                out.push_str(&comment[..kept]);
                kept
            }
        };
        rest = &comment[skipped..];
    }
    out + rest
}

/// Removes the lines that begin with `#`, AUTOMATIC1111's comments.
pub fn strip_hash_lines(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').filter(|line| !line.starts_with('#')).collect();
    lines.join("\n")
}

/// A generator of 64-bit numbers from a 64-bit seed.
///
/// # Source
///
/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators", section 5 (SplitMix64).
struct SplitMix(u64);

impl SplitMix {
    /// A number below `n`, or 0 if that is 0.
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((u128::from(z) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wildcards() -> Wildcards {
        let list = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        BTreeMap::from([
            ("colour".to_owned(), list(&["red", "{light|dark} blue"])),
            ("a/pet-1.x".to_owned(), list(&["__colour__ cat"])),
            ("loop".to_owned(), list(&["__loop__"])),
            ("bomb".to_owned(), list(&["{__bomb__ __bomb__}"])),
            ("none".to_owned(), Vec::new()),
        ])
    }

    #[test]
    fn comments_go_and_addresses_stay() {
        for (text, expected) in [
            ("a /* b */ c", "a  c"),
            ("a // b\nc", "a \nc"),
            ("a /* b\n// */ c", "a  c"),
            ("https://x.org/a//b", "https://x.org/a"),
            ("see https://x.org/a.png // note", "see https://x.org/a.png "),
            ("a /* b", "a /* b"),
            ("1/2 a/b", "1/2 a/b"),
            ("/**/", ""),
            ("// all", ""),
            ("猫 // 犬\n🐈", "猫 \n🐈"),
        ] {
            assert_eq!(strip_comments(text), expected, "{text}");
        }
        assert_eq!(strip_hash_lines("a\n# b\nc #d\n#e"), "a\nc #d");
    }

    #[test]
    fn all_combinations_in_order() {
        let all = |text: &str| combinations(text, &wildcards(), 100).unwrap();
        assert_eq!(all("a"), ["a"]);
        assert_eq!(all("{a|b} {c|d}"), ["a c", "a d", "b c", "b d"]);
        assert_eq!(all("{a|{b|c} d|}!"), ["a!", "b d!", "c d!", "!"]);
        assert_eq!(all("__colour__ hat"), ["red hat", "light blue hat", "dark blue hat"]);
        assert_eq!(all("__a/pet-1.x__"), ["red cat", "light blue cat", "dark blue cat"]);
        assert_eq!(all("__nobody__ __none__"), ["__nobody__ __none__"]);
        assert_eq!(all(r"\{a|b\}"), ["{a|b}"]);
        let many = combinations("{a|b}{a|b}{a|b}", &wildcards(), 7).unwrap_err().to_string();
        assert!(many.contains("more than 7 prompts"), "{many}");
    }

    #[test]
    fn each_draw_is_one_of_the_combinations_and_each_is_drawn() {
        let text = "{a|b{c|d}} __colour__ {e|f|g} // h";
        let all: BTreeSet<String> =
            combinations(text, &wildcards(), 100).unwrap().into_iter().collect();
        let drawn: BTreeSet<String> =
            (0..1000).map(|seed| expand(text, seed, &wildcards()).unwrap().text).collect();
        assert_eq!(drawn, all);
        assert_eq!(all.len(), 27);
        let five = || expand(text, 5, &wildcards()).unwrap();
        assert_eq!(five(), five());
    }

    #[test]
    fn draws_are_even() {
        let count = |word: &str| {
            let drawn = (0..3000)
                .filter(|seed| expand("{a|b|c}", *seed, &wildcards()).unwrap().text == word);
            drawn.count()
        };
        for word in ["a", "b", "c"] {
            assert!((900..1100).contains(&count(word)), "{word}: {}", count(word));
        }
    }

    #[test]
    fn unknown_wildcards_stay_and_are_named() {
        let expanded = expand("a __nobody__ __none__ snake_case __ b", 1, &wildcards()).unwrap();
        assert_eq!(expanded.text, "a __nobody__ __none__ snake_case __ b");
        assert_eq!(expanded.unknown.iter().collect::<Vec<_>>(), ["nobody", "none"]);
    }

    #[test]
    fn hostile_prompts_end_soon() {
        let refused = |text: &str| expand(text, 1, &wildcards()).unwrap_err().to_string();
        assert!(refused("__loop__").contains("must not lead back to itself"));
        assert!(refused("__bomb__").contains("must not lead back to itself"));
        assert!(refused(&"{".repeat(1 << 20)).contains("deeper"));
        let doubling = (0..90).map(|i| (format!("d{i}"), vec![format!("__d{0}____d{0}__", i + 1)]));
        let mut doubling: Wildcards = doubling.collect();
        doubling.insert("d90".to_owned(), vec![String::new()]);
        assert!(expand("__d0__", 1, &doubling).is_err());
        assert!(combinations("__d0__", &doubling, 10).is_err());
        let lines = vec!["x".repeat(1 << 18)];
        let large = Wildcards::from([("x".to_owned(), lines)]);
        assert!(expand(&"__x__".repeat(17), 1, &large).unwrap_err().to_string().contains("limit"));
        let (wide, limit) = ("{a|b}".repeat(1 << 12), 1 << 8);
        assert!(combinations(&wide, &wildcards(), limit).is_err());
        let long = "_".repeat(1 << 16);
        assert_eq!(expand(&long, 1, &wildcards()).unwrap().text, long);
    }
}
