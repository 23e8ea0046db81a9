//! What AUTOMATIC1111 writes, taken apart, made a graph of, and written again.

use serde_json::json;

use super::prompt::{to_comfy, without_networks};
use super::*;
use crate::formats::comfy_api;
use crate::graph::Graph;

const PLAIN: &str = "a red dragon,\n3d render <lora:detail:0.8>\n\
    Negative prompt: blurry,\nlow quality\n\
    Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 18446744073709551615, \
    Size: 512x768, Model hash: abc, Model: dream, Clip skip: 2, RNG: CPU, \
    Lora hashes: \"detail: 1a2b, other: 3c\", Version: v1.10.1";

fn graph(text: &str) -> (serde_json::Value, Vec<String>) {
    let (graph, notices) = to_graph(&Infotext::parse(text));
    (comfy_api::json_from_graph(&graph), notices)
}

#[test]
fn text_is_taken_apart() {
    let text = Infotext::parse(PLAIN);
    assert_eq!(text.prompt, "a red dragon,\n3d render <lora:detail:0.8>");
    assert_eq!(text.negative, "blurry,\nlow quality");
    assert_eq!(text.settings.len(), 12);
    assert_eq!(text.get("Sampler"), Some("DPM++ 2M"));
    assert_eq!(text.size("Size"), Some((512, 768)));
    assert_eq!(text.get("Lora hashes"), Some("detail: 1a2b, other: 3c"));
    assert_eq!(text.to_string(), PLAIN);
}

#[test]
fn two_settings_are_prose() {
    let text = Infotext::parse("a sign\nsaying: yes, or: no");
    assert_eq!((&*text.prompt, text.has_settings()), ("a sign\nsaying: yes, or: no", false));
    let text = Infotext::parse("Steps: 20, Sampler: Euler a, Seed: 5");
    assert_eq!((&*text.prompt, text.settings.len()), ("", 3));
    let text =
        Infotext::parse("Steps: 20, (what), Sampler: \"a, b\", x: 1, Seed: \"open, Size: 8x8");
    let names: Vec<&str> = text.settings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Steps", "Sampler", "Seed", "Size"]);
    assert_eq!((text.get("Sampler"), text.get("Seed")), (Some("a, b"), Some("\"open")));
}

#[test]
fn plain_text_becomes_the_usual_graph() {
    let (graph, notices) = graph(PLAIN);
    assert_eq!(notices, Vec::<String>::new());
    assert_eq!(
        graph,
        json!({
            "4": { "class_type": "CheckpointLoaderSimple", "inputs": { "ckpt_name": "dream" } },
            "20": { "class_type": "LoraLoader", "inputs": {
                "model": ["4", 0], "clip": ["4", 1], "lora_name": "detail",
                "strength_model": 0.8, "strength_clip": 0.8 } },
            "10": { "class_type": "CLIPSetLastLayer",
                    "inputs": { "clip": ["20", 1], "stop_at_clip_layer": -2 } },
            "6": { "class_type": "CLIPTextEncode",
                   "inputs": { "text": "a red dragon,\n3d render", "clip": ["10", 0] } },
            "7": { "class_type": "CLIPTextEncode",
                   "inputs": { "text": "blurry,\nlow quality", "clip": ["10", 0] } },
            "5": { "class_type": "EmptyLatentImage",
                   "inputs": { "width": 512, "height": 768, "batch_size": 1 } },
            "3": { "class_type": "KSampler", "inputs": {
                "model": ["20", 0], "seed": 18446744073709551615_u64, "steps": 25, "cfg": 6.5,
                "sampler_name": "dpmpp_2m", "scheduler": "karras", "positive": ["6", 0],
                "negative": ["7", 0], "latent_image": ["5", 0], "denoise": 1.0 } },
            "8": { "class_type": "VAEDecode", "inputs": { "samples": ["3", 0], "vae": ["4", 2] } },
            "9": { "class_type": "SaveImage",
                   "inputs": { "images": ["8", 0], "filename_prefix": "ComfyUI" } },
        })
    );
}

/// `Sampler`, `Schedule type`, and what they are to ComfyUI.
#[test]
fn names_of_samplers_and_schedules() {
    for (sampler, schedule, expected) in [
        ("Euler a", "Automatic", ("euler_ancestral", "normal")),
        ("Euler", "", ("euler", "normal")),
        ("DPM++ 2M", "", ("dpmpp_2m", "karras")),
        ("DPM++ 2M SDE", "Automatic", ("dpmpp_2m_sde", "exponential")),
        ("DPM2 a", "", ("dpm_2_ancestral", "karras")),
        ("DPM++ 2M Karras", "", ("dpmpp_2m", "karras")),
        ("DPM++ 2M SDE Heun Exponential", "", ("dpmpp_2m_sde_heun", "exponential")),
        ("UniPC", "SGM Uniform", ("uni_pc", "sgm_uniform")),
        ("DDIM", "DDIM", ("ddim", "ddim_uniform")),
        ("LCM", "Uniform", ("lcm", "normal")),
        ("Restart", "Align Your Steps", ("Restart", "Align Your Steps")),
    ] {
        let schedule = if schedule.is_empty() {
            String::new()
        } else {
            format!(", Schedule type: {schedule}")
        };
        let (graph, _) = graph(&format!("x\nSteps: 9, Sampler: {sampler}{schedule}, Seed: 1"));
        let inputs = &graph["3"]["inputs"];
        let got = (inputs["sampler_name"].as_str().unwrap(), inputs["scheduler"].as_str().unwrap());
        assert_eq!(got, expected, "{sampler}{schedule}");
    }
}

#[test]
fn absent_settings_have_their_defaults_and_what_differs_is_said() {
    let (graph, notices) = graph("x\nSteps: 4, Seed: -1, ENSD: 31337, Tiling: True, Eta: 0.5");
    assert_eq!(graph["3"]["inputs"]["cfg"], json!(7.0));
    assert_eq!(graph["4"]["inputs"], json!({}));
    assert_eq!(
        notices,
        [
            "`Model` is not in the text: choose a checkpoint",
            "`Size` is not in the text: 512x512 is used",
            "`Seed` is `-1`, expected a whole number from 0: 0 is used",
            "the noise was drawn on a GPU and is drawn as on a CPU here: the same seed gives another picture",
            "`ENSD` is 31337, which has no counterpart: noise between steps differs",
            "`Tiling` is passed over: the picture may differ by it",
            "`Eta` is passed over: the picture may differ by it",
        ]
    );
}

#[test]
fn second_pass_enlarges_the_latent_or_the_picture() {
    let base = "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512, Model: m, RNG: CPU, \
                Denoising strength: 0.6";
    let (graph, notices) =
        graph(&format!("{base}, Hires upscale: 1.5, Hires upscaler: Latent, Hires steps: 8"));
    assert_eq!(notices, Vec::<String>::new());
    assert_eq!(
        graph["13"],
        json!({ "class_type": "LatentUpscaleBy", "inputs": {
            "upscale_method": "bilinear", "scale_by": 1.5, "samples": ["3", 0] } })
    );
    let second = &graph["12"]["inputs"];
    assert_eq!((&second["denoise"], &second["steps"]), (&json!(0.6), &json!(8)));
    assert_eq!(second["latent_image"], json!(["13", 0]));
    assert_eq!(graph["8"]["inputs"]["samples"], json!(["12", 0]));

    let (graph, notices) = tests::graph(&format!(
        "{base}, Hires resize: 768x1024, Hires upscaler: R-ESRGAN 4x+, Hires sampler: DPM++ 2M, \
         Hires prompt: \"sharp, clear\", Hires CFG Scale: 5"
    ));
    assert_eq!(notices, ["`Hires upscaler` is the model `R-ESRGAN 4x+`, which has to be there"]);
    assert_eq!(graph["15"]["inputs"]["model_name"], "R-ESRGAN 4x+");
    assert_eq!(graph["17"]["inputs"]["height"], 1024);
    assert_eq!(graph["13"]["class_type"], "VAEEncode");
    let second = &graph["12"]["inputs"];
    assert_eq!(
        (&second["sampler_name"], &second["scheduler"]),
        (&json!("dpmpp_2m"), &json!("karras"))
    );
    assert_eq!((&second["cfg"], &second["positive"]), (&json!(5.0), &json!(["18", 0])));
    assert_eq!(graph["18"]["inputs"]["text"], "sharp, clear");

    let (_, notices) = tests::graph(base);
    assert!(notices[0].contains("made from another picture"), "{notices:?}");
}

/// A prompt, and what it is to ComfyUI; `-` where only its own dialect can say it.
#[test]
fn weights_are_translated() {
    for (text, expected) in [
        ("a (word:1.2) b", "a (word:1.2) b"),
        ("((word)), \\(b\\)", "((word)), \\(b\\)"),
        ("((a):1.2)", "((a):1.2)"),
        ("(a (b:1.3) c)", "(a :1.1)(b:1.43)( c:1.1)"),
        ("((a:1.2):1.5)", "(a:1.8)"),
        ("[word] x", "(word:0.9091) x"),
        ("[(a:1.1)]", "a"),
        ("a \\[b\\] \\(c\\)", "a [b] \\(c\\)"),
        ("(a:b)", "(a:b)"),
        ("[a:b:0.5]", "-"),
        ("[a|b]", "-"),
        ("[(a|b)]", "-"),
        ("red BREAK blue", "-"),
        ("a AND b", "-"),
        ("SANDAL, BREAKFAST", "SANDAL, BREAKFAST"),
        ("(unbalanced", "-"),
        ("unbalanced]", "-"),
        ("(a]", "-"),
        ("(word:1.2.3)", "-"),
    ] {
        assert_eq!(to_comfy(text).as_deref().unwrap_or("-"), expected, "{text}");
    }
    assert_eq!(to_comfy(&"(".repeat(20_000)), None);
    let (graph, _) = graph("[a:b:0.5] x\nSteps: 4, Sampler: Euler, Seed: 1");
    assert_eq!(
        graph["6"],
        json!({ "class_type": "CLIPTextEncodeA1111",
                "inputs": { "text": "[a:b:0.5] x", "steps": 4, "clip": ["4", 1] } })
    );
}

#[test]
fn networks_are_taken_out_of_the_prompt() {
    let (text, networks) = without_networks("a <lora:x:0.5:0.7>, b <lora:y> <3 <hypernet:h:1>");
    assert_eq!(text, "a , b <3");
    let found: Vec<_> = networks.iter().map(|n| (&*n.kind, &*n.name, n.strengths)).collect();
    assert_eq!(
        found,
        [("lora", "x", (0.7, 0.5)), ("lora", "y", (1.0, 1.0)), ("hypernet", "h", (1.0, 1.0))]
    );
}

/// Graph → text → graph, for every shape that the import makes.
#[test]
fn graph_of_the_usual_shape_survives_the_text() {
    let base = "Steps: 20, Sampler: DPM++ 2M SDE, CFG scale: 7, Seed: 1, Size: 512x640, Model: m, RNG: CPU";
    for text in [
        format!("a cat\nNegative prompt: dog\n{base}"),
        format!("a (cat:1.2), [soft] \\(x\\)\n{base}, Clip skip: 3, VAE: fine"),
        format!("[a:b:0.5]\nNegative prompt: c BREAK d\n{base}, Schedule type: Beta"),
        format!("a <lora:x:0.5:0.75> b <lora:y:-1>\n{base}"),
        format!(
            "a\n{base}, Denoising strength: 0.5, Hires upscale: 2, Hires upscaler: Latent (bicubic)"
        ),
        format!(
            "a\n{base}, Denoising strength: 0.5, Hires resize: 1024x1280, Hires upscaler: Latent, \
             Hires steps: 7, Hires sampler: LCM, Hires schedule type: Simple, Hires CFG Scale: 1.5, \
             Hires prompt: \"b, c: d\", Hires negative prompt: e"
        ),
    ] {
        let (graph, _) = to_graph(&Infotext::parse(&text));
        let (written, notices) = from_graph(&graph).unwrap();
        assert_eq!(notices, Vec::<String>::new(), "{text}");
        let (again, _) = to_graph(&Infotext::parse(&written.to_string()));
        assert_eq!(again, graph, "{written}");
    }
}

#[test]
fn graph_of_another_shape_is_refused_by_node() {
    let message = |graph: &Graph| from_graph(graph).unwrap_err().to_string();
    assert!(message(&Graph::new()).contains("no picture is saved"));
    let (mut graph, _) = to_graph(&Infotext::parse(PLAIN));
    graph.get_mut("3").unwrap().class_type = "SamplerCustom".to_owned();
    assert!(
        message(&graph).contains("`samples` of `8` comes from node 3 (SamplerCustom)"),
        "{}",
        message(&graph)
    );
    let (mut graph, _) = to_graph(&Infotext::parse(PLAIN));
    let lora = graph.get_mut("20").unwrap();
    *lora = lora.clone().linked("model", "20", 0);
    assert!(message(&graph).contains("has no end"));
}

/// xorshift64*, the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }
}

#[test]
fn parsing_what_was_printed_gives_the_same() {
    const PIECES: [&str; 24] = [
        "a cat",
        "\n",
        "\n",
        "Negative prompt:",
        " ",
        ",",
        ":",
        ": ",
        ", ",
        "\"",
        "\\",
        "Steps: 20",
        "Seed: 5",
        "Size: 8x8",
        "Model",
        "é龍",
        "\r",
        "\t",
        "\"a, b: c\"",
        "x-1/2",
        "_",
        "(a:1.2)",
        "\\n",
        "\"\"",
    ];
    let mut random = Random(7);
    let mut with_settings = 0;
    for _ in 0..20_000 {
        let mut text = String::new();
        let settings_at = random.below(48);
        for at in 0..random.below(24) {
            text += PIECES[random.below(PIECES.len())];
            if at == settings_at {
                text += "\nSteps: 20, Seed: 5, Model: ";
            }
        }
        let once = Infotext::parse(&text);
        with_settings += usize::from(once.has_settings());
        let printed = once.to_string();
        assert_eq!(Infotext::parse(&printed), once, "{text:?} is printed as {printed:?}");
    }
    assert!(with_settings > 2000, "{with_settings}");
}
