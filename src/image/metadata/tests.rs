use std::collections::BTreeMap;

use super::*;
use crate::image::{Image, codec};

type Texts = Vec<(String, String)>;

/// Files that Pillow wrote: `python tests/reference/metadata.py`.
macro_rules! pillow {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../tests/fixtures/metadata/", $name)).as_slice())),*]
    };
}

const PILLOW: [(&str, &[u8]); 15] = pillow![
    "text.png",
    "packed.png",
    "plain.png",
    "comfy.webp",
    "comfy_animated.webp",
    "a1111.webp",
    "a1111_be.jpg",
    "a1111_mixed.jpg",
    "a1111_le.jpg",
    "ascii.jpg",
    "undefined.jpg",
    "camera.jpg",
    "a1111.avif",
    "a1111.gif",
    "gimp.gif"
];

fn file(name: &str) -> &'static [u8] {
    PILLOW.iter().find(|(known, _)| *known == name).unwrap().1
}

fn pairs(texts: &[(&str, &str)]) -> Texts {
    texts.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn why(bytes: &[u8]) -> String {
    texts(bytes).unwrap_err().to_string()
}

/// A PNG of these chunks, with right check sums.
pub(in crate::image) fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        let checked = [&kind[..], data].concat();
        out.extend((data.len() as u32).to_be_bytes());
        out.extend(&checked);
        out.extend(png::crc(&checked).to_be_bytes());
    }
    out
}

#[test]
fn texts_of_files_that_pillow_wrote_are_found() {
    let index = include_str!("../../../tests/fixtures/metadata/index.json");
    let index: BTreeMap<String, Texts> = serde_json::from_str(index).unwrap();
    assert_eq!(index.len(), PILLOW.len());
    for (name, bytes) in PILLOW {
        assert_eq!(texts(bytes).unwrap(), index[name], "{name}");
    }
}

#[test]
fn png_texts_come_back_as_they_were_written() {
    let image = Image::new([1, 1, 1, 3], vec![0.0; 3]).unwrap();
    let given = pairs(&[
        ("prompt", r#"{"a":"\u9f8d"}"#),
        ("parameters", "a café\nSteps: 20"),
        ("workflow", "龍 🐉"),
        ("empty", ""),
    ]);
    let bytes = codec::encode_png(&image, 0, &given).unwrap();
    let mut back = texts(&bytes).unwrap();
    back.sort();
    let mut given = given;
    given.sort();
    assert_eq!(back, given);
}

/// Random texts of every kind of letter, as PNG texts and, where they are objects of JSON, as EXIF.
#[test]
fn whatever_is_written_is_read() {
    let image = Image::new([1, 1, 1, 3], vec![0.0; 3]).unwrap();
    let mut state = 1_u64;
    let mut draw = |below: u32| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % below
    };
    for round in 0..300 {
        let highest = [0x80, 0x100, 0x3000, 0x11_0000][round % 4];
        let mut text: String =
            (0..draw(60)).filter_map(|_| char::from_u32(draw(highest))).collect();
        let given = vec![("workflow".to_owned(), text.clone())];
        let png = codec::encode_png(&image, 0, &given).unwrap();
        assert_eq!(texts(&png).unwrap(), given, "{text:?}");
        text.retain(|c| c != '\0');
        let given = vec![("workflow".to_owned(), format!("{{{text}}}"))];
        let webp = codec::encode_webp(&image, 1.0, &given).unwrap();
        assert_eq!(texts(&webp).unwrap(), given, "{text:?}");
    }
}

#[test]
fn exif_is_what_pillow_writes_and_comes_back() {
    let webp = file("comfy.webp");
    let given = texts(webp).unwrap();
    let block = exif::block(&given);
    let at = webp.windows(4).position(|four| four == b"EXIF").unwrap() + 8;
    assert_eq!(webp[at..][..block.len()], block);
    let given = pairs(&[("workflow", "[]"), ("prompt", "{\"b\": \"\\u00e9\"}"), ("more", "{}")]);
    let mut found = Found { texts: Vec::new(), left: 1000, problem: None };
    exif::collect(&exif::block(&given), &mut found);
    let [workflow, prompt, more] = given.try_into().unwrap();
    assert_eq!(found.texts, [more, workflow, prompt], "in the order of the tags");
}

#[test]
fn text_outside_ascii_is_escaped_as_json_would_read_it() {
    let json = r#"{"text":"é 龍 🐉"}"#;
    let escaped = ascii_json(json);
    assert!(escaped.is_ascii());
    let (a, b): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(json).unwrap(), serde_json::from_str(&escaped).unwrap());
    assert_eq!(a, b);
}

/// Cut anywhere, or with any one byte changed, a file gives texts or an error, and never more than it holds.
#[test]
fn damaged_files_give_texts_or_an_error() {
    for (name, bytes) in PILLOW {
        for end in 0..bytes.len() {
            if let Ok(found) = texts(&bytes[..end]) {
                assert!(found.len() <= 4, "{name} cut at {end}: {found:?}");
            }
        }
        let mut changed = bytes.to_vec();
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff, bytes[at] ^ 1] {
                changed[at] = value;
                // A changed count or length may find a text twice, not a hundred times.
                assert!(texts(&changed).map_or(0, |found| found.len()) <= 8, "{name} at {at}");
            }
            changed[at] = bytes[at];
        }
    }
}

#[test]
fn what_cannot_be_read_is_said_unless_something_can() {
    let broken: [(&[u8; 4], &[u8], &str); 9] = [
        (b"tEXt", b"prompt", "no keyword"),
        (b"tEXt", b"\0text", "79 characters"),
        (b"tEXt", &[b'a'; 90], "no keyword"),
        (b"zTXt", b"prompt\0", "cut short"),
        (b"zTXt", b"prompt\0\x01abc", "unknown way"),
        (b"zTXt", b"prompt\0\0abc", "cannot be unpacked"),
        (b"iTXt", b"prompt\0\0\0en", "cut short"),
        (b"iTXt", b"prompt\0\0\0\0\0\xff\xfe", "not UTF-8"),
        (b"eXIf", b"II*", "EXIF is damaged"),
    ];
    for (kind, data, part) in broken {
        let bytes = png_of(&[(kind, data), (b"IEND", b"")]);
        assert!(why(&bytes).contains(part), "{part}: {}", why(&bytes));
        let bytes = png_of(&[(kind, data), (b"tEXt", b"workflow\0{}"), (b"IEND", b"")]);
        assert_eq!(texts(&bytes).unwrap(), pairs(&[("workflow", "{}")]), "{part}");
    }
    let bytes = png_of(&[(b"comf", b"prompt\0{}"), (b"IEND", b"")]);
    assert_eq!(texts(&bytes).unwrap(), pairs(&[("prompt", "{}")]), "an animation of ComfyUI");
    let mut bytes = png_of(&[(b"tEXt", b"prompt\0{}")]);
    assert_eq!(texts(&bytes).unwrap(), pairs(&[("prompt", "{}")]), "cut after the text");
    *bytes.last_mut().unwrap() ^= 1;
    bytes.extend(&png_of(&[(b"IEND", b"")])[8..]);
    assert!(why(&bytes).contains("check sum"), "{}", why(&bytes));
    let long = [b"tEXt".as_slice(), &[0xff; 8]].concat();
    let long = [b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff", &long[..]].concat();
    assert!(why(&long).contains("cut short"), "a length of 4 GiB");
    let error = texts(b"BM....").unwrap_err();
    assert!(error.to_string().contains("use a PNG, JPEG, WebP, GIF or AVIF file"), "{error}");
    assert!(texts(b"").is_err());
}

#[test]
fn a_header_of_a_billion_pixels_costs_nothing() {
    let mut header = [0; 13];
    header[..4].copy_from_slice(&100_000_u32.to_be_bytes());
    header[4..8].copy_from_slice(&100_000_u32.to_be_bytes());
    header[8..10].copy_from_slice(&[16, 6]);
    let bytes = png_of(&[(b"IHDR", &header), (b"tEXt", b"prompt\0{}"), (b"IEND", b"")]);
    assert_eq!(texts(&bytes).unwrap(), pairs(&[("prompt", "{}")]));
}

#[test]
fn bombs_stop_at_the_limit() {
    let packed = packed_zeros(MAX_TEXT_BYTES + 1);
    assert!(packed.len() < MAX_TEXT_BYTES / 100);
    let chunk = [b"prompt\0\0".as_slice(), &packed].concat();
    let one = png_of(&[(b"zTXt", &chunk), (b"IEND", b"")]);
    assert!(why(&one).contains("32 MiB"), "{}", why(&one));
    // Each is within the limit, all together are not: reading stops at the first that does not fit.
    let half = [b"prompt\0\0".as_slice(), &packed_zeros(MAX_TEXT_BYTES / 2)].concat();
    let many = vec![(b"zTXt", half.as_slice()); 50];
    assert_eq!(texts(&png_of(&many)).unwrap().len(), 1);
}

fn packed_zeros(length: usize) -> Vec<u8> {
    fdeflate::compress_to_vec(&vec![0; length])
}

/// Sixty thousand entries that all point at the same long text.
#[test]
fn exif_that_repeats_itself_is_bounded() {
    let entries = 60_000_u16;
    let start = 10 + 12 * u32::from(entries) + 4;
    let text = [b"a:{".as_slice(), &vec![b'x'; 1 << 20]].concat();
    let mut block = b"II*\0\x08\0\0\0".to_vec();
    block.extend(entries.to_le_bytes());
    for _ in 0..entries {
        block.extend([0x0f, 0x01, 2, 0]);
        block.extend((text.len() as u32).to_le_bytes());
        block.extend(start.to_le_bytes());
    }
    block.extend([0; 4]);
    block.extend(text);
    let mut found = Found { texts: Vec::new(), left: MAX_TEXT_BYTES, problem: None };
    exif::collect(&block, &mut found);
    let total: usize = found.texts.iter().map(|(_, text)| text.len()).sum();
    assert!(total <= MAX_TEXT_BYTES && found.left == 0, "{total}");
}

#[test]
fn exif_that_points_nowhere_or_at_itself_ends() {
    let mut block = b"MM\0*\0\0\0\x08\0\x01".to_vec();
    // The inner directory is the outer one.
    block.extend([0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8]);
    let mut found = Found { texts: Vec::new(), left: 1000, problem: None };
    exif::collect(&block, &mut found);
    for at in [0xff, 4] {
        block[4..8].fill(at);
        exif::collect(&block, &mut found);
    }
    assert!(found.texts.is_empty());
}
