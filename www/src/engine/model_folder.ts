/** A folder of models on the person's disk, as ComfyUI's is: which of its files are models, and what graphs call them. */

import { isModelName } from "./library";

/** ComfyUI's folders of models, those that were renamed by both names. */
const FOLDERS = [
  ...["checkpoints", "diffusion_models", "unet", "text_encoders", "clip", "vae", "vae_approx", "loras", "embeddings"],
  ...["upscale_models", "style_transfer", "controlnet", "t2i_adapter"],
];

/** What tells a model in diffusers' layout, of which no file is one by itself. */
const LAYOUT = "model_index.json";

/** How deep a folder is looked into. */
const DEEPEST = 8;

/** A file that may be a model, or a folder that is one. */
export interface Found {
  /** From the chosen folder on. */
  path: string;
  /** The file; nothing for a model in diffusers' layout. */
  handle?: FileSystemFileHandle;
  /** The folder of models it lies in, if the folders' names say so. */
  folder?: string;
  /** Folders between that one and the file, each with a slash after it: a part of its name in graphs. */
  inside: string;
}

/** Everything in a folder that may be a model, in the order of its names. */
export async function* modelsIn(root: FileSystemDirectoryHandle): AsyncGenerator<Found> {
  yield* walk(root, [root.name], []);
}

async function* walk(folder: FileSystemDirectoryHandle, names: string[], path: string[]): AsyncGenerator<Found> {
  const children: (FileSystemFileHandle | FileSystemDirectoryHandle)[] = [];
  for await (const child of folder.values()) if (!child.name.startsWith(".")) children.push(child);
  if (children.some(({ name }) => name === LAYOUT)) return void (yield { path: path.join("/"), inside: "" });
  for (const child of children.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const here = [...path, child.name];
    if (child.kind === "directory") {
      if (here.length < DEEPEST) yield* walk(child, [...names, child.name], here);
    } else if (isModelName(child.name)) {
      const at = names.findIndex((name) => FOLDERS.includes(name));
      const inside = at < 0 ? "" : names.slice(at + 1).map((name) => `${name}/`).join("");
      yield { path: here.join("/"), handle: child, ...(at >= 0 && { folder: names[at] as string }), inside };
    }
  }
}
