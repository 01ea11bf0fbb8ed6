/** What is stored in 16 bits: weights, caches and factors; nothing that is added, normalised or given. */

import { expect, test } from "vitest";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import type { Plan } from "../../../runtime/contract.ts";
import { planModel } from "../../support/run-graph.ts";
import { composite, masks, toyMllm } from "../../support/toy-mllm.ts";

const graph = toyMllm({ layers: Array.from({ length: 4 }, () => ({ mask: composite })) });

function halves(list: readonly { readonly name: string; readonly element?: string }[]): string[] {
  return list.filter(({ element }) => element === "f16").map(({ name }) => name);
}

test("weights, caches, queries and attention's output are stored as asked, the stream is not", () => {
  const { plan, kernels } = planModel(graph, { ...targets.gpu, storage: "f16" });
  expect(halves(plan.weights)).toEqual(plan.weights.map(({ name }) => name));
  const caches = plan.states.filter(({ kind, element }) => kind === "cache" && element !== "i32");
  expect(caches.length).toBeGreaterThan(0);
  expect(halves(caches)).toEqual(caches.map(({ name }) => name));
  const attentions = kernels.filter(({ name }) => /(^|_)attend/.test(name));
  expect(attentions.length).toBeGreaterThan(0);
  for (const { name, buffers } of attentions) {
    const floats = buffers.filter(({ element }) => element !== "i32");
    expect(halves(floats), name).toEqual(floats.map((each) => each.name));
  }
  const sums = kernels.filter(({ name }) => /(^|_)reduce/.test(name));
  for (const { name, buffers } of sums) {
    expect(
      buffers.filter(({ element }) => element === "f16"),
      name,
    ).toEqual([]);
  }
  const stored = new Set(kernels.flatMap(({ buffers }) => buffers.map(({ element }) => element)));
  expect([...stored].sort()).toEqual(["f16", "f32", "i32"]);
  const outputs = plan.phases.flatMap((phase) => phase.outputs);
  const wanted = outputs.map(({ name }) => (name === "token" ? "i32" : "f32"));
  expect(outputs.map(({ element }) => element)).toEqual(wanted);
});

test("what a phase leaves for another to add stays f32, what it leaves to multiply does not", () => {
  const { plan } = planModel(toyMllm({ layers: [{ mask: masks.causal }] }), {
    ...targets.gpu,
    storage: "bf16",
  });
  const elements = new Map(plan.states.map(({ name, element }) => [name, element]));
  expect(Object.fromEntries(elements)).toMatchInlineSnapshot(`
    {
      "layers.0.k": "bf16",
      "layers.0.k.image": "f32",
      "layers.0.k.place": "bf16",
      "layers.0.v": "bf16",
      "layers.0.v.image": "bf16",
      "position": "i32",
    }
  `);
});

test("equal layers stay one loop, and full precision is what it was", () => {
  const repeats = ({ phases }: Plan): number =>
    phases.flatMap(({ steps }) => steps).filter(({ kind }) => kind === "repeat").length;
  const full = planModel(graph, targets.gpu);
  const half = planModel(graph, { ...targets.gpu, storage: "f16" });
  expect(repeats(half.plan)).toBe(repeats(full.plan));
  expect(half.kernels.length).toBe(full.kernels.length);
  expect(JSON.stringify(full.plan)).not.toContain("f16");
});

test("tensor cores that multiply 16 bits find their factors so in memory, and copy them as they are", () => {
  for (const math of ["f16", "bf16"] as const) {
    const { kernels } = planModel(graph, cudaTarget("sm_80", math));
    const asynchronous = kernels.filter(({ body }) => JSON.stringify(body).includes("copy_async"));
    // Pieces of sixteen bytes move as they are only where memory and group memory hold one type.
    expect(asynchronous.length).toBeGreaterThan(5);
  }
});
