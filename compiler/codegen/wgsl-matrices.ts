/**
 * Matrices of a warp in WGSL, where a warp is a subgroup of 32: the experimental extension of Chromium
 * that is proposed as `subgroup_matrix` (https://github.com/gpuweb/gpuweb/issues/4195). A matrix of the
 * kernel is an array of what the device multiplies at once, row by row; all indices are constants.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import type { MatrixShape } from "../../runtime/contract.ts";
import type { Expr, Kernel, MatrixStatement } from "../kernel/kernel.ts";
import { someStatement, visitBody } from "../kernel/rewrite.ts";

/** Whether `kernel` has matrices. */
export function hasMatrices({ body }: Kernel): boolean {
  return someStatement(body, ({ kind }) => kind.startsWith("matrix"));
}

interface Extents {
  readonly rows: number;
  readonly columns: number;
}

/** Writes statements on the matrices of `kernel` for a device that multiplies `shape`. */
export function matrixPrinter(
  kernel: Kernel,
  shape: MatrixShape,
  word: (name: string) => string,
): (statement: MatrixStatement, write: (expr: Expr) => string) => readonly string[] {
  const extents = new Map<string, Extents>();
  visitBody(kernel.body, (each) => {
    if (each.kind === "matrix") extents.set(each.name, each);
  });
  const types = typesOf(shape);
  /** How many of the device's a matrix consists of. */
  const countsOf = (name: string): { readonly down: number; readonly right: number } => {
    const { rows = 0, columns = 0 } = extents.get(name) ?? {};
    const [down, right] = [rows / shape.rows, columns / shape.columns];
    invariant(down % 1 === 0 && right % 1 === 0, `codegen: \`${name}\` is no ${types.result}`);
    return { down, right };
  };
  return (statement, write) => {
    switch (statement.kind) {
      case "matrix": {
        const { down, right } = countsOf(statement.name);
        return [`var ${word(statement.name)}: array<${types.result}, ${down * right}>;`];
      }
      case "matrix_multiply":
        return product(statement, shape, countsOf(statement.target), { word, write });
      case "matrix_store": {
        const { down, right } = countsOf(statement.source);
        const { array, stride, index } = statement;
        return grid(down, right, (i, j) => {
          const at = place(write(index), i * shape.rows * stride + j * shape.columns);
          const value = `${word(statement.source)}[${i * right + j}]`;
          return `subgroupMatrixStore<row_major>(&${word(array)}, ${at}, ${value}, ${stride});`;
        });
      }
      default:
        return unreachable(statement);
    }
  };
}

/** The types of the extension: columns come before rows. */
function typesOf({ element, rows, columns, inner }: MatrixShape) {
  return {
    left: `subgroup_matrix_left<${element}, ${inner}, ${rows}>`,
    right: `subgroup_matrix_right<${element}, ${columns}, ${inner}>`,
    result: `subgroup_matrix_result<f32, ${columns}, ${rows}>`,
  };
}

/** A step of the inner index after another; the left factors of a step are loaded once. */
function product(
  { target, left, right, inner }: Extract<MatrixStatement, { kind: "matrix_multiply" }>,
  shape: MatrixShape,
  { down, right: across }: { readonly down: number; readonly right: number },
  { word, write }: { word: (name: string) => string; write: (expr: Expr) => string },
): readonly string[] {
  invariant(left.lines === "inner" && right.lines === "inner", "codegen: lines of a matrix");
  const types = typesOf(shape);
  const [from, to] = [write(left.index), write(right.index)];
  const load = (type: string, order: string, array: string, at: string, stride: number): string =>
    `subgroupMatrixLoad<${type}, ${order}>(&${word(array)}, ${at}, ${stride})`;
  return range(inner / shape.inner).flatMap((step) => {
    const k = step * shape.inner;
    const lefts = range(down).map((i) => {
      const at = place(from, i * shape.rows * left.stride + k);
      return `let left_matrix_${i} = ${load(types.left, "row_major", left.array, at, left.stride)};`;
    });
    const rights = range(across).flatMap((j) => {
      const at = place(to, j * shape.columns * right.stride + k);
      const loaded = load(types.right, "col_major", right.array, at, right.stride);
      const sums = range(down).map((i) => {
        const sum = `${word(target)}[${i * across + j}]`;
        const factors = `left_matrix_${i}, right_matrix_${j}`;
        return `${sum} = subgroupMatrixMultiplyAccumulate(${factors}, ${sum});`;
      });
      return [`let right_matrix_${j} = ${loaded};`, ...sums];
    });
    return ["{", ...[...lefts, ...rights].map((line) => `  ${line}`), "}"];
  });
}

/** The words of the text above; shapes are so small that there are no more matrices side by side. */
export const matrixWords: readonly string[] = range(4).flatMap((i) => [
  `left_matrix_${i}`,
  `right_matrix_${i}`,
]);

function grid(
  rows: number,
  columns: number,
  line: (i: number, j: number) => string,
): readonly string[] {
  return range(rows).flatMap((i) => range(columns).map((j) => line(i, j)));
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** An index and a constant distance. */
function place(index: string, distance: number): string {
  if (index === "0") return String(distance);
  return distance === 0 ? index : `${index} + ${distance}`;
}
