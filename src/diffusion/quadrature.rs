//! Integrals of smooth functions.

/// Gauss and Legendre's points in `(0, 1)` and their weights, for eight of which half are given: the others
/// mirror them.
///
/// # Source
///
/// Abramowitz and Stegun 1964, table 25.4, n = 8.
const POINTS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// Pieces into which the range is cut: enough for products of exponentials and polynomials of a sampler.
const PIECES: usize = 8;

/// The integral of `f` from `from` to `to`; exact for polynomials up to degree 15.
pub(crate) fn integral(from: f64, to: f64, f: &dyn Fn(f64) -> f64) -> f64 {
    let half = (to - from) / (2 * PIECES) as f64;
    let mut sum = 0.0;
    for piece in 0..PIECES {
        let middle = from + half * (2 * piece + 1) as f64;
        for (point, weight) in POINTS {
            sum += weight * (f(middle - half * point) + f(middle + half * point));
        }
    }
    sum * half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_and_exponentials_are_integrated() {
        assert!((integral(1.0, -2.0, &|x| x.powi(9)) - (1024.0 - 1.0) / 10.0).abs() < 1e-12);
        let grown = integral(0.0, 14.0, &f64::exp);
        assert!((grown / 14.0_f64.exp_m1() - 1.0).abs() < 1e-13);
        assert_eq!(integral(3.0, 3.0, &|x| x), 0.0);
    }
}
