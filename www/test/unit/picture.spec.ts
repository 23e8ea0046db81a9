import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, test } from "@playwright/test";

const SCRIPT = fileURLToPath(new URL("../../scripts/picture.mjs", import.meta.url));

function picture(args: string[], env = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: { ...process.env, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

for (const [what, args, code, part] of [
  ["no prompt", ["--seed", "7"], 2, "--prompt is missing"],
  ["an unknown option", ["--promt", "x"], 2, "--promt"],
  ["a device nobody has", ["--prompt", "x", "--device", "tpu"], 2, "expected auto, cpu or webgpu"],
  ["steps in words", ["--prompt", "x", "--steps", "many"], 2, "--steps is many"],
  ["a seed below zero", ["--prompt", "x", "--seed=-1"], 2, "--seed is -1"],
] as [string, string[], number, string][]) {
  test(`${what} ends with one line and code ${code}`, async () => {
    const result = await picture(args);
    expect(result.code).toBe(code);
    expect(result.stderr.trim().split("\n")).toHaveLength(1);
    expect(result.stderr).toContain(part);
  });
}

test("a missing browser is named, with the way out", async () => {
  const result = await picture(["--prompt", "x"], { CHROMIUM: "/nowhere/chromium" });
  expect([result.code, result.stderr]).toEqual([3, expect.stringContaining("CHROMIUM=")]);
});

test("--help lists the options", async () => {
  const result = await picture(["--help"]);
  expect(result.code).toBe(0);
  expect(result.stdout).toContain("--negative");
});
