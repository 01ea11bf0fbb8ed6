/** Everything that `braid mask` says of one mask: as text for people, and as data. */

import { showPredicate } from "../op/show-predicate.ts";
import type { Band, MaskPicture, PictureCell, Share } from "./mask-picture.ts";
import { cellText } from "./mask-tables.ts";
import { maskText } from "./mask-text.ts";
import type { Why } from "./mask-why.ts";
import { wrapped } from "./text-table.ts";

/** A mask with what is asked of it. */
export interface MaskReport {
  /** What the mask is called, or where a model has it. */
  readonly name: string;
  readonly picture: MaskPicture;
  readonly why: readonly Why[];
}

/** The report as text: the picture, what segments see, which keys are visited, and the answers. */
export function maskReportText({ name, picture, why }: MaskReport): string {
  const title = name === "" || name === picture.mask ? [] : [name];
  const table = picture.rows.flatMap((row) => row.sees).length > 1 ? cellText(picture.rows) : [];
  const answers = why.map(({ sentence }) => sentence);
  return [[...title, maskText(picture)], table, loopText(picture), answers]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** The loops over keys; segments whose loops are the same stand together. */
export function loopText({ cells, queries, keys }: MaskPicture): readonly string[] {
  const place = (band: Band | undefined, of: readonly Band[]): string =>
    of.length === 1 ? "" : `${band?.segment ?? ""} `;
  const lines = queries.flatMap((band, query) => {
    const own = cells.filter((cell) => cell.query === query && cell.rows === "attend");
    const said = own.flatMap(({ key, loop }) =>
      loop === "no keys" ? [] : [loop.replace("keys", `${place(keys[key], keys)}keys`)],
    );
    const text = said.length === 0 ? "none" : said.join("; ");
    const from = queries.length === 1 ? "" : `${band.segment}: `;
    return wrapped(`${from}${text}`, 100, ["  ", "    "]);
  });
  return ["keys that a tile of queries at positions first to last visits", ...lines];
}

/** The report as plain data for JSON. */
export function maskReportData({ name, picture, why }: MaskReport): unknown {
  const { mask, title, queries, keys, cells, rows, pairs, tiles, dataName } = picture;
  return {
    name,
    mask,
    lengths: title,
    queries: queries.map(bandData),
    keys: keys.map(bandData),
    tile: cells[0]?.grid.tile.queries,
    pairs: shareData(pairs),
    tiles: shareData(tiles),
    rows,
    loops: cells.map((cell) => loopData(cell, queries, keys)),
    why: why.map(({ query, key, sees, part, sentence }) => ({
      query,
      key,
      sees,
      part: showPredicate(part, dataName),
      sentence,
    })),
  };
}

function bandData({ segment, start, rows }: Band): unknown {
  return { segment, start, rows };
}

function shareData({ computed, all }: Share): unknown {
  return { computed, all };
}

function loopData(
  { query, key, loop, rows }: PictureCell,
  queries: readonly Band[],
  keys: readonly Band[],
): unknown {
  return {
    query: queries[query]?.segment,
    key: keys[key]?.segment,
    keys: rows === "attend" ? loop : "no keys",
  };
}
