//! `euler` and its kin: one call and a straight line.

use super::steps::{Point, Step, X, answer, towards};

/// `euler`, `euler_ancestral`, `ddim`, `ddpm`, and with CFG++.
///
/// Down to `σ_down` along the line to the answer, then noise of deviation `σ_up`; with η = 0 that is
/// `x + (x − d)/σ·(σ' − σ)`. CFG++ goes to the guided answer and keeps the negative one's noise:
/// `d + (x − u)/σ·σ_down`.
///
/// # Source
///
/// Karras et al. 2022, <https://arxiv.org/abs/2206.00364>, algorithm 2; Song et al. 2020,
/// <https://arxiv.org/abs/2010.02502>, equation 13, is the same in other variables. k-diffusion 0.1.1
/// `sample_euler_ancestral`; with η = 1 it draws from the posterior of Ho et al. 2020,
/// <https://arxiv.org/abs/2006.11239>, equation 7, which is `ddpm`. Chung et al. 2024,
/// <https://arxiv.org/abs/2406.08070>, algorithm 2.
pub(super) fn euler(step: &Step<'_>) -> Vec<Point> {
    let (down, up) = step.ancestral();
    let keep = down / step.sigma;
    let end = if step.cfg_pp {
        Point { negative: [-keep, 0.0], ..Point::end([keep, 1.0, 0.0, 0.0]) }
    } else {
        Point::end(towards(X, keep, 1))
    };
    vec![end.with_noise(up * step.options.s_noise)]
}

/// `lcm`: jump to the clean latent, add noise again.
///
/// # Source
///
/// Song et al. 2023, <https://arxiv.org/abs/2303.01469>, algorithm 1; Luo et al. 2023,
/// <https://arxiv.org/abs/2310.04378>, algorithm 3.
pub(super) fn lcm(step: &Step<'_>) -> Vec<Point> {
    vec![Point::end(answer(1)).with_noise(step.next * step.options.s_noise)]
}
