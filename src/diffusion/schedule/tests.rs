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
