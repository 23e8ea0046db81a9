//! Rust sources as far as a test of names needs them.

use std::collections::BTreeSet;

/// Top-level modules that a file names by `crate::…`, or by as many `super::` as lead to the root.
pub(super) fn modules_named(path: &str, tokens: &[String]) -> BTreeSet<String> {
    let depth = path.matches('/').count();
    let mut named = BTreeSet::new();
    let mut i = 0;
    while i < tokens.len() {
        let mut supers = 0;
        let start = i;
        let is_crate = tokens[i] == "crate";
        while tokens.get(i).is_some_and(|t| t == "super" || (i == start && t == "crate"))
            && tokens.get(i + 1).is_some_and(|t| t == "::")
        {
            supers += 1;
            i += 2;
        }
        if supers > 0 && (is_crate || supers >= depth) {
            named.extend(heads(&tokens[i..]));
        }
        i = i.max(start + 1);
    }
    named
}

/// The first names of `name…` or of each member of `{name…, name…}`.
fn heads(tokens: &[String]) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    let mut expects = true;
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => {}
            _ if depth <= 1 && expects => names.push(token.clone()),
            _ => {}
        }
        expects = depth == 1 && matches!(token.as_str(), "{" | ",");
        if depth == 0 {
            break;
        }
    }
    names
}

/// True if an identifier, or identifiers joined by `::`, have the word's parts in a row: `Device::flex`,
/// `burn_wgpu` and `JsValue` have `flex`, `wgpu` and `js_value`; `flexible` has none.
pub(super) fn has_word(tokens: &[String], word: &str) -> bool {
    let word: Vec<&str> = word.split('_').collect();
    let mut parts: Vec<String> = Vec::new();
    let mut joined = false;
    for token in tokens {
        if token == "::" {
            joined = true;
            continue;
        }
        if !joined {
            parts.clear();
        }
        joined = false;
        parts.extend(words_of(token));
        if parts.windows(word.len()).any(|window| window == word) {
            return true;
        }
    }
    false
}

/// `WgpuDevice` → `wgpu`, `device`; `burn_wgpu` → `burn`, `wgpu`.
fn words_of(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in identifier.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Identifiers, `::` and other characters of Rust code, without comments and without text in quotes.
pub(super) fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            i += 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            // A character, not a lifetime.
            i += if at(i + 1) == '\\' { 3 } else { 2 };
            while i < chars.len() && chars[i] != '\'' {
                i += 1;
            }
            i += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let identifier: String = chars[start..i].iter().collect();
            let hashes = (i..).take_while(|i| at(*i) == '#').count();
            if matches!(identifier.as_str(), "r" | "br") && at(i + hashes) == '"' {
                let end: String =
                    std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let rest: String = chars[i + hashes + 1..].iter().collect();
                let length = rest.find(&end).map_or(rest.len(), |end| end);
                i += hashes + 1 + rest[..length].chars().count() + end.len();
            } else {
                tokens.push(identifier);
            }
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push("::".to_owned());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            i += 1;
        }
    }
    tokens
}
