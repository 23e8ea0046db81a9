//! The part of YAML that pipelines are written in; everything else is refused by its line.
//!
//! Maps, lists, texts (plain, quoted, `|` and `>`) and one-line `[a, b]` and `{a: b}`. No anchors and no
//! aliases, so that nothing grows when it is read; no tags, no second document.
//!
//! # Source
//!
//! YAML 1.2.2, chapters 6 to 8.

use super::bad;
use crate::error::{Error, Result};

/// Deeper than any pipeline, and far from the end of the stack.
const MAX_DEPTH: usize = 32;

/// A value and the line it begins in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Yaml {
    pub(super) line: usize,
    pub(super) node: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// Reads a document.
pub(super) fn parse(text: &str) -> Result<Yaml> {
    let mut reader = Reader { lines: Vec::new(), at: 0 };
    for (at, raw) in text.lines().enumerate() {
        let content = raw.trim_start_matches(' ');
        reader.lines.push(Line {
            number: at + 1,
            indent: raw.len() - content.len(),
            text: content,
        });
    }
    if reader.peek()?.is_some_and(|line| line.text.trim_end() == "---") {
        reader.at += 1;
    }
    let Some(first) = reader.peek()? else { return Err(bad("it is empty")) };
    let yaml = reader.block(first.indent, 0)?;
    match reader.peek()? {
        Some(line) => Err(at_line(line.number, "is not in line with what is above it")),
        None => Ok(yaml),
    }
}

/// An error that names a line.
pub(super) fn at_line(line: usize, why: &str) -> Error {
    bad(format!("line {line}: {why}"))
}

#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

struct Reader<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next line that says something.
    fn peek(&mut self) -> Result<Option<Line<'a>>> {
        while let Some(line) = self.lines.get(self.at) {
            if !line.text.trim().is_empty() && !line.text.starts_with('#') {
                if line.text.starts_with('\t') {
                    return Err(at_line(line.number, "is indented with a tab, expected spaces"));
                }
                return Ok(Some(*line));
            }
            self.at += 1;
        }
        Ok(None)
    }

    fn block(&mut self, indent: usize, depth: usize) -> Result<Yaml> {
        let Some(line) = self.peek()? else { return Err(bad("it ends too early")) };
        if depth > MAX_DEPTH {
            return Err(at_line(line.number, "is nested too deep"));
        }
        if is_item(line.text) {
            self.list(line.number, indent, depth)
        } else if key(line)?.is_some() {
            self.map(line.number, indent, depth)
        } else {
            self.at += 1;
            inline(line.text, line.number, depth)
        }
    }

    fn list(&mut self, first: usize, indent: usize, depth: usize) -> Result<Yaml> {
        let mut items = Vec::new();
        while let Some(line) = self.peek()? {
            if line.indent != indent || !is_item(line.text) {
                break;
            }
            let rest = line.text[1..].trim_start_matches(' ');
            if rest.is_empty() || rest.starts_with('#') {
                self.at += 1;
                items.push(self.below(line, indent + 1, depth)?);
            } else if is_item(rest) || key(Line { text: rest, ..line })?.is_some() {
                // What follows the dash is a block of its own, as deep as it stands.
                let inner = indent + line.text.len() - rest.len();
                self.lines[self.at] = Line { indent: inner, text: rest, ..line };
                items.push(self.block(inner, depth + 1)?);
            } else {
                self.at += 1;
                items.push(self.value(rest, line, depth)?);
            }
        }
        Ok(Yaml { line: first, node: Node::List(items) })
    }

    fn map(&mut self, first: usize, indent: usize, depth: usize) -> Result<Yaml> {
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        while let Some(line) = self.peek()? {
            if line.indent != indent || is_item(line.text) {
                break;
            }
            let Some((name, rest)) = key(line)? else {
                return Err(at_line(line.number, "expected `name: value`"));
            };
            if entries.iter().any(|(known, _)| *known == name) {
                return Err(at_line(line.number, &format!("`{name}` is there twice")));
            }
            self.at += 1;
            let value = if rest.is_empty() || rest.starts_with('#') {
                // The items of a list may stand right below the name.
                let same = self.peek()?.is_some_and(|l| l.indent == indent && is_item(l.text));
                self.below(line, if same { indent } else { indent + 1 }, depth)?
            } else {
                self.value(rest, line, depth)?
            };
            entries.push((name, value));
        }
        Ok(Yaml { line: first, node: Node::Map(entries) })
    }

    /// The block below a line, if there is one.
    fn below(&mut self, line: Line<'_>, at_least: usize, depth: usize) -> Result<Yaml> {
        match self.peek()? {
            Some(next) if next.indent >= at_least => self.block(next.indent, depth + 1),
            _ => Ok(Yaml { line: line.number, node: Node::Null }),
        }
    }

    /// What stands in one line, or the lines of a `|` or `>`.
    fn value(&mut self, text: &'a str, line: Line<'_>, depth: usize) -> Result<Yaml> {
        let fold = match without_comment(text) {
            "|" | "|-" => false,
            ">" | ">-" => true,
            _ => return inline(text, line.number, depth),
        };
        let mut lines: Vec<Line<'_>> = Vec::new();
        while let Some(next) = self.lines.get(self.at) {
            if next.indent <= line.indent && !next.text.trim().is_empty() {
                break;
            }
            lines.push(*next);
            self.at += 1;
        }
        let indent = lines.iter().find(|line| !line.text.trim().is_empty()).map_or(0, |l| l.indent);
        let lines: Vec<String> = lines
            .iter()
            .map(|line| " ".repeat(line.indent.saturating_sub(indent)) + line.text.trim_end())
            .collect();
        let joined = lines.join(if fold { " " } else { "\n" });
        Ok(Yaml { line: line.number, node: Node::Text(joined.trim().to_owned()) })
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

/// The name at the start of a line, and what follows it.
fn key(line: Line<'_>) -> Result<Option<(String, &str)>> {
    let text = line.text;
    if text.starts_with("? ") || text.starts_with("<<") {
        return Err(at_line(line.number, "is a kind of name that is not supported"));
    }
    let (name, rest) = if text.starts_with(['"', '\'']) {
        let (name, length) = quoted(text, line.number)?;
        (name, text[length..].trim_start())
    } else if text.starts_with(['[', '{']) {
        return Ok(None);
    } else {
        let end = text.match_indices(':').find(|(at, _)| {
            let rest = &text[at + 1..];
            rest.trim().is_empty() || rest.starts_with(' ')
        });
        let Some((end, _)) = end else { return Ok(None) };
        refuse(text, line.number)?;
        (text[..end].trim_end().to_owned(), &text[end..])
    };
    Ok(rest.strip_prefix(':').map(|rest| (name, rest.trim())))
}

/// A value that begins and ends in this line.
fn inline(text: &str, line: usize, depth: usize) -> Result<Yaml> {
    let (node, rest) = flow(text.trim(), line, depth, false)?;
    if rest.is_empty() || rest.starts_with('#') {
        Ok(Yaml { line, node })
    } else {
        Err(at_line(line, &format!("`{}` is too much", cut(rest))))
    }
}

/// A value and what follows it; inside brackets a comma ends it.
fn flow(text: &str, line: usize, depth: usize, inside: bool) -> Result<(Node, &str)> {
    if depth > MAX_DEPTH {
        return Err(at_line(line, "is nested too deep"));
    }
    refuse(text, line)?;
    if let Some(mut rest) = text.strip_prefix('[') {
        let mut items = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix(']') {
                return Ok((Node::List(items), rest.trim_start()));
            }
            let (node, after) = flow(rest, line, depth + 1, true)?;
            items.push(Yaml { line, node });
            rest = next_item(after, ']', line)?;
        }
    }
    if let Some(mut rest) = text.strip_prefix('{') {
        let mut entries = Vec::new();
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return Ok((Node::Map(entries), rest.trim_start()));
            }
            let Some((name, value)) = rest.split_once(':') else {
                return Err(at_line(line, "expected `{name: value}` in one line"));
            };
            let name = name.trim().trim_matches(['"', '\'']).to_owned();
            let (node, after) = flow(value.trim_start(), line, depth + 1, true)?;
            entries.push((name, Yaml { line, node }));
            rest = next_item(after, '}', line)?;
        }
    }
    if text.starts_with(['"', '\'']) {
        let (value, length) = quoted(text, line)?;
        return Ok((Node::Text(value), text[length..].trim_start()));
    }
    let end = if inside { text.find([',', ']', '}']).unwrap_or(text.len()) } else { text.len() };
    let (plain, rest) = if inside { text.split_at(end) } else { (without_comment(text), "") };
    let plain = plain.trim();
    let node = match plain {
        "" | "~" | "null" => Node::Null,
        text => Node::Text(text.to_owned()),
    };
    Ok((node, rest))
}

/// What follows a comma, or the closing bracket.
fn next_item(text: &str, end: char, line: usize) -> Result<&str> {
    match text.strip_prefix(',') {
        Some(rest) => Ok(rest),
        None if text.starts_with(end) => Ok(text),
        None => Err(at_line(line, &format!("expected `{end}` in the same line"))),
    }
}

fn without_comment(text: &str) -> &str {
    text.split_once(" #").map_or(text, |(text, _)| text).trim_end()
}

/// Text in quotes, and its length with them.
fn quoted(text: &str, line: usize) -> Result<(String, usize)> {
    if text.starts_with('"') {
        // Its escapes are JSON's and a few more, which are refused with the rest.
        let mut json = serde_json::Deserializer::from_str(text).into_iter::<String>();
        return match json.next() {
            Some(Ok(value)) => Ok((value, json.byte_offset())),
            _ => Err(at_line(line, "has a text in quotes that cannot be read")),
        };
    }
    let mut value = String::new();
    let mut rest = &text[1..];
    while let Some(end) = rest.find('\'') {
        value += &rest[..end];
        rest = &rest[end + 1..];
        if !rest.starts_with('\'') {
            return Ok((value, text.len() - rest.len()));
        }
        value.push('\'');
        rest = &rest[1..];
    }
    Err(at_line(line, "has a text in quotes without an end"))
}

/// What makes YAML large.
fn refuse(text: &str, line: usize) -> Result<()> {
    let what = match text.chars().next() {
        Some('&' | '*') => "an anchor or an alias",
        Some('!') => "a tag",
        Some('%' | '@' | '`') => "a character that no value begins with",
        Some('|' | '>') => "a kind of text block",
        _ => return Ok(()),
    };
    Err(at_line(line, &format!("`{}` is {what}, which is not supported", cut(text))))
}

fn cut(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As JSON, without lines.
    fn shown(yaml: &Yaml) -> String {
        match &yaml.node {
            Node::Null => "null".to_owned(),
            Node::Text(text) => format!("{text:?}"),
            Node::List(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(","))
            }
            Node::Map(entries) => {
                let entries =
                    entries.iter().map(|(name, value)| format!("{name}:{}", shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn what_pipelines_are_written_in() {
        let text = "---\n# a comment\nname: 'it''s'   # why\nlist:\n- a\n-\n  - \"b: \\n\"\n  - [1, \"x, y\", {k: v}]\n\
                    map:\n    one: 1 # one\n    url: http://x/#y\n    none:\n    text: |\n      first\n        second\n\n      third\n    \
                    folded: >-\n      a\n      b\nitems:\n  - node: Input\n    params: {steps: 20, seed: 5}\n  - - deep\n";
        assert_eq!(
            shown(&parse(text).unwrap()),
            "{name:\"it's\",list:[\"a\",[\"b: \\n\",[\"1\",\"x, y\",{k:\"v\"}]]],\
             map:{one:\"1\",url:\"http://x/#y\",none:null,text:\"first\\n  second\\n\\nthird\",folded:\"a b\"},\
             items:[{node:\"Input\",params:{steps:\"20\",seed:\"5\"}},[\"deep\"]]}"
        );
    }

    #[test]
    fn the_rest_is_refused_by_its_line() {
        for (text, part) in [
            ("", "it is empty"),
            ("a: &x 1", "line 1: `&x 1` is an anchor"),
            ("a: 1\nb: *x", "line 2: `*x` is an anchor or an alias"),
            ("a: !!python/object x", "line 1: `!!python/object x` is a tag"),
            ("a: 1\n\tb: 2", "line 2: is indented with a tab"),
            ("a: 1\n  b: 2", "line 2: is not in line"),
            ("a: 1\na: 2", "line 2: `a` is there twice"),
            ("a: \"x", "line 1: has a text in quotes"),
            ("a: 'x", "line 1: has a text in quotes without an end"),
            ("a: [1,\n  2]", "line 1: expected `]` in the same line"),
            ("a: {b", "line 1: expected `{name: value}`"),
            ("a: |+\n  x", "line 1: `|+` is a kind of text block"),
            ("? a", "line 1: is a kind of name"),
            ("<<: {}", "line 1: is a kind of name"),
            ("a: \"b\" c", "line 1: `c` is too much"),
            ("a: 1\n--- \nb: 2", "line 2: expected `name: value`"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?}: {message}");
        }
        for deep in ["[".repeat(100_000), "- ".repeat(100_000), "{a: ".repeat(100_000)] {
            assert!(parse(&deep).unwrap_err().to_string().contains("too deep"));
        }
    }
}
