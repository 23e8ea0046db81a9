/** Where pictures of a SendImage node go: a callback, another window, a web address; nowhere that was not allowed. */

import { TintypeError } from "./errors";
import type { ApiGraph } from "./graph";
import type { ResultFile } from "./types";

/** What may leave the engine, and to whom. Nothing unless it is named here. */
export interface SendOptions {
  /** Functions that `callback:NAME` reaches. */
  callbacks?: Record<string, (delivery: Delivery) => void | Promise<void>>;
  /** Origins that web addresses and `postMessage:` may go to, such as `https://chat.example`. */
  origins?: string[];
}

/** A picture on its way out. */
export interface Delivery {
  file: ResultFile;
  caption: string;
  node: string;
}

/** What a SendImage node shows: where its pictures are to go. */
export interface SendOrder {
  target: string;
  caption: string;
  body: "image" | "form";
}

type Target = { kind: "callback"; name: string } | { kind: "window"; origin: string } | { kind: "web"; url: URL };

/** The way out. */
export class Outbox {
  #callbacks: Map<string, (delivery: Delivery) => void | Promise<void>>;
  #origins: Set<string>;

  constructor({ callbacks = {}, origins = [] }: SendOptions = {}) {
    this.#callbacks = new Map(Object.entries(callbacks));
    this.#origins = new Set();
    for (const origin of origins) this.allow(origin);
  }

  /** Lets pictures go to this origin from now on. */
  allow(origin: string): void {
    const url = parsed(origin);
    if (url === null || url.origin === "null" || url.origin !== origin.replace(/\/$/, "")) {
      throw new TintypeError(`\`${origin}\` is no origin`, "bad_target", { hint: "Write it as `https://chat.example`, without a path." });
    }
    this.#origins.add(url.origin);
  }

  /** Origins that a graph wants to send to and that are not allowed; for asking the person. */
  wanted(graph: ApiGraph): string[] {
    const origins = sends(graph).flatMap(({ target }) => {
      const to = targetOf(target);
      return to?.kind === "web" ? [to.url.origin] : to?.kind === "window" ? [to.origin] : [];
    });
    return [...new Set(origins)].filter((origin) => !this.#origins.has(origin));
  }

  /** Refuses a graph with a target that may not be reached, before anything is drawn. */
  check(graph: ApiGraph): void {
    for (const { id, target } of sends(graph)) {
      try {
        this.#target(target);
      } catch (error) {
        const { message, code, hint } = error as TintypeError;
        throw new TintypeError(message, code, { hint, node: { id, class_type: "SendImage" } });
      }
    }
  }

  /** Sends one picture. */
  async send({ target, body }: SendOrder, delivery: Delivery, signal?: AbortSignal): Promise<void> {
    const node = { id: delivery.node, class_type: "SendImage" };
    const to = this.#target(target);
    if (to.kind === "callback") {
      await this.#callbacks.get(to.name)?.(delivery);
    } else if (to.kind === "window") {
      const other = otherWindow();
      if (other === null) {
        throw new TintypeError("there is no other window to send to", "send_failed", {
          node,
          hint: "Open this page in a frame or from another page, or send to a web address.",
        });
      }
      const { file, caption } = delivery;
      other.postMessage({ type: "tintype-image", filename: file.name, mime: file.type, caption, image: file }, to.origin);
    } else {
      await post(to.url, body, delivery, signal).catch((error: unknown) => {
        if (signal?.aborted) throw error;
        throw new TintypeError(`the picture could not be sent to ${to.url.origin}: ${(error as Error).message}`, "send_failed", {
          node,
          hint: "Check the address, and that its server allows requests from this page (CORS).",
        });
      });
    }
  }

  #target(text: string): Target {
    const to = targetOf(text);
    if (to === null) {
      throw new TintypeError(`\`target\` is \`${text}\``, "bad_target", {
        hint: "Write `callback:NAME`, `postMessage:https://chat.example` or an https address.",
      });
    }
    if (to.kind === "callback" && !this.#callbacks.has(to.name)) {
      const known = [...this.#callbacks.keys()].map((name) => `\`${name}\``).join(", ");
      throw new TintypeError(`there is no callback \`${to.name}\``, "not_allowed", {
        hint: known === "" ? "Give it to `open({ send: { callbacks } })`." : `Use one of ${known}.`,
      });
    }
    const origin = to.kind === "web" ? to.url.origin : to.kind === "window" ? to.origin : null;
    if (origin !== null && !this.#origins.has(origin)) {
      throw new TintypeError(`sending pictures to ${origin} was not allowed`, "not_allowed", {
        hint: `Allow it first: \`engine.allowSendingTo("${origin}")\`.`,
      });
    }
    return to;
  }
}

async function post(url: URL, body: SendOrder["body"], { file, caption }: Delivery, signal?: AbortSignal): Promise<void> {
  let content: Blob | FormData = file;
  if (body === "form") {
    content = new FormData();
    // The names that chat services take.
    content.append("payload_json", JSON.stringify({ content: caption }));
    content.append("file", file, file.name);
  }
  const response = await fetch(url, {
    method: "POST",
    body: content,
    credentials: "omit",
    referrerPolicy: "no-referrer",
    // A redirect could lead to a place that nobody allowed.
    redirect: "error",
    ...(signal && { signal }),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
}

function sends(graph: ApiGraph): { id: string; target: string }[] {
  return Object.entries(graph).flatMap(([id, { class_type, inputs }]) =>
    // A target that another node makes is checked when it is there.
    class_type === "SendImage" && typeof inputs.target === "string" ? [{ id, target: inputs.target }] : [],
  );
}

function targetOf(text: string): Target | null {
  const [, scheme, rest] = /^(callback|postMessage):(.+)$/s.exec(text.trim()) ?? [];
  if (scheme === "callback" && rest !== undefined) return { kind: "callback", name: rest };
  const url = parsed(rest ?? text.trim());
  const local = url !== null && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && local)) || url.username !== "") return null;
  return scheme === "postMessage" ? { kind: "window", origin: url.origin } : { kind: "web", url };
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** The page around this one, or the one that opened it. */
function otherWindow(): Window | null {
  if (window.parent !== window) return window.parent;
  return window.opener as Window | null;
}
