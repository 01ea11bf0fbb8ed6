/** What must hold of products that a warp computes together. */

import { type Kernel, type MatrixStatement, type Statement, warpSize } from "./kernel.ts";
import { pieceLength } from "./memory.ts";

/** The extents of a tile. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
}

/** Elements of the inner index that a warp takes at once. */
const innerStep = { f32: 8, tf32: 8, f16: 16, bf16: 16 } as const;

/** What is wrong with a product of a warp's tile; undefined if nothing. */
export function warpProductError(
  statement: Extract<Statement, { kind: "warp_multiply" }>,
  { tiles, arrays }: Kernel,
  tileNamed: (name: string) => Tile,
): string | undefined {
  const { left, right, inner, math } = statement;
  if (tiles !== "warp") return "the kernel's tiles are no warp's";
  const target = tileNamed(statement.target);
  for (const each of typeof left === "string" ? [right] : [left, right]) {
    const array = arrays.find(({ name }) => name === each.array);
    if (array === undefined) return `array \`${each.array}\` is not declared`;
    const wanted = math === "tf32" ? "f32" : math;
    if (array.element !== wanted) return `\`${each.array}\` does not hold ${wanted}`;
    const isWhole = each.stride % pieceLength(array.element) === 0;
    if (!isWhole) return `lines of \`${each.array}\` are not whole pieces of 16 bytes`;
  }
  if (typeof left === "string") {
    const tile = tileNamed(left);
    const fits = tile.rows === target.rows && tile.columns === inner && left !== statement.target;
    if (!fits) return "extents of a product do not fit";
  }
  const step = innerStep[math];
  const whole = target.rows % 16 === 0 && target.columns % 8 === 0 && inner % step === 0;
  return whole ? undefined : `a warp multiplies 16×8 elements over ${step} at a time`;
}

/** What is wrong with `statement`, where the matrices of that name are declared; undefined if nothing. */
export function matrixError(
  statement: MatrixStatement,
  { arrays, workgroupSize }: Kernel,
  declared: ReadonlySet<string>,
): string | undefined {
  if (workgroupSize % warpSize !== 0) return "warps with matrices are whole";
  if (statement.kind === "matrix") return undefined;
  const used = statement.kind === "matrix_store" ? statement.source : statement.target;
  if (!declared.has(used)) return `matrix \`${used}\` is not declared`;
  const places =
    statement.kind === "matrix_store" ? [statement] : [statement.left, statement.right];
  for (const { array: name, stride } of places) {
    const array = arrays.find((each) => each.name === name);
    if (array === undefined) return `array \`${name}\` is not declared`;
    const { element } = array;
    const fits = element === "f32" || (element === "f16" && statement.kind !== "matrix_store");
    if (!fits) return `\`${name}\` holds ${element}`;
    if (stride % pieceLength(element) !== 0) return `lines of \`${name}\` are not whole pieces`;
  }
  return undefined;
}
