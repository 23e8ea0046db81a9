//! Conditions with areas, masks and strengths mixed by weight, against numpy.

use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use tintype::diffusion::areas::{Entry, Part, Parts, Rect, denoise_lists};
use tintype::error::Result;

use crate::support::{assert_close, block_on, fixture};

/// The network of `tests/reference/areas.py`.
struct Affine;

impl Parts for Affine {
    fn denoise_parts<'a>(
        &'a mut self,
        parts: &'a [Part],
        _: f32,
    ) -> LocalBoxFuture<'a, Result<Vec<Vec<f32>>>> {
        let answer = |part: &Part| -> Vec<f32> {
            let size = part.area.height * part.area.width;
            let condition = part.condition as f32;
            let plane = |plane: &[f32]| {
                let mean = plane.iter().sum::<f32>() / size as f32;
                let one = move |x: &f32| x * (0.5 + 0.25 * condition) + condition + mean;
                plane.iter().map(one).collect::<Vec<_>>()
            };
            part.x.chunks_exact(size).flat_map(plane).collect()
        };
        let answers = parts.iter().map(answer).collect();
        Box::pin(async move { Ok(answers) })
    }
}

#[test]
fn conditions_are_mixed_by_weight_as_in_numpy() {
    let text = std::fs::read_to_string(fixture("sampling/areas.json")).unwrap();
    let fixture: Value = serde_json::from_str(&text).unwrap();
    let shape: [usize; 4] = serde_json::from_value(fixture["shape"].clone()).unwrap();
    let numbers = shape.iter().product::<usize>();
    let x: Vec<f32> = (0..numbers).map(|i| (i as f64 * 0.37).sin() as f32).collect();
    let entry = |json: &Value| {
        let mut entry = Entry::new(json["condition"].as_u64().unwrap() as usize);
        entry.strength = json["strength"].as_f64().unwrap_or(1.0) as f32;
        if json["area"].is_array() {
            let [y, x, height, width] = serde_json::from_value(json["area"].clone()).unwrap();
            entry.area = Some(Rect { y, x, height, width });
        }
        if json["mask"].is_array() {
            let planes: Vec<Vec<Vec<f32>>> = serde_json::from_value(json["mask"].clone()).unwrap();
            entry.mask = Some(planes.concat().concat().into());
        }
        entry
    };
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let lists = [case["entries"].as_array().unwrap().iter().map(entry).collect()];
        let out = block_on(denoise_lists(&mut Affine, &lists, &x, shape, 1.0, 0)).unwrap();
        let every_fifth: Vec<f32> = out[0].iter().copied().step_by(5).collect();
        let expected: Vec<f32> = serde_json::from_value(case["every_fifth"].clone()).unwrap();
        assert_close(case["name"].as_str().unwrap(), &every_fifth, &expected, 1e-5);
    }
}
