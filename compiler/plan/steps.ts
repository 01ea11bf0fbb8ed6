/** A phase's regions as kernel calls whose buffers have names, one after another. */

import type { BufferReference, ElementType, PlanConstant, Size } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { type BufferSource, resultsOf } from "../fusion/region.ts";
import { type Graph, nodeAt, sizeOf as axisSize, type ValueId } from "../graph/graph.ts";
import { evaluateDimension, productOf } from "../op/dimension.ts";
import { tableText } from "../op/table-text.ts";
import type { Call, KernelTable } from "./kernels.ts";
import type { PreparedPhase } from "./prepare.ts";
import { sizeOf } from "./size.ts";

/** How the label of a call ends that finishes what another one of the same region left. */
export const combined = " combined";

/** One call of a kernel with its buffers. */
export interface FlatStep {
  readonly label: string;
  readonly call: Call;
  readonly buffers: readonly BufferReference[];
  /** No kernel is called: the only buffer is read back, and is what the symbol stands for. */
  readonly measures?: { readonly symbol: string; readonly most: Size };
}

/** A temporary of the phase. */
export interface Temporary {
  readonly name: string;
  readonly element: ElementType;
  readonly size: Size;
}

export interface FlatPhase {
  readonly steps: readonly FlatStep[];
  readonly temporaries: ReadonlyMap<string, Temporary>;
}

/** Tables by content, over all phases. */
export class ConstantTable {
  private readonly byContent = new Map<string, PlanConstant>();
  private readonly byList = new Map<readonly number[], string>();

  get constants(): readonly PlanConstant[] {
    return [...this.byContent.values()];
  }

  /** The name of the constant with the content of the table `id`. */
  nameOf(graph: Graph, id: ValueId): string {
    const { op, origin } = nodeAt(graph, id);
    invariant(op.kind === "table", "plan: a table");
    // Long texts to compare: the same list is met again and again.
    const known = this.byList.get(op.data);
    if (known !== undefined) return known;
    const shape = op.axes.map((axis) => evaluateDimension(axisSize(graph, axis), new Map()));
    const key = `${op.element}[${shape.join()}]${tableText(op.data)}`;
    const before = this.byContent.get(key);
    const name = before?.name ?? `${origin.name ?? "table"}_${this.byContent.size}`;
    this.byList.set(op.data, name);
    if (before !== undefined) return name;
    const element = op.element === "float" ? "f32" : "i32";
    this.byContent.set(key, { name, element, shape, data: op.data });
    return name;
  }
}

/** The steps of a phase. Stored values that do not leave it are temporaries. */
export function flatSteps(
  prepared: PreparedPhase,
  kernels: KernelTable,
  constants: ConstantTable,
): FlatPhase {
  const { phase, regions, placed } = prepared;
  const { graph } = phase;
  const temporaries = new Map<string, Temporary>();
  const names = new Map<ValueId, string>();
  const taken = new Map<string, number>();
  const unique = (label: string): string => {
    const wanted = label.replace(/[^A-Za-z0-9]+/g, "_");
    const count = (taken.get(wanted) ?? 0) + 1;
    taken.set(wanted, count);
    return count === 1 ? wanted : `${wanted}_${count}`;
  };
  const partials = new Map<ValueId, string>();
  const addPartial = (root: ValueId, size: number): void => {
    const name = unique(`${valueLabel(graph, root)} shares`);
    temporaries.set(name, { name, element: "f32", size });
    partials.set(root, name);
  };
  const partialOf = (root: ValueId): string => {
    const name = partials.get(root);
    invariant(name !== undefined, "plan: a kernel leaves something for the next one");
    return name;
  };
  const nameOf = (value: ValueId): string => {
    const before = names.get(value);
    if (before !== undefined) return before;
    const { type } = nodeAt(graph, value);
    const name = unique(valueLabel(graph, value));
    const size = sizeOf(productOf(type.axes.map((axis) => axisSize(graph, axis))));
    const storage = kernels.elements.of(phase.name, { kind: "value", value });
    temporaries.set(name, { name, element: type.element === "float" ? storage : "i32", size });
    names.set(value, name);
    return name;
  };
  const reference = (source: BufferSource): BufferReference => {
    switch (source.kind) {
      case "value":
        return placed.get(source.value) ?? { kind: "buffer", name: nameOf(source.value) };
      case "table":
        return { kind: "constant", name: constants.nameOf(graph, source.value) };
      case "partial":
        return { kind: "buffer", name: partialOf(source.value) };
      case "weight":
      case "input":
      case "state":
        return { kind: source.kind, name: source.name };
    }
  };
  const steps = regions.flatMap(({ region, signature }): readonly FlatStep[] => {
    const calls = kernels.calls(prepared, region, signature);
    const label = valueLabel(graph, region.result);
    const computed = calls.map((call, index): FlatStep => {
      if (call.partial !== undefined) addPartial(region.root, call.partial);
      const buffers = call.sources.map(reference);
      return { label: index === 0 ? label : `${label}${combined}`, call, buffers };
    });
    const measured = resultsOf(region).flatMap(({ store: { value } }) => measureOf(value));
    return [...computed, ...measured];
  });
  return { steps, temporaries };

  function measureOf(value: ValueId): readonly FlatStep[] {
    const { op } = nodeAt(graph, value);
    if (op.kind !== "measure") return [];
    const { symbol } = op;
    const key = `measure ${symbol}`;
    const call = { key, variants: [], sources: [], writes: [false], scalars: [] };
    const from = reference({ kind: "value", value });
    const measures = { symbol, most: sizeOf(op.most) };
    return [{ label: valueLabel(graph, value), call, buffers: [from], measures }];
  }
}

/** The value's path without layer numbers, and its name: `layers.self_attn.q`. */
function valueLabel(graph: Graph, value: ValueId): string {
  const { origin, op } = nodeAt(graph, value);
  const path = origin.path.split(".").filter((part) => part !== "" && !/^\d+$/.test(part));
  return [...path.slice(-2), origin.name ?? op.kind].join(".");
}
