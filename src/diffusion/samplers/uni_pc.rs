//! `uni_pc` and `uni_pc_bh2`: a predictor and a corrector of up to third order that share one call.

use super::Run;
use crate::error::Result;

/// The free function `B(h)` of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// `B(h) = h`.
    Bh1,
    /// `B(h) = e^h − 1`.
    Bh2,
}

/// The end of a run to 0: half the logarithm of the signal-to-noise ratio is infinite at 0 itself.
const LAST_SIGMA: f32 = 0.001;

const MAX_ORDER: usize = 3;

/// An answer of the network and the level it was asked at.
struct Past {
    denoised: Vec<f32>,
    lambda: f64,
    sigma: f64,
}

/// Samples by UniPC: predict the next latent, call the network there, correct the latent with the answer.
///
/// The answer at the predicted latent is kept for the corrected one, so a step costs one call. The order
/// rises by one a step from 1 to 3 and falls again to 2 and 1 in the last two steps; the last step has no
/// call and no correction. A final level of 0 becomes 0.001.
///
/// A run of one step predicts with order 1. (ComfyUI's order is 0 there and gives the noise back.)
///
/// # Source
///
/// Zhao et al. 2023, <https://arxiv.org/abs/2302.04867>, algorithms 5 to 8 with data prediction, in the
/// variables of Karras et al.: `λ = −ln σ`, and `α` is 1. Order and last level are ComfyUI's; checked
/// against diffusers 0.42.1 `UniPCMultistepScheduler` in `tests/diffusion.rs`.
pub(super) async fn sample(
    run: &mut Run<'_>,
    mut x: Vec<f32>,
    variant: Variant,
) -> Result<Vec<f32>> {
    let steps = run.steps();
    let max_order = MAX_ORDER.min(steps - 1).max(1);
    let mut past: Vec<Past> = Vec::with_capacity(MAX_ORDER + 1);

    let denoised = run.denoise(&x, run.sigmas[0]).await?;
    run.report(0, &x, &denoised)?;
    past.push(Past::new(denoised, run.sigmas[0]));

    for next in 1..=steps {
        let order = max_order.min(next).min(steps + 1 - next);
        let is_last = next == steps;
        let sigma = match run.sigmas[next] {
            0.0 => LAST_SIGMA,
            sigma => sigma,
        };
        let update = Update::new(&past, f64::from(sigma), order, variant);
        let predicted = update.apply(&x, &past, &update.predictor(), None);
        if is_last {
            return Ok(predicted);
        }
        let denoised = run.denoise(&predicted, sigma).await?;
        x = update.apply(&x, &past, &update.corrector(), Some(&denoised));
        run.report(next, &x, &denoised)?;
        past.push(Past::new(denoised, sigma));
        if past.len() > MAX_ORDER {
            past.remove(0);
        }
    }
    Ok(x)
}

impl Past {
    fn new(denoised: Vec<f32>, sigma: f32) -> Self {
        let sigma = f64::from(sigma);
        Self { denoised, lambda: -sigma.ln(), sigma }
    }
}

/// The coefficients of one step.
struct Update {
    /// `σ'/σ`.
    keep: f64,
    /// `e^(−h) − 1`.
    pull: f64,
    b_h: f64,
    /// Distances of the points in units of the step: those behind are negative, the one ahead is 1.
    points: Vec<f64>,
    /// The right-hand side of the order conditions.
    targets: Vec<f64>,
}

impl Update {
    fn new(past: &[Past], sigma: f64, order: usize, variant: Variant) -> Self {
        let now = &past[past.len() - 1];
        let h = -sigma.ln() - now.lambda;
        let mut points: Vec<f64> = past
            .iter()
            .rev()
            .skip(1)
            .take(order - 1)
            .map(|before| (before.lambda - now.lambda) / h)
            .collect();
        points.push(1.0);

        // φ₁ of the paper, then φ₂, φ₃, … by its recurrence, all at −h.
        let pull = (-h).exp_m1();
        let b_h = match variant {
            Variant::Bh1 => -h,
            Variant::Bh2 => pull,
        };
        let mut factorial = 1.0;
        let mut phi = pull / -h - 1.0;
        let targets = (1..=points.len())
            .map(|n| {
                let target = phi * factorial / b_h;
                factorial *= (n + 1) as f64;
                phi = phi / -h - 1.0 / factorial;
                target
            })
            .collect();
        Self { keep: sigma / now.sigma, pull, b_h, points, targets }
    }

    /// Weights of the points behind.
    fn predictor(&self) -> Vec<f64> {
        match self.points.len() - 1 {
            // Order 2 has one condition too few for its two errors; the paper fixes the weight.
            1 => vec![0.5],
            behind => solve(&self.points[..behind], &self.targets[..behind]),
        }
    }

    /// Weights of the points behind and of the one ahead.
    fn corrector(&self) -> Vec<f64> {
        match self.points.len() {
            1 => vec![0.5],
            all => solve(&self.points[..all], &self.targets[..all]),
        }
    }

    /// `(σ'/σ)·x − (e^(−h) − 1)·d − B(h)·Σ wᵢ·(dᵢ − d)/rᵢ`.
    fn apply(&self, x: &[f32], past: &[Past], weights: &[f64], ahead: Option<&[f32]>) -> Vec<f32> {
        let now = &past[past.len() - 1].denoised;
        let behind = past.iter().rev().skip(1).map(|past| past.denoised.as_slice());
        let others: Vec<(&[f32], f64)> = behind
            .take(self.points.len() - 1)
            .chain(ahead)
            .zip(weights.iter().zip(&self.points))
            .map(|(denoised, (weight, point))| (denoised, self.b_h * weight / point))
            .collect();
        (0..x.len())
            .map(|i| {
                let here = f64::from(now[i]);
                let slopes: f64 = others
                    .iter()
                    .map(|(other, weight)| weight * (f64::from(other[i]) - here))
                    .sum();
                (self.keep * f64::from(x[i]) - self.pull * here - slopes) as f32
            })
            .collect()
    }
}

/// Solves `Σᵢ rᵢⁿ·wᵢ = bₙ` for `n = 0, 1, …`, at most three unknowns.
///
/// The points of a run are distinct, so the matrix (Vandermonde's) has an inverse.
fn solve(points: &[f64], targets: &[f64]) -> Vec<f64> {
    let n = points.len();
    let mut rows: Vec<Vec<f64>> = (0..n)
        .map(|power| {
            let mut row: Vec<f64> = points.iter().map(|point| point.powi(power as i32)).collect();
            row.push(targets[power]);
            row
        })
        .collect();
    for column in 0..n {
        let best = (column..n)
            .max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))
            .unwrap_or(column);
        rows.swap(column, best);
        let pivot = rows[column].clone();
        for row in &mut rows[column + 1..] {
            let factor = row[column] / pivot[column];
            row.iter_mut().zip(&pivot).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let mut weights = vec![0.0; n];
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| rows[row][column] * weights[column]).sum();
        weights[row] = (rows[row][n] - known) / rows[row][row];
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_conditions_are_solved() {
        let points = [-2.0, -0.75, 1.0];
        let weights = [0.25, -1.5, 3.0];
        let targets: Vec<f64> = (0..3)
            .map(|power| points.iter().zip(weights).map(|(p, w)| w * f64::powi(*p, power)).sum())
            .collect();
        for (got, expected) in solve(&points, &targets).iter().zip(weights) {
            assert!((got - expected).abs() < 1e-12);
        }
        assert!(solve(&[], &[]).is_empty());
    }
}
