/**
 * Systems whose decoder has rows of several kinds in one prompt agree with independent implementations.
 * The oracles give rows in the order of the prompt, the models in that of their segments.
 */

import type { Environment } from "../../compiler/graph/evaluate.ts";
import { nodeAt } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { type Lookup, readCase, readExample, weightsOf } from "./checkpoint.ts";
import { type OracleCase, testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";
import { rowsAt } from "./prompts.ts";

interface Spliced {
  readonly spec: string;
  readonly model: string;
  readonly weights: string;
  readonly case: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** The case's tensors by the model's inputs. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Where the rows of each segment stand, segments in order. */
  readonly positions: Readonly<Record<string, readonly number[]>>;
  /** The case's tensors by the model's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

function uniMoe(model: string, prefix: string, layers: readonly string[]): Spliced {
  const tapped = [0, 2].flatMap((l) =>
    layers.map((tap) => [`model.layers.${l}.mlp.${tap}`, `${prefix}.layer${l}.${tap}`]),
  );
  const hidden = [0, 1, 2].map((l) => [`hidden[${l}]`, `${prefix}.layer${l}`]);
  return {
    spec: "uni-moe/uni-moe",
    model,
    weights: "uni-moe",
    case: "uni-moe",
    sizes: { Chunk: 2, Frame: 9, T: 11 },
    inputs: { audio: "audio", prompt: "tokens" },
    positions: { speech: range(4, 14), text: [...range(0, 4), ...range(14, 21)] },
    outputs: Object.fromEntries([
      ...tapped,
      ...(prefix === "fm" ? [] : hidden),
      ["heard", "speech.decoder"],
      ["spoken", "speech.rows"],
      ["logits", `${prefix}.logits`],
    ]),
  };
}

const cases: readonly Spliced[] = [
  uniMoe("UniMoe", "code", ["router", "chosen", "weights", "aux"]),
  uniMoe("PaperOrder", "paper", ["router", "chosen", "weights", "aux"]),
  uniMoe("ModalRouters", "fm", ["router", "chosen"]),
];

async function oracleCase(spliced: Spliced): Promise<OracleCase> {
  const { graph: whole } = specModel(`../../examples/${spliced.spec}.braid`, spliced.model);
  // What generates is tested with caches; here the whole prompt is one phase.
  const { generation: _, ...graph } = whole;
  const oracle = await readCase(spliced.case);
  const checkpoint: Lookup = await readExample(spliced.weights);
  const outputs = graph.outputs.filter(({ name }) => name in spliced.outputs);
  const places = Object.entries(spliced.positions);
  const order = places.flatMap(([, rows]) => rows);
  const environment: Environment = {
    sizes: new Map(Object.entries(spliced.sizes)),
    inputs: new Map<string, Tensor>([
      ...Object.entries(spliced.inputs).map(([name, tensor]): [string, Tensor] => [
        name,
        oracle(`input.${tensor}`),
      ]),
      ...places.map(([segment, data]): [string, Tensor] => [
        `position.${segment}`,
        { element: "int", shape: [data.length], data },
      ]),
    ]),
    weights: weightsOf(graph, checkpoint),
  };
  return {
    name: spliced.model,
    graph: { ...graph, outputs },
    environment,
    checkpoint,
    wanted: (name) => {
      const tensor = oracle(`output.${spliced.outputs[name] ?? name}`);
      const value = outputs.find((output) => output.name === name)?.value;
      const [rows] = value === undefined ? [] : nodeAt(graph, value).type.axes;
      const segments = rows === undefined ? [] : (graph.axes.get(rows)?.segments ?? []);
      if (segments.length > 0) return rowsAt(tensor, order);
      const own = rows === "T" ? spliced.positions["text"] : undefined;
      return own === undefined ? tensor : rowsAt(tensor, own);
    },
  };
}

await testCases(await Promise.all(cases.map(oracleCase)));
