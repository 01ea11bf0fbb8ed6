/** Layers by what they contribute, as data and as a person reads it. */

import { textTable } from "./text-table.ts";

/** Layers in rising order of their scores; equal ones by number. */
export interface Ranking {
  /** The output that the scores are. */
  readonly score: string;
  /** Over how many calibration samples scores are means. */
  readonly samples: number;
  readonly layers: readonly { readonly layer: number; readonly score: number }[];
}

/** Ranks `layers` by the means of `samples`, each of which has one number a layer. */
export function rankLayers(
  score: string,
  layers: readonly number[],
  samples: readonly (readonly number[])[],
): Ranking {
  const means = layers.map((layer, index) => {
    const sum = samples.reduce((total, sample) => total + (sample[index] ?? 0), 0);
    return { layer, score: sum / samples.length };
  });
  means.sort((a, b) => a.score - b.score || a.layer - b.layer);
  return { score, samples: samples.length, layers: means };
}

const barWidth = 40;

/** A table with a bar for each layer, and the `count` lowest as a list of the language. */
export function rankingText({ score, samples, layers }: Ranking, count: number): string {
  const most = Math.max(...layers.map((each) => Math.abs(each.score)));
  const rows = layers.map((each, index) => [
    `${index + 1}`,
    `${each.layer}`,
    each.score.toPrecision(4),
    "█".repeat(most === 0 ? 0 : Math.round((barWidth * Math.abs(each.score)) / most)),
  ]);
  const over = samples === 1 ? "one sample" : `${samples} samples`;
  const chosen = layers.slice(0, count).map(({ layer }) => layer);
  return [
    `${score} of ${layers.length} layers, lowest first (mean of ${over})`,
    "",
    ...textTable([["rank", "layer", score, ""], ...rows], ["right", "right", "right", "left"]),
    "",
    `the ${count} lowest, to paste into the spec:`,
    "",
    `  layers: numbers = [${chosen.join(", ")}]`,
  ].join("\n");
}
