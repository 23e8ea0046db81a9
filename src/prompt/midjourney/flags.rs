//! The flags at the end of a MidJourney prompt.

use std::fmt::{Display, Write};

use crate::error::{Error, ErrorKind, Result};

/// What the flags of a prompt say; absent where they say nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flags {
    /// `--ar`: width and height of the shape.
    pub aspect: Option<(u32, u32)>,
    /// `--no`: what there should not be.
    pub no: Vec<String>,
    /// `--seed`.
    pub seed: Option<u32>,
    /// `--chaos`, 0 to 100: how much the pictures differ.
    pub chaos: Option<u32>,
    /// `--stylize`, 0 to 1000.
    pub stylize: Option<u32>,
    /// `--weird`, 0 to 3000.
    pub weird: Option<u32>,
    /// `--quality`: 0.25, 0.5, 1, 2 or 4 times the time.
    pub quality: Option<f64>,
    /// `--stop`, 10 to 100: the part of the run to do, in per cent.
    pub stop: Option<u32>,
    /// `--tile`: the picture's edges fit each other.
    pub tile: bool,
    /// `--iw`, 0 to 3: how much the pictures it starts from weigh.
    pub image_weight: Option<f64>,
    /// `--repeat`, 1 to 40: how many runs.
    pub repeat: Option<u32>,
    /// Flags that mean nothing here, with their values.
    pub others: Vec<(String, String)>,
}

/// Where the first flag begins: two dashes, or the long one that phones make of them, after a space and
/// before a letter.
pub(super) fn start(text: &str) -> Option<usize> {
    next(text, 0).map(|(start, _)| start)
}

/// The first flag from `from` on: its place, and where its name begins.
fn next(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut after_space = from == 0;
    for (i, c) in text[from..].char_indices() {
        let at = from + i;
        if after_space {
            let rest = &text[at..];
            let name = rest.strip_prefix("--").or_else(|| rest.strip_prefix('—'));
            if name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic())) {
                return Some((at, text.len() - name.map_or(0, str::len)));
            }
        }
        after_space = c.is_whitespace();
    }
    None
}

impl Flags {
    /// Reads `text`, which begins with a flag or is empty; `before` characters of the prompt come first.
    pub(super) fn parse(text: &str, before: usize) -> Result<Self> {
        let mut flags = Self::default();
        let mut found = next(text, 0);
        let mut counted = (0, before);
        while let Some((at, name_start)) = found {
            found = next(text, name_start);
            let flag = &text[name_start..found.map_or(text.len(), |(next, _)| next)];
            let (name, value) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            counted = (at, counted.1 + text[counted.0..at].chars().count());
            flags.set(Flag { name, value: value.trim(), at: counted.1 + 1 })?;
        }
        Ok(flags)
    }

    fn set(&mut self, flag: Flag<'_>) -> Result<()> {
        match flag.name.to_ascii_lowercase().as_str() {
            "ar" | "aspect" => self.aspect = Some(flag.ratio()?),
            "no" => {
                let words = flag.value.split(',').map(str::trim).filter(|word| !word.is_empty());
                self.no.extend(words.map(str::to_owned));
            }
            "seed" => self.seed = Some(flag.whole(0, u32::MAX)?),
            "chaos" | "c" => self.chaos = Some(flag.whole(0, 100)?),
            "stylize" | "s" => self.stylize = Some(flag.whole(0, 1000)?),
            "weird" | "w" => self.weird = Some(flag.whole(0, 3000)?),
            "quality" | "q" => {
                let known = |q: &f64| [0.25, 0.5, 1.0, 2.0, 4.0].contains(q);
                self.quality = Some(flag.number("0.25, 0.5, 1, 2 or 4", known)?);
            }
            "stop" => self.stop = Some(flag.whole(10, 100)?),
            "tile" if flag.value.is_empty() => self.tile = true,
            "tile" => return Err(flag.wrong("nothing after it")),
            "iw" => self.image_weight = Some(flag.number("0 to 3", |w| (0.0..=3.0).contains(w))?),
            "repeat" | "r" => self.repeat = Some(flag.whole(1, 40)?),
            name => self.others.push((name.to_owned(), flag.value.to_owned())),
        }
        Ok(())
    }

    /// Adds the flags to a prompt.
    pub(super) fn print(&self, out: &mut String) {
        let mut add = |name: &str, value: Option<&dyn Display>| {
            if let Some(value) = value {
                // Writing to a string does not fail.
                let _ = write!(out, " --{name} {value}");
            }
        };
        let ratio = self.aspect.map(|(width, height)| format!("{width}:{height}"));
        add("ar", ratio.as_ref().map(|ratio| ratio as _));
        let no = self.no.join(", ");
        add("no", (!no.is_empty()).then_some(&no as _));
        let whole = [
            ("seed", &self.seed),
            ("chaos", &self.chaos),
            ("stylize", &self.stylize),
            ("weird", &self.weird),
            ("stop", &self.stop),
            ("repeat", &self.repeat),
        ];
        for (name, value) in whole {
            add(name, value.as_ref().map(|value| value as _));
        }
        add("quality", self.quality.as_ref().map(|value| value as _));
        add("iw", self.image_weight.as_ref().map(|value| value as _));
        let tile = self.tile.then(|| ("tile".to_owned(), String::new()));
        for (name, value) in tile.iter().chain(&self.others) {
            let gap = if value.is_empty() { "" } else { " " };
            let _ = write!(out, " --{name}{gap}{value}");
        }
    }
}

/// A flag as it stands in the prompt.
struct Flag<'a> {
    name: &'a str,
    value: &'a str,
    at: usize,
}

impl Flag<'_> {
    fn whole(&self, min: u32, max: u32) -> Result<u32> {
        let number = self.value.parse().ok().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| self.wrong(&format!("a whole number from {min} to {max}")))
    }

    fn number(&self, expected: &str, is_good: impl Fn(&f64) -> bool) -> Result<f64> {
        self.value.parse().ok().filter(is_good).ok_or_else(|| self.wrong(expected))
    }

    fn ratio(&self) -> Result<(u32, u32)> {
        let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=10_000).contains(side));
        let sides = self.value.split_once([':', '/', 'x']);
        let ratio = sides.and_then(|(width, height)| Some((side(width)?, side(height)?)));
        ratio.ok_or_else(|| self.wrong("two whole numbers as in 16:9"))
    }

    fn wrong(&self, expected: &str) -> Error {
        let why = format!("`--{}` expected {expected}, got `{}`", self.name, self.value);
        Error::new(ErrorKind::BadPrompt { at: self.at, why })
            .hint("write flags after the words, a space before each value")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::single;
    use crate::prompt::midjourney::parse;

    #[test]
    fn every_flag_by_each_of_its_names() {
        let flags = |text: &str| single(&format!("a {text}")).flags;
        assert_eq!(flags("--ar 3:2"), flags("--aspect 3:2"));
        assert_eq!(flags("--ar 3:2").aspect, Some((3, 2)));
        assert_eq!(flags("--no a, b c --no d").no, ["a", "b c", "d"]);
        assert_eq!(flags("--seed 4294967295").seed, Some(u32::MAX));
        assert_eq!((flags("--c 7").chaos, flags("--chaos 100").chaos), (Some(7), Some(100)));
        assert_eq!(
            (flags("--s 7").stylize, flags("--stylize 1000").stylize),
            (Some(7), Some(1000))
        );
        assert_eq!((flags("--w 7").weird, flags("--weird 3000").weird), (Some(7), Some(3000)));
        assert_eq!(
            (flags("--q .25").quality, flags("--quality 4").quality),
            (Some(0.25), Some(4.0))
        );
        assert_eq!(flags("--stop 10").stop, Some(10));
        assert!(flags("--tile").tile);
        assert_eq!(flags("--iw 0.5").image_weight, Some(0.5));
        assert_eq!((flags("--r 2").repeat, flags("--repeat 40").repeat), (Some(2), Some(40)));
        assert_eq!(flags("—ar 2:1").aspect, Some((2, 1)));
        assert_eq!(flags("--AR 2:1 --ar 4:5").aspect, Some((4, 5)));
        assert_eq!(
            flags("--sref https://x.org/a 5 --raw").others,
            [
                ("sref".to_owned(), "https://x.org/a 5".to_owned()),
                ("raw".to_owned(), String::new()),
            ]
        );
        assert_eq!(flags("--ar16:9").others, [("ar16:9".to_owned(), String::new())]);
    }

    #[test]
    fn values_that_make_no_sense_are_refused_where_they_stand() {
        for (text, expected) in [
            (
                "猫 --ar banana",
                "character 3: `--ar` expected two whole numbers as in 16:9, got `banana`",
            ),
            ("--ar 0:1", "character 1: `--ar` expected two whole"),
            (
                "a --tile --seed -1",
                "character 10: `--seed` expected a whole number from 0 to 4294967295, got `-1`",
            ),
            ("a --chaos 101", "`--chaos` expected a whole number from 0 to 100"),
            ("a --s 1001", "`--s` expected a whole number from 0 to 1000"),
            ("a --weird 3001", "0 to 3000"),
            ("a --q 3", "expected 0.25, 0.5, 1, 2 or 4, got `3`"),
            ("a --stop 9", "10 to 100"),
            ("a --iw 3.1", "expected 0 to 3"),
            ("a --iw NaN", "expected 0 to 3"),
            ("a --r 41", "1 to 40"),
            ("a --seed", "got ``"),
            ("--tile a cat", "`--tile` expected nothing after it, got `a cat`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
