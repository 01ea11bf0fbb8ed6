/** Reductions and what runs along an axis: `sum`, `softmax`, `argmax`, `cumulative`, `top`, `sort`. */

import type { Expr } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, productOf } from "../op/dimension.ts";
import type { ReduceFunction } from "../op/op.ts";
import {
  type BuiltinCall,
  overAxes,
  repeatsAxis,
  resultAxis,
  sortArguments,
  tensorOf,
} from "./arguments.ts";
import { compare } from "./condition.ts";
import { indexedProduct } from "./contract.ts";
import { type Body, demand, fail, type Use } from "./context.ts";
import { rangeOf } from "./elementwise.ts";
import { emit, rename } from "./emit.ts";
import { newAxis, showAxes } from "./labels.ts";
import { sizeOf } from "./number.ts";
import { below, exactly, multiplyRanges, type Range } from "./range.ts";
import { hasPositions, recordMap } from "./rows.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

/** The first argument of a call with the axes it goes over. */
interface Over {
  readonly x: Tensor;
  readonly axes: readonly AxisName[];
  readonly span: Span;
}

/** `sum(x over D)` and its like; what stands inside may be an outer product. */
export function reduce(body: Body, call: BuiltinCall): Value {
  const { name, span } = call;
  const sorted = sortArguments(body, call, 1, [], `${name}(x over Axis)`);
  const over = sorted && overOf(body, call, sorted.positional[0]?.value);
  if (over === undefined || !takesNumbers(body, call, over)) return unknown;
  if (name === "softmax") return softmax(body, over, span);
  const product = name === "sum" ? indexedProduct(body, over.x, over.axes, span) : undefined;
  if (product !== undefined) return product;
  const fn = reductions.get(name);
  if (fn === undefined) return unknown;
  if (fn === "argmax" && over.axes.length !== 1) return oneAxis(body, call);
  const range = rangeOfReduced(body, fn, over);
  return emit(body, { kind: "reduce", fn, over: over.axes }, [over.x], span, range);
}

/** Bounds of what a reduction of ints gives, where they are known. */
function rangeOfReduced(body: Body, fn: ReduceFunction, { x, axes }: Over): Range | undefined {
  const [axis] = axes;
  if (fn === "argmax") return axis === undefined ? undefined : below(body.axes.size(axis));
  if (fn !== "sum" || x.element !== "int") return undefined;
  const rows = productOf(axes.map((each) => body.axes.size(each)));
  return multiplyRanges(rangeOf(x), exactly(rows));
}

const reductions: ReadonlyMap<string, ReduceFunction> = new Map([
  ["sum", "sum"],
  ["mean", "mean"],
  ["max", "max"],
  ["min", "min"],
  ["argmax", "argmax"],
]);

function overOf(body: Body, call: BuiltinCall, expr: Expr | undefined): Over | undefined {
  const argument = call.arguments.find((each) => each.value === expr);
  if (expr === undefined || argument === undefined) return undefined;
  const x = tensorOf(body, expr, `\`${call.name}\``, { outer: true });
  if (x === undefined) return undefined;
  if (argument.over.length === 0) {
    fail(body, "shape/over", {
      message: `\`${call.name}\` does not say over which axis`,
      at: { span: call.span, note: showAxes(body, x.axes) },
      hint: `write \`${call.name}(… over ${showAxes(body, x.axes.slice(-1)).slice(1, -1) || "Axis"})\``,
    });
    return undefined;
  }
  const found = overAxes(body, x, argument.over, expr.span);
  return found === undefined ? undefined : { ...found, span: expr.span };
}

function takesNumbers(body: Body, call: BuiltinCall, over: Over): boolean {
  const { element } = over.x;
  const floatsOnly = call.name === "mean" || call.name === "softmax";
  if (element === "float" || (element === "int" && !floatsOnly)) return true;
  fail(body, "type/operand", {
    message: `\`${call.name}\` does not take ${element}s`,
    at: { span: over.span, note: element },
    hint: element === "bool" ? "count with `where(condition, 1, 0)`" : "convert it: `float(…)`",
  });
  return false;
}

function oneAxis(body: Body, call: BuiltinCall): Value {
  return fail(body, "shape/over", {
    message: `\`${call.name}\` goes over one axis`,
    at: { span: call.span, note: "" },
    hint: "merge the axes first: `merge(x, A * B = C)`",
  });
}

/** Shifted by the maximum, so that nothing overflows; over no rows there is nothing to divide. */
function softmax(body: Body, { x, axes: over }: Over, span: Span): Tensor {
  const most = emit(body, { kind: "reduce", fn: "max", over }, [x], span);
  const shifted = emit(body, { kind: "map", fn: "subtract" }, [x, most], span);
  const powers = emit(body, { kind: "map", fn: "exp" }, [shifted], span);
  const total = emit(body, { kind: "reduce", fn: "sum", over }, [powers], span);
  return emit(body, { kind: "map", fn: "divide" }, [powers, total], span);
}

/** `cumulative(x over T)`: the running sum. */
export function cumulative(body: Body, call: BuiltinCall): Value {
  const sorted = sortArguments(body, call, 1, [], "cumulative(x over T)");
  const over = sorted && overOf(body, call, sorted.positional[0]?.value);
  if (over === undefined || !takesNumbers(body, call, over)) return unknown;
  const [axis, more] = over.axes;
  if (axis === undefined || more !== undefined) return oneAxis(body, call);
  return emit(body, { kind: "cumulative", axis }, [over.x], call.span);
}

/** `top(x over V, n)`: values and indices of the largest, along a new axis. */
export function top(body: Body, call: BuiltinCall, use: Use): Value {
  const usage = "values, indices = top(x over V, 8)";
  const sorted = sortArguments(body, call, { least: 1, most: 2 }, [], usage);
  const [first, second] = sorted?.positional ?? [];
  if (sorted === undefined || first === undefined) return unknown;
  // `over V, Kept` reads as two axes; the second is the count where none follows.
  const counted = second === undefined ? first.over[1] : undefined;
  const trimmed =
    counted === undefined
      ? call
      : { ...call, arguments: [{ ...first, over: first.over.slice(0, 1) }] };
  const over = overOf(body, trimmed, first.value);
  const countExpr: Expr | undefined =
    second?.value ?? (counted && { kind: "name", text: counted.text, span: counted.span });
  if (over === undefined || !takesNumbers(body, call, over)) return unknown;
  const [axis, more] = over.axes;
  if (axis === undefined || more !== undefined) return oneAxis(body, call);
  if (countExpr === undefined) {
    return fail(body, "call/arguments", {
      message: "`top` does not say how many",
      at: { span: call.span, note: "" },
      hint: `write \`${usage}\``,
    });
  }
  const count = sizeOf(body, countExpr);
  if (count === undefined || !isEnough(body, axis, count, countExpr.span)) return unknown;
  const label = countExpr.kind === "name" ? countExpr.text : "Top";
  return topOf(body, { ...over, axes: [axis] }, axis, count, label, call.span, use);
}

function isEnough(body: Body, axis: AxisName, count: Dimension, span: Span): boolean {
  const isFixed = demand(body, { kind: "fixed", size: count }, () =>
    error("dim/runtime", {
      message: "the number of rows to keep must be known at compile time",
      at: { span, note: "" },
      hint: "write a number or a dim",
    }),
  );
  if (!isFixed || body.isRuntime(body.axes.size(axis)) !== false) return isFixed;
  return demand(body, compare(count, "<=", body.axes.size(axis)), () =>
    error("dim/top", {
      message: `\`${showAxes(body, [axis]).slice(1, -1)}\` has fewer rows than are asked for`,
      at: { span, note: "" },
      hint: "ask for no more rows than there are",
    }),
  );
}

function topOf(
  body: Body,
  over: Over,
  axis: AxisName,
  count: Dimension,
  label: string,
  span: Span,
  use: Use,
): Value {
  const { axes } = over.x;
  const place = { index: axes.indexOf(axis), count: axes.length };
  // A dim that no axis has yet is the name of this one.
  const isDim = body.scope.sizes.has(label) && !body.scope.labels.has(label);
  if (isDim && use.expected === undefined)
    newAxis(body, { text: label, span }, { label, size: count });
  const known = body.scope.labels.get(label);
  let wanted = use;
  for (;;) {
    const into =
      known !== undefined && !body.rows.maps.has(known)
        ? known
        : resultAxis(body, wanted, place, label, count, span);
    if (repeatsAxis(body, over.x, [axis], [into], span)) return unknown;
    const indices = emit(
      body,
      { kind: "top", axis, into, result: "indices" },
      [over.x],
      span,
      below(body.axes.size(axis)),
    );
    if (
      hasPositions(body, axis) &&
      !recordMap(body, into, { kind: "select", from: axis, index: indices })
    ) {
      // That axis holds other rows already, of another call of this block: it is not this one.
      body.scope.avoid.add(into);
      body.scope.labels.delete(use.expected?.[place.index]?.label ?? label);
      wanted = withoutAxis(wanted, into);
      continue;
    }
    const values = emit(body, { kind: "top", axis, into, result: "values" }, [over.x], span);
    return { kind: "several", values: [values, indices] };
  }
}

/** `use` with a new axis where it expects `axis`. */
function withoutAxis({ expected, ...use }: Use, axis: AxisName): Use {
  if (expected === undefined) return use;
  return {
    ...use,
    expected: expected.map((each) => (each.axis === axis ? { label: each.label } : each)),
  };
}

/**
 * `sort(x over V)`: ascending values, and where each came from. `sort(x over V; Rank)` has them on an
 * axis of their own, so that they may say which rows those of `Rank` are.
 */
export function sort(body: Body, call: BuiltinCall): Value {
  const usage = "values, indices = sort(x over V)";
  const sorted = sortArguments(body, call, { least: 1, most: 2 }, [], usage);
  const [first, second] = sorted?.positional ?? [];
  const over = first && overOf(body, call, first.value);
  if (over === undefined || !takesNumbers(body, call, over)) return unknown;
  const [axis, more] = over.axes;
  if (axis === undefined || more !== undefined) return oneAxis(body, call);
  const { x } = over;
  const values = emit(body, { kind: "sort", axis, result: "values" }, [x], call.span, x.range);
  const range = below(body.axes.size(axis));
  const indices = emit(body, { kind: "sort", axis, result: "indices" }, [x], call.span, range);
  const named = second?.value;
  if (named === undefined) return { kind: "several", values: [values, indices] };
  if (named.kind !== "name" || !/^_*[A-Z]/.test(named.text)) {
    return fail(body, "type/axis", {
      message: "`sort` takes the name of the axis for its result",
      at: { span: named.span, note: "" },
      hint: "write `values, indices = sort(x over V; Rank)`",
    });
  }
  const into = newAxis(body, named, { label: named.text, size: body.axes.size(axis) });
  const renamed = [values, indices].map((each) => rename(body, each, axis, into, call.span));
  return { kind: "several", values: renamed };
}
