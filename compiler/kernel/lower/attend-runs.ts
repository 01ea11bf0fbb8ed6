/** The walk over keys that a periodic mask shows: from run to run, past the tiles between them. */

import { invariant } from "../../../grammar/invariant.ts";
import type { KeyLoop, KeyRuns } from "../../mask/index.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { assign, declare, loop, mutable } from "../statements.ts";
import type { Context } from "./context.ts";

/** Loops over key positions, and the rows that hold those. */
export interface PeriodicKeys {
  readonly loops: readonly KeyLoop<Expr>[];
  readonly runs: KeyRuns<Expr>;
  /** The first row that may have the position, and the one after the last that may. */
  readonly from: (position: Expr) => Expr;
  readonly to: (position: Expr) => Expr;
}

/**
 * Walks the tiles of `step` keys that hold some of `keys`, in rising order and each once: `body` with
 * the variable `start` and the row that the run ends before. Where no whole tile fits between two runs,
 * all of a loop is one run.
 */
export function overRuns(
  context: Context,
  { loops, runs, from, to }: PeriodicKeys,
  start: string,
  step: number,
  body: (end: Expr) => readonly Statement[],
): readonly Statement[] {
  const { period, first, length } = runs;
  const name = (of: string): string => context.fresh(of);
  const [index, apart, done] = [name("interval"), name("apart"), name("done")];
  const [low, high, repeats] = [name("low"), name("high"), name("repeats")];
  const [past, origin, count, run] = [name("past"), name("origin"), name("runs"), name("run")];
  const [begin, row, end] = [name("run_start"), name("from"), name("to")];
  const is = build.variable;
  const flag = (of: string): Expr => build.variable(of, build.bool);
  const down = (each: Expr): Expr => build.subtract(each, build.remainder(each, step));
  const chosen = (of: (each: KeyLoop<Expr>) => Expr): Expr => {
    const [only, ...more] = loops.map(of);
    invariant(only !== undefined, "lowering: a mask with runs has loops");
    return more.reduce(
      (before, each, i) => build.select(build.less(is(index), i + 1), before, each),
      only,
    );
  };
  const inRuns = loops.flatMap((each, i) =>
    each.runs === undefined ? [] : [build.equal(is(index), i)],
  );
  const isPeriodic = inRuns.length === loops.length ? build.boolean(true) : build.or(...inRuns);
  const next = build.select(build.less(is(past), length), build.int(0), period);
  const walk = [
    declare(
      low,
      chosen((each) => each.low),
    ),
    declare(
      high,
      chosen((each) => each.high),
    ),
    declare(repeats, build.and(flag(apart), isPeriodic)),
    declare(past, build.floorRemainder(build.subtract(is(low), first), period)),
    declare(
      origin,
      build.select(flag(repeats), build.add(build.subtract(is(low), is(past)), next), is(low)),
    ),
    declare(
      count,
      build.select(
        flag(repeats),
        build.quotient(
          build.maximum(build.add(build.subtract(is(high), is(origin)), period), 0),
          period,
        ),
        1,
      ),
    ),
    loop(run, 0, is(count), [
      declare(begin, build.add(is(origin), build.multiply(is(run), period))),
      declare(row, build.maximum(down(from(build.maximum(is(begin), is(low)))), is(done))),
      declare(
        end,
        to(
          build.select(
            flag(repeats),
            build.minimum(build.add(is(begin), build.subtract(length, 1)), is(high)),
            is(high),
          ),
        ),
      ),
      assign(done, build.maximum(is(done), down(build.add(is(end), step - 1)))),
      loop(start, is(row), is(end), body(is(end)), step),
    ]),
  ];
  return [
    declare(apart, build.lessEqual(build.add(length, step), period)),
    mutable(done, build.int(0)),
    ...(loops.length === 1 ? walk : [loop(index, 0, loops.length, walk)]),
  ];
}
