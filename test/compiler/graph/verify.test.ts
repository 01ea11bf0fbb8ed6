/** Every broken invariant is found, named after the pass, and shown with its neighbourhood. */

import { expect, test } from "vitest";
import type { Graph, Node } from "../../../compiler/graph/graph.ts";
import { valueId } from "../../../compiler/graph/graph.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { constant, symbol } from "../../../compiler/op/dimension.ts";
import type { Op } from "../../../compiler/op/op.ts";
import { always } from "../../../compiler/op/predicate.ts";
import { Draft } from "../../support/draft.ts";

/** %0: x[T, D], %1: i[T] int, %2: w[D, E]. */
function leaves(): Draft {
  const draft = new Draft();
  draft.axis("T", "T");
  for (const [name, size] of Object.entries({ D: 4, E: 4, P: 2, Q: 3, H: 3, G: 2 }))
    draft.axis(name, size);
  draft.input("x", ["T", "D"]);
  draft.input("i", ["T"], "int", "token");
  draft.weight("w", ["D", "E"]);
  return draft;
}

const [x, i, w] = [valueId(0), valueId(1), valueId(2)];

const illFormed: readonly [string, Op, readonly (typeof x)[]][] = [
  ["`add` of float, int: the operands differ", { kind: "map", fn: "add" }, [x, i]],
  ["`add` of float: it takes 2 operands", { kind: "map", fn: "add" }, [x]],
  ["`exp` of int", { kind: "map", fn: "exp" }, [i]],
  ["`where` of float, float, float", { kind: "map", fn: "where" }, [x, x, x]],
  ["`reduce`: no axis E in [T, D]", { kind: "reduce", fn: "sum", over: ["E"] }, [x]],
  ["`mean` of an int", { kind: "reduce", fn: "mean", over: ["T"] }, [i]],
  ["`contract`: no axis T in [D, E]", { kind: "contract", over: ["T"] }, [x, w]],
  ["`contract` takes two floats", { kind: "contract", over: ["T"] }, [x, i]],
  ["`rename` gives an axis twice: [T, T]", { kind: "rename", from: "D", to: "T" }, [x]],
  ["`merge` of no axes", { kind: "merge", axes: [], into: "E" }, [x]],
  ["`select` takes an int index", { kind: "select", axis: "D", padded: false }, [w, x]],
  ["`join` takes 2 arguments, not 1", { kind: "join", into: "T", parts: ["D", "E"] }, [x]],
  ["`stack` of different elements", { kind: "stack", into: "P" }, [x, i]],
  ["`stack`: an argument has D already", { kind: "stack", into: "D" }, [x, w]],
  ["no input `y`", { kind: "input", name: "y", role: "tensor" }, []],
  ["no weight `v`", { kind: "weight", name: "v" }, []],
];

for (const [message, op, args] of illFormed) {
  test(`building refuses: ${message}`, () => {
    expect(() => leaves().node(op, ...args)).toThrow(message);
  });
}

const wrongSizes: readonly [string, Op, readonly (typeof x)[]][] = [
  ["the size of T is not a constant", { kind: "contract", over: ["T"] }, [x, x]],
  ["4 rows meet T", { kind: "rename", from: "T", to: "E" }, [i]],
  ["6 rows meet 4", { kind: "split", axis: "D", into: ["P", "Q"] }, [w]],
  ["4 * T rows meet 3", { kind: "merge", axes: ["T", "D"], into: "Q" }, [x]],
  [
    "the slice ends 1 rows after the last",
    { kind: "slice", axis: "D", start: constant(3), into: "P" },
    [x],
  ],
  ["before the first row", { kind: "slice", axis: "D", start: constant(-1), into: "P" }, [x]],
  ["2 rows meet 3", { kind: "stack", into: "Q" }, [x, x]],
  ["the top 4 of 2 rows", { kind: "top", axis: "P", into: "E", result: "values" }, [valueId(3)]],
  ["1 numbers for 4 places", { kind: "table", element: "float", axes: ["D"], data: [1] }, []],
  ["is a `constant`", { kind: "size", size: constant(3) }, []],
  ["is no 32-bit integer", { kind: "constant", element: "int", value: 2 ** 40 }, []],
  ["an axis is named twice", { kind: "reduce", fn: "sum", over: ["T", "T"] }, [x]],
];

for (const [message, op, args] of wrongSizes) {
  test(`verifying refuses: ${message}`, () => {
    const draft = leaves();
    draft.input("p", ["P"]);
    verifyGraph(draft.finish(), "before");
    draft.node(op, ...args);
    expect(() => verifyGraph(draft.finish(), "mistake")).toThrow(message);
  });
}

test("verifying refuses heads that groups do not divide", () => {
  const draft = new Draft();
  for (const [name, size] of Object.entries({ S: 2, K: 2, D: 4, H: 3, G: 2 }))
    draft.axis(name, size);
  const at = (axis: string) => draft.node({ kind: "index", axis });
  const keys = draft.input("k", ["K", "G", "D"]);
  const group = { query: "H", key: "G" };
  const parts = [{ axis: "K", mask: always }];
  const op = { query: "S", contracted: "D", value: "D", group, parts };
  draft.attend(op, draft.input("q", ["S", "H", "D"]), at("S"), keys, keys, at("K"));
  expect(() => verifyGraph(draft.finish(), "mistake")).toThrow("G does not divide H");
});

test("building refuses attention with stray axes, ints, or too few arguments", () => {
  const draft = new Draft();
  for (const [name, size] of Object.entries({ S: 2, K: 2, D: 4, Z: 3 })) draft.axis(name, size);
  const at = (axis: string) => draft.node({ kind: "index", axis });
  const [queries, positions] = [draft.input("q", ["S", "D"]), at("S")];
  const keys = draft.input("k", ["K", "D"]);
  const op = {
    query: "S",
    contracted: "D",
    value: "D",
    parts: [{ axis: "K", mask: always }],
  };
  const attend = (...args: readonly (typeof x)[]) => draft.attend(op, ...args);
  const stray = draft.input("z", ["K", "D", "Z"]);
  expect(() => attend(queries, positions, stray, keys, at("K"))).toThrow("stray axis Z");
  expect(() => attend(queries, positions, keys, keys)).toThrow("lacks an argument");
  expect(() => attend(queries, keys, keys, keys, at("K"))).toThrow("positions of an attention are");
  expect(() => attend(keys, at("K"), keys, keys, at("K"))).toThrow("lack the axis S");
});

/** A good graph with its last node changed. */
function broken(change: Partial<Node>): Graph {
  const draft = leaves();
  draft.output("y", draft.map("exp", draft.map("negate", x)));
  const graph = draft.finish();
  const last = graph.nodes.length - 1;
  return {
    ...graph,
    nodes: graph.nodes.map((node, id) => (id === last ? { ...node, ...change } : node)),
  };
}

test("a wrong type, order or axis is shown with its neighbours", () => {
  const type = { element: "float", axes: ["D", "T"] } as const;
  expect(() => verifyGraph(broken({ type }), "pass")).toThrow(
    [
      "Braid broke its own rule: after pass, %4 is wrong: its type is float[D, T], the operation gives float[T, D]",
      "  %3: float[T, D] = map negate %0",
      "> %4: float[D, T] = map exp %3",
    ].join("\n"),
  );
  expect(() => verifyGraph(broken({ args: [valueId(7)] }), "pass")).toThrow("%7 is not earlier");
  const op: Op = { kind: "rename", from: "T", to: "Nowhere" };
  expect(() => verifyGraph(broken({ op }), "pass")).toThrow("the axis Nowhere is not in the graph");
});

test("outputs and generation must exist", () => {
  const graph = broken({});
  const twice = [...graph.outputs, ...graph.outputs];
  expect(() => verifyGraph({ ...graph, outputs: twice }, "pass")).toThrow(
    "two outputs are called y",
  );
  const lost = [{ name: "z", value: valueId(9) }];
  expect(() => verifyGraph({ ...graph, outputs: lost }, "pass")).toThrow("output z has no value");
  const span = { file: "test", start: 0, end: 0 };
  const generation = { tokens: "i", axis: "T", logits: valueId(9), span };
  expect(() => verifyGraph({ ...graph, generation }, "pass")).toThrow("generation reads no value");
});

test("a slice of unknown length may be in range", () => {
  const draft = leaves();
  draft.node({ kind: "slice", axis: "T", start: symbol("N"), into: "P" }, x);
  expect(() => verifyGraph(draft.finish(), "pass")).not.toThrow();
});
