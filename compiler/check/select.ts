/** `x[S = e]`, `x[Row ?= e]` and `x[S as K]`: rows by index, and the same rows under another name. */

import type { BracketItem, Expr, Name } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { constant, type Dimension, showDimension, subtract } from "../op/dimension.ts";
import { lacksAxis, narrowToGiven } from "./arguments.ts";
import { compare, type Condition, decide } from "./condition.ts";
import { type Body, demand, evaluate, fail, report } from "./context.ts";
import { rangeOf } from "./elementwise.ts";
import { emit, rename, toTensor } from "./emit.ts";
import { axisOf, breakLabel, newAxis, showAxes, showAxis } from "./labels.ts";
import { largerSizes } from "./measured.ts";
import { hasPositions, recordRows } from "./rows.ts";
import { describe, type Tensor, unknown, type Value } from "./value.ts";

/** Applies the items in brackets one after another. */
export function selectItems(
  body: Body,
  target: Tensor,
  items: readonly BracketItem[],
  span: Span,
): Value {
  let result = target;
  for (const item of items) {
    const next = selectItem(body, result, item, span);
    if (next === undefined) return broken(body, items);
    result = next;
  }
  return result;
}

/** Names that the items would have given are no further mistakes. */
export function broken(body: Body, items: readonly BracketItem[]): Value {
  for (const item of items) if (item.kind === "rename") breakLabel(body, item.to.text);
  return unknown;
}

function selectItem(body: Body, x: Tensor, item: BracketItem, span: Span): Tensor | undefined {
  if (item.kind === "rename") return renameAxis(body, x, item.axis, item.to, span);
  if (item.kind === "select") return select(body, x, item, span);
  if (item.value.kind === "missing") return undefined;
  fail(body, "shape/index", {
    message: "an index says along which axis it goes",
    at: { span: item.span, note: "" },
    also: [{ span, note: showAxes(body, x.axes) }],
    hint: `write \`x[${x.axes.length === 0 ? "Axis" : showAxis(body, x.axes[0] ?? "")} = …]\``,
  });
  return undefined;
}

/** The axis of `x` that `name` means; `T.given` narrows `x` first. */
function ownAxis(
  body: Body,
  x: Tensor,
  name: Name,
  span: Span,
): { x: Tensor; axis: AxisName } | undefined {
  const axis = axisOf(body, name);
  if (axis === undefined) return undefined;
  const narrowed = narrowToGiven(body, x, axis, span);
  if (narrowed.axes.includes(axis)) return { x: narrowed, axis };
  report(body, lacksAxis(body, name, x, span));
  return undefined;
}

/** `x[S as K]`: `K` is new, or it shows the same rows already. */
function renameAxis(body: Body, x: Tensor, from: Name, to: Name, span: Span): Tensor | undefined {
  const found = ownAxis(body, x, from, span);
  if (found === undefined) return undefined;
  const { size, segments } = body.axes.get(found.axis);
  const lineage = { kind: "renamed", from: found.axis } as const;
  const wish = { label: to.text, size, lineage, segments };
  const bound = body.scope.labels.get(to.text);
  if (bound !== undefined && found.x.axes.includes(bound)) {
    fail(body, "shape/repeated", {
      message: `\`${to.text}\` is an axis of this tensor already`,
      at: { span: to.span, note: "" },
      also: [{ span, note: showAxes(body, found.x.axes) }],
      hint: "choose a name that it does not have",
    });
    return undefined;
  }
  const isSameRows = bound !== undefined && body.axes.rows(bound) === body.axes.rows(found.axis);
  // A name whose axis has other rows, or none yet, becomes an axis of these rows.
  if (bound !== undefined && !isSameRows) {
    body.scope.labels.delete(to.text);
    body.scope.sizes.delete(to.text);
  }
  const axis = bound !== undefined && isSameRows ? bound : newAxis(body, to, wish);
  return rename(body, found.x, found.axis, axis, span);
}

type Select = BracketItem & { readonly kind: "select" };

function select(body: Body, x: Tensor, item: Select, span: Span): Tensor | undefined {
  const found = ownAxis(body, x, item.axis, span);
  const index = indexOf(body, item.value);
  if (found === undefined || index === undefined) return undefined;
  const { axis } = found;
  if (!item.padded && !isInRange(body, index, axis, item)) return undefined;
  keepPositions(body, found.x, index, axis);
  const op = { kind: "select", axis, padded: item.padded } as const;
  const range = item.padded ? undefined : found.x.range;
  return emit(body, op, [found.x, index], span, range);
}

function indexOf(body: Body, expr: Expr): Tensor | undefined {
  const value = evaluate(body, expr, { index: true, outer: true });
  if (value.kind === "number" && value.whole) return toTensor(body, value, "int", expr.span);
  if (value.kind === "tensor" && value.element === "int") return value;
  if (value.kind !== "unknown") {
    fail(body, "type/index", {
      message: `an index is an int, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint:
        value.kind === "tensor" && value.element === "float"
          ? "convert it: `int(floor(…))`"
          : "index with an int tensor or a number",
    });
  }
  return undefined;
}

/** A plain index must be provably in range; tokens are checked on the host. */
function isInRange(body: Body, index: Tensor, axis: AxisName, item: Select): boolean {
  if (index.range === "tokens") return true;
  const size = body.axes.size(axis);
  const { low, high } = rangeOf(index);
  const condition: Condition =
    low === undefined || high === undefined
      ? { kind: "constant", value: false }
      : {
          kind: "and",
          operands: [
            compare(constant(0), "<=", low),
            {
              kind: "or",
              operands: [high, ...largerSizes(body, high)].map((each) =>
                compare(each, "<=", subtract(size, constant(1))),
              ),
            },
          ],
        };
  // Bounds of symbols are looser than those of the sizes that an instance has: it decides.
  if (body.mode === "generic" && decide(condition, body.isRuntime) === undefined) return true;
  const show = (bound: Dimension | undefined): string =>
    bound === undefined ? "anything" : showDimension(bound);
  const name = item.axis.text;
  return demand(body, condition, () =>
    error("shape/range", {
      message: `this index cannot be shown to stay inside \`${name}\`, which has rows 0 to ${showDimension(subtract(size, constant(1)))}`,
      at: { span: item.value.span, note: `from ${show(low)} to ${show(high)}` },
      hint: `write \`${name} ?= …\` for 0 outside, or bound it: \`clamp(…, 0, ${name} - 1)\``,
    }),
  );
}

/** Rows picked out of rows that have positions keep them: the index says which they are. */
function keepPositions(body: Body, x: Tensor, index: Tensor, axis: AxisName): void {
  const fresh = index.axes.filter((each) => !x.axes.includes(each));
  const [rows, more] = fresh;
  if (rows === undefined || more !== undefined) return;
  const isPlaced = hasPositions(body, rows) && !body.rows.maps.has(rows);
  if (!hasPositions(body, axis) || isPlaced) return;
  recordRows(body, rows, { kind: "select", from: axis, index });
}
