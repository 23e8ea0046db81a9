//! The parts a large file is fetched in, and how a file that lies here says which of them it has.
//!
//! While it comes, a file is longer than it will be: after its last byte there is a mark for each part. When all parts
//! are there, and the hash is right, the marks are cut off. So a file of the right size is whole, however its download
//! ended, and one that is shorter has only its beginning, as one connection left it.

use std::ops::Range;

/// Bytes of a part: what is fetched again, at most, of each after a break.
const PART_BYTES: u64 = 16 << 20;

const WHOLE: u8 = b'#';
const MISSING: u8 = b'.';

/// Which parts of a file of a known length are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    len: u64,
    marks: Vec<u8>,
}

impl Parts {
    /// Those of a file of `len` bytes that was kept with `size`, of which `after` lies behind the first `len`.
    pub(super) fn of(len: u64, size: u64, after: &[u8]) -> Self {
        let count = len.div_ceil(PART_BYTES) as usize;
        let mut parts = Self { len, marks: vec![MISSING; count] };
        if size <= len {
            for i in 0..count {
                if parts.range(i).end <= size {
                    parts.marks[i] = WHOLE;
                }
            }
        } else if after.len() == count && after.iter().all(|mark| [WHOLE, MISSING].contains(mark)) {
            parts.marks.copy_from_slice(after);
        }
        parts
    }

    /// What is written behind the file's last byte.
    pub(super) fn marks(&self) -> &[u8] {
        &self.marks
    }

    /// Notes that a part is here; gives where its mark is, and the mark.
    pub(super) fn add(&mut self, part: usize) -> (u64, [u8; 1]) {
        self.marks[part] = WHOLE;
        (self.len + part as u64, [WHOLE])
    }

    /// True if a part is here.
    pub(super) fn has(&self, part: usize) -> bool {
        self.marks.get(part) == Some(&WHOLE)
    }

    /// The parts that are not here.
    pub(super) fn missing(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.marks.len()).filter(|part| !self.has(*part))
    }

    /// Bytes of the parts that are here.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = |part| self.range(part).end - self.range(part).start;
        (0..self.marks.len()).filter(|part| self.has(*part)).map(bytes).sum()
    }

    /// Where a part lies in the file.
    pub(super) fn range(&self, part: usize) -> Range<u64> {
        let start = part as u64 * PART_BYTES;
        start..self.len.min(start + PART_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: u64 = 2 * PART_BYTES + 5;

    #[test]
    fn a_beginning_counts_as_far_as_its_parts_are_whole() {
        let parts = |size| Parts::of(LEN, size, &[]);
        assert_eq!(parts(0).missing().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(parts(2 * PART_BYTES - 1).missing().collect::<Vec<_>>(), [1, 2]);
        assert_eq!((parts(LEN - 1).bytes(), parts(LEN).bytes()), (2 * PART_BYTES, LEN));
        assert_eq!(parts(0).range(2), 2 * PART_BYTES..LEN);
    }

    #[test]
    fn what_marks_say_is_what_was_written() {
        let mut parts = Parts::of(LEN, 0, &[]);
        assert_eq!(parts.add(2), (LEN + 2, [WHOLE]));
        assert_eq!((parts.has(1), parts.has(2), parts.has(3)), (false, true, false));
        assert_eq!(parts.bytes(), 5);
        let again = Parts::of(LEN, LEN + 3, parts.marks());
        assert_eq!(again, parts);
    }

    #[test]
    fn marks_that_are_none_begin_anew() {
        for after in [&b"##"[..], b"####", b"#.\0", b""] {
            let parts = Parts::of(LEN, LEN + after.len().max(1) as u64, after);
            assert_eq!(parts.bytes(), 0, "{after:?}");
        }
    }
}
