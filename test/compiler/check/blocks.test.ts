import { expect, test } from "vitest";
import { checkText, graphOf, problems } from "./support.ts";
import { valuesOf } from "./values.ts";

test("a lifted axis never meets a local one of the same name", () => {
  const text = `block spread(x: [.., D]) -> [.., D] {
  F = 2
  weight w: [F, D]
  return sum(x * w over F)
}
model M[D = 1, F = 2] {
  input x: [F, D]
  output result = spread(x)
}`;
  const result = valuesOf(text, { inputs: { x: [1, 10] }, weights: { w: [3, 4] } });
  expect(result).toEqual({ result: [7, 70] });
});

test("an axis that only the result has is named by the annotation", () => {
  const text = `block linear(x: [.., In]) -> [.., Out] {
  weight weight: [Out, In]
  return x @ weight
}
model M[A = 2, B = 3] {
  input x: [A]
  y: [B] = linear(x) at up
  z: [A] = linear(y) at down
  w = x + linear(x) at same
  output z
  output w
}`;
  const weights = {
    "up.weight": [1, 0, 0, 1, 1, 1],
    "down.weight": [1, 0, 0, 0, 0, 1],
    "same.weight": [0, 1, 1, 0],
  };
  const result = valuesOf(text, { inputs: { x: [5, 7] }, weights });
  expect(result).toEqual({ z: [5, 12], w: [12, 12] });
});

test("an axis that the body decides needs no annotation, and its size is a number", () => {
  const text = `block pairs(x: [.., D]) -> [.., Half] {
  Two = 2
  y = split(x, D = Half * Two)
  return sum(y over Two)
}
model M[D = 6] {
  input x: [D]
  y: [P] = pairs(x)
  output result = y * P
}`;
  const result = valuesOf(text, { inputs: { x: [1, 2, 3, 4, 5, 6] } });
  expect(result).toEqual({ result: [9, 21, 33] });
});

test("equal layers share their axes", () => {
  const text = `block layer[F](x: [S, D]) -> [S, D] {
  weight up: [F, D]
  weight down: [D, F]
  return x + relu(x @ up) @ down
}
model M[D = 4, F = 8] {
  input x: [S, D]
  for l in 0..3 {
    x = layer[F](x) at layers[l]
  }
  output x
}`;
  const graph = graphOf(text);
  expect([...graph.axes.keys()]).toEqual(["S", "D", "F"]);
  expect([...graph.weights.keys()]).toEqual([
    "layers.0.up",
    "layers.0.down",
    "layers.1.up",
    "layers.1.down",
    "layers.2.up",
    "layers.2.down",
  ]);
});

test("several results, masks, numbers and lists are passed", () => {
  const text = `mask near(width: int)(q, k) = q - k < width and k - q < width
block both[H](x: [S, D], sees: mask, factors: numbers, shift: number = 1, twice: bool = false) -> ([S, D], [S]) {
  weight w: [H, E = 1, D]
  y = x @ w
  a = attend(y, y[S as K], y[S as K] over K; mask = sees and not near(1))
  z = x * factors[1] + shift
  if twice { z = z * 2 }
  return z, sum(a over H, E)
}
model M[D = 1] {
  input x: [N = 3, D]
  y, z = both[H = 1](x, near(2), [3, 5], twice = true)
  output y
  output z
}`;
  const { y, z } = valuesOf(text, { inputs: { x: [1, 2, 3] }, weights: { w: [0] } });
  expect(y).toEqual([12, 22, 32]);
  expect(z).toEqual([0, 0, 0]);
});

test("the same path is one weight, alternatives multiply, and experts are stacked", () => {
  const text = `block norm(x: [S, D]) -> [S, D] {
  weight weight: [D]
  return x * weight
}
model M[D = 2, Expert = 3] {
  input x: [S, D]
  path tower = "model.vision" or "vision"
  path inner = "a" or "b"
  y = norm(x) at tower.norm
  z = norm(y) at tower.norm
  weight tower.inner.experts[Expert].up: [D]
  weight head: [D]
  tie head = tower.inner.experts[Expert].up
  output z
  output up = tower.inner.experts[Expert].up
}`;
  expect(problems(text)).toEqual(['path/shape at "head"']);
  const graph = graphOf(text.replace(/ {2}tie .*\n/, ""));
  expect(graph.weights.get("model.vision.norm.weight")?.alternatives).toEqual([
    ["model.vision.norm.weight"],
    ["vision.norm.weight"],
  ]);
  expect(graph.weights.get("model.vision.inner.experts[Expert].up")?.alternatives).toEqual([
    [
      "model.vision.inner.experts.0.up",
      "model.vision.inner.experts.1.up",
      "model.vision.inner.experts.2.up",
    ],
    ["vision.inner.experts.0.up", "vision.inner.experts.1.up", "vision.inner.experts.2.up"],
  ]);
});

test("tied weights are one tensor", () => {
  const text = `model M[Vocab = 2, D = 2] {
  input prompt: token[T]
  weight embed.weight: [Vocab, D]
  weight head.weight: [Vocab, D]
  tie head.weight = embed.weight
  x = embed.weight[Vocab = prompt]
  output logits = x @ head.weight
}`;
  const result = valuesOf(text, {
    sizes: { T: 1 },
    inputs: { prompt: [1] },
    weights: { "embed.weight": [1, 2, 3, 4] },
  });
  expect(result).toEqual({ logits: [11, 25] });
});

test("numbers are checked against the configuration of the checkpoint", () => {
  const text = `block scaled(x: [S], theta = 10000 from rope_theta) -> [S] {
  return x * theta
}
model M[D = 2 from hidden_size] {
  input x: [D]
  output y = scaled(scaled(x))
  output z = scaled(x, theta = 5)
}`;
  const found = graphOf(text).configChecks.map(({ key, value }) => [key, value]);
  expect(found).toEqual([
    ["hidden_size", 2],
    ["rope_theta", 10000],
    ["rope_theta", 5],
  ]);
});

const choice = `mask causal(q, k) = k <= q
mask near(width: int)(q, k) = q - k < width
model Big[L = 3](sees: mask = all) {
  input x: [S, D = 1]
  weight w: [H = 1, D]
  y = x @ w
  for l in 0..L {
    z = y * l
    output hidden[l] = z
  }
  u: [S, H, E] = stack(E = [y, y])[S as S2][S2 as S]
  output y
}
model Small = Big[L = 1]
model Smaller = Small(sees = causal and near(3))`;

test("aliases and what is given from outside change dims and parameters", () => {
  const names = (options: Parameters<typeof graphOf>[1]): readonly string[] =>
    graphOf(choice.replace(/ {2}u: .*\n/, ""), options).outputs.map((output) => output.name);
  expect(names({})).toEqual(["hidden[0]", "hidden[1]", "hidden[2]", "y"]);
  expect(names({ model: "Small" })).toEqual(["hidden[0]", "y"]);
  expect(names({ model: "Smaller", dims: new Map([["L", 2]]) })).toEqual([
    "hidden[0]",
    "hidden[1]",
    "y",
  ]);
});

test("what is given from outside is read as an expression, and its mistakes are reported", () => {
  const text = choice.replace(/ {2}u: .*\n/, "");
  const given = (value: string): readonly string[] =>
    checkText(text, { parameters: new Map([["sees", value]]) }).diagnostics.map(
      (each) => each.code,
    );
  expect(given("causal and near(3)")).toEqual([]);
  expect(given("causal and")).toEqual(["syntax/expected"]);
  expect(given("causl")).toEqual(["name/unknown"]);
  expect(given("3")).toEqual(["mask/boolean"]);
});

test("an output inside a block stands below the block's path", () => {
  const text = `block tapped(x: [S]) -> [S] {
  output middle = x * 2
  return x
}
model M {
  input x: [S]
  x = tapped(x) at first
  x = tapped(x) at second
  output x
}`;
  expect(graphOf(text).outputs.map((output) => output.name)).toEqual([
    "first.middle",
    "second.middle",
    "x",
  ]);
});
