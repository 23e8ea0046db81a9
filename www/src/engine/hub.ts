/** Repositories of a model hub: what is in one, and which of its files are meant where none is named. */

import { isAbort, TintypeError } from "./errors";

/** A hub's address where nothing else is said. */
export const HUB = "https://huggingface.co";

/** A file of a repository. */
export interface HubFile {
  /** Its place in the repository. */
  path: string;
  url: string;
  bytes?: number;
  /** Changes when the file does. */
  version?: string;
  /** SHA-256 in hexadecimal, which the hub knows of large files. */
  sha256?: string;
}

/** What a repository holds: one file, or a checkpoint in diffusers' layout, by the paths that its loader reads. */
export type Meant = { name: string; file: HubFile } | { name: string; files: Record<string, HubFile> };

/** Files with weights, the kinds to be preferred first. */
const ENDINGS = [/\.(safetensors|sft)$/i, /\.(ckpt|pt|pth|bin)$/i];

/** Names that say nothing of a file: its repository's says more. */
const NAMELESS = /^(diffusion_pytorch_model|pytorch_model|pytorch_lora_weights|model|adapter_model|learned_embeds)\b/i;

/** Choices that an error names; a person reads no more. */
const MOST_CHOICES = 12;

/** The repository that a text names without naming a file: `owner/name`, `hf:owner/name`, or its page. */
export function repositoryOf(text: string, hub: string): string | null {
  const trimmed = text.trim();
  const page = trimmed.startsWith(`${hub}/`) ? trimmed.slice(hub.length + 1).replace(/\/(tree\/[^/]+)?\/?$/, "") : trimmed;
  const [, name] = /^(?:hf:\/*)?([\w.-]+\/[\w.-]+)$/.exec(page) ?? [];
  // A file in a folder looks alike.
  return name === undefined || ENDINGS.some((ending) => ending.test(name)) ? null : name;
}

/** The repository, the revision and the file that an address at the hub stands for. */
export function placeAt(url: URL, hub: string): { repository: string; revision: string; path: string } | null {
  const [, repository, revision, path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
  if (url.origin !== new URL(hub).origin || !repository || !revision || !path) return null;
  return { repository, revision, path: decodeURIComponent(path) };
}

/** The files of a repository, asked of the hub's JSON API. */
export async function filesOf(
  { repository, revision }: { repository: string; revision?: string },
  hub: string,
  { token, signal }: { token?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<HubFile[]> {
  const host = new URL(hub).host;
  const refuse = (why: string, hint: string, code = "io") => new TintypeError(`\`${repository}\` at ${host} cannot be looked at: ${why}`, code, { hint });
  const address = `${hub}/api/models/${repository}${revision === undefined ? "" : `/revision/${encodeURIComponent(revision)}`}?blobs=true`;
  const response = await fetch(address, { ...(signal && { signal }), headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }).catch(
    (cause: unknown) => {
      if (isAbort(cause)) throw cause;
      throw refuse("it does not answer this page", "Check the connection, or download the file and drop it here.");
    },
  );
  if (response.status === 401 || response.status === 403) {
    throw refuse(
      `it is not there, or wants to know you (${response.status})`,
      "Check the name. For a gated repository accept its terms on its page and give a token of yours: `addModel(name, { token })`.",
      "unauthorized",
    );
  }
  if (response.status === 404) throw refuse("there is no such repository", "Check the name: `owner/repository`.", "file_not_found");
  if (!response.ok) throw refuse(`it answered ${response.status}`, "Try again later, or give the address of the file itself.");
  const answer = (await response.json().catch(() => null)) as { sha?: unknown; siblings?: unknown } | null;
  if (!Array.isArray(answer?.siblings)) throw refuse("its answer is no list of files", "Give the address of the file itself.");
  // Where the hub says it, the files are those of this very version, also when a download goes on tomorrow.
  const at = typeof answer.sha === "string" && /^[0-9a-f]{40}$/.test(answer.sha) ? answer.sha : (revision ?? "main");
  return answer.siblings.flatMap((one) => fileOf(one as Sibling, `${hub}/${repository}/resolve/${at}/`));
}

/** What the hub says of a file. */
interface Sibling {
  rfilename?: unknown;
  size?: unknown;
  blobId?: unknown;
  lfs?: { sha256?: unknown; size?: unknown } | null;
}

function fileOf({ rfilename, size, blobId, lfs }: Sibling, below: string): HubFile[] {
  if (typeof rfilename !== "string" || rfilename === "") return [];
  const sha256 = hexOf(lfs?.sha256);
  const bytes = [lfs?.size, size].find((one) => Number.isSafeInteger(one) && (one as number) > 0) as number | undefined;
  const version = sha256 ?? (typeof blobId === "string" ? blobId : undefined);
  const url = below + rfilename.split("/").map(encodeURIComponent).join("/");
  return [{ path: rfilename, url, ...(bytes !== undefined && { bytes }), ...(version !== undefined && { version }), ...(sha256 !== undefined && { sha256 }) }];
}

/** A SHA-256 in hexadecimal, without the quotes of a header; nothing if it is none. */
export function hexOf(value: unknown): string | undefined {
  return typeof value === "string" ? /^"?([0-9a-f]{64})"?$/i.exec(value)?.[1]?.toLowerCase() : undefined;
}

/**
 * What a repository is to be loaded as: a checkpoint in diffusers' layout, or its one file of weights. Refuses one that
 * has several, with all of them, and one that has none.
 */
export function choose(repository: string, files: readonly HubFile[]): Meant {
  const name = repository.split("/")[1] ?? repository;
  const has = (path: string) => files.some((file) => file.path === path);
  const isFolder = has("model_index.json") && has("unet/config.json");
  const folder = isFolder ? folderOf(files) : null;
  if (folder !== null && typeof folder !== "string") return { name, files: folder };
  // Beside a folder's, whose files are parts of one model.
  const single = files.filter(({ path }) => !isFolder || !path.includes("/"));
  const kinds = ENDINGS.map((ending) => smaller(single.filter(({ path }) => ending.test(path))));
  const [file, ...others] = kinds.find((kind) => kind.length > 0) ?? [];
  if (file !== undefined && others.length === 0) {
    const own = file.path.split("/").at(-1) ?? file.path;
    return { name: NAMELESS.test(own) ? `${name}.${own.split(".").at(-1)}` : own, file };
  }
  if (file === undefined) {
    throw new TintypeError(
      folder === null ? `\`${repository}\` has no file of weights` : `\`${repository}\` has no \`${folder}\``,
      "unsupported_model",
      { hint: "Choose a repository with a `.safetensors` file, or with a Stable Diffusion model in diffusers' layout." },
    );
  }
  const choices = [file, ...others].map(({ path }) => `${repository}/${path}`);
  const more = choices.length > MOST_CHOICES ? ` and ${choices.length - MOST_CHOICES} more` : "";
  throw new TintypeError(`\`${repository}\` has ${choices.length} files that could be meant`, "several_files", {
    hint: `Name one of them: ${choices.slice(0, MOST_CHOICES).map((one) => `\`${one}\``).join(", ")}${more}.`,
    choices,
  });
}

/** Of the same weights in two number formats only those in half precision: half the download, the same picture. */
function smaller(files: HubFile[]): HubFile[] {
  const half = (path: string) => path.replace(/\.[^.]+$/, (ending) => `.fp16${ending}`);
  return files.filter(({ path }) => !files.some((other) => other.path === half(path)));
}

/** The files that the loader of a folder reads, by the paths it has for them; or the name of the first that is not there. */
function folderOf(files: readonly HubFile[]): Record<string, HubFile> | string {
  const all: Record<string, HubFile> = {};
  const find = (path: string) => files.find((file) => file.path === path);
  const take = (path: string, ...from: string[]): boolean => {
    const file = [...from, path].map(find).find((one) => one !== undefined);
    if (file !== undefined) all[path] = file;
    return file !== undefined;
  };
  const second = find("text_encoder_2/config.json") === undefined ? [] : ["_2"];
  for (const path of ["model_index.json", "scheduler/scheduler_config.json"]) if (!take(path)) return path;
  for (const part of ["unet", "vae", ...["", ...second].map((which) => `text_encoder${which}`)]) {
    const stem = `${part}/${part.startsWith("text") ? "model" : "diffusion_pytorch_model"}`;
    if (!take(`${part}/config.json`)) return `${part}/config.json`;
    if (!take(`${stem}.safetensors`, `${stem}.fp16.safetensors`)) return `${stem}.safetensors`;
  }
  for (const which of ["", ...second]) {
    const path = (file: string) => `tokenizer${which}/${file}`;
    if (!take(path("tokenizer_config.json"))) return path("tokenizer_config.json");
    const isFast = take(path("tokenizer.json"));
    if (!isFast && !(take(path("vocab.json")) && take(path("merges.txt")))) return path("vocab.json");
  }
  return all;
}
