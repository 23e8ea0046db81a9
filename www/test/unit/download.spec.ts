import { expect, test } from "@playwright/test";

import { addressOf } from "../../src/engine/download";
import { choose, hexOf, HUB, placeAt, repositoryOf, type HubFile } from "../../src/engine/hub";
import { isModelName, modelName } from "../../src/engine/library";

test("an address, a page about a file, and a place at the hub are the same file", () => {
  const file = "https://huggingface.co/owner/some.repo/resolve/main/sub/a%20b.safetensors";
  for (const text of [
    file,
    "https://huggingface.co/owner/some.repo/blob/main/sub/a%20b.safetensors",
    "owner/some.repo/sub/a b.safetensors",
    "hf:owner/some.repo/sub/a b.safetensors",
    "  owner/some.repo/sub/a b.safetensors ",
  ]) {
    expect(addressOf(text).href, text).toBe(file);
  }
  expect(addressOf("https://example.com/blob/x.safetensors").href).toBe("https://example.com/blob/x.safetensors");
  for (const text of ["", "file.safetensors", "owner/repository", "javascript:alert(1)", "file:///etc/passwd"]) {
    expect(() => addressOf(text), text).toThrow(/no address of a model/);
  }
});

test("a model's name is one file's, whatever folder or system it came from", () => {
  expect(modelName("C:\\models\\a b.SAFETENSORS")).toBe("a b.safetensors");
  expect(modelName("dir/w?rd<1>.safetensors")).toBe("w_rd_1_.safetensors");
  expect(modelName("v1-4.CKPT")).toBe("v1-4.ckpt");
  for (const name of ["", ".safetensors", "..", "x.gguf", "x.safetensors.exe"]) {
    expect(() => modelName(name), name).toThrow(/no name of a model/);
  }
});

test("a repository is named by its owner and its name, by its page, and not by a file", () => {
  for (const text of ["owner/some.repo", "hf:owner/some.repo", "hf://owner/some.repo", " https://huggingface.co/owner/some.repo/ ", "https://huggingface.co/owner/some.repo/tree/main"]) {
    expect(repositoryOf(text, HUB), text).toBe("owner/some.repo");
  }
  for (const text of ["owner", "loras/a.safetensors", "owner/repo/a.safetensors", "https://example.com/owner/repo", "https://huggingface.co/owner/repo/blob/main/a.safetensors"]) {
    expect(repositoryOf(text, HUB), text).toBeNull();
  }
  const url = new URL(`${HUB}/owner/repo/resolve/v1/sub/a%20b.safetensors`);
  expect(placeAt(url, HUB)).toEqual({ repository: "owner/repo", revision: "v1", path: "sub/a b.safetensors" });
  expect(placeAt(new URL("https://example.com/owner/repo/resolve/v1/a.safetensors"), HUB)).toBeNull();
  expect(hexOf(`"${"A0".repeat(32)}"`)).toBe("a0".repeat(32));
  expect(hexOf('"one"')).toBeUndefined();
});

test("of a repository that one is taken which can only be meant, and others are refused with what there is", () => {
  const files = (...paths: string[]): HubFile[] => paths.map((path) => ({ path, url: `${HUB}/${path}` }));
  const chosen = (...paths: string[]) => {
    const meant = choose("owner/name", files("README.md", ".gitattributes", ...paths));
    return "file" in meant ? `${meant.name} = ${meant.file.path}` : Object.entries(meant.files).map(([path, file]) => (path === file.path ? path : `${path} = ${file.path}`));
  };
  expect(chosen("dream.safetensors")).toBe("dream.safetensors = dream.safetensors");
  // Their names say nothing; of two number formats the smaller is as good; torch's own files only where there are no others.
  expect(chosen("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.bin")).toBe(
    "name.safetensors = diffusion_pytorch_model.fp16.safetensors",
  );
  expect(chosen("sub/old.ckpt")).toBe("old.ckpt = sub/old.ckpt");
  const folder = [
    "model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
    "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt",
  ];
  const weights = ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"];
  // The repository's own name stands for its folder, also where the same model lies beside it in one file, or in two.
  expect(chosen(...folder, ...weights, "v1.safetensors", "v1-ema.safetensors", "safety_checker/model.safetensors").toString().split(",").sort()).toEqual([...folder, ...weights].sort());
  expect(chosen(...folder, ...weights, "unet/diffusion_pytorch_model.fp16.safetensors")).toContain(
    "unet/diffusion_pytorch_model.safetensors = unet/diffusion_pytorch_model.fp16.safetensors",
  );
  // A folder that cannot be loaded, beside a file that can.
  expect(chosen(...folder, "unet/diffusion_pytorch_model.bin", "v1.safetensors")).toBe("v1.safetensors = v1.safetensors");
  const refusal = (...paths: string[]) => {
    try {
      return chosen(...paths);
    } catch (error) {
      const { message, code, hint, choices } = error as Error & { code: string; hint: string; choices: string[] };
      return { message, code, hint, choices };
    }
  };
  expect(refusal("a.safetensors", "b/c.safetensors")).toEqual({
    message: "`owner/name` has 2 files that could be meant",
    code: "several_files",
    hint: "Name one of them: `owner/name/a.safetensors`, `owner/name/b/c.safetensors`.",
    choices: ["owner/name/a.safetensors", "owner/name/b/c.safetensors"],
  });
  expect(refusal("model.onnx")).toMatchObject({ message: "`owner/name` has no file of weights", code: "unsupported_model" });
  expect(refusal(...folder, ...weights.slice(0, 2))).toMatchObject({ message: "`owner/name` has no `text_encoder/model.safetensors`" });
});

test("files of weights are known by their endings, those that have to be converted first too", () => {
  for (const name of ["a.safetensors", "b.SFT", "v1-4.CKPT", "c.pt", "d.pth", "e.bin", "f.gguf", "g.onnx"]) expect(isModelName(name), name).toBe(true);
  for (const name of ["a.png", "graph.json", "safetensors", "a.safetensors.txt"]) expect(isModelName(name), name).toBe(false);
});
