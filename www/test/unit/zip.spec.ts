import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { crc32, zip } from "../../src/app/zip";

test("the check sum is ZIP's", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf4_3926);
  expect(crc32(new Uint8Array(0))).toBe(0);
  const [first, second] = [new TextEncoder().encode("1234"), new TextEncoder().encode("56789")];
  expect(crc32(second, crc32(first))).toBe(0xcbf4_3926);
});

test("an archive opens in another program: names, times and bytes are as given", async () => {
  const made = new Date(2026, 10, 28, 7, 30, 12).getTime();
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) % 256);
  const archive = await zip([
    { name: "a.png", file: new Blob([bytes]), made },
    { name: "a.png", file: new Blob(["second"]), made },
    { name: "../Bär/c.png", file: new Blob([]), made },
  ]);
  const path = join(mkdtempSync(join(tmpdir(), "tintype-")), "all.zip");
  writeFileSync(path, Buffer.from(await archive.arrayBuffer()));
  const script = [
    "import json, sys, zipfile",
    "z = zipfile.ZipFile(sys.argv[1])",
    "assert z.testzip() is None",
    "print(json.dumps([[i.filename, list(i.date_time), i.file_size] for i in z.infolist()]))",
    "open(sys.argv[1] + '.out', 'wb').write(z.read('a.png'))",
  ].join("\n");
  const seen = JSON.parse(execFileSync("python3", ["-c", script, path]).toString()) as unknown;
  const time = [2026, 11, 28, 7, 30, 12];
  expect(seen).toEqual([["a.png", time, 5000], ["a (2).png", time, 6], [".._Bär_c.png", time, 0]]);
  expect(new Uint8Array(readFileSync(`${path}.out`))).toEqual(bytes);
});

test("an archive of nothing is one, too", async () => {
  expect((await zip([])).size).toBe(22);
});
