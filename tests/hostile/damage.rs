//! Headers damaged at random, the same on every run.

use serde_json::json;
use tintype::error::ErrorKind;
use tintype::store::MemorySource;
use tintype::weights::safetensors;

use super::header;

/// xorshift64*: the same bytes on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }
}

/// What a header is made of, and what breaks parsers.
const PIECES: [&[u8]; 16] = [
    b"18446744073709551615",
    b"9223372036854775808",
    b"-1",
    b"0",
    b"1e3",
    b"4294967296",
    b"null",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b",",
    b"\"dtype\":\"I64\",",
    b"\xff\xfe",
    b"\\ud800",
];

pub(crate) fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = b'0' + random.below(10) as u8,
        2 => {
            let end = (at + 1 + random.below(12)).min(bytes.len());
            bytes.drain(at..end);
        }
        3 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        _ => {
            let end = (at + 1 + random.below(40)).min(bytes.len());
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
    }
}

/// 20 000 damaged headers: each is refused by one of the format's errors, or obeys all of its rules.
#[test]
fn random_damage_never_panics() {
    let values = [0.5; 6];
    let list: [(&str, &[usize], &[f32]); 3] =
        [("a.weight", &[2, 3], &values), ("a.bias", &[2], &values[..2]), ("b", &[], &values[..1])];
    let metadata = json!({ "format": "pt" });
    let valid = safetensors::write(&list, metadata.as_object().unwrap());
    let json_end = 8 + u64::from_le_bytes(valid[..8].try_into().unwrap()) as usize;
    let mut random = Random(0x7469_6e74_7970_6531);
    let mut accepted = 0;
    for case in 0..20_000 {
        let mut json = valid[8..json_end].to_vec();
        for _ in 0..1 + random.below(3) {
            mutate(&mut json, &mut random);
        }
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(&json);
        bytes.extend(&valid[json_end..]);
        if random.below(8) == 0 {
            mutate(&mut bytes, &mut random);
        }
        let len = bytes.len() as u64;
        match header(&MemorySource::new("damaged", bytes)) {
            Ok(header) => {
                accepted += 1;
                let mut place = 0;
                for tensor in &header.tensors {
                    let numbers: usize = tensor.shape.iter().product();
                    assert_eq!(numbers * tensor.dtype.bytes(), tensor.bytes(), "case {case}");
                    assert_eq!(tensor.start, place, "case {case}");
                    place = tensor.end;
                }
                assert_eq!(header.data_start + place, len, "case {case}");
            }
            Err(error) => assert!(
                matches!(
                    error.kind(),
                    ErrorKind::BadHeader { .. }
                        | ErrorKind::BadOffsets { .. }
                        | ErrorKind::UnknownDtype { .. }
                        | ErrorKind::Truncated { .. }
                ),
                "case {case}: {error}"
            ),
        }
    }
    // Damage to a tensor's name does no harm; were nothing accepted, nothing would have been tried.
    assert!((200..10_000).contains(&accepted), "{accepted}");
}
