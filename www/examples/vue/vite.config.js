import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "tintype-image" } } })],
  base: "./",
  // Its worker and engines are files beside its scripts, which pre-bundling would move away from them.
  optimizeDeps: { exclude: ["tintype"] },
  build: { target: "es2022" },
});
