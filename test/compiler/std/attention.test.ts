/** The masks of the library are those of the gallery, for the gallery's numbers; its scores are their formulas. */

import { expect, test } from "vitest";
import { openMasks } from "../../../compiler/cli/mask-target.ts";
import { checkModel } from "../../../compiler/compile.ts";
import { evaluateScore } from "../../../compiler/op/evaluate-predicate.ts";
import { isVisible } from "../../../compiler/report/tile-grid.ts";
import { gallery } from "../../examples/gallery-table.ts";

/** What is said to a library mask in other words than to the gallery's. */
interface Otherwise {
  readonly set?: Readonly<Record<string, string>>;
  readonly length?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Gallery mask, library mask. */
const same: readonly (readonly [string, string, Otherwise])[] = [
  ["causal", "causal", {}],
  ["sliding_window", "causal and window(8)", {}],
  ["dilated", "causal and window(24) and dilated(3)", {}],
  ["chunked", "causal and chunked(16)", {}],
  ["prefix_lm", "prefix_lm(12)", {}],
  ["prefix_lm", "causal or prefix(12)", {}],
  ["composite", "composite", {}],
  ["text_queries", "text_only", {}],
  ["hollow", "hollow(8)", {}],
  ["image_bidirectional", "image_bidirectional", {}],
  ["tile_tags", "tile_tags", {}],
  ["media_immediate", "immediate_media", { length: "S=40,M=24" }],
  ["media_previous", "previous_media", { length: "S=40,M=24" }],
  ["shared_prefix", "shared_prefix", {}],
  ["tree", "tree", {}],
  ["block_causal", "block_causal(8)", {}],
  ["neighbourhood", "neighbourhood(48, 3)", {}],
  ["grid_neighbourhood", "grid_neighbourhood(8, 8, 1)", {}],
  ["near", "near", { set: { reach: "1" } }],
  ["sliding_tile", "sliding_tile", { set: { size: "2", reach: "1" } }],
  ["sink_tokens", "sink_tokens(4, 8)", {}],
  ["head_windows", "head_windows", {}],
  ["strided", "strided(8)", {}],
  ["fixed", "fixed(8)", {}],
  ["checkerboard", "checkerboard(4)", {}],
  ["image_prefix", "image_prefix(36)", { length: "visual=24,text=24" }],
  [
    "placeholder",
    "placeholder",
    {
      length: "S=40,M=24",
      data: { text_position: "row/1", media_position: "5x8,19x8,27x8" },
    },
  ],
  [
    "block_diffusion",
    "block_diffusion",
    {
      length: "S=64",
      data: { noised: "1x32,0x32", block: "0x8,1x8,2x8,3x8,0x8,1x8,2x8,3x8" },
    },
  ],
];

/** Which pairs are seen: a line for each query row in storage order. */
function pairsOf(target: string, name: string, other: Otherwise): string {
  const entry = gallery.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`${name} is not in the gallery`);
  const { length = entry.length, data = entry.data, set = {} } = other;
  const request = { data: new Map(Object.entries(data)), set: new Map(Object.entries(set)) };
  const [mask] = openMasks({ target, length, tile: 4, ...request }).masks ?? [];
  if (mask === undefined) throw new Error(`${target} is not drawn`);
  const { cells, queries, keys } = mask.picture;
  const rows = queries.reduce((sum, band) => sum + band.rows, 0);
  const lines = Array.from({ length: rows }, (): string[] => []);
  for (const { grid, query, key } of cells)
    for (let q = 0; q < grid.queries.count; q++)
      for (let k = 0; k < grid.keys.count; k++)
        lines[(queries[query]?.start ?? 0) + q]?.splice(
          (keys[key]?.start ?? 0) + k,
          1,
          isVisible(grid, q, k) ? "x" : ".",
        );
  return lines.map((line) => line.join("")).join("\n");
}

test.each(same)("%s is %s", (name, library, other) => {
  const shown = pairsOf(`examples/attention/gallery.braid:${name}`, name, {});
  expect(shown).toContain("x");
  expect(pairsOf(`std/attention:${library}`, name, other)).toBe(shown);
});

const scores: readonly (readonly [string, (q: number, k: number) => number])[] = [
  ["distance_decay(0.25)", (q, k) => 1.5 - 0.25 * Math.abs(q - k)],
  ["log_length(512)", (q) => (1.5 * Math.log(q + 2)) / Math.log(512)],
];

test.each(scores)("score %s", (score, formula) => {
  const name = score.slice(0, score.indexOf("("));
  const text = `import { ${name} } from "std/attention"
model Scored {
  input q: [S, E = 4]
  output seen = attend(q, q[S as K], q[S as K] over K; score = ${score})
}
`;
  const { value } = checkModel({ file: "scored.braid", text });
  const op = value?.graph.nodes.find((node) => node.op.kind === "attend")?.op;
  if (op?.kind !== "attend" || op.score === undefined) throw new Error("no score");
  for (const [q, k] of [
    [0, 0],
    [9, 4],
    [3, 17],
  ] as const) {
    const facts = {
      position: (side: "q" | "k") => (side === "q" ? q : k),
      data: () => 0,
      lookup: () => 0,
      inSegment: () => false,
      given: () => true,
    };
    // A few roundings of numbers below 8.
    const tolerance = 8 * 8 * Number.EPSILON;
    const found = evaluateScore(op.score, 1.5, facts, (each) => each);
    expect(Math.abs(found - formula(q, k))).toBeLessThanOrEqual(tolerance);
  }
});
