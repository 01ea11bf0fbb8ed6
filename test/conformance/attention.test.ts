/**
 * Attention on every backend at sizes that fill no tile: head dimensions from 16 to 256, any number
 * of rows, grouped and shared heads, other keys than queries, packed sequences, partial results.
 */

import { expect, test } from "vitest";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { evaluateGraph } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { graphOf } from "../compiler/check/support.ts";
import { testedBackends } from "../support/backends.ts";
import { comparePlan } from "../support/compare-plans.ts";
import { randomEnvironment, type Sizes } from "../support/random-environment.ts";
import { planGraph } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const heads = (size: number): Graph =>
  graphOf(`import { causal } from "std/attention"
model Heads[H = 4, G = 2, One = 1, E = ${size}, W = ${size === 16 ? 24 : size}] {
  input q: [T, H, E]
  input k: [T, G, E]
  input v: [T, G, E]
  input other: [M, One, E]
  input values: [M, One, W]
  output grouped = attend(q, k[T as K], v[T as K] over K; mask = causal)
  output shared = attend(q, other, values over M; rows = T)
}`);

const partial = graphOf(`import { causal } from "std/attention"
model Partial[H = 2, E = 16] {
  input q: [T, H, E]
  input first: [M, H, E]
  input second: [N, H, E]
  a, a_sum = attend(q, first, first over M; rows = T, log_sum_exp = true)
  b, b_sum = attend(q, second, second over N; rows = T, log_sum_exp = true)
  top = max(a_sum, b_sum)
  a_share = exp(a_sum - top)
  b_share = exp(b_sum - top)
  output merged = (a * a_share + b * b_share) / (a_share + b_share)
  sequence S = first: M, second: N
  both = join S(first = first, second = second)
  output whole = attend(q, both, both over S; rows = T)
  _, shares = attend_with_weights(q, first, first over M; rows = T)
  output shares
}`);

const packed = graphOf(`import { causal, documents } from "std/attention"
model Packed[H = 4, G = 2, E = 16] {
  input q: [T, H, E]
  input k: [T, G, E]
  input v: [T, G, E]
  input document: int[T]
  output seen = attend(q, k[T as K], v[T as K] over K; mask = causal and documents(document))
}`);

/** Head dimensions that are and are not powers of two, the largest first. */
const widths = [256, 72, 80, 96, 112, 192, 128, 16];
const lengths: readonly Sizes[] = [
  { T: 35, M: 20 },
  { T: 1, M: 33 },
  { T: 5, M: 0 },
  { T: 0, M: 7 },
];

for (const tested of await testedBackends()) {
  const run = test.skipIf(tested.missing !== undefined);
  for (const [index, width] of widths.entries()) {
    // Software devices take up to a minute to compile a wide head.
    if (!tested.takes(index) || (tested.name === "webgpu" && width > 72)) continue;
    run(`${tested.name}: heads of ${width}`, async () => {
      const graph = heads(width);
      // The evaluators of wide heads take their time.
      const few = width > 128 && tested.name === "evaluate" ? lengths.slice(1) : lengths;
      await comparePlan(
        tested,
        graph,
        few.map((sizes) => randomEnvironment(graph, sizes, {})),
      );
    });
  }

  run(`${tested.name}: partial results are merged by their log-sum-exp`, async () => {
    const sizes = [
      { T: 3, M: 20, N: 5 },
      { T: 1, M: 1, N: 37 },
    ];
    const environments = sizes.map((each) => randomEnvironment(partial, each, {}));
    await comparePlan(tested, partial, environments);
    for (const environment of environments) {
      const { outputs } = evaluateGraph(partial, environment);
      const [merged, whole] = [outputs.get("merged"), outputs.get("whole")];
      whole?.data.forEach((value, index) => {
        expect(merged?.data[index]).toBeCloseTo(value, 12);
      });
    }
  });

  run(`${tested.name}: packed sequences give what each gives alone`, async () => {
    const counts = [3, 17, 1, 32, 12];
    const document = counts.flatMap((count, index) => Array<number>(count).fill(index));
    const whole = randomEnvironment(packed, { T: document.length }, { document });
    const starts = counts.map((_, index) => counts.slice(0, index).reduce((a, b) => a + b, 0));
    const alone = counts.map((count, index): Environment => {
      const start = starts[index] ?? 0;
      const inputs = [...whole.inputs].map(([name, tensor]): [string, Tensor] => {
        const width = tensor.data.length / document.length;
        const data = Array.from(tensor.data).slice(start * width, (start + count) * width);
        return [name, { ...tensor, shape: [count, ...tensor.shape.slice(1)], data }];
      });
      return { ...whole, sizes: new Map([["T", count]]), inputs: new Map(inputs) };
    });
    const wanted = graphTolerance(packed, whole, tested.errors).get("seen");
    if (wanted === undefined) throw new Error("no reference");
    const [together, ...separate] = await comparePlan(tested, packed, [whole, ...alone]);
    const rows = separate.flatMap((each) => Array.from(each.get("seen")?.data ?? []));
    const twice = { ...wanted, tolerance: wanted.tolerance.map((each) => 2 * each) };
    const found = together?.get("seen");
    if (found === undefined) throw new Error("no result");
    const value = { ...wanted.value, data: Float64Array.from(rows) };
    expectWithin(found, { ...twice, value }, "packed");
  });
}

for (const tested of await testedBackends()) {
  if (tested.target.family !== "gpu") continue;
  const run = test.skipIf(tested.missing !== undefined);
  // These kernels take software devices seconds each to compile.
  for (const width of tested.name === "webgpu" ? [16] : [72, 192]) {
    run(`${tested.name}: heads of ${width}, sharing group memory`, async () => {
      const graph = heads(width);
      const environments = lengths.map((sizes) => randomEnvironment(graph, sizes, {}));
      await comparePlan({ ...tested, target: targets.gpu }, graph, environments);
    });
  }
}

/** Bytes of the arrays that the invocations of a group share. */
function groupBytes({ arrays }: Kernel): number {
  return arrays.reduce((sum, { length }) => sum + 4 * length, 0);
}

test("attention keeps to 16 KB of group memory at every head dimension", () => {
  for (let width = 8; width <= 512; width += 8) {
    const { kernels } = planGraph(heads(width), targets.gpu);
    const shared = kernels.filter(({ arrays }) => arrays.length > 0);
    expect(shared.length).toBeGreaterThan(0);
    for (const kernel of shared) {
      expect(groupBytes(kernel), `${kernel.name} of ${width}`).toBeLessThanOrEqual(16_384);
    }
  }
});
