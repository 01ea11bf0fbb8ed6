/**
 * Derived tolerances. A test that compares float32 results never chooses a number: it takes one of
 * these and so says why the results may differ.
 *
 * - `ulp`: the spacing of floats, for single operations.
 * - `reductionTolerance`: a sum in any order, in the worst case, relative to the sum of sizes.
 * - `graphTolerance`: a whole graph on given inputs, from `compiler/graph/estimate-error.ts`: λ times
 *   the scale σ of the error, with λ = 8. Independent roundings stay within λσ of the truth but for
 *   a risk of 2 exp(-λ²/2) < 3e-14 a number (Hoeffding). σ is estimated from 8 runs and the row a
 *   number stands in; where it comes out at half of what it is, the risk is still 2 exp(-8) < 1e-3
 *   of that case, and roundings are on average 3 times smaller than assumed. On toy decoders of 3 and
 *   4 layers σ is about the largest error that a plain float32 evaluation shows, so λσ is about 8
 *   times that.
 */

import { expect } from "vitest";
import {
  type ErrorEstimate,
  type ErrorOptions,
  estimateError,
} from "../../compiler/graph/estimate-error.ts";
import { type Environment, evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { type Graph, nodeAt, type ValueId, valueId } from "../../compiler/graph/graph.ts";
import { type NamedTensor, permuted } from "../../compiler/graph/tensor.ts";

/** Float types that kernels store and compute in. */
export type FloatFormat = "f64" | "f32" | "tf32" | "f16" | "bf16";

/** Half the spacing at 1: a rounding changes x by at most this times |x|. */
export const unitRoundoff: Readonly<Record<FloatFormat, number>> = {
  f64: 2 ** -53,
  f32: 2 ** -24,
  tf32: 2 ** -11,
  f16: 2 ** -11,
  bf16: 2 ** -8,
};

/** The size of `count` units in the last place of numbers of the size of `value`. */
export function ulp(count: number, value = 1, format: FloatFormat = "f32"): number {
  if (value === 0) return 0;
  const binade = 2 ** Math.floor(Math.log2(Math.abs(value)));
  return count * 2 * unitRoundoff[format] * binade;
}

/**
 * How far the sum of `length` products can be from the truth in any order, in the worst case,
 * relative to the sum of their sizes: γ = nu / (1 - nu) (Higham 2002, section 3.1; n - 1 additions
 * and one product each).
 */
export function reductionTolerance(length: number, format: FloatFormat = "f32"): number {
  const rounded = length * unitRoundoff[format];
  return rounded / (1 - rounded);
}

/** The λ of `graphTolerance`. */
export const standardDeviations = 8;

/** Outputs that kernels are to give, and how far each number may be off. */
export interface Expected {
  readonly value: NamedTensor;
  /** In the layout of `value`. */
  readonly tolerance: Float64Array;
}

/** What a graph gives for these inputs, by output name, and the tolerance of each number. */
export function graphTolerance(
  graph: Graph,
  environment: Environment,
  options: ErrorOptions = {},
): ReadonlyMap<string, Expected> {
  const estimate = estimateError(graph, environment, options);
  return new Map(
    [...estimate.outputs].map(([name, value]) => [
      name,
      { value, tolerance: toleranceOf(estimate, name, value, options.unit ?? unitRoundoff.f32) },
    ]),
  );
}

function toleranceOf(
  estimate: ErrorEstimate,
  name: string,
  value: NamedTensor,
  unit: number,
): Float64Array {
  const scales = estimate.scales.get(name) ?? new Float64Array();
  if (value.element !== "float") return scales.map(() => 0);
  // The result itself is stored in the type that kernels compute in.
  return scales.map((scale, i) => standardDeviations * scale + unit * finite(value.data[i] ?? 0));
}

function finite(x: number): number {
  return Number.isFinite(x) ? Math.abs(x) : 0;
}

/** Expects every number of `actual` to be within its tolerance, whatever the order of axes. */
export function expectWithin(
  actual: Pick<NamedTensor, "axes" | "shape"> & { readonly data: ArrayLike<number> },
  { value, tolerance }: Expected,
  what: string,
): void {
  expect([...actual.axes].sort(), what).toEqual([...value.axes].sort());
  const numbers = Float64Array.from(actual.data);
  const data = permuted(numbers, actual.axes, actual.shape, value.axes);
  expect(data.length, what).toBe(value.data.length);
  expect(worstOf(data, value.data, tolerance), what).toBeUndefined();
}

/** The number that is furthest beyond its tolerance, as text; undefined if none is. */
export function worstOf(
  actual: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: ArrayLike<number>,
): string | undefined {
  let worst = -1;
  let excess = 1;
  for (let i = 0; i < wanted.length; i++) {
    const [a, b, allowed] = [actual[i] ?? Number.NaN, wanted[i] ?? 0, tolerance[i] ?? 0];
    if (a === b || Math.abs(a - b) <= allowed) continue;
    const ratio = Number.isNaN(a) ? Number.POSITIVE_INFINITY : Math.abs(a - b) / allowed;
    if (ratio > excess || worst < 0) [worst, excess] = [i, ratio];
  }
  if (worst < 0) return undefined;
  return `[${worst}] is ${actual[worst]}, not ${wanted[worst]} ± ${tolerance[worst]}`;
}

/** Whether two numbers this far apart may change places: each of them may be off by its tolerance. */
export function isTie(gap: number, tolerance: number): boolean {
  return gap <= 2 * tolerance;
}

/**
 * The discontinuous nodes (`argmax`, comparisons, `floor`, …) whose decisions an evaluation with these
 * errors could take otherwise: their margin is within the tolerance of what they decide on. A
 * comparison of anything that depends on them means nothing unless the choice is forced.
 */
export function tiesOf(
  graph: Graph,
  environment: Environment,
  options: ErrorOptions = {},
): readonly ValueId[] {
  const { margins } = evaluateGraph(graph, environment, { margins: true });
  const args = [...margins.keys()].flatMap((id) => nodeAt(graph, id).args);
  const outputs = [...new Set(args)].map((value) => ({ name: `%${value}`, value }));
  if (outputs.length === 0) return [];
  const expected = graphTolerance({ ...graph, outputs }, environment, options);
  return [...margins].flatMap(([id, margin]) => {
    const tolerances = nodeAt(graph, id).args.map((arg) =>
      Math.max(0, ...(expected.get(`%${arg}`)?.tolerance ?? [])),
    );
    return isTie(margin, Math.max(...tolerances)) ? [id] : [];
  });
}

/** The outputs that depend on a decision which these errors could turn, by name. */
export function undecidedOutputs(
  graph: Graph,
  environment: Environment,
  options: ErrorOptions,
): ReadonlySet<string> {
  const ties = new Set(tiesOf(graph, environment, options));
  const undecided: boolean[] = [];
  for (const [id, { args }] of graph.nodes.entries())
    undecided.push(ties.has(valueId(id)) || args.some((arg) => undecided[arg]));
  return new Set(graph.outputs.flatMap(({ name, value }) => (undecided[value] ? [name] : [])));
}
