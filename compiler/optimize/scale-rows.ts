/** Row-wise factors of a product's operand become factors of its result. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import type { OpOf } from "../op/op.ts";
import { equalTypes } from "../op/type.ts";

/**
 * `contract(x * r * w, W)` becomes `contract(x * w, W) * r` where `r` has none of the summed axes and
 * comes from a reduction over them: the scale of an RMS norm. What is left of the operand is cheap
 * enough to be computed where the product reads it, and the product's kernel can reduce the same
 * rows, so that the norm needs no kernel of its own.
 *
 * Sound because a factor that does not change along the summed axes leaves the sum; in float32 the
 * result differs by a rounding. Norms that subtract a mean stay as they are: the mean times the sums
 * of the columns would cancel most digits. A product of some of the rows reduces those again, which is
 * little beside it. Leaves the scaled operand to `removeDead`, and equal
 * operands `x * w` to `share`.
 */
export function scaleRows(graph: Graph): Graph {
  return rewriteGraph(graph, "scaleRows", (node, _old, builder) => {
    const { op, origin, type } = node;
    if (op.kind !== "contract") return undefined;
    for (const [index, arg] of node.args.entries()) {
      const found = withoutFactor(builder, arg, op.over);
      if (found === undefined) continue;
      const args = node.args.map((each, i) => (i === index ? found.rest : each));
      const product = builder.node(op, args, origin);
      if (!equalTypes(builder.typeOf(product), type)) continue;
      return builder.node({ kind: "map", fn: found.fn }, [product, found.factor], origin);
    }
    return undefined;
  });
}

/** `value` is `rest * factor` or `rest / factor`. */
interface Factored {
  readonly rest: ValueId;
  /** The part of `rest` that the factor multiplied. */
  readonly base: ValueId;
  readonly fn: "multiply" | "divide";
  readonly factor: ValueId;
}

function withoutFactor(
  builder: GraphBuilder,
  value: ValueId,
  over: readonly AxisName[],
): Factored | undefined {
  const { op, args, origin } = builder.nodeOf(value);
  const [a, b] = args;
  if ((op.kind === "slice" || op.kind === "rename") && a !== undefined)
    return factoredRows(builder, a, op, over);
  if (op.kind !== "map" || a === undefined || b === undefined) return undefined;
  if (op.fn !== "multiply" && op.fn !== "divide") return undefined;
  if (isRowFactor(builder, b, over)) return { rest: a, base: a, fn: op.fn, factor: b };
  if (op.fn === "multiply" && isRowFactor(builder, a, over))
    return { rest: b, base: b, fn: "multiply", factor: a };
  const left = withoutFactor(builder, a, over);
  if (left !== undefined) return { ...left, rest: builder.node(op, [left.rest, b], origin) };
  const right = op.fn === "multiply" ? withoutFactor(builder, b, over) : undefined;
  return right && { ...right, rest: builder.node(op, [a, right.rest], origin) };
}

/** The same for the rows of `value` that `view` shows; both parts take them where they begin. */
function factoredRows(
  builder: GraphBuilder,
  value: ValueId,
  view: OpOf<"slice"> | OpOf<"rename">,
  over: readonly AxisName[],
): Factored | undefined {
  const [axis, shown] = view.kind === "slice" ? [view.axis, view.into] : [view.from, view.to];
  // An axis that is summed is not one of rows.
  if (over.includes(shown)) return undefined;
  const found = withoutFactor(builder, value, over);
  if (found === undefined) return undefined;
  const rowsOf = (id: ValueId): ValueId => {
    const { op, args, origin, type } = builder.nodeOf(id);
    if (!type.axes.includes(axis)) return id;
    if (id === found.base || (op.kind !== "map" && op.kind !== "reduce"))
      return builder.node(view, [id], origin);
    return builder.node(op, args.map(rowsOf), origin);
  };
  const base = rowsOf(found.base);
  return { rest: rowsOf(found.rest), base, fn: found.fn, factor: rowsOf(found.factor) };
}

/** Whether the value is the same along `over` and comes from reductions over exactly those axes. */
function isRowFactor(builder: GraphBuilder, value: ValueId, over: readonly AxisName[]): boolean {
  const { op, args, type } = builder.nodeOf(value);
  if (type.axes.some((axis) => over.includes(axis))) return false;
  if (op.kind === "reduce")
    return op.over.length === over.length && op.over.every((axis) => over.includes(axis));
  return op.kind === "map" && args.some((arg) => isRowFactor(builder, arg, over));
}
