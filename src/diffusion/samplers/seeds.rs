//! SEEDS: exponential solvers for the stochastic equation, with one chain of noise through a step.

use super::run::Draw;
use super::steps::{Point, Step, Weights, X, add, answer};

/// `seeds_2`: the second answer, at a share `r` of the step, in place of the first.
///
/// # Source
///
/// Gonzalez et al. 2023, <https://arxiv.org/abs/2305.14267>, algorithm 2, in data prediction and with `η` for
/// the share of the noise.
pub(super) fn seeds_2(step: &Step<'_>) -> Vec<Point> {
    let second = 1.0 / (2.0 * step.options.r);
    two_calls(step, |pull, _| [pull * (1.0 - second), pull * second])
}

/// `exp_heun_2_x0` and `exp_heun_2_x0_sde`: both answers with the exact weights of a straight line.
///
/// # Source
///
/// Hochbruck and Ostermann 2005, "Explicit exponential Runge–Kutta methods for semilinear parabolic problems",
/// equation 5.8, in data prediction; the noise is that of SEEDS.
pub(super) fn exp_heun_2(step: &Step<'_>) -> Vec<Point> {
    let r = step.options.r;
    two_calls(step, |pull, phi_2| [pull - phi_2 / r, phi_2 / r])
}

fn two_calls(step: &Step<'_>, weights: impl Fn(f64, f64) -> [f64; 2]) -> Vec<Point> {
    let chain = Chain::new(step);
    let [r, end] = [step.options.r, 1.0];
    let [first, second] = weights(chain.pull(end), chain.phi_2(end));
    let goal = add(answer(1).map(|weight| weight * first), second, answer(2));
    vec![
        chain.point(&[r], answer(1).map(|weight| weight * chain.pull(r))),
        chain.point(&[r, end], goal),
    ]
}

/// `seeds_3`: calls at the start, a third and two thirds of a step.
///
/// # Source
///
/// Gonzalez et al. 2023, <https://arxiv.org/abs/2305.14267>, algorithm 3, in data prediction.
pub(super) fn seeds_3(step: &Step<'_>) -> Vec<Point> {
    let chain = Chain::new(step);
    let [r1, r2, end] = [1.0 / 3.0, 2.0 / 3.0, 1.0];
    let pair = |pull: f64, other: f64, k: usize| {
        add(answer(1).map(|weight| weight * (pull - other)), other, answer(k))
    };
    vec![
        chain.point(&[r1], answer(1).map(|weight| weight * chain.pull(r1))),
        chain.point(&[r1, r2], pair(chain.pull(r2), chain.phi_2(r2) * r2 / r1, 2)),
        chain.point(&[r1, r2, end], pair(chain.pull(end), chain.phi_2(end) / r2, 3)),
    ]
}

/// The points of a step at shares of it, in `λ = −ln σ`.
struct Chain<'a> {
    step: &'a Step<'a>,
    h: f64,
}

impl<'a> Chain<'a> {
    fn new(step: &'a Step<'a>) -> Self {
        Self { step, h: (step.sigma / step.next).ln() }
    }

    /// `1 − e^(−(1 + η)·share·h)`.
    fn pull(&self, share: f64) -> f64 {
        -(-(1.0 + self.step.eta) * share * self.h).exp_m1()
    }

    /// The weight of a straight line's slope over that share of the step.
    fn phi_2(&self, share: f64) -> f64 {
        1.0 - self.pull(share) / ((1.0 + self.step.eta) * share * self.h)
    }

    /// The point at the last of the shares, where a new stretch of noise joins those of the points before.
    fn point(&self, shares: &[f64], goal: Weights) -> Point {
        let Step { sigma, next, eta, options, .. } = *self.step;
        let share = shares[shares.len() - 1];
        let level = sigma * (next / sigma).powf(share);
        let mut point = Point::at(if share == 1.0 { next } else { level }, goal);
        point.weights = add(goal, (-(1.0 + eta) * share * self.h).exp(), X);
        if eta != 0.0 && options.s_noise != 0.0 {
            point.draw = Some(Draw::Next);
            let mut before = 0.0;
            for (slot, own) in point.noise.iter_mut().zip(shares) {
                // Drawn over its own stretch, faded since.
                let fresh = -(-2.0 * eta * (own - before) * self.h).exp_m1();
                let faded = (-eta * (share - own) * self.h).exp();
                *slot = level * options.s_noise * faded * fresh.max(0.0).sqrt();
                before = *own;
            }
        }
        point
    }
}
