//! Multistep samplers that solve the linear part of a step exactly: DPM-Solver++ and RES.
//!
//! With `λ = −ln σ` and a step of `h` in it, a step keeps `e^(−h)` of the latent and takes the rest from a
//! polynomial through the last answers. What differs is the weight of the older answers and the noise.

use super::steps::{Point, Step};

/// The weight of the change since the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slope {
    /// Half of what the present answer weighs.
    Midpoint,
    /// The exact integral of a straight line.
    Exact,
}

/// `dpmpp_2m`.
///
/// # Source
///
/// Lu et al. 2022, <https://arxiv.org/abs/2211.01095>, algorithm 2; k-diffusion 0.1.1 `sample_dpmpp_2m`. With
/// CFG++ as the authors' implementation has it (Chung et al. 2024, <https://arxiv.org/abs/2406.08070>):
/// `d + (x − u)·e^(−h) + (1 − e^(−h))·(d − u_last)/2r`.
pub(super) fn dpmpp_2m(step: &Step<'_>) -> Vec<Point> {
    let h_last = (step.index > 0).then(|| (step.earlier(1) / step.sigma).ln());
    vec![second_order(step, step.next, 0.0, h_last, Slope::Midpoint)]
}

/// `dpmpp_2m_sde`.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_2m_sde` with `solver_type` `midpoint`.
pub(super) fn dpmpp_2m_sde(step: &Step<'_>) -> Vec<Point> {
    stochastic(step, Slope::Midpoint)
}

/// `dpmpp_2m_sde_heun`.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_2m_sde` with `solver_type` `heun`.
pub(super) fn dpmpp_2m_sde_heun(step: &Step<'_>) -> Vec<Point> {
    stochastic(step, Slope::Exact)
}

fn stochastic(step: &Step<'_>, slope: Slope) -> Vec<Point> {
    let h_last = (step.index > 0).then(|| (step.earlier(1) / step.sigma).ln());
    vec![with_path(second_order(step, step.next, step.eta, h_last, slope), step)]
}

/// `res_multistep` and `res_multistep_ancestral`: the second-order exponential method, on an ancestral step over
/// the part that goes down.
///
/// # Source
///
/// Zhang et al. 2023, <https://arxiv.org/abs/2308.02157>, table 2, the multistep scheme with
/// `b₂ = φ₂/c₂`. The paper has no noise: the step down and the noise are those of `euler_ancestral`, and the
/// last step counts as long as its own way down was. With CFG++ as in [`dpmpp_2m`].
pub(super) fn res_multistep(step: &Step<'_>) -> Vec<Point> {
    let (down, up) = step.ancestral();
    let h_last = (step.index > 0).then(|| {
        let before = step.earlier(1);
        // No noise on a step upwards, here as on the present one.
        let eta = if step.sigma > before { 0.0 } else { step.options.eta };
        let (down, _) = super::steps::ancestral_step(before, step.sigma, eta);
        (before / down).ln()
    });
    let end = second_order(step, down, 0.0, h_last.filter(|_| down > 0.0), Slope::Exact);
    vec![end.with_noise(up * step.options.s_noise)]
}

/// A step to `next`, with the answer of `h_last` before it.
fn second_order(step: &Step<'_>, next: f64, eta: f64, h_last: Option<f64>, slope: Slope) -> Point {
    let h = (step.sigma / next).ln() * (1.0 + eta);
    let keep = (-h).exp();
    let pull = -(-h).exp_m1();
    let change = h_last.map_or(0.0, |h_last| {
        let weight = match slope {
            Slope::Midpoint => pull / 2.0,
            Slope::Exact => 1.0 - pull / h,
        };
        weight * h / (1.0 + eta) / h_last
    });
    let mut end;
    if step.cfg_pp {
        end = Point::end([keep, 1.0 + change, 0.0, 0.0]);
        end.past = vec![-keep, -change];
    } else {
        end = Point::end([keep, pull + change, 0.0, 0.0]);
        end.past = vec![0.0, -change];
    }
    end
}

/// `dpmpp_3m_sde`.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_dpmpp_3m_sde`.
pub(super) fn dpmpp_3m_sde(step: &Step<'_>) -> Vec<Point> {
    let span = |from: usize| (step.earlier(from) / step.earlier(from - 1)).ln();
    let plain = (step.sigma / step.next).ln();
    let h = plain * (1.0 + step.eta);
    let pull = -(-h).exp_m1();
    let phi_2 = 1.0 - pull / h;
    // Differences of the answers, divided by their distance in units of the step.
    let past = match step.index {
        0 => vec![pull],
        1 => {
            let change = phi_2 * plain / span(1);
            vec![pull + change, -change]
        }
        _ => {
            let phi_3 = phi_2 / h - 0.5;
            let (r0, r1) = (span(1) / plain, span(2) / plain);
            let first = [1.0 / r0, -1.0 / r0, 0.0];
            let bend: [f64; 3] =
                [first[0], first[1] - 1.0 / r1, 1.0 / r1].map(|weight| weight / (r0 + r1));
            let mut past: Vec<f64> =
                (0..3).map(|i| phi_2 * (first[i] + bend[i] * r0) - phi_3 * bend[i]).collect();
            past[0] += pull;
            past
        }
    };
    let end = Point { past, ..Point::end([(-h).exp(), 0.0, 0.0, 0.0]) };
    vec![with_path(end, step)]
}

/// The noise that a stochastic step ends with: `σ'·√(1 − e^(−2ηh))`.
fn with_path(mut end: Point, step: &Step<'_>) -> Point {
    let h = (step.sigma / step.next).ln();
    let fresh = -(-2.0 * step.eta * h).exp_m1();
    end.noise = [step.next * fresh.max(0.0).sqrt() * step.options.s_noise, 0.0, 0.0];
    end.draw = step.path().filter(|_| step.eta != 0.0);
    end
}
