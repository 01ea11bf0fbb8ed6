/** Removes elementwise operations that change nothing. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { BinaryFunction, MapFunction } from "../op/op.ts";
import { equalTypes } from "../op/type.ts";

/**
 * Replaces an elementwise operation by one of its operands where both are the same number: `x * 1`,
 * `x / 1`, `x + 0`, `x - 0`, `not not x`, `-(-x)`, `min(x, x)`, `where(true, x, y)`, `where(c, x, x)`,
 * conversions to the type a value has already, `and` and `or` with a constant.
 *
 * Sound for every float, NaN and infinities included, since only identities of IEEE arithmetic are
 * used: `x * 0` stays, for instance, because it is NaN for an infinite x, and so does `x - x`. The one
 * liberty is that `x + 0` turns -0 into 0, which this does not: zeros have no sign in the language.
 * An operand stands for the result only if it has all its axes, so no repetition is lost. Needs
 * scalars folded; leaves the other operands to `removeDead`.
 */
export function simplifyMaps(graph: Graph): Graph {
  return rewriteGraph(graph, "simplifyMaps", (node, _old, builder) => {
    if (node.op.kind !== "map") return undefined;
    const same = sameAs(node.op.fn, node, builder);
    if (same === undefined || !equalTypes(builder.typeOf(same), node.type)) return undefined;
    return same;
  });
}

/** The operand that equals the result at every place, if there is one. */
function sameAs(fn: MapFunction, node: Node, builder: GraphBuilder): ValueId | undefined {
  const [a, b, c] = node.args;
  if (a === undefined) return undefined;
  if (fn === "where") {
    if (b === c) return b;
    const condition = scalarOf(a, builder);
    return condition === undefined ? undefined : condition === 0 ? c : b;
  }
  if (b !== undefined) return sameAsOperand(fn, a, b, builder);
  const operand = builder.nodeOf(a);
  if (fn === "negate" || fn === "not")
    return operand.op.kind === "map" && operand.op.fn === fn ? operand.args[0] : undefined;
  return fn === operand.type.element ? a : undefined;
}

/** The neutral element of a function of two operands, where it has one on that side. */
const neutral: Partial<Readonly<Record<MapFunction, { left?: number; right: number }>>> = {
  add: { left: 0, right: 0 },
  subtract: { right: 0 },
  multiply: { left: 1, right: 1 },
  divide: { right: 1 },
  floor_divide: { right: 1 },
  and: { left: 1, right: 1 },
  or: { left: 0, right: 0 },
};

const idempotent: ReadonlySet<MapFunction> = new Set<BinaryFunction>(["min", "max", "and", "or"]);

function sameAsOperand(
  fn: MapFunction,
  a: ValueId,
  b: ValueId,
  builder: GraphBuilder,
): ValueId | undefined {
  if (a === b && idempotent.has(fn)) return a;
  const rule = neutral[fn];
  if (rule === undefined) return undefined;
  if (scalarOf(b, builder) === rule.right) return a;
  return rule.left !== undefined && scalarOf(a, builder) === rule.left ? b : undefined;
}

function scalarOf(id: ValueId, builder: GraphBuilder): number | undefined {
  const { op } = builder.nodeOf(id);
  return op.kind === "constant" ? op.value : undefined;
}
