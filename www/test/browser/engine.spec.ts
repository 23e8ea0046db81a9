import type { ApiGraph, Handle, In, NodeDefinition } from "../../src/engine/index";

import { expect, pngTexts, test } from "./fixtures";

/** A small whole graph as API JSON text; a test changes what it wants to be wrong. */
function api(change: (graph: ApiGraph) => void = () => {}): string {
  const graph: ApiGraph = {
    "1": { class_type: "CheckpointLoaderSimple", inputs: { ckpt_name: "sprite" } },
    "2": { class_type: "CLIPTextEncode", inputs: { text: "a blue car", clip: ["1", 1] } },
    "3": { class_type: "CLIPTextEncode", inputs: { text: "", clip: ["1", 1] } },
    "4": { class_type: "EmptyLatentImage", inputs: { width: 64, height: 64, batch_size: 1 } },
    "5": {
      class_type: "KSampler",
      inputs: {
        model: ["1", 0], seed: 7, steps: 2, cfg: 5, sampler_name: "euler", scheduler: "normal",
        positive: ["2", 0], negative: ["3", 0], latent_image: ["4", 0], denoise: 1,
      },
    },
    "6": { class_type: "VAEDecode", inputs: { samples: ["5", 0], vae: ["1", 2] } },
    "7": { class_type: "SaveImage", inputs: { images: ["6", 0], filename_prefix: "t" } },
  };
  change(graph);
  return JSON.stringify(graph);
}

const set = (id: string, inputs: Record<string, unknown>) => (graph: ApiGraph) => {
  Object.assign(graph[id]?.inputs ?? {}, inputs);
};

test("a graph built by methods runs; PNGs carry prompt and workflow; events come in order", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const events: string[] = [];
    const g = engine.graph();
    const [model, clip, vae] = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
    const samples = g.KSampler({
      model, seed: 2n ** 64n - 1n, steps: 3, cfg: 5, sampler_name: "dpmpp_2m", scheduler: "karras", denoise: 1,
      positive: g.CLIPTextEncode({ clip, text: "a red dragon, 3d render" }),
      negative: g.CLIPTextEncode({ clip, text: "" }),
      latent_image: g.EmptyLatentImage({ width: 64, height: 64, batch_size: 2 }),
    });
    const images = g.VAEDecode({ samples, vae });
    const out = g.SaveImage({ images, filename_prefix: "dragon" });
    g.SaveLatent({ samples, filename_prefix: "dragon" });
    const part = await engine.run(g, { outputs: [out] });
    const all = await engine.run(g, { onEvent: ({ type }) => events.push(type) });
    const bytes = [...new Uint8Array(await (part.images[0] as File).arrayBuffer())];
    const latent = new Uint8Array(await (all.latents[0] as File).arrayBuffer());
    const header = new TextDecoder().decode(latent.subarray(8, 8 + Number(new DataView(latent.buffer).getBigUint64(0, true))));
    const names = [part.images.map((f) => f.name), part.latents.length, all.images.length, all.latents.map((f) => f.name)];
    engine.close();
    return { bytes, header, names, events, nodeErrors: part.nodeErrors };
  });
  expect(made.names[0]).toHaveLength(2);
  expect(made.names).toEqual([[expect.stringMatching(/^dragon_\d+_\.png$/), expect.stringMatching(/\.png$/)], 0, 2, [expect.stringMatching(/\.latent$/)]]);
  expect(made.nodeErrors).toEqual({});
  expect(JSON.parse(made.header).latent_tensor.shape).toEqual([2, 4, 8, 8]);
  const texts = pngTexts(Uint8Array.from(made.bytes));
  expect(texts.prompt).toContain('18446744073709551615');
  expect(JSON.parse(texts.workflow ?? "{}").nodes).toHaveLength(8);
  expect(made.events.at(0)).toBe("execution_start");
  expect(made.events).toContain("execution_cached");
  expect(made.events.filter((type) => type.startsWith("execution_")).at(-1)).toBe("execution_success");
});

test("multiply-adds are used where the browser has them, and change little", async ({ lab }) => {
  const made = await lab.evaluate(async (graph) => {
    const run = async (precision: "auto" | "full") => {
      const engine = await tintype.open({ device: "cpu", precision });
      const { latents } = await engine.run(JSON.parse(graph) as object);
      const { build, name } = engine.device;
      engine.close();
      const bytes = await (latents[0] as File).arrayBuffer();
      const start = 8 + Number(new DataView(bytes).getBigUint64(0, true));
      const { latent_tensor } = JSON.parse(new TextDecoder().decode(bytes.slice(8, start))) as { latent_tensor: { data_offsets: [number, number] } };
      const [from, to] = latent_tensor.data_offsets;
      return { build, name, numbers: [...new Float32Array(bytes.slice(start + from, start + to))] };
    };
    return { fast: await run("auto"), full: await run("full") };
  }, api((graph) => {
    delete graph["6"];
    graph["7"] = { class_type: "SaveLatent", inputs: { samples: ["5", 0], filename_prefix: "t" } };
  }));
  expect(made.fast).toMatchObject({ build: "cpu-relaxed", name: "CPU, one thread, SIMD with multiply-adds" });
  expect(made.full).toMatchObject({ build: "cpu", name: "CPU, one thread, SIMD" });
  const largest = Math.max(...made.full.numbers.map(Math.abs));
  const differences = made.full.numbers.map((number, i) => Math.abs(number - (made.fast.numbers[i] ?? NaN)));
  expect(differences).toHaveLength(4 * 8 * 8);
  expect(Math.max(...differences)).toBeGreaterThan(0);
  expect(Math.max(...differences)).toBeLessThan(1e-4 * largest);
});

test("two engines make the same latent, bit for bit", async ({ lab }) => {
  const [a, b] = await lab.evaluate(async (graph) => {
    const run = async () => {
      const engine = await tintype.open({ device: "cpu" });
      const { latents } = await engine.run(JSON.parse(graph) as object);
      engine.close();
      return [...new Uint8Array(await (latents[0] as File).arrayBuffer())].join();
    };
    return [await run(), await run()];
  }, api((graph) => {
    delete graph["6"];
    graph["7"] = { class_type: "SaveLatent", inputs: { samples: ["5", 0], filename_prefix: "t" } };
  }));
  expect(a).toBe(b);
});

test("generate: a picture to start from, and OpenAI's shape", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    let previews = 0;
    const small = { prompt: "a cat", steps: 2, width: 64, height: 64, seed: 5 } as const;
    const first = await engine.generate({ ...small, onPreview: ({ width, height, data }) => {
      previews += Number(data.length === width * height * 4);
    } });
    const second = await engine.generate({ ...small, image: first.images[0] as File, denoise: 0.5 });
    const bitmap = await createImageBitmap(second.images[0] as File);
    const answer = await engine.images.generate({ prompt: "a cat", n: 2, size: "64x64", steps: 2, seed: 5 });
    engine.close();
    return { previews, size: [bitmap.width, bitmap.height], answer, seed: first.settings.seed.toString() };
  });
  expect(made.previews).toBe(2);
  expect(made.size).toEqual([64, 64]);
  expect(made.seed).toBe("5");
  expect(made.answer).toMatchObject({ output_format: "png", size: "64x64" });
  expect(made.answer.data).toHaveLength(2);
  for (const { b64_json } of made.answer.data) expect(b64_json).toMatch(/^iVBORw0KGgo/);
});

const BAD: [string, (graph: ApiGraph) => void, RegExp][] = [
  ["a width that is no multiple of 8", set("4", { width: 130 }), /8/],
  ["a width of zero", set("4", { width: 0 }), /width|smaller/i],
  ["an absurd size", set("4", { width: 1_000_000, height: 1_000_000 }), /width|height|bigger|bytes/i],
  ["steps 0", set("5", { steps: 0 }), /steps/],
  ["an unknown sampler", set("5", { sampler_name: "eular" }), /eular/],
  ["an unknown scheduler", set("5", { scheduler: "noraml" }), /noraml/],
  ["an unknown checkpoint", set("1", { ckpt_name: "spirit" }), /spirit/],
  ["an unknown node class", (g) => { g["4"] = { class_type: "EmptyLatentPicture", inputs: {} }; }, /EmptyLatentPicture/],
  ["a missing input", (g) => { delete g["5"]?.inputs.positive; }, /positive/],
  ["a link to nowhere", set("6", { samples: ["55", 0] }), /55|samples/],
  ["a mistyped link", set("6", { samples: ["1", 0] }), /samples/],
  ["a cycle", (g) => { g["4"] = { class_type: "VAEEncode", inputs: { pixels: ["6", 0], vae: ["1", 2] } }; }, /cycle/i],
  ["no output", (g) => { delete g["7"]; }, /output/i],
];

for (const [what, change, pattern] of BAD) {
  test(`${what} is refused, and the engine stays usable`, async ({ lab }) => {
    const result = await lab.evaluate(async ([bad, good]) => {
      const engine = await tintype.open({ device: "cpu" });
      const error = await engine.run(bad).then(
        () => null,
        (e: InstanceType<typeof tintype.TintypeError>) => ({
          name: e.name,
          code: e.code,
          all: [e.message, e.hint, JSON.stringify(e.nodeErrors)].join(" "),
        }),
      );
      const { images } = await engine.run(good);
      engine.close();
      return { error, images: images.length };
    }, [api(change), api()] as const);
    expect(result.error?.name).toBe("TintypeError");
    expect(result.error?.code).not.toBe("unknown");
    expect(result.error?.all).toMatch(pattern);
    expect(result.images).toBe(1);
  });
}

test("NaN, and text and objects that are no graph, are refused, and the engine goes on", async ({ lab }) => {
  const errors = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const tell = (e: InstanceType<typeof tintype.TintypeError>) => [e.code, e.node?.class_type ?? null];
    const got = [
      await engine.generate({ prompt: "x", cfg: Number.NaN }).catch(tell),
      await engine.run("{").catch(tell),
      await engine.run({ nodes: [], links: [] }).catch(tell),
      await engine.run([]).catch(tell),
    ];
    await engine.generate({ prompt: "x", steps: 1, width: 64, height: 64 });
    engine.close();
    return got;
  });
  expect(errors).toEqual([["not_finite", "KSampler"], ["bad_file", null], ["prompt_no_outputs", null], ["invalid_prompt", null]]);
});

test("a plan says what a graph will take, and fetches nothing for it", async ({ lab, requests }) => {
  const plan = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const plan = await engine.plan(graph);
    engine.close();
    return plan;
  }, api());
  expect(plan.files.map(({ file }) => file)).toEqual([
    "sprite/text_encoder/model.safetensors",
    "sprite/unet/diffusion_pytorch_model.safetensors",
    "sprite/vae/diffusion_pytorch_model.safetensors",
  ]);
  expect(plan.fetch_bytes).toBe(plan.files.reduce((sum, { bytes }) => sum + bytes, 0));
  expect(plan.steps.map(({ what, width, guessed }) => [what, width, guessed])).toEqual([["denoise", 64, false], ["autoencode", 64, false]]);
  expect(plan.fits).toBe(true);
  // Headers, by range: three requests at most, and each ends early.
  expect(requests.filter((url) => url.endsWith(".safetensors")).length).toBeLessThanOrEqual(3);
});

test("validate says everything at once, without running", async ({ lab }) => {
  const [bad, good] = await lab.evaluate(async ([bad, good]) => {
    const engine = await tintype.open({ device: "cpu" });
    const answers = [await engine.validate(bad), await engine.validate(good)];
    engine.close();
    return answers;
  }, [api((g) => { set("5", { steps: 0, sampler_name: "eular" })(g); set("4", { width: 3 })(g); }), api()] as const);
  expect(Object.keys(bad ?? {}).sort()).toEqual(["4", "5"]);
  expect(bad?.["5"]?.errors).toHaveLength(2);
  expect(good).toEqual({});
});

test("a node written in JavaScript takes and gives pictures, latents, numbers and text", async ({ lab }) => {
  const result = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const seen: unknown[] = [];
    const invert: NodeDefinition = {
      class_type: "Invert",
      inputs: { image: "IMAGE", amount: ["FLOAT", { default: 1, min: 0, max: 1 }], note: ["STRING", { default: "" }] },
      outputs: ["IMAGE", "STRING"],
      category: "test",
      run({ image, amount, note }) {
        const { data, shape } = image as { data: Float32Array; shape: [number, number, number, 3] };
        seen.push(shape, data.length, data instanceof Float32Array, amount, note);
        return [{ data: data.map((v) => (1 - v) * (amount as number)), shape }, `${String(note)}!`];
      },
    };
    const halve: NodeDefinition = {
      class_type: "Halve",
      inputs: { samples: ["LATENT"] },
      outputs: ["LATENT"],
      async run({ samples }) {
        const latent = samples as { samples: { data: Float32Array; shape: [number, number, number, number] } };
        seen.push(latent.samples.shape);
        return { samples: { data: latent.samples.data.map((v) => v / 2), shape: latent.samples.shape } };
      },
    };
    await engine.registerNode(invert);
    await engine.registerNode(halve);
    const known = Object.keys(engine.objectInfo()).filter((name) => name === "Invert" || name === "Halve").length;
    const plain = await engine.run(graph.plain);
    const changed = await engine.run(graph.changed);
    const mean = async (file: Blob) => {
      const bitmap = await createImageBitmap(file);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      canvas?.drawImage(bitmap, 0, 0);
      const data = canvas?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? new Uint8ClampedArray();
      return data.filter((_, i) => i % 4 !== 3).reduce((sum, v) => sum + v, 0) / (bitmap.width * bitmap.height * 3);
    };
    const means = [await mean(plain.images[0] as File), await mean(changed.images[0] as File)];
    engine.close();
    return { known, seen, means };
  }, {
    plain: api(),
    changed: api((g) => {
      g["8"] = { class_type: "Invert", inputs: { image: ["6", 0], amount: 1, note: "hi" } };
      Object.assign(g["7"]?.inputs ?? {}, { images: ["8", 0] });
      g["9"] = { class_type: "Halve", inputs: { samples: ["5", 0] } };
      g["10"] = { class_type: "SaveLatent", inputs: { samples: ["9", 0], filename_prefix: "half" } };
    }),
  });
  expect(result.known).toBe(2);
  expect(result.seen).toHaveLength(6);
  expect(result.seen).toContainEqual([1, 64, 64, 3]);
  expect(result.seen).toContainEqual([1, 4, 8, 8]);
  expect(result.seen).toContain(64 * 64 * 3);
  expect(result.seen).toContain("hi");
  expect((result.means[0] ?? 0) + (result.means[1] ?? 0)).toBeCloseTo(255, -0.5);
});

test("a node that throws, and one that gives the wrong things, are errors with their node", async ({ lab }) => {
  const result = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const schema = { class_type: "Bad", inputs: { samples: "LATENT" }, outputs: ["LATENT"] };
    const errors: unknown[] = [];
    for (const run of [
      () => { throw new Error("no luck today"); },
      () => Promise.reject(new Error("later, but no")),
      () => [],
      () => "not a latent",
    ]) {
      await engine.registerNode({ ...schema, run });
      errors.push(
        await engine.run(graph.bad).then(
          () => "ran",
          (e: InstanceType<typeof tintype.TintypeError>) => [e.name, e.node?.class_type, e.message],
        ),
      );
    }
    const { images } = await engine.run(graph.good);
    engine.close();
    return { errors, images: images.length };
  }, {
    good: api(),
    bad: api((g) => {
      g["8"] = { class_type: "Bad", inputs: { samples: ["5", 0] } };
      Object.assign(g["6"]?.inputs ?? {}, { samples: ["8", 0] });
    }),
  });
  expect(result.errors).toEqual([
    ["TintypeError", "Bad", expect.stringContaining("no luck today")],
    ["TintypeError", "Bad", expect.stringContaining("later, but no")],
    ["TintypeError", "Bad", expect.stringContaining("expected 1")],
    ["TintypeError", "Bad", expect.any(String)],
  ]);
  expect(result.images).toBe(1);
});

test("a second run waits; a queued one can be cancelled; the running one too", async ({ lab }) => {
  const result = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const log: string[] = [];
    const small = { prompt: "a ghost", width: 64, height: 64, seed: 1 } as const;
    const waiting: number[] = [];
    engine.on("queue", (event) => waiting.push(event.waiting));
    const stopRunning = new AbortController();
    const stopQueued = new AbortController();
    let steps = 0;
    // At 128 × 128 a step takes longer than what the page tells the worker needs to get there.
    const running = engine
      .generate({ ...small, width: 128, height: 128, steps: 400, signal: stopRunning.signal, onEvent: ({ type }) => {
        if (type === "progress" && ++steps === 3) stopQueued.abort();
        if (type === "progress" && steps === 5) stopRunning.abort();
      } })
      .catch((e: Error) => log.push(`running ${e.name} at ${steps}`));
    const queued = engine
      .generate({ ...small, steps: 400, signal: stopQueued.signal })
      .catch((e: Error) => log.push(`queued ${e.name} at ${steps}`));
    const last = engine.generate({ ...small, steps: 2 }).then(({ images }) => log.push(`last ${images.length}`));
    await Promise.all([running, queued, last]);
    engine.close();
    return { log, waiting };
  });
  expect(result.log[0]).toMatch(/^queued AbortError at [3-5]$/);
  expect(result.log[1]).toMatch(/^running AbortError at [56]$/);
  expect(result.log[2]).toBe("last 1");
  expect(Math.max(...result.waiting)).toBe(2);
});

test("the queue has a front, runs can be taken out of it, and interrupt ends only the run it names", async ({ lab }) => {
  const result = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const log: string[] = [];
    const remaining: number[] = [];
    engine.on("status", ({ status }) => remaining.push(status.exec_info.queue_remaining));
    const begun = new Promise<void>((resolve) => engine.on("progress", () => resolve()));
    const run = (promptId: string, text: string, front = false) =>
      engine.run(text, { promptId, front }).then(
        () => log.push(`${promptId} ran`),
        (e: Error) => log.push(`${promptId} ${e.name}`),
      );
    const all = [run("a", graph.long), run("b", graph.short), run("c", graph.short), run("d", graph.short, true)];
    await begun;
    const names = () => engine.queue.pending.map(({ promptId }) => promptId);
    const before = [engine.queue.running?.promptId, names(), engine.queue.pending.map(({ number }) => number)];
    const moved = [engine.queue.moveToFront("c"), engine.queue.remove("b"), engine.queue.remove("a")];
    const after = names();
    const interrupted = [engine.interrupt("d"), engine.interrupt("a")];
    await Promise.all(all);
    const idle = [engine.interrupt(), engine.queue.running, engine.queue.clear()];
    const history = engine.history.list().map(({ prompt, status, outputs }) => [
      prompt.promptId, status.status_str, status.completed, status.messages.at(-1)?.[0], Object.keys(outputs),
    ]);
    engine.close();
    return { log, remaining, before, moved, after, interrupted, idle, history };
  }, { long: api(set("5", { steps: 400 })), short: api() });
  expect(result.before).toEqual(["a", ["d", "b", "c"], [4, 2, 3]]);
  expect(result.moved).toEqual([true, true, false]);
  expect(result.after).toEqual(["c", "d"]);
  expect(result.interrupted).toEqual([false, true]);
  expect(result.log).toEqual(["b AbortError", "a AbortError", "c ran", "d ran"]);
  expect(Math.max(...result.remaining)).toBe(4);
  expect(result.remaining.at(-1)).toBe(0);
  expect(result.idle).toEqual([false, null, 0]);
  expect(result.history).toEqual([
    ["a", "error", false, "execution_interrupted", []],
    ["c", "success", true, "execution_success", ["7"]],
    ["d", "success", true, "execution_success", ["7"]],
  ]);
});

test("a failed run keeps what was finished, is in the history, and a refused graph is not", async ({ lab }) => {
  const result = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    await engine.registerNode({
      class_type: "Bad", inputs: { samples: "LATENT" }, outputs: ["LATENT"],
      run: () => { throw new Error("no luck today"); },
    });
    const cached: string[][] = [];
    engine.on("execution_cached", ({ nodes }) => cached.push(nodes));
    const code = (e: InstanceType<typeof tintype.TintypeError>) => e.code;
    const codes = [
      await engine.run(graph.bad, { promptId: "bad" }).then(() => "ran", code),
      await engine.run(graph.refused, { promptId: "refused" }).then(() => "ran", code),
    ];
    cached.length = 0;
    await engine.run(graph.good, { promptId: "good" });
    const entry = engine.history.get("bad");
    const told = entry?.status.messages.at(-1)?.[1] as { node_id: string; executed: string[] } | undefined;
    const known = [engine.history.get("refused") === undefined, engine.history.get("good")?.status.completed];
    engine.close();
    return { codes, cached: cached.flat(), node: told?.node_id, executed: told?.executed, known };
  }, {
    good: api(),
    refused: api(set("5", { steps: 0 })),
    bad: api((g) => {
      g["8"] = { class_type: "Bad", inputs: { samples: ["5", 0] } };
      Object.assign(g["6"]?.inputs ?? {}, { samples: ["8", 0] });
    }),
  });
  expect(result.codes).toEqual(["node_threw", "prompt_outputs_failed_validation"]);
  expect(result.cached.sort()).toEqual(["1", "2", "3", "4", "5"]);
  expect(result.node).toBe("8");
  expect([...(result.executed ?? [])].sort()).toEqual(["1", "2", "3", "4", "5"]);
  expect(result.known).toEqual([true, true]);
});

test("nodes written in JavaScript take and give lists, and say when they would give something else", async ({ lab }) => {
  const result = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const seen: unknown[] = [];
    let day = "monday";
    await engine.registerNode({
      class_type: "Numbers", inputs: { count: ["INT", { default: 3, min: 1, max: 9 }] },
      outputs: [{ type: "INT", list: true }],
      fingerprint: () => day,
      run: ({ count }) => (seen.push(day), [Array.from({ length: count as number }, (_, i) => i + 1)]),
    });
    await engine.registerNode({
      class_type: "Double", inputs: { n: ["INT", { forceInput: true }] }, outputs: ["INT"],
      run: ({ n }) => (seen.push(n ?? null), (n as number) * 2),
    });
    await engine.registerNode({
      class_type: "Collect", inputs: { all: ["INT", { forceInput: true }] }, outputs: [], output_node: true, input_is_list: true,
      run: ({ all }) => { seen.push(all ?? null); },
    });
    const graph = {
      "1": { class_type: "Numbers", inputs: { count: 3 } },
      "2": { class_type: "Double", inputs: { n: ["1", 0] } },
      "3": { class_type: "Collect", inputs: { all: ["2", 0] } },
    };
    await engine.run(graph);
    await engine.run(graph);
    const first = seen.splice(0);
    day = "tuesday";
    await engine.run(graph);
    engine.close();
    return { first, then: seen };
  });
  expect(result.first).toEqual(["monday", 1, 2, 3, [2, 4, 6]]);
  expect(result.then).toEqual(["tuesday", 1, 2, 3, [2, 4, 6]]);
});

test("cancelling while a JavaScript node never answers ends the run", async ({ lab }) => {
  const result = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const stop = new AbortController();
    let told = false;
    await engine.registerNode({
      class_type: "Stuck",
      inputs: { samples: ["LATENT"] },
      outputs: ["LATENT"],
      run: (_, { signal }) => {
        signal.addEventListener("abort", () => (told = true));
        setTimeout(() => stop.abort(), 50);
        return new Promise(() => {});
      },
    });
    const name = await engine.run(graph.stuck, { signal: stop.signal }).catch((e: Error) => e.name);
    const { images } = await engine.run(graph.good);
    engine.close();
    return { name, told, images: images.length };
  }, {
    good: api(),
    stuck: api((g) => {
      g["8"] = { class_type: "Stuck", inputs: { samples: ["5", 0] } };
      Object.assign(g["6"]?.inputs ?? {}, { samples: ["8", 0] });
    }),
  });
  expect(result).toEqual({ name: "AbortError", told: true, images: 1 });
});

test("a closed engine refuses, and closing rejects what runs and what waits", async ({ lab }) => {
  const codes = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const code = (e: InstanceType<typeof tintype.TintypeError>) => e.code;
    const started = new Promise<void>((resolve) => engine.on("progress", () => resolve()));
    const running = engine.generate({ prompt: "x", steps: 400 }).then(() => "ran", code);
    const queued = engine.generate({ prompt: "x" }).then(() => "ran", code);
    await started;
    engine.close();
    engine.close();
    return [await running, await queued, await engine.generate({ prompt: "x" }).then(() => "ran", code), await engine.run("{}").then(() => "ran", code)];
  });
  expect(codes).toEqual(["closed", "closed", "closed", "closed"]);
  await expect.poll(() => lab.workers().length).toBe(0);
});

test("after a crash the next run has a fresh worker that knows the nodes and inputs of the first", async ({ lab }) => {
  await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const canvas = new OffscreenCanvas(64, 64);
    canvas.getContext("2d")?.fillRect(0, 0, 64, 64);
    await engine.putInput("black.png", await canvas.convertToBlob());
    await engine.registerNode({ class_type: "Same", inputs: { image: ["IMAGE"] }, outputs: ["IMAGE"], run: ({ image }) => image ?? null });
    Object.assign(globalThis, { engine, crashed: engine.generate({ prompt: "x", steps: 400 }).catch((e: { code: string; message: string }) => [e.code, e.message]) });
    await new Promise<void>((resolve) => engine.on("progress", () => resolve()));
  });
  await lab.workers()[0]?.evaluate(() => {
    setTimeout(() => {
      console.error("panicked at src/somewhere.rs:1:1:\nindex out of bounds");
      throw new WebAssembly.RuntimeError("unreachable");
    });
  });
  const result = await lab.evaluate(async () => {
    const { engine, crashed } = globalThis as unknown as {
      engine: InstanceType<typeof tintype.Engine>;
      crashed: Promise<unknown>;
    };
    const error = await crashed;
    const g = engine.graph<{ Same(inputs: { image: In<"IMAGE"> }): Handle<["IMAGE"]> }>();
    const [image] = g.LoadImage({ image: "black.png" });
    g.PreviewImage({ images: g.Same({ image }) });
    const { images } = await engine.run(g);
    return { error, images: images.map((file) => file.folder) };
  });
  expect(result.error).toEqual(["engine_crashed", expect.stringContaining("index out of bounds")]);
  expect(result.images).toEqual(["temp"]);
});

test("the model's bytes are told while they come, and the program's before them", async ({ lab }) => {
  const events = await lab.evaluate(async () => {
    const seen: { type: string; loaded: number; total: number }[] = [];
    const engine = await tintype.open({
      device: "cpu",
      storage: "none",
      onEvent: ({ type, data }) => {
        if (type === "engine_progress" || type === "model_progress") seen.push({ type, loaded: data.loaded, total: data.total });
      },
    });
    await engine.generate({ prompt: "x", steps: 1, width: 64, height: 64 });
    engine.close();
    return seen;
  });
  const program = events.filter(({ type }) => type === "engine_progress");
  const model = events.filter(({ type }) => type === "model_progress");
  expect(program.at(-1)?.loaded).toBe(program.at(-1)?.total);
  expect(program.at(-1)?.total).toBeGreaterThan(500_000);
  expect(Math.max(...model.map(({ total }) => total))).toBeGreaterThan(10_000_000);
  expect(events.findIndex(({ type }) => type === "model_progress")).toBeGreaterThanOrEqual(program.length);
  for (const { loaded, total } of events) expect(loaded).toBeLessThanOrEqual(total);
});

test("choices, wildcards and comments of a prompt are drawn by seed, and kept in the file", async ({ lab }) => {
  const made = await lab.evaluate(async (graph) => {
    const engine = await tintype.open({ device: "cpu" });
    const text = "a {red|green|blue} __thing__ // note";
    const wildcards = { thing: ["car", "{cat|dog}"] };
    const all = await engine.promptCombinations(text, { wildcards });
    const drawn = await Promise.all(
      Array.from({ length: 200 }, async (_, seed) => (await engine.expandPrompt(text, { seed, wildcards })).text),
    );
    const again = await engine.expandPrompt(text, { seed: 2n ** 64n - 1n, wildcards });
    const same = await engine.expandPrompt(text, { seed: 2n ** 64n - 1n, wildcards });
    const unknown = await engine.expandPrompt("a __nobody__");
    const tooMany = await engine.promptCombinations(text, { limit: 2 }).catch((error: Error) => error.message);
    const notices: string[] = [];
    const result = await engine.generate({
      prompt: `__nobody__ ${text}`, negativePrompt: "{x|y}", wildcards, seed: 5, steps: 1, width: 64, height: 64,
      onEvent: (event) => {
        if (event.type === "notice") notices.push(event.data.message);
      },
    });
    const five = (await engine.expandPrompt(`__nobody__ ${text}`, { seed: 5, wildcards })).text;
    const bytesOf = async (files: File[]) => [...new Uint8Array(await (files[0] as File).arrayBuffer())];
    const asked = JSON.parse(graph) as ApiGraph;
    const asIs = await engine.run(asked);
    const expanded = await engine.run(asked, { dynamicPrompts: true });
    const files = await Promise.all([result, asIs, expanded].map(({ images }) => bytesOf(images)));
    engine.close();
    return { all, drawn, again, same, unknown, tooMany, notices, drawnIn: result.drawn, template: result.settings.prompt, five, files };
  }, api(set("2", { text: "{green|green} car" })));
  expect(made.all).toHaveLength(9);
  expect([...new Set(made.drawn)].sort()).toEqual([...made.all].sort());
  expect(made.again).toEqual(made.same);
  expect(made.unknown).toEqual({ text: "a __nobody__", unknown: ["nobody"] });
  expect(made.tooMany).toContain("more than 2 prompts");
  expect(made.notices).toContainEqual(expect.stringContaining("`__nobody__`"));
  expect(made.template).toContain("{red|green|blue}");
  expect(made.drawnIn.prompt).toBe(made.five);
  expect(made.drawnIn.negativePrompt).toMatch(/^[xy]$/);
  const texts = made.files.map((bytes) => (JSON.parse(pngTexts(Uint8Array.from(bytes)).prompt ?? "{}") as ApiGraph)["2"]?.inputs.text);
  expect(texts).toEqual([made.five, "{green|green} car", "green car"]);
});

test("the same seed is another picture with another desktop's random numbers", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const picture = async (noise: "comfyui" | "comfyui-cuda" | "a1111", sampler: "euler" | "euler_ancestral") => {
      const engine = await tintype.open({ device: "cpu", noise });
      const { images } = await engine.generate({ prompt: "a cat", steps: 2, sampler, width: 64, height: 64, seed: 3 });
      engine.close();
      return [...new Uint8Array(await (images[0] as File).arrayBuffer())].join();
    };
    const refusal = (options: Parameters<typeof tintype.open>[0]) =>
      tintype.open({ device: "cpu", ...options }).then(
        () => null,
        (e: InstanceType<typeof tintype.TintypeError>) => `${e.message}: ${e.hint}`,
      );
    return {
      euler: [await picture("comfyui", "euler"), await picture("comfyui-cuda", "euler"), await picture("a1111", "euler")],
      ancestral: [await picture("comfyui", "euler_ancestral"), await picture("comfyui-cuda", "euler_ancestral")],
      wrong: [await refusal({ noise: "cuda" as "a1111" }), await refusal({ precision: "half" as "full" })],
    };
  });
  // ComfyUI begins with the CPU's noise everywhere; only what is added on the way is the card's.
  expect(made.euler[0] === made.euler[1]).toBe(true);
  expect(made.euler[0] === made.euler[2]).toBe(false);
  expect(made.ancestral[0] === made.ancestral[1]).toBe(false);
  expect(made.wrong[0]).toMatch(/cuda.*`comfyui`, `comfyui-cuda`, `a1111`/);
  expect(made.wrong[1]).toMatch(/precision `half`.*`auto`, `full`/);
});

test("a MidJourney prompt becomes options of runs; what is ignored is told; nonsense is refused", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const two = await engine.midjourney("a {red, blue} car --ar 2:1 --no cats --seed 5 --q .5 --v 6", { width: 128, height: 128, steps: 4 });
    const bad = await engine.midjourney("a car --ar banana").catch((error: Error) => [error.name, error.message]);
    const { settings, images } = await engine.generate(two[1]!.options);
    const bitmap = await createImageBitmap(images[0] as File);
    engine.close();
    return { two, bad, prompt: settings.prompt, seed: settings.seed.toString(), size: [bitmap.width, bitmap.height] };
  });
  expect(made.two.map(({ options }) => options.prompt)).toEqual(["a red car", "a blue car"]);
  const options = { negativePrompt: "cats", width: 184, height: 88, steps: 2, seed: 5, dynamicPrompts: false };
  expect(made.two[0]?.options).toEqual({ prompt: "a red car", ...options });
  expect(made.two[0]?.notices).toEqual([expect.stringContaining("--v 6")]);
  expect(made.bad).toEqual(["TintypeError", expect.stringContaining("`--ar` expected")]);
  expect([made.prompt, made.seed, made.size]).toEqual(["a blue car", "5", [184, 88]]);
});
