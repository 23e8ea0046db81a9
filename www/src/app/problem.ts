/** An error as the page shows it. */

import { TintypeError } from "../engine/index";

/** What went wrong, where, and what to do. */
export interface Problem {
  title: string;
  /** One line for each thing that is wrong. */
  lines: string[];
  hint: string | null;
  /** Names of the inputs that are to blame, as the engine calls them. */
  inputs: Set<string>;
  /** Models of which one was meant. */
  choices: string[];
}

const TITLES: Record<string, string> = {
  engine_missing: "The engine could not be loaded",
  engine_crashed: "The engine crashed",
  device_failed: "The graphics device failed",
  device_unavailable: "WebGPU is not available here",
  unsupported_model: "This file cannot be used here",
  bad_header: "This file cannot be used here",
  truncated: "A file is incomplete",
  several_files: "Which of these?",
  unauthorized: "The server wants to know you",
  prompt_outputs_failed_validation: "The settings cannot be drawn",
};

/** What to do on the page, where the engine's hint is for programs. */
const HINTS: Record<string, string> = {
  several_files: "Choose the one to add.",
  unauthorized:
    "Give a token of yours with the address, under Models; of a gated repository accept the terms on its own page first. Or download the file and drop it here.",
};

/** The problem that `error` is. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof TintypeError)) {
    return {
      title: "Something unexpected happened",
      lines: [error instanceof Error ? error.message : String(error)],
      hint: "Try again; if it stays, load the page again.",
      inputs: new Set(),
      choices: [],
    };
  }
  const complaints = Object.entries(error.nodeErrors).flatMap(([id, node]) =>
    node.errors.map((complaint) => ({ id, classType: node.class_type, ...complaint })),
  );
  const where = error.node === null ? "" : `${error.node.class_type} (node ${error.node.id}): `;
  const lines =
    complaints.length > 0
      ? complaints.map((c) => `${c.classType} (node ${c.id}): ${c.message}${c.details ? `: ${c.details}` : ""}`)
      : [withoutPrefix(where, error.message)];
  const named = complaints.map((c) => c.extra_info?.input_name).filter((name) => typeof name === "string");
  const quoted = /^(?:node .*?: )?`(\w+)`/.exec(error.message)?.[1];
  const hints = complaints.map((c) => c.extra_info?.hint).filter((hint) => typeof hint === "string");
  return {
    title: TITLES[error.code] ?? "The picture could not be made",
    lines,
    hint: HINTS[error.code] ?? error.hint ?? (hints.length > 0 ? [...new Set(hints)].join(" ") : null),
    inputs: new Set([...named, ...(quoted === undefined ? [] : [quoted])]),
    choices: [...error.choices],
  };
}

// The engine's own messages may already say which node it was.
function withoutPrefix(where: string, message: string): string {
  return /^node \S+ \(/.test(message) ? message : where + message;
}
