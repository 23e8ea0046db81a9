//! Inner maps of a call before, against the authors' own DeepCache.

use std::cell::RefCell;

use tintype::models::unet::{Changes, Inner};

use super::networks::{TOLERANCE, condition};
use crate::support::{Closeness, Folder, references, values};

#[test]
fn outer_layers_alone_answer_as_the_reference_does() {
    let unet = Folder::tiny("sd15").unet();
    let inputs = references("networks/sd15/unet/reference.safetensors");
    let expected = references("networks/deep_cache.safetensors");
    let (sample, told) = (inputs["even.sample"].tensor(), condition(&inputs, "even"));
    let mut closeness = Closeness::within(TOLERANCE);
    for branch in 0..3 {
        let map = RefCell::default();
        let inner = Some(Inner { layers: branch + 1, map: &map });
        for (call, time) in [801.0, 741.0, 681.0].into_iter().enumerate() {
            let sample = sample.clone() * (1.0 - call as f32 / 10.0);
            let plain = unet.forward(sample.clone(), &[time; 2], &told);
            let changes = Changes { inner, ..Changes::default() };
            let answer = values(unet.forward_with(sample, &[time; 2], &told, changes));
            if call == 0 {
                assert_eq!(answer, values(plain), "a call that finds no map computes everything");
            } else {
                let name = format!("{branch}.{call}");
                closeness.check(&name, &answer, &expected[&name].data);
                assert_ne!(answer, values(plain), "{name}");
            }
        }
    }
}
