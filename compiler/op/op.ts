/**
 * The operations of the graph. Each is pure and has one result. Values align by axis name, so no
 * operation mentions transposes; the order of axes in a node's type is its storage order.
 *
 * What each means exactly is `graph/evaluate.ts`; what must hold is `graph/verify.ts`.
 */

import type { AxisName } from "./axis.ts";
import type { Dimension } from "./dimension.ts";
import type { Predicate, Score, Side } from "./predicate.ts";
import type { Element, TensorType } from "./type.ts";

/** Elementwise functions, by the number of their operands. */
export type UnaryFunction =
  | "negate"
  | "not"
  | "abs"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "tanh"
  | "sigmoid"
  | "silu"
  | "gelu"
  | "gelu_tanh"
  | "quick_gelu"
  | "erf"
  | "relu"
  | "sin"
  | "cos"
  | "acos"
  | "floor"
  | "ceil"
  | "round"
  /** Conversions: `float` of int or bool, `int` of bool or of a whole float. */
  | "float"
  | "int";
export type BinaryFunction =
  | "add"
  | "subtract"
  | "multiply"
  | "divide"
  | "floor_divide"
  | "remainder"
  | "min"
  | "max"
  | "equal"
  | "not_equal"
  | "less"
  | "less_equal"
  | "and"
  | "or";
/** `where(condition, then, otherwise)`. `clamp` is `min` of `max`. */
export type MapFunction = UnaryFunction | BinaryFunction | "where";

/** `greedy` is `argmax` that minds what is no choice: see `reduce`. */
export type ReduceFunction = "sum" | "mean" | "max" | "min" | "argmax" | "greedy";

/** The reductions that give the place of an element. */
export const placeFunctions: ReadonlySet<ReduceFunction> = new Set(["argmax", "greedy"]);

/** One key segment of an attention: its rows and, simplified under that assumption, the mask. */
export interface AttendPart {
  /** The key axis of this part: an axis of its `k` and its `v`. */
  readonly axis: AxisName;
  /** Which segment the rows are, if the keys are one segment of a sequence. */
  readonly segment?: string;
  readonly mask: Predicate;
}

export type Op =
  /** A tensor or tokens from outside, or the positions of one segment's (or plain axis') rows. */
  | {
      readonly kind: "input";
      readonly name: string;
      readonly role: "tensor" | "token" | "position";
    }
  /** A stored tensor: a key of `Graph.weights`. */
  | { readonly kind: "weight"; readonly name: string }
  /** One number; true is 1 where the element is bool. */
  | { readonly kind: "constant"; readonly element: Element; readonly value: number }
  /** A tensor that the compiler computed: `data` is row-major over `axes`, all of constant size. */
  | {
      readonly kind: "table";
      readonly element: Element;
      readonly axes: readonly AxisName[];
      readonly data: readonly number[];
    }
  /**
   * A size as an int scalar, for run-time sizes; a constant size is a `constant`. Its arguments are
   * the `measure`s that the size depends on, whose values it does not read.
   */
  | { readonly kind: "size"; readonly size: Dimension }
  /** 0, 1, 2, … along the only axis of the result; arguments as those of `size`. */
  | { readonly kind: "index"; readonly axis: AxisName }
  /** The only argument, an int scalar from 0 to `most`: from here on it is what `symbol` stands for. */
  | { readonly kind: "measure"; readonly symbol: string; readonly most: Dimension }
  /** Elementwise; an operand that lacks an axis of the result is repeated along it. */
  | { readonly kind: "map"; readonly fn: MapFunction }
  /**
   * Over no rows: sum 0, mean 0, max -∞, min +∞, argmax 0. Ties of argmax go to the lower index.
   * `greedy` is argmax of floats, but -1 where one is not a number or none is above -∞.
   */
  | { readonly kind: "reduce"; readonly fn: ReduceFunction; readonly over: readonly AxisName[] }
  /** Running sum along an axis, the element itself included. */
  | { readonly kind: "cumulative"; readonly axis: AxisName }
  /** `sum(a * b over …)`; the axes summed have constant size. */
  | { readonly kind: "contract"; readonly over: readonly AxisName[] }
  | { readonly kind: "rename"; readonly from: AxisName; readonly to: AxisName }
  /** One axis becomes several in its place, row-major; `into` multiply to its size. */
  | { readonly kind: "split"; readonly axis: AxisName; readonly into: readonly AxisName[] }
  /** Row-major in the order of `axes`; the result has `into` where the last of them stood in x. */
  | { readonly kind: "merge"; readonly axes: readonly AxisName[]; readonly into: AxisName }
  /** Rows `start …` of an axis, as many as the axis `into` has. */
  | {
      readonly kind: "slice";
      readonly axis: AxisName;
      readonly start: Dimension;
      readonly into: AxisName;
    }
  /**
   * Arguments `x, index`: `result[…] = x[… axis = index[…] …]`. Axes of `index` that `x` also has
   * align, `axis` itself may reappear. `padded`: out of range gives 0; else it must be in range.
   */
  | { readonly kind: "select"; readonly axis: AxisName; readonly padded: boolean }
  /**
   * Argument i has axis `parts[i]` where the result has `into`; rows follow each other. As in `map`,
   * an argument that lacks an axis (its part included) is repeated along it.
   */
  | { readonly kind: "join"; readonly into: AxisName; readonly parts: readonly AxisName[] }
  /** A new first axis of as many arguments, which are repeated along axes that they lack. */
  | { readonly kind: "stack"; readonly into: AxisName }
  | AttendOp
  /** The `count` largest along an axis, in falling order, ties to the lower index. */
  | {
      readonly kind: "top";
      readonly axis: AxisName;
      readonly into: AxisName;
      readonly result: "values" | "indices";
    }
  /** Ascending, stable. */
  | { readonly kind: "sort"; readonly axis: AxisName; readonly result: "values" | "indices" }
  /** A state that an earlier phase left: computed once, or a cache's rows so far (phase graphs only). */
  | { readonly kind: "state"; readonly name: string; readonly type: TensorType }
  /**
   * The cache's rows so far, then the rows of the only argument, which it keeps (phase graphs only).
   * With a `ring` row r lies in slot `r mod ring`, and older rows of that slot are read by nobody. With
   * `pages` of so many rows it lies where the table of pages says.
   */
  | {
      readonly kind: "append";
      readonly state: string;
      readonly axis: AxisName;
      readonly into: AxisName;
      readonly ring?: number;
      readonly pages?: number;
    };

/**
 * Attention of one query axis over the rows of all `parts` in one normalisation.
 *
 * Arguments, see `attendArguments`: the query, the query rows' positions (int), then for each part
 * keys, values, the key rows' positions and one argument for each `data` use on side `k`, then the
 * `data` uses of the other sides, then the sink (a float, one logit per head) if there is one, then
 * for each part the `ranges` of its data.
 *
 * `contracted` is the last axis of `k`; `group` pairs the query's head axis with the keys' (query
 * head h reads key head floor(h / (H / G))), and is absent when they share all other axes. The
 * result has the query's axes in order, with `contracted` replaced by `value` (the last axis of v).
 */
export interface AttendOp {
  readonly kind: "attend";
  readonly query: AxisName;
  /** The segment of the query rows, if they are one segment of a sequence. */
  readonly querySegment?: string;
  readonly contracted: AxisName;
  readonly value: AxisName;
  readonly group?: { readonly query: AxisName; readonly key: AxisName };
  readonly parts: readonly AttendPart[];
  readonly data: readonly Side[];
  /** By part: ranges of its data. They say nothing new (graphs of phases, once passes are done). */
  readonly ranges?: readonly (readonly DataRange[])[];
  readonly scale: number;
  readonly score?: Score;
  readonly normalize: "softmax" | "sigmoid" | "relu";
  readonly sink: boolean;
  /** `weights` has the one key axis in place of `value`; `log_sum_exp` lacks it. */
  readonly result: "output" | "weights" | "log_sum_exp";
}

export type OpKind = Op["kind"];

/** The operation of one kind. */
export type OpOf<K extends OpKind> = Extract<Op, { kind: K }>;

/**
 * One rule for each kind of operation. Adding a kind to `Op` makes every table that lacks it a type
 * error: the compiler is the to-do list.
 */
export type OpTable<Args extends readonly unknown[], R> = {
  readonly [K in OpKind]: (op: OpOf<K>, ...args: Args) => R;
};

/** The rule of `table` for `op`, applied. The one place where a table is indexed by kind. */
export function applyTable<Args extends readonly unknown[], R>(
  table: OpTable<Args, R>,
  op: Op,
  ...args: Args
): R {
  // The key and the parameter come from the same `op`; TypeScript cannot correlate them.
  const rule = table[op.kind] as (op: Op, ...args: Args) => R;
  return rule(op, ...args);
}

/** The most elements of a row of keys or values: what an invocation and a group have room for. */
export const widestHead = 1024;

/** The key rows of a granule. */
export const granule = 16;

/**
 * The smallest and largest values of data use `index` on side `k` in each `granule` key rows: an int
 * argument whose axis `granules` counts these. Along `ends` lie the largest `-1 - x` and the largest
 * `x`, so that one reduction gives both and no number is too small.
 */
export interface DataRange {
  readonly index: number;
  readonly ends: AxisName;
  readonly granules: AxisName;
}

/** The arguments of an attention by role; generic, since values, tensors and buffers come so. */
export interface AttendArguments<T> {
  readonly query: T;
  readonly queryPosition: T;
  readonly parts: readonly {
    readonly key: T;
    readonly value: T;
    readonly position: T;
    /** By `data` index; only uses on side `k` are present. */
    readonly data: ReadonlyMap<number, T>;
    /** By `data` index: see `DataRange`. */
    readonly ranges?: ReadonlyMap<number, T>;
  }[];
  /** By `data` index; only uses on sides `q` and `none`. */
  readonly data: ReadonlyMap<number, T>;
  readonly sink?: T;
}

/** Splits an attention's arguments by role. Throws if the count is wrong. */
export function attendArguments<T>(op: AttendOp, args: readonly T[]): AttendArguments<T> {
  let next = 0;
  const take = (): T => {
    const value = args[next++];
    if (value === undefined) throw new RangeError("an attention lacks an argument");
    return value;
  };
  const query = take();
  const queryPosition = take();
  const parts = op.parts.map(() => {
    const [key, value, position] = [take(), take(), take()];
    const data = new Map<number, T>();
    for (const [index, side] of op.data.entries()) if (side === "k") data.set(index, take());
    return { key, value, position, data };
  });
  const data = new Map<number, T>();
  for (const [index, side] of op.data.entries()) if (side !== "k") data.set(index, take());
  const sink = op.sink ? { sink: take() } : {};
  const ranged = parts.map((part, index) => {
    const of = op.ranges?.[index] ?? [];
    return of.length === 0
      ? part
      : { ...part, ranges: new Map(of.map((each) => [each.index, take()])) };
  });
  if (next !== args.length) throw new RangeError("an attention has arguments left over");
  return { query, queryPosition, parts: ranged, data, ...sink };
}

/** The inverse of `attendArguments`. */
export function listAttendArguments<T>(op: AttendOp, roles: AttendArguments<T>): readonly T[] {
  const at = (data: ReadonlyMap<number, T>, side: (side: Side) => boolean): T[] =>
    op.data.flatMap((each, index) => {
      const value = data.get(index);
      return side(each) && value !== undefined ? [value] : [];
    });
  return [
    roles.query,
    roles.queryPosition,
    ...roles.parts.flatMap((part) => [
      part.key,
      part.value,
      part.position,
      ...at(part.data, (side) => side === "k"),
    ]),
    ...at(roles.data, (side) => side !== "k"),
    ...(roles.sink === undefined ? [] : [roles.sink]),
    ...roles.parts.flatMap(({ ranges }) => [...(ranges ?? new Map<number, T>()).values()]),
  ];
}
