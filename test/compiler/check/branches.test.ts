import { expect, test } from "vitest";
import { problems } from "./support.ts";
import { valuesOf } from "./values.ts";

const either = `model M[D = 2](kinds: numbers = [1, 0]) {
  input x: [D]
  for l in 0..2 {
    if kinds[l] == 1 {
      output y[l] = x
    } else {
      output y[l] = x * 2
    }
  }
}`;

test("both branches may give one output", () => {
  expect(valuesOf(either, { inputs: { x: [1, 3] } })).toEqual({ "y[0]": [1, 3], "y[1]": [2, 6] });
});

test("an output that is given twice is still a mistake", () => {
  expect(problems(either.replace("x * 2", "x * 2\n      output y[l] = x"))).toEqual([
    'name/duplicate at "y"',
  ]);
});

const demanding = (heads: number): string => `block half(x: [D]) -> [Half] {
  require D % 2 == 0
  Half = D / 2
  Two = 2
  return sum(split(x, D = Half * Two) over Two)
}
model M[D = ${heads}] {
  input x: [D]
  if D == 3 {
    output whole = x
  } else {
    Part = D / 2
    y: [Part] = half(x)
    output y
  }
}`;

test("what a branch demands is demanded where it is taken", () => {
  expect(problems(demanding(3))).toEqual([]);
  expect(problems(demanding(4))).toEqual([]);
  expect(problems(demanding(5)).length).toBeGreaterThan(0);
});

test("an expert takes rows in order, and choices that find no room get nothing", () => {
  const text = `import { within_capacity } from "std/experts"
model M[Expert = 2, Slot = 2] {
  input share: [S, Slot]
  input first: int[S]
  choice: int[S, Slot] = where(index(Slot) == 0, clamp(first, 0, 1), 1 - clamp(first, 0, 1))
  output kept = within_capacity[Expert](share, choice, 2)
}`;
  // Expert 0 is the first choice of rows 0, 1 and 2, and the second of row 3, when it is full; expert
  // 1 takes row 3 first, then the second choice of row 0, and is full for rows 1 and 2.
  const inputs = { share: [0.75, 0.25, 0.5, 0.5, 1, 0, 0.6, 0.4], first: [0, 0, 0, 1] };
  const { kept } = valuesOf(text, { inputs, sizes: { S: 4 } });
  expect(kept).toEqual([0.75, 0.25, 1, 0, 0, 0, 1, 0]);
});
