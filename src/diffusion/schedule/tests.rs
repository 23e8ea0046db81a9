use super::*;
use crate::diffusion::samplers::Sampler;

fn schedules() -> [NoiseSchedule; 3] {
    let base = ScheduleConfig::default();
    [
        NoiseSchedule::new(&base),
        NoiseSchedule::new(&ScheduleConfig { rescale_betas_zero_snr: true, ..base.clone() }),
        NoiseSchedule::new(&ScheduleConfig {
            beta_schedule: BetaSchedule::Linear,
            beta_start: 1e-4,
            beta_end: 0.02,
            ..base
        }),
    ]
}

#[test]
fn levels_go_strictly_down_to_zero() {
    for schedule in schedules() {
        for scheduler in Scheduler::ALL {
            for steps in 1..=50 {
                let sigmas = scheduler.sigmas(&schedule, steps).unwrap();
                let name = scheduler.name();
                assert!(sigmas.is_sorted_by(|a, b| a > b), "{name}, {steps} steps: {sigmas:?}");
                assert_eq!(sigmas.last(), Some(&0.0), "{name}, {steps} steps");
                let expected = match scheduler {
                    Scheduler::DdimUniform => 999_usize.div_ceil(1000 / steps) + 1,
                    _ => steps + 1,
                };
                // Two of many quantiles may fall on one timestep.
                let fewer = if scheduler == Scheduler::Beta { steps / 10 } else { 0 };
                assert!((expected - fewer..=expected).contains(&sigmas.len()), "{name}, {steps}");
            }
        }
    }
}

#[test]
fn levels_go_strictly_down_also_with_more_steps_than_timesteps() {
    for schedule in schedules() {
        for scheduler in Scheduler::ALL {
            for steps in [999, 1000, 1001, 2500, 10_000] {
                let sigmas = scheduler.sigmas(&schedule, steps).unwrap();
                assert!(sigmas.is_sorted_by(|a, b| a > b), "{}, {steps} steps", scheduler.name());
                assert!(sigmas.iter().all(|sigma| sigma.is_finite()));
            }
        }
    }
}

#[test]
fn denoise_keeps_the_end_of_a_longer_run() {
    let schedule = &schedules()[0];
    let sigmas = |denoise| {
        sampling_sigmas(schedule, Scheduler::Karras, Sampler::Euler, 12, denoise).unwrap()
    };
    let whole = Scheduler::Karras.sigmas(schedule, 12).unwrap();
    assert_eq!(sigmas(1.0), whole);
    assert_eq!(sigmas(0.999_95), whole);
    let longer = Scheduler::Karras.sigmas(schedule, 20).unwrap();
    assert_eq!(sigmas(0.6), longer[8..]);
    // int(12 / 0.7) = 17
    assert_eq!(sigmas(0.7), Scheduler::Karras.sigmas(schedule, 17).unwrap()[5..]);
    assert!(sigmas(0.0).is_empty());
    let tiny = sigmas(1e-3);
    assert_eq!(tiny.len(), 13);
    assert!(tiny[0] < 0.032 && tiny.is_sorted_by(|a, b| a > b));
}

#[test]
fn uni_pc_gets_the_levels_of_one_step_more_without_the_second_to_last() {
    let schedule = &schedules()[0];
    let sigmas =
        |steps| sampling_sigmas(schedule, Scheduler::Normal, Sampler::UniPc, steps, 1.0).unwrap();
    let more = Scheduler::Normal.sigmas(schedule, 9).unwrap();
    assert_eq!(sigmas(8)[..8], more[..8]);
    assert_eq!(sigmas(8)[8..], [0.0]);
    assert_eq!(sigmas(1), [schedule.sigma(999.0), 0.0]);
}

#[test]
fn senseless_steps_and_denoise_are_refused() {
    let schedule = &schedules()[0];
    let code = |steps, denoise| {
        sampling_sigmas(schedule, Scheduler::Normal, Sampler::Euler, steps, denoise)
            .unwrap_err()
            .kind()
            .code()
    };
    assert_eq!(code(0, 1.0), "value_out_of_range");
    assert_eq!(code(10_001, 1.0), "value_out_of_range");
    assert_eq!(code(20, -0.1), "value_out_of_range");
    assert_eq!(code(20, 1.1), "value_out_of_range");
    assert_eq!(code(20, f64::NAN), "not_finite");
    // Nothing is allocated for the 10³⁰ levels this would take.
    assert_eq!(code(20, 1e-29), "value_out_of_range");
    assert_eq!(code(20, f64::MIN_POSITIVE), "value_out_of_range");
    assert_eq!(
        Scheduler::Normal.sigmas(schedule, 0).unwrap_err().kind().code(),
        "value_out_of_range"
    );
}

#[test]
fn every_scheduler_is_found_by_its_name() {
    for (name, scheduler) in SCHEDULERS.into_iter().zip(Scheduler::ALL) {
        assert_eq!(Scheduler::from_name(name).unwrap(), scheduler);
    }
    let error = Scheduler::from_name("karas").unwrap_err();
    assert_eq!(error.to_string(), "unknown scheduler `karas`; did you mean `karras`?");
    assert!(
        Scheduler::from_name("zzzzzzzzzzzzzzz").unwrap_err().fix().unwrap().contains("sgm_uniform")
    );
}

#[test]
fn timestep_and_level_are_inverse() {
    for schedule in schedules() {
        for (timestep, sigma) in schedule.sigmas().iter().enumerate() {
            assert_eq!(schedule.timestep(*sigma), timestep as f32);
            assert!((schedule.fractional_timestep(*sigma) - timestep as f32).abs() < 2e-2);
            assert!((schedule.sigma(timestep as f32) / sigma - 1.0).abs() < 1e-6);
        }
        let between = schedule.sigma(500.3);
        assert_eq!(schedule.timestep(between), 500.0);
        assert!((schedule.fractional_timestep(between) - 500.3).abs() < 1e-3);
        assert_eq!(schedule.timestep(0.0), 0.0);
        assert_eq!(schedule.fractional_timestep(0.0), 0.0);
        assert_eq!(schedule.timestep(1e9), 999.0);
        assert_eq!(schedule.fractional_timestep(1e9), 999.0);
        assert_eq!(schedule.sigma(-1.0), schedule.sigma(0.0));
        assert_eq!(schedule.sigma(5000.0), schedule.sigma(999.0));
    }
}

#[test]
fn a_run_from_pure_noise_is_scaled_otherwise() {
    let schedule = &schedules()[0];
    let max = schedule.sigma_max();
    let scale = (1.0 + max * max).sqrt();
    assert_eq!(schedule.noised(&[0.5], &[2.0], max).unwrap(), [2.0 * scale + 0.5]);
    assert_eq!(schedule.noised(&[0.5], &[2.0], 3.0).unwrap(), [6.5]);
    assert!(schedule.is_max(max * (1.0 - 1e-6)) && !schedule.is_max(max * 0.999));
    assert_eq!(schedule.noised(&[0.5], &[], 3.0).unwrap_err().kind().code(), "mismatch");
}

#[test]
fn config_is_read_from_diffusers_json() {
    let text = r#"{"_class_name": "DDIMScheduler", "beta_end": 0.02, "beta_schedule": "linear",
        "beta_start": 0.0001, "num_train_timesteps": 500, "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": true, "trained_betas": null, "timestep_spacing": "trailing"}"#;
    let expected = ScheduleConfig {
        num_train_timesteps: 500,
        beta_start: 0.0001,
        beta_end: 0.02,
        beta_schedule: BetaSchedule::Linear,
        prediction_type: Prediction::VPrediction,
        rescale_betas_zero_snr: true,
    };
    assert_eq!(ScheduleConfig::from_json("c.json", text).unwrap(), expected);
    assert_eq!(ScheduleConfig::from_json("c.json", "{}").unwrap(), ScheduleConfig::default());
}

#[test]
fn config_that_cannot_be_followed_is_refused_by_name() {
    let error = |text| ScheduleConfig::from_json("c.json", text).unwrap_err();
    assert_eq!(error("{").kind().code(), "bad_file");
    assert_eq!(error("[1]").kind().code(), "bad_file");
    for text in [
        r#"{"beta_schedule": "squaredcos_cap_v2"}"#,
        r#"{"prediction_type": "flow_prediction"}"#,
        r#"{"beta_start": 0}"#,
        r#"{"beta_end": "0.012"}"#,
        r#"{"num_train_timesteps": 1}"#,
        r#"{"num_train_timesteps": 100000000000}"#,
        r#"{"trained_betas": [0.1]}"#,
        r#"{"rescale_betas_zero_snr": 1}"#,
    ] {
        assert_eq!(error(text).kind().code(), "unsupported_config", "{text}");
    }
    assert_eq!(
        error(r#"{"beta_schedule": "sigmoid"}"#).to_string(),
        "`c.json`: `beta_schedule` is \"sigmoid\", which is not supported; use `scaled_linear` or `linear`"
    );
}

#[test]
fn a_share_of_the_way_is_a_level() {
    let schedule = &schedules()[0];
    assert_eq!(schedule.percent_to_sigma(1.0), 0.0);
    assert!(schedule.percent_to_sigma(0.0) > 1e8 && schedule.percent_to_sigma(-1.0) > 1e8);
    assert_eq!(schedule.percent_to_sigma(0.25), schedule.sigma(749.25));
    // Where SA-Solver adds noise by default.
    let [high, low] = crate::diffusion::samplers::SamplerOptions::default().noisy;
    assert!((f64::from(schedule.percent_to_sigma(0.2)) - high).abs() < 1e-4);
    assert!((f64::from(schedule.percent_to_sigma(0.8)) - low).abs() < 1e-4);
    let flow = NoiseSchedule::flow(3.0, 1000.0).unwrap();
    assert!((flow.percent_to_sigma(0.5) - 0.75).abs() < 1e-6);
    let edm = NoiseSchedule::edm(Prediction::Edm, 0.01, 100.0).unwrap();
    assert!((edm.percent_to_sigma(0.5) - 1.0).abs() < 1e-5);
}

#[test]
fn zero_snr_of_a_table_is_that_of_its_config() {
    let [plain, zero, _] = schedules();
    let made = plain.with_zero_snr();
    for (made, zero) in made.sigmas().iter().zip(zero.sigmas()) {
        assert!((made / zero - 1.0).abs() < 2e-5, "{made} for {zero}");
    }
    assert!((made.sigma_max() - 4518.8).abs() < 0.1);
}

#[test]
fn a_consistency_model_knows_fifty_levels() {
    let plain = &schedules()[0];
    let schedule = plain.clone().with_consistency();
    assert_eq!(schedule.sigmas().len(), 50);
    assert_eq!(schedule.sigma_max(), plain.sigma_max());
    assert_eq!(schedule.sigma_min(), plain.sigmas()[19]);
    assert_eq!(schedule.timestep(plain.sigmas()[19]), 19.0);
    assert_eq!(schedule.timestep(plain.sigmas()[44]), 39.0);
    assert_eq!(schedule.timestep(schedule.sigma_max()), 999.0);
    assert!((schedule.sigma(499.0) - plain.sigmas()[499]).abs() < 1e-6);
    assert!(schedule.sigma(489.0) < schedule.sigma(499.0));
    // At timestep 19 the answer is nearly all, far below it the latent would be.
    let clean = schedule.denoised(&[2.0], vec![1.0], plain.sigmas()[19]).unwrap()[0];
    let answer = 2.0 - plain.sigmas()[19];
    assert!((clean - answer).abs() < 1e-4 && clean != answer);
    assert_eq!(crate::diffusion::guidance::consistency(0.0), [1.0, 0.0]);
}

#[test]
fn networks_of_any_level_are_told_it_in_their_way() {
    let edm = NoiseSchedule::edm(Prediction::Edm, 0.002, 120.0).unwrap();
    assert!((edm.timestep(1.0)).abs() < 1e-7);
    let v = NoiseSchedule::continuous_v(0.03, 500.0).unwrap();
    assert!((v.timestep(1.0) - 0.5).abs() < 1e-6);
    let flow = NoiseSchedule::flow(3.0, 1000.0).unwrap();
    // 3·½/(1 + 2·½)
    assert!((flow.sigma(500.0) - 0.75).abs() < 1e-6);
    assert_eq!(flow.sigma_max(), 1.0);
    for schedule in [&edm, &v, &flow] {
        assert_eq!(schedule.sigmas().len(), 1000);
        for sigma in schedule.sigmas().iter().step_by(97) {
            let back = schedule.sigma(schedule.timestep(*sigma));
            assert!((back / sigma - 1.0).abs() < 2e-5, "{back} for {sigma}");
        }
        for scheduler in Scheduler::ALL {
            let sigmas = scheduler.sigmas(schedule, 7).unwrap();
            assert!(sigmas.is_sorted_by(|a, b| a > b), "{}: {sigmas:?}", scheduler.name());
        }
    }
    for (min, max) in [(0.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.1, f64::INFINITY)] {
        assert!(NoiseSchedule::edm(Prediction::Epsilon, min, max).is_err());
        assert!(NoiseSchedule::continuous_v(min, max).is_err());
    }
    assert!(NoiseSchedule::flow(0.0, 1.0).is_err() && NoiseSchedule::flow(1.0, f64::NAN).is_err());
}

/// A network that knows picture and noise answers in its own way, and the clean latent comes out.
#[test]
fn answers_of_all_kinds_are_the_clean_latent() {
    let (clean, noise, sigma) = (0.7_f32, -1.3_f32, 0.6_f32);
    let edm = NoiseSchedule::edm(Prediction::Edm, 0.002, 120.0).unwrap();
    let x = edm.noised(&[clean], &[noise], sigma).unwrap();
    let total = (sigma * sigma + 0.25).sqrt();
    let output = (clean - 0.25 / (total * total) * x[0]) / (sigma * 0.5 / total);
    assert!((edm.denoised(&x, vec![output], sigma).unwrap()[0] - clean).abs() < 1e-6);
    assert_eq!(edm.network_input(&x, sigma), [x[0] / total]);

    // A network from picture to picture is shown and answers latents as they are.
    let image = schedules()[0].clone().with_prediction(Prediction::Image);
    assert_eq!(image.network_input(&x, sigma), x);
    assert_eq!(image.denoised(&x, vec![clean], sigma).unwrap(), [clean]);

    let flow = NoiseSchedule::flow(1.0, 1000.0).unwrap();
    let x = flow.noised(&[clean], &[noise], sigma).unwrap();
    assert!((x[0] - (0.4 * clean + 0.6 * noise)).abs() < 1e-6);
    assert!((flow.denoised(&x, vec![noise - clean], sigma).unwrap()[0] - clean).abs() < 1e-6);
    assert_eq!(flow.network_input(&x, sigma), x);
}

#[test]
fn turbo_and_aligned_levels_are_those_of_their_timesteps() {
    let schedule = &schedules()[0];
    let level = |timestep: f32| schedule.sigma(timestep);
    let turbo = |steps, denoise| curves::sd_turbo(schedule, steps, denoise).unwrap();
    assert_eq!(turbo(1, 1.0), [level(999.0), 0.0]);
    assert_eq!(turbo(2, 0.5), [level(499.0), level(399.0), 0.0]);
    assert_eq!(turbo(10, 1.0).len(), 11);
    assert_eq!(turbo(10, 0.0), [0.0]);

    let ays = |kind, steps, denoise| curves::align_your_steps(kind, steps, denoise).unwrap();
    for (kind, timesteps) in [
        (curves::Aligned::Sd1, [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]),
        (curves::Aligned::Sdxl, [999, 845, 730, 587, 443, 310, 193, 116, 53, 13]),
    ] {
        let sigmas = ays(kind, 10, 1.0);
        assert_eq!((sigmas.len(), sigmas[10]), (11, 0.0));
        for (sigma, timestep) in sigmas.iter().zip(timesteps) {
            assert!((sigma / schedule.sigmas()[timestep] - 1.0).abs() < 1e-6);
        }
        assert_eq!(ays(kind, 10, 0.4), sigmas[6..]);
        let finer = ays(kind, 20, 1.0);
        assert_eq!(finer[0], sigmas[0]);
        assert!((finer[1] - (sigmas[0] * sigmas[1]).sqrt()).abs() < 1e-5);
        assert!(ays(kind, 10, 0.0).is_empty());
    }
    assert!((ays(curves::Aligned::Svd, 10, 1.0)[0] - 700.0).abs() < 1e-3);
    for denoise in [-0.1, 1.1, f64::NAN] {
        assert!(curves::sd_turbo(schedule, 1, denoise).is_err());
        assert!(curves::align_your_steps(curves::Aligned::Sd1, 10, denoise).is_err());
    }
}

#[test]
fn curves_refuse_what_gives_no_levels() {
    let nan = f64::NAN;
    for result in [
        curves::karras(0, 14.6, 0.03, 7.0),
        curves::karras(usize::MAX, 14.6, 0.03, 7.0),
        curves::karras(5, 0.0, 0.0, 7.0),
        curves::karras(5, 0.03, 14.6, 7.0),
        curves::karras(5, 14.6, nan, 7.0),
        curves::karras(5, 14.6, 0.03, 0.0),
        curves::exponential(5, nan, 0.03),
        curves::polyexponential(5, 14.6, 0.03, nan),
        curves::laplace(5, 14.6, 0.03, nan, 0.5),
        curves::vp(5, 0.0, 0.0, 0.001),
        curves::vp(5, 5000.0, 0.0, 0.001),
        curves::vp(5, 19.9, 0.1, 0.0),
        curves::kl_optimal(5, 0.0, 1.0),
        curves::beta(&schedules()[0], 5, 0.0, 0.6),
        curves::beta(&schedules()[0], 0, 0.6, 0.6),
    ] {
        assert!(["not_finite", "value_out_of_range"].contains(&result.unwrap_err().kind().code()));
    }
}
