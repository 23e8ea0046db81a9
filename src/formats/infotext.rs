//! AUTOMATIC1111's infotext: what its pictures carry as `parameters`.
//!
//! ```text
//! a red dragon
//! Negative prompt: blurry
//! Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768
//! ```
//!
//! The last line holds settings if at least three are found in it; otherwise it is part of the prompt.
//! [`to_graph`] makes a graph of ComfyUI's of it, [`from_graph`] a text of a graph of that shape.

mod export;
mod import;
mod names;
mod prompt;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value as Json;

pub use export::from_graph;
pub use import::to_graph;

const NEGATIVE: &str = "Negative prompt:";
/// A last line with fewer settings is prose with colons.
const FEWEST: usize = 3;

/// An infotext, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Infotext {
    /// What to show.
    pub prompt: String,
    /// What to avoid.
    pub negative: String,
    /// Names and values as written, in order.
    pub settings: Vec<(String, String)>,
}

impl Infotext {
    /// Takes a text apart; whatever it is, since all of it may be prompt.
    pub fn parse(text: &str) -> Self {
        let mut lines: Vec<&str> = text.trim().split('\n').map(str::trim).collect();
        let mut settings = lines.last().map(|line| settings(line)).unwrap_or_default();
        if settings.len() >= FEWEST {
            lines.pop();
        } else {
            settings.clear();
        }
        let (mut prompt, mut negative, mut in_negative) = (String::new(), String::new(), false);
        for mut line in lines {
            while let Some(rest) = line.strip_prefix(NEGATIVE) {
                (line, in_negative) = (rest.trim(), true);
            }
            let to = if in_negative { &mut negative } else { &mut prompt };
            if !to.is_empty() {
                to.push('\n');
            }
            to.push_str(line);
        }
        let trimmed = |text: String| text.trim().to_owned();
        Self { prompt: trimmed(prompt), negative: trimmed(negative), settings }
    }

    /// True if the text had settings: without any it may be anything.
    pub fn has_settings(&self) -> bool {
        !self.settings.is_empty()
    }

    /// The value of a setting; the last one if it is there twice.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Width and height of a setting such as `512x768`.
    pub fn size(&self, name: &str) -> Option<(u32, u32)> {
        let (width, height) = self.get(name)?.split_once('x')?;
        Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
    }

    fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.settings.push((name.to_owned(), value.to_string()));
    }
}

impl fmt::Display for Infotext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.prompt)?;
        if !self.negative.is_empty() {
            write!(f, "\n{NEGATIVE} {}", self.negative)?;
        }
        let body = if self.negative.is_empty() { &self.prompt } else { &self.negative };
        let last = body.rsplit('\n').next().unwrap_or_default();
        if self.settings.is_empty() && settings(last).len() >= FEWEST {
            // So that they are not taken for the settings that are absent.
            write!(f, "\n{NEGATIVE}")?;
        }
        for (at, (name, value)) in self.settings.iter().enumerate() {
            let before = if at == 0 { "\n" } else { ", " };
            if value.starts_with('"') || value.contains([',', ':', '\n']) {
                write!(f, "{before}{name}: {}", Json::from(value.as_str()))?;
            } else {
                write!(f, "{before}{name}: {value}")?;
            }
        }
        Ok(())
    }
}

/// The settings of a line; what lies between them and is none is passed over.
fn settings(line: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        match setting(rest) {
            Some((name, value, length)) => {
                found.push((name, value));
                rest = &rest[length..];
            }
            None => rest = rest.split_once(',').map_or("", |(_, rest)| rest),
        }
    }
    found
}

/// A name, its value, and how far they reach.
fn setting(text: &str) -> Option<(String, String, usize)> {
    let (name, after) = text.split_once(':')?;
    let name = name.trim();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let long_enough = name.chars().nth(1).is_some();
    if NEGATIVE.strip_suffix(':') == Some(name)
        || !long_enough
        || !name.starts_with(is_word)
        || !name.chars().all(|c| is_word(c) || matches!(c, ' ' | '-' | '/'))
    {
        return None;
    }
    let value = after.trim_start();
    let start = text.len() - value.len();
    if value.starts_with('"') {
        let mut json = serde_json::Deserializer::from_str(value).into_iter::<String>();
        if let Some(Ok(unquoted)) = json.next() {
            let rest = &value[json.byte_offset()..];
            let trimmed = rest.trim_start();
            if trimmed.is_empty() || trimmed.starts_with(',') {
                let comma = usize::from(!trimmed.is_empty());
                // Its ends are blank only by accident, and a person would never find out.
                let unquoted = unquoted.trim().to_owned();
                return Some((name.to_owned(), unquoted, text.len() - trimmed.len() + comma));
            }
        }
    }
    let end = value.find(',').unwrap_or(value.len());
    let length = (start + end + 1).min(text.len());
    Some((name.to_owned(), value[..end].trim().to_owned(), length))
}
