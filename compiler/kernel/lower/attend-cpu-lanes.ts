/**
 * What a task of an attention on a CPU with several query rows does with one key tile: neighbouring
 * rows lie in the lanes of a register.
 *
 * So a key or value is one number for all lanes, the running maximum and sum need no sum over lanes,
 * and the arrays have the row as their last index. The keys and values of a tile are copied into an
 * array, which all rows read.
 */

import { invariant } from "../../../grammar/invariant.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, loop, tileMultiply, when } from "../statements.ts";
import { queryRanges } from "./attend-class.ts";
import {
  arrayIndex,
  keysThere,
  keyTile,
  overRows,
  type Rows,
  type Task,
} from "./attend-cpu-task.ts";
import { logitOf, partArguments, partAt } from "./attend-pair.ts";
import {
  asPower,
  depthColumn,
  fill,
  inBlocks,
  keep,
  refill,
  type TileValue,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import { type KeyTile, tileClasses, type WalkedTile } from "./attend-walk.ts";
import type { Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";

/** Columns of values of a register tile. */
const columnTile = 4;

/** What is done with one key tile and some rows of a task. */
interface Step {
  readonly task: Task;
  readonly lanes: NonNullable<Task["lanes"]>;
  readonly tile: KeyTile;
  /** Its keys that are there, rounded up to whole register tiles. */
  readonly keys: Expr;
  readonly rows: Rows;
}

/** Takes the keys of a tile into the running rows; `unmasked` if all its pairs are visible. */
export function laneStep(task: Task, tile: WalkedTile, unmasked: Expr): readonly Statement[] {
  const { lanes, attention } = task;
  const part = partArguments(attention, tile.part);
  invariant(lanes !== undefined, "lowering: rows of an attention side by side");
  const { context, depth, width } = attention;
  const { statements, keys } = keysThere(task, tile);
  const packs = [
    ...statements,
    pack(task, { tile, keys }, lanes.keys, depth, (place, column) =>
      read(context, part.key, new Map([...place, ...depthColumn(attention, column)])),
    ),
  ];
  if (lanes.values !== undefined)
    packs.push(
      pack(task, { tile, keys }, lanes.values, width, (place, column) =>
        read(context, part.value, new Map([...place, ...valueColumn(attention, column)])),
      ),
    );
  const taken = (rows: Rows, isWhole: Expr): readonly Statement[] => {
    const step = { task, lanes, tile, keys, rows };
    return [...scores(step), ...logits(step, isWhole), ...weights(step), ...addValues(step)];
  };
  return [...packs, ...inRowBlocks(task, lanes, tile, unmasked, taken)];
}

/** Takes the rows of a task in blocks that see any key of the tile. */
function inRowBlocks(
  task: Task,
  { rows, blockRows }: Step["lanes"],
  tile: WalkedTile,
  unmasked: Expr,
  taken: (rows: Rows, isWhole: Expr) => readonly Statement[],
): readonly Statement[] {
  const { attention, first, count } = task;
  if (rows <= blockRows) return taken({ from: build.int(0), to: count }, unmasked);
  const start = attention.context.fresh("block");
  const from = build.variable(start);
  const to = build.minimum(build.add(from, blockRows), count);
  const over = (body: readonly Statement[]): readonly Statement[] => [
    loop(start, 0, count, body, blockRows),
  ];
  if (partAt(attention, tile.part).mask.kind === "constant")
    return over(taken({ from, to }, unmasked));
  const facts = queryRanges(attention, task.rows, build.add(first, from), build.subtract(to, from));
  const { possible, whole } = tileClasses(attention, facts, tile);
  const name = attention.context.fresh("unmasked_rows");
  const isWhole = build.variable(name, build.bool);
  const step = [declare(name, whole), ...taken({ from, to }, isWhole)];
  return over([...facts.statements, when(possible, step)]);
}

/**
 * Puts the keys or values of a tile one behind the other. Where they lie, their distance is that of
 * whole rows of all heads, often a power of two, of which a cache holds few at a time.
 */
function pack(
  task: Task,
  { tile, keys }: Pick<Step, "tile" | "keys">,
  array: string,
  width: number,
  value: (place: Coordinates, column: Expr) => Expr,
): Statement {
  const { context } = task.attention;
  const key = context.fresh("key");
  const at = build.variable(key);
  const row = inBlocks(context, width, [16, 4], (start, size) => {
    const out: Statement[] = [];
    const column = (c: Expr): Expr => build.add(start, c);
    const place = tile.place(at);
    const copy = fill(context, "copy", 1, size, (_, c) => value(place, column(c)), out);
    return [...out, keep(context, copy, array, (_, c) => packedIndex(width, at, column(c)))];
  });
  return loop(key, 0, keys, row);
}

function packedIndex(width: number, row: Expr, column: Expr): Expr {
  return build.add(build.multiply(row, width), column);
}

/** The products of keys and queries. */
function scores({ task, lanes, keys, rows }: Step): readonly Statement[] {
  const { attention, array, outputRows } = task;
  const { context, depth } = attention;
  const [first, column] = [context.fresh("key"), context.fresh("depth")];
  const at = build.variable(column);
  const keyOf = (row: Expr): Expr => build.add(build.variable(first), row);
  const body = (row: Expr): readonly Statement[] => {
    const [out, inner]: [Statement[], Statement[]] = [[], []];
    const rowAt = (c: Expr): Expr => build.add(row, c);
    const score = fill(context, "score", keyTile, outputRows, () => build.real(0), out);
    const queryAt: TileValue = (_, c) =>
      build.loadArray(array.query, arrayIndex(task, depth, rowAt(c), at));
    const queries = fill(context, "query", 1, outputRows, queryAt, inner);
    const keyAt: TileValue = (r) => build.loadArray(lanes.keys, packedIndex(depth, keyOf(r), at));
    const left = fill(context, "key", keyTile, 1, keyAt, inner);
    const scoreAt: TileValue = (r, c) => scoreIndex(lanes, rows, rowAt(c), keyOf(r));
    return [
      ...out,
      loop(column, 0, depth, [...inner, tileMultiply(score, left, queries)]),
      keep(context, score, array.score, scoreAt),
    ];
  };
  return [loop(first, 0, keys, [overRows(task, outputRows, body, rows)], keyTile)];
}

/** Where the score of a row and a key of the tile lies. */
function scoreIndex({ blockRows }: Step["lanes"], { from }: Rows, row: Expr, key: Expr): Expr {
  return build.add(build.multiply(key, blockRows), build.subtract(row, from));
}

/** Makes logits of the products, and hides what the mask hides. */
function logits(step: Step, unmasked: Expr): readonly Statement[] {
  const { task, tile, keys, rows } = step;
  const { attention } = task;
  const { context, op } = attention;
  const each = (value: (row: Expr, key: Expr, here: Expr) => Expr): Statement =>
    overRows(
      task,
      task.outputRows,
      (row) => {
        const key = context.fresh("key");
        const at = build.variable(key);
        const body = changed(step, row, at, (r, here) => value(r, at, here));
        return [loop(key, 0, keys, body)];
      },
      rows,
    );
  const out: Statement[] = [];
  if (op.score !== undefined) {
    out.push(
      each((row, key, here) => asPower(attention, logitOf(attention, here, tile.at(row, key)))),
    );
  }
  if (unmasked.kind === "const" && unmasked.value !== 0) return out;
  const hide = each((row, key, here) => build.select(tile.shown(row, key), here, lowest));
  return [...out, when(build.not(unmasked), [hide])];
}

/** Sets the scores of some rows and one key. */
function changed(
  { task, lanes, rows }: Step,
  row: Expr,
  key: Expr,
  value: (row: Expr, here: Expr) => Expr,
): readonly Statement[] {
  const { attention, array, outputRows } = task;
  const { context } = attention;
  const out: Statement[] = [];
  const at = (c: Expr): Expr => scoreIndex(lanes, rows, build.add(row, c), key);
  const logit: TileValue = (_, c) => value(build.add(row, c), build.loadArray(array.score, at(c)));
  const name = fill(context, "logit", 1, outputRows, logit, out);
  return [...out, keep(context, name, array.score, (_, c) => at(c))];
}

/** Turns scores into weights, and brings the running maximum and sum along. */
function weights(step: Step): readonly Statement[] {
  const { task, lanes, keys, rows } = step;
  const { attention, array, outputRows } = task;
  const { context, op } = attention;
  const { normalize } = op;
  const body = (row: Expr): readonly Statement[] => {
    const overKeys = (body: (key: Expr) => readonly Statement[]): Statement => {
      const key = context.fresh("key");
      return loop(key, 0, keys, body(build.variable(key)));
    };
    if (normalize !== "softmax")
      return [overKeys((key) => changed(step, row, key, (_, here) => weightOf(normalize, here)))];
    const rowAt = (c: Expr): Expr => build.add(row, c);
    const out: Statement[] = [];
    const running = (name: string, value: (c: Expr) => Expr, into = out): string =>
      fill(context, name, 1, outputRows, (_, c) => value(c), into);
    const score = (key: Expr, c: Expr): Expr => scoreIndex(lanes, rows, rowAt(c), key);
    const before = running("before", (c) => build.loadArray(array.maximum, rowAt(c)));
    const top = running("top", () => build.element(before));
    const largest = overKeys((key) => {
      const inner: Statement[] = [];
      const found = running("logit", (c) => build.loadArray(array.score, score(key, c)), inner);
      const higher = build.maximum(build.element(top), build.element(found));
      return [...inner, refill(context, top, () => higher)];
    });
    out.push(
      largest,
      keep(context, top, array.maximum, (_, c) => rowAt(c)),
    );
    const change = build.subtract(build.element(before), build.element(top));
    const decay = running("decay", () => build.call("exp2_negative", change));
    out.push(keep(context, decay, array.decay, (_, c) => rowAt(c)));
    const sum = running("sum", (c) =>
      build.multiply(build.loadArray(array.sum, rowAt(c)), build.element(decay)),
    );
    const summed = overKeys((key) => {
      const inner: Statement[] = [];
      const shifted = (c: Expr): Expr =>
        build.subtract(build.loadArray(array.score, score(key, c)), build.element(top));
      const weight = running("weight", (c) => build.call("exp2_negative", shifted(c)), inner);
      return [
        ...inner,
        keep(context, weight, array.score, (_, c) => score(key, c)),
        refill(context, sum, () => build.add(build.element(sum), build.element(weight))),
      ];
    });
    return [...out, summed, keep(context, sum, array.sum, (_, c) => rowAt(c))];
  };
  return [overRows(task, outputRows, body, rows)];
}

/** Adds the values, times their weights, to the output. */
function addValues({ task, lanes, keys, rows }: Step): readonly Statement[] {
  const { attention, array, outputRows } = task;
  const { context, op, width } = attention;
  const { output } = array;
  const { values } = lanes;
  if (output === undefined || values === undefined) return [];
  return inBlocks(context, width, [columnTile], (start, size) => {
    const body = (row: Expr): readonly Statement[] => {
      const [out, inner]: [Statement[], Statement[]] = [[], []];
      const key = context.fresh("key");
      const rowAt = (c: Expr): Expr => build.add(row, c);
      const at: TileValue = (r, c) => arrayIndex(task, width, rowAt(c), build.add(start, r));
      const old: TileValue = (r, c) => {
        const sum = build.loadArray(output, at(r, c));
        if (op.normalize !== "softmax") return sum;
        return build.multiply(sum, build.loadArray(array.decay, rowAt(c)));
      };
      const sum = fill(context, "sum", size, outputRows, old, out);
      const here = build.variable(key);
      const weightAt: TileValue = (_, c) =>
        build.loadArray(array.score, scoreIndex(lanes, rows, rowAt(c), here));
      const weight = fill(context, "weight", 1, outputRows, weightAt, inner);
      const valueAt: TileValue = (r) =>
        build.loadArray(values, packedIndex(width, here, build.add(start, r)));
      const left = fill(context, "value", size, 1, valueAt, inner);
      return [
        ...out,
        loop(key, 0, keys, [...inner, tileMultiply(sum, left, weight)]),
        keep(context, sum, output, at),
      ];
    };
    return [overRows(task, outputRows, body, rows)];
  });
}
