/** Attention: masks that hide much, against dense attention with the mask as a bias. */

import { integers, floats, type HostTensor } from "../../runtime/tensor.ts";
import { standardDeviations, unitRoundoff } from "../support/tolerance.ts";
import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Contestant,
  compete,
  say,
  showNumber,
  table,
} from "./bench.ts";
import { forwardContestant, modelOf, openBraid } from "./braid.ts";
import { type AttentionCase, attentionCases } from "./attention-cases.ts";
import { multiplyAddLimit } from "./limit.ts";
import { openPeers } from "./peers/open.ts";
import type { AttentionProblem, Peer } from "./peers/peer.ts";

export const bench: Bench = {
  what: "attention under masks, beside peers that are given the mask as a dense bias",
  run,
};

/** Rows of the gallery's masks. */
const lengths = [256, 1024];

/** What peers add to a logit that the mask hides. */
const hiddenBias = -1e9;

async function run(options: BenchOptions): Promise<BenchResult> {
  const { peers, missing } = await openPeers(options.backend, options.threads);
  for (const each of missing) say(`left out: ${each}`);
  const rows: (string | number | undefined)[][] = [];
  const wrong: string[] = [];
  for (const each of attentionCases(lengths)) {
    if (!admits(options, each.name)) continue;
    say(`${each.name} …`);
    const { lines, faults } = await runCase(each.make(), peers, options);
    rows.push(...lines);
    wrong.push(...faults);
  }
  const columns = ["case", "who", "ms", "× ours", "first call, ms", "worst error", "GFLOP/s"];
  const note =
    "`× ours` is the median of the rounds' ratios. GFLOP/s counts visible pairs only. A result beyond the tolerance is wrong and has no time.";
  return { text: `${table(columns, rows)}\n\n${note}${await limitOf(options)}`, wrong };
}

/** What a CPU could do at most. */
async function limitOf({ backend, threads }: BenchOptions): Promise<string> {
  if (backend !== "cpu") return "";
  const limit = await multiplyAddLimit();
  const all = threads === 1 ? "" : `, so ${showNumber(threads * limit)} on ${threads} threads`;
  return ` A bare loop of multiplications and additions in WebAssembly makes ${showNumber(limit)} GFLOP/s on one thread in the same run${all}.`;
}

interface CaseResult {
  readonly lines: (string | number | undefined)[][];
  readonly faults: readonly string[];
}

async function runCase(
  each: AttentionCase,
  peers: readonly Peer[],
  options: BenchOptions,
): Promise<CaseResult> {
  const problem = problemOf(each);
  const wanted = reference(problem, each);
  const ours = await contestant("Braid", each.text, each, problem, options);
  const dense =
    each.dense === undefined
      ? []
      : [await contestant("Braid, mask in the scores", each.dense, each, problem, options)];
  const theirs = await Promise.all(peers.map((peer) => peer.attention(problem)));
  const tolerance = toleranceOf(problem);
  const timings = await compete([ours, ...dense, ...theirs], wanted, tolerance, options.rounds);
  const pairs = visiblePairs(each);
  const flops = 4 * pairs * problem.heads * problem.width;
  const share = ((100 * pairs) / (problem.queries * problem.keys)).toFixed(1);
  const lines = timings.map(({ name, ms, ratio, first, error }, index) => [
    index === 0 ? `${each.name}, ${share} % visible` : "",
    name,
    ms ?? "wrong",
    ratio,
    first,
    error.toExponential(1),
    ms === undefined ? undefined : flops / ms / 1e6,
  ]);
  const [own] = timings;
  const faults =
    own !== undefined && own.ms === undefined ? [`${each.name}: off by ${own.error}`] : [];
  return { lines, faults };
}

async function contestant(
  name: string,
  text: string,
  each: AttentionCase,
  problem: AttentionProblem,
  options: BenchOptions,
): Promise<Contestant> {
  const open = await openBraid(modelOf(text), options);
  const inputs = inputsOf(each, problem);
  const changing = open.plan.inputs.find((input) => inputs[input.name]?.element === "f32");
  return forwardContestant(name, open, inputs, "seen", changing?.name ?? "");
}

function problemOf({ queries, keys, heads, width, visible }: AttentionCase): AttentionProblem {
  const bias = new Float32Array(queries * keys);
  for (let row = 0; row < queries; row++) {
    for (let key = 0; key < keys; key++)
      bias[row * keys + key] = visible(row, key) ? 0 : hiddenBias;
  }
  const [q, k, v] = [queries, keys, keys].map((rows, seed) =>
    normal(rows * heads * width, seed + 1),
  );
  if (q === undefined || k === undefined || v === undefined) throw new Error("three tensors");
  return { heads, queries, keys, width, q, k, v, bias };
}

/** The inputs of the spec: each cut out of a row-major tensor, and the token data. */
function inputsOf(each: AttentionCase, problem: AttentionProblem): Record<string, HostTensor> {
  const { heads, width } = problem;
  const given: Record<string, HostTensor> = {};
  for (const { name, of, from, rows } of each.inputs) {
    const row = heads * width;
    const data = problem[of].slice(from * row, (from + rows) * row);
    given[name] = floats(data, [rows, heads, width]);
  }
  for (const [name, values] of Object.entries(each.data)) given[name] = integers(values);
  return given;
}

/** The definition in float64, row by row; a row that sees nothing gives 0. Layout [queries, heads, width]. */
function reference(problem: AttentionProblem, { visible }: AttentionCase): Float64Array {
  const { heads, queries, keys, width, q, k, v } = problem;
  const output = new Float64Array(queries * heads * width);
  const logits = new Float64Array(keys);
  for (let row = 0; row < queries; row++) {
    const seen = Array.from({ length: keys }, (_, key) => key).filter((key) => visible(row, key));
    for (let head = 0; head < heads; head++) {
      const at = (row * heads + head) * width;
      let largest = Number.NEGATIVE_INFINITY;
      for (const key of seen) {
        const keyAt = (key * heads + head) * width;
        let sum = 0;
        for (let i = 0; i < width; i++) sum += (q[at + i] ?? 0) * (k[keyAt + i] ?? 0);
        logits[key] = sum / Math.sqrt(width);
        largest = Math.max(largest, logits[key] ?? 0);
      }
      let total = 0;
      for (const key of seen) total += logits[key] = Math.exp((logits[key] ?? 0) - largest);
      for (const key of seen) {
        const weight = (logits[key] ?? 0) / total;
        const keyAt = (key * heads + head) * width;
        for (let i = 0; i < width; i++)
          output[at + i] = (output[at + i] ?? 0) + weight * (v[keyAt + i] ?? 0);
      }
    }
  }
  return output;
}

/**
 * How far float32 may be off: λ standard deviations of what the roundings of a logit, a sum of `width`
 * products, and of the sum over keys come to (as in `test/support/tolerance.ts`).
 */
function toleranceOf({ width, keys, q, k, v }: AttentionProblem): number {
  const most = (x: Float32Array): number => x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const logit = Math.sqrt(width) * most(q) * most(k);
  const roundings = Math.sqrt(width) * logit + Math.sqrt(keys);
  return standardDeviations * unitRoundoff.f32 * roundings * most(v);
}

function visiblePairs({ queries, keys, visible }: AttentionCase): number {
  let count = 0;
  for (let row = 0; row < queries; row++) {
    for (let key = 0; key < keys; key++) if (visible(row, key)) count++;
  }
  return count;
}

/** Numbers of a normal distribution, the same for each seed. */
function normal(count: number, seed: number): Float32Array {
  let state = seed * 0x9e3779b9;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => {
    return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  });
}
