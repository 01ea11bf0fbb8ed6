import { expect, test } from "vitest";
import { graphOf, problems } from "./support.ts";
import { valuesOf } from "./values.ts";

const prompt = `
  input picture: [V, D]
  input prompt: [T, D]
  sequence S = visual: V at "<image>", text: T
  x = join S(visual = picture, text = prompt)`;
const given = {
  sizes: { V: 2, T: 3 },
  inputs: {
    picture: [1, 2],
    prompt: [10, 20, 30],
    "position.visual": [1, 2],
    "position.text": [0, 3, 4],
  },
};

test("a sequence has the rows of its segments, one after another", () => {
  const text = `model M[D = 1] {${prompt}
  output x
  output text = x.text
  output place = position(S)
  output words = position(T)
}`;
  expect(valuesOf(text, given)).toEqual({
    x: [1, 2, 10, 20, 30],
    text: [10, 20, 30],
    place: [1, 2, 0, 3, 4],
    words: [0, 3, 4],
  });
  expect(graphOf(text).sequences).toEqual([
    {
      axis: "S",
      placements: [{ segment: "visual", placeholder: "<image>" }, { segment: "text" }],
    },
  ]);
});

test("one segment is replaced, in a block that knows only this one", () => {
  const text = `block doubles(x: [S: {text}, D]) -> [S, D] {
  return x with text = x.text * 2
}
model M[D = 1] {${prompt}
  output result = doubles(x)
}`;
  expect(valuesOf(text, given)).toEqual({ result: [1, 2, 20, 40, 60] });
});

test("kept rows keep their positions, also in a sequence that is formed later", () => {
  const text = `model M[D = 1] {${prompt}
  values, kept = top(0 - sum(picture over D) over V, 1)
  few = picture[V = kept]
  sequence R = visual: Top, text: T
  y = join R(visual = few, text = x.text)
  output y
  output place = position(R)
}`;
  expect(problems(text)).toEqual(['name/unknown at "Top"']);
  const named = text
    .replace("values, kept =", "values: [Kept], kept: int[Kept] =")
    .replace("Top,", "Kept,");
  expect(valuesOf(named, given)).toEqual({ y: [1, 10, 20, 30], place: [1, 0, 3, 4] });
});

test("two calls of a block each keep rows of their own", () => {
  const text = `block highest[Few](x: [S, D]) -> [] {
  values: [Few], kept: int[Few] = top(sum(x over D) over S; Few)
  return sum(values over Few)
}
model M[D = 1] {${prompt}
  output one = highest[2](x)
  output two = highest[2](0 - x)
}`;
  expect(valuesOf(text, given)).toEqual({ one: [50], two: [-3] });
});

test("renamed rows and sliced rows keep their positions", () => {
  const text = `model M[D = 1] {${prompt}
  y = x[S as K]
  z = slice(x.text, T = 1, Rest)
  output same = position(K)
  output rest = position(Rest)
}`;
  // An empty prompt has no first row to leave out.
  expect(problems(text)).toEqual(['shape/range at "slice(x.text, T = 1, Rest)"']);
  const first = text.replace("slice(x.text, T = 1, Rest)", "slice(x, S = V, Rest)");
  expect(valuesOf(first, given)).toEqual({ same: [1, 2, 0, 3, 4], rest: [0, 3, 4] });
});

test("rows of no prompt are counted, or stand where the text says", () => {
  const text = `model M[D = 1, N = 3] {
  input x: [N, D]
  sequence S = only: N positions 2 * index(S) + 1
  output counted = index(N)
  output stated = position(S)
  output own = position(N)
}`;
  const result = valuesOf(text, { inputs: { x: [1, 2, 3] } });
  expect(result).toEqual({ counted: [0, 1, 2], stated: [1, 3, 5], own: [1, 3, 5] });
});

test("given rows are those there when generation started", () => {
  const text = `model M[Vocab = 3] {
  input prompt: token[T]
  weight table: [Vocab, Wide = 3]
  logits = table[Vocab = prompt]
  output first = sum(logits over T.given)
  output logits
  generate prompt from logits
}`;
  const weights = { table: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
  const result = valuesOf(text, {
    sizes: { T: 3, "T.given": 2 },
    inputs: { prompt: [2, 2, 0] },
    weights,
    given: 2,
  });
  expect(result.first).toEqual([0, 0, 2]);
  expect(graphOf(text).generation).toMatchObject({ tokens: "prompt", axis: "T" });
});
