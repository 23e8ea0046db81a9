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
pub fn tiles(size: [usize; 2], side: usize, overlap: usize) -> Vec<Tile> {
    grid(size.map(|length| (length, side.clamp(1, length.max(1)))), overlap)
}

/// As few as [`tiles`], and none longer than it takes for neighbours to share `overlap`.
///
/// Four tiles of 768 cover 1024 × 1024; with an overlap of 96 four of 560 do, which is half of the work.
pub fn even_tiles(size: [usize; 2], most: usize, overlap: usize) -> Vec<Tile> {
    let even = |length: usize| {
        let side = most.clamp(1, length.max(1));
        let count = starts(length, side, overlap).count();
        (length, (length + (count - 1) * overlap).div_ceil(count).min(side))
    };
    grid(size.map(even), overlap)
}

/// Where tiles of `side` begin.
fn starts(length: usize, side: usize, overlap: usize) -> impl Iterator<Item = usize> {
    let last = length.saturating_sub(side);
    let step = side.saturating_sub(overlap).max(1);
    (0..last).step_by(step).chain([last])
}

/// Tiles over an array, given each length and the tiles' side along it, no longer than that.
fn grid([(rows, height), (columns, width)]: [(usize, usize); 2], overlap: usize) -> Vec<Tile> {
    let row = |y| starts(columns, width, overlap).map(move |x| Tile { y, x, height, width });
    starts(rows, height, overlap).flat_map(row).collect()
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
    fn even_tiles_are_as_few_and_no_longer_than_needed() {
        for length in 1..60 {
            for (most, overlap) in [(8, 2), (8, 0), (5, 1), (1, 0), (16, 2), (3, 9)] {
                let (all, even) =
                    (tiles([1, length], most, overlap), even_tiles([1, length], most, overlap));
                assert_eq!(even.len(), all.len(), "{length} {most} {overlap}");
                let last = even[even.len() - 1];
                assert_eq!((even[0].x, last.x + last.width), (0, length), "{length} {most}");
                assert!(last.width <= most);
                for pair in even.windows(2) {
                    let end = pair[0].x + pair[0].width;
                    assert!(pair[1].x > pair[0].x && pair[1].x + overlap.min(most - 1) <= end);
                    assert_eq!(pair[0].width, pair[1].width);
                }
                // One less would need one more of them, or leave a gap.
                if even.len() > 1 && overlap < last.width - 1 {
                    let less = last.width - 1;
                    assert!(
                        even.len() * less - (even.len() - 1) * overlap < length,
                        "{length} {most}"
                    );
                }
            }
        }
        let tile = |y, x| Tile { y, x, height: 70, width: 96 };
        assert_eq!(even_tiles([128, 96], 96, 12), [tile(0, 0), tile(58, 0)]);
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
