/** Tolerances cover what float32 does, in any order of sums, and not much more. */

import { expect, test } from "vitest";
import { estimateError } from "../../../compiler/graph/estimate-error.ts";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { NamedTensor } from "../../../compiler/graph/tensor.ts";
import { Draft } from "../../support/draft.ts";
import { randomTensor, seeded, seeds } from "../../support/random.ts";
import { randomEnvironment, randomGraph } from "../../support/random-graph.ts";
import {
  expectWithin,
  graphTolerance,
  standardDeviations,
  tiesOf,
  worstOf,
} from "../../support/tolerance.ts";
import { toyEnvironment, toyTransformer } from "../../support/toy-transformer.ts";

const small = {
  layers: 3,
  hidden: 32,
  heads: 4,
  groups: 2,
  head: 8,
  feed: 48,
  vocabulary: 64,
};

test("a float32 evaluation of a decoder lies within the tolerance, and the tolerance near it", () => {
  for (const seed of seeds(4)) {
    const graph = toyTransformer(small);
    const environment = toyEnvironment(graph, { visual: 9, text: 7 }, seed);
    const expected = graphTolerance(graph, environment).get("logits");
    const single = evaluateGraph(graph, environment, { precision: "float32" }).outputs.get(
      "logits",
    );
    if (expected === undefined || single === undefined) throw new RangeError("no logits");
    expectWithin(single, expected, "logits");
    const worst = largestDifference(single, expected.value);
    const allowed = Math.max(...expected.tolerance);
    expect(allowed / worst).toBeLessThan(10 * standardDeviations);
    const wrong = single.data.with(5, (single.data[5] ?? 0) + 3 * allowed);
    expect(worstOf(wrong, expected.value.data, expected.tolerance)).toMatch(/^\[5\] is/);
  }
});

function largestDifference(a: NamedTensor, b: NamedTensor): number {
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - (b.data[i] ?? 0))), 0);
}

test("a float32 evaluation of random graphs lies within the tolerance", () => {
  let compared = 0;
  for (const seed of seeds(60)) {
    const graph = randomGraph(seed, { nodes: 25 });
    const environment = randomEnvironment(graph, seed);
    // A decision that is a tie may go either way, and so may everything after it.
    if (tiesOf(graph, environment).length > 0) continue;
    const single = evaluateGraph(graph, environment, { precision: "float32" });
    for (const [name, expected] of graphTolerance(graph, environment)) {
      const actual = single.outputs.get(name);
      if (actual === undefined) throw new RangeError(`no ${name}`);
      expectWithin(actual, expected, `${name} of seed ${seed}`);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(100);
});

test("the error of a sum is estimated as theory has it, whatever the signs", () => {
  for (const offset of [0, 3]) {
    const length = 256;
    const draft = new Draft();
    draft.axis("Row", 64);
    draft.axis("N", length);
    draft.output("y", draft.reduce("sum", draft.input("x", ["Row", "N"]), "N"));
    const random = seeded(7);
    const x = randomTensor(random, [64, length], 1);
    const data = Float32Array.from(x.data, (each) => each + offset);
    const environment = {
      sizes: new Map(),
      inputs: new Map([["x", { ...x, data }]]),
      weights: () => x,
    };
    const graph = draft.finish();
    const { scales, outputs } = estimateError(graph, environment, { runs: 64 });
    const exact = outputs.get("y")?.data ?? new Float64Array();
    const mean = (values: Float64Array): number =>
      Math.sqrt(values.reduce((sum, each) => sum + each * each, 0) / values.length);
    const single = evaluateGraph(graph, environment, { precision: "float32" }).outputs.get("y");
    const errors = exact.map((y, i) => y - (single?.data[i] ?? 0));
    const ratio = mean(scales.get("y") ?? exact) / mean(errors);
    // Roundings are uniform: √3 below their bound, and up to twice further within a binade.
    expect(ratio).toBeGreaterThan(1);
    expect(ratio).toBeLessThan(2 * Math.sqrt(3));
  }
});

test("what is not rounded has no error", () => {
  const draft = new Draft();
  draft.axis("A", 3);
  draft.output("y", draft.map("relu", draft.map("negate", draft.input("x", ["A"]))));
  const x = randomTensor(seeded(1), [3], 1);
  const environment = { sizes: new Map(), inputs: new Map([["x", x]]), weights: () => x };
  expect([...(estimateError(draft.finish(), environment).scales.get("y") ?? [])]).toEqual([
    0, 0, 0,
  ]);
});
