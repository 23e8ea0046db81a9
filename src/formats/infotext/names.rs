//! Samplers and schedules by AUTOMATIC1111's labels and by ComfyUI's names.

/// `(label, name)`; the first label of a name is the one that is written.
const SAMPLERS: [(&str, &str); 24] = [
    ("Euler", "euler"),
    ("Euler a", "euler_ancestral"),
    ("LMS", "lms"),
    ("Heun", "heun"),
    ("DPM2", "dpm_2"),
    ("DPM2 a", "dpm_2_ancestral"),
    ("DPM++ 2S a", "dpmpp_2s_ancestral"),
    ("DPM++ 2M", "dpmpp_2m"),
    ("DPM++ SDE", "dpmpp_sde"),
    ("DPM++ 2M SDE", "dpmpp_2m_sde"),
    ("DPM++ 2M SDE Heun", "dpmpp_2m_sde_heun"),
    ("DPM++ 3M SDE", "dpmpp_3m_sde"),
    ("DPM fast", "dpm_fast"),
    ("DPM adaptive", "dpm_adaptive"),
    ("UniPC", "uni_pc"),
    ("DDIM", "ddim"),
    ("LCM", "lcm"),
    // Of the fork of it that lives on.
    ("DDPM", "ddpm"),
    ("DEIS", "deis"),
    ("IPNDM", "ipndm"),
    ("IPNDM_V", "ipndm_v"),
    ("HeunPP2", "heunpp2"),
    ("Res Multistep", "res_multistep"),
    ("ER SDE", "er_sde"),
];

const SCHEDULES: [(&str, &str); 12] = [
    ("Normal", "normal"),
    ("Karras", "karras"),
    ("Exponential", "exponential"),
    ("SGM Uniform", "sgm_uniform"),
    ("Simple", "simple"),
    ("DDIM", "ddim_uniform"),
    ("Beta", "beta"),
    ("KL Optimal", "kl_optimal"),
    ("Linear Quadratic", "linear_quadratic"),
    // Second labels of the same levels: evenly spaced times, and a power of 1.
    ("Uniform", "normal"),
    ("Polyexponential", "exponential"),
    ("Turbo", "sgm_uniform"),
];

/// Schedules that a sampler has of its own where none is chosen; `normal` for all others.
const AUTOMATIC: [(&str, &str); 8] = [
    ("dpmpp_2m", "karras"),
    ("dpmpp_sde", "karras"),
    ("dpmpp_2s_ancestral", "karras"),
    ("dpm_2", "karras"),
    ("dpm_2_ancestral", "karras"),
    ("dpmpp_2m_sde", "exponential"),
    ("dpmpp_2m_sde_heun", "exponential"),
    ("dpmpp_3m_sde", "exponential"),
];

/// ComfyUI's name of a schedule; its own names are labels, too.
pub(super) fn schedule(label: &str) -> Option<&'static str> {
    by_label(&SCHEDULES, label)
}

/// ComfyUI's names of a sampler and, in old files, of the schedule at the end of the same label.
pub(super) fn sampler(label: &str) -> Option<(&'static str, Option<&'static str>)> {
    if let Some(name) = by_label(&SAMPLERS, label) {
        return Some((name, None));
    }
    SCHEDULES.iter().find_map(|(schedule, name)| {
        let end = label.len().checked_sub(schedule.len() + 1)?;
        let (sampler, end) = (label.get(..end)?, label.get(end..)?.strip_prefix(' ')?);
        let sampler = by_label(&SAMPLERS, sampler)?;
        end.eq_ignore_ascii_case(schedule).then_some((sampler, Some(*name)))
    })
}

/// The schedule that goes with a sampler where none is named.
pub(super) fn automatic(sampler: &str) -> &'static str {
    AUTOMATIC.iter().find(|(name, _)| *name == sampler).map_or("normal", |(_, schedule)| schedule)
}

pub(super) fn sampler_label(name: &str) -> Option<&'static str> {
    SAMPLERS.iter().find(|(_, known)| *known == name).map(|(label, _)| *label)
}

pub(super) fn schedule_label(name: &str) -> Option<&'static str> {
    SCHEDULES.iter().find(|(_, known)| *known == name).map(|(label, _)| *label)
}

fn by_label(table: &[(&str, &'static str)], label: &str) -> Option<&'static str> {
    let found = table
        .iter()
        .find(|(known, name)| known.eq_ignore_ascii_case(label.trim()) || *name == label.trim());
    found.map(|(_, name)| *name)
}
