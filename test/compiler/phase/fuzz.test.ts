/** Random masks in random layers: where caching is not refused, phases give what the graph gives. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { expectClose, expectRow } from "../../support/close.ts";
import { seeded, seeds } from "../../support/random.ts";
import { PhaseRun } from "../../support/run-phases.ts";
import { composite, masks, sliding, type ToyLayer, toyMllm } from "../../support/toy-mllm.ts";
import { toyEnvironment } from "../../support/toy-prompt.ts";

const atoms: readonly Predicate[] = [
  masks.causal,
  masks.causal,
  masks.itself,
  masks.visualQuery,
  masks.textQuery,
  masks.visualKey,
  masks.textKey,
  masks.givenKey,
  sliding(2),
  composite,
];

function pick<T>(random: () => number, from: readonly T[]): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new RangeError("nothing to pick from");
  return found;
}

function randomMask(random: () => number, depth: number): Predicate {
  if (depth === 0 || random() < 0.3) {
    const atom = pick(random, atoms);
    return random() < 0.15 ? { kind: "not", operand: atom } : atom;
  }
  const operands = [randomMask(random, depth - 1), randomMask(random, depth - 1)];
  return { kind: random() < 0.5 ? "and" : "or", operands };
}

function randomLayer(random: () => number): ToyLayer {
  // Half of the masks look at nothing that comes later, so that most models can be cached.
  const free = randomMask(random, 2);
  const mask: Predicate = random() < 0.6 ? { kind: "and", operands: [masks.causal, free] } : free;
  return {
    mask,
    visual: { attention: random() < 0.8, mlp: random() < 0.8 },
    textQueries: random() < 0.1,
  };
}

const layouts = ["titt", "ittt", "titittt", "tttt"];
let cached = 0;

for (const block of seeds(6)) {
  test(`random masks ${block}`, () => {
    for (const each of seeds(15)) {
      const seed = block * 100 + each;
      const random = seeded(seed);
      const count = 1 + Math.floor(random() * 3);
      const layers = Array.from({ length: count }, () => randomLayer(random));
      const graph = toyMllm({ layers, tapped: random() < 0.2 });
      const split = splitPhases(optimize(graph));
      const run = new PhaseRun(graph, split);
      const layout = pick(random, layouts);
      const all = toyEnvironment(graph, { layout, seed });
      run.prepare(all);
      expectClose(run.forward(all), evaluateGraph(graph, all).outputs);
      if (split.diagnostics.length > 0) continue;
      cached++;
      const total = [...layout].filter((letter) => letter === "t").length;
      const given = total - 2;
      const whole = toyEnvironment(graph, { layout, seed }, given);
      const wanted = evaluateGraph(graph, whole).outputs.get("logits");
      run.prepare(whole);
      expectRow(run.next(whole, 0, given), wanted, given - 1, `seed ${seed}, ${layout}, given`);
      for (let row = given; row < total; row++)
        expectRow(
          run.next(whole, row, row + 1),
          wanted,
          row,
          `seed ${seed}, ${layout}, row ${row}`,
        );
    }
  });
}

test("most of the random models can be cached", () => {
  expect(cached).toBeGreaterThan(30);
});
