/** Matrix products with a weight, as linear layers have them. */

import { floats } from "../../runtime/tensor.ts";
import { reductionTolerance } from "../support/tolerance.ts";
import { normal, seeded } from "../support/random.ts";
import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  compete,
  median,
  say,
  table,
} from "./bench.ts";
import { forwardContestant, modelOf, type OpenModel, openBraid } from "./braid.ts";
import { openPeers } from "./peers/open.ts";
import type { Peer, ProductProblem } from "./peers/peer.ts";

export const bench: Bench = {
  what: "matrix products with a constant right operand, float32",
  run,
};

/** Rows, inner elements, columns. */
const cases: readonly (readonly [number, number, number])[] = [
  [768, 768, 768],
  [256, 512, 2048],
  [1, 1024, 4096],
];

async function run(options: BenchOptions): Promise<BenchResult> {
  const { peers, missing } = await openPeers(options.backend, options.threads);
  for (const each of missing) say(`left out: ${each}`);
  const rows: (string | number | undefined)[][] = [];
  const wrong: string[] = [];
  for (const sizes of cases) {
    const name = sizes.join(" × ");
    if (!admits(options, name)) continue;
    say(`${name} …`);
    const { lines, faults } = await runCase(name, problemOf(sizes), peers, options);
    rows.push(...lines);
    wrong.push(...faults);
  }
  const columns = [
    ...["rows × inner × columns", "who", "ms", "× ours", "first call, ms", "GFLOP/s"],
    "phase alone, GFLOP/s",
  ];
  const note =
    "A call gives the left operand and reads the result. `× ours` is the median of the rounds' ratios. On several threads rows arrive and leave within the phase.";
  return { text: `${table(columns, rows)}\n\n${note}`, wrong };
}

async function runCase(
  name: string,
  problem: ProductProblem,
  peers: readonly Peer[],
  options: BenchOptions,
): Promise<{ lines: (string | number | undefined)[][]; faults: readonly string[] }> {
  const counts =
    options.backend === "cpu" && options.threads > 1 ? [options.threads, 1] : [options.threads];
  const ours = await Promise.all(
    counts.map(async (threads) => {
      const model = modelOf(textOf(problem));
      const weights = new Map([["w", problem.b]]);
      const open = await openBraid(model, { ...options, threads }, weights);
      const x = floats(problem.a, [problem.rows, problem.inner]);
      const on =
        options.backend === "cpu" ? `, ${threads === 1 ? "one thread" : `${threads} threads`}` : "";
      return { open, contestant: forwardContestant(`Braid${on}`, open, { x }, "y", "x") };
    }),
  );
  const theirs = await Promise.all(peers.map((peer) => peer.product(problem)));
  const tolerance = reductionTolerance(problem.inner) * largestSum(problem);
  const timings = await compete(
    [...ours.map(({ contestant }) => contestant), ...theirs],
    reference(problem),
    tolerance,
    options.rounds,
  );
  const flops = 2 * problem.rows * problem.inner * problem.columns;
  const lines = timings.map(({ name: who, ms, ratio, first }, index) => [
    index === 0 ? name : "",
    who,
    ms ?? "wrong",
    ratio,
    first,
    ms === undefined ? undefined : flops / ms / 1e6,
    phaseRate(flops, ours[index]?.open, options.rounds),
  ]);
  const faults = timings
    .slice(0, ours.length)
    .filter(({ ms }) => ms === undefined)
    .map(({ name: who, error }) => `${name}: ${who} is off by ${error}`);
  return { lines, faults };
}

/** GFLOP/s of the phase in the last rounds: what goes in and comes out is beside it or part of it. */
function phaseRate(flops: number, open: OpenModel | undefined, rounds: number) {
  if (open === undefined) return undefined;
  return flops / median(open.session.timings.slice(-rounds).map(({ ms }) => ms)) / 1e6;
}

function textOf({ inner, columns }: ProductProblem): string {
  return `model Product[K = ${inner}, N = ${columns}] {
  input x: [R, K]
  weight w: [K, N]
  output y = x @ w
}
`;
}

function problemOf([rows, inner, columns]: readonly [number, number, number]): ProductProblem {
  const random = seeded(rows + inner + columns);
  const make = (length: number): Float32Array =>
    Float32Array.from({ length }, () => normal(random));
  return { rows, inner, columns, a: make(rows * inner), b: make(inner * columns) };
}

/** The products in float64. */
function reference({ rows, inner, columns, a, b }: ProductProblem): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const left = a[i * inner + k] ?? 0;
      for (let j = 0; j < columns; j++) {
        const at = i * columns + j;
        result[at] = (result[at] ?? 0) + left * (b[k * columns + j] ?? 0);
      }
    }
  }
  return result;
}

/** A bound of the sum of sizes that the tolerance of a sum is relative to: Cauchy and Schwarz. */
function largestSum({ rows, inner, columns, a, b }: ProductProblem): number {
  let [left, right] = [0, 0];
  for (let i = 0; i < rows; i++) {
    let squares = 0;
    for (let k = 0; k < inner; k++) squares += (a[i * inner + k] ?? 0) ** 2;
    left = Math.max(left, squares);
  }
  for (let j = 0; j < columns; j++) {
    let squares = 0;
    for (let k = 0; k < inner; k++) squares += (b[k * columns + j] ?? 0) ** 2;
    right = Math.max(right, squares);
  }
  return Math.sqrt(left * right);
}
