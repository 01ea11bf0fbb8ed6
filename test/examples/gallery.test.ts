/**
 * The gallery of masks and scores: its page and pictures are current (`npm run gallery` writes them),
 * every mask and score is drawn, the classes of tiles are what looking at every pair finds, and
 * weights are what their formulas say, by definition and as the CPU's kernels compute them.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkModel } from "../../compiler/compile.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { resolveImport } from "../../compiler/cli/sources.ts";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import { type Graph, sizeOf } from "../../compiler/graph/graph.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { planModel, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";
import { openMasks } from "../../compiler/cli/mask-target.ts";
import { evaluatePredicate } from "../../compiler/mask/index.ts";
import type { MaskPicture } from "../../compiler/report/mask-picture.ts";
import { maskSvg } from "../../compiler/report/mask-svg.ts";
import { rowFacts, visitTiles } from "../../compiler/report/tile-grid.ts";
import { showPercent } from "../../compiler/report/units.ts";
import { parse } from "../../grammar/index.ts";
import { gallery, type GalleryEntry } from "./gallery-table.ts";
import {
  expectedWeights,
  rows,
  type ScoreEntry,
  scoreGallery,
  scoreInputs,
  scoreModel,
} from "./score-table.ts";
import { weightsSvg } from "./weights-svg.ts";

const folder = new URL("../../examples/attention/", import.meta.url);
const file = "examples/attention/gallery.braid";
const text = readFileSync(new URL("gallery.braid", folder), "utf8");
const scoreFile = "examples/attention/scores.braid";
const scoreText = readFileSync(new URL("scores.braid", folder), "utf8");
const blocks = parse({ file: scoreFile, text: scoreText }).module.declarations.flatMap((each) =>
  each.kind === "block" ? [each] : [],
);
const masks = parse({ file, text }).module.declarations.flatMap((each) =>
  each.kind === "mask" ? [each] : [],
);

const pictures = new Map(gallery.map((each) => [each.name, pictureOf(each)]));

function pictureOf({ name, length, data, tile }: GalleryEntry): MaskPicture {
  const { masks: drawn } = openMasks({
    target: `${file}:${name}`,
    length,
    tile,
    data: new Map(Object.entries(data)),
    set: new Map(),
  });
  const [first] = drawn ?? [];
  if (first === undefined) throw new Error(`${name} is not drawn`);
  return first.picture;
}

test("every mask of the file has a picture, and no picture is left over", () => {
  expect(gallery.map(({ name }) => name)).toEqual(masks.map(({ name }) => name.text));
  const shown = new URL("pictures/", folder);
  const files = existsSync(shown) ? readdirSync(shown) : [];
  const names = new Set([...pictures.keys(), ...scoreGallery.map(({ name }) => name)]);
  expect(files.filter((each) => !names.has(each.replace(/\.svg$/, "")))).toEqual([]);
  expect(scoreGallery.map(({ name }) => name)).toEqual(blocks.map(({ name }) => name.text));
});

test.each(gallery)("$name: the picture is current", async ({ name }) => {
  const picture = pictures.get(name);
  if (picture === undefined) throw new Error(name);
  const svg = maskSvg(picture);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  await expect(svg).toMatchFileSnapshot(new URL(`pictures/${name}.svg`, folder).pathname);
});

test.each(gallery)("$name: tiles are what all pairs say", ({ name, data }) => {
  const picture = pictures.get(name);
  let visible = 0;
  for (const { grid, written } of picture?.cells ?? []) {
    visitTiles(grid, ({ rows, columns, class: kind }) => {
      const { tile, queries, keys } = grid;
      let [seen, pairs] = [0, 0];
      for (let q = rows[0] * tile.queries; q < Math.min(queries.count, rows[1] * tile.queries); q++)
        for (
          let k = columns[0] * tile.keys;
          k < Math.min(keys.count, columns[1] * tile.keys);
          k++
        ) {
          pairs++;
          if (evaluatePredicate(written, rowFacts(grid, q, k))) seen++;
        }
      visible += seen;
      const found = seen === 0 ? "never" : seen === pairs ? "always" : "maybe";
      // Of token data only the least and the largest of a tile are known: it may be looked at in vain.
      if (Object.keys(data).length === 0 || kind !== "maybe") expect(kind).toBe(found);
    });
  }
  const whole = picture?.cells.every(({ rows }) => rows === "attend") ?? false;
  if (whole) expect(picture?.pairs.computed).toBe(visible);
  expect(visible).toBeGreaterThan(0);
});

test.each(scoreGallery)("$name: weights are what the formula says", async (entry) => {
  const source = { file: scoreFile, text: `${scoreText}${scoreModel(entry)}` };
  const { value, diagnostics } = checkModel(source, { resolve: resolveImport });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new Error(entry.name);
  const { graph } = value;
  const environment = scoreEnvironment(graph, entry);
  const expected = graphTolerance(graph, environment).get("weights");
  const formula = entry.asked.map((q) => expectedWeights(entry, q));
  const weights = expected?.value.data ?? new Float64Array();
  // Exact to a few roundings of float64 numbers below 8.
  const close = (found: number, wanted: number): boolean =>
    Math.abs(found - wanted) <= 64 * Number.EPSILON * Math.max(1, Math.abs(wanted));
  expect(weights.length).toBe(formula.flat().length);
  expect(formula.flat().filter((wanted, i) => !close(weights[i] ?? Number.NaN, wanted))).toEqual(
    [],
  );
  const shown = formula.map((row) => row.map((weight) => Number(weight.toPrecision(9))));
  await expect(weightsSvg(shown, entry.asked, entry.logits.words)).toMatchFileSnapshot(
    new URL(`pictures/${entry.name}.svg`, folder).pathname,
  );
  const planned = planModel(graph, targets.cpu);
  const code = { wasm: encodeWasm(planned.kernels, platformMultiplyAdd()) };
  const found = await runPlanned(graph, planned, createCpuBackend(), code, environment);
  const actual = found.get("weights");
  if (actual === undefined || expected === undefined) throw new Error(entry.name);
  expectWithin(actual, expected, entry.name);
});

function scoreEnvironment(graph: Graph, entry: ScoreEntry): Environment {
  const given = scoreInputs(entry);
  const inputs = graph.inputs.map(({ name, type }) => {
    const data = given.get(name) ?? [];
    const shape = type.axes.map((axis) => evaluateDimension(sizeOf(graph, axis), new Map()));
    return [name, { element: type.element, shape, data }] as const;
  });
  return {
    sizes: new Map(),
    inputs: new Map(inputs),
    weights: (name) => {
      throw new RangeError(`there is no weight ${name}`);
    },
  };
}

test("the page is current", async () => {
  await expect(page()).toMatchFileSnapshot(new URL("README.md", folder).pathname);
});

function page(): string {
  const intro = `# Attention masks and scores

Each of these masks is a line or two of [gallery.braid](gallery.braid). The compiler reads the line, not a matrix: it knows which tiles
nobody computes, for every length. Draw your own:

\`\`\`
npx braid mask ${file}:composite --length visual=64,text=20 --why 70,12
npx braid mask "std/attention:causal and window(8)" --length Rows=64 --svg window.svg
\`\`\`

In a picture keys run to the right and queries down. Filled tiles are seen whole, tiles with a light ground are tested pair by pair, pale
ones are skipped. \`std/attention\` has the same masks with parameters. \`npm run gallery\` writes this page.

Masks: ${links(gallery)}

Scores and weights: ${links(scoreGallery)}
`;
  const scores = `# <a id="scores"></a>Scores and weights

What is done to logits, and what becomes of them: blocks of [scores.braid](scores.braid). A picture shows the weights that a head gives
to the keys of ${rows} rows, computed by the block itself. A kernel never stores them.
`;
  return [intro, ...gallery.map(section), scores, ...scoreGallery.map(scoreSection)].join("\n");
}

function links(list: readonly { readonly name: string; readonly title: string }[]): string {
  return list.map(({ name, title }) => `[${title}](#${name})`).join(" · ");
}

function scoreSection({ name, title }: ScoreEntry): string {
  const block = blocks.find((each) => each.name.text === name);
  if (block === undefined) throw new Error(name);
  return `## <a id="${name}"></a>${title}

${block.doc.replaceAll("\n", " ")}

\`\`\`braid
${scoreText.slice(block.span.start, block.span.end).trim()}
\`\`\`

<img src="pictures/${name}.svg" alt="${title}" width="420">
`;
}

function section({ name, title, length, data, tile }: GalleryEntry): string {
  const mask = masks.find((each) => each.name.text === name);
  const picture = pictures.get(name);
  if (mask === undefined || picture === undefined) throw new Error(name);
  const { pairs, tiles } = picture;
  const hidden = [pairs, tiles].map(({ computed, all }) => showPercent(all - computed, all));
  const given = Object.entries(data).map(([each, values]) => ` --data ${each}=${values}`);
  return `## <a id="${name}"></a>${title}

${mask.doc.replaceAll("\n", " ")}

\`\`\`braid
${text.slice(mask.span.start, mask.span.end).trim()}
\`\`\`

<img src="pictures/${name}.svg" alt="${title}" width="420">

Not computed: ${hidden[0]} of pairs, ${hidden[1]} of tiles of ${tile} × ${tile}. Drawn with \`--length ${length}${given.join("")} --tile ${tile}\`.
`;
}
