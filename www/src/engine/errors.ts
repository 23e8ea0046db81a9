/** What an engine promise rejects with, and how it travels between the worker and the page. */

/** The node an error belongs to. */
export interface NodeRef {
  id: string;
  class_type: string;
}

/** One complaint about a node, in ComfyUI's shape. */
export interface NodeErrorItem {
  type: string;
  message: string;
  details: string;
  extra_info?: Record<string, unknown>;
}

/** ComfyUI's `node_errors`: what validation found, by node id. Empty when all is well. */
export type NodeErrors = Record<
  string,
  { errors: NodeErrorItem[]; dependent_outputs: string[]; class_type: string }
>;

/** An error as plain data, for `postMessage`. */
export interface ErrorData {
  name: string;
  message: string;
  code: string;
  node: NodeRef | null;
  hint: string | null;
  node_errors: NodeErrors | null;
}

/** A failure of the engine: what (`message`, `code`), where (`node`), and how to fix it (`hint`). */
export class TintypeError extends Error {
  override readonly name = "TintypeError";
  /** Stable name of the cause, for programs. */
  readonly code: string;
  readonly node: NodeRef | null;
  /** One sentence that says the fix, where there is one. */
  readonly hint: string | null;
  /** All complaints at once, when `code` is `prompt_outputs_failed_validation`. */
  readonly nodeErrors: NodeErrors;
  /** What could be meant, when `code` is `several_files`: each is an address that `addModel` takes. */
  readonly choices: readonly string[];

  constructor(
    message: string,
    code: string,
    more: {
      node?: NodeRef | null;
      hint?: string | null;
      nodeErrors?: NodeErrors | null;
      choices?: readonly string[];
      cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.node = more.node ?? null;
    this.hint = more.hint ?? null;
    this.nodeErrors = more.nodeErrors ?? {};
    this.choices = more.choices ?? [];
  }
}

/** What every cancelled call rejects with: a `DOMException` named `AbortError`, as `fetch` does. */
export function abortError(): DOMException {
  return new DOMException("the run was cancelled", "AbortError");
}

/** True if `error` means "cancelled" rather than "failed". */
export function isAbort(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === "AbortError";
}

/** Any thrown value as plain data; the engine's own fields survive. */
export function toData(error: unknown): ErrorData {
  const e = (typeof error === "object" && error !== null ? error : { message: String(error) }) as Record<
    string,
    unknown
  >;
  const text = (key: string): string | null => (typeof e[key] === "string" && e[key] !== "" ? e[key] : null);
  const nodeErrors = e.node_errors ?? e.nodeErrors;
  const message = text("message") ?? String(error);
  const details = text("details");
  return {
    name: text("name") ?? "Error",
    message: details === null ? message : `${message}: ${details}`,
    code: text("code") ?? "unknown",
    node: isNodeRef(e.node) ? { id: String(e.node.id), class_type: e.node.class_type } : null,
    hint: text("hint"),
    node_errors: typeof nodeErrors === "object" && nodeErrors !== null ? (nodeErrors as NodeErrors) : null,
  };
}

/** The error that `data` describes. */
export function fromData(data: ErrorData): Error {
  if (data.name === "AbortError") return abortError();
  return new TintypeError(data.message, data.code, {
    node: data.node,
    hint: data.hint,
    nodeErrors: data.node_errors,
  });
}

function isNodeRef(value: unknown): value is NodeRef {
  const node = value as Partial<NodeRef> | null;
  return typeof node === "object" && node !== null && node.id !== undefined && typeof node.class_type === "string";
}
