/** Matrices that a warp holds together: the definitions. One invocation does them for all of it. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Expressions, Frame } from "./evaluate-expression.ts";
import { type Factor, sliceFactor, warpProduct } from "./evaluate-warp.ts";
import type { ArraySlice, MatrixStatement } from "./kernel.ts";

/** What a statement on matrices does, which lie in the slots of the invocation as tiles do. */
export function matrixAction(statement: MatrixStatement, at: Expressions): (frame: Frame) => void {
  switch (statement.kind) {
    case "matrix": {
      const { name, rows, columns } = statement;
      const slot = at.reserve(rows * columns);
      at.tiles.set(name, { slot, rows, columns });
      return ({ slots }) => {
        slots.fill(0, slot, slot + rows * columns);
      };
    }
    case "matrix_multiply": {
      const { target, left, right, inner } = statement;
      const factor = (slice: ArraySlice): Factor =>
        sliceFactor(slice, at.memoryOf(slice.array), at.value(slice.index));
      return warpProduct(at.tileOf(target), factor(left), factor(right), inner, "f32");
    }
    case "matrix_store": {
      const { slot, rows, columns } = at.tileOf(statement.source);
      const { stride } = statement;
      const [memory, index] = [at.memoryOf(statement.array), at.value(statement.index)];
      return (frame) => {
        const first = index(frame);
        for (let i = 0; i < rows * columns; i++) {
          const [row, column] = [Math.floor(i / columns), i % columns];
          const value = frame.slots[slot + i] ?? Number.NaN;
          memory.write(first + row * stride + column, value, frame.invocation);
        }
      };
    }
    default:
      return unreachable(statement);
  }
}
