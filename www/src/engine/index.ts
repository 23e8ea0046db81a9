/** The public face of the engine: what the npm package `tintype` will export. */

export { AXES, axis, inputAxis, type Axis, type AxisName, type AxisValue, type InputPlace } from "./batch/axes";
export { bulk, readRows, type Row, type RowResult } from "./batch/bulk";
export { drawGrids } from "./batch/grid";
export { matrixAxes, matrixPrompts, type MatrixOptions } from "./batch/matrix";
export { cells, runCells, type Cell, type CellResult } from "./batch/sweep";
export { numberAfter, shortest, wholeOf } from "./control";
export { Engine, open, type EngineOptions, type Opened, type RunRequest } from "./engine";
export { isAbort, TintypeError, type NodeErrors, type NodeRef } from "./errors";
export {
  DEFAULTS,
  FAST,
  FINE,
  randomSeed,
  type GenerateOptions,
  type GenerateResult,
  type LoraUse,
  type Preview,
  type Settings,
} from "./generate";
export { Graph, type ApiGraph, type ApiNode } from "./graph";
export type { History, HistoryEntry } from "./history";
export { parse, stringify, type Json } from "./json";
export { isModelName, type AddModelOptions, type FolderModels, type ModelFile } from "./library";
export type { Handle, In, Nodes, Output, SamplerName, SchedulerName } from "./nodes";
export type { ImagesEditRequest, ImagesGenerateRequest, ImagesResponse } from "./openai";
export type { ImageStreamEvent } from "./openai_stream";
export type { Delivery, SendOptions } from "./outbox";
export { hasFlags, seedInputs, type ExpandedPrompt, type MidjourneyBase, type MidjourneyPrompt, type Wildcards } from "./prompts";
export { fillGraph, fillRepaint, fillUpscale, type Pad, type Recipe, type Repainting, type Source } from "./recipe";
export type {
  App,
  Build,
  Desktop,
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
  FilePlan,
  Plan,
  PromptLength,
  Precision,
  Previews,
  StepPlan,
  QueuedRun,
  ResultFile,
  RunQueue,
  RunResult,
  WeightFormat,
} from "./types";
