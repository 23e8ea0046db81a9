import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  base: "./",
  // Its worker and engines are files beside its scripts, which pre-bundling would move away from them.
  optimizeDeps: { exclude: ["tintype"] },
  build: { target: "es2022" },
});
