import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { docs } from "./scripts/docs.mjs";
import { serviceWorker } from "./scripts/service_worker.mjs";

export default defineConfig({
  plugins: [docs(), svelte(), serviceWorker()],
  // Relative addresses: the built folder works under any path of any static host.
  base: "./",
  // A worker that imports one of the two engines on demand needs chunks, so it is a module worker.
  worker: { format: "es" },
  // The help is made of the files of `docs/`, which are beside this folder.
  server: { port: 8080, fs: { allow: [".."] } },
  build: {
    target: "es2022",
    // The engines must stay files of their own: streamed, compiled while they arrive, cached by name.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: "index.html", editor: "editor.html", picture: "picture.html" },
    },
  },
});
