//! Loops over four numbers at once.
//!
//! Written with a SIMD type: the engine's link optimises for size, and there the compiler makes no SIMD of loops over single
//! numbers.

use wide::f32x4;

/// Four numbers of a slice.
#[inline(always)]
pub(crate) fn load(from: &[f32; 4]) -> f32x4 {
    f32x4::new(*from)
}

/// What `f` makes of every number, in place.
#[inline(always)]
pub(crate) fn map(x: &mut [f32], f: impl Fn(f32x4) -> f32x4) {
    let (fours, rest) = x.as_chunks_mut::<4>();
    for four in fours {
        *four = f(load(four)).to_array();
    }
    if !rest.is_empty() {
        let made = f(padded(rest)).to_array();
        rest.copy_from_slice(&made[..rest.len()]);
    }
}

/// Writes what `f` makes of every pair of numbers.
#[inline(always)]
pub(crate) fn pairs(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32x4, f32x4) -> f32x4) {
    let (fours, rest) = out.as_chunks_mut::<4>();
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for ((to, a), b) in fours.iter_mut().zip(a).zip(b) {
        *to = f(load(a), load(b)).to_array();
    }
    let made = f(padded(a_rest), padded(b_rest)).to_array();
    rest.copy_from_slice(&made[..rest.len()]);
}

/// Adds `b` to `a`.
#[inline(always)]
pub(crate) fn add(a: &mut [f32], b: &[f32]) {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks_mut::<4>(), b.as_chunks::<4>());
    a.iter_mut().zip(b).for_each(|(a, b)| *a = (load(a) + load(b)).to_array());
    a_rest.iter_mut().zip(b_rest).for_each(|(a, b)| *a += *b);
}

/// Sum of what `f` makes of every number, four sums side by side.
#[inline(always)]
pub(crate) fn sum(x: &[f32], f: impl Fn(f32x4) -> f32x4) -> [f32; 4] {
    // Two chains: a sum waits for the one before.
    let mut sums = [f32x4::ZERO; 2];
    let (eights, rest) = x.as_chunks::<8>();
    for eight in eights {
        let [a, b] = wide::bytemuck::cast::<[f32; 8], [f32x4; 2]>(*eight);
        sums[0] += f(a);
        sums[1] += f(b);
    }
    let mut sums = (sums[0] + sums[1]).to_array();
    for (i, x) in rest.iter().enumerate() {
        sums[i % 4] += f(f32x4::splat(*x)).to_array()[0];
    }
    sums
}

/// Up to four numbers, and zeros.
#[inline(always)]
fn padded(x: &[f32]) -> f32x4 {
    let mut four = [0.0; 4];
    four[..x.len()].copy_from_slice(x);
    f32x4::new(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_counts_once() {
        for len in 0..20_u8 {
            let x: Vec<f32> = (0..len).map(|i| f32::from(i) + 1.0).collect();
            let mut twice = x.clone();
            map(&mut twice, |x| x + x);
            assert!(twice.iter().zip(&x).all(|(twice, x)| *twice == 2.0 * x));
            let mut sums = vec![7.0; x.len()];
            pairs(&mut sums, &x, &twice, |a, b| a + b);
            assert!(sums.iter().zip(&x).all(|(sum, x)| *sum == 3.0 * x));
            add(&mut twice, &x);
            assert!(twice.iter().zip(&x).all(|(thrice, x)| *thrice == 3.0 * x));
            let total: f32 = sum(&x, |x| x * x).iter().sum();
            assert_eq!(total, x.iter().map(|x| x * x).sum::<f32>());
        }
    }
}
