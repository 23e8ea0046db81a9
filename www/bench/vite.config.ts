/** Builds the bench page into `build/bench/site`, so that nothing of it, onnxruntime-web least of all, is in `dist`. */

import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// The engine is bundled as in ../vite.config.ts; what that file says of the options holds here.
export default defineConfig({
  root: path(".."),
  base: "./",
  worker: { format: "es" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    outDir: path("../../build/bench/site"),
    emptyOutDir: true,
    rolldownOptions: { input: { bench: path("bench.html") } },
  },
});
