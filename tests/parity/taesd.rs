//! A tiny autoencoder against diffusers' `AutoencoderTiny`, from every kind of file that people have.

use tintype::models::Autoencoder;
use tintype::models::taesd::{Taesd, TinyDecoder, TinyEncoder};
use tintype::store::ModelStore;
use tintype::store::native::FolderStore;
use tintype::weights::Weights;

use super::networks::{TOLERANCE, blocks, check_blocks, observed};
use crate::support::{Closeness, block_on, fixture, load, references, values};

fn weights(path: &str) -> Weights {
    let store = FolderStore::new(fixture("taesd"));
    load(&*block_on(store.open(path, &mut |_, _| Ok(()))).unwrap()).unwrap()
}

#[test]
fn both_halves_whole_and_block_by_block() {
    let r = references("taesd/reference.safetensors");
    let taesd = Taesd::load(weights("vae/small.safetensors")).unwrap();
    assert_eq!((taesd.decoder.factor(), taesd.decoder.latent_channels()), (8, 4));
    let mut closeness = Closeness::within(TOLERANCE);
    let latent = r["latent"].data.clone();
    let outputs = observed(|| {
        let encoded = values(taesd.encoder.forward(r["image"].tensor()));
        closeness.check("encoded", &encoded, &r["encoded"].data);
        let decoded = values(taesd.decoder.decode(latent, [3, 2]));
        closeness.check("decoded", &decoded, &r["decoded"].data);
    });
    check_blocks(&mut closeness, outputs, blocks(&r, "blocks.", &[]));
}

#[test]
fn the_same_from_every_kind_of_file() {
    let r = references("taesd/reference.safetensors");
    let halves = Taesd::joined(
        TinyEncoder::load(weights("vae_approx/taesd_encoder.safetensors")).unwrap(),
        TinyDecoder::load(weights("vae_approx/taesd_decoder.safetensors")).unwrap(),
    );
    let all = [
        Taesd::load(weights("vae/small.safetensors")).unwrap(),
        Taesd::load(weights("vae/both.safetensors")).unwrap(),
        halves.unwrap(),
    ];
    let made = all.map(|taesd| {
        let encoded = values(taesd.encoder.forward(r["image"].tensor()));
        let decoded = values(taesd.decoder.decode(r["latent"].data.clone(), [3, 2]));
        [encoded, decoded]
    });
    assert!(made[0] == made[1] && made[0] == made[2]);
}

/// Latents on a VAE's links are not yet multiplied by the family's factor, those of a tiny autoencoder are.
#[test]
fn latents_are_scaled_on_the_way() {
    let r = references("taesd/reference.safetensors");
    let taesd = Taesd::load(weights("vae/small.safetensors")).unwrap();
    let vae = Autoencoder::Tiny { taesd: Box::new(taesd), scale: 0.25 };
    let mut closeness = Closeness::within(TOLERANCE);
    let [_, _, height, width] = r["image"].shape[..] else { panic!("a picture") };
    let plane = height * width;
    let pixels = (0..3 * plane).map(|i| r["image"].data[i % 3 * plane + i / 3]).collect();
    let no_pause = async || Ok(());
    let encoded = block_on(vae.encode(pixels, [height, width], no_pause)).unwrap();
    let encoded = values(encoded * 0.25);
    closeness.check("encoded", &encoded, &r["encoded"].data);
    let latent = r["latent"].data.iter().map(|v| v * 4.0).collect();
    let decoded = block_on(vae.decode(latent, [3, 2], no_pause)).unwrap();
    closeness.check("decoded", &values(decoded), &r["decoded"].data);
}
