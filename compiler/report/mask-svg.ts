/**
 * A mask as an SVG picture: keys to the right, queries down, a colour for each key segment. Tiles that
 * are seen whole are filled, tiles that are tested show their visible pairs, skipped ones stay pale.
 */

import type { Band, MaskPicture, PictureCell, Share } from "./mask-picture.ts";
import { isVisible, type TileBlock, visitTiles } from "./tile-grid.ts";
import { colourOf, empty, escaped, faint, font, ink, pixels, rect, words } from "./svg.ts";
import { wrapped } from "./text-table.ts";
import { showPercent } from "./units.ts";

/** Lengths in pixels. */
const side = 520;
const margin = 28;
const band = 10;
const gap = 6;
const left = 116;
const top = 116;
/** The height of a line of the title, and how wide its letters are at most, about. */
const titleLine = 20;
const titleLetter = 9;

/** The picture as a standalone SVG document; equal pictures give equal text. */
export function maskSvg(picture: MaskPicture): string {
  const rows = picture.queries.reduce((sum, each) => sum + each.rows, 0);
  const columns = picture.keys.reduce((sum, each) => sum + each.rows, 0);
  const scale = Math.min(16, side / Math.max(1, rows, columns));
  const across = places(picture.keys, scale, left);
  const down = places(picture.queries, scale, top);
  const right = end(across, picture.keys, scale, left);
  const bottom = end(down, picture.queries, scale, top);
  const last = picture.keys.at(-1)?.segment.length ?? 0;
  const labelled = (across.at(-1) ?? left) + (last + 6) * letter;
  const width = Math.max(right + margin, labelled + margin, left + 420);
  const legend = legendRows(picture);
  const title = wrapped(picture.mask, Math.floor((width - 2 * margin) / titleLetter));
  // More lines of the title go above the first, so that everything else stays where it is.
  const above = (title.length - 1) * titleLine;
  const height = above + bottom + 34 + legend.length * 24 + 14;
  const drawing: Drawing = { picture, scale, across, down };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" data-braid="mask" viewBox="0 ${0 - above} ${pixels(width)} ${pixels(height)}" width="${pixels(width)}" height="${pixels(height)}" font-family="${font}">`,
    `  <rect y="${0 - above}" width="${pixels(width)}" height="${pixels(height)}" rx="12" fill="#ffffff"/>`,
    ...title.map(
      (line, index) =>
        `  <text x="${margin}" y="${38 - above + index * titleLine}" font-size="15" font-weight="600" fill="${ink}">${escaped(line)}</text>`,
    ),
    ...bands(drawing),
    ...picture.cells.flatMap((cell) => drawCell(drawing, cell)),
    ...legend.map((row, index) => drawLegend(row, bottom + 42 + index * 24)),
    "</svg>",
    "",
  ].join("\n");
}

interface Drawing {
  readonly picture: MaskPicture;
  /** Pixels of one row. */
  readonly scale: number;
  /** Where each band begins. */
  readonly across: readonly number[];
  readonly down: readonly number[];
}

function places(list: readonly Band[], scale: number, from: number): readonly number[] {
  let at = from;
  return list.map(({ rows }) => {
    const start = at;
    at += rows * scale + gap;
    return start;
  });
}

function end(
  starts: readonly number[],
  list: readonly Band[],
  scale: number,
  from: number,
): number {
  return (starts.at(-1) ?? from) + (list.at(-1)?.rows ?? 0) * scale;
}

function bands({ picture, scale, across, down }: Drawing): readonly string[] {
  // A label stands higher than the one before it where both are not as wide as their bands.
  const ends = [left, left];
  const keys = picture.keys.flatMap(({ segment, rows }, index) => {
    if (rows === 0) return [];
    const x = across[index] ?? 0;
    const level = (ends[0] ?? 0) <= x ? 0 : 1;
    ends[level] = x + (segment.length + `${rows}`.length + 2) * letter;
    const { fill } = colourOf(index);
    const y = top - band - 14 - level * 18;
    return [
      label(x, y, "start", segment, `${rows}`, fill),
      rect(x, top - band - 5, rows * scale, band, fill, 'rx="3"'),
    ];
  });
  const queries = picture.queries.flatMap(({ segment, rows }, index) => {
    if (rows === 0) return [];
    const [y, height] = [down[index] ?? 0, rows * scale];
    const key = picture.keys.findIndex((each) => each.segment === segment);
    const { fill } = colourOf(key < 0 ? picture.keys.length + index : key);
    return [
      label(left - band - 12, y + Math.min(13, height), "end", segment, `${rows}`, fill),
      rect(left - band - 5, y, band, height, fill, 'rx="3"'),
    ];
  });
  return [
    words(left - band - 12, top - band - 14, "end", "keys →", faint),
    words(left - band - 12, top - band + 3, "end", "queries ↓", faint),
    ...keys,
    ...queries,
  ];
}

/** How wide a letter is, about. */
const letter = 7;

/** The name of a segment and its number of rows. */
function label(
  x: number,
  y: number,
  anchor: string,
  name: string,
  rows: string,
  colour: string,
): string {
  const count = `<tspan dx="5" font-weight="400" fill="${faint}">${rows}</tspan>`;
  return `  <text x="${pixels(x)}" y="${pixels(y)}" text-anchor="${anchor}" font-size="13" font-weight="600" fill="${colour}">${escaped(name)}${count}</text>`;
}

function drawCell(drawing: Drawing, cell: PictureCell): readonly string[] {
  const { grid } = cell;
  const { scale } = drawing;
  const [x, y] = [drawing.across[cell.key] ?? 0, drawing.down[cell.query] ?? 0];
  const [width, height] = [grid.keys.count * scale, grid.queries.count * scale];
  if (width === 0 || height === 0) return [];
  const { fill, tint } = colourOf(cell.key);
  const lines: string[] = [rect(x, y, width, height, empty)];
  const own = cell.rows !== "attend";
  visitTiles(grid, (block) => {
    const box = boxOf(block, cell);
    if (block.class === "never") return;
    if (own) {
      lines.push(...pairs(cell, block).map((run) => ownMark(run, x, y, scale, fill)));
      return;
    }
    const tile = [
      x + box.key * scale,
      y + box.row * scale,
      box.keys * scale,
      box.rows * scale,
    ] as const;
    lines.push(rect(...tile, block.class === "always" ? fill : tint));
    if (block.class !== "maybe") return;
    for (const run of pairs(cell, block))
      lines.push(
        rect(x + run.key * scale, y + run.row * scale, run.keys * scale, run.rows * scale, fill),
      );
  });
  return [
    `  <g>`,
    ...lines.map((line) => `  ${line}`),
    `  ${gridLines(cell, x, y, scale)}`,
    `  </g>`,
  ];
}

/** Rows and keys, from the first ones of a cell. */
interface Box {
  readonly row: number;
  readonly rows: number;
  readonly key: number;
  readonly keys: number;
}

function boxOf({ rows, columns }: TileBlock, { grid }: PictureCell): Box {
  const { tile, queries, keys } = grid;
  const [row, key] = [rows[0] * tile.queries, columns[0] * tile.keys];
  return {
    row,
    rows: Math.min(queries.count, rows[1] * tile.queries) - row,
    key,
    keys: Math.min(keys.count, columns[1] * tile.keys) - key,
  };
}

/** The visible pairs of a block as boxes: runs of keys, equal ones of rows below each other as one. */
function pairs(cell: PictureCell, block: TileBlock): readonly Box[] {
  const box = boxOf(block, cell);
  const done: Box[] = [];
  let open: Box[] = [];
  for (let row = box.row; row < box.row + box.rows; row++) {
    const runs = runsOf(cell, row, box);
    const next = runs.map((run) => {
      const above = open.find((each) => each.key === run.key && each.keys === run.keys);
      return above === undefined ? run : { ...above, rows: above.rows + 1 };
    });
    done.push(
      ...open.filter((each) => !next.some((run) => run.row === each.row && run.key === each.key)),
    );
    open = next;
  }
  return [...done, ...open];
}

function runsOf({ grid }: PictureCell, row: number, box: Box): readonly Box[] {
  const runs: Box[] = [];
  let start: number | undefined;
  for (let key = box.key; key <= box.key + box.keys; key++) {
    const seen = key < box.key + box.keys && isVisible(grid, row, key);
    if (seen) start ??= key;
    else if (start !== undefined) {
      runs.push({ row, rows: 1, key: start, keys: key - start });
      start = undefined;
    }
  }
  return runs;
}

/** A pair whose value is taken as it is: an outline, since no score is computed. */
function ownMark(run: Box, x: number, y: number, scale: number, colour: string): string {
  const size = Math.min(run.keys, run.rows) * scale;
  const [cx, cy] = [x + (run.key + run.keys / 2) * scale, y + (run.row + run.rows / 2) * scale];
  const radius = Math.max(0.8, size * 0.34);
  const stroke = Math.max(0.6, Math.min(1.6, size * 0.16));
  return `  <circle cx="${pixels(cx)}" cy="${pixels(cy)}" r="${pixels(radius)}" fill="none" stroke="${colour}" stroke-width="${pixels(stroke)}"/>`;
}

/** White lines between tiles, where tiles are large enough to see. */
function gridLines({ grid }: PictureCell, x: number, y: number, scale: number): string {
  const { tile, queries, keys } = grid;
  const step = Math.min(tile.queries, tile.keys) * scale;
  const [width, height] = [keys.count * scale, queries.count * scale];
  const path: string[] = [];
  for (let key = tile.keys; key < keys.count; key += tile.keys)
    path.push(`M${pixels(x + key * scale)} ${pixels(y)}v${pixels(height)}`);
  for (let row = tile.queries; row < queries.count; row += tile.queries)
    path.push(`M${pixels(x)} ${pixels(y + row * scale)}h${pixels(width)}`);
  const thickness = step < 5 ? 0.4 : step < 12 ? 0.8 : 1.4;
  return `  <path d="${path.join("")}" stroke="#ffffff" stroke-width="${thickness}" fill="none"/>`;
}

type LegendMark = "whole" | "tested" | "skipped" | "own";
type LegendRow = readonly { readonly mark?: LegendMark; readonly words: string }[];

function legendRows({ cells, pairs: all, tiles }: MaskPicture): readonly LegendRow[] {
  const size = cells[0]?.grid.tile.queries ?? 1;
  const own = cells.some(({ rows }) => rows === "identity");
  const hidden = (share: Share): string => showPercent(share.all - share.computed, share.all);
  return [
    [
      { mark: "whole", words: "seen whole" },
      { mark: "tested", words: "tested pair by pair" },
      { mark: "skipped", words: "skipped" },
      ...(own ? [{ mark: "own" as const, words: "its own value, no score" }] : []),
    ],
    [
      {
        words: `Not computed: ${hidden(all)} of pairs, ${hidden(tiles)} of tiles of ${size} × ${size}`,
      },
    ],
  ];
}

function drawLegend(row: LegendRow, y: number): string {
  let x = margin;
  const parts = row.map(({ mark, words }) => {
    const at = x;
    const text = `<text x="${pixels(at + (mark === undefined ? 0 : 20))}" y="${pixels(y)}" font-size="13" fill="${mark === undefined ? faint : ink}">${escaped(words)}</text>`;
    x += words.length * letter + 44;
    return `${mark === undefined ? "" : swatch(mark, at, y)}${text}`;
  });
  return `  ${parts.join("")}`;
}

function swatch(mark: LegendMark, x: number, y: number): string {
  const { fill, tint } = colourOf(0);
  const box = rect(
    x,
    y - 11,
    13,
    13,
    mark === "whole" ? fill : mark === "tested" ? tint : empty,
    'rx="2"',
  ).trim();
  if (mark === "tested") {
    const corner = `M${pixels(x)} ${pixels(y - 11)}v13h13v-3h-3v-3h-3v-3h-4v-4z`;
    return `${box}<path d="${corner}" fill="${fill}"/>`;
  }
  if (mark === "own")
    return `${box}<circle cx="${pixels(x + 6.5)}" cy="${pixels(y - 4.5)}" r="4" fill="none" stroke="${fill}" stroke-width="1.6"/>`;
  return box;
}
