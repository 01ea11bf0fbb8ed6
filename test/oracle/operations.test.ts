/** Single operations agree with the oracle of training; its gradients wait for training. */

import type { Tensor } from "../../compiler/graph/tensor.ts";
import { type Lookup, readCase, weightsOf } from "./checkpoint.ts";
import { testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";

const oracle = await readCase("training");
const { graph } = specModel("operations.braid", "Operations");

/** The longest name first, since one may begin as another does. */
const operations = [
  ...["attention", "conv2d", "cross_entropy", "depthwise", "embedding", "gelu_tanh", "gelu"],
  ...["layer_norm", "linear", "patch", "quick_gelu", "rms_norm", "rotary", "silu", "softmax"],
  "swiglu",
];

/** The case has a point between an operation and its tensor, where the spec has `_`. */
function dotted(name: string): string {
  if (operations.includes(name)) return name;
  const operation = operations.find((each) => name.startsWith(`${each}_`));
  return operation === undefined ? name : `${operation}.${name.slice(operation.length + 1)}`;
}

const checkpoint: Lookup = (name) => oracle(`input.${name}`);
const textRows = Array.from(oracle("input.attention.image_of").data).flatMap((image, row) =>
  image < 0 ? [row] : [],
);
const given: ReadonlyMap<string, Tensor> = new Map([
  ["text_rows", { element: "int", shape: [textRows.length], data: textRows }],
]);

await testCases([
  {
    name: "operations",
    graph,
    environment: {
      sizes: new Map(),
      inputs: new Map(
        graph.inputs.map(({ name }) => [name, given.get(name) ?? oracle(`input.${dotted(name)}`)]),
      ),
      weights: weightsOf(graph, checkpoint),
    },
    checkpoint,
    wanted: (output) => oracle(`output.${dotted(output)}.y`),
  },
]);
