/**
 * The pipeline, read aloud: text → program → graph → phases → plan and kernels → code.
 *
 * Pure: files come through `resolve`, and what is made is returned.
 */

import type { Diagnostic } from "../grammar/diagnostic.ts";
import type { Source } from "../grammar/source.ts";
import { check } from "./check/check.ts";
import { kernelFile, printCuda, wasmFiles, wgslFiles } from "./codegen/index.ts";
import { elaborate } from "./elaborate/elaborate.ts";
import type { Graph } from "./graph/graph.ts";
import type { Target } from "./kernel/target.ts";
import { optimize } from "./optimize/optimize.ts";
import { splitPhases } from "./optimize/split-phases.ts";
import type { Phases } from "./phase/phase.ts";
import type { LoweringOptions } from "./plan/kernels.ts";
import { makePlan, type Planned } from "./plan/plan.ts";
import { type PreparedPhase, preparePhase } from "./plan/prepare.ts";

/** What to compile and for which values of the model's parameters. */
export interface CompileOptions {
  /** The text of an imported file, or undefined if there is none; `std/…` is built in. */
  readonly resolve?: (from: string, importer: string) => Source | undefined;
  /** The model to compile; the first one of the file if absent. */
  readonly model?: string;
  /** Values for the model's dims, by name. */
  readonly dims?: ReadonlyMap<string, number>;
  /** Expressions for the model's other parameters, as text: `sees` → `causal and window(128)`. */
  readonly parameters?: ReadonlyMap<string, string>;
  /** Rows of a page, a multiple of 4, where caches are to lie in pages. */
  readonly pages?: number;
  /** A file without a model is a mistake; else its masks and blocks are fine by themselves. */
  readonly needsModel?: boolean;
}

/** A model that has no mistakes, before kernels are made. */
export interface CheckedModel {
  /** As written. */
  readonly graph: Graph;
  /** With everything applied that its masks imply for all entry points. */
  readonly optimized: Graph;
  readonly phases: Phases;
}

/** The plan and the kernels of a model for one target. */
export interface Compiled extends Planned {
  readonly target: Target;
}

/** The result of a stage that may find mistakes: no value if there is an error, or no model. */
export interface Checked<T> {
  readonly value: T | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Text → checked model. */
export function checkModel(source: Source, options: CompileOptions = {}): Checked<CheckedModel> {
  const { program, diagnostics: found } = elaborate(source, options.resolve ?? (() => undefined));
  const { graph, diagnostics } = check(program, options);
  const before = [...found, ...diagnostics];
  if (graph === undefined) return { value: undefined, diagnostics: before };
  const optimized = optimize(graph);
  const { pages } = options;
  const phases = splitPhases(optimized, pages === undefined ? {} : { pages }, graph);
  const all = [...before, ...phases.diagnostics];
  const failed = all.some((each) => each.severity === "error");
  return { value: failed ? undefined : { graph, optimized, phases }, diagnostics: all };
}

/** Checked model → its phases in regions, which all targets share. */
export function prepare(model: CheckedModel): readonly PreparedPhase[] {
  return model.phases.phases.map(preparePhase);
}

/**
 * The same without what answers do not need: `forward`, where the model generates. Weights that only
 * `forward` reads stay part of the plan.
 */
export function prepareAnswers(model: CheckedModel): readonly PreparedPhase[] {
  const generates = model.graph.generation !== undefined;
  const { phases } = model.phases;
  return phases.filter(({ kind }) => !generates || kind !== "forward").map(preparePhase);
}

/** Checked model → plan and kernels for `target`, lowered as `options` say. */
export function compileFor(
  model: CheckedModel,
  target: Target,
  prepared: readonly PreparedPhase[] = prepare(model),
  options?: LoweringOptions,
): Compiled {
  return { target, ...makePlan(model.graph, model.phases, prepared, target, options) };
}

/** The code of the kernels by file name, `kernels/q_proj.wgsl` and the like. */
export function kernelFiles({
  target,
  kernels,
}: Compiled): ReadonlyMap<string, string | Uint8Array> {
  if (target.family === "cpu") return new Map(wasmFiles(kernels));
  return new Map(
    kernels.flatMap((kernel): (readonly [string, string])[] => [
      ...wgslFiles(kernel),
      [kernelFile(kernel.name, "cu"), printCuda(kernel)],
    ]),
  );
}
