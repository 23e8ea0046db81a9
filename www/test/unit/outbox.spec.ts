import { expect, test } from "@playwright/test";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { TintypeError } from "../../src/engine/errors";
import type { ApiGraph } from "../../src/engine/graph";
import { Outbox, type Delivery, type SendOrder } from "../../src/engine/outbox";
import type { ResultFile } from "../../src/engine/types";

const graph = (target: unknown): ApiGraph => ({ "9": { class_type: "SendImage", inputs: { target: target as string, images: ["8", 0] } } });
const delivery: Delivery = { file: new File(["PNG"], "a.png", { type: "image/png" }) as ResultFile, caption: "a cat", node: "9" };
const order = (target: string, body: SendOrder["body"] = "image"): SendOrder => ({ target, caption: "a cat", body });

function refusal(action: () => void): TintypeError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TintypeError);
    expect((error as TintypeError).hint).toBeTruthy();
    return error as TintypeError;
  }
  throw new Error("nothing was thrown");
}

/** A web hook on this machine; what it was sent, and how it answers. */
async function hook(answer: (request: IncomingMessage) => [status: number, headers?: Record<string, string>]) {
  const sent: { type: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (part: string) => (body += part));
    request.on("end", () => {
      sent.push({ type: request.headers["content-type"] ?? "", body });
      response.writeHead(...answer(request)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, sent, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}

test("nothing is allowed that was not named", () => {
  const outbox = new Outbox({ origins: ["https://chat.example"], callbacks: { chat: () => {} } });
  for (const target of ["callback:chat", "https://chat.example/hook?x=1", "postMessage:https://chat.example"]) outbox.check(graph(target));
  for (const target of ["callback:other", "https://evil.example/", "https://chat.example:444/", "postMessage:https://evil.example"]) {
    const error = refusal(() => outbox.check(graph(target)));
    expect(error.code).toBe("not_allowed");
    expect(error.node).toEqual({ id: "9", class_type: "SendImage" });
  }
  for (const target of ["", "hello", "http://chat.example/", "javascript:alert(1)", "file:///etc/passwd", "https://user@chat.example/", "postMessage:*", "callback:"]) {
    expect(refusal(() => outbox.check(graph(target))).code, target).toBe("bad_target");
  }
  for (const origin of ["chat.example", "https://chat.example/path", "data:", "*"]) {
    expect(refusal(() => outbox.allow(origin)).code, origin).toBe("bad_target");
  }
});

test("a page can ask the person which origins to allow", () => {
  const outbox = new Outbox();
  const wanted = { ...graph("https://a.example/1"), b: { class_type: "SendImage", inputs: { target: "postMessage:https://b.example" } }, c: { class_type: "SendImage", inputs: { target: "callback:x" } } };
  expect(outbox.wanted(wanted)).toEqual(["https://a.example", "https://b.example"]);
  outbox.allow("https://a.example");
  expect(outbox.wanted(wanted)).toEqual(["https://b.example"]);
});

test("a callback gets the picture", async () => {
  const got: Delivery[] = [];
  await new Outbox({ callbacks: { chat: (one) => void got.push(one) } }).send(order("callback:chat"), delivery);
  expect(got).toEqual([delivery]);
});

test("an address gets the picture as it is, or as a form", async () => {
  await using target = await hook(() => [204]);
  const outbox = new Outbox({ origins: [target.origin] });
  await outbox.send(order(`${target.origin}/hook`), delivery);
  await outbox.send(order(`${target.origin}/hook`, "form"), delivery);
  expect(target.sent[0]).toEqual({ type: "image/png", body: "PNG" });
  expect(target.sent[1]?.type).toContain("multipart/form-data");
  expect(target.sent[1]?.body).toContain('filename="a.png"');
  expect(target.sent[1]?.body).toContain('{"content":"a cat"}');
});

test("a refusal, and a redirect to elsewhere, are failures that name the node", async () => {
  await using elsewhere = await hook(() => [200]);
  await using target = await hook((request) => (request.url === "/no" ? [403] : [307, { location: elsewhere.origin }]));
  const outbox = new Outbox({ origins: [target.origin] });
  await expect(outbox.send(order(`${target.origin}/no`), delivery)).rejects.toMatchObject({ code: "send_failed", node: { id: "9" }, message: expect.stringContaining("403") });
  await expect(outbox.send(order(`${target.origin}/away`), delivery)).rejects.toMatchObject({ code: "send_failed" });
  expect(elsewhere.sent).toEqual([]);
  await expect(outbox.send(order("https://evil.example/"), delivery)).rejects.toMatchObject({ code: "not_allowed" });
});
