//! Noise, schedules and samplers against torch, k-diffusion and diffusers.
//!
//! The fixtures are written by `tests/reference/{noise,schedules,samplers}.py`, which also say where ComfyUI,
//! and so we, differ from the references.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use tintype::diffusion::brownian::BrownianTree;
use tintype::diffusion::inpaint::{Inpaint, inpaint_noise};
use tintype::diffusion::noise::Generator;
use tintype::diffusion::samplers::{
    Denoise, Method, SAMPLERS, Sampler, SamplerOptions, StepNoise, sample,
};
use tintype::diffusion::schedule::{
    NoiseSchedule, SCHEDULERS, ScheduleConfig, Scheduler, curves, sampling_sigmas,
};
use tintype::error::Result;

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diffusion").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    list(value).iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn number(value: &Value) -> f32 {
    value.as_f64().unwrap() as f32
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// Names the first and the worst number that is further off than `absolute + relative·|expected|`.
fn assert_close(name: &str, got: &[f32], expected: &[f32], absolute: f32, relative: f32) {
    assert_eq!(got.len(), expected.len(), "{name}: length");
    let excess = |i: &usize| {
        let difference = (got[*i] - expected[*i]).abs();
        let limit = absolute + relative * expected[*i].abs();
        // NaN is off too.
        if difference <= limit { 0.0 } else { difference - limit }
    };
    let bad: Vec<usize> = (0..got.len()).filter(|i| excess(i) != 0.0).collect();
    if let Some(first) = bad.first() {
        let worst = bad.iter().max_by(|a, b| excess(a).total_cmp(&excess(b))).unwrap();
        panic!(
            "{name}: {} of {} differ; first [{first}]: {} for {}; worst [{worst}]: {} for {}",
            bad.len(),
            got.len(),
            got[*first],
            expected[*first],
            got[*worst],
            expected[*worst],
        );
    }
}

// ---- noise

/// 2e-6 is asked for; the numbers are equal to the last bit, and stay so.
#[test]
fn noise_is_torchs_to_the_last_bit() {
    for draw in list(&fixture("noise.json")["draws"]) {
        let (seed, size) = (draw["seed"].as_u64().unwrap(), count(&draw["size"]));
        let name = format!("seed {seed}, {size} numbers");
        let got = Generator::new(seed).randn(size);
        let (head, tail) = (numbers(&draw["head"]), numbers(&draw["tail"]));
        // Fewer than 16 numbers go through the system's double-precision cosine, whose last bit may differ;
        // single precision hides it but for one number in a hundred million.
        assert_close(&name, &got[..head.len()], &head, 0.0, 0.0);
        assert_close(&name, &got[size - tail.len()..], &tail, 0.0, 0.0);
        let sum: f64 = got.iter().map(|x| f64::from(*x)).sum();
        let squares: f64 = got.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        assert!((sum - draw["sum"].as_f64().unwrap()).abs() < 1e-6, "{name}: sum {sum}");
        assert!((squares / draw["squares"].as_f64().unwrap() - 1.0).abs() < 1e-8, "{name}");
    }
}

#[test]
fn consecutive_draws_are_torchs() {
    for sequence in list(&fixture("noise.json")["sequences"]) {
        let mut generator = Generator::new(sequence["seed"].as_u64().unwrap());
        for (i, draw) in list(&sequence["draws"]).iter().enumerate() {
            let expected = numbers(draw);
            let got = generator.randn(expected.len());
            assert_close(&format!("draw {i}"), &got, &expected, 0.0, 0.0);
        }
    }
}

/// Fresh trees give the same path as one that is asked many times, as torchsde's do.
///
/// The increments are equal to the last bit; torch's square root, by which they are divided, is not always
/// rounded correctly.
#[test]
fn brownian_paths_are_torchsdes() {
    for path in list(&fixture("brownian.json")["paths"]) {
        let seed = path["seed"].as_u64().unwrap();
        let (min, max) = (number(&path["sigma_min"]), number(&path["sigma_max"]));
        let stretches = list(&path["noise"]);
        let new = || BrownianTree::new(seed, min, max, list(&stretches[0]["values"]).len());
        let mut tree = new();
        for stretch in stretches {
            let (from, to) = (number(&stretch["from"]), number(&stretch["to"]));
            let name = format!("seed {seed}, {from} to {to}");
            let expected = numbers(&stretch["values"]);
            assert_close(&name, &tree.noise(from, to), &expected, 0.0, 2.5e-7);
            assert_close(&name, &new().noise(from, to), &expected, 0.0, 2.5e-7);
        }
    }
}

// ---- schedules

/// Levels within 2e-6: torch computes them in single precision as we do, the fixture in double.
#[test]
fn schedules_and_levels_are_the_references() {
    let cases = fixture("schedules.json");
    for case in list(&cases) {
        let name = text(&case["name"]);
        let config = ScheduleConfig::from_json(name, &case["config"].to_string()).unwrap();
        let schedule = NoiseSchedule::new(&config);
        let table: Vec<f32> = schedule.sigmas().iter().copied().step_by(37).collect();
        assert_eq!(schedule.sigmas().len(), 1000);
        assert_close(name, &table, &numbers(&case["table"]), 0.0, 2e-7);
        assert_close(name, &[schedule.sigma_max()], &[number(&case["last"])], 0.0, 2e-7);

        let probes = numbers(&case["probes"]);
        let nearest: Vec<f32> = probes.iter().map(|sigma| schedule.timestep(*sigma)).collect();
        assert_close(name, &nearest, &numbers(&case["nearest"]), 0.0, 0.0);
        let fractional: Vec<f32> =
            probes.iter().map(|sigma| schedule.fractional_timestep(*sigma)).collect();
        assert_close(name, &fractional, &numbers(&case["fractional"]), 1e-3, 0.0);

        let runs = list(&case["runs"]);
        assert_eq!(runs.len() % SCHEDULERS.len(), 0);
        for run in runs {
            let (scheduler, steps) = (text(&run["scheduler"]), count(&run["steps"]));
            let got = Scheduler::from_name(scheduler).unwrap().sigmas(&schedule, steps).unwrap();
            let expected = numbers(&run["sigmas"]);
            assert_close(&format!("{name} {scheduler} {steps}"), &got, &expected, 0.0, 2e-6);
        }
    }
}

#[test]
fn curves_are_the_references() {
    let schedule = NoiseSchedule::new(&ScheduleConfig::default());
    for case in list(&fixture("curves.json")) {
        let numbers: Vec<f64> =
            list(&case["numbers"]).iter().map(|number| number.as_f64().unwrap()).collect();
        let (steps, n) = (numbers[0] as usize, &numbers[1..]);
        let got = match text(&case["name"]) {
            "karras" => curves::karras(steps, n[0], n[1], n[2]),
            "exponential" => curves::exponential(steps, n[0], n[1]),
            "polyexponential" => curves::polyexponential(steps, n[0], n[1], n[2]),
            "vp" => curves::vp(steps, n[0], n[1], n[2]),
            "laplace" => curves::laplace(steps, n[0], n[1], n[2], n[3]),
            "beta" => curves::beta(&schedule, steps, n[0], n[1]),
            name => panic!("unknown curve {name}"),
        }
        .unwrap();
        let name = format!("{} {numbers:?}", case["name"]);
        // k-diffusion's `vp` takes 1 from a number near 1 in single precision.
        let relative = if text(&case["name"]) == "vp" { 3e-4 } else { 3e-6 };
        assert_close(&name, &got, &self::numbers(&case["sigmas"]), 0.0, relative);
    }
}

// ---- samplers

const NUMBERS: usize = 4 * 8 * 8;

/// The network of `tests/reference/samplers.py`.
struct Formula;

fn picture(i: usize) -> f32 {
    (i * 37 % 101) as f32 / 50.0 - 1.0
}

impl Denoise for Formula {
    fn denoise<'a>(
        &'a mut self,
        x: &'a [f32],
        sigma: f32,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<f32>>> + 'a>> {
        let total = 1.0 + sigma * sigma;
        let bend = 0.25 * sigma / (1.0 + sigma);
        let answer = x
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let u = x / total.sqrt();
                (x + sigma * sigma * picture(i)) / total + bend * u / (1.0 + u * u)
            })
            .collect();
        Box::pin(async move { Ok(answer) })
    }
}

/// The formula never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the model waited"),
    }
}

/// Every sampler that has a reference, every scheduler, denoise below 1, and a mask.
///
/// The tolerance is single precision over a run: the references add and multiply in another order.
#[test]
fn trajectories_are_the_references() {
    let fixture = fixture("samplers.json");
    let seed = fixture["seed"].as_u64().unwrap();
    let schedule = NoiseSchedule::new(&ScheduleConfig::default());
    let mut seen = Vec::new();
    for case in list(&fixture["cases"]) {
        let (sampler, scheduler) = (text(&case["sampler"]), text(&case["scheduler"]));
        let (steps, denoise) = (count(&case["steps"]), case["denoise"].as_f64().unwrap());
        let masked = case["masked"].as_bool().unwrap();
        let name = format!(
            "{sampler} {scheduler} {steps} denoise {denoise} masked {masked} {}",
            case["options"]
        );
        seen.push((sampler, scheduler));
        // The length of its steps hangs on the difference of two nearly equal latents, and so on rounding.
        let (absolute, relative) =
            if sampler == "dpm_adaptive" { (5e-4, 5e-4) } else { (ABSOLUTE, RELATIVE) };
        let sampler = Sampler::from_name(sampler).unwrap();
        let scheduler = Scheduler::from_name(scheduler).unwrap();

        let sigmas = numbers(&case["sigmas"]);
        let mut own = sampling_sigmas(&schedule, scheduler, sampler, steps, denoise).unwrap();
        let mut options = sampler.options();
        if sampler == Sampler::SaSolver {
            // Where we follow ComfyUI and the reference differs: the end, the weights, the noisy levels.
            own.pop();
            options.simple_order_2 = true;
            options.noisy = [f64::INFINITY, 0.0];
        }
        set(&mut options, &case["options"]);
        assert_close(&name, &own, &sigmas, 0.0, 2e-6);

        let noise = Generator::new(seed).randn(NUMBERS);
        let latent: Vec<f32> = (0..NUMBERS)
            .map(|i| if denoise == 1.0 { 0.0 } else { 0.5 * picture(i / 8 * 8 + 7 - i % 8) })
            .collect();
        let x = schedule.noised(&latent, &noise, sigmas[0]).unwrap();
        let protected = inpaint_noise(sampler, seed, &noise);
        let mask = (0..NUMBERS).map(|i| if masked { (i % 8) as f32 / 7.0 } else { 1.0 }).collect();
        let mut formula = Formula;
        let mut model = Inpaint::new(&mut formula, mask, latent, protected).unwrap();

        // The reference runs on its own levels: a Brownian path is another at a level 1e-6 away.
        let mut middle = Vec::new();
        let mut step_noise = StepNoise::new(seed);
        let method = Method { sampler, options };
        let latent = now(sample(method, &mut model, x, &sigmas, &mut step_noise, &mut |info| {
            middle.push(info.x.iter().copied().step_by(32).collect::<Vec<f32>>());
            Ok(())
        }))
        .unwrap();

        for (step, expected) in case["middle"].as_object().unwrap() {
            let got = &middle[step.parse::<usize>().unwrap()];
            assert_close(
                &format!("{name}, step {step}"),
                got,
                &numbers(expected),
                absolute,
                relative,
            );
        }
        let got: Vec<f32> = latent.into_iter().step_by(10).collect();
        assert_close(&name, &got, &numbers(&case["final"]), absolute, relative);
    }
    for scheduler in SCHEDULERS {
        assert!(seen.iter().any(|(_, known)| *known == scheduler), "no case for {scheduler}");
    }
    let others =
        ["_cfg_pp", "_gpu", "heunpp2", "exp_heun", "ipndm", "res_", "gradient_", "seeds_", "_pece"];
    for sampler in SAMPLERS.iter().filter(|name| !others.iter().any(|part| name.contains(part))) {
        assert!(seen.iter().any(|(known, _)| known == sampler), "no case for {sampler}");
    }
}

fn set(options: &mut SamplerOptions, values: &Value) {
    for (name, value) in values.as_object().unwrap() {
        let value = value.as_f64().unwrap();
        match name.as_str() {
            "order" => options.order = value as usize,
            "eta" => options.eta = value,
            "s_noise" => options.s_noise = value,
            "s_churn" => options.s_churn = value,
            "s_tmin" => options.s_tmin = value,
            "s_tmax" => options.s_tmax = value,
            "r" => options.r = value,
            "rtol" => options.rtol = value,
            "atol" => options.atol = value,
            "h_init" => options.h_init = value,
            "pcoeff" => options.pcoeff = value,
            "icoeff" => options.icoeff = value,
            "dcoeff" => options.dcoeff = value,
            "accept_safety" => options.accept_safety = value,
            _ => panic!("unknown option {name}"),
        }
    }
}

const ABSOLUTE: f32 = 5e-6;
const RELATIVE: f32 = 5e-6;
