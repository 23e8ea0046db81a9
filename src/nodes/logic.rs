//! Nodes that choose, calculate and show values.

mod expression;
mod number;

use self::expression::evaluate;
use self::number::{Number, printed};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Function, Input, Kind, Node, Output, Outputs, Schema, Value};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[&COMFY_SWITCH_NODE, &COMFY_MATH_EXPRESSION, &PREVIEW_ANY];

/// One of two values.
const COMFY_SWITCH_NODE: Function = Function::new(
    &Schema::new("ComfySwitchNode", "Switch", "logic")
        .doc("Passes one of two values on; what leads to the other is not computed.")
        .inputs(&[
            Input::boolean("switch", false).doc("Which one: yes or no."),
            Input::link("on_false", Kind::ANY).optional().lazy().doc("The value for no."),
            Input::link("on_true", Kind::ANY).optional().lazy().doc("The value for yes."),
        ])
        .outputs(&[Output::new(Kind::ANY).named("output")])
        .experimental(),
    |inputs, _| {
        let wanted = branch(inputs.boolean("switch")?);
        match inputs.get(wanted) {
            Some(value) => Ok(Outputs::one(value.clone())),
            None => Err(Error::new(ErrorKind::Mismatch {
                what: wanted,
                expected: "a value".to_owned(),
                got: "nothing".to_owned(),
            })
            .hint("link something to it, or turn the switch")),
        }
    },
)
.asking_for(|inputs| {
    inputs.boolean("switch").map(|yes| vec![branch(yes).to_owned()]).unwrap_or_default()
});

fn branch(yes: bool) -> &'static str {
    if yes { "on_true" } else { "on_false" }
}

/// Arithmetic.
const COMFY_MATH_EXPRESSION: Function = Function::new(
    &Schema::new("ComfyMathExpression", "Math Expression", "math")
        .doc("Calculates with the values given, as Python does.")
        .inputs(&[
            Input::string("expression").or("a + b").multiline().doc(
                "What to calculate: + - * / // % **, comparisons, and, or, not, x if y else z, and abs, ceil, cos, \
                 exp, float, floor, int, log, log10, log2, max, min, pow, round, sin, sqrt, tan.",
            ),
            Input::grow_named(
                "values",
                &Input::link("value", Kind::new("FLOAT,INT,BOOLEAN")).doc("A number, or yes or no."),
                &[
                    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
                    "s", "t", "u", "v", "w", "x", "y", "z",
                ],
                1,
            )
            .doc("The values, called a, b, c and so on."),
        ])
        .outputs(&[
            Output::new(Kind::FLOAT).doc("The result as a number."),
            Output::new(Kind::INT).doc("The result cut to a whole number."),
            Output::new(Kind::BOOLEAN).named("BOOL").doc("No if the result is 0."),
        ]),
    |inputs, _| {
        let named = inputs.group("values");
        let number = |(name, value): (_, &Value)| match value {
            Value::Int(n) => Ok((name, Number::Int(*n))),
            Value::Float(x) if x.is_finite() => Ok((name, Number::Float(*x))),
            Value::Boolean(yes) => Ok((name, Number::Bool(*yes))),
            other => Err(bad("values", "numbers, yes or no", other.kind().to_string())),
        };
        let names = named.into_iter().map(number).collect::<Result<Vec<_>>>()?;
        let expression = inputs.string("expression")?;
        let wrong = |why| bad("expression", "arithmetic as in Python", why);
        let result = evaluate(expression, &names).map_err(wrong)?;
        let whole = match result.truncated().map_err(wrong)? {
            Number::Int(n) => Value::Int(n),
            other => Value::Float(other.float()),
        };
        Ok(Outputs::new(vec![result.float().into(), whole, result.truth().into()]))
    },
);

fn bad(what: &'static str, expected: &str, got: String) -> Error {
    ErrorKind::Mismatch { what, expected: expected.to_owned(), got }.into()
}

/// Any value as text.
const PREVIEW_ANY: Function = Function::new(
    &Schema::new("PreviewAny", "Preview as Text", "utils")
        .doc("Shows a value as text.")
        .inputs(&[Input::link("source", Kind::ANY).doc("The value.")])
        .outputs(&[Output::new(Kind::STRING)])
        .output_node(),
    |inputs, _| {
        let text = match inputs.value("source")? {
            Value::String(text) => text.clone(),
            Value::Float(x) => printed(*x),
            Value::Boolean(yes) => if *yes { "True" } else { "False" }.to_owned(),
            value => match value.to_json() {
                Some(json) => serde_json::to_string_pretty(&json).unwrap_or_default(),
                None => format!("{} of {} bytes", value.kind(), value.bytes()),
            },
        };
        Ok(Outputs::one(text.clone()).with_ui(serde_json::json!({ "text": [text] })))
    },
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Inputs;
    use crate::nodes::testing::run;

    #[test]
    fn a_switch_asks_for_one_branch_and_passes_it_on() {
        for (yes, name) in [(true, "on_true"), (false, "on_false")] {
            let inputs = Inputs::new().with("switch", yes);
            assert_eq!(COMFY_SWITCH_NODE.needs(&inputs), [name]);
            let out = run(&COMFY_SWITCH_NODE, inputs.clone().with(name, "x")).unwrap();
            assert_eq!(out.values[0].to_json().unwrap(), "x");
            let error = run(&COMFY_SWITCH_NODE, inputs).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: expected a value")), "{error}");
        }
    }

    #[test]
    fn a_result_comes_as_each_kind_of_number() {
        let calculate = |expression: &str| {
            let inputs = Inputs::new().with("expression", expression).with("values.a", 7_i64);
            let out = run(&COMFY_MATH_EXPRESSION, inputs.with("values.b", 2.0))?;
            Ok::<_, Error>(
                out.values.iter().map(|v| v.to_json().unwrap().to_string()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(calculate("-a / b").unwrap(), ["-3.5", "-3", "true"]);
        assert_eq!(calculate("a > b").unwrap(), ["1.0", "1", "true"]);
        assert_eq!(calculate("a - 7").unwrap(), ["0.0", "0", "false"]);
        let error = calculate("a + c").unwrap_err().to_string();
        assert_eq!(
            error,
            "expression: expected arithmetic as in Python, got an unknown name `c` at character 5"
        );
    }

    #[test]
    fn a_value_is_shown_as_python_prints_it() {
        let shown = |value: Value| {
            let out = run(&PREVIEW_ANY, Inputs::new().with("source", value)).unwrap();
            let text = out.values[0].to_json().unwrap();
            assert_eq!(out.ui.unwrap()["text"][0], text);
            text
        };
        assert_eq!(shown("a\n".into()), "a\n");
        assert_eq!(shown(3_i64.into()), "3");
        assert_eq!(shown(0.5.into()), "0.5");
        assert_eq!(shown(1e16.into()), "1e+16");
        assert_eq!(shown(true.into()), "True");
        assert_eq!(shown(Value::Json(serde_json::json!([1]))), "[\n  1\n]");
        assert_eq!(shown(Value::object(Kind::LATENT, 12, ())), "LATENT of 12 bytes");
    }
}
