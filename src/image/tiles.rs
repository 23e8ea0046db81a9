//! A large array worked on in overlapping tiles, and put together again without seams.

/// A rectangle of a larger array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// First row.
    pub y: usize,
    /// First column.
    pub x: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Tile {
    /// The same rectangle of an array that is `factor` times as large.
    #[must_use]
    pub fn scaled(self, factor: usize) -> Self {
        let Self { y, x, height, width } = self;
        Self { y: y * factor, x: x * factor, height: height * factor, width: width * factor }
    }

    /// Without the `margin` rows and columns next to its edges, but for those edges that are the array's.
    ///
    /// # Panics
    ///
    /// If nothing is left.
    #[must_use]
    pub fn inner(self, margin: usize, [height, width]: [usize; 2]) -> Self {
        let cut = |start: usize, length: usize, whole: usize| {
            let before = if start == 0 { 0 } else { margin };
            let after = if start + length == whole { 0 } else { margin };
            assert!(before + after < length, "{length} rows or columns with margins of {margin}");
            (start + before, length - before - after)
        };
        let (y, height) = cut(self.y, self.height, height);
        let (x, width) = cut(self.x, self.width, width);
        Self { y, x, height, width }
    }

    /// Its part of an array `[…, width]`, row by row.
    pub fn rows<T>(self, array: &[T], width: usize) -> impl Iterator<Item = &T> {
        let rows = array.chunks(width).skip(self.y).take(self.height);
        rows.flat_map(move |row| &row[self.x..self.x + self.width])
    }

    /// The same rectangle of an array `[…, width, channels]` as one of `[…, width · channels]`.
    #[must_use]
    pub fn interleaved(self, channels: usize) -> Self {
        Self { x: self.x * channels, width: self.width * channels, ..self }
    }
}

/// Tiles that cover `height` rows and `width` columns, row by row.
///
/// All are `side` long, or as long as the array where that is shorter. Neighbours share at least `overlap`
/// rows or columns; the last ones share more, so that every tile sees as much around it as any other.
pub fn tiles([height, width]: [usize; 2], side: usize, overlap: usize) -> Vec<Tile> {
    let side = side.max(1);
    let starts = |length: usize| -> Vec<usize> {
        let last = length.saturating_sub(side);
        let step = side.saturating_sub(overlap).max(1);
        (0..last).step_by(step).chain([last]).collect()
    };
    let columns = starts(width);
    let row = |y: usize| {
        let one =
            move |x: &usize| Tile { y, x: *x, height: side.min(height), width: side.min(width) };
        columns.iter().map(one).collect::<Vec<_>>()
    };
    starts(height).into_iter().flat_map(row).collect()
}

/// Tiles put together: where they overlap, the mean weighted by the distance from each tile's edge.
#[derive(Debug)]
pub struct Blend {
    width: usize,
    channels: usize,
    sum: Vec<f32>,
    weight: Vec<f32>,
}

impl Blend {
    /// Nothing yet of an array `[height, width, channels]`.
    pub fn new([height, width, channels]: [usize; 3]) -> Self {
        let sum = vec![0.0; height * width * channels];
        Self { width, channels, sum, weight: vec![0.0; height * width] }
    }

    /// Adds a tile, `[tile.height, tile.width, channels]`, whose weight rises over `feather` rows and
    /// columns from its edges.
    ///
    /// # Panics
    ///
    /// If the tile lies outside, or has too few numbers.
    pub fn add(&mut self, tile: Tile, feather: usize, values: &[f32]) {
        let across: Vec<f32> = (0..tile.width).map(|x| ramp(x, tile.width, feather)).collect();
        let mut values = values.chunks_exact(self.channels);
        for y in 0..tile.height {
            let down = ramp(y, tile.height, feather);
            let first = (tile.y + y) * self.width + tile.x;
            for (place, across) in (first..).zip(&across) {
                let weight = down * across;
                self.weight[place] += weight;
                let sum = &mut self.sum[place * self.channels..][..self.channels];
                for (sum, value) in sum.iter_mut().zip(values.next().unwrap_or_default()) {
                    *sum += weight * value;
                }
            }
        }
    }

    /// The array; noughts where no tile was.
    pub fn finish(mut self) -> Vec<f32> {
        for (sum, weight) in self.sum.chunks_exact_mut(self.channels).zip(&self.weight) {
            if *weight > 0.0 {
                sum.iter_mut().for_each(|sum| *sum /= weight);
            }
        }
        self.sum
    }
}

/// How much position `i` of `length` counts: 1 inside, less towards both ends.
fn ramp(i: usize, length: usize, feather: usize) -> f32 {
    if feather == 0 || feather >= length {
        return 1.0;
    }
    let from_edge = |distance: usize| (distance as f32 / feather as f32).min(1.0);
    from_edge(i + 1) * from_edge(length - i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_everything_and_overlap() {
        for length in 1..40 {
            for (side, overlap) in [(8, 2), (8, 0), (5, 1), (1, 0), (3, 9)] {
                let tiles = tiles([1, length], side, overlap);
                assert_eq!(tiles[0].x, 0, "{length} {side}");
                for pair in tiles.windows(2) {
                    let end = pair[0].x + pair[0].width;
                    assert!(pair[1].x > pair[0].x && pair[1].x + overlap.min(side - 1) <= end);
                }
                let last = tiles[tiles.len() - 1];
                assert_eq!((last.x + last.width, last.width), (length, side.min(length)));
            }
        }
        assert_eq!(tiles([9, 16], 8, 2).len(), 2 * 3);
    }

    #[test]
    fn margins_are_cut_but_at_the_edges_of_the_array() {
        let tile = |y, x, height, width| Tile { y, x, height, width };
        assert_eq!(tile(0, 4, 8, 8).inner(2, [8, 20]), tile(0, 6, 8, 4));
        assert_eq!(tile(0, 12, 8, 8).inner(2, [16, 20]), tile(0, 14, 6, 6));
        assert_eq!(tile(0, 0, 8, 20).inner(9, [8, 20]), tile(0, 0, 8, 20));
        let array: Vec<usize> = (0..4 * 6).collect();
        let rows: Vec<usize> = tile(1, 1, 2, 2).interleaved(2).rows(&array, 6).copied().collect();
        assert_eq!(rows, [8, 9, 10, 11, 14, 15, 16, 17]);
    }

    #[test]
    fn tiles_of_one_array_give_it_back() {
        let [height, width, channels] = [13, 21, 2];
        let value = |y: usize, x: usize, c: usize| (y * 31 + x * 7 + c * 100) as f32;
        let cut = |tile: Tile| -> Vec<f32> {
            let rows = tile.y..tile.y + tile.height;
            rows.flat_map(|y| (tile.x..tile.x + tile.width).map(move |x| (y, x)))
                .flat_map(|(y, x)| (0..channels).map(move |c| value(y, x, c)))
                .collect()
        };
        let whole = Tile { y: 0, x: 0, height, width };
        let mut blend = Blend::new([height, width, channels]);
        for tile in tiles([height, width], 8, 2) {
            blend.add(tile, 2, &cut(tile));
        }
        for (ours, value) in blend.finish().iter().zip(cut(whole)) {
            assert!((ours - value).abs() < 1e-4, "{ours} {value}");
        }
    }

    #[test]
    fn two_tiles_fade_into_each_other() {
        let mut blend = Blend::new([1, 6, 1]);
        for (x, value) in [(0, 0.0), (2, 1.0)] {
            blend.add(Tile { y: 0, x, height: 1, width: 4 }, 2, &[value; 4]);
        }
        // Weights in the overlap: 1 and ½ of the left tile, ½ and 1 of the right one.
        let third = 1.0 / 3.0;
        let expected = [0.0, 0.0, third, 2.0 * third, 1.0, 1.0];
        for (ours, expected) in blend.finish().iter().zip(expected) {
            assert!((ours - expected).abs() < 1e-6, "{ours} {expected}");
        }
    }
}
