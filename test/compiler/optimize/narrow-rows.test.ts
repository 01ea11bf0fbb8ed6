/** Rows that nobody reads are not computed, and no row is computed twice. */

import { expect, test } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { constant, sumOf, symbol } from "../../../compiler/op/dimension.ts";
import { removeDead } from "../../../compiler/optimize/remove-dead.ts";
import { narrowRows } from "../../../compiler/optimize/narrow-rows.ts";
import { Draft } from "../../support/draft.ts";
import { seeds } from "../../support/random.ts";
import { randomEnvironment, randomGraph } from "../../support/random-graph.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";

/** The nodes of a narrowed graph, without their axes. */
function nodes(graph: Graph): string[] {
  const narrow = removeDead(narrowRows(graph));
  verifyGraph(narrow, "narrowRows");
  return printGraph(narrow)
    .split("\n")
    .filter((line) => /^%|^output/.test(line));
}

/** Two segments A and B of a sequence S, an input of each, and their join. */
function sequence(): { draft: Draft; x: ReturnType<Draft["input"]> } {
  const draft = new Draft();
  draft.axis("A", "A");
  draft.axis("B", "B");
  draft.axis("D", 4);
  draft.axis("E", 6);
  draft.axis("Half", 3);
  draft.axis("Two", 2);
  draft.axis("S", sumOf([symbol("A"), symbol("B")]), [
    { name: "a", axis: "A" },
    { name: "b", axis: "B" },
  ]);
  const join = { kind: "join", into: "S", parts: ["A", "B"] } as const;
  const x = draft.node(join, draft.input("a", ["A", "D"]), draft.input("b", ["B", "D"]));
  return { draft, x };
}

const rowsOfB = { kind: "slice", axis: "S", start: symbol("A"), into: "B" } as const;
const rowsOfA = { kind: "slice", axis: "S", start: constant(0), into: "A" } as const;

test("keeps the meaning of random graphs", () => {
  let changed = 0;
  for (const seed of seeds(300)) {
    const graph = randomGraph(seed, { nodes: 30 });
    const after = expectSameMeaning(graph, randomEnvironment(graph, seed), narrowRows);
    if (printGraph(after) !== printGraph(graph)) changed++;
  }
  expect(changed).toBeGreaterThan(100);
});

test("a slice of a projection of a join projects one part", () => {
  const { draft, x } = sequence();
  const y = draft.contract(draft.map("silu", x), draft.weight("w", ["E", "D"]), "D");
  draft.output("y", draft.node(rowsOfB, y));
  expect(nodes(draft.finish())).toEqual([
    "%0: float[B, D] = input tensor b",
    "%1: float[B, D] = map silu %0",
    "%2: float[E, D] = weight w",
    "%3: float[B, E] = contract over D: %1 %2",
    "output y = %3",
  ]);
});

test("a value that is read as a whole is computed once, and sliced", () => {
  const { draft, x } = sequence();
  const y = draft.map("silu", x);
  draft.output("whole", y);
  draft.output("part", draft.node(rowsOfB, y));
  expect(nodes(draft.finish()).filter((line) => line.includes("silu"))).toHaveLength(1);
});

test("both segments apart are computed apart", () => {
  const { draft, x } = sequence();
  const y = draft.map("silu", x);
  draft.output("a", draft.node(rowsOfA, y));
  draft.output("b", draft.map("exp", draft.node(rowsOfB, y)));
  const found = nodes(draft.finish());
  expect(found.filter((line) => line.includes("silu"))).toHaveLength(2);
  expect(found.some((line) => line.includes("join"))).toBe(false);
});

test("both segments of a product are one product", () => {
  const { draft, x } = sequence();
  const y = draft.contract(x, draft.weight("w", ["E", "D"]), "D");
  const z = draft.map("silu", y);
  draft.output("a", draft.node(rowsOfA, z));
  draft.output("b", draft.map("exp", draft.node(rowsOfB, z)));
  const found = nodes(draft.finish());
  expect(found.filter((line) => line.includes("contract"))).toHaveLength(1);
  expect(found.filter((line) => line.includes("silu"))).toHaveLength(1);
});

test("slices that may share rows are taken of one value", () => {
  const { draft, x } = sequence();
  const y = draft.contract(x, draft.weight("w", ["E", "D"]), "D");
  const z = draft.node(rowsOfB, y);
  const first = { kind: "slice", axis: "B", start: constant(0), into: "Two" } as const;
  const next = { ...first, start: constant(1) };
  draft.output("first", draft.node(first, z));
  draft.output("next", draft.node(next, z));
  expect(nodes(draft.finish()).filter((line) => line.includes("contract"))).toHaveLength(1);
});

test("halves of a projection's own columns stay one product", () => {
  const { draft, x } = sequence();
  const y = draft.contract(x, draft.weight("w", ["E", "D"]), "D");
  const half = (start: number) =>
    draft.node({ kind: "slice", axis: "E", start: constant(start), into: "Half" }, y);
  draft.output("y", draft.map("subtract", half(0), half(3)));
  expect(nodes(draft.finish()).filter((line) => line.includes("contract"))).toHaveLength(1);
});

test("an index is counted from where its rows start", () => {
  const { draft } = sequence();
  const index = draft.node({ kind: "index", axis: "S" });
  draft.output("y", draft.node(rowsOfB, draft.map("float", index)));
  expect(nodes(draft.finish())).toEqual([
    "%0: int[B] = index B",
    "%1: int = size (A)",
    "%2: int[B] = map add %0 %1",
    "%3: float[B] = map float %2",
    "output y = %3",
  ]);
});

test("rows of zeros need no projection and no sum", () => {
  const { draft, x } = sequence();
  const join = { kind: "join", into: "S", parts: ["A", "B"] } as const;
  const zero = draft.constant(0);
  const seen = draft.node(join, zero, draft.input("seen", ["B", "D"]));
  const y = draft.contract(seen, draft.weight("w", ["E", "D"]), "D");
  const wide = draft.contract(x, draft.weight("u", ["E", "D"]), "D");
  draft.output("y", draft.node(rowsOfA, draft.map("add", wide, y)));
  expect(nodes(draft.finish())).toEqual([
    "%0: float[A, D] = input tensor a",
    "%1: float[E, D] = weight u",
    "%2: float[A, E] = contract over D: %0 %1",
    "output y = %2",
  ]);
});

test("a product whose rows are zeros in one segment is computed for the other", () => {
  const { draft, x } = sequence();
  const join = { kind: "join", into: "S", parts: ["A", "B"] } as const;
  const seen = draft.node(join, draft.constant(0), draft.input("seen", ["B", "D"]));
  const y = draft.contract(seen, draft.weight("w", ["E", "D"]), "D");
  const wide = draft.contract(x, draft.weight("u", ["E", "D"]), "D");
  const sum = draft.map("add", wide, y);
  draft.output("y", sum);
  const [first, second, ...others] = nodes(draft.finish()).filter((line) =>
    / contract /.test(line),
  );
  expect(others).toEqual([]);
  expect([first, second].map((line) => line?.match(/\[(\w+), E\]/)?.[1]).sort()).toEqual([
    "B",
    "S",
  ]);
});
