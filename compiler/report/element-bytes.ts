/** Bytes of one element, as devices store it. */

import type { ElementType } from "../../runtime/contract.ts";

export const elementBytes: Readonly<Record<ElementType, number>> = {
  f32: 4,
  i32: 4,
  f16: 2,
  bf16: 2,
};
