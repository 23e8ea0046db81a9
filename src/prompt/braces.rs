//! Choices in braces, `{a|b}`: one parser for the page's random choices and MidJourney's permutations.

use super::{MAX_DEPTH, too_deep};
use crate::error::Result;

/// A stretch of text, or a choice of what to put there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Text(String),
    Choice(Vec<Vec<Self>>),
}

/// Reads text in which braces hold choices, told apart by `separator`.
///
/// `\{` and `\}` are braces, and inside braces a backslash takes the meaning from a separator. Braces
/// without a partner are text.
pub(super) fn parse(text: &str, separator: char) -> Result<Vec<Part>> {
    // Of each choice that is open, innermost last: what is finished, the last still growing.
    let mut open: Vec<Vec<Vec<Part>>> = vec![vec![Vec::new()]];
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        let is_inside = open.len() > 1;
        let special = |c: char| matches!(c, '{' | '}') || (is_inside && c == separator);
        match c {
            '\\' => match chars.next_if(|(_, next)| special(*next)) {
                Some((_, next)) => push(&mut open, next),
                None => push(&mut open, c),
            },
            '{' if open.len() > MAX_DEPTH => return Err(too_deep(at + 1)),
            '{' => open.push(vec![Vec::new()]),
            '}' if is_inside => {
                let options = open.pop().unwrap_or_default();
                last(&mut open).push(Part::Choice(options));
            }
            _ if is_inside && c == separator => {
                if let Some(options) = open.last_mut() {
                    options.push(Vec::new());
                }
            }
            _ => push(&mut open, c),
        }
    }
    while open.len() > 1 {
        let options = open.pop().unwrap_or_default();
        for (i, option) in options.into_iter().enumerate() {
            push(&mut open, if i == 0 { '{' } else { separator });
            for part in option {
                match part {
                    Part::Text(text) => text.chars().for_each(|c| push(&mut open, c)),
                    choice @ Part::Choice(_) => last(&mut open).push(choice),
                }
            }
        }
    }
    Ok(std::mem::take(last(&mut open)))
}

/// What grows: there always is something, since the outermost level is never popped.
fn last(open: &mut Vec<Vec<Vec<Part>>>) -> &mut Vec<Part> {
    if open.is_empty() {
        open.push(Vec::new());
    }
    let level = open.len() - 1;
    if open[level].is_empty() {
        open[level].push(Vec::new());
    }
    let option = open[level].len() - 1;
    &mut open[level][option]
}

fn push(open: &mut Vec<Vec<Vec<Part>>>, c: char) {
    let parts = last(open);
    match parts.last_mut() {
        Some(Part::Text(text)) => text.push(c),
        _ => parts.push(Part::Text(c.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(parts: &[Part]) -> String {
        let one = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Choice(options) => {
                format!("<{}>", options.iter().map(|o| show(o)).collect::<Vec<_>>().join("/"))
            }
        };
        parts.iter().map(one).collect()
    }

    #[test]
    fn choices_nest_and_what_has_no_partner_is_text() {
        for (text, expected) in [
            ("a {b|c} d", "a <b/c> d"),
            ("{a|{b|c} d|}", "<a/<b/c> d/>"),
            ("{}", "<>"),
            ("a|b, c", "a|b, c"),
            (r"\{a\|b\}", r"{a\|b}"),
            (r"{a\|b|\}|\c}", r"<a|b/}/\c>"),
            ("{a|b", "{a|b"),
            ("a}b {c}", "a}b <c>"),
            ("{a|{b|c}", "{a|<b/c>"),
            ("{a|{b|c", "{a|{b|c"),
            (r"(\(a\)) {b}\", r"(\(a\)) <b>\"),
            ("", ""),
        ] {
            assert_eq!(show(&parse(text, '|').unwrap()), expected, "{text}");
        }
        assert_eq!(
            show(&parse(r"{red, green\, blue} a|b", ',').unwrap()),
            "<red/ green, blue> a|b"
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth| "{".repeat(depth) + &"}".repeat(depth);
        assert!(parse(&deep(MAX_DEPTH), '|').is_ok());
        assert!(parse(&deep(MAX_DEPTH + 1), '|').is_err());
        assert!(parse(&"{".repeat(1 << 20), '|').is_err());
        assert_eq!(parse(&"{a|b}".repeat(1 << 16), '|').unwrap().len(), 1 << 16);
    }
}
