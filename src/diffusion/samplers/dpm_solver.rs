//! `dpm_fast` and `dpm_adaptive`: DPM-Solver over levels of its own.

use super::StepInfo;
use super::run::{Draw, Run, mix};
use super::steps::{Point, Step, Table, X, add, ancestral_step, slope, towards, walk};
use crate::error::{Error, ErrorKind, Result};

/// Attempts of `dpm_adaptive` after which its demands cannot be met; an ordinary run takes some tens.
const MOST_ATTEMPTS: usize = 2000;

/// The last level of a run: these samplers stop there and do not go on to 0.
fn last_level(sigmas: &[f32]) -> f64 {
    let last = sigmas.len() - 1;
    f64::from(if sigmas[last] == 0.0 { sigmas[last - 1] } else { sigmas[last] })
}

/// Samples with as many calls as the run has steps: steps even in `ln σ`, of order 3 but for the last ones.
///
/// A run of one step to 0 goes to the clean latent.
///
/// # Source
///
/// Lu et al. 2022, <https://arxiv.org/abs/2206.00927>, section 3.4; k-diffusion 0.1.1 `sample_dpm_fast`.
pub(super) async fn fast(run: &mut Run<'_>, x: Vec<f32>) -> Result<Vec<f32>> {
    let (first, last) = (f64::from(run.sigmas[0]), last_level(run.sigmas));
    let calls = run.steps();
    let steps = calls / 3 + 1;
    let level = |i: usize| (first * (last / first).powf(i as f64 / steps as f64)) as f32;
    let levels: Vec<f32> = (0..=steps).map(level).collect();
    let rule = match calls % 3 {
        0 => |step: &Step<'_>| fast_step(step, [2, 1]),
        1 => |step: &Step<'_>| fast_step(step, [3, 1]),
        _ => |step: &Step<'_>| fast_step(step, [3, 2]),
    };
    let sigmas = if first == last { run.sigmas } else { &levels };
    let mut inner = Run {
        model: &mut *run.model,
        noise: &mut *run.noise,
        path: None,
        on_step: &mut *run.on_step,
        sigmas,
        ..*run
    };
    walk(&mut inner, x, Table { rule, ..Table::default() }).await
}

/// A step whose order is the first of `ends` if it is the second to last, and the second if it is the last.
fn fast_step(step: &Step<'_>, ends: [usize; 2]) -> Vec<Point> {
    let order = match step.sigmas.len() - 2 - step.index {
        0 => ends[1],
        1 => ends[0],
        _ => 3,
    };
    points(order, step.sigma, step.next, 0.5)
}

/// The points of a step of DPM-Solver; its second order asks at a share `r` of the step.
///
/// # Source
///
/// Lu et al. 2022, <https://arxiv.org/abs/2206.00927>, algorithms 1 and 2, in the space of Karras et al.
fn points(order: usize, sigma: f64, next: f64, r: f64) -> Vec<Point> {
    let h = (sigma / next).ln();
    let at = |share: f64| sigma * (-share * h).exp();
    let straight = |level: f64| towards(X, level / sigma, 1);
    let start = slope(X, sigma, 1);
    if order == 1 {
        return vec![Point::end(straight(next))];
    }
    if order == 2 {
        let level = at(r);
        let half = straight(level);
        let change = add(slope(half, level, 2), -1.0, start);
        let end = add(straight(next), -next / (2.0 * r) * h.exp_m1(), change);
        return vec![Point::at(level, half), Point::end(end)];
    }
    let (r1, r2) = (1.0 / 3.0, 2.0 / 3.0);
    let (first, second) = (at(r1), at(r2));
    let phi = |h: f64| h.exp_m1() / h - 1.0;
    let third = straight(first);
    let change = add(slope(third, first, 2), -1.0, start);
    let two_thirds = add(straight(second), -second * (r2 / r1) * phi(r2 * h), change);
    let change = add(slope(two_thirds, second, 3), -1.0, start);
    let end = add(straight(next), -next / r2 * phi(h), change);
    vec![Point::at(first, third), Point::at(second, two_thirds), Point::end(end)]
}

/// Samples with steps as long as the error allows, which is what two orders differ by.
///
/// The levels of the run only say where it begins and ends, and how fine its progress is reported.
///
/// # Source
///
/// Lu et al. 2022, <https://arxiv.org/abs/2206.00927>, appendix C; k-diffusion 0.1.1 `sample_dpm_adaptive`.
pub(super) async fn adaptive(run: &mut Run<'_>, mut x: Vec<f32>) -> Result<Vec<f32>> {
    let options = run.options;
    if !(2..=3).contains(&options.order) {
        let got = options.order as f64;
        return Err(ErrorKind::ValueOutOfRange { input: "order", got, min: 2.0, max: 3.0 }.into());
    }
    let (first, last) = (f64::from(run.sigmas[0]), last_level(run.sigmas));
    if first == last {
        return fast(run, x).await;
    }
    let (start, end) = (-first.ln(), -last.ln());
    let forward = end > start;
    let eta = if forward { options.eta } else { 0.0 };
    let mut time = start;
    let mut control = Control::new(&options, forward, eta);
    let mut before = x.clone();
    let mut answer: Option<Vec<f32>> = None;
    for _ in 0..MOST_ATTEMPTS {
        let rest = end - time;
        if if forward { rest <= 1e-5 } else { rest >= -1e-5 } {
            return Ok(x);
        }
        let sigma = (-time).exp();
        let denoised = match answer.take() {
            Some(denoised) => denoised,
            None => {
                let denoised = run.denoise(&x, sigma as f32).await?;
                let steps = run.steps();
                let step = ((time - start) / (end - start) * steps as f64) as usize;
                let (step, sigma) = (step.min(steps - 1), sigma as f32);
                (run.on_step)(StepInfo { step, steps, sigma, x: &x, denoised: &denoised })?;
                denoised
            }
        };
        let next_time = if control.h.abs() >= rest.abs() { end } else { time + control.h };
        let next = (-next_time).exp();
        let down = if eta == 0.0 { next } else { ancestral_step(sigma, next, eta).0.max(last) };
        let up = (next * next - down * down).max(0.0).sqrt();

        let mut answers = vec![denoised];
        let mut ends = Vec::new();
        // The higher order asks at the points of the lower one, and at one more.
        let low = points(options.order - 1, sigma, down, 1.0 / 3.0);
        let high = points(options.order, sigma, down, 0.5);
        for (i, point) in high.iter().enumerate() {
            let sum = |point: &Point| {
                let own = std::iter::once(&x).chain(&answers).zip(&point.weights);
                let terms: Vec<_> = own.map(|(v, weight)| (*weight, v.as_slice())).collect();
                mix(x.len(), &terms)
            };
            let sum_here = sum(point);
            if i + 2 == high.len() {
                ends.push(sum(&low[low.len() - 1]));
            }
            if i + 1 == high.len() {
                ends.push(sum_here);
            } else {
                answers.push(run.denoise(&sum_here, point.sigma as f32).await?);
            }
        }
        let error = distance(&ends, &before, options.rtol, options.atol);
        if control.accepts(error) {
            before = ends.swap_remove(0);
            x = ends.swap_remove(0);
            if up > 0.0 && options.s_noise != 0.0 {
                let noise = run.draw(Draw::Next, x.len());
                x = mix(x.len(), &[(1.0, &x), (up * options.s_noise, &noise)]);
            }
            time = next_time;
        } else {
            answer = Some(answers.swap_remove(0));
        }
    }
    Err(Error::new(ErrorKind::NotFinite { input: "step of `dpm_adaptive`" })
        .hint("lower accept_safety, or raise rtol and atol: no step was good enough"))
}

/// The root mean square of the difference of two results, in units of what is allowed.
fn distance(ends: &[Vec<f32>], before: &[f32], rtol: f64, atol: f64) -> f64 {
    let sum: f64 = ends[0]
        .iter()
        .zip(&ends[1])
        .zip(before)
        .map(|((low, high), before)| {
            let allowed = atol.max(rtol * f64::from(low.abs().max(before.abs())));
            let off = f64::from(low - high);
            // Nothing is allowed, and nothing is off.
            if off == 0.0 { 0.0 } else { (off / allowed).powi(2) }
        })
        .sum();
    (sum / before.len().max(1) as f64).sqrt()
}

/// A proportional, integral and differential controller of the step.
struct Control {
    h: f64,
    powers: [f64; 3],
    /// Reciprocals of the errors: the present one, and those of the last two steps kept.
    inverse: Option<[f64; 3]>,
    accept_safety: f64,
}

impl Control {
    fn new(options: &super::SamplerOptions, forward: bool, eta: f64) -> Self {
        let order = if eta == 0.0 { options.order as f64 } else { 1.5 };
        let super::SamplerOptions { pcoeff, icoeff, dcoeff, h_init, accept_safety, .. } = *options;
        Self {
            h: if forward { h_init.abs() } else { -h_init.abs() },
            powers: [pcoeff + icoeff + dcoeff, -(pcoeff + 2.0 * dcoeff), dcoeff]
                .map(|power| power / order),
            inverse: None,
            accept_safety,
        }
    }

    /// Whether a step with that error is kept; sets the length of the next one.
    fn accepts(&mut self, error: f64) -> bool {
        let now = 1.0 / (error + 1e-8);
        let inverse = self.inverse.get_or_insert([now; 3]);
        inverse[0] = now;
        let factor: f64 = inverse.iter().zip(self.powers).map(|(x, power)| x.powf(power)).product();
        let factor = 1.0 + (factor - 1.0).atan();
        let accept = factor >= self.accept_safety;
        if accept {
            inverse.copy_within(0..2, 1);
        }
        self.h *= factor;
        accept
    }
}
