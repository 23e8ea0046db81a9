//! `sa_solver` and `sa_solver_pece`: a stochastic Adams predictor and corrector that share their noise.

use std::collections::VecDeque;

use super::SamplerOptions;
use super::run::{Draw, Run, mix};
use crate::diffusion::quadrature::integral;
use crate::error::Result;

/// The latent at the start of a step, and what led from it to the prediction.
struct Last {
    x: Vec<f32>,
    noise: Vec<f32>,
    tau: f64,
}

/// Samples by predicting the next latent, calling the network there, and correcting with its answer.
///
/// The answer at the prediction is kept for the corrected latent; `asks_again` (PECE) asks there once more. The
/// orders rise by one a step and, in a run that ends at 0, fall again at the end; the step to 0 goes to the clean
/// latent.
///
/// # Source
///
/// Xue et al. 2023, <https://arxiv.org/abs/2309.05019>, algorithm 1 with data prediction and `τ = η` between two
/// levels; checked against diffusers 0.42.1 `SASolverScheduler` in `tests/diffusion.rs`.
pub(super) async fn sample(
    run: &mut Run<'_>,
    mut x: Vec<f32>,
    asks_again: bool,
) -> Result<Vec<f32>> {
    let options = run.options;
    let (steps, len) = (run.steps(), x.len());
    let kept = options.predictor_order.max(options.corrector_order).max(1);
    let falls = run.sigmas[steps] == 0.0;
    let mut answers: VecDeque<Vec<f32>> = VecDeque::new();
    let mut last: Option<Last> = None;
    for index in 0..steps {
        let (sigma, next) = (run.sigmas[index], run.sigmas[index + 1]);
        answers.push_front(run.denoise(&x, sigma).await?);
        run.report(index, &x, &answers[0])?;
        answers.truncate(kept);
        let left = if falls { steps - index } else { usize::MAX };

        let correct = options.corrector_order > 0 && (next > 0.0 || asks_again);
        if let Some(last) = last.take().filter(|_| correct) {
            let order = options.corrector_order.min(answers.len()).min(left);
            let span = Span::new(run.sigmas, index - 1, index, last.tau);
            let weights = span.weights(order, &options);
            x = span.apply(&last.x, &answers, &weights, &last.noise, options.s_noise);
            if asks_again {
                answers[0] = run.denoise(&x, sigma).await?;
            }
        }
        if next == 0.0 {
            return Ok(answers.swap_remove_back(0).unwrap_or(x));
        }

        let tau = tau(&options, sigma, next);
        let noise =
            if tau * options.s_noise == 0.0 { Vec::new() } else { run.draw(Draw::Next, len) };
        let order = options.predictor_order.clamp(1, answers.len()).min(left.saturating_sub(1));
        let span = Span::new(run.sigmas, index, index, tau);
        let weights = span.weights(order.max(1), &options);
        let predicted = span.apply(&x, &answers, &weights, &noise, options.s_noise);
        last = Some(Last { x, noise, tau });
        x = predicted;
    }
    Ok(x)
}

/// The share of the noise on a step; none upwards.
fn tau(options: &SamplerOptions, sigma: f32, next: f32) -> f64 {
    let [high, low] = options.noisy;
    let noisy = next <= sigma && (low..=high).contains(&f64::from(next));
    if noisy { options.eta } else { 0.0 }
}

/// A stretch in `λ = −ln σ`, and the levels that answers are known at.
struct Span<'a> {
    sigmas: &'a [f32],
    /// The step whose stretch it is.
    step: usize,
    /// The step of the latest answer: the end of the stretch for a correction.
    latest: usize,
    tau: f64,
}

impl<'a> Span<'a> {
    fn new(sigmas: &'a [f32], step: usize, latest: usize, tau: f64) -> Self {
        Self { sigmas, step, latest, tau }
    }

    fn lambda(&self, index: usize) -> f64 {
        -f64::from(self.sigmas[index]).ln()
    }

    fn h(&self) -> f64 {
        self.lambda(self.step + 1) - self.lambda(self.step)
    }

    /// Weights of the answers, the latest first: the exponential's integral over each polynomial of Lagrange.
    fn weights(&self, order: usize, options: &SamplerOptions) -> Vec<f64> {
        let growth = 1.0 + self.tau * self.tau;
        let (from, to) = (self.lambda(self.step), self.lambda(self.step + 1));
        let nodes: Vec<f64> = (0..order).map(|back| self.lambda(self.latest - back)).collect();
        if order == 2 && options.simple_order_2 {
            // The slope as if the step were short.
            let pull = -(-growth * self.h()).exp_m1();
            let slope = growth * self.h() * self.h() / 2.0 / (nodes[0] - nodes[1]);
            // A correction counts from the other end of the stretch.
            return if self.latest == self.step {
                vec![pull + slope, -slope]
            } else {
                vec![slope, pull - slope]
            };
        }
        (0..order)
            .map(|j| {
                integral(from, to, &|lambda| {
                    let weight = growth * (growth * (lambda - to)).exp();
                    let others = nodes.iter().enumerate().filter(|(k, _)| *k != j);
                    others.fold(weight, |product, (_, node)| {
                        product * (lambda - node) / (nodes[j] - node)
                    })
                })
            })
            .collect()
    }

    /// `(σ'/σ)·e^(−τ²h)·x + Σ wⱼ·dⱼ + σ'·√(1 − e^(−2τ²h))·noise`.
    fn apply(
        &self,
        x: &[f32],
        answers: &VecDeque<Vec<f32>>,
        weights: &[f64],
        noise: &[f32],
        s_noise: f64,
    ) -> Vec<f32> {
        let square = self.tau * self.tau;
        let fresh = -(-2.0 * square * self.h()).exp_m1();
        let next = f64::from(self.sigmas[self.step + 1]);
        let mut terms = vec![
            ((-(1.0 + square) * self.h()).exp(), x),
            (next * fresh.max(0.0).sqrt() * s_noise, noise),
        ];
        terms.extend(weights.iter().copied().zip(answers.iter().map(Vec::as_slice)));
        mix(x.len(), &terms)
    }
}
