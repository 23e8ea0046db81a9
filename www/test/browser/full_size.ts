/** A checkpoint as large as a real one, without its numbers: the disk holds no zeros. */

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { inflateSync } from "node:zlib";

/** Writes a file with the names and shapes of a published checkpoint (tests/reference/checkpoints.py), all 0 in half precision. */
export function emptyCheckpoint(checkpoint: "sd15" | "sdxl", path: string): number {
  const list = new URL(`../../../tests/fixtures/checkpoints/${checkpoint}.txt.z`, import.meta.url);
  const header: Record<string, unknown> = {};
  let length = 0;
  for (const line of inflateSync(readFileSync(list)).toString().trim().split("\n")) {
    const [name = "", , sides = "-"] = line.split(" ");
    const shape = sides === "-" ? [] : sides.split("x").map(Number);
    const start = length;
    length += 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F16", shape, data_offsets: [start, length] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, "w");
  writeSync(file, size);
  writeSync(file, text);
  ftruncateSync(file, size.length + text.length + length);
  closeSync(file);
  return size.length + text.length + length;
}
