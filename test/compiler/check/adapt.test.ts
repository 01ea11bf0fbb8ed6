import { expect, test } from "vitest";
import { valuesOf } from "./values.ts";

/** `y = x @ w` over two segments, adapted as said. */
const model = (adapters: string): string => `model M {
  input visual: [V, D = 2]
  input text: [T, D]
  ${adapters}
  weight layers[0].up.weight: [Out = 2, D]
  sequence S = visual: V, text: T
  x = join S(visual = visual, text = text)
  output y = x @ layers[0].up.weight
}`;
const given = {
  sizes: { V: 1, T: 2 },
  inputs: {
    visual: [1, 2],
    text: [3, 4, 5, 6],
    "position.visual": [0],
    "position.text": [1, 2],
  },
  weights: {
    "layers.0.up.weight": [1, 0, 0, 1],
    "layers.0.up.lora_A.weight": [1, -1],
    "layers.0.up.lora_B.weight": [10, 20],
    "layers.0.up.lora_A.image.weight": [0, 1],
    "layers.0.up.lora_B.image.weight": [100, 0],
  },
};
const y = (adapters: string): readonly number[] | undefined => valuesOf(model(adapters), given).y;

test("the factors are added where the weight is contracted", () => {
  const all = [1 - 20, 2 - 40, 3 - 20, 4 - 40, 5 - 20, 6 - 40];
  expect(y("adapt layers[*].**.weight with lora(rank = 1, alpha = 2)")).toEqual(all);
  expect(y("adapt layers[[0, 3]].up.weight with lora(rank = 1, alpha = 2)")).toEqual(all);
  expect(y("adapt **.weight with lora(rank = 1, alpha = 2, merged = true)")).toEqual(all);
});

test("rows of one segment are adapted, others not", () => {
  const on = "adapt layers[0].up.weight with lora(rank = 1, alpha = 1) on text";
  expect(y(on)).toEqual([1, 2, 3 - 10, 4 - 20, 5 - 10, 6 - 20]);
});

test("adapters of one weight have names", () => {
  const both = `adapt **.weight with lora(rank = 1, alpha = 1) on text
  adapt **.weight with lora(rank = 1, alpha = 1, name = "image") on visual`;
  expect(y(both)).toEqual([1 + 200, 2, 3 - 10, 4 - 20, 5 - 10, 6 - 20]);
});
