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
        Prediction::Sample => {}
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
