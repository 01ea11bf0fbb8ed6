/**
 * Which rows of a value somebody reads: a path of slices, each of one axis, the first applied first.
 * And how a path through the result of an operation leads to its arguments.
 */

import { type Graph, type Node, nodeAt, sizeOf } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { add, asConstant, constant, type Dimension } from "../op/dimension.ts";
import { type JoinRows, isWholePart, joinRows } from "./join-rows.ts";
import { applyTable, type Op, type OpOf, type OpTable } from "../op/op.ts";

/** Rows `start …` of `axis`, as many as the axis `into` has. */
export interface Step {
  readonly axis: AxisName;
  readonly start: Dimension;
  readonly into: AxisName;
  /** Equal steps have equal keys. */
  readonly key: string;
}

/** The step of these rows. */
export function stepOf(axis: AxisName, start: Dimension, into: AxisName): Step {
  return { axis, start, into, key: `${axis}[${start.key}]${into}` };
}

/** Slices to apply one after another; none is the whole value. */
export type Path = readonly Step[];

/** Equal paths have equal keys. */
export function pathKey(path: Path): string {
  if (path.length < 2) return path[0]?.key ?? "";
  return path.map((step) => step.key).join(";");
}

/** The axis of the sliced value that `axis` of the whole one has become. */
export function axisAfter(axis: AxisName, path: Path): AxisName {
  return path.reduce((name, step) => (step.axis === name ? step.into : name), axis);
}

/** The axis of the whole value whose rows `axis` of the sliced one has. */
export function axisBefore(axis: AxisName, path: Path): AxisName {
  return path.reduceRight((name, step) => (step.into === name ? step.axis : name), axis);
}

/**
 * The same rows by steps in one fixed order: those along run-time axes first, since they are what a
 * value can be computed by. Steps along different axes commute.
 */
export function orderedPath(graph: Graph, path: Path): Path {
  if (path.length < 2) return path;
  const origins = slicedAxes(path);
  // A step may take the name of an axis that another one has freed.
  if (path.some((step, at) => origins.some((axis, i) => i !== at && axis === step.into)))
    return path;
  const keyed = path.map((step, at) => {
    const origin = origins[at] ?? step.axis;
    const fixed = asConstant(sizeOf(graph, origin)) !== undefined;
    return { step, key: `${fixed ? 1 : 0} ${origin}` };
  });
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.map(({ step }) => step);
}

/** The path through argument `index` of `node` that gives the rows which `path` of `node` needs. */
export function pathOfArgument(graph: Graph, node: Node, index: number, path: Path): Path {
  if (path.length === 0) return path;
  const arg = node.args[index];
  const axes = arg === undefined ? [] : nodeAt(graph, arg).type.axes;
  const { op } = node;
  return path.filter((step, at) => {
    const origin = axisBefore(step.axis, path.slice(0, at));
    // The axis along which rows are selected is read as a whole, even where the index reuses it.
    if (op.kind === "select" && index === 0 && origin === op.axis) return false;
    return axes.includes(origin);
  });
}

/** What a path through the result of a node leads to. */
export type Passage =
  /** The same rows of one argument: nothing is computed here. */
  | { readonly kind: "argument"; readonly index: number; readonly path: Path }
  /** The operation on the rows that `pathOfArgument` says. */
  | { readonly kind: "operation"; readonly op: Op; readonly args: readonly number[] }
  /** `index` from `start` on. */
  | { readonly kind: "index"; readonly axis: AxisName; readonly start: Dimension }
  /** The rows cannot be computed alone. */
  | { readonly kind: "closed" };

/**
 * How the rows `path` of `node` can be computed without the others; `path` is not empty unless the
 * node is a slice. `joins` remembers what was worked out of joins of the same parts.
 */
export function passageOf(
  graph: Graph,
  node: Node,
  path: Path,
  joins: Map<string, JoinRows>,
): Passage {
  return applyTable(passages, node.op, { graph, node, path, joins });
}

interface Context {
  readonly graph: Graph;
  readonly node: Node;
  readonly path: Path;
  readonly joins: Map<string, JoinRows>;
}

const closed: Passage = { kind: "closed" };
const never = (): Passage => closed;

/** The axes of `node` that `path` slices. */
function slicedAxes(path: Path): readonly AxisName[] {
  return path.map((step, at) => axisBefore(step.axis, path.slice(0, at)));
}

/** The operation `op` on the same arguments, unless `path` slices one of `fixed`. */
function unless(fixed: readonly AxisName[], op: Op, { graph, node, path }: Context): Passage {
  const sliced = slicedAxes(path);
  if (sliced.some((axis) => fixed.includes(axis))) return closed;
  // An axis that the operation consumes may have the name that the rows would get.
  const taken = path.some(
    ({ into }) =>
      !sliced.includes(into) &&
      node.args.some((arg) => nodeAt(graph, arg).type.axes.includes(into)),
  );
  return taken ? closed : { kind: "operation", op, args: [...node.args.keys()] };
}

const passages: OpTable<[Context], Passage> = {
  input: never,
  weight: never,
  constant: never,
  table: never,
  size: never,
  index: (op, { path }) => {
    const start = path.reduce((sum, step) => add(sum, step.start), constant(0));
    return { kind: "index", axis: axisAfter(op.axis, path), start };
  },
  measure: never,
  map: (op, context) => unless([], op, context),
  reduce: (op, context) => unless([], op, context),
  cumulative: (op, context) => unless([op.axis], op, context),
  contract: (op, context) => unless([], op, context),
  rename: (op, context) => renamePassage(op, context),
  split: (op, context) => unless(op.into, op, context),
  merge: (op, context) => unless([op.into], op, context),
  slice: (op, { path }) => {
    const own = stepOf(op.axis, op.start, op.into);
    return { kind: "argument", index: 0, path: [own, ...path] };
  },
  select: (op, context) => unless([], op, context),
  join: (op, context) => joinPassage(op, context),
  stack: (op, context) => unless([op.into], op, context),
  attend: (op, context) => {
    const parts = op.parts.map((part) => part.axis);
    const heads = op.group === undefined ? [] : [op.group.query, op.group.key];
    const fixed = [op.contracted, op.value, ...parts, ...heads];
    const query = axisAfter(op.query, context.path);
    const { querySegment: _, ...rest } = op;
    const segment = op.querySegment ?? segmentAmong(context.graph, op.query, context.path);
    const named = segment === undefined ? rest : { ...rest, querySegment: segment };
    return unless(fixed, { ...named, query }, context);
  },
  top: (op, context) => unless([op.axis, op.into], op, context),
  sort: (op, context) => unless([op.axis], op, context),
  state: never,
  append: never,
};

/** The segment of the sequence `axis` that the first step of `path` along it takes. */
function segmentAmong(graph: Graph, axis: AxisName, path: Path): string | undefined {
  const step = path.find((each) => each.axis === axis);
  return graph.axes.get(axis)?.segments.find((segment) => segment.axis === step?.into)?.name;
}

/** Slicing the renamed axis names its rows anew, so that the renaming itself is not needed. */
function renamePassage(op: OpOf<"rename">, context: Context): Passage {
  const { path } = context;
  const at = path.findIndex((step) => step.axis === op.to);
  if (at < 0) return unless([], op, context);
  const steps = path.map((step, index) =>
    index === at ? stepOf(op.from, step.start, step.into) : step,
  );
  return { kind: "argument", index: 0, path: steps };
}

function joinPassage(op: OpOf<"join">, context: Context): Passage {
  const { graph, node, path } = context;
  const at = path.findIndex((step) => step.axis === op.into);
  const step = path[at];
  if (step === undefined) return unless([], op, context);
  const rows = joinRows(op, step, graph, context.joins);
  if (rows.kind === "across") return closed;
  if (rows.kind === "within" && coversAxes(graph, node, op, rows.part)) {
    const part = op.parts[rows.part] ?? "";
    const inner = part === step.into ? [] : [stepOf(part, rows.start, step.into)];
    const steps = path.flatMap((each, i) => (i === at ? inner : [each]));
    return { kind: "argument", index: rows.part, path: steps };
  }
  const again = path.filter((each, i) => axisBefore(each.axis, path.slice(0, i)) === op.into);
  const [first, last] =
    rows.kind === "parts" ? [rows.first, rows.last] : [rows.part, rows.part + 1];
  const whole = rows.kind === "parts" || isWholePart(graph, op, rows, step);
  if (again.length > 1 || !whole) return closed;
  const args = Array.from({ length: last - first }, (_, i) => first + i);
  const parts = args.flatMap((index) => op.parts[index] ?? []);
  return { kind: "operation", op: { ...op, into: step.into, parts }, args };
}

/** Whether argument `index` is not repeated along any axis of the join. */
function coversAxes(graph: Graph, node: Node, op: OpOf<"join">, index: number): boolean {
  const arg = node.args[index];
  const axes = arg === undefined ? [] : nodeAt(graph, arg).type.axes;
  return axes.length === node.type.axes.length && axes.includes(op.parts[index] ?? "");
}

/** Whether a node is a constant zero: what an attention without visible keys became. */
export function isZero({ op }: Node): boolean {
  return op.kind === "constant" && op.value === 0;
}

/** Whether the operation gives zeros as soon as one argument is zeros. */
export function staysZero(op: Op): boolean {
  switch (op.kind) {
    case "contract":
    case "rename":
    case "slice":
    case "split":
    case "merge":
      return true;
    case "map":
      return op.fn === "multiply" || op.fn === "negate";
    case "reduce":
      return op.fn === "sum" || op.fn === "mean";
    default:
      return false;
  }
}
