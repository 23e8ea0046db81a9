//! Text joined, cut, searched and compared, as Python's `str` does it.

use super::case::{capitalised, titled};
use super::refused;
use crate::error::Result;
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema, Value};
use crate::nodes::limits;

const STRING: Input = Input::string("string").or("").multiline().doc("The text.");
const STRING_A: Input = Input::string("string_a").or("").multiline().doc("The first text.");
const STRING_B: Input = Input::string("string_b").or("").multiline().doc("The second text.");
const CASE_SENSITIVE: Input =
    Input::boolean("case_sensitive", true).doc("Whether `a` and `A` differ.");

/// Two texts as one.
pub(super) const STRING_CONCATENATE: Function = Function::new(
    &Schema::new("StringConcatenate", "Concatenate", "utils/string")
        .doc("Joins two texts.")
        .inputs(&[
            STRING_A,
            STRING_B,
            Input::string("delimiter").or("").doc("What comes between them."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let [a, b, between] =
            [text(inputs, "string_a")?, text(inputs, "string_b")?, text(inputs, "delimiter")?];
        limits::check_text(a.len().saturating_add(b.len()).saturating_add(between.len()))?;
        Ok(Outputs::one([a, between, b].concat()))
    },
);

/// A part of a text.
pub(super) const STRING_SUBSTRING: Function = Function::new(
    &Schema::new("StringSubstring", "Substring", "utils/string")
        .doc("Takes a part of a text.")
        .inputs(&[
            STRING,
            Input::int("start", 0, -(1 << 31)..=(1 << 31))
                .doc("The first character taken, counted from 0; below 0 from the end."),
            Input::int("end", 0, -(1 << 31)..=(1 << 31))
                .doc("The first character no longer taken; below 0 from the end."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let string = text(inputs, "string")?;
        let length = string.chars().count();
        let place = |name| -> Result<usize> {
            let index: i64 = inputs.int(name)?;
            let from_end = length.saturating_sub(index.unsigned_abs() as usize);
            Ok(if index < 0 { from_end } else { (index as usize).min(length) })
        };
        let (start, end) = (place("start")?, place("end")?);
        let taken: String = string.chars().skip(start).take(end.saturating_sub(start)).collect();
        Ok(Outputs::one(taken))
    },
);

/// How long a text is.
pub(super) const STRING_LENGTH: Function = Function::new(
    &Schema::new("StringLength", "Length", "utils/string")
        .doc("Counts the characters of a text.")
        .inputs(&[STRING])
        .outputs(&[Output::new(Kind::INT).named("length")]),
    |inputs, _| Ok(Outputs::one(text(inputs, "string")?.chars().count() as i64)),
);

/// Capitals and small letters.
pub(super) const CASE_CONVERTER: Function = Function::new(
    &Schema::new("CaseConverter", "Case Converter", "utils/string")
        .doc("Writes a text in capitals or small letters.")
        .inputs(&[
            STRING,
            Input::combo("mode", &["UPPERCASE", "lowercase", "Capitalize", "Title Case"])
                .doc("Which letters are large: all, none, the first, or the first of every word."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let string = text(inputs, "string")?;
        Ok(Outputs::one(match inputs.string("mode")? {
            "UPPERCASE" => string.to_uppercase(),
            "lowercase" => string.to_lowercase(),
            "Capitalize" => capitalised(string),
            _ => titled(string),
        }))
    },
);

/// A text without the blanks around it.
pub(super) const STRING_TRIM: Function = Function::new(
    &Schema::new("StringTrim", "Trim", "utils/string")
        .doc("Takes blanks and empty lines off the ends of a text.")
        .inputs(&[STRING, Input::combo("mode", &["Both", "Left", "Right"]).doc("At which end.")])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let string = text(inputs, "string")?;
        let blank = |c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c);
        Ok(Outputs::one(match inputs.string("mode")? {
            "Left" => string.trim_start_matches(blank),
            "Right" => string.trim_end_matches(blank),
            _ => string.trim_matches(blank),
        }))
    },
);

/// One text in another replaced.
pub(super) const STRING_REPLACE: Function = Function::new(
    &Schema::new("StringReplace", "Replace", "utils/string")
        .doc("Replaces every occurrence of one text in another.")
        .inputs(&[
            STRING,
            Input::string("find").or("").multiline().doc("What is looked for."),
            Input::string("replace").or("").multiline().doc("What comes in its place."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let [string, find, replace] =
            [text(inputs, "string")?, text(inputs, "find")?, text(inputs, "replace")?];
        let places = string.matches(find).count();
        limits::check_text(string.len().saturating_add(replace.len().saturating_mul(places)))?;
        Ok(Outputs::one(string.replace(find, replace)))
    },
);

/// Whether one text is in another.
pub(super) const STRING_CONTAINS: Function = Function::new(
    &Schema::new("StringContains", "Contains", "utils/string")
        .doc("Tells whether one text is in another.")
        .inputs(&[
            STRING,
            Input::string("substring").or("").multiline().doc("What is looked for."),
            CASE_SENSITIVE,
        ])
        .outputs(&[Output::new(Kind::BOOLEAN).named("contains")]),
    |inputs, _| {
        let [string, part] = folded(inputs, ["string", "substring"])?;
        Ok(Outputs::one(string.contains(&part)))
    },
);

/// Whether two texts agree.
pub(super) const STRING_COMPARE: Function = Function::new(
    &Schema::new("StringCompare", "Compare", "utils/string")
        .doc("Tells whether a text starts with, ends with or is another.")
        .inputs(&[
            STRING_A,
            STRING_B,
            Input::combo("mode", &["Starts With", "Ends With", "Equal"])
                .doc("What is asked of the first text."),
            CASE_SENSITIVE,
        ])
        .outputs(&[Output::new(Kind::BOOLEAN)]),
    |inputs, _| {
        let [a, b] = folded(inputs, ["string_a", "string_b"])?;
        Ok(Outputs::one(match inputs.string("mode")? {
            "Starts With" => a.starts_with(&b),
            "Ends With" => a.ends_with(&b),
            _ => a == b,
        }))
    },
);

/// A text input. One without a value is empty, as an empty text box is.
pub(super) fn text<'a>(inputs: &'a Inputs, name: &'static str) -> Result<&'a str> {
    match inputs.get(name) {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(refused(name, "text", other.kind().to_string())),
    }
}

/// Two texts, in small letters unless these count.
fn folded(inputs: &Inputs, names: [&'static str; 2]) -> Result<[String; 2]> {
    let sensitive = inputs.optional_boolean("case_sensitive")?.unwrap_or(true);
    let fold = |text: &str| if sensitive { text.to_owned() } else { text.to_lowercase() };
    Ok([fold(text(inputs, names[0])?), fold(text(inputs, names[1])?)])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::nodes::testing::run;

    fn cases(name: &str) -> Vec<Json> {
        let json: Json =
            serde_json::from_str(include_str!("../../../tests/fixtures/text.json")).unwrap();
        json[name].as_array().unwrap().clone()
    }

    fn value(node: &Function, inputs: Inputs) -> Json {
        run(node, inputs).unwrap().values[0].to_json().unwrap()
    }

    fn of(string: &Json) -> Inputs {
        Inputs::new().with("string", string.as_str().unwrap())
    }

    /// Every row of a case is a text and what the modes make of it.
    fn modes(node: &Function, name: &str, modes: &[&str]) {
        for case in cases(name) {
            for (mode, expected) in modes.iter().zip(&case.as_array().unwrap()[1..]) {
                assert_eq!(value(node, of(&case[0]).with("mode", *mode)), *expected, "{case}");
            }
        }
    }

    #[test]
    fn texts_are_written_trimmed_cut_and_replaced_as_in_python() {
        modes(&CASE_CONVERTER, "case", &["UPPERCASE", "lowercase", "Capitalize", "Title Case"]);
        modes(&STRING_TRIM, "strip", &["Both", "Left", "Right"]);
        for case in cases("slice") {
            let place = |i: usize| case[i].as_i64().unwrap();
            let inputs = of(&case[0]).with("start", place(1)).with("end", place(2));
            assert_eq!(value(&STRING_SUBSTRING, inputs), case[3], "{case}");
        }
        for case in cases("replace") {
            let text = |i: usize| case[i].as_str().unwrap();
            let inputs = of(&case[0]).with("find", text(1)).with("replace", text(2));
            assert_eq!(value(&STRING_REPLACE, inputs), case[3], "{case}");
        }
    }

    #[test]
    fn texts_are_joined_and_counted_by_characters() {
        let inputs = Inputs::new().with("string_a", "a").with("string_b", "龍");
        let joined = value(&STRING_CONCATENATE, inputs.with("delimiter", ", "));
        assert_eq!(joined, "a, 龍");
        assert_eq!(value(&STRING_LENGTH, of(&joined)), 4);
        assert_eq!(value(&STRING_LENGTH, Inputs::new()), 0);
    }

    #[test]
    fn texts_are_compared_with_and_without_capitals() {
        let compare = |mode: &str, sensitive: bool| {
            let inputs = Inputs::new().with("string_a", "Hello").with("string_b", "hELLO");
            value(&STRING_COMPARE, inputs.with("mode", mode).with("case_sensitive", sensitive))
        };
        for mode in ["Starts With", "Ends With", "Equal"] {
            assert_eq!([compare(mode, true), compare(mode, false)], [json!(false), json!(true)]);
        }
        let contains = |part: &str, sensitive: bool| {
            let inputs = of(&json!("Hello")).with("substring", part);
            value(&STRING_CONTAINS, inputs.with("case_sensitive", sensitive))
        };
        assert_eq!(
            [
                contains("ELL", true),
                contains("ELL", false),
                contains("", true),
                contains("x", true)
            ],
            [false, true, true, false]
        );
        let a = Inputs::new().with("string_a", "ab").with("string_b", "b");
        assert_eq!(value(&STRING_COMPARE, a.with("mode", "Ends With")), true);
    }

    #[test]
    fn a_text_that_grows_beyond_all_bounds_is_refused() {
        let inputs = of(&json!("a".repeat(1 << 14))).with("find", "a");
        let error = run(&STRING_REPLACE, inputs.with("replace", "b".repeat(1 << 14))).unwrap_err();
        assert_eq!(error.kind().code(), "too_large");
    }
}
