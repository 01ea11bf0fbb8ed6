/**
 * Puts together what groups found that split the keys of an attention (`attend-split.ts`). Each task
 * takes one element of the result: it brings all shares to their largest maximum and adds them up one
 * after another, so that the order, and with it the result, is always the same.
 */

import { constant, productOf } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import type { Split } from "../schedule/attend-splits.ts";
import { assign, declare, loop, mutable } from "../statements.ts";
import { type Attention, packedRows } from "./attend-rows.ts";
import { partialsOf } from "./attend-split.ts";
import { floor, resultOf, storeRows, valueColumn } from "./attend-tiles.ts";
import { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { type Combine, finish, type Schedule } from "./schedule.ts";

/** The kernel that combines the shares of `attention`. */
export function combineShares(
  { context: first, ...rest }: Attention,
  split: Split,
  schedule: Schedule,
): Combine {
  const context = new Context(first);
  const attention: Attention = { ...rest, context };
  const { op, region, rows, sets, width } = attention;
  const hasOutput = op.result === "output";
  const columns = hasOutput ? width : 1;
  const tasks = productOf([sets, rows, constant(columns)]);
  const flops = productOf([constant(2), tasks, split.shares]);
  const name = `${regionName(context, region)}_combine`;
  const comment = [...commentOf(context, region), "adds up what groups found of their keys"];
  const lowered = finish(context, schedule, name, comment, tasks, flops, (task) => {
    const [line, column] = [build.quotient(task, columns), build.remainder(task, columns)];
    const set = build.quotient(line, context.size(rows));
    const row = build.remainder(line, context.size(rows));
    const sums = sumShares(attention, split, set, row, column);
    const place = packedRows(attention, set, 1).place(row);
    const at = hasOutput ? valueColumn(attention, column) : new Map();
    const result = resultOf(attention, sums);
    const store = storeRows(
      ...([attention, 1, 1, () => place] as const),
      () => at,
      () => result,
    );
    return [...sums.statements, ...store];
  });
  const { keys, atMost } = split;
  const partial = partialsOf(attention, split, "read").elements;
  return { lowered, partial, unless: { size: keys, atMost } };
}

/** What the shares of a packed row come to: maximum and total, if normalised, and an output. */
function sumShares(
  attention: Attention,
  split: Split,
  set: Expr,
  row: Expr,
  column: Expr,
): {
  readonly statements: readonly Statement[];
  readonly maximum: Expr;
  readonly total: Expr;
  readonly output: Expr;
} {
  const { context, op } = attention;
  const partials = partialsOf(attention, split, "read");
  const running = (name: string, start: number) => {
    const fresh = context.fresh(name);
    return {
      value: build.variable(fresh, build.f32),
      start: mutable(fresh, build.real(start)),
      set: (value: Expr): Statement => assign(fresh, value),
    };
  };
  const overShares = (body: (slot: Expr) => readonly Statement[]): Statement => {
    const [share, slot] = [context.fresh("share"), context.fresh("slot")];
    const at = partials.slot(build.variable(share), set, row);
    const statements = [declare(slot, at), ...body(build.variable(slot))];
    return loop(share, 0, context.size(split.shares), statements);
  };
  const maximum = running("maximum", floor);
  const total = running("total", 0);
  const output = running("output", 0);
  const found = (slot: Expr): Expr => build.load(partials.buffer, partials.output(slot, column));
  const sums = { maximum: maximum.value, total: total.value, output: output.value };
  if (op.normalize !== "softmax") {
    const add = overShares((slot) => [output.set(build.add(output.value, found(slot)))]);
    return { statements: [output.start, add], ...sums };
  }
  const largest = overShares((slot) => [
    maximum.set(build.maximum(maximum.value, build.load(partials.buffer, partials.maximum(slot)))),
  ]);
  const factor = context.fresh("factor");
  const scaled = (value: Expr): Expr => build.multiply(value, build.variable(factor, build.f32));
  const hasOutput = op.result === "output";
  const add = overShares((slot) => {
    const change = build.subtract(
      build.load(partials.buffer, partials.maximum(slot)),
      maximum.value,
    );
    const more = scaled(build.load(partials.buffer, partials.total(slot)));
    return [
      declare(factor, build.call("exp2", change)),
      total.set(build.add(total.value, more)),
      ...(hasOutput ? [output.set(build.add(output.value, scaled(found(slot))))] : []),
    ];
  });
  const outputs = hasOutput ? [output.start] : [];
  return { statements: [maximum.start, largest, total.start, ...outputs, add], ...sums };
}
