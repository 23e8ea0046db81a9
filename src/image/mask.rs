//! Arithmetic of masks.

use super::Mask;

impl Mask {
    /// The same masks with every number changed.
    #[must_use]
    pub fn map(&self, change: impl Fn(f32) -> f32) -> Self {
        Self { data: self.data.iter().map(|v| change(*v)).collect(), ..*self }
    }

    /// The part with its top left corner at `[x, y]` and at most `[width, height]` large; none if there is none.
    pub fn cropped(&self, [x, y]: [usize; 2], [width, height]: [usize; 2]) -> Option<Self> {
        let width = width.min(self.width.checked_sub(x)?);
        let height = height.min(self.height.checked_sub(y)?);
        if width == 0 || height == 0 {
            return None;
        }
        let mut data = Vec::with_capacity(self.batch * height * width);
        for plane in self.data.chunks(self.height * self.width) {
            for row in plane.chunks(self.width).skip(y).take(height) {
                data.extend_from_slice(&row[x..][..width]);
            }
        }
        Some(Self { batch: self.batch, height, width, data })
    }

    /// These masks with `source` laid on them, its top left corner at `[x, y]`; what overlaps becomes
    /// `operation(this, source)`, everything is clipped to 0..1. The shorter batch is repeated.
    #[must_use]
    pub fn composited(
        &self,
        source: &Self,
        [x, y]: [usize; 2],
        operation: fn(f32, f32) -> f32,
    ) -> Self {
        let batch = self.batch.max(source.batch);
        let (size, source_size) = (self.height * self.width, source.height * source.width);
        let mut data = Vec::with_capacity(batch * size);
        for b in 0..batch {
            data.extend_from_slice(&self.data[b % self.batch * size..][..size]);
            let plane = &mut data[b * size..];
            let source_plane = &source.data[b % source.batch * source_size..][..source_size];
            let rows = plane.chunks_mut(self.width).skip(y);
            for (row, source_row) in rows.zip(source_plane.chunks(source.width)) {
                for (to, from) in row.iter_mut().skip(x).zip(source_row) {
                    *to = operation(*to, *from);
                }
            }
        }
        data.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        Self { batch, data, ..*self }
    }

    /// The same masks, fading towards their edges over this many pixels: column `i` from the left is weighted
    /// `(i + 1) / left`, and so on.
    ///
    /// As in ComfyUI the far edges count from the near one: what would fade the last column most fades the
    /// first one, and the last column is weighted `2 / right`. Graphs made there look the same here.
    #[must_use]
    pub fn feathered(&self, [left, top, right, bottom]: [usize; 4]) -> Self {
        let columns = fade(self.width, left, right);
        let rows = fade(self.height, top, bottom);
        let mut out = self.clone();
        for (i, row) in out.data.chunks_mut(self.width).enumerate() {
            for (v, column) in row.iter_mut().zip(&columns) {
                *v *= column * rows[i % self.height];
            }
        }
        out
    }
}

/// Weights of a side of this length that fades over so many pixels at its start and its end.
fn fade(length: usize, start: usize, end: usize) -> Vec<f32> {
    let (start, end) = (start.min(length), end.min(length));
    let mut weights = vec![1.0; length];
    for (i, weight) in weights.iter_mut().enumerate().take(start) {
        *weight *= (i + 1) as f32 / start as f32;
    }
    for i in 0..end {
        weights[(length - i) % length] *= (i + 1) as f32 / end as f32;
    }
    weights
}

/// One mask, each number become the largest of its neighbourhood: itself and its four neighbours, with
/// `corners` its eight.
///
/// # Source
///
/// scipy 1.17 `ndimage.grey_dilation`; its reflection at the edges adds no other numbers. Erosion is the same
/// of the negative.
pub fn dilated(mask: &[f32], width: usize, corners: bool) -> Vec<f32> {
    let last = mask.len() / width - 1;
    let row = |y: usize| &mask[y * width..][..width];
    let mut out = Vec::with_capacity(mask.len());
    for y in 0..=last {
        let neighbours = row(y.saturating_sub(1)).iter().zip(row((y + 1).min(last)));
        let tall =
            row(y).iter().zip(neighbours).map(|(v, (above, below))| v.max(*above).max(*below));
        let tall: Vec<f32> = tall.collect();
        let wide = if corners { &tall } else { row(y) };
        for x in 0..width {
            let sides = wide[x.saturating_sub(1)].max(wide[(x + 1).min(width - 1)]);
            out.push(tall[x].max(sides));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ones(batch: usize, height: usize, width: usize) -> Mask {
        Mask { batch, height, width, data: vec![1.0; batch * height * width] }
    }

    #[test]
    fn edges_fade() {
        let left = ones(2, 1, 4).feathered([2, 0, 0, 0]);
        assert_eq!(left.data, [0.5, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0]);
        let right = ones(1, 1, 5).feathered([0, 0, 4, 0]);
        assert_eq!(right.data, [0.25, 1.0, 1.0, 0.75, 0.5]);
        let both = ones(1, 2, 2).feathered([2, 2, 0, 0]);
        assert_eq!(both.data, [0.25, 0.5, 0.5, 1.0]);
        // More than there is counts as all of it.
        assert_eq!(ones(1, 1, 2).feathered([9, 0, 0, 0]).data, [0.5, 1.0]);
        assert_eq!(ones(1, 2, 1).feathered([0, 0, 0, 2]).data, [0.5, 1.0]);
    }

    #[test]
    fn a_mask_lies_on_another_as_far_as_it_overlaps() {
        let source = Mask { batch: 2, height: 1, width: 2, data: vec![0.25, 0.5, 0.75, 9.0] };
        let out = ones(1, 2, 2).composited(&source, [1, 1], |a, b| a - b);
        assert_eq!(out.data, [1.0, 1.0, 1.0, 0.75, 1.0, 1.0, 1.0, 0.25]);
        let out = ones(1, 1, 2).composited(&source, [0, 0], |a, b| a + b);
        assert_eq!(out.data, [1.0; 4]);
        let outside = ones(1, 2, 2).composited(&source, [2, 7], |_, _| 0.0);
        assert_eq!(outside.data, [1.0; 8]);
    }

    #[test]
    fn a_part_is_cut_at_the_edges() {
        let mask =
            Mask { batch: 2, height: 2, width: 3, data: (0..12).map(|v| v as f32).collect() };
        let part = mask.cropped([1, 1], [9, 9]).unwrap();
        assert_eq!([part.batch, part.height, part.width], [2, 1, 2]);
        assert_eq!(part.data, [4.0, 5.0, 10.0, 11.0]);
        assert_eq!(mask.cropped([0, 0], [1, 1]).unwrap().data, [0.0, 6.0]);
        assert!(mask.cropped([3, 0], [1, 1]).is_none() && mask.cropped([0, 4], [1, 1]).is_none());
    }
}
