/** `images.generate` in the shape of OpenAI's client, answered by this page. */

import { TintypeError } from "./errors";
import type { GenerateOptions, GenerateResult } from "./generate";

/** OpenAI's request; `seed`, `steps`, `cfg` and `negative_prompt` are ours. */
export interface ImagesGenerateRequest {
  prompt: string;
  model?: string | null;
  n?: number | null;
  /** `"auto"` or `"WIDTHxHEIGHT"`, multiples of 8. */
  size?: string | null;
  response_format?: "b64_json" | "url" | null;
  output_format?: "png" | null;
  /** Accepted, because existing code sends them; there is nothing here that they could change. */
  quality?: string | null;
  style?: string | null;
  moderation?: string | null;
  user?: string;
  seed?: bigint | number;
  steps?: number;
  cfg?: number;
  negative_prompt?: string;
}

/** OpenAI's answer. With `response_format: "url"` the addresses are blob URLs of this page. */
export interface ImagesResponse {
  created: number;
  data: { b64_json?: string; url?: string; seed: string }[];
  output_format: "png";
  size: string;
}

/** The `images` member of an engine. */
export class Images {
  #generate: (options: GenerateOptions) => Promise<GenerateResult>;

  constructor(generate: (options: GenerateOptions) => Promise<GenerateResult>) {
    this.#generate = generate;
  }

  /** Makes `n` pictures. */
  async generate(request: ImagesGenerateRequest, options: { signal?: AbortSignal } = {}): Promise<ImagesResponse> {
    const format = request.output_format ?? "png";
    if (format !== "png") {
      throw new TintypeError(`\`output_format\` is ${String(format)}, only png is made`, "unknown_name", {
        hint: "Leave `output_format` out.",
      });
    }
    if ((request as { stream?: unknown }).stream === true) {
      throw new TintypeError("`stream` is not offered here", "unknown_name", {
        hint: "Use `engine.generate({ onPreview })` for pictures on the way.",
      });
    }
    const size = sizeOf(request.size ?? "auto");
    const { images, settings } = await this.#generate({
      prompt: request.prompt,
      ...size,
      batchSize: request.n ?? 1,
      ...(request.model == null ? {} : { model: request.model }),
      ...(request.seed === undefined ? {} : { seed: request.seed }),
      ...(request.steps === undefined ? {} : { steps: request.steps }),
      ...(request.cfg === undefined ? {} : { cfg: request.cfg }),
      ...(request.negative_prompt === undefined ? {} : { negativePrompt: request.negative_prompt }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const seed = settings.seed.toString();
    const data = await Promise.all(
      images.map(async (image) =>
        request.response_format === "url"
          ? { url: URL.createObjectURL(image), seed }
          : { b64_json: base64(new Uint8Array(await image.arrayBuffer())), seed },
      ),
    );
    return {
      created: Math.floor(Date.now() / 1000),
      data,
      output_format: "png",
      size: `${settings.width}x${settings.height}`,
    };
  }
}

function sizeOf(size: string): { width?: number; height?: number } {
  if (size === "auto") return {};
  const match = /^(\d+)x(\d+)$/.exec(size);
  if (match === null) {
    throw new TintypeError(`\`size\` is \`${size}\`, expected \`auto\` or WIDTHxHEIGHT`, "unknown_name", {
      hint: "For example \"128x128\".",
    });
  }
  return { width: Number(match[1]), height: Number(match[2]) };
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}
