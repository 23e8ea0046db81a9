//! Cutting, turning and joining pictures: numbers move, none is changed.

use super::{Image, Mask};

/// A rectangle of every picture: rows from `top`, columns from `left`. It begins inside and what reaches
/// beyond the edges is left out, so it may be smaller than asked for.
#[must_use]
pub fn crop(image: &Image, [top, left]: [usize; 2], [height, width]: [usize; 2]) -> Image {
    let (top, left) = (top.min(image.height - 1), left.min(image.width - 1));
    let (height, width) = (height.min(image.height - top), width.min(image.width - left));
    let mut data = Vec::with_capacity(image.batch * height * width * image.channels);
    for picture in image.pictures() {
        for row in picture.chunks_exact(image.width * image.channels).skip(top).take(height) {
            data.extend_from_slice(&row[left * image.channels..][..width * image.channels]);
        }
    }
    Image { height, width, data, ..*image }
}

/// Upside down.
#[must_use]
pub fn flip_vertically(image: &Image) -> Image {
    let rows = |picture: &[f32]| -> Vec<f32> {
        picture.rchunks_exact(image.width * image.channels).flatten().copied().collect()
    };
    let data = image.pictures().flat_map(rows).collect();
    Image { data, ..*image }
}

/// As in a mirror.
#[must_use]
pub fn flip_horizontally(image: &Image) -> Image {
    let mut data = Vec::with_capacity(image.data.len());
    for row in image.data.chunks_exact(image.width * image.channels) {
        for pixel in row.rchunks_exact(image.channels) {
            data.extend_from_slice(pixel);
        }
    }
    Image { data, ..*image }
}

/// Turned clockwise by this many quarters.
#[must_use]
pub fn rotate(image: &Image, quarters: usize) -> Image {
    let (height, width, channels) = (image.height, image.width, image.channels);
    if quarters.is_multiple_of(2) {
        return if quarters.is_multiple_of(4) {
            image.clone()
        } else {
            flip_horizontally(&flip_vertically(image))
        };
    }
    let mut data = Vec::with_capacity(image.data.len());
    for picture in image.pictures() {
        for column in 0..width {
            for row in 0..height {
                let (y, x) = if quarters % 4 == 1 {
                    (height - 1 - row, column)
                } else {
                    (row, width - 1 - column)
                };
                data.extend_from_slice(&picture[(y * width + x) * channels..][..channels]);
            }
        }
    }
    Image { height: width, width: height, data, ..*image }
}

/// Every picture made larger, to `[height, width]`, by what a mirror at its bottom and right edge would show; beyond
/// what that shows, its last row or column goes on.
///
/// # Panics
///
/// If it becomes smaller.
#[must_use]
pub fn mirrored_to(image: &Image, [height, width]: [usize; 2]) -> Image {
    assert!(height >= image.height && width >= image.width, "a larger size");
    // The edge itself is there once.
    let source =
        |i: usize, length: usize| if i < length { i } else { (2 * (length - 1)).saturating_sub(i) };
    let mut data = Vec::with_capacity(image.batch * height * width * image.channels);
    for picture in image.pictures() {
        for y in 0..height {
            let row = &picture[source(y, image.height) * image.width * image.channels..];
            for x in 0..width {
                data.extend_from_slice(
                    &row[source(x, image.width) * image.channels..][..image.channels],
                );
            }
        }
    }
    Image { height, width, data, ..*image }
}

/// Every picture on a larger one of one value, its corner at `[top, left]`.
///
/// # Panics
///
/// If it does not fit.
#[must_use]
pub fn on_canvas(image: &Image, size: [usize; 2], corner: [usize; 2], value: f32) -> Image {
    let mut canvas = Image::filled([image.batch, size[0], size[1], image.channels], value);
    paste(&mut canvas, image, corner);
    canvas
}

/// Copies every picture of `image` onto that of the same number, its corner at `[top, left]`.
///
/// # Panics
///
/// If it does not fit.
pub fn paste(canvas: &mut Image, image: &Image, [top, left]: [usize; 2]) {
    let (row, channels) = (canvas.width * canvas.channels, canvas.channels);
    let pictures = canvas.data.chunks_exact_mut(canvas.height * row);
    for (canvas, picture) in pictures.zip(image.pictures()) {
        let rows = picture.chunks_exact(image.width * channels);
        for (to, from) in canvas[top * row..].chunks_exact_mut(row).zip(rows) {
            to[left * channels..][..from.len()].copy_from_slice(from);
        }
    }
}

/// The mask of a picture of `[height, width]` that was made larger by `[left, top, right, bottom]`: 1 around
/// it, 0 inside, and near the sides that grew a ramp of `feathering` pixels, squared. Without a ramp if two
/// do not fit.
#[must_use]
pub fn outpaint_mask(
    [height, width]: [usize; 2],
    [left, top, right, bottom]: [usize; 4],
    feathering: usize,
) -> Mask {
    let (tall, wide) = (height + top + bottom, width + left + right);
    let mut data = vec![1.0; tall * wide];
    let ramps = feathering > 0 && 2 * feathering < height.min(width);
    // Distance to the sides that grew; a side that did not is never near.
    let distance = |at: usize, length: usize, before: usize, after: usize| {
        let near = if before > 0 { at } else { length };
        near.min(if after > 0 { length - at } else { length })
    };
    for y in 0..height {
        let row = &mut data[(y + top) * wide + left..][..width];
        let vertical = distance(y, height, top, bottom);
        for (x, value) in row.iter_mut().enumerate() {
            let distance = vertical.min(distance(x, width, left, right));
            *value = if ramps && distance < feathering {
                ((feathering - distance) as f32 / feathering as f32).powi(2)
            } else {
                0.0
            };
        }
    }
    Mask { batch: 1, height: tall, width: wide, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of pixels whose first channel counts from 0.
    fn counted(batch: usize, height: usize, width: usize) -> Image {
        let data = (0..batch * height * width).flat_map(|i| [i as f32, 0.5, 1.0]).collect();
        Image { batch, height, width, channels: 3, data }
    }

    fn firsts(image: &Image) -> Vec<usize> {
        image.data.chunks_exact(image.channels).map(|pixel| pixel[0] as usize).collect()
    }

    #[test]
    fn a_rectangle_begins_inside_and_ends_at_the_edges() {
        let image = counted(2, 2, 3);
        assert_eq!(firsts(&crop(&image, [0, 1], [1, 2])), [1, 2, 7, 8]);
        let corner = crop(&image, [9, 2], [5, 5]);
        assert_eq!((corner.height, corner.width, firsts(&corner)), (1, 1, vec![5, 11]));
    }

    #[test]
    fn flips_and_quarter_turns() {
        let image = counted(1, 2, 3); // 0 1 2 / 3 4 5
        assert_eq!(firsts(&flip_vertically(&image)), [3, 4, 5, 0, 1, 2]);
        assert_eq!(firsts(&flip_horizontally(&image)), [2, 1, 0, 5, 4, 3]);
        let turned = rotate(&image, 1);
        assert_eq!((turned.height, turned.width), (3, 2));
        assert_eq!(firsts(&turned), [3, 0, 4, 1, 5, 2]);
        assert_eq!(firsts(&rotate(&image, 2)), [5, 4, 3, 2, 1, 0]);
        assert_eq!(firsts(&rotate(&image, 3)), [2, 5, 1, 4, 0, 3]);
        assert_eq!(rotate(&turned, 3), image);
        assert_eq!(firsts(&rotate(&counted(2, 1, 2), 1)), [0, 1, 2, 3]);
        assert_eq!(firsts(&rotate(&counted(2, 1, 2), 3)), [1, 0, 3, 2]);
    }

    #[test]
    fn a_picture_lies_on_its_canvas() {
        let canvas = on_canvas(&counted(2, 1, 2), [2, 3], [1, 0], 7.0);
        assert_eq!(firsts(&canvas), [7, 7, 7, 0, 1, 7, 7, 7, 7, 2, 3, 7]);
        assert_eq!(canvas.data[..3], [7.0; 3]);
    }

    #[test]
    fn a_mirror_shows_the_edge_once() {
        let image = counted(2, 1, 3);
        assert_eq!(firsts(&mirrored_to(&image, [1, 5])), [0, 1, 2, 1, 0, 3, 4, 5, 4, 3]);
        let wide = mirrored_to(&counted(1, 2, 1), [4, 2]);
        assert_eq!(firsts(&wide), [0, 0, 1, 1, 0, 0, 0, 0]);
        assert_eq!(mirrored_to(&image, [1, 3]), image);
    }

    #[test]
    fn ramps_lie_at_the_sides_that_grew() {
        // Grown to the left only: a ramp of two pixels, 1² and ½².
        let mask = outpaint_mask([5, 6], [1, 0, 0, 0], 2);
        assert_eq!((mask.height, mask.width), (5, 7));
        assert_eq!(mask.data[..7], [1.0, 1.0, 0.25, 0.0, 0.0, 0.0, 0.0]);
        // To the right the first pixel inside is one step from the edge.
        let mask = outpaint_mask([5, 6], [0, 0, 1, 0], 2);
        assert_eq!(mask.data[..7], [0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 1.0]);
        // Two ramps of two do not fit into four rows.
        let mask = outpaint_mask([4, 6], [1, 0, 0, 0], 2);
        assert_eq!(mask.data[..7], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
