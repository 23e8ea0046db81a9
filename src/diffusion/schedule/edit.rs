//! Lists of noise levels cut, turned, filled and typed, for the nodes that do so.

use super::curves::share;
use super::scheduler::MOST_STEPS;
use crate::error::{Error, ErrorKind, Result};

/// How levels are put between two others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// At even distances.
    Linear,
    /// Nearer to the lower level.
    Cosine,
    /// Nearer to the higher level.
    Sine,
}

/// The levels up to a step, and from it on; the level of the step is in both.
///
/// A step beyond the end leaves nothing for the second part.
pub fn split(sigmas: &[f32], step: usize) -> [Vec<f32>; 2] {
    let end = step.saturating_add(1).min(sigmas.len());
    [sigmas[..end].to_vec(), sigmas[step.min(sigmas.len())..].to_vec()]
}

/// The levels before, and those of, the last `round(steps·denoise)` steps; the level between is in both.
///
/// With no steps after there are none before either: so ComfyUI's node does.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `denoise` is not 0 to 1.
pub fn split_denoise(sigmas: &[f32], denoise: f64) -> Result<[Vec<f32>; 2]> {
    share("denoise", denoise)?;
    let steps = sigmas.len().saturating_sub(1);
    let kept = (steps as f64 * denoise).round_ties_even() as usize;
    let [high, low] = split(sigmas, steps - kept);
    Ok([if kept == 0 { Vec::new() } else { high }, low])
}

/// The levels upwards: for adding noise step by step. A first level of 0 becomes 0.0001, where a step can begin.
pub fn flip(sigmas: &[f32]) -> Vec<f32> {
    let mut flipped: Vec<f32> = sigmas.iter().rev().copied().collect();
    if let Some(first @ 0.0) = flipped.first_mut() {
        *first = 0.0001;
    }
    flipped
}

/// Makes `steps` steps of each one that begins between two levels.
///
/// A negative `start_at` stands for any level.
///
/// # Errors
///
/// [`ErrorKind::ValueOutOfRange`] if `steps` is 0 or there would be more than a million levels.
pub fn extend_intermediate(
    sigmas: &[f32],
    steps: usize,
    start_at: f64,
    end_at: f64,
    spacing: Spacing,
) -> Result<Vec<f32>> {
    if steps == 0 || steps.saturating_mul(sigmas.len()) > MOST_STEPS {
        let max = (MOST_STEPS / sigmas.len().max(1)) as f64;
        return Err(ErrorKind::ValueOutOfRange {
            input: "steps",
            got: steps as f64,
            min: 1.0,
            max,
        }
        .into());
    }
    let start_at = if start_at < 0.0 { f64::INFINITY } else { start_at };
    let mut extended = Vec::with_capacity(sigmas.len());
    for pair in sigmas.windows(2) {
        let (from, to) = (f64::from(pair[0]), f64::from(pair[1]));
        extended.push(pair[0]);
        if end_at <= from && from <= start_at {
            extended.extend((1..steps).map(|i| {
                let share = i as f64 / steps as f64;
                let quarter = share * std::f64::consts::FRAC_PI_2;
                let share = match spacing {
                    Spacing::Linear => share,
                    Spacing::Cosine => quarter.sin(),
                    Spacing::Sine => 1.0 - quarter.cos(),
                };
                (from + (to - from) * share) as f32
            }));
        }
    }
    extended.extend(sigmas.last());
    Ok(extended)
}

/// The levels of a text: numbers with anything but letters and digits between them.
///
/// # Errors
///
/// [`ErrorKind::UnknownName`] for a word that is no number, [`ErrorKind::ValueOutOfRange`] for more than a million
/// levels.
pub fn parse(text: &str) -> Result<Vec<f32>> {
    let between = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+'));
    let words = text.split(between).filter(|word| !word.is_empty());
    let mut sigmas = Vec::new();
    for word in words {
        let sigma =
            word.parse::<f32>().ok().filter(|sigma| sigma.is_finite()).ok_or_else(|| {
                Error::new(ErrorKind::UnknownName { what: "sigma", got: word.to_owned() })
                    .hint("write numbers with commas between them, such as `14.6, 3, 0.8, 0`")
            })?;
        if sigmas.len() > MOST_STEPS {
            let (got, max) = (sigmas.len() as f64, MOST_STEPS as f64);
            return Err(ErrorKind::ValueOutOfRange { input: "sigmas", got, min: 0.0, max }.into());
        }
        sigmas.push(sigma);
    }
    Ok(sigmas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_share_the_level_between_them() {
        let sigmas = [8.0, 4.0, 2.0, 1.0, 0.0];
        assert_eq!(split(&sigmas, 1), [vec![8.0, 4.0], vec![4.0, 2.0, 1.0, 0.0]]);
        assert_eq!(split(&sigmas, 0), [vec![8.0], sigmas.to_vec()]);
        assert_eq!(split(&sigmas, usize::MAX), [sigmas.to_vec(), vec![]]);
        assert_eq!(split(&[], 3), [Vec::<f32>::new(), vec![]]);
        assert_eq!(
            split_denoise(&sigmas, 0.5).unwrap(),
            [vec![8.0, 4.0, 2.0], vec![2.0, 1.0, 0.0]]
        );
        assert_eq!(split_denoise(&sigmas, 1.0).unwrap(), [vec![8.0], sigmas.to_vec()]);
        assert_eq!(split_denoise(&sigmas, 0.0).unwrap(), [vec![], vec![0.0]]);
        assert_eq!(split_denoise(&[], 0.5).unwrap(), [Vec::<f32>::new(), vec![]]);
        assert!(split_denoise(&sigmas, 1.5).is_err() && split_denoise(&sigmas, f64::NAN).is_err());
    }

    #[test]
    fn flipped_levels_can_be_sampled() {
        assert_eq!(flip(&[4.0, 1.0, 0.0]), [0.0001, 1.0, 4.0]);
        assert_eq!(flip(&[4.0, 1.0]), [1.0, 4.0]);
        assert!(flip(&[]).is_empty());
    }

    #[test]
    fn steps_between_two_levels_are_divided() {
        let sigmas = [10.0, 6.0, 2.0, 0.0];
        let extended =
            |start, end, spacing| extend_intermediate(&sigmas, 2, start, end, spacing).unwrap();
        assert_eq!(extended(-1.0, 0.0, Spacing::Linear), [10.0, 8.0, 6.0, 4.0, 2.0, 1.0, 0.0]);
        assert_eq!(extended(7.0, 5.0, Spacing::Linear), [10.0, 6.0, 4.0, 2.0, 0.0]);
        assert_eq!(extended(-1.0, 12.0, Spacing::Linear), sigmas);
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let cosine = extended(7.0, 5.0, Spacing::Cosine);
        assert!((cosine[2] - (6.0 - 4.0 * half)).abs() < 1e-6);
        let sine = extended(7.0, 5.0, Spacing::Sine);
        assert!((sine[2] - (6.0 - 4.0 * (1.0 - half))).abs() < 1e-6);
        assert!(extend_intermediate(&sigmas, 0, -1.0, 0.0, Spacing::Sine).is_err());
        assert!(extend_intermediate(&sigmas, usize::MAX, -1.0, 0.0, Spacing::Sine).is_err());
        assert!(extend_intermediate(&[], 5, -1.0, 0.0, Spacing::Sine).unwrap().is_empty());
    }

    #[test]
    fn levels_are_read_from_text() {
        assert_eq!(parse("14.6, 3;0.8\n [1e-1] 0").unwrap(), [14.6, 3.0, 0.8, 0.1, 0.0]);
        assert!(parse(" , ").unwrap().is_empty());
        let error = parse("14.6, three").unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown sigma `three`; write numbers with commas between them, such as `14.6, 3, 0.8, 0`"
        );
        assert!(parse("inf").is_err() && parse("1.2.3").is_err());
    }
}
