/** A mask as a picture of characters: one for each tile. */

import type { MaskPicture, PictureCell } from "./mask-picture.ts";
import { tileCounts, visitTiles } from "./tile-grid.ts";
import { showPercent } from "./units.ts";

const marks = { always: "█", maybe: "▒", never: "·", own: "╲" } as const;

/** The mask and its picture. */
export function maskText(picture: MaskPicture): string {
  return [picture.mask, "", ...pictureText(picture)].join("\n");
}

/** Lines of the picture: keys run to the right, queries down, segments apart. */
export function pictureText(picture: MaskPicture): readonly string[] {
  const { queries, keys, cells, pairs, tiles } = picture;
  const label = Math.max(...queries.map((band) => band.segment.length), 0);
  const drawn = new Map(cells.map((cell) => [`${cell.query} ${cell.key}`, drawCell(cell)]));
  const widths = keys.map((_, key) =>
    Math.max(1, ...queries.map((_, query) => drawn.get(`${query} ${key}`)?.[0]?.length ?? 0)),
  );
  const header = keys.map((band, key) => heading(band.segment, widths[key] ?? 1)).join(" ");
  const body = queries.flatMap((band, query) => {
    const height = drawn.get(`${query} 0`)?.length ?? 0;
    const lines = Array.from({ length: height }, (_, line) => {
      const name = (line === 0 ? band.segment : "").padEnd(label);
      const tilesOfLine = keys.map((_, key) => drawn.get(`${query} ${key}`)?.[line] ?? "");
      return `${name} ${tilesOfLine.join(" ")}`.trimEnd();
    });
    return query === queries.length - 1 ? lines : [...lines, ""];
  });
  const hidden = (share: { computed: number; all: number }): string =>
    showPercent(share.all - share.computed, share.all);
  return [
    `${" ".repeat(label)} ${header}`.trimEnd(),
    ...body,
    "",
    legend(cells),
    `not computed: ${hidden(pairs)} of pairs, ${hidden(tiles)} of tiles`,
  ];
}

/** A name above its tiles, cut where it is longer than they are wide. */
function heading(name: string, width: number): string {
  return name.length <= width ? name.padEnd(width) : name.slice(0, width);
}

function drawCell({ grid, rows }: PictureCell): readonly string[] {
  const [height, width] = tileCounts(grid);
  const lines = Array.from({ length: height }, () => Array<string>(width).fill(marks.never));
  visitTiles(grid, (block) => {
    const own = rows !== "attend" && block.class !== "never";
    for (let row = block.rows[0]; row < block.rows[1]; row++)
      lines[row]?.fill(own ? marks.own : marks[block.class], ...block.columns);
  });
  return lines.map((line) => line.join(""));
}

function legend(cells: readonly PictureCell[]): string {
  const { queries = 1 } = cells[0]?.grid.tile ?? {};
  const own = cells.some(({ rows }) => rows === "identity");
  return [
    `a tile is ${queries} × ${queries}`,
    `${marks.always} seen whole`,
    `${marks.maybe} tested pair by pair`,
    `${marks.never} skipped`,
    ...(own ? [`${marks.own} its own value, no score`] : []),
  ].join("   ");
}
