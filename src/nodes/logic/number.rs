//! Numbers that behave as Python's: whole ones stay whole, and divisions round down.

use std::cmp::Ordering;

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number. Python has no limit; here it has 127 bits, and beyond them an error.
    Int(i128),
    /// A number in double precision.
    Float(f64),
    /// Yes is 1 and no is 0 where a number is needed.
    Bool(bool),
}

use Number::{Bool, Float, Int};

/// A number, or what is wrong.
pub(super) type Result = std::result::Result<Number, String>;

/// Both sides of an operation: whole numbers if both are.
enum Pair {
    Ints(i128, i128),
    Floats(f64, f64),
}

fn pair(a: Number, b: Number) -> Pair {
    match (a.int(), b.int()) {
        (Some(a), Some(b)) => Pair::Ints(a, b),
        _ => Pair::Floats(a.float(), b.float()),
    }
}

fn whole(n: Option<i128>) -> Result {
    n.map(Int).ok_or_else(|| "a whole number of more than 127 bits".to_owned())
}

impl Number {
    fn int(self) -> Option<i128> {
        match self {
            Int(n) => Some(n),
            Bool(yes) => Some(yes.into()),
            Float(_) => None,
        }
    }

    /// As a number in double precision.
    pub(super) fn float(self) -> f64 {
        match self {
            Int(n) => n as f64,
            Float(x) => x,
            Bool(yes) => f64::from(yes),
        }
    }

    /// False for 0.
    pub(super) fn truth(self) -> bool {
        self.float() != 0.0
    }

    /// Cut to a whole number, towards 0.
    pub(super) fn truncated(self) -> Result {
        self.rounded_by(f64::trunc)
    }

    /// Made whole by one of `floor`, `ceil`, `trunc` and so on.
    pub(super) fn rounded_by(self, round: fn(f64) -> f64) -> Result {
        match self {
            Float(x) if !x.is_finite() => Err("a whole number of what is not finite".to_owned()),
            Float(x) => whole(Some(round(x)).filter(|x| x.abs() < 1e38).map(|x| x as i128)),
            _ => whole(self.int()),
        }
    }

    /// Rounded to decimal places, halves to even; a whole number stays one.
    pub(super) fn rounded(self, places: Self) -> Result {
        let places = places.int().filter(|places| places.abs() <= 30);
        let places = places.ok_or("a number of places beyond 30")? as i32;
        match self {
            // Written out and read again: exact where multiplying is not.
            Float(x) if places >= 0 => {
                let text = format!("{x:.*}", places as usize);
                Ok(Float(text.parse().unwrap_or(x)))
            }
            Float(x) => {
                let unit = 10_f64.powi(-places);
                Ok(Float((x / unit).round_ties_even() * unit))
            }
            _ if places >= 0 => whole(self.int()),
            _ => {
                let (n, unit) = (self.int().unwrap_or(0), 10_i128.pow(places.unsigned_abs()));
                let (below, rest) = (n.div_euclid(unit), n.rem_euclid(unit));
                let up = 2 * rest > unit || (2 * rest == unit && below % 2 != 0);
                whole((below + i128::from(up)).checked_mul(unit))
            }
        }
    }

    /// `-x`.
    pub(super) fn negated(self) -> Result {
        match self {
            Float(x) => Ok(Float(-x)),
            _ => whole(self.int().and_then(i128::checked_neg)),
        }
    }

    /// `abs(x)`.
    pub(super) fn magnitude(self) -> Result {
        match self {
            Float(x) => Ok(Float(x.abs())),
            _ => whole(self.int().and_then(i128::checked_abs)),
        }
    }

    /// How it compares; nothing if one is not a number.
    pub(super) fn compared(self, other: Self) -> Option<Ordering> {
        match pair(self, other) {
            Pair::Ints(a, b) => Some(a.cmp(&b)),
            Pair::Floats(a, b) => a.partial_cmp(&b),
        }
    }

    /// `a op b`.
    pub(super) fn operate(self, op: &str, other: Self) -> Result {
        if matches!(op, "/" | "//" | "%") && !other.truth() {
            return Err("a division by 0".to_owned());
        }
        let result = match (op, pair(self, other)) {
            ("+", Pair::Ints(a, b)) => whole(a.checked_add(b)),
            ("-", Pair::Ints(a, b)) => whole(a.checked_sub(b)),
            ("*", Pair::Ints(a, b)) => whole(a.checked_mul(b)),
            // Below the divisor's sign, not towards 0.
            ("//", Pair::Ints(a, b)) => {
                let down = i128::from(a % b != 0 && (a < 0) != (b < 0));
                whole(a.checked_div(b).map(|n| n - down))
            }
            ("%", Pair::Ints(a, b)) => {
                let rest = a.checked_rem(b).unwrap_or(0);
                Ok(Int(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }))
            }
            ("**", Pair::Ints(a, b)) if b >= 0 => {
                let power = u32::try_from(b).ok();
                match a {
                    0 | 1 => Ok(Int(if b == 0 { 1 } else { a })),
                    -1 => Ok(Int(if b % 2 == 0 { 1 } else { -1 })),
                    _ => whole(power.and_then(|power| a.checked_pow(power))),
                }
            }
            ("+", _) => Ok(Float(self.float() + other.float())),
            ("-", _) => Ok(Float(self.float() - other.float())),
            ("*", _) => Ok(Float(self.float() * other.float())),
            ("/", _) => Ok(Float(self.float() / other.float())),
            ("//", _) => Ok(Float(divided(self.float(), other.float()).0)),
            ("%", _) => Ok(Float(divided(self.float(), other.float()).1)),
            ("**", _) => power(self.float(), other.float()),
            _ => Err(format!("an unknown operator `{op}`")),
        };
        match result {
            Ok(Float(x)) if !x.is_finite() => Err("a result that is not finite".to_owned()),
            result => result,
        }
    }
}

/// Quotient, rounded down, and what is left, with the divisor's sign.
fn divided(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = rest.copysign(b);
    } else if (rest < 0.0) != (b < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    let down = quotient.floor();
    // What rounding took from the quotient.
    (if quotient - down > 0.5 { down + 1.0 } else { down }, rest)
}

fn power(a: f64, b: f64) -> Result {
    if a == 0.0 && b < 0.0 {
        return Err("0 to a negative power".to_owned());
    }
    if a < 0.0 && b.fract() != 0.0 {
        return Err("a broken power of a negative number".to_owned());
    }
    Ok(Float(a.powf(b)))
}

/// A number as Python prints it.
pub(super) fn printed(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "nan"
        } else if x > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    // Shortest digits that read back as the same number; Rust finds the same ones.
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let text = x.to_string();
        return if text.contains('.') { text } else { text + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
