/** What a function of an extension takes and gives, for its C++ and its Python alike. */

import type { Size } from "../../../runtime/contract.ts";
import { axisAt, type Graph, nodeAt } from "../../graph/graph.ts";
import type { Element, TensorType } from "../../op/type.ts";
import { sizeOf } from "../size.ts";
import type { TorchFunction } from "./functions.ts";
import { identifier } from "./identifiers.ts";
import { givenSymbols, solvedSymbols } from "./symbols.ts";

/** A tensor that goes in. */
export interface TorchTensor {
  readonly name: string;
  readonly source: "input" | "weight";
  /** For weights: the checkpoint's name, from the block's path on. */
  readonly path: string;
  /** Its name in the plan. */
  readonly planName: string;
  readonly type: Element;
  readonly shape: readonly Size[];
  /** `[S, D = 128]`. */
  readonly axes: string;
  /** Whether it places rows. */
  readonly isPosition: boolean;
  /** For indices: what they are below. */
  readonly bound: Size | undefined;
}

/** A tensor that comes out. */
export interface TorchResult {
  readonly name: string;
  readonly type: Element;
  readonly shape: readonly Size[];
  readonly axes: string;
}

export interface TorchSignature {
  readonly name: string;
  readonly doc: string;
  /** Tensors, then weights, then positions. */
  readonly tensors: readonly TorchTensor[];
  /** Whether the weights are one argument, by their paths: operations of PyTorch take few. */
  readonly gathers: boolean;
  readonly results: readonly TorchResult[];
  /** Sizes that shapes tell, in an order in which they can be computed. */
  readonly symbols: readonly {
    readonly name: string;
    readonly argument: string;
    readonly axis: number;
    readonly rest: Size;
    readonly factor: number;
  }[];
  /** Sizes that are given beside the tensors. */
  readonly sizes: readonly string[];
  /** As `torch.library` writes it. */
  readonly schema: string;
}

/** With more weights than these a function takes them as one argument. */
const mostWeights = 24;

/** The arguments in order: tensors by themselves, `weights` for all that are gathered. */
export function parametersOf({
  tensors,
  gathers,
}: Pick<TorchSignature, "tensors" | "gathers">): readonly (TorchTensor | "weights")[] {
  if (!gathers) return tensors;
  const first = tensors.findIndex(({ source }) => source === "weight");
  return tensors.flatMap((each, index): readonly (TorchTensor | "weights")[] => {
    if (each.source !== "weight") return [each];
    return index === first ? ["weights"] : [];
  });
}

/** The weights of a function that takes them as one argument, in their order there. */
export function gatheredWeights({
  tensors,
  gathers,
}: Pick<TorchSignature, "tensors" | "gathers">): readonly TorchTensor[] {
  return gathers ? tensors.filter(({ source }) => source === "weight") : [];
}

/** The name in the plan of what a function calls `name`. */
export function planName(of: string, name: string): string {
  return `${of}/${name}`;
}

/** The signature of a function. */
export function signatureOf({ name, doc, graph }: TorchFunction): TorchSignature {
  const inputs = graph.inputs.map((input): TorchTensor => {
    const { role, type } = input;
    return {
      ...tensorOf(graph, name, input.name, type),
      source: "input",
      path: input.name,
      isPosition: role === "position",
      bound: boundOf(graph, input.name),
    };
  });
  const weights = [...graph.weights.values()].map(
    (weight): TorchTensor => ({
      ...tensorOf(graph, name, weight.name, { element: "float", axes: weight.axes }),
      source: "weight",
      path: weight.alternatives[0]?.[0] ?? weight.name,
      isPosition: false,
      bound: undefined,
    }),
  );
  const plain = inputs.filter(({ isPosition }) => !isPosition);
  const tensors = [...plain, ...weights, ...inputs.filter(({ isPosition }) => isPosition)];
  const results = graph.outputs.map(({ name: output, value }): TorchResult => {
    const { type } = nodeAt(graph, value);
    const { shape, axes } = tensorOf(graph, name, output, type);
    return { name: output, type: type.element, shape, axes };
  });
  const sizes = givenSymbols(graph).map(identifier);
  const symbols = solvedSymbols(graph).map((each) => ({ ...each, rest: sizeOf(each.rest) }));
  const gathers = weights.length > mostWeights;
  const parameters = [
    ...parametersOf({ tensors, gathers }).map((each) =>
      each === "weights" ? "Tensor[] weights" : `Tensor ${each.name}`,
    ),
    ...sizes.map((each) => `int ${each}`),
  ];
  const returned = results.length === 1 ? "Tensor" : `(${results.map(() => "Tensor").join(", ")})`;
  const schema = `${name}(${parameters.join(", ")}) -> ${returned}`;
  return { name, doc, tensors, gathers, results, symbols, sizes, schema };
}

function tensorOf(
  graph: Graph,
  of: string,
  name: string,
  { element, axes }: TensorType,
): Pick<TorchTensor, "name" | "planName" | "type" | "shape" | "axes"> {
  const shown = axes.map((axis) => {
    const { label, size } = axisAt(graph, axis);
    return label === size.key ? label : `${label} = ${size.key}`;
  });
  return {
    name,
    planName: planName(of, name),
    type: element,
    shape: axes.map((axis) => sizeOf(axisAt(graph, axis).size)),
    axes: `[${shown.join(", ")}]`,
  };
}

/** The smallest axis that an input indexes; one of constant size, if there is one. */
function boundOf(graph: Graph, input: string): Size | undefined {
  const bounds = graph.nodes.flatMap(({ op, args }) => {
    const index = args[1];
    if (op.kind !== "select" || index === undefined) return [];
    const { op: source } = nodeAt(graph, index);
    if (source.kind !== "input" || source.name !== input) return [];
    return [sizeOf(axisAt(graph, op.axis).size)];
  });
  const constants = bounds.filter((each) => typeof each === "number");
  return constants.length === 0 ? bounds[0] : Math.min(...constants);
}
