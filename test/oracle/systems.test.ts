/**
 * Systems of the field, as `examples` spells them, agree with independent implementations. Each row is
 * a model, the case that its inputs and outputs come from, and the sizes that the case has.
 */

import { axisAt, type Graph } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import type { AxisName } from "../../compiler/op/axis.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { type Lookup, readCase, readExample, weightsOf } from "./checkpoint.ts";
import { type OracleCase, testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";

interface System {
  readonly spec: string;
  readonly model: string;
  /** The example whose weights are used. */
  readonly weights: string;
  readonly case: string;
  /** What the case's names of this model's inputs and outputs begin with. */
  readonly part?: string;
  readonly sizes?: Readonly<Record<string, number>>;
  /** Which outputs are compared, with the case's names for them; all by their own names if absent. */
  readonly outputs?: Readonly<Record<string, string>>;
}

const systems: readonly System[] = [
  {
    spec: "honeybee/c-abstractor",
    model: "CAbstractor",
    weights: "honeybee",
    case: "honeybee-c-abstractor",
    sizes: { Image: 2 },
  },
  {
    spec: "honeybee/d-abstractor",
    model: "DAbstractor",
    weights: "honeybee",
    case: "honeybee-d-abstractor",
    sizes: { Image: 2 },
  },
  {
    spec: "blip2/blip2",
    model: "QFormer",
    weights: "blip2",
    case: "blip2-qformer",
    sizes: { B: 2, K: 9, T: 6 },
    outputs: { projected: "instruct.projected" },
  },
  {
    spec: "blip2/blip2",
    model: "QFormer",
    weights: "blip2",
    case: "blip2-qformer",
    sizes: { B: 2, K: 9, T: 0 },
    outputs: {
      "hidden[0]": "queries.layer0",
      "hidden[1]": "queries.layer1",
      "hidden[2]": "queries.layer2",
      "hidden[3]": "queries.layer3",
      projected: "queries.projected",
    },
  },
  ...(
    [
      ["Flamingo", "immediate"],
      ["FlamingoPrevious", "previous"],
      ["FlamingoOfficial", "previous_official"],
    ] as const
  ).map(([model, mode]) => ({
    spec: "flamingo/flamingo",
    model,
    weights: "flamingo",
    case: "flamingo",
    sizes: { B: 2, S: 13 },
    outputs: { media: "media", attention: `${mode}.attention`, out: `${mode}.out` },
  })),
  {
    spec: "llama-3.2-vision/llama-3.2-vision",
    model: "Llama32Vision",
    weights: "llama-3.2-vision",
    case: "llama-3.2-vision",
    sizes: { Image: 2, T: 13 },
    outputs: {
      projected: "vision.projected",
      "layer[0]": "meta.layer0",
      "layer[1]": "meta.layer1",
      "layer[2]": "meta.layer2",
      "layer[3]": "meta.layer3",
      "layer[4]": "meta.layer4",
      logits: "meta.logits",
    },
  },
  {
    spec: "llama-3.2-vision/llama-3.2-vision",
    model: "Llama32Vision",
    weights: "llama-3.2-vision",
    case: "llama-3.2-vision",
    sizes: { Image: 0, T: 5 },
    outputs: { logits: "text_only.logits" },
  },
  { spec: "emma/emma", model: "Emma", weights: "emma", case: "blocks", part: "emma." },
  {
    spec: "infmllm/infmllm",
    model: "Infmllm",
    weights: "infmllm",
    case: "blocks",
    part: "infmllm.",
    sizes: { Image: 2 },
  },
  {
    spec: "notellm/notellm",
    model: "Notellm",
    weights: "notellm",
    case: "blocks",
    part: "notellm.",
    sizes: { B: 3 },
    outputs: {
      image: "image",
      image_small: "image.small",
      last: "last",
      last_small: "last.small",
      similarity: "similarity",
    },
  },
  { spec: "nvlm/nvlm", model: "TaggedTiles", weights: "nvlm", case: "blocks", part: "nvlm." },
  {
    spec: "mplug-owl3/mplug-owl3",
    model: "HyperAttention",
    weights: "mplug-owl3",
    case: "blocks",
    part: "owl3.",
    sizes: { T: 12 },
  },
  {
    spec: "mplug-owl3/mplug-owl3",
    model: "HyperAttentionPerHead",
    weights: "mplug-owl3",
    case: "blocks",
    part: "owl3.",
    sizes: { T: 12 },
    outputs: { joint: "per_head.joint", two: "per_head.two" },
  },
];

async function oracleCase(system: System): Promise<OracleCase> {
  // All rows in one phase: what is generated, phase after phase, is another test's.
  const { generation: _, ...graph } = specModel(
    `../../examples/${system.spec}.braid`,
    system.model,
  ).graph;
  const oracle = await readCase(system.case);
  const checkpoint: Lookup = await readExample(system.weights);
  const sizes = new Map(Object.entries(system.sizes ?? {}));
  const { outputs: names, part = "" } = system;
  const caseInput: Lookup = (name) => oracle(`input.${part}${name}`);
  const sized = [...sizes].map(([name, size]) => `${name} = ${size}`).join(", ");
  return {
    name: sized === "" ? system.model : `${system.model}, ${sized}`,
    graph:
      names === undefined
        ? graph
        : { ...graph, outputs: graph.outputs.filter(({ name }) => name in names) },
    environment: {
      sizes,
      inputs: new Map([...given(graph, caseInput, sizes), ...positions(graph, sizes)]),
      weights: weightsOf(graph, checkpoint),
    },
    checkpoint,
    wanted: (output) => oracle(`output.${part}${names?.[output] ?? output}`),
  };
}

/** What a case gives of a model's inputs. */
function given(
  graph: Graph,
  input: Lookup,
  sizes: ReadonlyMap<string, number>,
): readonly (readonly [string, Tensor])[] {
  return graph.inputs
    .filter(({ role }) => role !== "position")
    .map(({ name, type }) => [name, firstRows(input(name), shapeOf(graph, type.axes, sizes))]);
}

/** Positions where segments follow each other. */
function positions(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
): readonly (readonly [string, Tensor])[] {
  return graph.sequences.flatMap(({ axis }) => {
    let start = 0;
    return axisAt(graph, axis).segments.map((segment) => {
      const shape = shapeOf(graph, [segment.axis], sizes);
      const data = Array.from({ length: shape[0] ?? 0 }, () => start++);
      return [`position.${segment.name}`, { element: "int", shape, data }] as const;
    });
  });
}

/** The sizes of axes in a case. */
function shapeOf(
  graph: Graph,
  axes: readonly AxisName[],
  sizes: ReadonlyMap<string, number>,
): readonly number[] {
  return axes.map((axis) => evaluateDimension(axisAt(graph, axis).size, sizes));
}

/** `tensor` with as many rows along each axis as `shape` says: a case may have more than it asks for. */
function firstRows({ element, shape: whole, data: all }: Tensor, shape: readonly number[]): Tensor {
  // A batch of one that the model does not have.
  const stored = whole.slice(whole.length - shape.length);
  const strides = stored.map((_, axis) =>
    stored.slice(axis + 1).reduce((product, size) => product * size, 1),
  );
  const data: number[] = [];
  const visit = (axis: number, at: number): void => {
    if (axis === shape.length) data.push(all[at] ?? Number.NaN);
    for (let row = 0; row < (shape[axis] ?? 0); row++)
      visit(axis + 1, at + row * (strides[axis] ?? 0));
  };
  visit(0, 0);
  return { element, shape, data };
}

await testCases(await Promise.all(systems.map(oracleCase)));
