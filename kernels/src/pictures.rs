//! What a convolution looks at.

use std::borrow::Cow;

/// Pictures `[batch, channels, height, width]`, which may be seen larger than they are.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    numbers: &'a [f32],
    /// `[height, width]` that there are.
    pub(crate) size: [usize; 2],
    /// `[height, width]` that a layer sees: number `⌊i · size / seen⌋` stands at `i`.
    pub(crate) seen: [usize; 2],
}

impl<'a> Pictures<'a> {
    /// Pictures as they are.
    pub fn new(numbers: &'a [f32], size: [usize; 2]) -> Self {
        Self { numbers, size, seen: size }
    }

    /// Pictures that are seen in another size, every number of which is the nearest one.
    pub fn enlarged(numbers: &'a [f32], size: [usize; 2], seen: [usize; 2]) -> Self {
        Self { numbers, size, seen }
    }

    /// How many there are, of so many channels.
    pub(crate) fn batch(&self, channels: usize) -> usize {
        let numbers = channels * self.size[0] * self.size[1];
        assert!(self.numbers.len().is_multiple_of(numbers), "whole pictures");
        self.numbers.len() / numbers
    }

    /// One channel of a picture, counted through all of them.
    pub(crate) fn plane(&self, index: usize) -> &'a [f32] {
        let positions = self.size[0] * self.size[1];
        &self.numbers[index * positions..][..positions]
    }

    /// Row `y` of those that are seen, as it is stored; none outside of the picture.
    pub(crate) fn row<'b>(&self, plane: &'b [f32], y: usize) -> Option<&'b [f32]> {
        let [height, width] = self.size;
        let y = (y < self.seen[0]).then(|| y * height / self.seen[0])?;
        Some(&plane[y * width..][..width])
    }

    /// Where the numbers of a row that is seen are stored in it; none if they are the row.
    pub(crate) fn columns(&self) -> Option<Vec<usize>> {
        let (stored, seen) = (self.size[1], self.seen[1]);
        (stored != seen).then(|| (0..seen).map(|x| x * stored / seen).collect())
    }

    /// All numbers, as they are seen.
    pub(crate) fn numbers(&self) -> Cow<'a, [f32]> {
        if self.size == self.seen {
            return Cow::Borrowed(self.numbers);
        }
        let columns = self.columns();
        let mut all = Vec::with_capacity(self.batch(1) * self.seen[0] * self.seen[1]);
        for index in 0..self.batch(1) {
            for row in (0..self.seen[0]).filter_map(|y| self.row(self.plane(index), y)) {
                match &columns {
                    Some(columns) => all.extend(columns.iter().map(|x| row[*x])),
                    None => all.extend_from_slice(row),
                }
            }
        }
        Cow::Owned(all)
    }
}
