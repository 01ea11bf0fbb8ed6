import { expect, test } from "vitest";
import { resultOf, valuesOf } from "./values.ts";

/** Each expression over `x = [[1, 2, 3], [4, 5, 6]]`, `y = [10, 20, 30]`, `n = [3, 0, 2, 1]`. */
const cases: readonly (readonly [string, string, readonly number[]])[] = [
  ["operands align by name", "output result = x + y", [11, 22, 33, 14, 25, 36]],
  ["the left operand's axes come first", "output result = y + x", [11, 14, 22, 25, 33, 36]],
  ["a number becomes what it meets", "output result = n * 2 + 1", [7, 1, 5, 3]],
  ["`@` sums what both sides have", "output result = x @ y", [140, 320]],
  [
    "a reduction allows an outer product",
    "output result = sum(y * float(n) over N)",
    [60, 120, 180],
  ],
  [
    "so does an annotation",
    "z: [B, N] = y * float(n)\noutput result = sum(z over B)",
    [180, 0, 120, 60],
  ],
  ["several axes are reduced at once", "output result = sum(x over A, B)", [21]],
  [
    "mean, max and min",
    "output result = mean(x over B) + max(x over B) * 10 + min(x over B) * 100",
    [132, 465],
  ],
  ["softmax adds up to one", "output result = sum(softmax(x over B) over B)", [1, 1]],
  ["argmax takes the first of equals", "output result = argmax(x * 0 over B)", [0, 0]],
  [
    "cumulative sums include the row itself",
    "output result = cumulative(x over B)",
    [1, 3, 6, 4, 9, 15],
  ],
  [
    "top values fall",
    "values, places = top(y over B, 2)\noutput result = values + float(places)",
    [32, 21],
  ],
  [
    "sort is ascending",
    "values, places = sort(n over N)\noutput result = values * 10 + places",
    [1, 13, 22, 30],
  ],
  ["an index selects", "output result = y[B = argmax(x over B)]", [30, 30]],
  ["an index may keep its axis", "output result = y[B = (index(B) + 1) % B]", [20, 30, 10]],
  ["an index may add axes", "output result = y[B = n % 3]", [10, 10, 30, 20]],
  ["a padded index gives 0 outside", "output result = y[B ?= n]", [0, 10, 30, 20]],
  ["integers divide by floor in an index", "output result = y[B = index(N) / 2]", [10, 10, 20, 20]],
  [
    "a convolution is a padded index and a sum",
    "Tap = 3\noutput result = sum(y[B ?= index(B) + index(Tap) - 1] over Tap)",
    [30, 60, 50],
  ],
  ["indices align with axes that are shared", "output result = x[B = argmax(x over B)]", [3, 6]],
  ["a number is an index", "output result = x[A = 1]", [4, 5, 6]],
  [
    "a renamed axis has the same rows",
    "z: [B, C] = y * y[B as C]\noutput result = sum(z over C)",
    [600, 1200, 1800],
  ],
  [
    "split is row-major",
    "Half = 2\nz = split(float(n), N = Half * Rest)\noutput result = z[Half = 1]",
    [2, 1],
  ],
  ["merge is row-major", "z = merge(x, B * A = Both)\noutput result = z", [1, 4, 2, 5, 3, 6]],
  [
    "stack makes a first axis",
    "output result = stack(Pair = [y, y * 2])",
    [10, 20, 30, 20, 40, 60],
  ],
  ["a slice takes the rest", "output result = slice(y, B = 1, Rest)", [20, 30]],
  ["or as many rows as an axis has", "output result = slice(float(n), N = 1, A)", [0, 2]],
  ["where chooses", "output result = where(n > 1, n, 0 - n)", [3, 0, 2, -1]],
  [
    "comparisons",
    "output result = int(n >= 2) + int(n == 0) * 10 + int(n < 1 or n != 3) * 100",
    [1, 110, 101, 100],
  ],
  ["clamp bounds", "output result = clamp(n, 1, 2)", [2, 1, 2, 1]],
  [
    "floor division and remainder",
    "output result = floor_div(0 - n, 2) * 10 + (0 - n) % 2",
    [-19, 0, -10, -9],
  ],
  [
    "numbers are computed at compile time",
    "output result = y * (sqrt(16) / B + floor(N / B) + ceil(N / B))",
    [130 / 3, 260 / 3, 130],
  ],
  ["a size is a number", "output result = y * A", [20, 40, 60]],
  ["a dim is bound", "Twice = A * 2\noutput result = y * Twice", [40, 80, 120]],
  [
    "loops are unrolled",
    "z = y\nfor l in 0..4 except [1] {\nz = z + l\n}\noutput result = z",
    [15, 25, 35],
  ],
  [
    "a branch is chosen",
    "z = y\nfor l in 0..3 {\nif l in [1] { z = z * 2 } else { z = z + 1 }\n}\noutput result = z",
    [23, 43, 63],
  ],
  [
    "a list is indexed",
    "list = [1, 10, 100]\nz = y\nfor l in 0..3 {\nz = z + list[l]\n}\noutput result = z",
    [121, 131, 141],
  ],
  ["an annotation orders axes", "z: [B, A] = x\noutput result = z", [1, 4, 2, 5, 3, 6]],
  ["a name may be bound again", "y = sum(y over B)\noutput result = y", [60]],
];

for (const [name, statements, wanted] of cases) {
  test(name, () => {
    const result = resultOf(statements);
    expect(result).toHaveLength(wanted.length);
    for (const [index, value] of wanted.entries()) {
      expect(result[index]).toBeCloseTo(value, 12);
    }
  });
}

test("a size that changes from run to run is a number like any other", () => {
  const text = `model M {
  input x: [S]
  output y = x * float(S) + 1.0 / S + sqrt(S)
}`;
  expect(valuesOf(text, { sizes: { S: 4 }, inputs: { x: [1, 2, 3, 4] } }).y).toEqual([
    6.25, 10.25, 14.25, 18.25,
  ]);
});
