//! Capitals and small letters as Python's `str` has them.

/// `str.capitalize`: the first letter large, all others small.
pub(super) fn capitalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let Some(first) = text.chars().next() else { return out };
    title(first, &mut out);
    // The whole text is made small, for a sigma is another one at the end of a word.
    let small = text.to_lowercase();
    out.push_str(&small[first.to_lowercase().map(char::len_utf8).sum()..]);
    out
}

/// `str.title`: a letter large where none comes before it, and small where one does.
pub(super) fn titled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (inside, c) {
            (false, c) => title(c, &mut out),
            (true, 'Σ') if !chars.peek().is_some_and(|next| is_cased(*next)) => out.push('ς'),
            (true, c) => out.extend(c.to_lowercase()),
        }
        inside = is_cased(c);
    }
    out
}

fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || digraph(c).is_some()
}

/// One letter as the first of a word.
fn title(c: char, out: &mut String) {
    if let Some(digraph) = digraph(c) {
        return out.push(digraph);
    }
    // Georgian has large letters for whole words only.
    if ('\u{10d0}'..='\u{10ff}').contains(&c) {
        return out.push(c);
    }
    // `ß` becomes `SS` as a capital, and `Ss` at the start of a word.
    let mut large = c.to_uppercase();
    out.extend(large.next());
    out.extend(large.flat_map(char::to_lowercase));
}

/// The letters that are two in one, of which only the first is large at the start of a word.
fn digraph(c: char) -> Option<char> {
    Some(match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        _ => return None,
    })
}
