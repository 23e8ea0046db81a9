/** Events of the engine as the widget's progress. */

import type { EngineEvent } from "../engine/types";
import type { ProgressDetail } from "./events";

/** What an event says of how far it is; null if nothing. */
export function progressOf(event: EngineEvent): ProgressDetail | null {
  switch (event.type) {
    case "engine_progress":
      return of("engine", event.data.loaded, event.data.total);
    case "model_progress":
      return event.data.phase === "warmup" ? of("prepare", 0, 0) : of("model", event.data.loaded, event.data.total);
    case "execution_start":
      return of("prepare", 0, 0);
    case "progress":
      return of("step", event.data.value, event.data.max);
    default:
      return null;
  }
}

function of(phase: ProgressDetail["phase"], loaded: number, total: number): ProgressDetail {
  return { phase, loaded, total, fraction: total > 0 ? Math.min(1, loaded / total) : null };
}
