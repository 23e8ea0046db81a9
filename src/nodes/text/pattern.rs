//! A regular expression with the meaning that Python's `re` gives to it.

use std::cell::OnceCell;

use fancy_regex::{Captures, Regex, RegexBuilder};

use super::refused;
use super::translate::{Flags, translate};
use crate::error::{Error, Result};

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// The same, but for an empty match where the search begins.
    moving: OnceCell<Regex>,
    /// Names of groups and their numbers.
    pub(super) names: Vec<(String, usize)>,
}

impl Pattern {
    /// # Errors
    ///
    /// What is wrong with the pattern, and where.
    pub(super) fn new(pattern: &str, flags: Flags) -> Result<Self> {
        let translated = translate(pattern, flags).map_err(|why| bad_pattern(pattern, &why))?;
        let regex = compile(&translated.pattern)
            .map_err(|error| bad_pattern(pattern, &format!("`{error}`")))?;
        Ok(Self { regex, moving: OnceCell::new(), names: translated.names })
    }

    /// How many groups there are, without the whole.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The matches from left to right, until `f` says that it has enough.
    ///
    /// After an empty match the next may begin at the same place, if it is not empty.
    ///
    /// # Errors
    ///
    /// If the pattern needs too many attempts.
    pub(super) fn each<'t>(
        &self,
        text: &'t str,
        f: &mut dyn FnMut(&Captures<'t>) -> bool,
    ) -> Result<()> {
        let mut at = 0;
        let mut move_on = false;
        loop {
            let regex = if move_on { self.moving()? } else { &self.regex };
            let Some(found) = regex.captures_from_pos(text, at).map_err(|_| too_slow())? else {
                return Ok(());
            };
            let whole = group(&found, 0);
            move_on = whole.is_empty();
            at = found.get(0).map_or(text.len(), |whole| whole.end());
            if !f(&found) {
                return Ok(());
            }
        }
    }

    fn moving(&self) -> Result<&Regex> {
        if let Some(regex) = self.moving.get() {
            return Ok(regex);
        }
        let regex = compile(&format!(r"(?:{})(?!\G)", self.regex.as_str()));
        let regex = regex.map_err(|error| bad_pattern(self.regex.as_str(), &error.to_string()))?;
        Ok(self.moving.get_or_init(|| regex))
    }
}

/// What a group matched; nothing if it took no part.
pub(super) fn group<'t>(found: &Captures<'t>, number: usize) -> &'t str {
    found.get(number).map_or("", |group| group.as_str())
}

fn compile(pattern: &str) -> Result<Regex, Box<fancy_regex::Error>> {
    // A pattern and a text that would take for ever are stopped after a million attempts.
    RegexBuilder::new(pattern).backtrack_limit(1_000_000).build().map_err(Box::new)
}

fn bad_pattern(pattern: &str, why: &str) -> Error {
    let got = format!("`{pattern}` with {why}");
    refused("regex_pattern", "a regular expression as Python's `re` reads it", got)
}

fn too_slow() -> Error {
    let got = "one that takes more than a million attempts".to_owned();
    refused("regex_pattern", "a pattern that ends in time", got)
        .hint("avoid repeats within repeats, such as `(a+)+`")
}
