use burn::tensor::TensorData;
use serde_json::Value;

use super::*;
use crate::device::{self, DeviceKind};

/// `[batch, tokens, channels]`.
fn tensor(values: Vec<f32>, shape: [usize; 3]) -> Tensor<3> {
    let device = pollster::block_on(device::open(DeviceKind::Cpu, |_| {})).unwrap().0;
    Tensor::from_data(TensorData::new(values, shape), &device)
}

fn read(x: Tensor<3>) -> Vec<f32> {
    pollster::block_on(device::read(x)).unwrap()
}

fn close(ours: &[f32], theirs: &[f32]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= 1e-5)
}

#[test]
fn tokens_are_merged_as_tomesd_does() {
    let cases = include_str!("../../../../tests/fixtures/sampling/token_merging.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let list = |name: &str| -> Vec<f32> { serde_json::from_value(case[name].clone()).unwrap() };
        let sides =
            |name: &str| -> Vec<usize> { serde_json::from_value(case[name].clone()).unwrap() };
        let shape: [usize; 3] = sides("shape").try_into().unwrap();
        let size: [usize; 2] = sides("size").try_into().unwrap();
        let (share, seed) = (case["share"].as_f64().unwrap(), case["seed"].as_u64().unwrap());
        let x = tensor(list("x"), shape);
        let merge = Merge::new(&x, size, share, seed).unwrap();
        let merged = merge.merged(x);
        assert!(close(&read(merged.clone()), &list("merged")), "{size:?} {share}");
        let back = merge.back(merged * 2.0 + 1.0);
        assert!(close(&read(back), &list("back")), "{size:?} {share}");
    }
}

#[test]
fn equal_tokens_have_places_of_their_own() {
    let x = tensor(vec![1.0; 2 * 16 * 3], [2, 16, 3]);
    let merge = Merge::new(&x, [4, 4], 0.5, 7).unwrap();
    assert_eq!(merge.kept, 8);
    assert_eq!(read(merge.back(merge.merged(x))), vec![1.0; 2 * 16 * 3]);
}

#[test]
fn tiles_are_cut_and_put_together() {
    let x = tensor((0..2 * 24).map(|v| v as f32).collect(), [2, 24, 1]);
    let seen = std::cell::RefCell::new(Vec::new());
    let same = in_tiles(x.clone(), [4, 6], [2, 3], &|tile, size| {
        assert_eq!((size, tile.dims()), ([2, 2], [12, 4, 1]));
        seen.borrow_mut().extend(read(tile.clone()));
        tile
    });
    assert_eq!(read(same), read(x));
    assert_eq!(seen.borrow()[..8], [0.0, 1.0, 6.0, 7.0, 2.0, 3.0, 8.0, 9.0]);
}

#[test]
fn tiles_have_one_of_the_smallest_sides_that_fit() {
    let tiles = Tiles { side: 32, sizes: 2, depth: 1, grow: true };
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let counts = tiles.counts([96, 64], 0, seed);
        assert!([3, 2].contains(&counts[0]) && [2, 1].contains(&counts[1]), "{counts:?}");
        assert_eq!(counts, tiles.counts([96, 64], 0, seed));
        seen.insert(counts);
    }
    assert_eq!(seen.len(), 4);
    // A level below, twice the side; a map that is smaller than a tile is one.
    assert_eq!(tiles.counts([64, 48], 1, 3)[1], 1);
    assert_eq!(tiles.counts([7, 5], 0, 3), [1, 1]);
}

#[test]
fn what_saves_nothing_changes_nothing() {
    let x = tensor((0..64).map(|v| (v * 37 % 29) as f32).collect(), [1, 64, 1]);
    let attend = |saving: Saving, size| {
        read(saving.attend("a", x.clone(), size, &|q, k| q * 3.0 + k.mean_dim(1)))
    };
    let plain = read(x.clone() * 3.0 + x.clone().mean_dim(1));
    let saving = |savings| Saving { savings, size: [8, 8], seed: 5 };
    let tiles = |side, depth| Some(Tiles { side, sizes: 1, depth, grow: false });
    assert_eq!(attend(saving(Savings::default()), [8, 8]), plain);
    let merging = |depth| Some(Merging { share: 0.5, depth });
    assert_eq!(attend(saving(Savings { tiles: tiles(8, 0), merging: None }), [8, 8]), plain);
    let cut = Savings { tiles: tiles(4, 0), merging: None };
    assert_ne!(attend(saving(cut), [8, 8]), plain);
    assert_ne!(attend(saving(Savings { tiles: None, merging: merging(0) }), [8, 8]), plain);
    // Maps that were halved: only what is told to goes so deep.
    let below =
        Saving { size: [16, 16], ..saving(Savings { tiles: tiles(4, 0), merging: merging(0) }) };
    assert_eq!(attend(below, [8, 8]), plain);
    let deep = Savings { tiles: tiles(4, 1), merging: None };
    assert_ne!(attend(Saving { savings: deep, ..below }, [8, 8]), plain);
    let deep = Savings { tiles: None, merging: merging(1) };
    assert_ne!(attend(Saving { savings: deep, ..below }, [8, 8]), plain);
}
