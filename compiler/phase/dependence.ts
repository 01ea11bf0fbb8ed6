/**
 * Binding time: which inputs each value depends on, for the rows of a sequence segment by segment.
 * Attention counts by its mask: rows of a segment depend on the keys that they may see.
 */

import { type Graph, type Node, sizeOf, type ValueId } from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { type Dimension, symbolsOf } from "../op/dimension.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { AttendCells, type QueryCells, segmentsOf, type SegmentRows } from "./attend-cells.ts";
import { type Growth, growthOf } from "./growth.ts";

/** A set of inputs: bit i stands for the i-th input of the graph. */
export type InputSet = bigint;

/** What one value depends on. */
export interface Dependence {
  /** All inputs that any row depends on. */
  readonly all: InputSet;
  /** What the rows of each segment of a sequence axis depend on, by the segment's own axis. */
  readonly rows?: { readonly axis: AxisName; readonly segments: ReadonlyMap<AxisName, InputSet> };
}

/** What the values of a graph depend on. */
export interface Dependences {
  /** By node. */
  readonly of: readonly Dependence[];
  /** The inputs that grow with the prompt: what depends on none of them is static. */
  readonly growing: InputSet;
}

/** Analyses all nodes of `graph` by what they mean, masks included. */
export function dependencesOf(graph: Graph): Dependences {
  const sources = sourcesOf(graph);
  const cells = new AttendCells(graph);
  const of: Dependence[] = [];
  for (const node of graph.nodes)
    of.push(withSize(graph, node, dependenceOf(graph, node, of, sources, cells), sources));
  return { of, growing: growingInputs(graph, sources) };
}

/** What each node reads on the way: all that its arguments read, whatever a mask leaves out. */
export function readsOf(graph: Graph): Dependences {
  const sources = sourcesOf(graph);
  const of: Dependence[] = [];
  for (const node of graph.nodes) {
    const args = unionOf(node.args.map((arg) => of[arg]?.all ?? 0n));
    const all = unite(args, ownInputs(graph, node, sources));
    of.push(withSize(graph, node, { all }, sources));
  }
  return { of, growing: growingInputs(graph, sources) };
}

/** Rows that grow are as many as the prompt has, whatever their values are. */
function withSize(
  { axes }: Graph,
  { type }: Node,
  dependence: Dependence,
  { growth, tokens }: Sources,
): Dependence {
  const { all, rows } = dependence;
  if (!type.axes.some((axis) => growth.axes.has(axis))) return dependence;
  if (rows === undefined) return (all & tokens) === tokens ? dependence : { all: all | tokens };
  const segments = new Map(
    [...rows.segments].map(([axis, set]) => {
      const grows = axes.has(axis) && growth.axes.has(axis);
      return [axis, grows ? unite(set, tokens) : set] as const;
    }),
  );
  return { all: unite(all, tokens), rows: { axis: rows.axis, segments } };
}

function growingInputs(graph: Graph, { growth }: Sources): InputSet {
  return graph.inputs.reduce((set, input, index) => {
    const grows = input.type.axes.some((axis) => growth.axes.has(axis));
    return grows ? set | bit(index) : set;
  }, 0n);
}

/** What a node reads besides its arguments. */
function ownInputs(graph: Graph, { op }: Node, sources: Sources): InputSet {
  switch (op.kind) {
    case "input":
      return sources.inputs.get(op.name) ?? 0n;
    case "size":
      return ofSize(op.size, sources);
    case "index":
      return ofSize(sizeOf(graph, op.axis), sources);
    default:
      return 0n;
  }
}

/** The inputs in `set`, by name, in declaration order. */
export function inputsIn(graph: Graph, set: InputSet): readonly string[] {
  return graph.inputs.flatMap((input, index) => ((set & bit(index)) === 0n ? [] : [input.name]));
}

function bit(index: number): InputSet {
  return 1n << BigInt(index);
}

/** Where values and sizes come from. */
interface Sources {
  readonly inputs: ReadonlyMap<string, InputSet>;
  /** The input whose shape gives each run-time symbol. */
  readonly symbols: ReadonlyMap<string, InputSet>;
  readonly growth: Growth;
  /** The inputs that say how many rows have come. */
  readonly tokens: InputSet;
}

function sourcesOf(graph: Graph): Sources {
  const symbols = new Map<string, InputSet>();
  const inputs = new Map(graph.inputs.map((input, index) => [input.name, bit(index)]));
  for (const [index, input] of graph.inputs.entries())
    for (const axis of input.type.axes)
      for (const symbol of symbolsOf(sizeOf(graph, axis)))
        if (!symbols.has(symbol)) symbols.set(symbol, bit(index));
  const growth = growthOf(graph);
  const tokens = unionOf([...growth.symbols].map((symbol) => symbols.get(symbol) ?? 0n));
  return { inputs, symbols, growth, tokens };
}

function ofSize(size: Dimension, sources: Sources): InputSet {
  return [...symbolsOf(size)].reduce((set, name) => set | (sources.symbols.get(name) ?? 0n), 0n);
}

function dependenceOf(
  graph: Graph,
  node: Node,
  of: readonly Dependence[],
  sources: Sources,
  cells: AttendCells,
): Dependence {
  const { op } = node;
  const args = node.args.map((arg) => of[arg] ?? nothing);
  const all = args.reduce((set, arg) => unite(set, arg.all), 0n);
  switch (op.kind) {
    case "input":
    case "size":
    case "index":
      return { all: unite(all, ownInputs(graph, node, sources)) };
    case "rename":
      return renamed(args[0] ?? { all }, op.from, op.to);
    case "slice": {
      if (args[0]?.rows?.axis !== op.axis) return alike(node, args, all);
      return { all: args[0].rows.segments.get(op.into) ?? all };
    }
    case "join":
      return joined(graph, op.into, op.parts, args) ?? alike(node, args, all);
    case "attend":
      return attended(graph, op, args, cells.of(op));
    case "cumulative":
    case "sort":
    case "select":
      return args[0]?.rows?.axis === op.axis ? { all } : alike(node, args, all);
    default:
      return alike(node, args, all);
  }
}

function renamed(arg: Dependence, from: AxisName, to: AxisName): Dependence {
  return arg.rows?.axis === from ? { ...arg, rows: { ...arg.rows, axis: to } } : arg;
}

/** A sequence made of its segments' rows. */
function joined(
  graph: Graph,
  into: AxisName,
  parts: readonly AxisName[],
  args: readonly Dependence[],
): Dependence | undefined {
  const { segments } = rowsOf(graph.axes.get(into) ?? unknownAxis(into), graph.axes);
  if (segments.length !== parts.length || segments.length === 0) return undefined;
  const sets = segments.map((each, i) => [each.axis, args[i]?.all ?? 0n] as const);
  return {
    all: unionOf(sets.map(([, set]) => set)),
    rows: { axis: into, segments: new Map(sets) },
  };
}

function unknownAxis(name: AxisName): never {
  throw new RangeError(`the graph has no axis ${name}`);
}

/** An operation that treats rows alike: each segment depends on the same segment of the arguments. */
function alike(node: Node, args: readonly Dependence[], all: InputSet): Dependence {
  const first = args.find(
    (arg) => arg.rows !== undefined && node.type.axes.includes(arg.rows.axis),
  );
  const { rows } = first ?? nothing;
  if (rows === undefined) return args.find((arg) => arg.all === all && !arg.rows) ?? { all };
  const segments = new Map(
    [...rows.segments.keys()].map((each) => [
      each,
      unionOf(args.map((arg) => segmentOf(arg, rows.axis, each))),
    ]),
  );
  return { all, rows: { axis: rows.axis, segments } };
}

/** What the rows of one segment of `axis` depend on. */
function segmentOf(dependence: Dependence, axis: AxisName, segment: AxisName): InputSet {
  const { rows, all } = dependence;
  return rows?.axis === axis ? (rows.segments.get(segment) ?? all) : all;
}

const nothing: Dependence = { all: 0n };

function unionOf(sets: readonly InputSet[]): InputSet {
  return sets.reduce(unite, 0n);
}

/** Most sets that meet are equal, and a new bigint costs more than a comparison. */
function unite(left: InputSet, right: InputSet): InputSet {
  return left === right || right === 0n ? left : left === 0n ? right : left | right;
}

function attended(
  graph: Graph,
  op: AttendOp,
  args: readonly Dependence[],
  queries: readonly QueryCells[],
): Dependence {
  const roles = attendArguments(op, args);
  const at = (arg: Dependence, rows: SegmentRows): InputSet => segmentOf(arg, rows.of, rows.axis);
  const segments = queries.map(({ rows, cells, verdict }) => {
    if (verdict.kind === "zeros") return [rows.axis, 0n] as const;
    const seen = cells.filter((_, index) =>
      verdict.kind === "identity" ? index === verdict.part : verdict.live.includes(index),
    );
    const keys = seen.map(({ keys: part }) => {
      const role = roles.parts[part.part];
      if (role === undefined) return 0n;
      const value = at(role.value, part);
      if (verdict.kind === "identity") return value;
      return unionOf([
        value,
        ...[role.key, role.position, ...role.data.values()].map((x) => at(x, part)),
      ]);
    });
    if (verdict.kind === "identity") return [rows.axis, unionOf(keys)] as const;
    const own = [roles.query, roles.queryPosition, ...roles.data.values()].map((x) => at(x, rows));
    return [rows.axis, unionOf([...own, ...keys, roles.sink?.all ?? 0n])] as const;
  });
  const all = unionOf(segments.map(([, set]) => set));
  if (segmentsOf(graph, op.query, op.querySegment).length < 2) return { all };
  return { all, rows: { axis: op.query, segments: new Map(segments) } };
}

/** Whether the value depends on nothing that grows. */
export function isStatic({ of, growing }: Dependences, id: ValueId): boolean {
  return ((of[id]?.all ?? 0n) & growing) === 0n;
}

/** Whether some segment of `axis` of the value is static and some is not. */
export function bindsApart({ of, growing }: Dependences, id: ValueId, axis: AxisName): boolean {
  const rows = of[id]?.rows;
  if (rows?.axis !== axis) return false;
  const dynamic = [...rows.segments.values()].map((set) => (set & growing) !== 0n);
  return dynamic.includes(true) && dynamic.includes(false);
}

/** The segments of the rows of `id` along `axis` that are static, by their own axes. */
export function staticSegments(
  dependences: Dependences,
  id: ValueId,
  rows: readonly SegmentRows[],
): readonly boolean[] {
  const dependence = dependences.of[id] ?? { all: 0n };
  return rows.map(
    (each) => (segmentOf(dependence, each.of, each.axis) & dependences.growing) === 0n,
  );
}
