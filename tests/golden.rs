//! The bundled model against diffusers: three whole runs, step by step (`shared::golden`), on the CPU.

use tintype::device;
use tintype::store::native::FolderStore;

use crate::parity::halves::knows_halves;
use crate::shared::golden::{self, Golden};
use crate::support::{Closeness, Comparison, block_on, bundled_models, fixture, tested_device};

fn read(name: &str) -> Golden {
    let settings = std::fs::read_to_string(fixture(&format!("golden/{name}.json"))).unwrap();
    let references = std::fs::read(fixture(&format!("golden/{name}.safetensors"))).unwrap();
    Golden::parse(&settings, &references)
}

fn check(name: &str) {
    let models = FolderStore::new(bundled_models());
    let comparisons = block_on(golden::compare(&read(name), &models, &tested_device())).unwrap();
    Closeness::of(comparisons);
}

#[test]
fn euler_in_8_steps() {
    check("euler8");
}

#[test]
fn dpmpp_2m_in_12_steps() {
    check("dpmpp2m12");
}

#[test]
fn ddim_in_20_steps() {
    check("ddim20");
}

/// With the denoiser's maps in halves, where the GPU knows them, in the same noise: no number of the picture is more than 4 of
/// 255 off.
#[test]
fn a_picture_from_halves_is_nearly_the_same() {
    device::keep_halves(knows_halves());
    let models = FolderStore::new(bundled_models());
    let compared = block_on(golden::compare(&read("euler8"), &models, &tested_device())).unwrap();
    device::keep_halves(false);
    let picture = compared.into_iter().find(|one| one.name == "picture").unwrap();
    let allowed = if knows_halves() { 4.0 / 255.0 } else { picture.allowed };
    Closeness::of(vec![Comparison { allowed, ..picture }]);
}

/// The schedule from the config alone is the one the runs were made with.
#[test]
fn schedule_of_the_model() {
    let golden = read("ddim20");
    let schedule = golden.schedule();
    let alphas = &golden.get("alphas_cumprod").data;
    let sigmas: Vec<f32> = alphas.iter().map(|a| ((1.0 - a) / a).sqrt()).collect();
    Closeness::within(1e-5).check("sigmas", schedule.sigmas(), &sigmas);
}
