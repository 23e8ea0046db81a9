/** Finds a Chromium and the flags it needs to run our page without a window. */

import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * Path of a Chromium, or null: $CHROMIUM, /usr/bin/chromium, then the usual names on the PATH.
 * @returns {string | null}
 */
export function findChromium() {
  const wished = process.env.CHROMIUM;
  if (wished) return which(wished);
  return which("/usr/bin/chromium") ?? NAMES.map(which).find((path) => path !== null) ?? null;
}

/**
 * Flags for a headless run. The software adapter is offered only where WebGPU was asked for: with
 * `auto` it would be passed over anyway, and a machine with a graphics card keeps its own adapter.
 * @param {{ software: boolean }} options
 */
export function flags({ software }) {
  return [
    // Chromium's sandbox refuses to start as root.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "--enable-unsafe-webgpu",
    ...(software ? ["--use-webgpu-adapter=swiftshader"] : ["--ignore-gpu-blocklist"]),
    "--disable-dev-shm-usage",
  ];
}

/** @param {string} name */
function which(name) {
  const paths = isAbsolute(name) ? [name] : (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
  return (
    paths.find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }) ?? null
  );
}
