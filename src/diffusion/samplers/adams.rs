//! Linear multistep samplers: a step along a mean of the last slopes.

use super::steps::{Point, Step, X};
use crate::diffusion::quadrature::integral;

/// `lms`: the polynomial through the last slopes, integrated exactly.
///
/// # Source
///
/// k-diffusion 0.1.1 `sample_lms`, whose quadrature is good to 1e-4; Adams and Bashforth's weights for uneven
/// steps.
pub(super) fn lms(step: &Step<'_>) -> Vec<Point> {
    let nodes = levels(step, step.options.order);
    along(lagrange_weights(&nodes, step.sigma, step.next, &|sigma| (sigma, 1.0)))
}

/// `deis`: as `lms`, but a polynomial in the time of a linear noise schedule.
///
/// # Source
///
/// Zhang and Chen 2022, <https://arxiv.org/abs/2204.13902>, tAB-DEIS; time and its bounds (levels 0.002 to 80,
/// last time 0.001) as in diff-sampler (Zhou et al. 2024), which sums over 10000 points where we integrate.
pub(super) fn deis(step: &Step<'_>) -> Vec<Point> {
    const LOG_LOW: f64 = 0.002 * 0.002;
    const LAST: f64 = 1e-3;
    // ln(σ² + 1) = β_d·t²/2 + β_min·t at both ends.
    let (low, high) = (LOG_LOW.ln_1p(), (80.0_f64 * 80.0).ln_1p());
    let slope = 2.0 * (low / LAST - high) / (LAST - 1.0);
    let start = high - slope / 2.0;
    let time = |sigma: f64| {
        ((start * start + 2.0 * slope * (sigma * sigma).ln_1p()).sqrt() - start) / slope
    };
    // Over time, because the polynomial is smooth there: dσ/dt = (σ² + 1)/(2σ)·(β_d·t + β_min).
    let rate = |t: f64| {
        let square = (slope * t * t / 2.0 + start * t).exp_m1();
        (t, (square + 1.0) / (2.0 * square.sqrt()) * (slope * t + start))
    };
    let nodes: Vec<f64> =
        levels(step, step.options.order).iter().map(|sigma| time(*sigma)).collect();
    if nodes.len() == 1 {
        return along(vec![step.next - step.sigma]);
    }
    along(lagrange_weights(&nodes, time(step.sigma), time(step.next), &rate))
}

/// `ipndm`: the weights of Adams and Bashforth for even steps, whatever the steps.
///
/// # Source
///
/// Zhang and Chen 2022, <https://arxiv.org/abs/2204.13902>, equation 17.
pub(super) fn ipndm(step: &Step<'_>) -> Vec<Point> {
    let weights: &[f64] = match used(step, step.options.order.min(4)) {
        1 => &[1.0],
        2 => &[3.0 / 2.0, -1.0 / 2.0],
        3 => &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
        _ => &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
    };
    let dt = step.next - step.sigma;
    along(weights.iter().map(|weight| dt * weight).collect())
}

/// `ipndm_v`: weights for uneven steps.
///
/// They are not quite Adams and Bashforth's (which [`lms`] has): from order 3 on they agree for steps that
/// shrink by a constant factor only. They are kept because pictures depend on them.
///
/// # Source
///
/// diff-sampler (Zhou et al. 2024, Apache-2.0) `ipndm_v_sampler`.
pub(super) fn ipndm_v(step: &Step<'_>) -> Vec<Point> {
    let order = used(step, step.options.order.min(4));
    let h = step.next - step.sigma;
    let span = |back: usize| step.earlier(back - 1) - step.earlier(back);
    let mut weights = [1.0, 0.0, 0.0, 0.0];
    if order >= 2 {
        let ratio = h / span(1) / 2.0;
        weights[0] += ratio;
        weights[1] -= ratio;
    }
    if order >= 3 {
        let (h1, h2) = (span(1), span(2));
        let third = (1.0 - h / (3.0 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2))) / 2.0;
        let ratio = h1 / h2;
        weights[0] += third;
        weights[1] -= (1.0 + ratio) * third;
        weights[2] += ratio * third;
        if order >= 4 {
            let h3 = span(3);
            let mean = (1.0 - h / (3.0 * (h + h1))) / 2.0
                + (1.0 - h / (2.0 * (h + h1))) * h / (6.0 * (h + h1 + h2));
            let fourth = mean * (h * (h + h1) * (h + h1 + h2)) / (h1 * (h1 + h2) * (h1 + h2 + h3));
            let product = h1 * (h1 + h2) / (h2 * (h2 + h3));
            weights[0] += fourth;
            weights[1] -= (1.0 + ratio + product) * fourth;
            weights[2] += (ratio + product * (1.0 + h2 / h3)) * fourth;
            weights[3] -= fourth * product * ratio;
        }
    }
    along(weights[..order].iter().map(|weight| h * weight).collect())
}

/// `gradient_estimation`: `γ` times the slope less `γ − 1` times the last one.
///
/// With CFG++ the slopes are the negative prompt's, and the step goes on by what guidance adds.
///
/// # Source
///
/// Permenter and Yuan 2023, <https://arxiv.org/abs/2306.04848>, algorithm 2.
pub(super) fn gradient_estimation(step: &Step<'_>) -> Vec<Point> {
    let (dt, gamma) = (step.next - step.sigma, step.options.gamma);
    let past = if step.index == 0 { vec![dt] } else { vec![dt * gamma, dt * (1.0 - gamma)] };
    let mut end = Point { past, ..Point::end(X) };
    if step.cfg_pp {
        end.weights[1] = 1.0;
        end.negative[0] = -1.0;
    }
    vec![end]
}

/// The order that this step can have.
fn used(step: &Step<'_>, order: usize) -> usize {
    order.clamp(1, step.index + 1)
}

/// The last levels, the present one first.
fn levels(step: &Step<'_>, order: usize) -> Vec<f64> {
    (0..used(step, order)).map(|back| step.earlier(back)).collect()
}

fn along(past: Vec<f64>) -> Vec<Point> {
    vec![Point { past, ..Point::end(X) }]
}

/// The integral of each polynomial of Lagrange through `nodes`.
///
/// `rate` gives, at a point of the integral, where the polynomials are taken and their weight.
fn lagrange_weights(
    nodes: &[f64],
    from: f64,
    to: f64,
    rate: &dyn Fn(f64) -> (f64, f64),
) -> Vec<f64> {
    (0..nodes.len())
        .map(|j| {
            integral(from, to, &|at| {
                let (at, weight) = rate(at);
                let others = nodes.iter().enumerate().filter(|(k, _)| *k != j);
                others.fold(weight, |product, (_, node)| product * (at - node) / (nodes[j] - node))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::samplers::SamplerOptions;

    fn weights(rule: fn(&Step<'_>) -> Vec<Point>, sigmas: &[f32]) -> Vec<f64> {
        let options = SamplerOptions::default();
        let index = sigmas.len() - 2;
        let step = Step {
            index,
            sigma: f64::from(sigmas[index]),
            next: f64::from(sigmas[index + 1]),
            eta: 0.0,
            cfg_pp: false,
            options: &options,
            sigmas,
        };
        rule(&step).remove(0).past.iter().map(|weight| weight / (step.next - step.sigma)).collect()
    }

    fn assert_near(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (a, b) in got.iter().zip(expected) {
            assert!((a - b).abs() < 1e-6, "{got:?} for {expected:?}");
        }
    }

    #[test]
    fn exact_weights_of_even_steps_are_adams_and_bashforths() {
        let even = [9.0, 7.0, 5.0, 3.0, 1.0];
        let fourth = [55.0, -59.0, 37.0, -9.0].map(|weight| weight / 24.0);
        assert_near(&weights(lms, &even), &fourth);
        assert_near(&weights(ipndm, &even), &fourth);
        assert_near(&weights(lms, &even[..3]), &[1.5, -0.5]);
        assert_near(&weights(ipndm, &even[..4]), &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0]);
    }

    /// On even levels `diff-sampler`'s formulas give 5/12 for the third difference and 11/24 for the fourth,
    /// where Adams and Bashforth have 3/8.
    #[test]
    fn published_weights_are_kept() {
        let even = [9.0, 7.0, 5.0, 3.0, 1.0];
        assert_near(&weights(ipndm_v, &even[..4]), &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0]);
        let fourth = 11.0 / 24.0;
        let expected = [23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0, 0.0];
        let binomial = [1.0, -3.0, 3.0, -1.0].map(|weight| weight * fourth);
        let expected: Vec<f64> = expected.iter().zip(binomial).map(|(a, b)| a + b).collect();
        assert_near(&weights(ipndm_v, &even), &expected);
        // A step of 1 after one of 3: 1 + 1/6 and −1/6, as exact weights are.
        assert_near(&weights(ipndm_v, &[5.0, 2.0, 1.0]), &[7.0 / 6.0, -1.0 / 6.0]);
        assert_near(&weights(lms, &[5.0, 2.0, 1.0]), &[7.0 / 6.0, -1.0 / 6.0]);
    }
}
