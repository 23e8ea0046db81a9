/** OpenAI's Images API, answered by the real engine. */

import type { ApiGraph } from "../../src/engine/index";

import { expect, pngTexts, test } from "./fixtures";

test("a prompt in OpenAI's shape is taken at its word", async ({ lab }) => {
  const bytes = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const { data } = await engine.images.generate({ prompt: "a {cat|cat} // here", size: "64x64", steps: 1, seed: 5 });
    engine.close();
    return [...atob(data[0]?.b64_json ?? "")].map((c) => c.charCodeAt(0));
  });
  const graph = JSON.parse(pngTexts(Uint8Array.from(bytes)).prompt ?? "{}") as ApiGraph;
  expect(graph["2"]?.inputs.text).toBe("a {cat|cat} // here");
});

test("OpenAI's edit changes the transparent part of the mask and keeps the rest", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const first = await engine.generate({ prompt: "a red car", steps: 3, width: 64, height: 64, seed: 5 });
    const image = first.images[0]!;
    const canvas = new OffscreenCanvas(64, 64);
    const context = canvas.getContext("2d")!;
    // Opaque on the left, transparent on the right.
    context.fillRect(0, 0, 32, 64);
    const mask = await canvas.convertToBlob({ type: "image/png" });
    const answer = await engine.images.edit({ image, mask, prompt: "a blue car", size: "64x64", steps: 3, seed: 6 });
    const free = await engine.images.edit({ image, prompt: "a blue car", size: "64x64", steps: 3, seed: 6, denoise: 1, output_format: "webp" });
    engine.close();
    const pixels = async (file: Blob) => {
      const picture = await createImageBitmap(file);
      const canvas = new OffscreenCanvas(64, 64);
      canvas.getContext("2d")!.drawImage(picture, 0, 0);
      return canvas.getContext("2d")!.getImageData(0, 0, 64, 64).data;
    };
    const bytes = Uint8Array.from(atob(answer.data[0]!.b64_json!), (c) => c.charCodeAt(0));
    const [before, after] = [await pixels(image), await pixels(new Blob([bytes], { type: "image/png" }))];
    const change = (from: number, to: number) => {
      let sum = 0;
      for (let y = 0; y < 64; y++) for (let i = (y * 64 + from) * 4; i < (y * 64 + to) * 4; i++) sum += Math.abs(before[i]! - after[i]!);
      return sum / (64 * (to - from) * 3);
    };
    return { left: change(0, 16), right: change(40, 64), webp: free.data[0]!.b64_json!.slice(0, 6), format: free.output_format };
  });
  // The opaque part is the picture's own, to the pixel.
  expect(made.left).toBe(0);
  expect(made.right).toBeGreaterThan(5);
  expect(made).toMatchObject({ webp: "UklGR" + made.webp[5], format: "webp" });
});

test("a stream gives pictures on the way, then the finished one; leaving it early is no harm", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const request = { prompt: "a cat", size: "64x64", steps: 6, seed: 5, stream: true, partial_images: 2 } as const;
    const events = [];
    for await (const event of await engine.images.generate(request)) {
      const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(event.b64_json), (c) => c.charCodeAt(0))]));
      const { type, size, output_format } = event;
      events.push({ type, size, output_format, is: [picture.width, picture.height] });
    }
    for await (const event of await engine.images.generate(request)) {
      if (event.type === "image_generation.partial_image") break;
    }
    // Cancelling ends the stream with the abort.
    const stop = new AbortController();
    const ended = await (async () => {
      try {
        for await (const event of await engine.images.generate({ ...request, steps: 60 }, { signal: stop.signal })) {
          if (event.type === "image_generation.partial_image") stop.abort();
        }
        return "finished";
      } catch (error) {
        return (error as Error).name;
      }
    })();
    const again = await engine.images.generate({ prompt: "a cat", size: "64x64", steps: 1 });
    engine.close();
    return { events, ended, again: again.data.length };
  });
  const common = { size: "64x64", output_format: "png", is: [64, 64] };
  expect(made.events).toEqual([
    { type: "image_generation.partial_image", ...common },
    { type: "image_generation.partial_image", ...common },
    { type: "image_generation.completed", ...common },
  ]);
  expect(made.ended).toBe("AbortError");
  expect(made.again).toBe(1);
});
