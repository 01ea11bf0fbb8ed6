/** How much memory one kernel may bind, and which arguments of an attention it has to. */

import { attendArguments, type AttendOp } from "../op/op.ts";
import { dataUses, tableUses } from "../op/replace-data.ts";
import type { Node, ValueId } from "./graph.ts";

/** What every WebGPU device binds to one kernel. */
export const mostBuffers = 8;

/**
 * The arguments that a kernel of the attention reads: where a part is seen as a whole, or not at all,
 * neither positions nor token data say anything about it.
 */
export function boundArguments<T>(op: AttendOp, args: readonly T[]): readonly T[] {
  const { query, queryPosition, parts, data, sink } = attendArguments(op, args);
  const isScored = op.score !== undefined;
  const masks = op.parts.map(({ mask }) => mask);
  const isPlain = masks.map(({ kind }) => kind === "constant" && !isScored);
  const uses = masks.map(
    (mask) => new Set([...dataUses(mask).map(([index]) => index), ...tableUses(mask)]),
  );
  const wanted = (of: ReadonlyMap<number, T>, used: (index: number) => boolean): readonly T[] =>
    [...of].flatMap(([index, value]) => (isScored || used(index) ? [value] : []));
  return [
    query,
    ...(isPlain.every((each) => each) ? [] : [queryPosition]),
    ...parts.flatMap((part, at) => [
      ...[part.key, part.value],
      ...(isPlain[at] === true ? [] : [part.position]),
      ...wanted(part.data, (index) => uses[at]?.has(index) === true),
      ...(part.ranges?.values() ?? []),
    ]),
    ...wanted(data, (index) => uses.some((each) => each.has(index))),
    ...(sink === undefined ? [] : [sink]),
  ];
}

/** How many buffers a kernel binds that reads `args` and has one result: caches in pages have a table. */
export function buffersFor(nodeOf: (id: ValueId) => Node, args: readonly ValueId[]): number {
  const sources = sourcesOf(nodeOf, args);
  const isPaged = [...sources].some((id) => {
    const { op } = nodeOf(id);
    return op.kind === "append" && op.pages !== undefined;
  });
  return sources.size + 1 + (isPaged ? 1 : 0);
}

/** The values that `args` are, or show as views; indices aside, which are computed where they are read. */
export function sourcesOf(
  nodeOf: (id: ValueId) => Node,
  args: readonly ValueId[],
): ReadonlySet<ValueId> {
  return new Set(
    args
      .map((arg) => viewed(nodeOf, arg))
      .filter((id) => !["index", "constant", "size"].includes(nodeOf(id).op.kind)),
  );
}

/** What `id` shows: itself, unless it is a view. */
export function viewed(nodeOf: (id: ValueId) => Node, id: ValueId): ValueId {
  const { op, args } = nodeOf(id);
  const [source] = args;
  const isView = ["rename", "slice", "split", "merge"].includes(op.kind);
  return isView && source !== undefined ? viewed(nodeOf, source) : id;
}
