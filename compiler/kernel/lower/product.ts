/**
 * A matrix product as its strategies see it: `result[b, m, n] = Σ_k left[b, m, k] · right[b, n, k]`.
 *
 * The axes of each role are flattened to one index. Which tiles there are, in which order and in
 * which memory operands wait is a strategy's business (`product-registers.ts` is one); where an
 * element lies, how it is read and what becomes of a sum is the same for all of them
 * (`product-place.ts`, `product-read.ts`, `product-store.ts`).
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { asConstant, type Dimension } from "../../op/dimension.ts";
import type { Expr } from "../kernel.ts";
import type { Base } from "./affine.ts";
import type { Context } from "./context.ts";
import { extentOf } from "./read.ts";
import { type ProductRoles, productRoles } from "./roles.ts";

/** A region whose root is a `contract`, with the extents of its roles. */
export interface Product {
  readonly region: Region;
  readonly roles: ProductRoles;
  readonly batch: Dimension;
  readonly rows: Dimension;
  readonly columns: Dimension;
  /** The number of elements that are summed. */
  readonly inner: number;
}

/** A rectangle of a product's result; it may reach past the last row and column. */
export interface ProductTile {
  readonly batch: Base;
  readonly rowStart: Expr;
  readonly columnStart: Expr;
  readonly rows: number;
  readonly columns: number;
}

/** The product that `region` computes. */
export function productOf(context: Context, region: Region): Product {
  const roles = productRoles(context.graph, region.root);
  const inner = asConstant(extentOf(context, roles.inner));
  invariant(inner !== undefined, "lowering: a product sums axes of constant size");
  return {
    region,
    roles,
    batch: extentOf(context, roles.batch),
    rows: extentOf(context, roles.rows),
    columns: extentOf(context, roles.columns),
    inner,
  };
}
