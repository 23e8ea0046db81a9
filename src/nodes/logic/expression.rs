//! Arithmetic written as in Python: read and worked out in one pass, without anything but numbers.
//!
//! ```text
//! choice     = either ["if" either "else" choice]
//! either     = both {"or" both}            both    = denied {"and" denied}
//! denied     = "not" denied | compared     compared = sum {("<" | "<=" | …) sum}
//! sum        = product {("+" | "-") product}
//! product    = signed {("*" | "/" | "//" | "%") signed}
//! signed     = ("+" | "-") signed | power  power   = atom ["**" signed]
//! atom       = number | name | function "(" choice {"," choice} ")" | "(" choice ")"
//! ```

use std::cmp::Ordering;

use super::number::{Number, Result as Outcome};

/// Parentheses and signs within each other, so that the stack is never exhausted.
const DEEPEST: usize = 64;
/// Bytes of an expression.
const LONGEST: usize = 4096;

/// Two-letter operators first, so that `**` is not read as `*`.
const OPERATORS: [&str; 17] =
    ["**", "//", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", "="];

/// What a part of an expression comes to. A division by 0 is only wrong if its result is needed: the same
/// part may stand in a branch that is not taken.
type Value = Result<Number, Fault>;

/// What is wrong, and at which byte.
#[derive(Debug, Clone)]
struct Fault {
    at: usize,
    why: String,
}

/// What a part comes to, or that it cannot be read.
type Part = Result<Value, String>;

/// Works out an expression in which each name stands for a number, or says what is wrong and where.
pub(super) fn evaluate(expression: &str, names: &[(&str, Number)]) -> Result<Number, String> {
    if expression.len() > LONGEST {
        return Err(format!("more than {LONGEST} bytes"));
    }
    let mut reader = Reader { text: expression, at: 0, names, depth: 0 };
    let whole = reader.choice().and_then(|value| match reader.token() {
        "" => Ok(value),
        other => Err(format!("an unexpected `{other}`")),
    });
    let value = whole.unwrap_or_else(|why| Err(Fault { at: reader.at, why }));
    value.map_err(|Fault { at, why }| {
        let character = expression[..at.min(expression.len())].chars().count() + 1;
        format!("{why} at character {character}")
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    names: &'a [(&'a str, Number)],
    depth: usize,
}

impl<'a> Reader<'a> {
    /// The next symbol, which stays; empty at the end.
    fn token(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let start = rest.trim_start();
        self.at += rest.len() - start.len();
        if let Some(operator) = OPERATORS.iter().find(|operator| start.starts_with(**operator)) {
            return operator;
        }
        let mut end = 0;
        let number = start.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        for c in start.chars() {
            // `1e-5` is one number.
            let sign = number
                && matches!(c, '+' | '-')
                && start[..end].ends_with(['e', 'E'])
                && !start.starts_with("0x");
            if !(c.is_alphanumeric() || c == '_' || (number && c == '.') || sign) {
                break;
            }
            end += c.len_utf8();
        }
        let other = start.chars().next().map_or(0, char::len_utf8);
        &start[..if end == 0 { other } else { end }]
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let found = self.token() == wanted;
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn one_of(&mut self, wanted: &[&'static str]) -> Option<&'static str> {
        let token = self.token();
        let found = wanted.iter().find(|wanted| **wanted == token)?;
        self.at += found.len();
        Some(found)
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        if self.skip(wanted) {
            return Ok(());
        }
        let got = self.token();
        let got = if got.is_empty() { "the end".to_owned() } else { format!("`{got}`") };
        Err(format!("{got} instead of `{wanted}`"))
    }

    /// Runs `f` one level deeper.
    fn deeper(&mut self, f: fn(&mut Self) -> Part) -> Part {
        if self.depth == DEEPEST {
            return Err(format!("more than {DEEPEST} levels"));
        }
        self.depth += 1;
        let out = f(self);
        self.depth -= 1;
        out
    }

    fn choice(&mut self) -> Part {
        let first = self.either()?;
        if !self.skip("if") {
            return Ok(first);
        }
        let condition = self.either()?;
        self.expect("else")?;
        let second = self.deeper(Self::choice)?;
        Ok(condition.and_then(|condition| if condition.truth() { first } else { second }))
    }

    fn either(&mut self) -> Part {
        let mut left = self.both()?;
        while self.skip("or") {
            let right = self.both()?;
            left = left.and_then(|left| if left.truth() { Ok(left) } else { right });
        }
        Ok(left)
    }

    fn both(&mut self) -> Part {
        let mut left = self.denied()?;
        while self.skip("and") {
            let right = self.denied()?;
            left = left.and_then(|left| if left.truth() { right } else { Ok(left) });
        }
        Ok(left)
    }

    fn denied(&mut self) -> Part {
        if self.skip("not") {
            return Ok(self.deeper(Self::denied)?.map(|value| Number::Bool(!value.truth())));
        }
        self.compared()
    }

    fn compared(&mut self) -> Part {
        let mut left = self.sum()?;
        let mut holds = None;
        // `a < b < c` asks for both.
        while let Some(op) = self.one_of(&["<=", ">=", "==", "!=", "<", ">"]) {
            let right = self.sum()?;
            let this = left.and_then(|left| right.clone().map(|right| compare(op, left, right)));
            holds = Some(match holds {
                Some(Ok(Number::Bool(false)) | Err(_)) => holds.unwrap_or(this),
                _ => this,
            });
            left = right;
        }
        Ok(holds.unwrap_or(left))
    }

    fn sum(&mut self) -> Part {
        self.chain(&["+", "-"], Self::product)
    }

    fn product(&mut self) -> Part {
        self.chain(&["*", "/", "//", "%"], Self::signed)
    }

    /// Operations of one rank, from left to right.
    fn chain(&mut self, ops: &[&'static str], part: fn(&mut Self) -> Part) -> Part {
        let mut left = part(self)?;
        while let Some(op) = self.one_of(ops) {
            let at = self.at - op.len();
            let right = part(self)?;
            left = operated(left, op, right, at);
        }
        Ok(left)
    }

    fn signed(&mut self) -> Part {
        let Some(sign) = self.one_of(&["+", "-"]) else { return self.power() };
        let at = self.at - 1;
        let value = self.deeper(Self::signed)?;
        // So a yes becomes 1, and −0.0 stays what it is.
        let zero = Number::Int(0);
        Ok(match (sign, value) {
            ("-", value) => value.and_then(|value| faulty(at, value.negated())),
            (_, Ok(Number::Bool(yes))) => operated(Ok(Number::Bool(yes)), "+", Ok(zero), at),
            (_, value) => value,
        })
    }

    fn power(&mut self) -> Part {
        let base = self.atom()?;
        if !self.skip("**") {
            return Ok(base);
        }
        let at = self.at - 2;
        let exponent = self.deeper(Self::signed)?;
        Ok(operated(base, "**", exponent, at))
    }

    fn atom(&mut self) -> Part {
        let token = self.token();
        if token == "(" {
            self.at += 1;
            let inside = self.deeper(Self::choice)?;
            self.expect(")")?;
            return Ok(inside);
        }
        if token.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let number = literal(token).ok_or_else(|| format!("a bad number `{token}`"))?;
            self.at += token.len();
            return Ok(Ok(number));
        }
        if !token.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let got = if token.is_empty() { "the end".to_owned() } else { format!("`{token}`") };
            return Err(format!("{got} instead of a number"));
        }
        let at = self.at;
        self.at += token.len();
        if !self.skip("(") {
            let known = self.names.iter().find(|(name, _)| *name == token);
            let unknown = || Fault { at, why: format!("an unknown name `{token}`") };
            return Ok(match token {
                "True" => Ok(Number::Bool(true)),
                "False" => Ok(Number::Bool(false)),
                _ => known.map(|(_, number)| *number).ok_or_else(unknown),
            });
        }
        let mut arguments = Vec::new();
        while !self.skip(")") {
            arguments.push(self.deeper(Self::choice)?);
            if !self.skip(",") {
                self.expect(")")?;
                break;
            }
        }
        let arguments: Result<Vec<_>, _> = arguments.into_iter().collect();
        Ok(arguments.and_then(|arguments| faulty(at, call(token, &arguments))))
    }
}

fn faulty(at: usize, outcome: Outcome) -> Value {
    outcome.map_err(|why| Fault { at, why })
}

fn operated(left: Value, op: &str, right: Value, at: usize) -> Value {
    faulty(at, left?.operate(op, right?))
}

fn compare(op: &str, left: Number, right: Number) -> Number {
    let order = left.compared(right);
    Number::Bool(match op {
        "<" => order.is_some_and(Ordering::is_lt),
        ">" => order.is_some_and(Ordering::is_gt),
        "<=" => order.is_some_and(Ordering::is_le),
        ">=" => order.is_some_and(Ordering::is_ge),
        "==" => order.is_some_and(Ordering::is_eq),
        _ => order.is_none_or(Ordering::is_ne),
    })
}

/// `12`, `0x1f`, `1_000`, `.5`, `1e-5`.
fn literal(token: &str) -> Option<Number> {
    if token.contains("__") || token.ends_with('_') {
        return None;
    }
    let token = token.replace('_', "");
    let radix = |prefix: &str, radix| {
        let digits = token.strip_prefix(prefix)?;
        Some(i128::from_str_radix(digits, radix).ok().map(Number::Int))
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| radix("0o", 8)) {
        return number;
    }
    if token.bytes().all(|b| b.is_ascii_digit()) {
        // `08` was octal once, and is nothing now.
        let zeros = token.starts_with('0') && token.contains(|c| c != '0');
        return token.parse().ok().filter(|_| !zeros).map(Number::Int);
    }
    let digits = token.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    let number: f64 = token.parse().ok().filter(|_| digits)?;
    number.is_finite().then_some(Number::Float(number))
}

fn call(name: &str, arguments: &[Number]) -> Outcome {
    let real = |f: fn(f64) -> f64, x: &Number| {
        let y = f(x.float());
        // The square root of −1, the logarithm of 0, the exponential of 1000.
        if y.is_finite() {
            Ok(Number::Float(y))
        } else {
            Err(format!("a result of `{name}` that is no number"))
        }
    };
    match (name, arguments) {
        ("min" | "max", [first, rest @ ..]) if !rest.is_empty() => {
            let better = |x: &Number, best: &Number| {
                let order = x.compared(*best);
                order.is_some_and(|order| if name == "min" { order.is_lt() } else { order.is_gt() })
            };
            let best = rest.iter().fold(*first, |best, x| if better(x, &best) { *x } else { best });
            Ok(best)
        }
        ("abs", [x]) => x.magnitude(),
        ("round", [x]) => x.rounded_by(f64::round_ties_even),
        ("round", [x, places]) => x.rounded(*places),
        ("floor", [x]) => x.rounded_by(f64::floor),
        ("ceil", [x]) => x.rounded_by(f64::ceil),
        ("int", [x]) => x.truncated(),
        ("float", [x]) => Ok(Number::Float(x.float())),
        ("pow", [x, y]) => x.operate("**", *y),
        ("sqrt", [x]) => real(f64::sqrt, x),
        ("exp", [x]) => real(f64::exp, x),
        ("log", [x]) => real(f64::ln, x),
        ("log", [x, base]) => real(f64::ln, x)?.operate("/", real(f64::ln, base)?),
        ("log2", [x]) => real(f64::log2, x),
        ("log10", [x]) => real(f64::log10, x),
        ("sin", [x]) => real(f64::sin, x),
        ("cos", [x]) => real(f64::cos, x),
        ("tan", [x]) => real(f64::tan, x),
        (
            "min" | "max" | "abs" | "round" | "floor" | "ceil" | "int" | "float" | "pow" | "sqrt"
            | "exp" | "log" | "log2" | "log10" | "sin" | "cos" | "tan",
            _,
        ) => Err(format!("{} arguments of `{name}`", arguments.len())),
        _ => Err(format!("an unknown function `{name}`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::super::number::printed;
    use super::*;

    fn fixture() -> Json {
        serde_json::from_str(include_str!("../../../tests/fixtures/text.json")).unwrap()
    }

    fn ours(expression: &str) -> Result<Number, String> {
        let given = fixture()["names"].clone();
        let names: Vec<(&str, Number)> = given
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                let number = match value {
                    Json::Bool(yes) => Number::Bool(*yes),
                    Json::Number(n) if n.is_i64() => Number::Int(n.as_i64().unwrap().into()),
                    other => Number::Float(other.as_f64().unwrap()),
                };
                (name.as_str(), number)
            })
            .collect();
        evaluate(expression, &names)
    }

    #[test]
    fn expressions_come_to_what_they_come_to_in_python() {
        for case in fixture()["maths"].as_array().unwrap() {
            let expression = case["expression"].as_str().unwrap();
            let value = &case["value"];
            let number = ours(expression).unwrap_or_else(|why| panic!("{expression}: {why}"));
            let (ours, expected) = match number {
                Number::Int(n) => ("int", *value == n.to_string().as_str()),
                Number::Bool(true) => ("bool", value == "True"),
                Number::Bool(false) => ("bool", value == "False"),
                Number::Float(x) => {
                    let python = value.as_f64().unwrap_or(f64::NAN);
                    ("float", (x - python).abs() <= 1e-15 * python.abs())
                }
            };
            assert!(ours == case["type"].as_str().unwrap() && expected, "{case}: {number:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for expression in fixture()["bad_maths"].as_array().unwrap() {
            let expression = expression.as_str().unwrap();
            let why = ours(expression).expect_err(expression);
            assert!(why.contains(" at character "), "{expression}: {why}");
        }
        let why = |expression: &str| ours(expression).unwrap_err();
        assert_eq!(why("a + é"), "an unknown name `é` at character 5");
        assert_eq!(why("(1 / 0) + a"), "a division by 0 at character 4");
        assert_eq!(why("2 * (3 + 1"), "the end instead of `)` at character 11");
        assert_eq!(why("3 ** 300"), "a whole number of more than 127 bits at character 3");
        assert!(why(&"(".repeat(5000)).starts_with("more than 4096 bytes"));
        assert!(why(&"(".repeat(100)).starts_with("more than 64 levels"));
        assert!(why(&"-".repeat(100)).starts_with("more than 64 levels"));
        assert!(ours(&("1".to_owned() + &"+1".repeat(2000))) == Ok(Number::Int(2001)));
    }

    #[test]
    fn numbers_are_printed_as_python_prints_them() {
        for case in fixture()["floats"].as_array().unwrap() {
            assert_eq!(printed(case[0].as_f64().unwrap()), case[1].as_str().unwrap());
        }
        assert_eq!([printed(f64::NAN), printed(-f64::INFINITY)], ["nan", "-inf"]);
    }
}
