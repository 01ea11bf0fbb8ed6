/** Masks and scores of all kinds agree with the oracle's dense attention. */

import { readCase } from "./checkpoint.ts";
import { testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";

const oracle = await readCase("attention-variants");
const { graph } = specModel("variants.braid", "Variants");

function noWeight(name: string): never {
  throw new RangeError(`there is no weight ${name}`);
}

await testCases([
  {
    name: "all variants",
    graph,
    environment: {
      sizes: new Map(),
      inputs: new Map(graph.inputs.map(({ name }) => [name, oracle(`input.${name}`)])),
      weights: noWeight,
    },
    checkpoint: noWeight,
    wanted: (output) =>
      oracle(output === "causal_lse" ? "output.causal.lse" : `output.${output}.out`),
  },
]);
