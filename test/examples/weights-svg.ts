/** Attention weights as an SVG picture: keys to the right, queries down, darker where more is taken. */

import { pixels, rect } from "../../compiler/report/svg.ts";

const font = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";
const [ink, faint] = ["#24292f", "#6b7280"];
/** Lengths in pixels. */
const [side, left, top, margin] = [416, 96, 72, 28];
/** Shades from no weight to the largest. */
const shades = 32;

/** Rows of weights from the first of `asked` on; equal numbers give equal text. */
export function weightsSvg(
  weights: readonly (readonly number[])[],
  asked: readonly number[],
  words: string,
): string {
  const columns = weights[0]?.length ?? 0;
  const scale = side / Math.max(1, columns);
  const largest = Math.max(...weights.flat());
  // Of the root, since the first rows of a causal softmax share among few.
  const shadeOf = (weight: number): number =>
    weight === 0 ? -1 : Math.round(Math.sqrt(weight / largest) * (shades - 1));
  const height = weights.length * scale;
  const bottom = top + height;
  const cells = weights.flatMap((row, index) => {
    const runs: { readonly from: number; readonly shade: number }[] = [];
    row.forEach((weight, key) => {
      const shade = shadeOf(weight);
      if (runs.at(-1)?.shade !== shade) runs.push({ from: key, shade });
    });
    return runs.map(({ from, shade }, run) => {
      const to = runs[run + 1]?.from ?? columns;
      const place = [left + from * scale, top + index * scale, (to - from) * scale, scale] as const;
      return rect(...place, colour(shade));
    });
  });
  const [width, total] = [left + side + margin, bottom + 76];
  const bar = Array.from({ length: shades }, (_, shade) =>
    rect(left + shade * 5, bottom + 24, 5, 12, colour(shade)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${pixels(width)} ${pixels(total)}" width="${pixels(width)}" height="${pixels(total)}" font-family="${font}">`,
    `  <rect width="${pixels(width)}" height="${pixels(total)}" rx="12" fill="#ffffff"/>`,
    text(margin, 34, `Weights of ${words}`, ink, 15),
    text(left, top - 10, `keys 0 … ${columns - 1} →`, faint),
    text(margin, top + 12, "queries ↓", faint),
    text(margin, top + 30, `${asked[0] ?? 0} … ${asked.at(-1) ?? 0}`, faint),
    ...cells,
    text(left - 24, bottom + 34, "0", ink),
    ...bar,
    text(left + shades * 5 + 8, bottom + 34, `${Number(largest.toPrecision(3))}`, ink),
    text(left, bottom + 58, "shades by the square root; what is hidden is pale", faint),
    "</svg>",
    "",
  ].join("\n");
}

/** From pale violet to near black; what has no weight is grey. */
function colour(shade: number): string {
  if (shade < 0) return "#f1f3f6";
  const part = shade / (shades - 1);
  const mix = (from: number, to: number): string =>
    Math.round(from + (to - from) * part)
      .toString(16)
      .padStart(2, "0");
  return `#${mix(0xe9, 0x2e)}${mix(0xe6, 0x1f)}${mix(0xfb, 0x7a)}`;
}

function text(x: number, y: number, words: string, fill: string, size = 12): string {
  return `  <text x="${pixels(x)}" y="${pixels(y)}" font-size="${size}" fill="${fill}">${words}</text>`;
}
