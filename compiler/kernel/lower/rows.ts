/**
 * Rows that are reduced several times and then used (layer norms, softmaxes): one kernel, in which a
 * row is read from memory once. On a GPU with group memory a group has a long row, and what its invocations
 * read stays in group memory; elsewhere a task has one, whose numbers stay in the first cache, or in an
 * array where they had to be computed.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { Region, RowStep } from "../../fusion/region.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, constant, type Dimension, multiply } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import {
  declare,
  loop,
  storeArray,
  tile as declareTile,
  tileAssign,
  tileEach,
  tileReduce,
  when,
} from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { compute, extentOf, type Known, read, sourceOf, unflatten } from "./read.ts";
import { finished, groupTotal, long, lowest } from "./reduce-group.ts";
import { finish, finishGroups, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo } from "./store.ts";

/** Rows being lowered. */
interface Rows {
  readonly context: Context;
  readonly region: Region;
  readonly steps: readonly RowStep[];
  readonly axes: readonly AxisName[];
  readonly over: readonly AxisName[];
  readonly count: Dimension;
  readonly length: number;
  /** What the first reduction reads: it is kept, too. */
  readonly source: ValueId;
}

/** Lowers a region of reductions of the same rows. */
export function lowerRows(context: Context, region: Region, schedule: Schedule): Lowered {
  const rows = rowsOf(context, region);
  const { count, length, steps } = rows;
  const reductions = steps.filter((step) => isReduction(context, step)).length;
  const flops = multiply(count, constant(length * reductions));
  const title = { name: regionName(context, region), comment: commentOf(context, region) };
  const { family, groupMemory } = schedule.target;
  if (family !== "cpu" && groupMemory > 0 && length >= long) {
    const { arrays, body } = inGroup(rows, schedule);
    return finishGroups(context, schedule, title, arrays, { groups: count, flops }, body);
  }
  return finish(context, schedule, title.name, title.comment, count, flops, (task) =>
    inTask(rows, schedule, task),
  );
}

function rowsOf(context: Context, region: Region): Rows {
  const { steps = [] } = region;
  const first = steps.find((step) => isReduction(context, step));
  invariant(first !== undefined, "lowering: rows are reduced");
  const { op, args, type } = nodeAt(context.graph, first.root);
  const [source] = args;
  invariant(op.kind === "reduce" && source !== undefined, "lowering: a reduction has an argument");
  // In storage order, so that consecutive indices are consecutive in memory.
  const axes = nodeAt(context.graph, source).type.axes;
  const over = axes.filter((axis) => op.over.includes(axis));
  const length = asConstant(extentOf(context, over));
  invariant(length !== undefined, "lowering: rows have constant length");
  const count = extentOf(context, type.axes);
  return { context, region, steps, axes: type.axes, over, count, length, source };
}

function isReduction({ graph }: Context, { root }: RowStep): boolean {
  return nodeAt(graph, root).op.kind === "reduce";
}

/** The coordinates of a row, and of an element of it. */
function placesOf({ context, axes, over, count, length }: Rows, row: Expr) {
  const outer = unflatten(context, axes, affineOf({ key: "row", expr: row, extent: count }));
  const at = (index: Expr): Coordinates =>
    new Map([
      ...outer,
      ...unflatten(
        context,
        over,
        affineOf({ key: "inner", expr: index, extent: constant(length) }),
      ),
    ]);
  return { outer, at };
}

function reduceOf(
  { context }: Rows,
  { root }: RowStep,
): OpOf<"reduce"> & { readonly source: ValueId } {
  const { op, args } = nodeAt(context.graph, root);
  const [source] = args;
  invariant(op.kind === "reduce" && source !== undefined, "lowering: a reduction has an argument");
  return { ...op, source };
}

/** The functions of a row: its elements, and what is known of it so far. */
interface Row {
  readonly outer: Coordinates;
  readonly at: (index: Expr) => Coordinates;
}

/** One row by the invocations of a group: each reads again what it kept itself. */
function inGroup(
  rows: Rows,
  { invocations, target }: Schedule,
): { readonly arrays: readonly GroupArray[]; readonly body: readonly Statement[] } {
  const { context, region, steps, length } = rows;
  const row = placesOf(rows, build.group);
  const size = context.size(constant(length));
  const arrays: GroupArray[] = [];
  // Each reduction takes a number of each invocation.
  const reductions = steps.filter((step) => isReduction(context, step)).length;
  const bytes = (): number =>
    arrays.reduce((sum, each) => sum + 4 * each.length, 4 * invocations * reductions);
  const numbers = new Map<ValueId, Expr>();
  const kept = new Map<ValueId, string>();
  const knownAt = (index: Expr): Known => knownIn(numbers, kept, index);
  const overRow = (each: (index: Expr) => Statement): Statement => {
    const index = context.fresh("i");
    return loop(index, build.invocation, size, [each(build.variable(index))], invocations);
  };
  const keep = (value: ValueId, at: (index: Expr) => Expr): readonly Statement[] => {
    // What does not fit is read, or computed, again.
    if (bytes() + 4 * length > target.groupMemory) return [];
    const name = context.fresh("kept");
    arrays.push({ name, element: "f32", length });
    const statement = overRow((index) => storeArray(name, index, at(index)));
    kept.set(value, name);
    return [statement];
  };
  const body: Statement[] = [];
  if (isKept(rows))
    body.push(...keep(rows.source, (index) => read(context, rows.source, row.at(index))));
  for (const step of steps) {
    if (!isReduction(context, step)) {
      body.push(
        ...keep(step.result, (index) =>
          compute(context, step.result, row.at(index), knownAt(index)),
        ),
      );
      continue;
    }
    const op = reduceOf(rows, step);
    const { statements, result } = groupTotal(context, op, invocations, size, (index) =>
      read(context, op.source, row.at(index), knownAt(index)),
    );
    const name = context.fresh(context.nameOf(step.result));
    const known = new Map([...numbers, [step.root, result] as const]);
    body.push(...statements, declare(name, compute(context, step.result, row.outer, known)));
    numbers.set(step.result, build.variable(name, build.f32));
  }
  const total = numbers.get(region.result);
  if (total === undefined) {
    body.push(
      overRow((index) => {
        const place = row.at(index);
        const value = compute(context, region.result, place, knownAt(index));
        return storeTo(context, region.store, place, value);
      }),
    );
  } else {
    const only = build.equal(build.invocation, 0);
    body.push(when(only, [storeTo(context, region.store, row.outer, total)]));
  }
  return { arrays, body };
}

/** What is known at an element of a row: numbers of the row, and what is kept in arrays. */
function knownIn(
  numbers: ReadonlyMap<ValueId, Expr>,
  kept: ReadonlyMap<ValueId, string>,
  index: Expr,
): Known {
  const own = [...kept].map(([id, array]) => [id, build.loadArray(array, index)] as const);
  return new Map([...numbers, ...own]);
}

/** Whether what the first reduction reads is to be kept, and no step does it. */
function isKept(rows: Rows): boolean {
  return rows.steps.every(({ result }) => result !== rows.source) && isReadInPlace(rows);
}

/** Elements that are added up, or stored, side by side. */
const lanes = 4;
const widest = 16;

/** One row by one invocation. */
function inTask(rows: Rows, { target }: Schedule, task: Expr): readonly Statement[] {
  const { context, region, steps, source, length } = rows;
  const strip = { length, widest: target.rolled === true ? lanes : widest };
  const row = placesOf(rows, task);
  const numbers = new Map<ValueId, Expr>();
  const kept = new Map<ValueId, string>();
  const knownAt = (index: Expr): Known => knownIn(numbers, kept, index);
  const keep = (value: ValueId): readonly Statement[] => {
    // Without arrays it is computed again.
    if (target.family !== "cpu") return [];
    const array = context.array("kept", length);
    const statements = inStrips(
      context,
      strip,
      (index) => compute(context, value, row.at(index), knownAt(index)),
      (index, each) => storeArray(array, index, each),
    );
    kept.set(value, array);
    return statements;
  };
  const body: Statement[] = [];
  const isComputed = sourceOf(context, source) === undefined;
  if (isComputed && isKept(rows)) body.push(...keep(source));
  for (const step of steps) {
    if (!isReduction(context, step)) {
      body.push(...keep(step.result));
      continue;
    }
    const { statements, total } = taskTotal(rows, row, step, knownAt);
    const name = context.fresh(context.nameOf(step.result));
    const known = new Map([...numbers, [step.root, total] as const]);
    const value = compute(context, step.result, row.outer, known);
    body.push(...statements, declareTile(name, 1, 1, value));
    numbers.set(step.result, build.element(name));
  }
  const total = numbers.get(region.result);
  if (total !== undefined) {
    invariant(total.kind === "element", "lowering: a total is a tile");
    const store = storeTo(context, region.store, row.outer, total);
    return [...body, tileEach(total.tile, context.fresh("line"), context.fresh("column"), [store])];
  }
  return [
    ...body,
    ...inStrips(
      context,
      strip,
      (index) => compute(context, region.result, row.at(index), knownAt(index)),
      (index, value) => storeTo(context, region.store, row.at(index), value),
    ),
  ];
}

/** A reduction of a row by one invocation, four elements at a time. */
function taskTotal(
  rows: Rows,
  row: Row,
  step: RowStep,
  knownAt: (index: Expr) => Known,
): { readonly statements: readonly Statement[]; readonly total: Expr } {
  const { context, length } = rows;
  const op = reduceOf(rows, step);
  const adds = op.fn === "sum" || op.fn === "mean";
  const [partial, total] = [context.fresh("partial"), context.fresh("total")];
  const value = (index: Expr): Expr => {
    const each = read(context, op.source, row.at(index), knownAt(index));
    return op.fn === "min" ? build.negate(each) : each;
  };
  const add = (tile: string, index: Expr, column: string): Statement => {
    const place = build.add(index, build.variable(column));
    const [a, b] = [build.element(tile), value(place)];
    return tileAssign(
      tile,
      adds ? build.add(a, b) : build.maximum(a, b),
      context.fresh("row"),
      column,
    );
  };
  const over = (from: number, to: number, tile: string, step: number): Statement => {
    const index = context.fresh("i");
    return loop(index, from, to, [add(tile, build.variable(index), context.fresh("column"))], step);
  };
  const whole = length - (length % lanes);
  return {
    statements: [
      declareTile(partial, 1, lanes, build.real(adds ? 0 : lowest)),
      ...(whole > 0 ? [over(0, whole, partial, lanes)] : []),
      tileReduce(total, partial, adds ? "sum" : "max"),
      ...(whole < length ? [over(whole, length, total, 1)] : []),
    ],
    total: finished(op, build.element(total), build.real(length)),
  };
}

/**
 * Computes `value` for all elements of a row and does `use` with them, as many as may be and at most
 * `widest` at once.
 */
function inStrips(
  context: Context,
  { length, widest: most }: { readonly length: number; readonly widest: number },
  value: (index: Expr) => Expr,
  use: (index: Expr, value: Expr) => Statement,
): readonly Statement[] {
  const fits = (width: number): boolean => width <= most && length % width === 0;
  const width = [widest, 8, 4].find(fits) ?? Math.min(lanes, length);
  const over = (from: number, to: number, columns: number): Statement => {
    const [start, tile] = [context.fresh("start"), context.fresh("tile")];
    const [line, column] = [context.fresh("line"), context.fresh("column")];
    const [again, each] = [context.fresh("line"), context.fresh("column")];
    const at = (name: string): Expr => build.add(build.variable(start), build.variable(name));
    return loop(
      start,
      from,
      to,
      [
        declareTile(tile, 1, columns, value(at(column)), line, column),
        tileEach(tile, again, each, [use(at(each), build.element(tile))]),
      ],
      columns,
    );
  };
  const whole = length - (length % width);
  return [
    ...(whole > 0 ? [over(0, whole, width)] : []),
    ...(whole < length ? [over(whole, length, 1)] : []),
  ];
}

/** Whether what the first reduction reads is only read at the element that is computed. */
function isReadInPlace({ context, region, steps, source }: Rows): boolean {
  const seen = new Set<string>();
  const visit = (id: ValueId, moved: boolean): boolean => {
    if (id === source) return !moved;
    const key = `${id} ${moved}`;
    if (seen.has(key)) return true;
    seen.add(key);
    const { op, args } = nodeAt(context.graph, id);
    const lies = id !== region.result && sourceOf(context, id) !== undefined;
    const inside = moved || (op.kind !== "map" && op.kind !== "reduce");
    return lies || args.every((arg) => visit(arg, inside));
  };
  return [region.result, ...steps.map(({ root }) => root)].every((id) => visit(id, false));
}
