/** Attention against the same thing spelled with elementwise operations, reductions and sums. */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { ValueId } from "../../../compiler/graph/graph.ts";
import type { Tensor } from "../../../compiler/graph/tensor.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { add, constant, symbol } from "../../../compiler/op/dimension.ts";
import type { AttendOp } from "../../../compiler/op/op.ts";
import type { Predicate, Score, Term } from "../../../compiler/op/predicate.ts";
import { always, never } from "../../../compiler/op/predicate.ts";
import { Draft } from "../../support/draft.ts";
import { randomTensor, seeded } from "../../support/random.ts";
import { graphTolerance, unitRoundoff, worstOf } from "../../support/tolerance.ts";

const rows = { R: 3, X: 4 };
const total = rows.R + rows.X;
const sizes = new Map(Object.entries(rows));

const q: Term = { kind: "position", side: "q" };
const k: Term = { kind: "position", side: "k" };
const causal: Predicate = { kind: "compare", comparison: "<=", left: k, right: q };
const near: Predicate = {
  kind: "compare",
  comparison: "<",
  left: { kind: "absolute", operand: { kind: "binary", operator: "-", left: q, right: k } },
  right: { kind: "number", value: 2 },
};

/** One attention over a sequence of two segments, as `op` says, and its inputs by name. */
class Attention {
  readonly draft: Draft = new Draft();
  readonly inputs: Map<string, Tensor> = new Map();
  readonly random: () => number = seeded(3);
  readonly q: ValueId;
  readonly position: ValueId;

  constructor() {
    const { draft } = this;
    draft.axis("R", "R");
    draft.axis("X", "X");
    draft.axis("S", add(symbol("R"), symbol("X")), [
      { name: "first", axis: "R" },
      { name: "second", axis: "X" },
    ]);
    draft.builder.addAxis({
      name: "K",
      label: "K",
      size: add(symbol("R"), symbol("X")),
      lineage: { kind: "renamed", from: "S" },
      segments: [],
    });
    for (const [name, size] of Object.entries({ H: 4, G: 2, Share: 2, E: 5, F: 3, Offset: 13 }))
      draft.axis(name, size);
    this.q = this.floats("q", ["S", "H", "E"], [total, 4, 5]);
    this.position = draft.input("position", ["S"], "int", "position");
    // The second segment stands in the middle of the first.
    this.inputs.set("position", { element: "int", shape: [total], data: [0, 1, 6, 2, 3, 4, 5] });
  }

  floats(name: string, axes: readonly string[], shape: readonly number[]): ValueId {
    this.inputs.set(name, randomTensor(this.random, shape, 1));
    return this.draft.input(name, axes);
  }

  get environment(): Environment {
    const weights = (): never => {
      throw new RangeError("there are no weights");
    };
    return { sizes, inputs: this.inputs, weights };
  }

  outputs(environment: Partial<Environment> = {}): ReadonlyMap<string, Float64Array> {
    const graph = this.draft.finish();
    verifyGraph(graph, "test");
    const { outputs } = evaluateGraph(graph, { ...this.environment, ...environment });
    return new Map([...outputs].map(([name, value]) => [name, value.data]));
  }
}

const heads = { query: "H", key: "G" };
const base = { query: "S", contracted: "E", value: "F", group: heads, scale: 0.3 } as const;

/** Expects two outputs to be equal up to the float64 rounding of either. */
function expectEqual(a: Attention, left: string, right: string): void {
  const graph = a.draft.finish();
  const expected = graphTolerance(graph, a.environment, { unit: unitRoundoff.f64 });
  const [one, other] = [expected.get(left), expected.get(right)];
  if (one === undefined || other === undefined) throw new RangeError(`no ${left} or ${right}`);
  const tolerance = one.tolerance.map((each, i) => each + (other.tolerance[i] ?? 0));
  expect(one.value.data.length).toBe(other.value.data.length);
  expect(worstOf(one.value.data, other.value.data, tolerance)).toBeUndefined();
}

/** softmax over K of logits [S, H, K] where `sees` [S, K], times v, spelled out. */
function spelled(a: Attention, logits: ValueId, sees: ValueId, v: ValueId): ValueId {
  const d = a.draft;
  const masked = d.map("where", sees, logits, d.constant(-1e30));
  const shifted = d.map("subtract", masked, d.reduce("max", masked, "K"));
  const weight = d.map("where", sees, d.map("exp", shifted), d.constant(0));
  const probability = d.map("divide", weight, d.reduce("sum", weight, "K"));
  return d.reduce("sum", d.map("multiply", probability, v), "K");
}

/** `x` [K, G, …] for every query head: head h reads h / 2. */
function perHead(a: Attention, x: ValueId): ValueId {
  const d = a.draft;
  const head = d.map("floor_divide", d.node({ kind: "index", axis: "H" }), d.constant(2, "int"));
  return d.node({ kind: "select", axis: "G", padded: false }, x, head);
}

function keys(a: Attention): { k: ValueId; v: ValueId; position: ValueId } {
  const rename = (x: ValueId): ValueId => a.draft.node({ kind: "rename", from: "S", to: "K" }, x);
  return {
    k: rename(a.floats("k", ["S", "G", "E"], [total, 2, 5])),
    v: rename(a.floats("v", ["S", "G", "F"], [total, 2, 3])),
    position: rename(a.position),
  };
}

function scaledLogits(a: Attention, k: ValueId): ValueId {
  const dots = a.draft.contract(a.q, perHead(a, k), "E");
  return a.draft.map("multiply", dots, a.draft.constant(base.scale));
}

test("grouped causal attention is its spelling", () => {
  const a = new Attention();
  const key = keys(a);
  const d = a.draft;
  const parts = [{ axis: "K", mask: causal }];
  d.output("fused", d.attend({ ...base, parts }, a.q, a.position, key.k, key.v, key.position));
  const sees = d.map("less_equal", key.position, a.position);
  const spelling = spelled(a, scaledLogits(a, key.k), sees, perHead(a, key.v));
  d.output("spelled", spelling);
  expectEqual(a, "fused", "spelled");
});

test("segments as parts are one attention over the joined rows, and merge by log-sum-exp", () => {
  const a = new Attention();
  const key = keys(a);
  const d = a.draft;
  const cut = (x: ValueId, axis: string, into: "R" | "X"): ValueId =>
    d.node({ kind: "slice", axis, start: into === "R" ? constant(0) : symbol("R"), into }, x);
  const part = (into: "R" | "X"): ValueId[] =>
    [key.k, key.v, key.position].map((x) => cut(x, "K", into));
  const attend = (axes: readonly ("R" | "X")[], result: AttendOp["result"]): ValueId =>
    d.attend(
      { ...base, result, parts: axes.map((axis) => ({ axis, mask: near })) },
      a.q,
      a.position,
      ...axes.flatMap(part),
    );
  const whole = [{ axis: "K", mask: near }];
  d.output(
    "whole",
    d.attend({ ...base, parts: whole }, a.q, a.position, key.k, key.v, key.position),
  );
  d.output("parts", attend(["R", "X"], "output"));
  const share = (axis: "R" | "X"): ValueId =>
    d.map(
      "exp",
      d.map("subtract", attend([axis], "log_sum_exp"), attend(["R", "X"], "log_sum_exp")),
    );
  const merged = (["R", "X"] as const).map((axis) =>
    d.map("multiply", attend([axis], "output"), share(axis)),
  );
  d.output("merged", d.map("add", merged[0] ?? a.q, merged[1] ?? a.q));
  expectEqual(a, "parts", "whole");
  expectEqual(a, "merged", "whole");
});

test("a row with no visible key gives zeros, no weights, and a log-sum-exp of minus infinity", () => {
  for (const normalize of ["softmax", "sigmoid", "relu"] as const) {
    const a = new Attention();
    const key = keys(a);
    const args = [a.q, a.position, key.k, key.v, key.position];
    const op = { ...base, normalize, parts: [{ axis: "K", mask: never }] };
    a.draft.output("output", a.draft.attend(op, ...args));
    a.draft.output("weights", a.draft.attend({ ...op, result: "weights" }, ...args));
    if (normalize === "softmax")
      a.draft.output("log", a.draft.attend({ ...op, result: "log_sum_exp" }, ...args));
    const outputs = a.outputs();
    for (const name of ["output", "weights"])
      expect(outputs.get(name)?.every((x) => x === 0)).toBe(true);
    expect(outputs.get("log")?.every((x) => x === -Infinity) ?? true).toBe(true);
  }
});

test("softmax weights sum to 1, or to less beside a sink", () => {
  const a = new Attention();
  const key = keys(a);
  const d = a.draft;
  const parts = [{ axis: "K", mask: always }];
  const args = [a.q, a.position, key.k, key.v, key.position];
  const sink = a.floats("sink", ["H"], [4]);
  const op = { ...base, parts, result: "weights" } as const;
  const plain = d.attend(op, ...args);
  const beside = d.attend({ ...op, sink: true }, ...args, sink);
  const log = d.attend({ ...op, result: "log_sum_exp" }, ...args);
  d.output("sums", d.reduce("sum", plain, "K"));
  d.output("besides", d.reduce("sum", beside, "K"));
  // Σ e^s / (Σ e^s + e^sink) = sigmoid(log Σ e^s - sink).
  d.output("wanted", d.map("sigmoid", d.map("subtract", log, sink)));
  d.output("ones", d.map("where", d.map("equal", log, log), d.constant(1), log));
  expectEqual(a, "sums", "ones");
  expectEqual(a, "besides", "wanted");
});

test("scores: a bias looked up per head, added to the logit", () => {
  const a = new Attention();
  const key = keys(a);
  const d = a.draft;
  const bias = a.floats("bias", ["H", "Offset"], [4, 13]);
  const distance: Term = { kind: "binary", operator: "-", left: k, right: q };
  const score: Score = {
    kind: "binary",
    operator: "+",
    left: { kind: "logit" },
    right: {
      kind: "lookup",
      index: 0,
      axis: "Offset",
      at: { kind: "binary", operator: "+", left: distance, right: { kind: "number", value: 6 } },
    },
  };
  const parts = [{ axis: "K", mask: always }];
  const args = [a.q, a.position, key.k, key.v, key.position, bias];
  d.output("fused", d.attend({ ...base, parts, score, data: ["none"] }, ...args));
  const offset = d.map("add", d.map("subtract", key.position, a.position), d.constant(6, "int"));
  const biased = d.map(
    "add",
    scaledLogits(a, key.k),
    d.node({ kind: "select", axis: "Offset", padded: false }, bias, offset),
  );
  const everything = d.map("equal", key.position, key.position);
  d.output("spelled", spelled(a, biased, everything, perHead(a, key.v)));
  expectEqual(a, "fused", "spelled");
});

test("data of either side, segments and given rows", () => {
  const document = [1, 1, 2, 2, 1, 2, 1];
  const sameDocument: Predicate = {
    kind: "compare",
    comparison: "==",
    left: { kind: "data", index: 0, side: "q" },
    right: { kind: "data", index: 1, side: "k" },
  };
  const segment = (side: "q" | "k"): Predicate => ({ kind: "segment", side, segment: "second" });
  const visible = (mask: Predicate, given: number): boolean[] => {
    const a = new Attention();
    const key = keys(a);
    const d = a.draft;
    const documents = d.input("document", ["S"], "int");
    a.inputs.set("document", { element: "int", shape: [total], data: document });
    const renamed = d.node({ kind: "rename", from: "S", to: "K" }, documents);
    const op = {
      ...base,
      parts: [{ axis: "K", mask }],
      data: ["q", "k"],
      result: "weights",
    } as const;
    const weights = d.attend(op, a.q, a.position, key.k, key.v, key.position, renamed, documents);
    d.output("y", d.reduce("max", weights, "H"));
    const logits = d.output("logits", weights);
    const span = { file: "test", start: 0, end: 0 };
    d.builder.setGeneration({ tokens: "prompt", axis: "X", logits, span });
    return [...(a.outputs({ given }).get("y") ?? [])].map((x) => x > 0);
  };
  const wanted = (sees: (q: number, k: number) => boolean): boolean[] =>
    Array.from({ length: total * total }, (_, i) => sees(Math.floor(i / total), i % total));
  expect(visible(sameDocument, 4)).toEqual(wanted((i, j) => document[i] === document[j]));
  expect(visible(segment("k"), 4)).toEqual(wanted((_, j) => j >= rows.R));
  expect(visible(segment("q"), 4)).toEqual(wanted((i) => i >= rows.R));
  // Of the four rows of the segment that generation extends, two were given.
  expect(visible({ kind: "given", side: "k" }, 2)).toEqual(wanted((_, j) => j < rows.R + 2));
});
