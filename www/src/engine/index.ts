/** The public face of the engine: what the npm package `tintype` will export. */

export { Engine, open, type EngineOptions, type RunRequest } from "./engine";
export { isAbort, TintypeError, type NodeErrors, type NodeRef } from "./errors";
export {
  DEFAULTS,
  randomSeed,
  type GenerateOptions,
  type GenerateResult,
  type Preview,
  type Settings,
} from "./generate";
export { Graph, type ApiGraph, type ApiNode } from "./graph";
export type { History, HistoryEntry } from "./history";
export type { Handle, In, Nodes, Output, SamplerName, SchedulerName } from "./nodes";
export type { ImagesGenerateRequest, ImagesResponse } from "./openai";
export type {
  DeviceInfo,
  DeviceWish,
  EngineEvent,
  EngineEvents,
  ImageArray,
  InputSpec,
  LatentArray,
  NodeDefinition,
  NodeInfo,
  NodeProgress,
  NodeValue,
  ObjectInfo,
  QueuedRun,
  ResultFile,
  RunQueue,
  RunResult,
} from "./types";
