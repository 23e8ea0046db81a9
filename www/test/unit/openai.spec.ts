import { expect, test } from "@playwright/test";

import { TintypeError } from "../../src/engine/errors";
import { settingsOf, type GenerateOptions, type GenerateResult, type Preview } from "../../src/engine/generate";
import { Images, type ImagesEditRequest, type ImagesGenerateRequest } from "../../src/engine/openai";
import { ImageStream } from "../../src/engine/openai_stream";

const HEAD = { created_at: 1, background: "opaque", output_format: "png", quality: "auto" } as const;
const PREVIEW: Preview = { width: 1, height: 1, data: new Uint8ClampedArray(4) };

/** Images whose pictures are the settings they were asked for. */
function images(asked: GenerateOptions[]): Images {
  return new Images((options) => {
    asked.push(options);
    const settings = settingsOf({ seed: 1n, ...options });
    const files = Array.from({ length: settings.batchSize }, (_, i) => new Blob([`picture ${i}`]));
    return Promise.resolve({ images: files, settings } as unknown as GenerateResult);
  });
}

async function refusal(request: Partial<ImagesGenerateRequest & ImagesEditRequest>): Promise<string> {
  const answer = "image" in request
    ? images([]).edit({ prompt: "a", ...request } as ImagesEditRequest & { stream?: false })
    : images([]).generate({ prompt: "a", ...request } as ImagesGenerateRequest & { stream?: false });
  const error: unknown = await answer.then(() => null, (error: unknown) => error);
  expect(error).toBeInstanceOf(TintypeError);
  expect((error as TintypeError).hint).toBeTruthy();
  return (error as TintypeError).message;
}

test("OpenAI's fields become settings, and the answer has OpenAI's shape", async () => {
  const asked: GenerateOptions[] = [];
  const answer = await images(asked).generate({
    prompt: "a cat", model: "gpt-image-1", n: 2, size: "64x96", quality: "low", seed: 9n, negative_prompt: "dog",
    moderation: "low", user: "me",
  });
  expect(asked[0]).toEqual({ prompt: "a cat", batchSize: 2, width: 64, height: 96, steps: 8, seed: 9n, negativePrompt: "dog" });
  expect(answer.data.map(({ b64_json, seed }) => [atob(b64_json ?? ""), seed])).toEqual([["picture 0", "9"], ["picture 1", "9"]]);
  expect(answer).toMatchObject({ background: "opaque", output_format: "png", quality: "low", size: "64x96" });
  await images(asked).generate({ prompt: "a", model: "sprite", quality: "high", steps: 3 });
  expect(asked[1]).toMatchObject({ model: "sprite", steps: 3 });
});

test("an edit starts from its picture, under its mask", async () => {
  const asked: GenerateOptions[] = [];
  const [image, mask] = [new Blob(["i"]), new Blob(["m"])];
  await images(asked).edit({ prompt: "a", image: [image], mask });
  expect(asked[0]).toMatchObject({ image, mask });
  expect(settingsOf(asked[0] as GenerateOptions).denoise).toBe(1);
  await images(asked).edit({ prompt: "a", image });
  expect(settingsOf(asked[1] as GenerateOptions).denoise).toBe(0.75);
});

test("what cannot be had is refused by name", async () => {
  expect(await refusal({ background: "transparent" })).toContain("background");
  expect(await refusal({ n: 11 })).toContain("`n` is 11");
  expect(await refusal({ n: 0 })).toContain("`n` is 0");
  expect(await refusal({ size: "big" })).toContain("big");
  expect(await refusal({ quality: "best" as never })).toContain("best");
  expect(await refusal({ output_format: "gif" as never })).toContain("gif");
  expect(await refusal({ output_compression: 101 })).toContain("101");
  expect(await refusal({ stream: true, partial_images: 4 })).toContain("partial_images");
  expect(await refusal({ image: [new Blob(), new Blob()] })).toContain("2 pictures");
});

test("partial pictures are spread over the steps", async () => {
  for (const [partials, steps, expected] of [[0, 8, []], [1, 8, [4]], [3, 8, [2, 4, 6]], [3, 2, [1, 2]], [2, 20, [7, 14]]] as const) {
    const stream = new ImageStream("image_generation", partials, () => Promise.resolve("p"));
    const at: number[] = [];
    for (let step = 1; step <= steps; step++) {
      stream.progress(step, steps);
      stream.preview(PREVIEW, HEAD, "8x8");
      at.push(step);
    }
    stream.completed({ b64_json: "done", seed: "1" }, HEAD, "8x8");
    stream.end();
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([...expected.map(() => "image_generation.partial_image"), "image_generation.completed"]);
    expect(events.filter((event) => "partial_image_index" in event).map((event) => event.partial_image_index)).toEqual(expected.map((_, i) => i));
  }
});

test("a stream that fails says so after what came before", async () => {
  const stream = new ImageStream("image_edit", 1, () => Promise.resolve("p"));
  stream.progress(1, 2);
  stream.preview(PREVIEW, HEAD, "8x8");
  stream.fail(new TintypeError("no", "device_failed"));
  const seen: string[] = [];
  await expect(async () => {
    for await (const event of stream) seen.push(event.type);
  }).rejects.toThrow("no");
  expect(seen).toEqual(["image_edit.partial_image"]);
});
