/** The place an engine runs in: what a page, the installed package and a program of Node do differently. */

import type { Remote } from "./protocol";
import type { Build } from "./types";

/** The two files of an engine, by address: its JavaScript and its wasm. */
export interface BuildFiles {
  module: string;
  wasm: string;
}

/** The engines that are built, by the names of their folders. */
export const BUILDS = ["cpu", "cpu-relaxed", "webgpu"] as const satisfies Build[];

/** The engines there are. */
export type Builds = Partial<Record<Build, BuildFiles>>;

/** The part of a web worker that is used; Node's threads are made to look like it. */
export interface EngineWorker {
  postMessage(message: unknown): void;
  terminate(): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  addEventListener(type: "error", listener: (event: ErrorEvent) => void): void;
  addEventListener(type: "messageerror", listener: () => void): void;
}

/** What an engine needs of the place it runs in. */
export interface Host {
  startWorker(): EngineWorker;
  builds: Builds;
  /** What relative addresses are relative to. */
  baseUrl: string;
  /** The folder with the models where nothing else is said. */
  modelsUrl: string;
  /** Model files that are there without being bundled, by path. */
  models?(): Promise<[path: string, file: Remote][]>;
}
