/** The stream of an Images request: pictures on the way, evenly spread over the steps, then the finished ones. */

import type { Preview } from "./generate";

/** What every event of a stream says of its picture. */
export interface StreamHead {
  created_at: number;
  background: "opaque";
  output_format: "png" | "jpeg" | "webp";
  quality: string;
}

/** An event in OpenAI's shape. */
export type ImageStreamEvent = StreamHead & { b64_json: string; size: string } & (
    | { type: "image_generation.partial_image" | "image_edit.partial_image"; partial_image_index: number }
    | { type: "image_generation.completed" | "image_edit.completed"; seed: string }
  );

/** Events as they happen; to be read once. */
export class ImageStream implements AsyncIterable<ImageStreamEvent> {
  #events: Promise<ImageStreamEvent>[] = [];
  #wake: (() => void) | null = null;
  #ended = false;
  #error: unknown = null;
  #sent = 0;
  #step = 0;
  #steps = 1;

  #kind: "image_generation" | "image_edit";
  #partials: number;
  #encode: (preview: Preview) => Promise<string>;

  /** A stream with this many pictures on the way; `encode` makes base64 of them. */
  constructor(kind: "image_generation" | "image_edit", partials: number, encode: (preview: Preview) => Promise<string>) {
    this.#kind = kind;
    this.#partials = partials;
    this.#encode = encode;
  }

  /** The preview that follows is of this step. */
  progress(value: number, max: number): void {
    [this.#step, this.#steps] = [value, Math.max(1, max)];
  }

  /** Takes a preview; sends it if its turn has come. */
  preview(preview: Preview, head: StreamHead, size: string): void {
    // With k partial images the steps are cut into k + 1 parts, and each part but the last ends with one.
    const due = Math.min(this.#partials, Math.floor((this.#step * (this.#partials + 1)) / this.#steps));
    if (this.#sent >= due) return;
    const index = this.#sent++;
    const type = `${this.#kind}.partial_image` as const;
    this.#push(this.#encode(preview).then((b64_json) => ({ ...head, type, b64_json, size, partial_image_index: index })));
  }

  /** Sends a finished picture. */
  completed(item: { b64_json?: string; seed: string }, head: StreamHead, size: string): void {
    const type = `${this.#kind}.completed` as const;
    this.#push(Promise.resolve({ ...head, type, b64_json: item.b64_json ?? "", size, seed: item.seed }));
  }

  /** Nothing more comes. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Nothing more comes, and why; told after the events that came before. */
  fail(error: unknown): void {
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ImageStreamEvent, void, void> {
    for (;;) {
      const next = this.#events.shift();
      if (next !== undefined) {
        yield await next;
      } else if (this.#ended) {
        if (this.#error !== null) throw this.#error;
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  #push(event: Promise<ImageStreamEvent>): void {
    // Failing before anyone reads must not count as unhandled; the reader meets it.
    event.catch(() => {});
    this.#events.push(event);
    this.#wake?.();
  }
}
