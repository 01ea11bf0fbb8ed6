/** Phases run one after another compute what the whole graph computes at once. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { expectClose, expectRow } from "../../support/close.ts";
import { PhaseRun } from "../../support/run-phases.ts";
import {
  composite,
  imageApart,
  imageBothWays,
  masks,
  prefix,
  sliding,
  textOnly,
  type ToyModel,
  toyMllm,
} from "../../support/toy-mllm.ts";
import { toyEnvironment } from "../../support/toy-prompt.ts";

interface Case {
  readonly model: ToyModel;
  /** The phases before `forward`. */
  readonly phases: readonly string[];
  /** The calls in which the prompts below are fed may break where they like. */
  readonly anyCalls?: boolean;
}

const twice = (mask: ToyModel["layers"][number]["mask"]): ToyModel => ({
  layers: [{ mask }, { mask }],
});
const apart = ["image", "place", "extend"];
const joined = ["image", "prompt", "extend"];

const cases: Record<string, Case> = {
  composite: { model: twice(composite), phases: apart },
  "composite, value and output only": {
    model: {
      layers: [1, 2].map(() => ({ mask: composite, visual: { attention: true, mlp: false } })),
    },
    phases: apart,
  },
  "composite, MLP only": {
    model: {
      layers: [1, 2].map(() => ({ mask: composite, visual: { attention: false, mlp: true } })),
    },
    phases: apart,
  },
  "composite, frozen": {
    model: {
      layers: [1, 2].map(() => ({ mask: composite, visual: { attention: false, mlp: false } })),
    },
    phases: apart,
  },
  "composite by text queries": {
    model: { layers: [1, 2].map(() => ({ mask: masks.causal, textQueries: true })) },
    phases: apart,
  },
  "no clause for visual rows": { model: twice(textOnly), phases: apart },
  tapped: { model: { ...twice(composite), tapped: true }, phases: apart },
  causal: { model: twice(masks.causal), phases: joined },
  "causal, tapped": { model: { ...twice(masks.causal), tapped: true }, phases: joined },
  sliding: { model: twice(sliding(3)), phases: joined },
  "image both ways in causal text": { model: twice(imageBothWays), phases: joined },
  "image by itself": { model: twice(imageApart), phases: apart },
  "prefix by given": { model: twice(prefix), phases: joined },
  // Nothing reads the visual rows that the last layer makes, so that they need not see text.
  "composite, then causal at last": {
    model: { layers: [{ mask: composite }, { mask: composite }, { mask: masks.causal }] },
    phases: apart,
  },
  "composite, then causal": {
    model: { layers: [composite, masks.causal, masks.causal].map((mask) => ({ mask })) },
    phases: ["image", "place", "prompt", "extend"],
  },
  // Visual rows share the products of the first layer with text, as under a causal mask in all layers.
  "causal, then composite": {
    model: { layers: [{ mask: masks.causal }, { mask: composite }, { mask: composite }] },
    phases: ["image", "prompt", "extend"],
  },
  "mean of the given rows": {
    model: { ...twice(composite), pooled: "T.given" },
    phases: ["image", "place", "prompt", "extend"],
  },
};

const layouts = ["ittt", "titttt", "ttittitt", "ttttt", "iittt"];

for (const [name, { model, phases }] of Object.entries(cases)) {
  test(`${name}: phases agree with the whole graph`, () => {
    const graph = toyMllm(model);
    const split = splitPhases(optimize(graph));
    expect(split.diagnostics).toEqual([]);
    expect(split.phases.map((phase) => phase.name)).toEqual([...phases, "forward"]);
    const run = new PhaseRun(graph, split);
    for (const [seed, layout] of layouts.entries()) {
      const total = [...layout].filter((letter) => letter === "t").length;
      const given = total - 2;
      const whole = toyEnvironment(graph, { layout, seed }, given);
      const wanted = evaluateGraph(graph, whole).outputs.get("logits");
      run.prepare(whole);
      run.clear();
      expectRow(run.next(whole, 0, given), wanted, given - 1, `${layout} given`);
      for (let row = given; row < total; row++)
        expectRow(run.next(whole, row, row + 1), wanted, row, `${layout} row ${row}`);
      run.clear();
      run.next(whole, 0, given);
      expectRow(run.next(whole, given, total), wanted, total - 1, `${layout} two calls`);
      const all = toyEnvironment(graph, { layout, seed });
      expectClose(run.forward(all), evaluateGraph(graph, all).outputs);
    }
  });
}
