/**
 * Systems whose decoder has rows of several kinds in one prompt agree with independent implementations.
 * The oracles give rows in the order of the prompt, the models in that of their segments.
 */

import { expect } from "vitest";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import { nodeAt } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { allGiven } from "../../compiler/optimize/prompt-graph.ts";
import { growthOf } from "../../compiler/phase/growth.ts";
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
  /** Which rows of the case's tensors stand along an axis of the model, by its label; all in order if absent. */
  readonly rows: Readonly<Record<string, readonly number[]>>;
  /** The case's tensors by the model's outputs, or how to make them of the case. */
  readonly outputs: Readonly<Record<string, string | Made>>;
}

type Made = (oracle: Lookup) => Tensor;

/** Element `index` along the first axis of the case's tensor `name`, its rows in the order `rows`. */
function elementOf(name: string, index: number, rows?: readonly number[]): Made {
  return (oracle) => {
    const row = rowsAt(oracle(`output.${name}`), [index]);
    const element = { ...row, shape: row.shape.slice(1) };
    return rows === undefined ? element : rowsAt(element, rows);
  };
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
    rows: {
      S: [...range(4, 14), ...range(0, 4), ...range(14, 21)],
      T: [...range(0, 4), ...range(14, 21)],
    },
    outputs: Object.fromEntries([
      ...tapped,
      ...(prefix === "fm" ? [] : hidden),
      ["heard", "speech.decoder"],
      ["spoken", "speech.rows"],
      ["logits", `${prefix}.logits`],
    ]),
  };
}

/** Text before and after 16 visual rows, or the 8 that they were merged into. */
const [wide, narrow] = [16, 8].map((count) => ({
  visual: range(5, 5 + count),
  text: [...range(0, 5), ...range(5 + count, 11 + count)],
}));

/** Rows of the whole prompt as a sequence of visual rows, then text, has them. */
const visualFirst = [...(wide?.visual ?? []), ...(wide?.text ?? [])];

function dropping(
  spec: string,
  model: string,
  positions: Spliced["positions"],
  rest: Pick<Spliced, "rows" | "outputs"> & Partial<Spliced>,
): Spliced {
  const inputs = { image: "pixels", prompt: "tokens" };
  const shared = { spec, model, weights: "fastv", case: "fastv-dyvte-aim", sizes: { T: 11 } };
  return { ...shared, inputs, positions, ...rest };
}

const names = (
  entries: readonly (readonly [string, string | Made])[],
): Record<string, string | Made> => Object.fromEntries(entries);

function dyvte(name: string, tokens: string, layers: number): Spliced {
  const decisions = range(0, layers).map(
    (l) => [`decision[${l}]`, elementOf(`dyvte.${name}.decisions`, l)] as const,
  );
  const isWhole = name === "never";
  return dropping("dyvte/dyvte", "Dyvte", wide ?? {}, {
    inputs: { image: "pixels", prompt: tokens },
    rows: { T: isWhole ? (wide?.text ?? []) : range(0, 11) },
    outputs: names([...decisions, ["logits", `dyvte.${name}.logits`]]),
  });
}

function region(model: string, outputs: Record<string, string | Made>): Spliced {
  return dropping("visual-region/visual-region", model, wide ?? {}, {
    weights: "visual-region",
    case: "visual-region",
    sizes: { T: 11, Image: 1 },
    rows: { V: wide?.visual ?? [], T: wide?.text ?? [] },
    outputs,
  });
}

/** Which visual rows go on; the case counts rows of the prompt. */
function keptVisual(oracle: Lookup): Tensor {
  const first = wide?.visual[0] ?? 0;
  const kept = rowsAt(oracle("output.fastv.kept"), narrow?.visual ?? []);
  return { ...kept, data: Array.from(kept.data, (row) => row - first) };
}

const cases: readonly Spliced[] = [
  dropping("fastv/fastv", "FastV", wide ?? {}, {
    rows: {
      S: visualFirst,
      R: [...(narrow?.visual ?? []), ...(narrow?.text ?? [])],
      T: narrow?.text ?? [],
    },
    outputs: names([
      ["all[0]", "fastv.layer0"],
      ["score", "fastv.score"],
      ["stay", keptVisual],
      ["kept[1]", "fastv.layer1"],
      ["kept[2]", "fastv.layer2"],
      ["logits", "fastv.logits"],
    ]),
  }),
  dropping("aim/aim", "Aim", narrow ?? {}, {
    rows: { S: [...(narrow?.visual ?? []), ...(narrow?.text ?? [])] },
    outputs: names([
      ["merged", "aim.merge8.rows"],
      ["source", "aim.merge8.source"],
      ["destination", "aim.merge8.destination"],
      ...range(0, 3).flatMap((l) => [
        [`score[${l}]`, `aim.layer${l}.score`] as const,
        [`layer[${l}]`, `aim.layer${l}`] as const,
        [`alive[${l}]`, `aim.layer${l}.alive`] as const,
      ]),
      ["logits", "aim.logits"],
    ]),
  }),
  dropping(
    "aim/aim",
    "Merges",
    {},
    {
      sizes: {},
      inputs: { image: "pixels" },
      rows: {},
      outputs: names([
        ["four", "aim.merge4.rows"],
        ["source_four", "aim.merge4.source"],
        ["destination_four", "aim.merge4.destination"],
        ["eleven", "aim.merge5.rows"],
        ["source_five", "aim.merge5.source"],
        ["destination_five", "aim.merge5.destination"],
        ["alone_five", "aim.merge5.unmerged"],
      ]),
    },
  ),
  region("VisualRegion", { seen: "logits", logits: "logits" }),
  region("Pruned", { seen: "pruned.logits", logits: "pruned.logits" }),
  region(
    "Calibration",
    names(
      range(0, 3).flatMap((l) => [
        [`angular[${l}]`, elementOf("angular", l)] as const,
        [`block_influence[${l}]`, elementOf("block_influence", l)] as const,
        [`cosine[${l}]`, elementOf("cosine", l, visualFirst)] as const,
      ]),
    ),
  ),
  {
    ...region(
      "Moved",
      names(
        [0, 2].flatMap((l, index) => [
          [`turned[${l}]`, elementOf("weights.angular", index)] as const,
          [`change[${l}]`, elementOf("weights.change", index)] as const,
        ]),
      ),
    ),
    inputs: {},
    positions: {},
    sizes: {},
  },
  dyvte("exit1", "tokens", 2),
  dyvte("exit0", "dyvte.exit0.tokens", 1),
  dyvte("never", "dyvte.never.tokens", 3),
  uniMoe("UniMoe", "code", ["router", "chosen", "weights", "aux"]),
  uniMoe("PaperOrder", "paper", ["router", "chosen", "weights", "aux"]),
  uniMoe("ModalRouters", "fm", ["router", "chosen"]),
];

async function oracleCase(spliced: Spliced): Promise<OracleCase> {
  const { graph: whole } = specModel(`../../examples/${spliced.spec}.braid`, spliced.model);
  // What generates is tested with caches; here the whole prompt is one phase.
  const { generation, ...graph } =
    whole.generation === undefined ? whole : allGiven(whole, growthOf(whole));
  expect(generation?.tokens).toBe(whole.generation?.tokens);
  const oracle = await readCase(spliced.case);
  const checkpoint: Lookup = await readExample(spliced.weights);
  const outputs = graph.outputs.filter(({ name }) => name in spliced.outputs);
  const places = Object.entries(spliced.positions);
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
  const { logits } = spliced.outputs;
  return {
    name: `${spliced.model}, ${typeof logits === "string" ? logits : spliced.case}`,
    graph: { ...graph, outputs },
    environment,
    checkpoint,
    wanted: (name) => {
      const from = spliced.outputs[name] ?? name;
      if (typeof from !== "string") return from(oracle);
      const tensor = oracle(`output.${from}`);
      const value = outputs.find((output) => output.name === name)?.value;
      const [first] = value === undefined ? [] : nodeAt(graph, value).type.axes;
      const rows = spliced.rows[graph.axes.get(first ?? "")?.label ?? ""];
      return rows === undefined ? tensor : rowsAt(tensor, rows);
    },
  };
}

await testCases(await Promise.all(cases.map(oracleCase)));
