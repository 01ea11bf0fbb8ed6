/** What `explain` says adds up, agrees with the literature, and needs no new plan for other lengths. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type CheckedModel, checkModel, compileFor } from "../../../compiler/compile.ts";
import { type Family, targets } from "../../../compiler/kernel/target.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { Explainer, type LengthsReport } from "../../../compiler/report/explain.ts";
import {
  explainedMasks,
  explainedMasksData,
  explainedMasksText,
} from "../../../compiler/report/explain-masks.ts";
import { lengthsText, modelText } from "../../../compiler/report/explain-text.ts";
import { readLengths } from "../../../compiler/report/lengths.ts";
import type { ArenaBytes } from "../../../compiler/report/memory.ts";
import { maskTables } from "../../../compiler/report/mask-tables.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { evaluateSize } from "../../../runtime/size.ts";
import {
  both,
  composite,
  imageApart,
  imageBothWays,
  masks,
  prefix,
  sliding,
  textOnly,
  toyMllm,
} from "../../support/toy-mllm.ts";
import { wideModel } from "./support.ts";

const reader = {
  measure: (values: ReadonlyMap<string, number>) => (size: Parameters<typeof evaluateSize>[0]) =>
    evaluateSize(size, values),
  arena: () => 0,
};

function explainer(model: CheckedModel, family: Family): (length: string) => LengthsReport {
  const explain = new Explainer(model, compileFor(model, targets[family]).plan, reader);
  return (length) => {
    const read = readLengths(model.graph, length);
    if (read.kind === "mistake") throw new Error(read.message);
    return explain.at(read.lengths);
  };
}

function toyModel(mask: Predicate, visual = { attention: true, mlp: true }): CheckedModel {
  const layer = { mask, visual };
  const graph = toyMllm({ layers: [layer, layer, layer] });
  const optimized = optimize(graph);
  return { graph, optimized, phases: splitPhases(optimized) };
}

const toys: Readonly<Record<string, CheckedModel>> = {
  composite: toyModel(composite),
  "composite, frozen": toyModel(composite, { attention: true, mlp: false }),
  causal: toyModel(masks.causal),
  "text only": toyModel(textOnly),
  window: toyModel(sliding(4)),
  prefix: toyModel(prefix),
  "image both ways": toyModel(imageBothWays),
  "image apart": toyModel(imageApart),
  "text window": toyModel(both(masks.textQuery, sliding(3))),
  "composite window": toyModel(both(composite, sliding(3))),
};

test.each(Object.keys(toys))("the figures of %s add up", (name) => {
  const model = toys[name];
  if (model === undefined) throw new Error(name);
  for (const family of ["gpu", "cpu"] as const) {
    const at = explainer(model, family);
    for (const length of [
      "image=1,text=5",
      "image=0,text=1",
      "image=3,text=17",
      "image=0,text=64",
    ]) {
      const { consequences, reconciliation, first, again, token } = at(length);
      if (consequences === undefined || reconciliation === undefined) throw new Error(name);
      const saved = (...names: readonly string[]): number =>
        consequences.steps
          .filter((step) => names.includes(step.name))
          .reduce((sum, step) => sum + step.flops, 0);
      const papers = consequences.written - saved("unread rows", "verdicts", "queries");
      expect(papers, length).toBe(consequences.papers);
      expect(papers - saved("last layer", "last row"), length).toBe(consequences.computed);
      const differences = reconciliation.differences.reduce((sum, each) => sum + each.flops, 0);
      expect(reconciliation.papers + differences, length).toBe(reconciliation.executed);
      const executed = first.reduce((sum, call) => sum + call.work.executed, 0);
      expect(reconciliation.executed, length).toBe(executed);
      for (const step of consequences.steps)
        expect(step.flops, step.name).toBeGreaterThanOrEqual(0);
      for (const call of [...first, again, token]) {
        if (call === undefined) continue;
        expect(call.work.edges, `${call.name} ${length}`).toBeGreaterThanOrEqual(0);
        expect(call.work.skipped, `${call.name} ${length}`).toBeGreaterThanOrEqual(0);
      }
    }
  }
});

test("where rows and widths are whole tiles, only the scales of rows are computed again", () => {
  for (const family of ["gpu", "cpu"] as const) {
    const { again } = explainer(wideModel(1, 336, {}), family)("image=1,text=64");
    const { edges = 0, executed = 0 } = again?.work ?? {};
    // A reduction of each row for each panel of 32 columns, or more, of two operations a number.
    expect(edges / executed).toBeLessThan(1 / 32);
  }
});

test("the whole of LLaVA-1.5-7B is explained for three lengths by one plan", () => {
  const folder = new URL("../../../examples/ee-mllm/", import.meta.url);
  const read = (name: string) => ({
    file: `${name}.braid`,
    text: readFileSync(new URL(`${name}.braid`, folder), "utf8"),
  });
  const { value, diagnostics } = checkModel(read("ee-mllm-7b"), {
    resolve: read,
    model: "EeMllm7b",
  });
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  const at = explainer(value, "gpu");
  const figures = ["image=0,text=9", "image=1,text=64", "image=4,text=64"].map((length) => {
    const { papers = 0, written = 1 } = at(length).consequences ?? {};
    const [causal, composed] = [written, papers].map((flops) => (flops / 1e12).toFixed(2));
    return `${composed} of ${causal} TFLOP, ${((100 * papers) / written).toFixed(1)} %`;
  });
  expect(figures).toEqual([
    "0.12 of 0.12 TFLOP, 100.0 %",
    "7.69 of 8.50 TFLOP, 90.5 %",
    "28.28 of 33.61 TFLOP, 84.1 %",
  ]);
});

test("masks that agree are one table, in words", () => {
  const tables = maskTables(toyMllm({ layers: [{ mask: composite }, { mask: composite }] }));
  expect(tables).toMatchObject([
    {
      count: 2,
      mask: "q in text and k <= q or q in visual and k == q",
      rows: [
        {
          segment: "visual",
          sees: [{ words: "only itself" }, { words: "nothing" }],
          result: "attention is its own value",
        },
        {
          segment: "text",
          sees: [{ words: "up to its own position" }, { words: "up to its own position" }],
          result: "attends to visual and text",
        },
      ],
    },
  ]);
});

test("what caches forget is said, and saves what whole caches would take", () => {
  const model = toyModel(both(masks.textQuery, sliding(4)));
  const [short, long] = ["image=1,text=100", "image=1,text=5000"].map((length) => {
    const { memory } = explainer(model, "cpu")(length);
    return { caches: memory.caches, perRow: memory.perRow };
  });
  const arena: ArenaBytes = ({ kind }, measure) => (kind === "extend" ? measure("T") : 0);
  const plan = compileFor(model, targets.cpu).plan;
  const explain = new Explainer(model, plan, { ...reader, arena });
  const read = readLengths(model.graph, "image=1,text=5000");
  if (read.kind === "mistake") throw new Error(read.message);
  // A long prompt comes in calls of at most 512 rows.
  expect(explain.at(read.lengths).memory.arena).toBe(512);
  // Three layers of keys and values of two heads by four, and a position a row.
  expect(short).toEqual({ caches: 100 * (6 * 8 * 4 + 4), perRow: 6 * 8 * 4 + 4 });
  expect(long).toEqual({ caches: 515 * 6 * 8 * 4 + 5000 * 4, perRow: 4 });
  expect(lengthsText(explain.at(read.lengths), explain.model(), [])).toContain(
    "6 caches forget: no row sees more than the last 4 rows; they have room for 515 rows and take",
  );
});

test("the text fits a terminal", () => {
  for (const name of ["composite", "window", "image apart", "text window"]) {
    const model = toys[name];
    if (model === undefined) throw new Error(name);
    const explain = new Explainer(model, compileFor(model, targets.gpu).plan, reader);
    const whole = explain.model();
    const read = readLengths(model.graph, "image=70,text=900");
    if (read.kind === "mistake") throw new Error(read.message);
    const masks = explainedMasks(model.graph, read.lengths, new Map());
    const text = [modelText(whole), lengthsText(explain.at(read.lengths), whole, masks)].join("\n");
    expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  }
});

test("masks are drawn over the rows of the prompt", () => {
  const model = toys["composite window"];
  if (model === undefined) throw new Error("no toy");
  const read = readLengths(model.graph, "image=8,text=40");
  if (read.kind === "mistake") throw new Error(read.message);
  const masks = explainedMasks(model.graph, read.lengths, new Map());
  expect(`\n${explainedMasksText(masks).join("\n")}`).toMatchInlineSnapshot(`
    "
    MASKS over these rows: keys to the right, queries down

      layers[0..2]
               vi tex
        visual ╲· ···
               ·╲ ···

        text   ·▒ ▒··
               ·· ▒▒·
               ·· ·▒▒

        a tile is 16 × 16   █ seen whole   ▒ tested pair by pair   · skipped   ╲ its own value, no score
        not computed: 97.1 % of pairs, 76.0 % of tiles
        keys that a tile of queries at positions first to last visits
          visual: none
          text: visual keys from first - 2 up to last; text keys from first - 2 up to last
    "
  `);
  expect(explainedMasksData(masks)).toMatchObject([
    { tile: 16, rows: [{ verdict: "identity" }, { verdict: "attend" }], why: [] },
  ]);
});

test("a mask over long rows is drawn in larger tiles", () => {
  const model = toys["causal"];
  if (model === undefined) throw new Error("no toy");
  const read = readLengths(model.graph, "image=0,text=3000");
  if (read.kind === "mistake") throw new Error(read.message);
  const [mask] = explainedMasks(model.graph, read.lengths, new Map());
  expect(mask?.picture?.cells[0]?.grid.tile).toEqual({ queries: 128, keys: 128 });
});

test("a mask that is not drawn says what would draw it, as many numbers as there are", () => {
  const text = `mask tiles(live: bool[Row, Column])(q, k) = live[q / 8, k / 8]
model Tiles {
  input x: [T, H = 2, E = 4]
  input live: bool[A, B]
  output y = attend(x, x[T as K], x[T as K] over K; mask = tiles(live))
}`;
  const { value } = checkModel({ file: "tiles.braid", text });
  if (value === undefined) throw new Error("the spec has mistakes");
  const read = readLengths(value.graph, "T=24,A=3,B=3");
  if (read.kind === "mistake") throw new Error(read.message);
  const [line] = explainedMasksText(explainedMasks(value.graph, read.lengths, new Map())).slice(3);
  expect(line).toContain("reads `live`: give it, for example `--data live=0x4,1x5`");
});
