/** The masks of a model over the rows of one prompt: drawn, counted, and how their keys are visited. */

import type { Graph } from "../graph/graph.ts";
import { drawnAttentions } from "./drawn-attentions.ts";
import type { Lengths } from "./lengths.ts";
import {
  dataExample,
  type KnownData,
  type MaskPicture,
  maskPicture,
  unknownData,
} from "./mask-picture.ts";
import { loopText, maskReportData } from "./mask-report.ts";
import { pictureText } from "./mask-text.ts";
import { wrapped } from "./text-table.ts";
import { longerSide, tileFor, usualTile } from "./picture-tile.ts";

/** What some attentions with one mask do to the rows of one prompt. */
export interface ExplainedMask {
  /** The blocks that have it. */
  readonly name: string;
  /** Absent where nothing is known of data that the mask reads. */
  readonly picture?: MaskPicture;
  /** That data, and what may be said of it. */
  readonly unknown: readonly string[];
  readonly examples: readonly string[];
}

const width = 100;
/** Tiles along the longer side of a picture that is read at a glance: at most, and if rows suffice. */
const [mostTiles, fewTiles] = [32, 4];

/** The masks of `graph` that hide something, in the order of their first use. */
export function explainedMasks(
  graph: Graph,
  lengths: Lengths,
  known: KnownData,
): readonly ExplainedMask[] {
  return drawnAttentions(graph).flatMap(({ name, op, args, data }): readonly ExplainedMask[] => {
    if (op.parts.every(({ mask }) => mask.kind === "constant" && mask.value)) return [];
    const unknown = unknownData(graph, op, args, lengths, known);
    const examples = unknown.map((input) => dataExample(graph, input, lengths));
    if (unknown.length > 0) return [{ name, unknown, examples }];
    const draw = (tile: number): MaskPicture =>
      maskPicture(graph, op, args, lengths, tile, known, data);
    const usual = draw(usualTile);
    const tile = glanceTile(usual);
    return [{ name, unknown, examples, picture: tile === usualTile ? usual : draw(tile) }];
  });
}

/** A power of two. */
function glanceTile(picture: MaskPicture): number {
  const rows = longerSide(picture);
  let tile = tileFor(rows, mostTiles);
  while (rows < tile * fewTiles && tile > 1) tile /= 2;
  return tile;
}

/** The masks as a person reads them. */
export function explainedMasksText(masks: readonly ExplainedMask[]): readonly string[] {
  if (masks.length === 0) return [];
  const each = masks.flatMap((mask) => [...maskLines(mask), ""]);
  return ["MASKS over these rows: keys to the right, queries down", "", ...each];
}

function maskLines({ name, picture, unknown, examples }: ExplainedMask): readonly string[] {
  const title = wrapped(name === "" ? "the model" : name, width, ["  ", "    "]);
  if (picture === undefined) {
    const read = unknown.map((input) => `\`${input}\``).join(" and ");
    const words = `not drawn, since it reads ${read}: give it, for example \`${examples.join(" ")}\``;
    return [...title, ...wrapped(words, width, ["    ", "    "])];
  }
  const drawn = pictureText(picture).map((line) => (line === "" ? "" : `    ${line}`));
  return [...title, ...drawn, ...loopText(picture).map((line) => `    ${line}`)];
}

/** The masks as plain data for JSON. */
export function explainedMasksData(masks: readonly ExplainedMask[]): readonly unknown[] {
  return masks.map(({ name, picture, unknown }) =>
    picture === undefined ? { name, unknown } : maskReportData({ name, picture, why: [] }),
  );
}
