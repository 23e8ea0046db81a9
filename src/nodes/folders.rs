//! The models folder: which files are of which kind, by ComfyUI's names of the folders.

use super::Environment;
use crate::error::{Error, ErrorKind, Result, nearest};
use crate::graph::ChoiceSource;

/// A folder of models, with the name it had before ComfyUI renamed it, what a file in it is called, and what to do
/// when it lacks one.
struct Folder {
    name: &'static str,
    former: &'static str,
    what: &'static str,
    advice: &'static str,
}

const FOLDERS: &[Folder] = &[
    Folder {
        name: "checkpoints",
        former: "",
        what: "checkpoint",
        advice: "find the model by this name, at huggingface.co or civitai.com for example, and put its `.safetensors` file into `checkpoints` of the models folder",
    },
    Folder {
        name: "diffusion_models",
        former: "unet",
        what: "diffusion model",
        advice: "find the model by this name, at huggingface.co for example, and put its `.safetensors` file into `diffusion_models` of the models folder",
    },
    Folder {
        name: "text_encoders",
        former: "clip",
        what: "text encoder",
        advice: "find the model by this name, at huggingface.co for example, and put its `.safetensors` file into `text_encoders` of the models folder",
    },
    Folder {
        name: "vae",
        former: "",
        what: "VAE",
        advice: "find the model by this name, at huggingface.co for example, and put its `.safetensors` file into `vae` of the models folder",
    },
    Folder {
        name: "vae_approx",
        former: "",
        what: "half of a tiny autoencoder",
        advice: "find `taesd_encoder` and `taesd_decoder` (for SDXL `taesdxl_…`) at huggingface.co, for example, and put both `.safetensors` files into `vae_approx` of the models folder",
    },
    Folder {
        name: "loras",
        former: "",
        what: "LoRA",
        advice: "find the LoRA by this name, at huggingface.co or civitai.com for example, and put its `.safetensors` file into `loras` of the models folder",
    },
    Folder {
        name: "embeddings",
        former: "",
        what: "embedding",
        advice: "find the embedding by this name, at huggingface.co or civitai.com for example, and put its `.safetensors` file into `embeddings` of the models folder",
    },
    Folder {
        name: "upscale_models",
        former: "",
        what: "upscale model",
        advice: "find the model by this name, at openmodeldb.info for example, and put its `.safetensors` file into `upscale_models` of the models folder",
    },
    Folder {
        name: "style_transfer",
        former: "",
        what: "style transfer model",
        advice: "put the network's file into `style_transfer` of the models folder",
    },
    Folder {
        name: "controlnet",
        former: "t2i_adapter",
        what: "control net",
        advice: "find the model by this name, at huggingface.co for example, and put its `.safetensors` file into `controlnet` of the models folder",
    },
];

/// Names of the models of one kind, as graphs have them; none for an unknown folder.
pub(super) fn names(files: &[String], folder: &str) -> Vec<String> {
    let Some(folder) = find(folder) else { return Vec::new() };
    let mut names: Vec<String> = files.iter().filter_map(|file| folder.name_of(file)).collect();
    names.dedup();
    if folder.name == "vae" {
        let is_whole =
            |name: &&&str| HALVES.iter().all(|half| half_of(files, name, half).is_some());
        names.extend(TINY_VAES.iter().filter(is_whole).map(|name| (*name).to_owned()));
    }
    names
}

/// The tiny autoencoders that a graph may name instead of a file, if both halves are there.
pub(super) const TINY_VAES: [&str; 2] = ["taesd", "taesdxl"];

/// What a tiny autoencoder's files are called beside its name.
pub(super) const HALVES: [&str; 2] = ["encoder", "decoder"];

/// Path of a half of a tiny autoencoder, if it is there.
pub(super) fn half_of<'a>(files: &'a [String], name: &str, half: &str) -> Option<&'a str> {
    let folder = find("vae_approx")?;
    let is_it = |file: &&String| {
        let found = folder.name_of(file);
        found.as_deref().and_then(stem).is_some_and(|stem| {
            stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('_')) == Some(half)
        })
    };
    files.iter().find(is_it).map(String::as_str)
}

/// What to do when a folder lacks a file.
pub(super) fn advice(folder: &str) -> Option<&'static str> {
    find(folder).map(|folder| folder.advice)
}

/// Path of the model that a graph calls `name`: a file, or the folder of a checkpoint in diffusers' layout.
///
/// # Errors
///
/// [`ErrorKind::UnknownName`], with the nearest name there is or where to get it.
pub(super) fn model_path(env: &Environment, folder: &str, name: &str) -> Result<String> {
    let files = env.store.list();
    let found = find(folder).and_then(|folder| {
        let file = files.iter().find(|file| folder.name_of(file).as_deref() == Some(name))?;
        Some(file.strip_suffix(INDEX).unwrap_or(file).to_owned())
    });
    found.ok_or_else(|| {
        let what = find(folder).map_or("model", |folder| folder.what);
        let error = Error::new(ErrorKind::UnknownName { what, got: name.to_owned() });
        let names = env.choices(folder);
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(advice(folder).unwrap_or("put it into the models folder")),
        }
    })
}

/// How names of files with weights end: safetensors', and torch's own.
const ENDINGS: [&str; 6] = [".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin"];

/// A file's name without its ending; nothing for a file that has no weights by its name.
pub(super) fn stem(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// True for a file of weights, false for a folder in diffusers' layout.
pub(super) fn is_weights(name: &str) -> bool {
    stem(name).is_some()
}

/// What tells a checkpoint in diffusers' layout.
const INDEX: &str = "/model_index.json";

fn find(folder: &str) -> Option<&'static Folder> {
    FOLDERS.iter().find(|one| one.name == folder)
}

impl Folder {
    /// The name in graphs of the model that this file is; nothing if it is none of this folder's.
    fn name_of(&self, file: &str) -> Option<String> {
        let inside = [self.name, self.former]
            .iter()
            .find_map(|folder| file.strip_prefix(folder)?.strip_prefix('/'));
        if self.name == "checkpoints"
            && let Some(folder) = inside.unwrap_or(file).strip_suffix(INDEX)
        {
            return Some(folder.to_owned());
        }
        inside.filter(|name| is_weights(name)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(files: &[&str], folder: &str) -> Vec<String> {
        names(&files.iter().map(|&file| file.to_owned()).collect::<Vec<_>>(), folder)
    }

    #[test]
    fn checkpoints_are_files_and_diffusers_folders() {
        let files = [
            "sprite/model_index.json",
            "sprite/unet/config.json",
            "sprite/unet/diffusion_pytorch_model.safetensors",
            "checkpoints/big/model_index.json",
            "checkpoints/1.5/v1-5.safetensors",
            "checkpoints/v1-4.ckpt",
            "checkpoints/notes.txt",
        ];
        let names = ["sprite", "big", "1.5/v1-5.safetensors", "v1-4.ckpt"];
        assert_eq!(listed(&files, "checkpoints"), names);
    }

    #[test]
    fn a_folder_goes_by_its_former_name_too() {
        let files =
            ["controlnet/canny.safetensors", "t2i_adapter/depth.pth", "loras/a.safetensors"];
        assert_eq!(listed(&files, "controlnet"), ["canny.safetensors", "depth.pth"]);
        let files = [
            "vae/a.safetensors",
            "vae_approx/taesd_encoder.safetensors",
            "vae_approx/taesd_decoder.pth",
            "vae_approx/taesdxl_decoder.safetensors",
        ];
        assert_eq!(listed(&files, "vae"), ["a.safetensors", "taesd"]);
        assert!(listed(&files, "nowhere").is_empty());
    }
}
