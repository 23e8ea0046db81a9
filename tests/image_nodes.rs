//! Pixel arithmetic and the nodes of pictures against torch, Pillow and kornia.
//!
//! The fixtures are written by `tests/reference/images.py`.

use tintype::image::resample::{self, Method};

use crate::support::{Closeness, references};

#[test]
fn resizing_is_torchs_and_pillows() {
    let tensors = references("images/resample.safetensors");
    let mut close = Closeness::within(1e-6);
    for (name, expected) in &tensors {
        let Some((method, case)) = name.split_once('.') else { continue };
        let channels = method.trim_start_matches(|c: char| !c.is_ascii_digit());
        let method = Method::from_name(method.trim_end_matches(channels)).unwrap();
        let got = match (channels, case.split_once('.')) {
            _ if case == "line" => {
                let line: Vec<f32> = (0..1500).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
                resample::planes(&line, [1, 1500], [1, 1100], method).split_off(1000)
            }
            ("", plane) => {
                let x = &tensors["planes"];
                let to = expected.shape.last_chunk().unwrap();
                let data = plane.map_or(&x.data[..], |(_, plane)| x.part(plane.parse().unwrap()));
                resample::planes(data, [x.shape[1], x.shape[2]], *to, method)
            }
            _ => {
                let x = &tensors[&format!("picture{channels}")];
                let [from, to] = [x, expected].map(|t| [t.shape[0], t.shape[1]]);
                resample::interleaved(&x.data, from, to, x.shape[2], method)
            }
        };
        close.check(name, &got, &expected.data);
    }
}
