/** A trace holds every kernel call of a run, in its phase, as viewers read them. */

import { expect, test } from "vitest";
import { targets } from "../../compiler/kernel/target.ts";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { Session } from "../../runtime/session.ts";
import { Trace } from "../../runtime/trace.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import type { Backend } from "../../runtime/backend.ts";
import { hostTensor, planModel } from "../support/run-graph.ts";
import { composite, toyMllm } from "../support/toy-mllm.ts";
import { toyEnvironment } from "../support/toy-prompt.ts";

const graph = toyMllm({ layers: [{ mask: composite }, { mask: composite }] });
const environment = toyEnvironment(graph, { layout: "ttitt", seed: 1 });
const planned = planModel(graph, targets.cpu);

/** A session over a prompt; `trace` watches it, and `count` is told of each kernel call. */
async function runOnce(trace: Trace | undefined, count: () => void): Promise<Float32Array> {
  const backend = createCpuBackend();
  const run = backend.run.bind(backend);
  const counting: Backend = Object.assign(backend, {
    run: (commands: Parameters<Backend["run"]>[0]) => {
      for (const { kind } of commands) if (kind === "dispatch") count();
      return run(commands);
    },
  });
  const names = new Set(planned.plan.inputs.map(({ name }) => name));
  const weights = planned.plan.weights.map(
    ({ name }) => [name, Float32Array.from(environment.weights(name).data)] as const,
  );
  const session = await Session.open({
    model: { plan: planned.plan, wasm: encodeWasm(planned.kernels, platformMultiplyAdd()) },
    backend: counting,
    weights: memoryWeights(new Map(weights)),
    ...(trace === undefined ? {} : { trace }),
  });
  const given = [...environment.inputs].filter(([name]) => names.has(name));
  const outputs = await session.run(
    "extend",
    Object.fromEntries(given.map(([name, tensor]) => [name, hostTensor(tensor)])),
  );
  const [logits] = outputs.values();
  const read = await logits?.read();
  session.close();
  return Float32Array.from(read?.data ?? []);
}

test("every kernel call is an event in its phase, and nothing changes but the time", async () => {
  const trace = new Trace();
  let [plain, watched] = [0, 0];
  const expected = await runOnce(undefined, () => plain++);
  const found = await runOnce(trace, () => watched++);
  expect(found).toEqual(expected);
  expect(expected.length).toBeGreaterThan(0);
  const kernels = trace.events.filter(({ cat }) => cat === "kernel");
  expect(kernels.length).toBe(plain);
  expect(watched).toBe(plain);
  const phases = trace.events.filter(({ cat }) => cat === "phase");
  expect(phases.map(({ name }) => name)).toEqual(["image", "place", "extend"]);
  for (const { ts, dur, args } of kernels) {
    const around = phases.find(({ name }) => name === args["phase"]);
    expect(around && ts >= around.ts && ts + dur <= around.ts + around.dur + 1e-3).toBe(true);
    expect(args["bytes"]).toBeGreaterThan(0);
  }
  const products = kernels.filter(({ name }) => name.startsWith("contract"));
  expect(products.every(({ args }) => Number(args["flops"]) > 0)).toBe(true);
});

test("the file is the JSON that viewers take, with names for its rows", async () => {
  const trace = new Trace();
  await runOnce(trace, () => undefined);
  const file: unknown = JSON.parse(trace.text);
  expect(file).toMatchObject({ displayTimeUnit: "ms", otherData: { program: "braid" } });
  const events = Object(file).traceEvents;
  expect(events.length).toBe(trace.events.length + 3);
  expect(events.slice(0, 3)).toMatchObject([
    { ph: "M", name: "process_name" },
    { ph: "M", args: { name: "phases" } },
    { ph: "M", args: { name: "kernels" } },
  ]);
  const times = events.slice(3).map(({ ts }: { readonly ts: number }) => ts);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("a device's own clock counts where it has one", async () => {
  const trace = new Trace();
  const backend = createCpuBackend();
  const watched = trace.watch(Object.assign(backend, { measure: async () => 2.5 }));
  const buffer = await watched.allocate(16, "x");
  const slice = { buffer, offset: 0, bytes: 16 };
  const dispatch = { label: "v", kernel: "k", groups: 1, buffers: [slice], scalars: [], flops: 5 };
  await watched.run([{ kind: "dispatch", ...dispatch }]);
  watched.close();
  expect(trace.events[0]).toMatchObject({ name: "k", dur: 2500, args: { flops: 5, bytes: 16 } });
});
