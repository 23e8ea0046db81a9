/** Many prompts from a list or a table, one result each; a stop loses nothing, and a resumed run makes only the rest. */

import { abortError, isAbort } from "../errors";
import type { GenerateOptions, GenerateResult } from "../generate";
import { bad } from "./values";

/** More rows than one sitting needs. */
const MAX_ROWS = 10_000;

/** One row: a key that names it for resuming, and its settings. */
export interface Row {
  /** Line of the file, and its settings: the same row of the same file has the same key. */
  key: string;
  line: number;
  options: GenerateOptions;
}

/** What became of a row. */
export type RowResult = { row: Row; result: GenerateResult; error: null } | { row: Row; result: null; error: Error };

type Field = { [K in keyof GenerateOptions]-?: GenerateOptions[K] extends string | undefined ? K : never }[keyof GenerateOptions];

// Columns of a table and flags of a line, in the spellings people use.
const TEXTS: Record<string, Field> = {
  prompt: "prompt", negative_prompt: "negativePrompt", negative: "negativePrompt", sampler_name: "sampler", sampler: "sampler",
  scheduler: "scheduler", model: "model", ckpt_name: "model", filename_prefix: "filenamePrefix", outpath_samples: "filenamePrefix",
};
const NUMBERS: Record<string, "steps" | "cfg" | "width" | "height" | "batchSize"> = {
  steps: "steps", cfg: "cfg", cfg_scale: "cfg", width: "width", height: "height", batch_size: "batchSize", n: "batchSize",
};

/** A table with a header line, if that line names a `prompt` column; else one prompt a line, with `--flags`. */
export function readRows(text: string): Row[] {
  const body = text.replace(/^\uFEFF/, "");
  const table = csv(body);
  const header = table[0]?.cells.map((cell) => cell.trim().toLowerCase().replaceAll(" ", "_")) ?? [];
  const rows =
    header.length > 0 && header.includes("prompt") && (header.length > 1 || table.length > 1)
      ? table.slice(1).map(({ line, cells }) => row(line, header.map((name, i) => [name, cells[i]?.trim() ?? ""])))
      : body.split(/\r?\n/).flatMap((line, i) => (line.trim() === "" || line.trimStart().startsWith("#") ? [] : [row(i + 1, flags(line, i + 1))]));
  if (rows.length === 0) throw bad("there is no prompt in it", "Write one prompt a line, or a table with a `prompt` column.");
  if (rows.length > MAX_ROWS) throw bad(`${rows.length} rows are too many`, `Split the file: at most ${MAX_ROWS} rows.`);
  return rows;
}

function row(line: number, pairs: [string, string][]): Row {
  const options: GenerateOptions = { prompt: "" };
  for (const [name, value] of pairs) {
    if (value === "") continue;
    const text = TEXTS[name];
    const number = NUMBERS[name];
    if (text !== undefined) options[text] = value;
    else if (number !== undefined) options[number] = toNumber(name, value, line);
    else if (name === "seed") options.seed = toSeed(value, line);
    else throw bad(`line ${line}: unknown setting \`${name}\``, `Use ${[...Object.keys(TEXTS), ...Object.keys(NUMBERS), "seed"].join(", ")}.`);
  }
  const key = `${line}:${pairs.map(([name, value]) => `${name}=${value}`).join("\u001f")}`;
  return { key, line, options };
}

function toNumber(name: string, value: string, line: number): number {
  const number = Number(value);
  if (!Number.isFinite(number)) throw bad(`line ${line}: \`${name}\` is \`${value}\``, "Write a number.");
  return number;
}

function toSeed(value: string, line: number): bigint {
  if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 2n ** 64n) throw bad(`line ${line}: \`seed\` is \`${value}\``, "Write a whole number from 0 to 18446744073709551615.");
  return BigInt(value);
}

/** `--prompt "a cat" --steps 12`, or a line that is the prompt itself. */
function flags(line: string, at: number): [string, string][] {
  if (!line.trimStart().startsWith("--")) return [["prompt", line.trim()]];
  const pairs: [string, string][] = [];
  const token = /\s*--([\w-]+)(?:[\s=]+(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?!--)\S+)))?\s*/y;
  while (token.lastIndex < line.length) {
    const from = token.lastIndex;
    const match = token.exec(line);
    if (match === null) throw bad(`line ${at}: cannot read \`${line.slice(from).trim()}\``, "Write `--name value`, values with spaces in quotation marks.");
    const value = match[2] ?? match[3] ?? match[4] ?? "";
    pairs.push([(match[1] ?? "").toLowerCase().replaceAll("-", "_"), value.replace(/\\(.)/g, "$1")]);
  }
  return pairs;
}

/** RFC 4180: cells in quotation marks may hold commas, line breaks and doubled quotation marks. */
function csv(text: string): { line: number; cells: string[] }[] {
  const rows: { line: number; cells: string[] }[] = [];
  let [cells, cell, quoted, line, start] = [[] as string[], "", false, 1, 1];
  const end = () => {
    cells.push(cell);
    if (cells.length > 1 || cells[0]?.trim() !== "") rows.push({ line: start, cells });
    [cells, cell, start] = [[], "", line + 1];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[++i] as string;
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"' && cell.trim() === "") [quoted, cell] = [true, ""];
    else if (c === ",") [cells, cell] = [[...cells, cell], ""];
    else if (c === "\n") end();
    else if (c !== "\r") cell += c;
    if (c === "\n") line++;
  }
  if (cell !== "" || cells.length > 0) end();
  return rows;
}

/** Whoever generates: an engine. */
export interface Generator {
  generate(options: GenerateOptions): Promise<GenerateResult>;
}

/**
 * Makes one result a row. A row that fails is told of and the rest goes on. To resume after a stop, give the keys
 * that are done; they are left out. `done` grows as rows are made.
 */
export async function* bulk(
  generator: Generator,
  rows: Row[],
  { done = new Set(), signal }: { done?: Set<string>; signal?: AbortSignal } = {},
): AsyncGenerator<RowResult, void, void> {
  for (const one of rows) {
    if (done.has(one.key)) continue;
    if (signal?.aborted) throw abortError();
    try {
      const result = await generator.generate({ ...one.options, ...(signal && { signal }) });
      done.add(one.key);
      yield { row: one, result, error: null };
    } catch (error) {
      if (isAbort(error)) throw error;
      yield { row: one, result: null, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }
}
