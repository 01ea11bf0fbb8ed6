/**
 * Shared memory in CUDA C++: where arrays lie, and how rows that warps read at once are permuted.
 *
 * A row is cut into pieces of 16 bytes. Eight lanes read the same piece of eight rows together, and
 * eight pieces fill all banks, so the number of a piece is changed by the bits of its row's number
 * that rows in the same banks differ in.
 */

import type { GroupArray, MemoryElement } from "../../kernel/kernel.ts";
import { guarded } from "./guarded.ts";
import { arrayBytes, groupBytes, pieceLength } from "../../kernel/memory.ts";

/** What every block may have without asking (CUDA programming guide, compute capabilities). */
export const staticLimit = 49152;

/** Bytes that the launch must ask for: all of them where they are more than `staticLimit`. */
export function dynamicSharedBytes(arrays: readonly GroupArray[]): number {
  const bytes = groupBytes(arrays);
  return bytes > staticLimit ? bytes : 0;
}

/** The declarations of `arrays`. */
export function arrayLines(
  arrays: readonly GroupArray[],
  type: (element: MemoryElement) => string,
  word: (name: string) => string,
): readonly string[] {
  if (dynamicSharedBytes(arrays) === 0) {
    return arrays.map((each) => {
      const align = each.rowLength === undefined ? "" : "__align__(128) ";
      return `__shared__ ${align}${type(each.element)} ${word(each.name)}[${each.length}];`;
    });
  }
  let offset = 0;
  const lines = ["extern __shared__ uint4 dynamic_shared[];"];
  for (const each of arrays) {
    const pointer = `${type(each.element)}*`;
    const start = `dynamic_shared + ${offset / 16}`;
    lines.push(`${pointer} const ${word(each.name)} = reinterpret_cast<${pointer}>(${start});`);
    offset += arrayBytes(each);
  }
  return lines;
}

/** How the pieces of a row are permuted: `piece ^ (row >> shift & mask)`. */
export interface Swizzle {
  readonly rowLength: number;
  /** Elements of a piece. */
  readonly piece: number;
  readonly shift: number;
  readonly mask: number;
}

/** The permutation of an array, if it has one. */
export function swizzleOf({ rowLength, element }: GroupArray): Swizzle | undefined {
  if (rowLength === undefined) return undefined;
  const piece = pieceLength(element);
  const pieces = rowLength / piece;
  // Rows whose pieces lie in other banks anyway need no change.
  let same = 1;
  while (same < 8 && pieces % (same * 2) === 0) same *= 2;
  if (same === 1) return undefined;
  return { rowLength, piece, shift: Math.log2(8 / same), mask: same - 1 };
}

/** The name of the function that permutes indices so. */
export function swizzleName({ rowLength, piece }: Swizzle): string {
  return `swizzle_${rowLength}x${16 / piece}`;
}

/** Its definition. */
export function swizzleLines(swizzle: Swizzle): readonly string[] {
  const name = swizzleName(swizzle);
  const { rowLength, piece, shift, mask } = swizzle;
  const rows = shift === 0 ? "" : ` >> ${shift}`;
  return guarded(name, [
    "// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.",
    `__device__ inline int ${name}(int index) {`,
    `  return index ^ ((index / ${rowLength}${rows} & ${mask}) * ${piece});`,
    "}",
  ]);
}

/** What `swizzle` changes indices by in a row that is `eighth` after a multiple of eight. */
export function laneSwizzle(swizzle: Swizzle, eighth: string): string {
  return `${pieceSwizzle(swizzle, eighth)} * ${swizzle.piece}`;
}

/** What it changes the numbers of pieces by. */
export function pieceSwizzle({ shift, mask }: Swizzle, eighth: string): string {
  return shift === 0 ? eighth : `(${eighth} >> ${shift} & ${mask})`;
}
