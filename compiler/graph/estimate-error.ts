/**
 * How far float32 kernels may be from what a graph means: the scale of the error of each number.
 *
 * Why sampled. An output's error is, to first order, Σ J_j ε_j over all roundings ε_j inside all
 * nodes, J the derivative of the output. Bounding it by Σ |J| |ε| node by node multiplies the bound at
 * every contraction by the ratio of Σ |w| to what the sum does to errors of mixed sign, about √n: after
 * a few layers nothing is left to compare with. So the errors are sent through the graph itself.
 * Each run replaces every value by value ± its own rounding scale (`rounding.ts`), signs random and
 * independent. Then the mean square deviation of an output is an unbiased estimate of Σ J_j² b_j²,
 * correlations through residual streams and shared keys included; and since independent errors
 * bounded by b_j obey P(|error| > λ σ) ≤ 2 exp(-λ²/2) (Hoeffding), a multiple of its root is a
 * tolerance with a known risk. See `test/support/tolerance.ts`.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { Environment } from "./evaluate-context.ts";
import { createContext, evaluateNode } from "./evaluate.ts";
import type { Graph, Node } from "./graph.ts";
import { float32Unit, roundingOf } from "./rounding.ts";
import type { NamedTensor } from "./tensor.ts";

/** How the error is estimated. */
export interface ErrorOptions {
  /** The number of perturbed runs; the estimate of one number's σ is off by about 1 / √(2 runs). */
  readonly runs?: number;
  readonly seed?: number;
  /** Half an ulp at 1 of the type that kernels compute in. */
  readonly unit?: number;
  /**
   * Half an ulp at 1 of the type that factors of products, and queries, keys and values, are rounded
   * to before they are multiplied, where that is less than the type that kernels compute in.
   */
  readonly factorUnit?: number;
  /** The same of the type that weights are stored as, where that is not f32. */
  readonly weightUnit?: number;
  /** The least normal number of those types: what is smaller is off as far as that may be. */
  readonly leastNormal?: number;
}

/** The outputs of a graph with the scales of their errors. */
export interface ErrorEstimate {
  /** In float64, by output name. */
  readonly outputs: ReadonlyMap<string, NamedTensor>;
  /** σ of each number, by output name, in the layout of the output. */
  readonly scales: ReadonlyMap<string, Float64Array>;
}

/**
 * The exact outputs and σ for each number of them. Decisions (comparisons, `argmax`, `floor`, …) are
 * taken as the exact run takes them: whether they could differ is what margins tell.
 */
export function estimateError(
  graph: Graph,
  environment: Environment,
  options: ErrorOptions = {},
): ErrorEstimate {
  const { runs = 8, seed = 1, unit = float32Unit } = options;
  const { factorUnit, weightUnit, leastNormal = 0 } = options;
  const context = createContext(graph, environment, "float64");
  const exact: NamedTensor[] = [];
  const scales: (Float64Array | undefined)[] = [];
  for (const node of graph.nodes) {
    const args = pick(exact, node);
    const value = evaluateNode(node, args, context);
    exact.push(value);
    scales.push(roundingOf(node, { args, value, context }));
  }
  const sums = graph.outputs.map(
    ({ value }) => new Float64Array(pickOne(exact, value).data.length),
  );
  const signs = randomSigns(seed);
  const factors = (node: Node, args: readonly NamedTensor[]): readonly NamedTensor[] => {
    const multiplies = node.op.kind === "contract" || node.op.kind === "attend";
    if (factorUnit === undefined || !multiplies) return args;
    return args.map((arg) => (arg.element === "float" ? rounded(arg, factorUnit) : arg));
  };
  const rounded = (value: NamedTensor, to: number): NamedTensor =>
    perturbed(value, magnitudes(value, leastNormal), to, signs);
  for (let run = 0; run < runs; run++) {
    const values: NamedTensor[] = [];
    graph.nodes.forEach((node, id) => {
      const known = pickOne(exact, id);
      const args = factors(node, pick(values, node));
      if (node.op.kind === "weight" && weightUnit !== undefined) {
        values.push(rounded(known, weightUnit));
        return;
      }
      const same = args.every((arg, i) => arg === exact[node.args[i] ?? -1]);
      const value = same || decides(node) ? known : evaluateNode(node, args, context);
      values.push(perturbed(value, scales[id], unit, signs));
    });
    graph.outputs.forEach(({ value }, i) => {
      addSquares(sums[i], pickOne(values, value).data, pickOne(exact, value).data);
    });
  }
  return {
    outputs: new Map(graph.outputs.map(({ name, value }) => [name, pickOne(exact, value)])),
    scales: new Map(
      graph.outputs.map(({ name, value }, i) => {
        const squares = sums[i] ?? new Float64Array();
        const means = squares.map((sum) => sum / runs);
        return [name, pooled(means, pickOne(exact, value).shape.at(-1) ?? 1)];
      }),
    ),
  };
}

/** The sizes of numbers that are rounded: 0 is exact, other numbers count as `least` at least. */
function magnitudes({ data }: NamedTensor, least: number): Float64Array {
  return Float64Array.from(data, (x) =>
    x === 0 || !Number.isFinite(x) ? 0 : Math.max(Math.abs(x), least),
  );
}

/** Results that jump: they stay as they are. */
function decides(node: Node): boolean {
  if (node.type.element !== "float") return true;
  return node.op.kind === "map" && ["floor", "ceil", "round"].includes(node.op.fn);
}

function perturbed(
  value: NamedTensor,
  scale: Float64Array | undefined,
  unit: number,
  signs: () => number,
): NamedTensor {
  if (scale === undefined) return value;
  // Infinities (an empty log-sum-exp) are exact.
  const data = value.data.map((x, i) => {
    const by = signs() * unit * (scale[i] ?? 0);
    return Number.isFinite(x) ? x + by : x;
  });
  return { ...value, data };
}

function addSquares(
  sums: Float64Array | undefined,
  values: Float64Array,
  exact: Float64Array,
): void {
  sums?.forEach((sum, i) => {
    const [a, b] = [values[i] ?? 0, exact[i] ?? 0];
    // Infinities (an empty log-sum-exp) are exact.
    if (a !== b) sums[i] = sum + (a - b) ** 2;
  });
}

/**
 * The root of each mean square, but at least that of its row along the last axis: the numbers of a
 * row have errors of like size, and together a steadier estimate.
 */
function pooled(means: Float64Array, width: number): Float64Array {
  const rows = Math.floor(means.length / Math.max(1, width));
  const result = means.map(Math.sqrt);
  for (let row = 0; row < rows; row++) {
    const own = means.subarray(row * width, (row + 1) * width);
    const whole = Math.sqrt(own.reduce((sum, each) => sum + each, 0) / width);
    for (let i = row * width; i < (row + 1) * width; i++)
      result[i] = Math.max(result[i] ?? 0, whole);
  }
  return result;
}

/** +1 or -1, from a xorshift generator. */
function randomSigns(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0x10000 ? 1 : -1;
  };
}

function pick(values: readonly NamedTensor[], node: Node): readonly NamedTensor[] {
  return node.args.map((arg) => pickOne(values, arg));
}

function pickOne(values: readonly NamedTensor[], id: number): NamedTensor {
  const value = values[id];
  invariant(value !== undefined, `%${id} is used before it is computed`);
  return value;
}
