/**
 * What a region computes, as text, with everything that may differ between equal layers left out:
 * which values, weights and states it reads, and what its axes are called. Regions with equal
 * signatures have equal kernels, so each signature is lowered once.
 */

import type { BufferSource, Region } from "../fusion/region.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { sourceOf } from "../kernel/lower/read.ts";

/** A region's signature, and what its kernel may bind, in an order that equal signatures share. */
export interface Signature {
  readonly text: string;
  readonly sources: readonly BufferSource[];
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

  const axisName = (axis: string): string => {
    const before = axes.get(axis);
    if (before !== undefined) return before;
    const name = `a${axes.size}`;
    axes.set(axis, name);
    const segments = graph.axes.get(axis)?.segments ?? [];
    const rows = segments.map((each) => `${each.name}=${sizeOf(graph, each.axis).key}`);
    parts.push(`${name}=${sizeOf(graph, axis).key}{${rows.join()}}`);
    return name;
  };
  const canonical = (value: unknown): unknown => {
    if (typeof value === "string") return graph.axes.has(value) ? axisName(value) : value;
    if (Array.isArray(value)) return value.map(canonical);
    if (typeof value !== "object" || value === null) return value;
    if ("key" in value && "terms" in value) return value.key;
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
    const computed = id === region.root || id === region.result;
    if (source !== undefined && !(computed && source.kind === "value")) {
      sources.push(source);
      parts.push(`${name}:${source.kind} ${typeText(id)}`);
      return name;
    }
    const args = node.args.map(visit);
    parts.push(`${name}:${JSON.stringify(canonical(node.op))}(${args.join()}) ${typeText(id)}`);
    return name;
  };

  const result = visit(region.result);
  const root = visit(region.root);
  const rows = JSON.stringify(canonical(region.store.rows ?? null));
  parts.push(`${region.kind} ${root} ${result} -> ${region.store.target.kind} ${rows}`);
  parts.push(typeText(region.store.value));
  sources.push(region.store.target);
  return { text: parts.join("\n"), sources };
}

/** Whether two sources are the same memory. */
export function sameSource(a: BufferSource, b: BufferSource): boolean {
  if (a.kind !== b.kind) return false;
  return "name" in a ? "name" in b && a.name === b.name : !("name" in b) && a.value === b.value;
}
