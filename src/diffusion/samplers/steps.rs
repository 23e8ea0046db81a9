//! Samplers as tables of weights.
//!
//! In nearly every sampler a step asks the network at a few points, and each point, and the end of the step,
//! is a sum of known latents: the one the step began with, the answers so far, what is remembered of earlier
//! steps, and noise. So a sampler is a [`Rule`] that gives the weights, and [`walk`] does the rest: calls,
//! reports, noise and memory.

use std::collections::VecDeque;

use super::SamplerOptions;
use super::run::{Draw, Run, mix};
use crate::error::Result;

/// A sampler whose steps are sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) rule: Rule,
    /// What is remembered of a step's first answer.
    pub(super) memory: Memory,
    /// Whether the rule is told the negative prompt's answers (CFG++); they are then what is remembered.
    pub(super) cfg_pp: bool,
    /// Whether noise may be added before a step ([`SamplerOptions::s_churn`]).
    pub(super) churns: bool,
    /// Whether a step to 0 is one like others; else it goes to the clean latent.
    pub(super) zero_is_ordinary: bool,
}

/// What is remembered of a step, and of how many steps, the present one included.
#[derive(Debug, Clone, Copy)]
pub(super) enum Memory {
    Nothing,
    Answers(usize),
    /// `(x − d)/σ`.
    Slopes(usize),
}

/// The weights of a step: its points in order, the last one being its end.
pub(super) type Rule = fn(&Step<'_>) -> Vec<Point>;

/// A step, as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) index: usize,
    /// The level of `x`, churned.
    pub(super) sigma: f64,
    /// The level to end at; not 0 unless that is ordinary.
    pub(super) next: f64,
    /// How much noise is drawn anew; always 0 on a step upwards.
    pub(super) eta: f64,
    pub(super) cfg_pp: bool,
    pub(super) options: &'a SamplerOptions,
    pub(super) sigmas: &'a [f32],
}

/// Weights of the step's own latents: the one it began with, and up to three answers.
pub(super) type Weights = [f64; 4];

/// The latent a step began with.
pub(super) const X: Weights = [1.0, 0.0, 0.0, 0.0];

/// A point of a step.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    pub(super) weights: Weights,
    /// The level at which the network is asked there; without meaning at the end.
    pub(super) sigma: f64,
    /// Weights of the negative prompt's answers, as far as they have been given.
    pub(super) negative: [f64; 2],
    /// Weights of what is remembered, the present step first.
    pub(super) past: Vec<f64>,
    /// Noise drawn at this point, and the weights of all that the step has drawn.
    pub(super) draw: Option<Draw>,
    pub(super) noise: [f64; 3],
}

impl Default for Table {
    fn default() -> Self {
        Self {
            rule: |_| vec![Point::end(answer(1))],
            memory: Memory::Nothing,
            cfg_pp: false,
            churns: false,
            zero_is_ordinary: false,
        }
    }
}

impl Step<'_> {
    /// The level of an earlier step.
    pub(super) fn earlier(&self, steps: usize) -> f64 {
        f64::from(self.sigmas[self.index - steps])
    }

    /// How far to step down, and how much noise to add, to end an ancestral step.
    pub(super) fn ancestral(&self) -> (f64, f64) {
        ancestral_step(self.sigma, self.next, self.eta)
    }

    /// The noise of the path over the whole step.
    pub(super) fn path(&self) -> Option<Draw> {
        Some(Draw::Path(self.sigma as f32, self.next as f32))
    }
}

impl Point {
    pub(super) fn at(sigma: f64, weights: Weights) -> Self {
        Self { sigma, weights, ..Self::default() }
    }

    pub(super) fn end(weights: Weights) -> Self {
        Self::at(0.0, weights)
    }

    /// Adds the run's own noise; none is drawn for a weight of 0.
    pub(super) fn with_noise(self, weight: f64) -> Self {
        let draw = (weight != 0.0).then_some(Draw::Next);
        Self { draw, noise: [weight, 0.0, 0.0], ..self }
    }
}

/// The `k`-th answer of the step, from 1.
pub(super) fn answer(k: usize) -> Weights {
    std::array::from_fn(|i| if i == k { 1.0 } else { 0.0 })
}

/// `a + weight·b`.
pub(super) fn add(a: Weights, weight: f64, b: Weights) -> Weights {
    std::array::from_fn(|i| a[i] + weight * b[i])
}

/// `keep·point + (1 − keep)·answer`: along the line to the `k`-th answer.
pub(super) fn towards(point: Weights, keep: f64, k: usize) -> Weights {
    add(point.map(|weight| keep * weight), 1.0 - keep, answer(k))
}

/// `(point − answer)/σ`: the slope that the `k`-th answer gives.
pub(super) fn slope(point: Weights, sigma: f64, k: usize) -> Weights {
    add(point, -1.0, answer(k)).map(|weight| weight / sigma)
}

/// How far to step down, and how much noise to add, to end an ancestral step at `sigma_next`.
///
/// # Source
///
/// k-diffusion `get_ancestral_step`: with η = 1 the variance of the posterior of Ho et al. 2020.
pub(super) fn ancestral_step(sigma: f64, sigma_next: f64, eta: f64) -> (f64, f64) {
    let (from, to) = (sigma * sigma, sigma_next * sigma_next);
    // Upwards (flipped levels) there is nothing to add.
    let up = (eta * (to * (from - to) / from).max(0.0).sqrt()).min(sigma_next);
    ((to - up * up).max(0.0).sqrt(), up)
}

/// Runs a sampler over all levels.
pub(super) async fn walk(run: &mut Run<'_>, mut x: Vec<f32>, table: Table) -> Result<Vec<f32>> {
    let Table { rule, memory, cfg_pp, churns, zero_is_ordinary } = table;
    let len = x.len();
    let mut past: VecDeque<Vec<f32>> = VecDeque::new();
    for index in 0..run.steps() {
        let (mut sigma, next) = (run.sigmas[index], run.sigmas[index + 1]);
        if churns {
            sigma = churn(run, sigma, &mut x);
        }
        let (mut answers, mut negatives) = (Vec::new(), Vec::new());
        ask(run, &x, sigma, cfg_pp, &mut answers, &mut negatives).await?;
        run.report(index, &x, &answers[0])?;
        if next == 0.0 && !zero_is_ordinary {
            return Ok(answers.swap_remove(0));
        }

        let told = if cfg_pp { &negatives[0] } else { &answers[0] };
        let kept = match memory {
            Memory::Nothing => 0,
            Memory::Answers(kept) => {
                past.push_front(told.clone());
                kept
            }
            Memory::Slopes(kept) => {
                let weight = 1.0 / f64::from(sigma);
                past.push_front(mix(len, &[(weight, &x), (-weight, told)]));
                kept
            }
        };
        past.truncate(kept);

        let options = run.options;
        let step = Step {
            index,
            sigma: f64::from(sigma),
            next: f64::from(next),
            eta: if next > sigma { 0.0 } else { options.eta },
            cfg_pp,
            options: &options,
            sigmas: run.sigmas,
        };
        let points = rule(&step);
        let calls = points.len() - 1;
        let mut noises: Vec<Vec<f32>> = Vec::new();
        let mut end = Vec::new();
        for (i, point) in points.iter().enumerate() {
            if let Some(draw) = point.draw {
                noises.push(run.draw(draw, len));
            }
            let own = std::iter::once(&x).chain(&answers).zip(&point.weights);
            let terms: Vec<(f64, &[f32])> = own
                .chain(negatives.iter().zip(&point.negative))
                .chain(past.iter().zip(&point.past))
                .chain(noises.iter().zip(&point.noise))
                .map(|(latent, weight)| (*weight, latent.as_slice()))
                .collect();
            end = mix(len, &terms);
            if i < calls {
                ask(run, &end, point.sigma as f32, cfg_pp, &mut answers, &mut negatives).await?;
            }
        }
        x = end;
    }
    Ok(x)
}

async fn ask(
    run: &mut Run<'_>,
    x: &[f32],
    sigma: f32,
    cfg_pp: bool,
    answers: &mut Vec<Vec<f32>>,
    negatives: &mut Vec<Vec<f32>>,
) -> Result<()> {
    if cfg_pp {
        let both = run.denoise_both(x, sigma).await?;
        answers.push(both.guided);
        negatives.push(both.negative);
    } else {
        answers.push(run.denoise(x, sigma).await?);
    }
    Ok(())
}

/// Adds noise before a step, and gives the level it leads to.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2, lines 4 to 6.
fn churn(run: &mut Run<'_>, sigma: f32, x: &mut Vec<f32>) -> f32 {
    let SamplerOptions { s_churn, s_tmin, s_tmax, s_noise, .. } = run.options;
    if s_churn <= 0.0 || !(s_tmin..=s_tmax).contains(&f64::from(sigma)) {
        return sigma;
    }
    let gamma = (s_churn / run.steps() as f64).min(std::f64::consts::SQRT_2 - 1.0);
    let level = f64::from(sigma) * (1.0 + gamma);
    let noise = run.draw(Draw::Next, x.len());
    let weight = s_noise * (level * level - f64::from(sigma) * f64::from(sigma)).sqrt();
    *x = mix(x.len(), &[(1.0, x), (weight, &noise)]);
    level as f32
}
