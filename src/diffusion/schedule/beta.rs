//! The distribution function of the beta distribution.

/// The regularised incomplete beta function `I_x(a, b)`: the chance that a beta-distributed number is
/// below `x`.
///
/// The complete function that divides it is the sum of the two incomplete parts at `x`, so no gamma
/// function is needed.
///
/// # Source
///
/// Continued fraction DLMF 8.17.22, <https://dlmf.nist.gov/8.17#E22>, evaluated from the front (Lentz).
pub(super) fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // At the mean both fractions converge fast; the whole is the same at any point.
    let mean = a / (a + b);
    let whole = incomplete(a, b, mean) + incomplete(b, a, 1.0 - mean);
    // The fraction converges below the mean only; above it the other tail is known.
    if x < mean { incomplete(a, b, x) / whole } else { 1.0 - incomplete(b, a, 1.0 - x) / whole }
}

/// `B_x(a, b)`, not divided by the complete function.
fn incomplete(a: f64, b: f64, x: f64) -> f64 {
    x.powf(a) * (1.0 - x).powf(b) / a / fraction(a, b, x)
}

/// `1 + d1/(1 + d2/(1 + …))`.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut value = 1.0;
    let mut c = 1.0;
    let mut d = 0.0;
    for n in 1..200_u32 {
        let m = f64::from(n / 2);
        let numerator = if n % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 + numerator * d;
        d = if d.abs() < TINY { 1.0 / TINY } else { 1.0 / d };
        c = 1.0 + numerator / c;
        c = if c.abs() < TINY { TINY } else { c };
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // I_x(1, 1) = x; I_x(2, 1) = x²; I_x(½, ½) = (2/π)·asin √x.
        for x in [0.001_f64, 0.1, 0.49, 0.5, 0.77, 0.999] {
            assert!((beta_cdf(1.0, 1.0, x) - x).abs() < 1e-14);
            assert!((beta_cdf(2.0, 1.0, x) - x * x).abs() < 1e-14);
            let arc = std::f64::consts::FRAC_2_PI * x.sqrt().asin();
            assert!((beta_cdf(0.5, 0.5, x) - arc).abs() < 1e-14);
        }
        assert_eq!(beta_cdf(0.6, 0.6, 0.0), 0.0);
        assert_eq!(beta_cdf(0.6, 0.6, 1.0), 1.0);
    }
}
