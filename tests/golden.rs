//! The bundled model against diffusers: three whole runs, step by step.
//!
//! The references are `tests/fixtures/golden` (see the README there). Tolerance 1e-3 relative, f32.

use burn::tensor::{Tensor, TensorData};
use tintype::device::{self, DeviceKind};
use tintype::models::clip::{ClipConfig, TOKEN_TABLE};
use tintype::models::unet::{UnetCondition, UnetConfig};
use tintype::models::vae::VaeConfig;
use tintype::models::{ClipTextModel, Unet, Vae};
use tintype::prompt::Tokenizer;
use tintype::store::native::FolderStore;
use tintype::store::{self, ModelStore};
use tintype::weights::Weights;

use crate::support::{assert_close, block_on, bundled_models, references};

#[test]
fn one_unet_step() {
    block_on(async {
        let (device, _) = device::open(DeviceKind::Cpu, |_| {}).await.unwrap();
        let store = FolderStore::new(bundled_models());
        let g = references("golden/ddim20.safetensors");
        let tok = Tokenizer::load(&store, "sprite/tokenizer").await.unwrap();
        let ids = tok.windows(&tok.ids("a red dragon, 3d"));
        assert_eq!(ids[0], g["input_ids"].ints());
        let load = async |file: &str| {
            let source = store.open(file).await.unwrap();
            Weights::load(&*source, &device, &[TOKEN_TABLE], &mut |_, _| {}).await.unwrap()
        };
        let text = store::read_text(&store, "sprite/text_encoder/config.json").await.unwrap();
        let clip = ClipTextModel::load(ClipConfig::parse("c", &text).unwrap(), load("sprite/text_encoder/model.safetensors").await).unwrap();
        let out = clip.forward(&ids).unwrap();
        let emb = device::read(out.last_hidden_state.clone()).await.unwrap();
        assert_close("text", &emb, &g["text_embeddings"].data, 1e-3);
        let text = store::read_text(&store, "sprite/unet/config.json").await.unwrap();
        let unet = Unet::load(UnetConfig::parse("c", &text).unwrap(), load("sprite/unet/diffusion_pytorch_model.safetensors").await).unwrap();
        let x = Tensor::<4>::from_data(TensorData::new(g["latents"].part(0).to_vec(), [1,4,16,16]), &device);
        let cond = UnetCondition { context: out.last_hidden_state, added: None };
        for _ in 0..3 {
            let t0 = std::time::Instant::now();
            let y = device::read(unet.forward(x.clone(), &g["timesteps"].data[..1], &cond)).await.unwrap();
            println!("unet {:?}", t0.elapsed());
            assert_close("unet", &y, &g["unet_out"].data[1024..2048], 1e-3);
        }
        let text = store::read_text(&store, "sprite/vae/config.json").await.unwrap();
        let vae = Vae::load(VaeConfig::parse("c", &text).unwrap(), load("sprite/vae/diffusion_pytorch_model.safetensors").await).unwrap();
        let z: Vec<f32> = g["final_latent"].data.iter().map(|v| v / 0.18215).collect();
        let t0 = std::time::Instant::now();
        let y = device::read(vae.decode(Tensor::<4>::from_data(TensorData::new(z, [1,4,16,16]), &device))).await.unwrap();
        println!("vae {:?}", t0.elapsed());
        assert_close("vae", &y, &g["image"].data, 1e-3);
    });
}
