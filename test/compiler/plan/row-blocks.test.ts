/**
 * Which rows groups of a product go through in order is said where it is so: running the kernels by
 * their definition stops where a group touches others.
 */

import { expect, test } from "vitest";
import type { ValueId } from "../../../compiler/graph/graph.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { Session } from "../../../runtime/session.ts";
import { floats } from "../../../runtime/tensor.ts";
import { memoryWeights } from "../../../runtime/weight-source.ts";
import { Draft } from "../../support/draft.ts";
import { evaluateBackend } from "../../support/evaluate-backend.ts";
import { randomTensor, seeded } from "../../support/random.ts";
import { planGraph } from "../../support/run-graph.ts";

const rows = 150;
const weight = Float32Array.from(randomTensor(seeded(1), [16, 16], 1).data);
const given = Float32Array.from(randomTensor(seeded(2), [rows, 16], 1).data);

/** What the kernels say, after they computed `y` for some rows: what `finish` makes of the product. */
async function computed(finish: (draft: Draft, product: ValueId, x: ValueId) => ValueId) {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("K", 16);
  draft.axis("N", 16);
  const x = draft.input("x", ["R", "K"]);
  const product = draft.contract(x, draft.weight("w", ["K", "N"]), "K");
  draft.output("y", finish(draft, product, x));
  const { plan, kernels } = planGraph(draft.finish(), targets.cpu);
  const session = await Session.open({
    model: { plan },
    backend: evaluateBackend(kernels, "cpu"),
    weights: memoryWeights(new Map([["w", weight]])),
  });
  const found = await session.forward({ x: floats(given, [rows, 16]) });
  const y = await found.get("y")?.read();
  const said = plan.kernels.flatMap(({ buffers, rowBlocks }) => {
    if (rowBlocks === undefined) return [];
    const elements = buffers.map(({ name, access }) => [
      access === "write" ? "write y" : `read ${name}`,
      rowBlocks.elements[name],
    ]);
    return [{ groups: rowBlocks.groups, elements: Object.fromEntries(elements) }];
  });
  return { y: y?.data ?? [], said };
}

/** The product in float64. */
function product(row: number, column: number): number {
  let sum = 0;
  for (let k = 0; k < 16; k++) sum += (given[row * 16 + k] ?? 0) * (weight[k * 16 + column] ?? 0);
  return sum;
}

test("a product goes through its input and its output by 64 rows", async () => {
  const { y, said } = await computed((_, product) => product);
  expect(said).toEqual([
    { groups: 2, elements: { "read x": 1024, "read w": undefined, "write y": 1024 } },
  ]);
  expect(y[149 * 16 + 3]).toBeCloseTo(product(149, 3), 4);
});

test("what is added to it may be read anywhere", async () => {
  const { y, said } = await computed((draft, product, x) =>
    draft.map("add", draft.node({ kind: "rename", from: "K", to: "N" }, x), product),
  );
  expect(said).toEqual([
    { groups: 2, elements: { "read x": undefined, "read w": undefined, "write y": 1024 } },
  ]);
  expect(y[70 * 16 + 5]).toBeCloseTo(product(70, 5) + (given[70 * 16 + 5] ?? 0), 4);
});
