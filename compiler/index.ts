/**
 * The compiler as a library: text in; checked models, plans, kernels and diagnostics out. It is
 * pure and needs nothing that only Node has, so it runs in a page, too. Files are the caller's to
 * read and write.
 */

export type {
  CompiledModel,
  Plan,
  PlanInput,
  PlanKernel,
  PlanOutput,
  PlanPhase,
  PlanState,
  PlanStep,
  PlanWeight,
  Size,
} from "../runtime/contract.ts";
export {
  type Diagnostic,
  format,
  type JsonDiagnostic,
  type JsonLabel,
  type Label,
  render as renderDiagnostics,
  type Severity,
  type Source,
  type Span,
  toJson as diagnosticsToJson,
} from "../grammar/index.ts";
export {
  type Checked,
  type CheckedModel,
  type Compiled,
  type CompileOptions,
  checkModel,
  compileFor,
  kernelFiles,
} from "./compile.ts";
export type { Graph, Node, ValueId } from "./graph/graph.ts";
export { printGraph } from "./graph/print.ts";
export { type Family, type Target, targets } from "./kernel/target.ts";
export type { Phase, Phases, State } from "./phase/phase.ts";
export { emitModel, type Plans } from "./plan/emit/emit.ts";
