/**
 * Reading a graph value at a place: a load where the value lies in memory, else the expression that
 * computes it there. Views only change the place; elementwise operations become arithmetic. This is
 * how prologues and epilogues fuse.
 */

import type { BufferSource } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import { constant, type Dimension, multiply, productOf, subtract } from "../../op/dimension.ts";
import { applyTable, type Op, type OpKind, type OpTable } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { addressOf } from "./address.ts";
import { type Affine, affineOf, fixed, plus, times } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { divideIndex } from "./divide-index.ts";
import { mapExpression } from "./map-function.ts";
import { readPacked } from "./packing.ts";

/** What is known of a value while its root is being computed: an accumulator, by value. */
export type Known = ReadonlyMap<ValueId, Expr>;

const nothing: Known = new Map();

/** The value `id` at a place. `known` values are taken as given and not read. */
export function read(context: Context, id: ValueId, at: Coordinates, known: Known = nothing): Expr {
  const given = known.get(id);
  if (given !== undefined) return given;
  const node = nodeAt(context.graph, id);
  const source = sourceOf(context, id);
  if (source !== undefined) return load(context, id, source, at);
  return applyTable(computed, node.op, { context, id, at, known });
}

/** As `read`, for the value that the kernel is to store: it is computed although it is `stored`. */
export function compute(
  context: Context,
  id: ValueId,
  at: Coordinates,
  known: Known = nothing,
): Expr {
  const given = known.get(id);
  if (given !== undefined) return given;
  const source = sourceOf(context, id);
  if (source !== undefined && source.kind !== "value") return load(context, id, source, at);
  return applyTable(computed, nodeAt(context.graph, id).op, { context, id, at, known });
}

/** Where a value lies in memory, if it does. */
export function sourceOf(
  context: Pick<Context, "graph" | "stored">,
  id: ValueId,
): BufferSource | undefined {
  const { op } = nodeAt(context.graph, id);
  if (op.kind === "input") return { kind: "input", name: op.name };
  if (op.kind === "weight") return { kind: "weight", name: op.name };
  if (op.kind === "table") return { kind: "table", value: id };
  if (op.kind === "state") return { kind: "state", name: op.name };
  if (op.kind === "append") return { kind: "state", name: op.state };
  return context.stored(id) ? { kind: "value", value: id } : undefined;
}

function load(context: Context, id: ValueId, source: BufferSource, at: Coordinates): Expr {
  const { type } = nodeAt(context.graph, id);
  const weight = source.kind === "weight" ? source.name : undefined;
  const layout = weight === undefined ? undefined : context.layouts.get(weight);
  if (source.kind === "weight" && layout !== undefined) {
    return readPacked(context, source, shortName(source.name), context.offset(type, at), layout);
  }
  const pack = weight === undefined ? undefined : context.packs.get(weight);
  const memory: BufferSource = pack === undefined ? source : { kind: "weight", name: pack.buffer };
  const name = "name" in memory ? shortName(memory.name) : context.nameOf(id);
  const buffer = context.buffer(memory, type.element, "read", name);
  const start = fixed(constant(pack?.offset ?? 0));
  const index = context.emit(plus(addressOf(context, id, at), start));
  if (type.element === "float") return build.load(buffer, index, build.f32);
  const value = build.load(buffer, index, build.i32);
  return type.element === "int" ? value : build.notEqual(value, build.int(0));
}

/** The last words of a checkpoint name: `model.layers.3.self_attn.q_proj.weight` is `q_proj_weight`. */
export function shortName(name: string): string {
  return name.split(".").slice(-2).join("_");
}

interface Place {
  readonly context: Context;
  readonly id: ValueId;
  readonly at: Coordinates;
  readonly known: Known;
}

function inMemory(kind: OpKind): (op: Op, place: Place) => Expr {
  return (_op, { id }) =>
    invariant(false, `lowering: %${id} (${kind}) should lie in memory`) as never;
}

const computed: OpTable<[Place], Expr> = {
  input: inMemory("input"),
  weight: inMemory("weight"),
  table: inMemory("table"),
  state: inMemory("state"),
  append: inMemory("append"),
  reduce: inMemory("reduce"),
  cumulative: inMemory("cumulative"),
  contract: inMemory("contract"),
  attend: inMemory("attend"),
  top: inMemory("top"),
  sort: inMemory("sort"),
  constant: ({ element, value }) => {
    if (element === "float") return build.real(value);
    return element === "int" ? build.int(value) : build.boolean(value !== 0);
  },
  size: (op, { context }) => context.size(context.dimension(op.size)),
  index: (op, { context, at }) => context.emit(coordinate(at, op.axis)),
  measure: (_op, { context, id, at, known }) => {
    const [count] = nodeAt(context.graph, id).args;
    invariant(count !== undefined, `lowering: %${id} measures something`);
    return read(context, count, at, known);
  },
  map: (op, { context, id, at, known }) => {
    const { args } = nodeAt(context.graph, id);
    const elements = args.map((arg) => nodeAt(context.graph, arg).type.element);
    return mapExpression(
      op.fn,
      args.map((arg) => read(context, arg, at, known)),
      elements,
    );
  },
  rename: readView,
  split: readView,
  merge: readView,
  slice: readView,
  select: (op, place) => readSelected(op, place),
  join: (op, place) => readJoined(op, place),
  stack: (op, place) => {
    const { context, id, at, known } = place;
    const { args } = nodeAt(context.graph, id);
    const index = context.emit(coordinate(at, op.into));
    const values = args.map((arg) => read(context, arg, at, known));
    return values.reduceRight((rest, value, i) =>
      build.select(build.equal(index, build.int(i)), value, rest),
    );
  },
};

function readView(_op: Op, { context, id, at, known }: Place): Expr {
  const inside = throughView(context, id, at);
  const [arg] = nodeAt(context.graph, id).args;
  invariant(inside !== undefined && arg !== undefined, `lowering: %${id} is a view`);
  return read(context, arg, inside, known);
}

/** The place in its argument that a view shows at `at`; nothing for what is no view. */
export function throughView(
  context: Context,
  id: ValueId,
  at: Coordinates,
): Coordinates | undefined {
  const { op } = nodeAt(context.graph, id);
  switch (op.kind) {
    case "rename":
      return moved(at, [op.to], [[op.from, coordinate(at, op.to)]]);
    case "split": {
      let index = fixed(constant(0));
      for (const axis of op.into) {
        index = plus(times(index, context.extent(axis)), coordinate(at, axis));
      }
      return moved(at, op.into, [[op.axis, index]]);
    }
    case "merge": {
      const found: [string, Affine][] = [];
      let rest = coordinate(at, op.into);
      for (const axis of [...op.axes].slice(1).reverse()) {
        const { quotient, remainder } = divideIndex(context, rest, context.extent(axis));
        found.push([axis, remainder]);
        rest = quotient;
      }
      const [first] = op.axes;
      if (first !== undefined) found.push([first, rest]);
      return moved(at, [op.into], found);
    }
    case "slice": {
      const index = plus(coordinate(at, op.into), fixed(context.dimension(op.start)));
      return moved(at, [op.into], [[op.axis, index]]);
    }
    default:
      return undefined;
  }
}

function readSelected(op: Extract<Op, { kind: "select" }>, place: Place): Expr {
  const { context, id, at, known } = place;
  const [source, index] = nodeAt(context.graph, id).args;
  invariant(source !== undefined && index !== undefined, "lowering: a select has two arguments");
  const affine = affineValue(context, index, at);
  if (affine !== undefined && !op.padded) {
    return read(context, source, new Map([...at, [op.axis, affine]]), known);
  }
  const wanted = read(context, index, at, known);
  if (!op.padded) {
    const chosen = affineOf(context.opaque(wanted, context.extent(op.axis)));
    return read(context, source, new Map([...at, [op.axis, chosen]]), known);
  }
  const size = context.size(context.extent(op.axis));
  const clamped = build.maximum(
    build.minimum(wanted, build.subtract(size, build.int(1))),
    build.int(0),
  );
  const inside = build.and(build.lessEqual(build.int(0), wanted), build.less(wanted, size));
  const chosen = affineOf(context.opaque(clamped, context.extent(op.axis)));
  const value = read(context, source, new Map([...at, [op.axis, chosen]]), known);
  return build.select(inside, value, build.zeroOf(value.type));
}

/** Both parts are read, at places clamped into them, since `select` evaluates both sides. */
function readJoined(op: Extract<Op, { kind: "join" }>, place: Place): Expr {
  const { context, id, at, known } = place;
  const { args } = nodeAt(context.graph, id);
  const index = context.emit(coordinate(at, op.into));
  let start = constant(0);
  let result: Expr | undefined;
  for (const [i, arg] of args.entries()) {
    const axis = op.parts[i];
    invariant(axis !== undefined, "lowering: a join has an axis for each argument");
    const size = context.extent(axis);
    const local = build.subtract(index, context.size(start));
    const last = context.size(subtract(size, constant(1)));
    const clamped = build.maximum(build.minimum(local, last), build.int(0));
    const chosen = affineOf(context.opaque(clamped, size));
    const value = read(context, arg, new Map([...at, [axis, chosen]]), known);
    result =
      result === undefined
        ? value
        : build.select(build.less(index, context.size(start)), result, value);
    start = productSum(start, size);
  }
  invariant(result !== undefined, "lowering: a join has parts");
  return result;
}

function productSum(a: ReturnType<typeof constant>, b: ReturnType<typeof constant>) {
  return subtract(a, multiply(constant(-1), b));
}

/** The index as an affine form, where it is arithmetic over indices and constants. */
export function affineValue(context: Context, id: ValueId, at: Coordinates): Affine | undefined {
  const { op, args } = nodeAt(context.graph, id);
  const operand = (i: number): Affine | undefined => {
    const arg = args[i];
    return arg === undefined ? undefined : affineValue(context, arg, at);
  };
  if (op.kind === "constant") return op.value >= 0 ? fixed(constant(op.value)) : undefined;
  if (op.kind === "index") return coordinate(at, op.axis);
  if (op.kind !== "map") return undefined;
  const [a, b] = [operand(0), operand(1)];
  if (a === undefined || b === undefined) return undefined;
  const number = b.summands.size === 0 ? b.offset : undefined;
  switch (op.fn) {
    case "add":
      return plus(a, b);
    case "multiply":
      if (number !== undefined) return times(a, number);
      return a.summands.size === 0 ? times(b, a.offset) : undefined;
    case "floor_divide":
      return number === undefined ? undefined : divideIndex(context, a, number).quotient;
    case "remainder":
      return number === undefined ? undefined : divideIndex(context, a, number).remainder;
    default:
      return undefined;
  }
}

/** The coordinates of `axes` as digits of one flat index, the last axis fastest. */
export function unflatten(
  context: Context,
  axes: readonly string[],
  flat: Affine,
  extent: (axis: string) => Dimension = (axis) => context.extent(axis),
): Coordinates {
  const found = new Map<string, Affine>();
  let rest = flat;
  for (const [i, axis] of [...axes.entries()].reverse()) {
    if (i === 0) {
      found.set(axis, rest);
      break;
    }
    const { quotient, remainder } = divideIndex(context, rest, extent(axis));
    found.set(axis, remainder);
    rest = quotient;
  }
  return found;
}

/** The number of elements along all of `axes`. */
export function extentOf(context: Context, axes: readonly string[]): ReturnType<typeof constant> {
  return productOf(axes.map((axis) => context.extent(axis)));
}

function coordinate(at: Coordinates, axis: string): Affine {
  const found = at.get(axis);
  invariant(found !== undefined, `lowering: no coordinate for the axis ${axis}`);
  return found;
}

function moved(
  at: Coordinates,
  without: readonly string[],
  put: readonly (readonly [string, Affine])[],
): Coordinates {
  const result = new Map(at);
  for (const axis of without) result.delete(axis);
  for (const [axis, index] of put) result.set(axis, index);
  return result;
}
