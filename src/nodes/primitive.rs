//! Nodes that hold one value, for several others to use.

use crate::graph::{Function, Input, Kind, Node, Output, Outputs, Schema};

/// The classes of this family, in menu order.
pub(super) const NODES: &[&dyn Node] = &[
    &PRIMITIVE_STRING,
    &PRIMITIVE_STRING_MULTILINE,
    &PRIMITIVE_INT,
    &PRIMITIVE_FLOAT,
    &PRIMITIVE_BOOLEAN,
];

const PRIMITIVE_STRING: Function = Function::new(
    &Schema::new("PrimitiveString", "String", "utils/primitive")
        .doc("Holds a line of text.")
        .inputs(&[Input::string("value").or("").doc("The text.")])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| Ok(Outputs::one(inputs.string("value")?)),
);

const PRIMITIVE_STRING_MULTILINE: Function = Function::new(
    &Schema::new("PrimitiveStringMultiline", "String (Multiline)", "utils/primitive")
        .doc("Holds a text.")
        .inputs(&[Input::string("value").or("").multiline().doc("The text.")])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| Ok(Outputs::one(inputs.string("value")?)),
);

const PRIMITIVE_INT: Function = Function::new(
    &Schema::new("PrimitiveInt", "Int", "utils/primitive")
        .doc("Holds a whole number.")
        .inputs(&[Input::int("value", 0, -i64::MAX as i128..=i64::MAX as i128)
            .control_after_generate()
            .doc("The number.")])
        .outputs(&[Output::new(Kind::INT)]),
    |inputs, _| Ok(Outputs::one(inputs.int::<i64>("value")?)),
);

const PRIMITIVE_FLOAT: Function = Function::new(
    &Schema::new("PrimitiveFloat", "Float", "utils/primitive")
        .doc("Holds a number.")
        .inputs(&[
            Input::float("value", 0.0, -i64::MAX as f64..=i64::MAX as f64, 0.1).doc("The number.")
        ])
        .outputs(&[Output::new(Kind::FLOAT)]),
    |inputs, _| Ok(Outputs::one(inputs.float("value")?)),
);

const PRIMITIVE_BOOLEAN: Function = Function::new(
    &Schema::new("PrimitiveBoolean", "Boolean", "utils/primitive")
        .doc("Holds a yes or a no.")
        .inputs(&[Input::boolean("value", false).doc("Yes or no.")])
        .outputs(&[Output::new(Kind::BOOLEAN)]),
    |inputs, _| Ok(Outputs::one(inputs.boolean("value")?)),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Inputs, Value};
    use crate::nodes::testing::run;

    #[test]
    fn each_gives_what_it_holds() {
        let values: [Value; 5] =
            ["a".into(), "a\nb".into(), i64::MAX.into(), 0.5.into(), true.into()];
        for (node, value) in NODES.iter().zip(values) {
            let out = run(node, Inputs::new().with("value", value.clone())).unwrap();
            assert_eq!(out.values[0].to_json(), value.to_json());
            assert!(out.values[0].fits(node.schema().outputs[0].kind));
        }
    }
}
