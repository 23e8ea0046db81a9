/** OpenAI's Images API, answered by this page: existing code for `client.images` works with `engine.images`. */

import { TintypeError } from "./errors";
import type { GenerateOptions, GenerateResult, Preview } from "./generate";
import { ImageStream, type ImageStreamEvent } from "./openai_stream";

/** What both requests take: OpenAI's fields, and the settings it does not have. */
interface ImagesRequest {
  prompt: string;
  /** A model here; names of OpenAI's own models mean the bundled one. */
  model?: string | null;
  /** How many pictures, 1 … 10. */
  n?: number | null;
  /** `auto`, or WIDTHxHEIGHT in multiples of 8. */
  size?: string | null;
  /** How many steps to take, unless `steps` says it: `low` 8, `medium` 20, `high` 32. */
  quality?: "auto" | "low" | "medium" | "high" | "standard" | "hd" | null;
  output_format?: "png" | "jpeg" | "webp" | null;
  /** For jpeg and webp, 0 … 100. */
  output_compression?: number | null;
  response_format?: "b64_json" | "url" | null;
  background?: "auto" | "opaque" | "transparent" | null;
  /** Pictures on the way, 0 … 3; with `stream`. */
  partial_images?: number | null;
  /** Without meaning here, where nobody moderates and nobody else sees it. */
  moderation?: "auto" | "low" | null;
  style?: string | null;
  user?: string;
  /** Beyond OpenAI's fields. */
  seed?: bigint | number;
  steps?: number;
  cfg?: number;
  negative_prompt?: string;
}

/** A request for new pictures. */
export interface ImagesGenerateRequest extends ImagesRequest {
  stream?: boolean | null;
}

/** A request for changed pictures. */
export interface ImagesEditRequest extends ImagesRequest {
  image: Blob | Uint8Array | (Blob | Uint8Array)[];
  /** A picture that is transparent where the picture may change. */
  mask?: Blob | Uint8Array;
  /** Without a mask: how far to leave the picture, 0 … 1. */
  denoise?: number;
  input_fidelity?: "high" | "low" | null;
  stream?: boolean | null;
}

/** One picture of an answer. */
export interface ImagesResponseItem {
  b64_json?: string;
  url?: string;
  /** The seed that makes it again, as text: it can be larger than a JSON number. */
  seed: string;
}

/** An answer in OpenAI's shape. */
export interface ImagesResponse {
  created: number;
  data: ImagesResponseItem[];
  background: "opaque";
  output_format: "png" | "jpeg" | "webp";
  quality: string;
  size: string;
}

type Generate = (options: GenerateOptions) => Promise<GenerateResult>;
type Options = { signal?: AbortSignal };

/** `auto` leaves the choice to the model. */
const STEPS: Record<string, number | null> = { auto: null, low: 8, medium: 20, standard: 20, high: 32, hd: 32 };
const THEIR_MODELS = /^(gpt-image|dall-e|chatgpt-image)/;

/** The `images` member of an engine. */
export class Images {
  #generate: Generate;

  constructor(generate: Generate) {
    this.#generate = generate;
  }

  /** Makes `n` pictures; with `stream`, gives the events of their making. */
  generate(request: ImagesGenerateRequest & { stream: true }, options?: Options): Promise<AsyncIterable<ImageStreamEvent>>;
  generate(request: ImagesGenerateRequest & { stream?: false | null }, options?: Options): Promise<ImagesResponse>;
  async generate(request: ImagesGenerateRequest, options: Options = {}): Promise<ImagesResponse | AsyncIterable<ImageStreamEvent>> {
    return this.#answer("image_generation", request, {}, options);
  }

  /** Makes `n` pictures from one, everywhere or where the mask is transparent. */
  edit(request: ImagesEditRequest & { stream: true }, options?: Options): Promise<AsyncIterable<ImageStreamEvent>>;
  edit(request: ImagesEditRequest & { stream?: false | null }, options?: Options): Promise<ImagesResponse>;
  async edit(request: ImagesEditRequest, options: Options = {}): Promise<ImagesResponse | AsyncIterable<ImageStreamEvent>> {
    const images = Array.isArray(request.image) ? request.image : [request.image];
    const [image] = images;
    if (images.length !== 1 || image === undefined) {
      throw refuse(`\`image\` has ${images.length} pictures, expected one`, "Give one picture: the models here change one at a time.");
    }
    const start = { image, ...(request.mask && { mask: request.mask }), ...(request.denoise !== undefined && { denoise: request.denoise }) };
    return this.#answer("image_edit", request, start, options);
  }

  async #answer(
    kind: "image_generation" | "image_edit",
    request: ImagesRequest & { stream?: boolean | null },
    start: Pick<GenerateOptions, "image" | "mask" | "denoise">,
    { signal }: Options,
  ): Promise<ImagesResponse | AsyncIterable<ImageStreamEvent>> {
    const wanted = { ...optionsOf(request), ...start, ...(signal && { signal }) };
    const format = formatOf(request);
    const head = { created_at: now(), background: "opaque" as const, output_format: format.name, quality: request.quality ?? "auto" };
    if (request.stream !== true) {
      return this.#response(await this.#generate(wanted), request, format);
    }
    const stream = new ImageStream(kind, count(request.partial_images ?? 0, "partial_images", 0, 3), (preview) => encodePreview(preview, format));
    const making = this.#generate({
      ...wanted,
      onPreview: (preview) => stream.preview(preview, head, `${preview.width * 8}x${preview.height * 8}`),
      onEvent: (event) => event.type === "progress" && stream.progress(event.data.value, event.data.max),
    });
    making
      .then(async (result) => {
        for (const item of (await this.#response(result, { ...request, response_format: "b64_json" }, format)).data) {
          stream.completed(item, head, sizeName(result));
        }
        stream.end();
      })
      .catch((error: unknown) => stream.fail(error));
    return stream;
  }

  async #response({ images, settings, ...rest }: GenerateResult, request: ImagesRequest, format: Format): Promise<ImagesResponse> {
    const seed = settings.seed.toString();
    const data = await Promise.all(
      images.map(async (image) => {
        const file = await recode(image, format);
        return request.response_format === "url"
          ? { url: URL.createObjectURL(file), seed }
          : { b64_json: base64(new Uint8Array(await file.arrayBuffer())), seed };
      }),
    );
    const size = sizeName({ images, settings, ...rest });
    return { created: now(), data, background: "opaque", output_format: format.name, quality: request.quality ?? "auto", size };
  }
}

function optionsOf(request: ImagesRequest): GenerateOptions {
  if (request.background === "transparent") {
    throw refuse("`background` is `transparent`, which no model here draws", "Use `auto` or `opaque`.");
  }
  const quality = request.quality ?? "auto";
  const ofQuality = STEPS[quality];
  if (ofQuality === undefined) throw refuse(`\`quality\` is \`${quality}\``, `Use one of ${Object.keys(STEPS).join(", ")}.`);
  const steps = request.steps ?? ofQuality;
  const model = request.model != null && !THEIR_MODELS.test(request.model) ? request.model : undefined;
  return {
    prompt: request.prompt,
    ...sizeOf(request.size ?? "auto"),
    batchSize: count(request.n ?? 1, "n", 1, 10),
    ...(steps !== null && { steps }),
    ...(model !== undefined && { model }),
    ...(request.seed !== undefined && { seed: request.seed }),
    ...(request.cfg !== undefined && { cfg: request.cfg }),
    ...(request.negative_prompt !== undefined && { negativePrompt: request.negative_prompt }),
  };
}

function sizeOf(size: string): { width?: number; height?: number } {
  if (size === "auto") return {};
  const match = /^(\d+)x(\d+)$/.exec(size);
  if (match === null) throw refuse(`\`size\` is \`${size}\`, expected \`auto\` or WIDTHxHEIGHT`, 'For example "128x128".');
  return { width: Number(match[1]), height: Number(match[2]) };
}

function count(value: number, name: string, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw refuse(`\`${name}\` is ${value}, expected ${min} to ${max}`, `Use a whole number from ${min} to ${max}.`);
}

interface Format {
  name: "png" | "jpeg" | "webp";
  quality: number;
}

function formatOf(request: ImagesRequest): Format {
  const name = request.output_format ?? "png";
  if (!["png", "jpeg", "webp"].includes(name)) throw refuse(`\`output_format\` is \`${String(name)}\``, "Use png, jpeg or webp.");
  return { name, quality: count(request.output_compression ?? 100, "output_compression", 0, 100) / 100 };
}

/** The picture in the wished format. A PNG stays the file it is, with the graph inside. */
async function recode(file: Blob, { name, quality }: Format): Promise<Blob> {
  if (name === "png") return file;
  const picture = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  picture.close();
  return await encode(canvas, { name, quality });
}

async function encodePreview({ width, height, data }: Preview, format: Format): Promise<string> {
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
  // As large as the picture will be: whoever shows it need not know of latents.
  const canvas = new OffscreenCanvas(width * 8, height * 8);
  canvas.getContext("2d")?.drawImage(small, 0, 0, width * 8, height * 8);
  return base64(new Uint8Array(await (await encode(canvas, format)).arrayBuffer()));
}

async function encode(canvas: OffscreenCanvas, { name, quality }: Format): Promise<Blob> {
  const blob = await canvas.convertToBlob({ type: `image/${name}`, quality });
  // A browser that cannot write a format writes a PNG and says nothing.
  if (blob.type !== `image/${name}`) throw refuse(`this browser cannot write ${name}`, "Leave `output_format` out for a PNG.");
  return blob;
}

function sizeName({ settings }: GenerateResult): string {
  return `${settings.width}x${settings.height}`;
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function refuse(message: string, hint: string): TintypeError {
  return new TintypeError(message, "unknown_name", { hint });
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}
