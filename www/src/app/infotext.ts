/** A picture's settings as AUTOMATIC1111 writes them, which the engine and many programs read. Plain data. */

import type { Settings } from "../engine/index";

// Labels by ComfyUI's names (src/formats/infotext/names.rs has both directions).
const SAMPLERS: Record<string, string> = {
  euler: "Euler", euler_ancestral: "Euler a", lms: "LMS", heun: "Heun", dpm_2: "DPM2", dpm_2_ancestral: "DPM2 a",
  dpmpp_2s_ancestral: "DPM++ 2S a", dpmpp_2m: "DPM++ 2M", dpmpp_sde: "DPM++ SDE", dpmpp_2m_sde: "DPM++ 2M SDE",
  dpmpp_2m_sde_heun: "DPM++ 2M SDE Heun", dpmpp_3m_sde: "DPM++ 3M SDE", dpm_fast: "DPM fast", dpm_adaptive: "DPM adaptive",
  uni_pc: "UniPC", ddim: "DDIM", lcm: "LCM", ddpm: "DDPM", deis: "DEIS", ipndm: "IPNDM", ipndm_v: "IPNDM_V",
  heunpp2: "HeunPP2", res_multistep: "Res Multistep", er_sde: "ER SDE",
};
const SCHEDULES: Record<string, string> = {
  normal: "Normal", karras: "Karras", exponential: "Exponential", sgm_uniform: "SGM Uniform", simple: "Simple",
  ddim_uniform: "DDIM", beta: "Beta", kl_optimal: "KL Optimal", linear_quadratic: "Linear Quadratic",
};

/** The settings as text; those that have no label there keep ComfyUI's names. */
export function infotext(settings: Settings): string {
  const { prompt, negativePrompt, steps, sampler, scheduler, cfg, seed, width, height, model, denoise } = settings;
  const values: [string, string | number][] = [
    ["Steps", steps],
    ["Sampler", SAMPLERS[sampler] ?? sampler],
    ["Schedule type", SCHEDULES[scheduler] ?? scheduler],
    ["CFG scale", cfg],
    ["Seed", seed.toString()],
    ["Size", `${width}x${height}`],
    ["Model", model.replace(/\.safetensors$/, "")],
    ...(denoise < 1 ? [["Denoising strength", denoise] as [string, number]] : []),
  ];
  const line = values.map(([name, value]) => `${name}: ${quoted(String(value))}`).join(", ");
  const words = [prompt, ...(settings.loras ?? []).map(({ name, strength }) => `<lora:${name.replace(/\.safetensors$/, "")}:${strength}>`)];
  return [words.join(" "), ...(negativePrompt === "" ? [] : [`Negative prompt: ${negativePrompt}`]), line].join("\n");
}

function quoted(value: string): string {
  return /[,:\n"]/.test(value) ? JSON.stringify(value) : value;
}
