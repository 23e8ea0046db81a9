import { expect, test } from "@playwright/test";

import { addressOf } from "../../src/engine/download";
import { modelName } from "../../src/engine/library";

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
