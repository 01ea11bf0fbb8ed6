/** Lengths that a person writes become values of symbols, or a message that helps. */

import { expect, test } from "vitest";
import { afterwards, readLengths } from "../../../compiler/report/lengths.ts";
import { composite, toyMllm } from "../../support/toy-mllm.ts";

const graph = toyMllm({ layers: [{ mask: composite }] });

function read(text: string): unknown {
  const result = readLengths(graph, text);
  if (result.kind === "mistake") return `${result.message}; ${result.hint}`;
  const { title, values } = result.lengths;
  return [title, Object.fromEntries(values)];
}

const sizes = (images: number, text: number) => ({
  Image: images,
  T: text,
  past: 0,
  "T.given": text,
});

test.each([
  ["", ["image=1,text=64", { Image: 1, T: 64, past: 0, "T.given": 64 }]],
  ["image=4,text=64", ["image=4,text=64", sizes(4, 64)]],
  ["image=0, text=9", ["image=0,text=9", sizes(0, 9)]],
  ["visual=12", ["image=4,text=64", sizes(4, 64)]],
  ["visual=0,T=1", ["image=0,text=1", sizes(0, 1)]],
  ["prompt=7,Image=2", ["image=2,text=7", sizes(2, 7)]],
  ["image=2,visual=6", ["image=2,text=64", sizes(2, 64)]],
])("%j", (text, expected) => {
  expect(read(text)).toEqual(expected);
});

test.each([
  ["visual=13", "`visual=13` cannot be: that length is 3 * Image"],
  ["image=2,visual=3", "`visual=3` does not go with what was said before: Image is 2"],
  ["images=2", "`images=2` is no length of this model, which has image, prompt, visual, text, t"],
  ["image", "`image` is no length of this model"],
  ["text=-1", "`text=-1` is no length of this model"],
  ["text=1.5", "`text=1.5` is no length of this model"],
])("%j is refused", (text, expected) => {
  expect(read(text)).toContain(expected);
});

test("a question has a token", () => {
  const result = readLengths(graph, "text=0", 1);
  expect(result.kind === "mistake" && result.message).toContain("`text=0` is too short to answer");
});

test("rows that follow find all others in caches", () => {
  const result = readLengths(graph, "image=2,text=5");
  if (result.kind !== "lengths") throw new Error(result.message);
  const later = afterwards(graph, result.lengths, 1);
  expect(Object.fromEntries(later.values)).toMatchObject({ Image: 2, T: 1, past: 5 });
});
