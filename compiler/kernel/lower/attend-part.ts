/** The walk of an attention over the keys of one part; see `attend.ts`. */

import { invariant } from "../../../grammar/invariant.ts";
import type { ValueId } from "../../graph/graph.ts";
import { rowsRise } from "../../graph/rising-rows.ts";
import { asConstant, constant, type Dimension, subtract } from "../../op/dimension.ts";
import type { AttendArguments, AttendOp } from "../../op/op.ts";
import type { Predicate, Side } from "../../op/predicate.ts";
import type { Facts } from "../../mask/index.ts";
import { ofOneSequence } from "../../phase/attend-cells.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import {
  declare,
  loop,
  tile as declareTile,
  tileAssign,
  tileMultiply,
  tileReduce,
  when,
} from "../statements.ts";
import { affineOf } from "./affine.ts";
import { readTable, rowInSegment, tableFor } from "./attend-pair.ts";
import type { Context, Coordinates } from "./context.ts";
import { type Pair, rangeOf, scoreOf, type TileRange, tileClass, visible } from "./mask.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import type { Schedule } from "./schedule.ts";

/** The tiles that a task carries from key tile to key tile. */
export interface Running {
  readonly maximum: string;
  readonly sum: string;
  readonly output: string;
  /** Columns of `output`. */
  readonly width: number;
}

/** Where the task's query rows and heads are. */
export interface Rows {
  /** The coordinates of query row `row` of the tile. */
  readonly place: (row: Expr) => Coordinates;
  readonly queryRow: (row: Expr) => Expr;
  /** The coordinates of keys and values, the key axis left out. */
  readonly keyHeads: Coordinates;
}

/** A logit below this is a hidden pair's. */
const hidden = lowest / 2;

/** The statements that take the keys of part `index` into the running tiles. */
export function attendPart(
  context: Context,
  op: AttendOp,
  args: AttendArguments<ValueId>,
  index: number,
  running: Running,
  schedule: Schedule,
  rows: Rows,
): readonly Statement[] {
  const part = op.parts[index];
  invariant(part !== undefined, "lowering: the part of an attention");
  const size = context.extent(part.axis);
  const start = context.fresh("key_start");
  const walk: Walk = { context, op, args, index, running, schedule, rows, size, start };
  const count = context.size(size);
  return [loop(start, 0, count, keyTile(walk, part.mask), schedule.keys)];
}

interface Walk {
  readonly context: Context;
  readonly op: AttendOp;
  readonly args: AttendArguments<ValueId>;
  readonly index: number;
  readonly running: Running;
  readonly schedule: Schedule;
  readonly rows: Rows;
  readonly size: Dimension;
  /** The loop variable: the first key of the tile. */
  readonly start: string;
}

function keyTile(walk: Walk, mask: Predicate): readonly Statement[] {
  const { context, schedule, size } = walk;
  const wholeTiles = (asConstant(size) ?? 1) % schedule.keys === 0;
  const inRange = build.lessEqual(
    build.add(build.variable(walk.start), schedule.keys),
    context.size(size),
  );
  const { possible, certain } = classOf(walk, mask);
  const unmasked = wholeTiles ? certain : build.and(certain, inRange);
  const known = context.fresh("unmasked");
  const body = [
    declare(known, unmasked),
    ...softmaxStep(walk, mask, build.variable(known, build.bool)),
  ];
  if (possible.kind === "const") return possible.value === 0 ? [] : body;
  return [when(possible, body)];
}

/** The key row `column` of the tile, never past the last. */
function keyRow(walk: Walk, column: Expr): Expr {
  const { context, size, schedule, start } = walk;
  const row = build.add(build.variable(start), column);
  if ((asConstant(size) ?? 1) % schedule.keys === 0) return row;
  return build.minimum(row, context.size(subtract(size, constant(1))));
}

function keyPlace(walk: Walk, column: Expr): Coordinates {
  const axis = walk.op.parts[walk.index]?.axis;
  invariant(axis !== undefined, "lowering: the part of an attention");
  const row = affineOf({ key: "key", expr: keyRow(walk, column), extent: walk.size });
  return new Map([...walk.rows.keyHeads, [axis, row]]);
}

function softmaxStep(walk: Walk, mask: Predicate, unmasked: Expr): readonly Statement[] {
  const { context, op, running, schedule } = walk;
  const [rows, keys] = [schedule.queries, schedule.keys];
  const names = {
    score: context.fresh("score"),
    top: context.fresh("top"),
    next: context.fresh("next"),
    decay: context.fresh("decay"),
    added: context.fresh("added"),
    value: context.fresh("value"),
    row: context.fresh("row"),
    column: context.fresh("column"),
  };
  const { row, column } = names;
  const score = build.element(names.score);
  const word = (name: string): Expr => build.variable(name);
  const shown = build.or(unmasked, visibleHere(walk, mask, word(row), word(column)));
  const logit = logitOf(walk, score, word(row), word(column));
  const isHidden = build.lessEqual(score, hidden);
  const statements: Statement[] = [
    ...scores(walk, names.score),
    tileAssign(names.score, build.select(shown, logit, lowest), row, column),
  ];
  if (op.normalize === "softmax") {
    const shifted = build.subtract(score, build.element(names.next));
    statements.push(
      tileReduce(names.top, names.score, "max"),
      declareTile(
        names.next,
        rows,
        1,
        build.maximum(build.element(running.maximum), build.element(names.top)),
        context.fresh("row"),
        context.fresh("column"),
      ),
      declareTile(
        names.decay,
        rows,
        1,
        build.call(
          "exp",
          build.subtract(build.element(running.maximum), build.element(names.next)),
        ),
        context.fresh("row"),
        context.fresh("column"),
      ),
      tileAssign(
        names.score,
        build.select(isHidden, 0, build.call("exp", shifted)),
        context.fresh("row"),
        context.fresh("column"),
      ),
      tileReduce(names.added, names.score, "sum"),
      assignEach(
        context,
        running.sum,
        build.add(
          build.multiply(build.element(running.sum), build.element(names.decay)),
          build.element(names.added),
        ),
      ),
      assignEach(context, running.maximum, build.element(names.next)),
    );
    if (op.result === "log_sum_exp") return statements;
    statements.push(
      assignEach(
        context,
        running.output,
        build.multiply(build.element(running.output), build.element(names.decay)),
      ),
    );
  } else {
    const weight =
      op.normalize === "relu"
        ? build.maximum(score, 0)
        : build.divide(1, build.add(1, build.call("exp", build.negate(score))));
    statements.push(assignEach(context, names.score, build.select(isHidden, 0, weight)));
  }
  const part = walk.args.parts[walk.index];
  invariant(part !== undefined, "lowering: the part of an attention");
  const [valueRow, valueColumn] = [context.fresh("row"), context.fresh("column")];
  const at = new Map([
    ...keyPlace(walk, word(valueRow)),
    [
      op.value,
      affineOf({ key: "value", expr: word(valueColumn), extent: context.extent(op.value) }),
    ],
  ] as const);
  statements.push(
    declareTile(
      names.value,
      keys,
      running.width,
      read(context, part.value, at),
      valueRow,
      valueColumn,
    ),
    tileMultiply(running.output, names.score, names.value),
  );
  return statements;
}

function assignEach(context: Context, tile: string, value: Expr): Statement {
  return tileAssign(tile, value, context.fresh("row"), context.fresh("column"));
}

/** Declares `score` and adds the products of queries and keys, before any scale. */
function scores(walk: Walk, score: string): readonly Statement[] {
  const { context, op, args, schedule, rows } = walk;
  const width = asConstant(context.extent(op.contracted));
  const part = args.parts[walk.index];
  invariant(width !== undefined && part !== undefined, "lowering: queries have constant width");
  const step = (from: number, to: number, depth: number): Statement => {
    const e = context.fresh("e");
    const [query, key] = [context.fresh("query"), context.fresh("key")];
    const [queryRow, queryColumn] = [context.fresh("row"), context.fresh("column")];
    const [keyDepth, keyColumn] = [context.fresh("row"), context.fresh("column")];
    const along = (offset: string): Coordinates =>
      new Map([
        [
          op.contracted,
          affineOf({
            key: "width",
            expr: build.add(build.variable(e), build.variable(offset)),
            extent: context.extent(op.contracted),
          }),
        ],
      ]);
    const queryAt = new Map([...rows.place(build.variable(queryRow)), ...along(queryColumn)]);
    const keyAt = new Map([...keyPlace(walk, build.variable(keyColumn)), ...along(keyDepth)]);
    const left = read(context, args.query, queryAt);
    const right = read(context, part.key, keyAt);
    const body = [
      declareTile(query, schedule.queries, depth, left, queryRow, queryColumn),
      declareTile(key, depth, schedule.keys, right, keyDepth, keyColumn),
      tileMultiply(score, query, key),
    ];
    return loop(e, from, to, body, depth);
  };
  const whole = width - (width % 4);
  return [
    declareTile(score, schedule.queries, schedule.keys, 0),
    ...(whole > 0 ? [step(0, whole, 4)] : []),
    ...(whole < width ? [step(whole, width, 1)] : []),
  ];
}

function logitOf(walk: Walk, product: Expr, row: Expr, column: Expr): Expr {
  const { context, op, args } = walk;
  const scaled = build.multiply(product, build.real(op.scale));
  if (op.score === undefined) return scaled;
  return scoreOf(op.score, scaled, pairAt(walk, row, column), (index, axis, at) => {
    const value = args.data.get(index);
    invariant(value !== undefined, "lowering: the data of a score");
    const place = affineOf(context.opaque(at, context.extent(axis)));
    return read(context, value, new Map([...walk.rows.place(row), [axis, place]]));
  });
}

function visibleHere(walk: Walk, mask: Predicate, row: Expr, column: Expr): Expr {
  const { context, size, schedule, start } = walk;
  const shown = visible(mask, pairAt(walk, row, column));
  if ((asConstant(size) ?? 1) % schedule.keys === 0) return shown;
  const exists = build.less(build.add(build.variable(start), column), context.size(size));
  return build.and(shown, exists);
}

/** The facts of one pair, read at its place. */
function pairAt(walk: Walk, row: Expr, column: Expr): Pair {
  const { context, op, args, rows } = walk;
  const part = args.parts[walk.index];
  const keyAxis = op.parts[walk.index]?.axis;
  invariant(part !== undefined && keyAxis !== undefined, "lowering: the part of an attention");
  const queryAt = rows.place(row);
  const keyAt = keyPlace(walk, column);
  return {
    position: (side) =>
      side === "q"
        ? read(context, args.queryPosition, queryAt)
        : read(context, part.position, keyAt),
    data: (index, side) => {
      const value = side === "k" ? part.data.get(index) : args.data.get(index);
      invariant(value !== undefined, "lowering: the data of a mask");
      return read(context, value, new Map([...queryAt, ...keyAt]));
    },
    table: (index, places) => {
      const value = args.data.get(index);
      invariant(value !== undefined, "lowering: the table of a mask");
      return readTable(context, value, new Map([...queryAt, ...keyAt]), places);
    },
    inSegment: (side, segment) => {
      const own = side === "q" ? op.querySegment : op.parts[walk.index]?.segment;
      if (own !== undefined) return build.boolean(own === segment);
      return side === "q"
        ? rowInSegment(context, op.query, rows.queryRow(row), segment)
        : rowInSegment(context, keyAxis, keyRow(walk, column), segment);
    },
    given: (side) =>
      invariant(
        false,
        `lowering: \`${side} in given\` is decided before kernels are made`,
      ) as never,
  };
}

/** The tile's class. Positions rise within a segment: its first and last key bound the others. */
function classOf(walk: Walk, mask: Predicate): { readonly possible: Expr; readonly certain: Expr } {
  const { schedule } = walk;
  const rows = Array.from({ length: schedule.queries }, (_, row) => build.int(row));
  const keys = Array.from({ length: schedule.keys }, (_, key) => build.int(key));
  const rising = keysRise(walk);
  const ends = rising ? [build.int(0), build.int(schedule.keys - 1)] : keys;
  const at = (
    side: Side,
    value: (row: Expr, key: Expr) => Expr,
    ofKeys: readonly Expr[],
  ): TileRange =>
    side === "k"
      ? rangeOf(ofKeys.map((key) => value(build.int(0), key)))
      : rangeOf(rows.map((row) => value(row, build.int(0))));
  return tileClass(
    mask,
    (side) => at(side, (row, key) => pairAt(walk, row, key).position(side), ends),
    (index, side) => at(side, (row, key) => pairAt(walk, row, key).data(index, side), keys),
    // Rows may be of several heads.
    (index, places) => tableFor(walk, index, new Map(), places),
    factsOf(walk),
  );
}

/** What is known of every row of the tile, whatever its position. */
function factsOf(walk: Walk): Facts {
  const { context, op, index } = walk;
  const part = op.parts[index];
  return {
    shared: part !== undefined && ofOneSequence(context.graph, op.query, part.axis),
    ...(op.querySegment === undefined ? {} : { querySegment: op.querySegment }),
    ...(part?.segment === undefined ? {} : { keySegment: part.segment }),
  };
}

function keysRise({ context, op, args, index }: Walk): boolean {
  const [part, position] = [op.parts[index], args.parts[index]?.position];
  if (part === undefined || position === undefined) return false;
  return rowsRise(context.graph, part.axis, position, part.segment);
}
