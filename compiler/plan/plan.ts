/**
 * Phases → plan: fuses each phase, lowers what is new, gives buffers their lifetimes, finds equal
 * layers, and lists everything that the runtime must load or be told.
 */

import type {
  Plan,
  PlanInput,
  PlanKernel,
  PlanPhase,
  PlanState,
  PlanStep,
  PlanSymbol,
  PlanWeight,
} from "../../runtime/contract.ts";
import { dynamicSharedBytes } from "../codegen/cuda/shared.ts";
import { invariant } from "../../grammar/invariant.ts";
import { type Graph, nodeAt, sizeOf as axisSize } from "../graph/graph.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { subgroupsOf } from "../kernel/passes/across.ts";
import { matrixElements } from "../kernel/passes/blocks.ts";
import type { Setting } from "../kernel/lower/context.ts";
import type { Storage, Target } from "../kernel/target.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, evaluateDimension, productOf, symbolsOf } from "../op/dimension.ts";
import type { TensorType } from "../op/type.ts";
import type { Phase, Phases, State } from "../phase/phase.ts";
import { type StoredElements, storedElements } from "./elements.ts";
import { planGeneration } from "./generation.ts";
import { KernelTable, type LoweringOptions } from "./kernels.ts";
import { weightLayouts } from "./layouts.ts";
import { weightPacks } from "./packs.ts";
import { lifetimes } from "./lifetimes.ts";
import { findLoops, type LoopedStep } from "./loops.ts";
import type { PreparedPhase } from "./prepare.ts";
import { sizeOf } from "./size.ts";
import { withSizingInputs } from "./sizing-inputs.ts";
import { ConstantTable, type FlatStep, flatSteps } from "./steps.ts";

/** A plan and the kernels it calls, not yet printed. */
export interface Planned {
  readonly plan: Plan;
  readonly kernels: readonly Kernel[];
  /** The schedules of attentions, which decide what masks save tile by tile. */
  readonly attentionSchedule: KernelTable["attentionSchedule"];
}

/** Plans the phases of `graph`, which were prepared in that order, for `target`. */
export function makePlan(
  graph: Graph,
  split: Phases,
  prepared: readonly PreparedPhase[],
  target: Target,
  options?: LoweringOptions,
): Planned {
  const kernels = kernelTable(graph, prepared, target, options);
  const { layouts, packs, elements } = kernels;
  const constants = new ConstantTable();
  const states = split.states.map((state) => planState(state, split, elements));
  const inputs = planInputs(graph);
  const planned = prepared.map((each) => planPhase(each, kernels, constants));
  const phases = withSizingInputs({ phases: planned, states }, inputs);
  const used = new Set(
    split.phases.flatMap((phase) =>
      phase.graph.nodes.flatMap(({ op }) => (op.kind === "weight" ? [op.name] : [])),
    ),
  );
  const given = new Set(phases.flatMap((phase) => phase.inputs));
  const needed = inputs.filter(({ name }) => given.has(name));
  const generation = planGeneration(graph, split);
  const plan: Plan = {
    version: 1,
    model: graph.name,
    target: target.family,
    symbols: planSymbols(needed, split),
    weights: planWeights(graph, used, { layouts, packs, element: elements.weights }),
    constants: constants.constants,
    inputs: needed,
    segments: planSegments(graph),
    states,
    ...planPages(split),
    phases,
    kernels: kernels.kernels.map((kernel) => planKernel(kernel, target)),
    ...(generation === undefined ? {} : { generation }),
    configChecks: graph.configChecks.map(({ key, value }) => ({ key, value })),
  };
  return {
    plan,
    kernels: kernels.kernels,
    attentionSchedule: (...attention) => kernels.attentionSchedule(...attention),
  };
}

/** The table that lowers the kernels of `graph`, whose phases are `prepared`. */
export function kernelTable(
  graph: Graph,
  prepared: readonly PreparedPhase[],
  target: Target,
  options?: LoweringOptions,
): KernelTable {
  const layouts = weightLayouts(prepared, target);
  const packs = weightPacks(graph, prepared, target);
  const elements = storedElements(prepared, target);
  return new KernelTable(target, elements, { layouts, packs }, prepared, options);
}

/** Phases by themselves, for CUDA: whoever calls them gives them what they need. */
export function planPhases(
  prepared: readonly PreparedPhase[],
  target: Target,
): Pick<Plan, "phases" | "kernels" | "constants"> & { readonly code: readonly Kernel[] } {
  const elements = storedElements(prepared, target);
  const weights = { layouts: new Map(), packs: new Map() };
  const kernels = new KernelTable(target, elements, weights, prepared);
  const constants = new ConstantTable();
  const phases = prepared.map((each) => planPhase(each, kernels, constants));
  const code = kernels.kernels;
  const called = code.map((kernel) => planKernel(kernel, target));
  return { phases, kernels: called, constants: constants.constants, code };
}

/** How a kernel is called. */
export function planKernel(kernel: Kernel, { family }: Target): PlanKernel {
  const { name, buffers, scalars, workgroupSize, arrays, rowBlocks } = kernel;
  const sharedBytes = family === "cuda" ? dynamicSharedBytes(arrays) : 0;
  const subgroups = subgroupsOf(kernel);
  const matrices = matrixElements(kernel);
  return {
    ...{ name, buffers, scalars, workgroupSize },
    ...(rowBlocks !== undefined && { rowBlocks }),
    ...(sharedBytes > 0 && { sharedBytes }),
    ...(subgroups !== undefined && { subgroups }),
    ...(matrices.length > 0 && { matrices }),
  };
}

function planPhase(
  prepared: PreparedPhase,
  kernels: KernelTable,
  constants: ConstantTable,
): PlanPhase {
  const { phase, copies } = prepared;
  const { graph } = phase;
  const flat = flatSteps(prepared, kernels, constants);
  const temporaries = new Map(flat.temporaries);
  const looped = findLoops(flat.steps, temporaries);
  const steps = looped.map(planStep);
  return {
    name: phase.name,
    kind: phase.kind,
    doc: phase.doc,
    inputs: phase.inputs,
    reads: phase.reads,
    writes: writtenStates(phase),
    outputs: graph.outputs.map(({ name, value }) => ({
      name,
      ...planTensor(graph, nodeAt(graph, value).type),
    })),
    buffers: lifetimes(looped, temporaries),
    steps: [...steps, ...copies.map((copy) => copyStep(prepared, copy, kernels.elements))],
  };

  function writtenStates(each: Phase): readonly string[] {
    const appended = each.graph.nodes.flatMap(({ op }) => (op.kind === "append" ? [op.state] : []));
    return [...new Set([...each.writes.map((write) => write.state), ...appended])];
  }
}

function copyStep(
  { phase, placed }: PreparedPhase,
  { value, to }: PreparedPhase["copies"][number],
  elements: StoredElements,
): PlanStep {
  const { graph } = phase;
  const from = placed.get(value);
  invariant(from !== undefined, "plan: a copied value is placed");
  const { axes } = nodeAt(graph, value).type;
  const size = sizeOf(productOf(axes.map((axis) => axisSize(graph, axis))));
  const element = elements.of(phase.name, { kind: "value", value });
  const plain = { kind: "copy", label: to.name, from, to, size, toOffset: 0 } as const;
  return element === "f32" ? plain : { ...plain, element };
}

function planStep(each: LoopedStep): PlanStep {
  if (each.kind === "step") return dispatch(each.step);
  const { count, tables, steps } = each;
  return { kind: "repeat", count, tables, steps: steps.map(dispatch) };
}

function dispatch({ label, call, buffers, measures }: FlatStep): PlanStep {
  const [from] = buffers;
  if (measures !== undefined && from !== undefined)
    return { kind: "measure", label, ...measures, from };
  const flops = call.variants.at(-1)?.flops ?? 0;
  return {
    kind: "dispatch",
    label,
    variants: call.variants,
    buffers,
    scalars: call.scalars,
    flops,
  };
}

function planTensor(
  graph: Graph,
  type: TensorType,
): { element: "f32" | "i32"; axes: readonly { label: string; size: ReturnType<typeof sizeOf> }[] } {
  return {
    element: type.element === "float" ? "f32" : "i32",
    axes: type.axes.map((axis) => ({
      label: graph.axes.get(axis)?.label ?? axis,
      size: sizeOf(axisSize(graph, axis)),
    })),
  };
}

function planState(state: State, split: Phases, elements: StoredElements): PlanState {
  const phase = split.phases.find((each) => each.name === state.phase);
  invariant(phase !== undefined, `plan: the state ${state.name} has a phase`);
  const { element, axes } = planTensor(phase.graph, state.type);
  const { name, kind, ring } = state;
  const stored = element === "f32" ? elements.ofState(name) : element;
  return {
    name,
    kind,
    element: stored,
    axes,
    phase: state.phase,
    ...(ring === undefined ? {} : { ring }),
  };
}

/** The rows of a page, where caches lie in pages. */
function planPages({ phases }: Phases): Pick<Plan, "pages"> {
  const nodes = phases.flatMap((phase) => phase.graph.nodes);
  const [pages] = nodes.flatMap(({ op }) => (op.kind === "append" ? (op.pages ?? []) : []));
  return pages === undefined ? {} : { pages };
}

function planWeights(
  graph: Graph,
  used: ReadonlySet<string>,
  { layouts, packs, element }: Pick<Setting, "layouts" | "packs"> & { readonly element: Storage },
): readonly PlanWeight[] {
  return [...graph.weights.values()]
    .filter((weight) => used.has(weight.name))
    .map((weight) => {
      const [layout, pack] = [layouts.get(weight.name), packs.get(weight.name)];
      return {
        name: weight.name,
        alternatives: weight.alternatives,
        shape: weight.axes.map((axis) => constantSize(graph, axis)),
        stacked: (weight.alternatives[0]?.length ?? 1) > 1,
        ...(layout === undefined ? {} : { layout }),
        ...(pack === undefined ? {} : { pack }),
        ...(element === "f32" || layout?.quantized !== undefined ? {} : { element }),
      };
    });
}

function constantSize(graph: Graph, axis: AxisName): number {
  return evaluateDimension(axisSize(graph, axis), new Map());
}

/** All inputs; a position input's segment and a token's vocabulary with them. */
function planInputs(graph: Graph): readonly PlanInput[] {
  return graph.inputs.map((input) => {
    const { element, axes } = planTensor(graph, input.type);
    const bound = input.role === "token" ? vocabularyOf(graph, input.name) : undefined;
    const segment = graph.sequences
      .flatMap((sequence) => graph.axes.get(sequence.axis)?.segments ?? [])
      .find((each) => input.role === "position" && each.axis === input.type.axes[0]);
    return {
      name: input.name,
      role: input.role,
      element,
      axes,
      ...(bound === undefined ? {} : { bound }),
      ...(segment === undefined ? {} : { segment: segment.name }),
    };
  });
}

/** The smallest constant axis that the tokens index. */
function vocabularyOf(graph: Graph, input: string): number | undefined {
  const sizes = graph.nodes.flatMap(({ op, args }) => {
    const index = args[1];
    if (op.kind !== "select" || op.padded || index === undefined) return [];
    const { op: source } = nodeAt(graph, index);
    if (source.kind !== "input" || source.name !== input) return [];
    return [asConstant(axisSize(graph, op.axis)) ?? Number.POSITIVE_INFINITY];
  });
  return sizes.length === 0 ? undefined : Math.min(...sizes);
}

/** Each symbol that is the whole size of an input's axis, those measured, `past` where caches grow. */
function planSymbols(inputs: readonly PlanInput[], split: Phases): readonly PlanSymbol[] {
  const symbols = new Map<string, PlanSymbol>();
  for (const input of inputs) {
    for (const [axis, { size }] of input.axes.entries()) {
      if (typeof size !== "string" || symbols.has(size)) continue;
      symbols.set(size, { name: size, source: { kind: "input", input: input.name, axis } });
    }
  }
  const past = split.phases.some((phase) =>
    [...phase.graph.axes.values()].some((axis) => symbolsOf(axis.size).has("past")),
  );
  if (past) symbols.set("past", { name: "past", source: { kind: "past" } });
  for (const { op } of split.phases.flatMap((phase) => phase.graph.nodes)) {
    if (op.kind !== "measure" || symbols.has(op.symbol)) continue;
    symbols.set(op.symbol, { name: op.symbol, source: { kind: "measured" } });
  }
  return [...symbols.values()];
}

function planSegments(graph: Graph): Plan["segments"] {
  return graph.sequences.flatMap(({ axis, placements }) =>
    placements.map((placement) => {
      const segment = graph.axes
        .get(axis)
        ?.segments.find((each) => each.name === placement.segment);
      invariant(segment !== undefined, `plan: the sequence ${axis} has ${placement.segment}`);
      return {
        name: placement.segment,
        positions: `position.${placement.segment}`,
        ...(placement.placeholder === undefined ? {} : { placeholder: placement.placeholder }),
        size: sizeOf(axisSize(graph, segment.axis)),
      };
    }),
  );
}
