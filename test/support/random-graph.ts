/**
 * Seeded random graphs for meaning tests: well-formed, of every cheap operation, with constant and
 * run-time axes and one sequence, so that each view rule has something to do.
 */

import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import { InvariantError } from "../../grammar/invariant.ts";
import { constant, evaluateDimension, sumOf, symbol } from "../../compiler/op/dimension.ts";
import type { MapFunction, Op, ReduceFunction } from "../../compiler/op/op.ts";
import { Draft } from "./draft.ts";
import { randomTensor, seeded } from "./random.ts";

/** How large a random graph is. */
export interface RandomGraphOptions {
  /** How many operations to add to the leaves. */
  readonly nodes: number;
}

const unary: readonly MapFunction[] = [
  "negate",
  "abs",
  "tanh",
  "sigmoid",
  "silu",
  "gelu",
  "relu",
  "erf",
  "sin",
  "cos",
  "floor",
  "not",
  "float",
  "int",
];
const binary: readonly MapFunction[] = [
  "add",
  "subtract",
  "multiply",
  "min",
  "max",
  "less",
  "less_equal",
  "equal",
  "and",
  "or",
  "floor_divide",
  "remainder",
];
const reductions: readonly ReduceFunction[] = ["sum", "mean", "max", "min", "argmax"];

/** The symbols of random graphs and their values. */
export const randomSizes: ReadonlyMap<string, number> = new Map([
  ["R", 3],
  ["X", 4],
]);

/** A graph that `seed` determines. */
export function randomGraph(seed: number, options: RandomGraphOptions): Graph {
  const random = seeded(seed);
  const draft = new Draft(`Random${seed}`);
  addAxes(draft);
  const values = addLeaves(draft);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(random() * items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  };
  // Later values are likelier, so that chains get long.
  const value = (): ValueId => (random() < 0.5 ? pick(values) : pick(values.slice(-6)));
  let added = 0;
  for (let attempt = 0; added < options.nodes && attempt < options.nodes * 200; attempt++) {
    const { op, args } = pick(proposals)(pick, value);
    const id = attemptNode(draft, op, args);
    if (id === undefined) continue;
    values.push(id);
    added++;
  }
  addOutputs(draft, values, random);
  return draft.finish();
}

function addAxes(draft: Draft): void {
  for (const [name, size] of [
    ["A", 3],
    ["A2", 3],
    ["B", 4],
    ["P", 2],
    ["Q", 2],
    ["M", 4],
    ["One", 1],
    ["W", 3],
  ] as const)
    draft.axis(name, size);
  draft.axis("R", "R");
  draft.axis("X", "X");
  const whole = sumOf([symbol("R"), symbol("X")]);
  const segments = [
    { name: "first", axis: "R" },
    { name: "second", axis: "X" },
  ];
  draft.axis("S", whole, segments);
  draft.axis("J", whole);
}

function addLeaves(draft: Draft): ValueId[] {
  return [
    draft.input("s", ["S", "A"]),
    draft.input("r", ["R", "A"]),
    draft.input("x", ["X", "A"]),
    draft.input("m", ["M", "A"]),
    draft.input("chosen", ["R"], "int", "token"),
    draft.weight("w", ["A", "B"]),
    draft.weight("square", ["A", "A2"]),
    draft.constant(0),
    draft.constant(1),
    draft.constant(0.5),
    draft.constant(1, "int"),
    draft.constant(0, "int"),
    draft.constant(1, "bool"),
    draft.node({ kind: "index", axis: "B" }),
    draft.node({ kind: "index", axis: "S" }),
  ];
}

interface Proposal {
  readonly op: Op;
  readonly args: readonly ValueId[];
}

type Pick = <T>(items: readonly T[]) => T;
type Proposer = (pick: Pick, value: () => ValueId) => Proposal;

const parts = ["R", "X"];

/** Applications that may be ill-formed; those are thrown away. */
const proposals: readonly Proposer[] = [
  (pick, value) => ({ op: { kind: "map", fn: pick(unary) }, args: [value()] }),
  (pick, value) => ({ op: { kind: "map", fn: pick(binary) }, args: [value(), value()] }),
  (pick, value) => ({ op: { kind: "map", fn: pick(binary) }, args: [value(), value()] }),
  (_, value) => ({ op: { kind: "map", fn: "where" }, args: [value(), value(), value()] }),
  (pick, value) => ({
    op: { kind: "reduce", fn: pick(reductions), over: [pick(["A", "B", "S", "R", "P"])] },
    args: [value()],
  }),
  (pick, value) => ({ op: { kind: "cumulative", axis: pick(["A", "S"]) }, args: [value()] }),
  (pick, value) => ({
    op: { kind: "contract", over: pick([["A"], ["B"], ["A2"], []]) },
    args: [value(), value()],
  }),
  (pick, value) => {
    const [from, to] = pick([
      ["S", "J"],
      ["J", "S"],
      ["A", "A2"],
      ["A2", "A"],
      ["M", "B"],
    ] as const);
    return { op: { kind: "rename", from, to }, args: [value()] };
  },
  (pick, value) => ({
    op: { kind: "split", axis: pick(["M", "B"]), into: pick([["P", "Q"]]) },
    args: [value()],
  }),
  (pick, value) => ({
    op: {
      kind: "merge",
      axes: pick([
        ["P", "Q"],
        ["Q", "P"],
      ]),
      into: pick(["M", "B"]),
    },
    args: [value()],
  }),
  (pick, value) => {
    const [axis, start, into] = pick([
      ["S", constant(0), "R"],
      ["S", symbol("R"), "X"],
      ["J", symbol("R"), "X"],
      ["B", constant(1), "P"],
      ["B", constant(0), "W"],
      ["W", constant(1), "Q"],
      ["A", constant(0), "W"],
    ] as const);
    return { op: { kind: "slice", axis, start, into }, args: [value()] };
  },
  (pick, value) => {
    const [axis, start, into] = pick([
      ["S", constant(0), "R"],
      ["S", symbol("R"), "X"],
    ] as const);
    return { op: { kind: "slice", axis, start, into }, args: [value()] };
  },
  (pick, value) => ({
    op: { kind: "select", axis: pick(["A", "B", "S", "P"]), padded: true },
    args: [value(), value()],
  }),
  (pick, value) => ({
    op: { kind: "join", into: pick(["S", "J"]), parts },
    args: [value(), value()],
  }),
  (_, value) => ({ op: { kind: "join", into: "S", parts }, args: [value(), value()] }),
  (pick, value) => ({ op: { kind: "stack", into: pick(["P", "Q"]) }, args: [value(), value()] }),
  (pick, value) => ({
    op: { kind: "top", axis: pick(["A", "B"]), into: "Q", result: pick(["values", "indices"]) },
    args: [value()],
  }),
  (pick, value) => ({
    op: { kind: "sort", axis: pick(["A", "S"]), result: pick(["values", "indices"]) },
    args: [value()],
  }),
];

const mostAxes = 5;

function attemptNode(draft: Draft, op: Op, args: readonly ValueId[]): ValueId | undefined {
  try {
    const types = args.map((arg) => draft.builder.typeOf(arg));
    // An operand that lacks its part is legal but hides what joins are usually made of.
    if (op.kind === "join" && !types.every((type, i) => type.axes.includes(op.parts[i] ?? "")))
      return undefined;
    const wide = new Set(types.flatMap((type) => type.axes)).size > mostAxes;
    return wide ? undefined : draft.node(op, ...args);
  } catch (error) {
    if (error instanceof InvariantError) return undefined;
    throw error;
  }
}

function addOutputs(draft: Draft, values: readonly ValueId[], random: () => number): void {
  const graph = draft.finish();
  const used = new Set(graph.nodes.flatMap((node) => node.args));
  for (const id of values) {
    if (used.has(id) ? random() < 0.1 : random() < 0.8) draft.output(`out${id}`, id);
  }
}

/** Inputs and weights for a random graph; ints lie in a small range around the sizes of axes. */
export function randomEnvironment(graph: Graph, seed: number): Environment {
  const random = seeded(seed ^ 0x5bd1e995);
  const shapeOf = (axes: readonly string[]): number[] =>
    axes.map((name) => {
      const axis = graph.axes.get(name);
      if (axis === undefined) throw new RangeError(`no axis ${name}`);
      return evaluateDimension(axis.size, randomSizes);
    });
  const make = (element: "float" | "int" | "bool", axes: readonly string[]): Tensor => {
    const floats = randomTensor(random, shapeOf(axes), 1);
    if (element === "float") return floats;
    return { ...floats, element, data: Float64Array.from(floats.data, (x) => Math.round(2 * x)) };
  };
  const inputs = graph.inputs.map(
    ({ name, type }) => [name, make(type.element, type.axes)] as const,
  );
  const weights = new Map(
    [...graph.weights].map(([name, info]) => [name, make("float", info.axes)] as const),
  );
  return {
    sizes: randomSizes,
    inputs: new Map(inputs),
    weights: (name) => {
      const weight = weights.get(name);
      if (weight === undefined) throw new RangeError(`no weight ${name}`);
      return weight;
    },
  };
}
