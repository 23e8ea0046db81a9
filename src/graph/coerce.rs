//! Literals as what their input takes: converted as ComfyUI converts them, then checked.
//!
//! Two of its conversions would be silently wrong and are not followed: any text but the empty one is
//! true for a yes/no input there, and lists become their printed form for a text input.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::Literal;
use super::problem::{Problem, ProblemType};
use super::schema::{ChoiceSource, Choices, Type};
use super::value::{Kind, Value};
use crate::error::nearest;

/// Longer lists stay out of messages.
const LISTED: usize = 20;

/// The literal as a value for an input of this type, and what was changed on the way.
pub(crate) fn coerce(
    name: &str,
    ty: &Type,
    literal: &Literal,
    choices: &dyn ChoiceSource,
) -> Result<(Value, Option<String>), Problem> {
    let received = |problem: Problem| problem.info("received_value", json_from_literal(literal));
    match *ty {
        Type::Int { min, max, .. } => {
            let (n, notice) = int(name, literal).map_err(received)?;
            in_range(name, n, min, max).map_err(received)?;
            Ok((Value::Int(n), notice))
        }
        Type::Float { min, max, .. } => {
            let x = float(name, literal).map_err(received)?;
            in_range(name, x, min, max).map_err(received)?;
            Ok((Value::Float(x), None))
        }
        Type::String { .. } => Ok((Value::String(string(name, literal).map_err(received)?), None)),
        Type::Boolean { .. } => {
            Ok((Value::Boolean(boolean(name, literal).map_err(received)?), None))
        }
        Type::Combo { choices: of, .. } => {
            let known = of.names(choices);
            Ok((Value::String(one_of(name, &known, literal).map_err(received)?), None))
        }
        Type::Branches(branches) => {
            let known: Vec<String> = branches.iter().map(|branch| branch.key.to_owned()).collect();
            Ok((Value::String(one_of(name, &known, literal).map_err(received)?), None))
        }
        Type::Link(kind) => Ok((linked(name, kind, literal).map_err(received)?, None)),
        Type::Grow { each, .. } => coerce(name, &each.ty, literal, choices),
    }
}

/// What an input is given when the graph gives nothing.
pub(crate) fn default(ty: &Type) -> Option<Value> {
    match *ty {
        Type::Int { default, .. } => Some(Value::Int(default)),
        Type::Float { default, .. } => Some(Value::Float(default)),
        Type::String { default, .. } => default.map(Value::from),
        Type::Boolean { default } => Some(Value::Boolean(default)),
        Type::Combo { default: Some(name), .. } => Some(name.into()),
        Type::Combo { choices: Choices::List(names), .. } => names.first().map(|&name| name.into()),
        // Which file a person means is not for us to guess.
        Type::Combo { choices: Choices::Folder(_), .. } | Type::Link(_) | Type::Grow { .. } => None,
        Type::Branches(branches) => branches.first().map(|branch| branch.key.into()),
    }
}

/// The literal as JSON; a number that JSON cannot write becomes its name.
fn json_from_literal(literal: &Literal) -> Json {
    literal.to_json().unwrap_or_else(|| match literal {
        Literal::Float(x) => Json::String(x.to_string()),
        _ => Json::Null,
    })
}

fn int(name: &str, literal: &Literal) -> Result<(i128, Option<String>), Problem> {
    match literal {
        Literal::Int(n) => Ok((*n, None)),
        Literal::Boolean(yes) => Ok((i128::from(*yes), None)),
        Literal::Float(x) if x.is_finite() => {
            let n = x.trunc() as i128;
            let notice = (x.fract() != 0.0)
                .then(|| format!("`{name}` is {x}, but takes whole numbers: {n} is used"));
            Ok((n, notice))
        }
        Literal::String(text) => match text.trim().parse() {
            Ok(n) => Ok((n, None)),
            Err(_) => Err(invalid(name, "a whole number", literal)),
        },
        _ => Err(invalid(name, "a whole number", literal)),
    }
}

fn float(name: &str, literal: &Literal) -> Result<f64, Problem> {
    let x = match literal {
        Literal::Float(x) => *x,
        Literal::Int(n) => *n as f64,
        Literal::Boolean(yes) => f64::from(u8::from(*yes)),
        Literal::String(text) => {
            text.trim().parse().map_err(|_| invalid(name, "a number", literal))?
        }
        Literal::Json(_) => return Err(invalid(name, "a number", literal)),
    };
    // No node has a use for these, and every picture made with them is black.
    if x.is_finite() { Ok(x) } else { Err(invalid(name, "a finite number", literal)) }
}

fn string(name: &str, literal: &Literal) -> Result<String, Problem> {
    match literal {
        Literal::String(text) => Ok(text.clone()),
        Literal::Int(n) => Ok(n.to_string()),
        // Debug keeps the point: 1.0 is "1.0", as in Python.
        Literal::Float(x) => Ok(format!("{x:?}")),
        Literal::Boolean(yes) => Ok(if *yes { "True" } else { "False" }.to_owned()),
        Literal::Json(_) => Err(invalid(name, "text", literal)),
    }
}

fn boolean(name: &str, literal: &Literal) -> Result<bool, Problem> {
    match literal {
        Literal::Boolean(yes) => Ok(*yes),
        Literal::Int(n) => Ok(*n != 0),
        Literal::Float(x) if !x.is_nan() => Ok(*x != 0.0),
        Literal::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" | "" => Ok(false),
            _ => Err(invalid(name, "true or false", literal)),
        },
        _ => Err(invalid(name, "true or false", literal)),
    }
}

fn one_of(name: &str, known: &[String], literal: &Literal) -> Result<String, Problem> {
    let Literal::String(given) = literal else {
        return Err(not_in_list(name, &json_from_literal(literal).to_string(), known));
    };
    if known.contains(given) {
        return Ok(given.clone());
    }
    // Files made on Windows name models in folders so.
    let forward = given.replace('\\', "/");
    if known.contains(&forward) {
        return Ok(forward);
    }
    Err(not_in_list(name, given, known))
}

fn linked(name: &str, kind: Kind, literal: &Literal) -> Result<Value, Problem> {
    if kind.takes_literals() {
        match literal {
            Literal::Int(n) if kind.accepts(Kind::INT) => return Ok(Value::Int(*n)),
            Literal::Float(_) | Literal::Int(_) if kind.accepts(Kind::FLOAT) => {
                return float(name, literal).map(Value::Float);
            }
            Literal::Boolean(yes) if kind.accepts(Kind::BOOLEAN) => {
                return Ok(Value::Boolean(*yes));
            }
            Literal::String(text) if kind.accepts(Kind::STRING) || kind.accepts(Kind::COMBO) => {
                return Ok(Value::String(text.clone()));
            }
            Literal::Json(json) if kind.is_any() => return Ok(Value::Json(json.clone())),
            _ => {}
        }
    }
    let got = describe(literal);
    let details = format!("`{name}` needs a link to a {kind} output, got {got}");
    Err(Problem::new(ProblemType::BadLinkedInput, details))
}

fn in_range<T: PartialOrd + std::fmt::Display>(
    name: &str,
    got: T,
    min: T,
    max: T,
) -> Result<(), Problem> {
    let kind = if got < min {
        ProblemType::ValueSmallerThanMin
    } else if got > max {
        ProblemType::ValueBiggerThanMax
    } else {
        return Ok(());
    };
    Err(Problem::new(kind, format!("`{name}` is {got}, expected {min} to {max}")))
}

fn invalid(name: &str, expected: &str, literal: &Literal) -> Problem {
    let got = describe(literal);
    let details = format!("`{name}` needs {expected}, got {got}");
    Problem::new(ProblemType::InvalidInputType, details)
        .info("exception_message", format!("expected {expected}, got {got}"))
}

fn not_in_list(name: &str, given: &str, known: &[String]) -> Problem {
    let mut details = format!("`{name}` is `{}`", shortened(given));
    if let Some(near) = nearest(given, known.iter().map(String::as_str)) {
        details += &format!("; did you mean `{near}`?");
    } else if known.is_empty() {
        details += ", and there is none to choose from";
    } else if known.len() <= LISTED {
        details += &format!(", expected one of {}", known.join(", "));
    } else {
        details += &format!(", which is none of the {} it may be", known.len());
    }
    Problem::new(ProblemType::ValueNotInList, details)
}

/// A literal in words short enough for a message.
fn describe(literal: &Literal) -> String {
    let text = match literal {
        Literal::String(text) => format!("the text `{text}`"),
        Literal::Json(Json::Null) => "nothing".to_owned(),
        Literal::Json(Json::Array(_)) => "a list".to_owned(),
        Literal::Json(_) => "an object".to_owned(),
        other => json_from_literal(other).to_string().trim_matches('"').to_owned(),
    };
    match shortened(&text) {
        // The backtick that was cut off.
        Cow::Owned(text) if matches!(literal, Literal::String(_)) => text + "`",
        text => text.into_owned(),
    }
}

/// Text from a file, short enough for a message.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::{Input, NoFolders};
    use super::*;

    fn run(input: Input, literal: impl Into<Literal>) -> Result<String, String> {
        match coerce(input.name, &input.ty, &literal.into(), &NoFolders) {
            Ok((value, notice)) => Ok(format!("{value:?}{}", notice.map_or("", |_| " noticed"))),
            Err(problem) => Err(format!("{}: {}", problem.kind.code(), problem.details)),
        }
    }

    fn ok(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn err(text: &str) -> Result<String, String> {
        Err(text.to_owned())
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        let int = Input::int("n", 0, 0..=100);
        assert_eq!(run(int, "  12 "), ok("Int(12)"));
        assert_eq!(run(int, 20.7), ok("Int(20) noticed"));
        assert_eq!(run(int, 20.0), ok("Int(20)"));
        assert_eq!(run(int, true), ok("Int(1)"));
        assert_eq!(
            run(int, "1.5"),
            err("invalid_input_type: `n` needs a whole number, got the text `1.5`")
        );
        assert_eq!(run(int, 101_i64), err("value_bigger_than_max: `n` is 101, expected 0 to 100"));
        let float = Input::float("x", 0.0, 0.0..=1.0, 0.01);
        assert_eq!(run(float, "0.5"), ok("Float(0.5)"));
        assert_eq!(run(float, 1_i64), ok("Float(1.0)"));
        assert_eq!(run(float, -0.5), err("value_smaller_than_min: `x` is -0.5, expected 0 to 1"));
    }

    #[test]
    fn not_a_number_is_refused() {
        let float = Input::float("cfg", 8.0, 0.0..=100.0, 0.1);
        for bad in [f64::NAN, f64::INFINITY] {
            assert_eq!(
                run(float, bad),
                err(&format!("invalid_input_type: `cfg` needs a finite number, got {bad}"))
            );
        }
        assert!(run(float, "nan").is_err());
        assert!(run(Input::int("n", 0, 0..=1), f64::NAN).is_err());
        assert!(run(float, serde_json::Value::Null).is_err());
    }

    #[test]
    fn text_takes_numbers_and_refuses_lists() {
        let text = Input::string("text");
        assert_eq!(run(text, 1.0), ok(r#"String("1.0")"#));
        assert_eq!(run(text, true), ok(r#"String("True")"#));
        assert_eq!(
            run(text, serde_json::json!([1, 2, 3])),
            err("invalid_input_type: `text` needs text, got a list")
        );
    }

    #[test]
    fn word_false_is_not_true() {
        let yes = Input::boolean("tile", true);
        assert_eq!(run(yes, "False"), ok("Boolean(false)"));
        assert_eq!(run(yes, 0_i64), ok("Boolean(false)"));
        assert!(run(yes, "disable").is_err());
    }

    #[test]
    fn unknown_name_comes_with_the_nearest() {
        let combo = Input::combo("sampler_name", &["euler", "heun", "dpmpp_2m", "models/a.ckpt"]);
        assert_eq!(run(combo, "heun"), ok(r#"String("heun")"#));
        assert_eq!(run(combo, r"models\a.ckpt"), ok(r#"String("models/a.ckpt")"#));
        assert_eq!(
            run(combo, "dpmp_2m"),
            err("value_not_in_list: `sampler_name` is `dpmp_2m`; did you mean `dpmpp_2m`?")
        );
        assert_eq!(
            run(Input::folder("ckpt_name", "checkpoints"), "a.safetensors"),
            err(
                "value_not_in_list: `ckpt_name` is `a.safetensors`, and there is none to choose from"
            )
        );
    }

    #[test]
    fn link_inputs_take_literals_only_of_written_kinds() {
        assert_eq!(run(Input::link("x", Kind::ANY), "a"), ok(r#"String("a")"#));
        assert!(run(Input::link("x", Kind::ANY), serde_json::json!([1])).is_ok());
        assert_eq!(run(Input::link("x", Kind::new("INT,FLOAT")), 2_i64), ok("Int(2)"));
        assert_eq!(run(Input::link("x", Kind::FLOAT), 2_i64), ok("Float(2.0)"));
        assert_eq!(
            run(Input::link("model", Kind::MODEL), "sprite"),
            err("bad_linked_input: `model` needs a link to a MODEL output, got the text `sprite`")
        );
    }
}
