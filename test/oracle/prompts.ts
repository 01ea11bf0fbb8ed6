/** The prompts of the oracles, and which of their tensors a model should give for each. */

import type { Tensor } from "../../compiler/graph/tensor.ts";
import type { Lookup } from "./checkpoint.ts";
import type { Prompt } from "./model.ts";

/** The id of `<image>`. */
const placeholder = 3;

/** The readings of EE-MLLM, by the names that the oracle gives them and those in `tiny.braid`. */
export const readings = {
  vo_ffn: "ValueOutputMlp",
  vo: "ValueOutput",
  ffn: "Mlp",
  none: "Frozen",
} as const;

export type Reading = keyof typeof readings;

const ints = (tensor: Tensor): number[] => Array.from(tensor.data);

/** Prompt `one`: text, an image, text; and its text alone. */
export function onePrompts(llava: Lookup): { readonly one: Prompt; readonly plain: Prompt } {
  const tokens = ints(llava("input.tokens"));
  const one = {
    tokens,
    textAt: ints(llava("input.position_text")),
    visualAt: ints(llava("input.position_visual")),
    images: 1,
  };
  return { one, plain: { tokens, textAt: [...tokens.keys()], visualAt: [], images: 0 } };
}

/** Prompt `two`, split at its placeholders. */
export function twoPrompt(llava: Lookup): Prompt {
  const ids = ints(llava("input.two.ids"));
  const at = (isImage: boolean): number[] =>
    [...ids.keys()].filter((index) => (ids[index] === placeholder) === isImage);
  return {
    tokens: ids.filter((id) => id !== placeholder),
    textAt: at(false),
    visualAt: at(true),
    images: 2,
  };
}

/** The prompt whose image comes last. */
export function lastPrompt(composite: Lookup): Prompt {
  return {
    tokens: ints(composite("input.tokens")),
    textAt: ints(composite("input.last.position_text")),
    visualAt: ints(composite("input.last.position_visual")),
    images: 1,
  };
}

/** The rows `at` of a tensor along its first axis. */
export function rowsAt(tensor: Tensor, at: readonly number[]): Tensor {
  const width = tensor.data.length / (tensor.shape[0] ?? 1);
  const data = at.flatMap((row) => Array.from(tensor.data).slice(row * width, (row + 1) * width));
  return { ...tensor, shape: [at.length, ...tensor.shape.slice(1)], data };
}

/** A tensor without the first row of its second axis: the class row of a tower. */
export function withoutClass(tensor: Tensor): Tensor {
  const [images = 0, rows = 0, width = 0] = tensor.shape;
  const data = Array.from({ length: images }, (_, image) =>
    Array.from(tensor.data).slice((image * rows + 1) * width, (image + 1) * rows * width),
  ).flat();
  return { ...tensor, shape: [images, rows - 1, width], data };
}

/** What `TappedLlava` gives for prompt `one`, by output. */
export function llavaTaps(llava: Lookup, prompt: Prompt): ReadonlyMap<string, Tensor> {
  const split = (output: string, tensor: Tensor): [string, Tensor][] => [
    [`${output.replace("*", "visual")}`, rowsAt(tensor, prompt.visualAt)],
    [`${output.replace("*", "text")}`, rowsAt(tensor, prompt.textAt)],
  ];
  const image = (tensor: Tensor): Tensor => rowsAt(tensor, [0]);
  return new Map([
    ["tower[0]", image(withoutClass(llava("output.tower.embedding")))],
    ["tower[1]", image(withoutClass(llava("output.tower.layer0")))],
    ["tower[2]", image(withoutClass(llava("output.tower.layer1")))],
    ["projected", image(llava("output.projected"))],
    ...split("input_*", llava("output.text.input")),
    ...split("layer_*[0]", llava("output.text.layer0")),
    ...split("layer_*[1]", llava("output.text.layer1")),
    ...split("norm_*", llava("output.text.norm")),
    ...split("logits_*", llava("output.logits")),
  ]);
}

/** What a tapped reading gives for the main prompt, by output. */
export function readingTaps(composite: Lookup, reading: Reading): ReadonlyMap<string, Tensor> {
  const visual = rowsAt(composite("output.visual"), [...Array(16).keys()]);
  const taps = new Map([
    ["input_visual", visual],
    ["logits_text", composite(`output.${reading}.logits`)],
  ]);
  for (const l of [0, 1, 2]) {
    // Keys, values and text rows of layer 0 do not depend on the reading.
    const layer = l === 0 ? "output.layer0" : `output.${reading}.layer${l}`;
    taps.set(`key[${l}]`, composite(`${layer}.k`));
    taps.set(`value[${l}]`, composite(`${layer}.v`));
    taps.set(`layer_text[${l}]`, composite(`${layer}.text`));
    if (reading === "none") taps.set(`layer_visual[${l}]`, visual);
    else if (l < 2) {
      taps.set(`layer_visual[${l}]`, composite(`output.${reading}.layer${l}.visual`));
    }
  }
  return taps;
}
