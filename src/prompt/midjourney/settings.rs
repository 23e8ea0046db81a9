//! What a MidJourney prompt means to a graph.

use serde::Serialize;

use super::Prompt;
use crate::error::{Error, ErrorKind, Result};
use crate::prompt::comfy::{self, Span};

/// What a model is asked for when a prompt says nothing else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Base {
    /// Width of a picture, in pixels; its area stays when a prompt names a shape.
    pub width: u32,
    /// Height of a picture.
    pub height: u32,
    /// Steps of a run.
    pub steps: u32,
}

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The words, in ComfyUI's dialect.
    pub prompt: String,
    /// What there should not be, in ComfyUI's dialect.
    pub negative: String,
    /// Width of the picture: the base's, or a multiple of 8.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
    /// The seed, if it was given.
    pub seed: Option<u32>,
    /// Steps of the whole run.
    pub steps: u32,
    /// The step to end at: `steps`, or before.
    pub end_step: u32,
    /// True if the picture's edges are to fit each other.
    pub tile: bool,
    /// How many runs.
    pub repeat: u32,
    /// Addresses of pictures to start from.
    pub images: Vec<String>,
    /// How much of the first picture is painted anew; 1 without one.
    pub denoise: f64,
    /// What was passed over, and why.
    pub notices: Vec<String>,
}

/// Translates a prompt.
///
/// A shape is given the area of the base. Words that weigh more are emphasised, those that weigh
/// less than nothing go to the negative prompt with `--no`. Quality multiplies the steps. A picture to
/// start from, of weight w, is painted anew by 1 / (1 + w): half of it at MidJourney's 1.
///
/// # Errors
///
/// Weights that add up to nothing or less, which MidJourney refuses too.
pub fn settings(prompt: &Prompt, base: Base) -> Result<Settings> {
    let flags = &prompt.flags;
    let (positive, negative) = words(prompt)?;
    let (width, height) = match flags.aspect {
        Some((across, down)) => {
            let ratio = f64::from(across) / f64::from(down);
            let area = f64::from(base.width) * f64::from(base.height);
            let side = |square: f64| ((square.sqrt() / 8.0).round() * 8.0).clamp(64.0, 16384.0);
            (side(area * ratio) as u32, side(area / ratio) as u32)
        }
        None => (base.width, base.height),
    };
    let steps = (f64::from(base.steps) * flags.quality.unwrap_or(1.0)).round().clamp(1.0, 10_000.0);
    let end = (steps * f64::from(flags.stop.unwrap_or(100)) / 100.0).round().max(1.0);
    let denoise = match (prompt.images.is_empty(), flags.image_weight) {
        (true, _) => 1.0,
        (false, weight) => 1.0 / (1.0 + weight.unwrap_or(1.0)),
    };
    Ok(Settings {
        prompt: positive,
        negative,
        width,
        height,
        seed: flags.seed,
        steps: steps as u32,
        end_step: end as u32,
        tile: flags.tile,
        repeat: flags.repeat.unwrap_or(1),
        images: prompt.images.clone(),
        denoise,
        notices: notices(prompt),
    })
}

/// The prompt and the negative prompt.
fn words(prompt: &Prompt) -> Result<(String, String)> {
    let parts = &prompt.parts;
    let sum: f64 = parts.iter().map(|part| part.weight).sum();
    let is_good = sum > 0.0 && (sum as f32).is_finite();
    if !parts.is_empty() && !is_good {
        let why = format!("the weights after `::` add up to {sum}, expected more than 0");
        return Err(Error::new(ErrorKind::BadPrompt { at: 1, why }).hint("give a part more weight"));
    }
    let (wanted, unwanted): (Vec<&Span>, Vec<&Span>) =
        parts.iter().partition(|part| part.weight >= 0.0);
    // On average the words wanted weigh 1, as they would without weights.
    let mean = wanted.iter().map(|part| part.weight).sum::<f64>() / wanted.len().max(1) as f64;
    let scaled = |part: &&Span| Span {
        text: part.text.clone(),
        weight: (part.weight.abs() / mean * 1e4).round() / 1e4,
    };
    let no = prompt.flags.no.iter().map(|text| Span { text: text.clone(), weight: 1.0 });
    let positive = line(wanted.iter().map(scaled), " ");
    Ok((positive, line(unwanted.iter().map(scaled).chain(no), ", ")))
}

/// Spans in a row, what lies between them weighing 1.
fn line(spans: impl Iterator<Item = Span>, between: &str) -> String {
    let mut line: Vec<Span> = Vec::new();
    for span in spans {
        let gap = if line.is_empty() { "" } else { between };
        match line.last_mut() {
            Some(last) if last.weight == 1.0 => last.text.push_str(gap),
            _ => line.push(Span { text: gap.to_owned(), weight: 1.0 }),
        }
        match line.last_mut() {
            Some(last) if span.weight == 1.0 => last.text.push_str(&span.text),
            _ => line.push(span),
        }
    }
    line.retain(|span| !span.text.is_empty());
    comfy::print(&line)
}

/// A notice for each flag that changes nothing.
fn notices(prompt: &Prompt) -> Vec<String> {
    let flags = &prompt.flags;
    let mut notices = Vec::new();
    let numbers = [("chaos", flags.chaos), ("stylize", flags.stylize), ("weird", flags.weird)];
    for (name, value) in numbers {
        if let Some(value) = value {
            notices.push(format!("`--{name} {value}` has no counterpart here and is ignored"));
        }
    }
    if flags.image_weight.is_some() && prompt.images.is_empty() {
        notices.push("`--iw` is ignored: there is no picture to start from".to_owned());
    }
    if prompt.images.len() > 1 {
        notices.push("only the first picture is used to start from".to_owned());
    }
    for (name, value) in &flags.others {
        let flag = format!("--{name} {value}");
        let why = if IGNORED.contains(&name.as_str()) {
            "has no counterpart here"
        } else {
            "is no flag that MidJourney is known to have"
        };
        notices.push(format!("`{}` {why} and is ignored", flag.trim_end()));
    }
    notices
}

/// MidJourney's flags on its models, its queue, and pictures whose style or content to follow.
const IGNORED: &[&str] = &[
    "cref", "cw", "draft", "exp", "fast", "hd", "niji", "oref", "ow", "p", "profile", "raw",
    "relax", "sref", "style", "sv", "sw", "turbo", "v", "version", "video",
];

#[cfg(test)]
mod tests {
    use super::super::tests::single;
    use super::*;

    const BASE: Base = Base { width: 512, height: 512, steps: 20 };

    fn translate(text: &str) -> Settings {
        settings(&single(text), BASE).unwrap()
    }

    #[test]
    fn plain_words_change_nothing_else() {
        let plain = Settings {
            prompt: r"a \(red\) fox".to_owned(),
            negative: String::new(),
            width: 512,
            height: 512,
            seed: None,
            steps: 20,
            end_step: 20,
            tile: false,
            repeat: 1,
            images: Vec::new(),
            denoise: 1.0,
            notices: Vec::new(),
        };
        assert_eq!(translate("a (red) fox"), plain);
    }

    #[test]
    fn area_stays_and_sides_are_multiples_of_8() {
        for (ratio, size) in [
            ("1:1", (512, 512)),
            ("16:9", (680, 384)),
            ("9:16", (384, 680)),
            ("3:2", (624, 416)),
            ("2:1", (728, 360)),
            ("1:10000", (64, 16384)),
        ] {
            let Settings { width, height, .. } = translate(&format!("a --ar {ratio}"));
            assert_eq!((width, height), size, "{ratio}");
            assert_eq!((width % 8, height % 8), (0, 0));
        }
        let wide = Base { width: 100, height: 64, steps: 20 };
        let size = |text: &str| {
            let Settings { width, height, .. } = settings(&single(text), wide).unwrap();
            (width, height)
        };
        assert_eq!(size("a fox"), (100, 64));
        assert_eq!(size("a fox --ar 1:1"), (80, 80));
    }

    #[test]
    fn flags_with_a_counterpart() {
        let all = translate(
            "https://x.org/a.png a fox --no cats, (old) dogs --seed 5 --q 0.5 --stop 75 --tile --iw 3 --r 4",
        );
        assert_eq!(all.negative, r"cats, \(old\) dogs");
        assert_eq!((all.seed, all.steps, all.end_step), (Some(5), 10, 8));
        assert_eq!((all.tile, all.repeat, all.denoise), (true, 4, 0.25));
        assert_eq!(all.images, ["https://x.org/a.png"]);
        assert_eq!(all.notices, [""; 0]);
        assert_eq!(translate("https://x.org/a.png fox").denoise, 0.5);
        assert_eq!(translate("a --q .25 --stop 10").end_step, 1);
    }

    #[test]
    fn weights_of_parts() {
        let pair = |text: &str| {
            let settings = translate(text);
            (settings.prompt, settings.negative)
        };
        let both = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(pair("hot:: dog"), both("hot dog", ""));
        assert_eq!(pair("a::5"), both("a", ""));
        assert_eq!(pair("a::3 b::1"), both("(a:1.5) (b:0.5)", ""));
        assert_eq!(pair("a::2 b::-0.5 --no c"), both("a", "(b:0.25), c"));
        let error = settings(&single("a b::-1 c::0.5"), BASE).unwrap_err();
        assert!(error.to_string().contains("add up to -0.5"), "{error}");
    }

    #[test]
    fn every_other_flag_is_told() {
        let notices =
            translate("a --chaos 5 --s 50 --w 3 --iw 2 --v 6.1 --style raw --fast --what 3")
                .notices;
        assert_eq!(
            notices,
            [
                "`--chaos 5` has no counterpart here and is ignored",
                "`--stylize 50` has no counterpart here and is ignored",
                "`--weird 3` has no counterpart here and is ignored",
                "`--iw` is ignored: there is no picture to start from",
                "`--v 6.1` has no counterpart here and is ignored",
                "`--style raw` has no counterpart here and is ignored",
                "`--fast` has no counterpart here and is ignored",
                "`--what 3` is no flag that MidJourney is known to have and is ignored",
            ]
        );
        assert_eq!(translate("https://a https://b c").notices.len(), 1);
    }
}
