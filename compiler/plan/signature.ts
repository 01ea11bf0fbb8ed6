/**
 * What a region computes, as text, with everything that may differ between regions of one kernel left
 * out: which values, weights and states it reads, what its axes are called, and how run-time sizes
 * come about. Regions with equal signatures have equal kernels, so each signature is lowered once.
 */

import {
  type BufferSource,
  makesItsResult,
  type Region,
  resultsOf,
  sourceKey,
} from "../fusion/region.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { rowsRise } from "../graph/rising-rows.ts";
import { asConstant, type Dimension, equalDimensions, symbol } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { pageTable } from "../../runtime/contract.ts";
import { sourceOf } from "../kernel/lower/read.ts";

/** A region's signature, and what its kernel may bind, in an order that equal signatures share. */
export interface Signature {
  readonly text: string;
  readonly sources: readonly BufferSource[];
  /** The run-time sizes, each once, in an order that equal signatures share. */
  readonly sizes: readonly Dimension[];
}

/** The symbol that stands for a signature's run-time size `index` in its kernel. */
export function sizeSymbol(index: number): Dimension {
  return symbol(index === 0 ? "rows" : `rows_${index + 1}`);
}

/** The signature of a region. */
export function signatureOf(
  graph: Graph,
  stored: (value: ValueId) => boolean,
  region: Region,
): Signature {
  const axes = new Map<string, string>();
  const seen = new Map<ValueId, string>();
  const sources: BufferSource[] = [];
  const parts: string[] = [];
  const sizes: Dimension[] = [];
  const made = new Set(
    resultsOf(region).flatMap((each) => (makesItsResult(each) ? [each.result] : [])),
  );
  if (makesItsResult(region)) made.add(region.root);

  const sizeText = (size: Dimension): string => {
    if (asConstant(size) !== undefined) return size.key;
    let index = sizes.findIndex((each) => equalDimensions(each, size));
    if (index < 0) index = sizes.push(size) - 1;
    return sizeSymbol(index).key;
  };

  const axisName = (axis: string): string => {
    const before = axes.get(axis);
    if (before !== undefined) return before;
    const name = `a${axes.size}`;
    axes.set(axis, name);
    const segments = graph.axes.get(axis)?.segments ?? [];
    const rows = segments.map((each) => `${each.name}=${sizeText(sizeOf(graph, each.axis))}`);
    parts.push(`${name}=${sizeText(sizeOf(graph, axis))}{${rows.join()}}`);
    return name;
  };
  const canonical = (value: unknown): unknown => {
    if (typeof value === "string") return graph.axes.has(value) ? axisName(value) : value;
    if (Array.isArray(value)) return value.map(canonical);
    if (typeof value !== "object" || value === null) return value;
    if (isDimension(value)) return sizeText(value);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, canonical(each)]));
  };
  const typeText = (id: ValueId): string => {
    const { type } = nodeAt(graph, id);
    return `${type.element}[${type.axes.map(axisName).join()}]`;
  };
  const visit = (id: ValueId): string => {
    const before = seen.get(id);
    if (before !== undefined) return before;
    const name = `v${seen.size}`;
    seen.set(id, name);
    const node = nodeAt(graph, id);
    const source = sourceOf({ graph, stored }, id);
    if (source !== undefined && !(made.has(id) && source.kind === "value")) {
      sources.push(source, ...tableOf(node.op));
      parts.push(`${name}:${source.kind} ${typeText(id)}${cacheText(graph, id)}`);
      return name;
    }
    const args = node.args.map(visit);
    parts.push(`${name}:${JSON.stringify(canonical(node.op))}(${args.join()}) ${typeText(id)}`);
    return name;
  };

  const root = visit(region.root);
  const steps = region.steps?.map((each) => `${visit(each.root)} ${visit(each.result)}`);
  parts.push(`${region.kind} ${root} ${steps?.join() ?? ""}`.trimEnd());
  for (const { result, store } of resultsOf(region)) {
    const rows = JSON.stringify(canonical(store.rows));
    const target = sources.findIndex((source) => sameSource(source, store.target));
    const to = `${typeText(store.value)}${cacheText(graph, store.value)}`;
    const at = `${store.target.kind} ${target} ${rows} ${to}`;
    parts.push(`${visit(result)} -> ${at}`);
    sources.push(store.target, ...tableOf(nodeAt(graph, store.value).op));
  }
  return { text: parts.join("\n"), sources, sizes };
}

/** What a kernel may rely on of a cache, beside its type. */
function cacheText(graph: Graph, id: ValueId): string {
  const { op } = nodeAt(graph, id);
  if (op.kind !== "append") return "";
  const { ring, pages } = op;
  const rises = rowsRise(graph, op.into, id, undefined) ? " numbered" : "";
  const slots = ring === undefined ? "" : ` in ${ring} slots`;
  return `${rises}${slots}${pages === undefined ? "" : ` in pages of ${pages}`}`;
}

/** What must be bound besides a cache in pages. */
function tableOf(op: Op): readonly BufferSource[] {
  const isPaged = op.kind === "append" && op.pages !== undefined;
  return isPaged ? [{ kind: "state", name: pageTable }] : [];
}

function isDimension(value: object): value is Dimension {
  return "key" in value && "terms" in value && "opaque" in value;
}

/** Whether two sources are the same memory. */
export function sameSource(a: BufferSource, b: BufferSource): boolean {
  return sourceKey(a) === sourceKey(b);
}
