/** Quotients and remainders of indices. */

import type { Dimension } from "../../op/dimension.ts";
import * as build from "../build.ts";
import { type Affine, divideBy } from "./affine.ts";
import type { Context } from "./context.ts";

/** Quotient and remainder of an index by a size. */
export function divideIndex(
  context: Context,
  index: Affine,
  n: Dimension,
): { readonly quotient: Affine; readonly remainder: Affine } {
  return divideBy(index, n, (kind, rest, size) => {
    const [a, b] = [context.emit(rest), context.size(size)];
    return kind === "quotient"
      ? context.opaque(build.quotient(a, b))
      : context.opaque(build.remainder(a, b), size);
  });
}
