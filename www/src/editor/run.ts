/** How a graph is run: by the engine at once, or in the queue of the page that the editor is on. */

import type { ApiGraph, RunRequest, RunResult } from "../engine/index";

/** Runs a graph; `title` says what it is to whoever lists it. */
export type RunGraph = (graph: ApiGraph, request: RunRequest & { title: string }) => Promise<RunResult>;
