//! From the network's output to a clean latent, and from two of those to the guided one.
//!
//! The network was trained on latents of variance 1 and predicts noise, velocity or the latent itself;
//! samplers work on latents with noise of deviation `sigma` and want the clean latent.

use crate::diffusion::schedule::Prediction;
use crate::error::{Error, ErrorKind, Result};

/// Karras et al. 2022, table 1: the deviation of pictures that its networks are scaled for.
pub(super) const EDM_DEVIATION: f32 = 0.5;

/// The input of the network: the latent scaled back to variance 1.
///
/// `x / √(σ² + 1)`.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, table 1, `c_in` of the VP column.
pub fn network_input(x: &[f32], sigma: f32) -> Vec<f32> {
    let scale = (sigma * sigma + 1.0).sqrt();
    x.iter().map(|x| x / scale).collect()
}

/// The clean latent that a network's output stands for.
///
/// With noise or a flow predicted `x − σ·output`; with velocity `x/(σ² + 1) − output·σ/√(σ² + 1)`; with EDM's mix
/// `x·¼/(σ² + ¼) + output·½σ/√(σ² + ¼)`; else the output. A consistency model's answer is yet to be mixed
/// ([`consistency`]).
///
/// # Shapes
///
/// - `x`, `output`, result: the same, flattened; `x` as the sampler has it, not [`network_input`]
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the two differ in length.
///
/// # Source
///
/// Karras et al. 2022, table 1 (noise); Salimans and Ho 2022, <https://arxiv.org/abs/2202.00512>,
/// appendix D (velocity), with `α = 1/√(σ² + 1)`.
pub fn denoised(
    prediction: Prediction,
    x: &[f32],
    mut output: Vec<f32>,
    sigma: f32,
) -> Result<Vec<f32>> {
    same_length("network output", x.len(), output.len())?;
    match prediction {
        Prediction::Sample | Prediction::Image => {}
        Prediction::Epsilon | Prediction::Consistency | Prediction::Flow => {
            for (out, x) in output.iter_mut().zip(x) {
                *out = x - *out * sigma;
            }
        }
        Prediction::VPrediction => {
            let total = sigma * sigma + 1.0;
            let (keep, root) = (1.0 / total, total.sqrt());
            for (out, x) in output.iter_mut().zip(x) {
                *out = x * keep - *out * sigma / root;
            }
        }
        Prediction::Edm => {
            let total = sigma * sigma + EDM_DEVIATION * EDM_DEVIATION;
            let keep = EDM_DEVIATION * EDM_DEVIATION / total;
            let gain = sigma * EDM_DEVIATION / total.sqrt();
            for (out, x) in output.iter_mut().zip(x) {
                *out = x * keep + *out * gain;
            }
        }
    }
    Ok(output)
}

/// The shares of the noisy latent and of the answer in what a consistency model means at a timestep.
///
/// # Source
///
/// Luo et al. 2023, <https://arxiv.org/abs/2310.04378>, equation 9, with σ_data = ½ and timesteps in tenths:
/// `c_skip = ¼/(t² + ¼)`, `c_out = t/√(t² + ¼)`.
pub fn consistency(timestep: f32) -> [f32; 2] {
    let t = 10.0 * timestep;
    let total = t * t + 0.25;
    [0.25 / total, t / total.sqrt()]
}

/// Whether the negative prompt has any say: with guidance 1 only the positive half is to be computed.
pub fn needs_negative(cfg: f32) -> bool {
    (cfg - 1.0).abs() > 1e-9 * cfg.abs().max(1.0)
}

/// Refuses a guidance that would turn the picture into nothing.
///
/// # Errors
///
/// [`ErrorKind::NotFinite`] if it is not a number, [`ErrorKind::ValueOutOfRange`] outside 0 to 100.
pub fn check_cfg(cfg: f64) -> Result<f32> {
    if !cfg.is_finite() {
        return Err(
            Error::new(ErrorKind::NotFinite { input: "cfg" }).hint("use a number from 1 to 10")
        );
    }
    if !(0.0..=100.0).contains(&cfg) {
        return Err(
            ErrorKind::ValueOutOfRange { input: "cfg", got: cfg, min: 0.0, max: 100.0 }.into()
        );
    }
    Ok(cfg as f32)
}

/// Classifier-free guidance: away from the negative prompt, towards the positive one.
///
/// `negative + (positive − negative)·cfg`.
///
/// # Shapes
///
/// - `positive`, `negative`, result: the same, flattened; clean latents or raw outputs, the mix is linear
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the two differ in length, [`ErrorKind::NotFinite`] if `cfg` is not a number.
///
/// # Source
///
/// Ho and Salimans 2022, <https://arxiv.org/abs/2207.12598>, equation 6 with `cfg = 1 + w`.
pub fn guided(positive: &[f32], negative: &[f32], cfg: f32) -> Result<Vec<f32>> {
    if !cfg.is_finite() {
        return Err(ErrorKind::NotFinite { input: "cfg" }.into());
    }
    same_length("positive and negative", positive.len(), negative.len())?;
    if !needs_negative(cfg) {
        return Ok(positive.to_vec());
    }
    Ok(positive.iter().zip(negative).map(|(pos, neg)| neg + (pos - neg) * cfg).collect())
}

/// Guidance by one more prompt: `base + (to − from)·scale`.
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the lengths differ.
///
/// # Source
///
/// Brooks et al. 2022, "InstructPix2Pix", <https://arxiv.org/abs/2211.09800>, equation 3, with [`guided`] as base.
pub fn towards(base: &[f32], to: &[f32], from: &[f32], scale: f32) -> Result<Vec<f32>> {
    same_length("guided by a further prompt", base.len(), to.len())?;
    same_length("guided by a further prompt", base.len(), from.len())?;
    Ok(base.iter().zip(to).zip(from).map(|((base, to), from)| base + (to - from) * scale).collect())
}

/// Guidance whose spread is brought back to that of the positive prompt's answer, picture by picture.
///
/// In velocities, with deviations over a picture: `share·v_cfg·std(v_pos)/std(v_cfg) + (1 − share)·v_cfg`.
/// Strong guidance otherwise makes pictures too light and too colourful.
///
/// # Shapes
///
/// - `x`, `positive`, `guided`, result: the same, `batch` pictures, flattened; clean latents but for `x`
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the lengths differ.
///
/// # Source
///
/// Lin et al. 2023, <https://arxiv.org/abs/2305.08891>, equations 14 to 16.
pub fn rescaled(
    x: &[f32],
    positive: &[f32],
    guided: Vec<f32>,
    sigma: f32,
    share: f32,
    batch: usize,
) -> Result<Vec<f32>> {
    same_length("positive and noisy latent", x.len(), positive.len())?;
    same_length("guided and noisy latent", x.len(), guided.len())?;
    // v = (x/(σ² + 1) − clean)·√(σ² + 1)/σ; only σ's part that differs between the two is kept.
    let keep = 1.0 / (sigma * sigma + 1.0);
    let mut out = guided;
    let len = (x.len() / batch.max(1)).max(1);
    for ((out, x), positive) in out.chunks_mut(len).zip(x.chunks(len)).zip(positive.chunks(len)) {
        let velocity = |clean: &[f32]| -> Vec<f32> {
            x.iter().zip(clean).map(|(x, clean)| x * keep - clean).collect()
        };
        let guided = velocity(out);
        let (wanted, spread) = (deviation(&velocity(positive)), deviation(&guided));
        // A flat answer has no spread to bring back.
        let ratio = if spread > 0.0 { wanted / spread } else { 1.0 };
        let factor = (f64::from(share) * ratio + 1.0 - f64::from(share)) as f32;
        for ((out, x), v) in out.iter_mut().zip(x).zip(guided) {
            *out = x * keep - v * factor;
        }
    }
    Ok(out)
}

/// Standard deviation with Bessel's correction, as torch's.
fn deviation(values: &[f32]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    let squares = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
    (squares / (count - 1.0).max(1.0)).sqrt()
}

/// Guidance that takes away only what the negative prompt has across the positive one, picture by picture.
///
/// `empty + cfg·(p − negative·n⊥)`, with `p = positive − empty`, `n = negative − empty` and
/// `n⊥ = n − (n·p / p·p)·p`.
///
/// # Shapes
///
/// - `[positive, negative, empty]`, result: the same, `batch` pictures, flattened
///
/// # Errors
///
/// [`ErrorKind::Mismatch`] if the lengths differ.
///
/// # Source
///
/// Armandpour et al. 2023, "Re-imagine the Negative Prompt Algorithm", <https://arxiv.org/abs/2304.04968>,
/// section 4.
pub fn perp_neg(
    [positive, negative, empty]: [&[f32]; 3],
    cfg: f32,
    weight: f32,
    batch: usize,
) -> Result<Vec<f32>> {
    same_length("positive and negative", positive.len(), negative.len())?;
    same_length("positive and empty", positive.len(), empty.len())?;
    let mut out = Vec::with_capacity(positive.len());
    let len = (positive.len() / batch.max(1)).max(1);
    let pictures = positive.chunks(len).zip(negative.chunks(len)).zip(empty.chunks(len));
    for ((positive, negative), empty) in pictures {
        let apart = |of: &[f32]| -> Vec<f32> { of.iter().zip(empty).map(|(a, e)| a - e).collect() };
        let (p, n) = (apart(positive), apart(negative));
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let length = dot(&p, &p);
        let along = if length > 0.0 { (dot(&n, &p) / length) as f32 } else { 0.0 };
        let one = |((p, n), e): ((&f32, &f32), &f32)| e + cfg * (p - weight * (n - along * p));
        out.extend(p.iter().zip(&n).zip(empty).map(one));
    }
    Ok(out)
}

/// One error for two arrays that must be of one length.
pub(super) fn same_length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let numbers = |count: usize| format!("{count} numbers");
    Err(ErrorKind::Mismatch { what, expected: numbers(expected), got: numbers(got) }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-6
    }

    /// All three predictions of the same noisy latent give the clean one back.
    #[test]
    fn predictions_agree() {
        let (clean, noise, sigma) = (0.7_f32, -1.3_f32, 2.5_f32);
        let x = [clean + sigma * noise];
        let alpha = 1.0 / (1.0 + sigma * sigma).sqrt();
        let velocity = alpha * noise - sigma * alpha * clean;
        for (prediction, output) in [
            (Prediction::Epsilon, noise),
            (Prediction::VPrediction, velocity),
            (Prediction::Sample, clean),
        ] {
            let got = denoised(prediction, &x, vec![output], sigma).unwrap();
            assert!(near(got[0], clean), "{prediction:?}: {got:?}");
        }
        assert!(near(network_input(&x, sigma)[0], x[0] * alpha));
    }

    #[test]
    fn guidance_moves_away_from_the_negative() {
        assert_eq!(guided(&[2.0, 0.0], &[1.0, 1.0], 3.0).unwrap(), [4.0, -2.0]);
        assert_eq!(guided(&[2.0], &[1.0], 0.0).unwrap(), [1.0]);
        assert_eq!(guided(&[0.1], &[f32::NAN], 1.0).unwrap(), [0.1]);
    }

    #[test]
    fn rescaling_restores_the_spread_of_the_positive() {
        // With sigma so small that a velocity is all but −clean/σ: deviations 1 and 3 of two pictures each.
        let positive = [-1.0, 0.0, 1.0, -2.0, 0.0, 2.0];
        let guided = vec![-3.0, 0.0, 3.0, 1.0, 3.0, 5.0];
        let x = [0.0; 6];
        let whole = rescaled(&x, &positive, guided.clone(), 1e-3, 1.0, 2).unwrap();
        assert_eq!(whole, [-1.0, 0.0, 1.0, 1.0, 3.0, 5.0]);
        let half = rescaled(&x, &positive, guided.clone(), 1e-3, 0.5, 2).unwrap();
        assert_eq!(half, [-2.0, 0.0, 2.0, 1.0, 3.0, 5.0]);
        assert_eq!(rescaled(&x, &positive, guided.clone(), 1e-3, 0.0, 2).unwrap(), guided);
        // The noise of x is part of a velocity: at σ = 1 x counts by half.
        let x = [2.0, 0.0, -2.0];
        // Velocities: 1 − (−1), 0, −1 − 1 and 1 − (−3), 0, −1 − 3: twice the spread.
        let out = rescaled(&x, &positive[..3], guided[..3].to_vec(), 1.0, 1.0, 1).unwrap();
        assert_eq!(out, [-1.0, 0.0, 1.0]);
        assert_eq!(rescaled(&[0.0; 2], &[1.0; 2], vec![2.0; 2], 1.0, 0.7, 1).unwrap(), [2.0; 2]);
    }

    #[test]
    fn perp_neg_takes_away_only_what_lies_across() {
        // p = (2, 0), n = (3, 1): across is (0, 1).
        let (empty, positive, negative) = ([1.0, 1.0], [3.0, 1.0], [4.0, 2.0]);
        let out = perp_neg([&positive, &negative, &empty], 2.0, 0.5, 1).unwrap();
        assert_eq!(out, [1.0 + 2.0 * 2.0, 1.0 - 2.0 * 0.5]);
        // A negative that means the same as the positive changes nothing.
        let out = perp_neg([&positive, &[5.0, 1.0], &empty], 2.0, 9.0, 1).unwrap();
        assert_eq!(out, [5.0, 1.0]);
        assert_eq!(perp_neg([&empty, &negative, &empty], 1.0, 1.0, 1).unwrap(), [-2.0, 0.0]);
        // Pictures of a batch do not know of each other.
        let three = |a: [f32; 2], b: [f32; 2]| [a, b].concat();
        let both = perp_neg(
            [&three(positive, empty), &three(negative, negative), &three(empty, empty)],
            2.0,
            0.5,
            2,
        );
        assert_eq!(both.unwrap()[..2], [5.0, 0.0]);
    }

    #[test]
    fn a_further_prompt_adds_its_direction() {
        assert_eq!(towards(&[1.0], &[5.0], &[3.0], 1.5).unwrap(), [4.0]);
        assert!(towards(&[1.0], &[], &[3.0], 1.5).is_err());
    }

    #[test]
    fn only_guidance_one_spares_the_negative() {
        assert!(!needs_negative(1.0));
        assert!(needs_negative(1.0 + f32::EPSILON) && needs_negative(0.0) && needs_negative(7.5));
    }

    #[test]
    fn guidance_that_is_no_number_is_refused() {
        for cfg in [f64::NAN, f64::INFINITY, -1.0, 100.5] {
            assert!(check_cfg(cfg).is_err(), "{cfg}");
        }
        assert_eq!(check_cfg(8.0).unwrap(), 8.0);
        assert!(guided(&[1.0], &[1.0], f32::NAN).is_err());
        assert_eq!(guided(&[1.0], &[], 2.0).unwrap_err().kind().code(), "mismatch");
    }
}
