//! Every kind of LoRA that is read, added to a tiny network.

use std::collections::BTreeMap;

use half::f16;
use tintype::models::clip::ClipConfig;
use tintype::models::unet::{UnetCondition, UnetConfig};
use tintype::models::{ClipTextModel, Unet};
use tintype::store::MemorySource;
use tintype::weights::Weights;
use tintype::weights::checkpoint::Part;
use tintype::weights::lora::{Adapted, LORA_HOST_TABLES, Lora};

use crate::support::tiny::{fill, loaded, write};
use crate::support::{
    Closeness, block_on, fixture, references, relative_error, tested_device, tolerance_of_sums,
    values,
};

/// Tensors of the LoRAs, by case.
pub(crate) fn listed() -> BTreeMap<String, Vec<(String, Vec<usize>)>> {
    let text = std::fs::read_to_string(fixture("checkpoints/loras.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A LoRA's file. How strong a change is, is 2; the other numbers follow from the names.
pub(crate) fn file(case: &str) -> Vec<u8> {
    let numbers = |(name, shape): (String, Vec<usize>)| {
        let numbers =
            if name.ends_with(".alpha") { vec![f16::from_f32(2.0)] } else { fill(&name, &shape) };
        (name, shape, numbers)
    };
    write(listed().remove(case).unwrap().into_iter().map(numbers).collect())
}

fn lora(case: &str) -> Lora {
    let source = MemorySource::new(case, file(case));
    let load = Weights::load;
    let weights =
        block_on(load(&source, &tested_device(), &LORA_HOST_TABLES, &mut |_, _| Ok(()))).unwrap();
    Lora::of(weights).unwrap()
}

fn networks() -> (Unet, ClipTextModel) {
    let (checkpoint, mut parts) = loaded("tiny_sd1");
    let shapes = |part| &checkpoint.parts[&part];
    let unet = UnetConfig::from_shapes("tiny", shapes(Part::Unet)).unwrap();
    let clip = ClipConfig::from_shapes("tiny", shapes(Part::TextEncoder)).unwrap();
    (
        Unet::load(unet, parts.remove(&Part::Unet).unwrap()).unwrap(),
        ClipTextModel::load(clip, parts.remove(&Part::TextEncoder).unwrap()).unwrap(),
    )
}

#[test]
fn every_kind_of_lora_changes_a_network_as_its_reference_does() {
    let (unet, clip) = networks();
    let (inputs, answers) =
        (references("checkpoints/tiny.safetensors"), references("checkpoints/loras.safetensors"));
    let condition = UnetCondition {
        context: inputs["tiny_sd1.context"].tensor().into(),
        added: None,
        timestep_cond: None,
    };
    let run = |unet: &Unet| {
        values(unet.forward(inputs["tiny_sd1.sample"].tensor(), &[500.0], &condition))
    };
    let mut close = Closeness::within(tolerance_of_sums());
    close.check("none", &run(&unet), &answers["none"].data);
    for case in listed().into_keys().filter(|case| case != "text") {
        let lora = lora(&case);
        let (changed, what) = unet.with_lora(&lora, 0.7).unwrap();
        assert_eq!(
            what.layers.len(),
            lora.len(),
            "{case}: {:?}",
            lora.layers().collect::<Vec<_>>()
        );
        close.check(&case, &run(&changed), &answers[&case].data);
        // As much again the other way is nothing.
        let (undone, _) = changed.with_lora(&lora, -0.7).unwrap();
        assert!(
            relative_error(&run(&undone), &answers["none"].data) < tolerance_of_sums(),
            "{case}"
        );
    }
    let (changed, _) = clip.with_lora(&lora("text"), Adapted::TextEncoder, 0.7).unwrap();
    let out = changed.forward(&[vec![49406, 320, 1125, 539, 320, 2368, 49407]], 2).unwrap();
    close.check("text", &values(out.hidden), &answers["text"].data);
}
