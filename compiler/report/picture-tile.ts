/** How many rows a tile of a mask's picture has where nobody says. */

import type { MaskPicture } from "./mask-picture.ts";

/** The tile of most kernels. */
export const usualTile = 16;

/** The rows along the longer side of a picture. */
export function longerSide({ queries, keys }: Pick<MaskPicture, "queries" | "keys">): number {
  return Math.max(
    ...[queries, keys].map((bands) => bands.reduce((sum, { rows }) => sum + rows, 0)),
  );
}

/** The usual tile for `rows` rows, doubled until there are at most `most` of them. */
export function tileFor(rows: number, most: number): number {
  let tile = usualTile;
  while (rows > tile * most) tile *= 2;
  return tile;
}
