/** Blocks of other systems, written with the standard library, agree with the oracle. */

import { readCase, readCheckpoint, weightsOf } from "./checkpoint.ts";
import { type OracleCase, testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";

const oracle = await readCase("blocks");
const checkpoint = await readCheckpoint("blocks");

const cases = ["Emma", "Infmllm", "Notellm"].map((name): OracleCase => {
  const { graph } = specModel("blocks.braid", name);
  const prefix = name.toLowerCase();
  return {
    name,
    graph,
    environment: {
      sizes: new Map(),
      inputs: new Map(
        graph.inputs.map((input) => [input.name, oracle(`input.${prefix}.${input.name}`)]),
      ),
      weights: weightsOf(graph, checkpoint),
    },
    checkpoint,
    wanted: (output) => oracle(`output.${prefix}.${output.replace("_small", ".small")}`),
  };
});

await testCases(cases);
