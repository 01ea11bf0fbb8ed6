/** Removes rows and reshapes that are made only to be taken apart again. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import { add, constant, type Dimension, equalDimensions, sumOf } from "../op/dimension.ts";
import type { OpOf } from "../op/op.ts";
import { equalTypes, type TensorType } from "../op/type.ts";
import { isWholeSlice, partOf } from "./join-parts.ts";
import { pushSlice, type Rows, type SliceMoves, slicedOnly } from "./push-slice.ts";

/**
 * Looks through views:
 *
 * - a rename of a rename is one rename, or none; a slice of a slice is one slice; a slice of all
 *   rows is a rename;
 * - a slice of a join that is one of its parts, or lies in one, reads that part only, and one that
 *   is several parts is a smaller join; a join of adjacent slices of a value is a slice of it;
 * - `split` undoes `merge` and the reverse; a constant row of a stack is that operand;
 * - a slice goes before operations that treat its axis as a batch axis, so that `x.text` of a joined
 *   sequence does not compute the other segments: always through renames and joins, which cost
 *   nothing, and through the rest only if nothing reads other rows, so that no work is done twice
 *   or in two halves.
 *
 * Sound because each rule moves the same numbers, and an operation is independent along a batch
 * axis. A rule applies only where it gives the same type, order of axes included. Needs scalar
 * indices to be folded to constants; leaves what it looked through to `removeDead`, and equal slices
 * to `share`. Narrowing that starts from what a mask implies is not done here.
 */
export function simplifyViews(graph: Graph): Graph {
  const only = slicedOnly(graph);
  const movable = new Map<ValueId, Rows>();
  const built = new Map<string, ValueId>();
  return rewriteGraph(graph, "simplifyViews", (node, old, builder) => {
    const id = simplify(node, { builder, movable, built }) ?? builder.append(node);
    const rows = only[old];
    if (rows !== undefined) movable.set(id, rows);
    return id;
  });
}

function simplify(node: Node, moves: SliceMoves): ValueId | undefined {
  const { builder } = moves;
  const [x] = node.args;
  if (x === undefined) return undefined;
  const { op } = node;
  switch (op.kind) {
    case "rename":
      return simplifyRename(op, x, node, builder);
    case "slice":
      return simplifySlice(op, x, node, moves);
    case "join":
      return simplifyJoin(op, x, node, moves);
    case "split":
      return ofType(node.type, undoMerge(op, x, builder), builder);
    case "merge":
      return ofType(node.type, undoSplit(op, x, node, builder), builder);
    case "select":
      return ofType(node.type, rowOfStack(op, node, builder), builder);
    default:
      return undefined;
  }
}

function ofType(
  type: TensorType,
  id: ValueId | undefined,
  builder: GraphBuilder,
): ValueId | undefined {
  return id !== undefined && equalTypes(builder.typeOf(id), type) ? id : undefined;
}

function simplifyRename(
  op: OpOf<"rename">,
  x: ValueId,
  node: Node,
  builder: GraphBuilder,
): ValueId | undefined {
  if (op.from === op.to) return x;
  const inner = builder.nodeOf(x);
  const [source] = inner.args;
  if (inner.op.kind !== "rename" || inner.op.to !== op.from || source === undefined)
    return undefined;
  if (inner.op.from === op.to) return source;
  return builder.node({ ...op, from: inner.op.from }, [source], node.origin);
}

function simplifySlice(
  op: OpOf<"slice">,
  x: ValueId,
  node: Node,
  moves: SliceMoves,
): ValueId | undefined {
  const { builder } = moves;
  if (isWholeSlice(op, builder)) {
    if (op.axis === op.into) return x;
    return builder.node({ kind: "rename", from: op.axis, to: op.into }, [x], node.origin);
  }
  const inner = builder.nodeOf(x);
  const [source] = inner.args;
  if (inner.op.kind === "slice" && inner.op.into === op.axis && source !== undefined) {
    const start = sumOf([inner.op.start, op.start]);
    const merged = { ...op, axis: inner.op.axis, start };
    return simplifyNew(builder.node(merged, [source], node.origin), moves);
  }
  const part = partOf(op, inner, node, builder);
  if (part !== undefined) return ofType(node.type, simplifyNew(part, moves), builder);
  return pushSlice({ op, x, type: node.type, origin: node.origin }, moves, (id) =>
    simplifyNew(id, moves),
  );
}

/** Simplifies a node that a rule has just made; itself if there is nothing to simplify. */
function simplifyNew(id: ValueId, moves: SliceMoves): ValueId {
  return simplify(moves.builder.nodeOf(id), moves) ?? id;
}

/** A join of one part; or adjacent slices of one value, joined again. */
function simplifyJoin(
  op: OpOf<"join">,
  x: ValueId,
  node: Node,
  moves: SliceMoves,
): ValueId | undefined {
  const { builder } = moves;
  const [part, another] = op.parts;
  if (part !== undefined && another === undefined && builder.typeOf(x).axes.includes(part)) {
    const rename = { kind: "rename", from: part, to: op.into } as const;
    return part === op.into ? x : builder.node(rename, [x], node.origin);
  }
  const first = builder.nodeOf(x);
  const [source] = first.args;
  if (first.op.kind !== "slice" || source === undefined) return undefined;
  const { axis, start } = first.op;
  if (!areAdjacent(op, node, { source, axis, start }, builder)) return undefined;
  if (axis !== op.into && builder.typeOf(source).axes.includes(op.into)) return undefined;
  const whole = { kind: "slice", axis, start, into: op.into } as const;
  const sliced = builder.node(whole, [source], node.origin);
  return ofType(node.type, simplifyNew(sliced, moves), builder);
}

/** Whether the operands of a join are slices of one value, each starting where the last one ends. */
function areAdjacent(
  op: OpOf<"join">,
  node: Node,
  from: { readonly source: ValueId; readonly axis: AxisName; readonly start: Dimension },
  builder: GraphBuilder,
): boolean {
  let next = from.start;
  return node.args.every((arg, i) => {
    const slice = builder.nodeOf(arg);
    if (slice.op.kind !== "slice" || slice.args[0] !== from.source) return false;
    if (slice.op.axis !== from.axis || slice.op.into !== op.parts[i]) return false;
    if (!equalDimensions(slice.op.start, next)) return false;
    next = add(next, builder.axis(slice.op.into)?.size ?? constant(0));
    return true;
  });
}

function undoMerge(op: OpOf<"split">, x: ValueId, builder: GraphBuilder): ValueId | undefined {
  const inner = builder.nodeOf(x);
  const [source] = inner.args;
  if (inner.op.kind !== "merge" || inner.op.into !== op.axis || source === undefined)
    return undefined;
  return renameAll(source, inner.op.axes, op.into, inner, builder);
}

/** `x` with each axis of `from` under the name at the same place of `to`, if the sizes agree. */
function renameAll(
  x: ValueId,
  from: readonly AxisName[],
  to: readonly AxisName[],
  { origin }: Node,
  builder: GraphBuilder,
): ValueId | undefined {
  if (from.length !== to.length) return undefined;
  const size = (axis: AxisName | undefined) => builder.axis(axis ?? "")?.size ?? constant(-1);
  if (!from.every((axis, i) => equalDimensions(size(axis), size(to[i])))) return undefined;
  const changed = from.flatMap((axis, i) => {
    const other = to[i];
    return other === undefined || other === axis ? [] : [{ axis, other }];
  });
  // A swap of names would meet a name that is still taken.
  if (changed.some(({ other }) => builder.typeOf(x).axes.includes(other))) return undefined;
  return changed.reduce(
    (value, { axis, other }) =>
      builder.node({ kind: "rename", from: axis, to: other }, [value], origin),
    x,
  );
}

function undoSplit(
  op: OpOf<"merge">,
  x: ValueId,
  node: Node,
  builder: GraphBuilder,
): ValueId | undefined {
  const inner = builder.nodeOf(x);
  const [source] = inner.args;
  if (inner.op.kind !== "split" || source === undefined) return undefined;
  const { axis, into } = inner.op;
  const same = into.length === op.axes.length && into.every((each, i) => each === op.axes[i]);
  if (!same) return undefined;
  if (axis === op.into) return source;
  if (builder.typeOf(source).axes.includes(op.into)) return undefined;
  return builder.node({ kind: "rename", from: axis, to: op.into }, [source], node.origin);
}

function rowOfStack(op: OpOf<"select">, node: Node, builder: GraphBuilder): ValueId | undefined {
  const [x, index] = node.args;
  if (x === undefined || index === undefined) return undefined;
  const stack = builder.nodeOf(x);
  const at = builder.nodeOf(index).op;
  if (stack.op.kind !== "stack" || stack.op.into !== op.axis || at.kind !== "constant")
    return undefined;
  return stack.args[at.value];
}
