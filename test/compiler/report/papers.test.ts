/** FLOPs as papers count them agree with the formulas and figures of the literature. */

import { expect, test } from "vitest";
import { evaluateDimension } from "../../../compiler/op/dimension.ts";
import { paperFlops, totalOf } from "../../../compiler/report/papers.ts";
import { composite, masks, textOnly, toyMllm } from "../../support/toy-mllm.ts";
import { lengths, wideModel } from "./support.ts";

type Reading = "causal" | "K,V" | "K,V,O" | "K,V,FFN" | "K,V,O,FFN";

const spellings: Readonly<Record<Reading, Readonly<Record<string, string>>>> = {
  causal: { sees: "causal" },
  "K,V": { sees: "text_only", visual_mlp: "false" },
  "K,V,O": { sees: "composite", visual_mlp: "false" },
  "K,V,FFN": { sees: "text_only" },
  "K,V,O,FFN": { sees: "composite" },
};

/** Image size, images, text rows; TFLOP of causal; percent of it for each reading. */
const table: readonly (readonly [
  number,
  number,
  number,
  string,
  string,
  string,
  string,
  string,
])[] = [
  [336, 1, 64, "8.50", "24.5", "31.8", "83.2", "90.5"],
  [336, 1, 256, "11.14", "41.9", "47.4", "86.6", "92.2"],
  [336, 4, 64, "33.61", "17.4", "24.8", "76.8", "84.1"],
  [336, 4, 256, "36.59", "23.5", "30.3", "78.0", "84.8"],
  [980, 1, 64, "77.21", "14.9", "21.7", "69.9", "76.7"],
  [980, 1, 256, "80.72", "18.0", "24.5", "70.6", "77.1"],
];

/** Every layer costs the same, so that two stand for 32. */
const depth = 2;

function counted(reading: Reading, size: number, images: number, text: number): number {
  const key = `${reading} ${size}`;
  const papers = known.get(key) ?? paperFlops(wideModel(depth, size, spellings[reading]).graph);
  if (papers === undefined) throw new Error("the model has no decoder");
  known.set(key, papers);
  const flops = evaluateDimension(totalOf(papers.counted), lengths(images, text));
  return (flops * 32) / depth;
}

const known = new Map<string, ReturnType<typeof paperFlops>>();

test.each(table)("%i² × %i and %i text rows", (size, images, text, dense, ...percents) => {
  const causal = counted("causal", size, images, text);
  expect((causal / 1e12).toFixed(2)).toBe(dense);
  const readings = ["K,V", "K,V,O", "K,V,FFN", "K,V,O,FFN"] as const;
  const ratios = readings.map((reading) => counted(reading, size, images, text) / causal);
  expect(ratios.map((ratio) => (100 * ratio).toFixed(1))).toEqual(percents);
});

test("the figures are whole numbers of a formula, grouped heads included", () => {
  const layers = (mask: typeof composite) => [{ mask }, { mask }, { mask }];
  const count = (mask: typeof composite, part: "written" | "counted"): number => {
    const papers = paperFlops(toyMllm({ layers: layers(mask) }));
    if (papers === undefined) throw new Error("the model has no decoder");
    return evaluateDimension(totalOf(papers[part]), lengths(2, 5));
  };
  // Three patches an image; D = 8, four heads on two, of width 4; F = 6.
  const [visual, text] = [6, 5];
  const [query, keyAndValue, output, mlp] = [16 * 8, 2 * 8 * 8, 16 * 8, 3 * 6 * 8];
  const scores = (queries: number, keys: number): number => 4 * queries * keys * 16;
  const all = visual + text;
  const dense = 2 * all * (query + keyAndValue + output + mlp) + scores(all, all);
  const others = 2 * visual * (keyAndValue + output + mlp);
  const textRows = 2 * text * (query + keyAndValue + output + mlp) + scores(text, all);
  expect(count(masks.causal, "written")).toBe(3 * dense);
  expect(count(masks.causal, "counted")).toBe(3 * dense);
  expect(count(composite, "written")).toBe(3 * dense);
  expect(count(composite, "counted")).toBe(3 * (textRows + others));
  expect(count(textOnly, "counted")).toBe(3 * (textRows + others - 2 * visual * output));
});

test("queries that the text takes from some rows only are left out before masks are", () => {
  const layer = { mask: masks.causal, textQueries: true, visual: { attention: false, mlp: true } };
  const papers = paperFlops(toyMllm({ layers: [layer] }));
  const at = lengths(1, 4);
  const [written, read] = [papers?.written, papers?.read].map((each) =>
    each === undefined ? Number.NaN : evaluateDimension(each.products, at),
  );
  // Three visual rows need no query.
  expect((written ?? 0) - (read ?? 0)).toBe(2 * 3 * 16 * 8);
});

test("a model that generates nothing has no decoder", () => {
  expect(paperFlops(toyMllm({ layers: [{ mask: composite }], generates: false }))).toBeUndefined();
});
