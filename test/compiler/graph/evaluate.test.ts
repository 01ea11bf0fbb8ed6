/** The definition of each operation, on numbers worked out by hand. */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { ValueId } from "../../../compiler/graph/graph.ts";
import type { NamedTensor, Tensor } from "../../../compiler/graph/tensor.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { constant, symbol } from "../../../compiler/op/dimension.ts";
import type { Op } from "../../../compiler/op/op.ts";
import { Draft } from "../../support/draft.ts";

const environment = (inputs: Readonly<Record<string, Tensor>>): Environment => ({
  sizes: new Map([
    ["N", 2],
    ["Empty", 0],
  ]),
  inputs: new Map(Object.entries(inputs)),
  weights: (name) => inputs[name] ?? floats([]),
});

function floats(data: readonly number[]): Tensor {
  return { element: "float", shape: [data.length], data };
}

function ints(data: readonly number[]): Tensor {
  return { element: "int", shape: [data.length], data };
}

/** Builds one value, checks its graph and gives what it evaluates to. */
function value(
  build: (draft: Draft) => ValueId,
  inputs: Readonly<Record<string, Tensor>> = {},
  precision: "float64" | "float32" = "float64",
): NamedTensor {
  const draft = new Draft();
  for (const [name, size] of Object.entries({ A: 2, B: 3, C: 6, P: 2, Q: 3, K: 2, One: 1 }))
    draft.axis(name, size);
  draft.axis("N", "N");
  draft.axis("None", "Empty");
  draft.axis("Both", 5);
  draft.output("y", build(draft));
  const graph = draft.finish();
  verifyGraph(graph, "test");
  const found = evaluateGraph(graph, environment(inputs), { precision }).outputs.get("y");
  if (found === undefined) throw new RangeError("no output");
  return found;
}

/** `[axes] numbers` of a value. */
function shown(found: NamedTensor): string {
  return `[${found.axes.join(" ")}] ${[...found.data].join(" ")}`;
}

const matrix = { x: floats([1, 2, 3, 4, 5, 6]) };

interface Case {
  readonly name: string;
  readonly op: Op;
  /** The axes of `x`, unless it is [A, B]. */
  readonly axes?: readonly string[];
  readonly wanted: string;
}

const onOneArgument: readonly Case[] = [
  {
    name: "sum over one axis",
    op: { kind: "reduce", fn: "sum", over: ["A"] },
    wanted: "[B] 5 7 9",
  },
  { name: "mean", op: { kind: "reduce", fn: "mean", over: ["B"] }, wanted: "[A] 2 5" },
  { name: "max over all", op: { kind: "reduce", fn: "max", over: ["B", "A"] }, wanted: "[] 6" },
  { name: "min", op: { kind: "reduce", fn: "min", over: ["B"] }, wanted: "[A] 1 4" },
  { name: "argmax", op: { kind: "reduce", fn: "argmax", over: ["B"] }, wanted: "[A] 2 2" },
  { name: "cumulative inner", op: { kind: "cumulative", axis: "B" }, wanted: "[A B] 1 3 6 4 9 15" },
  { name: "cumulative outer", op: { kind: "cumulative", axis: "A" }, wanted: "[A B] 1 2 3 5 7 9" },
  { name: "rename", op: { kind: "rename", from: "A", to: "P" }, wanted: "[P B] 1 2 3 4 5 6" },
  {
    name: "split",
    op: { kind: "split", axis: "C", into: ["P", "Q"] },
    axes: ["C"],
    wanted: "[P Q] 1 2 3 4 5 6",
  },
  {
    name: "merge as stored",
    op: { kind: "merge", axes: ["A", "B"], into: "C" },
    wanted: "[C] 1 2 3 4 5 6",
  },
  {
    name: "merge the other way round",
    op: { kind: "merge", axes: ["B", "A"], into: "C" },
    wanted: "[C] 1 4 2 5 3 6",
  },
  {
    name: "slice",
    op: { kind: "slice", axis: "B", start: constant(1), into: "P" },
    wanted: "[A P] 2 3 5 6",
  },
  {
    name: "slice of run-time length",
    op: { kind: "slice", axis: "C", start: symbol("N"), into: "N" },
    axes: ["C"],
    wanted: "[N] 3 4",
  },
  {
    name: "top values",
    op: { kind: "top", axis: "B", into: "P", result: "values" },
    wanted: "[A P] 3 2 6 5",
  },
  {
    name: "top indices",
    op: { kind: "top", axis: "B", into: "P", result: "indices" },
    wanted: "[A P] 2 1 2 1",
  },
];

for (const { name, op, axes, wanted } of onOneArgument) {
  test(`${name}: ${wanted}`, () => {
    expect(shown(value((d) => d.node(op, d.input("x", axes ?? ["A", "B"])), matrix))).toBe(wanted);
  });
}

test("append puts new rows after those of the state, and leaves both as the state", () => {
  const draft = new Draft();
  draft.axis("P", 2);
  draft.axis("Old", 1);
  draft.axis("New", 2);
  draft.axis("All", 3);
  const type = { element: "float", axes: ["P", "Old"] } as const;
  draft.output("old", draft.node({ kind: "state", name: "cache", type }));
  const rows = draft.input("x", ["P", "New"]);
  draft.output(
    "all",
    draft.node({ kind: "append", state: "cache", axis: "New", into: "All" }, rows),
  );
  const graph = draft.finish();
  verifyGraph(graph, "test");
  const cache = floats([10, 20]);
  const found = evaluateGraph(graph, {
    ...environment({ x: floats([1, 2, 3, 4]) }),
    states: new Map([["cache", cache]]),
  });
  const show = (found: NamedTensor | undefined): string => (found ? shown(found) : "");
  expect(show(found.outputs.get("old"))).toBe("[P Old] 10 20");
  expect(show(found.states.get("cache"))).toBe("[P All] 10 1 2 20 3 4");
  expect(found.outputs.get("all")).toEqual(found.states.get("cache"));
});

test("argmax, top and sort give ties to the lower index", () => {
  const x = { x: floats([2, 5, 5, 1, 5, 2]) };
  const on = (op: Op) => value((d) => d.node(op, d.input("x", ["C"])), x);
  expect(shown(on({ kind: "reduce", fn: "argmax", over: ["C"] }))).toBe("[] 1");
  expect(shown(on({ kind: "top", axis: "C", into: "Q", result: "indices" }))).toBe("[Q] 1 2 4");
  expect(shown(on({ kind: "sort", axis: "C", result: "indices" }))).toBe("[C] 3 0 5 1 2 4");
  expect(shown(on({ kind: "sort", axis: "C", result: "values" }))).toBe("[C] 1 2 2 5 5 5");
});

test("reductions over no rows", () => {
  const over = (fn: "sum" | "mean" | "max" | "min" | "argmax") =>
    shown(value((d) => d.reduce(fn, d.input("x", ["None"]), "None"), { x: floats([]) }));
  expect(over("sum")).toBe("[] 0");
  expect(over("mean")).toBe("[] 0");
  expect(over("max")).toBe("[] -Infinity");
  expect(over("min")).toBe("[] Infinity");
  expect(over("argmax")).toBe("[] 0");
});

test("elementwise operands align by name, and the left one gives the order", () => {
  const found = value((d) => d.map("add", d.input("x", ["B"]), d.input("y", ["A", "B"])), {
    x: floats([10, 20, 30]),
    y: matrix.x,
  });
  expect(shown(found)).toBe("[B A] 11 14 22 25 33 36");
});

test("contract: batch axes, one-sided axes and summed axes", () => {
  const found = value(
    (d) => d.contract(d.input("x", ["A", "B"]), d.input("y", ["P", "A", "B"]), "B"),
    { x: matrix.x, y: floats([1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1]) },
  );
  expect(shown(found)).toBe("[A P] 1 3 5 15");
});

test("contract over nothing is the product", () => {
  const found = value((d) => d.contract(d.input("x", ["A"]), d.input("y", ["B"])), {
    x: floats([2, 3]),
    y: floats([1, 10, 100]),
  });
  expect(shown(found)).toBe("[A B] 2 20 200 3 30 300");
});

test("select: new axes stand where the selected one stood, shared ones align", () => {
  const select = (padded: boolean): Op => ({ kind: "select", axis: "B", padded });
  const embed = value(
    (d) => d.node(select(false), d.input("x", ["A", "B"]), d.input("i", ["P", "Q"], "int")),
    { x: matrix.x, i: ints([0, 2, 1, 1, 2, 0]) },
  );
  expect(shown(embed)).toBe("[A P Q] 1 3 2 2 3 1 4 6 5 5 6 4");
  const aligned = value(
    (d) => d.node(select(false), d.input("x", ["A", "B"]), d.input("i", ["A"], "int")),
    { x: matrix.x, i: ints([2, 0]) },
  );
  expect(shown(aligned)).toBe("[A] 3 4");
  const itself = value(
    (d) => d.node(select(false), d.input("x", ["A", "B"]), d.input("i", ["B"], "int")),
    { x: matrix.x, i: ints([2, 1, 0]) },
  );
  expect(shown(itself)).toBe("[A B] 3 2 1 6 5 4");
  const padded = value(
    (d) => d.node(select(true), d.input("x", ["A", "B"]), d.input("i", ["Q"], "int")),
    { x: matrix.x, i: ints([-1, 1, 3]) },
  );
  expect(shown(padded)).toBe("[A Q] 0 2 0 0 5 0");
  expect(() =>
    value((d) => d.node(select(false), d.input("x", ["A", "B"]), d.input("i", ["P"], "int")), {
      x: matrix.x,
      i: ints([0, 3]),
    }),
  ).toThrow("row 3 of B, which has 3");
});

test("join and stack repeat operands along axes that they lack", () => {
  const join: Op = { kind: "join", into: "Both", parts: ["A", "B"] };
  const plain = value((d) => d.node(join, d.input("x", ["A"]), d.input("y", ["B"])), {
    x: floats([1, 2]),
    y: floats([3, 4, 5]),
  });
  expect(shown(plain)).toBe("[Both] 1 2 3 4 5");
  const zeros = value((d) => d.node(join, d.constant(0), d.input("y", ["P", "B"])), {
    y: matrix.x,
  });
  expect(shown(zeros)).toBe("[P Both] 0 0 1 2 3 0 0 4 5 6");
  const stacked = value(
    (d) => d.node({ kind: "stack", into: "P" }, d.input("x", ["B"]), d.constant(7)),
    { x: floats([1, 2, 3]) },
  );
  expect(shown(stacked)).toBe("[P B] 1 2 3 7 7 7");
});

test("integers wrap at 32 bits, divide downwards, and by zero give zero", () => {
  const two = (fn: "multiply" | "add" | "floor_divide" | "remainder", a: number, b: number) =>
    value((d) => d.map(fn, d.constant(a, "int"), d.constant(b, "int"))).data[0];
  expect(two("add", 2 ** 31 - 1, 1)).toBe(-(2 ** 31));
  expect(two("multiply", 123456789, 987654321)).toBe(Math.imul(123456789, 987654321));
  expect(two("floor_divide", -7, 2)).toBe(-4);
  expect(two("remainder", -7, 2)).toBe(1);
  expect(two("remainder", 7, -2)).toBe(-1);
  expect(two("floor_divide", 5, 0)).toBe(0);
  expect(two("remainder", 5, 0)).toBe(0);
});

test("round takes halves to the even number", () => {
  const found = value((d) => d.map("round", d.input("x", ["C"])), {
    x: floats([0.5, 1.5, 2.5, -0.5, -1.5, 2.4]),
  });
  expect([...found.data].map((x) => x + 0)).toEqual([0, 2, 2, 0, -2, 2]);
});

test("float32 rounds every step of a sum", () => {
  const x = { x: floats([2 ** 24, 1, 1, 1, 1, 1]) };
  const sum = (precision: "float64" | "float32") =>
    value((d) => d.reduce("sum", d.input("x", ["C"]), "C"), x, precision).data[0];
  expect(sum("float64")).toBe(2 ** 24 + 5);
  expect(sum("float32")).toBe(2 ** 24);
});

test("a missing or wrong input is named", () => {
  const build = (d: Draft): ValueId => d.input("x", ["A"]);
  expect(() => value(build)).toThrow("the environment has no input `x`");
  expect(() => value(build, { x: floats([1]) })).toThrow("input `x` has 1 numbers for [2]");
  expect(() => value(build, { x: ints([1, 2]) })).toThrow("input `x` holds ints, not floats");
});
