/**
 * Matrix products as their strategies see them: `sum[m, n] = Σ_k left[m, k] · right[k, n]` for one or
 * several right operands of the same left rows.
 *
 * The axes of each role are flattened to one index. Columns come in parts, which follow each other in
 * the kernel's tasks and have right operands and results of their own (queries, keys, values). A part
 * has a sum for each product that its results read at the same column (gate and up; the halves that
 * rotary positions mix), all over the same tile of the left operand.
 *
 * Which tiles there are, in which order and in which memory operands wait is a strategy's business
 * (`product-registers.ts` is one); where an element lies, how it is read and what becomes of the sums
 * is the same for all of them (`product-place.ts`, `product-read.ts`, `product-store.ts`).
 */

import { type Region, type Result, resultsOf } from "../../fusion/region.ts";
import { isMemory } from "../../fusion/users.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, type Dimension } from "../../op/dimension.ts";
import type { Expr } from "../kernel.ts";
import type { Base } from "./affine.ts";
import type { Context } from "./context.ts";
import { extentOf } from "./read.ts";
import { productRoles } from "../../graph/product-roles.ts";

/** A region of products, with the extents of their roles. */
export interface Product {
  readonly region: Region;
  readonly left: ValueId;
  readonly batchAxes: readonly AxisName[];
  readonly rowAxes: readonly AxisName[];
  readonly innerAxes: readonly AxisName[];
  readonly batch: Dimension;
  readonly rows: Dimension;
  /** The number of elements that are summed. */
  readonly inner: number;
  readonly parts: readonly ProductPart[];
  /** Values of rows as a whole that the results read: functions of reductions over the inner axes. */
  readonly rowValues: readonly ValueId[];
}

/** Columns with the same right operands and results. */
export interface ProductPart {
  readonly columns: Dimension;
  readonly sums: readonly ProductSum[];
  readonly results: readonly ProductResult[];
  /** How many tensors in memory the results are computed from, besides the products. */
  readonly beside: number;
}

/** A result, and the axes of its columns in the order of the products' columns. */
export interface ProductResult extends Result {
  readonly columnAxes: readonly AxisName[];
}

/** One product of a part. */
export interface ProductSum {
  readonly root: ValueId;
  readonly right: ValueId;
  readonly columnAxes: readonly AxisName[];
}

/** A rectangle of a part; it may reach past the last row and column. */
export interface ProductTile {
  readonly batch: Base;
  readonly rowStart: Expr;
  readonly columnStart: Expr;
  /** Where `columnStart` is a multiple of `columns`: which multiple. */
  readonly columnBlock?: Expr;
  readonly rows: number;
  readonly columns: number;
  /** Columns that padded operands are whole multiples of, where a tile may reach past the last of these. */
  readonly paddedTo?: number;
  /** Its rows and columns are every so many; next to each other if absent. */
  readonly rowStep?: number;
  readonly columnStep?: number;
  /** The rectangle that it shares with other tiles; they start at multiples of its extents. */
  readonly block?: { readonly rows: number; readonly columns: number };
}

/** The products that `region` computes. */
export function productOf(context: Context, region: Region): Product {
  const roles = productRoles(context.graph, region.root);
  const inner = asConstant(extentOf(context, roles.inner));
  invariant(inner !== undefined, "lowering: a product sums axes of constant size");
  return {
    region,
    left: roles.left,
    batchAxes: roles.batch,
    rowAxes: roles.rows,
    innerAxes: roles.inner,
    batch: extentOf(context, roles.batch),
    rows: extentOf(context, roles.rows),
    inner,
    parts: partsOf(context, region),
    rowValues: rowValuesOf(context, region),
  };
}

/** The most products that a part of `product` has. */
export function mostSums({ parts }: Product): number {
  return Math.max(...parts.map((part) => part.sums.length));
}

/** Results that read a product in common are of one part. */
function partsOf(context: Context, region: Region): readonly ProductPart[] {
  const parts: { results: Result[]; roots: Set<ValueId> }[] = [];
  for (const result of resultsOf(region)) {
    const roots = new Set(productsOf(context, result));
    const joined = parts.filter((part) => [...part.roots].some((root) => roots.has(root)));
    const part = {
      results: [...joined.flatMap((each) => each.results), result],
      roots: new Set([...joined.flatMap((each) => [...each.roots]), ...roots]),
    };
    const at = joined[0] === undefined ? parts.length : parts.indexOf(joined[0]);
    parts.splice(at, 0, part);
    for (const each of joined) parts.splice(parts.indexOf(each), 1);
  }
  return parts.map(({ results, roots }) => {
    const sums = [...roots].map((root): ProductSum => {
      const roles = productRoles(context.graph, root);
      return { root, right: roles.right, columnAxes: roles.columns };
    });
    const [first] = sums;
    invariant(first !== undefined, "lowering: a result of products reads one");
    return {
      columns: extentOf(context, first.columnAxes),
      sums,
      results: results.map((each) => ({ ...each, columnAxes: columnsOf(context, each.result) })),
      beside: besideOf(context, results),
    };
  });
}

/** The columns of a value that is computed from products: theirs, but for renames. */
function columnsOf({ graph, stored }: Context, value: ValueId): readonly AxisName[] {
  const visit = (id: ValueId): readonly AxisName[] | undefined => {
    const { op, args } = nodeAt(graph, id);
    if (op.kind === "contract") return productRoles(graph, id).columns;
    for (const arg of args) {
      const columns = stored(arg) ? undefined : visit(arg);
      if (columns === undefined) continue;
      return op.kind === "rename"
        ? columns.map((axis) => (axis === op.from ? op.to : axis))
        : columns;
    }
    return undefined;
  };
  const columns = visit(value);
  invariant(columns !== undefined, `lowering: %${value} is computed from products`);
  return columns;
}

/** The products that a result is computed from, without memory between. */
function productsOf(context: Context, { result }: Result): readonly ValueId[] {
  const found: ValueId[] = [];
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id) || (id !== result && context.stored(id))) return;
    seen.add(id);
    const { op, args } = nodeAt(context.graph, id);
    if (op.kind === "contract") found.push(id);
    else for (const arg of args) visit(arg);
  };
  visit(result);
  return found;
}

/** The tensors in memory that results read elementwise; reductions of rows are summed before. */
function besideOf({ graph, stored }: Context, results: readonly Result[]): number {
  const read = new Set<ValueId>();
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const arg of nodeAt(graph, id).args) {
      const { op } = nodeAt(graph, arg);
      if (stored(arg) || isMemory(op)) read.add(arg);
      else if (op.kind !== "contract" && op.kind !== "reduce") visit(arg);
    }
  };
  for (const { result } of results) visit(result);
  return read.size;
}

/** The values between the results and reductions that no other kernel computes. */
function rowValuesOf({ graph, stored }: Context, region: Region): readonly ValueId[] {
  const found = new Set<ValueId>();
  const seen = new Set<ValueId>();
  const reduces = (id: ValueId): boolean => {
    const { op, args } = nodeAt(graph, id);
    return !stored(id) && (op.kind === "reduce" || (op.kind === "map" && args.some(reduces)));
  };
  const hasColumns = (id: ValueId): boolean => {
    const { op, args } = nodeAt(graph, id);
    return !stored(id) && (op.kind === "contract" || args.some(hasColumns));
  };
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const arg of nodeAt(graph, id).args) {
      if (stored(arg)) continue;
      if (hasColumns(arg)) visit(arg);
      else if (reduces(arg)) found.add(arg);
    }
  };
  for (const { result } of resultsOf(region)) visit(result);
  return [...found];
}
