//! Regular expressions, as Python's `re` has them.

use super::pattern::{Pattern, group};
use super::refused;
use super::strings::text;
use super::template::Template;
use super::translate::Flags;
use crate::error::Result;
use crate::graph::{Function, Input, Inputs, Kind, Output, Outputs, Schema};
use crate::nodes::limits;

const STRING: Input = Input::string("string").or("").multiline().doc("The text.");
const PATTERN: Input = Input::string("regex_pattern")
    .or("")
    .multiline()
    .doc("The regular expression, as Python writes it.");
const CASE_INSENSITIVE: Input =
    Input::boolean("case_insensitive", true).optional().doc("Whether `a` matches `A` as well.");
const MULTILINE: Input =
    Input::boolean("multiline", false).optional().doc("Whether `^` and `$` match at every line.");
const DOTALL: Input =
    Input::boolean("dotall", false).optional().doc("Whether `.` matches the end of a line.");

/// Whether a pattern matches.
pub(super) const REGEX_MATCH: Function = Function::new(
    &Schema::new("RegexMatch", "Regex Match", "utils/string")
        .doc("Tells whether a regular expression matches anywhere in a text.")
        .inputs(&[STRING, PATTERN, CASE_INSENSITIVE, MULTILINE, DOTALL])
        .outputs(&[Output::new(Kind::BOOLEAN).named("matches")]),
    |inputs, _| {
        let mut matches = false;
        pattern(inputs)?.each(text(inputs, "string")?, &mut |_| {
            matches = true;
            false
        })?;
        Ok(Outputs::one(matches))
    },
);

/// What a pattern matches.
pub(super) const REGEX_EXTRACT: Function = Function::new(
    &Schema::new("RegexExtract", "Regex Extract", "utils/string")
        .doc("Takes what a regular expression matches out of a text; several matches are lines.")
        .inputs(&[
            STRING,
            PATTERN,
            Input::combo("mode", &["First Match", "All Matches", "First Group", "All Groups"])
                .doc("The first match or all, and the whole of it or one group."),
            CASE_INSENSITIVE,
            MULTILINE,
            DOTALL,
            Input::int("group_index", 1, 0..=100)
                .optional()
                .doc("Which group, counted from 1; 0 is the whole match."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let pattern = pattern(inputs)?;
        let index = inputs.optional_int("group_index")?.unwrap_or(1);
        let mode = inputs.string("mode")?;
        let (all, wanted) = match mode {
            "First Match" => (false, Some(0)),
            // Python's `findall` gives the first group of a pattern that has any.
            "All Matches" => (true, Some(pattern.groups().min(1))),
            "First Group" => (false, Some(index).filter(|index| *index <= pattern.groups())),
            // A pattern without groups has none to give, not even the whole.
            _ => (true, Some(index).filter(|index| (*index).max(1) <= pattern.groups())),
        };
        let Some(wanted) = wanted else { return Ok(Outputs::one("")) };
        let mut found = Vec::new();
        pattern.each(text(inputs, "string")?, &mut |captures| {
            found.push(group(captures, wanted));
            all
        })?;
        Ok(Outputs::one(found.join("\n")))
    },
);

/// What a pattern matches, replaced.
pub(super) const REGEX_REPLACE: Function = Function::new(
    &Schema::new("RegexReplace", "Regex Replace", "utils/string")
        .doc("Replaces what a regular expression matches in a text.")
        .inputs(&[
            STRING,
            PATTERN,
            Input::string("replace")
                .or("")
                .multiline()
                .doc(r"What comes in its place; `\1` and `\g<name>` are groups of the match."),
            CASE_INSENSITIVE,
            MULTILINE,
            DOTALL,
            Input::int("count", 0, 0..=100)
                .optional()
                .doc("How many matches are replaced at most; 0 means all."),
        ])
        .outputs(&[Output::new(Kind::STRING)]),
    |inputs, _| {
        let (pattern, string) = (pattern(inputs)?, text(inputs, "string")?);
        let replace = text(inputs, "replace")?;
        let template = Template::new(replace, &pattern).map_err(|why| {
            let got = format!("`{replace}` with {why}");
            refused("replace", "a replacement as Python's `re` reads it", got)
        })?;
        let count = inputs.optional_int("count")?.unwrap_or(0);
        let (mut out, mut at, mut done) = (String::new(), 0, 0_usize);
        let mut fits = Ok(());
        pattern.each(string, &mut |captures| {
            if let Some(whole) = captures.get(0) {
                out.push_str(&string[at..whole.start()]);
                at = whole.end();
            }
            template.expand(captures, &mut out);
            done += 1;
            fits = limits::check_text(out.len());
            fits.is_ok() && done != count
        })?;
        fits?;
        out.push_str(&string[at..]);
        Ok(Outputs::one(out))
    },
);

fn pattern(inputs: &Inputs) -> Result<Pattern> {
    let flags = Flags {
        ignore_case: inputs.optional_boolean("case_insensitive")?.unwrap_or(true),
        multiline: inputs.optional_boolean("multiline")?.unwrap_or(false),
        dot_all: inputs.optional_boolean("dotall")?.unwrap_or(false),
        verbose: false,
    };
    Pattern::new(text(inputs, "regex_pattern")?, flags)
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

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

    fn inputs(case: &Json) -> Inputs {
        let text = |key: &str| case[key].as_str().unwrap().to_owned();
        let flags = case["flags"].as_str().unwrap_or("");
        let inputs = Inputs::new().with("string", text("text"));
        let inputs = inputs.with("regex_pattern", text("pattern"));
        let inputs = inputs.with("case_insensitive", flags.contains('i'));
        inputs.with("multiline", flags.contains('m')).with("dotall", flags.contains('s'))
    }

    #[test]
    fn patterns_match_what_they_match_in_python() {
        let mut wrong = Vec::new();
        for case in cases("regex") {
            let matches = case["matches"].as_array().unwrap();
            let groups = matches.first().map_or(0, |groups| groups.as_array().unwrap().len() - 1);
            let column = |index: usize| -> String {
                let texts = matches.iter().map(|groups| groups[index].as_str().unwrap());
                texts.collect::<Vec<_>>().join("\n")
            };
            let extract = |mode: &str, index: usize| {
                let inputs = inputs(&case).with("mode", mode).with("group_index", index as i64);
                match run(&REGEX_EXTRACT, inputs) {
                    Ok(out) => out.values[0].to_json().unwrap().as_str().unwrap().to_owned(),
                    Err(error) => error.to_string(),
                }
            };
            let mut check = |mode: &str, index, expected: String| {
                let ours = extract(mode, index);
                if ours != expected {
                    wrong
                        .push(format!("{} {mode} {index}: {ours:?} {expected:?}", case["pattern"]));
                }
            };
            check("All Matches", 1, column(groups.min(1)));
            let first = matches.first().map_or("", |groups| groups[0].as_str().unwrap());
            check("First Match", 1, first.to_owned());
            for index in 1..=groups {
                check("All Groups", index, column(index));
            }
            let matched = value(&REGEX_MATCH, inputs(&case));
            assert_eq!(matched, !matches.is_empty(), "{case}");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn patterns_that_python_refuses_are_refused() {
        for pattern in cases("bad_regex") {
            let pattern = pattern.as_str().unwrap();
            let inputs = Inputs::new().with("string", "").with("regex_pattern", pattern);
            let error = run(&REGEX_MATCH, inputs).expect_err(pattern).to_string();
            assert!(error.starts_with("regex_pattern: expected a regular expression"), "{error}");
        }
    }

    #[test]
    fn replacements_are_python_s() {
        let mut wrong = Vec::new();
        for case in cases("regex_replace") {
            let replace = case["replace"].as_str().unwrap();
            let inputs = inputs(&case).with("replace", replace);
            let out = run(&REGEX_REPLACE, inputs.with("count", case["count"].as_i64().unwrap()));
            let ours = out.as_ref().ok().map(|out| out.values[0].to_json().unwrap());
            if ours.clone().unwrap_or(Json::Null) != case["result"] {
                wrong.push(format!("{case}: {ours:?} {:?}", out.err().map(|e| e.to_string())));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn groups_that_are_not_there_are_empty() {
        let extract = |mode: &str, pattern: &str, index: i64| {
            let inputs = Inputs::new().with("string", "a1 b2").with("regex_pattern", pattern);
            value(&REGEX_EXTRACT, inputs.with("mode", mode).with("group_index", index))
        };
        assert_eq!(extract("First Group", r"(\w)\d", 1), "a");
        assert_eq!(extract("First Group", r"(\w)\d", 2), "");
        assert_eq!(extract("First Group", r"\w\d", 0), "a1");
        assert_eq!(extract("All Groups", r"(\w)\d", 0), "a1\nb2");
        assert_eq!(extract("All Groups", r"\w\d", 0), "", "as in ComfyUI");
    }

    #[test]
    fn a_pattern_that_explodes_is_stopped() {
        let inputs = Inputs::new().with("string", "a".repeat(40) + "b");
        let inputs = inputs.with("regex_pattern", r"^(a|a)*(?=\1)c$");
        let error = run(&REGEX_MATCH, inputs).unwrap_err().to_string();
        assert!(error.contains("more than a million attempts"), "{error}");
    }
}
