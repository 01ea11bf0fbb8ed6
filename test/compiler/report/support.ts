/** The example's models at the size of LLaVA-1.5-7B, of any depth, and sizes for their symbols. */

import { readFileSync } from "node:fs";
import { type CheckedModel, checkModel } from "../../../compiler/compile.ts";

const folder = new URL("../../../examples/ee-mllm/", import.meta.url);

/** Sizes of the decoder of LLaVA-1.5-7B. */
const decoder = { D: 4096, H: 32, G: 32, E: 128, F: 11008, Vocab: 32064 };
/** A tower of one layer, over patches of 14 × 14. */
const tower = { Patch: 14, TowerWidth: 64, TowerHeads: 4, TowerMlp: 64, TowerLayers: 1 };

const wide = {
  file: "wide.braid",
  text: `import { EeMllm, composite, causal } from "ee-mllm"
import { window } from "std/attention"
mask text_only(q, k) = q in text and k <= q
model Wide = EeMllm
`,
};

/** The example with `layers` layers of 7B size, reading square images of `size` pixels. */
export function wideModel(
  layers: number,
  size: number,
  parameters: Readonly<Record<string, string>>,
): CheckedModel {
  const dims = { ...decoder, ...tower, L: layers, Size: size };
  const model = checkModel(wide, {
    resolve: (from) => source(from),
    dims: new Map(Object.entries(dims)),
    parameters: new Map(Object.entries(parameters)),
  });
  if (model.value === undefined) throw new Error(JSON.stringify(model.diagnostics));
  return model.value;
}

function source(name: string): { readonly file: string; readonly text: string } {
  return { file: `${name}.braid`, text: readFileSync(new URL(`${name}.braid`, folder), "utf8") };
}

/** Values of the symbols of a multimodal model whose tokens are all given. */
export function lengths(images: number, text: number): ReadonlyMap<string, number> {
  return new Map([
    ["Image", images],
    ["T", text],
    ["T.given", text],
    ["past", 0],
  ]);
}
