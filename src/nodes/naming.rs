//! Names of saved files, as ComfyUI makes them: `prefix_00001_.png`, with `%tokens%` in the prefix.

use serde_json::Value as Json;

use super::Environment;
use crate::graph::Context;

/// Folder inside the outputs and file-name stem for a prefix such as `dragons/%width%x%height%`.
///
/// Replaces `%width%`, `%height%`, `%year%`, `%month%`, `%day%`, `%hour%`, `%minute%`, `%second%` (UTC), and what
/// ComfyUI's page does: `%date:yyyy-MM-dd%`, and `%KSampler.seed%` by an input of the node of that class or
/// title. `%batch_num%` is replaced later, picture by picture. A part that would leave the folder is dropped, a
/// character that no file system takes becomes `_`.
pub(super) fn resolve(prefix: &str, size: [usize; 2], cx: &Context<'_>) -> (String, String) {
    resolve_at(prefix, size, cx.now_millis(), cx.prompt())
}

fn resolve_at(
    prefix: &str,
    [width, height]: [usize; 2],
    now_millis: f64,
    prompt: &Json,
) -> (String, String) {
    let date = calendar(now_millis);
    let [year, month, day, hour, minute, second] = date;
    let two = |n: u64| format!("{n:02}");
    let text = replace_tokens(prefix, |token| match token.strip_prefix("date:") {
        Some(format) => Some(write_date(format, date)),
        None => input_of(prompt, token),
    })
    .replace("%width%", &width.to_string())
    .replace("%height%", &height.to_string())
    .replace("%year%", &year.to_string())
    .replace("%month%", &two(month))
    .replace("%day%", &two(day))
    .replace("%hour%", &two(hour))
    .replace("%minute%", &two(minute))
    .replace("%second%", &two(second));
    let clean = |part: &str| -> String {
        let forbidden = |c: char| c.is_control() || r#"<>:"|?*"#.contains(c);
        part.chars().map(|c| if forbidden(c) { '_' } else { c }).collect()
    };
    let mut parts: Vec<String> = text
        .split(['/', '\\'])
        .filter(|part| !part.is_empty() && !part.chars().all(|c| c == '.'))
        .map(clean)
        .collect();
    let stem = parts.pop().unwrap_or_else(|| "ComfyUI".to_owned());
    (parts.join("/"), stem)
}

/// The text with every `%token%` that `value` knows replaced.
fn replace_tokens(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let known = after.split_once('%').and_then(|(token, tail)| Some((value(token)?, tail)));
        if let Some((value, tail)) = known {
            out.push_str(&value);
            rest = tail;
        } else {
            out.push('%');
            rest = after;
        }
    }
    out + rest
}

/// The value that `Node.input` has in the graph, where the node is of this class or else has this title.
fn input_of(prompt: &Json, token: &str) -> Option<String> {
    let (name, input) = token.split_once('.')?;
    let nodes = || prompt.as_object().into_iter().flatten().map(|(_, node)| node);
    let node = nodes()
        .find(|node| node["class_type"] == name)
        .or_else(|| nodes().find(|node| node["_meta"]["title"] == name))?;
    let text = match &node["inputs"][input] {
        Json::String(text) => text.clone(),
        value @ (Json::Number(_) | Json::Bool(_)) => value.to_string(),
        _ => return None,
    };
    // A value names no folders.
    Some(text.replace(['/', '\\'], "_"))
}

/// A date as a format such as `yyyy-MM-dd hh.mm.ss` has it: one letter for the number, two for two digits.
fn write_date(format: &str, [year, month, day, hour, minute, second]: [u64; 6]) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        let length = rest.find(|c| c != letter).unwrap_or(rest.len());
        let number = match letter {
            'y' => Some(if length == 2 { year % 100 } else { year }),
            'M' => Some(month),
            'd' => Some(day),
            'h' => Some(hour),
            'm' => Some(minute),
            's' => Some(second),
            _ => None,
        };
        match number {
            Some(number) if length == 1 => out.push_str(&number.to_string()),
            Some(number) => out.push_str(&format!("{number:02}")),
            None => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out
}

/// The file name of the next file with this stem.
pub(super) fn next_file(env: &Environment, folder: &str, stem: &str, extension: &str) -> String {
    let key = if folder.is_empty() { stem.to_owned() } else { format!("{folder}/{stem}") };
    format!("{stem}_{:05}_.{extension}", env.next_number(&key))
}

/// Year, month, day, hour, minute, second of a time in UTC.
///
/// # Source
///
/// H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn calendar(now_millis: f64) -> [u64; 6] {
    let seconds = (now_millis / 1000.0).max(0.0) as u64;
    let (days, time) = (seconds / 86400, seconds % 86400);
    // Counting from 1 March of year 0 puts the leap day at the end of the year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    [year, month, day, time / 3600, time / 60 % 60, time % 60]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(calendar(0.0), [1970, 1, 1, 0, 0, 0]);
        assert_eq!(calendar(951_782_399_000.0), [2000, 2, 28, 23, 59, 59]);
        assert_eq!(calendar(951_782_400_000.0), [2000, 2, 29, 0, 0, 0]);
        assert_eq!(calendar(1_709_251_200_000.0), [2024, 3, 1, 0, 0, 0]);
    }

    #[test]
    fn prefix_tokens_and_folders() {
        let resolve = |prefix| resolve_at(prefix, [128, 64], 951_782_400_000.0, &Json::Null);
        assert_eq!(resolve("a/%width%x%height%"), ("a".into(), "128x64".into()));
        assert_eq!(resolve("%year%-%month%-%day%"), (String::new(), "2000-02-29".into()));
        assert_eq!(resolve("../../etc/pass:wd"), ("etc".into(), "pass_wd".into()));
        assert_eq!(resolve(""), (String::new(), "ComfyUI".into()));
    }

    #[test]
    fn dates_and_inputs_of_the_graph_are_filled_in() {
        let prompt = serde_json::json!({
            "3": { "class_type": "KSampler", "inputs": {
                "seed": u64::MAX, "cfg": 7.5, "sampler_name": "../euler", "model": ["4", 0],
            } },
            "4": { "class_type": "Loader", "inputs": { "name": "a/b" }, "_meta": { "title": "My model" } },
        });
        let stem = |prefix| resolve_at(prefix, [1, 1], 951_786_062_000.0, &prompt).1;
        assert_eq!(stem("%date:yyyy-MM-dd%_%date:hh.mm.ss%"), "2000-02-29_01.01.02");
        assert_eq!(stem("%date:yyMd%x%date:yyyyé%"), "00229x2000é");
        assert_eq!(stem("%KSampler.seed%-%KSampler.cfg%"), "18446744073709551615-7.5");
        assert_eq!(stem("%My model.name%"), "a_b");
        assert_eq!(stem("%KSampler.sampler_name%"), ".._euler");
        // What is not known stays as it is.
        assert_eq!(
            stem("%KSampler.model%%Nobody.x%50% %batch_num%"),
            "%KSampler.model%%Nobody.x%50% %batch_num%"
        );
    }
}
