import { defineConfig } from "@playwright/test";

import { findChromium, flags } from "./scripts/chromium.mjs";

const executablePath = findChromium();

const chromium = {
  launchOptions: {
    ...(executablePath === null ? {} : { executablePath }),
    args: flags({ software: true }),
  },
  screenshot: "only-on-failure",
} as const;

export default defineConfig({
  testDir: "test",
  outputDir: "test-results",
  // The engine's thread is most of what a test waits for. What measures time is `@alone`, and Firefox waits for too long beside
  // another browser: `npm test` runs both by themselves afterwards.
  workers: 2,
  forbidOnly: true,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  projects: [
    { name: "unit", testDir: "test/unit" },
    // The WebGPU engine in Node.
    { name: "node", testDir: "test/node" },
    // Requests to a service worker could not be answered by a test; offline.spec.ts allows it again.
    { name: "browser", testDir: "test/browser", use: { ...chromium, serviceWorkers: "block" } },
    // Firefox by puppeteer: Playwright drives only a Firefox of its own making.
    { name: "firefox", testDir: "test/firefox" },
    // The npm package that `make package` writes: the widget on pages, the engine in Node.
    { name: "package", testDir: "test/package", timeout: 60_000, use: chromium },
    // The same, installed into fresh projects: needs the npm registry.
    { name: "install", testDir: "test/install", use: chromium },
  ],
});
