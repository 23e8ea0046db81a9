//! Resizing in 8-bit samples, which rounds where Pillow rounds.

use super::weights::Weights;

/// Half of a sample in sums of 22 bits after the point, which rounds them.
const HALF: i32 = 1 << 21;

/// Makes `picture` 8-bit, resizes it and appends it to `out`, 0..1 again.
///
/// # Source
///
/// Pillow 13 `Image.resize`: one side after the other, rounded to 8 bits in between; a side that keeps its
/// length is left alone; colours are multiplied by their opacity before and divided by it after. Versions
/// before 13 always begin with the rows, which may differ by 1/255.
pub(super) fn resize(
    picture: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    channels: usize,
    rows: &Weights,
    columns: &Weights,
    out: &mut Vec<f32>,
) {
    let mut bytes: Vec<u8> = picture.iter().map(|v| (v * 255.0).clamp(0.0, 255.0) as u8).collect();
    if from != to {
        if channels == 4 {
            bytes.as_chunks_mut().0.iter_mut().for_each(multiply);
        }
        // Whichever keeps the array in between small, by Pillow's measure.
        let fewer_rows = from[0] as i64 - to[0] as i64;
        let fewer_columns = from[1] as i64 - to[1] as i64;
        if fewer_rows > 0 && fewer_rows > 2 * fewer_columns {
            bytes = down_columns(bytes, from[0], from[1] * channels, rows);
            bytes = along_rows(bytes, from[1], channels, columns);
        } else {
            bytes = along_rows(bytes, from[1], channels, columns);
            bytes = down_columns(bytes, from[0], to[1] * channels, rows);
        }
        if channels == 4 {
            bytes.as_chunks_mut().0.iter_mut().for_each(divide);
        }
    }
    out.extend(bytes.iter().map(|v| f32::from(*v) / 255.0));
}

/// Resizes every row of `width` pixels.
fn along_rows(bytes: Vec<u8>, width: usize, channels: usize, columns: &Weights) -> Vec<u8> {
    match channels {
        _ if width == columns.outputs() => bytes,
        1 => along_rows_of::<1>(&bytes, width, columns),
        3 => along_rows_of::<3>(&bytes, width, columns),
        4 => along_rows_of::<4>(&bytes, width, columns),
        _ => panic!("pixels have 1, 3 or 4 channels"),
    }
}

fn along_rows_of<const C: usize>(bytes: &[u8], width: usize, columns: &Weights) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / C / width * columns.outputs());
    for row in bytes.as_chunks::<C>().0.chunks_exact(width) {
        for (start, weights) in columns.iter() {
            let mut sums = [HALF; C];
            for (pixel, weight) in row[start..].iter().zip(weights) {
                for (sum, v) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*v) * *weight as i32;
                }
            }
            out.push(sums.map(clip));
        }
    }
    out.into_flattened()
}

/// Makes new rows of `height` old ones of `width` samples.
fn down_columns(bytes: Vec<u8>, height: usize, width: usize, rows: &Weights) -> Vec<u8> {
    if height == rows.outputs() {
        return bytes;
    }
    let mut out = Vec::with_capacity(rows.outputs() * width);
    let mut sums = vec![0; width];
    for (start, weights) in rows.iter() {
        sums.fill(HALF);
        for (row, weight) in bytes[start * width..].chunks_exact(width).zip(weights) {
            let weight = *weight as i32;
            for (sum, v) in sums.iter_mut().zip(row) {
                *sum += i32::from(*v) * weight;
            }
        }
        out.extend(sums.iter().map(|sum| clip(*sum)));
    }
    out
}

/// A sum of samples times weights with 22 bits after the point, and [`HALF`], as a sample.
fn clip(sum: i32) -> u8 {
    (sum >> 22).clamp(0, 255) as u8
}

/// Colours times opacity.
fn multiply(pixel: &mut [u8; 4]) {
    let [colours @ .., opacity] = pixel;
    for colour in colours {
        let product = u32::from(*colour) * u32::from(*opacity) + 128;
        *colour = (((product >> 8) + product) >> 8) as u8;
    }
}

/// Colours through opacity.
fn divide(pixel: &mut [u8; 4]) {
    let [colours @ .., opacity] = pixel;
    if !matches!(opacity, 0 | 255) {
        for colour in colours {
            *colour = (255 * u32::from(*colour) / u32::from(*opacity)).min(255) as u8;
        }
    }
}
