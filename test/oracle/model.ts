/** The models of the specs in this folder, checked, and the inputs of one prompt. */

import { fileURLToPath } from "node:url";
import { type CheckedModel, checkModel } from "../../compiler/compile.ts";
import { check } from "../../compiler/check/check.ts";
import { elaborate } from "../../compiler/elaborate/elaborate.ts";
import { readSource, resolveImport } from "../../compiler/cli/sources.ts";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { render } from "../../grammar/index.ts";
import { type Lookup, weightsOf } from "./checkpoint.ts";

/** The model `name` of a spec in this folder. */
export function specModel(file: string, name: string): CheckedModel {
  const source = readSource(fileURLToPath(new URL(file, import.meta.url)));
  const { value, diagnostics } = checkModel(source, { resolve: resolveImport, model: name });
  if (value === undefined || diagnostics.length > 0) {
    throw new RangeError(render(diagnostics, new Map([[source.file, source.text]])));
  }
  return value;
}

/** The graph of the model `name` of an example, as written: full-size models are not split into phases. */
export function exampleGraph(spec: string, name: string): Graph {
  const source = readSource(
    fileURLToPath(new URL(`../../examples/${spec}.braid`, import.meta.url)),
  );
  const { program, diagnostics: found } = elaborate(source, resolveImport);
  const { graph, diagnostics } = check(program, { model: name });
  if (graph === undefined) {
    const all = [...found, ...diagnostics];
    throw new RangeError(render(all, new Map([[source.file, source.text]])));
  }
  return graph;
}

/** The model `name` of `tiny.braid`. */
export function tinyModel(name: string): CheckedModel {
  return specModel("tiny.braid", name);
}

/** A prompt: which text where, and how many of the case's images where. */
export interface Prompt {
  readonly tokens: readonly number[];
  readonly textAt: readonly number[];
  readonly visualAt: readonly number[];
  readonly images: number;
}

/** What `graph` is evaluated on: `pixels` holds at least as many images as the prompt has. */
export function environmentOf(
  graph: Graph,
  checkpoint: Lookup,
  prompt: Prompt,
  pixels: Tensor,
): Environment {
  const size = pixels.data.length / (pixels.shape[0] ?? 1);
  const image = {
    element: "float",
    shape: [prompt.images, ...pixels.shape.slice(1)],
    data: Array.from(pixels.data).slice(0, prompt.images * size),
  } as const;
  return {
    sizes: new Map([
      ["Image", prompt.images],
      ["T", prompt.tokens.length],
    ]),
    inputs: new Map<string, Tensor>([
      ["image", image],
      ["prompt", vector(prompt.tokens)],
      ["position.visual", vector(prompt.visualAt)],
      ["position.text", vector(prompt.textAt)],
    ]),
    weights: weightsOf(graph, checkpoint),
  };
}

/** A vector of ints. */
function vector(data: readonly number[]): Tensor {
  return { element: "int", shape: [data.length], data };
}
