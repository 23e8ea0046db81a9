//! Prompts between the two dialects: networks out of the text, weights in brackets.

/// The work grows with the square of nested brackets; no prompt is as long as this.
const LONGEST: usize = 10_000;

/// `<lora:name:text:network>` and the like, taken out of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    pub(super) kind: String,
    pub(super) name: String,
    /// Strength for the network, and for the text encoder.
    pub(super) strengths: (f64, f64),
}

/// The prompt without its networks.
pub(super) fn without_networks(text: &str) -> (String, Vec<Network>) {
    let (mut plain, mut found) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        plain += before;
        match tag.find('>').and_then(|end| Some((network(&tag[1..end])?, &tag[end + 1..]))) {
            Some((network, after)) => {
                found.push(network);
                rest = after;
                if plain.ends_with(' ') || plain.is_empty() {
                    rest = after.trim_start_matches(' ');
                }
            }
            None => {
                plain.push('<');
                rest = &tag[1..];
            }
        }
    }
    plain += rest;
    if found.is_empty() { (plain, found) } else { (plain.trim().to_owned(), found) }
}

fn network(tag: &str) -> Option<Network> {
    let mut parts = tag.split(':');
    let (kind, name) = (parts.next()?, parts.next()?);
    if !matches!(kind, "lora" | "lyco" | "hypernet") || name.is_empty() {
        return None;
    }
    let numbers: Vec<f64> = parts.map_while(|part| part.trim().parse().ok()).collect();
    let text = numbers.first().copied().unwrap_or(1.0);
    let strengths = (numbers.get(1).copied().unwrap_or(text), text);
    strengths.0.is_finite().then_some(())?;
    strengths.1.is_finite().then_some(())?;
    Some(Network { kind: kind.to_owned(), name: name.to_owned(), strengths })
}

/// An AUTOMATIC1111 prompt as one that means the same to ComfyUI; `None` if it has what only its own
/// dialect can say: `[from:to:when]`, `[a|b]`, `BREAK`, `AND`, brackets without an end.
pub(super) fn to_comfy(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    if text.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "BREAK" | "AND")) {
        return None;
    }
    let pieces = pieces(text)?;
    if pieces.simple {
        return Some(text.to_owned());
    }
    let mut out = String::new();
    for (words, weight) in pieces.list {
        let mut words = words.replace('(', "\\(").replace(')', "\\)");
        if (weight - 1.0).abs() > 1e-9 {
            let rounded = (weight * 1e4).round() / 1e4;
            words = format!("({words}:{rounded})");
        }
        out += &words;
    }
    Some(out)
}

/// A ComfyUI prompt as one that means the same to AUTOMATIC1111, as far as brackets go.
pub(super) fn from_comfy(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]")
}

struct Pieces {
    list: Vec<(String, f64)>,
    /// True if both dialects read the text alike as it is.
    simple: bool,
}

/// A bracket that is open, and the piece that came first in it.
struct Open {
    round: bool,
    first: usize,
}

/// Words with their weights: round brackets multiply by 1.1 or by the number before their end, square
/// ones divide by 1.1.
fn pieces(text: &str) -> Option<Pieces> {
    let mut list = vec![(String::new(), 1.0)];
    let mut open: Vec<Open> = Vec::new();
    let mut simple = true;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.clone().next() {
                Some((_, escaped @ ('(' | ')' | '[' | ']' | '\\'))) => {
                    chars.next();
                    // ComfyUI knows no other escapes than those of round brackets.
                    simple &= matches!(escaped, '(' | ')');
                    list.last_mut()?.0.push(escaped);
                }
                _ => list.last_mut()?.0.push('\\'),
            },
            '(' | '[' => {
                simple &= c == '(';
                if !list.last()?.0.is_empty() {
                    list.push((String::new(), 1.0));
                }
                open.push(Open { round: c == '(', first: list.len() - 1 });
            }
            ')' => {
                let Open { round: true, first } = open.pop()? else { return None };
                scale(&mut list[first..], 1.1);
                list.push((String::new(), 1.0));
            }
            ']' => {
                let Open { round: false, first } = open.pop()? else { return None };
                scale(&mut list[first..], 1.0 / 1.1);
                list.push((String::new(), 1.0));
            }
            ':' if open.last().is_some_and(|open| open.round) => {
                let rest = &text[at + 1..];
                let end = rest.find(')').unwrap_or(rest.len());
                let number = rest[..end].trim().parse::<f64>();
                match number {
                    Ok(weight) if end < rest.len() && looks_like_a_weight(&rest[..end]) => {
                        // Inside another weight ComfyUI forgets the outer one.
                        simple &= open.len() == 1;
                        let Open { first, .. } = open.pop()?;
                        scale(&mut list[first..], weight);
                        list.push((String::new(), 1.0));
                        // Up to and with the bracket.
                        while chars.next().is_some_and(|(_, c)| c != ')') {}
                    }
                    // `1.2.3` is an error there.
                    Err(_) if looks_like_a_weight(&rest[..end]) => return None,
                    // `1e3` and `inf` are numbers to ComfyUI alone.
                    _ => {
                        simple &= number.is_err();
                        list.last_mut()?.0.push(':');
                    }
                }
            }
            ':' | '|' if open.last().is_some_and(|open| !open.round) => return None,
            '|' if open.iter().any(|open| !open.round) => return None,
            c => list.last_mut()?.0.push(c),
        }
    }
    list.retain(|(words, _)| !words.is_empty());
    open.is_empty().then_some(Pieces { list, simple })
}

fn looks_like_a_weight(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))
}

fn scale(pieces: &mut [(String, f64)], by: f64) {
    for (_, weight) in pieces {
        *weight *= by;
    }
}
