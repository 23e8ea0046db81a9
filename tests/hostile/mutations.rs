//! Workflow files, pictures and prompts, cut and damaged at random, the same on every run.

use tintype::formats;
use tintype::graph::Registry;
use tintype::image::{Image, codec};
use tintype::nodes::NODES;

use super::damage::{Random, mutate};
use super::texts;
use crate::support::fixture;

const INFOTEXT: &str = "a (cat:1.2) <lora:ink:0.5>\nNegative prompt: fog, [dog:cow:0.5]\nSteps: 2, Sampler: Euler a, \
    Schedule type: Karras, CFG scale: 7, Seed: 5, Size: 64x64, Model: m, Denoising strength: 0.5, Hires upscale: 2, \
    Lora hashes: \"ink: 12ab\", RNG: CPU";

/// What prompts are made of, and what breaks their parsers.
const PROMPTS: [&str; 6] = [
    "a (red:1.3) [blue] ((green)) \\(plain\\) embedding:old, é 龍",
    "[cat:dog:0.5] [cow|horse] fog BREAK sky AND a [sea::3] :2 <lora:ink:0.7:0.5> <hypernet:x:1>",
    "{a|b {c|d}|} __a__ __none__ \\{x\\} // words\n/* more */ # last",
    "https://p.example/a.png a fox::2 a wolf::-0.5 --ar 16:9 --no fog, rain --seed 5 --chaos 10 --stop 80 --tile",
    "a {red, blue, \\, green} fox --repeat 3 --ar {1:1, 2:3} --iw 0.5 --stylize 100",
    "((((((((((a:1.1):1.1)[[[[b]]]]{{c}}",
];

/// Every workflow file of the tests, and a picture that carries three of them.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(fixture("workflows"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .filter(|(name, _)| !name.ends_with(".md"))
        .collect();
    files.sort();
    assert!(files.len() > 15);
    let text = |name: &str| std::fs::read_to_string(fixture("workflows").join(name)).unwrap();
    let texts = [
        ("parameters", INFOTEXT.to_owned()),
        ("prompt", text("two_outputs.json")),
        ("workflow", text("ui_text_to_image.json")),
    ];
    let image = Image::new([1, 2, 2, 3], vec![0.5; 12]).unwrap();
    let texts = texts.map(|(name, text)| (name.to_owned(), text));
    files.push(("picture.png".to_owned(), codec::encode_png(&image, 0, &texts).unwrap()));
    files.push(("infotext".to_owned(), INFOTEXT.into()));
    files
}

/// Lays the chunks of a PNG out anew: one of them twice, missing, or elsewhere.
fn shuffle_chunks(png: &[u8], random: &mut Random) -> Vec<u8> {
    let (head, mut rest) = png.split_at(8);
    let mut chunks = Vec::new();
    while let Some(length) = rest.first_chunk() {
        let (chunk, after) = rest.split_at(12 + u32::from_be_bytes(*length) as usize);
        chunks.push(chunk);
        rest = after;
    }
    let (from, to) = (random.below(chunks.len()), random.below(chunks.len()));
    match random.below(3) {
        0 => chunks.insert(to, chunks[from]),
        1 => drop(chunks.remove(from)),
        _ => chunks.swap(from, to),
    }
    [head, &chunks.concat()].concat()
}

fn try_all(bytes: &[u8]) -> bool {
    if let Ok(text) = std::str::from_utf8(bytes) {
        texts::parameters(text);
        texts::yaml(text);
    }
    texts::picture(bytes)
}

#[test]
fn workflow_files_cut_and_damaged_never_panic() {
    let mut random = Random(0x7469_6e74_7970_6532);
    let (mut read, mut refused) = (0, 0);
    for (name, whole) in files() {
        assert!(try_all(&whole), "{name}");
        for case in 0..130 {
            let mut bytes = whole.clone();
            match case % 4 {
                0 => bytes.truncate(random.below(whole.len())),
                1 if name.ends_with(".png") => bytes = shuffle_chunks(&whole, &mut random),
                _ => (0..1 + random.below(4)).for_each(|_| mutate(&mut bytes, &mut random)),
            }
            *(if try_all(&bytes) { &mut read } else { &mut refused }) += 1;
        }
    }
    // Were nothing read, or nothing refused, nothing would have been tried.
    assert!(read > 200 && refused > 200, "{read} read, {refused} refused");
}

#[test]
fn prompts_cut_and_damaged_never_panic() {
    let mut random = Random(0x7469_6e74_7970_6533);
    for whole in PROMPTS {
        texts::prompt(whole);
        for case in 0..130 {
            let mut bytes = whole.as_bytes().to_vec();
            if case % 4 == 0 {
                bytes.truncate(random.below(whole.len()));
            } else {
                (0..1 + random.below(6)).for_each(|_| mutate(&mut bytes, &mut random));
            }
            texts::prompt(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn brackets_without_end_are_refused_or_read_at_once() {
    for piece in [
        "(", "[", "{", "[a:", "{a|", "((a:", "{\"a\":", "[[", "- ", "a: {", "\\(", "__a__", "--no ",
    ] {
        let text = piece.repeat(20_000);
        texts::prompt(&text);
        try_all(text.as_bytes());
    }
}

#[test]
fn million_nodes_are_refused_by_their_number() {
    let registry = Registry::from_static(NODES);
    let message = |text: String| formats::read(text.as_bytes(), &registry).unwrap_err().to_string();
    let mut api = String::from("{");
    for id in 0..1_000_000 {
        api += &format!(r#""{id}":{{}},"#);
    }
    let words = message(api + r#""x":{}}"#);
    assert!(words.contains("1000001 nodes, expected at most 20000"), "{words}");
    let words = message(format!(r#"{{"nodes":[{}{{}}]}}"#, "{},".repeat(1_000_000)));
    assert!(words.contains("20000"), "{words}");
}
