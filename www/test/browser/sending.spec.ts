/** Where the pictures of SendImage nodes go, end to end in a browser. */

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
