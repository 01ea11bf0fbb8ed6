/** The greedy choice of a token, as a device makes it: the one that the host makes, or none. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { greedy } from "../../runtime/sample.ts";
import { testedBackends } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";

/** What is put where in rows of random numbers. */
type Change = Readonly<Record<number, number>>;

const [most, least, none] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

const changes: readonly Change[] = [
  {},
  // Of equal ones the first, wherever an invocation finds it.
  { 20: 9, 150: 9, 63: 9 },
  { 4: most, 130: most },
  // Neither a number's size nor its place hides one that is none.
  { 0: none },
  { 199: none, 3: 9 },
  { 17: most, 18: none },
];

/** The host's choice; -1 where it throws. */
function chosen(row: Float32Array): number {
  try {
    return greedy(row);
  } catch {
    return -1;
  }
}

for (const backend of await testedBackends()) {
  // Fewer than share a row, and more, also than a group has invocations.
  for (const [seed, length] of [7, 203, 1100].entries()) {
    if (!backend.takes(seed)) continue;
    const name = `${backend.name}: the greedy choice of ${length}`;
    test.skipIf(backend.missing !== undefined)(name, async () => {
      const draft = new Draft();
      draft.axis("R", "R");
      draft.axis("V", length);
      draft.output("token", draft.reduce("greedy", draft.input("x", ["R", "V"]), "V"));
      const graph = draft.finish();
      const rows = changes.length + 4;
      const values = randomTensor(seeded(5), [rows, length], 1);
      const data = Float32Array.from(values.data);
      for (const [row, change] of changes.entries()) {
        for (const [at, value] of Object.entries(change)) {
          if (Number(at) < length) data[row * length + Number(at)] = value;
        }
      }
      // Nothing can be chosen; the least of all numbers can; zeros are equal; so little is more.
      const special = (index: number): number => (changes.length + index) * length;
      const [lowest, zeros, little] = [special(1), special(2), special(3)];
      data.fill(least, special(0)).fill(-1, zeros);
      data[lowest + 2] = -3.4028234663852886e38;
      data.set([-0, 0], zeros + 3);
      data.set([0, 1e-44], little + 3);
      const wanted = Array.from({ length: rows }, (_, row) =>
        chosen(data.subarray(row * length, (row + 1) * length)),
      );
      const environment = {
        sizes: new Map([["R", rows]]),
        inputs: new Map([["x", { ...values, data }]]),
        weights: (each: string) => {
          throw new RangeError(`no weight ${each}`);
        },
      };
      const exact = evaluateGraph(graph, environment).outputs.get("token");
      expect(Array.from(exact?.data ?? [])).toEqual(wanted);
      // Groups share rows on devices with group memory; software devices have none.
      const { family } = backend.target;
      for (const target of new Set([backend.target, targets[family]])) {
        const planned = planGraph(graph, target);
        for (const kernel of planned.kernels) verifyKernel(kernel);
        const device = await backend.open(planned.kernels);
        const code = backend.code(planned.kernels);
        const actual = await runPlanned(graph, planned, device, code, environment);
        expect(Array.from(actual.get("token")?.data ?? []), target.name).toEqual(wanted);
      }
    });
  }
}
