use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::diffusion::inpaint::{Inpaint, inpaint_noise};
use crate::diffusion::noise::Generator;

/// A model that is a plain function.
struct Plain<F>(F);

impl<F: FnMut(&[f32], f32) -> Result<Vec<f32>>> Denoise for Plain<F> {
    fn denoise<'a>(&'a mut self, x: &'a [f32], sigma: f32) -> LocalBoxFuture<'a, Result<Vec<f32>>> {
        let answer = (self.0)(x, sigma);
        Box::pin(async move { answer })
    }
}

/// The models here never wait.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the model waited"),
    }
}

fn run(
    sampler: Sampler,
    model: impl FnMut(&[f32], f32) -> Result<Vec<f32>>,
    x: &[f32],
    sigmas: &[f32],
) -> Result<Vec<f32>> {
    let mut noise = StepNoise::new(3);
    now(sample(sampler, &mut Plain(model), x.to_vec(), sigmas, &mut noise, &mut |_| Ok(())))
}

/// Half the latent: a clean latent that is not reached in one step.
fn half(x: &[f32], _: f32) -> Result<Vec<f32>> {
    Ok(x.iter().map(|x| x / 2.0).collect())
}

#[test]
fn one_euler_step_is_its_closed_form() {
    let x = [1.0, -2.0, 0.5];
    let got = run(Sampler::Euler, half, &x, &[4.0, 1.0]).unwrap();
    // x + (x − x/2)/4·(1 − 4)
    for (got, x) in got.iter().zip(x) {
        assert!((got - x * (1.0 - 0.375)).abs() < 1e-6);
    }
}

#[test]
fn a_step_to_zero_returns_the_clean_latent() {
    for sampler in Sampler::ALL {
        let clean = [0.25, -1.0, 3.0];
        let got = run(sampler, |_, _| Ok(clean.to_vec()), &[5.0, 6.0, -7.0], &[2.0, 0.0]).unwrap();
        // UniPC ends at 0.001: that share of the noise, 0.001/2 of at most 10, stays.
        let tolerance = if sampler.name().starts_with("uni_pc") { 6e-3 } else { 1e-6 };
        for (got, clean) in got.iter().zip(clean) {
            assert!((got - clean).abs() < tolerance, "{}: {got}, not {clean}", sampler.name());
        }
    }
}

#[test]
fn a_model_that_knows_the_answer_gets_it_from_every_sampler() {
    let sigmas = [14.6, 8.0, 3.0, 1.0, 0.3, 0.0];
    for sampler in Sampler::ALL {
        let clean: Vec<f32> = (0..32).map(|i| (i as f32 - 16.0) / 8.0).collect();
        let x: Vec<f32> = clean.iter().map(|c| c + 14.6).collect();
        let got = run(sampler, |_, _| Ok(clean.clone()), &x, &sigmas).unwrap();
        // These stop at the last level but 0, with the noise of that level.
        let left = if stops_before_zero(sampler) { 0.3 } else { 0.0 };
        for (got, clean) in got.iter().zip(&clean) {
            assert!((got - left - clean).abs() < 2e-3, "{}: {got}, not {clean}", sampler.name());
        }
    }
}

fn stops_before_zero(sampler: Sampler) -> bool {
    matches!(sampler, Sampler::DpmFast | Sampler::DpmAdaptive)
}

#[test]
fn every_step_is_reported_once_and_in_order() {
    let sigmas = [14.6, 8.0, 3.0, 1.0, 0.3, 0.0];
    for sampler in Sampler::ALL {
        let mut seen = Vec::new();
        let mut steps = 0;
        let mut noise = StepNoise::new(0);
        now(sample(sampler, &mut Plain(half), vec![1.0; 20], &sigmas, &mut noise, &mut |info| {
            assert_eq!((info.x.len(), info.denoised.len()), (20, 20));
            steps = info.steps;
            seen.push((info.step, info.sigma));
            Ok(())
        }))
        .unwrap();
        match sampler {
            // Five calls are a step of three and one of two.
            Sampler::DpmFast => assert_eq!((steps, seen[0].0, seen[1].0, seen.len()), (2, 0, 1, 2)),
            // Its own steps, as far as they have come.
            Sampler::DpmAdaptive => {
                assert!(steps == 5 && seen[0] == (0, 14.6));
                assert!(seen.is_sorted_by(|a, b| a.0 <= b.0 && a.1 > b.1));
                assert!(seen[seen.len() - 1].0 >= 3);
            }
            _ => {
                let expected: Vec<(usize, f32)> = sigmas[..5].iter().copied().enumerate().collect();
                assert_eq!(seen, expected, "{}", sampler.name());
            }
        }
    }
}

#[test]
fn no_levels_and_one_level_are_no_step() {
    for sampler in Sampler::ALL {
        for sigmas in [&[][..], &[1.0][..]] {
            let never = |_: &[f32], _: f32| panic!("nothing to do");
            assert_eq!(run(sampler, never, &[1.5], sigmas).unwrap(), [1.5]);
        }
    }
}

#[test]
fn a_model_that_is_not_a_number_stops_the_run() {
    for sampler in Sampler::ALL {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut calls = 0;
            let model = |x: &[f32], _: f32| {
                calls += 1;
                let mut out = x.to_vec();
                if calls == 2 {
                    out[1] = bad;
                }
                Ok(out)
            };
            let error = run(sampler, model, &[1.0; 4], &[4.0, 2.0, 1.0, 0.5]).unwrap_err();
            assert_eq!(error.kind().code(), "not_finite", "{}", sampler.name());
            assert_eq!(calls, 2);
        }
    }
}

#[test]
fn an_answer_of_another_length_stops_the_run() {
    for sampler in Sampler::ALL {
        let error = run(sampler, |_, _| Ok(vec![0.0; 3]), &[1.0; 4], &[4.0, 0.0]).unwrap_err();
        assert_eq!(error.kind().code(), "mismatch", "{}", sampler.name());
    }
}

#[test]
fn cancelling_stops_within_the_step() {
    for sampler in Sampler::ALL {
        let from_model = |_: &[f32], _: f32| Err(ErrorKind::Cancelled.into());
        assert!(run(sampler, from_model, &[1.0], &[4.0, 0.0]).unwrap_err().is_cancelled());

        let mut calls = 0;
        let mut model = Plain(|x: &[f32], _: f32| {
            calls += 1;
            Ok(x.to_vec())
        });
        let error = now(sample(
            sampler,
            &mut model,
            vec![1.0; 4],
            &[4.0, 2.0, 1.0, 0.0],
            &mut StepNoise::new(0),
            &mut |info| {
                if info.step == 1 { Err(ErrorKind::Cancelled.into()) } else { Ok(()) }
            },
        ))
        .unwrap_err();
        assert!(error.is_cancelled());
        // Its own steps are shorter than the run's.
        let most = if sampler == Sampler::DpmAdaptive { 12 } else { 5 };
        assert!(calls <= most, "{}: {calls} calls", sampler.name());
    }
}

#[test]
fn levels_that_cannot_be_sampled_are_refused() {
    for sigmas in
        [&[f32::NAN, 0.0][..], &[1.0, f32::INFINITY], &[0.0, 1.0], &[1.0, -1.0], &[1.0, 0.0, 0.0]]
    {
        let error = run(Sampler::Euler, half, &[1.0], sigmas).unwrap_err();
        assert!(["not_finite", "value_out_of_range"].contains(&error.kind().code()), "{sigmas:?}");
    }
    // Equal levels: a number or an error, never a picture of NaN.
    for sampler in Sampler::ALL {
        match run(sampler, half, &[1.0; 20], &[2.0, 2.0, 2.0, 1.0, 1.0]) {
            Ok(latent) => assert!(latent.iter().all(|x| x.is_finite())),
            Err(error) => assert_eq!(error.kind().code(), "not_finite"),
        }
    }
}

#[test]
fn levels_may_go_up() {
    for sampler in Sampler::ALL {
        let latent = run(sampler, half, &[1.0; 20], &[0.1, 0.5, 2.0, 8.0]).unwrap();
        assert!(latent.iter().all(|x| x.is_finite()), "{}", sampler.name());
    }
}

#[test]
fn every_sampler_is_found_by_its_name() {
    for (name, sampler) in SAMPLERS.into_iter().zip(Sampler::ALL) {
        assert_eq!(Sampler::from_name(name).unwrap(), sampler);
    }
    let error = Sampler::from_name("euler_a").unwrap_err();
    assert_eq!(error.to_string(), "unknown sampler `euler_a`; did you mean `euler`?");
    assert_eq!(Sampler::from_name("dpm++ 2m").unwrap_err().kind().code(), "unknown_name");
}

#[test]
fn the_same_seed_draws_the_same_steps_and_another_seed_others() {
    let sigmas = [9.0, 4.0, 1.0, 0.0];
    for sampler in Sampler::ALL {
        let with_seed = |seed| {
            let mut noise = StepNoise::new(seed);
            now(sample(sampler, &mut Plain(half), vec![1.0; 16], &sigmas, &mut noise, &mut |_| {
                Ok(())
            }))
            .unwrap()
        };
        assert_eq!(with_seed(u64::MAX), with_seed(u64::MAX));
        let name = sampler.name();
        let stochastic = ["sde", "ancestral", "seeds", "ddpm", "lcm", "sa_"]
            .iter()
            .any(|part| name.contains(part));
        assert_eq!(with_seed(1) != with_seed(2), stochastic, "{name}");
    }
}

#[test]
fn step_noise_is_not_the_noise_of_the_start() {
    use crate::diffusion::noise::Philox;

    assert_eq!(StepNoise::new(5).next(40), Generator::new(6).randn(40));
    // On a card every picture goes on with its own generator.
    let second = |seed| {
        let mut generator = Philox::new(seed);
        generator.randn(40);
        generator.randn(40)
    };
    let both = [second(5), second(6)].concat();
    assert_eq!(StepNoise::each_on_card(&[5, 6], 40).next(80), both);
    // Or all of them have one, which did not give the noise of the start.
    assert_eq!(StepNoise::on_card(5).next(80), Philox::new(5).randn(80));
    assert_eq!(StepNoise::new(u64::MAX).next(40), Generator::new(0).randn(40));
}

#[test]
fn what_a_mask_protects_comes_back() {
    let latent = vec![1.0_f32, -2.0, 3.0, 0.5];
    let noise = Generator::new(7).randn(4);
    let mask = vec![0.0, 1.0, 0.0, 0.5];
    let mut seen = Vec::new();
    let mut model = Plain(|x: &[f32], sigma: f32| {
        seen.push((x.to_vec(), sigma));
        Ok(vec![9.0; 4])
    });
    let mut inpaint = Inpaint::new(&mut model, mask, latent.clone(), noise.clone()).unwrap();
    let denoised = now(inpaint.denoise(&[5.0; 4], 2.0)).unwrap();
    assert_eq!(denoised, [1.0, 9.0, 3.0, 4.75]);
    let (x, sigma) = &seen[0];
    assert_eq!(*sigma, 2.0);
    assert_eq!(x[0], latent[0] + 2.0 * noise[0]);
    assert_eq!(x[1], 5.0);
    assert_eq!(x[3], 2.5 + (0.5 + 2.0 * noise[3]) * 0.5);
}

#[test]
fn a_mask_of_another_length_is_refused() {
    let mut model = Plain(half);
    let error = Inpaint::new(&mut model, vec![1.0; 2], vec![0.0; 4], vec![0.0; 4]).err().unwrap();
    assert_eq!(error.kind().code(), "mismatch");
}

#[test]
fn only_ddim_draws_new_noise_under_a_mask() {
    let noise = Generator::new(4).randn(32);
    assert_eq!(inpaint_noise(Sampler::Euler, 4, &noise), noise);
    assert_eq!(inpaint_noise(Sampler::Ddim, 4, &noise), Generator::new(5).randn(32));
}
