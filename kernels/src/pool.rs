//! Shrinking maps.

/// Makes one number of every square of 2 × 2 in planes of `[height, width]`, its mean; of an odd side's last row or
/// column, the mean of what is there.
///
/// # Panics
///
/// If `x` is no whole number of planes.
pub fn halve(x: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    assert_eq!(x.len() % (height * width), 0, "whole planes");
    let mut out = Vec::with_capacity(x.len() / 4);
    for plane in x.chunks_exact(height * width) {
        for top in (0..height).step_by(2) {
            for left in (0..width).step_by(2) {
                let (bottom, right) = ((top + 2).min(height), (left + 2).min(width));
                let rows = plane[top * width..bottom * width].chunks_exact(width);
                let sum: f32 = rows.flat_map(|row| &row[left..right]).sum();
                out.push(sum / ((bottom - top) * (right - left)) as f32);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_become_their_means() {
        let x = [1.0, 2.0, 5.0, 3.0, 4.0, 7.0, 10.0, 20.0, 30.0];
        assert_eq!(halve(&x, [3, 3]), [2.5, 6.0, 15.0, 30.0]);
        assert_eq!(halve(&[1.0, 3.0, 5.0, 7.0], [1, 2]), [2.0, 6.0]);
    }
}
