/** Evaluates a text without mistakes on small numbers: what a feature of the language means. */

import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { sizeOf } from "../../../compiler/graph/graph.ts";
import type { Tensor } from "../../../compiler/graph/tensor.ts";
import { evaluateDimension } from "../../../compiler/op/dimension.ts";
import { graphOf } from "./support.ts";

/** What a text is evaluated on: sizes by symbol, and row-major numbers by name. */
export interface Given {
  readonly sizes?: Readonly<Record<string, number>>;
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly given?: number;
  readonly model?: string;
}

/** Every output of the model by name, as row-major numbers. */
export function valuesOf(text: string, given: Given = {}): Record<string, readonly number[]> {
  const graph = graphOf(text, given.model === undefined ? {} : { model: given.model });
  const sizes = new Map(Object.entries(given.sizes ?? {}));
  const inputs = new Map(
    graph.inputs.map(({ name, type }): [string, Tensor] => {
      const shape = type.axes.map((axis) => evaluateDimension(sizeOf(graph, axis), sizes));
      return [name, { element: type.element, shape, data: given.inputs?.[name] ?? [] }];
    }),
  );
  const weights = (name: string): Tensor => {
    const axes = graph.weights.get(name)?.axes ?? [];
    const shape = axes.map((axis) => evaluateDimension(sizeOf(graph, axis), sizes));
    return { element: "float", shape, data: given.weights?.[name] ?? [] };
  };
  const { outputs } = evaluateGraph(graph, {
    sizes,
    inputs,
    weights,
    ...(given.given === undefined ? {} : { given: given.given }),
  });
  return Object.fromEntries([...outputs].map(([name, { data }]) => [name, [...data]]));
}

/** The value of `expression` over the inputs `x: [A, B]` and `n: int[N]`, of sizes 2, 3 and 4. */
export function resultOf(statements: string): readonly number[] {
  const text = `model M[A = 2, B = 3, N = 4] {
  input x: [A, B]
  input y: [B]
  input n: int[N]
  ${statements}
}`;
  const inputs = { x: [1, 2, 3, 4, 5, 6], y: [10, 20, 30], n: [3, 0, 2, 1] };
  return valuesOf(text, { inputs }).result ?? [];
}
