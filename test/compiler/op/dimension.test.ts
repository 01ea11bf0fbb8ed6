/** Sizes in normal form obey the laws of arithmetic, for the form and for the numbers it stands for. */

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  add,
  asConstant,
  ceilDivide,
  commonFactor,
  constant,
  type Dimension,
  divide,
  equalDimensions,
  evaluateDimension,
  floorDivide,
  isWhole,
  multiply,
  productOf,
  showDimension,
  substitute,
  subtract,
  sumOf,
  symbol,
  symbolsOf,
} from "../../../compiler/op/dimension.ts";

/** A size as a tree, so that it can be made in normal form and computed directly. */
type Tree =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "symbol"; readonly name: string }
  | {
      readonly kind: "add" | "subtract" | "multiply" | "floor" | "ceil";
      readonly left: Tree;
      readonly right: Tree;
    };

const names = ["A", "B", "C"];

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; node: Tree; round: Tree }>((tie) => ({
  tree: fc.oneof({ depthSize: "small" }, tie("leaf"), tie("node"), tie("round")),
  leaf: fc.oneof(
    fc.record({ kind: fc.constant("constant" as const), value: fc.integer({ min: -4, max: 9 }) }),
    fc.record({ kind: fc.constant("symbol" as const), name: fc.constantFrom(...names) }),
  ),
  node: fc.record({
    kind: fc.constantFrom("add" as const, "subtract" as const, "multiply" as const),
    left: tie("tree"),
    right: tie("tree"),
  }),
  // Sizes are divided by positive numbers.
  round: fc.record({
    kind: fc.constantFrom("floor" as const, "ceil" as const),
    left: tie("tree"),
    right: fc.record({
      kind: fc.constant("constant" as const),
      value: fc.integer({ min: 1, max: 5 }),
    }),
  }),
}));

const values = fc
  .tuple(...names.map(() => fc.integer({ min: 1, max: 12 })))
  .map((numbers) => new Map(names.map((name, i) => [name, numbers[i] ?? 1])));

const operations = {
  add: { form: add, number: (a: number, b: number) => a + b },
  subtract: { form: subtract, number: (a: number, b: number) => a - b },
  multiply: { form: multiply, number: (a: number, b: number) => a * b },
  floor: { form: floorDivide, number: (a: number, b: number) => Math.floor(a / b) },
  ceil: { form: ceilDivide, number: (a: number, b: number) => Math.ceil(a / b) },
};

function form(tree: Tree): Dimension {
  if (tree.kind === "constant") return constant(tree.value);
  if (tree.kind === "symbol") return symbol(tree.name);
  return operations[tree.kind].form(form(tree.left), form(tree.right));
}

function compute(tree: Tree, at: ReadonlyMap<string, number>): number {
  if (tree.kind === "constant") return tree.value;
  if (tree.kind === "symbol") return at.get(tree.name) ?? Number.NaN;
  return operations[tree.kind].number(compute(tree.left, at), compute(tree.right, at));
}

const size = tree.map(form);

/** Expects the same normal form, hence equal data. */
function same(left: Dimension, right: Dimension): void {
  expect(showDimension(left)).toBe(showDimension(right));
  expect(equalDimensions(left, right)).toBe(true);
}

test("sizes form a commutative ring", () => {
  fc.assert(
    fc.property(size, size, size, (a, b, c) => {
      same(add(a, b), add(b, a));
      same(add(add(a, b), c), add(a, add(b, c)));
      same(multiply(a, b), multiply(b, a));
      same(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
      same(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)));
      same(add(a, constant(0)), a);
      same(multiply(a, constant(1)), a);
      same(multiply(a, constant(0)), constant(0));
      same(subtract(a, a), constant(0));
      same(subtract(add(a, b), b), a);
    }),
  );
});

test("a size evaluates to what its arithmetic gives", () => {
  fc.assert(
    fc.property(tree, values, (written, at) => {
      expect(evaluateDimension(form(written), at) + 0).toBe(compute(written, at) + 0);
    }),
  );
});

test("substituting numbers one by one is the same as all at once", () => {
  fc.assert(
    fc.property(size, values, (a, at) => {
      const inSteps = [...at].reduce(
        (current, [name, value]) => substitute(current, new Map([[name, constant(value)]])),
        a,
      );
      expect(asConstant(inSteps)).toBe(evaluateDimension(a, at));
    }),
  );
});

test("substituting sizes and then evaluating is evaluating with their values", () => {
  fc.assert(
    fc.property(size, tree, values, (a, written, at) => {
      const replaced = substitute(a, new Map([["A", form(written)]]));
      const direct = new Map([...at, ["A", compute(written, at)] as const]);
      expect(evaluateDimension(replaced, at)).toBe(evaluateDimension(a, direct));
    }),
  );
});

test("exact division undoes multiplication by one product", () => {
  fc.assert(
    fc.property(size, fc.integer({ min: 1, max: 6 }), fc.constantFrom(...names), (a, n, name) => {
      const factor = multiply(constant(n), symbol(name));
      same(divide(multiply(a, factor), factor), a);
      same(multiply(divide(a, factor), factor), a);
      same(floorDivide(multiply(a, factor), factor), divide(multiply(a, factor), factor));
    }),
  );
});

test("the common factor of a size divides it for all values", () => {
  fc.assert(
    fc.property(tree, values, (written, at) => {
      const factor = commonFactor(form(written));
      const value = compute(written, at);
      expect(factor === 0 ? value : value % factor).toBeCloseTo(0, 9);
    }),
  );
  const [a, b] = [symbol("A"), symbol("B")];
  expect(commonFactor(add(multiply(constant(576), a), multiply(constant(64), b)))).toBe(64);
  expect(commonFactor(add(multiply(constant(576), a), constant(1)))).toBe(1);
  expect(commonFactor(divide(multiply(constant(576), a), constant(5)))).toBe(1);
});

test("a size depends on the symbols that are in its text", () => {
  fc.assert(
    fc.property(size, (a) => {
      const written = names.filter((name) => showDimension(a).includes(name));
      expect([...symbolsOf(a)].sort()).toEqual(written);
    }),
  );
});

const [H, G, V] = [symbol("H"), symbol("G"), symbol("V")];

test.each<[string, Dimension]>([
  ["0", subtract(H, H)],
  ["V + 3", add(constant(3), V)],
  ["2 * H", add(H, H)],
  ["G - H", subtract(G, H)],
  ["-H", subtract(constant(0), H)],
  ["G * H + V", add(V, multiply(H, G))],
  ["H / G", divide(H, G)],
  ["H", multiply(divide(H, G), G)],
  ["32 / 3", divide(constant(32), constant(3))],
  ["floor(H / G)", floorDivide(H, G)],
  ["ceil((H + 1) / 2)", ceilDivide(add(H, constant(1)), constant(2))],
  ["3", floorDivide(constant(10), constant(3))],
  ["4", ceilDivide(constant(10), constant(3))],
  ["2 * H", floorDivide(multiply(constant(4), H), constant(2))],
  ["(H / (G + V))", divide(H, add(G, V))],
  ["H * H", productOf([H, H])],
  ["0", sumOf([])],
  ["1", productOf([])],
])("%s is shown so", (text, dimension) => {
  expect(showDimension(dimension)).toBe(text);
});

test("a fraction is no whole size", () => {
  expect(isWhole(divide(constant(32), constant(3)))).toBe(false);
  expect(isWhole(divide(constant(33), constant(3)))).toBe(true);
  expect(isWhole(divide(H, constant(3)))).toBe(true);
});

test("a symbol without a value is named", () => {
  expect(() => evaluateDimension(add(H, V), new Map([["H", 1]]))).toThrow(
    "no value for a symbol of the size H + V",
  );
});
