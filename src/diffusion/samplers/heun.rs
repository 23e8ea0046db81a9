//! `heun` and `heunpp2`: the step of the mean slope.

use super::steps::{Point, Step, X, add, slope, towards};

/// `heun`: an Euler step, then the same step with the mean of the slopes at both ends.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2.
pub(super) fn heun(step: &Step<'_>) -> Vec<Point> {
    let (sigma, next) = (step.sigma, step.next);
    let ahead = towards(X, next / sigma, 1);
    let slopes = add(slope(X, sigma, 1), 1.0, slope(ahead, next, 2));
    vec![Point::at(next, ahead), Point::end(add(X, (next - sigma) / 2.0, slopes))]
}

/// `heunpp2`: as `heun`, but looking two steps ahead, and with more weight where there is more noise.
///
/// The slope at a level `σ_k` ahead has the weight `σ_k/(n·σ_first)`, `n` being the number of slopes, and the
/// slope at the start has the rest. The last step to a level is Euler's, the one before it has two slopes.
///
/// # Source
///
/// The "Heun++" of the community's sampler collections, which has no paper.
pub(super) fn heunpp2(step: &Step<'_>) -> Vec<Point> {
    let (sigma, next) = (step.sigma, step.next);
    let ahead = towards(X, next / sigma, 1);
    let following = step.sigmas.get(step.index + 2).map(|sigma| f64::from(*sigma));
    let Some(following) = following else { return vec![Point::end(ahead)] };
    let slopes = [slope(X, sigma, 1), slope(ahead, next, 2)];
    let first = f64::from(step.sigmas[0]);
    if step.index + 3 == step.sigmas.len() {
        let weight = next / (2.0 * first);
        let mean = add(slopes[0].map(|w| w * (1.0 - weight)), weight, slopes[1]);
        return vec![Point::at(next, ahead), Point::end(add(X, next - sigma, mean))];
    }
    let beyond = towards(ahead, following / next, 2);
    let (second, third) = (next / (3.0 * first), following / (3.0 * first));
    let mean = add(slopes[0].map(|w| w * (1.0 - second - third)), second, slopes[1]);
    let mean = add(mean, third, slope(beyond, following, 3));
    vec![
        Point::at(next, ahead),
        Point::at(following, beyond),
        Point::end(add(X, next - sigma, mean)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::samplers::SamplerOptions;

    /// With answers of 0 a slope is `x/σ`: at a level `σ_k` of the straight path it is `x/σ` as well, so a step is
    /// Euler's whatever the weights; with an answer of 1 at one point only that point's weight shows.
    #[test]
    fn slopes_ahead_weigh_by_their_noise() {
        let sigmas = [8.0, 6.0, 3.0, 1.0];
        let options = SamplerOptions::default();
        let at = |index: usize| Step {
            index,
            sigma: f64::from(sigmas[index]),
            next: f64::from(sigmas[index + 1]),
            eta: 0.0,
            cfg_pp: false,
            options: &options,
            sigmas: &sigmas,
        };
        // The slope of the last point of a step, its weight times −1/σ times the step, is the last answer's.
        let last = |index: usize| {
            let points = heunpp2(&at(index));
            assert_eq!(points.len(), 3 - index);
            points[2 - index].weights
        };
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        close(last(0)[3], (6.0 - 8.0) * (3.0 / 24.0) * (-1.0 / 3.0));
        close(last(1)[2], (3.0 - 6.0) * (3.0 / 16.0) * (-1.0 / 3.0));
        close(last(2)[1], 1.0 - 1.0 / 3.0);
        for index in 0..3 {
            close(last(index)[0], f64::from(sigmas[index + 1]) / f64::from(sigmas[index]));
        }
    }
}
