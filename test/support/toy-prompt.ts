/** Prompts for the toy multimodal model: a layout, the tokens, the images, and seeded weights. */

import type { Environment } from "../../compiler/graph/evaluate-context.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { asConstant } from "../../compiler/op/dimension.ts";
import { randomTensor, seeded } from "./random.ts";

/** A prompt: `i` in the layout is an image (all its rows), `t` a token. */
export interface Prompt {
  readonly layout: string;
  /** Which images and tokens; the same seed gives the same ones. */
  readonly seed: number;
  /** Seeds of the tokens alone, where they should differ. */
  readonly textSeed?: number;
}

const patches = 3;
const width = 5;
const vocabulary = 11;

/** The inputs and sizes of a whole prompt, all of its text rows given unless said otherwise. */
export function toyEnvironment(graph: Graph, prompt: Prompt, given?: number): Environment {
  const { visual, text } = positionsOf(prompt.layout);
  const images = visual.length / patches;
  const image = randomTensor(seeded(prompt.seed), [images, patches, width], 1);
  const random = seeded((prompt.textSeed ?? prompt.seed) + 1000);
  const tokens = text.map(() => Math.floor(random() * vocabulary));
  return {
    sizes: new Map([
      ["Image", images],
      ["T", text.length],
      ["T.given", given ?? text.length],
    ]),
    inputs: new Map([
      ["image", image],
      ["prompt", ints(tokens)],
      ["position.visual", ints(visual)],
      ["position.text", ints(text)],
    ]),
    weights: weightsOf(graph),
    given: given ?? text.length,
  };
}

/** Weights that depend on nothing but their name and shape. */
export function weightsOf(graph: Graph): (name: string) => Tensor {
  const known = new Map<string, Tensor>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const shape = (graph.weights.get(name)?.axes ?? []).map((axis) => {
      const size = graph.axes.get(axis)?.size;
      return (size === undefined ? undefined : asConstant(size)) ?? 0;
    });
    const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);
    const weight = randomTensor(seeded(seed), shape, name.includes("norm") ? 1 : 0.6);
    known.set(name, weight);
    return weight;
  };
}

/** A vector of ints. */
export function ints(data: readonly number[]): Tensor {
  return { element: "int", shape: [data.length], data };
}

function positionsOf(layout: string): { visual: number[]; text: number[] } {
  const visual: number[] = [];
  const text: number[] = [];
  let next = 0;
  for (const letter of layout) {
    if (letter === "t") text.push(next++);
    else for (let i = 0; i < patches; i++) visual.push(next++);
  }
  return { visual, text };
}
