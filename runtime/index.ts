/**
 * The runtime: what an emitted model, a page or a script needs to run a compiled model.
 *
 * From the top: an `Assistant` answers questions in words about images; a `Conversation` answers in
 * tokens; a `Session` runs phases on tensors; a `Backend` runs kernels. Each stands on the next and
 * can be used without those above it. All of this runs in browsers, Deno and Node;
 * `braid/runtime/node` adds folders on a disk and WebGPU in Node.
 */

export { Assistant, type AskOptions } from "./assistant.ts";
export type { Backend, Progress } from "./backend.ts";
export * from "./call-builder.ts";
export {
  type BackendName,
  backendNames,
  type ChosenBackend,
  chooseBackend,
  type GpuSource,
  platformGpu,
} from "./choose.ts";
export type * from "./contract.ts";
export { type CpuBackend, type CpuOptions, createCpuBackend } from "./cpu/backend.ts";
export { BraidError, type ErrorCode, InvariantError } from "./errors.ts";
export {
  Conversation,
  type EndReason,
  type GenerationEvent,
  type TextSource,
  type Turn,
} from "./generate.ts";
export { decodeImage } from "./image/decode.ts";
export { openPreprocess } from "./image/open.ts";
export { type ImageTensor, preprocess } from "./image/preprocess.ts";
export type { Inputs } from "./inputs.ts";
export { fetchFile, loadKernels, type ReadFile } from "./kernel-files.ts";
export type { LoadProgress } from "./load.ts";
export { type LoadOptions, type ModelFiles, openModel, pick } from "./open-model.ts";
export type { OutputTensor } from "./outputs.ts";
export type { Conversations } from "./paged-caches.ts";
export * from "./plan-builder.ts";
export { seededRandom } from "./random.ts";
export { greedy, type Random, type SampleOptions, sample } from "./sample.ts";
export {
  type MemoryUse,
  type Outputs,
  Session,
  type SessionOptions,
} from "./session.ts";
export {
  type FloatTensor,
  floats,
  type HostTensor,
  type IntegerTensor,
  integers,
} from "./tensor.ts";
export { openText, type TextSide } from "./text/open.ts";
export { type SplitPrompt, splitPlaceholders } from "./text/placeholders.ts";
export { Trace, type TraceEvent } from "./trace.ts";
export { createWebGpuBackend } from "./webgpu/backend.ts";
export {
  checkpointWeights,
  memoryWeights,
  type WeightSink,
  type WeightSource,
} from "./weight-source.ts";
export { type Checkpoint, openCheckpoint } from "./weights/checkpoint.ts";
export { checkConfig } from "./weights/config.ts";
export { type Folder, fetchFolder, memoryFolder, readSettings } from "./weights/folder.ts";
export { matchWeights, unreadNote, type WeightMatch } from "./weights/match.ts";
export type { PhaseTiming } from "./timings.ts";
