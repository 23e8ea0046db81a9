//! Names of saved files, as ComfyUI makes them: `prefix_00001_.png`, with `%tokens%` in the prefix.

use super::Environment;

/// Folder inside the outputs and file-name stem for a prefix such as `dragons/%width%x%height%`.
///
/// Replaces `%width%`, `%height%`, `%year%`, `%month%`, `%day%`, `%hour%`, `%minute%`, `%second%` (UTC);
/// `%batch_num%` is replaced later, picture by picture. A part that would leave the folder is dropped, a
/// character that no file system takes becomes `_`.
pub(super) fn resolve(
    prefix: &str,
    [width, height]: [usize; 2],
    now_millis: f64,
) -> (String, String) {
    let [year, month, day, hour, minute, second] = calendar(now_millis);
    let two = |n: u64| format!("{n:02}");
    let text = prefix
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
        let resolve = |prefix| resolve(prefix, [128, 64], 951_782_400_000.0);
        assert_eq!(resolve("a/%width%x%height%"), ("a".into(), "128x64".into()));
        assert_eq!(resolve("%year%-%month%-%day%"), (String::new(), "2000-02-29".into()));
        assert_eq!(resolve("../../etc/pass:wd"), ("etc".into(), "pass_wd".into()));
        assert_eq!(resolve(""), (String::new(), "ComfyUI".into()));
    }
}
