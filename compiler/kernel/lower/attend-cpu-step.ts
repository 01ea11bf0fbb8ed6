/**
 * What a task of an attention on a CPU with a single query does with one key tile: neighbouring keys,
 * and neighbouring columns of values, lie in the lanes of a register. See `attend-cpu.ts`.
 */

import type { ValueId } from "../../graph/graph.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tileMultiply, tileReduce, when } from "../statements.ts";
import { keysThere, keyTile, overRows, type Task } from "./attend-cpu-task.ts";
import { logitOf, partArguments } from "./attend-pair.ts";
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
import type { KeyTile, WalkedTile } from "./attend-walk.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";

/** Takes the keys of a tile into the running rows; `unmasked` if all its pairs are visible. */
export function softmaxStep(task: Task, tile: WalkedTile, unmasked: Expr): readonly Statement[] {
  const part = partArguments(task.attention, tile.part);
  const { statements, keys } = keysThere(task, tile);
  return [
    ...statements,
    ...scores(task, tile, keys, part.key),
    ...weights(task, tile, unmasked),
    ...addValues(task, tile, keys, part.value),
  ];
}

/** The products of queries and keys, four keys at a time. */
function scores(task: Task, tile: KeyTile, there: Expr, keyValue: ValueId): readonly Statement[] {
  const { attention, array, keys } = task;
  const scoreRows = Math.min(task.outputRows, 2);
  const { context, depth } = attention;
  const key = context.fresh("key");
  const firstKey = build.variable(key);
  const keyAt: TileValue = (e, column) => {
    const row = build.add(firstKey, column);
    return read(context, keyValue, new Map([...tile.place(row), ...depthColumn(attention, e)]));
  };
  const body = overRows(task, scoreRows, (first) => {
    const out: Statement[] = [];
    const score = fill(context, "score", scoreRows, 4, () => build.real(0), out);
    const products = inBlocks(context, depth, [16, 4], (e, size) => {
      const inner: Statement[] = [];
      const queryAt: TileValue = (r, c) =>
        build.add(build.multiply(build.add(first, r), depth), build.add(e, c));
      const query = fill(
        ...([context, "query", scoreRows, size] as const),
        (r, c) => build.loadArray(array.query, queryAt(r, c)),
        inner,
      );
      const right = fill(context, "key", size, 4, (r, c) => keyAt(build.add(e, r), c), inner);
      return [...inner, tileMultiply(score, query, right)];
    });
    const at: TileValue = (r, c) =>
      build.add(build.multiply(build.add(first, r), keys), build.add(firstKey, c));
    return [...out, ...products, keep(context, score, array.score, at)];
  });
  return [loop(key, 0, there, [body], keyTile)];
}

/** Turns the scores of each row into weights, and brings the running maximum and sum along. */
function weights(task: Task, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const { attention, array, keys } = task;
  const { context, op } = attention;
  const { normalize } = op;
  return [
    overRows(task, 1, (row) => {
      const out: Statement[] = [];
      const at = (c: Expr): Expr => build.add(build.multiply(row, keys), c);
      const logit: TileValue = (_, c) => {
        const product = build.loadArray(array.score, at(c));
        return asPower(attention, logitOf(attention, product, tile.at(row, c)));
      };
      const score = fill(context, "logit", 1, keys, logit, out);
      const here = build.element(score);
      if (unmasked.kind !== "const" || unmasked.value === 0) {
        const shown = (c: Expr): Expr => build.select(tile.shown(row, c), here, lowest);
        out.push(when(build.not(unmasked), [refill(context, score, (_, c) => shown(c))]));
      }
      if (normalize === "softmax") out.push(...running(task, row, score));
      else out.push(refill(context, score, () => weightOf(normalize, here)));
      return [...out, keep(context, score, array.score, (_, c) => at(c))];
    }),
  ];
}

/** The online softmax of one row: `score` becomes weights under the new maximum. */
function running({ attention, array }: Task, row: Expr, score: string): readonly Statement[] {
  const { context } = attention;
  const out: Statement[] = [];
  const [top, added] = [context.fresh("top"), context.fresh("added")];
  const single = (name: string, value: Expr): string => fill(context, name, 1, 1, () => value, out);
  const before = single("before", build.loadArray(array.maximum, row));
  out.push(tileReduce(top, score, "max"));
  const next = single("next", build.maximum(build.element(before), build.element(top)));
  const change = build.subtract(build.element(before), build.element(next));
  const decay = single("decay", build.call("exp2_negative", change));
  const shifted = build.subtract(build.element(score), build.element(next));
  out.push(
    refill(context, score, () => build.call("exp2_negative", shifted)),
    tileReduce(added, score, "sum"),
  );
  const old = build.multiply(build.loadArray(array.sum, row), build.element(decay));
  const sum = single("sum", build.add(old, build.element(added)));
  out.push(
    keep(context, next, array.maximum, () => row),
    keep(context, decay, array.decay, () => row),
    keep(context, sum, array.sum, () => row),
  );
  return out;
}

/** Adds the values, times their weights, to the output. */
function addValues(task: Task, tile: KeyTile, there: Expr, value: ValueId): readonly Statement[] {
  const { attention, array, keys, outputRows } = task;
  const { context, op, width } = attention;
  const { output } = array;
  if (output === undefined) return [];
  const valueAt: TileValue = (row, column) => {
    return read(context, value, new Map([...tile.place(row), ...valueColumn(attention, column)]));
  };
  return [
    overRows(task, outputRows, (first) =>
      inBlocks(context, width, outputRows === 4 ? [8, 4] : [16, 8, 4], (start, size) => {
        const out: Statement[] = [];
        const at: TileValue = (r, c) =>
          build.add(build.multiply(build.add(first, r), width), build.add(start, c));
        const old: TileValue = (r, c) => {
          const sum = build.loadArray(output, at(r, c));
          if (op.normalize !== "softmax") return sum;
          return build.multiply(sum, build.loadArray(array.decay, build.add(first, r)));
        };
        const sum = fill(context, "sum", outputRows, size, old, out);
        const key = context.fresh("key");
        const firstKey = build.variable(key);
        const inner: Statement[] = [];
        const weightAt: TileValue = (r, c) =>
          build.add(build.multiply(build.add(first, r), keys), build.add(firstKey, c));
        const weight = fill(
          ...([context, "weight", outputRows, 4] as const),
          (r, c) => build.loadArray(array.score, weightAt(r, c)),
          inner,
        );
        const right = fill(
          ...([context, "value", 4, size] as const),
          (r, c) => valueAt(build.add(firstKey, r), build.add(start, c)),
          inner,
        );
        return [
          ...out,
          loop(key, 0, there, [...inner, tileMultiply(sum, weight, right)], keyTile),
          keep(context, sum, output, at),
        ];
      }),
    ),
  ];
}
