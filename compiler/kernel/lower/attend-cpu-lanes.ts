/**
 * What a task of an attention on a CPU with several query rows does with one key tile: neighbouring
 * rows lie in the lanes of a register.
 *
 * So keys and values are read where they lie, one number for all lanes; the running maximum and sum
 * need no sum over lanes; and the arrays have the row as their last index.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { ValueId } from "../../graph/graph.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tileMultiply, when } from "../statements.ts";
import { arrayIndex, overRows, type Task } from "./attend-cpu-task.ts";
import { logitOf } from "./attend-pair.ts";
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
import type { KeyTile } from "./attend-walk.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce.ts";

/** Keys, and columns of values, of a register tile. */
const tileRows = 4;

/** Takes the keys of a tile into the running rows; `unmasked` if all its pairs are visible. */
export function laneStep(task: Task, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const part = task.attention.args.parts[tile.part];
  invariant(part !== undefined, "lowering: the arguments of an attention's part");
  return [
    ...scores(task, tile, part.key),
    ...logits(task, tile, unmasked),
    ...weights(task),
    ...addValues(task, tile, part.value),
  ];
}

/** The products of keys and queries. */
function scores(task: Task, tile: KeyTile, key: ValueId): readonly Statement[] {
  const { attention, array, keys, outputRows } = task;
  const { context, depth } = attention;
  const [first, column] = [context.fresh("key"), context.fresh("depth")];
  const at = build.variable(column);
  const keyOf = (row: Expr): Expr => build.add(build.variable(first), row);
  const body = overRows(task, outputRows, (row) => {
    const [out, inner]: [Statement[], Statement[]] = [[], []];
    const rowAt = (c: Expr): Expr => build.add(row, c);
    const score = fill(context, "score", tileRows, outputRows, () => build.real(0), out);
    const queryAt: TileValue = (_, c) =>
      build.loadArray(array.query, arrayIndex(task, depth, rowAt(c), at));
    const queries = fill(context, "query", 1, outputRows, queryAt, inner);
    const keyAt: TileValue = (r) =>
      read(context, key, new Map([...tile.place(keyOf(r)), ...depthColumn(attention, at)]));
    const left = fill(context, "key", tileRows, 1, keyAt, inner);
    const scoreAt: TileValue = (r, c) => arrayIndex(task, keys, rowAt(c), keyOf(r));
    return [
      ...out,
      loop(column, 0, depth, [...inner, tileMultiply(score, left, queries)]),
      keep(context, score, array.score, scoreAt),
    ];
  });
  return [loop(first, 0, keys, [body], tileRows)];
}

/** Makes logits of the products, and hides what the mask hides. */
function logits(task: Task, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const { attention, keys } = task;
  const { context, op } = attention;
  const each = (value: (row: Expr, key: Expr, here: Expr) => Expr): Statement =>
    overRows(task, task.outputRows, (row) => {
      const key = context.fresh("key");
      const at = build.variable(key);
      return [
        loop(
          key,
          0,
          keys,
          changed(task, row, at, (r, here) => value(r, at, here)),
        ),
      ];
    });
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
  task: Task,
  row: Expr,
  key: Expr,
  value: (row: Expr, here: Expr) => Expr,
): readonly Statement[] {
  const { attention, array, keys, outputRows } = task;
  const { context } = attention;
  const out: Statement[] = [];
  const at = (c: Expr): Expr => arrayIndex(task, keys, build.add(row, c), key);
  const logit: TileValue = (_, c) => value(build.add(row, c), build.loadArray(array.score, at(c)));
  const name = fill(context, "logit", 1, outputRows, logit, out);
  return [...out, keep(context, name, array.score, (_, c) => at(c))];
}

/** Turns scores into weights, and brings the running maximum and sum along. */
function weights(task: Task): readonly Statement[] {
  const { attention, array, keys, outputRows } = task;
  const { context, op } = attention;
  const { normalize } = op;
  return [
    overRows(task, outputRows, (row) => {
      const overKeys = (body: (key: Expr) => readonly Statement[]): Statement => {
        const key = context.fresh("key");
        return loop(key, 0, keys, body(build.variable(key)));
      };
      if (normalize !== "softmax")
        return [overKeys((key) => changed(task, row, key, (_, here) => weightOf(normalize, here)))];
      const rowAt = (c: Expr): Expr => build.add(row, c);
      const out: Statement[] = [];
      const running = (name: string, value: (c: Expr) => Expr, into = out): string =>
        fill(context, name, 1, outputRows, (_, c) => value(c), into);
      const score = (key: Expr, c: Expr): Expr => arrayIndex(task, keys, rowAt(c), key);
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
    }),
  ];
}

/** Adds the values, times their weights, to the output. */
function addValues(task: Task, tile: KeyTile, value: ValueId): readonly Statement[] {
  const { attention, array, keys, outputRows } = task;
  const { context, op, width } = attention;
  const { output } = array;
  if (output === undefined) return [];
  return inBlocks(context, width, [tileRows], (start, size) => [
    overRows(task, outputRows, (row) => {
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
        build.loadArray(array.score, arrayIndex(task, keys, rowAt(c), here));
      const weight = fill(context, "weight", 1, outputRows, weightAt, inner);
      const valueAt: TileValue = (r) => {
        const column = valueColumn(attention, build.add(start, r));
        return read(context, value, new Map([...tile.place(here), ...column]));
      };
      const left = fill(context, "value", size, 1, valueAt, inner);
      return [
        ...out,
        loop(key, 0, keys, [...inner, tileMultiply(sum, left, weight)]),
        keep(context, sum, output, at),
      ];
    }),
  ]);
}
