/** What SendImage nodes and OpenAI's streams give, end to end in a browser. */

import { expect, test } from "./fixtures";

/** A picture that goes to `target`. */
const sending = (target: string, body = "image") => ({
  "1": { class_type: "EmptyImage", inputs: { width: 16, height: 16, batch_size: 1, color: 0xff8000 } },
  "2": { class_type: "SendImage", inputs: { images: ["1", 0], target, caption: "an orange square", body } },
});

test("a callback and a web address get the picture; what was not allowed gets nothing", async ({ lab, site }) => {
  const posts: { type: string; body: Buffer }[] = [];
  await lab.route("**/hook", async (route) => {
    posts.push({ type: (await route.request().headerValue("content-type")) ?? "", body: route.request().postDataBuffer() ?? Buffer.of() });
    await route.fulfill({ status: 204 });
  });
  const origin = new URL(site).origin;
  const made = await lab.evaluate(async ([callback, image, form, elsewhere, origin]) => {
    const got: { name: string; type: string; caption: string; node: string }[] = [];
    const keep = ({ file, caption, node }: { file: File; caption: string; node: string }) =>
      void got.push({ name: file.name, type: file.type, caption, node });
    const engine = await tintype.open({ device: "cpu", send: { callbacks: { keep }, origins: [origin as string] } });
    for (const graph of [callback, image, form]) await engine.run(graph as object);
    const refused = await engine.run(elsewhere as object).then(
      () => null,
      (e: InstanceType<typeof tintype.TintypeError>) => ({ code: e.code, message: e.message, hint: e.hint, node: e.node?.id }),
    );
    engine.close();
    return { got, refused };
  }, [
    sending("callback:keep"), sending(`${site}hook`), sending(`${site}hook`, "form"), sending("https://chat.example/hook"), origin,
  ] as const);
  expect(made.got).toEqual([{ name: expect.stringMatching(/\.png$/), type: "image/png", caption: "an orange square", node: "2" }]);
  expect(made.refused).toMatchObject({ code: "not_allowed", node: "2", message: expect.stringContaining("https://chat.example") });
  const [image, form] = posts;
  expect(posts).toHaveLength(2);
  expect(image?.type).toBe("image/png");
  expect([...(image?.body.subarray(0, 4) ?? [])]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  expect(form?.type).toMatch(/^multipart\/form-data/);
  expect(form?.body.toString("latin1")).toContain('{"content":"an orange square"}');
});

test("the page around a frame gets the picture by postMessage, another origin does not", async ({ lab, site }) => {
  await lab.evaluate(() => {
    const heard: unknown[] = [];
    Object.assign(globalThis, { heard });
    addEventListener("message", ({ data, origin }) => {
      if (data?.type === "tintype-image") heard.push({ ...data, image: [data.image instanceof File, data.image.size > 50], origin });
    });
    const frame = document.createElement("iframe");
    frame.src = "picture.html";
    document.body.append(frame);
  });
  const frame = await (await lab.waitForSelector("iframe")).contentFrame();
  if (frame === null) throw new Error("the frame has no document");
  await frame.waitForFunction(() => "tintype" in globalThis);
  const origin = new URL(site).origin;
  await frame.evaluate(async ([here, elsewhere, origin]) => {
    const engine = await tintype.open({ device: "cpu", send: { origins: [origin as string, "https://chat.example"] } });
    await engine.run(elsewhere as object);
    await engine.run(here as object);
    engine.close();
  }, [sending(`postMessage:${origin}`), sending("postMessage:https://chat.example"), origin] as const);
  await lab.waitForFunction(() => (globalThis as unknown as { heard: unknown[] }).heard.length > 0);
  const heard = await lab.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard);
  expect(heard).toEqual([
    { type: "tintype-image", filename: expect.stringMatching(/\.png$/), mime: "image/png", caption: "an orange square", image: [true, true], origin },
  ]);
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
  // The latent under the opaque part is kept to the bit; what is left is the autoencoder's loss.
  expect(made.left).toBeLessThan(made.right / 2);
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
