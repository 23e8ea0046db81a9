//! What must hold of samplers that no reference has: their order, their noise, and their limits.
//!
//! All on pictures normal around `MEAN` with deviation `SPREAD`, of which everything is known: the clean latent
//! behind `x` is `(s²·x + σ²·m)/(s² + σ²)`, the deterministic path keeps `(x − m)/√(s² + σ²)`, and the
//! noisy pictures of a level have the variance `s² + σ²`.

use super::tests::now;
use super::*;

const MEAN: f64 = 0.4;
const SPREAD: f64 = 0.7;

/// The model of these pictures; its negative prompt sees others, further down.
struct Normal {
    negative_mean: f64,
}

impl Denoise for Normal {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        Box::pin(async move { Ok(clean(x, sigma, MEAN)) })
    }

    fn denoise_both<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> LocalBoxFuture<'a, Result<Denoised>> {
        let negative = clean(x, sigma, self.negative_mean);
        Box::pin(async move { Ok(Denoised { guided: clean(x, sigma, MEAN), negative }) })
    }
}

fn clean(x: &[f32], sigma: f32, mean: f64) -> Vec<f32> {
    let (spread, level) = (SPREAD * SPREAD, f64::from(sigma) * f64::from(sigma));
    x.iter().map(|x| ((spread * f64::from(*x) + level * mean) / (spread + level)) as f32).collect()
}

fn tried(
    method: impl Into<Method>,
    negative_mean: f64,
    x: &[f32],
    sigmas: &[f32],
    seed: u64,
) -> Result<Vec<f32>> {
    let mut model = Normal { negative_mean };
    let mut noise = StepNoise::new(seed);
    now(sample(method, &mut model, x.to_vec(), sigmas, &mut noise, &mut |_| Ok(())))
}

fn run_of(method: impl Into<Method>, x: &[f32], sigmas: &[f32], seed: u64) -> Vec<f32> {
    tried(method, MEAN, x, sigmas, seed).unwrap()
}

fn geometric(steps: usize) -> Vec<f32> {
    (0..=steps).map(|i| (10.0 * 0.02_f64.powf(i as f64 / steps as f64)) as f32).collect()
}

/// How far from the exact path a run of so many steps ends.
fn error(method: Method, steps: usize) -> f64 {
    let sigmas = geometric(steps);
    let x = 7.0_f32;
    let deviation = |sigma: f32| (SPREAD * SPREAD + f64::from(sigma).powi(2)).sqrt();
    let exact = MEAN + (f64::from(x) - MEAN) * deviation(sigmas[steps]) / deviation(sigmas[0]);
    (f64::from(run_of(method, &[x], &sigmas, 0)[0]) - exact).abs()
}

fn with(sampler: Sampler, change: impl Fn(&mut SamplerOptions)) -> Method {
    let mut options = sampler.options();
    change(&mut options);
    Method { sampler, options }
}

fn without_noise(sampler: Sampler) -> Method {
    with(sampler, |options| {
        options.eta = 0.0;
        options.er_noise = ErNoise::ReverseTime;
    })
}

/// Halving the steps divides the error by `2^order`.
///
/// A multistep sampler begins with a step of order 1, whose error is of second order over the whole run, so 2 is
/// what can be seen of any order above; single-step samplers and those with a corrector show their own.
#[test]
fn errors_shrink_as_the_order_says() {
    use Sampler as S;

    for (sampler, order) in [
        (S::Euler, 1.0),
        (S::Heun, 2.0),
        (S::Dpm2, 2.0),
        (S::ExpHeun2X0, 2.0),
        (S::Dpmpp2sAncestral, 2.0),
        (S::DpmppSde, 2.0),
        (S::Seeds2, 2.0),
        (S::Seeds3, 3.0),
        (S::Lms, 2.0),
        (S::Deis, 2.0),
        (S::Dpmpp2m, 2.0),
        (S::Dpmpp2mSdeHeun, 2.0),
        (S::Dpmpp3mSde, 2.0),
        (S::ResMultistep, 2.0),
        (S::ErSde, 1.9),
        (S::SaSolver, 2.0),
    ] {
        let method = without_noise(sampler);
        // Fewer where the error would drown in rounding.
        let steps = if order > 2.0 { 12 } else { 24 };
        let (coarse, fine) = (error(method, steps), error(method, 2 * steps));
        let seen = (coarse / fine).log2();
        assert!(seen > order - 0.35, "{}: order {seen}, errors {coarse} {fine}", sampler.name());
    }
}

/// Every sampler without noise comes to the exact end as the steps shrink.
#[test]
fn all_samplers_converge() {
    // One is for models of another kind, the other takes steps of its own.
    let others = [Sampler::Lcm, Sampler::DpmAdaptive];
    for sampler in Sampler::ALL.into_iter().filter(|sampler| !others.contains(sampler)) {
        let method = without_noise(sampler);
        let (coarse, fine) = (error(method, 25), error(method, 200));
        let name = sampler.name();
        // `heunpp2` weighs the end of a step less than its due, and so is of first order.
        assert!(fine < 0.03, "{name}: {fine}");
        assert!(fine < coarse / 4.0 || fine < 1e-4, "{name}: {coarse} then {fine}");
    }
}

/// Samplers that add noise end at pictures of the right mean and variance.
#[test]
fn noise_has_the_variance_of_the_level() {
    use crate::diffusion::noise::Generator;

    let start = (SPREAD * SPREAD + 100.0).sqrt();
    let noise = Generator::new(11).randn(4000);
    let x: Vec<f32> = noise.iter().map(|noise| (MEAN + start * f64::from(*noise)) as f32).collect();
    for sampler in Sampler::ALL {
        let name = sampler.name();
        let noisy =
            ["ancestral", "sde", "seeds", "ddpm", "sa_"].iter().any(|part| name.contains(part));
        // These differ from others only in where their numbers come from.
        if !noisy || name.ends_with("_gpu") {
            continue;
        }
        let method = with(sampler, |options| options.noisy = [20.0, 0.0]);
        // Brownian paths are slow to make, and their samplers of second order.
        let (count, steps) = if name.starts_with("dpmpp_") { (800, 40) } else { (4000, 70) };
        let out = run_of(method, &x[..count], &geometric(steps), 5);
        let mean = out.iter().map(|x| f64::from(*x)).sum::<f64>() / count as f64;
        let squares: f64 = out.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
        let variance = squares / count as f64;
        let expected = SPREAD * SPREAD + 0.04;
        assert!((mean - MEAN).abs() < 0.05, "{name}: mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "{name}: {variance} for {expected}");
    }
}

/// Pairs of settings that are the same sampler.
#[test]
fn limits_are_other_samplers() {
    use Sampler as S;

    let still = |sampler| with(sampler, |options| options.eta = 0.0);
    let order_1 = |sampler| with(sampler, |options| options.order = 1);
    let pairs = [
        (still(S::EulerAncestral), S::Euler.into()),
        (still(S::Dpm2Ancestral), S::Dpm2.into()),
        (still(S::Dpmpp2mSde), S::Dpmpp2m.into()),
        (still(S::Dpmpp2mSdeHeun), S::ResMultistep.into()),
        (still(S::ResMultistepAncestral), S::ResMultistep.into()),
        (still(S::ExpHeun2X0Sde), S::ExpHeun2X0.into()),
        (still(S::Seeds2), still(S::Dpmpp2sAncestral)),
        (still(S::Seeds2), still(S::DpmppSde)),
        (
            with(S::Dpmpp2mSdeGpu, |options| options.s_noise = 0.0),
            with(S::Dpmpp2mSde, |options| {
                options.s_noise = 0.0;
            }),
        ),
        (S::Ddpm.into(), S::EulerAncestral.into()),
        (S::Ddim.into(), S::Euler.into()),
        (order_1(S::Lms), S::Euler.into()),
        (order_1(S::Ipndm), S::Euler.into()),
        (order_1(S::IpndmV), S::Euler.into()),
        (order_1(S::Deis), S::Euler.into()),
        (with(S::GradientEstimation, |options| options.gamma = 1.0), S::Euler.into()),
        (
            with(S::ErSde, |options| {
                options.max_stage = 1;
                options.er_noise = ErNoise::ReverseTime;
                options.eta = 0.0;
            }),
            S::Euler.into(),
        ),
        (
            with(S::SaSolver, |options| {
                (options.predictor_order, options.corrector_order) = (1, 0);
                options.eta = 0.0;
            }),
            S::Euler.into(),
        ),
        // Without a negative prompt of its own CFG++ changes nothing.
        (S::EulerCfgPp.into(), S::Euler.into()),
        (S::EulerAncestralCfgPp.into(), S::EulerAncestral.into()),
        (S::Dpmpp2sAncestralCfgPp.into(), S::Dpmpp2sAncestral.into()),
        (S::Dpmpp2mCfgPp.into(), S::Dpmpp2m.into()),
        (S::ResMultistepCfgPp.into(), S::ResMultistep.into()),
        (S::ResMultistepAncestralCfgPp.into(), S::ResMultistepAncestral.into()),
        (S::GradientEstimationCfgPp.into(), S::GradientEstimation.into()),
    ];
    let mut sigmas = geometric(9);
    sigmas.push(0.0);
    let x: Vec<f32> = (0..20).map(|i| i as f32 - 8.0).collect();
    for (one, other) in pairs {
        let (one, other): (Method, Method) = (one, other);
        let (a, b) = (run_of(one, &x, &sigmas, 3), run_of(other, &x, &sigmas, 3));
        for (a, b) in a.iter().zip(&b) {
            let names = [one.sampler.name(), other.sampler.name()];
            assert!((a - b).abs() < 2e-5, "{names:?}: {a} and {b}");
        }
    }
}

/// The second step of the CFG++ samplers, by hand.
#[test]
fn cfg_pp_keeps_the_negative_prompts_noise() {
    let (s0, s1, s2) = (8.0_f64, 4.0_f64, 1.0_f64);
    let sigmas = [s0 as f32, s1 as f32, s2 as f32];
    let x = 3.0_f64;
    let mean = -1.5;
    let at = |x: f64, sigma: f64, mean: f64| {
        (SPREAD * SPREAD * x + sigma * sigma * mean) / (SPREAD * SPREAD + sigma * sigma)
    };
    let both = |x: f64, sigma: f64| (at(x, sigma, MEAN), at(x, sigma, mean));
    let (d0, u0) = both(x, s0);
    let x1 = d0 + (x - u0) / s0 * s1;
    let (d1, u1) = both(x1, s1);
    let plain = d1 + (x1 - u1) / s1 * s2;
    let (keep, h, h_last) = (s2 / s1, (s1 / s2).ln(), (s0 / s1).ln());
    let midpoint = plain + (1.0 - keep) / 2.0 * h / h_last * (d1 - u0);
    let exact = plain + (1.0 - (1.0 - keep) / h) * h / h_last * (d1 - u0);
    let slope = ((x - u0) / s0, (x1 - u1) / s1);
    let carried = x1 + (s2 - s1) * (2.0 * slope.1 - slope.0) + d1 - u1;
    let half = |x: f64, from: f64, to: f64| {
        let middle = (from * to).sqrt();
        let (_, u) = both(x, from);
        let (d2, u2) = both(u + (x - u) * middle / from, middle);
        d2 + (x - u2) * to / from
    };
    let twice = half(half(x, s0, s1), s1, s2);
    let still = |options: &mut SamplerOptions| options.eta = 0.0;
    for (sampler, expected) in [
        (Sampler::EulerCfgPp, plain),
        (Sampler::EulerAncestralCfgPp, plain),
        (Sampler::Dpmpp2mCfgPp, midpoint),
        (Sampler::ResMultistepCfgPp, exact),
        (Sampler::GradientEstimationCfgPp, carried),
        (Sampler::Dpmpp2sAncestralCfgPp, twice),
    ] {
        let got = tried(with(sampler, still), mean, &[x as f32], &sigmas, 0).unwrap();
        let got = f64::from(got[0]);
        assert!((got - expected).abs() < 1e-5, "{}: {got}, not {expected}", sampler.name());
    }
}

/// The fourth step has all four weights: those of Adams and Bashforth on even levels, and those of uneven ones.
#[test]
fn ipndm_has_adams_and_bashforths_weights() {
    // Slopes of a model whose answer is the level's own function of x alone would hide the weights, so the
    // step is recomputed from the slopes that the run saw.
    let sigmas = [10.0, 8.0, 6.0, 4.0, 2.0];
    let mut seen: Vec<(f64, f64)> = Vec::new();
    let mut model = Normal { negative_mean: MEAN };
    let mut noise = StepNoise::new(0);
    let out =
        now(sample(Sampler::Ipndm, &mut model, vec![5.0], &sigmas, &mut noise, &mut |info| {
            let x = f64::from(info.x[0]);
            seen.push((x, (x - f64::from(info.denoised[0])) / f64::from(info.sigma)));
            Ok(())
        }))
        .unwrap();
    let slopes: Vec<f64> = seen.iter().map(|(_, slope)| *slope).collect();
    let sum = 55.0 * slopes[3] - 59.0 * slopes[2] + 37.0 * slopes[1] - 9.0 * slopes[0];
    assert!((f64::from(out[0]) - (seen[3].0 - 2.0 / 24.0 * sum)).abs() < 1e-5);
}

#[test]
fn a_cards_path_is_another_one() {
    let (sigmas, x) = (geometric(6), [1.0_f32; 64]);
    for (on_card, on_cpu) in [
        (Sampler::DpmppSdeGpu, Sampler::DpmppSde),
        (Sampler::Dpmpp2mSdeGpu, Sampler::Dpmpp2mSde),
        (Sampler::Dpmpp2mSdeHeunGpu, Sampler::Dpmpp2mSdeHeun),
        (Sampler::Dpmpp3mSdeGpu, Sampler::Dpmpp3mSde),
    ] {
        let card = run_of(on_card, &x, &sigmas, 8);
        assert_eq!(card, run_of(on_card, &x, &sigmas, 8));
        assert_ne!(card, run_of(on_cpu, &x, &sigmas, 8));
    }
}

#[test]
fn demands_that_no_step_meets_are_an_error() {
    let adaptive = |change: fn(&mut SamplerOptions)| {
        tried(with(Sampler::DpmAdaptive, change), MEAN, &[5.0; 8], &[10.0, 0.1], 0).unwrap_err()
    };
    let error = adaptive(|options| options.accept_safety = 3.0);
    assert!(error.fix().unwrap().contains("accept_safety"));
    assert_eq!(adaptive(|options| options.order = 4).kind().code(), "value_out_of_range");
}

/// Whatever the levels and the settings: a latent of numbers, or an error.
#[test]
fn no_settings_panic() {
    let mut state = 1_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    for round in 0..40 {
        // Down, up, or any way; now and then with equal levels, or to 0.
        let mut sigmas: Vec<f32> =
            (0..2 + round % 8).map(|_| (random() * 8.0 - 4.0).exp() as f32).collect();
        match round % 4 {
            0 => sigmas.sort_by(|a, b| b.total_cmp(a)),
            1 => sigmas.sort_by(f32::total_cmp),
            2 => sigmas[1] = sigmas[0],
            _ => {}
        }
        if round % 3 == 0 {
            sigmas.push(0.0);
        }
        let mut pick = |values: &[f64]| values[(random() * values.len() as f64) as usize];
        for sampler in Sampler::ALL {
            let options = SamplerOptions {
                eta: pick(&[0.0, 0.5, 1.0, 3.0, 100.0]),
                s_noise: pick(&[0.0, 1.0, 100.0]),
                s_churn: pick(&[0.0, 1.0, 100.0]),
                r: pick(&[0.0, 0.3, 1.0, 100.0]),
                order: pick(&[0.0, 1.0, 3.0, 100.0]) as usize,
                gamma: pick(&[-3.0, 1.0, 2.0]),
                rtol: pick(&[0.0, 0.05, 100.0]),
                atol: pick(&[0.0, 0.0078, 100.0]),
                h_init: pick(&[0.0, 0.05, 100.0]),
                pcoeff: pick(&[0.0, 1.0, 100.0]),
                accept_safety: pick(&[0.0, 0.81, 100.0]),
                max_stage: pick(&[0.0, 1.0, 3.0, 9.0]) as usize,
                predictor_order: pick(&[0.0, 1.0, 6.0]) as usize,
                corrector_order: pick(&[0.0, 1.0, 6.0]) as usize,
                simple_order_2: round % 2 == 0,
                noisy: [pick(&[1.0, 1e9]), pick(&[0.0, 2.0])],
                ..sampler.options()
            };
            match tried(Method { sampler, options }, -0.5, &[1.0, -2.0, 0.1], &sigmas, round as u64)
            {
                Ok(latent) => assert!(latent.len() == 3 && latent.iter().all(|x| x.is_finite())),
                Err(error) => {
                    let code = error.kind().code();
                    assert!(["not_finite", "value_out_of_range"].contains(&code), "{error}");
                }
            }
        }
    }
}
