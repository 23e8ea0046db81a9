/** Sweeps drawn as grids, in a browser's canvas. */

import { expect, test } from "./fixtures";

test("an X/Y/Z sweep is drawn: labels above and beside, every picture in its cell, one sheet a value", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const graph = {
      "1": { class_type: "EmptyImage", inputs: { width: 96, height: 64, batch_size: 1, color: 0 } },
      "2": { class_type: "SaveImage", inputs: { images: ["1", 0], filename_prefix: "t" } },
    };
    const colour = tintype.inputAxis("Colour", { node: "1", input: "color" }, [0xff0000, 0x00ff00, 0x0000ff]);
    const height = tintype.inputAxis("Height", { node: "1", input: "height" }, [64, 32]);
    const width = tintype.inputAxis("Width", { node: "1", input: "width" }, [96, 48]);
    const axes = [colour, height, width];
    const results = [];
    for await (const result of tintype.runCells(engine, tintype.cells(graph, axes))) results.push(result);
    engine.close();
    // The last cell is taken for one that failed.
    const lost = results.findIndex(({ cell }) => cell.at.join() === "2,1,1");
    results[lost] = { ...results[lost]!, images: [], error: new Error("lost") };
    const grids = await tintype.drawGrids(axes, results, 4);
    const sheets = await Promise.all(
      grids.map(async (grid) => {
        const picture = await createImageBitmap(grid);
        const canvas = new OffscreenCanvas(picture.width, picture.height);
        const context = canvas.getContext("2d")!;
        context.drawImage(picture, 0, 0);
        const { data } = context.getImageData(0, 0, picture.width, picture.height);
        const at = (x: number, y: number) => [...data.subarray((y * picture.width + x) * 4, (y * picture.width + x) * 4 + 3)].join();
        let dark = 0;
        // Ink of the labels: above and left of the cells.
        for (let y = 0; y < picture.height; y++) {
          for (let x = 0; x < picture.width; x++) {
            const inside = x >= picture.width - 3 * 96 - 2 * 4 && y >= picture.height - 2 * 64 - 4;
            if (!inside && data[(y * picture.width + x) * 4]! < 128) dark++;
          }
        }
        const left = picture.width - 3 * 96 - 2 * 4;
        const top = picture.height - 2 * 64 - 4;
        const middles = [0, 1].map((row) => [0, 1, 2].map((column) => at(left + column * 100 + 48, top + row * 68 + 32)));
        const corner = at(left + 100 + 2, top + 68 + 2);
        return { type: grid.type, middles, corner, dark };
      }),
    );
    return { sheets, ran: results.length };
  });
  expect(made.ran).toBe(12);
  expect(made.sheets).toHaveLength(2);
  const [first, second] = made.sheets;
  const colours = ["255,0,0", "0,255,0", "0,0,255"];
  expect(first).toMatchObject({ type: "image/png", middles: [colours, colours] });
  // A smaller picture is fitted into its cell, with white around it: 96 × 32 in 96 × 64.
  expect(first?.corner).toBe("255,255,255");
  expect(second?.middles).toEqual([colours, [...colours.slice(0, 2), "255,255,255"]]);
  for (const { dark } of made.sheets) expect(dark).toBeGreaterThan(100);
});

test("a prompt matrix becomes a grid of its subsets, made by the real model", async ({ lab }) => {
  const made = await lab.evaluate(async () => {
    const engine = await tintype.open({ device: "cpu" });
    const text = "a cat|red background|pixel art";
    const g = engine.graph();
    const [model, clip, vae] = g.CheckpointLoaderSimple({ ckpt_name: "sprite" });
    const samples = g.KSampler({
      model, seed: 5, steps: 2, cfg: 4, sampler_name: "euler", scheduler: "normal", denoise: 1,
      positive: g.CLIPTextEncode({ clip, text }),
      negative: g.CLIPTextEncode({ clip, text: "" }),
      latent_image: g.EmptyLatentImage({ width: 64, height: 64, batch_size: 1 }),
    });
    g.SaveImage({ images: g.VAEDecode({ samples, vae }), filename_prefix: "m" });
    const axes = tintype.matrixAxes(text);
    const results = [];
    for await (const result of tintype.runCells(engine, tintype.cells(g.toJSON(), axes))) results.push(result);
    engine.close();
    const prompts = results.map(({ cell }) =>
      Object.values(cell.graph).map(({ inputs }) => inputs["text"]).find((value) => typeof value === "string" && value !== ""));
    const files = await Promise.all(results.map(async ({ images }) => new Uint8Array(await images[0]!.arrayBuffer()).join()));
    const grids = await tintype.drawGrids(axes, results);
    const grid = await createImageBitmap(grids[0]!);
    return { prompts, distinct: new Set(files).size, errors: results.map(({ error }) => error?.message), grids: grids.length, size: [grid.width, grid.height] };
  });
  expect(made.errors).toEqual([undefined, undefined, undefined, undefined]);
  expect([...made.prompts].sort()).toEqual([
    "a cat", "a cat, pixel art", "a cat, red background", "a cat, red background, pixel art",
  ]);
  expect(made.distinct).toBe(4);
  expect(made.grids).toBe(1);
  expect(made.size[0]).toBeGreaterThan(2 * 64);
});
