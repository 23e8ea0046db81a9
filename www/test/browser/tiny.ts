/** A small checkpoint in one file, with the tensors of a real one: of no use but to be loaded. */

import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

/** The bytes of a file with Stable Diffusion 1.x's names (tests/reference/checkpoints.py lists them). */
export function tinyCheckpoint(): Buffer {
  const list = new URL("../../../tests/fixtures/checkpoints/tiny_sd1.txt.z", import.meta.url);
  const tensors = inflateSync(readFileSync(list)).toString().trim().split("\n").map((line) => {
    const [name = "", , shape = "-"] = line.split(" ");
    return { name, shape: shape === "-" ? [] : shape.split("x").map(Number) };
  });
  let state = 1;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  return safetensors(tensors, (name, shape, index) => {
    // As large as keeps what the networks compute near 1.
    if (shape.length > 1) return draw() * Math.sqrt(3 / shape.slice(1).reduce((a, b) => a * b, 1));
    return index >= 0 && name.endsWith("weight") ? 1 : 0;
  });
}

/** A safetensors file in single precision. */
export function safetensors(
  tensors: { name: string; shape: number[] }[],
  value: (name: string, shape: number[], index: number) => number = () => 0,
): Buffer {
  const header: Record<string, unknown> = {};
  let length = 0;
  const counts = tensors.map(({ name, shape }) => {
    const count = shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: "F32", shape, data_offsets: [length, (length += count * 4)] };
    return count;
  });
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const numbers = new Float32Array(length / 4);
  let at = 0;
  tensors.forEach(({ name, shape }, i) => {
    for (let index = 0; index < (counts[i] ?? 0); index++) numbers[at++] = value(name, shape, index);
  });
  return Buffer.concat([size, text, Buffer.from(numbers.buffer)]);
}

/** The same file with a tensor of so many bytes that nothing uses, no two stretches of it alike. */
export function padded(file: Buffer, count: number): Buffer {
  const length = Number(file.readBigUInt64LE());
  const data = file.subarray(8 + length);
  const tensors = JSON.parse(file.toString("utf8", 8, 8 + length)) as Record<string, unknown>;
  const offsets = [data.length, data.length + count];
  const text = Buffer.from(JSON.stringify({ ...tensors, padding: { dtype: "U8", shape: [count], data_offsets: offsets } }));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const padding = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(count));
  return Buffer.concat([size, text, data, padding]);
}
