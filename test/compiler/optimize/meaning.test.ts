/** Every pass keeps what random graphs compute, bit for bit, and leaves them well-formed. */

import { expect, test } from "vitest";
import { removeDead } from "../../../compiler/optimize/remove-dead.ts";
import { fold } from "../../../compiler/optimize/fold.ts";
import { share } from "../../../compiler/optimize/share.ts";
import { simplifyMaps } from "../../../compiler/optimize/simplify-maps.ts";
import { simplifyViews } from "../../../compiler/optimize/simplify-views.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { seeds } from "../../support/random.ts";
import { randomEnvironment, randomGraph } from "../../support/random-graph.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";

const passes = [removeDead, fold, share, simplifyMaps, simplifyViews];

for (const pass of passes) {
  test(`${pass.name} keeps the meaning of random graphs`, () => {
    let changed = 0;
    for (const seed of seeds(150)) {
      const graph = randomGraph(seed, { nodes: 30 });
      verifyGraph(graph, "randomGraph");
      const after = expectSameMeaning(graph, randomEnvironment(graph, seed), pass);
      if (printGraph(after) !== printGraph(graph)) changed++;
    }
    expect(changed, "graphs on which the pass did something").toBeGreaterThan(20);
  });
}

test("all passes together, twice, keep the meaning and shrink", () => {
  for (const seed of seeds(100)) {
    const graph = randomGraph(1000 + seed, { nodes: 60 });
    const all = (start: typeof graph): typeof graph =>
      [...passes, ...passes, removeDead].reduce((current, pass) => pass(current), start);
    const after = expectSameMeaning(graph, randomEnvironment(graph, seed), all);
    const twice = [...passes, removeDead].reduce((current, pass) => pass(current), after);
    expect(twice.nodes.length).toBeLessThanOrEqual(after.nodes.length);
  }
});
