import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [svelte()],
  base: "./",
  // Its worker and engines are files beside its scripts, which pre-bundling would move away from them.
  optimizeDeps: { exclude: ["tintype"] },
  build: { target: "es2022" },
});
