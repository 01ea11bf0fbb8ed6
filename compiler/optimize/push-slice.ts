/** Moves slices towards the inputs, through operations that treat the sliced axis as a batch axis. */

import type { GraphBuilder } from "../graph/build.ts";
import { type Graph, nodeAt, type Origin, type ValueId, valueId } from "../graph/graph.ts";
import { rootsOf, usersOf } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import { applyTable, type Op, type OpOf, type OpTable } from "../op/op.ts";
import { equalTypes, type TensorType } from "../op/type.ts";

/** A slice of the value `x`, not yet built; its type and origin are those it would have. */
export interface PendingSlice {
  readonly op: OpOf<"slice">;
  readonly x: ValueId;
  readonly type: TensorType;
  readonly origin: Origin;
}

/** Which rows a slice takes; `start` as text. */
export interface Rows {
  readonly axis: AxisName;
  readonly start: string;
  readonly into: AxisName;
}

/** What moving slices remembers during one pass. */
export interface SliceMoves {
  readonly builder: GraphBuilder;
  /** For a value of the new graph, the only rows of it that anything reads. */
  readonly movable: Map<ValueId, Rows>;
  /** Slices that were moved to where they are: a value used twice is sliced once. */
  readonly built: Map<string, ValueId>;
}

/**
 * The slice, built below the operation that gives `x`; undefined if that is not possible, or would
 * compute rows twice. `finish` simplifies each slice that arises on the way.
 */
export function pushSlice(
  { op, x, type, origin }: PendingSlice,
  moves: SliceMoves,
  finish: (id: ValueId) => ValueId,
): ValueId | undefined {
  const { builder } = moves;
  const inner = builder.nodeOf(x);
  const free = inner.op.kind === "rename" || inner.op.kind === "join";
  if (!free && !equalRows(moves.movable.get(x), rowsOf(op))) return undefined;
  const types = inner.args.map((arg) => builder.typeOf(arg));
  const step = applyTable(steps, inner.op, op.axis, types);
  if (step === undefined) return undefined;
  const taken = types.some((arg, i) => step.slices[i] !== op.into && arg.axes.includes(op.into));
  if (taken) return undefined;
  const args = inner.args.map((arg, i) => {
    const axis = step.slices[i];
    return axis === undefined ? arg : slicedOnce({ ...op, axis }, arg, origin, moves, finish);
  });
  const moved = step.op === undefined ? args[0] : builder.node(step.op, args, inner.origin);
  if (moved === undefined || !equalTypes(builder.typeOf(moved), type)) return undefined;
  return moved;
}

function rowsOf(op: OpOf<"slice">): Rows {
  return { axis: op.axis, start: op.start.key, into: op.into };
}

function equalRows(a: Rows | undefined, b: Rows | undefined): boolean {
  return a?.axis === b?.axis && a?.start === b?.start && a?.into === b?.into;
}

function slicedOnce(
  op: OpOf<"slice">,
  x: ValueId,
  origin: Origin,
  moves: SliceMoves,
  finish: (id: ValueId) => ValueId,
): ValueId {
  const key = `${x} ${op.axis} ${op.into} ${op.start.key}`;
  const known = moves.built.get(key);
  if (known !== undefined) return known;
  const id = finish(moves.builder.node(op, [x], origin));
  moves.built.set(key, id);
  return id;
}

/** An operation on sliced operands; by operand the axis to slice, undefined for none. */
interface Step {
  /** Undefined where the sliced operand itself is the result. */
  readonly op?: Op;
  readonly slices: readonly (AxisName | undefined)[];
}

type Rule = [axis: AxisName, args: readonly TensorType[]];

const stays = (): undefined => undefined;

/** Slices every operand that has the axis; the operation is the same along it. */
function batch(op: Op, axis: AxisName, args: readonly TensorType[]): Step {
  return { op, slices: args.map((arg) => (arg.axes.includes(axis) ? axis : undefined)) };
}

const steps: OpTable<Rule, Step | undefined> = {
  input: stays,
  weight: stays,
  constant: stays,
  table: stays,
  size: stays,
  index: stays,
  measure: stays,
  map: batch,
  reduce: batch,
  cumulative: (op, axis, args) => (op.axis === axis ? undefined : batch(op, axis, args)),
  contract: batch,
  rename: (op, axis, args) => (op.to === axis ? { slices: [op.from] } : batch(op, axis, args)),
  split: (op, axis, args) => (op.into.includes(axis) ? undefined : batch(op, axis, args)),
  merge: (op, axis, args) => (op.into === axis ? undefined : batch(op, axis, args)),
  slice: (op, axis, args) => (op.into === axis ? undefined : batch(op, axis, args)),
  // The selected axis itself comes from the index if the result has it.
  select: (op, axis, args) =>
    op.axis === axis ? { op, slices: [undefined, axis] } : batch(op, axis, args),
  join: (op, axis, args) =>
    op.into === axis || op.parts.includes(axis) ? undefined : batch(op, axis, args),
  stack: (op, axis, args) => (op.into === axis ? undefined : batch(op, axis, args)),
  // Its rows belong to the analysis of masks, which knows the segment that they are.
  attend: stays,
  top: (op, axis, args) => (op.into === axis ? undefined : batch(op, axis, args)),
  sort: (op, axis, args) => (op.axis === axis ? undefined : batch(op, axis, args)),
  state: stays,
  append: stays,
};

/**
 * For each value, the rows that all its users slice of it, directly or after operations that a slice
 * can go through; undefined if they take different rows, or some user needs all of them, or if the
 * value leaves the graph.
 */
export function slicedOnly(graph: Graph): readonly (Rows | undefined)[] {
  const users = usersOf(graph);
  const roots = rootsOf(graph);
  const only: (Rows | undefined)[] = graph.nodes.map(() => undefined);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    if (roots.has(valueId(id))) continue;
    const wanted = (users[id] ?? []).flatMap((user) => slicesOf(graph, id, user, only[user]));
    const [first] = wanted;
    if (wanted.every((rows) => equalRows(rows, first))) only[id] = first;
  }
  return only;
}

/** The rows of its operand `id` that `user` reads, if only `rows` of its result are read. */
function slicesOf(
  graph: Graph,
  id: number,
  user: ValueId,
  rows: Rows | undefined,
): readonly (Rows | undefined)[] {
  const node = nodeAt(graph, user);
  if (node.op.kind === "slice") return [rowsOf(node.op)];
  if (rows === undefined) return [undefined];
  const types = node.args.map((arg) => nodeAt(graph, arg).type);
  const step = applyTable(steps, node.op, rows.axis, types);
  return node.args.flatMap((arg, i) => {
    if (arg !== id) return [];
    const axis = step?.slices[i];
    return [axis === undefined ? undefined : { ...rows, axis }];
  });
}
